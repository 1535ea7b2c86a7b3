"""Soft sharing of linear models, solved exactly: no steps, no learning rate, any λ from 0 to ∞.

And the λ that the tasks themselves suggest, from how much they differ and how noisy they are (:func:`components`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from numbers import Real

import numpy as np
import torch
from torch import Tensor

from ..data.world import Split, World
from ..tasks import Regression, judged_as
from .minimum import minimise

CEILING = 25.0  # of log(1 + n τ²/σ²), for τ² of any size beside σ²: beyond 10¹¹ there is rounding, and no noise
STARTS = (0.1, 1.0, 4.0)  # of the same: with few tasks and many coefficients the likelihood may have several peaks


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
    return for_each(lam, lambda one: solve_one(A, b, one))


def ridge(world: World, kappa: float | Iterable[float]) -> Tensor:
    """Every task alone, shrunk towards 0: θ that minimises Σ_t (1/n_t) ‖y_t − X_t θ_t‖² + κ Σ_t ‖θ_t‖².

    (T, d), or (κs, T, d) for several κ: θ_t = (A_t + κI)⁻¹ b_t with the moments of :func:`solve`; at κ = ∞ all are 0.
    It shares nothing, and is the control of what does: borrowing shrinks as well, towards the others. The κ may be
    chosen by ``best_lambda(world, kappas, by=ridge)``. Hoerl & Kennard 1970, "Ridge regression".
    """
    A, b = moments(world.train, world)

    def solution(one: float) -> Tensor:
        s = one / (1 + one) if math.isfinite(one) else 1.0
        M = (1 - s) * A + s * torch.eye(A.shape[-1], dtype=A.dtype)
        return (torch.linalg.pinv(M, hermitian=True) @ ((1 - s) * b[..., None])).squeeze(-1)

    return for_each(kappa, solution)


def for_each(lam: float | Iterable[float], solution: Callable[[float], Tensor]) -> Tensor:
    """``solution(λ)`` for one λ, or stacked for several; a λ that makes no sense is refused before any is solved."""
    if isinstance(lam, str) or not isinstance(lam, (Real, Iterable)):
        raise TypeError(f"λ must be a number or a list of numbers, not {lam!r}")
    lams = [float(lam)] if isinstance(lam, Real) else [float(one) for one in lam]
    for one in lams:
        if not one >= 0:
            raise ValueError(f"λ must be 0 or more (∞ included), not {one}")
    return solution(lams[0]) if isinstance(lam, Real) else torch.stack([solution(one) for one in lams])


def solve_one(A: Tensor, b: Tensor, lam: float) -> Tensor:
    """θ (T, d) from the tasks' moments A (T, d, d) and b (T, d)."""
    c = lam * len(A)
    s = c / (1 + c) if math.isfinite(c) else 1.0
    M = (1 - s) * A + s * torch.eye(A.shape[-1], dtype=A.dtype)
    inverse = torch.linalg.pinv(M, hermitian=True)
    mean = torch.linalg.pinv((inverse @ A).sum(0)) @ (inverse @ b[..., None]).sum(0)
    return (inverse @ ((1 - s) * b[..., None] + s * mean)).squeeze(-1)


def moments(split: Split, world: World) -> tuple[Tensor, Tensor]:
    """A_t = X_tᵀX_t / n_t (T, d, d) and b_t = X_tᵀy_t / n_t (T, d), over the labelled examples, in float64."""
    x, y, weight = stack_tasks(split, world)
    weighted = x * weight[..., None]
    return torch.einsum("tni,tnj->tij", weighted, x), torch.einsum("tni,tn->ti", weighted, y)


def errors(world: World, theta: Tensor, split: str = "test") -> Tensor:
    """The mean squared error of each task, (T,) or (λs, T), for θ as :func:`solve` returns it."""
    x, y, weight = stack_tasks(getattr(world, split), world)
    residual = y - torch.einsum("tnd,...td->...tn", x, theta)
    return (residual.square() * weight).sum(-1)


def stack_tasks(split: Split, world: World) -> tuple[Tensor, Tensor, Tensor]:
    """Inputs (T, n, d), labels (T, n), and weights (T, n): 1/n_t where there is a label, else 0."""
    for task in world.tasks:
        if judged_as(task) is not Regression:
            kind = f"a {type(task).__name__}" + " with ways of its own" * isinstance(task, Regression)
            raise TypeError(f"only a Regression can be solved in closed form; {task.name!r} is {kind}")
    x = torch.stack([split.inputs.get(task.name, split.inputs.get(None)) for task in world.tasks]).double()
    y = torch.stack([split.labels[task.name] for task in world.tasks]).double()
    known = (~y.isnan()).double()
    return x, y.nan_to_num(), known / known.sum(-1, keepdim=True).clamp(min=1)


def best_lambda(
    world: World, lams: Iterable[float], split: str = "validation", by: Callable[[World, list[float]], Tensor] = solve
) -> float:
    """The λ of ``lams`` whose error on ``split``, averaged over tasks, is least; ``by`` is :func:`solve` or alike."""
    lams = list(lams)
    return lams[int(errors(world, by(world, lams), split).mean(-1).argmin())]


@dataclass(frozen=True, eq=False)
class Components:
    """Where the labels' variance comes from, as :func:`components` estimates it.

    ``noise``: σ², of an example around its own task's line, in the label's unit squared. ``between``: τ² (d,), of each
    coefficient between tasks. ``beta``: β (d,), the average task's coefficients.
    """

    noise: float
    between: Tensor
    beta: Tensor


def components(world: World, common: bool = False) -> Components:
    """σ², τ² and β of the mixed model, by maximum likelihood on ``world.train``, in float64.

        y_t = X_t (β + b_t) + ε_t,     b_t ~ N(0, diag(τ²)),     ε_t ~ N(0, σ²I)

    Every task has coefficients of its own, drawn around β; how far they scatter (τ²) is estimated from the tasks, and
    not chosen. With θ̂_t the fit of a task alone, G_t = X_tᵀX_t, N examples in all and the ratios ρ = diag(τ²/σ²), it
    minimises −2 log likelihood, up to a constant,

        N log σ² + Σ_t log det(I + G_t ρ),     Q_t = (I + G_t ρ)⁻¹ G_t,     β = (Σ_t Q_t)⁻¹ Σ_t Q_t θ̂_t,
        σ² = (Σ_t ‖y_t − X_t θ̂_t‖² + Σ_t (θ̂_t − β)ᵀ Q_t (θ̂_t − β)) / N,

    over ρ ≥ 0 alone: β and σ² are the best there are for a given ρ. A τ² of exactly 0 is a result like any other: the
    tasks differ no more than noise would make them. ``common``: one τ² for all coefficients, the model under which
    :func:`empirical_bayes` holds. Laird & Ware 1982, "Random-effects models for longitudinal data".

    Maximum likelihood makes τ² a little too small when tasks are few. Raises TypeError for tasks that are not
    Regression, ValueError where the examples leave no noise to estimate.
    """
    n, G, alone, rest = _statistics(world)
    size = torch.einsum("tjj->j", G) / len(G)
    size = size.mean().expand_as(size) if common else size
    counted = (size > 0).double()  # an input that is always 0 says nothing of its τ², which stays 0

    def ratios(z: Tensor) -> Tensor:  # log(1 + ...) can be 0 exactly, and takes large ratios in its stride
        return torch.expm1(z.expand_as(size)) * counted / size.clamp(min=1e-300)

    def value_and_slope(z: np.ndarray) -> tuple[float, np.ndarray]:
        z = torch.tensor(z, requires_grad=True)
        value = _deviance(ratios(z), n, G, alone, rest)[0]
        return value.item(), torch.autograd.grad(value, z)[0].numpy()

    unknowns, best = 1 if common else len(size), None
    for start in STARTS:
        start = np.full(unknowns, start)
        if not math.isfinite(value_and_slope(start)[0]):
            raise ValueError("all labels are 0 or missing: there is no noise to estimate")
        found = minimise(value_and_slope, start, [(0, CEILING)] * unknowns, ftol=1e-15, gtol=1e-8, maxiter=1000)
        best = found if best is None or found.fun < best.fun else best
    no_noise = np.where(best.x > 0, best.x + CEILING - best.x.max(), 0)
    if best.x.max() > 0 and value_and_slope(no_noise)[0] <= best.fun + 1e-3:
        raise ValueError("as likely as not there is no noise, and tasks fit their examples exactly; take more examples")
    rho = ratios(torch.tensor(best.x))
    _, noise, beta = _deviance(rho, n, G, alone, rest)
    return Components(noise.item(), noise * rho, beta)


def empirical_bayes(world: World) -> float:
    """The λ of :func:`solve` that the tasks themselves suggest: λ = σ² / (τ² n T), and ∞ where τ² = 0.

    Under the mixed model of :func:`components` with one τ² for all coefficients, −2 log p(y, b) is, but for a constant,

        Σ_t ‖y_t − X_t θ_t‖² / σ² + Σ_t ‖θ_t − β‖² / τ²,     θ_t = β + b_t.

    Times σ²/n this is the objective of :func:`solve`, with c = λT = σ² / (n τ²). So soft sharing *is* the most probable
    θ_t given the other tasks, n·c = σ²/τ² does not depend on n, and the other tasks are worth σ²/τ² examples whose
    mean square input is 1. Exact where all tasks have n labels; else n is their mean number, since one λ beside mean
    losses cannot treat a small task as the model would. Efron & Morris 1973, "Stein's estimation rule and its
    competitors: an empirical Bayes approach"; Lindley & Smith 1972, "Bayes estimates for the linear model".
    """
    found, (n, *_) = components(world, common=True), _statistics(world)
    between = float(found.between[0])
    return found.noise / (between * float(n.mean()) * len(n)) if between > 0 else math.inf


def _statistics(world: World) -> tuple[Tensor, ...]:
    """All the likelihood needs: n_t (T,), X_tᵀX_t (T, d, d), each task's own fit (T, d), and what all leave over."""
    x, y, weight = stack_tasks(world.train, world)
    known = (weight > 0).double()
    n = known.sum(-1)
    A, b = moments(world.train, world)
    alone = solve_one(A, b, 0.0)
    residual = (y - torch.einsum("tnd,td->tn", x, alone)) * known
    return n, n[:, None, None] * A, alone, residual.square().sum()


def _deviance(rho: Tensor, n: Tensor, G: Tensor, alone: Tensor, rest: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """−2 log likelihood at the ratios ρ (d,), up to a constant, with the σ² and β (d,) that go with them."""
    spread = torch.eye(len(rho), dtype=rho.dtype) + G * rho
    Q = torch.linalg.solve(spread, G)
    beta = torch.linalg.pinv(Q.sum(0), hermitian=True) @ torch.einsum("tij,tj->i", Q, alone)
    away = alone - beta.detach()  # β is where the likelihood is level, so σ² changes with ρ as if it stood still
    noise = (rest + torch.einsum("ti,tij,tj->", away, Q, away)) / n.sum()
    return n.sum() * noise.log() + torch.linalg.slogdet(spread)[1].sum(), noise, beta
