"""The exercises of lesson 04: the stub, the solution, and each typical mistake with its own answer."""

import itertools
import math
import re

import pytest
import torch
import torch.nn.functional as F
from torch.nn.utils import parameters_to_vector

from mtl_lesson import checks


def pairs(theta):
    return sum((a - b).square().sum() for a, b in itertools.combinations(theta, 2))


def spread(theta):
    return (theta - theta.mean(0)).square()


def step_with(penalty, losses=sum, zero=True, step=True, returned=lambda L, losses: L, weights=lambda trunk: trunk):
    """A learner's step: each mistake below changes one thing."""

    def soft_step(trunks, heads, optimiser, x, labels, lam):
        theta = torch.stack([parameters_to_vector(weights(trunk).parameters()) for trunk in trunks])
        each = [F.cross_entropy(head(trunk(x)), y) for trunk, head, y in zip(trunks, heads, labels, strict=True)]
        L = losses(each) + penalty(theta, lam)
        if zero:
            optimiser.zero_grad()
        if step:
            L.backward()
            optimiser.step()
        return returned(L, each)

    return soft_step


def right(theta, lam):
    return lam * len(theta) * spread(theta).sum()


def norms(theta, lam):
    return lam * sum((a - b).norm() for a, b in itertools.combinations(theta, 2))


def biases_left_out(trunks, heads, optimiser, x, labels, lam):
    L = sum(F.cross_entropy(head(trunk(x)), y) for trunk, head, y in zip(trunks, heads, labels, strict=True))
    theta = torch.stack([trunk[0].weight.flatten() for trunk in trunks])
    L = L + right(theta, lam)
    optimiser.zero_grad()
    L.backward()
    optimiser.step()
    return L


def heads_pulled(trunks, heads, optimiser, x, labels, lam):
    phi = torch.stack([parameters_to_vector(head.parameters()) for head in heads])
    return step_with(lambda theta, lam: right(theta, lam) + right(phi, lam))(trunks, heads, optimiser, x, labels, lam)


STEPS = [
    (lambda *arguments: ..., "not attempted", ""),
    (step_with(right), "right", ""),
    (step_with(lambda theta, lam: lam * pairs(theta)), "right", ""),
    (step_with(right, step=False), "wrong", "no weight has moved"),
    (step_with(right, zero=False), "wrong", "second step"),
    (step_with(lambda theta, lam: right(theta.detach(), lam)), "wrong", "anything detached"),
    (step_with(lambda theta, lam: lam * spread(theta).sum()), "wrong", "T times as large"),
    (step_with(lambda theta, lam: 2 * right(theta, lam)), "wrong", "counted twice"),
    (step_with(lambda theta, lam: right(theta, 1)), "wrong", "λ is missing"),
    (step_with(lambda theta, lam: right(theta, lam) / 6), "wrong", "averaged over the pairs"),
    (step_with(lambda theta, lam: lam * len(theta) * spread(theta).mean()), "wrong", "averaged over the weights"),
    (
        step_with(lambda theta, lam: lam * len(theta) * spread(theta).mean(1).sum()),
        "wrong",
        "averaged over the weights",
    ),
    (step_with(norms), "wrong", "not squared"),
    (step_with(lambda theta, lam: lam * len(theta) * theta.square().sum()), "wrong", "subtract the mean"),
    (step_with(right, losses=lambda each: sum(each) / len(each)), "wrong", "losses are averaged"),
    (step_with(right, losses=lambda each: 0 * sum(each)), "wrong", "losses are not in L"),
    (step_with(lambda theta, lam: -right(theta, lam), losses=lambda each: -sum(each)), "wrong", "uphill"),
    (step_with(lambda theta, lam: 3 * right(theta, lam)), "wrong", "term by term"),
    (biases_left_out, "wrong", "biases are left out"),
    (heads_pulled, "wrong", "heads do not"),
    (step_with(right, returned=lambda L, each: None), "wrong", "returns nothing"),
    (step_with(right, returned=lambda L, each: L.item()), "wrong", "returns a float"),
    (step_with(right, returned=lambda L, each: sum(each)), "wrong", "is not L"),
    (lambda *arguments: torch.stak([]), "crashed", "AttributeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), STEPS)
def test_a_step_of_soft_sharing_is_judged(answer, state, words):
    result = checks.soft_step(answer)
    assert result.state == state, result.words
    assert re.search(words, result.words), result.words


def solve(z, lam, lr):
    m = z.mean(0)
    return m + (z - m) / (1 + 2 * lam * len(z) * lr)


def in_place(z, lam, lr):
    m = z.mean(0)
    return z.sub_(m).div_(1 + 2 * lam * len(z) * lr).add_(m)


def about_the_mean(change):
    return lambda z, lam, lr: z.mean(0) + change(z - z.mean(0), 2 * lam * len(z) * lr, len(z))


SOLUTIONS = [
    (lambda z, lam, lr: ..., "not attempted", ""),
    (solve, "right", ""),
    (in_place, "right", ""),
    (about_the_mean(lambda d, c, T: (1 - c) * d), "wrong", "gradient step"),
    (about_the_mean(lambda d, c, T: d / (1 + c / T)), "wrong", "T is missing"),
    (about_the_mean(lambda d, c, T: d / (1 + c / 2)), "wrong", "factor of 2"),
    (about_the_mean(lambda d, c, T: d / (1 + c * T)), "wrong", "yours T²"),
    (about_the_mean(lambda d, c, T: d * c / (1 + c)), "wrong", "changed places"),
    (about_the_mean(lambda d, c, T: 0 * d), "wrong", "λ = ∞"),
    (lambda z, lam, lr: z / (1 + 2 * lam * len(z) * lr), "wrong", "towards 0"),
    (lambda z, lam, lr: solve(z, lam, lr) - z.mean(0), "wrong", "add the mean"),
    (lambda z, lam, lr: (z + 2 * lam * len(z) * lr * z.mean(0)) / (1 + 2 * lam * len(z) * lr), "wrong", "NaN"),
    (lambda z, lam, lr: solve(z, max(lam, 0.1), lr), "wrong", "at λ = 0 "),
    (lambda z, lam, lr: solve(z, min(lam, 9.0), lr), "wrong", "at λ = ∞ "),
    (lambda z, lam, lr: solve(z, lam, lr).sum(), "wrong", "shape of z"),
    (lambda z, lam, lr: 3.0, "wrong", "float"),
    (lambda z, lam, lr: None, "wrong", "returns nothing"),
    (lambda z: z, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), SOLUTIONS)
def test_the_exact_step_is_judged(answer, state, words):
    result = checks.exact_step(answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


def test_what_is_called_right_is_the_minimum():
    z = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    lam, lr = 0.4, 0.2
    theta = solve(z, lam, lr).requires_grad_()
    ((theta - z).square().sum() / (2 * lr) + lam * pairs(theta)).backward()
    assert theta.grad.abs().max() < 1e-12


DESIGNS = [
    ((...,), "not attempted", ""),
    ((..., "seed"), "not attempted", ""),
    (("B", "seed"), "right", ""),
    ((" b ", "Seed"), "right", ""),
    (("A", "seed"), "wrong", "different things"),
    (("C", "seed"), "wrong", "different pictures"),
    (("D", "layer"), "wrong", "whatever the layers do"),
    (("B", "picture"), "wrong", "other training pictures"),
    (("B", "task"), "wrong", "trained, and pulled, together"),
    (("B", "layer"), "wrong", "compared within a pair"),
    (("B", "epoch"), "wrong", "there is no pair"),
    (("E", "seed"), "wrong", "there is no claim"),
]


@pytest.mark.parametrize(("answer", "state", "words"), DESIGNS)
def test_the_claim_of_closeness_is_judged(answer, state, words):
    result = checks.claim_of_closeness(*answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


@pytest.mark.parametrize(("optimiser", "limit"), [({}, 1), ({"momentum": 0.9}, 1.9)])
def test_where_a_gradient_step_on_the_penalty_drives_tasks_apart(optimiser, limit):
    """What the lesson says of plain descent and of momentum: 1 / (T·lr), and (1 + β) times as much."""
    T, lr = 4, 0.1
    for factor, grows in ((0.97, False), (1.03, True)):
        theta = torch.randn(T, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0)).requires_grad_()
        descent = torch.optim.SGD([theta], lr=lr, **optimiser)
        before = spread(theta).sum().item()
        for _ in range(600):
            descent.zero_grad()
            (factor * limit / (T * lr) * pairs(theta)).backward()
            descent.step()
        after = spread(theta).sum().item()
        assert math.isfinite(after)
        assert (after > before) == grows
