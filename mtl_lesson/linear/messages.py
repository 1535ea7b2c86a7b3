"""Messages along a graph, solved: what the pulls of :mod:`.graph` pass between tasks, and what labels do between nodes.

Both have one penalty, Σ_{i<j} λ_ij ‖θ_i − θ_j‖²: between tasks it holds θ together, between nodes what is said of them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..data.club import Club
from ..tasks import Task


def pass_messages(theta: Tensor, strengths: Tensor, rate: float = 1.0) -> Tensor:
    """One round: θ_t ← θ_t + η Σ_s λ_ts (θ_s − θ_t), for θ (T, d), λ (T, T) symmetric and finite, η = ``rate``.

    Each node hears how far its neighbours are from it, and goes some of the way. It is the step of gradient descent on
    ½ Σ_{i<j} λ_ij ‖θ_i − θ_j‖², so it lowers that for η up to 1 / max_t Σ_s λ_ts. Gilmer et al. 2017, "Neural message
    passing for quantum chemistry", who count as such what graph networks do.
    """
    return theta + rate * (strengths @ theta - strengths.sum(1, keepdim=True) * theta)


def harmonic(strengths: Tensor, known: Tensor, values: Tensor) -> Tensor:
    """f (N, k) that minimises Σ_{i<j} λ_ij ‖f_i − f_j‖² and is ``values`` (N, k) where ``known`` (N,).

    It is what messages come to when the known keep their values: each other node is the mean of its neighbours',
    weighed by λ; 0 where no path leads to one that is known. The limit of label propagation: Zhu, Ghahramani & Lafferty
    2003, "Semi-supervised learning using Gaussian fields and harmonic functions".
    """
    f = torch.where(known[:, None], values, 0)
    between = strengths[~known]
    free = torch.diag(between.sum(1)) - between[:, ~known]
    f[~known] = torch.linalg.pinv(free, hermitian=True) @ (between[:, known] @ f[known])
    return f


def propagate_labels(world: Club) -> dict[str, Tensor]:
    """The floor of a graph network: task → (34, outputs), how much of each class's training labels reaches a member.

    A label missing in training is not known. Nothing is learnt, and no task knows of another.
    """
    return {task.name: harmonic(world.ties.double(), *known_of(world, task)) for task in world.tasks}


def known_of(world: Club, task: Task) -> tuple[Tensor, Tensor]:
    """Whose training label is known (34,), and these labels, 1 in the place of the class (34, outputs)."""
    labels = world.train.labels[task.name]
    there = task.labelled(labels)
    who, N = world.train.x[there, 0], len(world.ties)
    known = torch.zeros(N, dtype=torch.bool).index_fill(0, who, True)
    values = torch.zeros(N, task.outputs, dtype=torch.float64)
    values[who, labels[there]] = 1
    return known, values
