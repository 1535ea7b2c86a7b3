"""The features themselves: what each task's trunk makes of the same pictures, as plain tensors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from ..data.world import Split, World
from ..sharing import Sharing
from ..training import Run

Inputs = Tensor | Mapping[str, Tensor]  # one for all tasks, or task → its own
BATCH = 512  # pictures at a time: as quick as all at once, in a fraction of the memory


def features(model: Sharing | Run, x: Inputs, layer: str | None = None) -> dict[str, Tensor]:
    """h_t = f(x; θ_t): task → (n, …), float32 on the CPU.

    ``x``: inputs (n, …) that all tasks' trunks look at, or task → its own inputs, all of the same n. ``layer``: one of
    the trunk's, whose output is taken (a convolution gives (n, channels, height, width)); or None for what the trunk
    returns, h (n, d), which the heads take. No gradients; the model's mode is as it was. Cost: one forward pass through
    the trunks, in parts of 512 pictures.

    Pitfall: a unit has a number, not a meaning. Unit 3 of two networks have nothing to do with one another, unless
    the networks share weights or have been aligned.

    Raises TypeError for what is no model and for inputs that are no floats; ValueError for several copies, no
    inputs, and for NaN or infinity, naming task, picture and layer; KeyError for a layer that is not there and for
    inputs that are not the tasks'.
    """
    model = inspected(model)
    counts = {len(part) for part in x.values()} if isinstance(x, Mapping) else {len(x)}
    if len(counts) != 1 or counts == {0}:
        raise ValueError(f"expected one or more inputs and the same number for each task, got {sorted(counts)}")
    h = in_parts(model, x, layer)
    for task, values in h.items():
        finite = torch.isfinite(values.flatten(1)).all(1)
        if not finite.all():
            at = f"task {task!r}, layer {layer or 'h'}, picture {int((~finite).nonzero()[0])}"
            raise ValueError(f"{at}: the features hold NaN or infinity; {origin(model, x, task)}")
    return h


def is_untrained(model: Sharing | Run) -> bool:
    """Whether every weight is what its seed drew: the model has never been trained.

    Several copies may be asked at once; it is True if none of them has been. Raises TypeError for what is no model.
    """
    model = sharing(model)
    fresh = model.like(model.seeds).state_dict()
    return all(torch.equal(value.cpu(), fresh[name].to(value.dtype)) for name, value in model.state_dict().items())


# --- what the other parts of this package have in common -----------------------------------------------------------


def sharing(model: Sharing | Run) -> Sharing:
    """The model itself, also of a Run."""
    model = model.model if isinstance(model, Run) else model
    if not isinstance(model, Sharing):
        raise TypeError(f"expected a model such as mtl.Hard(world.tasks, trunk), or a Run, not {type(model).__name__}")
    return model


def inspected(model: Sharing | Run) -> Sharing:
    """The model itself, if there is one copy of it."""
    model = sharing(model)
    if model.copies > 1:
        raise ValueError(f"the model holds {model.copies} copies; inspect one, such as model.copy(0)")
    return model


def examples(model: Sharing, world: World, split: str) -> tuple[Inputs, dict[str, Tensor]]:
    """The inputs and the labels of the model's tasks in one split of a world."""
    if not isinstance(world, World):
        raise TypeError(f"expected a World such as mtl.data.questions(), not {type(world).__name__}")
    chosen = split_of(world, split)
    for task in model.tasks:
        if (same := next((other for other in world.tasks if other.name == task.name), None)) != task:
            there = f"asks it as {same!r}" if same else f"asks {', '.join(other.name for other in world.tasks)}"
            raise ValueError(f"the model answers {task!r}, and the world {there}")
    names = [task.name for task in model.tasks]
    x = {name: chosen.x[name] for name in names} if isinstance(chosen.x, Mapping) else chosen.x
    return x, {name: chosen.labels[name] for name in names}


def split_of(world: World, split: str) -> Split:
    """One of a world's three splits, by its name."""
    if split not in ("train", "validation", "test"):
        raise ValueError(f"a world has train, validation and test, not {split!r}")
    return getattr(world, split)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Evaluation mode, and afterwards the mode that each part of the model had before, and what it remembered: a layer
    of a learner's own may remember in evaluation too."""
    modes = [(module, module.training) for module in model.modules()]
    remembered = [(buffer, buffer.clone()) for buffer in model.buffers()]
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, before in remembered:
                buffer.copy_(before)


@torch.no_grad()
def in_parts(model: Sharing, x: Inputs, layer: str | None = None, *, heads: bool = False) -> dict[str, Tensor]:
    """:func:`features` that may be anything, NaN included; with ``heads``, what these make of them."""
    weights = next(model.parameters())

    def ready(part: Tensor) -> Tensor:  # what is no float is left for the model to refuse
        return part.to(weights) if part.is_floating_point() else part

    if isinstance(x, Mapping):
        pieces = zip(*(part.split(BATCH) for part in x.values()), strict=True)
        batches = ({task: ready(part) for task, part in zip(x, piece, strict=True)} for piece in pieces)
    else:
        batches = (ready(piece) for piece in x.split(BATCH))
    with evaluating(model):
        parts = [model(batch) if heads else model.features(batch, layer) for batch in batches]
    return {task: torch.cat([part[task] for part in parts]).float().cpu() for task in parts[0]}


def origin(model: Sharing, x: Inputs, task: str) -> str:
    """Where in the network of a task the first NaN or infinity stands."""
    own = x[task] if isinstance(x, Mapping) else x
    if not torch.isfinite(own).all():
        return "so do the inputs"
    names = [name for name in model.trunk.names if all(name in trunk.names for trunk in model.trunks().values())]
    found = (name for name in names if not torch.isfinite(in_parts(model, x, name)[task]).all())
    return f"the first layer to hold any is {next(found, 'the last')}"
