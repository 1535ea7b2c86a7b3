"""MGDA's weights of all copies at once: solved for one copy after another they would take longer than the gradients."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def shortest(G: Tensor, epsilon: float, max_iters: int) -> Tensor:
    """The weights w ≥ 0 with Σ_t w_t = 1 for which wᵀJ is shortest, (C, T), from the Gramians G = J Jᵀ (C, T, T).

        u = argmin_t ⟨g_t, wᵀJ⟩,   w ← (1 − γ) w + γ e_u,   γ in [0, 1] such that wᵀJ becomes shortest

    From w = 1/T, until γ < ``epsilon`` or after ``max_iters`` steps: those of torchjd's MGDA, so the answer is as near
    as its. Désidéri 2012, "Multiple-gradient descent algorithm (MGDA) for multiobjective optimization"; Sener & Koltun
    2018, "Multi-task learning as multi-objective optimization", algorithm 2.
    """
    gramians = G.double().cpu().numpy()  # NumPy: hundreds of tiny operations, at a tenth of their price in torch
    copies, ends = np.arange(len(gramians)), np.eye(gramians.shape[1])
    w = np.full(gramians.shape[:2], 1 / len(ends))
    moves = np.ones(len(gramians), bool)
    with np.errstate(divide="ignore", invalid="ignore"):  # where γ is 0 or 1 the quotient is not looked at
        for _ in range(max_iters):
            along = np.einsum("cst,ct->cs", gramians, w)
            u = along.argmin(1)
            a, b, c = along[copies, u], (w * along).sum(1), gramians[copies, u, u]
            gamma = np.where(c <= a, 1, np.where(b <= a, 0, (b - a) / (b + c - 2 * a)))
            share = np.where(moves, gamma, 0)[:, None]
            w = (1 - share) * w + share * ends[u]
            moves &= gamma >= epsilon
            if not moves.any():
                break
    return torch.from_numpy(w).to(G)
