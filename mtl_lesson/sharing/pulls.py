"""A graph of pulls: one λ a pair of tasks in :class:`~mtl_lesson.sharing.soft.Soft`, and its exact step."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..linear.graph import contract, members_of

AT_A_TIME = 2**20  # numbers in the largest table of the exact step, which a cache holds


def is_graph(lam: object) -> bool:
    """Whether λ is one a pair of tasks, {(task, task): λ}; ValueError where layers are named beside pairs."""
    if not isinstance(lam, Mapping):
        return False
    pairs = [key for key in lam if not isinstance(key, str)]
    if pairs and len(pairs) < len(lam):
        raise ValueError(f"λ is one a pair of tasks or one a layer, not both in one mapping: {lam!r}")
    return bool(pairs)


def everywhere(λ: Tensor, T: int) -> Tensor:
    """One λ as a graph: the same between all T tasks, (T, T)."""
    return λ.repeat(T, T).fill_diagonal_(0)


def pulled(θ: Tensor, λ: Tensor) -> Tensor:
    """Σ_{i<j} λ_ij ‖θ_i − θ_j‖² for θ (C, T, …) and λ (C, T, T): (C,); 0 where tasks are equal, whatever λ is."""
    total = θ.new_zeros(len(θ))
    for i in range(θ.shape[1] - 1):
        far = (θ[:, i + 1 :] - θ[:, i : i + 1]).square().flatten(2).sum(2)
        total = total + torch.where(far == 0, far, λ[:, i, i + 1 :].to(far) * far).sum(1)
    return total


def solve_pulls(z: Tensor, p: Tensor, λ: Tensor, lr: Tensor | float) -> Tensor:
    """The θ (C, T, …) that minimise ½ Σ_t ‖θ_t − z_t‖²_p + lr Σ_{i<j} λ_ij ‖θ_i − θ_j‖², λ (C, T, T).

    T equations for each weight, (diag(p) + 2 lr (diag(Σ_j λ_tj) − λ)) θ = p z, solved for many weights at a time.
    What λ = ∞ ties is one task while they are solved, with the sum of the p and the mean of the z, and equal
    afterwards. At λ = 0 θ = z, bit for bit.
    """
    T, pieces = z.shape[1], max(1, AT_A_TIME // λ.numel())
    first, between = contract(λ) if λ.isinf().any() else (None, λ)
    κ = (2 * lr * between.to(z)).clamp(max=torch.finfo(z.dtype).max / T**2).unsqueeze(-1)  # no sum of them is ∞
    θ = []
    for some, own in zip(z.flatten(2).split(pieces, 2), p.flatten(2).split(pieces, 2), strict=True):
        θ.append(eliminate(some, own, κ) if first is None else eliminate_tied(some, own, κ, first.to(z.device)))
    return torch.cat(θ, 2).view_as(z)


def eliminate_tied(z: Tensor, p: Tensor, κ: Tensor, first: Tensor) -> Tensor:
    """The same where each task is tied to ``first`` (C, T), which stands for all that are tied to it."""
    members, first = members_of(first).to(z).unsqueeze(-1), first.unsqueeze(-1).expand_as(z)
    mass = (members * p[:, None]).sum(2)
    mass = mass.where(mass > 0, 1)  # of who is not the first of any
    away = z - z.gather(1, first)
    mean = z.gather(1, first) + (members * (p * away)[:, None]).sum(2) / mass
    return eliminate(mean, mass, κ).gather(1, first)


def eliminate(z: Tensor, p: Tensor, κ: Tensor) -> Tensor:
    """The θ (C, T, n) with p_t (θ_t − z_t) + Σ_j κ_tj (θ_t − θ_j) = 0, for p > 0, κ (C, T, T, 1).

    One task after the other is eliminated: it leaves pulls between those that it pulled at, and passes its z on with
    its weight p. Every θ is a mean of the z with weights that are found without a subtraction, so a κ of 10³⁰ harms no
    digit. Kron 1939, "Tensor analysis of networks"; Grassmann, Taksar & Heyman 1985.
    """
    left = []
    for k in reversed(range(z.shape[1])):
        total = p[:, k : k + 1] + κ[:, k, :k].sum(1, keepdim=True)
        share = κ[:, k, :k] / total
        left.append((z[:, k], share))
        passed = share * p[:, k : k + 1]
        p = p[:, :k] + passed
        z = torch.lerp(z[:, :k], z[:, k : k + 1].expand_as(passed), passed / p)
        κ = κ[:, :k, :k] + κ[:, :k, k, None] * share[:, None]
    θ = torch.empty_like(left[0][0]).unsqueeze(1).repeat(1, len(left), 1)
    for k, (own, share) in enumerate(reversed(left)):
        θ[:, k] = own + (share * (θ[:, :k] - own[:, None])).sum(1)
    return θ
