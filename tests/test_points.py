"""A point of a sweep equals the same point swept alone, whatever the world, the order of an axis and the company."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.training import feed, sweeps

OPTIONS = {"epochs": 2, "batch_size": 8, "precision": "float64", "progress": False, "test": True, "lr": 0.01}


@pytest.fixture(autouse=True)
def cpu(monkeypatch):
    monkeypatch.setenv("MTL_DEVICE", "cpu")


def made(variant, seed):
    """A world whose splits, inputs, labels and tasks depend on ``variant`` in everything that may differ."""
    draw = torch.Generator().manual_seed(1000 * variant["data"] + seed)
    names = ["ana", "bo", "chidi"][: variant["tasks"]]
    kind = mtl.Regression if variant["number"] else lambda name: mtl.Classification(name, variant["classes"])
    tasks = tuple(map(kind, names))

    def split(n):
        x = {name: torch.randn(n, 4, generator=draw) for name in names}
        x = x if variant["own"] else x[names[0]]
        labels = {}
        for t, name in enumerate(names):
            own = x[name] if variant["own"] else x
            y = own[:, 0] + t * own[:, 1]
            labels[name] = y if variant["number"] else (y > 0).long()
            missing = torch.arange(n) % 5 == variant["missing"]
            labels[name][missing] = torch.nan if variant["number"] else -1
        return Split(x, labels)

    return World("generated", tasks, split(variant["train"]), split(variant["validation"]), split(variant["test"]))


CLASSES = [("no", "yes"), ("nay", "yea"), ("a", "b", "c")]
VARIANTS = st.fixed_dictionaries(
    {
        "data": st.integers(0, 2),
        "tasks": st.integers(1, 3),
        "number": st.booleans(),
        "own": st.booleans(),
        "missing": st.integers(0, 5),
        "train": st.integers(9, 20),
        "validation": st.integers(2, 9),
        "test": st.integers(2, 9),
        "classes": st.sampled_from(CLASSES),
    }
)
#: how a world comes to differ in one thing
CHANGES = {
    "data": lambda v: v + 1,
    "tasks": lambda v: 1 + v % 3,
    "number": lambda v: not v,
    "own": lambda v: not v,
    "missing": lambda v: (v + 1) % 5,
    "train": lambda v: v + 1,
    "validation": lambda v: v + 1,
    "test": lambda v: v + 1,
    "classes": lambda v: CLASSES[CLASSES.index(v) - 1],
}


def table_of(run):
    rows = run.history[run.history.epoch == run.history.epoch.max()]
    return rows.set_index(["task", "split"]).drop(columns=[c for c in ("which", "seed", "epoch", "lam") if c in rows])


@pytest.mark.parametrize("field", CHANGES)
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    VARIANTS,
    st.permutations([0, 1]),
    st.sampled_from([8, 400]),
    st.sampled_from([mtl.Separate, mtl.Hard, mtl.Soft]),
    st.randoms(use_true_random=False),
)
def test_a_point_of_a_sweep_is_that_point_alone(field, base, seeds, room, way, chance):
    base |= {"number": False} if field == "classes" else {}
    variants = [base, base | {field: CHANGES[field](base[field])}]

    def world(which=0, seed=0):  # what differs from point to point may also differ from seed to seed
        return made(variants[(which + seed) % 2], seed)

    axes = {"lam": [0.0, 0.3, float("inf")]} if way is mtl.Soft else {}
    order = list(range(len(variants)))
    chance.shuffle(order)
    for values in axes.values():
        chance.shuffle(values)
    trunk = nn.Sequential(nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 3))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sweeps.AT_ONCE, "cpu", room)
        together = mtl.sweep(way, world, trunk=trunk, which=order, seeds=seeds, **axes, **OPTIONS)
    assert list(together.runs) == [(which, *rest) for which in order for rest in _rest(axes, seeds)]
    for key, run in together.runs.items():
        point = dict(zip(together.axes, key, strict=True))
        alone = mtl.sweep(
            way,
            world,
            trunk=trunk,
            **{name: [value] for name, value in point.items() if name != "seed"},
            seeds=[point["seed"]],
            **OPTIONS,
        ).runs[key]
        for mine, its in zip(run.model.parameters(), alone.model.parameters(), strict=True):
            torch.testing.assert_close(mine, its, rtol=0, atol=1e-9)
        pd.testing.assert_frame_equal(table_of(run), table_of(alone), rtol=1e-7)
        assert run.model.tasks == run.world.tasks
        # and the row of the table is the score of the run that stands beside it
        rows = together.table
        for name, value in point.items():
            rows = rows[rows[name] == value]
        told = rows[rows.split == "test"].set_index("task").score
        assert told.to_dict() == pytest.approx(run.test(), rel=1e-7, nan_ok=True)


def _rest(axes, seeds):
    """The keys of one dataset in the order of the plan: axis, then seed."""
    lams = axes.get("lam")
    return [(lam, seed) for seed in seeds for lam in lams] if lams else [(seed,) for seed in seeds]


def test_splits_of_different_sizes_are_each_their_own():
    """Used to end in an IndexError after all training, in one order of the axis."""

    def world(n=10, seed=0):
        variant = {"data": 0, "tasks": 2, "number": False, "own": True, "missing": 9, "train": 16, "validation": 5}
        return made(variant | {"test": n, "classes": ("no", "yes")}, seed)

    trunk = nn.Sequential(nn.Linear(4, 3))
    for order in ([10, 50], [50, 10]):
        table = mtl.sweep(mtl.Hard, world, trunk=trunk, n=order, seeds=[0, 1], **OPTIONS).table
        assert set(table.n) == {10, 50}


def test_a_missing_number_is_not_nought():
    x = torch.zeros(3, 2)
    some, none = (Split(x, {"much": torch.tensor([1.0, value, 2.0])}) for value in (0.0, torch.nan))
    assert not feed.same(some, none)
    assert feed.same(none, Split(x.clone(), {"much": none.labels["much"].clone()}))
    assert not feed.same(some, Split(x.double(), some.labels))


def test_datasets_of_different_sizes_are_not_fed_together():
    one, other = (Split(torch.zeros(n, 2), {"ana": torch.ones(n, dtype=torch.long)}) for n in (3, 4))
    with pytest.raises(ValueError, match=r"\[3, 4\]"):
        feed.Feed([one, other], [mtl.Binary("ana")], "cpu", torch.float32)


# axes


def world(delta=0.0, width=0, seed=0):
    return made(
        {
            "data": 0,
            "tasks": 2,
            "number": False,
            "own": True,
            "missing": 9,
            "train": 16,
            "validation": 5,
            "test": 5,
            "classes": ("no", "yes"),
        },
        seed,
    )


def trunk(width=3):
    return nn.Sequential(nn.Linear(4, width))


@pytest.mark.parametrize("name", sweeps.COLUMNS)
def test_an_axis_called_like_a_column_is_refused_before_training(name, monkeypatch):
    monkeypatch.setattr(sweeps, "train_copies", lambda *a, **k: pytest.fail("trained"))
    function = eval(f"lambda {name}=0, seed=0: None")
    with pytest.raises(ValueError, match=f"{name}.*column"):
        mtl.sweep(mtl.Hard, function, trunk=trunk(), **(OPTIONS | {name: [1, 2]}))


def test_an_axis_that_two_things_take_must_say_whose_it_is():
    with pytest.raises(TypeError, match=r"world and the trunk take 'width'.*trunk\.width"):
        mtl.sweep(mtl.Hard, world, trunk=trunk, width=[2, 3], seeds=[0], **OPTIONS)
    path = mtl.sweep(mtl.Hard, world, trunk=trunk, seeds=[0], **{"trunk.width": [2, 3]}, **OPTIONS)
    assert path.axes == ("trunk.width", "seed")
    assert [run.model.features_size for run in path.runs.values()] == [2, 3]
    assert path.run(**{"trunk.width": 3, "seed": 0}).model.features_size == 3
    with pytest.raises(TypeError, match=r"the world takes no 'height'"):
        mtl.sweep(mtl.Hard, world, trunk=trunk, seeds=[0], **{"world.height": [2, 3]}, **OPTIONS)


@pytest.mark.parametrize(
    "grid",
    [
        np.array([0.0, 0.1, 1.0]),
        pd.Series([0.0, 0.1, 1.0]),
        pd.Index([0.0, 0.1, 1.0]),
        torch.tensor([0.0, 0.1, 1.0], dtype=torch.float64),
        (0.0, 0.1, 1.0),
        [np.float64(0), np.float64(0.1), np.int64(1)],
    ],
    ids=["array", "series", "index", "tensor", "tuple", "numbers"],
)
def test_a_grid_of_numpy_is_a_grid(grid):
    path = mtl.sweep(mtl.Soft, world, trunk=trunk(), lam=grid, seeds=np.arange(2), **OPTIONS)
    assert list(path.runs) == list(itertools.chain(*([(lam, seed) for lam in (0.0, 0.1, 1.0)] for seed in (0, 1))))
    assert all(type(value) in (int, float) for key in path.runs for value in key)
    assert path.run(lam=np.float64(0.1), seed=np.int64(1)).seed == 1


def test_numbers_of_numpy_are_numbers():
    path = mtl.sweep(
        mtl.Soft,
        world,
        trunk=trunk(),
        lam=np.float32(0.5),
        seeds=[np.int64(3)],
        **(OPTIONS | {"epochs": np.int64(2), "batch_size": np.int32(8), "lr": np.float32(0.01)}),
    )
    assert list(path.runs) == [(0.5, 3)]
    model = mtl.Soft(world().tasks, trunk(), lam=np.logspace(-2, 0, 3), seeds=(0, 1, 2))
    assert model.copy(2).lam == 1.0
    assert mtl.fit(
        mtl.Soft(world().tasks, trunk(), lam=np.int64(1)),
        world(),
        **{key: value for key, value in OPTIONS.items() if key != "test"},
    ).scores


def test_a_point_given_twice_is_refused():
    with pytest.raises(ValueError, match="given twice"):
        mtl.sweep(mtl.Soft, world, trunk=trunk(), lam=[0.1, 0.1], seeds=[0], **OPTIONS)


def test_every_point_is_checked_before_the_first_is_trained(monkeypatch):
    monkeypatch.setattr(sweeps, "train_copies", lambda *a, **k: pytest.fail("trained"))

    def late(delta=0, seed=0):
        if delta == 2:
            raise ValueError("of delta")
        return world(seed=seed)

    with pytest.raises(ValueError, match="of delta"):
        mtl.sweep(mtl.Hard, late, trunk=trunk(), delta=[0, 1, 2], seeds=[0], **OPTIONS)
    with pytest.raises(ValueError, match="0 to ∞"):
        mtl.sweep(mtl.Soft, world, trunk=trunk(), lam=[0.0, 1.0, -1.0], seeds=[0], **OPTIONS)
