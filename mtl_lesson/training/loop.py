"""The one loop that trains every model of the course, many copies at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral, Real

import torch
from torch import Tensor

from ..sharing import Sharing
from ..weighting import Sum, Weighting
from .feed import Batch, Feed
from .hardware import DTYPES, autocast
from .parts import Parts

#: optimisers whose exact step on a penalty is known; weight decay is the gradient of ½ weight_decay ‖θ‖² in all
OPTIMISERS = {
    "adam": torch.optim.Adam,
    "sgd": torch.optim.SGD,
    "momentum": functools.partial(torch.optim.SGD, momentum=0.9),
}


class TrainingDiverged(UserWarning):
    """A loss became NaN or infinite: that copy stopped learning and kept its last good weights."""


@dataclass(frozen=True)
class Epoch:
    """What one pass over the training data left behind. Arrays are on the CPU, (copies, tasks).

    ``train_loss``: the mean over the epoch's steps, taken while the weights moved. ``alive``: (copies,) False for a
    copy whose loss stopped being a number, in this epoch or before. ``weights``: what each task's loss counted, or None
    where each counts as it is.
    """

    number: int
    steps: int
    train_loss: Tensor
    alive: Tensor
    weights: Tensor | None = None


def step(
    model: Sharing,
    optimiser: torch.optim.Optimizer,
    batch: Batch,
    precision: str,
    alive: Tensor | float = 1.0,
    parts: Parts | None = None,
    weighting: Weighting | None = None,
) -> Tensor:
    """One step of the optimiser on Σ_t L_t, then the exact step on the penalty. Returns the losses (copies, tasks).

    A regulariser of the features, where the model has one, goes with the losses. Copies have no weights in common, so
    the sum of their losses gives each its own gradient. ``parts``: computes the gradients of a large step side by side.
    ``weighting``: makes something else than Σ_t L_t of the losses, at work for this model.
    """
    weighting = Sum() if weighting is None else weighting

    device = next(model.parameters()).device

    def losses_of(batch: Batch) -> tuple[Tensor, Tensor]:
        with autocast(device, precision):
            h = model.activations(batch.x, batch.inputs, batch.streams)
            outputs = model.answer(h)
        return per_task(model, outputs, batch.labels, "loss"), model.regulariser(h)

    optimiser.zero_grad()
    if parts is None:
        losses, more = losses_of(batch)
        weighting.backward(model, losses, more, alive)
    else:
        losses = parts.backward(model, batch, losses_of, weighting, alive)
    optimiser.step()
    model.pull(optimiser)
    weighting.after_step(lambda: losses_again(losses_of, batch))
    return losses.detach()


@torch.no_grad()
def losses_again(losses_of: Callable, batch: Batch) -> Tensor:
    """The losses of a batch after a step, (copies, tasks)."""
    return losses_of(batch)[0]


@torch.no_grad()
def outputs_of(model: Sharing, batch: Batch) -> dict[str, Tensor]:
    """Task → outputs (copies, examples, outputs), to be judged: in the precision of the weights, float32 or float64,
    whichever the model was trained in. Dropout rests, and batch statistics are not updated."""
    was_training = model.training
    model.eval()
    x = batch.as_type(next(model.parameters()).dtype)
    outputs = model.outputs(x, batch.inputs, batch.streams)
    model.train(was_training)
    return outputs


def per_task(model: Sharing, outputs: dict[str, Tensor], labels: dict[str, Tensor], what: str) -> Tensor:
    """``what`` ("loss" or "score") of each copy and task, (copies, tasks)."""
    columns = []
    for task in model.tasks:
        y, known = outputs[task.name], labels[task.name]
        if len(known) < model.copies:  # the copies of one dataset stand together
            known = known.repeat_interleave(model.copies // len(known), 0)
        columns.append(getattr(task, what)(y if y.dtype == torch.float64 else y.float(), known))
    return torch.stack(columns, 1)


def evaluate(model: Sharing, feed: Feed, size: int = 2048) -> tuple[Tensor, Tensor]:
    """(loss, score) of every copy and task on all of ``feed``, each (copies, tasks), on the CPU.

    They belong to the weights and the data: computed in the precision of the weights, never in a faster one.
    """
    outputs: dict[str, list[Tensor]] = {task.name: [] for task in model.tasks}
    labels: dict[str, list[Tensor]] = {task.name: [] for task in model.tasks}
    for batch in feed.in_order(max(1, size // model.copies)):
        for name, y in outputs_of(model, batch).items():
            outputs[name].append(y)
            labels[name].append(batch.labels[name])
    outputs = {name: torch.cat(parts, 1) for name, parts in outputs.items()}
    labels = {name: torch.cat(parts, 1) for name, parts in labels.items()}
    return per_task(model, outputs, labels, "loss").cpu(), per_task(model, outputs, labels, "score").cpu()


@dataclass(frozen=True)
class Settings:
    """How to train; refuses (ValueError) what makes no sense. See :func:`~mtl_lesson.fit` for what each does."""

    epochs: int = 20
    batch_size: int = 64
    lr: float = 1e-3
    optimiser: str = "adam"
    weight_decay: float = 0.0
    precision: str | None = None
    validate: bool | int = True
    test: bool = False

    def __post_init__(self):
        for name in ("epochs", "batch_size"):
            value = getattr(self, name)
            if not isinstance(value, Integral) or isinstance(value, bool) or value < 1:
                raise ValueError(f"{name} must be a whole number of 1 or more, not {value!r}")
            object.__setattr__(self, name, int(value))  # NumPy's numbers as Python's, so that equal settings are equal
        if not isinstance(self.validate, Integral) or self.validate < 0:
            raise ValueError(f"validate is True, False or every so many epochs, such as 5, not {self.validate!r}")
        if not (isinstance(self.lr, Real) and 0 < self.lr < float("inf")):
            raise ValueError(f"lr must be a positive number, not {self.lr!r}")
        if not (isinstance(self.weight_decay, Real) and 0 <= self.weight_decay < float("inf")):
            raise ValueError(f"weight_decay must be a number of 0 or more, not {self.weight_decay!r}")
        object.__setattr__(self, "lr", float(self.lr))
        object.__setattr__(self, "weight_decay", float(self.weight_decay))
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser {self.optimiser!r} is none of {', '.join(OPTIMISERS)}")
        if self.precision is not None and self.precision not in DTYPES:
            raise ValueError(f"precision {self.precision!r} is none of {', '.join(DTYPES)}")

    def judged(self, epoch: int) -> bool:
        """Whether the model is judged after this epoch: each, every so many, or the last one only."""
        return epoch == self.epochs or (self.validate > 0 and epoch % self.validate == 0)


def train(
    model: Sharing,
    feed: Feed,
    seeds: Sequence[int],
    settings: Settings,
    tell: Callable[[str], object],
    check: Callable[[], object] = lambda: None,
    parts: Parts | None = None,
    weighting: Weighting | None = None,
) -> Iterator[Epoch]:
    """Train and hand over after every epoch; losses stay on the device until then.

    ``seeds``: one for each dataset of ``feed``, to draw the order of its examples. A copy whose loss is no longer a
    number gets what it had learnt by the last good epoch back and rests; the others go on, and ``tell`` hears of it.
    ``check`` is called before each step, and may raise KeyboardInterrupt. ``weighting``: at work for the model.
    """
    weighting = Sum() if weighting is None else weighting
    model.train()
    fused = feed.device.type in ("cpu", "cuda")
    epochs, batch_size, lr, precision = settings.epochs, settings.batch_size, settings.lr, settings.precision
    weights = [*model.parameters(), *weighting.parameters()]
    optimiser = OPTIMISERS[settings.optimiser](weights, lr=lr, weight_decay=settings.weight_decay, fused=fused)
    alive = torch.ones(model.copies, device=feed.device)
    good = latest = learnt(model)
    for number in range(1, epochs + 1):
        losses = []
        for batch in feed.shuffled(seeds, number, batch_size):
            check()
            losses.append(step(model, optimiser, batch, precision, alive, parts, weighting))
        steps = len(losses)
        weighting.after_epoch()
        if settings.judged(number):  # the weights of the last step are judged before the next step
            last = next(feed.shuffled(seeds, number, batch_size))
            losses.append(per_task(model, outputs_of(model, last), last.labels, "loss"))
        losses = torch.stack(losses)  # steps (and one more) × copies × tasks
        finite = losses.isfinite().all(2)
        for copy in (~alive.bool()).nonzero().flatten().tolist():  # weight decay and statistics go on without a loss
            rest(model, optimiser, latest, copy)
        for copy in (~finite.all(0) & alive.bool()).nonzero().flatten().tolist():
            tell(diverged(model, losses[:, copy], copy, first_step=(number - 1) * steps + 1, lr=lr))
            # The first loss of an epoch is that of the weights the epoch before has left.
            rest(model, optimiser, latest if finite[0, copy] else good, copy)
            alive[copy] = 0
        good, latest = latest, learnt(model)
        counted = weighting.weights()
        counted = None if counted is None else counted.detach().float().cpu()
        yield Epoch(number, steps, losses[:steps].mean(0).cpu(), alive.bool().cpu(), counted)
        if not alive.any():
            return


def diverged(model: Sharing, losses: Tensor, copy: int, first_step: int, lr: float) -> str:
    """At which step which task's loss stopped being a number (``losses``: steps × tasks), and what to try."""
    bad = ~losses.isfinite()
    at = int(bad.any(1).nonzero()[0])
    names = ", ".join(task.name for task, wrong in zip(model.tasks, bad[at].tolist(), strict=True) if wrong)
    which = f" (seed {model.seeds[copy]})" if model.copies > 1 else ""
    return (
        f"the loss of {names} became {losses[at][bad[at]][0].item()} at step {first_step + at}{which}; training "
        f"stopped there and the weights of the last good epoch were kept. Lower the learning rate (lr={lr:g})."
    )


def learnt(model: Sharing) -> dict[Tensor, Tensor]:
    """What training has changed, weights and running statistics: each tensor → a copy of its values."""
    return {tensor: tensor.detach().clone() for tensor in (*model.parameters(), *model.buffers())}


@torch.no_grad()
def rest(model: Sharing, optimiser: torch.optim.Optimizer, good: dict[Tensor, Tensor], copy: int) -> None:
    """Give a copy what it had learnt back and forget its gradients, so that it stays where it is."""
    model.release(copy)
    for holder in model.holders():
        for tensor, at in holder.slices(copy):
            tensor[at] = good[tensor][at]
            for value in optimiser.state.get(tensor, {}).values():
                if isinstance(value, Tensor) and value.shape == tensor.shape:
                    value[at] = 0
