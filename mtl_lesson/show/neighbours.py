"""Pictures, and beside each the words that lie nearest to it in the space that both share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from torch import Tensor

from .drawing import Drawing
from .sheets import LINE, as_images, paper, put
from .style import GREY, INK, PALE, RIGHT, WIDTH, canvas, listed, shortened, style, wrapped

SIDE, SMALL, TOP = 0.95, 0.42, 0.42  # inches: a picture, the picture that a word belongs to, the line above the first
LEFT = 2.7  # where the nearest words begin


def neighbours(
    x: Tensor,
    names: Sequence[str],
    nearest: np.ndarray,
    rows: Sequence[int] | None = None,
    *,
    title: str | None = None,
    tell: bool = True,
) -> Drawing:
    """A row a picture, with its own name, and beside it the nearest words, the nearest first, its own word with ✓.

    ``x``: pictures (n, 3, h, w) or (n, h, w), ``names``: n words, that of picture i at i. ``nearest``: (n, k), for each
    picture the numbers of words, as ``mtl.inspection.find_nearest`` finds them. ``rows``: the pictures to draw, all
    where it is left out. Above each word stands the picture that it belongs to, small.

    The alt text names each picture, says how often its own word is among those drawn, and names the nearest word
    unless ``tell`` is False: which is nearest may differ from machine to machine. Raises ValueError for lengths that
    differ, no picture, and a number that no picture has.
    """
    images, nearest = as_images(x), np.asarray(nearest)
    n, rows = len(images), list(range(len(images)) if rows is None else rows)
    if len(names) != n or nearest.ndim != 2 or len(nearest) != n or nearest.shape[1] == 0:
        raise ValueError(
            f"there are {n} pictures: names must be as many, not {len(names)}, and nearest (n, k), not {nearest.shape}"
        )
    if len(rows) == 0:
        raise ValueError("there is no picture to draw: rows is empty")
    if wrong := [int(number) for number in (*rows, *nearest[rows].flat) if not 0 <= number < n]:
        raise ValueError(f"rows and nearest number the {n} pictures from 0 to {n - 1}; there is no {wrong[0]}")
    high, k = SIDE + 0.16, nearest.shape[1]
    step = (WIDTH - LEFT - 0.1) / k
    top = TOP + (0.42 if title else 0)
    with style():
        figure = canvas(WIDTH, top + high * len(rows) + 0.05, layout=None)
        ax = paper(figure)
        if title:
            ax.text(0.08, 0.25, title, fontsize=13, fontweight="bold", va="center")
        ax.text(0.08, top - 0.2, "a picture and its word", color=GREY, va="center")
        ax.text(LEFT, top - 0.2, f"the nearest word{'s' * (k > 1)}, ✓ its own", color=GREY, va="center")
        for place, row in enumerate(rows):
            y = top + high * place
            ax.plot([0.08, WIDTH - 0.08], [y - 0.03] * 2, color=PALE, linewidth=1)
            put(ax, images[row], 0.08, y + 0.04, SIDE)
            lines = wrapped(names[row], LEFT - SIDE - 0.35, 3)
            ax.text(SIDE + 0.22, y + high / 2, "\n".join(lines), va="center", linespacing=1.25)
            for column, number in enumerate(nearest[row]):
                draw_word(ax, images[number], names[number], LEFT + step * column, y, step - 0.12, number == row)
    return Drawing(figure, say_neighbours([str(name) for name in names], nearest, rows, title, tell))


def draw_word(ax: Axes, image: np.ndarray, name: str, x: float, y: float, width: float, own: bool) -> None:
    """A word of two lines below the picture it belongs to, with its upper left corner at (x, y)."""
    weight, colour = ("bold", RIGHT) if own else ("normal", INK)
    put(ax, image, x, y + 0.06, SMALL)
    if own:
        ax.text(x + SMALL + 0.1, y + 0.06 + SMALL / 2, "✓", color=RIGHT, fontsize=15, weight="bold", va="center")
    lines = [shortened(line, width, weight=weight) for line in wrapped(name, width * (0.88 if own else 1), 2)]
    for number, line in enumerate(lines):
        ax.text(x, y + 0.16 + SMALL + LINE * (number + 0.25), line, color=colour, weight=weight, va="center")


def say_neighbours(
    names: Sequence[str], nearest: np.ndarray, rows: Sequence[int], title: str | None, tell: bool
) -> str:
    """The alt text of :func:`neighbours`."""
    k, hits = nearest.shape[1], sum(row in nearest[row] for row in rows)
    many = "1 picture" if len(rows) == 1 else f"{len(rows)} pictures"
    words = "word" if k == 1 else f"{k} words"
    said = f"{title}. " if title else ""
    said += f"{many}, beside each the nearest {words}. Its own word is among them for ≈ {hits} of {len(rows)}"
    if not tell:
        return f"{said}: {listed([shortened(names[row], 3) for row in rows])}."
    first = [f"{shortened(names[row], 3)}: {shortened(names[nearest[row][0]], 3)}" for row in rows[:8]]
    return f"{said}. The nearest to each: {'; '.join(first)}{'; and so on' * (len(rows) > 8)}."
