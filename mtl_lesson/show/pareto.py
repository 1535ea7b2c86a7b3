"""The Pareto view: the scores of two tasks at once, a point for each way of sharing."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from ..evidence import interval
from .drawing import Drawing
from .sheets import LINE
from .style import (
    BLUE,
    GREY,
    INK,
    PALE,
    PAPER,
    about,
    breadth,
    canvas,
    for_text,
    listed,
    markers_of,
    percent,
    style,
)

PANEL = 7.0, 4.6  # inches
ROUND = ((1, 1), (1, -1), (-1, 1), (-1, -1), (1, 0), (-1, 0))  # where a name may stand: right or left, above, below, at


def pareto(
    table: pd.DataFrame,
    x: str,
    y: str,
    *,
    by: str = "way",
    reference: str | None = None,
    hollow: Collection[str] = (),
    hollow_means: str = "dominated",
    unit: str = "%",
    title: str | None = None,
) -> Drawing:
    """Two tasks' mean scores over seeds, a marker for each of ``by``: up and to the right is better at both.

    ``table``: tidy, with columns ``by``, task, seed and score. ``x``, ``y``: two task names. The arms of a marker are
    95 % intervals of its means; with a ``reference`` (one of ``by``) they are those of the *paired differences* to it,
    the reference has none, and a dashed line shows where the mean of the two tasks equals that of the reference.
    ``hollow``: whose markers are drawn hollow, and what that means. ``unit`` "%" takes fractions.

    Raises KeyError for a column, a task or a way that is not there, ValueError where not all have the same seeds.
    """
    wide = seeds_of(table, by, (x, y))
    names = list(wide)
    for name in (*hollow, *([reference] if reference is not None else [])):
        if name not in wide:
            raise KeyError(f"there is no {by} {name!r}; there are {', '.join(names)}")
    means = {name: values.mean(0) for name, values in wide.items()}
    arms = {
        name: np.stack(interval(values - (0 if reference is None else wide[reference]))[1:])
        for name, values in wide.items()
    }  # (2, 2): low and high, x and y
    if reference is not None:
        arms = {name: ends + means[reference] for name, ends in arms.items()}
    ends = np.concatenate([*arms.values(), np.stack(list(means.values()))])
    notes = [f"arms: 95 % intervals{'' if reference is None else f' of the paired difference to {reference}'}"]
    notes += [f"dashed: the same mean of the two as {reference}"] * (reference is not None)
    notes += [f"hollow: {hollow_means}"] * bool(hollow)
    with style():
        figure, ax = two_scores(ends, (x, y), notes, unit, title)
        if reference is not None:
            reach = max(np.ptp(ax.get_xlim()), np.ptp(ax.get_ylim()))  # beyond the panel, whose limits are set
            across = means[reference][0] + np.array([-1, 1]) * reach
            ax.plot(across, means[reference].sum() - across, color=GREY, linestyle=(0, (5, 3)), linewidth=1.4, zorder=1)
        markers = markers_of(names)
        for name in names:
            filled = PAPER if name in hollow else BLUE
            draw_arms(ax, means[name], arms[name], GREY, 1.6)
            ax.plot(
                *means[name],
                markers[name],
                markersize=10,
                color=BLUE,
                markerfacecolor=filled,
                markeredgewidth=1.5,
                markeredgecolor=BLUE if name in hollow else PAPER,
                zorder=3,
            )
        write_names(ax, means, arms, dict.fromkeys(hollow, for_text(GREY)))
    return Drawing(figure, say_pareto(means, (x, y), list(hollow), hollow_means, unit, title))


def two_scores(
    ends: np.ndarray, tasks: tuple[str, str], notes: Sequence[str], unit: str, title: str | None
) -> tuple[Figure, Axes]:
    """An empty panel of the scores of two ``tasks``, with room for the points ``ends`` (n, 2); notes stand below it."""
    left, low, head = 1.0, 0.75 + LINE * 1.1 * len(notes), 0.15 + 0.45 * bool(title)
    width, height = left + PANEL[0] + 0.3, head + PANEL[1] + low
    figure = canvas(width, height, layout=None)
    ax = figure.add_axes((left / width, low / height, PANEL[0] / width, PANEL[1] / height))
    middle, half = (ends.max(0) + ends.min(0)) / 2, 0.64 * np.maximum(np.ptp(ends, axis=0), 1e-3)
    ax.set(xlim=middle[0] + np.array([-1, 1]) * half[0], ylim=middle[1] + np.array([-1, 1]) * half[1])
    ax.grid(color=PALE, linewidth=0.8)
    for axis, task in zip((ax.xaxis, ax.yaxis), tasks, strict=True):
        axis.set_label_text(f"{task} →")
        if unit == "%":
            axis.set_major_formatter(FuncFormatter(percent))
    figure.text(0.12 / width, 0.12 / height, "\n".join(notes), color=for_text(GREY), va="bottom", linespacing=1.3)
    if title:
        figure.text(0.12 / width, 1 - 0.27 / height, title, fontsize=14, fontweight="bold", va="center")
    return figure, ax


def draw_arms(ax: Axes, mean: np.ndarray, ends: np.ndarray, colour: str, width: float) -> None:
    """Both intervals of a point."""
    for axis in (0, 1):
        line = np.tile(mean, (2, 1))
        line[:, axis] = ends[:, axis]
        ax.plot(*line.T, color=colour, linewidth=width, zorder=2)


def seeds_of(table: pd.DataFrame, by: str, tasks: tuple[str, str]) -> dict[str, np.ndarray]:
    """{name: scores (seeds, 2)}, all over the same seeds."""
    if missing := [name for name in (by, "task", "seed", "score") if name not in table]:
        raise KeyError(f"the table has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}")
    if unknown := [task for task in tasks if task not in set(table.task)]:
        raise KeyError(f"there is no task {unknown[0]!r}; there are {', '.join(dict.fromkeys(table.task))}")
    found = {}
    for name in dict.fromkeys(table[by]):
        rows = table[table[by] == name].pivot_table(index="seed", columns="task", values="score")
        found[str(name)] = rows.reindex(columns=list(tasks))
    seeds = {tuple(sorted(rows.dropna().index)) for rows in found.values()}
    if len(seeds) > 1:
        raise ValueError(f"not every {by} has both tasks for the same seeds; take those that all have")
    return {name: rows.sort_index().to_numpy() for name, rows in found.items()}


def write_names(
    ax: Axes,
    means: dict[str, np.ndarray],
    arms: dict[str, np.ndarray],
    inks: dict[str, str] | None = None,
    lines: Sequence[np.ndarray] = (),
) -> None:
    """Write each name beside its marker, where it covers the fewest of the markers, arms and names that are there.

    ``inks``: colours of names, else black. ``lines``: points (n, 2) in the units of the axes that had better be free.
    """
    box = ax.get_position()
    size = np.array([box.width, box.height]) * ax.figure.get_size_inches()
    origin = np.array([ax.get_xlim()[0], ax.get_ylim()[0]])
    scale = size / (np.array([ax.get_xlim()[1], ax.get_ylim()[1]]) - origin)
    at = {name: (mean - origin) * scale for name, mean in means.items()}  # inches from the lower left corner
    taken = [np.stack([point - 0.1, point + 0.1]) for point in at.values()]
    for name, ends in arms.items():
        ends, point = (ends - origin) * scale, at[name]
        taken.append(np.array([[ends[0, 0], point[1] - 0.02], [ends[1, 0], point[1] + 0.02]]))
        taken.append(np.array([[point[0] - 0.02, ends[0, 1]], [point[0] + 0.02, ends[1, 1]]]))
    for points in lines:
        taken += [np.stack([point - 0.04, point + 0.04]) for point in (points - origin) * scale]
    for name, point in at.items():
        wide, tall = breadth(name), LINE * 0.8
        spots = []
        for away in (0.15, 0.4, 0.65, 0.9):
            for right, up in ROUND:
                beside = 0.13 if up else 0.05 + away
                across = beside if right > 0 else -wide - beside
                corner = point + np.array([across, up * away - tall / 2])
                spots.append(np.stack([corner, corner + np.array([wide, tall])]))
        spot = min(spots, key=lambda spot: covered(spot, taken, size))
        taken.append(spot)
        colour = (inks or {}).get(name, INK)
        (x, y), near = spot[0] / scale + origin, np.clip(point, spot[0], spot[1])
        ax.text(x, y, name, va="bottom", color=colour, zorder=4)
        if np.hypot(*(near - point)) > 0.25:
            ax.plot(*(np.stack([point, near]) / scale + origin).T, color=colour, linewidth=0.8, zorder=2)


def covered(spot: np.ndarray, taken: list[np.ndarray], size: np.ndarray) -> float:
    """How much of a spot (2, 2), its lower left and upper right corner, is taken already or off the panel."""
    area = float(np.prod(spot[1] - spot[0]))
    inside = np.clip(np.minimum(spot[1], size) - np.maximum(spot[0], 0), 0, None)
    overlaps = [np.clip(np.minimum(spot[1], other[1]) - np.maximum(spot[0], other[0]), 0, None) for other in taken]
    return 3 * (area - float(np.prod(inside))) + sum(float(np.prod(overlap)) for overlap in overlaps)


def say_pareto(
    means: dict[str, np.ndarray],
    tasks: tuple[str, str],
    hollow: list[str],
    hollow_means: str,
    unit: str,
    title: str | None,
) -> str:
    """The alt text: who is best at each task, both scores of all, and who is hollow."""
    text = [f"{title + '. ' if title else ''}{tasks[0]} against {tasks[1]}, {len(means)} points."]
    for axis, task in enumerate(tasks):
        text.append(f"Best at {task}: {max(means, key=lambda name, axis=axis: means[name][axis])}.")
    for name, mean in list(means.items())[:8]:
        text.append(f"{name}: {tasks[0]} {about(mean[0], unit)}, {tasks[1]} {about(mean[1], unit)}.")
    if hollow:
        text.append(f"Hollow ({hollow_means}): {listed(hollow)}.")
    return " ".join(text)
