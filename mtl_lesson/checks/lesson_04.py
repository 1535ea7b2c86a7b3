"""The exercises of lesson 04: the penalty without pairs, and the λ past which a gradient diverges."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from numbers import Real

import torch
from torch import Tensor

from ..chance import generator
from .exercise import Exercise, attempted, judged


def penalty(function: Callable[[Tensor, float], Tensor]) -> str | None:
    """``penalty(theta, lam)`` is λ Σ_{i<j} ‖θ_i − θ_j‖² for theta (T, P): a row for each task."""
    theta = torch.randn(5, 7, generator=generator("penalty"), dtype=torch.float64)
    lam = 0.3
    given = attempted(function(theta, lam))
    if given is None:
        return "your function returns nothing. Is a return missing?"
    if not isinstance(given, Tensor | Real):
        return f"a penalty is one number; yours is a {type(given).__name__}."
    given = torch.as_tensor(given, dtype=torch.float64)
    if given.numel() != 1:
        return f"a penalty is one number; yours has shape {tuple(given.shape)}. Sum over tasks and over weights."
    pairs = [(a - b).square().sum() for a, b in itertools.combinations(theta, 2)]
    right, apart = lam * sum(pairs), (theta - theta.mean(0)).square()
    mistakes = {
        lam * apart.sum(): "this is λ Σ_t ‖θ_t − θ̄‖², the mean form. The sum over pairs is T times as large.",
        2 * right: "every pair is counted twice: i < j goes through each of them once.",
        right / lam: "λ is missing.",
        lam * sum(pair.sqrt() for pair in pairs): "the distances are not squared.",
        lam * len(theta) * apart.mean(): "you averaged over the weights; the penalty is a sum.",
        right / len(pairs): "you averaged over the pairs; the penalty is a sum.",
        lam * len(theta) * theta.square().sum(): "this pulls every θ_t to 0, not to the others: subtract the mean.",
    }
    otherwise = f"on five tasks it is {given.item():.3f} where λ Σ_{{i<j}} ‖θ_i − θ_j‖² is {right.item():.3f}."
    return judged(given, right, mistakes, otherwise)


def largest_lambda(function: Callable[[int, float], float]) -> str | None:
    """``largest_lambda(T, lr)``: the λ past which gradient descent on the penalty drives the tasks apart."""
    T, lr = 6, 0.05
    given = attempted(function(T, lr))
    if given is None:
        return "your function returns nothing. Is a return missing?"
    if isinstance(given, bool) or not isinstance(given, Real):
        return f"the answer is one number; yours is a {type(given).__name__}."
    right = 1 / (T * lr)
    mistakes = {
        2 * right: "2 λ T lr must stay below 2, and you left out the 2 that comes from differentiating the square.",
        right / 2: "at this λ one step brings the tasks together exactly: 1 − 2λT·lr = 0. It can be up to −1.",
        1 / lr: "T is missing: every task is pulled by all the others.",
        T / lr: "T is on the wrong side: more tasks pull harder, so λ must be smaller.",
        T * lr: "this is the inverse of the answer.",
    }
    wrong = f"for T = {T} and lr = {lr} it is {given:.4g}, where the step turns from shrinking to growing elsewhere."
    if because := judged(given, right, mistakes, wrong):
        return because
    if abs(function(65, 0.001) - 1 / 0.065) > 1e-6:
        return "it is right for T = 6 and lr = 0.05, and wrong for other numbers: write it as a formula of T and lr."
    return None


penalty = Exercise(
    "Exercise 1",
    penalty,
    praise="One mean and one sum: as cheap for 65 tasks as for two.",
    hints=(
        "Σ_{i<j} ‖θ_i − θ_j‖² = T Σ_t ‖θ_t − θ̄‖², with θ̄ the mean over tasks.",
        "theta.mean(0) is θ̄; len(theta) is T.",
    ),
)
largest_lambda = Exercise(
    "Exercise 2",
    largest_lambda,
    praise="Past that, every step overshoots by more than it gains; the exact step has no such limit.",
    hints=(
        "Write d_t = θ_t − θ̄. The penalty is λ T Σ_t ‖d_t‖², so its gradient is 2 λ T d_t.",
        "One step: d_t ← (1 − 2 λ T lr) d_t. For which λ does that grow in size?",
    ),
)
