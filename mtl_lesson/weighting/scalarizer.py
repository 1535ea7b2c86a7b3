"""Any scalarizer of torchjd, a copy of it for each copy of the model."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from ..chance import Drawn, generator
from .base import Sum, Weighting


class Scalarizer(Weighting):
    """L = s(L_1 … L_T) for a ``scalarizer`` s of torchjd: one for each copy, since it may learn, remember or draw.

    What it learns is learnt with the weights. ``update`` is called after each step with the batch's new losses (FAMO),
    ``step`` after each epoch (DWA), and what it draws (Random) is decided by the copy's seed. Raises ValueError for one
    that is made for another number of tasks.
    """

    def __init__(self, scalarizer: nn.Module):
        super().__init__()
        self.recipe = [scalarizer]  # in a list: a template, whose parameters are not learnt
        self.calls = 0

    def begin(self, model):
        like = next(model.parameters())
        check_combines(self.recipe[0], like.new_ones(len(self.tasks)))
        self.each = nn.ModuleList(replica(self.recipe[0], like) for _ in self.seeds)

    def forward(self, losses):
        self.calls += 1
        found = []
        for seed, scalarizer, own in zip(self.seeds, self.each, losses, strict=True):
            with Drawn(generator(seed, "weighting", self.calls, device=losses.device)):
                found.append(scalarizer(own))
        return torch.stack(found)

    def after_step(self, losses_again):
        if hasattr(self.recipe[0], "update"):
            for scalarizer, own in zip(self.each, losses_again(), strict=True):
                scalarizer.update(own)

    def after_epoch(self):
        if hasattr(self.recipe[0], "step"):
            for scalarizer in self.each:
                scalarizer.step()

    def __repr__(self) -> str:
        return f"Scalarizer({self.recipe[0]!r})"


def replica(module: nn.Module, like: Tensor) -> nn.Module:
    """A copy of a scalarizer or an aggregator on the device and in the precision of ``like``."""
    one = copy.deepcopy(module).to(like)
    for part in one.modules():
        for name, value in vars(part).items():
            if isinstance(value, Tensor) and value.is_floating_point():  # set as they are, so .to() has passed them by
                setattr(part, name, value.to(like))
    return one


def check_combines(module: nn.Module, example: Tensor) -> None:
    """Try a scalarizer or an aggregator on the losses or gradients of as many tasks as there are, a row each.

    Raises ImportError, with what to install, where its solver is not there; ValueError where it cannot combine them.
    """
    try:
        with Drawn(generator("trial", device=example.device)):
            replica(module, example)(example)
    except (ImportError, NameError) as error:  # a NameError: torchjd goes on without a solver until it is used
        name = type(module).__name__
        raise ImportError(f'{name} needs a solver ({error}): pip install "torchjd[full]" brings them all') from error
    except Exception as error:
        raise ValueError(f"{module!r} cannot combine {len(example)} tasks: {error}") from error


def as_weighting(what: object) -> Weighting:
    """A weighting as it was given, or a scalarizer of torchjd as one; None is the sum.

    Raises TypeError for anything else, an aggregator among it, which says how it is given.
    """
    if what is None:
        return Sum()
    if isinstance(what, Weighting):
        return what
    kinds = [(kind.__module__, kind.__name__) for kind in type(what).__mro__]
    if ("torchjd.scalarization._scalarizer_base", "Scalarizer") in kinds:
        return Scalarizer(what)
    if ("torchjd.aggregation._aggregator_bases", "Aggregator") in kinds:
        name = type(what).__name__
        raise TypeError(f"an aggregator combines gradients, not losses: weighting=mtl.weighting.Aggregate({name}(…))")
    raise TypeError(f"a weighting is one of mtl.weighting, such as Sum(), or a scalarizer of torchjd; not {what!r}")
