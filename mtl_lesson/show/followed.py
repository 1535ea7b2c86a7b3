"""People who were followed: a line each from the first day to the last that is known, and the labels that it makes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from .drawing import Drawing
from .style import BLUE, GREY, INK, ORANGE, PALE, PAPER, VERMILLION, WIDTH, canvas, style

YEAR = 365.25  # days
ANSWERS = {1: "yes", 0: "no", -1: "?"}
INKS = {"yes": "#A03D00", "no": INK, "?": GREY}
EACH = 0.21  # inches a line


def followed(
    table: pd.DataFrame, labels: Mapping[str, Sequence[int]], years: float = 5, *, title: str | None = None
) -> Drawing:
    """A line for each patient, longest first, from surgery to death or to the last day that is known; where a relapse
    was seen, where ``years`` end, and beside it the label of each task: yes, no, or ? where it is missing.

    ``table``: a row a patient, with the columns rtime, recur, dtime and death of ``mtl.data.patients_table``.
    ``labels``: task → 1, 0 or -1 for each row. Raises KeyError for a column that is not there, ValueError for no rows,
    labels of another length, or a label that is none.
    """
    if missing := [name for name in ("rtime", "recur", "dtime", "death") if name not in table]:
        raise KeyError(f"the table has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}")
    known = {task: np.asarray(values) for task, values in labels.items()}
    if table.empty or any(len(values) != len(table) for values in known.values()):
        raise ValueError(f"there are {len(table)} patients, and labels of {[len(v) for v in known.values()]}")
    if any(not np.isin(values, list(ANSWERS)).all() for values in known.values()):
        raise ValueError("a label is 1, 0 or, where it is missing, -1")
    order = np.argsort(-table.dtime.to_numpy(), kind="stable")
    table, known = table.iloc[order], {task: values[order] for task, values in known.items()}
    longest, gap = table.dtime.max() / YEAR, 0.13 * table.dtime.max() / YEAR
    with style():
        figure = canvas(WIDTH, 1.5 + EACH * len(table) + 0.3 * bool(title))
        ax = figure.add_subplot()
        draw_lives(ax, table)
        ax.axvline(years, color=INK, linewidth=1.4, zorder=1)
        write_above(ax, years, f"{years:g} years", INK)
        for column, (task, values) in enumerate(known.items()):
            x = longest + gap * (0.8 + column)
            write_above(ax, x, task, GREY)
            for row, value in enumerate(values):
                said = ANSWERS[int(value)]
                ax.text(x, row, said, ha="center", va="center", color=INKS[said], fontweight="bold")
        ax.set(ylim=(len(table) - 0.3, -0.7), yticks=[], xlabel="years since surgery")
        ax.set_xlim(0, longest + gap * (0.4 + len(known)))
        ax.set_xticks(range(0, int(longest) + 1, 5))
        ax.spines["left"].set_visible(False)
        ax.spines["bottom"].set_bounds(0, longest)
        figure.legend(handles=legend_of_lives(), loc="outside lower center", ncols=3, handlelength=1.2)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    said = "" if not title else f"{title} " if title[-1] in "?." else f"{title}. "
    return Drawing(figure, said + say_followed(table, known, years))


def write_above(ax: Axes, x: float, text: str, colour: str) -> None:
    """A word above the axes, at ``x``."""
    place = {"xycoords": ("data", "axes fraction"), "textcoords": "offset points", "ha": "center", "va": "bottom"}
    ax.annotate(text, (x, 1), (0, 4), color=colour, **place)


def draw_lives(ax: Axes, table: pd.DataFrame) -> None:
    """A line a row of the table, a diamond at a relapse, a filled square at a death, an open circle at a last visit."""
    for row, one in enumerate(table.itertuples()):
        end, relapse = one.dtime / YEAR, one.rtime / YEAR
        ax.plot([0, end], [row, row], color=PALE, linewidth=4, solid_capstyle="butt", zorder=2)
        if one.recur:
            ax.plot([relapse, end], [row, row], color=ORANGE, linewidth=4, solid_capstyle="butt", zorder=2)
            ax.plot(relapse, row, "D", color=VERMILLION, markersize=6, markeredgecolor=PAPER, zorder=4)
        if one.death:
            ax.plot(end, row, "s", color=INK, markersize=7, markeredgecolor=PAPER, zorder=3)
        else:
            ax.plot(end, row, "o", color=BLUE, markerfacecolor=PAPER, markersize=6, zorder=3)


def legend_of_lives() -> list[Line2D]:
    common = {"linestyle": "none", "markeredgecolor": PAPER}
    return [
        Line2D([], [], marker="D", color=VERMILLION, label="relapse", **common),
        Line2D([], [], marker="s", color=INK, label="death", **common),
        Line2D([], [], marker="o", markerfacecolor=PAPER, color=BLUE, linestyle="none", label="last seen alive"),
    ]


def say_followed(table: pd.DataFrame, labels: Mapping[str, np.ndarray], years: float) -> str:
    """The alt text: how many were followed, what became of them, and how often each label is yes, no or missing."""
    text = (
        f"{len(table)} patients followed from surgery for {table.dtime.min() / YEAR:.1f} to "
        f"{table.dtime.max() / YEAR:.1f} years: {int(table.recur.sum())} relapsed, {int(table.death.sum())} died."
    )
    for task, values in labels.items():
        counts = [f"{said} {int((values == value).sum())}" for value, said in ANSWERS.items()]
        text += f" {task} within {years:g} years: {', '.join(counts).replace('?', 'not known')}."
    return text
