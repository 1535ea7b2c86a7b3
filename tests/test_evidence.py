"""Claims: an interval that covers as often as it says, verdicts that follow from it, and no pair that is none."""

import math
import re

import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from mtl_lesson.evidence import (
    Claim,
    advise,
    claim,
    interval,
    match_best,
    take_shown,
    take_unbeaten,
    try_rule,
)

DRAWS = 4000
SLACK = 4 * math.sqrt(0.95 * 0.05 / DRAWS)  # four standard errors of a share of 95 % in so many draws


def by_seed(values, name="seed"):
    return pd.Series(values, index=pd.RangeIndex(len(values), name=name), dtype=float)


# --- the interval ---


def test_interval_is_students():
    a, b = [0.61, 0.64, 0.60, 0.66, 0.63], [0.60, 0.60, 0.61, 0.62, 0.60]
    got = claim("a beats b", a, b)
    expected = stats.ttest_rel(a, b).confidence_interval(0.95)
    assert got.mean == pytest.approx(np.mean(np.subtract(a, b)))
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high))
    assert got.differences == pytest.approx(np.subtract(a, b))
    assert got.n == 5


def test_interval_covers_the_true_difference_and_a_planted_null_stays_undecided():
    """Normal differences, five seeds: 95 % of the intervals hold the truth, and as many verdicts on a null are open."""
    rng = np.random.default_rng(1)
    truth = 0.7
    noise = rng.normal(size=(DRAWS, 5))
    covers = [c.low <= truth <= c.high for c in (claim("x", row + truth, 0) for row in noise)]
    verdicts = [claim("x", row, 0).verdict for row in noise]
    assert np.mean(covers) == pytest.approx(0.95, abs=SLACK)
    assert verdicts.count("undecided") / DRAWS == pytest.approx(0.95, abs=SLACK)
    for wrong in ("supported", "contradicted"):  # the errors fall on both sides alike
        assert verdicts.count(wrong) / DRAWS == pytest.approx(0.025, abs=SLACK)


def test_the_band_of_few_seeds_is_their_range_and_of_more_their_interval():
    values = np.array([[1.0, 2.0], [3.0, 6.0]])
    assert np.allclose(interval(values), [[2, 4], [1, 2], [3, 6]])
    five = np.arange(5.0)[:, None]
    mean, low, high = interval(five)
    half = 2.7764 * math.sqrt(2.5 / 5)  # Student's t for 4 degrees of freedom, times s / √5
    assert np.allclose([mean, mean - low, high - mean], [[2], [half], [half]], atol=1e-3)


def test_pairing_finds_what_unpaired_results_hide():
    rng = np.random.default_rng(2)
    seeds = rng.normal(scale=10, size=8)  # the seeds differ far more than the two ways
    a, b = seeds + 1 + 0.1 * rng.normal(size=8), seeds
    assert claim("a beats b", a, b).verdict == "supported"
    assert claim("a beats b", a, np.roll(b, 1)).verdict == "undecided"


def test_overlapping_splits_widen_the_interval_by_the_closed_form():
    d = np.array([0.3, 0.1, 0.4, 0.2])
    plain, corrected = claim("x", d, 0), claim("x", d, 0, overlap=(90, 10))
    half = stats.t.ppf(0.975, 3) * math.sqrt((1 / 4 + 10 / 90) * d.var(ddof=1))
    assert (corrected.low, corrected.high) == pytest.approx((d.mean() - half, d.mean() + half))
    ratio = (corrected.high - corrected.low) / (plain.high - plain.low)
    assert ratio == pytest.approx(math.sqrt((1 / 4 + 1 / 9) / (1 / 4)))
    assert "corrected for overlapping splits" in str(corrected)
    assert "corrected" not in str(plain)


def test_correction_raises_the_coverage_of_random_splits():
    """The mean of a tenth of one sample, over ten random splits: the plain interval covers too seldom."""
    rng = np.random.default_rng(3)
    hits = {None: 0, (90, 10): 0}
    for _ in range(400):
        sample = rng.normal(size=100)
        # a score that depends on what was trained on and on what it was tried on
        splits = [rng.permutation(sample) for _ in range(10)]
        d = [s[:90].mean() + s[90:].mean() for s in splits]
        for overlap in hits:
            c = claim("x", d, 0, overlap=overlap)
            hits[overlap] += c.low <= 0 <= c.high
    assert hits[None] / 400 < 0.85
    assert hits[90, 10] > hits[None]


# --- the verdict ---


@pytest.mark.parametrize(
    ("differences", "better", "verdict"),
    [
        ([1, 1.1, 0.9], "greater", "supported"),
        ([1, 1.1, 0.9], "less", "contradicted"),
        ([-1, -1.1, -0.9], "greater", "contradicted"),
        ([-1, -1.1, -0.9], "less", "supported"),
        ([-1, 1.1, 0], "greater", "undecided"),
        ([-1, 1.1, 0], "less", "undecided"),
        ([0.2, 0.2, 0.2], "greater", "supported"),  # no spread at all: the sign decides
        ([-0.2, -0.2, -0.2], "greater", "contradicted"),
        ([0, 0, 0], "greater", "undecided"),
        ([0, 0, 0], "less", "undecided"),
    ],
)
def test_verdict_by_side(differences, better, verdict):
    got = claim("a and b", differences, [0, 0, 0], better)
    assert got.verdict == verdict
    assert got.mean == pytest.approx(np.mean(differences))  # always a − b, whatever is claimed


def test_swapping_the_two_and_the_direction_says_the_same():
    rng = np.random.default_rng(4)
    a, b = rng.normal(size=(2, 6))
    one, other = claim("x", a, b, "greater"), claim("x", b, a, "less")
    assert one.verdict == other.verdict
    assert (one.mean, one.low, one.high) == pytest.approx((-other.mean, -other.high, -other.low))


def test_no_spread_gives_a_width_of_zero_and_rounding_is_no_difference():
    assert claim("x", [0.5, 0.75, 1.0], [0.25, 0.5, 0.75]).high == claim("x", [0.5, 0.75, 1.0], [0.25, 0.5, 0.75]).low
    rounding = claim("x", [0.1 + 0.2] * 3, [0.3] * 3)
    assert rounding.differences == (0, 0, 0)
    assert rounding.verdict == "undecided"


def test_permuting_the_pairs_changes_nothing():
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(2, 9))
    order = rng.permutation(9)
    base, moved = claim("x", a, b), claim("x", a[order], b[order])
    assert (base.mean, base.low, base.high, str(base)) == (moved.mean, moved.low, moved.high, str(moved))
    keyed = claim("x", by_seed(a), by_seed(b).iloc[order])  # pairs are found by key, not by place
    assert (keyed.mean, keyed.low, keyed.high) == (base.mean, base.low, base.high)


def test_all_forms_of_results_agree():
    a, b = [0.5, 0.75, 0.5, 1.0], [0.25, 0.5, 0.5, 0.5]
    base = claim("x", a, b)
    for form in (tuple, np.array, torch.tensor, by_seed, lambda v: dict(enumerate(v))):
        assert claim("x", form(a), form(b)) == base
    assert claim("x", dict(enumerate(a)), by_seed(b)) == base


def test_a_number_is_a_reference_for_every_pair():
    a = [0.5, 0.75, 0.625]
    assert claim("x", a, 0.25).differences == claim("x", a, [0.25] * 3).differences
    assert "3 seeds" in str(claim("x", a, 0.25))


def test_close_means_within_a_tenth_of_the_width():
    def ending_at(low, high):
        return Claim("x", (), (low + high) / 2, low, high, "supported", 3)

    assert ending_at(0.9, 10.9).close
    assert ending_at(-0.9, 9.1).close
    assert ending_at(-10.9, -0.9).close
    assert not ending_at(1.1, 11.1).close
    assert not ending_at(-5, 5).close
    assert not claim("x", [1, 1, 1], 0).close


# --- the words ---


def test_words_are_exact():
    a = {seed: 0.60 + step for seed, step in enumerate([0.010, 0.030, 0.020, 0.040, 0.000, 0.020])}
    got = claim("one trunk scores higher than three.", a, dict.fromkeys(a, 0.59), unit="%")
    numbers = "mean difference ≈ +3.0 percentage points, 95 % interval ≈ +1.5 to ≈ +4.5, 6 paired seeds"
    assert repr(got) == str(got) == f"supported: one trunk scores higher than three ({numbers})"
    assert got.sentence() == f"The measurements support the claim that one trunk scores higher than three ({numbers})."


def test_every_measured_number_is_marked_and_the_sign_is_a_minus():
    masked = r"≈ [+−]\d+(?:\.\d+)?"
    for scale in (1e-8, 1e-3, 1.0, 1e6):
        text = str(claim("b wins", [-scale, -2 * scale, -4 * scale], [0, 0, 0], "less"))
        assert len(re.findall(masked, text)) == 3
        assert "-" not in text
        rest = re.sub(masked, "#", text)
        assert rest == "undecided: b wins (mean difference #, 95 % interval # to #, 3 paired seeds)"


def test_unit_and_pairs_are_named():
    results = by_seed([1.0, 2.0, 3.0, 2.0], "school")
    text = str(claim("it is quicker", results, by_seed([0.0, 0.0, 1.0, 1.0], "school"), unit="ms"))
    assert "ms, 95 %" in text
    assert text.endswith("4 paired schools)")
    assert str(claim("x", [1, 2, 3], [1, 1, 1], by="pupil")).endswith("3 paired pupils)")
    two = pd.MultiIndex.from_product([[50, 100], [0, 1]], names=["labels", "seed"])
    assert str(claim("x", pd.Series([1.0, 2, 3, 4], two), pd.Series([1.0, 1, 1, 1], two))).endswith("4 pairs)")


@pytest.mark.parametrize(
    ("a", "words"),
    [
        ([1, 1.1, 0.9], "support the claim that"),
        ([-1, -1.1, -0.9], "contradict the claim that"),
        ([1, -1, 0], "do not decide whether"),
    ],
)
def test_the_sentence_fits_the_verdict(a, words):
    assert f"The measurements {words} a beats b (" in claim("a beats b", a, 0).sentence()


# --- what is refused ---

GOOD = {0: 1.0, 1: 2.0, 2: 3.0}
TWICE = pd.Series([1.0, 2.0, 3.0, 4.0], index=pd.Index([0, 1, 1, 2], name="seed"))


@pytest.mark.parametrize(
    ("a", "b", "error", "message"),
    [
        ([1, 2], [1, 2], ValueError, "2 pairs cannot carry a claim; give 3"),
        ({}, 0.5, ValueError, "0 pairs"),
        ([1, 2, 3], [1, 2, 3, 4], ValueError, "a has 3 results and b has 4"),
        (GOOD, {0: 1.0, 2: 2.0, 7: 1.0}, ValueError, "a has no result for 7; b has no result for 1"),
        (TWICE, GOOD, ValueError, "a has more than one result for 1"),
        (GOOD, TWICE, ValueError, "b has more than one result for 1"),
        ({0: 1.0, 1: math.nan, 2: math.nan}, GOOD, ValueError, "a holds NaN or infinity at seed 1, 2"),
        (GOOD, {0: 1.0, 1: 1.0, 2: math.inf}, ValueError, "b holds NaN or infinity at seed 2"),
        (by_seed([1, 2, math.nan], "school"), 0, ValueError, "at school 2"),
        ([1, 2, math.nan], 0, ValueError, "at position 2"),
        (GOOD, math.nan, ValueError, "NaN"),
        (by_seed([1, 2, 3]), by_seed([1, 2, 3], "school"), ValueError, "indexed by 'seed' and b by 'school'"),
        (GOOD, [1, 2, 3], TypeError, "cannot be paired"),
        ([1, 2, "3"], 0, TypeError, r"a\[2\] must be a number, not '3'"),
        ({0: 1.0, 1: None, 2: 1.0}, 0, TypeError, r"a\[1\] must be a number, not None"),
        (np.ones((3, 2)), 0, TypeError, r"a\[0\] must be a number"),
        (0.5, 0.4, TypeError, "a must be a mapping"),
        ("abc", 0, TypeError, "a must be a mapping"),
        ({1, 2, 3}, 0, TypeError, "not set"),
        (pd.DataFrame({"score": [1, 2, 3]}), 0, TypeError, "not DataFrame"),
        (GOOD, None, TypeError, "b must be a mapping"),
    ],
)
def test_what_does_not_pair_is_refused(a, b, error, message):
    with pytest.raises(error, match=message):
        claim("a beats b", a, b)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"better": "higher"}, ValueError, "'greater' or 'less', not 'higher'"),
        ({"text": "  "}, TypeError, "needs words"),
        ({"text": None}, TypeError, "needs words"),
        ({"overlap": 0.1}, TypeError, r"the pair \(n_train, n_test\)"),
        ({"overlap": (0, 10)}, ValueError, "n_train must be 1 or more"),
        ({"overlap": (90, 0)}, ValueError, "n_test must be 1 or more"),
        ({"overlap": (0.9, 0.1)}, TypeError, "must be a whole number"),
    ],
)
def test_settings_without_sense_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        claim(**{"text": "a beats b", "a": [1, 2, 3], "b": 0} | arguments)


# --- a guide with a margin ---

SIZES = {"light": 1, "middle": 2, "heavy": 3}


def situation(rng, seeds, means, noise=0.02):
    """Scores of each way over paired seeds, with these true means."""
    return {way: by_seed(mean + noise * rng.standard_normal(seeds)) for way, mean in means.items()}


def test_the_lightest_of_those_that_match_the_best_is_advised():
    base = np.array([0.60, 0.62, 0.61, 0.63])
    wiggle = np.array([0.001, -0.001, 0.002, 0.0])
    ways = {"light": base - 0.05, "middle": base - 0.01 + wiggle, "heavy": base}
    (row,) = advise({"here": ways}, SIZES).itertuples()
    assert (row.Index, row.way) == ("here", "middle")
    assert re.fullmatch(r"middle may lose ≈ 1\.\d points, to heavy", row.why)
    assert advise({"here": ways}, SIZES, margin=0.001).way["here"] == "heavy"
    assert advise({"here": ways}, SIZES, margin=0.06).way["here"] == "light"
    found = match_best(ways)
    assert {way: one.verdict for way, (_, one) in found.items()} == {
        "light": "contradicted",
        "middle": "supported",
        "heavy": "supported",
    }
    assert found["light"][0] == found["middle"][0] == "heavy"
    assert found["heavy"][0] == "middle"


def test_a_way_must_match_every_other_not_only_the_one_that_looks_best():
    """Noise hides which of two heavy ways is best; the light one is level with one of them and unknown against both."""
    up, down = np.array([0.1, -0.1, 0.1, -0.1]), np.array([-0.1, 0.1, -0.1, 0.1])
    level = {"light": 0.6 + np.zeros(4), "middle": 0.6 + np.zeros(4), "heavy": 0.59 + up}
    assert advise({"here": level}, SIZES).way["here"] is None, (
        "the heavy one has less on average, and may be far better"
    )
    noisy = {"light": 0.6 + up, "middle": 0.59 + down, "heavy": 0.59 + np.zeros(4)}
    found = advise({"here": noisy}, SIZES)
    assert found.way["here"] is None
    assert found.why["here"].startswith("even ")


def test_a_way_shown_to_lose_to_one_is_lost_whatever_nobody_knows_of_another():
    noise = np.array([0.2, -0.2, 0.2, -0.2])
    ways = {"light": 0.5 + np.zeros(4), "middle": 0.55 + np.array([0.0, 0.001, 0.0, 0.001]), "heavy": 0.5 + noise}
    rival, one = match_best(ways)["light"]
    assert (rival, one.verdict) == ("middle", "contradicted")
    assert match_best(ways)["middle"][1].verdict == "undecided"


def test_less_knowledge_never_makes_advice_lighter():
    """A light way truly loses four points. With few seeds the guide is silent; it does not name the light way."""
    rng = np.random.default_rng(0)
    means = {"light": 0.56, "middle": 0.60, "heavy": 0.60}
    named = {n: advise({j: situation(rng, n, means) for j in range(150)}, SIZES).way for n in (3, 10, 40)}
    assert all((ways == "light").mean() <= 0.025 for ways in named.values())
    silent = [ways.isna().mean() for ways in named.values()]
    assert silent == sorted(silent, reverse=True)
    assert silent[0] > 0.8
    assert silent[-1] < 0.05


def test_on_the_border_a_way_is_advised_as_seldom_as_the_interval_says():
    """A way that loses exactly the margin passes in 2.5 % of cases: the one side of a 95 % interval that counts."""
    rng = np.random.default_rng(1)
    border = {"light": 0.58, "heavy": 0.60}
    named = advise({j: situation(rng, 6, border) for j in range(DRAWS // 8)}, SIZES).way
    assert (named == "light").mean() == pytest.approx(0.025, abs=4 * math.sqrt(0.025 * 0.975 / (DRAWS // 8)))


def test_a_guide_compares_the_seeds_that_all_have():
    rng = np.random.default_rng(2)
    seed = by_seed(rng.uniform(0.5, 0.7, 8))
    ways = {"light": seed, "heavy": (seed - 0.01)[2:]}
    both = {way: own[2:] for way, own in ways.items()}
    assert advise({0: ways}, SIZES).equals(advise({0: both}, SIZES))
    with pytest.raises(ValueError, match="2 pairs cannot carry"):
        advise({0: {"light": seed[:4], "heavy": seed[2:]}}, SIZES)


@pytest.mark.parametrize(
    ("ways", "margin", "message"),
    [
        ({"light": [0.5, 0.6, 0.7]}, 0.02, "two or more"),
        ({"light": [0.5, 0.6, 0.7], "heavy": [0.5, 0.6, 0.7]}, 0.0, "above 0"),
        ({"light": [0.5, 0.6, 0.7], "heavy": [0.5, 0.6, 0.7]}, "2 points", "above 0"),
        ({"light": [0.5, 0.6, 0.7], "heavy": [0.5, 0.6]}, 0.02, "no result for 2"),
    ],
)
def test_what_cannot_be_matched_is_refused(ways, margin, message):
    with pytest.raises(ValueError, match=message):
        match_best(ways, margin)


def test_the_lightest_unbeaten_way_is_lighter_the_less_one_knows():
    """What the guide is for: the rule that sounds modest names the light way because nobody could tell."""
    rng = np.random.default_rng(3)
    cases = {j: situation(rng, 10, {"light": 0.57, "middle": 0.60, "heavy": 0.60}, noise=0.02) for j in range(40)}
    old, new = (try_rule(rule, cases, SIZES).groupby("seeds").mean(numeric_only=True) for rule in RULES)
    assert old.lighter[3] > 0.3
    assert old.lighter[10] == 0, "all seeds are all seeds"
    assert old.wrong[3] > 0.05
    assert new.wrong.max() < 0.02
    assert new.lighter.max() < 0.05
    assert new.silent[3] > new.silent[5] > new.silent[10]
    assert (old.silent == 0).all()


RULES = (take_unbeaten, take_shown)


def test_a_rule_is_tried_on_each_run_of_seeds():
    ways = {"light": by_seed([0.6, 0.6, 0.6, 0.6, 0.6]), "heavy": by_seed([0.6, 0.7, 0.7, 0.7, 0.7])}
    seen = []

    def rule(ways, sizes):
        seen.append(tuple(ways["light"].index))
        return "light" if len(ways["light"]) == 3 else "heavy"

    tried = try_rule(rule, {"here": ways}, SIZES, (3, 5))
    assert seen == [(0, 1, 2, 3, 4), (0, 1, 2), (1, 2, 3), (2, 3, 4), (0, 1, 2, 3, 4)]
    assert tried.advice.tolist() == ["light"] * 3 + ["heavy"]
    assert tried.lighter.tolist() == [True] * 3 + [False]
    assert tried.wrong.tolist() == [True] * 3 + [False]
    assert not tried.silent.any()
    assert try_rule(lambda ways, sizes: None, {"here": ways}, SIZES, (3,)).silent.all()


def test_both_rules_agree_where_everything_is_known():
    ways = {"light": by_seed([0.50, 0.51, 0.50]), "heavy": by_seed([0.60, 0.61, 0.60])}
    assert [rule(ways, SIZES) for rule in RULES] == ["heavy", "heavy"]
    assert [rule(ways, {"light": 1, "heavy": 1}) for rule in RULES] == ["heavy", "heavy"]
    equal = {"light": by_seed([0.60, 0.61, 0.60]), "heavy": by_seed([0.60, 0.61, 0.60])}
    assert [rule(equal, SIZES) for rule in RULES] == ["light", "light"]
