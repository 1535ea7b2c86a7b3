"""Linear models that differ from a common one in a few directions: their number set, not priced."""

from __future__ import annotations

import math
from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from ..arguments import real, whole
from ..data.world import World
from .closed_form import errors, moments
from .minimum import minimise
from .trace_norm import STARTS


def solve(world: World, rank: int | Iterable[int], decay: float = 0.0, seed: int = 0) -> Tensor:
    """θ of tasks that leave a common θ in ``rank`` r common directions at most: (T, d), or (ranks, T, d) for several.

        min over θ, A, B of  Σ_t (1/n_t) ‖y_t − X_t θ_t‖² + (decay/2) (‖A‖² + ‖B‖²),   θ_t = θ + Bᵀa_t

    B (r, d) holds the directions and a_t, row t of A (T, r), says how far task t goes along each; θ has no price. Rank
    0 is one model for all (``closed_form.solve(world, ∞)``); from the smaller of T − 1 and d on there is room for any
    θ_t, and without ``decay`` every task is as if alone. With ``decay`` κ and room it equals ``trace_norm.solve(world,
    κ)``, the trace norm of the deviations: min ½ (‖A‖² + ‖B‖²) over AB = Δ is ‖Δ‖_* (Srebro, Rennie & Jaakkola 2004,
    "Maximum-margin matrix factorization"), and of all θ that may be subtracted the mean θ̄ leaves the least of it.

    :class:`~mtl_lesson.LowRank` corrects the matrix of each task by itself, U_t V_tᵀ, so its decay adds up trace norms,
    one a task; here one B serves all. Solved by L-BFGS in float64 from five starts drawn from ``seed``, of which the
    least is kept: a rank that is too small may have several minima.

    Raises TypeError or ValueError for a rank or decay that makes no sense and for tasks that are not Regression;
    RuntimeError if it does not settle.
    """
    decay, seed = real(decay, "decay"), whole(seed, "seed", least=0)
    several = isinstance(rank, Iterable) and not isinstance(rank, str)
    ranks = [whole(one, "rank", least=0) for one in (rank if several else [rank])]
    A, b = (moment.numpy() for moment in moments(world.train, world))
    found = [torch.from_numpy(solve_rank(A, b, one, decay, seed)) for one in ranks]
    return torch.stack(found) if several else found[0]


def solve_rank(A: np.ndarray, b: np.ndarray, rank: int, decay: float, seed: int) -> np.ndarray:
    """θ (T, d) from the tasks' moments A (T, d, d) and b (T, d)."""
    T, d = b.shape
    ends = np.cumsum([d, T * rank])

    def parts(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        common, heads, directions = np.split(flat, ends)
        return common, heads.reshape(T, rank), directions.reshape(rank, d)

    def value_and_slope(flat: np.ndarray) -> tuple[float, np.ndarray]:
        common, heads, directions = parts(flat)
        theta = common + heads @ directions
        slope = 2 * (np.einsum("tij,tj->ti", A, theta) - b)
        value = (theta * (slope / 2 - b)).sum() + decay / 2 * (flat[d:] ** 2).sum()
        found = np.concatenate([slope.sum(0), (slope @ directions.T).ravel(), (heads.T @ slope).ravel()])
        found[d:] += decay * flat[d:]
        return value, found

    draw = np.random.default_rng(seed)
    starts = draw.standard_normal((STARTS if rank else 1, d + (T + d) * rank)) / math.sqrt(max(rank, 1))
    options = {"ftol": 0, "gtol": 1e-10, "maxiter": 5000, "maxfun": 10_000, "maxcor": 30}
    best = min((minimise(value_and_slope, start, **options) for start in starts), key=lambda result: result.fun)
    if best.status == 1:  # it ran out of steps; that rounding ends the descent first is as it should be
        raise RuntimeError(f"no solution of rank {rank} settled at decay = {decay:g}; take a larger decay, or seed")
    common, heads, directions = parts(best.x)
    return common + heads @ directions


def choose_rank(world: World, ranks: Iterable[int] | None = None, decay: float = 0.0, seed: int = 0) -> int:
    """The rank with the least error on validation, mean over tasks: of ``ranks``, or of all that make a difference.

    Raises what :func:`solve` does, and ValueError where there is no rank to choose from.
    """
    if ranks is None:
        d = next(iter(world.train.inputs.values())).shape[1]
        ranks = range(min(len(world.tasks) - 1, d) + 1)
    if not (ranks := list(ranks)):
        raise ValueError("there is no rank to choose from: the list is empty")
    found = errors(world, solve(world, ranks, decay, seed), "validation").mean(-1)
    return ranks[int(found.argmin())]
