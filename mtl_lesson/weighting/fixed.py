"""Weights that are set beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Real

from .base import Weighting


class Fixed(Weighting):
    """Each task counts as much as you say.

        L = Σ_t w_t L_t

    ``weights``: task → w_t of 0 or more; 1 for tasks that are not named. Under Adam a common factor of all weights
    changes nothing that one task has for itself; only their ratio does, where tasks share.

    Raises ValueError for a weight that is negative, infinite or no number, and where no task is left with any; KeyError
    for a task that is not there.
    """

    adds_up = True

    def __init__(self, weights: Mapping[str, float]):
        super().__init__()
        for name, w in weights.items():
            if isinstance(w, bool) or not isinstance(w, Real) or not 0 <= w < float("inf"):
                raise ValueError(f"the weight of {name!r} must be a finite number of 0 or more, not {w!r}")
        self.given = {name: float(w) for name, w in weights.items()}

    def begin(self, model):
        names = [task.name for task in model.tasks]
        if unknown := [name for name in self.given if name not in names]:
            raise KeyError(f"there is no task {unknown[0]!r} to weigh; the tasks are {', '.join(names)}")
        w = [self.given.get(name, 1.0) for name in names]
        if not any(w):
            raise ValueError("the weights of all tasks are 0, so nothing would be learnt: give one task more than 0")
        self.register_buffer("w", next(model.parameters()).new_tensor(w))

    def forward(self, losses):
        return (losses * self.w.to(losses)).sum(1)

    def weights(self):
        return self.w.expand(len(self.seeds), -1)

    def __repr__(self) -> str:
        return f"Fixed({self.given})"
