"""Weights that are learnt, as if each task's labels had a noise of their own."""

from __future__ import annotations

import torch
from torch import nn

from .base import Weighting


class Uncertainty(Weighting):
    """A task whose loss stays large is taken for noisy, and counts less.

        L = Σ_t ½ e^(−s_t) L_t + ½ s_t

    s_t = log σ_t² is learnt with the weights, from 0. At its minimum e^(s_t) = L_t, so that a task's gradient is
    divided by its own loss. Kendall, Gal & Cipolla 2018, "Multi-task learning using uncertainty to weigh losses"; as
    there for regression, and as in torchjd's ``UW``, also for the other kinds of task.
    """

    def begin(self, model):
        like = next(model.parameters())
        self.s = nn.Parameter(torch.zeros(len(self.seeds), len(self.tasks), dtype=like.dtype, device=like.device))

    def forward(self, losses):
        return (0.5 * torch.exp(-self.s) * losses + 0.5 * self.s).sum(1)

    def weights(self):
        return 0.5 * torch.exp(-self.s)

    def __repr__(self) -> str:
        return "Uncertainty()"
