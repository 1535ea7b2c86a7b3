"""λ on a slider: which place is nearest, and what may be typed."""

import math

import pytest

from mtl_lesson.inspection.paths import nearest
from mtl_lesson.words import read_lambda


@pytest.mark.parametrize(
    ("lams", "lam", "found"),
    [
        ([0, 0.01, 1, math.inf], 0, 0),
        ([0, 0.01, 1, math.inf], math.inf, 3),
        ([0, 0.01, 1, math.inf], 1e-9, 1),  # 0 is near itself only
        ([0, 0.01, 1, math.inf], 1e9, 2),
        ([0.01, 1], 0, 0),  # where it is not there, the end beside it
        ([0.01, 1], math.inf, 1),
        ([0.01, 1], 0.09, 0),  # on the logarithmic scale the middle is 0.1
        ([0.01, 1], 0.11, 1),
        ([0, math.inf], 0, 0),
    ],
)
def test_the_nearest_place(lams, lam, found):
    assert nearest(lams, lam) == found


@pytest.mark.parametrize("lam", [-1, math.nan])
def test_what_is_no_lambda_has_no_place(lam):
    with pytest.raises(ValueError, match="0 or more"):
        nearest([0, 1], lam)


@pytest.mark.parametrize(("typed", "lam"), [("0.5", 0.5), (" 0,5 ", 0.5), ("∞", math.inf), ("inf", math.inf)])
def test_what_was_typed(typed, lam):
    assert read_lambda(typed) == lam


def test_nonsense_is_named():
    with pytest.raises(ValueError, match="'much' is neither"):
        read_lambda("much")
