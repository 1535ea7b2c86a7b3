"""A graph of pulls between linear tasks, one λ a pair, solved exactly; and a graph that the data choose."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from numbers import Real

import torch
from torch import Tensor

from ..data.world import World
from ..tasks import Task, find_task
from .closed_form import moments

Pulls = Mapping[tuple[str, str], float]


def solve(world: World, lam: Pulls | Iterable[Pulls]) -> Tensor:
    """θ that minimises Σ_t (1/n_t) ‖y_t − X_t θ_t‖² + Σ_{i<j} λ_ij ‖θ_i − θ_j‖²: (T, d), or (graphs, T, d) for several.

    ``lam``: {(task, task): λ}, each λ from 0 to ∞, 0 where no pair is named; or a list of such graphs. With all λ_ij
    equal it is ``closed_form.solve``, and with ∞ within groups and 0 between them each group has one θ, pooled. With
    A_t and b_t of :func:`~mtl_lesson.linear.closed_form.moments`,

        (A_t + Σ_j λ_tj I) θ_t = b_t + Σ_j λ_tj θ_j.

    Evgeniou, Micchelli & Pontil 2005, "Learning multiple tasks with kernel methods", whose graph regulariser this is.
    Where the examples of tasks that pull at each other leave a choice, the smallest θ is taken at each step.

    Raises what :func:`strengths_between` does, and TypeError for tasks that are not Regression.
    """
    graphs = [lam] if isinstance(lam, Mapping) else list(lam)
    strengths = [strengths_between(world.tasks, graph) for graph in graphs]
    A, b = moments(world.train, world)
    found = torch.stack([solve_graph(A, b, λ) for λ in strengths])
    return found[0] if isinstance(lam, Mapping) else found


def strengths_between(tasks: Sequence[Task], lam: Pulls) -> Tensor:
    """λ_ij (T, T) of a graph {(task, task): λ}, in float64.

    Raises TypeError for what is no such mapping, KeyError for a task that is not there, ValueError for a pair of a task
    with itself, a pair named twice, and a λ that is negative, NaN or no number.
    """
    if not (isinstance(lam, Mapping) and all(isinstance(pair, tuple) and len(pair) == 2 for pair in lam)):
        raise TypeError(f"a graph of pulls is {{(task, task): λ}}, not {lam!r}")
    names, seen = [task.name for task in tasks], set()
    strengths = torch.zeros(len(names), len(names), dtype=torch.float64)
    for (one, other), λ in lam.items():
        i, j = (names.index(find_task(tasks, name).name) for name in (one, other))
        if i == j:
            raise ValueError(f"{one!r} cannot be pulled towards itself; a pair is of two tasks")
        if frozenset((i, j)) in seen:
            raise ValueError(f"the pair {one!r}, {other!r} is named twice; once is enough, in any order")
        if isinstance(λ, bool) or not isinstance(λ, Real) or not λ >= 0:
            raise ValueError(f"λ must be a number from 0 to ∞, not {λ!r} ({one!r}, {other!r})")
        seen.add(frozenset((i, j)))
        strengths[i, j] = strengths[j, i] = float(λ)
    return strengths


def contract(strengths: Tensor) -> tuple[Tensor, Tensor]:
    """What λ = ∞ ties, as one: the first task that each is tied to (…, T), and the finite λ between these (…, T, T).

    A task that is tied to one before it has no pull left. Ties reach on: with ∞ between a, b and b, c all three are one.
    """
    T = strengths.shape[-1]
    tied = strengths.isinf() | torch.eye(T, dtype=torch.bool)
    for _ in range(T.bit_length()):
        tied = (tied.to(strengths) @ tied.to(strengths)) > 0
    first = tied.int().argmax(-1)
    members = members_of(first).to(strengths)
    between = members @ strengths.masked_fill(strengths.isinf(), 0) @ members.mT
    return first, between.masked_fill(torch.eye(T, dtype=torch.bool), 0)


def members_of(first: Tensor) -> Tensor:
    """Whether task t is tied to i, as its first: (…, i, t) from (…, t)."""
    return first[..., None, :] == torch.arange(first.shape[-1])[:, None]


def solve_graph(A: Tensor, b: Tensor, strengths: Tensor) -> Tensor:
    """θ (T, d) from the tasks' moments A (T, d, d) and b (T, d), and λ_ij (T, T).

    One task after the other is eliminated: it leaves pulls between those that it pulled at, and passes its examples on.
    Nothing is subtracted, so a λ of 10³⁰ harms no digit. Kron 1939's reduction of a network, with matrices for wires.
    """
    first, between = contract(strengths)
    members, I = members_of(first).to(A), torch.eye(A.shape[-1], dtype=A.dtype)
    A, b = (members @ A.flatten(1)).view_as(A), members @ b
    pulls, theta, left = between[..., None, None] * I, torch.zeros_like(b), {}
    for k in reversed(range(len(A))):
        toward = pulls[k, :k]
        inverse = torch.linalg.pinv(A[k] + toward.sum(0), hermitian=True)
        left[k] = inverse, toward, b[k]
        share = pulls[:k, k] @ inverse
        A, b = A[:k] + share @ A[k], b[:k] + share @ b[k]
        pulls = pulls[:k, :k] + share[:, None] @ toward[None]
    for k, (inverse, toward, own) in sorted(left.items()):
        theta[k] = inverse @ (own + (toward @ theta[:k, :, None]).sum((0, 2)))
    return theta[first]
