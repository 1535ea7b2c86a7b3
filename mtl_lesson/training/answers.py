"""What a trained model answers to new rows, as a table."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..data.columns import Encoder
from ..data.folders import PictureEncoder
from ..data.intake import as_inputs
from ..data.world import World
from ..sharing import Sharing
from ..tasks import Box, MultiLabel, Regression, Segmentation, Task

AT_A_TIME = 2048  # rows that go through a model together
CORNERS = ("left", "top", "right", "bottom")

NewRows = Tensor | np.ndarray | pd.DataFrame | Sequence | Mapping[str, object]


@dataclass(frozen=True)
class Intake:
    """How rows become what a model takes.

    ``layout``: as the World's. ``shapes``: task → the shape of one example, under None where all tasks share one input.
    ``tokens``: the same → how many tokens the training data had, 0 included, for inputs that are tokens. ``encoder``:
    what makes numbers of tables, where the World was made of some.
    """

    layout: str | Mapping[str, str] | None
    shapes: Mapping[str | None, tuple[int, ...]]
    tokens: Mapping[str | None, int] = field(default_factory=dict)
    encoder: object = field(default=None, repr=False)

    def take(self, rows: NewRows, tasks: Sequence[Task]) -> tuple[Tensor | dict[str, Tensor], pd.Index]:
        """Rows as inputs, one for all tasks or task → its own, and the index of the table, or the files, they came in.

        Raises TypeError or ValueError for rows that are not of the kind, the shape or the number expected, KeyError for
        a task without any; and what the encoder raises.
        """
        names, index = [task.name for task in tasks], rows.index if isinstance(rows, pd.DataFrame) else None
        if self.encoder is not None and self.encoder.takes(rows):
            index, rows = self.encoder.index_of(rows), self.encoder.encode(rows)
        elif type(self.encoder) is Encoder and isinstance(rows, str | os.PathLike | pd.Series | Mapping):
            raise TypeError(
                f"new rows of a table are a DataFrame, such as pandas.read_csv(…), not {type(rows).__name__}"
            )
        if isinstance(rows, Mapping):
            if missing := [name for name in names if name not in rows]:
                raise KeyError(f"there are no rows for task {missing[0]!r}; it takes some for {', '.join(names)}")
            x = {name: self.checked(rows[name], name, f"rows[{name!r}]") for name in names}
            if len({*map(len, x.values())}) > 1:
                raise ValueError(f"each task needs as many rows; there are {', '.join(str(len(x[n])) for n in names)}")
        else:
            if len({(self.layout_of(name), self.shape_of(name)) for name in names}) > 1:
                raise ValueError(f"the tasks look at different things: give {{task: rows}} for {', '.join(names)}")
            x = self.checked(rows, names[0], "rows")
        count = len(x[names[0]] if isinstance(x, Mapping) else x)
        return x, pd.RangeIndex(count) if index is None else index

    def layout_of(self, name: str) -> str | None:
        return self.layout.get(name) if isinstance(self.layout, Mapping) else self.layout

    def shape_of(self, name: str) -> tuple[int, ...]:
        """The shape of one example of a task's inputs."""
        return self.shapes[name if name in self.shapes else None]

    def checked(self, rows: NewRows, name: str, what: str) -> Tensor:
        """The rows of one task as a tensor. Sequences and tokens may be longer or shorter than those trained on."""
        if hasattr(rows, "__len__") and not len(rows):
            raise ValueError(f"{what} is empty: there is nothing to answer")
        layout, shape = self.layout_of(name), self.shape_of(name)
        x = as_inputs(rows, layout, what)
        if isinstance(self.encoder, PictureEncoder) and (x.min() < 0 or x.max() > 1):
            raise ValueError(f"{what}: pictures are numbers from 0 to 1 here, such as x / 255; or give the files")
        free = 1 if layout in ("sequences", "tokens") else 0
        if x.dim() != len(shape) + 1 or x.shape[1 + free :] != shape[free:]:
            trained = ", ".join(map(str, ("n", *shape)))
            raise ValueError(f"{what} has shape {tuple(x.shape)}, and the model was trained on ({trained})")
        if not torch.isfinite(x).all():
            bad = int((~torch.isfinite(x.flatten(1))).any(1).nonzero()[0])
            raise ValueError(f"{what} holds NaN or infinity, first in row {bad}; every input must be finite")
        return x


def intake_of(world: World, tasks: Sequence[Task]) -> Intake:
    """How rows become what a model of these tasks takes, which was trained on a world."""
    names = {task.name for task in tasks}
    inputs = {name: x for name, x in world.train.inputs.items() if name is None or name in names}
    layout = world.layout
    if isinstance(layout, Mapping):
        layout = {name: layout[name] for name in layout if name in names}
    tokens = {name: int(x.max()) + 1 for name, x in inputs.items() if not x.is_floating_point()}
    shapes = {name: tuple(x.shape[1:]) for name, x in inputs.items()}
    return Intake(layout, shapes, tokens, getattr(world, "encoder", None))


# --- answers --------------------------------------------------------------------------------------------------------


def answer_rows(model: Sharing, intake: Intake, rows: NewRows) -> pd.DataFrame:
    """What a model answers to rows: a column a task, and "TASK: chance" with the probability of the class given.

    A class has its name, a yes/no question "yes" or "no"; where the World was made of a table, an answer stands as the
    table's cells do, and a number has its unit. A task with several numbers, or several labels, has a column for each.
    Computed in evaluation mode, in the precision of the weights: float32, or float64 where that was trained.

    Raises what :meth:`Intake.take` does; ValueError for tasks whose answers do not go in a cell.
    """
    for task in model.tasks:
        check_fits_a_cell(task)
    x, index = intake.take(rows, model.tasks)
    for name, part in x.items() if isinstance(x, Mapping) else [(None, x)]:
        check_tokens(model, name, part)
    outputs = outputs_in_parts(model, x)
    columns: dict[str, np.ndarray] = {}
    for task in model.tasks:
        for name, values in columns_of(task, outputs[task.name].cpu(), intake.encoder).items():
            if name in columns:
                raise ValueError(f"two answers would stand in one column, {name!r}: call a task otherwise")
            columns[name] = values
    return pd.DataFrame(columns, index=index)


@torch.no_grad()
def outputs_in_parts(model: Sharing, x: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Task → outputs (n, …) in evaluation mode. What layers remember, and the model's mode, are as before."""
    was_training, remembered = model.training, [(buffer, buffer.clone()) for buffer in model.buffers()]
    model.eval()
    try:
        if isinstance(x, Mapping):
            pieces = zip(*(part.split(AT_A_TIME) for part in x.values()), strict=True)
            parts = [model(dict(zip(x, piece, strict=True))) for piece in pieces]
        else:
            parts = [model(piece) for piece in x.split(AT_A_TIME)]
    finally:
        model.train(was_training)
        for buffer, before in remembered:
            buffer.copy_(before)
    return {task.name: torch.cat([part[task.name] for part in parts]) for task in model.tasks}


def check_fits_a_cell(task: Task) -> None:
    """Refuse a task of which a table cannot hold the answers, or of which it is not known what its outputs mean."""
    if isinstance(task, Segmentation):
        raise ValueError(
            f"task {task.name!r} answers with a class for each pixel, which is no cell of a table: ask the model "
            "itself, model(x), for its outputs"
        )
    if not (isinstance(task, MultiLabel | Regression) or task.answers):
        raise ValueError(
            f"what the outputs of {type(task).__name__} mean is not known: ask the model itself, model(x), for them"
        )


def check_tokens(model: Sharing, name: str | None, x: Tensor) -> None:
    """Refuse tokens beyond the vectors that the embedding of a task, or of the trunk, has."""
    if x.is_floating_point():
        return
    stems = model.stem_templates
    starts = [stems[name]] if name in stems else [*stems.values(), *model.template]
    modules = [part for start in starts for part in start.modules()]
    sizes = [part.num_embeddings for part in modules if isinstance(part, nn.Embedding | nn.EmbeddingBag)]
    if sizes and int(x.max()) >= max(sizes):
        where = "rows" if name is None else f"rows[{name!r}]"
        raise ValueError(f"{where} holds the token {int(x.max())}, and the model has vectors for 0 to {max(sizes) - 1}")


def columns_of(task: Task, outputs: Tensor, encoder: object) -> dict[str, np.ndarray]:
    """Column → the answers to one task, from its outputs (n, …)."""
    if isinstance(task, MultiLabel):
        given, chances = task.decide(outputs[None])[0], torch.sigmoid(outputs.abs())
        columns = {}
        for number, label in enumerate(task.names):
            columns[f"{task.name}: {label}"] = in_words(given[:, number], ("no", "yes"))
            columns[f"{task.name}: {label}: chance"] = chances[:, number].numpy()
        return columns
    if isinstance(task, Regression):
        values = outputs if task.outputs > 1 else outputs[:, 0]
        values = np.asarray(values if encoder is None else encoder.decode(task.name, values))
        if task.outputs == 1:
            return {task.name: values}
        names = CORNERS if isinstance(task, Box) else range(1, task.outputs + 1)
        return {f"{task.name}: {name}": values[:, number] for number, name in enumerate(names)}
    given = task.decide(outputs[None])[0]
    chances = task.chances(outputs[None])[0].gather(1, given[:, None])[:, 0]
    names = task.answers if encoder is None else [encoder.answer(task.name, n) for n in range(len(task.answers))]
    return {task.name: in_words(given, names), f"{task.name}: chance": chances.numpy()}


def in_words(numbers: Tensor, names: Sequence[str]) -> np.ndarray:
    """Numbers of answers as their names."""
    return np.array(names, dtype=object)[numbers.numpy()]
