"""Linear soft sharing in closed form: it solves what it says, and its two ends are the two models one knows."""

import itertools

import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson.sharing.closed_form import errors, solve, stacked

INFINITY = float("inf")


@pytest.fixture(scope="module")
def world():
    return mtl.data.schools(n=10, seed=1)


def objective(world, theta, lam):
    """The lesson's formula, pair by pair and pupil by pupil."""
    x, y, _ = stacked(world.train, world)
    fit = sum(((y[t] - x[t] @ theta[t]) ** 2).mean() for t in range(len(theta)))
    return fit + lam * sum(((a - b) ** 2).sum() for a, b in itertools.combinations(theta, 2))


@pytest.mark.parametrize("lam", [1e-4, 0.015, 1.0])
def test_the_gradient_of_the_formula_vanishes_at_the_solution(world, lam):
    theta = solve(world, lam).requires_grad_()
    (gradient,) = torch.autograd.grad(objective(world, theta, lam), theta)
    assert gradient.abs().max() < 1e-9 * max(1, lam * len(theta))


def test_without_a_pull_every_school_is_alone(world):
    x, y, _ = stacked(world.train, world)
    torch.testing.assert_close(solve(world, 0.0), torch.linalg.lstsq(x, y[..., None]).solution[..., 0])


def test_with_an_infinite_pull_all_schools_are_one(world):
    """All schools train on equally many pupils, so pooling weighs all pupils alike."""
    theta = solve(world, INFINITY)
    x, y, _ = stacked(world.train, world)
    pooled = torch.linalg.lstsq(x.flatten(0, 1), y.flatten()[:, None]).solution[:, 0]
    torch.testing.assert_close(theta, pooled.expand_as(theta), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("lam", "limit"), [(1e-13, 0.0), (1e12, INFINITY), (1e300, INFINITY)])
def test_it_is_stable_towards_both_ends(world, lam, limit):
    torch.testing.assert_close(solve(world, lam), solve(world, limit), rtol=0, atol=1e-8)


def test_many_lambdas_at_once_are_the_same_as_one_by_one(world):
    lams = [0, 0.01, 3.0, INFINITY]
    together = solve(world, lams)
    assert torch.equal(together, torch.stack([solve(world, lam) for lam in lams]))
    torch.testing.assert_close(errors(world, together)[1], errors(world, solve(world, 0.01)))


def test_pupils_that_are_not_there_count_for_nothing(world):
    """Test sets are filled up to one length: a school's error is that of its own pupils."""
    theta = solve(world, 0.01)
    for t, task in list(enumerate(world.tasks))[:5]:
        x, y = world.test.x[task.name].double(), world.test.labels[task.name].double()
        own = (y - x @ theta[t])[~y.isnan()]
        torch.testing.assert_close(errors(world, theta)[t], own.square().mean())


@pytest.mark.parametrize("lam", [-1, float("nan")])
def test_a_lambda_that_makes_no_sense_is_refused(world, lam):
    with pytest.raises(ValueError, match="0 or more"):
        solve(world, lam)


def test_only_regression_can_be_solved():
    with pytest.raises(TypeError, match="garment"):
        solve(mtl.data.questions(n_train=10, n_validation=10, n_test=10), 0.1)
