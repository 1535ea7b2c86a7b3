"""Two linear tasks through one trunk: what autograd and SGD do, and the angle that must come."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.linear.descent import _first_weights, descend, tasks_at_angle

FEW = settings(max_examples=10, deadline=None)


@FEW
@given(st.floats(0, 180), st.integers(2, 12), st.floats(0.1, 5))
def test_tasks_have_the_angle_and_the_length_that_were_asked_for(angle, d, length):
    theta = tasks_at_angle(angle, d, length)
    assert theta.shape == (2, d)
    torch.testing.assert_close(theta.norm(dim=1), torch.full((2,), length, dtype=torch.float64))
    assert (theta[0] @ theta[1]).item() / length**2 == pytest.approx(math.cos(math.radians(angle)), abs=1e-12)


@FEW
@given(st.integers(0, 9), st.integers(1, 4), st.booleans())
def test_it_is_what_autograd_and_sgd_do(seed, width, other_inputs):
    """From the table of every step: the losses after it follow from the gradients before it."""
    world = mtl.data.planted(T=2, seed=seed, mismatch=9 if other_inputs else 1)
    sigma = world.covariance if other_inputs else torch.eye(10, dtype=torch.float64).expand(2, 10, 10)
    found = descend(world.theta, width, steps=6, lr=0.05, seed=seed, covariance=sigma if other_inputs else None)
    trunk = torch.tensor(np.random.default_rng([seed, 0]).standard_normal((width, 10)).T / 10**0.5, requires_grad=True)
    heads = np.random.default_rng([seed, 1]).standard_normal((width, 2)).T / width**0.5
    heads = torch.tensor(heads, requires_grad=True)
    descent = torch.optim.SGD([trunk, heads], lr=0.05)
    for row in found.itertuples():
        away = world.theta - heads @ trunk.T
        losses = 0.5 * torch.einsum("ti,tij,tj->t", away, sigma, away)
        one, two = (torch.autograd.grad(loss, trunk, retain_graph=True)[0].flatten() for loss in losses)
        wanted = [torch.cosine_similarity(one, two, dim=0), one.norm(), two.norm(), *losses]
        np.testing.assert_allclose(row[3:], torch.stack(wanted).detach(), rtol=1e-9)
        descent.zero_grad()
        losses.sum().backward()
        descent.step()


@FEW
@given(st.floats(15, 165), st.integers(0, 9))
def test_without_room_the_angle_comes_to_180_degrees_whatever_the_tasks(angle, seed):
    last = descend(tasks_at_angle(angle, length=2.0), width=1, steps=3000, every=100, seed=seed).iloc[-1]
    assert last.cosine == pytest.approx(-1, abs=1e-4)
    assert last.size_1 == pytest.approx(last.size_2, rel=1e-2)
    assert last.size_1 > 1e-3


@FEW
@given(st.floats(60, 120), st.integers(2, 5), st.integers(0, 9))
def test_with_room_both_gradients_vanish_and_no_angle_is_left(angle, width, seed):
    found = descend(tasks_at_angle(angle, length=2.0), width, steps=3000, every=10, seed=seed)
    last = found.iloc[-1]
    assert max(last.size_1, last.size_2, last.loss_1, last.loss_2) < 1e-8
    assert math.isnan(last.cosine)
    assert found.cosine.dropna().iloc[-1] > -0.9


def test_several_seeds_are_each_what_it_is_alone_and_every_thins_out():
    theta = tasks_at_angle(40)
    both = descend(theta, 2, steps=20, seed=[3, 8])
    for seed in (3, 8):
        alone = descend(theta, 2, steps=20, seed=seed)
        mine = both[both.seed == seed].reset_index(drop=True)
        np.testing.assert_allclose(mine, alone, rtol=1e-12)
        assert list(descend(theta, 2, steps=20, seed=seed, every=7).step) == [0, 7, 14, 20]


def test_a_wider_trunk_has_the_features_of_a_narrower_one():
    """At the start, where heads are as large as the width allows."""
    (narrow, few), (wide, many) = _first_weights(4, 10, 2), _first_weights(4, 10, 5)
    np.testing.assert_array_equal(wide[:, :2], narrow)
    np.testing.assert_allclose(many[:, :2] * 5**0.5, few * 2**0.5)


def test_what_makes_no_sense_is_refused():
    theta = tasks_at_angle(30)
    for wrong in (theta[:1], torch.ones(3, 10), theta[0], theta * math.nan):
        with pytest.raises(ValueError, match="two tasks"):
            descend(wrong, 1)
    with pytest.raises(ValueError, match=r"\(2, d, d\) with d = 10"):
        descend(theta, 1, covariance=torch.eye(10))
    with pytest.raises(ValueError, match=r"at lr = 5: lower lr"):
        descend(theta, 1, lr=5.0)
    with pytest.raises(ValueError, match="from 0 to 180 degrees"):
        tasks_at_angle(200)
    with pytest.raises(ValueError, match="d must be 2 or more"):
        tasks_at_angle(20, d=1)
    with pytest.raises(ValueError, match="width"):
        descend(theta, 0)
