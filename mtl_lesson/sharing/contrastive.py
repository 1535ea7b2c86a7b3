"""Hard sharing of tasks that see the same things in different ways, which are drawn together pair by pair."""

from __future__ import annotations

from itertools import combinations
from numbers import Real

import torch
import torch.nn.functional as F
from torch import Tensor

from .base import a_copy
from .hard import Hard


class Contrastive(Hard):
    """One trunk behind a stem a task, and a second loss that asks which input of one task belongs to which of another.

        L = Σ_t L_t + β Σ_{s<t} R(h_s, h_t),   S_ij = cos(h_s(x_i), h_t(x_j)) / temperature
        R = ½ mean_i (−log softmax_j S_ij at j = i) + ½ mean_j (−log softmax_i S_ij at i = j)

    Example i of every task must be the same thing: a picture and the word for it. R is smallest where each is closer
    to its partner than to any other of the batch, and needs no label: an example whose labels are missing still is a
    pair, so one that lacks an input is to be left out. ``beta``: β from 0 (Hard) upwards; a list has one for each copy.
    With a batch of n, R is log n where nothing is told apart, so results at another batch size are others.

    R is the symmetric InfoNCE of Radford et al. 2021, "Learning transferable visual models from natural language
    supervision" (CLIP); there the temperature is learnt. Raises ValueError for a β or temperature out of range, and
    where the tasks look at one input, which has no other to be matched with.
    """

    options, per_copy = ("beta", "temperature"), ("beta",)

    def __init__(self, tasks, trunk, beta: float | list[float] = 1.0, temperature: float = 0.1, **arguments):
        super().__init__(tasks, trunk, **arguments)
        self.beta, self.temperature = beta, check_positive(temperature, "the temperature")
        if self.temperature == 0:
            raise ValueError("the temperature must be more than 0")
        each = [check_positive(one, "β") for one in a_copy(beta, self.copies, "β")]
        self.register_buffer("β", torch.tensor(each), persistent=False)

    def activations(self, x, inputs, streams, upto=None):
        if len(set(streams)) < len(self.tasks):
            raise ValueError(
                "Contrastive matches what tasks see of the same thing, and these look at one input: give each its own, "
                "x={task: inputs}, or take mtl.Hard"
            )
        return super().activations(x, inputs, streams, upto)

    def regulariser(self, h):
        β = self.β.to(next(iter(h.values())).dtype)
        return β * sum(mismatch(a, b, self.temperature) for a, b in combinations(h.values(), 2))

    def options_of(self, number):
        return {"beta": a_copy(self.beta, self.copies, "β")[number]}


def mismatch(a: Tensor, b: Tensor, temperature: float) -> Tensor:
    """R of two tasks' features (C, n, …) of the same n things, (C,): the symmetric InfoNCE."""
    a, b = (F.normalize(part.flatten(2), dim=2) for part in (a, b))
    S = a @ b.mT / temperature
    there, back = (-one.log_softmax(2).diagonal(dim1=1, dim2=2).mean(1) for one in (S, S.mT))
    return (there + back) / 2


def check_positive(value: object, name: str) -> float:
    """A number of 0 or more; refuses what is none."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < float("inf"):
        raise ValueError(f"{name} must be a finite number of 0 or more, not {value!r}")
    return float(value)
