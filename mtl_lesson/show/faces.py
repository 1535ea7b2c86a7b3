"""Pictures with what a network found in them: a box, some points, and a caption."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from matplotlib.patches import Rectangle
from torch import Tensor

from .drawing import Drawing
from .sheets import as_images
from .style import INK, VERMILLION, WIDTH, YELLOW, canvas, shortened, style


def faces(x: Tensor, boxes: Tensor, points: Tensor, captions: Sequence[str], *, columns: int = 8) -> Drawing:
    """A sheet of pictures ``x`` (n, 3, h, w), each with a box (n, 4) and points (n, 2·k), k x and then k y.

    Boxes are (left, top, right, bottom); they and the points are in shares of the picture, and NaN is not drawn.
    Raises ValueError where their numbers differ.
    """
    images = as_images(x)
    if not len(images) == len(boxes) == len(points) == len(captions):
        sizes = f"{len(images)} pictures, {len(boxes)} boxes, {len(points)} rows of points, {len(captions)} captions"
        raise ValueError(f"each picture has a box, a row of points and a caption; got {sizes}")
    boxes, points = (torch.as_tensor(values).detach().double().numpy() for values in (boxes, points))
    columns = min(columns, len(images))
    rows, side = -(-len(images) // columns), min(1.9, WIDTH / columns)
    height, width = images.shape[1:3]
    with style():
        figure = canvas(side * columns, (side + 0.3) * rows)
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for ax in axes:
            ax.set_axis_off()
        for ax, image, box, marks, caption in zip(axes, images, boxes, points, captions, strict=False):
            ax.imshow(image, extent=(0, width, height, 0), interpolation="nearest")
            outline_box(ax, box * (width, height, width, height))
            across, down = np.split(marks, 2)
            ax.plot(across * width, down * height, "o", color=YELLOW, markeredgecolor=INK, markersize=5)
            ax.set(xlim=(0, width), ylim=(height, 0))
            ax.set_title(shortened(caption, side - 0.1), fontsize=12, fontweight="normal", loc="center")
    drawn = int(np.isfinite(boxes).all(1).sum())
    said = f"{len(images)} pictures, {drawn} with a box and points drawn in: {'; '.join(captions)}."
    return Drawing(figure, said)


def outline_box(ax, box: np.ndarray) -> None:
    """A frame from left, top to right, bottom; nothing where a number is missing."""
    if np.isfinite(box).all():
        left, top, right, bottom = box
        ax.add_patch(Rectangle((left, top), right - left, bottom - top, fill=False, edgecolor=VERMILLION, linewidth=2))
