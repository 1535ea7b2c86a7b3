"""The world ``planted``: linear tasks whose truth is known, and what they share with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from ..arguments import real, whole
from ..tasks import Regression
from .world import Split, World

STRENGTH = 2.0  # root mean square length of the shared part of θ_t; at delta = 1 the private part is as long
# Streams of random numbers: all but that of the test are joined by a seed, and all but the first by a task.
SUBSPACE, TRUTH, TRAIN, VALIDATION, TEST = 1, 2, 3, 4, 5


@dataclass(frozen=True, eq=False, repr=False)
class Planted(World):
    """A world of linear tasks that tells the truth about itself, in float64.

    ``theta`` (T, d): the truth, θ_t. ``shared`` (d, rank): an orthonormal basis of the shared subspace U; with several
    groups (groups, d, rank), one of each. ``group`` (T,): the number of each task's group, from 0. ``bases``
    (T, d, rank): of each task's own subspace U_t, which is that of its group unless it is tilted. ``private`` (T, d):
    the part of θ_t outside U_t. ``covariance`` (T, d, d): of the task's inputs.
    """

    theta: Tensor = field(kw_only=True)
    shared: Tensor = field(kw_only=True)
    bases: Tensor = field(kw_only=True)
    private: Tensor = field(kw_only=True)
    covariance: Tensor = field(kw_only=True)
    group: Tensor = field(kw_only=True)


def planted(
    T: int = 8,
    d: int = 10,
    rank: int = 2,
    n: int = 15,
    noise: float = 1.0,
    angle: float = 0.0,
    mismatch: float = 1.0,
    delta: float = 0.0,
    n_validation: int = 200,
    n_test: int = 1000,
    seed: int = 0,
    groups: int = 1,
) -> Planted:
    """T linear regressions y = xᵀθ_t + noise, ``n`` examples each, whose θ_t lie in a subspace of ``rank`` dimensions.

    Somebody planted a few directions that matter to all tasks among ``d``, and a learner who finds them needs few
    examples a task. Four dials spoil this one at a time: ``noise``, the standard deviation of the noise; ``angle``, by
    which each task's subspace is tilted away from the shared one; ``mismatch``, which makes tasks look at the world
    through different inputs; ``delta``, which adds a private part. After Wu, Zhang & Ré 2020, "Understanding and
    improving information transfer in multi-task learning", and Argyriou, Evgeniou & Pontil 2008, "Convex multi-task
    feature learning".

        θ_t = U_t a_t + δ·v_t,     U_t = U cos(angle) + W_t sin(angle),     x ~ N(0, Σ_t)

    U (d, rank) is orthonormal, and so are W_t, at right angles to U; all principal angles between U and U_t are
    ``angle`` degrees, 0 to 90. a_t is Gaussian with E‖a_t‖² = 4, and so is v_t, at right angles to U_t. Σ_t has
    condition number ``mismatch`` (1: Σ_t = I), mean variance 1, and principal axes drawn for each task.

    ``groups`` cuts the tasks, in their order, into so many groups of T / groups. Each has a subspace U of its own, drawn
    without regard to the others', so that two of them are as close as chance has it: the squared cosines of their
    principal angles sum to rank²/d on average, of rank at most.

    ``seed`` draws everything that chance decides, the truth included; the truth is told (:class:`Planted`). The *test*
    labels are xᵀθ_t without noise, so the error is what is lost by not knowing θ_t, and the test inputs are the same
    draws for every seed, given Σ_t. Turning one of the four dials changes no draw; tasks at a small T and examples at a
    small n are the first of those at a larger one, and so are subspaces at few groups (a task may change its group).
    Inputs and labels are float32, rounded from float64.

    Raises TypeError or ValueError for a number that is not whole or is out of range, a subspace that does not fit, or
    groups that cannot be of one size.
    """
    T, d = whole(T, "T"), whole(d, "d")
    rank = whole(rank, "rank", most=d, most_name="d")
    n, n_validation, n_test = whole(n, "n"), whole(n_validation, "n_validation"), whole(n_test, "n_test")
    noise, delta = real(noise, "noise"), real(delta, "delta")
    angle, mismatch = real(angle, "angle", most=90, unit=" degrees"), real(mismatch, "mismatch", least=1)
    seed, groups = whole(seed, "seed", least=0), whole(groups, "groups", most=T, most_name="T")
    if T % groups:
        raise ValueError(f"{T} tasks cannot be cut into {groups} groups of one size; take T={T // groups * groups}")
    if angle > 0 and 2 * rank > d:
        raise ValueError(f"to tilt a subspace of rank {rank} takes {2 * rank} dimensions, and d = {d}; take angle=0")
    if delta > 0 and rank == d:
        raise ValueError(f"with rank = d = {d} there is no room for a private part; take delta=0 or a smaller rank")

    group, subspaces = np.arange(T) * groups // T, np.random.default_rng([SUBSPACE, seed])
    U = np.stack([_orthonormal(subspaces, d, rank) for _ in range(groups)])
    drawn = [
        _truth(np.random.default_rng([TRUTH, seed, t]), U[group[t]], math.radians(angle), mismatch) for t in range(T)
    ]
    bases, common, private, roots = map(np.stack, zip(*drawn, strict=True))
    private = delta * private
    theta = common + private

    tasks = tuple(Regression(f"task {t + 1}") for t in range(T))

    def split(size: int, sd: float, *stream: int) -> Split:
        x, y = {}, {}
        for t, task in enumerate(tasks):
            z = np.random.default_rng([*stream, t]).standard_normal((size, d + 1))
            inputs = z[:, :d] @ roots[t]
            x[task.name] = torch.tensor(inputs, dtype=torch.float32)
            y[task.name] = torch.tensor(inputs @ theta[t] + sd * z[:, d], dtype=torch.float32)
        return Split(x, y)

    train, validation = split(n, noise, TRAIN, seed), split(n_validation, noise, VALIDATION, seed)
    test = split(n_test, 0.0, TEST)
    dial = {"T": T, "d": d, "rank": rank, "n": n, "noise": noise, "angle": angle, "mismatch": mismatch, "delta": delta}
    dial |= {"groups": groups}
    truth = {"theta": theta, "shared": U if groups > 1 else U[0], "bases": bases, "private": private}
    truth |= {"covariance": roots @ roots, "group": group}
    truth = {name: torch.tensor(value) for name, value in truth.items()}
    return Planted("planted", tasks, train, validation, test, dial=dial, **truth)


def optimum(world: Planted, width: int) -> Tensor:
    """The best a linear trunk of ``width`` features can do with endless data: θ (T, d), of rank ``width`` at most.

    It minimises Σ_t (θ_t − θ̂_t)ᵀ Σ_t (θ_t − θ̂_t). A width of at least the rank of the θ_t loses nothing. Below that,
    with Σ_t = I, it is the projection on the first right singular vectors of the matrix of θ_t (Eckart & Young 1936).
    Raises ValueError where Σ_t ≠ I and something must be lost: there the tasks weigh directions differently, and there
    is no closed form.
    """
    width = whole(width, "width")
    left, values, right = torch.linalg.svd(world.theta, full_matrices=False)
    if width < len(values) and values[width] > 1e-9 * values[0] and world.dial["mismatch"] != 1:
        raise ValueError(f"with mismatch={world.dial['mismatch']:g} a width of {width} loses something, no closed form")
    return left[:, :width] * values[:width] @ right[:width]


def _truth(rng: np.random.Generator, U: np.ndarray, angle: float, mismatch: float) -> tuple[np.ndarray, ...]:
    """Of one task: the basis of its subspace, the part of θ_t in it, a part outside it, and the root of Σ_t."""
    d, rank = U.shape
    a, aside = rng.standard_normal(rank), rng.standard_normal((d, rank))
    outside, axes = rng.standard_normal(d), _orthonormal(rng, d, d)
    basis = U
    if angle:
        basis = U * math.cos(angle) + np.linalg.qr(aside - U @ (U.T @ aside))[0] * math.sin(angle)
    common = basis @ a * (STRENGTH / math.sqrt(rank))
    private = (outside - basis @ (basis.T @ outside)) * (STRENGTH / math.sqrt(max(d - rank, 1)))
    variances = np.geomspace(1, 1 / mismatch, d)
    root = (axes * np.sqrt(variances / variances.mean())) @ axes.T
    return basis, common, private, root


def _orthonormal(rng: np.random.Generator, d: int, columns: int) -> np.ndarray:
    """Orthonormal columns (d, columns), any direction as likely as any other."""
    q, r = np.linalg.qr(rng.standard_normal((d, columns)))
    return q * np.sign(np.diag(r))
