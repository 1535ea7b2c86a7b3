"""Numbers above the class that they belong to: whether one task's answer tells the other's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..words import rounded
from .drawing import Drawing
from .style import BLUE, GREY, INK, PALE, WIDTH, canvas, style


def by_class(
    values: Sequence[float],
    labels: Sequence[int],
    classes: Sequence[str],
    known: Sequence[bool],
    *,
    label: str,
    axis: str,
    title: str | None = None,
) -> Drawing:
    """A point an example: its number ``values`` (n,) above its class ``labels`` (n,), the mean of each class a line.

    Examples whose number is ``known`` (n,) to whoever learns are filled, the others pale. ``label``: what a number is,
    with its unit; ``axis``: what a class is. Raises ValueError for lengths that differ and for labels that are no
    class.
    """
    values, labels, known = np.asarray(values, float), np.asarray(labels), np.asarray(known, bool)
    if not len(values) == len(labels) == len(known) or not len(values):
        raise ValueError(f"a number, a class and whether it is known: got {len(values)}, {len(labels)}, {len(known)}")
    if labels.min() < 0 or labels.max() >= len(classes):
        raise ValueError(f"there are {len(classes)} classes, and labels from {labels.min()} to {labels.max()}")
    beside = labels + np.random.default_rng(0).uniform(-0.32, 0.32, len(labels))
    said = []
    with style():
        figure = canvas(WIDTH, 4.2)
        ax = figure.subplots()
        hidden = {"color": GREY, "alpha": 0.3, "markersize": 4, "markeredgewidth": 0, "zorder": 1}
        told = {"color": BLUE, "markeredgecolor": "white", "markersize": 8, "zorder": 3}
        ax.plot(beside[~known], values[~known], "o", label="not told to the learner", **hidden)
        ax.plot(beside[known], values[known], "o", label="known", **told)
        for number, name in enumerate(classes):
            own = values[labels == number]
            if len(own):
                ax.plot([number - 0.4, number + 0.4], [own.mean()] * 2, color=INK, linewidth=1.6, zorder=2)
                said.append(f"{name} {rounded(own.mean())} ({len(own)})")
        ax.set(xlabel=axis, ylabel=label, xlim=(-0.6, len(classes) - 0.4))
        ax.set_xticks(range(len(classes)), [str(name) for name in classes])
        ax.grid(axis="y", color=PALE, linewidth=0.8)
        ax.legend(loc="upper left")
        if title:
            ax.set_title(title)
    alt = f"{title or 'Numbers by class'}. {label} above {axis}, a point an example. Means, and how many: "
    return Drawing(figure, f"{alt}{', '.join(said)}. Known are {int(known.sum())} of {len(values)}.")
