"""Sixty-five schools and one λ: their regression lines, and the error, redrawn each time a slider moves."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from PIL import Image

from ..inspection.paths import places
from ..words import about, listed, rounded, written
from .drawing import Drawing
from .fonts import make_legible, quiet
from .style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    PAPER,
    PURPLE,
    VERMILLION,
    WIDTH,
    breadth,
    canvas,
    for_text,
    shortened,
    style,
)

HIGHLIGHTS = (BLUE, VERMILLION, GREEN, PURPLE)
SIGNS = "osD^"
SHRUNK = "alone, shrunk towards 0"
COMMON = (0, (3.2, 1.2))  # the dashes of the one line for all


class SchoolsPicture:
    """Two panels that are drawn once and then only moved: the schools' lines at one λ, and the error against λ.

    ``x_range``: (low, high) of the input. ``thetas``: (λs, schools, 2), intercept and slope of each school at each λ.
    ``pooled``: (2,), the one line for all. ``lambdas``: ascending; 0 and ∞ may stand at the ends. ``errors``: (λs,).
    ``separate_error``, ``pooled_error``: the horizontal lines, by default the errors at λ = 0 and at λ = ∞.
    ``shrunk_error``: a dotted line, of every school alone and shrunk towards 0, where it is given.
    ``names``: (schools,). ``pupils``: school name → (x, y) of its training pupils, for the few that are highlighted.
    ``reveal``: False hides the curve except at the λs that have been visited.
    """

    def __init__(
        self,
        x_range: tuple[float, float],
        thetas,
        pooled,
        lambdas: Sequence[float],
        errors,
        names: Sequence[str],
        pupils: Mapping[str, tuple],
        *,
        separate_error: float | None = None,
        pooled_error: float | None = None,
        shrunk_error: float | None = None,
        reveal: bool = True,
        visited: Iterable[int] = (),
        x_name: str = "intake score at 11",
        y_name: str = "exam score at 16",
        error_name: str = "mean squared error",
    ):
        self.x_range = tuple(map(float, x_range))
        self.thetas, self.pooled = np.asarray(thetas, float), np.asarray(pooled, float)
        self.lambdas, self.errors = [float(lam) for lam in lambdas], np.asarray(errors, float)
        self.names, self.pupils = list(names), {name: tuple(map(np.asarray, xy)) for name, xy in pupils.items()}
        self.separate_error = first(separate_error, self.errors[0] if self.lambdas[0] == 0 else None)
        self.pooled_error = first(pooled_error, self.errors[-1] if math.isinf(self.lambdas[-1]) else None)
        self.shrunk_error = first(shrunk_error)
        self.reveal, self.visited = reveal, sorted(set(visited))
        self.x_name, self.y_name, self.error_name = x_name, y_name, error_name
        self.check()
        self.places = places(self.lambdas)
        # the lines of all schools at all λs, (λs, schools, 2 ends, x and y), made once
        ends = np.asarray(self.x_range)
        heights = self.thetas[..., :1] + self.thetas[..., 1:] * ends
        self.lines = np.stack([np.broadcast_to(ends, heights.shape), heights], axis=-1)
        with style():
            self.draw()

    def check(self) -> None:
        wanted = (len(self.lambdas), len(self.names), 2)
        if self.thetas.shape != wanted or self.errors.shape != wanted[:1] or self.pooled.shape != (2,):
            raise ValueError(
                f"thetas must be {wanted}, errors {wanted[:1]} and pooled (2,); got {self.thetas.shape}, "
                f"{self.errors.shape} and {self.pooled.shape}"
            )
        if self.lambdas != sorted(set(self.lambdas)) or self.lambdas[0] < 0:
            raise ValueError("lambdas must ascend from 0 or more, each given once")
        if unknown := set(self.pupils) - set(self.names):
            raise KeyError(f"there is no school {sorted(unknown)[0]!r}")
        if len(self.pupils) > len(HIGHLIGHTS):
            raise ValueError(f"at most {len(HIGHLIGHTS)} schools can be highlighted, not {len(self.pupils)}")

    # --- drawing once ----------------------------------------------------------------------------------------------

    def draw(self) -> None:
        """Everything that stays, and empty artists for what moves."""
        self.figure = canvas(WIDTH, 4.4, layout=None)
        self.canvas = FigureCanvasAgg(self.figure)
        left, right = (self.figure.add_axes(box) for box in ((0.075, 0.14, 0.42, 0.63), (0.6, 0.14, 0.385, 0.63)))
        self.draw_lines(left)
        self.draw_errors(right)
        # Text of an axes: a figure leaves its own animated artists out when it is saved.
        self.heading = left.text(
            0.012, 0.945, "", transform=self.figure.transFigure, fontsize=14, fontweight="bold", va="center"
        )
        self.moving = [*self.moving, self.heading]
        for artist in self.moving:
            artist.set_animated(True)
        make_legible(self.figure)
        with quiet():
            self.canvas.draw()
        self.background = self.canvas.copy_from_bbox(self.figure.bbox)

    def draw_lines(self, ax: Axes) -> None:
        low, high = self.x_range
        shown = np.concatenate([self.lines[..., 1].ravel(), *(y for _, y in self.pupils.values())])
        span = np.nanpercentile(shown, (1, 99))
        ax.set(
            xlim=(low, high),
            ylim=(span[0] - 0.15 * np.ptp(span), span[1] + 0.1 * np.ptp(span)),
            xlabel=self.x_name,
            ylabel=self.y_name,
        )
        rest = LineCollection([], colors="#9A9A9A", linewidths=0.7, alpha=0.75, zorder=1)
        ax.add_collection(rest, autolim=False)
        ends = np.asarray(self.x_range)
        # it stays where it is, and is still drawn each time: it lies on the grey lines
        heights = self.pooled[0] + self.pooled[1] * ends
        (common,) = ax.plot(ends, heights, color=INK, linewidth=3, linestyle=COMMON, zorder=2)
        self.rest, self.moving, self.own, entries = rest, [rest, common], {}, []
        for name, colour, sign in zip(self.pupils, HIGHLIGHTS, SIGNS, strict=False):
            x, y = self.pupils[name]
            (dots,) = ax.plot(
                x, y, sign, color=colour, markersize=6, markeredgecolor=PAPER, markeredgewidth=0.6, zorder=5
            )
            (line,) = ax.plot([], [], color=colour, linewidth=2.4, zorder=4)
            self.own[name] = line
            self.moving += [line, dots]
            entries.append((name, {"color": colour, "marker": sign, "markersize": 6, "linewidth": 2.4}))
        draw_legend_row(ax, entries, 1.13)
        draw_legend_row(
            ax,
            [
                ("all schools in one", {"color": INK, "linewidth": 3, "linestyle": COMMON}),
                ("other schools", {"color": "#9A9A9A", "linewidth": 1}),
            ],
            1.045,
        )

    def draw_errors(self, ax: Axes) -> None:
        dashed, dotted = (
            (0, (4, 2)),
            (0, (1, 2)),
        )  # one is named at the right, the other, which may lie on it, at the left
        levels = [
            (self.separate_error, "every school alone", dashed, "right"),
            (self.pooled_error, "all schools in one", dashed, "right"),
            (self.shrunk_error, SHRUNK, dotted, "left"),
        ]
        levels = [level for level in levels if level[0] is not None]
        values = np.concatenate([self.errors, [value for value, *_ in levels]])
        values = values[np.isfinite(values)]
        span = max(np.ptp(values), 1e-9)
        ax.set(
            xlim=(self.places[0] - 0.35, self.places[-1] + 0.35),
            xlabel="λ",
            ylim=(values.min() - 0.12 * span, values.max() + 0.16 * span),
        )
        ax.set_title(self.error_name + " on pupils not seen", fontweight="normal", fontsize=12, pad=9)
        for value, text, dashes, side in levels:
            ax.axhline(value, color=GREY, linestyle=dashes, linewidth=1.3, zorder=1)
            ax.annotate(
                text,
                (0.99 if side == "right" else 0.01, value),
                (0, 3 if side == "right" else -3),
                xycoords=("axes fraction", "data"),
                textcoords="offset points",
                ha=side,
                va="bottom" if side == "right" else "top",
                color=GREY,
            )
        draw_ticks(ax, self.lambdas, self.places)
        if self.reveal:
            ax.plot(self.places, self.errors, color=BLUE, zorder=2)
        (self.seen,) = ax.plot([], [], "o", color="#8DB8D8", markersize=7, markeredgecolor=BLUE, zorder=3)
        (self.here_line,) = ax.plot([], [], color=VERMILLION, linewidth=1.2, zorder=2)
        (self.here,) = ax.plot([], [], "o", color=VERMILLION, markersize=11, markeredgecolor=PAPER, zorder=4)
        self.moving += [self.seen, self.here_line, self.here]
        self.bottom = ax.get_ylim()[0]

    # --- moving ----------------------------------------------------------------------------------------------------

    def update(self, index: int) -> Drawing:
        """The picture at ``lambdas[index]``, which now counts as visited."""
        index = range(len(self.lambdas))[index]
        self.visited = sorted({*self.visited, index})
        lines = self.lines[index]
        self.rest.set_segments([line for name, line in zip(self.names, lines, strict=True) if name not in self.own])
        for name, artist in self.own.items():
            artist.set_data(*lines[self.names.index(name)].T)
        x, y = self.places[index], self.errors[index]
        self.here.set_data([x], [y])
        self.here_line.set_data([x, x], [self.bottom, y])
        seen = [] if self.reveal else self.visited
        self.seen.set_data([self.places[i] for i in seen], [self.errors[i] for i in seen])
        self.heading.set_text(f"λ = {written(self.lambdas[index])}:  error {rounded(y)}")
        return Drawing(self.figure, self.spoken(index), self.quick())

    def quick(self) -> bytes:
        """The picture as PNG: the background that stays, and what moves drawn on it."""
        buffer = io.BytesIO()
        with style(), quiet():
            self.canvas.restore_region(self.background)
            renderer = self.canvas.get_renderer()
            for artist in self.moving:
                artist.draw(renderer)
        Image.fromarray(np.asarray(self.canvas.buffer_rgba())).convert("RGB").save(buffer, "png", compress_level=1)
        return buffer.getvalue()

    def spoken(self, index: int) -> str:
        """The alt text: where we are, how that compares with the two ends, what the lines do, the best known so far."""
        lam, error = self.lambdas[index], self.errors[index]
        spread = np.ptp(self.thetas[index][:, 1])
        compared = [
            f"{about(abs(error - value))} {'less' if error < value else 'more'} than {text}"
            for value, text in (
                (self.separate_error, "with every school alone"),
                (self.pooled_error, "with all schools in one"),
                (self.shrunk_error, f"with {SHRUNK}"),
            )
            if value is not None and rounded(error) != rounded(value)
        ]
        text = [
            f"The lines of {len(self.names)} schools at λ = {written(lam)}; the error is {about(error)}"
            + (f", {listed(compared)}" if compared else "")
            + "."
        ]
        text.append(
            "All lines coincide."
            if spread < 1e-9
            else f"Their slopes run from {about(self.thetas[index][:, 1].min())} to "
            f"{about(self.thetas[index][:, 1].max())}."
        )
        known = range(len(self.lambdas)) if self.reveal else self.visited
        best = min(known, key=lambda i: self.errors[i])
        where = "The error is least" if self.reveal else f"Of all λ tried so far ({len(self.visited)}) it is least"
        text.append(f"{where} at λ = {written(self.lambdas[best])}: {about(self.errors[best])}.")
        return " ".join(text)


def schools(*arguments: object, index: int = 0, **options: object) -> Drawing:
    """One picture of the schools at ``lambdas[index]``; the arguments are those of :class:`SchoolsPicture`."""
    return SchoolsPicture(*arguments, **options).update(index)


def draw_legend_row(ax: Axes, entries: Sequence[tuple[str, dict]], height: float) -> None:
    """Names in one row above the panel, each with its line."""
    at, width = 0.0, ax.get_position().width * WIDTH
    for name, look in entries:
        text = shortened(name, (width + 0.3) / len(entries) - 0.5)
        ax.plot(
            np.array([0, 0.15, 0.3]) / width + at / width,
            [height] * 3,
            transform=ax.transAxes,
            clip_on=False,
            markevery=[1],
            markeredgecolor=PAPER,
            markeredgewidth=0.6,
            **look,
        )
        ax.text(
            (at + 0.37) / width,
            height,
            text,
            transform=ax.transAxes,
            va="center_baseline",
            color=for_text(look["color"]),
        )
        at += 0.37 + breadth(text) + 0.18


def first(*values: float | None) -> float | None:
    """The first that is not None."""
    return next((float(value) for value in values if value is not None), None)


def draw_ticks(ax: Axes, lambdas: Sequence[float], at: np.ndarray) -> None:
    """A few values where they are; of many the powers of ten between; 0 and ∞ beyond a break in the axis."""
    inner = sorted(lam for lam in lambdas if 0 < lam < math.inf) or [1]
    near = len(inner) <= 6 and inner[-1] / inner[0] < 100  # six of one range stand as well as four of many
    if (len(inner) <= 4 or near) and all(b / a >= 2 for a, b in pairwise(inner)):
        marks = [(math.log10(lam), written(lam)) for lam in inner]
    else:
        low, high = math.log10(inner[0]), math.log10(inner[-1])
        tens = list(range(math.ceil(low - 1e-9), math.floor(high + 1e-9) + 1))
        marks = [(ten, written(10.0**ten)) for ten in tens[:: math.ceil(len(tens) / 6) if tens else 1]]
    bottom = ax.get_xaxis_transform()
    for end, side in ((0, 0.42), (-1, -0.42)):
        if lambdas[end] == 0 or math.isinf(lambdas[end]):
            marks.append((at[end], written(lambdas[end])))
            ax.text(
                at[end] + side,
                0,
                "//",
                transform=bottom,
                ha="center",
                va="center",
                color=GREY,
                bbox={"facecolor": PAPER, "edgecolor": "none", "pad": 0.5},
            )
    ax.set_xticks([place for place, _ in marks], [text for _, text in marks])
