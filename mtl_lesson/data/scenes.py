"""The world ``scenes``: a garment somewhere in a picture. What is it, where is it, and which pixels are it?"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np
import torch
from matplotlib.colors import hsv_to_rgb
from torch import Tensor

from ..tasks import Box, Classification, Segmentation
from .changes import hide_labels
from .garments import GARMENTS, SIDE, garments
from .grouped import Grouped, cut
from .world import Split

OF_A_CLASS, SCENES = 40, 6  # garments of each class, and photographs of each garment
SIZES = range(14, 21)  # pixels a side to which a garment's picture of 28 is shrunk
CLOTH = 24  # of 0 to 255: a pixel of the garment's picture above it shows the garment, not the paper around it
WALL, PATCH, DYE = (0.5, 0.1, 0.3), (0.35, 0.5, 0.9), (0.35, 0.8, 1.0)  # saturation, least and most brightness
PATCHES = 2  # in each scene
UNITS = {"shares": 1.0, "pixels": float(SIDE)}  # name → how long the side of a picture is
QUESTIONS = (
    Classification("garment", GARMENTS),
    Box("where"),
    Segmentation("pixels", ("background", "garment")),
)
ALBUM = 16  # the stream of random numbers from which every scene is drawn, once and for all


def scenes(
    n_train: int = 1200,
    n_validation: int = 300,
    n_test: int = 300,
    labels: int | Mapping[str, int] | None = None,
    seed: int = 0,
    *,
    box: str = "shares",
    split_by: str = "group",
) -> Grouped:
    """Scenes, x of shape (n, 3, 28, 28) in [0, 1], each with one garment in it, and three questions about each.

    400 garments were photographed six times each. For every photograph the garment's picture, of Fashion-MNIST, is
    shrunk to 14 to 20 pixels, mirrored or not, lit, and put anywhere before a wall with stripes, noise and two patches
    that are as bright. A garment keeps its colour; all else is drawn anew. The garments are real and the scenes
    simulated. Tasks: ``garment`` (Classification, 10), ``where`` (Box, the smallest that holds the garment) and
    ``pixels`` (Segmentation, background or garment), which takes a head at a layer of maps, ``heads=``.

    The dial is ``labels``: how many training scenes keep theirs, for all tasks or {task name: 1 or more}, drawn for
    each task on its own; those that do at 50 do at 100. To name a class takes a person seconds, to cut out a mask a
    minute or more: ``labels={"pixels": 20}``. Validation and test keep theirs.

    The unit of splitting is the garment (``groups``): ``split_by="group"`` has no garment in two splits, and
    ``split_by="row"`` makes the mistake, on the same test scenes. The other trap is ``box``, in which unit a box is
    written: "shares" of the picture, or "pixels", with 28² = 784 times the loss. ``seed`` draws training and
    validation; the test scenes are the same for every seed.

    Pictures: Fashion-MNIST (MIT), the first 40 of each class that come with the course. Raises TypeError or ValueError
    for numbers that are no whole ones or out of range, ValueError for another ``box`` or ``split_by``, KeyError for an
    unknown task in ``labels``, DataError where the garments cannot be loaded.
    """
    if box not in UNITS:
        raise ValueError(f"box is one of {', '.join(map(repr, UNITS))}, not {box!r}")
    which, x, labels_of = _album()
    rows = cut(which.numpy(), n_train, n_validation, n_test, seed, split_by)
    labels_of = labels_of | {"where": labels_of["where"] * UNITS[box] / SIDE}

    def part(name: str) -> Split:
        row = torch.tensor(rows[name])
        return Split(x[row].float() / 255, {task: known[row] for task, known in labels_of.items()})

    dial = {"n_train": n_train, "labels": labels, "box": box, "split_by": split_by}
    groups = {name: which[torch.tensor(row)] for name, row in rows.items()}
    parts = {name: part(name) for name in rows}
    world = Grouped("scenes", QUESTIONS, **parts, dial=dial, groups=groups, group="garment picture")
    if labels is not None and not isinstance(labels, Mapping):
        labels = {task.name: labels for task in QUESTIONS}
    for task, keep in (labels or {}).items():
        world = hide_labels(world, task, keep, seed)
    return world


@cache
def _album() -> tuple[Tensor, Tensor, dict[str, Tensor]]:
    """All scenes: (n,) the number of the garment, (n, 3, 28, 28) pictures, uint8, and the labels, boxes in pixels."""
    source, rng = garments(), np.random.default_rng(ALBUM)
    first = torch.cat([torch.nonzero(source.train_labels == c)[:OF_A_CLASS, 0] for c in range(len(GARMENTS))])
    which = np.repeat(np.arange(len(first)), SCENES)
    grey, n = source.train[first].numpy()[which], len(which)
    cloth, shade = _put_down(grey, rng)
    hue = rng.random(len(first))[which]
    saturation, darkest, lightest = DYE
    light = rng.uniform(darkest, lightest, n)
    colour = hsv_to_rgb(np.stack([hue, np.full(n, saturation), light], -1))[:, :, None, None]
    picture = _walls(n, rng) * (1 - cloth[:, None]) + colour * shade[:, None]
    x = np.rint(255 * picture.clip(0, 1)).astype(np.uint8)
    mask = torch.tensor(cloth >= 0.5 - 1e-6)  # a pixel that is half a garment is one, however the half was rounded
    garment = source.train_labels[first][torch.tensor(which)]
    return torch.tensor(which), torch.tensor(x), {"garment": garment, "where": box_of(mask), "pixels": mask.long()}


def _put_down(grey: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Grey pictures (n, 28, 28), shrunk, mirrored or not, put anywhere: how much of each pixel is garment, and its
    brightness times that; both (n, 28, 28) in [0, 1]."""
    n = len(grey)
    size, mirrored = rng.integers(SIZES.start, SIZES.stop, n), rng.random(n) < 0.5
    top, left = (np.floor(rng.random(n) * (SIDE - size + 1)).astype(int) for _ in range(2))
    cloth = (grey > CLOTH).astype(float)
    both = np.stack([cloth, cloth * (0.4 + 0.6 * grey / 255)], 1)
    both[mirrored] = both[mirrored][..., ::-1]
    placed = np.zeros_like(both)
    for i in range(n):
        shrink = _shrinker(int(size[i]))
        placed[i, :, top[i] : top[i] + size[i], left[i] : left[i] + size[i]] = shrink @ both[i] @ shrink.T
    return placed[:, 0], placed[:, 1]


@cache
def _shrinker(size: int) -> np.ndarray:
    """(size, 28): which share of a pixel of the shrunk picture lies on each pixel of the given one."""
    edges, pixels = np.linspace(0, SIDE, size + 1), np.arange(SIDE)
    low = np.maximum(edges[:-1, None], pixels)
    high = np.minimum(edges[1:, None], pixels + 1)
    return (high - low).clip(0) * size / SIDE


def _walls(n: int, rng: np.random.Generator) -> np.ndarray:
    """Walls (n, 3, 28, 28) that stand behind: a colour with stripes, a patch of another colour, and noise."""

    def colours(saturation: float, darkest: float, lightest: float) -> np.ndarray:
        hsv = np.stack([rng.random(n), np.full(n, saturation), rng.uniform(darkest, lightest, n)], -1)
        return hsv_to_rgb(hsv)[:, :, None, None]

    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    turn, waves, phase, contrast = (
        part[:, None, None] for part in (rng.random((4, n)) * [[2 * np.pi], [6.0], [2 * np.pi], [0.1]])
    )
    stripes = contrast * np.sin(2 * np.pi * waves * (np.cos(turn) * x + np.sin(turn) * y) + phase)
    wall = colours(*WALL) + stripes[:, None]
    for _ in range(PATCHES):
        corner, extent = rng.random((2, n, 1, 1)) * 0.8, rng.uniform(0.15, 0.35, (2, n, 1, 1))
        inside = (corner[0] <= x) & (x < corner[0] + extent[0]) & (corner[1] <= y) & (y < corner[1] + extent[1])
        wall = np.where(inside[:, None], colours(*PATCH), wall)
    return wall + 0.03 * rng.standard_normal((n, 3, SIDE, SIDE))


def box_of(mask: Tensor) -> Tensor:
    """The smallest box (n, 4), left, top, right, bottom in pixels, that holds all that is True in ``mask`` (n, h, w).

    A pixel reaches from its number to the next one, so the box of one pixel has area 1. Raises ValueError for a mask
    that is nowhere True.
    """
    edges = []
    for axis in (1, 2):  # over the rows: is there anything in each column? and the other way round
        there = mask.any(axis).to(torch.uint8)
        if not there.any(1).all():
            raise ValueError("a mask that is empty has no box")
        edges.append((there.argmax(1), there.shape[1] - there.flip(1).argmax(1)))
    (left, right), (top, bottom) = edges
    return torch.stack([left, top, right, bottom], 1).float()
