"""The front of linear tasks in a narrow trunk: weights find some of it, and a smooth maximum the rest."""

import math

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mtl_lesson.linear.front import (
    balance,
    find_front,
    reached,
    smooth_maximum,
    trunk_losses,
    weighted_sum,
)

FEW = settings(max_examples=12, deadline=None)


def at_cosine(cosine, T=3, d=None):
    """T tasks of length 1, any two at ``cosine``, in d dimensions."""
    gram = torch.full((T, T), float(cosine), dtype=torch.float64).fill_diagonal_(1.0)
    theta = torch.zeros(T, d or T, dtype=torch.float64)
    theta[:, :T] = torch.linalg.cholesky(gram)
    return theta


@st.composite
def some_tasks(draw):
    """Two or three tasks in five dimensions, not nearly dependent."""
    seed, T = draw(st.integers(0, 10_000)), draw(st.sampled_from([2, 3]))
    theta = torch.randn(T, 5, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    values = torch.linalg.svdvals(theta)
    assume(values[-1] > 0.1 * values[0])
    return theta


def random_trunks(d, width, n=3000):
    noise = torch.randn(n, d, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return torch.linalg.qr(noise).Q


@FEW
@given(some_tasks(), st.data())
def test_the_least_loss_of_a_trunk_is_that_of_the_best_heads(theta, data):
    trunk = random_trunks(5, data.draw(st.integers(1, 4)), 1)[0]
    heads = torch.linalg.lstsq(trunk, theta.mT).solution
    wanted = 0.5 * (theta.mT - trunk @ heads).square().sum(0)
    torch.testing.assert_close(trunk_losses(theta, trunk), wanted)


@FEW
@given(some_tasks(), st.data())
def test_a_weighted_sum_is_least_and_never_dominated(theta, data):
    width = data.draw(st.integers(1, len(theta) - 1))
    w = torch.tensor(data.draw(st.lists(st.floats(0.05, 1), min_size=len(theta), max_size=len(theta)))).double()
    trunk = weighted_sum(theta, w, width)
    torch.testing.assert_close(trunk.mT @ trunk, torch.eye(width, dtype=torch.float64))
    mine, others = trunk_losses(theta, trunk), trunk_losses(theta, random_trunks(5, width))
    assert (others @ w >= mine @ w - 1e-12).all()
    assert not ((others <= mine).all(1) & (others < mine - 1e-12).any(1)).any()
    assert reached(theta, trunk)
    torch.testing.assert_close(balance(theta, trunk), w / w.sum(), rtol=0, atol=1e-6)


@FEW
@given(some_tasks(), st.integers(1, 2))
def test_nothing_dominates_the_front_and_it_misses_nothing_wide(theta, width):
    assume(width < len(theta))
    front = trunk_losses(theta, find_front(theta, width, points=600))
    for others in (trunk_losses(theta, random_trunks(5, width)), front):
        better = (others[None] < front[:, None] - 0.02 * theta.square().sum()).all(-1)
        assert not better.any()
    w = torch.rand(50, len(theta), generator=torch.Generator().manual_seed(0), dtype=torch.float64) + 0.05
    best = trunk_losses(theta, weighted_sum(theta, w, width))
    assert ((front @ w.T).amin(0) <= (best * w).sum(1) + 0.02 * theta.square().sum()).all()


@settings(max_examples=8, deadline=None)
@given(some_tasks(), st.floats(0.01, 0.3), st.data())
def test_a_smooth_maximum_lies_within_its_smoothing_of_the_minimax(theta, mu, data):
    w = torch.tensor(data.draw(st.lists(st.floats(0.1, 1), min_size=len(theta), max_size=len(theta)))).double()
    every = trunk_losses(theta, find_front(theta, 1, points=1000))
    minimax = (every * w).amax(1).amin()
    found = (trunk_losses(theta, smooth_maximum(theta, w, 1, mu)) * w).max()
    assert minimax - 0.02 * theta.square().sum() <= found <= minimax + mu * math.log(len(theta)) + 1e-9
    sharp = (trunk_losses(theta, smooth_maximum(theta, w, 1, 1e-4)) * w).max()
    assert abs(sharp - minimax) <= 0.02 * theta.square().sum()
    assert sharp <= minimax + 1e-4 * math.log(len(theta)) + 1e-9


@FEW
@given(some_tasks(), st.integers(0, 2))
def test_with_room_for_all_every_loss_is_zero(theta, more):
    width = len(theta) + more
    w = torch.ones(4, len(theta))
    for trunk in (find_front(theta, width), weighted_sum(theta, w, width), smooth_maximum(theta, w, width)):
        assert trunk_losses(theta, trunk).abs().max() < 1e-12
        assert reached(theta, trunk).all()


@FEW
@given(st.floats(5, 175), st.floats(0.3, 3))
def test_of_two_tasks_weights_reach_the_whole_front(angle, length):
    assume(abs(angle - 90) > 1)
    turn = math.radians(angle)
    theta = torch.tensor([[1.0, 0.0], [length * math.cos(turn), length * math.sin(turn)]], dtype=torch.float64)
    assert reached(theta, find_front(theta, points=200)).all()


@pytest.mark.parametrize(
    ("cosine", "width", "share"), [(0.3, 1, 1.0), (-0.4, 1, 0.27), (-0.2, 1, 0.43), (-0.4, 2, 1.0), (0.3, 2, 0.54)]
)
def test_of_three_tasks_weights_may_miss_most_of_the_front(cosine, width, share):
    theta = at_cosine(cosine, d=10)
    front = find_front(theta, width)
    assert reached(theta, front).double().mean().item() == pytest.approx(share, abs=0.02)


def test_what_weights_miss_no_weights_of_a_fine_grid_reach_and_a_smooth_maximum_does():
    theta = at_cosine(-0.4)
    front = find_front(theta)
    missed = trunk_losses(theta, front[~reached(theta, front)])
    steps = 60
    w = torch.tensor([(i, j, steps - i - j) for i in range(1, steps) for j in range(1, steps - i)]) / steps
    found = trunk_losses(theta, weighted_sum(theta, w))
    away = (missed[:, None] - found).abs().amax(-1).amin(1)
    assert away.median() > 0.03  # of losses up to a half: most are not near all that weights find
    for losses in missed[:: len(missed) // 20]:
        trunk = smooth_maximum(theta, (1 / losses) / (1 / losses).sum(), mu=1e-4)
        assert (trunk_losses(theta, trunk) - losses).abs().max() < 0.01


def test_what_makes_no_sense_is_refused():
    theta = at_cosine(0.3)
    for wrong in (theta[:1], torch.eye(4), theta[0]):
        with pytest.raises(ValueError, match="two or three tasks"):
            find_front(wrong)
    for wrong in (torch.stack([theta[0], 2 * theta[0]]), torch.tensor([[1.0], [2.0]])):
        with pytest.raises(ValueError, match="independent"):
            find_front(wrong)
    for w in ([1, 1], [0, 0, 0], [1, -1, 1], [1, math.nan, 1], 1.0):
        for way in (weighted_sum, smooth_maximum):
            with pytest.raises(ValueError, match="3 numbers of 0 or more"):
                way(theta, w)
    with pytest.raises(ValueError, match="width"):
        find_front(theta, 0)
    with pytest.raises(ValueError, match="mu"):
        smooth_maximum(theta, [1, 1, 1], mu=0)
