"""Which inputs which task uses: weights that are not 0 as filled squares."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.patches import Rectangle

from ..words import listed
from .drawing import Drawing
from .style import BLUE, GREY, PALE, WIDTH, breadth, canvas, style, wrapped

TINY = 1e-9  # a weight below this share of the largest is none


def chosen(weights: Mapping[str, object], row: str = "task", column: str = "input") -> Drawing:
    """A panel for each title of ``weights``, title → (T, d): a row a task, a column an input, filled where it is used.

    Below each panel stands how many inputs any task uses. Raises ValueError for none or more than four, and for
    weights that are no table.
    """
    used = {title: is_used(title, W) for title, W in weights.items()}
    if not 1 <= len(used) <= 4:
        raise ValueError(f"there is room for one to four panels, not {len(used)}")
    most_rows, most_columns = (max(W.shape[axis] for W in used.values()) for axis in (0, 1))
    side = min(0.34, (WIDTH / len(used) - 0.7) / most_columns)
    room = min(WIDTH / len(used), max(side * most_columns + 0.6, max(map(breadth, used)) + 0.3))
    titles = {title: "\n".join(wrapped(title, room - 0.3, 2, 13)) for title in used}
    with style():
        figure = canvas(
            room * len(used), side * most_rows + 1.3 + 0.25 * any("\n" in title for title in titles.values())
        )
        for ax, (title, W) in zip(figure.subplots(1, len(used), squeeze=False)[0], used.items(), strict=True):
            T, d = W.shape
            ax.set(xlim=(0, d), ylim=(T, 0), aspect="equal", xticks=[], yticks=[])
            for t, i in np.ndindex(T, d):
                face, edge = (BLUE, BLUE) if W[t, i] else ("none", PALE)
                at = (i + 0.08, t + 0.08)
                ax.add_patch(Rectangle(at, 0.84, 0.84, facecolor=face, edgecolor=edge, linewidth=0.8))
            ax.set_title(titles[title], loc="center", fontweight="normal")
            ax.set_xlabel(f"{W.any(0).sum()} of {d} {column}s used", color=GREY)
            ax.set_ylabel(f"a {row} a row", color=GREY)
            for spine in ax.spines.values():
                spine.set_visible(False)
    said = [
        f"{title}: ≈ {W.any(0).sum()} of {W.shape[1]} {column}s are used by any {row}, each {row} uses "
        f"≈ {W.sum(1).mean():.1f}"
        for title, W in used.items()
    ]
    return Drawing(figure, f"Which {column}s each {row} uses. {listed(said)}.")


def is_used(title: str, W: object) -> np.ndarray:
    """Where a table of weights is not 0, (T, d)."""
    W = np.abs(np.asarray(W, float))
    if W.ndim != 2 or not W.size:
        raise ValueError(f"{title!r}: the weights of T tasks and d inputs are a table (T, d), not of shape {W.shape}")
    return TINY * W.max() < W
