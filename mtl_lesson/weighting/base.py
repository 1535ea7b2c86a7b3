"""What every weighting has in common: L from L_1 … L_T, for all copies at once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from ..sharing import Sharing
from ..tasks import Task


class Weighting(nn.Module):
    """How the tasks' losses become the one that is minimised. A subclass says so (:meth:`forward`).

    What a learner makes is a recipe; :meth:`start` makes one at work for C copies of T tasks, whose parameters, if it
    has any, are learnt with the model's. Nothing that one copy learns reaches another.
    """

    #: whether L is a sum over examples where each L_t is, so that a large batch can be cut into parts
    adds_up = False

    #: whether all copies that train together must have this one
    alone = False

    tasks: tuple[Task, ...] = ()
    seeds: tuple[int, ...] = ()

    def start(self, model: Sharing) -> Weighting:
        """A fresh one at work for the copies of ``model``. Raises ValueError where it does not suit the model."""
        fresh = copy.deepcopy(self)
        fresh.tasks, fresh.seeds = model.tasks, model.seeds
        fresh.begin(model)
        return fresh

    def begin(self, model: Sharing) -> None:
        """Make what is learnt or remembered, a row a copy."""

    def forward(self, losses: Tensor) -> Tensor:
        """L, (C,), from the tasks' losses (C, T)."""
        raise NotImplementedError

    def backward(self, model: Sharing, losses: Tensor, more: Tensor, alive: Tensor | float) -> None:
        """Put the gradients of a step into the weights. ``more``: (C,) what is added to L; ``alive``: 0 for a copy that
        rests."""
        ((self(losses) + more) * alive).sum().backward()

    def after_step(self, losses_again: Callable[[], Tensor]) -> None:
        """Called after each step; ``losses_again`` computes the batch's losses with the new weights."""

    def after_epoch(self) -> None:
        """Called after each pass over the training data."""

    def weights(self) -> Tensor | None:
        """The present weight of each task's loss, (C, T), for the history; None where all are 1 or not known."""
        return None


class Sum(Weighting):
    """The course's own: each task counts as it is.

    L = Σ_t L_t
    """

    adds_up = True

    def forward(self, losses):
        return losses.sum(1)

    def __repr__(self) -> str:
        return "Sum()"


class PerCopy(Weighting):
    """A weighting a copy, such as a grid of them: those with one recipe work together."""

    def __init__(self, recipes: Sequence[Weighting]):
        super().__init__()
        self.recipes = list(recipes)
        self.adds_up = all(recipe.adds_up for recipe in recipes)

    def begin(self, model):
        distinct = list({id(recipe): recipe for recipe in self.recipes}.values())
        at = [[number for number, recipe in enumerate(self.recipes) if recipe is one] for one in distinct]
        starts = zip(distinct, at, strict=True)
        self.groups = nn.ModuleList(recipe.start(Some(model, index)) for recipe, index in starts)
        self.at = at

    def forward(self, losses):
        found = torch.empty_like(losses[:, 0])
        for index, group in zip(self.at, self.groups, strict=True):
            found = found.index_put((torch.tensor(index, device=losses.device),), group(losses[index]))
        return found

    def after_step(self, losses_again):
        for index, group in zip(self.at, self.groups, strict=True):
            group.after_step(lambda index=index: losses_again()[index])

    def after_epoch(self):
        for group in self.groups:
            group.after_epoch()

    def weights(self):
        found = [group.weights() for group in self.groups]
        if all(one is None for one in found):
            return None
        every = torch.ones(len(self.recipes), len(self.tasks))
        for index, one in zip(self.at, found, strict=True):
            if one is not None:
                every[index] = one.detach().cpu().to(every)
        return every


class Some:
    """Some copies of a model, as far as a weighting asks."""

    def __init__(self, model: Sharing, index: Sequence[int]):
        self.tasks, self.seeds = model.tasks, tuple(model.seeds[number] for number in index)
        self.weight = next(model.parameters())
        self.model = model

    def parameters(self):
        return iter([self.weight])
