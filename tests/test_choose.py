"""Choosing on validation: the test scores have no say in it."""

import numpy as np
import pandas as pd
import pytest

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
    found = choose(tidy(validation, test), "lam")
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
    assert choose(tidy(validation, test), "lam").lam.equals(choose(tidy(validation, test[:, ::-1]), "lam").lam)
    assert not choose(tidy(validation, test), "lam").lam.equals(choose(tidy(-validation, test), "lam").lam)


def test_less_can_be_better_and_the_first_of_equals_is_taken(scores):
    validation, test = scores
    assert choose(tidy(-validation, test), "lam", better="less").equals(choose(tidy(validation, test), "lam"))
    assert (choose(tidy(np.ones((3, 3, 2)), test), "lam").lam == 0.0).all()


def test_the_form_of_the_bank_is_read_too(scores):
    long = tidy(*scores)
    wide = long[long.split != "train"].pivot(index=["lam", "seed", "task"], columns="split", values="score")
    wide = wide.reset_index().rename(columns={"test": "score"})
    pd.testing.assert_frame_equal(choose(wide, "lam")[TASKS], choose(long, "lam")[TASKS])


def test_what_cannot_be_chosen_from_is_refused(scores):
    long = tidy(*scores)
    with pytest.raises(ValueError, match="other axes"):
        choose(pd.concat([long, long]), "lam")
    with pytest.raises(ValueError, match="test=True"):
        choose(long[long.split != "test"], "lam")
    with pytest.raises(KeyError, match="gamma"):
        choose(long, "gamma")
    with pytest.raises(ValueError, match="'greater' or 'less'"):
        choose(long, "lam", better="more")
