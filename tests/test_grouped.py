"""Worlds whose examples come in groups: what is in which split, and what a group scores."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny import trunk
from tiny import world as tiny
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Grouped, Split, World
from mtl_lesson.data.grouped import cut
from mtl_lesson.inspection import by_group
from mtl_lesson.inspection.by_group import judge_groups

PARTS = ("train", "validation", "test")
sizes = st.lists(st.integers(1, 7), min_size=20, max_size=40)


def rows_of(of, seed=0, split_by="group", shares=(0.2, 0.1, 0.2)):
    n_train, n_validation, n_test = (max(1, int(share * len(of))) for share in shares)
    return cut(of, n_train, n_validation, max(7, n_test), seed, split_by)


# --- the cut --------------------------------------------------------------------------------------------------------


@given(sizes, st.integers(0, 50), st.randoms(use_true_random=False))
def test_no_row_is_in_two_splits_and_by_group_no_group_is(counts, seed, random):
    of = np.repeat(np.arange(len(counts)), counts)
    random.shuffle(of)
    for split_by in ("group", "row"):
        rows = rows_of(of, seed, split_by)
        both = np.concatenate([rows[part] for part in PARTS])
        assert len(set(both)) == len(both)
    rows = rows_of(of, seed)
    groups = [set(of[rows[part]]) for part in PARTS]
    assert not groups[0] & groups[1]
    assert not groups[0] & groups[2]
    assert not groups[1] & groups[2]


@given(sizes, st.integers(0, 50), st.integers(0, 50))
def test_the_test_rows_are_the_same_for_every_seed_and_for_both_ways_to_split(counts, one, other):
    of = np.repeat(np.arange(len(counts)), counts)
    test = rows_of(of, one)["test"]
    assert np.array_equal(test, rows_of(of, other)["test"])
    assert np.array_equal(test, rows_of(of, one, "row")["test"])


@given(sizes, st.integers(0, 20))
def test_of_each_test_group_one_half_is_tested_on(counts, seed):
    of = np.repeat(np.arange(len(counts)), counts)
    tested = np.bincount(of[rows_of(of, seed)["test"]], minlength=len(counts))
    for group in np.flatnonzero(tested):
        assert tested[group] == (counts[group] + 1) // 2


@given(sizes, st.integers(0, 20))
def test_the_numbers_of_rows_are_those_asked_for_and_fewer_are_the_first_of_more(counts, seed):
    of = np.repeat(np.arange(len(counts)), counts)
    n = len(of) // 5
    for split_by in ("group", "row"):
        more, fewer = (cut(of, n_train, 1, 7, seed, split_by) for n_train in (max(2, n), max(1, n // 2)))
        assert len(more["train"]) == max(2, n)
        assert np.array_equal(fewer["train"], more["train"][: len(fewer["train"])])
        assert len(fewer["validation"]) == 1


def test_by_row_training_has_rows_of_the_test_s_groups():
    of = np.repeat(np.arange(50), 8)
    mine, leaky = (cut(of, 200, 50, 40, 3, split_by) for split_by in ("group", "row"))
    assert not set(of[mine["train"]]) & set(of[mine["test"]])
    assert set(of[leaky["train"]]) >= set(of[leaky["test"]])


def test_where_every_row_is_its_own_group_the_two_ways_draw_alike():
    of = np.arange(100)
    mine, other = (cut(of, 40, 20, 20, 3, split_by) for split_by in ("group", "row"))
    assert all(np.array_equal(mine[part], other[part]) for part in PARTS)


@pytest.mark.parametrize(
    ("changed", "error", "words"),
    [
        ({"split_by": "patient"}, ValueError, "split_by is one of 'group', 'row', not 'patient'"),
        ({"n_train": 90}, ValueError, "is too much: beside the test there are"),
        ({"n_validation": 90}, ValueError, "is too much"),
        ({"n_test": 1}, ValueError, "less than half of a group"),
        ({"n_train": 0}, ValueError, "n_train"),
        ({"n_train": 2.5}, TypeError, "n_train"),
        ({"seed": -1}, ValueError, "seed"),
    ],
)
def test_what_cannot_be_cut_is_refused(changed, error, words):
    with pytest.raises(error, match=words):
        cut(np.repeat(np.arange(20), 5), **({"n_train": 40, "n_validation": 10, "n_test": 20, "seed": 0} | changed))


# --- groups and scores ----------------------------------------------------------------------------------------------


def grouped(groups, n=12):
    world = tiny(n=n)
    parts = [getattr(world, part) for part in PARTS]
    return Grouped("g", world.tasks, *parts, groups=dict.fromkeys(PARTS, groups), group="shop")


def test_a_world_with_other_groups_than_examples_is_refused():
    with pytest.raises(ValueError, match="there are 12 examples, and the groups of 5"):
        grouped(torch.zeros(5))


@pytest.mark.parametrize(
    "column",
    [
        lambda names: names,
        tuple,
        np.array,
        lambda names: np.array(names, object),
        pd.Series,
        lambda names: pd.Series(names, index=range(100, 100 + len(names))),
        lambda names: pd.Series(names, dtype="category"),
        pd.Index,
    ],
)
@pytest.mark.parametrize("names", [["Köln", "Bonn", "<b>"], [7, 1900, -3], [0.5, 1.5, 2.5]])
def test_groups_may_be_names_in_any_column_and_are_shown_by_them(column, names):
    other = {"train": names * 4, "validation": names[::-1] * 4, "test": (names[1:] * 6)[:12]}
    world = tiny(n=12)
    parts = [getattr(world, part) for part in PARTS]
    groups = {part: column(values) for part, values in other.items()}
    made = Grouped("g", world.tasks, *parts, groups=groups, group="town")
    for part, values in other.items():
        assert [made.group_names[number] for number in made.groups[part].tolist()] == values
    table = judge_groups(made, {task.name: torch.zeros(12, task.outputs) for task in world.tasks})
    assert set(table.town) == set(names[1:])
    kept = mtl.data.only(made, ["bo"])
    assert (kept.group_names, kept.group) == (made.group_names, "town")


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT])
def test_an_example_without_a_group_is_refused(missing):
    with pytest.raises(ValueError, match="g, train: example 3 has no group"):
        grouped(["a", "b", "c", missing] * 3)


def test_a_split_without_groups_is_refused():
    world = tiny(n=12)
    parts = [getattr(world, part) for part in PARTS]
    groups = dict.fromkeys(PARTS[:2], torch.zeros(12))
    with pytest.raises(KeyError, match="groups has none for 'test'"):
        Grouped("g", world.tasks, *parts, groups=groups, group="shop")


class Last(nn.Module):
    """A GRU's last state."""

    def __init__(self):
        super().__init__()
        self.gru = nn.GRU(2, 5, batch_first=True)

    def forward(self, x):
        return self.gru(x)[0][:, -1]


@pytest.mark.parametrize("kind", ["BatchNorm", "GRU"])
def test_groups_add_up_to_the_whole_for_networks_that_look_elsewhere(kind):
    world, layout, trunk = tiny(n=24), None, nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.ReLU())
    part = world.train
    if kind == "GRU":
        layout, trunk, part = "sequences", Last(), Split(torch.randn(24, 6, 2), part.labels)
    parts, groups = [part] * 3, dict.fromkeys(PARTS, list("abcd") * 6)
    made = Grouped("g", world.tasks, *parts, layout=layout, groups=groups, group="shop")
    run = mtl.fit(mtl.Hard(made, trunk, features=5), made, epochs=2, progress=False)
    table = by_group(run)
    for task, score in run.test().items():
        own = table[table.task == task]
        assert (own.score * own["count"]).sum() / own["count"].sum() == pytest.approx(score, abs=1e-5)


def test_one_group_scores_what_the_run_scores():
    world = grouped(torch.zeros(12).long())
    run = mtl.fit(mtl.Hard(world.tasks, trunk()), world, epochs=1, progress=False)
    table = by_group(run).set_index("task")
    for task, score in run.test().items():
        assert table.score[task] == pytest.approx(score, abs=1e-6)
    assert list(by_group(run)) == ["shop", "task", "loss", "score", "count"]


@given(st.lists(st.integers(0, 3), min_size=12, max_size=12))
def test_groups_weighted_by_their_labels_are_the_whole(numbers):
    world = grouped(torch.tensor(numbers))
    outputs = {task.name: torch.randn(12, task.outputs) for task in world.tasks}
    table = judge_groups(world, outputs)
    for task in world.tasks:
        own = table[table.task == task.name]
        whole = task.loss(outputs[task.name][None], world.test.labels[task.name][None]).item()
        assert (own.loss * own["count"]).sum() / own["count"].sum() == pytest.approx(whole, rel=1e-4, abs=1e-6)


def test_a_group_without_a_label_has_no_row():
    world = grouped(torch.tensor([0] * 6 + [1] * 6))
    name = world.tasks[0].name
    labels = {**world.test.labels, name: world.test.labels[name].clone()}
    labels[name][:6] = world.tasks[0].missing
    changed = Grouped(
        "g", world.tasks, world.train, world.validation, Split(world.test.x, labels), groups=world.groups, group="shop"
    )
    table = judge_groups(changed, {task.name: torch.zeros(12, task.outputs) for task in world.tasks})
    assert set(table[table.task == name].shop) == {1}
    assert set(table[table.task == world.tasks[1].name].shop) == {0, 1}


def test_a_world_without_groups_is_refused():
    world = tiny()
    run = mtl.fit(mtl.Hard(world.tasks, trunk()), world, epochs=1, progress=False)
    assert type(run.world) is World
    with pytest.raises(TypeError, match="does not know the groups"):
        by_group(run)
    with pytest.raises(ValueError, match="train, validation and test"):
        by_group(mtl.fit(run.model, grouped(torch.zeros(12)), epochs=1, progress=False), "tests")


@pytest.mark.parametrize("name", ["task", "loss", "score", "count"])
def test_a_group_cannot_be_called_like_a_result(name):
    world = mtl.data.patients(200, 100, 100)
    with pytest.raises(ValueError, match=f"cannot be called '{name}'"):
        replace(world, group=name)
