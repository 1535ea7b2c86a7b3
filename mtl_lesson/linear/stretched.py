"""Soft sharing as ordinary ridge regression: what is shared goes into the inputs, and one solver does for all tasks."""

from __future__ import annotations

import math

import numpy as np

from ..arguments import real
from ..data.world import World
from .closed_form import stack_tasks


def stretched(world: World, mu: float) -> tuple[np.ndarray, np.ndarray]:
    """One table for all tasks: Z (N, d + T·d) and y (N,), float64, for a ridge regression without an intercept.

        φ(x, t) = [x/√μ, 0, …, 0, x, 0, …, 0],     the second x in the t-th of T blocks; rows and labels times 1/√n_t

    Its weights w = [√μ·v_0, v_1, …, v_T] answer task t by θ_t = v_0 + v_t (:func:`unstretched`), and α ‖w‖² with
    α = λT is, for the best v_0 = T θ̄ / (μ + T),

        α (μ ‖v_0‖² + Σ_t ‖v_t‖²) = λ Σ_{i<j} ‖θ_i − θ_j‖² + λμT²/(μ + T) ‖θ̄‖².

    So ``sklearn.linear_model.Ridge(alpha=λT, fit_intercept=False)`` on this table is soft sharing
    (:func:`.closed_form.solve`) as μ → 0, and every task alone, shrunk (:func:`.closed_form.ridge`, κ = λT) at μ = ∞:
    x/√μ is then 0. At the ends of λ one part is left out: at λ = 0 the first block, of which nothing is then said
    (μ = ∞ and α = 0: each task's own least squares), and at λ = ∞, which no α is, the T others.
    Evgeniou & Pontil 2004, "Regularized multi-task learning".

    A row stands for a label that is there. ``solver="svd"`` copes with a small μ, which makes the first block long:
    with μ = 1e−11 and λ from 0.001 to 10 it comes to within 1e−8 of soft sharing. Raises ValueError for a μ that is not
    above 0, TypeError for tasks that are not Regression.
    """
    if mu != math.inf and real(mu, "μ") == 0:
        raise ValueError("μ must be above 0: at 0 the first block would be infinite")
    x, y, weight = (part.numpy() for part in stack_tasks(world.train, world))
    T, n, d = x.shape
    Z = np.zeros((T, n, (1 + T) * d))
    Z[:, :, :d] = x / math.sqrt(mu)
    for t in range(T):
        Z[t, :, (1 + t) * d : (2 + t) * d] = x[t]
    scale = np.sqrt(weight)
    known = weight > 0
    return (Z * scale[..., None])[known], (y * scale)[known]


def unstretched(w: np.ndarray, T: int, mu: float) -> np.ndarray:
    """θ (T, d) from the weights (d + T·d,) of a ridge regression on :func:`stretched` inputs: θ_t = w_0/√μ + w_t."""
    blocks = np.asarray(w, float).reshape(1 + T, -1)
    return blocks[0] / math.sqrt(mu) + blocks[1:]
