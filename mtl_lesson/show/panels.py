"""Claims of different worlds side by side: each in its own unit, all with zero at one place."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..evidence import Claim
from .comparisons import VERDICTS
from .drawing import Drawing
from .sheets import paper
from .style import INK, PALE, PAPER, WIDTH, canvas, coarse, style, wrapped

NAMES, HEAD, FOOT, TALL = 1.55, 0.75, 0.45, 1.05  # inches: names of the rows, titles, below, a row


def claims_in_panels(claims: Mapping[tuple[str, str], Claim | str], *, title: str | None = None) -> Drawing:
    """A panel for each (row, column): a claim's mean and 95 % interval beside zero, with its verdict, in its own unit.

    Panels are not to be compared by length: each has a scale of its own, with zero in the middle. A text in place of a
    claim says why there is none. ValueError for no claim, TypeError for what is neither.
    """
    rows, columns = (list(dict.fromkeys(key[i] for key in claims)) for i in (0, 1))
    if not any(isinstance(one, Claim) for one in claims.values()):
        raise ValueError("there is no claim to draw")
    head = HEAD + 0.35 * bool(title)
    height, room = head + TALL * len(rows) + FOOT, (WIDTH - NAMES) / len(columns)
    with style():
        figure = canvas(WIDTH, height, layout=None)
        page = paper(figure)
        if title:
            page.text(0.12, 0.27, title, fontsize=14, fontweight="bold", va="center")
        for j, column in enumerate(columns):
            lines = wrapped(column, room - 0.3, 2)
            page.text(NAMES + j * room, head - 0.12, "\n".join(lines), va="bottom", fontweight="bold", linespacing=1.15)
        for i, row in enumerate(rows):
            top = head + i * TALL
            page.text(0.12, top + 0.36, "\n".join(wrapped(row, NAMES - 0.2, 2)), va="center", linespacing=1.15)
            page.plot([0.12, WIDTH - 0.1], [top, top], color=PALE, linewidth=0.8)
            for j, column in enumerate(columns):
                left, one = NAMES + j * room, claims.get((row, column), "")
                if not isinstance(one, Claim | str):
                    raise TypeError(f"expected a claim or a text at {row!r}, {column!r}, not {type(one).__name__}")
                if isinstance(one, str):
                    lines = wrapped(one, room - 0.35, 3)
                    page.text(left, top + 0.4, "\n".join(lines), va="center", linespacing=1.15)
                    continue
                sign, colour = VERDICTS[one.verdict]
                page.text(left, top + 0.16, f"{sign} {one.verdict}", va="center", color=colour, fontweight="bold")
                box = left / WIDTH, 1 - (top + 0.62) / height, (room - 0.45) / WIDTH, 0.3 / height
                draw_claim(figure.add_axes(box), one, colour)
        words = "◆ mean   ▬ 95 % interval: right of 0 it speaks for the claim. Each panel has a scale of its own."
        page.text(NAMES, height - 0.2, words, va="center")
    return Drawing(figure, say_panels(claims, title))


def draw_claim(ax: Axes, one: Claim, colour: str) -> None:
    """One claim on a scale of its own, zero in its middle."""
    factor = 100 if one.unit == "%" else 1
    mean, low, high = (factor * value for value in (one.mean, one.low, one.high))
    most = 1.25 * max(abs(low), abs(high)) or 1
    ax.axvline(0, color=INK, linewidth=1.2, zorder=1)
    ax.plot([low, high], [0, 0], color=colour, linewidth=2.6, zorder=3)
    ax.plot([mean], [0], "D", color=colour, markersize=7, markeredgecolor=PAPER, zorder=4)
    ax.set(xlim=(-most, most), ylim=(-1, 1), yticks=[])
    ax.xaxis.set_major_locator(MaxNLocator(3, symmetric=True))
    ax.spines["left"].set_visible(False)
    ax.tick_params(length=3, pad=2)
    ax.set_xlabel({"%": "points", "": ""}.get(one.unit, one.unit), labelpad=0, loc="right")


def say_panels(claims: Mapping[tuple[str, str], Claim | str], title: str | None) -> str:
    """The alt text of :func:`claims_in_panels`: every verdict, column by column, and each mean."""
    said = []
    for column in dict.fromkeys(column for _, column in claims):
        parts = []
        for (row, of), one in claims.items():
            if of == column and isinstance(one, Claim):
                points, factor = (" points", 100) if one.unit == "%" else (f" {one.unit}" if one.unit else "", 1)
                parts.append(f"{row}: {one.verdict}, ≈ {coarse(factor * one.mean, sign=True)}{points}")
            elif of == column:
                parts.append(f"{row}: {one or 'no claim'}")
        said.append(f"{column}: {'; '.join(parts)}")
    return f"{title + '. ' if title else ''}{'. '.join(said)}."
