"""A world: a dataset that asks several questions, cut into training, validation and test, with a dial to turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..tasks import Task, check_tasks, find_task
from .intake import as_inputs, as_labels, filled_up


@dataclass(frozen=True)
class Split:
    """Inputs and labels, as tensors, NumPy arrays or pandas tables.

    ``x``: one (n, …) when all tasks look at the same input, or a mapping task name → (n_t, …) when each task has its
    own. ``labels``: task name → (n,), whole numbers with -1 where missing, or real ones with NaN where missing for
    regression; (n, …) for tasks with several labels an example.
    """

    x: Tensor | Mapping[str, Tensor]
    labels: Mapping[str, Tensor]

    def __len__(self) -> int:
        return len(next(iter(self.labels.values())))

    @property
    def inputs(self) -> dict[str | None, Tensor]:
        """The inputs as a mapping, whose only key is None where all tasks share one."""
        return dict(self.x) if isinstance(self.x, Mapping) else {None: self.x}


@dataclass(frozen=True)
class World:
    """A dataset with several ``tasks``, three :class:`Split`\\ s, and the ``dial`` that was set when it was made.

    ``layout``: what the inputs are, "vectors", "maps", "sequences" or "tokens", or {task: one}; where it is left out
    they are vectors (n, d) or maps (n, channels, height, width) of real numbers, and anything else is refused. Choose
    on ``validation``, report on ``test``.

    Making one turns what was given into tensors (:mod:`.intake`) and checks it (:func:`check_split`). Tasks with inputs
    of their own may have data sets of different size: the smaller begin again, without labels, so that an epoch sees
    each labelled example once.
    """

    name: str
    tasks: tuple[Task, ...]
    train: Split
    validation: Split
    test: Split
    dial: Mapping[str, object] = field(default_factory=dict)
    layout: str | Mapping[str, str] | None = None

    def __post_init__(self):
        object.__setattr__(self, "tasks", check_tasks(self.tasks))
        for part in ("train", "validation", "test"):
            where = f"{self.name}, {part}"
            split = taken_in(getattr(self, part), self.tasks, self.layout, where)
            check_split(split, self.tasks, where)
            object.__setattr__(self, part, split)

    def task(self, name: str) -> Task:
        """The task called ``name``."""
        return find_task(self.tasks, name)

    def __repr__(self) -> str:
        few = [f"{task.name} ({task.outputs})" for task in self.tasks]
        tasks = ", ".join(few) if len(few) <= 6 else f"{len(few)} tasks from {few[0]} to {few[-1]}"
        dial = "".join(f", {key}={value!r}" for key, value in self.dial.items())
        sizes = f"{len(self.train)} train, {len(self.validation)} validation, {len(self.test)} test"
        return f"World({self.name}{dial}: {tasks}; {sizes})"


def taken_in(split: Split, tasks: tuple[Task, ...], layout: str | Mapping[str, str] | None, where: str) -> Split:
    """A split as tensors, all of one length. Raises what :mod:`.intake` raises, and KeyError for a task without labels
    or input."""
    names = {task.name for task in tasks}
    own = isinstance(split.x, Mapping) and not hasattr(split.x, "columns")
    if own and set(split.x) != names:
        raise KeyError(f"{where}: x has inputs for {sorted(split.x)}, the tasks are {sorted(names)}")
    for task in tasks:
        if task.name not in split.labels:
            raise KeyError(f"{where}: no labels for task {task.name!r}")
    if any(len(split.labels[name]) == 0 for name in names):
        raise ValueError(f"{where}: there are no examples")
    kinds = layout if isinstance(layout, Mapping) else dict.fromkeys(names, layout)
    labels = {
        task.name: as_labels(split.labels[task.name], task, f"{where}: labels of {task.name!r}") for task in tasks
    }
    if not own:
        x = as_inputs(split.x, layout if isinstance(layout, str) else None, f"{where}: x")
        return split if x is split.x and same_tensors(labels, split.labels) else Split(x, labels)
    x = {name: as_inputs(split.x[name], kinds.get(name), f"{where}: x[{name!r}]") for name in split.x}
    for name in names:
        if len(x[name]) != len(labels[name]):
            raise ValueError(f"{where}: x[{name!r}] has {len(x[name])} examples, the labels have {len(labels[name])}")
    most = max(map(len, x.values()))
    if len({*map(len, x.values())}) > 1:
        x = {name: filled_up(values, most) for name, values in x.items()}
        labels = {task.name: filled_up(labels[task.name], most, task.missing) for task in tasks}
    return split if same_tensors(x, split.x) and same_tensors(labels, split.labels) else Split(x, labels)


def same_tensors(one: Mapping, other: Mapping) -> bool:
    """Whether two mappings hold the very same tensors."""
    return set(one) == set(other) and all(one[key] is other[key] for key in one)


def check_split(split: Split, tasks: tuple[Task, ...], where: str) -> None:
    """Refuse a split that would train to nonsense, and say what was expected.

    Raises TypeError for labels of a wrong kind; ValueError for lengths that differ, for NaN or infinite inputs, for
    labels the task cannot have and for a task without any label.
    """
    n = len(split)
    for name, x in split.inputs.items():
        what = f"{where}: x" if name is None else f"{where}: x[{name!r}]"
        if len(x) != n:
            raise ValueError(f"{what} has {len(x)} examples, the labels have {n}")
        if not torch.isfinite(x).all():
            bad = int((~torch.isfinite(x.flatten(1))).any(1).nonzero()[0])
            raise ValueError(f"{what} holds NaN or infinity, first in example {bad}; every input must be finite")
    for task in tasks:
        labels, shape = split.labels[task.name], task.label_shape
        if len(labels) != n or (shape is not None and labels.shape[1:] != shape):
            expected = str((n, *(shape or ()))) if shape is not None else f"({n}, …)"
            raise ValueError(f"{where}: labels of {task.name!r} have shape {tuple(labels.shape)}, expected {expected}")
        try:
            task.check(labels)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{where}: {error}") from None
        if not task.labelled(labels).any():
            raise ValueError(f"{where}: task {task.name!r} has no label at all; leave the task out or label an example")
