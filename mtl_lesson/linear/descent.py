"""Two linear tasks descend through one trunk, step by step: the angle that their gradients must come to."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..arguments import real, whole

LEVEL = 1e-10  # of its first size: a gradient below that is rounding, and has no direction


def tasks_at_angle(angle: float, d: int = 10, length: float = 1.0) -> Tensor:
    """The true θ (2, d) of two linear tasks at an ``angle`` of 0 to 180 degrees, each of ``length``.

    θ_1 = length · e_1,   θ_2 = length · (e_1 cos(angle) + e_2 sin(angle))
    """
    angle, length = math.radians(real(angle, "angle", most=180.0, unit=" degrees")), real(length, "length")
    theta = torch.zeros(2, whole(d, "d", least=2), dtype=torch.float64)
    theta[:, 0], theta[1, 1] = length, 0.0
    theta[1, :2] = length * torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    return theta


def descend(
    theta: Tensor,
    width: int,
    steps: int = 400,
    lr: float = 0.1,
    seed: int | Iterable[int] = 0,
    every: int = 1,
    covariance: Tensor | None = None,
) -> pd.DataFrame:
    """Full-batch gradient descent on L_1 + L_2 through a linear trunk B (d, ``width``) with a head a_t for each task.

        L_t = ½ (θ_t − B a_t)ᵀ Σ_t (θ_t − B a_t),     g_t = ∂L_t/∂B = −Σ_t (θ_t − B a_t) a_tᵀ

    That is the mean squared error, halved, over endless examples without noise, x ~ N(0, Σ_t); ``covariance``
    (2, d, d) holds the Σ_t, the identity unless it is given. The planted world has both: ``world.theta[:2]``,
    ``world.covariance[:2]``.

    A row for each seed and every so many steps: ``seed``, ``step``, ``cosine`` of g_1 and g_2, ``size_1``, ``size_2``
    (their norms), ``loss_1``, ``loss_2``, all before the step is taken, and the last after all of them. Wherever
    L_1 + L_2 is level g_1 + g_2 = 0: the cosine is −1, however alike the tasks, or both gradients are 0 and there is
    none. The second takes room, a trunk as wide as the θ_t have dimensions. On the way there the cosine is that of
    gradients which vanish; below 10⁻¹⁰ of its first size a gradient is rounding, and the cosine NaN.

    The trunk begins as N(0, 1/d), the heads as N(0, 1/width), both drawn from ``seed`` alone: all θ begin alike, and
    a wider trunk with the features of a narrower one.

    Raises ValueError for θ that is not (2, d), and for a descent that left all bounds: lower ``lr``.
    """
    theta, sigma = _two_tasks(theta, covariance)
    width, steps, every, lr = whole(width, "width"), whole(steps, "steps", 0), whole(every, "every"), real(lr, "lr")
    seeds = [whole(one, "seed", least=0) for one in (seed if isinstance(seed, Iterable) else [seed])]
    starts = [_first_weights(one, theta.shape[1], width) for one in seeds]
    trunk, heads = (np.stack(parts) for parts in zip(*starts, strict=True))
    with np.errstate(over="ignore", invalid="ignore"):  # said in words at the end
        seen = list(_walk(theta, sigma, trunk, heads, steps, lr, every))
    return _tabulated(seeds, *map(np.stack, zip(*seen, strict=True)), lr)


def _two_tasks(theta: Tensor, covariance: Tensor | None) -> tuple[np.ndarray, np.ndarray | None]:
    theta = torch.as_tensor(theta, dtype=torch.float64).numpy()
    if theta.ndim != 2 or len(theta) != 2 or not np.isfinite(theta).all():
        raise ValueError(f"theta must hold two tasks, (2, d) finite numbers, not {theta.shape}")
    if covariance is None:
        return theta, None
    sigma = torch.as_tensor(covariance, dtype=torch.float64).numpy()
    if sigma.shape != (2, theta.shape[1], theta.shape[1]):
        raise ValueError(f"covariance must be (2, d, d) with d = {theta.shape[1]}, not {sigma.shape}")
    return theta, sigma


def _first_weights(seed: int, d: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """The first trunk (d, width) and heads (2, width), feature after feature: so that more are the same and more."""
    trunk = np.random.default_rng([seed, 0]).standard_normal((width, d)).T / math.sqrt(d)
    return trunk, np.random.default_rng([seed, 1]).standard_normal((width, 2)).T / math.sqrt(width)


def _walk(
    theta: np.ndarray, sigma: np.ndarray | None, trunk: np.ndarray, heads: np.ndarray, steps: int, lr: float, every: int
) -> Iterator[tuple[int, np.ndarray, np.ndarray, np.ndarray]]:
    """Of every so many steps its number, B a_t − θ_t and Σ_t (B a_t − θ_t), (seeds, 2, d), and the heads."""
    for step in range(steps + 1):
        away = heads @ trunk.swapaxes(1, 2) - theta
        slope = away if sigma is None else (sigma @ away[..., None])[..., 0]
        if step % every == 0 or step == steps:
            yield step, away, slope, heads
        trunk, heads = trunk - lr * slope.swapaxes(1, 2) @ heads, heads - lr * slope @ trunk


def _tabulated(
    seeds: list[int], step: np.ndarray, away: np.ndarray, slope: np.ndarray, heads: np.ndarray, lr: float
) -> pd.DataFrame:
    """What is told of each step, seed by seed, from the (times, seeds, 2, ·) of the descent.

    As g_t = s_t a_tᵀ, ⟨g_1, g_2⟩ = (s_1ᵀs_2)(a_1ᵀa_2) and ‖g_t‖ = ‖s_t‖ ‖a_t‖.
    """
    losses = 0.5 * (away * slope).sum(3)
    if not np.isfinite(losses).all():
        raise ValueError(f"the descent left all bounds at lr = {lr:g}: lower lr")
    sizes = np.linalg.norm(slope, axis=3) * np.linalg.norm(heads, axis=3)
    inner = slope.prod(2).sum(2) * heads.prod(2).sum(2)
    there = (sizes > LEVEL * sizes[0]).all(2)
    cosine = np.divide(inner, sizes.prod(2), out=np.full_like(inner, np.nan), where=there)
    columns = {"cosine": cosine, "size_1": sizes[..., 0], "size_2": sizes[..., 1]}
    columns |= {"loss_1": losses[..., 0], "loss_2": losses[..., 1]}
    table = pd.DataFrame({name: values.T.ravel() for name, values in columns.items()})
    table.insert(0, "step", np.tile(step, len(seeds)))
    table.insert(0, "seed", np.repeat(seeds, len(step)))
    return table
