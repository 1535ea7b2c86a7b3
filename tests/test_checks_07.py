"""The exercises of lesson 07: the stub, the solution, and each typical mistake with its own answer."""

import numpy as np
import pytest
import torch

from mtl_lesson import checks, inspection


def solution(z, h, head, u):
    return z - (h[:, u] - h[:, u].mean())[:, None] * head.weight[:, u]


def by_running(z, h, head, u):
    changed = h.clone()
    changed[:, u] = h[:, u].mean()
    return head(changed)


UNITS = [
    (lambda z, h, head, u: ..., "not attempted", ""),
    (solution, "right", ""),
    (by_running, "right", ""),
    (lambda z, h, head, u: by_running(z, h, head, u).detach().float(), "right", ""),
    (lambda z, h, head, u: z, "wrong", "still there"),
    (lambda z, h, head, u: z - h[:, [u]] * head.weight[:, u], "wrong", "set to 0"),
    (lambda z, h, head, u: 2 * z - solution(z, h, head, u), "wrong", "sign"),
    (lambda z, h, head, u: z - h[:, [u]] * head.weight[:, u] + h[:, u].mean(), "wrong", "weights of the head"),
    (lambda z, h, head, u: solution(z, h, head, u) - head.bias, "wrong", "bias is gone"),
    (lambda z, h, head, u: z - (h[:, u] - h.mean())[:, None] * head.weight[:, u], "wrong", "mean over all units"),
    (lambda z, h, head, u: solution(z, h, head, 3), "wrong", "off by up to"),
    (lambda z, h, head, u: solution(z, h, head, u)[:, 0], "wrong", r"(30,)"),
    (lambda z, h, head, u: None, "wrong", "return missing"),
    (lambda z, h, head, u: z - h[:, u] * head.weight[u], "crashed", "RuntimeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), UNITS)
def test_taking_a_unit_away_is_judged(answer, state, words):
    result = checks.without_unit(answer)
    assert result.state == state
    assert words in result.words, result.words


def cka(X, Y):
    X, Y = X - X.mean(0), Y - Y.mean(0)
    return np.square(Y.T @ X).sum() / (np.linalg.norm(X.T @ X) * np.linalg.norm(Y.T @ Y))


def centred(function):
    return lambda X, Y: function(X - X.mean(0), Y - Y.mean(0))


def norm(a):
    return np.linalg.norm(a)


SIMILARITIES = [
    (lambda X, Y: ..., "not attempted", ""),
    (cka, "right", ""),
    (lambda X, Y: inspection.cka(X, Y, debiased=False), "right", ""),
    (lambda X, Y: torch.tensor(cka(X, Y)), "right", ""),
    (lambda X, Y: np.square(Y.T @ X).sum() / norm(X.T @ X) / norm(Y.T @ Y), "wrong", "not centred"),
    (lambda X, Y: centred_once(X, Y), "wrong", "one mean"),
    (centred(lambda X, Y: np.square(Y.T @ X).sum()), "wrong", "denominator is missing"),
    (centred(lambda X, Y: norm(Y.T @ X) / norm(X.T @ X) / norm(Y.T @ Y)), "wrong", "numerator is squared"),
    (lambda X, Y: np.sqrt(cka(X, Y)), "wrong", "root"),
    (centred(lambda X, Y: np.square(Y.T @ X).sum() / norm(X) ** 2 / norm(Y) ** 2), "wrong", "not the squares of"),
    (centred(lambda X, Y: np.square(Y.T @ X).sum() / norm(X.T @ X) ** 2 / norm(Y.T @ Y) ** 2), "wrong", "not squared"),
    (lambda X, Y: 0.5, "wrong", "0.500"),
    (lambda X, Y: X.mean(0), "wrong", "one number"),
    (lambda X, Y: None, "wrong", "return missing"),
    (lambda X, Y: X @ Y, "crashed", "ValueError"),
]


def centred_once(X, Y):
    X, Y = X - X.mean(), Y - Y.mean()
    return np.square(Y.T @ X).sum() / norm(X.T @ X) / norm(Y.T @ Y)


@pytest.mark.parametrize(("answer", "state", "words"), SIMILARITIES)
def test_similarity_is_judged(answer, state, words):
    result = checks.similarity(answer)
    assert result.state == state
    assert words in result.words, result.words


GOOD = {"A": "used", "B": "available", "C": "similar", "D": "none", "E": "used"}


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (dict.fromkeys("ABCDE", ...), "not attempted", ""),
        (GOOD, "right", "three questions"),
        (GOOD | {"A": "available"}, "wrong", "that is use"),
        (GOOD | {"B": "used"}, "wrong", "new reader"),
        (GOOD | {"C": "used"}, "wrong", "no task"),
        (GOOD | {"D": "used"}, "wrong", "untrained"),
        (GOOD | {"E": "available"}, "wrong", "one thing of the input"),
        (GOOD | {"D": "nothing"}, "wrong", "'nothing' is none of"),
        ({"A": "used"}, "wrong", "keys"),
        ("used", "wrong", "keys"),
    ],
)
def test_what_a_finding_says_is_judged(answer, state, words):
    result = checks.says(answer)
    assert result.state == state
    assert words in result.words, result.words


def changed(before, after):
    return (before.argmax(1) != after.argmax(1)).float().mean().item()


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        (lambda before, after: ..., "not attempted", ""),
        (changed, "right", ""),
        (lambda before, after: torch.tensor(changed(before, after)), "right", ""),
        (lambda before, after: 1 - changed(before, after), "wrong", "stayed"),
        (lambda before, after: len(before) * changed(before, after), "wrong", "divide"),
        (lambda before, after: (before != after).float().mean(), "wrong", "every logit"),
        (lambda before, after: changed(before.T, after.T), "wrong", "each row"),
        (lambda before, after: 0.5 * changed(before, after), "wrong", "changed"),
        (lambda before, after: before.argmax(1) != after.argmax(1), "wrong", "one number"),
        (lambda before, after: None, "wrong", "return missing"),
        (lambda before, after: before @ after, "crashed", "RuntimeError"),
    ],
)
def test_an_intervention_is_judged(answer, state, words):
    result = checks.share_changed(answer)
    assert result.state == state
    assert words in result.words, result.words


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        ((..., ...), "not attempted", ""),
        (("B", "seed"), "right", "trained anew"),
        (("A", "seed"), "wrong", "could be read"),
        (("C", "seed"), "wrong", "many causes"),
        (("D", "seed"), "wrong", "no head"),
        (("B", "picture"), "wrong", "this one network"),
        (("B", "unit"), "wrong", "its answers"),
        (("B", 3), "wrong", "there is no pair 3"),
    ],
)
def test_a_claim_of_use_is_judged(answer, state, words):
    result = checks.claim_of_use(*answer)
    assert result.state == state
    assert words in result.words, result.words
