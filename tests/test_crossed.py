"""An interval over seeds and units: what it covers, on simulated differences and on networks whose truth is known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson import inspection as look
from mtl_lesson.inspection import crossed
from mtl_lesson.inspection.margin import decide, more_needed

TABLES = ("loans", "patients", "pupils")


def frames(differences):
    """Two tables with these differences."""
    b = pd.DataFrame(np.zeros_like(differences)).rename_axis(index="seed", columns="school")
    return b + differences, b


@pytest.mark.parametrize("shape", [(3, 20), (5, 200), (8, 40)])
@pytest.mark.parametrize("spread", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.3, 1, 1), (1, 1, 1), (0.1, 0.3, 1)])
def test_a_95_percent_interval_covers_92_percent_or_more(shape, spread):
    rng, (seeds, units, both), times = np.random.default_rng(1), spread, 1500
    held = []
    for _ in range(times):
        d = seeds * rng.standard_normal((shape[0], 1)) + units * rng.standard_normal(shape[1])
        d = d + both * rng.standard_normal(shape)
        held.append(abs(d.mean()) <= crossed.half_interval(d))
    least = 0.92 if shape[0] == 3 else 0.935  # three seeds know little of how seeds vary
    assert np.mean(held) >= least - 3 * np.sqrt(0.95 * 0.05 / times)


@given(st.floats(0.1, 10), st.floats(0.1, 10), st.integers(0, 10**6))
@settings(max_examples=30)
def test_what_seeds_and_units_add_each_for_themselves_adds_up(seeds, units, seed):
    rng = np.random.default_rng(seed)
    by_seed, by_unit = seeds * rng.standard_normal(300), units * rng.standard_normal(400)
    variance = by_seed.var(ddof=1) / 300 + by_unit.var(ddof=1) / 400
    assert crossed.half_interval(by_seed[:, None] + by_unit) == pytest.approx(1.965 * np.sqrt(variance), rel=0.01)


def test_who_forgets_the_units_or_counts_both_twice_covers_another_share():
    """So that the test above can fail: over seeds alone it covers less, with the sum of both more."""
    rng, seeds_alone, twice, right = np.random.default_rng(2), [], [], []
    for _ in range(500):
        d = 0.1 * rng.standard_normal((5, 1)) + rng.standard_normal(50) + rng.standard_normal((5, 50))
        one = mtl.claim("x", d.mean(1).tolist(), 0.0)
        seeds_alone.append(one.low <= 0 <= one.high)
        (a, _), (b, _), (c, _) = crossed.spreads(d)
        right.append(a + b - c)
        twice.append(a + b)
    assert np.mean(seeds_alone) < 0.85
    true = 0.1**2 / 5 + 1 / 50 + 1 / 250
    assert abs(np.mean(right) / true - 1) < 0.1
    assert np.mean(twice) > np.mean(right)


@given(st.integers(3, 8), st.integers(3, 30), st.integers(0, 10**6))
@settings(max_examples=40)
def test_the_components_are_those_of_the_analysis_of_variance(J, U, seed):
    d = np.random.default_rng(seed).standard_normal((J, U))
    (a, _), (b, _), (c, df) = crossed.spreads(d)
    total = ((d - d.mean()) ** 2).sum()
    assert df == (J - 1) * (U - 1)
    between = a * J * (J - 1) * U + b * U * (U - 1) * J
    assert abs(total - between - c * df * J * U) < 1e-9 * max(1, total)


@given(st.integers(0, 10**6), st.floats(-1, 1))
@settings(max_examples=30)
def test_order_and_names_pair_and_the_sign_turns(seed, shift):
    rng = np.random.default_rng(seed)
    a, b = frames(rng.standard_normal((4, 9)) + shift)
    b = b + rng.standard_normal((4, 9))
    one = mtl.inspection.claim_crossed("a beats b", a, b)
    mixed = mtl.inspection.claim_crossed("a beats b", a, b.iloc[::-1, rng.permutation(9)])
    turned = mtl.inspection.claim_crossed("b beats a", b, a)
    np.testing.assert_allclose([mixed.mean, mixed.low], [one.mean, one.low])
    np.testing.assert_allclose([turned.mean, turned.low], [-one.mean, -one.high])
    less = mtl.inspection.claim_crossed("a is less", a, b, "less")
    swap = {"supported": "contradicted", "contradicted": "supported", "undecided": "undecided"}
    assert less.verdict == swap[one.verdict]
    assert one.groups == "9 schools"


def test_what_cannot_be_paired_is_refused():
    a, b = frames(np.ones((4, 5)))
    for bad, words in (
        ((a, b.rename(index={0: 9})), "the same seeds"),
        ((a, b.rename(columns={0: 9})), "the same seeds"),
        ((a.iloc[:2], b.iloc[:2]), "2 seeds and 5 units"),
        ((a.iloc[:, :2], b.iloc[:, :2]), "4 seeds and 2 units"),
        ((a * np.nan, b), "NaN"),
    ):
        with pytest.raises(ValueError, match=words):
            crossed.claim_crossed("a beats b", *bad)
    with pytest.raises(ValueError, match="better must be"):
        crossed.claim_crossed("a beats b", a, b, "more")
    equal = crossed.claim_crossed("a beats b", a, a)
    assert (equal.verdict, equal.low, equal.high) == ("undecided", 0, 0)


# on real networks


@pytest.mark.parametrize("table", TABLES)
def test_a_way_with_itself_comes_to_a_verdict_at_most_one_time_in_twenty(table):
    """A/A, for reports of 5 seeds: 1,000 comparisons, so that 5 % is known to 0.7 %."""
    pool = bank.gather_pool(table)
    for units in (33,) if table == "pupils" else (50, 200):
        claims = look.replay(pool, "Hard", "Hard", seeds=5, units=units, times=1000)
        assert look.false_verdicts(claims) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 1000)


@pytest.mark.parametrize("table", TABLES)
def test_the_true_difference_of_two_ways_is_in_the_interval_95_times_of_100(table):
    pool = bank.gather_pool(table)
    truth = look.true_difference(pool, "Hard", "Separate")
    size = {"seeds": 5, "units": 33 if table == "pupils" else 200, "times": 1000}
    claims = look.replay(pool, "Hard", "Separate", **size)
    assert 0.94 - 0.02 <= look.coverage(claims, truth) <= 0.99
    alone = look.replay(pool, "Hard", "Separate", **size, over_units=False)
    assert look.coverage(alone, truth) < 0.93  # where units vary, an interval over seeds alone says another thing


@given(st.floats(0.005, 0.1), st.sampled_from(TABLES))
@settings(max_examples=15)
def test_what_is_planted_is_there_on_the_average(gain, table):
    pool = {"Hard": bank.gather_pool(table)["Hard"]}
    claims = look.replay(pool, "Hard", "Hard", seeds=10, units=300, times=60, gain=gain)
    means = [one.mean for one in claims]
    assert abs(np.mean(means) - gain) < 4 * np.std(means) / np.sqrt(len(means)) + 1e-4


def test_who_looks_often_errs_more_often():
    pool = bank.gather_pool("loans")
    once = look.false_verdicts(look.replay(pool, "Hard", "Hard", seeds=20, units=200, times=300))
    assert look.stop_early(pool, "Hard", most=20, times=300) > once + 0.02


def test_what_cannot_be_replayed_is_refused():
    pool = bank.gather_pool("loans")
    with pytest.raises(KeyError, match="no 'Soft' in the pool"):
        look.replay(pool, "Soft", "Hard")
    with pytest.raises(ValueError, match="cannot be planted"):
        look.replay(pool, "Hard", "Hard", gain=0.9)
    for wrong in ({"seeds": 2}, {"units": 2}, {"times": 0}):
        with pytest.raises(ValueError):  # noqa: PT011 (whichever number it is, `whole` names it)
            look.replay(pool, "Hard", "Hard", **wrong)


# against a margin


@given(st.floats(-0.1, 0.1), st.floats(0, 0.05), st.integers(0, 10**6))
@settings(max_examples=60)
def test_a_verdict_is_where_the_interval_lies_beside_the_margin(shift, margin, seed):
    d = 0.05 * np.random.default_rng(seed).standard_normal((6, 40)) + shift
    one = crossed.claim_of(d, "a beats b")
    found = decide(one, margin, d)
    expected = "shown" if one.low > margin else "shown not" if one.high < margin else "not known"
    assert found.verdict == expected
    if margin == 0:
        assert {"shown": "supported", "shown not": "contradicted", "not known": "undecided"}[expected] == one.verdict
    assert (found.seeds, found.units) == (None, None) or expected == "not known"


def test_of_units_that_are_all_alike_nothing_is_known():
    d = np.zeros((3, 20))  # 20 yes-or-no answers, all equal: the interval has no width
    assert decide(crossed.claim_of(d, "a beats b"), 0.02, d).verdict == "not known"


@pytest.mark.parametrize("spread", [(1, 0.2, 1), (0.1, 2, 1), (0, 0, 1)])
def test_so_many_more_do_decide(spread):
    """With as many units as are said to be needed, half the interval is about as long as the distance to the margin."""
    rng, (s, u, e) = np.random.default_rng(0), spread

    def drawn(J, U):
        return s * rng.standard_normal((J, 1)) + u * rng.standard_normal(U) + e * rng.standard_normal((J, U))

    d, gap = drawn(10, 60), 0.0
    d = d - d.mean()
    half = crossed.half_interval(d)
    gap = 0.8 * half
    for number, (J, U) in zip(more_needed(d, gap), ((1, 0), (0, 1)), strict=True):
        if number is not None:
            longer = [crossed.half_interval(drawn(10 + J * number, 60 + U * number)) for _ in range(200)]
            assert 0.6 * gap < np.median(longer) < 1.4 * gap
    assert more_needed(d, 1e-9) == (None, None)


SPREAD = st.tuples(st.floats(0.2, 2), st.floats(0.2, 2), st.floats(0.2, 2))


def drawn_by(spread, J, U, seed):
    """Differences that vary so much with the seed, with the unit, and with both."""
    rng = np.random.default_rng(seed)
    seeds, units, both = (s * rng.standard_normal(n) for s, n in zip(spread, ((J, 1), (U,), (J, U)), strict=True))
    return seeds + units + both


@given(SPREAD, st.integers(3, 12), st.integers(3, 40), st.integers(0, 10**6))
def test_as_many_again_would_give_the_same_interval(spread, J, U, seed):
    d = drawn_by(spread, J, U, seed)
    varies = crossed.variances_of(d)
    if min(varies) > 0:  # else what is below 0 counts as 0
        assert crossed.expected_half(*varies, J, U) == pytest.approx(crossed.half_interval(d))


def test_what_varies_is_told_apart():
    for spread, shape in (((1, 2, 3), (400, 300)), ((0, 1, 1), (400, 5)), ((1, 0, 1), (5, 400))):
        found = np.array(crossed.variances_of(drawn_by(spread, *shape, 0)))
        few = np.array([shape[0], shape[1], 400]) < 10  # of five nothing is known
        assert (np.abs(found - np.square(spread)) < 0.3 * np.maximum(np.square(spread), 0.2))[~few].all()


@given(SPREAD, st.integers(3, 12), st.integers(3, 40), st.floats(0.05, 0.95), st.integers(0, 10**6))
def test_so_many_more_are_enough_and_one_less_is_not(spread, J, U, part, seed):
    d = drawn_by(spread, J, U, seed)
    varies, gap = crossed.variances_of(d), part * crossed.half_interval(d)
    seeds, units = more_needed(d, gap)
    if seeds is not None and seeds > 1:
        assert crossed.expected_half(*varies, J + seeds, U) < gap <= crossed.expected_half(*varies, J + seeds - 1, U)
    if units is not None and units > 1:
        assert crossed.expected_half(*varies, J, U + units) < gap <= crossed.expected_half(*varies, J, U + units - 1)


@given(st.integers(0, 10**6), st.floats(0.05, 0.95))
def test_what_would_decide_is_the_way_from_the_mean_to_the_margin(seed, part):
    d = drawn_by((0.2, 0.2, 0.2), 8, 40, seed)
    one = crossed.claim_of(d - d.mean() + 0.3, "a beats b")
    margin = 0.3 - part * (one.high - 0.3)
    decided = decide(one, margin, d) if margin >= 0 else None
    assert decided is None or (decided.seeds, decided.units) == more_needed(d, 0.3 - margin)


def test_a_margin_that_is_none_is_refused():
    one = crossed.claim_of(np.ones((3, 3)), "a beats b")
    for margin in ("2", None, True):
        with pytest.raises(TypeError, match="least gain worth having"):
            decide(one, margin, np.ones((3, 3)))
    for margin in (-0.1, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="least gain worth having"):
            decide(one, margin, np.ones((3, 3)))
