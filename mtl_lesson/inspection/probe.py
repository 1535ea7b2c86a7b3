"""Probes: what a representation makes available to a linear reader.

A probe is ridge regression from frozen features h to a task's labels. It never moves the features, so its score says
what can be read off them, not what the network uses. It is fitted on the validation pictures, which the trunk never
learned from, and scored on the test pictures. A score means little alone: :func:`floors` gives what it must beat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..chance import generator
from ..data.world import Split, World
from ..sharing import Hard, Sharing
from ..tasks import MISSING
from ..training import Run
from .features import in_parts
from .ridge import Decomposed, Reader

Array = Tensor | np.ndarray
Key = str | None  # the task whose inputs these are; None where all tasks look at the same

#: ridge strengths to choose from, in units of the mean variance of a feature
STRENGTHS = tuple(10.0**power for power in range(-3, 6))
SHUFFLES = 10  # permutations whose mean is chance
ALL, NOTHING = "all tasks", "nothing"
COLUMNS = ["model", "trained_on", "layer", "probed_for", "score"]


def fit_probe(train_h: Array, train_y: Array, ridge: float | Sequence[float] = STRENGTHS) -> Reader:
    """Ridge regression from features (n, …) to labels (n,): to ±1 for each class, or to the number if labels are real.

    The strength is chosen by leaving one training example out, in closed form. It is measured in units of the features'
    mean variance, and no feature is scaled on its own: so turning or scaling h as a whole changes no prediction, and a
    unit that is active once cannot be blown up. Examples without a label (-1 or NaN) are left out.

    Raises TypeError for what is no array of numbers, ValueError for features that are not finite, lengths that differ,
    fewer than two labelled examples, a single class, and a ridge that is not positive.
    """
    return fit_reader(train_h, train_y, ridge, {})


def fit_reader(h: Array, y: Array, ridge: float | Sequence[float], done: dict[bytes, Decomposed]) -> Reader:
    """The same; ``done`` keeps the decomposition of h for the next task that has labels for the same examples."""
    h, y, known = labelled(h, y, "train")
    strengths = np.atleast_1d(np.asarray(ridge, dtype=float))
    if not (strengths.size and np.isfinite(strengths).all() and (strengths > 0).all()):
        raise ValueError(f"ridge must be a positive number or several, not {ridge!r}")
    if y.dtype.kind != "f" and len(classes := np.unique(y)) < 2:
        raise ValueError(f"all training labels are {classes[0]}; a probe needs two or more classes to tell apart")
    which = known.tobytes()
    if which not in done:
        done[which] = Decomposed(h)
    # Dividing h by s is multiplying the strength by s². Features that never vary can have any strength.
    return done[which].read(y, strengths * (h.var(0).mean() or 1.0))


def probe(
    train_h: Array, train_y: Array, test_h: Array, test_y: Array, *, ridge: float | Sequence[float] = STRENGTHS
) -> float:
    """How well a linear reader, fitted on one set of features, answers on another: see :func:`fit_probe`.

    Features (n, …), flattened; labels (n,), whole numbers (-1 where missing) or real ones (NaN where missing). Returns
    the accuracy for whole labels. For real ones it returns R² = 1 − (squared error) / (squared error of the mean), so
    that here, too, more is better and 0 is nothing.
    """
    return score_reader(fit_probe(train_h, train_y, ridge), test_h, test_y)


def score_reader(reader: Reader, test_h: Array, test_y: Array) -> float:
    """The score of a reader on other examples; refuses what does not fit it."""
    h, y, _ = labelled(test_h, test_y, "test")
    if (y.dtype.kind == "f") != (reader.classes is None):
        raise TypeError("the training and the test labels must be of one kind: whole numbers, or real ones")
    if h.shape[1] != len(reader.mean):
        raise ValueError(f"the training pictures have {len(reader.mean)} features, the test pictures {h.shape[1]}")
    return reader.score(h, y)


def probe_matrix(models: Mapping[str, Sharing | Run], world: World, *, layer: str | None = None) -> pd.DataFrame:
    """Probe the features of every model for every task of ``world``.

    Returns a table with a row for each in the columns model, trained_on, layer, probed_for and score.

    ``trained_on`` names the task whose features these are. Features that all the world's tasks have in common stand
    once, under "all tasks"; those that some share, under "garment + colour". ``layer``: one of the trunk's, or None for
    what it returns, h. Probes are fitted on validation and scored on test.

    Raises TypeError for what is no model, KeyError for an unknown layer, ValueError for a model of several copies and
    for whatever a probe refuses; the message says in which model, layer and task.
    """
    rows = []
    for name, model in models.items():
        model = model.model if isinstance(model, Run) else model
        if not isinstance(model, Sharing):
            raise TypeError(f"model {name!r} must be a model such as mtl.Hard or a Run, not {type(model).__name__}")
        if model.copies > 1:
            raise ValueError(f"model {name!r} holds {model.copies} copies; probe one of them, such as model.copy(0)")
        held = [seen(model, split, layer) for split in (world.validation, world.test)]
        for tasks in group_alike(held):
            trained_on = ALL if len(tasks) == len(world.tasks) > 1 else " + ".join(tasks)
            own = [{key: h[tasks[0]] for key, h in part.items()} for part in held]
            rows += probed(name, trained_on, layer or "h", own, world)
    return pd.DataFrame(rows, columns=COLUMNS)


def floors(world: World, trunk: nn.Sequential, seed: int = 0, *, layer: str | None = None) -> pd.DataFrame:
    """What a probe reaches with no learned features: the table of :func:`probe_matrix`, for three floors.

    ``pixels``: the inputs themselves, flattened, all of them. ``untrained``: ``trunk`` with the weights that a model
    of this ``seed`` starts from. ``shuffled labels``: the untrained trunk again, with its training labels permuted, so
    that nothing but the frequency of the classes can be learned: chance, as the mean of ten permutations (examples
    that lie together are guessed together, so one permutation would be a matter of luck).
    """
    model = Hard(world.tasks, trunk, seeds=(seed,))
    held = [seen(model, split, layer) for split in (world.validation, world.test)]
    h = [{key: by_task[world.tasks[0].name] for key, by_task in part.items()} for part in held]
    pixels = probed("pixels", NOTHING, "input", [world.validation.inputs, world.test.inputs], world)
    untrained = probed("untrained", NOTHING, layer or "h", h, world)
    chance, done = [], {}
    for number in range(SHUFFLES):
        chance += probed("shuffled labels", NOTHING, layer or "h", h, shuffled(world, seed, number), done)
    chance = pd.DataFrame(chance).groupby(COLUMNS[:-1], sort=False, as_index=False).score.mean()
    return pd.concat([pd.DataFrame(pixels + untrained), chance], ignore_index=True)


def shuffled(world: World, seed: int, number: int) -> World:
    """The world with each task's validation labels permuted among the examples that have one."""
    labels = {}
    for task in world.tasks:
        y = labels[task.name] = world.validation.labels[task.name].clone()
        known = task.labelled(y).nonzero().flatten()
        order = torch.randperm(len(known), generator=generator(seed, "shuffled", number, task.name))
        y[known] = y[known[order]]
    return replace(world, validation=Split(world.validation.x, labels))


def probed(
    name: str,
    trained_on: str,
    layer: str,
    own: Sequence[Mapping[Key, Tensor]],
    world: World,
    done: dict[Key, dict] | None = None,
) -> list[dict]:
    """A row for each task of the world. ``own``: the representation of the validation and of the test inputs, each a
    mapping from task to (n, …), with the only key None where all tasks look at the same input. ``done``: what has been
    decomposed of the same representation, input by input."""
    rows, done = [], {} if done is None else done
    for task in world.tasks:
        if not task.single:
            raise TypeError(f"a probe asks for one answer an example, and {task.name!r} has several ({task!r})")
        arrays = []
        key = None if None in own[0] else task.name
        for split, part in zip((world.validation, world.test), own, strict=True):
            y = split.labels[task.name]
            arrays += [part[key], y if task.numeric else y.long()]
        try:
            score = score_reader(fit_reader(*arrays[:2], STRENGTHS, done.setdefault(key, {})), *arrays[2:])
        except (TypeError, ValueError) as error:
            at = f"{name}, trained on {trained_on}, layer {layer}, probed for {task.name}"
            raise type(error)(f"{at}: {error}") from None
        rows.append(dict(zip(COLUMNS, (name, trained_on, layer, task.name, score), strict=True)))
    return rows


def seen(model: Sharing, split: Split, layer: str | None) -> dict[Key, dict[str, Tensor]]:
    """What each task's trunk makes of each of the inputs: input → task name → (n, …). NaN is left to the probe, which
    says for which task it stood in the way."""
    return {key: in_parts(model, x, layer) for key, x in split.inputs.items()}


def group_alike(held: Sequence[Mapping[Key, Mapping[str, Tensor]]]) -> list[list[str]]:
    """The model's tasks, those with the same features together."""
    every = [h for part in held for h in part.values()]
    groups: list[list[str]] = []
    for name in every[0]:
        for group in groups:
            if all(torch.equal(h[name].nan_to_num(), h[group[0]].nan_to_num()) for h in every):
                group.append(name)
                break
        else:
            groups.append([name])
    return groups


def labelled(h: Array, y: Array, which: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features (n, d) in double precision and labels (n,) of the examples that have one, and which these are; refuses
    what has no answer."""
    h, y = (np.asarray(a.detach().cpu() if isinstance(a, Tensor) else a) for a in (h, y))
    if h.ndim < 2 or y.ndim != 1 or len(h) != len(y):
        raise ValueError(f"{which}: expected features (n, …) and labels (n,), got {h.shape} and {y.shape}")
    if h.dtype.kind not in "fiub" or y.dtype.kind not in "fiub":
        raise TypeError(f"{which}: features and labels must be numbers, not {h.dtype} and {y.dtype}")
    h = h.reshape(len(h), int(np.prod(h.shape[1:]))).astype(np.float64)
    bad = ~np.isfinite(h).all(1)
    if bad.any():
        raise ValueError(f"{which}: the features hold NaN or infinity, first in example {int(bad.argmax())}")
    known = ~np.isnan(y) if y.dtype.kind == "f" else y != MISSING
    if known.sum() < 2:
        raise ValueError(f"{which}: {int(known.sum())} of {len(y)} examples have a label; a probe needs two or more")
    return h[known], y[known], known
