"""Units by what each of two tasks loses without them: the lesion lab as one picture, and what it says.

``lesions`` is always what :class:`~mtl_lesson.inspection.Lesions` has computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ..inspection.lesions import CERTAIN, Lesions
from ..tasks import Task
from ..words import about, listed, rounded, sentences, unit
from .drawing import Drawing
from .sheets import LINE
from .style import (
    GREY,
    INK,
    PALE,
    PAPER,
    WIDTH,
    breadth,
    canvas,
    colours_of,
    for_text,
    shortened,
    style,
)

ACROSS, UPWARDS, GAP = 4.1, 3.2, 0.12  # inches: about as long as the axes of the units are, and between two labels
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

#: what is said of a lesion, here and in the browser, which fills in the same templates
WORDS = {
    "whole": "all {d} units in place",
    "removed": "{count} of {d} units removed",
    "status": "{start}: {tasks}",
    "intact": "{task} loss {loss}, {score_name} {score}",
    "hurt": (
        "{task} loss {loss} (intact {intact_loss}, as many at random {random_loss}), "
        "{score_name} {score} (intact {intact_score})"
    ),
    "kinds": ["{one} only", "{two} only", "both", "idle"],
    "across": "rise of {task}'s loss without the unit",
    "upwards": "rise of {task}'s loss",
    "map": (
        "{d} units by the rise of the loss of {one} (across) and of {two} (upwards) without each: {counts}. {status}. "
        "Arrow keys go from unit to unit, Enter removes one or puts it back."
    ),
    "unit": "unit {unit}, rise of the loss without it: {rises}; {kind}",
    "removed unit": "unit {unit}, rise of the loss without it: {rises}; {kind}, removed",
    "rise": "{task} {rise} (± {error})",
    "strip": "intact {intact}, at random {mean} ({low} to {high})",
    "key": "● now   │ all units in place   ▬ as many at random",
}


def lesions(lesions: Lesions, pair: Sequence[Task] | None = None, removed: Sequence[int] = ()) -> Drawing:
    """Units by the rise of two tasks' losses, and both tasks' loss and score without the ``removed`` ones."""
    pair = lesions.pair if pair is None else pair
    with style():
        figure = canvas(WIDTH, 4.6)
        left, right = figure.subfigures(1, 2, width_ratios=(1.25, 1))
        draw_units(left.subplots(), lesions, pair, removed)
        now, chance = lesions.without(removed).set_index("task"), None
        if len(removed):
            chance = lesions.at_random(len(removed)).set_index("task")
            right.supxlabel(WORDS["key"], fontsize=12)
        colours = colours_of(task.name for task in lesions.tasks)
        rows = [(task, what) for task in pair for what in ("loss", "score")]
        for ax, (task, what) in zip(right.subplots(len(rows), 1), rows, strict=True):
            random = None if chance is None else chance.loc[task.name]
            draw_strip(ax, task, what, now.loc[task.name], random, colours[task.name])
    return Drawing(figure, say_lesions(lesions, pair, removed))


def draw_units(ax: Axes, lesions: Lesions, pair: Sequence[Task], removed: Sequence[int]) -> None:
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
            some = [u for u in members if (u in removed) == gone]
            ax.plot(
                bend(x[some]),
                bend(y[some]),
                marker,
                color=colour,
                linestyle="",
                markersize=6,
                markerfacecolor=PAPER if gone else colour,
                markeredgecolor=colour if gone else PAPER,
                label="" if gone else shortened(f"{name}: {len(members)}", 1.9),
            )
    for line in (ax.axhline, ax.axvline):
        line(0, color=GREY, linewidth=0.8, zorder=0)
    powers = powers_around(scale)
    for axis, inches, room in (
        (ax.xaxis, ACROSS, {value: breadth(power_text(value)) for value in powers}),
        (ax.yaxis, UPWARDS, dict.fromkeys(powers, LINE)),
    ):
        low, high = axis.get_view_interval()
        place = {value: inches * (float(bend(value)) - low) / (high - low) for value in powers}
        values = stretched_ticks(room, place, inches)
        axis.set_ticks(bend(np.array(values)), [power_text(value) for value in values])
    ax.set_xlabel(shortened(WORDS["across"].format(task=pair[0].name), 4.4))
    ax.set_ylabel(shortened(WORDS["upwards"].format(task=pair[1].name), 3.0))
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handletextpad=0.2)


def stretch(lesions: Lesions) -> float:
    """The rise up to which the axes are straight, and above it logarithmic: most are far below the largest."""
    spread = lesions.error[lesions.error > 0]
    return float(CERTAIN * np.median(spread)) if spread.size else 1.0


def powers_around(scale: float) -> list[float]:
    """0 and the powers of ten from about ``scale`` on, both signs of each."""
    powers = [10.0 ** (np.floor(np.log10(scale)) + k) for k in range(9)]
    return [0.0, *(sign * power for power in powers for sign in (1, -1))]


def stretched_ticks(room: Mapping[float, float], place: Mapping[float, float], inches: float) -> list[float]:
    """Which values of ``room``, value → the inches that its label takes, are written on an axis so many ``inches``
    long, the first ones first: those on it whose labels do not touch. ``place``: value → inches from its start."""
    kept: list[float] = []
    for value, own in room.items():
        apart = ((abs(place[value] - place[other]), (own + room[other]) / 2 + GAP) for other in kept)
        if 0 <= place[value] <= inches and all(distance >= least for distance, least in apart):
            kept.append(value)
    return kept


def power_text(value: float) -> str:
    """A power of ten, or 0, as a tick says it: 0.001, and 10⁻⁵ where there would be many zeros."""
    size = abs(value)
    if size and not 1e-4 <= size < 1e5:
        text = "10" + str(round(np.log10(size))).translate(SUPERSCRIPTS)
    else:
        text = f"{size:g}"
    return f"−{text}" if value < 0 else text


def draw_strip(ax: Axes, task: Task, what: str, now: pd.Series, chance: pd.Series | None, colour: str) -> None:
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
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.xaxis.set_major_formatter(lambda value, _: rounded(value, sign) if sign else f"{value:g}")
    words = f"{task.name} {what if what == 'loss' else task.score_name} {about(now[what], sign)}"
    ax.set_title(shortened(words, 4.0, 13, "bold"), color=for_text(colour))


# --- in words ------------------------------------------------------------------------------------------------------


def say_removal(lesions: Lesions, pair: Sequence[Task], units: Sequence[int]) -> str:
    """What is removed, and what that does to two tasks, in words."""
    table = lesions.without(units).set_index("task")
    chance = lesions.at_random(len(units)).set_index("task") if len(units) else None
    said = []
    for task in pair:
        now, sign = table.loc[task.name], unit(task)
        words = {"loss": about(now.loss), "score": about(now.score, sign)}
        if chance is not None:
            words["random_loss"] = about(chance.loss[task.name])
            words |= {"intact_loss": about(now.intact_loss), "intact_score": about(now.intact_score, sign)}
        template = WORDS["intact" if chance is None else "hurt"]
        said.append(template.format(task=task.name, score_name=task.score_name, **words))
    start = WORDS["removed" if len(units) else "whole"].format(count=len(units), d=lesions.d)
    return WORDS["status"].format(start=start, tasks="; ".join(said))


def notes_on_lesions(lesions: Lesions) -> list[str]:
    """How all this came about, in sentences without their stops."""
    held = f"{lesions.total:,} {lesions.split} pictures"
    all_of_them = lesions.n == lesions.total
    told = [f"computed on all {held}" if all_of_them else f"computed on a sample of {lesions.n:,} from {held}"]
    if lesions.untrained:
        told.append("this model was never trained")
    told.append(
        "a removed unit is set to its mean; it counts for a task if the loss rises by more than "
        f"{CERTAIN:g} standard errors over pictures, of which a bar shows one"
    )
    if lesions.still:
        told.append(f"≈ {lesions.still} units are the same for every picture: nothing is lost with them")
    if not lesions.one_trunk:
        told.append("the tasks have features of their own: one number stands for a unit in each trunk, and both go")
    return told


def say_lesions(lesions: Lesions, pair: Sequence[Task], removed: Sequence[int]) -> str:
    """The alt text. A unit's quadrant may turn on a last digit, so the counts stand after ≈."""
    one, two = (task.name for task in pair)
    counts = [f"{name} ≈ {len(members)}" for name, members in lesions.kinds(one, two).items()]
    how = sentences(notes_on_lesions(lesions))
    return (
        f"Lesion lab: {lesions.d} units placed by the rise of the loss of {one} (across) and of {two} (upwards) "
        f"without each: {listed(counts)}. {say_removal(lesions, pair, removed)}. {how}"
    )
