"""A graph of pulls between linear tasks: it solves what it says, its limits are known, and what it learns is there."""

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

import mtl_lesson as mtl
from mtl_lesson.data.world import Split, World
from mtl_lesson.linear import closed_form
from mtl_lesson.linear.closed_form import errors, moments
from mtl_lesson.linear.graph import learn_graph, reweight, solve

INFINITY = math.inf
FEW = (0.0, 0.02, 0.1, 0.5, 2.0, INFINITY)


def two_centres(seed=0, T=8, d=10, n=15, scatter=0.5):
    """Tasks whose θ lie near one of two centres, every other task near the same, and which."""
    draw = np.random.default_rng(seed)
    near = np.arange(T) % 2
    centres = draw.standard_normal((2, d))
    centres *= 2 / np.linalg.norm(centres, axis=1, keepdims=True)
    theta = centres[near] + draw.standard_normal((T, d)) * scatter / math.sqrt(d)
    names = [f"task {t + 1}" for t in range(T)]

    def split(size, noise):
        x = {name: draw.standard_normal((size, d)) for name in names}
        y = {name: x[name] @ θ + noise * draw.standard_normal(size) for name, θ in zip(names, theta, strict=True)}
        return Split(*({name: torch.tensor(v) for name, v in part.items()} for part in (x, y)))

    tasks = tuple(mtl.Regression(name) for name in names)
    return World("two centres", tasks, split(n, 1.0), split(200, 1.0), split(500, 0.0)), near


def some(world, tasks):
    """The world with these tasks alone."""
    names = [world.tasks[t].name for t in tasks]
    parts = {}
    for part in ("train", "validation", "test"):
        split = getattr(world, part)
        parts[part] = Split({name: split.x[name] for name in names}, {name: split.labels[name] for name in names})
    return dataclasses.replace(world, tasks=tuple(world.tasks[t] for t in tasks), **parts)


def complete(world, lam):
    return dict.fromkeys(itertools.combinations([task.name for task in world.tasks], 2), lam)


def cliques(world, near, within=INFINITY):
    number = {task.name: k for task, k in zip(world.tasks, near, strict=True)}
    return {(i, j): within for i, j in complete(world, 0) if number[i] == number[j]}


@pytest.fixture(scope="module")
def world():
    world, _ = two_centres(T=5, d=4, n=9)
    world.train.labels["task 3"][4:] = float("nan")
    return world


def objective(world, theta, lam):
    """The formula, pair by pair; what ∞ ties is equal and adds nothing."""
    names = [task.name for task in world.tasks]
    total = 0
    for name, one in zip(names, theta, strict=True):
        y = world.train.labels[name]
        known = ~y.isnan()
        total = total + (y - world.train.x[name] @ one)[known].square().mean()
    for (i, j), λ in lam.items():
        if λ < INFINITY:
            total = total + λ * (theta[names.index(i)] - theta[names.index(j)]).square().sum()
    return total


@settings(max_examples=40, deadline=None)
@given(st.lists(st.sampled_from([0.0, 1e-3, 0.2, 5.0, INFINITY]), min_size=10, max_size=10))
def test_no_way_down_is_left_at_the_solution(world, lams):
    lam = dict(zip(complete(world, 0), lams, strict=True))
    theta = solve(world, lam).requires_grad_()
    (slope,) = torch.autograd.grad(objective(world, theta, lam), theta)
    number = list(range(5))
    for (i, j), λ in zip(itertools.combinations(range(5), 2), lams, strict=True):
        if λ == INFINITY:
            number = [number[i] if one == number[j] else one for one in number]
    for group in set(number):
        members = [t for t in range(5) if number[t] == group]
        assert (theta[members] == theta[members[0]]).all()
        assert slope[members].sum(0).abs().max() < 1e-9


@pytest.mark.parametrize("lam", [0.0, 1e-3, 0.3, 100.0, INFINITY])
def test_with_all_pulls_equal_it_is_one_lambda(world, lam):
    torch.testing.assert_close(solve(world, complete(world, lam)), closed_form.solve(world, lam), rtol=0, atol=1e-9)


def test_two_cliques_at_infinity_are_two_groups_pooled():
    world, near = two_centres(T=5, d=4, n=9)
    theta = solve(world, cliques(world, near))
    for k in (0, 1):
        members = np.flatnonzero(near == k)
        pooled = closed_form.solve(some(world, members), INFINITY)
        torch.testing.assert_close(theta[members], pooled, rtol=0, atol=1e-10)


def test_groups_with_no_pull_between_them_are_solved_apart():
    world, near = two_centres(T=5, d=4, n=9)
    theta = solve(world, cliques(world, near, 0.3))
    for k in (0, 1):
        members = np.flatnonzero(near == k)
        torch.testing.assert_close(theta[members], closed_form.solve(some(world, members), 0.3), rtol=0, atol=1e-9)


def test_without_pulls_every_task_is_alone_with_the_smallest_theta_that_fits():
    world, _ = two_centres(n=4)
    torch.testing.assert_close(solve(world, {}), closed_form.solve(world, 0.0), rtol=0, atol=1e-9)


@pytest.mark.parametrize("huge", [1e9, 1e18, 1e300])
def test_a_huge_pull_is_nearly_a_tie(world, huge):
    rest = {("task 1", "task 2"): 0.4, ("task 2", "task 3"): 0.1, ("task 4", "task 5"): 2.0}
    one, other = solve(world, [{**rest, ("task 3", "task 4"): λ} for λ in (huge, INFINITY)])
    torch.testing.assert_close(one, other, rtol=0, atol=1e-7)


def test_several_graphs_are_the_same_as_one_by_one_and_validation_chooses(world):
    graphs = [complete(world, 0.1), {("task 1", "task 5"): 3.0}, {}]
    together = solve(world, graphs)
    assert torch.equal(together, torch.stack([solve(world, graph) for graph in graphs]))
    best = closed_form.best_lambda(world, graphs, by=solve)
    assert best == graphs[int(errors(world, together, "validation").mean(-1).argmin())]


# --- a graph that is learnt ---


def test_what_is_learnt_is_what_it_says_and_what_soft_takes():
    world, _ = two_centres(T=4, d=3)
    found = learn_graph(world, strengths=[0.1])
    assert found.strength == 0.1
    assert (found.lam.to_numpy() == found.lam.to_numpy().T).all()
    torch.testing.assert_close(solve(world, found.pairs), found.theta, rtol=0, atol=1e-12)
    assert mtl.Soft(world.tasks, torch.nn.Sequential(torch.nn.Linear(3, 2)), lam=found.pairs).strengths["0"].any()


@pytest.mark.parametrize(("strength", "lam"), [(0.0, 0.0), (INFINITY, INFINITY)])
def test_at_its_ends_every_task_is_alone_or_all_are_one(world, strength, lam):
    torch.testing.assert_close(learn_graph(world, [strength]).theta, closed_form.solve(world, lam), rtol=0, atol=1e-9)


def test_each_turn_of_reweighting_lowers_the_objective(monkeypatch):
    world, _ = two_centres(seed=3)
    A, b = moments(world.train, world)
    first = closed_form.solve(world, 0.3)
    size = torch.pdist(first).square().mean()

    def value(theta):
        fit = objective(world, theta, {})
        return fit + 0.3 * size * (torch.pdist(theta).square() + 0.01 * size).log().sum()

    values, names = [value(first)], [task.name for task in world.tasks]
    for steps in (1, 2, 4, 8, 200):
        monkeypatch.setattr("mtl_lesson.linear.graph.MOST_STEPS", steps)
        graph = reweight(A, b, 0.3, 0.1)
        lam = {(names[i], names[j]): float(graph[i, j]) for i, j in itertools.combinations(range(8), 2)}
        values.append(value(solve(world, lam)))
    assert all(after < before for before, after in itertools.pairwise(values))


def within_against_between(found, near):
    """AUC of λ_ij as a score of whether i and j belong together."""
    rows, columns = np.triu_indices(len(near), 1)
    return roc_auc_score(near[rows] == near[columns], found.lam.to_numpy()[rows, columns])


def test_two_centres_are_found_and_to_know_them_helps():
    for seed in (0, 1):
        world, near = two_centres(seed)
        found = learn_graph(world, FEW)
        assert within_against_between(found, near) > 0.95
        one = closed_form.solve(world, closed_form.best_lambda(world, FEW))
        learnt, soft, alone, pooled = (
            errors(world, theta).mean()
            for theta in (found.theta, one, *(closed_form.solve(world, lam) for lam in (0.0, INFINITY)))
        )
        assert learnt < soft < min(alone, pooled)


def test_one_centre_is_one_group():
    world, _ = two_centres(seed=1, scatter=0.0, T=8)
    alike = some(world, [0, 2, 4, 6])
    found = learn_graph(alike, FEW)
    assert errors(alike, found.theta).mean() < 1.2 * errors(alike, closed_form.solve(alike, INFINITY)).mean()


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda world: solve(world, {("task 1", "task 9"): 1.0}), KeyError, "no task 'task 9'"),
        (lambda world: solve(world, {("task 1", "task 1"): 1.0}), ValueError, "towards itself"),
        (lambda world: solve(world, {("task 1", "task 2"): -1.0}), ValueError, "from 0 to ∞"),
        (lambda world: solve(world, {"task 1": 1.0}), TypeError, "graph of pulls"),
        (lambda world: solve(world, [0.1]), TypeError, "graph of pulls"),
        (lambda world: learn_graph(some(world, [0])), ValueError, "two tasks"),
        (lambda world: learn_graph(world, []), ValueError, "one strength"),
        (lambda world: learn_graph(world, [-1.0]), ValueError, "0 or more"),
        (lambda world: learn_graph(world, floor=0), ValueError, "floor must be"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_that_help(world, make, error, words):
    with pytest.raises(error, match=words):
        make(world)
