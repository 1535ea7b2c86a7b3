"""A graph network: messages go along ties and nowhere else; it is a trunk like any other. Messages between tasks: their
fixed point is what the graph of pulls solves for."""

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.linear import graph as pulls
from mtl_lesson.linear.closed_form import moments
from mtl_lesson.linear.messages import harmonic, pass_messages, propagate_labels
from mtl_lesson.nets.graph import graph, normalised
from mtl_lesson.sharing.pulls import solve_pulls

few = settings(max_examples=25, deadline=None)
FIT = {"epochs": 5, "lr": 0.01, "precision": "float64", "progress": False}
WAYS = {"hard": mtl.Hard, "separate": mtl.Separate, "soft": lambda *of: mtl.Soft(*of, lam=0.1)}


def close(one, other, atol=1e-9):
    torch.testing.assert_close(one, other, rtol=0, atol=atol)


@st.composite
def ties(draw, most=8):
    """A weighted graph, float64, maybe in several parts."""
    N, rng = draw(st.integers(2, most)), np.random.default_rng(draw(st.integers(0, 2**32)))
    upper = np.triu(rng.uniform(0.1, 2, (N, N)) * (rng.uniform(size=(N, N)) < 0.4), 1)
    return torch.tensor(upper + upper.T)


def everyone(N):
    return torch.arange(N)[:, None]


# --- the network ---------------------------------------------------------------------------------------------------


@few
@given(ties(), st.integers(1, 3))
def test_it_is_the_formula(A, rounds):
    network = graph(A, 3, rounds).double()
    D = torch.diag((A + torch.eye(len(A))).sum(1) ** -0.5)
    messages = D @ (A + torch.eye(len(A))) @ D
    h = torch.relu(messages @ network.own.weight)
    for linear in network.linears:
        h = torch.relu(messages @ (h @ linear.weight.T + linear.bias))
    x = torch.tensor([[1], [0], [1]])
    close(network(x), h[[1, 0, 1]])
    close(network(torch.tensor([[0, 1]])), h[:2].flatten()[None])


@few
@given(ties(), st.randoms())
def test_who_is_called_by_another_number_is_answered_the_same(A, random):
    order = torch.tensor(random.sample(range(len(A)), len(A)))
    one, other = graph(A, 3).double(), graph(A[order][:, order], 3).double()
    other.load_state_dict(one.state_dict() | {"messages": other.messages, "own.weight": one.own.weight[order]})
    close(other(everyone(len(A))), one(everyone(len(A)))[order])


@few
@given(ties(), st.integers(1, 3))
def test_a_node_hears_of_those_so_many_rounds_away_and_of_no_other(A, rounds):
    network = graph(A, 3, rounds).double()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()  # so that no ReLU keeps a message back
    reach = torch.linalg.matrix_power((A > 0).double() + torch.eye(len(A)), rounds) > 0
    for node in range(len(A)):
        network.zero_grad()
        network(torch.tensor([[node]])).sum().backward()
        assert torch.equal(network.own.weight.grad.abs().sum(1) > 0, reach[node])


def test_without_ties_it_is_a_network_on_each_node_alone():
    network = graph(torch.zeros(5, 5), 3).double()
    alone = nn.Sequential(network.own, nn.Flatten(), nn.ReLU(), network.linears[0], nn.ReLU())
    close(network(everyone(5)), alone(everyone(5)))
    world = mtl.data.club()
    model = mtl.Hard(world, graph(0 * world.ties))
    run = mtl.fit(model, world, **FIT)
    before, after = (one.trunk["trunk"].of(0, 0)["own.weight"] for one in (model.like((0,)), run.model))
    moved = (before.double() != after).any(1).nonzero().flatten()
    assert set(moved.tolist()) <= set(world.train.x[:, 0].tolist())
    assert len(moved)


def test_messages_teach_the_members_that_nobody_labelled():
    world = mtl.data.club()
    model = mtl.Hard(world, graph(world.ties))
    run = mtl.fit(model, world, **FIT)
    before, after = (one.trunk["trunk"].of(0, 0)["own.weight"] for one in (model.like((0,)), run.model))
    assert (before.double() != after).any(1).sum() > 20


def test_the_ties_are_no_weights_and_never_change():
    world = mtl.data.club()
    model = mtl.Hard(world, graph(world.ties, 8))
    assert model.size() == 34 * 8 + 8 * 8 + 8 + (2 + 4) * 9
    run = mtl.fit(model, world, **FIT)
    close(run.model.trunk["trunk"].of(0, 0)["messages"].float(), normalised(world.ties), 0)


# --- a trunk like any other ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_one_copy_computes_what_the_plain_module_computes(way):
    world = mtl.data.club()
    run = mtl.fit(way(world, graph(world.ties)), world, **FIT)
    for name, answers in run.model(world.members.x).items():
        close(answers, run.model.plain(name)(world.members.x))


@pytest.mark.parametrize("way", [mtl.Hard, mtl.Separate])
def test_a_sweep_is_a_loop_of_fits(way):
    path = mtl.sweep(way, mtl.data.club, trunk=graph(mtl.data.club().ties), seeds=range(3), **FIT)
    for seed in range(3):
        world = mtl.data.club(seed=seed)
        run = mtl.fit(way(world, graph(world.ties)), world, seed=seed, **FIT)
        its = path.run(seed=seed)
        assert its.scores == run.scores
        x = world.members.x
        for name, answers in run.model(x).items():
            close(its.model(x)[name], answers)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (torch.zeros(2, 3), r"\(N, N\).*not \(2, 3\)"),
        ([[0]], "not list"),
        (torch.tensor([[0.0, 1.0], [0.0, 0.0]]), "must be symmetric"),
        (torch.tensor([[0.0, -1.0], [-1.0, 0.0]]), "0 or more"),
        (torch.full((2, 2), torch.nan), "finite"),
        (torch.eye(2), "no tie with itself"),
    ],
)
def test_ties_that_are_none_are_refused(given, words):
    with pytest.raises(ValueError, match=words):
        graph(given)


def test_sizes_that_are_none_are_refused():
    with pytest.raises(ValueError, match="width must be 1 or more"):
        graph(torch.zeros(2, 2), 0)
    with pytest.raises(TypeError, match="rounds must be a whole number"):
        graph(torch.zeros(2, 2), rounds=1.5)


def test_whole_numbers_and_yes_or_no_are_ties_too():
    A = torch.tensor([[0, 1], [1, 0]])
    for kind in (A, A.bool()):
        assert torch.equal(normalised(kind), normalised(A.float()))


# --- messages between tasks ----------------------------------------------------------------------------------------


@few
@given(ties(), st.integers(0, 1000))
def test_a_round_of_messages_is_a_gradient_step_on_the_pulls(λ, seed):
    theta = torch.randn(len(λ), 3, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    θ = theta.clone().requires_grad_()
    penalty = sum(λ[i, j] * (θ[i] - θ[j]).square().sum() for i, j in itertools.combinations(range(len(λ)), 2))
    penalty = penalty + 0 * θ.sum()
    penalty.backward()
    close(pass_messages(theta, λ, 0.1), theta - 0.1 / 2 * θ.grad)


@few
@given(ties(), st.integers(0, 1000))
def test_messages_and_a_hold_on_oneself_come_to_the_exact_step_of_soft(λ, seed):
    """min ½ Σ_t ‖θ_t − z_t‖²_p + lr Σ_{i<j} λ_ij ‖θ_i − θ_j‖², which Soft solves after each step of its optimiser."""
    draw, lr = torch.Generator().manual_seed(seed), 0.3
    z, p = torch.randn(len(λ), 2, generator=draw).double(), torch.rand(len(λ), 2, generator=draw).double() + 0.5
    rate = 1 / (p.max() + 4 * lr * λ.sum(1).max())
    θ = z
    for _ in range(2000):
        θ = pass_messages(θ, 2 * lr * λ, rate) + rate * p * (z - θ)
    close(θ, solve_pulls(z[None], p[None], λ[None], lr)[0])


@pytest.mark.parametrize("seed", [0, 1])
def test_messages_between_tasks_that_learn_come_to_the_graph_of_pulls(seed):
    world = mtl.data.planted(T=5, d=3, n=12, seed=seed)
    names = [task.name for task in world.tasks]
    lam = {(names[0], names[1]): 0.5, (names[1], names[2]): 0.1, (names[3], names[4]): 2.0}
    (A, b), λ = moments(world.train, world), pulls.strengths_between(world.tasks, lam)
    θ, rate = torch.zeros_like(b), 0.5 / float(torch.linalg.matrix_norm(A, 2).max() + 2 * λ.sum(1).max())
    for _ in range(5000):
        θ = pass_messages(θ, λ, rate) + rate * (b - (A @ θ[..., None])[..., 0])
    close(θ, pulls.solve(world, lam))


@few
@given(ties(), st.integers(0, 1000))
def test_messages_with_the_known_held_come_to_the_harmonic_function(A, seed):
    draw = torch.Generator().manual_seed(seed)
    known = torch.rand(len(A), generator=draw) < 0.4
    values = torch.randn(len(A), 2, generator=draw).double()
    f = torch.where(known[:, None], values, 0)
    for _ in range(20_000):
        new = torch.where(known[:, None], values, pass_messages(f, A, 1 / float(A.sum(1).max().clamp(min=1))))
        f, moved = new, (new - f).abs().max()
        if moved < 1e-13:
            break
    close(harmonic(A, known, values), f, 1e-6)


def test_label_propagation_keeps_the_labels_and_adds_up_to_one():
    world = mtl.data.hide_labels(mtl.data.club(8), "circle", 4)
    for name, f in propagate_labels(world).items():
        labels = world.train.labels[name]
        there = labels >= 0
        assert torch.equal(f[world.train.x[there, 0]].argmax(1), labels[there])
        close(f.sum(1), torch.ones(34, dtype=torch.float64))
        assert (f >= -1e-12).all()
        for member in world.train.x[~there, 0]:  # in training, but this task has no label of it
            close(f[member], f[world.ties[member] > 0].mean(0))
