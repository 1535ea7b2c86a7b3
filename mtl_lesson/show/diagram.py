"""A model as boxes and arrows, read off the live model: who uses which weights, and how many there are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import chain, pairwise

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle
from torch import Tensor, nn

from ..nets import layers_of
from ..sharing import Experts, LowRank, Sharing
from ..sharing.attention import Mask
from .drawing import Drawing
from .sheets import paper
from .style import GREY, INK, WIDTH, canvas, colours_of, for_text, listed, rounded, shortened, style

TALL, STEP, HIGHEST = 0.62, 1.02, 8  # inches: a box, from one row to the next; rows of layers before some are merged
CORRECTION = "UVᵀ on "


@dataclass
class LayerBox:
    """Weights that some tasks use: its ``title``, its ``users`` (numbers of tasks) and where its middle is."""

    title: str
    users: tuple[int, ...]
    weights: int | None = None
    x: float = 0.0
    y: float = 0.0
    room: float = field(default=1.0, repr=False)


def model_diagram(model: Sharing, title: str | None = None) -> Drawing:
    """The model as it is: a row a layer with weights, a box a group of weights, arrows from the input to the answers.

    A box bears the number of its weights and the colours of the tasks that use it; one that several use is grey.
    """
    names = [task.name for task in model.tasks]
    colours = colours_of(names)
    rows = boxes(model)
    order = sorted(range(len(names)), key=lambda t: [min(box.users) for row in rows for box in row if t in box.users])
    most = max(len(names), 2, *map(len, rows))
    column = min(2.1, (WIDTH - 1.75) / most)
    left = 1.65
    width = max(left + column * most + 0.1, 6.6)
    for number, row in enumerate(rows):
        place_boxes(row, order, column, left, width)
        for box in row:
            box.y, box.room = 0.98 + STEP * number, column - 0.22
    total, shared = model.size(), sum(value[0].numel() for value in model.shared_parameters().values())
    heading = title or f"{type(model).__name__}: {total:,} weights, {shared_share(shared, total)}"
    with style():
        height = 0.98 + STEP * (len(rows) - 1) + TALL / 2 + 0.55 + 0.2 * len(not_drawn(model))
        figure = canvas(width, height, layout=None)
        ax = paper(figure)
        ax.text(0.12, 0.28, shortened(heading, width - 0.2, 14, "bold"), fontsize=14, fontweight="bold", va="center")
        for above, below in pairwise(rows):
            for one in above:
                for two in below:
                    if both := [t for t in one.users if t in two.users]:
                        draw_arrow(ax, one, two, colours[names[both[0]]] if len(both) == 1 else INK, len(both))
        for row, label in zip(rows, row_labels(model, rows), strict=True):
            ax.text(0.12, row[0].y, label, va="center", color=GREY, linespacing=1.25)
            for box in row:
                draw_box(ax, box, [colours[names[t]] for t in box.users], last=row is rows[-1])
        note = "\n".join(["in each box: its number of weights", *not_drawn(model)])
        ax.text((left + width) / 2, rows[-1][0].y + TALL / 2 + 0.18, note, ha="center", va="top", color=GREY)
    more = "".join(f" {text[0].upper()}{text[1:]}." for text in not_drawn(model))
    return Drawing(figure, say_diagram(model, rows, names, shared, total) + more)


def not_drawn(model: Sharing) -> list[str]:
    """What a model does beside what its boxes and arrows show, in words."""
    found = [f"{task} answers from {layer}" for task, layer in model.heads_at.items()]
    if model.stem_templates:
        found.append(f"the inputs of {listed([*model.stem_templates])} go through a module of their own first")
    if isinstance(model, LowRank) and model.ranks:
        found.append("a task's weights in a layer: the grey box plus its own UVᵀ")
    if isinstance(model, Experts) and model.gate == "input":
        found.append("each gate looks at x, too")
    if model.between is not None:
        where = listed(getattr(model, "where", ["some layers"]))
        found.append(f"after {where} each task takes a learnt mixture of all tasks' features")
    return found


def boxes(model: Sharing) -> list[list[LayerBox]]:
    """The input, the layers with weights in order, and the output layers, a row of boxes each."""
    everyone = tuple(range(len(model.tasks)))
    rows = [[LayerBox("x", everyone)]]
    plan = [] if isinstance(model, Experts) else list(model.trunk.plan.items())
    rows += expert_boxes(model) if isinstance(model, Experts) else []
    for name, owners in plan:
        if isinstance(model, LowRank) and name in model.ranks:
            found = corrected_rows(model, name)
        else:
            found = [
                [LayerBox(name, users, weights_in(model.trunk[name].values(g))) for g, users in users_by_group(owners)]
            ]
        last = rows[1:][-len(found) :]
        if len(plan) > HIGHEST and [[b.users for b in row] for row in last] == [
            [b.users for b in row] for row in found
        ]:
            for old, new in zip(chain(*last), chain(*found), strict=True):  # many layers: those alike are one box
                end = new.title.removeprefix(CORRECTION)
                old.title, old.weights = f"{old.title.split(' … ')[0]} … {end}", old.weights + new.weights
        else:
            rows += found
    heads = []
    for name, head in model.heads.items():
        users = tuple(t for t, task in enumerate(model.tasks) if model.head_of(task) == name)
        title = model.tasks[users[0]].name if len(users) == 1 else name
        heads.append(LayerBox(title, users, sum(value[0].numel() for value in head.values(0).values())))
    return [*rows, heads]


def users_by_group(owners: tuple[int, ...]) -> list[tuple[int, tuple[int, ...]]]:
    """Each group of weights with the numbers of the tasks that use it."""
    return [(group, tuple(t for t, owner in enumerate(owners) if owner == group)) for group in range(max(owners) + 1)]


def weights_in(values: Mapping[str, Tensor]) -> int:
    return sum(value[0].numel() for value in values.values())


def corrected_rows(model: LowRank, name: str) -> list[list[LayerBox]]:
    """A layer that all tasks use and each corrects: θ, and below it the U_t V_tᵀ of each task."""
    layer, everyone = model.trunk[name], tuple(range(len(model.tasks)))
    own = [LayerBox(f"{CORRECTION}{name}", (t,), weights_in(layer.factors.values(t))) for t in everyone]
    return [[LayerBox(name, everyone, weights_in(layer.values(0)))], own]


def expert_boxes(model: Experts) -> list[list[LayerBox]]:
    """The experts, a box a trunk, and below them the gates that mix them."""
    experts = []
    for name, trunk in zip(model.names, model.trunks().values(), strict=True):
        users = tuple(range(len(model.tasks)))
        weights = sum(w[0, 0].numel() for layer in trunk.layers for w in layer.parameters())
        experts += (
            [LayerBox(name, users, weights)]
            if name.startswith("expert")
            else [LayerBox(name, (t,), weights) for t in users]
        )
    sizes = [sum(w[0].numel() for w in model.gate_weights.values(t).values()) for t in range(len(model.tasks))]
    return [experts, [LayerBox("gate", (t,), size) for t, size in enumerate(sizes)]]


def row_labels(model: Sharing, rows: list[list[LayerBox]]) -> list[str]:
    """What stands at the left of each row: the kind of layer and its size."""
    labels = ["input"]
    if isinstance(model, Experts):
        return [*labels, "trunks", "gates,\nwhich mix", "answers"]
    for row in rows[1:-1]:
        own = row[0].title.removeprefix(CORRECTION)
        if own != row[0].title:
            labels.append(correction_in(model, own))
        else:
            labels.append(described(layers_of(model.trunk.template[0]).get(own)))
    return [*labels, "answers"]


def correction_in(model: LowRank, name: str) -> str:
    """What stands beside the corrections of a layer, or of several that are drawn as one."""
    ranks = {shape.r for shape in model.ranks.get(name, {}).values()}
    return f"+ a correction\nof rank {ranks.pop()}" if len(ranks) == 1 else "+ corrections"


def described(layer: nn.Module | None) -> str:
    if isinstance(layer, nn.Conv2d):
        size = "×".join(map(str, layer.kernel_size))
        return f"convolution {size}\n{layer.in_channels} → {layer.out_channels}"
    if isinstance(layer, nn.Linear):
        return f"linear\n{layer.in_features:,} → {layer.out_features:,}"
    if isinstance(layer, Mask):
        return {"input": "mask that\nlooks at h", "constant": "mask,\nconstant"}.get(layer.kind, "random\nhalves")
    return "layers" if layer is None else shortened(type(layer).__name__, 1.4)


def place_boxes(row: list[LayerBox], order: list[int], column: float, left: float, width: float) -> None:
    """Each box in the middle of its tasks' columns, pushed aside where two would overlap."""
    at = {t: number for number, t in enumerate(order)}
    row.sort(key=lambda box: np.mean([at[t] for t in box.users]))
    wanted = np.array([np.mean([at[t] for t in box.users]) for box in row])
    last = len(order) - 1
    if len(row) > len(order) or (len(row) > 1 and np.ptp(wanted) == 0):  # side by side around the middle
        wanted = np.arange(len(row)) + (last - len(row) + 1) / 2
    for number in range(1, len(row)):
        wanted[number] = max(wanted[number], wanted[number - 1] + 1)
    if len(row) <= len(order) and wanted[-1] > last:
        for number in range(len(row) - 1, -1, -1):
            wanted[number] = min(wanted[number], last - (len(row) - 1 - number))
    middle = (left + width) / 2 - column * (len(order) - 1) / 2
    for box, place_ in zip(row, wanted, strict=True):
        box.x = middle + column * place_


def draw_box(ax: Axes, box: LayerBox, colours: list[str], last: bool) -> None:
    """A box with its name, its number of weights, and a stripe for each task that uses it."""
    own = len(colours) == 1
    wide = 0.55 if box.weights is None else box.room
    corner = (box.x - wide / 2, box.y - TALL / 2)
    face = tint(colours[0]) if own else "#E6E6E6"
    edge = colours[0] if own else "#555555"
    shape = {"boxstyle": "round,pad=0,rounding_size=0.07"}
    ax.add_patch(FancyBboxPatch(corner, wide, TALL, **shape, facecolor=face, edgecolor=edge, linewidth=1.6, zorder=3))
    if box.weights is None:
        ax.text(box.x, box.y, box.title, ha="center", va="center", fontsize=14, fontstyle="italic", zorder=5)
        return
    for number, colour in enumerate(colours):
        stripe = (wide - 0.16) / len(colours)
        ax.add_patch(
            Rectangle(
                (corner[0] + 0.08 + stripe * number, corner[1] + 0.045),
                stripe - 0.02,
                0.055,
                facecolor=colour,
                edgecolor="none",
                zorder=4,
            )
        )
    name = shortened(box.title, wide - 0.1, weight="bold")
    ax.text(
        box.x,
        box.y - 0.04,
        name,
        ha="center",
        va="center",
        fontweight="bold",
        zorder=5,
        color=for_text(dark(colours[0])) if own and last else INK,
    )
    ax.text(
        box.x,
        box.y + 0.185,
        rounded(box.weights) if box.weights >= 100 else str(box.weights),
        ha="center",
        va="center",
        zorder=5,
    )


def draw_arrow(ax: Axes, one: LayerBox, two: LayerBox, colour: str, users: int) -> None:
    start, end = (one.x, one.y + TALL / 2), (two.x, two.y - TALL / 2)
    if abs(one.x - two.x) > 0.3:  # arrows that part leave from different places
        start = (one.x + np.sign(two.x - one.x) * min(0.25, abs(two.x - one.x) / 4), start[1])
    ax.add_patch(
        FancyArrowPatch(
            start,
            end,
            arrowstyle="-|>,head_length=5,head_width=3",
            shrinkA=0,
            shrinkB=0,
            color=colour,
            linewidth=1.4 + 0.35 * min(users, 6),
            zorder=2,
        )
    )


def tint(colour: str) -> tuple[float, ...]:
    return tuple(1 - 0.16 * (1 - np.asarray(to_rgb(colour))))


def dark(colour: str) -> tuple[float, ...]:
    return tuple(0.8 * np.asarray(to_rgb(colour)))


def shared_share(shared: int, total: int) -> str:
    if not shared:
        return "none shared"
    return "all shared" if shared == total else f"{percent_of(shared, total)} shared"


def percent_of(part: int, whole: int) -> str:
    """A share of weights that is neither none nor all, and is not rounded to either."""
    return f"{min(max(100 * part / whole, 0.1), 99.9):.{0 if 0.01 <= part / whole <= 0.99 else 1}f} %"


def say_diagram(model: Sharing, rows: list[list[LayerBox]], names: list[str], shared: int, total: int) -> str:
    """The alt text: how many weights, which part is shared by whom, which part is largest."""
    share, way = {0: "none", total: "all"}.get(shared, percent_of(shared, total)), type(model).__name__
    article = "An" if way[0] in "AEIOU" else "A"
    text = [f"{article} {way} model of {listed(names)}: {total:,} weights, {share} of them used by more than one task."]
    common = [row[0].title for row in rows[1:-1] if len(row) == 1 and len(names) > 1]
    parts = [f"{row[0].title} ({len(row)} groups)" for row in rows[1:-1] if len(row) > 1]
    if isinstance(model, Experts):
        common, own = (list(model.names[: model.experts]), list(model.names[model.experts :]))
        parts = [f"{name} ({len(names)} groups)" for name in (*own, "the gates")]
    text.append(f"Used by all tasks: {listed(common)}." if common else "No layer of the trunk is used by all.")
    if parts:
        text.append(f"Kept apart: {listed(parts)}.")
    largest = max((box for row in rows for box in row if box.weights is not None), key=lambda box: box.weights)
    text.append(
        f"The largest box is {largest.title}, with {largest.weights:,} weights; output layers: {len(rows[-1])}."
    )
    return " ".join(text)
