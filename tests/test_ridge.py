"""Ridge regression for probes: what scikit-learn finds, from one decomposition."""

import numpy as np
import pytest
from sklearn.linear_model import RidgeClassifierCV, RidgeCV

from mtl_lesson.inspection.ridge import Decomposed

SHAPES = [(60, 20), (40, 200), (30, 30)]


def drawn(n, d):
    rng = np.random.default_rng(d)
    h = rng.normal(size=(n, d)) @ rng.normal(size=(d, d)) + 3
    return h, rng.integers(0, 5, n), h[:, 0] + rng.normal(size=n), rng.normal(size=(50, d))


def strengths(h):
    return [10.0**power * h.var(0).mean() for power in range(-3, 6)]


@pytest.mark.parametrize(("n", "d"), SHAPES)
def test_it_is_scikit_learns(n, d):
    h, y, number, test = drawn(n, d)
    every, decomposed = strengths(h), Decomposed(h)
    for labels in (y, y % 2, y + 10):
        reader, known = decomposed.read(labels, every), RidgeClassifierCV(every).fit(h, labels)
        assert reader.strength == pytest.approx(known.alpha_)
        np.testing.assert_allclose(reader.decide(test), known.decision_function(test), atol=1e-8)
        np.testing.assert_array_equal(reader.predict(test), known.predict(test))
        assert reader.score(h, labels) == pytest.approx(known.score(h, labels))
    reader, known = decomposed.read(number, every), RidgeCV(every).fit(h, number)
    assert reader.strength == pytest.approx(known.alpha_)
    np.testing.assert_allclose(reader.predict(test), known.predict(test), atol=1e-7)
    assert reader.score(h, number) == pytest.approx(known.score(h, number))


def test_the_strength_is_that_of_really_leaving_one_out():
    h, _, number, _ = drawn(40, 6)
    number = number + 20 * np.random.default_rng(0).normal(size=40)  # so that a strong one is best
    every = [1e-2, 1e1, 1e3, 1e5]
    errors = []
    for strength in every:
        left = [
            number[i] - Decomposed(np.delete(h, i, 0)).read(np.delete(number, i), [strength]).predict(h[[i]])[0]
            for i in range(len(h))
        ]
        errors.append(np.mean(np.square(left)))
    assert Decomposed(h).read(number, every).strength == every[int(np.argmin(errors))]


def test_features_that_never_vary_give_the_mean():
    reader = Decomposed(np.ones((20, 3))).read(np.arange(20.0), [1.0])
    np.testing.assert_allclose(reader.predict(np.ones((4, 3))), 9.5)
