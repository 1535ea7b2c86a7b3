"""Soft sharing of linear models, solved exactly: no steps, no learning rate, any λ from 0 to ∞."""

from __future__ import annotations

import math
from collections.abc import Iterable
from numbers import Real

import torch
from torch import Tensor

from ..data.world import Split, World
from ..tasks import Regression


def solve(world: World, lam: float | Iterable[float]) -> Tensor:
    """θ that minimises Σ_t (1/n_t) ‖y_t − X_t θ_t‖² + λ Σ_{i<j} ‖θ_i − θ_j‖²: (T, d), or (λs, T, d) for several λ.

    Since Σ_{i<j} ‖θ_i − θ_j‖² = T Σ_t ‖θ_t − θ̄‖², each θ_t is pulled towards the mean θ̄ with strength c = λT:

        (A_t + cI) θ_t = b_t + c θ̄,      A_t = X_tᵀX_t / n_t,  b_t = X_tᵀy_t / n_t.

    Divided by 1 + c, with s = c / (1 + c) from 0 (every task alone) to 1 (one model for all), this is

        M_t θ_t = (1−s) b_t + s θ̄,       M_t = (1−s) A_t + s I,       θ̄ = (Σ_t M_t⁻¹A_t)⁻¹ Σ_t M_t⁻¹b_t,

    which is as well behaved at λ = ∞ as anywhere else. Evgeniou & Pontil 2004, "Regularized multi-task learning".
    A task whose examples do not determine θ_t at λ = 0 gets the smallest θ_t that fits.

    Raises TypeError for tasks that are not Regression, ValueError for a λ that is negative or NaN.
    """
    A, b = moments(world.train, world)
    if isinstance(lam, Real):
        return solve_one(A, b, float(lam))
    if isinstance(lam, str) or not isinstance(lam, Iterable):
        raise TypeError(f"λ must be a number or a list of numbers, not {lam!r}")
    return torch.stack([solve_one(A, b, float(one)) for one in lam])


def solve_one(A: Tensor, b: Tensor, lam: float) -> Tensor:
    """θ (T, d) from the tasks' moments A (T, d, d) and b (T, d)."""
    if not lam >= 0:
        raise ValueError(f"λ must be 0 or more (∞ included), not {lam}")
    c = lam * len(A)
    s = c / (1 + c) if math.isfinite(c) else 1.0
    M = (1 - s) * A + s * torch.eye(A.shape[-1], dtype=A.dtype)
    inverse = torch.linalg.pinv(M, hermitian=True)
    mean = torch.linalg.pinv((inverse @ A).sum(0)) @ (inverse @ b[..., None]).sum(0)
    return (inverse @ ((1 - s) * b[..., None] + s * mean)).squeeze(-1)


def moments(split: Split, world: World) -> tuple[Tensor, Tensor]:
    """A_t = X_tᵀX_t / n_t (T, d, d) and b_t = X_tᵀy_t / n_t (T, d), over the labelled examples, in float64."""
    x, y, weight = stacked(split, world)
    weighted = x * weight[..., None]
    return torch.einsum("tni,tnj->tij", weighted, x), torch.einsum("tni,tn->ti", weighted, y)


def errors(world: World, theta: Tensor, split: str = "test") -> Tensor:
    """The mean squared error of each task, (T,) or (λs, T), for θ as :func:`solve` returns it."""
    x, y, weight = stacked(getattr(world, split), world)
    residual = y - torch.einsum("tnd,...td->...tn", x, theta)
    return (residual.square() * weight).sum(-1)


def stacked(split: Split, world: World) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (T, n, d), labels (T, n), and weights (T, n): 1/n_t where there is a label, else 0."""
    for task in world.tasks:
        if not isinstance(task, Regression):
            raise TypeError(f"only regression can be solved in closed form; {task.name!r} is a {type(task).__name__}")
    x = torch.stack([split.inputs.get(task.name, split.inputs.get(None)) for task in world.tasks]).double()
    y = torch.stack([split.labels[task.name] for task in world.tasks]).double()
    known = (~y.isnan()).double()
    return x, y.nan_to_num(), known / known.sum(-1, keepdim=True).clamp(min=1)
