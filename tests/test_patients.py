"""The world patients: whole files, labels that follow from days and events, a split by patient or by year that tells
nothing away, columns scaled by training alone."""

import importlib

import numpy as np
import pandas as pd
import pytest
import torch
from bundled import HARMS, copy_data
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.data import DataError, Patients, files, inventory, patients, patients_table

module = importlib.import_module("mtl_lesson.data.patients")  # the package's attribute is the function
PARTS = ("train", "validation", "test")
SMALL = {"n_train": 80, "n_validation": 60, "n_test": 50}
few = settings(max_examples=15, deadline=None)


# --- the file ------------------------------------------------------------------------------------------------------


def test_the_file_is_whole_small_and_says_whose_it_is():
    folder = files.data_folder() / "patients"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2e5
    assert files.verified("patients/patients.csv") == folder / "patients.csv"
    assert "patients" in inventory.FOLDERS
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert all(words in readme for words in ("**Source.**", "**Terms", "LGPL", "`LICENSE`"))
    assert "GNU LESSER GENERAL PUBLIC LICENSE" in (folder / "LICENSE").read_text(encoding="utf-8")


@HARMS
def test_damage_is_refused_and_the_message_says_how_to_repair_it(tmp_path, monkeypatch, harm):
    folder = copy_data("patients", tmp_path, monkeypatch)
    harm(folder / "patients.csv")
    with pytest.raises(DataError, match=r"patients\.csv") as caught:
        module._register.__wrapped__()  # past the cache
    assert "git checkout -- data/patients" in str(caught.value)


def test_the_table_is_the_known_one():
    table = patients_table()
    assert table.shape == (2982, 15)
    assert table.pid.is_unique
    assert not table.isna().any(axis=None)
    assert (table.recur.sum(), table.death.sum()) == (1518, 1272)
    assert ((table.recur == 0) & (table.death == 1) & (table.rtime < table.dtime)).sum() == 43  # as its makers say
    table["age"] = 0
    assert patients_table().age.iloc[0] == 74


# --- labels --------------------------------------------------------------------------------------------------------


@few
@given(st.integers(1, 10))
def test_a_label_is_what_days_and_event_say_and_missing_where_they_say_nothing(years):
    table = patients_table()
    labels = module.outcomes(table, years)
    for row, recurrence, death in zip(table.itertuples(), labels["recurrence"], labels["death"], strict=True):
        end = years * 365.25
        died = 1 if row.death and row.dtime <= end else 0 if row.dtime >= end else -1
        assert death == died
        if row.recur and row.rtime <= end:
            assert recurrence == 1
        elif row.rtime >= end or (row.death and not row.recur and row.rtime == row.dtime):
            assert recurrence == 0
        else:
            assert recurrence == -1


@few
@given(st.integers(1, 9))
def test_a_yes_stays_a_yes_and_a_no_was_one_before(years):
    sooner, later = (module.outcomes(patients_table(), y) for y in (years, years + 1))
    for task in sooner:
        assert (later[task][sooner[task] == 1] == 1).all()
        assert (sooner[task][later[task] == 0] == 0).all()


def test_what_the_docstring_says_of_the_labels_is_so():
    share = {}
    for years in (2, 5):
        for task, known in module.outcomes(patients_table(), years).items():
            share[task, years] = (known == 1).sum() / (known >= 0).sum()
            assert (known < 0).mean() < 0.06
    assert share["recurrence", 5] == pytest.approx(0.42, abs=0.005)
    assert share["death", 5] == pytest.approx(0.27, abs=0.005)
    assert share["death", 2] == pytest.approx(1 / 14, abs=0.005)


def test_the_labels_of_a_split_are_those_of_its_patients():
    world, known = patients(**SMALL, seed=4), module.outcomes(patients_table(), 5)
    for part in PARTS:
        for task in ("recurrence", "death"):
            assert getattr(world, part).labels[task].tolist() == known[task][world.rows[part]].tolist()


@few
@given(st.integers(0, 10**6), st.integers(1, 60), st.integers(1, 60))
def test_who_has_a_label_of_death_at_a_small_number_has_it_at_a_larger_one(seed, n, m):
    all_known = patients(**SMALL, seed=seed)
    some, more = (patients(**SMALL, seed=seed, n_death=number) for number in sorted((n, m)))
    one, other, full = (world.train.labels["death"] for world in (some, more, all_known))
    assert ((one >= 0).sum(), (other >= 0).sum()) == (min(n, m), max(n, m))
    assert torch.equal(one[one >= 0], other[one >= 0])
    assert torch.equal(other[other >= 0], full[other >= 0])
    for part in PARTS:
        assert torch.equal(getattr(some, part).x, getattr(all_known, part).x)
        assert torch.equal(getattr(some, part).labels["recurrence"], getattr(all_known, part).labels["recurrence"])
    assert torch.equal(some.validation.labels["death"], all_known.validation.labels["death"])


# --- splits --------------------------------------------------------------------------------------------------------


@few
@given(st.integers(0, 10**6), st.sampled_from(["patient", "year"]), st.sampled_from(["group", "row"]))
def test_no_patient_is_in_two_splits_and_the_test_is_the_same_for_every_seed(seed, group, split_by):
    world = patients(**SMALL, seed=seed, group=group, split_by=split_by)
    rows = [world.rows[part] for part in PARTS]
    assert len(set(torch.cat(rows).tolist())) == sum(SMALL.values())
    assert torch.equal(rows[2], patients(**SMALL, seed=seed + 1, group=group).rows["test"])
    others = patients(**SMALL, seed=seed + 1, group=group, split_by=split_by).rows
    assert not torch.equal(rows[0], others["train"])
    assert not torch.equal(rows[1], others["validation"])
    table = patients_table()
    unit = table.pid if group == "patient" else table.year
    for part in PARTS:
        assert world.groups[part].tolist() == unit[world.rows[part].numpy()].tolist()
    if split_by == "group":
        sets = [set(world.groups[part].tolist()) for part in PARTS]
        assert len(set.union(*sets)) == sum(map(len, sets))


@few
@given(st.integers(0, 10**6), st.sampled_from(["patient", "year"]), st.sampled_from(["group", "row"]))
def test_what_is_there_at_a_small_number_is_there_at_a_larger_one(seed, group, split_by):
    small = patients(40, 60, 30, seed, group=group, split_by=split_by)
    assert torch.equal(
        small.rows["train"], patients(90, 60, 30, seed, group=group, split_by=split_by).rows["train"][:40]
    )
    assert torch.equal(
        small.rows["test"], patients(40, 60, 200, seed, group=group, split_by=split_by).rows["test"][:30]
    )


def test_a_patient_is_one_row_so_a_random_split_is_the_split_by_patient():
    one, other = (patients(**SMALL, seed=3, split_by=split_by) for split_by in ("group", "row"))
    for part in PARTS:
        assert torch.equal(getattr(one, part).x, getattr(other, part).x)


def test_by_year_one_learns_from_the_past_and_the_mistake_learns_from_the_years_it_is_tested_on():
    honest, mistaken = (patients(500, 200, 400, 0, group="year", split_by=split_by) for split_by in ("group", "row"))
    assert honest.groups["train"].max() < 1988 <= honest.groups["validation"].min()
    assert honest.groups["validation"].max() < 1990 <= honest.groups["test"].min()
    assert set(mistaken.groups["train"].tolist()) & set(mistaken.groups["test"].tolist()) == {1990, 1991, 1992, 1993}
    late = (patients_table().year >= 1990).sum()
    with pytest.raises(ValueError, match="n_test can be at most"):
        patients(500, 200, late // 2 + 9, group="year")


# --- columns -------------------------------------------------------------------------------------------------------


@few
@given(st.integers(0, 10**6))
def test_columns_are_scaled_by_the_training_patients_alone(seed):
    world = patients(**SMALL, seed=seed)
    mean, spread = world.train.x.mean(0), world.train.x.std(0, correction=0)
    constant = spread == 0
    assert mean.numpy() == pytest.approx(0, abs=1e-5)
    assert spread[~constant].numpy() == pytest.approx(1, abs=1e-5)
    assert (world.test.x[:, constant] == 0).all()
    rows, raw = world.rows["train"].numpy(), module.measured(patients_table(), leak=False)
    other = raw.copy()
    other[np.setdiff1d(np.arange(len(raw)), rows)] *= 7  # whoever is not trained on may be anybody
    assert torch.equal(module.standardised(other, rows)[rows], world.train.x)


def test_each_column_is_what_it_is_called():
    world, table = patients(**SMALL), patients_table()
    seen = table.iloc[world.rows["test"].numpy()]
    x = pd.DataFrame(world.test.x.numpy(), columns=world.columns)
    for column, original in {
        "age": seen.age,
        "after menopause": seen.meno,
        "over 20 mm": seen["size"].isin(["20-50", ">50"]),
        "over 50 mm": seen["size"] == ">50",
        "grade 3": seen.grade,
        "log nodes": seen.nodes,
        "log progesterone receptors": seen.pgr,
        "log oestrogen receptors": seen.er,
        "hormone therapy": seen.hormon,
        "chemotherapy": seen.chemo,
    }.items():
        order = pd.Series(original.to_numpy(float)).rank()
        assert x[column].rank().corr(order) == pytest.approx(1), column


def test_the_leak_is_two_columns_from_after_surgery_and_nothing_else():
    honest, leaking = (patients(**SMALL, leak=leak) for leak in (False, True))
    assert leaking.columns == (*honest.columns, *module.LEAK)
    for part in PARTS:
        assert torch.equal(getattr(leaking, part).x[:, :10], getattr(honest, part).x)
        assert getattr(leaking, part).labels.keys() == getattr(honest, part).labels.keys()
    recur = patients_table().recur.to_numpy()[leaking.rows["test"]]
    assert ((leaking.test.x[:, 10] > 0).numpy() == (recur == 1)).all()
    later = {"rtime", "recur", "dtime", "death", "year"}  # nothing else moves with what came after, or with the year
    changed = patients_table()
    changed[sorted(later)] = 1
    assert (module.measured(changed, leak=False) == module.measured(patients_table(), leak=False)).all()


# --- in use --------------------------------------------------------------------------------------------------------


def test_every_way_trains_and_a_group_is_a_patient_or_a_year():
    for group in ("patient", "year"):
        world = patients(**SMALL, group=group, n_death=30)
        assert isinstance(world, Patients)
        for way in (mtl.Separate, mtl.Hard, mtl.Pooled, mtl.Soft):
            run = mtl.fit(way(world.tasks, mtl.nets.hidden(4, 10)), world, epochs=2, progress=False)
            found = mtl.inspection.by_group(run)
            assert next(iter(found.columns)) == group
            assert found.loss.notna().all()
    known = (world.test.labels["death"] >= 0).sum()
    assert found[found.task == "death"]["count"].sum() == known


def test_a_sweep_draws_a_world_a_seed_and_a_change_keeps_what_it_knows():
    found = mtl.sweep(
        mtl.Hard,
        patients,
        trunk=mtl.nets.hidden(4, 10),
        **SMALL,
        n_death=[10, 20],
        seeds=[0, 1],
        epochs=1,
        progress=False,
    )
    assert len(found.table.groupby(["n_death", "seed"])) == 4
    one = mtl.data.only(patients(**SMALL), ["death"])
    assert (one.group, one.columns) == ("patient", module.COLUMNS)


def test_a_task_with_one_class_alone_trains_all_the_same():
    """Within a year two in a hundred die: among ten with a label, mostly nobody."""
    world = patients(**SMALL, years=1, n_death=10)
    assert (world.train.labels["death"] == 1).sum() == 0
    run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.hidden(4, 10)), world, epochs=3, progress=False)
    assert np.isfinite(mtl.inspection.by_group(run).loss).all()


@pytest.mark.parametrize(
    ("given_", "error", "words"),
    [
        ({"group": "ward"}, ValueError, "group is one of 'patient', 'year', not 'ward'"),
        ({"split_by": "time"}, ValueError, "split_by is one of 'group', 'row', not 'time'"),
        ({"group": "year", "split_by": "time"}, ValueError, "split_by is one of 'group', 'row', not 'time'"),
        ({"leak": 1}, TypeError, "leak is True or False, not 1"),
        ({"years": 11}, ValueError, "years can be at most 10"),
        ({"years": 0.5}, TypeError, "years must be a whole number"),
        ({"n_death": 0}, ValueError, "n_death must be 1 or more"),
        ({"n_death": 5000}, ValueError, "n_death can be at most all whose fate is known = "),
        ({"n_train": 2900}, ValueError, "is too much"),
        ({"n_train": 2900, "group": "year"}, ValueError, "n_train=2900 and n_validation=400 are too many"),
        ({"n_train": 2900, "group": "year", "split_by": "row"}, ValueError, "are too many"),
        ({"n_train": "all"}, TypeError, "n_train must be a whole number"),
        ({"n_test": 0, "group": "year"}, ValueError, "n_test must be 1 or more"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_nonsense_is_refused_in_words(given_, error, words):
    with pytest.raises(error, match=words):
        patients(**given_)
