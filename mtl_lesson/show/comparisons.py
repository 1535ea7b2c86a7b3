"""Comparisons: what things cost, and paired differences with their verdicts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from ..evidence import interval
from .drawing import Drawing
from .maps import flowing
from .sheets import LINE, paper
from .style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    OF_TASKS,
    ORANGE,
    PALE,
    PAPER,
    PURPLE,
    RIGHT,
    SKY,
    VERMILLION,
    WIDTH,
    WRONG,
    about,
    breadth,
    canvas,
    coarse,
    colours_of,
    rounded,
    shortened,
    style,
    wrapped,
)

FILLS = ((BLUE, ""), (ORANGE, "//"), (SKY, ".."), (PURPLE, "\\\\"), (GREEN, "xx"), (VERMILLION, "--"))
VERDICTS = {"supported": ("✓", RIGHT), "contradicted": ("✗", WRONG), "undecided": ("?", GREY)}


def bars(
    table: pd.DataFrame, value: str, by: str | Sequence[str], unit: str = "", *, title: str | None = None
) -> Drawing:
    """Horizontal bars of the column ``value``, each with its number: a bar for each of ``by``.

    ``by``: a column, or two: a group of bars for each of the first, a fill for each of the second. Several rows of a
    bar are seeds: their mean is drawn, and their 95 % interval (lowest to highest where there are fewer than 3).
    """
    by = [by] if isinstance(by, str) else list(by)
    if not 1 <= len(by) <= 2:
        raise ValueError(f"bars are drawn by one column or two, not {len(by)}")
    if table.empty or not {value, *by} <= set(table.columns):
        raise ValueError(f"the table needs rows, and the columns {[value, *by]}; it has {list(table.columns)}")
    table = table.assign(**{name: table[name].astype(str) for name in by}, _all="")
    outer, inner = by[0], by[1] if len(by) == 2 else "_all"
    groups, kinds = list(dict.fromkeys(table[outer])), list(dict.fromkeys(table[inner]))
    fills = fills_of(groups if inner == "_all" else kinds, inner == "_all")
    left = min(3.2, max(breadth(group) for group in groups)) + 0.3
    thick, gap, head = 0.36, 0.16 if inner == "_all" else 0.3, 0.15 + 0.42 * bool(title)
    means = {key: interval(part[value].to_numpy(float)) for key, part in table.groupby([outer, inner])}
    top = np.nan_to_num([high for *_, high in means.values()]).max() or 1
    room = WIDTH - left - 0.3 - max(breadth(rounded(mean, unit)) for mean, *_ in means.values())
    key = [] if inner == "_all" else flowing([0.65 + breadth(kind) for kind in kinds], WIDTH - 0.3)
    height = head + sum(thick * sum((g, k) in means for k in kinds) + gap for g in groups) + 0.1
    height += (0.1 + LINE * 1.25 * (key[-1][1] + 1)) if key else 0
    with style():
        figure = canvas(WIDTH, height, layout=None)
        ax = paper(figure)
        if title:
            ax.text(0.12, 0.27, title, fontsize=14, fontweight="bold", va="center")
        y = head + gap / 2
        for group in groups:
            own = [kind for kind in kinds if (group, kind) in means]
            ax.text(left - 0.12, y + thick * len(own) / 2, shortened(group, left - 0.25), ha="right", va="center")
            for kind in own:
                mean, low, high = means[group, kind]
                colour, hatch = fills[group if inner == "_all" else kind]
                long, end = room / top * np.nan_to_num([mean, max(mean, high)])
                ax.add_patch(
                    Rectangle(
                        (left, y + 0.03),
                        long,
                        thick - 0.06,
                        facecolor=colour,
                        hatch=hatch,
                        edgecolor=PAPER,
                        linewidth=0,
                    )
                )
                if high > low:
                    ax.plot(left + room * np.array([low, high]) / top, [y + thick / 2] * 2, color=INK, linewidth=1.6)
                ax.text(left + end + 0.08, y + thick / 2, rounded(mean, unit), va="center")
                y += thick
            y += gap
        ax.plot([left, left], [head, y - gap / 2], color=GREY, linewidth=0.8)
        for kind, (x, line) in zip(kinds, key, strict=False):
            at = y + 0.1 + LINE * 1.25 * line
            ax.add_patch(
                Rectangle(
                    (0.15 + x, at),
                    0.28,
                    0.17,
                    facecolor=fills[kind][0],
                    hatch=fills[kind][1],
                    edgecolor=PAPER,
                    linewidth=0,
                )
            )
            ax.text(0.5 + x, at + 0.085, kind, va="center")
    return Drawing(figure, say_bars(means, value, unit, by, title))


def fills_of(names: Sequence[str], named: bool) -> dict[str, tuple[str, str]]:
    """Tasks have their colours; other bars are blue where each bears its name, and differ in hatch where not."""
    if all(name in OF_TASKS for name in names):
        return {name: (colour, "") for name, colour in colours_of(names).items()}
    return {name: FILLS[0 if named else i % len(FILLS)] for i, name in enumerate(names)}


def say_bars(means: dict, value: str, unit: str, by: Sequence[str], title: str | None) -> str:
    """The alt text of :func:`bars`: the most, the least, and their ratio."""
    known = {", ".join(part for part in key if part): mean for key, (mean, *_) in means.items() if np.isfinite(mean)}
    start = f"{title or value}, by {' and '.join(by)}: {len(known)} bar{'s' * (len(known) != 1)}."
    if not known:
        return start
    most, least = max(known, key=known.get), min(known, key=known.get)
    if most == least:
        return f"{start} {most}: {about(known[most], unit)}."
    times = f", ≈ {coarse(known[most] / known[least])} times as much" if known[least] > 0 else ""
    return f"{start} Most: {most}, {about(known[most], unit)}{times}; least: {least}, {about(known[least], unit)}."


def paired(claims: object, *, unit: str | None = None, title: str | None = None) -> Drawing:
    """Paired differences: for each claim a dot a pair, their mean, its 95 % interval, zero, and the verdict in words.

    ``claims``: what ``mtl.claim`` returns, one or several of one unit, or (text, differences) pairs, whose verdict is
    only whether the interval lies above zero, below it or holds it. ``unit`` "%" writes percentage points.
    """
    rows = [as_row(one) for one in ([claims] if hasattr(claims, "differences") else claims)]
    units = {row["unit"] for row in rows} if unit is None else {unit}
    if not rows:
        raise ValueError("there is no claim to draw")
    if len(units) > 1:
        raise ValueError(f"claims drawn together need one unit; these have {sorted(units)}")
    unit = units.pop()
    factor = 100 if unit == "%" else 1
    left, right = 3.7, 1.75
    texts = [wrapped(row["text"], left - 0.3, 4) for row in rows]
    heights = [max(0.72, 0.26 + LINE * 1.1 * len(lines)) for lines in texts]
    head, room = 0.15 + 0.42 * bool(title), WIDTH - left - right
    numbers = factor * np.concatenate([[0.0], *[[*row["differences"], row["low"], row["high"]] for row in rows]])
    low, high = numbers.min(), numbers.max()
    low, high = low - 0.06 * (high - low or 1), high + 0.06 * (high - low or 1)
    total = sum(heights)
    with style():
        figure = canvas(WIDTH, head + total + 0.75, layout=None)
        page = paper(figure)
        box = (left / WIDTH, 0.75 / (head + total + 0.75), room / WIDTH, total / (head + total + 0.75))
        ax = figure.add_axes(box)
        if title:
            page.text(0.12, 0.27, title, fontsize=14, fontweight="bold", va="center")
        y = 0.0
        for row, lines, tall in zip(rows, texts, heights, strict=True):
            middle, (sign, colour) = y + tall / 2, VERDICTS.get(row["verdict"], ("", INK))
            dots = factor * np.asarray(row["differences"], float)
            ax.plot(
                dots,
                middle + 0.17 + 0.05 * jitter(len(dots)),
                "o",
                color="#8A8A8A",
                markersize=5,
                alpha=0.8,
                markeredgecolor=PAPER,
                markeredgewidth=0.5,
                zorder=3,
            )
            mean, *ends = (factor * row[name] for name in ("mean", "low", "high"))
            ax.plot(ends, [middle - 0.08] * 2, color=colour, linewidth=2.6, zorder=3)
            ax.plot([mean], [middle - 0.08], "D", color=colour, markersize=8, markeredgecolor=PAPER, zorder=4)
            page.text(left - 0.2, head + middle, "\n".join(lines), ha="right", va="center", linespacing=1.2)
            page.text(
                WIDTH - right + 0.15,
                head + middle - 0.02,
                f"{sign} {row['verdict']}".strip(),
                va="center",
                color=colour,
                fontweight="bold",
            )
            y += tall
            if row is not rows[-1]:
                ax.axhline(y, color=PALE, linewidth=0.8)
        ax.axvline(0, color=INK, linewidth=1.2, zorder=1)
        ax.set(xlim=(low, high), ylim=(total, 0), yticks=[])
        ax.xaxis.set_major_locator(MaxNLocator(6))  # seven labels such as −0.25 stand apart, nine do not
        ax.spines["left"].set_visible(False)
        named = {"%": " (percentage points)", "": ""}.get(unit, f" ({unit})")
        ax.set_xlabel(f"paired difference{named}\n● a {rows[0]['pair']}   ◆ mean and 95 % interval", linespacing=1.3)
    return Drawing(figure, say_claims(rows, unit, title))


def as_row(one: object) -> dict:
    """A claim, or a pair (text, differences), as the parts that are drawn."""
    if hasattr(one, "differences"):
        return {name: getattr(one, name) for name in ("text", "differences", "mean", "low", "high", "verdict")} | {
            "unit": getattr(one, "unit", ""),
            "pair": getattr(one, "pairs", "paired seeds").removeprefix("paired ").removesuffix("s"),
        }
    text, differences = one
    differences = np.asarray(differences, float)
    if differences.ndim != 1 or not len(differences) or not np.isfinite(differences).all():
        raise ValueError(f"the differences of {text!r} must be a row of finite numbers, at least one")
    mean, low, high = map(float, interval(differences))
    verdict = "above zero" if low > 0 else "below zero" if high < 0 else "undecided"
    return {
        "text": text,
        "differences": differences,
        "mean": mean,
        "low": low,
        "high": high,
        "verdict": verdict,
        "unit": "",
        "pair": "seed",
    }


def jitter(n: int) -> np.ndarray:
    """Small steps up and down, so that equal dots can be told apart; the same each time."""
    return np.resize([0.0, -1.0, 1.0], n)


def say_claims(rows: list[dict], unit: str, title: str | None) -> str:
    """The alt text of :func:`paired`: every verdict, and the largest difference."""
    factor, said = (100, " percentage points") if unit == "%" else (1, f" {unit}" if unit else "")
    verdicts = "; ".join(f"{row['text']}: {row['verdict']}" for row in rows[:6])
    more = f"; and {len(rows) - 6} more" if len(rows) > 6 else ""
    widest = max(rows, key=lambda row: abs(row["mean"]))
    which = "The mean difference" if len(rows) == 1 else f"The largest mean difference, of “{widest['text']}”,"
    mean, low, high = (f"≈ {coarse(factor * widest[name])}" for name in ("mean", "low", "high"))
    return (
        f"{title + '. ' if title else ''}{verdicts}{more}. {which} is {mean}{said}, with a 95 % interval from "
        f"{low} to {high}."
    )
