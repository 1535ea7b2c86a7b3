"""A path along λ as one picture: what the λ explorer shows at one λ, where there is no kernel to move it."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter

from ..inspection.paths import Path, Slice, as_shares, mean_of, places
from ..words import MANY, about, listed, rounded, sentence, title, unit, written
from .drawing import Drawing
from .maps import SHADES
from .schools import draw_ticks
from .style import (
    GREY,
    INK,
    PALE,
    PAPER,
    WIDTH,
    canvas,
    colours_of,
    dashes_of,
    for_text,
    ink_on,
    shortened,
    style,
)

ORIGIN = {"trained": "trained networks", "stored": "stored results of trained networks"}
ALONE = "Not possible here: training needs Python, and a saved page has none."
LEAST = 0.001  # the least gap drawn: on a logarithmic scale 0 has no place


def explorer(path: Path, values: tuple, index: int, seed: int | None = None) -> Drawing:
    """A path along λ at one λ: scores, two tasks against each other, gaps, and what the first task that has classes
    takes for what.

    ``values``: where the dials stand, a value each. ``index``: the number of the λ. ``seed``: one, or None for the mean
    over all. Raises KeyError for a setting that the path has no results for.
    """
    found = path.at(*values)
    several, classes = len(found.tasks) > 1, bool(found.confusions)
    with style():
        figure = canvas(WIDTH, 7.0)
        top, bottom = figure.subfigures(2, 1, height_ratios=(1.1, 1))
        upper = top.subplots(1, 1 + several, width_ratios=(1.4, 1)[: 1 + several], squeeze=False)[0]
        lower = bottom.subplots(1, 1 + classes, width_ratios=(1.4, 1)[: 1 + classes], squeeze=False)[0]
        draw_scores(upper[0], found, index, seed, path.split)
        if several:
            draw_pareto(upper[1], found, index, seed)
        draw_gaps(lower[0], found, index, seed)
        if classes:
            draw_confusion(lower[1], found, next(iter(found.confusions)), index)
        heading = f"{title(path, values)}: λ = {written(found.lams[index])}"
        figure.suptitle(shortened(heading, WIDTH - 0.4, 14, "bold"), x=0.01, ha="left", fontsize=14, fontweight="bold")
    return Drawing(figure, say_path(path, values, index, seed))


def draw_scores(ax: Axes, found: Slice, index: int, seed: int | None, split: str) -> None:
    """Score against λ: a line a task in the band of its seeds; of many tasks thin lines, and their mean in its band.
    Where scores are of different kinds, each task is drawn from its worst to its best."""
    at, lines, task = places(found.lams), found.scores_of(seed), found.tasks[0]
    names = [task.name for task in found.tasks]
    colours, dashes, (_, low, high) = colours_of(names), dashes_of(names), found.band
    many = len(names) > MANY and found.alike
    if not found.alike:
        worst, best = np.nanmin(found.scores, (0, 1)), np.nanmax(found.scores, (0, 1))
        up = np.array([task.higher_is_better for task in found.tasks])
        worst, best = np.where(up, worst, best), np.where(up, best, worst)
        span = np.where(best == worst, 1, best - worst)
        lines, low, high = ((part - worst) / span for part in (lines, low, high))
    for t, name in enumerate(names):
        if many:
            ax.plot(at, lines[:, t], color=PALE, linewidth=0.8)
            continue
        ax.fill_between(at, low[:, t], high[:, t], color=colours[name], alpha=0.18, linewidth=0)
        ax.plot(at, lines[:, t], color=colours[name], linestyle=dashes[name], label=shortened(name, 1.4))
        ax.plot(at[index], lines[index, t], "o", color=colours[name], markeredgecolor=PAPER, markersize=9, zorder=4)
    if many:
        middle, (_, below, above) = found.pooled_of(seed), found.pooled_band
        ax.fill_between(at, below, above, color=INK, alpha=0.18, linewidth=0)
        ax.plot(at, middle, color=INK, label=f"mean of {len(names)} tasks")
        ax.plot(at[index], middle[index], "o", color=INK, markeredgecolor=PAPER, markersize=9, zorder=4)
        ax.set_ylim(around(below, above))
    ax.axvline(at[index], color=INK, linewidth=1.2, zorder=1)
    ax.axvline(at[found.best], color=INK, linewidth=1.2, linestyle=(0, (1, 2)), zorder=1)
    ax.plot(at[found.best], 1.0, "v", color=INK, transform=ax.get_xaxis_transform(), clip_on=False)
    what = task.score_name if found.alike else "from worst to best"
    ax.set(xlabel="λ   (▼ best on validation)", ylabel=f"{what} on {split}")
    draw_ticks(ax, found.lams, at)
    label_in_percent(ax.yaxis, unit(task) if found.alike else None)
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, handlelength=1.8, columnspacing=1.0)


def around(low: np.ndarray, high: np.ndarray) -> tuple[float, float]:
    """Limits that show the curve of a mean; the lines of single tasks, which spread far wider, are cut by them."""
    least, most = np.nanmin(low), np.nanmax(high)
    room = 0.75 * (most - least) or 0.1 * abs(most) or 1
    return least - room, most + room


def draw_pareto(ax: Axes, found: Slice, index: int, seed: int | None) -> None:
    """The first two tasks against each other: the path that λ runs through, and every seed's own, faint."""
    one, two = found.tasks[:2]
    for own in found.scores:
        ax.plot(own[:, 0], own[:, 1], color=GREY, linewidth=0.8, alpha=0.5)
    line = found.scores_of(seed)
    ax.plot(line[:, 0], line[:, 1], color=INK, marker="o", markersize=4)
    ax.plot(*line[index, :2], "o", color=INK, markeredgecolor=PAPER, markersize=13, zorder=4)
    for end in (0, -1):
        ax.annotate(written(found.lams[end]), line[end, :2], (6, 5), textcoords="offset points", fontweight="bold")
    ax.set_xlabel(f"{shortened(one.name, 2.4)}: better →")
    ax.set_ylabel(f"{shortened(two.name, 1.6)}: better →")
    for axis, task, turn in ((ax.xaxis, one, ax.invert_xaxis), (ax.yaxis, two, ax.invert_yaxis)):
        axis.set_major_locator(MaxNLocator(4))
        label_in_percent(axis, unit(task))
        if not task.higher_is_better:
            turn()


def label_in_percent(axis, sign: str | None) -> None:
    """Shares as per cent; None leaves the numbers out."""
    if sign is None:
        axis.set_major_formatter(FuncFormatter(lambda *_: ""))
    elif sign:
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.3g} %"))


def draw_gaps(ax: Axes, found: Slice, index: int, seed: int | None) -> None:
    """How far each task's weights are from the mean of all: a dot a task, a group of them a layer, logarithmic."""
    own = found.gaps if seed is None else found.gaps[[found.seeds.index(seed)]]
    names = [task.name for task in found.tasks]
    many = len(names) > MANY
    colours = dict.fromkeys(names, GREY) if many else colours_of(names)
    drawn = np.maximum(own, LEAST)
    middle = np.maximum(found.gaps_of(seed)[index], LEAST)  # (K, T)
    for t, name in enumerate(names):
        at = np.arange(len(found.layers)) + (t - (len(names) - 1) / 2) * 0.76 / len(names)
        ax.plot(at, middle[:, t], "o", color=colours[name], markeredgecolor=PAPER, markersize=5 if many else 9)
        if not many:
            ax.vlines(at, drawn[:, index, :, t].min(0), drawn[:, index, :, t].max(0), color=colours[name])
    top = np.nanmax(found.gaps) if np.isfinite(found.gaps).any() else 0
    ax.set_yscale("log")
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: ("≤ " if value <= LEAST else "") + f"{value:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())
    ax.set_xticks(range(len(found.layers)), [shortened(layer, 1.6) for layer in found.layers])
    ax.set(
        ylabel="distance from the mean\n‖θ_t − θ̄‖ / ‖θ̄‖",
        ylim=(LEAST, 1.5 * max(top, 10 * LEAST)),
        xlim=(-0.5, len(found.layers) - 0.5),
    )


def draw_confusion(ax: Axes, found: Slice, name: str, index: int) -> None:
    """What one task answers (columns) to each label (rows), as shares of the label; all seeds together."""
    answered, classes = np.nan_to_num(as_shares(found.confusions[name][index])), found.classes[name]
    ax.imshow(answered, cmap=SHADES, vmin=0, vmax=1, aspect="auto")
    ax.set_yticks(range(len(classes)), [shortened(one, 0.9) for one in classes])
    few = len(classes) <= 4
    ax.set_xticks(range(len(classes)) if few else [], [shortened(one, 0.7) for one in classes] if few else [])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    if few:
        for (i, j), share in np.ndenumerate(answered):
            paint = ink_on(SHADES(share)[:3])
            ax.text(j, i, rounded(share, "%"), ha="center", va="center", color=paint)
    ax.set_title(shortened(f"{name}: label ↓, answer →", 3.6), fontsize=12, color=for_text(INK), fontweight="normal")


def say_path(path: Path, values: tuple, index: int, seed: int | None) -> str:
    """The alt text. What a last digit could turn on another machine, such as which λ is best, is said of stored
    paths only: the rest is a number after ≈."""
    found = path.at(*values)
    text = [
        f"The λ explorer: {title(path, values)}, {ORIGIN[path.origin]}, {len(found.seeds)} seeds, on {path.split}. "
        f"{sentence(found, index, seed)}."
    ]
    mean = found.pooled_band[0][:, None] if len(found.tasks) > MANY and found.alike else found.band[0]
    names = ["the mean"] if mean.shape[1] < len(found.tasks) else [task.name for task in found.tasks]
    ends = [
        f"{name} from {about(np.nanmin(mean[:, t]), unit(found.tasks[t]))} to "
        f"{about(np.nanmax(mean[:, t]), unit(found.tasks[t]))}"
        for t, name in enumerate(names)
    ]
    text.append(f"Over all {len(found.lams)} λ: {listed(ends)}.")
    if path.origin != "trained":
        text.append(f"Best on validation ({found.merit_name}): λ = {written(found.lams[found.best])}.")
    apart = mean_of(found.gaps_of(None)[index], 1)
    layers = [f"{layer} {about(gap)}" for layer, gap in zip(found.layers, apart, strict=True)]
    text.append(f"Mean distance from the mean model: {listed(layers)}.")
    if found.confusions:
        name, counts = next(iter(found.confusions.items()))
        own = as_shares(counts[index]).diagonal()
        right = [f"{one} {about(share, '%')}" for one, share in zip(found.classes[name], own, strict=True)]
        text.append(f"Answered right of {name}: {listed(right, 10)}.")
    return " ".join(text)
