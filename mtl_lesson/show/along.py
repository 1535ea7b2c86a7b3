"""What a dial does: a score, a loss or a gap along λ, a branch, a number of labels, an epoch."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from numbers import Real

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from ..inspection.paths import places
from ..words import LETTERS
from .drawing import Drawing
from .schools import draw_ticks
from .style import (
    GREY,
    MARKERS,
    PAPER,
    WIDTH,
    about,
    canvas,
    colours_of,
    dashes_of,
    draw_band,
    draw_level,
    for_text,
    legend_columns,
    percent,
    rounded,
    shortened,
    style,
)

LINES = 6  # a panel cannot show more that one can tell apart
FLOWN = 1e4  # on a logarithmic axis, what has grown by this factor is off and away


def along(
    table: pd.DataFrame,
    x: str,
    value: str = "score",
    *,
    line: str = "task",
    panel: str | None = None,
    unit: str | None = None,
    label: str | None = None,
    x_label: str | None = None,
    log: bool = False,
    levels: Mapping[str, float | str] | None = None,
    marked: tuple | None = None,
    title: str | None = None,
) -> Drawing:
    """A line for each value of the column ``line``, a panel for each of ``panel``: ``value`` against ``x``, over seeds.

    ``table``: tidy, such as the ``table`` of a Sweep, with a column "seed"; rows that differ in neither are averaged.
    A line is the mean over seeds in the band of its 95 % interval (lowest to highest where there are fewer than 3). An
    ``x`` of numbers that holds ∞, or spans a factor of ten, gets a logarithmic axis with places for 0 and ∞;
    an ``x`` of words keeps its order. ``unit`` "%" takes shares; it is guessed for scores from 0 to 1. ``levels``:
    name → a value drawn as a line across, or a column: at each x its mean over seeds, the highest of the lines'.
    ``marked``: (a value of x, what to write at it). ``log``: a logarithmic axis for the value. A line ends with a cross
    where the value is no longer a number, or has grown ten-thousandfold there.

    Raises KeyError for a column that is not there, ValueError for an empty table or more than six lines.
    """
    floors = {said: column for said, column in (levels or {}).items() if isinstance(column, str)}
    columns = [x, value, line, *([panel] if panel else []), *floors.values()]
    if missing := [name for name in columns if name not in table]:
        raise KeyError(f"the table has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}")
    lines = list(dict.fromkeys(table[line]))
    if not lines:
        raise ValueError("there is nothing to draw: the table has no rows")
    if len(lines) > LINES:
        raise ValueError(f"{len(lines)} lines cannot be told apart: choose up to {LINES} values of {line!r}")
    if unit is None:
        unit = "%" if value == "score" and table[value].dropna().between(0, 1).all() else ""
    panels = list(dict.fromkeys(table[panel])) if panel else [None]
    axis = Axis(list(dict.fromkeys(table[x])), x_label or LETTERS.get(x, x))
    width = min(WIDTH, 1.2 + 3.2 * max(len(panels), 2))
    signs, dashes = {str(one): MARKERS.get(str(one), "o") for one in lines}, dashes_of(lines)
    colours = colours_of(map(str, lines))
    named = [shortened(str(one), 3) for one in lines]
    beside = legend_columns(named, width)
    with style():
        figure = canvas(width, 3.3 + 0.4 * bool(title) + 0.3 * math.ceil(len(lines) / beside))
        axes = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
        for ax, name in zip(axes, panels, strict=True):
            part = table if name is None else table[table[panel] == name]
            for one in lines:
                at, values = cells(part[part[line] == one], x, value, axis)
                if log:
                    values = np.where((values > 0) & (values < FLOWN * values[:, :1]), values, np.nan)
                draw_line(ax, at, values, colours[str(one)], dashes[one], signs[str(one)])
            axis.set(ax)
            if name is not None:
                ax.set_title(shortened(str(name), width / len(panels) - 0.5, 13, "bold"))
            for said, y in (levels or {}).items():
                if said in floors:
                    draw_floor(ax, axis, highest(part, x, y, line), said)
                else:
                    draw_level(ax, y, said)
            if marked is not None:
                draw_mark(ax, axis, *marked)
            if log:
                ax.set_yscale("log")
                ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5), numticks=8))
                ax.yaxis.set_major_formatter(FuncFormatter(lambda y, _: rounded(y)))
                ax.yaxis.set_minor_formatter(NullFormatter())
            elif unit == "%":
                ax.yaxis.set_major_formatter(FuncFormatter(percent))
        axes[0].set_ylabel(label or value)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold")
        if len(lines) > 1 or str(lines[0]) in MARKERS:
            handles = [
                Line2D(
                    [],
                    [],
                    color=colours[str(one)],
                    linestyle=dashes[one],
                    marker=signs[str(one)],
                    markeredgecolor=PAPER,
                    label=name,
                )
                for one, name in zip(lines, named, strict=True)
            ]
            figure.legend(handles=handles, loc="outside lower center", ncols=beside, handlelength=2.6)
    alt = say_lines(table, x, value, line, panel, unit, label or value, axis, title)
    alt += "".join(say_floor(table, x, column, line, unit, axis, said) for said, column in floors.items())
    return Drawing(figure, alt)


class Axis:
    """Where the values of x stand: a logarithmic axis with 0 and ∞, a plain one, or words in a row."""

    def __init__(self, values: Sequence, name: str):
        self.name = name
        numbers = all(isinstance(one, Real) and not isinstance(one, bool) for one in values)
        self.values = sorted(values) if numbers else list(values)
        inner = [one for one in self.values if 0 < one < math.inf] if numbers else []
        spread = len(inner) > 1 and max(inner) / min(inner) > 9.99
        counts = name == "epoch"  # which go by one at a time, however many there are
        self.kind = "words" if not numbers else "log" if math.inf in self.values or (spread and not counts) else "plain"
        if self.kind == "log":
            at = places(self.values)
        else:
            at = self.values if self.kind == "plain" else range(len(self.values))
        self.place = dict(zip(self.values, map(float, at), strict=True))

    def set(self, ax: Axes) -> None:
        ax.set_xlabel(self.name)
        at = np.array(list(self.place.values()))
        if self.kind == "log":
            draw_ticks(ax, self.values, at)
        elif len(self.values) <= 8:
            ax.set_xticks(at, [str(v) if self.kind == "words" else f"{v:g}" for v in self.values])
        if self.kind == "words" and len(self.values) * max(len(str(v)) for v in self.values) > 40:
            ax.tick_params(axis="x", labelrotation=30)

    def said(self, value: object) -> str:
        if isinstance(value, Real) and not isinstance(value, bool):
            return f"{self.name} = {'∞' if math.isinf(value) else f'{value:g}'}"
        return str(value)


def cells(part: pd.DataFrame, x: str, value: str, axis: Axis) -> tuple[np.ndarray, np.ndarray]:
    """Where the values of x stand and what was measured there, (seeds, len(x)); what some seed lacks is left out."""
    part = part if "seed" in part else part.assign(seed=0)
    wide = part.pivot_table(index="seed", columns=x, values=value, aggfunc="mean", sort=False, dropna=False)
    wide = wide[[one for one in axis.values if one in wide]]
    return np.array([axis.place[one] for one in wide]), wide.to_numpy(float)


def draw_line(ax: Axes, at: np.ndarray, values: np.ndarray, colour: str, dashes: object, marker: str) -> None:
    """A band as far as every seed has a number, and a cross where the line breaks off."""
    whole = np.isfinite(values).all(0)
    end = len(at) if whole.all() else int(np.argmin(whole))
    draw_band(ax, at[:end], values[:, :end], colour=colour, dashes=dashes, marker=marker)
    if 0 < end < len(at):
        ax.plot(
            at[end - 1],
            values[:, end - 1].mean(),
            marker="x",
            color=colour,
            markersize=11,
            markeredgewidth=2.5,
            zorder=4,
            clip_on=False,
        )


def highest(part: pd.DataFrame, x: str, column: str, line: str) -> pd.Series:
    """x → the mean of a column over seeds, of the line where it is highest."""
    return part.groupby([line, x])[column].mean().groupby(level=x).max()


def draw_floor(ax: Axes, axis: Axis, values: pd.Series, text: str) -> None:
    """A level that changes along x."""
    at = sorted((axis.place[one], level) for one, level in values.items())
    ax.plot(*zip(*at, strict=True), color=GREY, linestyle=(0, (4, 2)), linewidth=1.3, zorder=1)
    ax.annotate(text, at[0], (0, 3), textcoords="offset points", ha="left", va="bottom", color=for_text(GREY))


def draw_mark(ax: Axes, axis: Axis, value: object, text: str) -> None:
    at = axis.place[value] if value in axis.place else math.log10(value) if axis.kind == "log" else float(value)
    ax.axvline(at, color=for_text("#6E6E6E"), linestyle=(0, (2, 2)), linewidth=1.3, zorder=1)
    ax.annotate(text, (at, 1), (4, -2), xycoords=("data", "axes fraction"), textcoords="offset points", va="top")


def say_lines(
    table: pd.DataFrame,
    x: str,
    value: str,
    line: str,
    panel: str | None,
    unit: str,
    label: str,
    axis: Axis,
    title: str | None,
) -> str:
    """The alt text: each line at its first, middle and last x, in order."""
    means = table.groupby([*([panel] if panel else []), line, x], sort=False)[value].mean()
    shown = list(dict.fromkeys([axis.values[0], axis.values[len(axis.values) // 2], axis.values[-1]]))
    text = [
        f"{title + '. ' if title else ''}{label} against {axis.name}, from {axis.said(axis.values[0])} to "
        f"{axis.said(axis.values[-1])}."
    ]
    for name in list(dict.fromkeys(table[panel]))[:6] if panel else [None]:
        for one in dict.fromkeys(table[line]):
            mine = means[name][one] if panel else means[one]
            said = [f"{told(mine[v], unit)} at {axis.said(v)}" for v in shown if v in mine.index]
            text.append(f"{f'{name}, ' if panel else ''}{one}: {', '.join(said)}.")
    return " ".join(text)


def say_floor(table: pd.DataFrame, x: str, column: str, line: str, unit: str, axis: Axis, text: str) -> str:
    """The alt text of a level that changes along x."""
    level = highest(table, x, column, line)
    ends = [f"{told(level[one], unit)} at {axis.said(one)}" for one in dict.fromkeys([axis.values[0], axis.values[-1]])]
    return f" {text}: {', '.join(ends)}."


def told(value: float, unit: str) -> str:
    return about(value, unit) if not abs(value) > 1e6 else "beyond a million"
