"""A claim over groups of test examples: the interval holds for new groups and new seeds."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.evidence import half_width

numbers = st.floats(-5, 5, allow_nan=False)


def claimed(d, **words):
    """The claim that the mean of d (seeds × groups) is above 0."""
    seeds = pd.Series(d.mean(1)).rename_axis("seed")
    groups = pd.Series(d.mean(0)).rename_axis("voice")
    return mtl.claim("a is greater", seeds, 0 * seeds, groups=(groups, 0 * groups), **words)


def drawn(rng, seeds=8, groups=12, of_seed=1.0, of_group=1.0, rest=1.0, mean=0.0):
    a, b = of_seed * rng.standard_normal((seeds, 1)), of_group * rng.standard_normal((1, groups))
    return mean + a + b + rest * rng.standard_normal((seeds, groups))


@pytest.mark.parametrize(
    ("of_seed", "of_group", "rest"), [(1, 1, 1), (0, 1, 1), (1, 0, 1), (0, 1, 0), (1, 0, 0), (0.2, 1, 3)]
)
def test_the_interval_holds_the_truth_in_95_of_100_or_more(of_seed, of_group, rest):
    rng, draws = np.random.default_rng(0), 1500
    missed = sum(claimed(drawn(rng, 8, 12, of_seed, of_group, rest)).verdict != "undecided" for _ in range(draws))
    # Four standard errors of a share of 5 % above 5 %.
    assert missed / draws < 0.05 + 4 * math.sqrt(0.05 * 0.95 / draws)


def test_an_interval_over_seeds_alone_does_not_hold_for_new_groups():
    rng, draws, missed = np.random.default_rng(0), 300, 0
    for _ in range(draws):
        d = drawn(rng, of_seed=0.2, rest=0.5)
        missed += mtl.claim("a is greater", list(d.mean(1)), 0.0).verdict != "undecided"
    assert missed / draws > 0.4


@given(st.lists(st.lists(numbers, min_size=4, max_size=4), min_size=3, max_size=6))
def test_groups_only_widen_what_seeds_leave_and_move_nothing(rows):
    d = np.array(rows)
    narrow, wide = mtl.claim("a", list(d.mean(1)), 0.0), claimed(d)
    assert wide.mean == narrow.mean
    variance = d.mean(1).var(ddof=1) / len(d), d.mean(0).var(ddof=1) / d.shape[1]
    half = (wide.high - wide.low) / 2
    if sum(variance) > 1e-12:
        freedom = sum(variance) ** 2 / (variance[0] ** 2 / (len(d) - 1) + variance[1] ** 2 / (d.shape[1] - 1))
        assert min(len(d), d.shape[1]) - 1 - 1e-6 <= freedom <= len(d) + d.shape[1] - 2 + 1e-6
        from scipy.stats import t

        assert half == pytest.approx(t.ppf(0.975, freedom) * math.sqrt(sum(variance)), rel=1e-6)


def test_the_words_say_over_what():
    said = claimed(drawn(np.random.default_rng(0)), unit="%")
    assert said.groups == "12 voices"
    assert "12 voices and 8 paired seeds" in said.numbers
    assert "12 voices, 8 seeds" in mtl.show.verdicts(said)._repr_html_()


def test_without_groups_nothing_changes():
    a = [0.1, 0.4, 0.2, 0.9]
    said = mtl.claim("a", a, 0.0)
    assert said.groups == ""
    assert said.numbers.endswith("4 seeds")
    from scipy.stats import t

    assert said.high - said.mean == pytest.approx(t.ppf(0.975, 3) * np.std(a, ddof=1) / 2)


@pytest.mark.parametrize(
    ("groups", "error", "words"),
    [
        (([1.0, 1.0], [0.0, 0.0]), ValueError, "2 groups cannot carry a claim"),
        (([1.0, 1.0, 1.0], [0.0, 0.0]), ValueError, "pairs need the same number"),
        (([5.0, 5.0, 5.0], [0.0, 0.0, 0.0]), ValueError, "groups' mean difference is 5 and that of the pairs 1"),
        (([1.0, float("nan"), 1.0], 0.0), ValueError, "NaN"),
        (3, TypeError, "groups must be a pair"),
        (([1.0, 1.0, 1.0],), TypeError, "groups must be a pair"),
    ],
)
def test_groups_that_cannot_be_are_refused(groups, error, words):
    with pytest.raises(error, match=words):
        mtl.claim("a", [1.0, 1.0, 1.0], 0.0, groups=groups)


def test_what_does_not_vary_has_no_width():
    assert half_width([(0.0, 3), (0.0, 4)]) == 0
