"""The world ``shops``: the same question in four shops, each of which photographs at an angle of its own."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..arguments import real, whole
from ..tasks import Classification
from .garments import GARMENTS, SIDE, garments
from .world import Split, World

SHOPS = ("shop 1", "shop 2", "shop 3", "shop 4")
STEEPEST = 45.0  # degrees: the largest delta
TEST, SAMPLE = 1, 2  # streams of random numbers; the second is joined by a seed, the first is for all

FINE = 4  # a pixel of the camera collects light at FINE × FINE points
# Where the camera stands, in pixels. Pixels on pixels would come out sharper than at any angle; a quarter of a pixel
# off, an upright picture is as blurred as a turned one is on average.
OFFSET = 0.25
RENAMING = 3  # shop t gives class k the number k + 3t (mod 10)


def shops(
    n: int = 150,
    delta: float = 0.0,
    n_validation: int = 200,
    n_test: int = 1000,
    renamed: bool = False,
    seed: int = 0,
) -> World:
    """Which garment is it? Four shops ask, a task each, and ``x`` maps a shop to pictures (n, 1, 28, 28) in [0, 1].

    Every shop has ``n`` garments of its own that somebody has named. Shop t = 0, 1, 2, 3 photographs them turned by
    t·``delta`` degrees (counter-clockwise, 0 to 45), with the same camera. So the question is one and the pictures
    drift apart as delta, the dial, grows. The garments are real, from Fashion-MNIST; to make related tasks of one
    dataset by turning it follows Ghifary et al. 2015, "Domain generalization for object recognition with multi-task
    autoencoders".

    The camera resamples every picture alike, upright ones too, so that blur does not give a shop away; what a turn
    carries out of the frame is cut. ``renamed`` gives each shop its own numbers for the classes, no class the same
    number in two shops, and the task's ``classes`` say which is which: names then tell a shop nothing about another.

    ``seed`` draws training and validation, and gives no garment to two shops; the test garments are the same for every
    seed, and every shop photographs all of them. Turning the dials changes no garment, and those at a small n are the
    first of those at a larger one.

    Raises TypeError or ValueError for a number that is not whole or is out of range, DataError where the garments
    cannot be loaded.
    """
    source = garments()
    seed, n_test = whole(seed, "seed", least=0), whole(n_test, "n_test", most=len(source.test))
    delta = real(delta, "delta", most=STEEPEST, unit=" degrees")
    if not isinstance(renamed, bool | np.bool_):
        raise TypeError(f"renamed must be True or False, not {renamed!r}")
    hands = deal(source.train_labels, len(SHOPS), np.random.default_rng([SAMPLE, seed]))
    n, n_validation = fitting(n, n_validation, hands, "shops")

    numbers = torch.arange(len(GARMENTS)) + RENAMING * bool(renamed) * torch.arange(len(SHOPS))[:, None]
    numbers %= len(GARMENTS)  # (shops, classes): what shop t calls class k
    tasks = tuple(
        Classification(shop, [GARMENTS[k] for k in number.argsort()])
        for shop, number in zip(SHOPS, numbers, strict=True)
    )

    def split(which: Tensor) -> Split:
        x = {shop: photograph(source.train[which[t]], t * delta) for t, shop in enumerate(SHOPS)}
        return Split(x, {shop: numbers[t][source.train_labels[which[t]]] for t, shop in enumerate(SHOPS)})

    pictures, labels = _test(n_test, delta)
    test = Split(dict(pictures), {shop: numbers[t][labels] for t, shop in enumerate(SHOPS)})
    dial = {"n": n, "delta": delta, "renamed": bool(renamed)}
    return World("shops", tasks, split(hands[:, :n]), split(hands[:, -n_validation:]), test, dial=dial)


@lru_cache(maxsize=8)  # the same for every seed, and most of the pictures; 12 MB each as a rule
def _test(n: int, delta: float) -> tuple[dict[str, Tensor], Tensor]:
    source = garments()
    which = deal(source.test_labels, 1, np.random.default_rng(TEST))[0, :n]
    return {shop: photograph(source.test[which], t * delta) for t, shop in enumerate(SHOPS)}, source.test_labels[which]


def photograph(grey: Tensor, angle: float) -> Tensor:
    """Pictures (n, 28, 28), 0 to 255, turned counter-clockwise by ``angle`` degrees: (n, 1, 28, 28) in [0, 1].

    A pixel is the mean of FINE × FINE points spread over its square, each interpolated linearly in the garment.
    """
    a = math.radians(angle)
    shift = 2 * OFFSET / SIDE  # affine_grid counts from −1 to 1
    camera = torch.tensor([[math.cos(a), -math.sin(a), shift], [math.sin(a), math.cos(a), shift]])
    grid = F.affine_grid(camera[None], [1, 1, FINE * SIDE, FINE * SIDE], align_corners=False)
    pictures = [  # a few at a time: the fine pictures are large
        F.avg_pool2d(F.grid_sample(some[:, None] / 255, grid.expand(len(some), -1, -1, -1), align_corners=False), FINE)
        for some in grey.split(200)
    ]
    return torch.cat(pictures).clamp(0, 1)


def deal(labels: Tensor, hands: int, rng: np.random.Generator) -> Tensor:
    """Every garment to one of several hands, in a drawn order: their row numbers (hands, garments a hand).

    A hand holds rounds of ten garments, one of each class, so any piece of it is balanced to within a round.
    """
    by_class = np.argsort(labels.numpy(), kind="stable").reshape(len(GARMENTS), -1)
    rounds = rng.permuted(rng.permuted(by_class, axis=1).T, axis=1)
    return torch.tensor(rounds[: len(rounds) // hands * hands].reshape(hands, -1))


def fitting(n: int, n_validation: int, hands: Tensor, who: str) -> tuple[int, int]:
    """The two numbers, if a hand has that many garments; training takes from its front and validation from its end."""
    n, n_validation = whole(n, "n"), whole(n_validation, "n_validation")
    if n + n_validation > hands.shape[1]:
        raise ValueError(
            f"the training garments are dealt to {len(hands)} {who}, {hands.shape[1]} each, so n + n_validation can be "
            f"at most that; {n} + {n_validation} = {n + n_validation}"
        )
    return n, n_validation
