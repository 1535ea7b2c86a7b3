"""Is a forecast of 30 % right 30 times in a hundred? What was forecast against what came."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from ..arguments import whole
from ..inspection.calibration import in_bins
from .drawing import Drawing
from .style import GREY, WIDTH, about, canvas, colours_of, dashes_of, legend_columns, percent, style

SIGNS = "os^Dv"  # a marker a line


def reliability(
    forecasts: Mapping[str, Sequence[float]], happened: Sequence[int], bins: int = 5, *, title: str | None = None
) -> Drawing:
    """A line for each of ``forecasts``: in ``bins`` of equal size, ordered by the forecast, how often it came true
    against what was forecast on average. On the dotted diagonal a forecast is kept.

    ``forecasts``: name → the chance of a yes for each example, from 0 to 1; equal ones keep the order given.
    ``happened``: 1 or 0, or -1 where nobody knows; these are left out. Arms are Wilson's 95 % intervals (1927) of the
    share. Raises ValueError for no forecast or more than five, lengths that differ, numbers outside 0 to 1, and fewer
    known answers than bins.
    """
    happened = np.asarray(happened)
    known, bins = happened >= 0, whole(bins, "bins", least=2)
    lines = {name: np.asarray(values, float) for name, values in forecasts.items()}
    if not 1 <= len(lines) <= len(SIGNS):
        raise ValueError(f"reliability draws one to {len(SIGNS)} forecasts, not {len(lines)}")
    for name, values in lines.items():
        if values.shape != happened.shape:
            raise ValueError(f"{name!r} has {values.shape} forecasts for {happened.shape} answers")
        if not ((values >= 0) & (values <= 1)).all():
            raise ValueError(f"a forecast is a chance from 0 to 1; {name!r} has others")
    if known.sum() < bins:
        raise ValueError(f"{int(known.sum())} known answers do not fill {bins} bins")
    found = {name: in_bins(values[known], happened[known], bins) for name, values in lines.items()}
    colours, dashes = colours_of(lines), dashes_of(lines)
    width = 0.62 * WIDTH
    with style():
        figure = canvas(width, 4.6 + 0.3 * bool(title))
        ax = figure.add_subplot()
        ax.plot([0, 1], [0, 1], color=GREY, linestyle=(0, (2, 2)), linewidth=1.3, zorder=1)
        for (name, (forecast, share, low, high)), sign in zip(found.items(), SIGNS, strict=False):
            arms = np.stack([share - low, high - share]).clip(min=0)
            ax.errorbar(
                forecast,
                share,
                arms,
                color=colours[name],
                linestyle=dashes[name],
                marker=sign,
                elinewidth=1.2,
                label=name,
            )
        ends = (-0.02, min(1.02, 0.05 + max(max(line[0].max(), line[3].max()) for line in found.values())))
        ax.set(xlabel="forecast", ylabel="came true", xlim=ends, ylim=ends, aspect="equal")
        ax.xaxis.set_major_formatter(percent)
        ax.yaxis.set_major_formatter(percent)
        figure.legend(loc="outside lower center", ncols=legend_columns(list(lines), width), handlelength=2.6)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    said = "" if not title else f"{title} " if title[-1] in "?." else f"{title}. "
    return Drawing(figure, said + say_reliability(found, bins, int(known.sum())))


def say_reliability(found: Mapping[str, tuple[np.ndarray, ...]], bins: int, known: int) -> str:
    """The alt text: for each forecast what was forecast and what came, in the lowest and in the highest bin."""
    text = f"What was forecast against what came true, {known} examples in {bins} bins of equal size."
    for name, (forecast, share, *_) in found.items():
        low, high = (f"forecast {about(forecast[at], '%')}, came true {about(share[at], '%')}" for at in (0, -1))
        off = math.fsum(abs(forecast - share)) / bins
        text += f" {name}: lowest bin, {low}; highest, {high}; on average {about(off, '%')} apart."
    return text
