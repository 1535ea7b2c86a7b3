"""The exercises of lesson 12: the stub, the solution, and each typical mistake with its own answer."""

import itertools

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from mtl_lesson import checks
from mtl_lesson.checks import lesson_12

RIGHT = ("voice", "prompt", "row", "year")
numbers = st.integers(0, 1000).map(lambda thousandths: thousandths / 1000)


def test_the_units_of_the_four_claims():
    assert checks.unit_of_claim(*RIGHT).state == "right"
    assert checks.unit_of_claim(..., ..., ..., ...).state == "not attempted"
    assert checks.unit_of_claim(*(unit.upper() for unit in RIGHT)).state == "right"


@pytest.mark.parametrize("place", range(4))
def test_each_wrong_unit_has_a_reason(place):
    units = set(lesson_12.UNITS["first claim"]) - {RIGHT[place]}
    reasons = set()
    for unit in units:
        answer = [*RIGHT[:place], unit, *RIGHT[place + 1 :]]
        result = checks.unit_of_claim(*answer)
        assert result.state == "wrong"
        assert repr(unit) in result.words
        reasons.add(result.words)
    assert len(reasons) == len(units) == 4
    assert "there is no first claim" in checks.unit_of_claim("patient", *RIGHT[1:]).words
    assert "4 answers are asked for" in checks.unit_of_claim("voice", "voice").words


def by_groups(score, group):
    return torch.stack([score[group == one].mean() for one in group.unique()]).mean()


@given(st.lists(st.tuples(numbers, st.integers(0, 5)), min_size=1, max_size=30))
def test_what_is_right_is_right_for_any_scores_and_groups(rows):
    score, group = (torch.tensor(part) for part in zip(*rows, strict=True))
    assert lesson_12.wrong_mean(by_groups(score, group).item(), score, group) is None


@pytest.mark.parametrize("function", [by_groups, lambda s, g: by_groups(s, g).item()])
def test_the_solution_is_right(function):
    assert checks.mean_over_groups(function).state == "right"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda s, g: s.mean(), "the mean over examples"),
        (lambda s, g: by_groups(s, g) * len(g.unique()), "added up"),
        (lambda s, g: sum(s[g == one].sum() for one in g.unique()) / len(g.unique()), "groups' sums"),
        (lambda s, g: by_groups(s, g) * len(g.unique()) / len(s), "divided by the number of examples"),
        (lambda s, g: s.max(), "it is 1"),
        (lambda s, g: (s[g == 0].mean() + s[g == 1].mean()) / 2, "where the groups are 7, 2 and 5"),
        (lambda s, g: None, "returns nothing"),
        (lambda s, g: "much", "is a str"),
        (lambda s, g: torch.tensor([1.0, 2.0]), "is a Tensor"),
        (lambda s, g: float("nan"), "it is nan"),
        (lambda s, g: s.fill_(0).mean(), "changes score"),
    ],
)
def test_each_mistake_has_its_own_answer(function, words):
    result = checks.mean_over_groups(function)
    assert result.state == "wrong"
    assert words in result.words


def test_no_two_mistakes_are_one_number():
    score, group = torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0, 1.0]), torch.tensor([0, 0, 1, 1, 1, 1])
    means = [score[group == one].mean().item() for one in (0, 1)]
    values = [sum(means) / 2, score.mean().item(), sum(means), 2.5, sum(means) / 6]
    assert all(abs(a - b) > 1e-3 for a, b in itertools.combinations(values, 2))


def test_a_stub_is_not_attempted():
    assert checks.mean_over_groups(lambda score, group: ...).state == "not attempted"
