"""The front of two tasks: what fixed weights reach as one task counts more, and where each method comes to lie."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ..arguments import real
from ..evidence import interval
from .drawing import Drawing
from .pareto import draw_arms, seeds_of, two_scores, write_names
from .style import (
    BLUE,
    GREY,
    INK,
    PAPER,
    SKY,
    about,
    for_text,
    listed,
    markers_of,
    style,
)

STRIP = "#E4F0F8"  # of what lies within the margin of the curve


def front(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    by: str = "method",
    curve: str = "fixed weights",
    weight: str = "weight",
    reference: str | None = None,
    points: Sequence[str] | None = None,
    margin: float | None = None,
    unit: str = "%",
    title: str | None = None,
) -> Drawing:
    """Two tasks' mean scores over seeds: the curve of fixed weights, and each method a point with both its intervals.

        mtl.show.front(table, "garment", "colour", reference="Separate", margin=0.01)

    ``table``: tidy, with columns ``by``, task, seed, score and, in the rows of ``curve``, ``weight``: that of ``x``,
    along which the curve runs. ``points``: which of ``by`` to show beside the curve, else all. Arms are 95 % intervals
    of the means; with a ``reference``, such as the separate networks, those of the *paired differences* to it, and it
    is drawn as two lines. ``margin``: what a gain must be to count; the strip is what lies within it of the curve, at
    both tasks, so that a point is *beyond the front* only outside of it.

    Raises KeyError for a column, a task or a method that is not there, ValueError for a curve of fewer than two
    weights, for a margin that is not above 0, and where not all have the same seeds.
    """
    means, arms, weights = summarised(table, (x, y), by, curve, weight, reference, points)
    if margin is not None and not real(margin, "margin"):
        raise ValueError("a margin of 0 is none: leave it out, or say what a gain must be to count")
    line = [means.pop(name) for name in weights]
    line_arms = [arms.pop(name) for name in weights]
    level = means.pop(reference, None)
    arms.pop(reference, None)
    notes = notes_on_front(x, weights.values(), reference, margin, unit)
    shown = [*line, *line_arms, *means.values(), *arms.values(), *([] if level is None else [level])]
    with style():
        figure, ax = two_scores(np.concatenate([np.atleast_2d(one) for one in shown]), (x, y), notes, unit, title)
        draw_curve(ax, np.stack(line), line_arms, margin)
        ends = {f"{x} ×{weights_text(w)}": line[at] for at, w in zip((0, -1), ends_of(weights), strict=True)}
        if level is not None:
            draw_reference(ax, level, reference)
        markers = markers_of(means)
        for name, mean in means.items():
            draw_arms(ax, mean, arms[name], GREY, 1.6)
            look = {"markersize": 10, "markeredgewidth": 1, "markeredgecolor": PAPER, "zorder": 4}
            ax.plot(*mean, markers[name], color=INK, **look)
        dots = {name: np.tile(at, (2, 1)) for name, at in ends.items()}
        inks = dict.fromkeys(ends, for_text(BLUE))
        write_names(ax, ends | means, dots | arms, inks, [densely(np.stack(line))])
    alt = say_front(np.stack(line), list(weights.values()), means, level, (x, y), reference, margin, unit)
    return Drawing(figure, f"{title.rstrip('.')}{'.' * (title[-1] not in '?.')} {alt}" if title else alt)


# --- the numbers -----------------------------------------------------------------------------------------------------


def summarised(table, tasks, by, curve, weight, reference, points):
    """Means {name: (2,)}, arms {name: (2, 2) low and high}, and {name of a point of the curve: its weight}."""
    for column in (by, weight):
        if column not in table:
            raise KeyError(f"the table has no column {column!r}; it has {', '.join(map(str, table.columns))}")
    there = list(dict.fromkeys(table[by]))
    wanted = [name for name in there if name not in (curve, reference)] if points is None else list(points)
    for name in (curve, *wanted, *([reference] if reference is not None else [])):
        if name not in there:
            raise KeyError(f"there is no {by} {name!r}; there are {', '.join(map(str, there))}")
    own = table[table[by] == curve]
    weights = {f"{curve} {w!r}": w for w in sorted(own[weight].unique())}
    if len(weights) < 2:
        raise ValueError(f"a curve needs two weights or more; {curve!r} has {len(weights)}")
    rows = table[table[by].isin([curve, reference, *wanted])].copy()
    named = {w: name for name, w in weights.items()}
    rows[by] = [named[w] if name == curve else name for name, w in zip(rows[by], rows[weight], strict=True)]
    scores = seeds_of(rows, by, tasks)
    base = scores[reference] if reference is not None else 0
    shift = base.mean(0) if reference is not None else 0
    means = {name: values.mean(0) for name, values in scores.items()}
    arms = {name: np.stack(interval(values - base)[1:]) + shift for name, values in scores.items()}
    return means, arms, weights


def notes_on_front(x, weights, reference, margin, unit) -> list[str]:
    first, *_, last = weights
    paired = "" if reference is None else f" of the paired difference to {reference}, the dotted lines"
    notes = [f"line: fixed weights, {x} counts from {weights_text(first)} to {weights_text(last)} times"]
    notes += [f"arms: 95 % intervals{paired}"]
    if margin is not None:
        size = f"{100 * margin:g} percentage points" if unit == "%" else f"{margin:g} {unit}".strip()
        notes.append(f"strip: no more than {size} beyond the line at both tasks, which would not count")
    return notes


def weights_text(w: float) -> str:
    return f"{w:.3g}"


def ends_of(weights: dict[str, float]) -> tuple[float, float]:
    first, *_, last = weights.values()
    return first, last


def densely(line: np.ndarray) -> np.ndarray:
    """Points along a line through points (n, 2), so close that a name between two of them is seen to cover it."""
    share = np.linspace(0, len(line) - 1, 20 * len(line))
    return np.stack([np.interp(share, np.arange(len(line)), line[:, axis]) for axis in (0, 1)], 1)


# --- the picture -----------------------------------------------------------------------------------------------------


def draw_curve(ax: Axes, line: np.ndarray, arms: Sequence[np.ndarray], margin: float | None) -> None:
    """The means of fixed weights in order of their weight, and the strip of what lies within the margin of them."""
    if margin is not None:
        strip = np.concatenate([line, line[::-1] + margin])
        ax.fill(*strip.T, facecolor=STRIP, linewidth=0, zorder=0.6)
        ax.plot(*(line + margin).T, color=SKY, linewidth=1, linestyle=(0, (4, 2)), zorder=1)
    for mean, ends in zip(line, arms, strict=True):
        draw_arms(ax, mean, ends, "#A9CCE3", 1.4)
    ax.plot(*line.T, "-o", color=BLUE, markersize=6, markeredgecolor=PAPER, zorder=3)


def draw_reference(ax: Axes, level: np.ndarray, name: str) -> None:
    """Two dotted lines through what the reference reaches at each task."""
    dotted = {"color": GREY, "linestyle": (0, (2, 2)), "linewidth": 1.3, "zorder": 1}
    ax.axvline(level[0], **dotted)
    ax.axhline(level[1], **dotted)
    beside = {"textcoords": "offset points", "color": for_text(GREY)}
    ax.annotate(name, (1, level[1]), (-2, 3), xycoords=("axes fraction", "data"), ha="right", va="bottom", **beside)


# --- in words --------------------------------------------------------------------------------------------------------


def beyond(point: np.ndarray, line: np.ndarray, margin: float) -> bool:
    """Whether a point lies above and to the right of the curve moved by the margin, between the curve's ends."""
    moved = line + margin
    order = np.argsort(moved[:, 0])
    xs, ys = moved[order].T
    if point[0] > xs[-1]:
        return True
    return bool(point[1] > np.interp(point[0], xs, ys))


def say_front(line, weights, means, level, tasks, reference, margin, unit) -> str:
    """The alt text: the ends of the curve, every point, the reference, and which points lie beyond the curve."""

    def at(point: np.ndarray) -> str:
        return f"{tasks[0]} {about(point[0], unit)}, {tasks[1]} {about(point[1], unit)}"

    text = [
        f"{tasks[0]} against {tasks[1]}: the curve of {len(weights)} fixed weights, from "
        f"{tasks[0]} ×{weights_text(weights[0])} ({at(line[0])}) to ×{weights_text(weights[-1])} ({at(line[-1])})."
    ]
    if level is not None:
        text.append(f"{reference}: {at(level)}.")
    text += [f"{name}: {at(point)}." for name, point in list(means.items())[:12]]
    if means:
        out = [name for name, point in means.items() if beyond(point, line, margin or 0)]
        more = " by more than the margin" if margin is not None else ""
        text.append(f"Mean beyond the curve{more}: {listed(out, 12) if out else 'none'}.")
    return " ".join(text)
