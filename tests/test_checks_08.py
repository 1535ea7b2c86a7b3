"""The exercises of lesson 08: the stub, the solution, and each typical mistake with its own answer."""

import numpy as np
import pytest
import torch

from mtl_lesson import checks


def gradient(loss, shared):
    return torch.cat([one.flatten() for one in torch.autograd.grad(loss, shared, retain_graph=True)])


def solution(loss_1, loss_2, shared):
    g1, g2 = gradient(loss_1, shared), gradient(loss_2, shared)
    return g1 @ g2 / (g1.norm() * g2.norm())


def of_layers(loss_1, loss_2, shared):
    return torch.stack([solution(loss_1, loss_2, [one]) for one in shared])


def adding_up(loss_1, loss_2, shared):
    found = []
    for loss in (loss_1, loss_2):
        loss.backward(retain_graph=True)
        found.append(torch.cat([one.grad.flatten() for one in shared]))
    return torch.nn.functional.cosine_similarity(*found, dim=0)


def cleared(loss_1, loss_2, shared):
    found = []
    for loss in (loss_1, loss_2):
        for one in shared:
            one.grad = None
        loss.backward(retain_graph=True)
        found.append(torch.cat([one.grad.flatten() for one in shared]))
    return torch.nn.functional.cosine_similarity(*found, dim=0).item()


def inner(loss_1, loss_2, shared):
    return gradient(loss_1, shared) @ gradient(loss_2, shared)


def sizes(loss_1, loss_2, shared):
    return gradient(loss_1, shared).norm(), gradient(loss_2, shared).norm()


def of_sums(loss_1, loss_2, shared):
    long = [sum(gradient(loss, [one]).norm() for one in shared) for loss in (loss_1, loss_2)]
    return inner(loss_1, loss_2, shared) / (long[0] * long[1])


COSINES = [
    (lambda a, b, shared: ..., "not attempted", ""),
    (solution, "right", ""),
    (cleared, "right", ""),
    (lambda a, b, shared: solution(b, a, shared).item(), "right", ""),
    (lambda a, b, shared: of_layers(a, b, shared).mean(), "wrong", "mean of the layers"),
    (lambda a, b, shared: solution(a, b, shared[:1]), "wrong", "first of the shared"),
    (lambda a, b, shared: solution(a, b, shared[-1:]), "wrong", "last of the shared"),
    (adding_up, "wrong", "adds up"),
    (inner, "wrong", "inner product"),
    (lambda a, b, shared: inner(a, b, shared) / np.prod(sizes(a, b, shared)) ** 2, "wrong", "not by their squares"),
    (lambda a, b, shared: inner(a, b, shared) / sizes(a, b, shared)[0] ** 2, "wrong", "divided by twice"),
    (of_sums, "wrong", "sum of the sizes"),
    (lambda a, b, shared: solution(a, b, shared).abs(), "wrong", "sign"),
    (lambda a, b, shared: 1 - solution(a, b, shared), "wrong", "one minus"),
    (of_layers, "wrong", "one number"),
    (lambda a, b, shared: 0.25, "wrong", "0.250"),
    (lambda a, b, shared: None, "wrong", "return missing"),
    (lambda a, b, shared: torch.autograd.grad(a, shared) @ b, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), COSINES)
def test_the_angle_of_two_gradients_is_judged(answer, state, words):
    result = checks.gradient_cosine(answer)
    assert result.state == state
    assert words in result.words, result.words


SCALES = [
    (lambda labels, train: ..., "not attempted", ""),
    (lambda labels, train: (labels - train.mean()) / train.std(), "right", ""),
    (lambda labels, train: ((labels - train.mean()) / train.std(correction=0)).float(), "right", ""),
    (lambda labels, train: (labels - labels.mean()) / labels.std(), "wrong", "labels' own"),
    (lambda labels, train: labels - train.mean(), "wrong", "scale is still there"),
    (lambda labels, train: labels / train.std(), "wrong", "mean is still there"),
    (lambda labels, train: (labels - train.mean()) / train.var(), "wrong", "variance"),
    (lambda labels, train: (train - train.mean()) / train.std(), "wrong", "training labels"),
    (lambda labels, train: labels * train.std() + train.mean(), "wrong", "way back"),
    (lambda labels, train: labels / 1e5, "wrong", "first label"),
    (lambda labels, train: train / 1e5, "wrong", "there are 30"),
    (lambda labels, train: None, "wrong", "return missing"),
    (lambda labels, train: labels.scale(train), "crashed", "AttributeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), SCALES)
def test_a_scale_is_judged(answer, state, words):
    result = checks.standardise(answer)
    assert result.state == state
    assert words in result.words, result.words


DESIGNS = [
    (("C", "seed", "again"), "right", ""),
    (("c", "Seed", "again "), "right", ""),
    ((..., "seed", "again"), "not attempted", ""),
    (("A", "seed", "again"), "wrong", "thermometer"),
    (("B", "seed", "again"), "wrong", "searched"),
    (("D", "seed", "again"), "wrong", "cause"),
    (("C", "step", "again"), "wrong", "independent"),
    (("C", "task", "again"), "wrong", "two pairs"),
    (("C", "seed", "nothing"), "wrong", "any second training"),
    (("C", "seed", "chance"), "wrong", "guessing"),
    (("E", "seed", "again"), "wrong", "there is no claim"),
]


@pytest.mark.parametrize(("answer", "state", "words"), DESIGNS)
def test_a_test_of_conflict_is_judged(answer, state, words):
    result = checks.conflict_hurts(*answer)
    assert result.state == state
    assert words in result.words, result.words
