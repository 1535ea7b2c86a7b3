"""Choosing on validation: the test scores have no say in it."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from mtl_lesson.evidence import choose

LAMBDAS, SEEDS, TASKS = [0.0, 1.0, float("inf")], [0, 1, 2], ["bo", "ana"]


def tidy(validation, test):
    """Scores (seeds, λs, tasks) as a sweep's table."""
    rows = []
    for split, values in (("validation", validation), ("test", test)):
        for (s, i, t), value in np.ndenumerate(values):
            rows.append({"lam": LAMBDAS[i], "seed": SEEDS[s], "task": TASKS[t], "split": split, "score": value})
    rows += [row | {"split": "train", "score": np.nan} for row in rows[:3]]
    return pd.DataFrame(rows)


@pytest.fixture
def scores():
    return np.random.default_rng(0).random((2, 3, 3, 2))


def test_it_is_a_plain_loop(scores):
    validation, test = scores
    found = choose(tidy(validation, test), "lam", better="greater")
    for s, seed in enumerate(SEEDS):
        best = max(range(3), key=lambda i: validation[s, i].mean())
        row = found.loc[seed]
        assert row.lam == LAMBDAS[best]
        assert row[TASKS].tolist() == test[s, best].tolist()
        assert row["mean"] == pytest.approx(test[s, best].mean())
    assert list(found.columns) == ["lam", *TASKS, "mean"]
    assert found.index.name == "seed"


def test_the_test_set_has_no_say(scores):
    validation, test = scores
    found = choose(tidy(validation, test), "lam", better="greater").lam
    assert found.equals(choose(tidy(validation, test[:, ::-1]), "lam", better="greater").lam)
    assert not found.equals(choose(tidy(-validation, test), "lam", better="greater").lam)


def test_less_can_be_better_and_the_first_of_equals_is_taken(scores):
    validation, test = scores
    most = choose(tidy(validation, test), "lam", better="greater")
    assert choose(tidy(-validation, test), "lam", better="less").equals(most)
    assert (choose(tidy(np.ones((3, 3, 2)), test), "lam", better="greater").lam == 0.0).all()


def test_the_form_of_the_bank_is_read_too(scores):
    long = tidy(*scores)
    wide = long[long.split != "train"].pivot(index=["lam", "seed", "task"], columns="split", values="score")
    wide = wide.reset_index().rename(columns={"test": "score"})
    found = [choose(table, "lam", better="greater")[TASKS] for table in (wide, long)]
    pd.testing.assert_frame_equal(*found)


def test_what_cannot_be_chosen_from_is_refused(scores):
    long = tidy(*scores)
    with pytest.raises(ValueError, match="other axes"):
        choose(pd.concat([long, long]), "lam", better="greater")
    with pytest.raises(ValueError, match="test=True"):
        choose(long[long.split != "test"], "lam", better="greater")
    with pytest.raises(KeyError, match="gamma"):
        choose(long, "gamma", better="greater")
    with pytest.raises(ValueError, match="'greater' or 'less'"):
        choose(long, "lam", better="more")


# which way is better


def test_the_table_says_which_way_is_better():
    """Validation errors of 0.441, 0.158 and 0.428 choose the second λ, not the first."""
    errors = np.array([0.441, 0.158, 0.428])[None, :, None] * np.ones((3, 3, 2))
    table = tidy(errors, errors[:, ::-1]).assign(higher_is_better=False)
    found = choose(table, "lam")
    assert (found.lam == 1.0).all()
    assert (choose(table.assign(higher_is_better=True), "lam").lam == 0.0).all()
    with pytest.raises(ValueError, match="better='less'"):
        choose(table.drop(columns="higher_is_better"), "lam")
    with pytest.raises(TypeError, match="contradicts"):
        choose(table, "lam", better="greater")


@given(st.lists(st.floats(0.05, 0.95), min_size=6, max_size=6), st.permutations(LAMBDAS))
def test_a_score_that_should_fall_chooses_what_its_mirror_image_chooses(values, order):
    """Errors e and accuracies 1 − e are one thing; neither the order of rows nor of the axis decides."""
    errors = np.array(values).round(3).reshape(1, 3, 2)
    table = tidy(errors, errors).query("split != 'train'")
    table = pd.concat([table[table.lam == lam] for lam in order])
    right = table.assign(score=1 - table.score, higher_is_better=True)
    wrong = table.assign(higher_is_better=False)
    means = errors.mean(2).round(9)
    assume(len(set(means.ravel())) == 3)
    assert choose(right, "lam").lam.tolist() == choose(wrong, "lam").lam.tolist() == [LAMBDAS[means.argmin()]]


def test_an_accuracy_and_an_error_are_weighed_by_their_relative_change():
    accuracy, error = [0.5, 0.6, 0.4], [2.0, 1.0, 4.0]
    scores = np.stack([accuracy, error], 1)[None]
    table = tidy(scores, scores).query("split != 'train'").assign(higher_is_better=lambda t: t.task == TASKS[0])
    found = choose(table, "lam")
    assert found.lam.tolist() == [1.0]  # +20 % and half the error
    assert list(found.columns) == ["lam", *TASKS]  # a mean of the two would say nothing
    alone = table.assign(score=table.score.where(table.task == TASKS[0], 0.0))
    with pytest.raises(ValueError, match=r"exactly 0.*isin"):
        choose(alone, "lam")


def test_a_run_that_failed_is_not_averaged_away(scores):
    validation, test = scores
    validation[1, 2, 0] = np.nan
    with pytest.raises(ValueError, match="no validation score"):
        choose(tidy(validation, test), "lam", better="greater")
