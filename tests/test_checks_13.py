"""The exercises of lesson 13: the stub, the solution, and each typical mistake with its own answer."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mtl_lesson import checks
from mtl_lesson.checks import lesson_13

RIGHT = ("mean over tasks", "school", "0.02", "8 seeds")
CHOICES = (lesson_13.CLAIMS, lesson_13.UNITS, lesson_13.MARGINS, lesson_13.STOPPINGS)


def test_the_protocol_that_can_be_lost():
    assert checks.written_protocol(*RIGHT).state == "right"
    assert checks.written_protocol(*RIGHT[:2], 0.02, "8 SEEDS").state == "right"
    assert checks.written_protocol(..., ..., ..., ...).state == "not attempted"


@pytest.mark.parametrize("place", range(4))
def test_each_wrong_choice_has_a_reason(place):
    wrong = set(CHOICES[place]) - {RIGHT[place]}
    said = {checks.written_protocol(*RIGHT[:place], choice, *RIGHT[place + 1 :]).words for choice in wrong}
    assert len(said) == len(wrong) == 2
    assert "there is no" in checks.written_protocol(*RIGHT[:place], "another", *RIGHT[place + 1 :]).words


def covered(claims, truth):
    return sum(one.low <= truth <= one.high for one in claims) / len(claims)


MISTAKES = {
    "how many intervals": lambda claims, truth: sum(one.low <= truth <= one.high for one in claims),
    "does not hold it": lambda claims, truth: 1 - covered(claims, truth),
    "holds 0": lambda claims, truth: covered(claims, 0),
    "which is": lambda claims, truth: 0.123,
    "returns nothing": lambda claims, truth: None,
}


def test_the_share_of_intervals_that_hold_the_truth():
    assert checks.share_covered(covered).state == "right"
    assert checks.share_covered(lambda claims, truth: ...).state == "not attempted"
    for words, mistaken in MISTAKES.items():
        result = checks.share_covered(mistaken)
        assert result.state == "wrong", words
        assert words in result.words


@given(st.lists(st.tuples(st.floats(-5, 5), st.floats(-5, 5)), min_size=1, max_size=20), st.floats(-5, 5))
def test_the_solution_is_the_coverage_of_the_package(pairs, truth):
    from mtl_lesson.inspection import coverage

    claims = [lesson_13.Interval(min(pair), max(pair)) for pair in pairs]
    assert abs(covered(claims, truth) - coverage(claims, truth)) < 1e-9
