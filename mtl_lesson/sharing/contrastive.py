"""Hard sharing of tasks that see the same things in different ways, which are drawn together pair by pair."""

from __future__ import annotations

from collections.abc import Mapping
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
    pair. ``beta``: β from 0 (Hard) upwards; a list has one for each copy. With a batch of n, R is log n where nothing
    is told apart, so results at another batch size are others.

    An input that is missing is written as zeros: no words, a vector or map of nothing but 0. R leaves its pairs out, as
    if the batch did not hold them; set its label to missing too, or its task learns from the zeros.

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
        self.there: list[Tensor] = []  # for each task which inputs of the batch that it last saw are not missing

    def activations(self, x, inputs, streams, upto=None):
        if len(set(streams)) < len(self.tasks):
            raise ValueError(
                "Contrastive matches what tasks see of the same thing, and these look at one input: give each its own, "
                "x={task: inputs}, or take mtl.Hard"
            )
        rows = x if isinstance(x, Mapping) else x.unflatten(0, (inputs, -1))
        seen = [rows[t.name] if rows is x else rows[:, stream] for t, stream in zip(self.tasks, streams, strict=True)]
        self.there = [(part != 0).flatten(2).any(2).repeat_interleave(self.copies // inputs, 0) for part in seen]
        return super().activations(x, inputs, streams, upto)

    def regulariser(self, h):
        β, tasks = self.β.to(next(iter(h.values())).dtype), zip(h.values(), self.there, strict=True)
        return β * sum(mismatch(a, b, self.temperature, i & j) for (a, i), (b, j) in combinations(tasks, 2))

    def options_of(self, number):
        return {"beta": a_copy(self.beta, self.copies, "β")[number]}


def mismatch(a: Tensor, b: Tensor, temperature: float, pairs: Tensor | None = None) -> Tensor:
    """R of two tasks' features (C, n, …) of the same n things, (C,): the symmetric InfoNCE.

    ``pairs`` (C, n): which things both tasks have seen. R is that of these alone, 0 where there is none."""
    a, b = (F.normalize(part.flatten(2), dim=2) for part in (a, b))
    S = a @ b.mT / temperature
    pairs = torch.ones(S.shape[:2], dtype=torch.bool, device=S.device) if pairs is None else pairs
    least = torch.finfo(S.dtype).min  # not −∞: where no pair is left, its softmax would be NaN

    def told(S: Tensor) -> Tensor:
        own = S.masked_fill(~pairs[:, None], least).log_softmax(2).diagonal(dim1=1, dim2=2)
        return -own.where(pairs, 0).sum(1) / pairs.sum(1).clamp(min=1)

    return (told(S) + told(S.mT)) / 2


def check_positive(value: object, name: str) -> float:
    """A number of 0 or more; refuses what is none."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= value < float("inf"):
        raise ValueError(f"{name} must be a finite number of 0 or more, not {value!r}")
    return float(value)
