"""The second table of the world schools: 7,185 American pupils, whole, standardised, and split as the first is."""

import hashlib
import importlib
import shutil

import numpy as np
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson.data import DataError, Split, World, exam_table, files, mathachieve_table, schools

module = importlib.import_module("mtl_lesson.data.schools")
PARTS = ("train", "validation", "test")
TABLES = {"exam": (exam_table, "school"), "mathachieve": (mathachieve_table, "School")}


def pupils(split, name):
    """(x, y) of the pupils of a school, without the padding."""
    x, y = split.x[name], split.labels[name]
    real = ~y.isnan()
    assert (x[real, 0] == 1).all()
    assert (x[~real] == 0).all()
    return list(zip(x[real, 1].tolist(), y[real].tolist(), strict=True))


def standardised(table):
    columns = table[["SES", "MathAch"]].to_numpy()
    return ((columns - columns.mean(0)) / columns.std(0)).astype("float32")


def test_the_table_is_the_known_one():
    table = mathachieve_table()
    assert list(table.columns) == ["School", "Sex", "SES", "MathAch"]
    assert table.shape == (7185, 4)
    assert table["School"].nunique() == 160
    assert not table.isna().any(axis=None)
    sizes = table["School"].value_counts()
    assert (sizes.min(), sizes.max()) == (14, 67)
    assert table["MathAch"].mean() == pytest.approx(12.75, abs=0.01)


def test_changing_the_table_one_was_given_changes_no_other():
    table = mathachieve_table()
    table["SES"] = 0.0
    assert mathachieve_table()["SES"].std() > 0.7


def test_the_components_of_all_pupils_are_the_textbook_ones():
    """Of the random-coefficient model with SES as it is: intercept 4.8, slope 0.4, residual 36.8."""
    table = mathachieve_table()
    names = [f"school {school}" for school in sorted(table["School"].unique())]
    columns = torch.tensor(table[["SES", "MathAch"]].to_numpy(), dtype=torch.float32)
    rows = {name: np.flatnonzero(table["School"] == int(name.split()[1])) for name in names}
    split = module._split(columns, rows)
    world = World("all", tuple(mtl.Regression(name) for name in names), split, split, split)
    found = mtl.closed_form.components(world)
    assert found.noise == pytest.approx(36.8, abs=0.2)
    assert float(found.between[0]) == pytest.approx(4.8, abs=0.3)
    assert float(found.between[1]) == pytest.approx(0.4, abs=0.15)


@pytest.mark.parametrize("common_test", [True, False])
@pytest.mark.parametrize(("n", "left"), [(5, 160), (40, 90)])
def test_every_pupil_of_a_school_is_in_one_split(n, left, common_test):
    world, table = schools(n, seed=1, table="mathachieve", common_test=common_test), mathachieve_table()
    values = standardised(table)
    assert len(world.tasks) == left
    assert (world.name, world.dial) == ("mathachieve", {"n": n})
    for task in world.tasks[::7]:
        train, validation, test = (pupils(getattr(world, part), task.name) for part in PARTS)
        assert len(train) == n
        assert len(test) - len(validation) in (0, 1)
        own = values[(table["School"] == int(task.name.split()[1])).to_numpy()]
        np.testing.assert_allclose(sorted(train + validation + test), sorted(map(tuple, own.tolist())), atol=1e-6)


def test_both_columns_are_standardised():
    world = schools(2, table="mathachieve")
    everyone = np.array([p for task in world.tasks for part in PARTS for p in pupils(getattr(world, part), task.name)])
    assert len(everyone) == 7185
    np.testing.assert_allclose(everyone.mean(0), 0, atol=1e-5)
    np.testing.assert_allclose((everyone**2).mean(0), 1, atol=1e-5)


@pytest.mark.parametrize("table", TABLES)
def test_a_seed_draws_the_test_pupils_only_when_asked(table):
    for common_test in (True, False):
        a, again, b = (schools(10, seed, table=table, common_test=common_test) for seed in (0, 0, 1))
        for part in PARTS:
            for task in a.tasks[::9]:
                assert torch.equal(getattr(a, part).x[task.name], getattr(again, part).x[task.name])
        same = np.mean([torch.equal(a.test.x[task.name], b.test.x[task.name]) for task in a.tasks])
        assert same == 1 if common_test else same < 0.1


@pytest.mark.parametrize("table", TABLES)
def test_fresh_tests_come_to_every_pupil(table):
    """In 12 splits a pupil is tested with a chance of about 0.4 each time: hardly one is never tested."""
    load, school = TABLES[table]
    table_, tested = load(), {}
    for seed in range(12):
        world = schools(10, seed, table=table, common_test=False)
        for task in world.tasks:
            tested.setdefault(task.name, set()).update(pupils(world.test, task.name))
    sizes = table_[school].value_counts()
    kept = sum(sizes[int(name.split()[1])] for name in tested)
    assert sum(map(len, tested.values())) > 0.97 * kept


def test_the_exam_world_is_what_it_was():
    """Results are stored that were made from it: its draws may not change, bit by bit."""
    digest = hashlib.sha256()
    for n in (2, 5, 10, 40):
        for seed in (0, 1, 7):
            world = schools(n, seed)
            for part in (world.train, world.validation, world.test):
                for name in part.labels:
                    digest.update(name.encode())
                    digest.update(part.x[name].numpy().tobytes())
                    digest.update(part.labels[name].numpy().tobytes())
    assert digest.hexdigest() == "f297a3c5fd83b9144491cbda37c6f4e8ce089e3778a08b07db43fbf04d51699d"


def test_an_unknown_table_is_refused():
    with pytest.raises(ValueError, match=r"no table 'maths'; there are 'exam', 'mathachieve'"):
        schools(table="maths")


def test_the_largest_n_is_the_one_the_message_names():
    with pytest.raises(ValueError, match=r"n=300 leaves 0 of 160 schools.*at most 61 "):
        schools(300, table="mathachieve")
    assert isinstance(schools(61, table="mathachieve").train, Split)


def test_damage_is_noticed(tmp_path, monkeypatch):
    shutil.copytree(files.data_folder() / "mathachieve", tmp_path / "data" / "mathachieve")
    monkeypatch.setattr(files, "PACKAGE", tmp_path / "mtl_lesson")
    path = tmp_path / "data" / "mathachieve" / "mathachieve.csv"
    assert files.verified("mathachieve/mathachieve.csv") == path
    files._check.cache_clear()
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match="git checkout -- data/mathachieve"):
        module._table.__wrapped__("mathachieve")
    files._check.cache_clear()


def test_the_folder_says_where_it_is_from():
    text = (files.data_folder() / "mathachieve" / "README.md").read_text(encoding="utf-8")
    assert "**Source.**" in text
    assert "GPL" in text
