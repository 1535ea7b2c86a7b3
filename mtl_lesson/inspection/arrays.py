"""A world as plain arrays, as an audit reads it: which rows have a label, which are equal, which two tasks share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b

import numpy as np
import pandas as pd
from torch import Tensor

from ..data.grouped import PARTS
from ..data.world import Split, World
from ..tasks import Task

CHUNK = 1000  # rows that are copied at once
MOST_ROWS = 10_000  # on more rows nothing is fitted: so many are drawn


@dataclass(frozen=True, eq=False)
class Arrays:
    """The arrays of a world. A *source* is an input: the name of the task whose own it is, or None where all share one.

    Rows of a source count where the task has a label, since smaller data sets are filled up with rows without; those
    of a shared input all count.
    """

    world: World

    @property
    def tasks(self) -> tuple[Task, ...]:
        return self.world.tasks

    @cached_property
    def sources(self) -> dict[str | None, tuple[Task, ...]]:
        """Source → the tasks that look at it."""
        own = isinstance(self.world.train.x, Mapping)
        return {task.name: (task,) for task in self.tasks} if own else {None: self.tasks}

    def split(self, name: str) -> Split:
        return getattr(self.world, name)

    def x(self, source: str | None, split: str) -> Tensor:
        return self.split(split).inputs[source]

    def labels(self, task: Task, split: str) -> np.ndarray:
        """(n, …), as they stand in the world."""
        return self.split(split).labels[task.name].detach().cpu().numpy()

    def is_told(self, task: Task, split: str) -> np.ndarray:
        """(n, …): True where there is a label."""
        return task.labelled(self.split(split).labels[task.name]).cpu().numpy()

    def is_known(self, task: Task, split: str) -> np.ndarray:
        """(n,): whether the row has a label of the task, or one of several at least."""
        told = self.is_told(task, split)
        return told.reshape(len(told), -1).any(1)

    def rows(self, source: str | None, split: str) -> np.ndarray:
        """The numbers of the rows that count."""
        if source is None:
            return np.arange(len(self.x(source, split)))
        return np.flatnonzero(self.is_known(self.sources[source][0], split))

    @cached_property
    def equal(self) -> dict[tuple[str | None, str], np.ndarray]:
        """(source, split) → (n,): a number for each row, the same wherever the same input stands."""
        return numbered_alike({(source, part): self.x(source, part) for source in self.sources for part in PARTS})

    @cached_property
    def alike(self) -> dict[tuple[str, str], np.ndarray]:
        """(task, split) → (n,): a number for each row, the same where the task has the same label."""
        found = {}
        for task in self.tasks:
            found |= numbered_alike({(task.name, part): self.split(part).labels[task.name] for part in PARTS})
        return found

    @property
    def vectors(self) -> list[str | None]:
        """The sources that are vectors, a row of measured numbers an example."""
        train = {source: self.x(source, "train") for source in self.sources}
        return [source for source, x in train.items() if x.dim() == 2 and x.is_floating_point()]

    def values(self, source: str | None, split: str) -> np.ndarray:
        """The rows that count, (n, …)."""
        x = self.x(source, split).detach().cpu().numpy()
        return x if source is None else x[self.rows(source, split)]

    def columns(self, source: str | None) -> list[str]:
        """The names of the columns of vectors; "column 3" is x[:, 3] where the world has no names."""
        names, width = getattr(self.world, "columns", None), self.x(source, "train").shape[1]
        if isinstance(names, Mapping):
            names = names.get(source)
        if names is None or len(names) != width:
            return [f"column {number}" for number in range(width)]
        return list(map(str, names))

    def common(self, one: Task, other: Task, split: str) -> tuple[np.ndarray, np.ndarray]:
        """The labels of both tasks, (n,) each, for the inputs that have both."""
        rows = [np.flatnonzero(self.is_known(task, split)) for task in (one, other)]
        keys = rows
        if None not in self.sources:
            keys = [self.equal[task.name, split][own] for task, own in zip((one, other), rows, strict=True)]
        _, *at = np.intersect1d(*keys, return_indices=True)
        pair = zip((one, other), rows, at, strict=True)
        return tuple(self.labels(task, split)[own[place]] for task, own, place in pair)


def label_kind(task: Task, arrays: Arrays) -> str | None:
    """ "classes" or "numbers" for a task with one label an example, None for any other."""
    labels = arrays.world.train.labels[task.name]
    if labels.dim() != 1:
        return None
    return "numbers" if labels.is_floating_point() else "classes"


def numbered_alike(rows: Mapping[object, Tensor]) -> dict[object, np.ndarray]:
    """Key → (n,): a number for each row of each tensor, equal for rows that are bit for bit equal and of one shape.

    Rows are compared by a hash of 128 bits; two different ones with the same hash are not to be expected in a lifetime.
    """
    hashes = {key: list(hashes_of(values)) for key, values in rows.items()}
    numbers, _ = pd.factorize(np.array([one for own in hashes.values() for one in own], object))
    ends = np.cumsum([len(own) for own in hashes.values()])[:-1]
    return dict(zip(hashes, np.split(numbers, ends), strict=True))


def hashes_of(values: Tensor):
    """A hash of each row, in double precision, with its shape."""
    shape = str(tuple(values.shape[1:])).encode()
    for chunk in values.detach().split(CHUNK):
        numbers = chunk.cpu().double().numpy().reshape(len(chunk), -1) + 0.0  # −0 becomes 0
        for row in np.ascontiguousarray(numbers):
            yield blake2b(row, digest_size=16, key=shape[:64]).digest()


def drawn_rows(n: int, most: int = MOST_ROWS) -> np.ndarray:
    """All row numbers, or ``most`` of them, drawn the same way each time; in order."""
    if n <= most:
        return np.arange(n)
    return np.sort(np.random.default_rng(0).choice(n, most, replace=False))


def drawn_from(things: list, most: int) -> list:
    """All of a list, or ``most`` of it, drawn the same way each time; in order."""
    return [things[at] for at in drawn_rows(len(things), most)]
