"""Two tasks' gradients as arrows in a plane, and what methods make of them; and how that is said.

The answers come from :func:`mtl_lesson.weighting.answers_of`; nothing here computes one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Wedge

from ..weighting.plane import SMALL, angle_between, as_gradient, helped
from ..words import about, listed
from .drawing import Drawing
from .pareto import write_names
from .style import GREY, INK, PALE, canvas, colours_of, for_text, style, wrapped

WIDE, TALL, LEAST = 6.4, 5.0, 2.2  # inches: how wide, and at most and at least how tall
TINT = "#E3F1EC"  # of the directions that make no task worse
DOWN = {1: "helps", -1: "harms", 0: "leaves"}

#: what is said of two gradients, here and in the browser, which fills in the same templates
WORDS = {
    "pair": "{one} and {two}: angle ≈ {angle}°, cosine {cosine}, sizes {size1} and {size2}",
    "answer": "{name} {effect}",
    "weighted": "weighted sum ({w1} : {w2})",
    "both": "{verb} both",
    "one": "helps {helped}, harms {harmed}",
    "half": "{verb} {task} alone",
    "still": "stands still",
    "neither": "helps neither",
    "nothing": "no answer is shown",
    "cone": "shaded: directions that make neither worse",
    "alt": "Gradients of two tasks as arrows in a plane. {text}.",
    "place": "weights {w1} : {w2}, {one} {x}, {two} {y}",
    "moved": " (arrows moved by hand)",
    "front": (
        "{up} against {right} for {count} fixed weights. Here: {place}. From {right} {x0}, {up} {y0} to {right} {x1}, "
        "{up} {y1}."
    ),
    "curves": "Scores of both tasks over {count} epochs at weights {w1} : {w2}. {one} ends at {x}, {two} at {y}.",
    "tip": "gradient of {task}: left and right turn it, up and down change its size",
    "value": "{angle}° from the other, size {size}",
    "between": "{name} must be a number from {low} to {high}, not {text}",
    "zero": "the weights cannot both be 0",
    "caption": (
        "A step goes against an answer: it helps a task, whose loss falls, where the answer leans the way of that "
        "task's arrow. Drag a tip, or Tab to it and use the arrow keys. Weights are drawn so that they add up to 2."
    ),
}


def arrows(
    g1: Sequence[float],
    g2: Sequence[float],
    answers: Mapping[str, Sequence[float]] | None = None,
    *,
    names: Sequence[str] = ("task 1", "task 2"),
    weights: Sequence[float] | None = None,
    title: str | None = None,
) -> Drawing:
    """Two tasks' gradients ``g1``, ``g2`` in a plane, what methods make of them, and where neither task is worse off.

        g1, g2 = mtl.weighting.at_angle(120, (1, 0.5))
        mtl.show.arrows(g1, g2, mtl.weighting.answers_of(g1, g2, ["weighted sum", "PCGrad"]))

    ``answers``: {method: its vector (2,)}, drawn dashed; those with one tip have one label. The weights then move
    *against* an answer. Shaded: the directions d with ⟨d, g_t⟩ ≥ 0 for both, a wedge of 180° less the angle between the
    gradients. ``weights``: those of the weighted sum, to be told. Both axes have one scale.

    Raises ValueError for what is no pair of gradients in the plane, or no two names.
    """
    G = np.stack([as_gradient(g1, "g1"), as_gradient(g2, "g2")])
    answers = {name: np.asarray(answer, float) for name, answer in (answers or {}).items()}
    names = two_names(names)
    half, low, high = extent(np.stack([*G, *answers.values()]))
    tall = WIDE * (high - low) / (2 * half)
    said = wrapped(title, WIDE - 0.2, 2, 14) if title else []
    height = tall + 0.45 + 0.3 * len(said)
    with style():
        figure = canvas(WIDE, height, layout=None)
        ax = figure.add_axes((0, 0.4 / height, 1, tall / height))
        ax.set(xlim=(-half, half), ylim=(low, high), aspect="equal")
        ax.set_axis_off()
        draw_cone(ax, G, 4 * half)
        colours = [colours_of(names)[name] for name in names]
        for tip, colour in zip(G, colours, strict=True):
            draw_vector(ax, tip, colour, 3.2, "-")
        labels = dict(zip(names, G, strict=True)) | {label: tip for label, tip in merged(answers, half)}
        for label, dashes in zip(list(labels)[2:], cycle_of_dashes(), strict=False):
            draw_vector(ax, labels[label], INK, 1.9, dashes)
        ends = {label: np.tile(tip, (2, 1)) for label, tip in labels.items()}
        inks = {name: for_text(colour) for name, colour in zip(names, colours, strict=True)}
        shafts = [np.linspace(0.1, 0.9, 24)[:, None] * tip for tip in labels.values()]
        write_names(ax, labels, ends, inks, shafts)
        figure.text(0.5, 0.17 / height, WORDS["cone"], color=for_text(GREY), ha="center", va="center")
        for row, line in enumerate(said):
            y = 1 - (0.22 + 0.3 * row) / height
            figure.text(0.1 / WIDE, y, line, fontsize=14, fontweight="bold", va="center")
    text = say_arrows(G, answers, names, weights)
    return Drawing(figure, (f"{title}. " if title else "") + WORDS["alt"].format(text=text))


def two_names(names: Sequence[str]) -> tuple[str, str]:
    """Two different names, each on one line."""
    names = tuple(" ".join(str(name).split()) for name in names)
    if len(set(names)) != 2 or len(names) != 2:
        raise ValueError(f"the two gradients need two different names, not {', '.join(names) or 'none'}")
    return names


def cycle_of_dashes() -> list[object]:
    return [
        (0, (5, 2)),
        (0, (2, 1.5)),
        (0, (7, 2, 1.5, 2)),
        (0, (1, 1.2)),
        (0, (10, 3)),
        (0, (4, 1, 1, 1)),
        (0, (3, 4)),
    ]


def extent(tips: np.ndarray) -> tuple[float, float, float]:
    """Half the width of the plane to be drawn, its lower and its upper end, in one scale and with room for names."""
    reach = np.linalg.norm(tips, axis=1).max()
    low, high = min(0, tips[:, 1].min()) - 0.2 * reach, max(0, tips[:, 1].max()) + 0.2 * reach
    half = max(1.4 * np.abs(tips[:, 0]).max(), 0.8 * reach, WIDE / TALL * (high - low) / 2)
    missing = max(0, 2 * half * LEAST / WIDE - (high - low))
    return half, low - missing / 2, high + missing / 2


def ends_of_cone(G: np.ndarray) -> tuple[float, float]:
    """From where to where, in degrees, the directions d run with ⟨d, g_t⟩ ≥ 0 for both: within 90° of either."""
    first, second = np.degrees(np.arctan2(G[:, 1], G[:, 0]))
    turn = (second - first + 180) % 360 - 180  # from the first to the second, the short way round
    return first + max(0, turn) - 90, first + min(0, turn) + 90


def draw_cone(ax: Axes, G: np.ndarray, far: float) -> None:
    """Shade the directions that make neither task worse."""
    low, high = ends_of_cone(G)
    ax.add_patch(Wedge((0, 0), far, low, high, facecolor=TINT, linewidth=0, zorder=0))
    for end in (low, high):
        way = np.radians(end)
        ax.plot([0, far * np.cos(way)], [0, far * np.sin(way)], color=PALE, linewidth=1, zorder=0.5)


def draw_vector(ax: Axes, tip: np.ndarray, colour: str, width: float, dashes: object) -> None:
    """An arrow from the middle to ``tip``; one without length is a ring."""
    half = ax.get_xlim()[1]
    if np.linalg.norm(tip) < 0.02 * half:
        ax.plot([0], [0], "o", color=colour, markersize=11, markerfacecolor="none", markeredgewidth=1.6, zorder=4)
        return
    shorter = tip * (1 - 0.03 * half / np.linalg.norm(tip))  # so that the head is the tip
    ax.plot(
        *np.stack([[0, 0], shorter]).T, color=colour, linewidth=width, linestyle=dashes, zorder=3, dash_capstyle="butt"
    )
    head = {"arrowstyle": f"-|>,head_width={0.1 + 0.1 * width:.2f},head_length={0.25 + 0.2 * width:.2f}"}
    head |= {"color": colour, "linewidth": 0, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 10}
    ax.annotate("", tip, tip * (1 - 1e-3), arrowprops=head, zorder=3.5)


def merged(answers: Mapping[str, np.ndarray], half: float) -> list[tuple[str, np.ndarray]]:
    """Answers with one label for those whose tips are the same."""
    groups: list[tuple[list[str], np.ndarray]] = []
    for name, tip in answers.items():
        near = next((names for names, other in groups if np.linalg.norm(other - tip) < 0.02 * half), None)
        if near is None:
            groups.append(([name], tip))
        else:
            near.append(name)
    return [(listed(names, 3), tip) for names, tip in groups]


# --- in words --------------------------------------------------------------------------------------------------------


def say_arrows(
    G: np.ndarray, answers: Mapping[str, np.ndarray], names: tuple[str, str], weights: Sequence[float] | None
) -> str:
    """Angle, cosine and sizes, and for each answer whom a small step helps or harms."""
    angle = angle_between(*G)
    long = np.linalg.norm(G, axis=1)
    told = {"one": names[0], "two": names[1], "angle": f"{angle:.0f}", "cosine": about(np.cos(np.radians(angle)))}
    said = [WORDS["pair"].format(**told, size1=about(long[0]), size2=about(long[1]))]
    for name, answer in answers.items():
        if name == "weighted sum" and weights is not None:
            name = WORDS["weighted"].format(w1=ratio_text(weights[0]), w2=ratio_text(weights[1]))
        said.append(WORDS["answer"].format(name=name, effect=say_effect(answer, G, names)))
    return "; ".join(said if answers else [*said, WORDS["nothing"]])


def say_effect(answer: np.ndarray, G: np.ndarray, names: tuple[str, str]) -> str:
    """Whom a small step against an answer helps, and whom it harms."""
    effects = helped(answer, *G).tolist()
    if np.linalg.norm(answer) < SMALL * np.linalg.norm(G, axis=1).max():
        return WORDS["still"]
    if effects[0] == effects[1]:
        return WORDS["both"].format(verb=DOWN[effects[0]]) if effects[0] else WORDS["neither"]
    if 0 in effects:
        at = 1 - effects.index(0)
        return WORDS["half"].format(verb=DOWN[effects[at]], task=names[at])
    return WORDS["one"].format(helped=names[effects.index(1)], harmed=names[effects.index(-1)])


def ratio_text(w: float) -> str:
    """A weight as it is told: three digits that count."""
    return f"{float(f'{w:.3g}'):g}"
