"""Two tasks' features as maps, a column a model: the λ microscope as one picture, and what it says.

``frames`` is always what :class:`~mtl_lesson.inspection.Frames` has computed, ``frame`` the number of one of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import numpy as np
from matplotlib.axes import Axes

from ..inspection.frames import LETTERS, MOST, Frames, Groups
from ..words import about, rounded, sentences, unit, written
from .drawing import Drawing
from .style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PAPER,
    PURPLE,
    SKY,
    VERMILLION,
    WIDTH,
    canvas,
    colours_of,
    for_text,
    shortened,
    style,
)

PALETTE = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, INK)
MARKERS = {"circle": "o", "square": "s", "triangle": "^", "diamond": "D"}
SHAPES = tuple(MARKERS)  # 4 and 7 have no common divisor: 28 different marks
# A class that is called by a colour has that colour, or a reader would see one and read another.
NAMED = {"red": VERMILLION, "yellow": ORANGE, "green": GREEN, "cyan": SKY, "blue": BLUE, "magenta": PURPLE}
NO_LABEL = "no label"
TOLD = 5  # classes that a selection names; the rest are counted together
#: what is said of a selection, here and in the browser, which fills in the same templates
WORDS = {
    "nothing": "nothing selected",
    "one": "1 picture",
    "many": "{count} pictures",
    "counted": "{pictures}: {classes}",
    "class": "{name} {count}",
    "others": "others {count}",
    "status": "{frame}. {selection}",
    "map": "Map of the features of {task}: {count} {split} pictures. {status}.",
    "coloured map": "Map of the features of {task}: {count} {split} pictures, coloured by {colour}. {status}.",
}


def microscope(frames: Frames, frame: int = 0, colour: str | None = None, rows: Sequence[int] = ()) -> Drawing:
    """The maps of both tasks at one frame and at a few from the first to the last.

    ``colour``: the task whose labels colour the points, or None. ``rows``: the points that are selected, by their place
    among those shown; the others are grey.
    """
    shown = sorted({frame, *np.linspace(0, len(frames.values) - 1, 4).round().astype(int).tolist()})
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
            for t in (0, 1):
                ax = axes[t, column]
                draw_cloud(ax, frames.points[f, t], labels, looks, rows)
                ax.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin))
                draw_name(ax, frames, f, t, 9.2 / len(shown))
        seen = [look for k, look in enumerate(looks) if look["name"] and (labels == k).any()]
        handles = [axes[0, 0].plot([], [], MARKERS[look["shape"]], color=look["colour"])[0] for look in seen]
        if seen:
            words = [shortened(look["name"], 1.6) for look in seen]
            columns = min(6, len(seen))
            figure.legend(handles, words, loc="outside lower center", ncols=columns, handletextpad=0.2)
    return Drawing(figure, say_maps(frames, frame, colour, rows))


def marks(groups: Groups) -> list[dict]:
    """A colour and a shape for each class, and a small grey dot for points without a label."""
    named = all(name.lower() in NAMED for name in groups.classes)
    found = [
        {
            "name": name,
            "colour": NAMED[name.lower()] if named else PALETTE[i % len(PALETTE)],
            "shape": SHAPES[i % len(SHAPES)],
        }
        for i, name in enumerate(groups.classes)
    ]
    return [*found, {"name": NO_LABEL, "colour": GREY, "shape": "circle"}]


def draw_cloud(ax: Axes, points: np.ndarray, labels: np.ndarray, looks: Sequence[dict], rows: Sequence[int]) -> None:
    """The points of one map, a mark a class; where some are selected, the others are grey."""
    bright = np.isin(np.arange(len(points)), rows) if len(rows) else np.ones(len(points), bool)
    ax.plot(*points[~bright].T, "o", color=PALE, markersize=2.5, linestyle="")
    looks_of = {"markersize": 3.2, "linestyle": "", "markeredgecolor": PAPER, "markeredgewidth": 0.3}
    for k, look in enumerate(looks):
        which = bright & (labels == (k if k < len(looks) - 1 or len(looks) == 1 else -1))
        ax.plot(*points[which].T, MARKERS[look["shape"]], color=look["colour"], **looks_of)
    ax.set(xticks=[], yticks=[])
    ax.set_aspect("equal")
    ax.spines[:].set(visible=True, color=PALE)


def draw_name(ax: Axes, frames: Frames, f: int, t: int, room: float) -> None:
    """The task and the frame above a map, and below it what the two heads make of the task's features."""
    task, other = frames.tasks[t], frames.tasks[1 - t]
    ink = for_text(colours_of(one.name for one in frames.tasks)[task.name])
    ax.set_title(shortened(f"{task.name}, {label(frames, f)}", room, 13, "bold"), color=ink)
    own, swapped = rounded(frames.own[f, t], unit(task)), rounded(frames.swapped[f, 1 - t], unit(other))
    lines = f"{task.name}'s head: {own}", f"{other.name}'s head: {swapped}"
    ax.set_xlabel("\n".join(shortened(line, room) for line in lines))


# --- in words ------------------------------------------------------------------------------------------------------


def titles(frames: Frames) -> tuple[str, ...]:
    """What stands at each place of the slider: "0", "0.01", "∞"."""
    return tuple(write_value(value, frames.axis) for value in frames.values)


def write_value(value: object, axis: str) -> str:
    if not isinstance(value, Real) or isinstance(value, bool):
        return str(value)
    return written(value) if axis == "lam" or math.isinf(value) else f"{value:g}"


def axis_of(frames: Frames) -> str:
    """How the slider is called: "λ", "branch", or "" for models that were given by titles."""
    return LETTERS.get(frames.axis, frames.axis)


def label(frames: Frames, frame: int) -> str:
    """How a frame is called: "λ = 0.01", and that it is untrained where it is."""
    text = write_value(frames.values[frame], frames.axis)
    text = f"{axis_of(frames)} = {text}" if frames.axis else text
    return f"{text} (untrained)" if frames.untrained[frame] and "untrained" not in text else text


def say_frame(frames: Frames, frame: int) -> str:
    """What is read off a frame, in words."""
    return f"{label(frames, frame)}: " + ", ".join(" ".join(part).strip() for part in read_off(frames, frame))


def read_off(frames: Frames, frame: int) -> list[tuple[str, str, str]]:
    """The read-outs of a frame: (what, the number as a text writes it, what to compare it with)."""
    said = [("gap", about(frames.gap[frame], "%"), ""), ("residual", about(round(frames.residual[frame], 4)), "")]
    for t, (task, other) in enumerate(zip(frames.tasks, frames.tasks[::-1], strict=True)):
        own, swapped = (about(part[frame, t], unit(task)) for part in (frames.own, frames.swapped))
        said.append((f"{task.name}'s head on {other.name}'s features", swapped, f"(on its own {own})"))
    return said


def say_selection(frames: Frames, rows: Sequence[int], colour: str | None) -> str:
    """How many points are selected, and of which classes."""
    if not len(rows):
        return WORDS["nothing"]
    pictures = WORDS["one"] if len(rows) == 1 else WORDS["many"].format(count=f"{len(rows):,}")
    if colour is None:
        return pictures
    counts = frames.groups[colour].counted(rows)
    parts = [
        WORDS["class"].format(name=NO_LABEL if name is None else name, count=f"{count:,}")
        for name, count in counts[:TOLD]
    ]
    if rest := sum(count for _, count in counts[TOLD:]):
        parts.append(WORDS["others"].format(count=f"{rest:,}"))
    return WORDS["counted"].format(pictures=pictures, classes=", ".join(parts))


def say_status(frames: Frames, frame: int, rows: Sequence[int], colour: str | None) -> str:
    """What a frame and a selection say together."""
    return WORDS["status"].format(frame=say_frame(frames, frame), selection=say_selection(frames, rows, colour))


def notes_on_maps(frames: Frames) -> list[str]:
    """How all this came about, in sentences without their stops."""
    first, n = frames.tasks[0].name, len(frames.chosen)
    if n == frames.total:
        told = [f"a point is one of the {n:,} {frames.split} pictures"]
    else:
        why = f" ({MOST:,} are the most that are drawn)" if n == MOST else ""
        sample = f"a sample of {n:,} from {frames.total:,} {frames.split} pictures{why}"
        told = [f"a point is a picture: {sample}; scores are of all"]
    if frames.seeds > 1:
        told.append(f"of {frames.seeds} seeds this is seed {frames.seed}")
    if frames.apart:
        told.append(f"each task has pictures of its own: both maps show those of {first}")
    last = label(frames, len(frames.values) - 1).removesuffix(" (untrained)")
    told.append(
        f"all maps are turned (Procrustes) onto {first} at {last} and drawn in one basis, the two "
        f"principal components of all of them ({about(frames.share, '%')} of the variance)"
    )
    told.append(
        "gap: how far the two tasks' weights are from the mean of all tasks'; residual: what is left "
        "between the two tasks' features after the best turn, from 0 to 2"
    )
    return told


def say_maps(frames: Frames, frame: int, colour: str | None, rows: Sequence[int]) -> str:
    """The alt text."""
    one, two = (task.name for task in frames.tasks)
    last = len(frames.values) - 1
    text = [
        f"Maps of the features of {one} and of {two}, {len(frames.chosen):,} {frames.split} pictures"
        f"{f', coloured by {colour}' if colour else ''}. {say_frame(frames, frame)}."
    ]
    if last:
        gap = [about(frames.gap[f], "%") for f in (0, last)]
        residual = [about(round(frames.residual[f], 4)) for f in (0, last)]
        text.append(
            f"From {label(frames, 0)} to {label(frames, last)}, {last + 1} frames, the gap goes from {gap[0]} to "
            f"{gap[1]} and the residual from {residual[0]} to {residual[1]}."
        )
    if len(rows):
        text.append(f"Selected: {say_selection(frames, rows, colour)}.")
    return " ".join([*text, sentences(notes_on_maps(frames))])
