"""Pictures: where something is, and which pixels it is, as labelled and as a network answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from torch import Tensor

from ..tasks import Box, Classification, Segmentation, Task
from .drawing import Drawing
from .sheets import LINE, as_images, paper, put
from .style import GREY, INK, ORANGE, PAPER, RIGHT, SKY, WIDTH, WRONG, about, canvas, listed, shortened, style

SIDE, LEFT, GAP = 1.5, 1.25, 0.12  # inches: a picture at most, what stands left of a row, between two pictures
OWN, GIVEN = PAPER, ORANGE  # the frame that is right, solid, and the one that is given, dashed
FOUND, MISSED, FALSE = "#FFFFFF", ORANGE, SKY  # pixels: right, left out, and taken for it
NIGHT = "#3A3A3A"  # pixels of the background that nobody took for anything else


def boxes_and_masks(
    x: Tensor,
    tasks: Sequence[Task],
    labels: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor] | None = None,
    *,
    columns: int = 6,
    title: str | None = None,
) -> Drawing:
    """A column a picture: the picture with its box, below it the mask, below that what it is.

    ``x``: (n, 3, h, w) or (n, h, w), of which the first ``columns`` are drawn. ``tasks``: the first Box, Segmentation
    of two classes and Classification among them are drawn, with ``labels`` {task name: (n, …)}, and what a model
    answers where ``outputs`` {task name: (n, …)} are given: a second, dashed box, and the mask's pixels as found,
    missed or false. Boxes may be in shares of the picture or in pixels. A label that is missing is not drawn.

    Raises ValueError for tasks none of which can be drawn, and for labels or outputs of other pictures.
    """
    images, outputs = as_images(x), outputs or {}
    asked = {kind: drawn_task(tasks, kind) for kind in (Box, Segmentation, Classification)}
    if not any(asked.values()):
        raise ValueError("none of the tasks is a Box, a Segmentation of two classes or a Classification")
    for task in filter(None, asked.values()):
        if wrong := [
            len(of[task.name]) for of in (labels, outputs) if task.name in of and len(of[task.name]) != len(images)
        ]:
            raise ValueError(f"there are {len(images)} pictures, and {wrong[0]} labels or outputs of {task.name!r}")
    n = min(columns, len(images))
    side, top = min(SIDE, (WIDTH - LEFT) / n - GAP), 0.45 if title else 0.08
    masks, names = asked[Segmentation] is not None, asked[Classification] is not None
    height = top + (side + GAP) * (1 + masks) + LINE * 1.15 * names * (1 + bool(outputs)) + LINE * 1.4 * bool(outputs)
    with style():
        figure = canvas(LEFT + n * (side + GAP) + 0.05, height + 0.1, layout=None)
        ax = paper(figure)
        if title:
            ax.text(0.08, 0.22, title, fontsize=13, fontweight="bold", va="center")
        write_left(ax, asked, top, side)
        for number in range(n):
            at = LEFT + number * (side + GAP)
            put(ax, images[number], at, top, side)
            draw_boxes(ax, asked[Box], labels, outputs, number, images.shape[1:3], (at, top, side))
            y = top + side + GAP
            if masks:
                put(ax, drawn_mask(asked[Segmentation], labels, outputs, number, images.shape[1:3]), at, y, side)
                y += side + GAP
            if names:
                write_what_it_is(ax, asked[Classification], labels, outputs, number, (at, y, side))
        if outputs:
            draw_frames_and_fills(ax, asked, height - LINE * 0.55)
    return Drawing(figure, say_boxes_and_masks(asked, labels, outputs, n, title))


def drawn_task(tasks: Sequence[Task], kind: type[Task]) -> Task | None:
    """The first task of a kind that can be drawn; a Segmentation classifies pixels, not pictures."""
    fits = [task for task in tasks if isinstance(task, kind)]
    if kind is Segmentation:
        fits = [task for task in fits if task.outputs == 2]
    if kind is Classification:
        fits = [task for task in fits if not isinstance(task, Segmentation)]
    return fits[0] if fits else None


def write_left(ax: Axes, asked: Mapping[type, Task | None], top: float, side: float) -> None:
    """The names of the tasks, left of their rows."""
    for kind, y in ((Box, top + side / 2), (Segmentation, top + side * 1.5 + GAP), (Classification, None)):
        if task := asked[kind]:
            below = top + (side + GAP) * (1 + (asked[Segmentation] is not None)) + LINE / 2
            ax.text(LEFT - 0.12, below if y is None else y, shortened(task.name, LEFT - 0.2), ha="right", va="center")


def draw_boxes(
    ax: Axes,
    task: Box | None,
    labels: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    number: int,
    size: tuple[int, int],
    place: tuple[float, float, float],
) -> None:
    """The box of a picture of ``size`` pixels at ``place`` (x, y, side), and the one that is given, dashed."""
    if task is None:
        return
    right = torch.as_tensor(labels[task.name]).float()
    in_pixels = bool((right > 1).any())  # of all labels; a box in shares of the picture ends at 1
    whole = np.array([size[1], size[0]] if in_pixels else [1.0, 1.0])
    frames = [(right[number], OWN, "-")]
    if task.name in outputs:
        frames.append((torch.as_tensor(outputs[task.name][number]).detach().cpu().float(), GIVEN, (0, (3, 2))))
    at, side = np.array(place[:2]), place[2]
    for frame, colour, dashes in frames:
        if not frame.isnan().any():
            low, high = (at + side * (frame[two].numpy() / whole).clip(0, 1) for two in ((slice(0, 2)), slice(2, 4)))
            ax.add_patch(Rectangle(low, *(high - low), fill=False, edgecolor=INK, linewidth=3.4, zorder=2))
            ax.add_patch(
                Rectangle(low, *(high - low), fill=False, edgecolor=colour, linestyle=dashes, linewidth=2, zorder=3)
            )


def drawn_mask(
    task: Segmentation,
    labels: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    number: int,
    size: tuple[int, int],
) -> np.ndarray:
    """A mask as a picture (h, w, 3): pixels found, missed and false, or those of the label alone."""
    right = torch.as_tensor(labels[task.name])[number]
    given = answered(task, labels, outputs)[number] if task.name in outputs else right
    picture = np.full((*size, 3), rgb(NIGHT))
    for colour, where in (
        (FOUND, (right == 1) & (given == 1)),
        (MISSED, (right == 1) & (given == 0)),
        (FALSE, (right == 0) & (given == 1)),
    ):
        picture[where.numpy()] = rgb(colour)
    return picture


def answered(task: Segmentation, labels: Mapping[str, Tensor], outputs: Mapping[str, Tensor]) -> Tensor:
    """The class (n, h, w) that is given to each pixel."""
    given, right = torch.as_tensor(outputs[task.name]).detach().cpu()[None], torch.as_tensor(labels[task.name])[None]
    return task.decide(task.as_large(given.float(), right))[0]


def rgb(colour: str) -> tuple[float, float, float]:
    """#RRGGBB as three numbers from 0 to 1."""
    return tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))


def write_what_it_is(
    ax: Axes,
    task: Classification,
    labels: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    number: int,
    place: tuple[float, float, float],
) -> None:
    """What a picture shows, and below it what was answered, with ✓ or ✗."""
    x, y, side = place
    label = int(labels[task.name][number])
    ax.text(x, y + LINE / 2, shortened(task.answers[label] if label >= 0 else "?", side), va="center")
    if task.name in outputs:
        given = int(task.decide(torch.as_tensor(outputs[task.name][number]).detach().cpu()))
        mark, ink = ("✓", RIGHT) if given == label else ("✗", WRONG)
        ax.text(x, y + LINE * 1.65, shortened(f"{mark} {task.answers[given]}", side), va="center", color=ink)


def draw_frames_and_fills(ax: Axes, asked: Mapping[type, Task | None], y: float) -> None:
    """What frames and colours mean, along the bottom."""
    x = 0.1
    entries = [("true box", OWN, "-"), ("given box", GIVEN, (0, (3, 2)))] if asked[Box] else []
    entries += [("found", FOUND, None), ("missed", MISSED, None), ("false", FALSE, None)] if asked[Segmentation] else []
    for words, colour, dashes in entries:
        filled = {"facecolor": colour, "edgecolor": GREY} if dashes is None else {"fill": False, "edgecolor": colour}
        if dashes is not None:
            ax.add_patch(Rectangle((x, y - 0.09), 0.26, 0.18, fill=False, edgecolor=INK, linewidth=3.4))
        ax.add_patch(Rectangle((x, y - 0.09), 0.26, 0.18, linestyle=dashes or "-", linewidth=1.6, **filled))
        ax.text(x + 0.36, y, words, va="center", color=GREY)
        x += 1.35


def say_boxes_and_masks(
    asked: Mapping[type, Task | None],
    labels: Mapping[str, Tensor],
    outputs: Mapping[str, Tensor],
    n: int,
    title: str | None,
) -> str:
    """The alt text of :func:`boxes_and_masks`: what is drawn, and how good the answers to these pictures are."""
    tasks = [task for task in asked.values() if task]
    what = {Box: "the box", Segmentation: "the mask", Classification: "the name"}
    drawn = listed([what[kind] for kind, task in asked.items() if task])
    start = f"{title + '. ' if title else ''}{n} picture{'s' * (n > 1)}, each with {drawn} of what it shows"
    shown = asked[Classification]
    known = [int(label) for label in labels[shown.name][:n]] if shown else []
    start += f": {', '.join(shown.answers[label] if label >= 0 else 'not named' for label in known)}." if shown else "."
    said = []
    for task in tasks:
        if task.name in outputs:
            given = torch.as_tensor(outputs[task.name]).detach().cpu().float()[:n]
            score = task.score(given[None], torch.as_tensor(labels[task.name])[:n][None]).item()
            if score == score:  # there is a label to judge by
                said.append(f"{task.name} {about(score, '%')} ({task.score_name})")
    return f"{start} A model's answers beside them: {listed(said)}." if said else start
