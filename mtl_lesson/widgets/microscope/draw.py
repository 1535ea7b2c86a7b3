"""The microscope and the lab as one picture each, for a notebook without a kernel, and what they show in words."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes

from ...show.drawing import Drawing
from ...show.style import (
    BLUE,
    GREY,
    INK,
    PALE,
    PAPER,
    WIDTH,
    about,
    canvas,
    colours_of,
    for_text,
    listed,
    rounded,
    shortened,
    style,
)  # fmt: skip
from ...tasks import Task
from ...words import unit
from .frames import Frames
from .lesions import Lesions
from .send import marks, sentences, stretch

MARKERS = {"circle": "o", "square": "s", "triangle": "^", "diamond": "D"}


def of_frames(frames: Frames, frame: int, colour: str | None, rows: Sequence[int]) -> Drawing:
    """The maps of both tasks at the frame on show and at a few from the first to the last."""
    shown = sorted({frame, *np.linspace(0, len(frames.titles) - 1, 4).round().astype(int).tolist()})
    looks = marks(frames.groups[colour]) if colour else [{"name": "", "colour": BLUE, "shape": "circle"}]
    labels = frames.groups[colour].labels if colour else np.zeros(len(frames.chosen), int)
    with style():
        low, high = frames.points.min((0, 1, 2)), frames.points.max((0, 1, 2))
        margin = 0.04 * (high - low).max() or 1
        wide, tall = high - low + 2 * margin
        height = min(3.4, tall / wide * WIDTH / len(shown))
        figure = canvas(WIDTH, 2 * (height + 0.85) + 0.3 * (1 + (len(looks) - 2) // 6) * bool(colour))
        axes = figure.subplots(2, len(shown), squeeze=False)
        for column, f in enumerate(shown):
            for t, task in enumerate(frames.tasks):
                cloud(axes[t, column], frames.points[f, t], labels, looks, rows)
                axes[t, column].set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
                ink = for_text(colours_of(task.name for task in frames.tasks)[task.name])
                ax, room = axes[t, column], 9.2 / len(shown)
                ax.set_title(shortened(f"{task.name}, {frames.label(f)}", room, 13, "bold"), color=ink)
                ax.set_xlabel("\n".join(shortened(line, room) for line in read_by(frames, f, t)))
        seen = [look for k, look in enumerate(looks) if look["name"] and (labels == k).any()]
        handles = [axes[0, 0].plot([], [], MARKERS[look["shape"]], color=look["colour"])[0] for look in seen]
        if seen:
            figure.legend(handles, [shortened(look["name"], 1.6) for look in seen], loc="outside lower center",
                          ncols=min(6, len(seen)), handletextpad=0.2)  # fmt: skip
    return Drawing(figure, spoken_frames(frames, frame, colour, rows))


def read_by(frames: Frames, f: int, t: int) -> tuple[str, str]:
    """What the two heads make of one task's features."""
    task, other = frames.tasks[t], frames.tasks[1 - t]
    own, swapped = rounded(frames.own[f, t], unit(task)), rounded(frames.swapped[f, 1 - t], unit(other))
    return f"{task.name}'s head: {own}", f"{other.name}'s head: {swapped}"


def cloud(ax: Axes, points: np.ndarray, labels: np.ndarray, looks: Sequence[dict], rows: Sequence[int]) -> None:
    """The points of one map, a mark a class; where some are selected, the others are grey."""
    bright = np.isin(np.arange(len(points)), rows) if len(rows) else np.ones(len(points), bool)
    ax.plot(*points[~bright].T, "o", color=PALE, markersize=2.5, linestyle="")
    for k, look in enumerate(looks):
        which = bright & (labels == (k if k < len(looks) - 1 or len(looks) == 1 else -1))
        ax.plot(*points[which].T, MARKERS[look["shape"]], color=look["colour"], markersize=3.2, linestyle="",
                markeredgecolor=PAPER, markeredgewidth=0.3)  # fmt: skip
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal")
    ax.spines[:].set(visible=True, color=PALE)


def spoken_frames(frames: Frames, frame: int, colour: str | None, rows: Sequence[int]) -> str:
    """The alt text of the microscope."""
    one, two = (task.name for task in frames.tasks)
    last = len(frames.titles) - 1
    text = [f"Maps of the features of {one} and of {two}, {len(frames.chosen):,} {frames.split} pictures"
            f"{f', coloured by {colour}' if colour else ''}. {frames.sentence(frame)}."]  # fmt: skip
    if last:
        gap, residual = ([about(part[f], sign) for f in (0, last)] for part, sign in
                         ((frames.gap, "%"), (frames.residual.round(4), "")))  # fmt: skip
        text.append(f"From {frames.label(0)} to {frames.label(last)}, {last + 1} frames, the gap goes from {gap[0]} to "
                    f"{gap[1]} and the residual from {residual[0]} to {residual[1]}.")  # fmt: skip
    if len(rows):
        text.append(f"Selected: {frames.selection(rows, colour)}.")
    return " ".join([*text, sentences(frames.notes)])


# --- the lab -------------------------------------------------------------------------------------------------------


def of_lesions(lesions: Lesions, pair: Sequence[Task], removed: Sequence[int]) -> Drawing:
    """Units by the rise of two tasks' losses, and both tasks' loss and score as they are now."""
    with style():
        figure = canvas(WIDTH, 4.6)
        left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1))
        units(left.subplots(), lesions, pair, removed)
        now, chance = lesions.without(removed).set_index("task"), None
        if len(removed):
            chance = lesions.at_random(len(removed)).set_index("task")
            right.supxlabel("● now   │ all units in place   ▬ as many at random", fontsize=12)
        colours = colours_of(task.name for task in lesions.tasks)
        rows = [(task, what) for task in pair for what in ("loss", "score")]
        for ax, (task, what) in zip(right.subplots(len(rows), 1), rows, strict=True):
            strip(ax, task, what, now.loc[task.name], None if chance is None else chance.loc[task.name],
                  colours[task.name])  # fmt: skip
    return Drawing(figure, spoken_lesions(lesions, pair, removed))


def units(ax: Axes, lesions: Lesions, pair: Sequence[Task], removed: Sequence[int]) -> None:
    """A unit a mark, hollow where it is removed, with one standard error to either side; axes stretched near 0."""
    (a, b), colours = (lesions.number(task.name) for task in pair), colours_of(task.name for task in lesions.tasks)
    looks = zip((colours[pair[0].name], colours[pair[1].name], INK, GREY), "s^oD", strict=True)
    scale = stretch(lesions)

    def bend(values: np.ndarray) -> np.ndarray:
        return np.arcsinh(values / scale)

    (x, ex), (y, ey) = ((lesions.rise[t], lesions.error[t]) for t in (a, b))
    ax.hlines(bend(y), bend(x - ex), bend(x + ex), color=PALE, linewidth=1, zorder=1)
    ax.vlines(bend(x), bend(y - ey), bend(y + ey), color=PALE, linewidth=1, zorder=1)
    kinds = lesions.kinds(*(task.name for task in pair)).items()
    for (name, members), (colour, marker) in zip(kinds, looks, strict=True):
        for gone in (False, True):
            some = [unit for unit in members if (unit in removed) == gone]
            ax.plot(bend(x[some]), bend(y[some]), marker, color=colour, linestyle="", markersize=6,
                    markerfacecolor=PAPER if gone else colour, markeredgecolor=colour if gone else PAPER,
                    label="" if gone else shortened(f"{name}: {len(members)}", 1.9))  # fmt: skip
    for line in (ax.axhline, ax.axvline):
        line(0, color=GREY, linewidth=0.8, zorder=0)
    for axis, room in ((ax.xaxis, 0.8), (ax.yaxis, 0.5)):
        values = ticks(scale, bend, *axis.get_view_interval(), room)
        axis.set_ticks(bend(np.array(values)), [f"{value:g}".replace("-", "−") for value in values])
    ax.set_xlabel(shortened(f"rise of {pair[0].name}'s loss without the unit", 4.4))
    ax.set_ylabel(shortened(f"rise of {pair[1].name}'s loss", 3.0))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handletextpad=0.2)


def ticks(scale: float, bend: Callable, low: float, high: float, room: float) -> list[float]:
    """0 and powers of ten on a stretched axis, as far apart as ``room``."""
    powers = [10.0 ** (np.floor(np.log10(scale)) + k) for k in range(9)]
    kept: list[float] = []
    for value in [0.0, *(sign * power for power in powers for sign in (1, -1))]:
        at = bend(value)
        if low <= at <= high and all(abs(at - bend(other)) >= room for other in kept):
            kept.append(value)
    return kept


def strip(ax: Axes, task: Task, what: str, now, chance, colour: str) -> None:
    """A number line: with all units in place, now, and with as many removed at random."""
    sign = unit(task) if what == "score" else ""
    intact = now[f"intact_{what}"]
    if chance is not None:
        ax.plot([chance[f"{what}_low"], chance[f"{what}_high"]], [0, 0], color=GREY, linewidth=8, solid_capstyle="butt")
    ax.plot(intact, 0, "|", color=INK, markersize=18)
    ax.plot(now[what], 0, "o", color=colour, markeredgecolor=PAPER, markersize=10)
    most = max(now[what], intact, chance[f"{what}_high"] if chance is not None else 0)
    ax.set(yticks=[], xlim=(0, 1 if sign == "%" else 1.2 * most or 1))
    ax.spines["left"].set_visible(False)
    ax.xaxis.set_major_formatter(lambda value, _: rounded(value, sign) if sign else f"{value:g}")
    words = f"{task.name} {what if what == 'loss' else task.score_name} {about(now[what], sign)}"
    ax.set_title(shortened(words, 4.0, 13, "bold"), color=for_text(colour))


def spoken_lesions(lesions: Lesions, pair: Sequence[Task], removed: Sequence[int]) -> str:
    """The alt text of the lab. A unit's quadrant may turn on a last digit, so the counts stand after ≈."""
    one, two = (task.name for task in pair)
    counts = [f"{name} ≈ {len(members)}" for name, members in lesions.kinds(one, two).items()]
    return (f"Lesion lab: {lesions.d} units placed by the rise of the loss of {one} (across) and of {two} (upwards) "
            f"without each: {listed(counts)}. {lesions.sentence(pair, removed)}. "
            f"{sentences(lesions.notes)}")  # fmt: skip
