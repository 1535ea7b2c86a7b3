"""One place of a table of results: the right rows, the mean over tasks, and refusals that say what is missing."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl

SCORES = st.floats(0, 1, allow_nan=False)


@st.composite
def tables(draw):
    """A tidy table over random axes, tasks and seeds, its rows in any order."""
    axes = draw(st.lists(st.sampled_from(["width", "delta", "way", "epoch"]), min_size=0, max_size=3, unique=True))
    values = {axis: ["Hard", "Soft", "Pooled"] if axis == "way" else [0.0, 0.5, 8.0] for axis in axes}
    seeds, tasks = range(100, 100 + draw(st.integers(1, 4))), ["a", "b", "c"][: draw(st.integers(1, 3))]
    grid = list(itertools.product(*values.values(), tasks, seeds))
    table = pd.DataFrame(grid, columns=[*axes, "task", "seed"])
    rng = np.random.default_rng(draw(st.integers(0, 1000)))
    table = table.assign(
        score=rng.random(len(table)), validation=rng.random(len(table)), weights=rng.random(len(table))
    )
    return table.sample(frac=1, random_state=0), {axis: draw(st.sampled_from(values[axis])) for axis in axes}


@settings(max_examples=60, deadline=None)
@given(tables(), st.booleans())
def test_a_place_holds_its_own_rows_and_the_mean_over_tasks(drawn, one_task):
    table, place = drawn
    place = place | ({"task": "a"} if one_task else {})
    found = mtl.pick(table, **place)
    for seed in table.seed.unique():
        rows = [
            row
            for row in table.itertuples()
            if row.seed == seed and all(getattr(row, k) == v for k, v in place.items())
        ]
        assert found[seed] == pytest.approx(np.mean([row.score for row in rows]))
    assert found.index.name == "seed"
    assert len(found) == table.seed.nunique()


@settings(max_examples=40, deadline=None)
@given(tables())
def test_what_varies_must_be_named(drawn):
    table, place = drawn
    for left_out in place:
        if table[left_out].nunique() > 1:
            with pytest.raises(ValueError, match=f"say which is meant of {left_out}"):
                mtl.pick(table, **{k: v for k, v in place.items() if k != left_out})


@pytest.fixture
def table():
    rows = itertools.product(["test", "validation"], [4, 8], ["a", "b"], [100, 101])
    table = pd.DataFrame(rows, columns=["split", "width", "task", "seed"])
    return table.assign(score=np.arange(len(table), dtype=float), loss=1.0)


def test_the_test_split_is_meant_unless_another_is_named(table):
    assert mtl.pick(table, width=4).to_dict() == {100: 1.0, 101: 2.0}
    assert mtl.pick(table, width=4, split="validation").to_dict() == {100: 9.0, 101: 10.0}
    assert mtl.pick(table, "loss", width=4).tolist() == [1.0, 1.0]


def test_a_place_that_is_not_there_is_refused(table):
    with pytest.raises(ValueError, match=r"no row is at .*width: 4, 8"):
        mtl.pick(table, width=5)
    with pytest.raises(KeyError, match="no column 'depth'"):
        mtl.pick(table, depth=5)
    with pytest.raises(KeyError, match="no column 'merit'"):
        mtl.pick(table, "merit", width=4)


def test_a_row_given_twice_is_refused(table):
    with pytest.raises(ValueError, match="several rows"):
        mtl.pick(pd.concat([table, table[:1]]), width=4)


def test_what_is_selected_can_be_claimed(table):
    found = mtl.claim("wide is better", [*mtl.pick(table, width=8), 6.0], [*mtl.pick(table, width=4), 2.5])
    assert found.verdict == "supported"
