"""Soft parameter sharing whose λ changes while training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from numbers import Real

import torch

from .base import a_copy
from .soft import Soft


class Annealed(Soft):
    """A network a task, and a pull between them that halves every so many steps, or doubles.

        L = Σ_t L_t(θ_t, φ_t) + λ_s Σ_{i<j} ‖θ_i − θ_j‖²,   λ_s = λ · 2^(−s / half_life)   after s steps

    A positive ``half_life``: the tasks begin as nearly one network and come apart. A negative one: they begin apart and
    are drawn together. ∞ is Soft, bit for bit; so is a half-life that is long beside the training. ``lam``: the λ to
    begin with, in any form that Soft takes but ∞, of which there is no half; a list of either has one for each copy.

    Raises ValueError for a half-life that is 0, NaN or no number, and for λ = ∞ that would have to halve.
    """

    options, per_copy = (*Soft.options, "half_life"), (*Soft.per_copy, "half_life")

    def __init__(self, tasks, trunk, lam=0.0, half_life: float | Sequence[float] = math.inf, **arguments):
        self.half_life, self.steps = half_life, 0
        super().__init__(tasks, trunk, lam=lam, **arguments)
        each = [check_half_life(one) for one in a_copy(half_life, self.copies, "half_life")]
        self.halvings = torch.tensor([1 / one for one in each], dtype=torch.float64)  # a step
        if any((λ.isinf().view(self.copies, -1).any(1) & (self.halvings != 0)).any() for λ in self.begun.values()):
            raise ValueError("λ = ∞ has no half: take a finite λ to begin with, or half_life=∞, which keeps it")

    @property
    def strengths(self):
        """λ_s of each tied layer, (C,), or (C, T, T) where a copy has one a pair."""
        shrunk = torch.exp2((-self.steps * self.halvings).clamp(max=1000))  # 0 · ∞ would be no λ
        return {name: λ * shrunk.view(-1, *[1] * (λ.dim() - 1)) for name, λ in self.begun.items()}

    @strengths.setter
    def strengths(self, λ):
        self.begun = λ

    def pull(self, optimiser):
        super().pull(optimiser)
        self.steps += 1

    def get_extra_state(self):
        """How many steps λ has gone: a part of the state that is kept, since the penalty hangs on it."""
        return torch.tensor(self.steps)

    def set_extra_state(self, state):
        self.steps = int(state)

    def release(self, number):
        for λ in self.begun.values():
            λ[number] = 0

    def copy(self, number):
        one = super().copy(number)
        one.steps = self.steps
        return one

    def options_of(self, number):
        return super().options_of(number) | {"half_life": a_copy(self.half_life, self.copies, "half_life")[number]}


def check_half_life(value: object) -> float:
    """A half-life in steps; refuses what is none."""
    if isinstance(value, bool) or not isinstance(value, Real) or math.isnan(value) or value == 0:
        raise ValueError(f"half_life must be a number of steps, not 0 (∞: λ stays; below 0: it doubles), not {value!r}")
    return float(value)
