"""The world ``questions``: one picture, three questions. Which garment, which colour, which way up?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import pandas as pd
import torch
from matplotlib.colors import hsv_to_rgb
from torch import Tensor

from ..arguments import whole
from ..tasks import MISSING, Classification, find_task
from .garments import GARMENTS, garments
from .world import Split, World

COLOURS = ("red", "yellow", "green", "cyan", "blue", "magenta")  # hues 0°, 60°, …, 300°
WAYS = ("upright", "left", "upside down", "right")  # where the top of the garment points
TASKS = (Classification("garment", GARMENTS), Classification("colour", COLOURS), Classification("way up", WAYS))

SPACING = 360 / len(COLOURS)  # degrees between the hues of two neighbouring colours
JITTER = 18.0  # standard deviation, in degrees, of a picture's hue about that of its colour
SATURATION = 0.8

TEST, SAMPLE, LABELS, ALTERED = 1, 2, 3, 4  # streams of random numbers; all but the first are joined by a seed


def questions(
    n_train: int = 1024,
    n_validation: int = 1024,
    n_test: int = 2000,
    labels: int | Mapping[str, int] | None = None,
    seed: int = 0,
    full: bool = False,
) -> World:
    """Coloured, turned pictures of garments, x of shape (n, 3, 28, 28) in [0, 1], and three questions about each.

    ``garment`` (10 classes) is real. ``colour`` (6) and ``way up`` (4) are simulated, independent of all else: the
    picture is multiplied by a colour whose hue jitters, so that nobody can name every colour
    (:func:`colour_ceiling`), and turned by quarter turns.

    ``labels`` is the dial: how many training pictures keep their label, for all tasks or {task name: 1 or more}; a
    task that is not named keeps all. Which pictures keep theirs is drawn for each task on its own; those that do at 50
    still do at 100. ``seed`` draws training and validation; the test pictures are the same for every seed. No garment
    is in two of the three. The pictures at a small n_train are the first of those at a larger one. ``full`` takes the
    garments from the full Fashion-MNIST.

    Raises TypeError or ValueError for a number that is not whole or is out of range, KeyError for an unknown task,
    DataError where the garments cannot be loaded.
    """
    source = garments(full)
    seed = whole(seed, "seed", least=0)
    n_train, n_validation = whole(n_train, "n_train"), whole(n_validation, "n_validation")
    n_test = whole(n_test, "n_test", most=len(source.test))
    if n_train + n_validation > len(source.train):
        more = "" if full else " (or take full=True for 60000)"
        raise ValueError(
            f"there are {len(source.train)} training garments, so n_train + n_validation can be at most that; "
            f"{n_train} + {n_validation} = {n_train + n_validation}{more}"
        )
    keep = _labels_kept(labels, n_train)

    # Training takes its pictures from one end of the row and validation from the other: neither depends on how many
    # the other takes.
    row = _arrange(source.train_labels, np.random.default_rng([SAMPLE, seed]))
    train = _photograph(source.train, row[:n_train])
    validation = _photograph(source.train, row[-n_validation:])
    test = _test_split(n_test, full)
    train = Split(train.x, _withhold(train.labels, keep, len(row), np.random.default_rng([LABELS, seed])))
    return World("questions", TASKS, train, validation, test, dial={"n_train": n_train, "labels": labels})


@lru_cache(maxsize=4)  # every seed has the same test pictures: they are kept once, however many worlds there are
def _test_split(n_test: int, full: bool) -> Split:
    source = garments(full)
    return _photograph(source.test, _arrange(source.test_labels, np.random.default_rng(TEST))[:n_test])


def colour_ceiling() -> float:
    """The best possible accuracy in naming a colour: P(|jitter| < 30°) = erf(30 / (18 √2)).

    The hue is all a picture tells about its colour, and it can be read exactly. The six colours are equally likely and
    60° apart, and the jitter is Gaussian: so the nearest colour is the best guess, right when the jitter is below 30°.
    """
    return math.erf(SPACING / 2 / (JITTER * math.sqrt(2)))


def recolour(x: Tensor, seed: int = 0) -> Tensor:
    """The pictures ``x`` (n, 3, h, w) of this world in colours drawn anew: the same garments, the same way up.

    The new colours are drawn as the world draws its own, hue jitter and all, whatever the old ones were; so one in six
    is of the colour that it had. The labels of garment and way up stay true.
    """
    rng = np.random.default_rng([ALTERED, whole(seed, "seed", least=0)])
    hue = (SPACING * rng.integers(len(COLOURS), size=len(x)) + JITTER * rng.standard_normal(len(x))) % 360
    return _dye(255 * x.amax(1), hue)  # a picture's brightness is its largest channel


def turn(x: Tensor, seed: int = 0) -> Tensor:
    """The pictures ``x`` (n, …, h, w), h = w, each turned by a number of quarter turns drawn anew, one in four by none.

    The labels of garment and colour stay true.
    """
    rng = np.random.default_rng([ALTERED, whole(seed, "seed", least=0)])
    return _turn(x, torch.tensor(rng.integers(len(WAYS), size=len(x))))


def _arrange(garment: Tensor, rng: np.random.Generator) -> pd.DataFrame:
    """Every garment once, in rounds of ten that hold one of each class, with the colour and the way up it is given."""
    by_class = np.argsort(garment.numpy(), kind="stable").reshape(len(GARMENTS), -1)
    rounds = rng.permuted(rng.permuted(by_class, axis=1).T, axis=1)
    which, n = rounds.ravel(), rounds.size
    colour = rng.integers(len(COLOURS), size=n)
    return pd.DataFrame(
        {
            "which": which,
            "garment": garment.numpy()[which],
            "colour": colour,
            "way up": rng.integers(len(WAYS), size=n),
            "hue": (SPACING * colour + JITTER * rng.standard_normal(n)) % 360,
        }
    )


def _photograph(grey: Tensor, row: pd.DataFrame) -> Split:
    """The pictures and labels of a piece of the row."""
    way = torch.tensor(row["way up"].to_numpy())
    x = _dye(_turn(grey[torch.tensor(row["which"].to_numpy())], way), row["hue"].to_numpy())
    return Split(x, {task.name: torch.tensor(row[task.name].to_numpy()) for task in TASKS})


def _dye(grey: Tensor, hue: np.ndarray) -> Tensor:
    """Grey pictures (n, h, w), 0 to 255, times the colours of ``hue`` (n,), in degrees: (n, 3, h, w) in [0, 1]."""
    hsv = np.stack([hue / 360, np.full_like(hue, SATURATION), np.ones_like(hue)], axis=-1)
    colour = torch.tensor(hsv_to_rgb(hsv), dtype=torch.float32)
    return colour[:, :, None, None] * (grey[:, None] / 255)


def _turn(pictures: Tensor, quarters: Tensor) -> Tensor:
    """Each picture (…, h, w) turned counter-clockwise by its number of quarter turns."""
    turned = torch.empty_like(pictures)
    for k in range(len(WAYS)):
        turned[quarters == k] = pictures[quarters == k].rot90(k, (-2, -1))
    return turned


def _labels_kept(labels: int | Mapping[str, int] | None, n_train: int) -> dict[str, int]:
    """{task name: number of labels} for the tasks that do not keep them all; refuses what cannot be."""
    if labels is None:
        return {}
    if not isinstance(labels, Mapping):
        labels = {task.name: labels for task in TASKS}
    for name in labels:
        find_task(TASKS, name)
    return {name: whole(n, f"labels of {name!r}", 1, n_train, "n_train") for name, n in labels.items()}


def _withhold(labels: Mapping[str, Tensor], keep: Mapping[str, int], n_row: int, rng) -> dict[str, Tensor]:
    """The labels with all but ``keep`` of a task's replaced by MISSING.

    Each task has its own order of the row's rounds of ten and keeps the labels of the first pictures in it: so they
    are nested, and balanced over garments.
    """
    labels = dict(labels)
    for task in TASKS:
        order = np.repeat(rng.permutation(n_row // len(GARMENTS)), len(GARMENTS))
        if task.name in keep:
            withheld = np.argsort(order[: len(labels[task.name])], kind="stable")[keep[task.name] :]
            labels[task.name] = labels[task.name].index_fill(0, torch.tensor(withheld), MISSING)
    return labels
