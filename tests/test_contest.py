"""A fair comparison: equal trials, chosen on validation, judged once, on worlds of every kind."""

import sys

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from test_table import frame_of
from tiny import world as tiny
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.inspection import contest as run_contest
from mtl_lesson.inspection.contest import (
    Arm,
    Contest,
    Training,
    arms_of,
    choose_trial,
    ordinary_trunk,
    outputs_by_part,
    unit_merits,
)
from mtl_lesson.inspection.without_sharing import train_floors

TRAINING = Training((100, 101, 102), epochs=4, batch_size=32)
TASKS = {"passed": "binary", "mark": "number", "track": "class"}


def world_of(seed=0, n=150, **asked):
    return mtl.data.table(frame_of(n, seed), TASKS, quiet=True, **asked)


@pytest.fixture(scope="module")
def world():
    return world_of(group="school")


@pytest.fixture(scope="module")
def found(world):
    return run_contest(world, ordinary_trunk(world), TRAINING, progress=False)


def test_every_arm_has_as_many_trials(world, found):
    arms = arms_of(world, ordinary_trunk(world))
    assert {len(arm.trials) for arm in arms.values()} == {3}
    assert found.arms == [*arms, "majority", "linear"]
    assert list(arms) == ["Separate", "Hard", "Soft", "Hierarchical"]
    for arm in arms:
        own = found.chosen[found.chosen.arm == arm]
        assert sorted(own.seed.unique()) == [100, 101, 102]
        alike = own.groupby("seed")[["trial", "epochs"]].nunique().eq(1).all(axis=None)
        assert alike or arm == "Separate"  # whose networks share nothing, and choose each for itself


def test_separate_is_what_each_task_would_be_alone():
    """Its networks share nothing, not even the choice of a trial."""
    frame, chosen = frame_of(150, gaps=False), {}
    for names in (["passed", "mark", "track"], ["mark"]):
        tasks, leave = {name: TASKS[name] for name in names}, [name for name in TASKS if name not in names]
        world = mtl.data.table(frame, tasks, group="school", leave=leave, quiet=True)
        arms = {"Separate": arms_of(world, ordinary_trunk(world))["Separate"]}
        own = run_contest(world, ordinary_trunk(world), TRAINING, arms, progress=False).chosen
        chosen[len(names)] = own[own.arm == "Separate"].sort_values("seed")
    assert chosen[3].groupby("seed")[["trial", "epochs"]].nunique().gt(1).any(axis=None)  # tasks like different ones
    same = [own.loc[own.task == "mark", ["seed", "trial", "epochs"]].to_numpy() for own in chosen.values()]
    np.testing.assert_array_equal(*same)


def test_what_is_judged_is_the_network_that_validation_chose(world, found):
    """Trained again by hand with the trial and epochs that were chosen, each seed has the same merit."""
    own = found.chosen[(found.chosen.arm == "Hard") & (found.chosen.seed == 101)].iloc[0]
    decay = float(own.trial.removeprefix("weight_decay="))
    drawn = world.draw(101)
    model = mtl.Hard(drawn, ordinary_trunk(world))
    settings = {"epochs": int(own.epochs), "lr": TRAINING.lr, "batch_size": 32, "weight_decay": decay}
    run = mtl.fit(model, drawn, seed=101, progress=False, **settings)
    for task in drawn.tasks:
        merits = unit_merits(drawn, task, outputs_by_part(run)["test"][task.name], "test").set_index("unit").merit
        stored = found.merits["Hard", task.name].loc[101]
        np.testing.assert_allclose(merits.sort_index(), stored.dropna().sort_index(), atol=2e-2)


def test_a_merit_is_a_share_by_unit(world, found):
    drawn = world.draw(100)
    run = mtl.fit(mtl.Hard(drawn, ordinary_trunk(world)), drawn, epochs=2, seed=0, progress=False)
    by_group = mtl.inspection.by_group(run)
    outputs = outputs_by_part(run)["test"]
    for task in drawn.tasks:
        own = unit_merits(drawn, task, outputs[task.name], "test").set_index("unit").merit.sort_index()
        score = by_group[by_group.task == task.name].set_index("school").score.sort_index()
        if task.numeric:
            rest = torch.cat([drawn.train.labels[task.name], drawn.validation.labels[task.name]])
            score = 1 - score / float((rest - rest.nanmean()).square().nanmean())
        np.testing.assert_allclose(own, score, atol=1e-5)


@given(st.integers(0, 10**6), st.integers(2, 4), st.integers(3, 5), st.integers(4, 12))
@settings(max_examples=40)
def test_the_units_of_several_tasks_add_up_to_the_mean_over_tasks(seed, T, J, U):
    """Whichever units lack a label of a task."""
    rng, merits = np.random.default_rng(seed), {}
    for t in range(T):
        there = rng.permutation(U)[: rng.integers(3, U + 1)]
        merits["a", f"t{t}"] = pd.DataFrame(rng.random((J, len(there))), range(J), there)
    tasks = tuple(mtl.Binary(f"t{t}") for t in range(T))
    contest = Contest(merits, pd.DataFrame(), tasks, "row")
    mean = np.mean([own.mean(axis=1) for own in merits.values()], axis=0)
    np.testing.assert_allclose(contest.of("a"), mean)
    assert contest.by_unit("a").shape[1] == len(set().union(*(own.columns for own in merits.values())))
    more = contest.by_unit("a")
    for unit in more:  # what a unit adds is how the mean over tasks goes up with its weight
        weights = [np.where(own.columns == unit, 1 + 1e-6, 1.0) for own in merits.values()]
        up = [np.average(own, axis=1, weights=w) for own, w in zip(merits.values(), weights, strict=True)]
        slope = (np.mean(up, axis=0) - mean) / 1e-6 * more.shape[1]
        np.testing.assert_allclose(more[unit] - mean, slope, atol=1e-3)
    if all(len(own.columns) == U for own in merits.values()):
        plain = sum(own.sort_index(axis=1) for own in merits.values()) / T
        np.testing.assert_allclose(contest.by_unit("a").sort_index(axis=1), plain)


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=40)
def test_the_best_trial_is_taken_the_first_and_shortest_of_equals(seed, each_task):
    rng = np.random.default_rng(seed)
    places = [(s, k, t, e) for s in (1, 2) for k in "ab" for t in range(3) for e in (2, 4)]
    table = pd.DataFrame(places, columns=["seed", "task", "trial", "epochs"])
    table["merit"] = rng.choice([0.1, 0.2, 0.3], len(table))
    failed = (table.trial == rng.integers(3)) & ((table.task == "a") | rng.integers(2))  # of one task, or of both
    table.loc[failed, "merit"] = np.nan
    chosen = choose_trial(table.sample(frac=1, random_state=0), each_task)
    assert len(chosen) == 4
    for _, row in chosen.iterrows():
        own = table[(table.seed == row.seed) & ((table.task == row.task) | (not each_task))]
        mean = own.groupby(["trial", "epochs"]).merit.agg(lambda merit: merit.mean(skipna=False)).dropna()
        assert (row.trial, row.epochs) == mean[np.isclose(mean, mean.max())].index[0]
    with pytest.raises(ValueError, match="every training of seed 1 failed"):
        choose_trial(table.assign(merit=table.merit.where(table.seed == 2)), each_task)


def test_the_test_has_no_say_in_what_is_chosen(world):
    """Another test, the same choices: the yes and no of the test are turned round."""

    class Turned(mtl.data.Table):
        def draw(self, seed):
            drawn, labels = world.draw(seed), dict(world.draw(seed).test.labels)
            labels["passed"] = torch.where(labels["passed"] < 0, -1, 1 - labels["passed"])
            object.__setattr__(drawn, "test", mtl.data.Split(drawn.test.x, labels))
            return drawn

    turned = Turned(**{name: getattr(world, name) for name in world.__dataclass_fields__})
    arms = {"Hard": Arm(mtl.Hard, ({"weight_decay": 0.0}, {"weight_decay": 0.1}))}
    one, other = (run_contest(w, ordinary_trunk(w), TRAINING, arms, progress=False) for w in (world, turned))
    choices = ["arm", "seed", "task", "validation", "trial", "epochs"]
    assert one.chosen[choices].equals(other.chosen[choices])
    assert not np.allclose(one.of("Hard", "passed"), other.of("Hard", "passed"))


def test_floors_are_shrunk_as_validation_likes(world, found):
    linear = found.chosen[found.chosen.arm == "linear"]
    for row in linear.itertuples():
        drawn, likes = world.draw(row.seed), {}
        for arm, trial, outputs in train_floors(drawn, row.task, True):
            if arm == "linear":
                own = unit_merits(drawn, drawn.task(row.task), outputs["validation"], "validation")
                likes[trial] = own.merit.mean()
        assert list(likes) == [f"C={c:g}" for c in (1e-3, 1e-2, 1e-1, 1.0)]
        assert likes[row.trial] == pytest.approx(max(likes.values()))
    assert found.of("majority", "mark").max() <= 0  # the mean of other rows


def test_a_seed_whose_training_knows_one_class_has_a_linear_floor_too():
    frame = frame_of(120, gaps=False)
    frame["passed"] = np.where(np.arange(120) < 2, "yes", "no")
    world = mtl.data.table(frame, {"passed": "binary", "mark": "number"}, quiet=True)
    training = Training(tuple(range(100, 106)), epochs=1)
    assert {len(world.draw(seed).train.labels["passed"].unique()) for seed in training.seeds} == {1, 2}
    found = run_contest(world, ordinary_trunk(world), training, progress=False)
    assert len(found.of("linear", "passed")) == 6


@pytest.mark.parametrize("asked", [{"task": "school"}, {}])
def test_tasks_with_rows_of_their_own_have_units_of_their_own(asked):
    frame = frame_of(200, groups=5, gaps=False)
    tasks = {"mark": "number"} if asked else TASKS
    world = mtl.data.table(frame, tasks, quiet=True, **asked)
    found = run_contest(world, ordinary_trunk(world), Training((100, 101, 102), epochs=2), progress=False)
    assert ("Pooled" in found.arms) == bool(asked)
    columns = [set(own.columns) for (arm, _), own in found.merits.items() if arm == "Hard"]
    if asked:
        assert sum(map(len, columns)) == len(set.union(*columns)) == len(world.rows["test"])
    else:
        assert all(own == columns[0] for own in columns)


def test_a_world_that_cannot_be_drawn_anew_will_do():
    """And so will tasks whose score is no mean over rows, sequences with a trunk of one's own, and maps."""
    world = tiny()
    trunk = ordinary_trunk(world) if next(iter(world.train.inputs.values())).dim() in (2, 4) else nn.LazyLinear(4)
    found = run_contest(world, trunk, Training((100, 101, 102), epochs=2), progress=False)
    assert found.unit == "example"
    assert np.isfinite(found.by_unit("Hard").to_numpy()).all()


@pytest.mark.parametrize("make", [lambda: mtl.data.scenes(30, 20, 24), lambda: mtl.data.emoji(60, 40, 40)])
def test_masks_boxes_and_pictures_of_two_designers_are_judged_by_unit(make):
    world = make()
    first = next(iter(world.train.inputs.values()))
    keep = [task.name for task in world.tasks if not isinstance(task, mtl.Segmentation)]
    world = mtl.data.only(world, keep) if len(keep) < len(world.tasks) else world
    if first.dim() != 4 or len({x.shape[1:] for x in world.train.inputs.values()}) > 1:
        pytest.skip("its inputs differ in shape: a trunk of its own is needed")
    arms = {"Hard": Arm(mtl.Hard, ({"weight_decay": 0.0},)), "Separate": Arm(mtl.Separate, ({"weight_decay": 0.0},))}
    found = run_contest(world, ordinary_trunk(world), Training((100, 101, 102), epochs=1), arms, progress=False)
    assert found.beats("Hard", "Separate").n == 3


def test_other_inputs_need_a_trunk_of_their_own():
    world = mtl.data.texts(60, 40, 40)
    with pytest.raises(ValueError, match="say which network is the trunk"):
        ordinary_trunk(world)


def test_a_sweep_that_was_stopped_stops_the_contest(world, monkeypatch):
    """It gives back what has finished, and nothing may be judged by that."""
    module = sys.modules["mtl_lesson.inspection.contest"]
    true = module.sweep
    monkeypatch.setattr(module, "sweep", lambda *said, seeds, **asked: true(*said, seeds=seeds[:-1], **asked))
    with pytest.raises(KeyboardInterrupt):
        run_contest(world, ordinary_trunk(world), TRAINING, progress=False)


def test_one_that_was_stopped_goes_on_from_its_folder(world, tmp_path, monkeypatch):
    module = sys.modules["mtl_lesson.inspection.contest"]
    training = Training(TRAINING.seeds, 4, batch_size=32, folder=str(tmp_path))
    trained, true = [], module.sweep

    def counted(*arguments, **asked):
        if len(trained) == 5:
            raise KeyboardInterrupt
        made = true(*arguments, **asked)
        trained.append(len(list(tmp_path.glob("*.pt"))))
        return made

    monkeypatch.setattr(module, "sweep", counted)
    with pytest.raises(KeyboardInterrupt):
        run_contest(world, ordinary_trunk(world), training, progress=False)
    kept = {file: file.stat().st_mtime_ns for file in tmp_path.glob("*.pt")}
    assert len(kept) == trained[-1] > 0
    monkeypatch.setattr(module, "sweep", true)
    found = run_contest(world, ordinary_trunk(world), training, progress=False)
    assert all(file.stat().st_mtime_ns == when for file, when in kept.items())
    assert found.of("Hard").notna().all()
