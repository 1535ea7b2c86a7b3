"""A graph of pulls between linear tasks, one λ a pair, solved exactly; and a graph that the data choose."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from numbers import Real

import pandas as pd
import torch
from torch import Tensor

from ..arguments import real
from ..data.world import World
from ..tasks import Task, find_task
from .closed_form import errors, for_each, moments

Pulls = Mapping[tuple[str, str], float]

#: how strongly a pair is pulled that is as far apart as most, for the validation data to choose from
STRENGTHS = (0.0, *(10 ** (k / 3) for k in range(-9, 4)), math.inf)
MOST_STEPS, TOLERANCE = 200, 1e-7  # of reweighting; it slows down where tasks fall together


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

    A task tied to one before it has no pull left. With ∞ between a and b, and b and c, all three are one.
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


@dataclass(frozen=True, eq=False)
class LearntGraph:
    """The graph that :func:`learn_graph` found.

    ``lam``: λ_ij, a row and a column a task. ``theta`` (T, d): what :func:`solve` makes of it. ``strength``: the λ that
    validation chose. ``pairs``: the graph as ``solve`` and ``mtl.Soft(lam=…)`` take it.
    """

    lam: pd.DataFrame
    theta: Tensor
    strength: float

    @property
    def pairs(self) -> dict[tuple[str, str], float]:
        return {(i, j): float(self.lam.loc[i, j]) for i, j in combinations(self.lam.index, 2)}


def learn_graph(world: World, strengths: Iterable[float] = STRENGTHS, floor: float = 0.1) -> LearntGraph:
    """A graph that the tasks' own θ suggest, as strong as the validation data like it best.

    With one λ for all pairs first, then in turn, until nothing moves: θ from the graph, and the graph from θ,

        λ_ij = λ · D² / (‖θ_i − θ_j‖² + (floor·D)²),     D² = mean of ‖θ_i − θ_j‖² at the first θ.

    A pair as far apart as most is pulled with λ, a nearer one more, a farther one less. Each turn lowers

        Σ_t (1/n_t) ‖y_t − X_t θ_t‖² + λ D² Σ_{i<j} log(‖θ_i − θ_j‖² + (floor·D)²),

    which is not convex: the start decides where it ends. λ is the one of ``strengths`` with the least error on
    validation, mean over tasks; at 0 every task is alone and at ∞ all are one. It sees tasks with *near* θ: tasks that
    share directions, but no values, have no graph of this kind.

    The sum of distances (log and squares left out) would be convex: Hocking et al. 2011, "Clusterpath", Hallac,
    Leskovec & Boyd 2015, "Network lasso". It pulls at far pairs too. Reweighting, and the logarithm: Candès, Wakin &
    Boyd 2008. A relation of tasks learnt with their θ: Zhang & Yeung 2010, "A convex formulation for learning task
    relationships in multi-task learning".

    Raises TypeError for tasks that are not Regression; ValueError for one task only, no strengths, or a strength or
    floor that makes no sense.
    """
    strengths, floor = list(strengths), real(floor, "floor", least=1e-4)
    if len(world.tasks) < 2 or not strengths:
        raise ValueError(f"a graph takes two tasks and one strength, or more, not {len(world.tasks)}, {len(strengths)}")
    A, b = moments(world.train, world)
    graphs = for_each(strengths, lambda one: reweight(A, b, one, floor))
    thetas = torch.stack([solve_graph(A, b, graph) for graph in graphs])
    best = int(errors(world, thetas, "validation").mean(-1).argmin())
    names = [task.name for task in world.tasks]
    return LearntGraph(pd.DataFrame(graphs[best].numpy(), names, names), thetas[best], float(strengths[best]))


def reweight(A: Tensor, b: Tensor, strength: float, floor: float) -> Tensor:
    """λ_ij (T, T) for the λ called ``strength``; the same for all pairs where that is 0 or ∞, or all θ are one."""
    graph = torch.full((len(b), len(b)), strength, dtype=b.dtype).fill_diagonal_(0)
    theta = solve_graph(A, b, graph)
    size = torch.pdist(theta).square().mean()
    if strength == 0 or math.isinf(strength) or size == 0:
        return graph
    for _ in range(MOST_STEPS):
        far = (theta[:, None] - theta).square().sum(-1)
        graph = (strength * size / (far + floor**2 * size)).fill_diagonal_(0)
        before, theta = theta, solve_graph(A, b, graph)
        if (theta - before).abs().max() <= TOLERANCE * before.abs().max():
            break
    return graph
