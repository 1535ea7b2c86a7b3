"""Pictures: a sheet of them, the answers a network gives about them, and the sign that the machine is ready."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Rectangle
from torch import Tensor

from ..tasks import Task
from .drawing import Drawing
from .style import (
    GREY,
    INK,
    PALE,
    PAPER,
    RIGHT,
    SIZE,
    WIDTH,
    WRONG,
    about,
    breadth,
    canvas,
    colours_of,
    for_text,
    listed,
    rounded,
    shortened,
    style,
    wrapped,
)

LINE = SIZE / 72 * 1.3  # inches from one line of text to the next
HAIR = 1e-3  # outside 0 to 1: what rounding leaves there
FAINT = 16  # of 0 to 255 this is black: real numbers that end here, as scikit-learn's digits do, are of another range


def as_images(x: Tensor) -> np.ndarray:
    """Pictures (n, h, w), (n, 1, h, w) or (n, 3, h, w) as an array (n, h, w, 3) in 0 to 1.

    Their numbers may run from 0 to 1 or from 0 to 255, whole or not. Others, such as those of normalised pictures, are
    stretched from the least to the largest, all pictures together, with a warning. NaN is drawn black.
    """
    x = torch.as_tensor(x).detach().cpu()
    x = x[:, None] if x.dim() == 3 else x
    if x.dim() != 4 or x.shape[1] not in (1, 3) or len(x) == 0:
        raise ValueError(f"expected pictures (n, 3, height, width) or (n, height, width), got {tuple(x.shape)}")
    return in_range(x).nan_to_num(0, 1, 0).clamp(0, 1).expand(-1, 3, -1, -1).permute(0, 2, 3, 1).numpy()


def in_range(x: Tensor) -> Tensor:
    """Numbers of pictures as float32 from 0 to 1, but for a hair; NaN and ∞ stay."""
    values, whole = x.float(), not x.is_floating_point()
    known = values[values.isfinite()]
    low, high = (known.min().item(), known.max().item()) if known.numel() else (0.0, 0.0)
    if x.dtype != torch.uint8 and low >= -HAIR and high <= 1 + HAIR:
        return values
    if low >= -255 * HAIR and high <= 255 * (1 + HAIR) and (whole or high > FAINT):
        return values / 255
    undo = "undo the normalisation, x * std + mean" if low < 0 else "give them from 0 to 1, or from 0 to 255"
    warnings.warn(
        f"the numbers of these pictures run from {rounded(low)} to {rounded(high)}, and were stretched to "
        f"run from 0 to 1: {undo}, to see them as they were",
        stacklevel=4,
    )
    return (values - low) / ((high - low) or 1.0)


def ready(
    facts: Mapping[str, str], pictures: Tensor, title: str = "Your machine is ready", *, tell: bool = False
) -> Drawing:
    """The machine is ready: a row a fact with a check mark, and a sheet of ``pictures`` (n, 3, h, w) or (n, h, w).

    The alt text names the facts; their values differ from machine to machine, so it holds them only on ``tell``.
    """
    images = as_images(pictures)
    values = [wrapped(value, 3.5, 3) for value in facts.values()]
    heights = [0.24 + LINE * (1 + len(lines)) for lines in values]
    height = max(2.6, 0.75 + sum(heights))
    with style():
        figure = canvas(WIDTH, height, layout=None)
        ax = paper(figure)
        ax.text(0.25, 0.42, title, fontsize=16, fontweight="bold", va="center")
        top = 0.8
        for name, lines, step in zip(facts, values, heights, strict=True):
            ax.add_patch(Circle((0.43, top + LINE * 0.75), 0.16, facecolor=RIGHT, edgecolor="none"))
            ax.text(0.43, top + LINE * 0.77, "✓", color=PAPER, ha="center", va="center", fontsize=13, fontweight="bold")
            ax.text(0.78, top, shortened(name, 3.5), color=GREY, va="top")
            ax.text(0.78, top + LINE, "\n".join(lines), va="top", linespacing=1.25)
            top += step
        left, space = 4.45, (WIDTH - 4.45 - 0.2, height - 0.4)
        columns = best_columns(len(images), *space, images.shape[2] / images.shape[1])
        side = min(space[0] / columns, space[1] / math.ceil(len(images) / columns))
        edge = (left + (space[0] - side * columns) / 2, 0.2 + (space[1] - side * math.ceil(len(images) / columns)) / 2)
        for number, image in enumerate(images):
            row, column = divmod(number, columns)
            put(ax, image, edge[0] + side * column, edge[1] + side * row, side - 0.05)
    told = "; ".join(f"{name}: {value}" for name, value in facts.items()) if tell else ", ".join(facts)
    many = "1 picture" if len(images) == 1 else f"{len(images)} pictures"
    checks = "1 check mark" if len(facts) == 1 else f"{len(facts)} check marks"
    return Drawing(figure, f"{title}: {checks} ({told}), beside a sheet of {many}.")


def pictures(x: Tensor, captions: Sequence[str] | None = None, columns: int = 8, title: str | None = None) -> Drawing:
    """A sheet of pictures ``x`` (n, 3, h, w) or (n, h, w), ``columns`` in a row, each with its caption below it."""
    images = as_images(x)
    if captions is not None and len(captions) != len(images):
        raise ValueError(f"there are {len(images)} pictures and {len(captions)} captions")
    columns = max(1, min(columns, len(images)))
    step = min((WIDTH - 0.1) / columns, 1.9)
    below = [wrapped(caption, step - 0.08, 2) for caption in captions or []]
    deep = 0.04 + LINE * max(map(len, below), default=0) if below else 0.0
    top = 0.5 if title else 0.05
    rows = math.ceil(len(images) / columns)
    with style():
        figure = canvas(max(step * columns + 0.1, 3.0), top + rows * (step + deep + 0.04) + 0.04, layout=None)
        ax = paper(figure)
        if title:
            ax.text(0.08, 0.25, title, fontsize=13, fontweight="bold", va="center")
        for number, image in enumerate(images):
            row, column = divmod(number, columns)
            y = top + row * (step + deep + 0.04)
            put(ax, image, 0.08 + step * column, y, step - 0.06)
            if below:
                for place, line in enumerate(below[number]):
                    ax.text(
                        0.08 + step * column + (step - 0.06) / 2,
                        y + step + 0.11 + LINE * place,
                        line,
                        ha="center",
                        va="baseline",
                    )
    many = "1 picture" if len(images) == 1 else f"{len(images)} pictures in {rows} row{'s' * (rows > 1)}"
    said = f": {'; '.join(str(c) for c in captions[:8])}{' and so on' * (len(captions) > 8)}" if captions else ""
    return Drawing(figure, f"{title + '. ' if title else ''}{many}{said}.")


def answers(
    x: Tensor, tasks: Sequence[Task], outputs: Mapping[str, Tensor], labels: Mapping[str, Tensor], columns: int = 4
) -> Drawing:
    """What a network answers about pictures: below each, a line a task with ✓ or ✗ and the probability as a bar.

    ``x``: (n, 3, h, w) or (n, h, w); ``outputs``: task name → (n, outputs) as a model returns them; ``labels``: task
    name → (n,). A wrong answer is followed by the right one. An answer whose label is missing is not judged, nor is one
    that the task itself calls neither right nor wrong (its ``merits`` are neither 1 nor 0).
    """
    images = as_images(x)
    told = {
        task.name: [
            Answer(task, o, y)
            for o, y in zip(at_least_single(outputs[task.name]), torch.as_tensor(labels[task.name]).cpu(), strict=True)
        ]
        for task in tasks
    }
    for name, given in told.items():
        if len(given) != len(images):
            raise ValueError(f"there are {len(images)} pictures and {len(given)} answers of task {name!r}")
    colours = colours_of(task.name for task in tasks)
    columns = max(1, min(columns, len(images)))
    step = min((WIDTH - 0.1) / columns, 3.3)
    side, head = min(step * 0.64, 1.75), 0.45
    width = max(step * columns + 0.1, 5.0)
    corrected = [
        max(
            sum(bool(told[task.name][number].instead) for task in tasks)
            for number in range(first, min(first + columns, len(images)))
        )
        for first in range(0, len(images), columns)
    ]
    deep = [side + 0.1 + LINE * 1.12 * (len(tasks) + lines) + 0.22 for lines in corrected]
    with style():
        figure = canvas(width, head + sum(deep), layout=None)
        ax = paper(figure)
        draw_key(ax, tasks, colours, width)
        for number, image in enumerate(images):
            row, column = divmod(number, columns)
            x0, y = 0.1 + step * column, head + sum(deep[:row])
            put(ax, image, x0, y, side)
            y += side + 0.1
            for task in tasks:
                y = write_answer(ax, told[task.name][number], x0, y, step - 0.16, colours[task.name])
    return Drawing(figure, say_answers(images, tasks, told))


def at_least_single(outputs: Tensor) -> Tensor:
    """Outputs on the CPU, in float32 unless they are float64: the precision in which an answer is judged."""
    outputs = torch.as_tensor(outputs).detach().cpu()
    return outputs if outputs.dtype == torch.float64 else outputs.float()


class Answer:
    """One answer of one task: its ``text``, whether it is ``right`` as the task says (None where that is not known),
    the label ``instead`` where it is another, and how ``sure`` the network is, 0 to 1 (None of a number)."""

    def __init__(self, task: Task, output: Tensor, label: Tensor):
        known, self.sure, self.instead = bool(task.labelled(label)), None, ""
        output = output.reshape(-1)
        if not task.single:
            raise TypeError(f"one answer a picture is drawn, and {task.name!r} has several ({task!r})")
        if task.numeric:
            self.text, self.right = rounded(output.item()), None
            self.instead = rounded(label.item()) if known else ""
            return
        if not task.answers:
            raise TypeError(f"answers are drawn of Classification, Binary and Regression, not {type(task).__name__}")
        names, wanted = task.answers, task.outputs
        if len(output) != wanted:
            raise ValueError(
                f"task {task.name!r} has {len(names)} classes, so its answer is read off {wanted} "
                f"output{'s' * (wanted > 1)}, not {len(output)}"
            )
        chances = task.chances(output[None, None])[0, 0]
        best = int(task.decide(output.where(~output.isnan(), -math.inf)[None, None])[0, 0])
        self.text, self.sure = names[best], float(chances.nan_to_num()[best])
        merit = float(task.merits(output[None, None], label[None, None])) if known else math.nan
        self.right = {1.0: True, 0.0: False}.get(merit)
        self.instead = names[int(label)] if known and best != int(label) else ""


def write_answer(ax: Axes, one: Answer, x: float, y: float, width: float, colour: str) -> float:
    """Write one answer at (x, y), and what would have been right below it; returns where the next one goes."""
    middle, line = y + LINE / 2, LINE * 1.12
    mark, ink = {True: ("✓", RIGHT), False: ("✗", WRONG), None: ("·", GREY)}[one.right]
    ax.add_patch(Rectangle((x, y + 0.02), 0.07, LINE - 0.04, facecolor=colour, edgecolor="none"))
    ax.text(x + 0.2, middle, mark, color=ink, ha="center", va="center", fontsize=13, fontweight="bold")
    bar = 0.0 if one.sure is None else max(0.26, width * 0.11)
    text = shortened(one.text, width - 0.32 - (bar + 0.58 if bar else 0))
    ax.text(x + 0.32, middle, text, color=ink, va="center_baseline")
    if one.sure is not None:
        start = x + width - bar - 0.56
        ax.add_patch(Rectangle((start, middle - 0.05), bar, 0.1, facecolor=PALE, edgecolor="none"))
        ax.add_patch(Rectangle((start, middle - 0.05), bar * one.sure, 0.1, facecolor=colour, edgecolor="none"))
        ax.text(x + width, middle, f"{100 * one.sure:.0f} %", ha="right", va="center", color=INK)
    if one.instead:
        ax.text(x + 0.32, middle + line, shortened(f"is: {one.instead}", width - 0.32), color=INK, va="center_baseline")
        y += line
    return y + line


def draw_key(ax: Axes, tasks: Sequence[Task], colours: Mapping[str, str], width: float) -> None:
    """Which bar belongs to which question, along the top."""
    x = 0.1
    for task in tasks:
        name = shortened(task.name, 1.8, weight="bold")
        ax.add_patch(Rectangle((x, 0.1), 0.07, LINE, facecolor=colours[task.name], edgecolor="none"))
        ax.text(x + 0.14, 0.1 + LINE / 2, name, va="center", color=for_text(colours[task.name]), fontweight="bold")
        x += 0.4 + breadth(name, weight="bold")
    ax.text(width - 0.1, 0.1 + LINE / 2, "✓ right   ✗ wrong   bar: how sure", ha="right", va="center", color=GREY)


def say_answers(images: np.ndarray, tasks: Sequence[Task], told: Mapping[str, list[Answer]]) -> str:
    """The alt text of :func:`answers`."""
    many = "1 picture" if len(images) == 1 else f"{len(images)} pictures"
    start = f"{many}, each with a network's answer to {', '.join(task.name for task in tasks)}."
    judged = {name: [one.right for one in given if one.right is not None] for name, given in told.items()}
    share = {name: sum(rights) / len(rights) for name, rights in judged.items() if rights}
    if not share:
        return start
    said = [f"{name} on {about(value, '%')}" for name, value in share.items()]
    return f"{start} Answered right: {listed(said)} of them."


# --- placing -------------------------------------------------------------------------------------------------------


def paper(figure: Figure) -> Axes:
    """Axes over the whole figure, in inches from its upper left corner."""
    width, height = figure.get_size_inches()
    ax = figure.add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    ax.set(xlim=(0, width), ylim=(height, 0))
    ax.set_autoscale_on(False)
    return ax


def put(ax: Axes, image: np.ndarray, x: float, y: float, side: float) -> None:
    """A picture (h, w, 3) in a square of ``side`` inches with its upper left corner at (x, y)."""
    height, width = image.shape[:2]
    wide, high = side * min(1, width / height), side * min(1, height / width)
    x, y = x + (side - wide) / 2, y + (side - high) / 2
    ax.imshow(image, extent=(x, x + wide, y + high, y), interpolation="nearest", aspect="auto", zorder=1)


def best_columns(n: int, width: float, height: float, shape: float) -> int:
    """The number of columns with which n squares fill a space best."""
    rows = {c: math.ceil(n / c) for c in range(1, n + 1)}
    return max(rows, key=lambda c: min(width / c, height / rows[c]) * (1 - 0.5 * (rows[c] * c - n) / n))
