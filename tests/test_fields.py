"""In the field: the comparison that all five cards share, on a small world whose truth is known."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.data import Grouped, Split
from mtl_lesson.data.grouped import cut

sys.path.insert(0, str(Path(bank.__file__).resolve().parents[1] / "data" / "bank"))
import experiments
import fields

GROUPS, EACH = 40, 6


def known_world(n_train=120, n_validation=60, n_test=30, seed=0, *, split_by="group", labels=None):
    """Each group has a level of its own, which x tells by a column a group; y is the level, z its sign."""
    rng = np.random.default_rng(7)
    of = np.repeat(np.arange(GROUPS), EACH)
    level = rng.standard_normal(GROUPS)[of]
    x = torch.tensor(np.eye(GROUPS)[of] + 0.01 * rng.standard_normal((len(of), GROUPS)), dtype=torch.float32)
    y = torch.tensor(level, dtype=torch.float32)
    rows = cut(of, n_train, n_validation, n_test, seed, split_by)
    parts = {name: Split(x[at], {"y": y[at], "z": (y[at] > 0).long()}) for name, at in rows.items()}
    tasks = (mtl.Regression("y"), mtl.Binary("z"))
    groups = {name: torch.tensor(of[at]) for name, at in rows.items()}
    return Grouped("known", tasks, *parts.values(), groups=groups, group="shop")


def swept(way, world, trunk, **settings):
    return experiments.swept(None, way, world, trunk, **settings)


ARMS = {
    "Separate": (mtl.Separate, [{"epochs": 1}, {"epochs": 20}]),
    "Hard": (mtl.Hard, [{"epochs": 1}, {"epochs": 20}]),
}
FIELD = fields.Field(
    known_world, mtl.nets.hidden, "y", "shop", ARMS, {"inputs": GROUPS, "width": 16, "lr": 0.02}, seeds=range(3)
)


@pytest.fixture(scope="module")
def tables():
    def full(way, world, trunk, **settings):
        return mtl.sweep(way, world, trunk=trunk, test=True, progress=False, **settings)

    return fields.compare(FIELD, full, FIELD.seeds)


def test_every_arm_has_its_trials_and_both_floors_stand_beside_them(tables):
    by_seed, groups = tables
    own = by_seed[(by_seed.task == "y") & (by_seed.measure == "loss")]
    assert own.groupby(["arm", "split_by"]).trial.nunique().to_dict() == {
        ("Hard", "group"): 2,
        ("Hard", "row"): 2,
        ("Separate", "group"): 2,
        ("linear", "group"): 4,
        ("majority", "group"): 1,
    }
    assert set(groups.arm) == {"Separate", "Hard", "linear", "majority"}
    assert not groups.duplicated(["arm", "split_by", "group", "measure"]).any()


def test_the_mean_over_groups_is_the_mean_over_seeds(tables, monkeypatch, tmp_path):
    by_seed, groups = tables
    monkeypatch.setattr(bank, "load", {"field_x": by_seed, "field_x_groups": groups}.__getitem__)
    monkeypatch.setattr(
        bank, "read_facts", lambda name: {"settings": {"starved": "y", "measure": "score", "group": "shop"}}
    )
    found = bank.gather_field("x")
    for arm, one in found.items():
        assert one.scores.mean() == pytest.approx(one.groups.mean(), rel=1e-6), arm
    a, b = found["Hard"], found["majority"]
    said = mtl.claim("Hard errs less", a.scores, b.scores, "less", groups=(a.groups, b.groups))
    assert said.groups.endswith("shops")
    gain = a.beats(b, "Hard errs less")
    assert (gain.mean, gain.verdict, gain.unit) == (-said.mean, said.verdict, "of squared error")
    assert found["Hard"].tried == 2
    assert found["Hard"].better == bank.gather_field("x", measure="loss")["Hard"].better == "less"
    flattered = bank.gather_field("x", split_by="row")["Hard"]
    assert flattered.groups.index.equals(found["Hard"].groups.index)
    # A column a group: whoever has seen the group knows its level, and nobody else can.
    assert flattered.groups.mean() < 0.5 * found["Hard"].groups.mean()
    with pytest.raises(KeyError, match="measures are"):
        bank.gather_field("x", measure="beauty")


def test_the_trial_is_chosen_on_validation_alone(tables):
    by_seed, _ = tables
    own = by_seed[(by_seed.task == "y") & (by_seed.measure == "score") & (by_seed.split_by == "group")]
    worse = own.assign(score=-own.score)
    for arm in ("Separate", "Hard", "linear"):
        mine = mtl.choose(own[own.arm == arm].drop(columns="split_by"), "trial").trial
        assert mine.equals(mtl.choose(worse[worse.arm == arm].drop(columns="split_by"), "trial").trial)


def test_what_the_course_stores_is_two_tables_of_one_field():
    made = list(fields.stored("field_x", FIELD, swept, [0], some=True))
    assert [name for name, *_ in made] == ["field_x", "field_x_groups"]
    assert made[1][1].empty  # a mean over all seeds cannot be made of some
    columns = "arm split_by trial seed task measure higher_is_better validation score"
    assert list(made[0][1]) == columns.split()
    assert isinstance(made[0][1], pd.DataFrame)
    assert "inspection/by_group" in made[0][3]
