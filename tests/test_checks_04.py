"""The exercises of lesson 04: the stub, the solution, and each typical mistake with its own answer."""

import itertools
import re

import pytest
import torch

from mtl_lesson import checks


def mean_form(theta, lam):
    return lam * (theta - theta.mean(0)).square().sum()


def pairs(theta, lam):
    return lam * sum((a - b).square().sum() for a, b in itertools.combinations(theta, 2))


PENALTIES = [
    (lambda theta, lam: ..., "not attempted", ""),
    (lambda theta, lam: len(theta) * mean_form(theta, lam), "right", ""),
    (pairs, "right", ""),
    (lambda theta, lam: float(pairs(theta, lam)), "right", ""),
    (mean_form, "wrong", "T times as large"),
    (lambda theta, lam: 2 * pairs(theta, lam), "wrong", "counted twice"),
    (lambda theta, lam: pairs(theta, 1.0), "wrong", "λ is missing"),
    (lambda theta, lam: lam * sum((a - b).norm() for a, b in itertools.combinations(theta, 2)), "wrong", "not squared"),
    (
        lambda theta, lam: len(theta) * lam * (theta - theta.mean(0)).square().mean(),
        "wrong",
        "averaged over the weights",
    ),
    (lambda theta, lam: pairs(theta, lam) / 10, "wrong", "averaged over the pairs"),
    (lambda theta, lam: lam * len(theta) * theta.square().sum(), "wrong", "subtract the mean"),
    (lambda theta, lam: (theta - theta.mean(0)).square(), "wrong", r"shape \(5, 7\)"),
    (lambda theta, lam: None, "wrong", "return missing"),
    (lambda theta, lam: "much", "wrong", "one number"),
    (lambda theta, lam: pairs(theta, lam) + 1, "wrong", "on five tasks"),
    (lambda theta, lam: theta.men(), "crashed", "AttributeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), PENALTIES)
def test_the_penalty_is_judged(answer, state, words):
    result = checks.penalty(answer)
    assert result.state == state
    assert re.search(words, result.words), result.words


LARGEST = [
    (lambda T, lr: ..., "not attempted", ""),
    (lambda T, lr: 1 / (T * lr), "right", ""),
    (lambda T, lr: 1 / torch.tensor(T * lr).item(), "right", ""),
    (lambda T, lr: 2 / (T * lr), "wrong", "differentiating"),
    (lambda T, lr: 1 / (2 * T * lr), "wrong", "together exactly"),
    (lambda T, lr: 1 / lr, "wrong", "T is missing"),
    (lambda T, lr: T / lr, "wrong", "wrong side"),
    (lambda T, lr: T * lr, "wrong", "inverse"),
    (lambda T, lr: 1 / 0.3, "wrong", "other numbers"),
    (lambda T, lr: 17.0, "wrong", "it is 17"),
    (lambda T, lr: None, "wrong", "return missing"),
    (lambda T, lr: "1/T", "wrong", "one number"),
    (lambda T: 1 / T, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), LARGEST)
def test_the_largest_lambda_is_judged(answer, state, words):
    result = checks.largest_lambda(answer)
    assert result.state == state
    assert words in result.words, result.words


def test_the_largest_lambda_is_where_a_step_turns():
    """The answer that is called right, against the step itself."""
    T, lr = 4, 0.1
    for factor, grows in ((0.99, False), (1.01, True)):
        lam = factor / (T * lr)
        theta = torch.randn(T, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
        pairs(theta, lam).backward()
        before, after = theta.detach(), theta.detach() - lr * theta.grad
        assert ((after - after.mean(0)).norm() > (before - before.mean(0)).norm()) == grows
