"""The one style of the course's figures: colours, markers, lines; numbers are written as everywhere (``words``)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from ..evidence import interval
from ..words import about, coarse, listed, rounded  # noqa: F401  what a figure says stands beside how it looks
from .fonts import fit_text, quiet, with_families

# Okabe and Ito's colours, which people with any colour vision can tell apart.
BLUE, VERMILLION, GREEN = "#0072B2", "#D55E00", "#009E73"
PURPLE, ORANGE, SKY, YELLOW = "#CC79A7", "#E69F00", "#56B4E9", "#F0E442"
INK, GREY, PALE, PAPER = "#222222", "#6E6E6E", "#D8D8D8", "#FFFFFF"

OF_TASKS = {"garment": BLUE, "colour": VERMILLION, "way up": GREEN}  # the same in every lesson
OTHERS = (PURPLE, ORANGE, SKY, BLUE, GREEN, VERMILLION)
DASHES = ("-", (0, (5, 2)), (0, (1, 1.4)), (0, (6, 2, 1, 2)), (0, (9, 3)), (0, (3, 1, 1, 1, 1, 1)))
MARKERS = {"": "o", "Separate": "s", "Pooled": "D", "Hard": "o", "Soft": "^", "Hierarchical": "v", "SharedPrivate": "P"}
MARKERS |= {"CrossStitch": "d", "Attention": ">", "Experts": "*", "LowRank": "X", "Learnt": "<"}
SPARE_MARKERS = "ph8H"
RIGHT, WRONG = "#00694D", "#A3003F"  # dark enough to be read as text on white, and no task's colours

WIDTH, DPI, SIZE = 10.0, 100, 12  # inches, dots an inch, points: nothing is smaller than SIZE

SETTINGS = {
    "font.family": ["DejaVu Sans"],  # comes with matplotlib, so that figures are the same everywhere
    "font.size": SIZE,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": SIZE,
    "xtick.labelsize": SIZE,
    "ytick.labelsize": SIZE,
    "legend.fontsize": SIZE,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "figure.dpi": DPI,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": GREY,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.labelcolor": INK,
    "axes.unicode_minus": True,
    "axes.axisbelow": True,
    "figure.constrained_layout.h_pad": 0.08,
    "figure.constrained_layout.w_pad": 0.08,
    "text.color": INK,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "lines.linewidth": 2.2,
    "lines.markersize": 7,
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.8,
    "text.parse_math": False,  # a task may be called "$x_1$", and that is what a reader should see
    "text.usetex": False,
    "svg.fonttype": "path",
}


def style() -> AbstractContextManager:
    """The course's settings, for a ``with``; the learner's own come back afterwards."""
    return matplotlib.rc_context({**matplotlib.rcParamsDefault, **SETTINGS, "backend": matplotlib.rcParams["backend"]})


def canvas(width: float = WIDTH, height: float = 4.0, *, layout: str | None = "constrained") -> Figure:
    """An empty figure of ``width`` × ``height`` inches that pyplot knows nothing of."""
    return Figure(figsize=(width, height), dpi=DPI, layout=layout)


# --- who has which colour ------------------------------------------------------------------------------------------


def colours_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each task: the course's own tasks have theirs, others take the next free one in order."""
    names = list(dict.fromkeys(names))
    taken = {OF_TASKS[name] for name in names if name in OF_TASKS}
    free = [colour for colour in OTHERS if colour not in taken] or list(OTHERS)
    others = [name for name in names if name not in OF_TASKS]
    return {name: OF_TASKS.get(name) or free[others.index(name) % len(free)] for name in names}


def percent(value: float, _: object = None) -> str:
    """A tick of an axis of shares, with the digits that it has: 75 %, 77.5 %."""
    return f"{100 * value:.4g} %".replace("-", "−")


def colour_of(name: str, names: Sequence[str] = ()) -> str:
    """The colour of the task ``name`` in a figure about the tasks ``names``."""
    return colours_of([*names, name])[name]


def dashes_of(names: Iterable[str]) -> dict[str, object]:
    """A line style for each name, so that lines differ by more than their colour."""
    return {name: DASHES[i % len(DASHES)] for i, name in enumerate(dict.fromkeys(names))}


def markers_of(ways: Iterable[str]) -> dict[str, str]:
    """A marker for each way of sharing, the same in every lesson."""
    ways = list(dict.fromkeys(ways))
    others = [way for way in ways if way not in MARKERS]
    return {way: MARKERS.get(way) or SPARE_MARKERS[others.index(way) % len(SPARE_MARKERS)] for way in ways}


def luminance(colour: str) -> float:
    """The relative luminance of a colour, 0 (black) to 1 (white), as WCAG defines it."""
    rgb = np.asarray(to_rgb(colour))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


def for_text(colour: str) -> str:
    """The colour, darkened until it can be read as text on white (a contrast of 4.5 to 1)."""
    rgb = np.asarray(to_rgb(colour))
    while 1.05 / (luminance(tuple(rgb)) + 0.05) < 4.5:
        rgb = rgb * 0.93
    return to_hex(rgb)


def ink_on(colour: str) -> str:
    """Black or white, whichever reads better on ``colour``."""
    return INK if luminance(colour) > 0.2 else PAPER


# --- parts of figures ----------------------------------------------------------------------------------------------


def draw_band(
    ax: Axes, x: np.ndarray, values: np.ndarray, *, colour: str, dashes="-", label: str = "", marker: str = ""
) -> None:
    """A line through the means of ``values`` (seeds, len(x)) in the band of its seeds."""
    if not len(x):
        return
    mean, low, high = interval(values)
    ax.plot(
        x,
        mean,
        color=colour,
        linestyle=dashes,
        label=label,
        marker=marker,
        markevery=spaced(len(mean)),
        markeredgecolor=PAPER,
        clip_on=False,
        zorder=3,
    )
    if len(values) > 1:
        ax.fill_between(x, low, high, color=colour, alpha=0.2, linewidth=0, zorder=2)


def spaced(n: int) -> list[int]:
    """Which of n points carry a marker: all of a few, about six of many, the last always."""
    return sorted({*range(0, n, max(1, math.ceil(n / 6))), n - 1})


def draw_level(ax: Axes, y: float, text: str, *, dashes=(0, (2, 2)), colour: str = GREY, above: bool = True) -> None:
    """A labelled horizontal line: chance, a ceiling, a baseline."""
    ax.axhline(y, color=colour, linestyle=dashes, linewidth=1.3, zorder=1)
    ax.annotate(
        text,
        (1, y),
        (0, 3 if above else -3),
        xycoords=("axes fraction", "data"),
        textcoords="offset points",
        ha="right",
        va="bottom" if above else "top",
        color=for_text(colour),
    )


def breadth(text: str, size: float = SIZE, weight: str = "normal") -> float:
    """How wide a text is, in inches."""
    font = FontProperties(family=SETTINGS["font.family"], size=size, weight=weight)
    with quiet():
        fit = fit_text(text, font)
        return text_to_path.get_text_width_height_descent(fit.text, with_families(font, fit.families), False)[0] / 72


def shortened(text: str, most: float, size: float = SIZE, weight: str = "normal") -> str:
    """The text on one line, cut with … where it is wider than ``most`` inches."""
    text = " ".join(str(text).split())
    if breadth(text, size, weight) <= most:
        return text
    while text and breadth(text + "…", size, weight) > most:
        text = text[:-1].rstrip()
    return text + "…"


def wrapped(text: str, most: float, lines: int = 9, size: float = SIZE) -> list[str]:
    """The text in lines no wider than ``most`` inches, and no more of them than ``lines``: the last is cut with …."""
    words, done = " ".join(str(text).split()).split(" "), []
    while words:
        taken = 1
        while taken < len(words) and breadth(" ".join(words[: taken + 1]), size) <= most:
            taken += 1
        if len(done) == lines - 1:
            taken = len(words)
        done.append(shortened(" ".join(words[:taken]), most, size))
        words = words[taken:]
    return done


def legend_columns(labels: Sequence[str], width: float, most: int = 6) -> int:
    """How many entries of a legend stand side by side in ``width`` inches."""
    return max(1, min(len(labels), most, int((width - 0.2) / (max(map(breadth, labels)) + 0.85))))
