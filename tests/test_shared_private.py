"""Shared and private parts: what the penalty measures, that it cannot be cheated, and what it does."""

import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.sharing.shared_private import overlap

TASKS = (mtl.Binary("ana"), mtl.Regression("bo"))


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def trunk():
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5))


def world(n=64):
    x = draw(n, 4).float()
    split = Split(x, {"ana": (x[:, 0] > 0).long(), "bo": x[:, 1] + x[:, 2] ** 2})
    return World("tiny", TASKS, split, split, split)


def test_the_overlap_is_the_mean_squared_correlation():
    s, p = draw(50, 3), draw(50, 4, seed=1)
    table = torch.corrcoef(torch.cat([s, p], 1).T)[:3, 3:]
    torch.testing.assert_close(overlap(s, p), table.square().mean())


def test_its_two_ends():
    s = draw(50, 3)
    basis = torch.linalg.qr(torch.cat([torch.ones(50, 1, dtype=s.dtype), s, draw(50, 4, seed=1)], 1))[0]
    assert overlap(s, basis[:, 4:]) < 1e-25  # at right angles to s and to the constant
    one = s[:, :1]
    torch.testing.assert_close(overlap(one, torch.cat([2 * one + 1, -one], 1)), torch.ones((), dtype=s.dtype))


@pytest.mark.parametrize(
    "change",
    [
        lambda p: 1e-4 * p,
        lambda p: 100 * p,
        lambda p: p + 7,
        lambda p: torch.cat([p, torch.zeros(50, 3)], 1),
        lambda p: torch.cat([p, torch.ones(50, 3)], 1),
    ],
)
def test_it_cannot_be_met_by_shrinking_shifting_or_dying(change):
    """Nor is it raised by what carries nothing."""
    s, p = draw(50, 3), draw(50, 4, seed=1)
    torch.testing.assert_close(overlap(s, change(p)), overlap(s, p))


def test_features_that_are_never_active_together_are_not_called_independent():
    h = draw(200, 1)
    assert overlap(h.clamp(min=0), (-h).clamp(min=0)) > 0.1


def test_independent_features_overlap_by_one_over_n_minus_1():
    s, p = draw(400, 31, 20), draw(400, 31, 20, seed=1)
    assert overlap(s, p).mean().item() == pytest.approx(1 / 30, rel=0.03)


def test_dead_features_have_a_gradient_and_it_is_a_number():
    s = draw(20, 3).requires_grad_()
    dead = torch.zeros(20, 2, dtype=torch.float64, requires_grad=True)
    total = overlap(s, dead) + overlap(s, torch.cat([dead, draw(20, 1, seed=1)], 1))
    total.backward()
    assert torch.isfinite(s.grad).all()
    assert torch.isfinite(dead.grad).all()
    assert overlap(s.detach(), dead.detach()) == 0


def test_copies_are_measured_one_by_one():
    s, p = draw(2, 50, 3), draw(2, 50, 4, seed=1)
    torch.testing.assert_close(overlap(s, p), torch.stack([overlap(*pair) for pair in zip(s, p, strict=True)]))


def test_the_parts_are_the_two_trunks():
    """The shared half of h is the same for all tasks, the private halves start equal, the two do not."""
    model = mtl.SharedPrivate(TASKS, trunk(), private=mtl.nets.linear(4, 2))
    h = model.features(world().train.x)
    assert h["ana"].shape == (64, 7)
    assert torch.equal(h["ana"], h["bo"])
    model = mtl.SharedPrivate(TASKS, trunk())
    shared, private = model.parts(model.features(world().train.x)["ana"])
    assert not torch.allclose(shared, private)
    run = mtl.fit(model, world(), epochs=3, batch_size=16, progress=False)
    h = run.model.features(world().train.x)
    parts = {name: run.model.parts(value) for name, value in h.items()}
    assert torch.equal(parts["ana"][0], parts["bo"][0])
    assert not torch.allclose(parts["ana"][1], parts["bo"][1])


def test_who_owns_what():
    model = mtl.SharedPrivate(TASKS, trunk())
    sizes = [6 * 5, 5 * 7]  # weights and biases of the two layers
    assert sum(value[0].numel() for value in model.shared_parameters().values()) == sum(sizes)
    assert sum(value[0].numel() for value in model.specific_parameters("bo").values()) == sum(sizes) + 11
    assert model.size() == 3 * sum(sizes) + 2 * 11


def test_a_model_survives_copying():
    pair = mtl.SharedPrivate(TASKS, trunk(), gamma=[0.0, 2.0], private=mtl.nets.linear(4, 2), seeds=(0, 1))
    one = pair.copy(1)
    assert one.gamma == 2.0
    x = world().train.x
    for name, y in one(x).items():
        torch.testing.assert_close(y, pair(x)[name][1])
        torch.testing.assert_close(y, one.plain(name)(x))


def test_more_gamma_less_overlap():
    """What the penalty is for, in the network that is trained: on the mean of five seeds."""
    sweep = mtl.sweep(
        mtl.SharedPrivate,
        world(),
        trunk=trunk(),
        gamma=[0.0, 10.0],
        seeds=range(5),
        epochs=30,
        batch_size=32,
        lr=0.01,
        progress=False,
    )

    def mean(gamma):
        models = [run.model for (g, _), run in sweep.runs.items() if g == gamma]
        return sum(
            overlap(*model.parts(h)).item() for model in models for h in model.features(world().test.x).values()
        ) / len(models)

    assert mean(10.0) < 0.5 * mean(0.0)


@pytest.mark.parametrize(
    ("gamma", "words"),
    [
        (-1, "0 or more"),
        (float("nan"), "nan"),
        (float("inf"), "finite"),
        ("much", "much"),
        ([1.0, 2.0], "1 copies and 2"),
    ],
)
def test_a_gamma_that_makes_no_sense_is_refused(gamma, words):
    with pytest.raises(ValueError, match=words):
        mtl.SharedPrivate(TASKS, trunk(), gamma=gamma)
