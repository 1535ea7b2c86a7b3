"""The exercises of lesson 03: the stub, the solution, and each typical mistake with its own answer."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson import checks
from mtl_lesson.checks import lesson_03

TEXT = Path(__file__).resolve().parents[1] / "notebooks" / "text"
PLACES = {  # exercise → the text it stands in, and what it is called there
    "borrow": ("03_borrowed_pupils.py", "borrow"),
    "carries_over": ("03_borrowed_pupils.py", "design"),
    "suggested_lambda": ("03_borrowed_pupils.py", "suggested_lambda"),
    "shares_nothing": ("extra/03_directions.py", "shares_nothing"),
}
INFINITY = float("inf")


def mean_of(own, everyone, n, k):
    return (n * own + k * everyone) / (n + k)


def suggestion(noise, between, n, T):
    return noise / (between * n * T) if between > 0 else INFINITY


BORROW = [
    (lambda own, everyone, n, pull: ..., "not attempted", "checks.borrow.hint()"),
    (lambda own, everyone, n, pull: mean_of(own, everyone, n, n * pull), "right", ""),
    (lambda own, everyone, n, pull: (own + pull * everyone) / (1 + pull), "right", ""),
    (lambda own, everyone, n, pull: np.float64(mean_of(own, everyone, n, n * pull)), "right", ""),
    (lambda own, everyone, n, pull: mean_of(everyone, own, n, n * pull), "wrong", "swapped"),
    (lambda own, everyone, n, pull: mean_of(own, everyone, n, pull), "wrong", "used λ' as k"),
    (lambda own, everyone, n, pull: n * own + n * pull * everyone, "wrong", "divide by n + k"),
    (lambda own, everyone, n, pull: (own + everyone) / 2, "wrong", "plain mean"),
    (lambda own, everyone, n, pull: own, "wrong", "borrows nothing"),
    (lambda own, everyone, n, pull: everyone, "wrong", "do not count"),
    (lambda own, everyone, n, pull: -0.25, "wrong", "with λ' = 0"),
    (lambda own, everyone, n, pull: -0.25 if pull else own, "wrong", "wrong for other numbers"),
    (lambda own, everyone, n, pull: 0.3, "wrong", "should be"),
    (lambda own, everyone, n, pull: None, "wrong", "return missing"),
    (lambda own, everyone, n, pull: [0.3], "wrong", "one number"),
    (lambda own, everyone, n, pull: 1 / 0, "crashed", "ZeroDivisionError"),
]
SUGGESTED = [
    (lambda noise, between, n, T: ..., "not attempted", "checks.suggested_lambda.hint()"),
    (suggestion, "right", ""),
    (lambda noise, between, n, T: suggestion(noise, between, n, T) * T, "wrong", "that is λ'"),
    (lambda noise, between, n, T: suggestion(noise, between, n, T) * n, "wrong", "n is missing"),
    (lambda noise, between, n, T: suggestion(noise, between, n, T) * n * T, "wrong", "that is k"),
    (lambda noise, between, n, T: between / (noise * n * T), "wrong", "upside down"),
    (lambda noise, between, n, T: (noise / between) ** 0.5 / (n * T), "wrong", "no root"),
    (lambda noise, between, n, T: (noise / between) ** 2 / (n * T), "wrong", "no square"),
    (lambda noise, between, n, T: noise / between * n * T, "wrong", "wrong side"),
    (lambda noise, between, n, T: noise / between * n / T, "wrong", "less pull"),
    (lambda noise, between, n, T: 0.6 / (0.05 * 630), "wrong", "a formula of noise"),
    (lambda noise, between, n, T: noise / (between * n * T), "wrong", "divides by it"),
    (lambda noise, between, n, T: noise / (between * n * T) if between else 0, "wrong", "should be one school"),
    (lambda noise, between, n, T: 7.0, "wrong", "should be"),
    (lambda noise, between, n, T: None, "wrong", "return missing"),
    (lambda noise, between, n, T: "0.1", "wrong", "one number"),
    (lambda noise, between: 1, "crashed", "TypeError"),
]
RIGHT = {"compare": "B", "pair": "fresh split", "correction": "overlap"}
DESIGNS = [
    ({"compare": ..., "pair": ..., "correction": ...}, "not attempted", "checks.carries_over.hint()"),
    (RIGHT | {"pair": ...}, "not attempted", ""),
    (RIGHT, "right", "Both candidates"),
    (RIGHT | {"compare": "A"}, "wrong", "two numbers"),
    (RIGHT | {"compare": "C"}, "wrong", "never tried"),
    (RIGHT | {"pair": "pupil"}, "wrong", "one line"),
    (RIGHT | {"pair": "old split"}, "wrong", "has been lucky"),
    (RIGHT | {"correction": "none"}, "wrong", "too narrow"),
    ({"compare": "A", "pair": "pupil", "correction": "none"}, "wrong", "two numbers"),
    (RIGHT | {"compare": "b"}, "right", ""),
    (RIGHT | {"pair": ["fresh split"]}, "wrong", "there is no pair"),
    ({"compare": "B"}, "wrong", "a dict with the keys"),
    ("B", "wrong", "a dict with the keys"),
]
WIDTHS = [
    ({...}, "not attempted", "checks.shares_nothing.hint()"),
    ({5, ...}, "not attempted", ""),
    ({5, 8, 12, 20}, "right", ""),
    ([20, 12, 8, 5], "right", ""),
    ({12, 20}, "wrong", "a corner for each"),
    ({12}, "wrong", "a corner for each"),
    ({5}, "wrong", "8 is missing"),
    (5, "wrong", "8 is missing"),
    ({5, 8, 12}, "wrong", "20 is missing"),
    ({8, 12, 20}, "wrong", "5 is missing"),
    ({4, 5, 8, 12, 20}, "wrong", "rank 4 at most"),
    ({1}, "wrong", "with 1 feature Θ"),
    ({5, 6}, "wrong", "6 is none of the widths"),
    ("5, 8", "wrong", "a set of widths"),
]


@pytest.mark.parametrize(
    ("name", "answer", "state", "words"),
    [
        (name, *case)
        for name, cases in (
            ("borrow", BORROW),
            ("carries_over", DESIGNS),
            ("suggested_lambda", SUGGESTED),
            ("shares_nothing", WIDTHS),
        )
        for case in cases
    ],
)
def test_each_answer_is_told_what_it_is(name, answer, state, words):
    told = getattr(checks, name)(answer)
    assert told.state == state, told.words
    assert words in told.words
    assert told.words.startswith("Because ") == (state == "wrong")


@pytest.mark.parametrize("name", PLACES)
def test_the_solution_folded_into_the_lesson_is_right(name):
    """The text after the check, as a learner would copy it."""
    file, answer = PLACES[name]
    text = (TEXT / file).read_text(encoding="utf-8")
    text = text.split(f"checks.{name}({answer})", 1)[1].split("</details>", 1)[0]
    text = re.sub(r"(?m)^# ?", "", text)
    if found := re.search(r"`(\{.*?\})`", text):
        answer = eval(found[1])
    else:
        space = {}
        exec(re.search(r"```python\n(.*?)```", text, re.S)[1], space)
        answer = space[name]
    assert getattr(checks, name)(answer).state == "right"


def test_the_suggested_lambda_is_the_one_the_package_finds():
    world = mtl.data.schools(n=20)
    found = mtl.closed_form.components(world, common=True)
    mine = suggestion(found.noise, float(found.between[0]), 20, len(world.tasks))
    assert mtl.closed_form.empirical_bayes(world) == pytest.approx(mine)


def test_borrowing_is_what_soft_sharing_does_with_one_number_a_school():
    """With a column of ones for input the formula of exercise 1 is the closed form."""
    draw = torch.Generator().manual_seed(0)
    tasks = [mtl.Regression(f"school {t}") for t in range(5)]
    labels = {task.name: torch.randn(6, generator=draw, dtype=torch.float64) for task in tasks}
    split = mtl.data.Split({name: torch.ones(6, 1, dtype=torch.float64) for name in labels}, labels)
    theta = mtl.closed_form.solve(mtl.data.World("ones", tuple(tasks), split, split, split), 0.7 / 5)[:, 0]
    means = torch.stack(list(labels.values())).mean(1)
    torch.testing.assert_close(theta, mean_of(means, means.mean(), 6, 6 * 0.7))


def test_a_trunk_shares_nothing_exactly_at_the_widths_of_the_answer():
    world = mtl.data.planted(T=lesson_03.TASKS, d=lesson_03.INPUTS, n=15, seed=1)
    alone = mtl.closed_form.solve(world, 0.0)
    same = {
        width for width in lesson_03.WIDTHS if torch.allclose(mtl.trace_norm.factored(world, width), alone, atol=1e-4)
    }
    assert same == {5, 8, 12, 20}
