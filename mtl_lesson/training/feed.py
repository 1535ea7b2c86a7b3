"""The data of many copies, on the device once: a batch is one lookup, with no work per example."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..chance import generator
from ..data.world import Split
from ..nets.layers import as_rows
from ..tasks import Task


@dataclass(frozen=True)
class Batch:
    """Activations for the network, rows (inputs·streams, examples, …) from ``inputs`` datasets, or where the tasks'
    inputs differ in shape or kind {task: (inputs, examples, …)}; ``streams``: for each task the input it looks at;
    ``labels``: task name → (inputs, examples, …)."""

    x: Tensor | dict[str, Tensor]
    inputs: int
    streams: tuple[int, ...]
    labels: dict[str, Tensor]

    def __len__(self) -> int:
        """The number of examples."""
        return next(iter(self.labels.values())).shape[1]

    def as_type(self, dtype: torch.dtype) -> Tensor | dict[str, Tensor]:
        """The inputs in a precision; tokens stay whole numbers."""
        if isinstance(self.x, Tensor):
            return cast(self.x, dtype)
        return {name: cast(x, dtype) for name, x in self.x.items()}


class Rows:
    """Inputs x (rows, streams, …) of all datasets, on the device, laid out as the network takes them."""

    def __init__(self, x: Tensor, device: str, dtype: torch.dtype):
        self.streams, self.maps = x.shape[1], x.dim() == 5
        if self.maps:
            x = x.permute(0, 3, 4, 1, 2).flatten(3).contiguous()
        self.x = cast(x.to(device), dtype)

    def look_up(self, rows: Tensor) -> Tensor:
        """The examples in ``rows`` (N, B), as (N·streams, B, …)."""
        if not self.maps:  # (N, B, streams, …) → (N·streams, B, …)
            return self.x[rows].transpose(1, 2).flatten(0, 1)
        one = len(rows) == 1  # already channels last
        x = self.x[rows[0]] if one else self.x[rows.T].permute(0, 2, 3, 1, 4).flatten(3)
        return as_rows(x.permute(0, 3, 1, 2), len(rows) * self.streams)


class Feed:
    """Splits of N datasets of one size and shape, laid out so that a batch of all of them is one lookup.

    Maps are kept as (rows, height, width, streams·channels), anything else as (rows, streams, …), so that what is
    looked up is what the network takes, with no other copy when N = 1. Where the tasks' inputs differ in shape or kind,
    each task's are kept by themselves. Datasets that are equal (a common test set, one World
    for all seeds) are kept once. Raises ValueError for datasets that differ in size.
    """

    def __init__(self, splits: Sequence[Split], tasks: Sequence[Task], device: str, dtype: torch.dtype):
        kept: list[Split] = []
        for split in splits:
            if not any(same(split, other) for other in kept):
                kept.append(split)
        self.n = len(kept[0])
        if any(len(split) != self.n for split in kept):
            raise ValueError(f"datasets of {sorted({len(split) for split in kept})} examples cannot be fed together")
        where = [next(i for i, other in enumerate(kept) if same(split, other)) for split in splits]
        self.first_row = torch.tensor(where, device=device)[:, None] * self.n
        self.common = len(kept) == 1
        names = [task.name for task in tasks]
        own = isinstance(kept[0].x, Mapping)
        self.streams = tuple(range(len(names))) if own else (0,) * len(names)
        kinds = {(kept[0].x[name].shape, kept[0].x[name].dtype) for name in names} if own else set()
        if len(kinds) > 1:
            self.kept = {
                name: Rows(torch.cat([split.x[name] for split in kept])[:, None], device, dtype) for name in names
            }
        else:
            parts = [torch.stack([split.x[name] for name in names], 1) if own else split.x[:, None] for split in kept]
            self.kept = {None: Rows(torch.cat(parts), device, dtype)}
        self.device, self.labels = torch.device(device), {}
        for name in names:
            labels = torch.cat([split.labels[name] for split in kept])
            self.labels[name] = labels.to(device, kept_as(labels, dtype))

    def batch(self, rows: Tensor) -> Batch:
        """The examples in ``rows`` (N, B) of what is kept."""
        x = {name: store.look_up(rows) for name, store in self.kept.items()}
        x = x.get(None, x)
        return Batch(x, len(rows), self.streams, {name: labels[rows] for name, labels in self.labels.items()})

    def in_order(self, size: int) -> Iterator[Batch]:
        """All examples, ``size`` at a time, of each dataset; once where all datasets are one."""
        first = self.first_row[:1] if self.common else self.first_row
        for rows in torch.arange(self.n, device=self.device).split(size):
            yield self.batch(first + rows)

    def shuffled(self, seeds: Sequence[int], epoch: int, size: int) -> Iterator[Batch]:
        """All examples, each dataset in an order that depends on (seed, epoch) alone.

        A last batch of a single example is joined to the one before: no layer can take statistics over it.
        """
        orders = torch.stack([torch.randperm(self.n, generator=generator(seed, "order", epoch)) for seed in seeds])
        for rows in orders.to(self.device).split(batch_sizes(self.n, size), 1):
            yield self.batch(self.first_row + rows)


def batch_sizes(n: int, size: int) -> list[int]:
    """The sizes of the batches that n examples are cut into; none but the first is of one example, unless all are."""
    sizes = [size] * (n // size) + ([n % size] if n % size else [])
    if size > 1 and len(sizes) > 1 and sizes[-1] == 1:
        sizes[-2:] = [size + 1]
    return sizes


def same(one: Split, other: Split) -> bool:
    """Whether two splits hold the same examples, value for value; a missing number equals a missing one alone."""
    if one is other:
        return True
    if set(one.inputs) != set(other.inputs) or set(one.labels) != set(other.labels):
        return False
    pairs = [(one.inputs[key], other.inputs[key]) for key in one.inputs]
    pairs += [(one.labels[key], other.labels[key]) for key in one.labels]
    return all(a is b or equal(a, b) for a, b in pairs)


def equal(a: Tensor, b: Tensor) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return bool(((a == b) | (a.isnan() & b.isnan())).all())


def cast(x: Tensor, dtype: torch.dtype) -> Tensor:
    """Inputs in a precision; tokens stay whole numbers."""
    return x.to(dtype) if x.is_floating_point() else x.long()


def kept_as(labels: Tensor, dtype: torch.dtype) -> torch.dtype:
    """Class numbers stay whole; measured numbers keep at least single precision."""
    if not labels.is_floating_point():
        return torch.long
    return torch.float64 if dtype == torch.float64 else torch.float32
