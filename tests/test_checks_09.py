"""The exercises of lesson 09: the stub, the solution, and each typical mistake with its own answer."""

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mtl_lesson import checks
from mtl_lesson.checks import lesson_09

TEXT = Path(__file__).resolve().parents[1] / "notebooks" / "text" / "09_who_belongs_together.py"


def auc(score, company, diagonal=False, tie=0.5, directions=lambda i, j: True):
    pairs = [
        (score[i, j], company[i] == company[j])
        for i in range(len(score))
        for j in range(len(score))
        if (i != j or diagonal) and directions(i, j)
    ]
    within, between = ([value for value, same in pairs if same is wanted] for wanted in (True, False))
    return np.mean([(a > b) + tie * (a == b) for a in within for b in between])


def difference_of_means(score, company):
    same = np.equal.outer(company, company) & ~np.eye(len(score), dtype=bool)
    return score[same].mean() - score[~np.equal.outer(company, company)].mean()


def of_two(score, company):
    """Right for two companies, called after the first task's."""
    return auc(score, [one == company[0] for one in company])


NAMED = [
    (lambda score, company: ..., "not attempted", ""),
    (auc, "right", ""),
    (lambda s, c: auc(s, c, diagonal=True), "wrong", "diagonal"),
    (lambda s, c: auc(s, c, tie=0), "wrong", "counts nothing"),
    (lambda s, c: auc(s, c, tie=1), "wrong", "counts as one"),
    (lambda s, c: 1 - auc(s, c), "wrong", "wrong way round"),
    (lambda s, c: auc(s, c, directions=lambda i, j: i < j), "wrong", "one direction"),
    (lambda s, c: auc(s, c, directions=lambda i, j: i > j), "wrong", "one direction"),
    (difference_of_means, "wrong", "two means"),
    (lambda s, c: 32 * auc(s, c), "wrong", "divide by how many"),
    (of_two, "wrong", "three companies"),
    (lambda s, c: 0.123, "wrong", "of the comparisons"),
    (lambda s, c: None, "wrong", "return missing"),
    (lambda s, c: float("nan"), "wrong", "nan"),
    (lambda s, c: [0.5], "wrong", "one number"),
    (lambda s: 1, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), NAMED)
def test_a_named_company_is_judged(answer, state, words):
    result = checks.named_company(answer)
    assert result.state == state
    assert words in result.words, result.words


@settings(deadline=None, max_examples=20)
@given(st.integers(2, 3), st.integers(0, 2**16))
def test_the_auc_is_that_of_a_random_pair_and_changes_sides_with_the_score(T, seed):
    rng = np.random.default_rng(seed)
    score, company = rng.integers(0, 4, (2 * T, 2 * T)).astype(float), [*"AB"] * T
    found = lesson_09.share_in_order(score, company)
    assert found == pytest.approx(auc(score, company))
    assert found + lesson_09.share_in_order(-score, company) == pytest.approx(1)


def helps(there, loss, constant=True):
    columns = np.column_stack([np.ones(len(there)), there]) if constant else there
    return np.linalg.lstsq(columns, -loss, rcond=None)[0][1 if constant else 0 :]


def difference_with_and_without(there, loss):
    return np.array([loss[column == 0].mean() - loss[column == 1].mean() for column in there.T])


HELPS = [
    (lambda there, loss: ..., "not attempted", ""),
    (helps, "right", ""),
    (lambda there, loss: list(helps(there, loss)), "right", ""),
    (lambda there, loss: -helps(there, loss), "wrong", "wrong way round"),
    (lambda there, loss: helps(there, loss, constant=False), "wrong", "no constant"),
    (lambda there, loss: -helps(there, loss, constant=False), "wrong", "sign is that of the loss"),
    (difference_with_and_without, "wrong", "each gets the other's merit"),
    (lambda there, loss: -difference_with_and_without(there, loss), "wrong", "with the wrong sign"),
    (lambda there, loss: helps(there, loss - loss.mean(), constant=False), "wrong", "the columns were not"),
    (
        lambda there, loss: np.linalg.lstsq(np.column_stack([np.ones(len(there)), there]), -loss, rcond=None)[0],
        "wrong",
        "one number too many",
    ),
    (lambda there, loss: [1.0, 2.0], "wrong", "4 numbers"),
    (lambda there, loss: np.ones(4), "wrong", "yours is +1.00"),
    (lambda there, loss: None, "wrong", "return missing"),
    (lambda there: there, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), HELPS)
def test_a_surrogate_is_judged(answer, state, words):
    result = checks.surrogate(answer)
    assert result.state == state
    assert words in result.words, result.words


def test_who_comes_in_good_company_would_get_its_merit():
    """The check's groups are such that the difference of means misleads: the second task helps nobody."""
    means = difference_with_and_without(lesson_09.THERE, lesson_09.LOSS)
    assert means[1] > 0.15 > abs(lesson_09.who_helps(lesson_09.THERE, lesson_09.LOSS)[1])


def cosines(gram):
    length = np.sqrt(np.diag(gram))
    return gram / np.outer(length, length)


BIG = [
    (lambda gram: ..., "not attempted", ""),
    (cosines, "right", ""),
    (lambda gram: cosines(gram) * (1 - np.eye(4)), "right", ""),
    (lambda gram: gram, "wrong", "nothing has changed"),
    (lambda gram: gram / np.outer(np.diag(gram), np.diag(gram)), "wrong", "take its root"),
    (lambda gram: gram / np.sqrt(np.diag(gram))[:, None], "wrong", "receiver's is still"),
    (lambda gram: gram / np.sqrt(np.diag(gram)), "wrong", "giver's is still"),
    (lambda gram: gram / np.diag(gram)[:, None], "wrong", "each row by its diagonal"),
    (lambda gram: gram / np.diag(gram), "wrong", "each column by its diagonal"),
    (lambda gram: gram / gram.max(), "wrong", "one number for the whole table"),
    (lambda gram: gram / gram.sum(), "wrong", "one number for the whole table"),
    (lambda gram: gram - gram.mean(), "wrong", "changes no order"),
    (lambda gram: gram / gram.sum(1, keepdims=True), "wrong", "sums of the rows"),
    (np.sign, "wrong", "signs alone"),
    (lambda gram: cosines(lesson_09.GRAM) * (1 if np.allclose(gram, lesson_09.GRAM) else 2), "wrong", "seven times"),
    (lambda gram: cosines(gram) ** 3, "wrong", "cuts these four rightly"),
    (lambda gram: gram * gram, "wrong", "should be into ab, cd"),
    (lambda gram: gram[0], "wrong", "like the one given"),
    (lambda gram: None, "wrong", "return missing"),
]


@pytest.mark.parametrize(("answer", "state", "words"), BIG)
def test_a_big_task_is_judged(answer, state, words):
    result = checks.big_friend(answer)
    assert result.state == state
    assert words in result.words, result.words


def test_the_big_task_is_a_trap():
    assert lesson_09.best_pairs(lesson_09.GRAM) == "ad, bc"
    assert lesson_09.best_pairs(lesson_09.as_cosines(lesson_09.GRAM)) == "ab, cd"
    others = lesson_09.GRAM - np.diag(np.diag(lesson_09.GRAM))
    assert (others.argmax(1)[:3] == 3).all()  # the big task looks like everybody's friend


@pytest.mark.parametrize(
    ("answer", "state", "words"),
    [
        ((..., ..., ...), "not attempted", ""),
        (("D", "validation", "seed"), "right", ""),
        ((" d", "Validation", "SEED"), "right", ""),
        (("A", "validation", "seed"), "wrong", "poor rival"),
        (("B", "validation", "seed"), "wrong", "more weights"),
        (("C", "validation", "seed"), "wrong", "not known"),
        (("D", "test", "seed"), "wrong", "noise"),
        (("D", "train", "seed"), "wrong", "new examples"),
        (("D", "validation", "task"), "wrong", "hang together"),
        (("D", "validation", "group"), "wrong", "no sample"),
        (("E", "validation", "seed"), "wrong", "no comparison"),
    ],
)
def test_a_test_of_groups_is_judged(answer, state, words):
    result = checks.claim_of_groups(*answer)
    assert result.state == state
    assert words in result.words, result.words


# What the lesson says of them.


@pytest.mark.parametrize(
    ("exercise", "name"),
    [(checks.named_company, "auc"), (checks.surrogate, "helps"), (checks.big_friend, "comparable")],
)
def test_the_folded_solution_is_right(exercise, name):
    folded = re.findall(r"<details>.*?</details>", TEXT.read_text(encoding="utf-8"), re.S)
    (solution,) = [text for text in folded if f"def {name}(" in text]
    space = {"np": np, "itertools": itertools}
    exec(re.search(r"```python\n(.*?)```", re.sub(r"(?m)^# ?", "", solution), re.S)[1], space)
    assert exercise(space[name]).state == "right"


def test_the_folded_design_is_right():
    (told,) = re.findall(r'`\(("D", .*?)\)`', TEXT.read_text(encoding="utf-8"))
    assert checks.claim_of_groups(*(word.strip(' "') for word in told.split(","))).state == "right"
