"""A world: a dataset that asks several questions, cut into training, validation and test, with a dial to turn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..tasks import Task, check_tasks, find_task


@dataclass(frozen=True)
class Split:
    """Inputs and labels.

    ``x``: one tensor (n, …) when all tasks look at the same input, or a mapping task name → tensor (n, …) when each
    task has its own; all of the same n. ``labels``: task name → tensor (n,), long with -1 where missing, or float
    with NaN where missing for regression.
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

    Choose on ``validation``, report on ``test``. Making one checks it: see :func:`check_split` for what is refused.
    """

    name: str
    tasks: tuple[Task, ...]
    train: Split
    validation: Split
    test: Split
    dial: Mapping[str, object] = field(default_factory=dict)

    def __post_init__(self):
        object.__setattr__(self, "tasks", check_tasks(self.tasks))
        for part in ("train", "validation", "test"):
            check_split(getattr(self, part), self.tasks, f"{self.name}, {part}")

    def task(self, name: str) -> Task:
        """The task called ``name``."""
        return find_task(self.tasks, name)

    def __repr__(self) -> str:
        few = [f"{task.name} ({task.outputs})" for task in self.tasks]
        tasks = ", ".join(few) if len(few) <= 6 else f"{len(few)} tasks from {few[0]} to {few[-1]}"
        dial = "".join(f", {key}={value!r}" for key, value in self.dial.items())
        sizes = f"{len(self.train)} train, {len(self.validation)} validation, {len(self.test)} test"
        return f"World({self.name}{dial}: {tasks}; {sizes})"


def check_split(split: Split, tasks: tuple[Task, ...], where: str) -> None:
    """Refuse a split that would train to nonsense, and say what was expected.

    Raises KeyError for a task without labels or input, TypeError for inputs that are not floating point, ValueError for
    lengths that differ, for NaN or infinite inputs, for labels the task cannot have and for a task without any label.
    """
    n = len(split)
    if n == 0:
        raise ValueError(f"{where}: there are no examples")
    names = {task.name for task in tasks}
    if isinstance(split.x, Mapping) and set(split.x) != names:
        raise KeyError(f"{where}: x has inputs for {sorted(split.x)}, the tasks are {sorted(names)}")
    for name, x in split.inputs.items():
        what = f"{where}: x" if name is None else f"{where}: x[{name!r}]"
        if not isinstance(x, Tensor) or not x.is_floating_point():
            raise TypeError(f"{what} must be a floating-point tensor, not {getattr(x, 'dtype', type(x).__name__)}")
        if len(x) != n:
            raise ValueError(f"{what} has {len(x)} examples, the labels have {n}")
        if not torch.isfinite(x).all():
            bad = int((~torch.isfinite(x.flatten(1))).any(1).nonzero()[0])
            raise ValueError(f"{what} holds NaN or infinity, first in example {bad}; every input must be finite")
    for task in tasks:
        if task.name not in split.labels:
            raise KeyError(f"{where}: no labels for task {task.name!r}")
        labels = split.labels[task.name]
        if labels.shape != (n,):
            raise ValueError(f"{where}: labels of {task.name!r} have shape {tuple(labels.shape)}, expected ({n},)")
        try:
            task.check(labels)
        except (TypeError, ValueError) as error:
            raise type(error)(f"{where}: {error}") from None
        if not task.labelled(labels).any():
            raise ValueError(f"{where}: task {task.name!r} has no label at all; leave the task out or label an example")
