"""A λ that is learnt follows the derivative of the exact step, its limit is Soft, and no copy hears of another."""

import copy
import itertools
import math

import pytest
import torch
from every_way import TASKS, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from test_annealed import FIT, INFINITY, STEPS, WORLD, fit, trunk, weights
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.sharing.learnt import slope, slope_of
from mtl_lesson.sharing.soft import joined, pull_together, solve_pull, tied
from mtl_lesson.training.loop import OPTIMISERS

# --- the derivative -------------------------------------------------------------------------------------------------


def drawn(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@given(
    T=st.integers(1, 5),
    seed=st.integers(0, 10**6),
    lams=st.lists(st.floats(-8, 8), min_size=1, max_size=3),
    spread=st.floats(0, 4),
)
@settings(max_examples=60, deadline=None)
def test_the_derivative_is_a_numerical_one(T, seed, lams, spread):
    """Central differences of the exact step in log λ, for any λ (10^±8) and metric p (over many orders)."""
    C, h = len(lams), 1e-4
    z, p, lr = drawn(seed, C, T, 2, 3), torch.exp(spread * drawn(seed + 1, C, T, 2, 3)), 0.01
    λ = 10.0 ** torch.tensor(lams, dtype=torch.float64)
    above, below = (pull_together(z, p.clone(), λ * math.exp(by), lr) for by in (h, -h))
    found = slope(z, p, lr, λ)
    torch.testing.assert_close(found, (above - below) / (2 * h), rtol=1e-5, atol=1e-8)
    if T == 1:
        assert not found.any()


@pytest.mark.parametrize("λ", [0.0, INFINITY])
def test_at_the_ends_nothing_moves(λ):
    z, p = drawn(0, 2, 3, 4).float(), torch.exp(drawn(1, 2, 3, 4)).float()
    assert torch.equal(slope(z, p, 0.01, torch.full((2,), λ)), torch.zeros_like(z))
    assert slope(z, p, 0.01, torch.full((2,), 1e12)).any()  # but a λ that is large still does


@given(seed=st.integers(0, 10**6), lam=st.floats(1e-3, 100))
@settings(max_examples=20, deadline=None)
def test_equal_weights_move_with_no_lambda(seed, lam):
    z = drawn(seed, 1, 1, 6).float().expand(1, 3, 6)
    found = slope(z, torch.exp(drawn(seed + 1, 1, 3, 6)).float(), 0.01, torch.tensor([lam]))
    assert torch.equal(found, torch.zeros_like(z))  # exactly: the sign of a rounding error would count in full


@pytest.mark.parametrize("optimiser", ["adam", "sgd", "momentum"])
@pytest.mark.parametrize("tie", ["trunk", "all"])
def test_the_sign_is_that_of_how_the_next_loss_changes(optimiser, tie):
    """Steps by hand on batches of noise: after each, the loss of the next batch at λ·e^±h, by solving the pull again;
    λ goes where it is less."""
    tasks = tuple(mtl.Regression(name) for name in ("a", "b", "c"))
    data, h, rate = noise(tasks, (5,), False, 60), 1e-4, 0.3
    model = mtl.Learnt(tasks, trunk(), lam=0.5, rate=rate, tie=tie, seeds=(1, 2)).double()
    steps = OPTIMISERS[optimiser](model.parameters(), lr=0.01)
    batches = list(
        zip(data.train.x.double().split(10), *(y.split(10) for y in data.train.labels.values()), strict=True)
    )

    def losses(batch):
        answers = model(batch[0])
        pairs = zip(tasks, batch[1:], strict=True)
        return sum(task.loss(answers[task.name], y.double().expand(2, -1)) for task, y in pairs)

    def lost_at(by, z, batch):
        with torch.no_grad():
            for (_, parts), old in zip(tied(model), z, strict=True):
                for part, value in zip(parts, old, strict=True):
                    part.copy_(value)
                solve_pull(steps, parts, before * math.exp(by))
            return losses(batch)

    asked = []
    for now, after in itertools.pairwise(batches):
        steps.zero_grad()
        losses(now).sum().backward()
        steps.step()
        z = [[part.detach().clone() for part in parts] for _, parts in tied(model)]
        model.pull(steps)
        before = model.λ
        change = lost_at(h, z, after) - lost_at(-h, z, after)
        lost_at(0, z, after)
        steps.zero_grad()
        losses(after).sum().backward()
        there = copy.deepcopy(model)
        for mine, its in zip(there.parameters(), model.parameters(), strict=True):
            mine.grad = its.grad
        there.learn()
        torch.testing.assert_close(there.λ, before * torch.exp(-rate * change.sign()))
        asked += change.sign().flatten().tolist()
    assert set(asked) == {1.0, -1.0}


# --- its limit, and what is kept -------------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd", "momentum"])
@pytest.mark.parametrize("tie", ["trunk", "all"])
def test_at_a_rate_of_0_it_is_soft_bit_for_bit(precision, optimiser, tie):
    tasks = TASKS if tie == "trunk" else tuple(mtl.Regression(name) for name in "abc")
    world, options = noise(tasks, (5,), False, 24), FIT | {"precision": precision, "optimiser": optimiser}
    learnt = mtl.fit(mtl.Learnt(tasks, trunk(), lam=0.3, rate=0, tie=tie), world, **options).model
    soft = mtl.fit(mtl.Soft(tasks, trunk(), lam=0.3, tie=tie), world, **options).model
    assert torch.equal(weights(learnt), weights(soft))
    assert torch.equal(learnt.strengths["0"].double(), torch.tensor([0.3], dtype=learnt.λ.dtype).double())
    other = mtl.fit(mtl.Learnt(tasks, trunk(), lam=0.3, rate=0.3, tie=tie), world, **options).model
    assert not torch.equal(weights(other), weights(soft))


def test_the_path_tells_of_each_step():
    model = fit(mtl.Learnt(TASKS, trunk(), lam=0.3, rate=0.2)).model
    assert model.path.shape == (STEPS, 1)
    assert model.path[0] == 0.3  # the first step has no step before it
    steps = model.path.log().diff(dim=0).abs()
    torch.testing.assert_close(steps, torch.full_like(steps, 0.2))
    assert torch.equal(model.path[-1], model.λ)
    assert all(torch.equal(λ, model.λ) for λ in model.strengths.values())
    assert list(model.strengths) == ["0", "2"]
    assert mtl.Learnt(TASKS, trunk(), seeds=(0, 1)).path.shape == (0, 2)


def test_copies_have_each_their_own():
    asked = {"lam": [0.1, 1.0], "rate": [0.0, 0.1, 0.4]}
    sweep = mtl.sweep(mtl.Learnt, WORLD, trunk=trunk(), seeds=[3, 4], **asked, **FIT)
    assert len(sweep.runs) == 12
    for (lam, rate, seed), run in sweep.runs.items():
        alone = fit(mtl.Learnt(TASKS, trunk(), lam=lam, rate=rate), seed=seed).model
        torch.testing.assert_close(weights(run.model), weights(alone), rtol=0, atol=1e-8)
        torch.testing.assert_close(run.model.path, alone.path)
        torch.testing.assert_close(run.model.penalty(), alone.penalty(), rtol=1e-6, atol=1e-12)
        assert (run.model.lam, run.model.rate) == (lam, rate)


def test_a_copy_that_diverged_is_pulled_no_more_and_the_other_goes_on():
    """Seed 1 alone, and beside seed 0, whose examples are no numbers."""

    def draw(seed):
        world = noise(TASKS, (5,), False, 24)
        if seed == 0:
            world.train.x[5] = math.nan
        return world

    options = FIT | {"lam": 0.3, "rate": 0.2}
    with pytest.warns(mtl.TrainingDiverged):
        both = mtl.sweep(mtl.Learnt, draw, trunk=trunk(), seeds=[0, 1], **options)
    alone = mtl.sweep(mtl.Learnt, draw, trunk=trunk(), seeds=[1], **options).run(seed=1).model
    torch.testing.assert_close(weights(both.run(seed=1).model), weights(alone), rtol=0, atol=1e-8)
    torch.testing.assert_close(both.run(seed=1).model.path, alone.path)
    model = both.run(seed=0).model
    assert weights(model).isfinite().all()
    assert model.path.isfinite().all()
    assert model.λ == 0.3  # as it was at the last good epoch, which is the beginning
    assert not model.path[3:].any()  # it rests from its second epoch on


def test_release_is_of_one_copy():
    model = mtl.Learnt(TASKS, trunk(), lam=[0.3, 0.5], seeds=(0, 1))
    model.release(1)
    assert model.strengths["0"].tolist() == pytest.approx([0.3, 0])


def test_what_is_kept_comes_back(tmp_path):
    """In a copy, in a state that is loaded, and in the folder of a sweep."""
    options = {"trunk": trunk(), "seeds": [3], "lam": 0.3, "rate": 0.2, "folder": tmp_path} | FIT
    first, again = (mtl.sweep(mtl.Learnt, WORLD, **options).run(seed=3).model for _ in range(2))
    fresh = mtl.Learnt(TASKS, trunk(), lam=0.3, rate=0.2).double()
    fresh.load_state_dict(first.state_dict())
    for model in (again, fresh, copy.deepcopy(first), first.copy(0)):
        assert torch.equal(model.path, first.path)
        assert torch.equal(model.λ, first.λ)
        assert torch.equal(weights(model), weights(first))
    assert first.path.shape == (STEPS, 1)
    assert len(list(tmp_path.glob("*.pt"))) == 1


def test_to_go_on_begins_where_lambda_is():
    first = fit(mtl.Learnt(TASKS, trunk(), lam=0.3, rate=0.2)).model
    more = fit(first, go_on=True).model
    assert torch.equal(more.path[0], first.λ)
    assert more.path.shape == (STEPS, 1)
    assert first.λ != 0.3
    afresh = fit(first).model
    assert torch.equal(afresh.path, first.path)


# --- what does not learn ---------------------------------------------------------------------------------------------


def test_what_is_frozen_and_what_no_answer_needs_has_no_say():
    frozen = trunk()
    frozen[0].requires_grad_(False)
    model = fit(mtl.Learnt(TASKS, frozen, lam=0.3, rate=0.2)).model
    assert (model.path.log().diff(dim=0).abs() > 0.1).all()
    assert torch.equal(model.trunk["0"].values(0)["weight"], model.trunk["0"].values(1)["weight"])
    for layer in frozen:
        layer.requires_grad_(False)
    assert fit(mtl.Learnt(TASKS, frozen, lam=0.3, rate=0.2)).model.path.unique() == pytest.approx([0.3])

    class Idle(nn.Module):
        def __init__(self):
            super().__init__()
            self.used, self.idle = nn.Linear(4, 3), nn.Linear(4, 3)

        def forward(self, x):
            return self.used(x)

    for optimiser in ("adam", "sgd"):
        idle = nn.Sequential(nn.Linear(5, 4), nn.Tanh(), Idle())
        model = fit(mtl.Learnt(TASKS, idle, lam=0.3, rate=0.2, features=3), optimiser=optimiser).model
        assert (model.path.log().diff(dim=0).abs() > 0.1).all()


def test_one_task_learns_no_lambda():
    one = TASKS[:1]
    model = mtl.fit(mtl.Learnt(one, trunk(), lam=0.3, rate=0.2), noise(one, (5,), False, 24), **FIT).model
    assert model.path.unique() == pytest.approx([0.3])


def test_a_trunk_without_a_gradient_is_not_differentiated_with_adam():
    model = mtl.Learnt(TASKS, trunk(), lam=0.3)
    for _, parts in tied(model):
        assert slope_of(torch.optim.Adam(model.parameters()), parts, model.λ) is None
        assert slope_of(torch.optim.SGD(model.parameters(), lr=0.1), parts, model.λ).shape == joined(parts).shape


# --- where λ goes ----------------------------------------------------------------------------------------------------


def linear_world(seed, n, noise, apart):
    """Six linear tasks, y = xᵀ(θ + apart·v_t) + noise, of n examples each in 8 dimensions."""
    draw = torch.Generator().manual_seed(seed)
    tasks = tuple(mtl.Regression(f"task {t}") for t in range(6))
    θ, v = torch.randn(8, generator=draw), torch.randn(6, 8, generator=draw)

    def split(size):
        x = {task.name: torch.randn(size, 8, generator=draw) for task in tasks}
        of = {task.name: x[task.name] @ (θ + apart * v[t]) for t, task in enumerate(tasks)}
        return mtl.data.Split(x, {name: y + noise * torch.randn(size, generator=draw) for name, y in of.items()})

    return mtl.data.World("linear", tasks, split(n), split(20), split(20))


def grown(seed, *, lam=0.01, rate=0.05, lr=0.01, optimiser="adam", epochs=1, batch_size=8, **world):
    """log₁₀ of λ's last value over its first, of linear models that are their heads: a trunk below them would have to
    differ between equal tasks, as their heads do, which are drawn for each."""
    world = linear_world(seed, **world)
    model = mtl.Learnt(world.tasks, nn.Flatten(), features=8, lam=lam, rate=rate, tie="all")
    options = {"lr": lr, "optimiser": optimiser, "epochs": epochs, "batch_size": batch_size, "seed": seed}
    path = mtl.fit(model, world, progress=False, validate=False, **options).model.path
    return float(torch.log10(path[-1] / path[0]))


@given(seed=st.integers(0, 10**6), lam=st.floats(1e-3, 0.01), optimiser=st.sampled_from(["adam", "sgd"]))
@settings(max_examples=6, deadline=None)
def test_lambda_grows_where_tasks_are_equal_and_falls_where_they_differ(seed, lam, optimiser):
    """In one pass, so that each batch is new: more than twofold up, more than a hundredfold down."""
    many = {"lam": lam, "optimiser": optimiser, "n": 1600}
    assert grown(seed, noise=2.0, apart=0.0, **many) > 0.3
    assert grown(seed, noise=1.0, apart=2.0, **many) < -2


@given(seed=st.integers(0, 10**6))
@settings(max_examples=6, deadline=None)
def test_batches_that_come_again_make_lambda_fall_though_the_tasks_are_equal(seed):
    """The pitfall that the docstring tells of: sixteen examples again and again, and as many steps as above."""
    assert grown(seed, n=16, noise=2.0, apart=0.0, epochs=100) < -1


# --- what makes no sense ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"lam": 0}, ValueError, "begin with a finite λ above 0"),
        ({"lam": INFINITY}, ValueError, "begin with a finite λ above 0"),
        ({"lam": [0.1, 0.0], "seeds": (0, 1)}, ValueError, "begin with a finite λ above 0"),
        ({"lam": [0.1, INFINITY], "seeds": (0, 1)}, ValueError, "begin with a finite λ above 0"),
        ({"lam": {"0": 0.1}}, ValueError, "take one number to begin with, or Soft"),
        ({"lam": {("kind", "yes"): 0.1}}, ValueError, "take one number to begin with, or Soft"),
        ({"lam": [0.1, {("kind", "yes"): 0.1}], "seeds": (0, 1)}, ValueError, "take one number to begin with, or Soft"),
        ({"lam": [0.1, 0.2]}, ValueError, "1 copies and 2 values of λ"),
        ({"lam": -1}, ValueError, "λ must be a number from 0"),
        ({"lam": math.nan}, ValueError, "λ must be a number from 0"),
        ({"lam": "much"}, ValueError, "λ must be a number from 0"),
        ({"exact": False}, ValueError, "leave exact=True, or take Soft"),
        ({"rate": -0.1}, ValueError, "rate must be 0 or more"),
        ({"rate": INFINITY}, ValueError, "rate must be 0 or more"),
        ({"rate": math.nan}, ValueError, "rate must be 0 or more"),
        ({"rate": "fast"}, TypeError, "rate must be a number"),
        ({"rate": True}, TypeError, "rate must be a number"),
        ({"rate": [0.1, 0.2]}, ValueError, "1 copies and 2 values of rate"),
    ],
    ids=str,
)
def test_what_makes_no_sense_is_refused_in_words(options, error, text):
    with pytest.raises(error, match=text):
        mtl.Learnt(TASKS, trunk(), **options)
