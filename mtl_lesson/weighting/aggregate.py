"""Any aggregator of torchjd: the tasks' gradients, rather than their losses, become one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from ..chance import Drawn, generator
from ..sharing import Sharing
from .base import Weighting
from .scalarizer import check_combines, replica
from .shortest import shortest

Place = tuple[nn.Parameter, int]  # a parameter θ (C, G, …), and the number of one of its groups


class Aggregate(Weighting):
    """The weights that tasks share move along what an ``aggregator`` of torchjd makes of the tasks' gradients.

        g = A(J),   J = [∇L_1; …; ∇L_T]  (T, P),   over all P shared weights of a copy

    Weights of one task alone move along their own gradient. A copy of the aggregator for each copy of the model. Costs
    a pass backwards for each task. Quinton & Rey 2024, "Jacobian descent for multi-objective optimization".

    A task without a label in a batch has the gradient 0 there, and MGDA, which harms nobody, then stays where it is. A
    copy whose gradients are no longer numbers gets their sum, and is reported as any that has diverged.

    Raises, before anything is trained: TypeError for what is no aggregator, ValueError for a single task, for a model
    in which no weight is shared and for an aggregator made for another number of tasks, ImportError where its solver is
    not installed.
    """

    alone = True  # it takes the gradients of whole parameters, which all copies have in common

    def __init__(self, aggregator: nn.Module):
        super().__init__()
        from torchjd.aggregation import MGDA, Aggregator, WeightedAggregator  # here, since it takes long to load

        if not isinstance(aggregator, Aggregator):
            raise TypeError(
                f"Aggregate takes an aggregator of torchjd, such as torchjd.aggregation.UPGrad(), not {aggregator!r}"
            )
        self.recipe, self.calls = [aggregator], 0
        self.weighs = isinstance(aggregator, WeightedAggregator)  # A(J) = wᵀJ, and w can be told
        self.shortest = type(aggregator) is MGDA  # not one derived from it, which may weigh in another way

    def begin(self, model):
        if len(self.tasks) == 1:
            raise ValueError("one task has nobody to disagree with: there is nothing to aggregate; leave weighting out")
        if not any(shared_places(model)):
            raise ValueError(f"in {type(model).__name__} tasks share no weight, so there is nothing to aggregate")
        like = next(model.parameters())
        draw = generator("trial gradients")
        check_combines(self.recipe[0], torch.randn(len(self.tasks), 2 * len(self.tasks), generator=draw).to(like))
        self.each = nn.ModuleList(replica(self.recipe[0], like) for _ in self.seeds)
        self.found: list[Tensor] = []

    def forward(self, losses):
        return losses.sum(1)

    def backward(self, model, losses, more, alive):
        weights = [weight for weight in model.parameters() if weight.requires_grad]
        rows = [gradients((one * alive).sum(), weights) for one in losses.unbind(1)]
        rest = gradients((more * alive).sum(), weights) if more.requires_grad else [None] * len(weights)
        for weight, *parts in zip(weights, *rows, rest, strict=True):
            there = [part for part in parts if part is not None]
            weight.grad = torch.stack(there).sum(0) if there else None
        number = {id(weight): n for n, weight in enumerate(weights)}
        places = list(shared_places(model))
        J = torch.stack([torch.cat([of_group(row, number, place) for place in places], 1) for row in rows], 1)
        combined = self.combine(J)
        for place, piece in zip(places, combined.split([length_of(place) for place in places], 1), strict=True):
            weight, group = place
            if weight.grad is None:  # a learner's layer may hold what it does not use
                continue
            extra = 0 if rest[number[id(weight)]] is None else rest[number[id(weight)]][:, group]
            weight.grad[:, group] = piece.view_as(weight[:, group]) + extra

    def combine(self, J: Tensor) -> Tensor:
        """A(J) of every copy, (C, P), from the Jacobians (C, T, P)."""
        self.calls += 1
        found, weights = [], []
        numbers = J.isfinite().flatten(1).all(1).tolist()
        for seed, aggregator, own, fine, w in zip(self.seeds, self.each, J, numbers, self.at_once(J), strict=True):
            with torch.no_grad(), Drawn(generator(seed, "weighting", self.calls, device=J.device)):
                if not fine:  # no solver takes it
                    found.append(own.sum(0))
                    weights += [own.new_full((len(own),), torch.nan)] * self.weighs
                elif self.weighs:
                    weights.append(aggregator.weighting(own) if w is None else w)
                    found.append(weights[-1] @ own)
                else:
                    found.append(aggregator(own))
        if weights:
            self.found.append(torch.stack(weights))
        return torch.stack(found)

    def at_once(self, J: Tensor) -> Iterable[Tensor | None]:
        """The weights of each copy, (T,), where they are found for all copies together; None where they are not."""
        if not self.shortest:
            return [None] * len(J)
        return shortest(J @ J.mT, self.recipe[0].epsilon, self.recipe[0].max_iters)

    def weights(self):
        found, self.found = self.found, []
        return torch.stack(found).mean(0) if found else None

    def __repr__(self) -> str:
        return f"Aggregate({self.recipe[0]!r})"


def gradients(loss: Tensor, weights: list[nn.Parameter]) -> list[Tensor | None]:
    return list(torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True))


def shared_places(model: Sharing) -> Iterator[Place]:
    """The weights that more than one task uses, and that learn."""
    for trunk in model.trunks().values():
        for name, owners in trunk.plan.items():
            for group in set(owners):
                for weight in trunk[name].parameters():
                    users = owners if weight.shape[1] > 1 else (0,) * len(owners)  # θ of LowRank is everyone's
                    if weight.requires_grad and len(model.users(name, users, group)) > 1:
                        yield weight, group
    for name, head in model.heads.items():
        if sum(model.head_of(task) == name for task in model.tasks) > 1:
            yield from ((weight, 0) for weight in head.parameters())


def of_group(row: list[Tensor | None], number: dict[int, int], place: Place) -> Tensor:
    """A task's gradient of the weights at a place, (C, p)."""
    weight, group = place
    found = row[number[id(weight)]]
    return (torch.zeros_like(weight) if found is None else found)[:, group].flatten(1)


def length_of(place: Place) -> int:
    weight, group = place
    return weight[0, group].numel()
