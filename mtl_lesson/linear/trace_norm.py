"""Sharing a few directions between linear models: the trace norm, and the linear trunk that it is in disguise."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..arguments import real, whole
from ..data.world import World
from . import closed_form
from .closed_form import moments
from .minimum import minimise

TOLERANCE = 1e-10  # of the largest slope there is at θ = 0
MOST_STEPS = 100_000  # a well-posed problem takes some hundreds
STARTS = 5  # of a trunk, whose objective may have several minima


def solve(world: World, lam: float | Iterable[float], common: bool = True) -> Tensor:
    """θ of tasks that may differ in few directions only, λ pricing their number: (T, d), or (λs, T, d) for several λ.

        common=True     min over Θ of  Σ_t (1/n_t) ‖y_t − X_t θ_t‖² + λ ‖Θ − 1θ̄ᵀ‖_*
        common=False    min over Θ of  Σ_t (1/n_t) ‖y_t − X_t θ_t‖² + λ ‖Θ‖_*

    Θ (T, d) has the θ_t as rows, θ̄ is their mean, and the trace norm ‖·‖_* is the sum of the singular values. As the
    sum of absolute values makes single numbers 0, it makes whole *directions* 0: beyond some finite λ none is left, and
    all tasks have one θ (common=True, the same as ``closed_form.solve(world, ∞)``) or θ = 0 (common=False). At λ = 0
    every task is alone, with the smallest θ_t that fits where its examples leave a choice.

    Without ``common`` it is a linear trunk in disguise: with θ_t = Wᵀa_t and width r ≥ min(T, d),

        min over W, a of  Σ_t L_t + (λ/2) (‖W‖² + Σ_t ‖a_t‖²)   =   min over Θ of  Σ_t L_t + λ ‖Θ‖_*

    so weight decay makes a trunk narrow, whatever its width (:func:`factored`). Argyriou, Evgeniou & Pontil 2008,
    "Convex multi-task feature learning"; the identity: Srebro, Rennie & Jaakkola 2004, "Maximum-margin matrix
    factorization"; such trunks as ways to share: Wu, Zhang & Ré 2020, "Understanding and improving information transfer
    in multi-task learning".

    Solved by accelerated proximal gradient (Beck & Teboulle 2009, "A fast iterative shrinkage-thresholding algorithm"),
    restarted where it overshoots (O'Donoghue & Candès 2015), until no slope is left but 10⁻¹⁰ of the largest.
    Raises TypeError for tasks that are not Regression, ValueError for a λ that is negative or NaN, RuntimeError if it
    does not settle.
    """
    A, b = moments(world.train, world)
    return closed_form.for_each(lam, lambda one: solve_trace_norm(A, b, one, common))


def solve_trace_norm(A: Tensor, b: Tensor, lam: float, common: bool) -> Tensor:
    """θ (T, d) from the tasks' moments A (T, d, d) and b (T, d)."""
    if lam == 0:
        return closed_form.solve_one(A, b, 0.0)
    theta = closed_form.solve_one(A, b, math.inf) if common else torch.zeros_like(b)
    steepest = float(2 * b.norm(dim=1).max())
    if math.isinf(lam) or steepest == 0:
        return theta
    step = 1 / float(2 * torch.linalg.eigvalsh(A).max())
    ahead, momentum = theta, 1.0
    for _ in range(MOST_STEPS):
        slope = 2 * ((A @ ahead[..., None]).squeeze(-1) - b)
        moved = proximal(ahead - step * slope, step * lam, common)
        if (ahead - moved).abs().max() <= TOLERANCE * steepest * step:
            return moved
        if ((ahead - moved) * (moved - theta)).sum() > 0:  # the momentum points uphill
            momentum = 1.0
        following = (1 + math.sqrt(1 + 4 * momentum**2)) / 2
        ahead = moved + (momentum - 1) / following * (moved - theta)
        theta, momentum = moved, following
    raise RuntimeError(f"the trace norm did not settle in {MOST_STEPS} steps at λ = {lam:g}; take a larger λ, or 0")


def proximal(theta: Tensor, threshold: float, common: bool) -> Tensor:
    """The Θ that minimises ½ ‖Θ − theta‖² + threshold · (the trace norm): lower every singular value, none below 0.

    Cai, Candès & Shen 2010, "A singular value thresholding algorithm for matrix completion". With ``common`` this is
    exact for the deviations too. The mean part 1θ̄ᵀ and the deviations are orthogonal, so ½‖·‖² is a sum of one term for
    each; the mean has no price and stays. The deviations' left singular vectors sum to 0 over tasks; lowering
    singular values keeps these vectors, so what comes out has mean 0 and is again a matrix of deviations.
    """
    mean = theta.mean(0) if common else torch.zeros_like(theta[0])
    left, values, right = torch.linalg.svd(theta - mean, full_matrices=False)
    return mean + (left * (values - threshold).clamp(min=0)) @ right


def rank(theta: Tensor, tolerance: float = 1e-6, common: bool = True) -> Tensor:
    """In how many directions tasks differ: the singular values of Θ − 1θ̄ᵀ above ``tolerance`` times ‖Θ‖.

    ``theta``: (…, T, d), the answer (…). ``common=False`` counts the directions of Θ itself.
    """
    away = theta - theta.mean(-2, keepdim=True) if common else theta
    size = torch.linalg.matrix_norm(theta)[..., None]
    return (torch.linalg.svdvals(away) > tolerance * size).sum(-1)


def factored(world: World, width: int, decay: float = 0.0, seed: int = 0) -> Tensor:
    """θ (T, d) of a linear trunk: h = W x with ``width`` features r, and a head ŷ_t = a_tᵀh for each task.

        min over W (r, d) and a_t (r,) of  Σ_t (1/n_t) ‖y_t − X_t θ_t‖² + (decay/2) (‖W‖² + Σ_t ‖a_t‖²),   θ_t = Wᵀa_t

    A narrow trunk *must* share: Θ has rank r at most. From r = min(T, d) on it need not, and without ``decay`` every
    task is as if alone. With ``decay`` κ a wide trunk equals ``solve(world, κ, common=False)``. Trained by L-BFGS in
    float64 from five starts drawn from ``seed``; the one with the smallest objective is kept, since a trunk that is
    too narrow may have several minima. Wu, Zhang & Ré 2020.

    Raises TypeError or ValueError for a width or decay that makes no sense and for tasks that are not Regression.
    """
    width, decay, seed = whole(width, "width"), real(decay, "decay"), whole(seed, "seed", least=0)
    A, b = (moment.numpy() for moment in moments(world.train, world))
    T, d = b.shape

    def parts(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return flat[: T * width].reshape(T, width), flat[T * width :].reshape(width, d)

    def value_and_slope(flat: np.ndarray) -> tuple[float, np.ndarray]:
        heads, trunk = parts(flat)
        theta = heads @ trunk
        slope = 2 * (np.einsum("tij,tj->ti", A, theta) - b)
        value = (theta * (slope / 2 - b)).sum() + decay / 2 * (flat**2).sum()
        return value, np.concatenate([(slope @ trunk.T).ravel(), (heads.T @ slope).ravel()]) + decay * flat

    starts = np.random.default_rng(seed).standard_normal((STARTS, (T + d) * width)) / math.sqrt(width)
    options = {"ftol": 0, "gtol": 1e-10, "maxiter": 2000, "maxfun": 4000, "maxcor": 30}
    found = [minimise(value_and_slope, start, **options) for start in starts]
    best = min(found, key=lambda result: result.fun)
    if best.status == 1:  # it ran out of steps; that rounding ends the descent first is as it should be
        raise RuntimeError(f"no trunk of width {width} settled at decay = {decay:g}; take a larger decay, or seed")
    heads, trunk = parts(best.x)
    return torch.from_numpy(heads @ trunk)
