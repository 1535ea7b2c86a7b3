"""A graph: its nodes where they stand, its ties as lines, and what is said of each node by colour and shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from torch import Tensor

from .drawing import Drawing
from .maps import SHADES
from .microscope import NO_LABEL, PALETTE
from .style import (
    GREY,
    INK,
    PAPER,
    WIDTH,
    about,
    breadth,
    canvas,
    ink_on,
    legend_columns,
    listed,
    rounded,
    shortened,
    style,
)

SHAPES = "osDhp8"  # wide enough for a number inside
AREA, WIDEST = 330, 5.0  # of a node, in square points, and of the strongest tie, in points
HEIGHT = 4.3  # of a panel, in inches


def graph(
    ties,
    positions=None,
    panels: Mapping[str, object] | None = None,
    *,
    classes: Mapping[str, Sequence[str]] | None = None,
    truth: Mapping[str, object] | None = None,
    ringed: Iterable[int] = (),
    ring: str = "labelled",
    names: Sequence[str] | None = None,
    title: str | None = None,
) -> Drawing:
    """A graph once for each of ``panels``, its nodes filled by class or by value.

        mtl.show.graph(world.ties, world.positions, {"side": answers}, classes={"side": world.task("side").answers})

    ``ties`` (N, N): symmetric, such as λ_ij between tasks; a line is as wide as its tie is strong. ``positions``:
    (N, 2), or panel → (N, 2), such as features; on a circle unless given. ``panels``: title → (N,), whole numbers for
    classes (−1: no label) or real ones for values (NaN: no label); without any, the graph alone. ``truth``: panel →
    (N,) what the classes should be; nodes that are told wrong are crossed out. ``ringed``: nodes with a ring, which
    means ``ring``. ``names``: of the nodes, their numbers unless given.

    Raises ValueError for ties, positions, names or a panel that do not fit each other, KeyError for classes or a truth
    of a panel that is not there.
    """
    ties, panels = checked_ties(ties), dict(panels or {"": np.full(len(ties), -1)})
    ringed = sorted({int(node) for node in ringed})
    names = [str(name) for name in (range(len(ties)) if names is None else names)]
    for what in (classes or {}), (truth or {}):
        if unknown := [name for name in what if name not in panels]:
            raise KeyError(f"there is no panel {unknown[0]!r}; there are {listed(list(panels))}")
    values = {name: of_nodes(given, len(ties), f"panel {name!r}") for name, given in panels.items()}
    right = {name: of_nodes(given, len(ties), f"truth of {name!r}") for name, given in (truth or {}).items()}
    if len(names) != len(ties) or not set(ringed) <= set(range(len(ties))):
        raise ValueError(f"there are {len(ties)} nodes, {len(names)} names, and rings around {ringed}")
    looks = {name: looks_of(values[name], (classes or {}).get(name), not any(panels)) for name in panels}
    with style():
        figure = canvas(WIDTH if len(panels) > 1 else 0.6 * WIDTH, HEIGHT + 0.5 * bool(title), layout="constrained")
        if title:
            figure.suptitle(title, fontsize=14, fontweight="bold", x=0.01, ha="left")
        for ax, name in zip(np.ravel(figure.subplots(1, len(panels))), panels, strict=True):
            at = positions_in(positions, name, len(ties))
            draw_ties(ax, ties, at)
            wrong = wrong_nodes(values[name], right.get(name))
            draw_nodes(ax, at, looks[name], names, ringed, wrong)
            draw_signs(ax, looks[name], ring if ringed else "", bool(wrong), figure.get_figwidth() / len(panels))
            ax.set_title(shortened(name, 0.9 * figure.get_figwidth() / len(panels), 13, "bold"))
    return Drawing(figure, say_graph(ties, values, looks, right, ringed, ring, names, title))


# --- the numbers -----------------------------------------------------------------------------------------------------


def as_array(values) -> np.ndarray:
    return values.detach().cpu().numpy() if isinstance(values, Tensor) else np.asarray(values)


def checked_ties(ties) -> np.ndarray:
    ties = as_array(ties).astype(float)
    if ties.ndim != 2 or len(ties) != ties.shape[1] or not len(ties) or not np.array_equal(ties, ties.T):
        raise ValueError(f"ties must be symmetric, a row and a column a node, not {ties.shape}")
    if not (ties >= 0).all():
        raise ValueError("ties must be 0 or more")
    return np.where(np.eye(len(ties)), 0, ties)


def of_nodes(given, n: int, what: str) -> np.ndarray:
    values = as_array(given)
    if values.shape != (n,):
        raise ValueError(f"{what}: expected a value for each of {n} nodes, got {values.shape}")
    return values


def positions_in(positions, panel: str, n: int) -> np.ndarray:
    """Where the nodes of a panel stand, (n, 2)."""
    if positions is None:
        turn = 2 * np.pi * np.arange(n) / n
        return np.stack([np.sin(turn), np.cos(turn)], 1)
    at = as_array(positions[panel] if isinstance(positions, Mapping) else positions)
    if at.shape != (n, 2) or not np.isfinite(at).all():
        raise ValueError(f"positions must be finite and ({n}, 2), not {at.shape}")
    return at


def wrong_nodes(values: np.ndarray, right: np.ndarray | None) -> list[int]:
    """The nodes told wrong, of those whose class is known."""
    return [] if right is None else np.flatnonzero((right >= 0) & (values != right)).tolist()


def looks_of(values: np.ndarray, classes: Sequence[str] | None, alone: bool) -> list[dict]:
    """Groups of nodes that look alike: name, members, colour and shape; those without a label are last."""
    if values.dtype.kind == "f":
        there = np.isfinite(values)
        low, high = (values[there].min(), values[there].max()) if there.any() else (0.0, 1.0)
        shade = [to_hex(SHADES(0.1 + 0.9 * (value - low) / ((high - low) or 1))) for value in (*values, low, high)]
        found = [{"name": "", "members": [i], "colour": shade[i], "shape": "o"} for i in np.flatnonzero(there)]
        ends = [(low, shade[-2]), (high, shade[-1])][: (1 + (high > low)) * there.any()]
        found += [{"name": rounded(value), "members": [], "colour": ink, "shape": "o"} for value, ink in ends]
    else:
        there = values >= 0
        last = max(len(classes or ()), int(values.max(initial=0)) + 1)
        words = [*(classes or ()), *map(str, range(len(classes or ()), last))]
        found = [
            {
                "name": str(words[k]),
                "members": np.flatnonzero(values == k).tolist(),
                "colour": PALETTE[k % len(PALETTE)],
                "shape": SHAPES[k % len(SHAPES)],
            }
            for k in range(last)
            if (values == k).any()
        ]
    if not there.all():
        rest = np.flatnonzero(~there).tolist()
        found.append({"name": "" if alone else NO_LABEL, "members": rest, "colour": PAPER, "shape": "o"})
    return found


# --- the picture -----------------------------------------------------------------------------------------------------


def draw_ties(ax: Axes, ties: np.ndarray, at: np.ndarray) -> None:
    """A line a tie; one of ∞ is as wide as the strongest finite one, and dark."""
    i, j = np.nonzero(np.triu(ties))
    strength = ties[i, j]
    most = strength[np.isfinite(strength)].max(initial=0) or 1
    alike = len(np.unique(strength)) <= 1
    width = np.full(len(strength), 1.2) if alike else np.maximum(WIDEST * np.minimum(strength / most, 1), 0.3)
    colours = [INK if np.isinf(s) else "#B5B5B5" for s in strength]
    ax.add_collection(LineCollection(np.stack([at[i], at[j]], 1), linewidths=width, colors=colours, zorder=1))


def draw_nodes(ax: Axes, at, looks: Sequence[dict], names: Sequence[str], ringed: Sequence[int], wrong) -> None:
    inside = max(map(breadth, names)) < 0.24
    for look in looks:
        for node in look["members"]:
            rim = {"edgecolors": INK if node in ringed else GREY if look["colour"] == PAPER else PAPER}
            rim |= {"linewidths": 1 + 2 * (node in ringed), "zorder": 2}
            ax.scatter(*at[node], AREA, [look["colour"]], marker=look["shape"], **rim)
            write_name(ax, at[node], names[node], look, inside)
    ax.scatter(*at[wrong].T, 2.5 * AREA, INK, marker="x", linewidths=2, zorder=1.5)  # behind: the name stays legible
    ax.margins(0.1)
    ax.axis("off")


def write_name(ax: Axes, at: np.ndarray, name: str, look: Mapping, inside: bool) -> None:
    if inside:
        ax.annotate(name, at, ha="center", va="center_baseline", color=ink_on(look["colour"]), zorder=3)
    else:
        paper = {"facecolor": PAPER, "edgecolor": "none", "alpha": 0.8, "pad": 0.5}
        ax.annotate(
            shortened(name, 1.4), at, (0, -11), textcoords="offset points", ha="center", va="top", zorder=3, bbox=paper
        )


def draw_signs(ax: Axes, looks: Sequence[dict], ring: str, crossed: bool, width: float) -> None:
    """What colours, shapes, rings and crosses mean, below the panel."""
    entries = [
        (look["name"], look["shape"], look["colour"], GREY if look["colour"] == PAPER else PAPER, 1) for look in looks
    ]
    entries += [(ring, "o", PAPER, INK, 2.5)] * bool(ring) + [("wrong", "x", INK, INK, 1.6)] * crossed
    entries = [entry for entry in entries if entry[0]]
    if not entries:
        return
    words = [shortened(name, 1.6) for name, *_ in entries]
    handles = [
        ax.scatter([], [], 110, [fill], marker=shape, edgecolors=None if shape == "x" else rim, linewidths=line)
        for _, shape, fill, rim, line in entries
    ]
    where = {"loc": "upper center", "bbox_to_anchor": (0.5, 0.0), "ncols": legend_columns(words, width, 4)}
    ax.legend(handles, words, handletextpad=0.2, columnspacing=1.2, **where)


# --- in words --------------------------------------------------------------------------------------------------------


def say_graph(ties, values, looks, right, ringed, ring, names, title) -> str:
    """The alt text: how large, the strongest tie where they differ, and what each panel says of the nodes."""
    strengths = np.triu(ties)
    some = strengths[strengths > 0]
    text = [f"{title.rstrip('.')}."] if title else []
    text.append(f"A graph of {len(ties)} nodes and {len(some)} ties.")
    if len(np.unique(some)) > 1:
        first, *others = np.argwhere(strengths == some.max())
        who = f"{len(others) + 1} of them" if others else listed([names[node] for node in first])
        text.append(f"Strength from {rounded(some.min())} to {rounded(some.max())} ({who}).")
    if ringed:
        text.append(f"Ringed, {ring}: {listed([names[node] for node in ringed], 8)}.")
    for panel, given in values.items():
        text += say_panel(panel, given, looks[panel], right.get(panel), ringed, names)
    return " ".join(text)


def say_panel(panel: str, values: np.ndarray, looks, right, ringed, names) -> list[str]:
    if values.dtype.kind == "f":
        there = np.flatnonzero(np.isfinite(values))
        if not len(there):
            return [f"{panel}: no value."]
        low, high = there[values[there].argmin()], there[values[there].argmax()]
        ends = [f"{about(values[node])} at {names[node]}" for node in (low, high)]
        return [f"{panel}: from {ends[0]} to {ends[1]}."]
    almost = "" if right is None else "≈ "  # what a network says may differ from machine to machine, and who is wrong
    counts = [f"{look['name']} {almost}{len(look['members'])}" for look in looks if look["name"]]
    text = [f"{panel}: {listed(counts, 8)}."] if counts else []
    if right is not None:
        judged = [node for node in np.flatnonzero(right >= 0) if node not in ringed]
        correct = sum(values[node] == right[node] for node in judged)
        text.append(f"Right on ≈ {correct} of the {len(judged)} nodes without a ring; the others are crossed out.")
    return text
