"""A step of training in parts: a batch is cut, and its parts' gradients are computed side by side and added.

All threads in one operation wait for each other at its end, a hundred times a step. Parts wait once a step, so that a
busy machine costs them little. How many there are depends on the size of the step alone: so the sum is added up in the
same order, and has the same bits, on any number of cores.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import torch
from torch import Tensor

from ..nets import looks_at_one_example
from ..sharing import Sharing
from ..tasks import Task
from ..weighting import Weighting
from . import hardware
from .feed import Batch

#: multiply-adds of a step → into how many parts it is cut from there on; small ones do not pay for more
SIZES = ((4e7, 2), (4e9, 4), (1.6e10, 8))
EXAMPLES = 16  # the fewest of a part

Losses = Callable[[Batch], tuple[Tensor, Tensor]]  # a batch → (losses (C, T), what is added to their sum (C,))


def parts_for(work: float, examples: int) -> int:
    """Into how many parts a step of ``work`` multiply-adds on so many examples is cut."""
    return max(1, min(examples // EXAMPLES, max((count for size, count in SIZES if work >= size), default=1)))


def can_be_cut(model: Sharing) -> bool:
    """Whether a step on a batch is the sum of steps on its parts: each example goes through layers that look at nothing
    but it, and each task's loss is the mean of its examples'."""
    layers = [layer for trunk in (*model.stems.values(), *model.trunks().values()) for layer in trunk.layers]
    alone = all(map(looks_at_one_example, (*layers, *model.heads.values())))
    return alone and model.adds_up_over_examples() and all(type(task).loss is Task.loss for task in model.tasks)


class Parts:
    """Computes the gradients of a step in ``count`` parts, in the threads of ``pool`` or one after another."""

    def __init__(self, count: int, pool: ThreadPoolExecutor | None):
        self.count, self.pool = count, pool

    def backward(
        self, model: Sharing, batch: Batch, losses_of: Losses, weighting: Weighting, alive: Tensor | float
    ) -> Tensor:
        """Put the gradients of the weighted sum into the weights; returns the losses (copies, tasks)."""
        weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        pieces = cut_batch(batch, self.count)
        shares = shares_of(model, batch, pieces)

        def gradients(piece: Batch, share: Tensor) -> tuple[Tensor, tuple]:
            losses, more = losses_of(piece)
            losses = losses * share.to(losses)
            total = (weighting(losses) + more) * alive
            return losses.detach(), torch.autograd.grad(total.sum(), weights, allow_unused=True)

        found = list((self.pool.map if self.pool else map)(gradients, pieces, shares))
        for weight, parts in zip(weights, zip(*(one[1] for one in found), strict=True), strict=True):
            parts = [part for part in parts if part is not None]
            weight.grad = torch.stack(parts).sum(0) if parts else None
        return torch.stack([losses for losses, _ in found]).sum(0)


@contextmanager
def parts(count: int, workers: int) -> Iterator[Parts | None]:
    """For the ``count`` parts of a step so many ``workers``, one thread of the CPU each; None where it is not cut."""
    if count == 1:
        yield None
        return
    with hardware.threads(1):
        if workers == 1:
            yield Parts(count, None)
            return
        with ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            yield Parts(count, pool)


def cut_batch(batch: Batch, count: int) -> list[Batch]:
    """A batch in parts of nearly one size."""
    sizes = [len(part) for part in torch.arange(len(batch)).tensor_split(count)]
    labels = {name: values.split(sizes, 1) for name, values in batch.labels.items()}
    whole = isinstance(batch.x, Tensor)
    x = {None: batch.x} if whole else batch.x
    x = {name: part.split(sizes, 1) for name, part in x.items()}
    return [
        Batch(
            x[None][i] if whole else {name: part[i] for name, part in x.items()},
            batch.inputs,
            batch.streams,
            {name: values[i] for name, values in labels.items()},
        )
        for i in range(count)
    ]


def shares_of(model: Sharing, batch: Batch, pieces: Sequence[Batch]) -> list[Tensor]:
    """Of each task's labels in the batch, the share in each part, (copies, tasks): the weight of its mean loss."""

    def known(of: Batch) -> Tensor:
        counts = [task.labelled(of.labels[task.name]).flatten(1).sum(-1) for task in model.tasks]
        return torch.stack(counts, 1).repeat_interleave(model.copies // of.inputs, 0).double()

    whole = known(batch).clamp(min=1)
    return [known(piece) / whole for piece in pieces]
