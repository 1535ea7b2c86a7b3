"""A graph of pulls: the exact step is the minimiser for any graph, and its limits are the ways of sharing one knows."""

import functools
import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import lstsq
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.sharing import Pooled, Separate, Soft
from mtl_lesson.sharing.pulls import pulled, solve_pulls
from mtl_lesson.training import feed as feeds
from mtl_lesson.training import loop

INFINITY = float("inf")
NAMES = ("ana", "bo", "chidi", "dora")
TASKS = tuple(mtl.Binary(name) for name in NAMES)
PAIRS = list(itertools.combinations(NAMES, 2))
CLIQUES = {("ana", "bo"): INFINITY, ("dora", "chidi"): INFINITY}
SGD, HEAVY = functools.partial(torch.optim.SGD, lr=0.05), functools.partial(torch.optim.SGD, lr=0.05, momentum=0.9)
ADAM = functools.partial(torch.optim.Adam, lr=0.01)
OPTIMISERS = pytest.mark.parametrize("optimiser", [SGD, HEAVY, ADAM], ids=["sgd", "heavy ball", "adam"])


def trunk():
    return nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3), nn.ReLU())


@functools.cache
def world(n=16):
    draw = torch.Generator().manual_seed(0)
    x = {name: torch.randn(n, 4, generator=draw) for name in NAMES}
    labels = {name: (value.sum(1) + k * value[:, 0] > 0).long() for k, (name, value) in enumerate(x.items())}
    split = Split(x, labels)
    return World("tiny", TASKS, split, split, split)


def trained(model, optimiser, steps=6, watch=None):
    model = model.double()
    feed = feeds.Feed([world().train], model.tasks, "cpu", torch.float64)
    stepper = optimiser(model.parameters())
    for batch in itertools.islice(itertools.cycle(feed.in_order(8)), steps):
        loop.step(model, stepper, batch, "float64")
        if watch:
            watch(model)
    return model


def weights(model):
    """The trunk's weights, (C, T, numbers)."""
    parts = [p for name in model.trunk.plan for p in model.trunk[name].parameters()]
    return torch.cat([p.detach().flatten(2) for p in parts], 2)


def same(one, other, atol=1e-10):
    torch.testing.assert_close(weights(one), weights(other), rtol=0, atol=atol)


# --- the step ---


@st.composite
def problems(draw):
    """z, p (copies, T, weights), λ (copies, T, T) with zeros and ∞, and lr."""
    copies, T, n = draw(st.integers(1, 2)), draw(st.integers(1, 6)), draw(st.integers(1, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    z, p = rng.normal(size=(copies, T, n)), 10 ** rng.uniform(-2, 1, (copies, T, n))
    each = [0.0, 1e-3, 0.1, 1.0, 7.0, INFINITY]
    λ = np.zeros((copies, T, T))
    for i, j in itertools.combinations(range(T), 2):
        for copy in range(copies):
            λ[copy, i, j] = λ[copy, j, i] = draw(st.sampled_from(each))
    return (*map(torch.tensor, (z, p, λ)), draw(st.sampled_from([0.01, 0.3])))


def groups_of(λ):
    """Which tasks ∞ ties, found by walking: a number a task."""
    number = list(range(len(λ)))
    for i, j in itertools.product(range(len(λ)), repeat=2):
        if λ[i, j] == INFINITY:
            number = [number[i] if one == number[j] else one for one in number]
    return number


def minimiser(z, p, λ, lr):
    """For one weight of one copy, as a problem of least squares; what is tied is one unknown."""
    number = groups_of(λ)
    at = (np.array(number)[:, None] == sorted(set(number))).astype(float)
    pairs = [(i, j) for i, j in itertools.combinations(range(len(λ)), 2) if 0 < λ[i, j] < INFINITY]
    pulls = [np.sqrt(2 * lr * λ[i, j]) * (at[i] - at[j]) for i, j in pairs]
    rows = np.vstack([np.sqrt(p)[:, None] * at, *pulls])
    return at @ lstsq(rows, np.concatenate([np.sqrt(p) * z, np.zeros(len(pairs))]))[0]


@settings(max_examples=30, deadline=None)
@given(problems())
def test_the_step_is_what_a_numerical_minimiser_finds(problem):
    z, p, λ, lr = problem
    θ = solve_pulls(z, p, λ, lr)
    for copy, weight in itertools.product(range(z.shape[0]), range(z.shape[2])):
        wanted = minimiser(*(a[copy, :, weight].numpy() for a in (z, p)), λ[copy].numpy(), lr)
        np.testing.assert_allclose(θ[copy, :, weight].numpy(), wanted, rtol=0, atol=1e-8)


@settings(max_examples=60, deadline=None)
@given(problems())
def test_what_is_tied_is_equal_and_what_is_free_stays_bit_for_bit(problem):
    z, p, λ, lr = problem
    θ = solve_pulls(z, p, λ, lr)
    for copy, pulls in enumerate(λ):
        number = groups_of(pulls)
        for i, j in itertools.combinations(range(len(pulls)), 2):
            assert number[i] != number[j] or torch.equal(θ[copy, i], θ[copy, j])
        for free in (pulls.sum(1) == 0).nonzero().flatten():
            assert torch.equal(θ[copy, free], z[copy, free])


@pytest.mark.parametrize("huge", [1e12, 1e30, 1e300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_huge_pull_is_nearly_a_tie_and_the_others_keep_their_digits(huge, dtype):
    draw = torch.Generator().manual_seed(0)
    z, p = torch.randn(1, 4, 50, generator=draw, dtype=dtype), torch.rand(1, 4, 50, generator=draw, dtype=dtype) + 0.1
    λ = torch.zeros(1, 4, 4, dtype=torch.float64)
    for (i, j), value in {(0, 2): 1.0, (1, 2): 1.0, (2, 3): 0.5}.items():
        λ[:, i, j] = λ[:, j, i] = value
    found = []
    for value in (huge, INFINITY):
        λ[:, 0, 1] = λ[:, 1, 0] = value
        found.append(solve_pulls(z, p, λ.clone(), 0.1))
    torch.testing.assert_close(*found, rtol=0, atol=1e-6 if dtype == torch.float32 else 1e-11)


def test_many_weights_are_solved_in_pieces_as_one_by_one():
    draw = torch.Generator().manual_seed(0)
    z, p = torch.randn(2, 5, 30_000, generator=draw), torch.rand(2, 5, 30_000, generator=draw) + 0.1
    λ = torch.rand(5, 5, generator=draw, dtype=torch.float64).triu(1).repeat(2, 1, 1)
    λ = λ + λ.mT
    θ = solve_pulls(z, p, λ, 0.5)
    for some in (slice(0, 3), slice(-3, None)):
        assert torch.equal(θ[..., some], solve_pulls(z[..., some], p[..., some], λ, 0.5))


# --- the limits, in training ---


@OPTIMISERS
@pytest.mark.parametrize("tie", ["trunk", "all"])
@pytest.mark.parametrize("lam", [0.3, 50.0, INFINITY])
def test_all_pulls_equal_is_one_lambda(optimiser, tie, lam):
    graph = trained(Soft(TASKS, trunk(), lam=dict.fromkeys(PAIRS, lam), tie=tie), optimiser)
    one = trained(Soft(TASKS, trunk(), lam=lam, tie=tie), optimiser)
    same(graph, one)
    torch.testing.assert_close(graph.penalty(), one.penalty(), rtol=1e-9, atol=1e-12)


@OPTIMISERS
def test_pulls_of_nothing_are_separate_bit_for_bit(optimiser):
    graph = trained(Soft(TASKS, trunk(), lam={("ana", "bo"): 0.0}), optimiser)
    assert torch.equal(weights(graph), weights(trained(Separate(TASKS, trunk()), optimiser)))


@OPTIMISERS
def test_two_cliques_at_infinity_have_one_network_each_at_every_step(optimiser):
    def watch(model):
        ana, bo, chidi, dora = weights(model)[0]
        assert torch.equal(ana, bo)
        assert torch.equal(chidi, dora)
        assert not torch.equal(ana, dora)

    model = trained(Soft(TASKS, trunk(), lam=CLIQUES), optimiser, watch=lambda model: watch(model))
    for tasks in (TASKS[:2], TASKS[2:]):
        alone = trained(Soft(tasks, trunk(), lam=INFINITY), optimiser)
        own = weights(model)[:, [TASKS.index(task) for task in tasks]]
        torch.testing.assert_close(own, weights(alone), rtol=0, atol=1e-12)


def test_with_the_heads_tied_two_cliques_are_two_pooled_groups():
    model = trained(Soft(TASKS, trunk(), lam=CLIQUES, tie="all"), SGD)
    rate = functools.partial(torch.optim.SGD, lr=0.05 / 2)
    x = {name: value.double() for name, value in world().test.x.items()}
    for tasks in (TASKS[:2], TASKS[2:]):
        group = trained(Pooled(tasks, trunk()), rate)
        answers = group({task.name: x[task.name] for task in tasks})
        for name, y in answers.items():
            torch.testing.assert_close(model(x)[name], y, rtol=0, atol=1e-10)


@pytest.mark.parametrize(
    ("optimiser", "steps"),
    [
        (functools.partial(torch.optim.SGD, lr=0.2), 150),
        (functools.partial(torch.optim.SGD, lr=0.05, momentum=0.9), 400),
        (functools.partial(torch.optim.Adam, lr=0.03), 750),
    ],
    ids=["sgd", "heavy ball", "adam"],
)
def test_linear_models_are_trained_to_the_closed_form(optimiser, steps):
    draw = torch.Generator().manual_seed(1)
    tasks = tuple(mtl.Regression(name) for name in NAMES)
    x = {name: torch.randn(12, 3, generator=draw) for name in NAMES}
    y = {name: x[name] @ torch.randn(3, generator=draw) + 1 for name in NAMES}
    y["dora"][6:] = float("nan")
    constant = Split({name: torch.cat([torch.ones(12, 1), value], 1) for name, value in x.items()}, y)
    chain = {("ana", "bo"): 0.3, ("bo", "chidi"): 0.02, ("chidi", "dora"): INFINITY, ("ana", "dora"): 5.0}
    graphs = [chain, CLIQUES]
    wanted = mtl.linear.graph.solve(World("linear", tasks, constant, constant, constant), graphs)
    model = Soft(tasks, nn.Sequential(), features=3, lam=graphs, tie="all", seeds=(0,) * len(graphs)).double()
    stepper = optimiser(model.parameters())
    batch = next(feeds.Feed([Split(x, y)], tasks, "cpu", torch.float64).in_order(12))
    for _ in range(steps):
        loop.step(model, stepper, batch, "float64")
    for copy, theta in enumerate(wanted):
        for t, task in enumerate(tasks):
            head = model.plain(task.name, copy).head
            found = torch.cat([head.bias, head.weight[0]]).detach()
            torch.testing.assert_close(found, theta[t], rtol=0, atol=1e-6)


def test_the_penalty_is_the_sum_over_pairs():
    lams = [{("ana", "bo"): 0.3, ("dora", "bo"): 2.0}, 0.7, {"2": 5.0}]
    model = trained(Soft(TASKS, trunk(), lam=lams, seeds=(0, 1, 2)), SGD)

    def squares(copy, one, other, layers=("0", "2")):
        pairs = [model.plain(name, copy) for name in (one, other)]
        parts = [[p for layer in layers for p in plain.get_submodule(layer).parameters()] for plain in pairs]
        return sum((a - b).square().sum() for a, b in zip(*parts, strict=True))

    wanted = [
        0.3 * squares(0, "ana", "bo") + 2 * squares(0, "dora", "bo"),
        0.7 * sum(squares(1, *pair) for pair in PAIRS),
        5 * sum(squares(2, *pair, layers=["2"]) for pair in PAIRS),
    ]
    torch.testing.assert_close(model.penalty(), torch.stack(wanted))
    tied = Soft(TASKS, trunk(), lam=dict.fromkeys(PAIRS, INFINITY))
    assert trained(tied, SGD).penalty() == 0


def test_left_to_the_gradient_small_pulls_go_the_same_way():
    lam = {("ana", "bo"): 0.2, ("bo", "dora"): 0.1}
    slow = functools.partial(torch.optim.SGD, lr=1e-3)
    same(*(trained(Soft(TASKS, trunk(), lam=lam, exact=exact), slow) for exact in (True, False)), atol=1e-5)


# --- copies and sweeps ---


@OPTIMISERS
def test_copies_with_a_graph_each_are_the_models_one_by_one(optimiser):
    lams = [CLIQUES, {("bo", "dora"): 0.4}, 0.0, 3.0, {"0": INFINITY}]
    together = trained(Soft(TASKS, trunk(), lam=lams, seeds=(0,) * len(lams)), optimiser)
    for copy, lam in enumerate(lams):
        same(together.copy(copy), trained(Soft(TASKS, trunk(), lam=lam), optimiser))
        assert together.copy(copy).lam == lam


def test_a_copy_that_rests_is_pulled_no_more():
    model = trained(Soft(TASKS, trunk(), lam=[CLIQUES, CLIQUES], seeds=(0, 1)), SGD)
    model.release(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=torch.Generator().manual_seed(2)))
    before = weights(model)
    model.pull(SGD(model.parameters()))
    assert torch.equal(weights(model)[1], before[1])
    assert not torch.equal(weights(model)[0], before[0])


def test_a_sweep_over_graphs_has_a_row_each_and_finds_them_again_in_its_folder(tmp_path):
    lams = [{("ana", "bo"): 1.0}, {("ana", "chidi"): 1.0}, CLIQUES, 0.5]

    def go():
        return mtl.sweep(
            mtl.Soft, world(), trunk=trunk(), lam=lams, seeds=[0, 1], epochs=2, progress=False, folder=tmp_path
        )

    first, again = go(), go()
    assert len(first.table.lam.unique()) == len(lams)
    assert "ana – bo=1.0" in set(first.table.lam)
    assert first.table.equals(again.table)
    assert len(list(tmp_path.glob("*.pt"))) == 2 * len(lams)
    alone = mtl.fit(mtl.Soft(world().tasks, trunk(), lam=CLIQUES), world(), epochs=2, seed=1, progress=False)
    same(first.run(lam=CLIQUES, seed=1).model, alone.model, atol=1e-6)


# --- what makes no sense ---


@pytest.mark.parametrize(
    ("lam", "error", "words"),
    [
        ({("ana", "eve"): 1.0}, KeyError, "no task 'eve'; the tasks are ana, bo"),
        ({("ana", "ana"): 1.0}, ValueError, "'ana' cannot be pulled towards itself"),
        ({("ana", "bo"): 1.0, ("bo", "ana"): 1.0}, ValueError, "named twice"),
        ({("ana", "bo"): -1.0}, ValueError, "from 0 to ∞, not -1.0"),
        ({("ana", "bo"): float("nan")}, ValueError, "from 0 to ∞, not nan"),
        ({("ana", "bo"): "much"}, ValueError, "not 'much'"),
        ({("ana", "bo"): True}, ValueError, "not True"),
        ({("ana", "bo"): {"0": 1.0}}, ValueError, "from 0 to ∞"),
        ({("ana", "bo", "dora"): 1.0}, TypeError, "(task, task)"),
        ({("ana", "bo"): 1.0, "0": 1.0}, ValueError, "not both in one mapping"),
        ([{("ana", "bo"): 1.0}] * 2, ValueError, "1 copies and 2"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_that_help(lam, error, words):
    with pytest.raises(error, match=words.replace("(", r"\(").replace(")", r"\)")):
        Soft(TASKS, trunk(), lam=lam)


def test_no_gradient_follows_a_tie():
    with pytest.raises(ValueError, match="exact step"):
        Soft(TASKS, trunk(), lam=CLIQUES, exact=False)


def test_pulled_is_differentiable_and_zero_where_equal():
    θ = torch.ones(1, 3, 2, requires_grad=True)
    λ = torch.full((1, 3, 3), INFINITY)
    assert pulled(θ, λ).item() == 0
