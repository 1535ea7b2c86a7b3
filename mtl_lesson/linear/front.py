"""The Pareto front of linear tasks in a trunk that has no room for all of them, and who reaches which part of it.

    L_t(B) = ½ ‖(I − BBᵀ) θ_t‖²

is the least loss of task t on endless examples without noise, x ~ N(0, I): through a trunk B (d, width) with
orthonormal columns, its head at its best. A trunk is on the front if no other is as good for every task and better for
one. There are two or three tasks, linearly independent; so with a width of their number every loss is 0, and only a
narrower trunk must choose.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from ..arguments import real, whole
from .minimum import minimise

FINER = 4  # times as many trunks as are asked for may dominate them
ROUNDING = 1e-9  # of the size of θ, squared


def tasks_with_cosine(cosine: float, T: int = 3) -> Tensor:
    """The true θ (T, T) of T linear tasks of length 1, any two with this ``cosine``, above −1/(T − 1) and below 1."""
    G = torch.full((whole(T, "T"),) * 2, float(cosine), dtype=torch.float64).fill_diagonal_(1)
    if not -1 / max(T - 1, 1) < cosine < 1:
        raise ValueError(f"{T} tasks that are not dependent have a cosine above −1/{T - 1} and below 1, not {cosine!r}")
    return torch.linalg.cholesky(G)


def trunk_losses(theta: Tensor, trunk: Tensor) -> Tensor:
    """L_t = ½ ‖(I − BBᵀ) θ_t‖², (…, T), for θ (T, d) and trunks B (…, d, width) with orthonormal columns."""
    away = theta - theta @ trunk @ trunk.mT
    return 0.5 * away.square().sum(-1)


def find_front(theta: Tensor, width: int = 1, points: int = 2000) -> Tensor:
    """Trunks on the Pareto front, (n, d, ``width``): those of ``points`` even ones that nothing dominates.

    A trunk outside the span of the θ_t is dominated, so it is a direction in it (width 1) or all but one. On the front
    the tasks' gradients cancel under some weights of 0 or more (:func:`balance`); of those trunks the ones go that one
    of four times as many even trunks dominates. Trunks that are dominated by a hair may stay.

    With three tasks the front is a surface. Raises ValueError for tasks that are not independent, or not two or three.
    """
    theta, span = _in_span(theta)
    width, points = whole(width, "width"), whole(points, "points", least=10)
    if width >= len(theta):
        return span.T[None]
    trunks = _even_trunks(len(theta), width, points)
    trunks = trunks[(balance(theta, trunks) >= -ROUNDING).all(-1)]
    losses = trunk_losses(theta, trunks)
    finer = trunk_losses(theta, _even_trunks(len(theta), width, FINER * points))
    dominated = [bool((finer < one - ROUNDING * theta.square().sum()).all(-1).any()) for one in losses]
    return span.T @ trunks[~torch.tensor(dominated)]


def balance(theta: Tensor, trunk: Tensor) -> Tensor:
    """The weights w (…, T), of sum 1 in absolute value, under which the tasks' gradients cancel at a trunk.

        Σ_t w_t ∇L_t(B) = −Σ_t w_t (I − BBᵀ) θ_t θ_tᵀ B = 0

    Where all are 0 or more, no small step is good for all tasks; a trunk with a negative one is not on the front.
    """
    slopes = (theta - theta @ trunk @ trunk.mT)[..., None] * (theta @ trunk)[..., None, :]
    w = torch.linalg.svd(slopes.flatten(-2).mT).Vh[..., -1, :]
    w = w * torch.where(w.sum(-1, keepdim=True) < 0, -1, 1)
    return w / w.abs().sum(-1, keepdim=True)


def weighted_sum(theta: Tensor, weights: Tensor, width: int = 1) -> Tensor:
    """The trunk B (…, d, ``width``) that minimises Σ_t w_t L_t(B), for each w of ``weights`` (…, T), exactly.

    Its columns are the eigenvectors of Σ_t w_t θ_t θ_tᵀ with the largest eigenvalues, since Σ_t w_t L_t(B) =
    ½ Σ_t w_t ‖θ_t‖² − ½ tr(Bᵀ Σ_t w_t θ_t θ_tᵀ B). With every w_t > 0 it is on the front; but not every trunk on the
    front is one of these. Hu et al. 2023, "Revisiting scalarization in multi-task learning: a theoretical perspective".
    """
    theta, span = _in_span(theta)
    w, width = _task_weights(weights, len(theta)), min(whole(width, "width"), len(theta))
    vectors = torch.linalg.eigh((theta.mT * w[..., None, :]) @ theta).eigenvectors
    return span.T @ vectors[..., -width:]


def reached(theta: Tensor, trunk: Tensor) -> Tensor:
    """Which of the trunks (…, d, width) some weights reach, (…): that minimise Σ_t w_t L_t(B) over all B, for some w.

    Only the weights under which the tasks' gradients cancel there can do it (:func:`balance`). Its mean over
    :func:`find_front` is the share of the front that a weighted sum can find, counted in even directions.
    """
    w, losses = balance(theta, trunk), trunk_losses(theta, trunk)
    least = trunk_losses(theta, weighted_sum(theta, w.clamp(min=0), trunk.shape[-1]))
    rounding = ROUNDING * theta.square().sum()
    best = (w >= -ROUNDING).all(-1) & ((w * (losses - least)).sum(-1) <= rounding)
    return best | (losses <= rounding).all(-1)


def smooth_maximum(theta: Tensor, weights: Tensor, width: int = 1, mu: float = 1e-3) -> Tensor:
    """The trunk B (…, d, ``width``) that minimises μ log Σ_t exp(w_t L_t(B) / μ), for each w of ``weights`` (…, T).

    It is the largest w_t L_t, made smooth: less than that plus μ log T. So for a small μ any trunk of the front without
    a loss of 0 is nearly its minimum, at w_t = c / L_t. (Each task alone can have a loss of 0 here; elsewhere what a
    task has at best is taken off L_t.) By L-BFGS from the best of a grid of trunks. Lin et al. 2024, "Smooth
    Tchebycheff scalarization for multi-objective optimization".
    """
    theta, span = _in_span(theta)
    w, width, mu = _task_weights(weights, len(theta)), whole(width, "width"), real(mu, "mu", least=1e-6)
    if width >= len(theta):
        return span.T.expand(*w.shape[:-1], *span.T.shape)
    starts = _even_directions(len(theta), 1000)
    losses = trunk_losses(theta, _trunks_of(starts, width))
    flat = w.reshape(-1, len(theta))
    best = [starts[torch.logsumexp(one * losses / mu, -1).argmin()] for one in flat]
    found = [_lowest_near(theta, one, start, width, mu) for one, start in zip(flat, best, strict=True)]
    return (span.T @ _trunks_of(torch.stack(found), width)).reshape(*w.shape[:-1], span.shape[1], width)


def _lowest_near(theta: Tensor, w: Tensor, start: Tensor, width: int, mu: float) -> Tensor:
    """The unit vector of the trunk to which L-BFGS comes from that of ``start``."""

    def value_and_slope(x: np.ndarray) -> tuple[float, np.ndarray]:
        unit = torch.tensor(x, requires_grad=True)
        along = theta @ (unit / unit.norm())
        losses = 0.5 * (theta.square().sum(-1) - along.square() if width == 1 else along.square())
        value = torch.logsumexp(w * losses / mu, -1)
        return value.item(), torch.autograd.grad(value, unit)[0].numpy()

    found = minimise(value_and_slope, start.numpy(), ftol=1e-15, gtol=1e-9)
    unit = torch.tensor(found.x)
    return unit / unit.norm()


def _in_span(theta: Tensor) -> tuple[Tensor, Tensor]:
    """θ in the coordinates of its own span, (T, T), and an orthonormal basis of that, (T, d)."""
    theta = torch.as_tensor(theta, dtype=torch.float64)
    if theta.ndim != 2 or len(theta) not in (2, 3):
        raise ValueError(f"theta must hold two or three tasks, (T, d), not {tuple(theta.shape)}")
    if theta.shape[1] < len(theta) or (values := torch.linalg.svdvals(theta))[-1] < 1e-6 * values[0]:
        raise ValueError("the tasks must be linearly independent: no θ_t a combination of the others")
    span = torch.linalg.qr(theta.mT).Q.mT
    return theta @ span.mT, span


def _task_weights(weights: Tensor, T: int) -> Tensor:
    w = torch.as_tensor(weights, dtype=torch.float64)
    if w.ndim == 0 or w.shape[-1] != T or not (w.isfinite().all() and (w >= 0).all() and (w.sum(-1) > 0).all()):
        raise ValueError(f"weights must be {T} numbers of 0 or more, not all 0 (or rows of such)")
    return w


def _even_trunks(T: int, width: int, points: int) -> Tensor:
    return _trunks_of(_even_directions(T, points), width)


def _even_directions(T: int, points: int) -> Tensor:
    """Unit vectors (points, T), evenly spread over half of the circle, or of the sphere (a Fibonacci lattice)."""
    i = torch.arange(points, dtype=torch.float64) + 0.5
    if T == 2:
        return torch.stack([torch.cos(i * math.pi / points), torch.sin(i * math.pi / points)], 1)
    z, turn = i / points, i * math.pi * (1 + math.sqrt(5))
    return torch.stack([(1 - z**2).sqrt() * turn.cos(), (1 - z**2).sqrt() * turn.sin(), z], 1)


def _trunks_of(units: Tensor, width: int) -> Tensor:
    """A trunk (n, T, width) for each unit vector: along it (width 1), or across it."""
    if width == 1:
        return units[..., None]
    return torch.linalg.qr(units[..., None], mode="complete").Q[..., 1:]
