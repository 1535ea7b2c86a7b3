"""Inside a network: where its answers come from in a picture, and what its units look for."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from torch import Tensor

from .drawing import Drawing
from .maps import SIGNS
from .sheets import LINE, as_images, paper, put
from .style import (
    GREY,
    PALE,
    WIDTH,
    about,
    breadth,
    canvas,
    colours_of,
    for_text,
    listed,
    shortened,
    style,
    wrapped,
)


def attributions(
    x: Tensor,
    maps: Mapping[str, Mapping[str, Tensor]],
    *,
    captions: Sequence[str] | None = None,
    title: str | None = None,
) -> Drawing:
    """Same picture, several questions: a column a picture, and below it a row for each task and each difference.

    ``x``: pictures (n, c, h, w). ``maps``: network → task → (n, h, w), as ``inspection.attribution`` returns them; the
    last network is drawn as the floor. Blue speaks for the answer, orange against it; a network's maps have one
    scale, so that a pale row is a weak one. Two tasks' maps are followed by their difference.
    """
    images = as_images(x)
    blocks = {}
    for network, by_task in maps.items():
        rows = {task: np.asarray(torch.as_tensor(values).detach().cpu(), float) for task, values in by_task.items()}
        for task, values in rows.items():
            if values.shape != images.shape[:3]:
                raise ValueError(f"{network}, {task}: expected maps of shape {images.shape[:3]}, got {values.shape}")
        agree = correlation(rows)
        if len(rows) == 2:
            one, other = rows.values()
            rows |= {f"{' − '.join(rows)}": one - other}
        blocks[network] = (rows, agree)
    names = [name for rows, _ in blocks.values() for name in rows]
    left = 0.35 + max(breadth(part) for name in names for part in wrapped(name, 1.5, 2))
    side = min(1.25, (WIDTH - left - 0.1) / len(images))
    below = [wrapped(caption, side - 0.06, 2) for caption in captions or []]
    head = 0.1 + 0.4 * bool(title)
    deep = side + 0.1 + LINE * max(map(len, below), default=0)
    tall = head + deep + sum(0.4 + side * len(rows) for rows, _ in blocks.values()) + 0.1
    with style():
        figure = canvas(max(left + side * len(images) + 0.1, 4.5), tall, layout=None)
        ax = paper(figure)
        if title:
            ax.text(0.1, 0.25, title, fontsize=14, fontweight="bold", va="center")
        for column, image in enumerate(images):
            put(ax, image, left + side * column, head, side - 0.05)
            for place, line in enumerate(below[column] if below else []):
                ax.text(left + side * (column + 0.5), head + side + 0.1 + LINE * place, line, ha="center", va="center")
        y = head + deep
        for network, (rows, _) in blocks.items():
            ax.text(0.1, y + 0.2, network, fontweight="bold", va="center")
            y += 0.4
            scale = max(np.abs(values).max() for values in rows.values()) or 1.0
            for name, values in rows.items():
                row_of_maps(ax, name, values / scale, left, y, side)
                y += side
    return Drawing(figure, say_attributions(images, blocks, captions, title))


def row_of_maps(ax: Axes, name: str, values: np.ndarray, left: float, y: float, side: float) -> None:
    """One task's maps (n, h, w), −1 to 1, side by side. The root keeps weak places visible."""
    colours = colours_of([name])
    lines = wrapped(name, left - 0.3, 2)
    ax.text(left - 0.12, y + side / 2, "\n".join(lines), ha="right", va="center", color=for_text(colours[name]))
    for column, one in enumerate(np.sign(values) * np.sqrt(np.abs(values))):
        put(ax, SIGNS(0.5 + 0.5 * one)[..., :3], left + side * column, y, side - 0.05)


def correlation(rows: Mapping[str, np.ndarray]) -> float:
    """How alike where tasks look is: the mean correlation of |map| between any two tasks on one picture."""
    found = []
    for a, b in itertools.combinations(rows.values(), 2):
        for one, other in zip(np.abs(a).reshape(len(a), -1), np.abs(b).reshape(len(b), -1), strict=True):
            if one.std() > 0 and other.std() > 0:
                found.append(np.corrcoef(one, other)[0, 1])
    return float(np.mean(found)) if found else float("nan")


def say_attributions(images, blocks, captions, title) -> str:
    """The alt text of :func:`attributions`: which tasks, and how alike the places are they look at."""
    many = "1 picture" if len(images) == 1 else f"{len(images)} pictures"
    text = [f"{title + '. ' if title else ''}Which places of {many} speak for and against the answers."]
    if captions:
        text.append(f"The pictures: {listed([str(c) for c in captions], 8)}.")
    for network, (rows, agree) in blocks.items():
        said = f", mean correlation of their strengths {about(agree)}" if np.isfinite(agree) else ""
        text.append(f"{network}: {listed(list(rows))}{said}.")
    return " ".join(text)


def units(
    x: Tensor,
    top: Mapping[str, Tensor],
    filters: Mapping[str, Tensor] | None = None,
    *,
    maps: Mapping[str, Tensor] | None = None,
    silent: Mapping[str, Tensor] | None = None,
    most: int = 8,
    labels: Sequence[str] | None = None,
    title: str | None = None,
) -> Drawing:
    """Every hidden unit drawn: a row a unit, with its filter and the pictures that excite it most; a block a task.

    ``top``: task → (units, k), numbers of the pictures in ``x`` as ``inspection.top_pictures`` returns them.
    ``filters``: task → (units, channels, size, size) of a first layer, drawn as colours around mid-grey; leave it out
    for deeper layers. ``maps``: task → (units, h, w), each unit's response to one picture, drawn beside the filter from
    white (none) to black (the strongest of that unit). ``silent``: task → (units,) true for units that no picture
    excites, whose pictures are not drawn. At most ``most`` units are drawn. ``labels``: what each picture is, for the
    alt text.
    """
    chosen = {task: np.asarray(rows)[:most] for task, rows in top.items()}
    if not chosen or any(rows.ndim != 2 for rows in chosen.values()):
        raise ValueError("top is a mapping from task to the numbers of pictures (units, k)")
    images = as_images(x)
    k = max(rows.shape[1] for rows in chosen.values())
    count = max(len(rows) for rows in chosen.values())
    left, space = 0.75, 0.25
    wide = (WIDTH - left - space * (len(chosen) - 1)) / len(chosen)
    side = min(0.62, wide / (k + (filters is not None) * 1.2 + (maps is not None) * 1.2))
    head = 0.45 + 0.4 * bool(title)
    with style():
        figure = canvas(WIDTH, head + side * 1.08 * count + 0.1, layout=None)
        ax = paper(figure)
        if title:
            ax.text(0.1, 0.25, title, fontsize=14, fontweight="bold", va="center")
        for unit in range(count):
            ax.text(left - 0.12, head + side * 1.08 * unit + side / 2, str(unit), ha="right", va="center", color=GREY)
        for number, (task, rows) in enumerate(chosen.items()):
            start = left + number * (wide + space)
            ax.text(start, head - 0.2, shortened(task, wide, weight="bold"), fontweight="bold", va="center")
            patches = as_patches(filters[task]) if filters is not None else None
            for unit, pictures in enumerate(rows):
                y, at = head + side * 1.08 * unit, start
                if patches is not None:
                    put(ax, patches[unit], at, y, side)
                    at += side * (1.2 if maps is None else 1.05)
                if maps is not None:
                    put(ax, shaded(maps[task][unit]), at, y, side)
                    at += side * 1.2
                if silent is not None and bool(silent[task][unit]):
                    ax.text(at, y + side / 2, "never active", color=GREY, va="center")
                    continue
                for place, picture in enumerate(pictures):
                    put(ax, images[picture], at + side * place, y, side * 0.96)
        ax.plot([left - 0.06] * 2, [head, head + side * 1.08 * count], color=PALE, linewidth=1)
    return Drawing(figure, say_units(chosen, filters, maps, silent, labels, title))


def as_patches(weights: Tensor) -> np.ndarray:
    """First-layer filters (units, 1 or 3, h, w) as pictures (units, h, w, 3): 0 is mid-grey, each to its own scale."""
    w = np.asarray(torch.as_tensor(weights).detach().cpu(), float)
    if w.ndim != 4 or w.shape[1] not in (1, 3):
        raise ValueError(f"filters can be drawn as colours if they see 1 or 3 channels; got {w.shape}")
    scale = np.abs(w).max((1, 2, 3), keepdims=True)
    w = 0.5 + 0.5 * w / np.where(scale > 0, scale, 1)
    return np.broadcast_to(w, (len(w), 3, *w.shape[2:])).transpose(0, 2, 3, 1)


def shaded(response: Tensor) -> np.ndarray:
    """A map of responses (h, w), 0 and more, as a picture (h, w, 3): the stronger, the darker."""
    values = np.clip(np.asarray(torch.as_tensor(response).detach().cpu(), float), 0, None)
    grey = 1 - 0.85 * values / (values.max() or 1.0)
    return np.repeat(grey[..., None], 3, -1)


def say_units(chosen, filters, maps, silent, labels, title) -> str:
    """The alt text of :func:`units`: how many units, and for how many of them the pictures are mostly of one kind."""
    text = [title + "." if title else ""]
    for task, rows in chosen.items():
        drawn = ["its filter"] * (filters is not None) + ["its response to one picture"] * (maps is not None)
        drawn.append(f"the {rows.shape[1]} pictures that excite it most")
        text.append(f"{task}: {len(rows)} units, each with {listed(drawn)}.")
        awake = [pictures for unit, pictures in enumerate(rows) if silent is None or not silent[task][unit]]
        if len(awake) < len(rows):
            text.append(f"≈ {len(rows) - len(awake)} of them are never active.")
        if labels is not None:
            kinds = [[labels[picture] for picture in pictures] for pictures in awake]
            pure = sum(max(kind.count(name) for name in kind) > len(kind) / 2 for kind in kinds)
            text.append(f"For ≈ {pure} of them more than half are of one kind.")
    return " ".join(part for part in text if part)
