"""A sweep is a loop of fits: whatever the axis, the chunks, the order, and however often it was cut."""

import os

import pandas as pd
import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.training import loop, store, sweeps

INFINITY = float("inf")
TASKS = (mtl.Binary("ana"), mtl.Binary("bo"))
OPTIONS = {"epochs": 2, "batch_size": 8, "precision": "float64", "progress": False}
LAMBDAS = [0.0, 0.1, 10.0, INFINITY]


def world(delta=0.0, labels=None, seed=0, n=24):
    """Two tasks on inputs of their own; delta turns them apart, labels says how many ana has."""
    draw = torch.Generator().manual_seed(seed)
    x = {task.name: torch.randn(n, 4, generator=draw) for task in TASKS}
    y = {name: (value[:, 0] + k * delta * value[:, 1] > 0).long() for k, (name, value) in enumerate(x.items())}
    if labels is not None:
        y["ana"][labels:] = -1
    split = Split(x, y)
    return World("tiny", TASKS, split, split, split)


def trunk(width=6):
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 5))


def sweep(way=mtl.Soft, drawn=world, layers=None, **axes):
    return mtl.sweep(way, drawn, trunk=layers or trunk(), **(OPTIONS | axes))


def weights(run):
    return torch.cat([parameter.flatten() for parameter in run.model.parameters()])


def same(one, other):
    """The same copies, whatever trained them."""
    assert list(one.runs) == list(other.runs)
    for key, run in one.runs.items():
        torch.testing.assert_close(weights(run), weights(other.runs[key]), rtol=0, atol=1e-8)
    pd.testing.assert_frame_equal(one.table, other.table)
    pd.testing.assert_frame_equal(one.history, other.history)


AXES = {
    "lam": (mtl.Soft, {"lam": LAMBDAS}),
    "gamma": (mtl.SharedPrivate, {"gamma": [0.0, 1.0]}),
    "rank": (mtl.LowRank, {"rank": [0, 2]}),
    "branch": (mtl.Hierarchical, {"branch": ["0", "2", "heads"]}),
    "a branch a task": (mtl.Hierarchical, {"branch": [{"ana": "0"}, {"ana": "2"}]}),
    "the world's dial": (mtl.Soft, {"delta": [0.0, 1.0], "lam": [0.0, 1.0]}),
    "labels": (mtl.Hard, {"labels": [4, 24]}),
    "width": (mtl.Hard, {"width": [2, 6]}),
}


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("at_once", [1, 3, 100])
def test_a_sweep_is_a_loop_of_fits(axis, at_once, monkeypatch):
    monkeypatch.setenv("MTL_DEVICE", "cpu")
    monkeypatch.setitem(sweeps.AT_ONCE, "cpu", at_once * 2 * 8)
    way, axes = AXES[axis]
    layers = trunk if axis == "width" else trunk()
    swept = sweep(way, layers=layers, seeds=(0, 7), **axes)
    plan = sweeps.Plan(way, world, layers, axes, [0, 7])
    assert len(swept.runs) == len(plan.keys) == len({plan.key(point) for point in points(plan)})
    for point in points(plan):
        drawn = plan.draw(point)
        run = mtl.fit(plan.model(point, drawn), drawn, seed=point["seed"], validate=False, **OPTIONS)
        mine = swept.runs[plan.key(point)]
        torch.testing.assert_close(weights(mine), weights(run), rtol=0, atol=1e-8)
        assert mine.scores == pytest.approx(run.scores, abs=1e-8)


def points(plan):
    return [dataset | setting for dataset in plan.datasets for setting in plan.settings]


def test_the_table_says_how_far_apart_the_tasks_are():
    path = sweep(lam=LAMBDAS, seeds=[0], test=True, epochs=5, lr=0.01)
    assert list(path.table.columns) == ["lam", "seed", "task", "split", "loss", "score", "gap", "higher_is_better"]
    assert path.table.higher_is_better.all()
    assert set(path.table.split) == {"train", "validation", "test"}
    assert len(path.table) == len(LAMBDAS) * len(TASKS) * 3
    gap = path.table[path.table.split == "validation"].groupby("lam").gap.mean()
    assert gap.is_monotonic_decreasing
    assert gap[0.0] > 0
    assert gap[INFINITY] == 0
    run = path.run(lam=0.1, seed=0)
    a, b = (torch.cat([p.flatten() for p in run.model.plain(t.name)[:-1].parameters()]) for t in TASKS)
    mean = (a + b) / 2
    assert gap[0.1] == pytest.approx(((a - mean).norm() / mean.norm()).item())
    rows = path.table[(path.table.split == "test") & (path.table.lam == 0.1)]
    assert dict(zip(rows.task, rows.score, strict=True)) == pytest.approx(run.test())


def test_a_gap_is_told_for_each_layer_and_is_nothing_where_all_is_shared():
    run = mtl.fit(mtl.Hierarchical(TASKS, trunk(), branch="2"), world(), **OPTIONS)
    assert run.model.gap("0").abs().max() == 0
    assert run.model.gap("2").min() > 0
    assert run.model.gap().min() < run.model.gap("2").max()
    with pytest.raises(KeyError, match="there are 0, 2"):
        run.model.gap("1")


# a folder


def counted(monkeypatch):
    """Counts the chunks that are trained."""
    calls, real = [], loop.train

    def train(model, *arguments):
        calls.append(model.copies)
        yield from real(model, *arguments)

    monkeypatch.setattr("mtl_lesson.training.runs.train", train)
    return calls


def test_a_sweep_goes_on_where_it_was_cut(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("MTL_DEVICE", "cpu")
    monkeypatch.setenv("MTL_THREADS", "1")  # one chunk after another
    monkeypatch.setitem(sweeps.AT_ONCE, "cpu", 3 * 2 * 8)  # chunks of two λs
    whole = sweep(lam=LAMBDAS, seeds=(0, 7), test=True)
    calls, real = [], loop.train

    def interrupted(model, *arguments):
        calls.append(model.copies)
        for epoch in real(model, *arguments):
            if len(calls) == 3:
                raise KeyboardInterrupt
            yield epoch

    monkeypatch.setattr("mtl_lesson.training.runs.train", interrupted)
    cut = sweep(lam=LAMBDAS, seeds=(0, 7), test=True, folder=tmp_path)
    assert len(cut.runs) == 4
    assert "4 of 8 copies" in capsys.readouterr().out
    same(sweep(lam=LAMBDAS, seeds=[0], test=True, folder=tmp_path), sweep(lam=LAMBDAS, seeds=[0], test=True))
    trained = counted(monkeypatch)
    finished = sweep(lam=LAMBDAS, seeds=(0, 7), test=True, folder=tmp_path)
    assert trained == [2, 2]
    same(finished, whole)
    same(sweep(lam=LAMBDAS, seeds=(0, 7), test=True, folder=tmp_path), whole)
    assert trained == [2, 2]


def test_a_longer_grid_trains_what_is_new(tmp_path, monkeypatch):
    sweep(lam=[0.0, 10.0], seeds=[0], folder=tmp_path)
    trained = counted(monkeypatch)
    longer = sweep(lam=LAMBDAS, seeds=[0, 7], folder=tmp_path)
    assert sum(trained) == 6
    same(longer, sweep(lam=LAMBDAS, seeds=[0, 7]))


@pytest.mark.parametrize(
    "change",
    [
        {"epochs": 3},
        {"lr": 0.01},
        {"optimiser": "sgd"},
        {"weight_decay": 0.1},
        {"layers": trunk(7)},
        {"drawn": world(delta=1.0)},
        {"tie": "all"},
        {"batch_size": 12},
        {"precision": "float32"},
    ],
)
def test_what_was_trained_otherwise_is_not_taken(change, tmp_path, monkeypatch):
    first = {"drawn": world(), "lam": 0.1, "seeds": [0], "folder": tmp_path}
    sweep(**first)
    trained = counted(monkeypatch)
    sweep(**(first | change))
    assert trained == [1]


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b"", lambda b: b[:-40] + b"0" * 40])
def test_a_half_written_file_is_never_read(damage, tmp_path, monkeypatch):
    once = sweep(lam=0.1, seeds=[0], folder=tmp_path)
    (file,) = tmp_path.iterdir()
    file.write_bytes(damage(file.read_bytes()))
    (tmp_path / "more.part").write_bytes(b"of another copy")
    trained = counted(monkeypatch)
    same(sweep(lam=0.1, seeds=[0], folder=tmp_path), once)
    assert trained == [1]
    same(sweep(lam=0.1, seeds=[0], folder=tmp_path), once)
    assert trained == [1]


def test_a_folder_that_cannot_be_written_is_told_before_training(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    trained = counted(monkeypatch)
    with pytest.raises(OSError, match=r"file.*another folder"):
        sweep(lam=0.1, seeds=[0], folder=tmp_path / "file" / "results")
    assert not trained


def test_a_disk_that_fills_up_costs_no_copy(tmp_path, monkeypatch):
    real, left = os.replace, [2]

    def replace(part, file):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(28, "No space left on device")
        real(part, file)

    monkeypatch.setattr(store.os, "replace", replace)
    with pytest.warns(UserWarning, match=f"{tmp_path.name}.*No space left") as told:
        path = sweep(lam=LAMBDAS, seeds=[0], folder=tmp_path)
    assert len([one for one in told if "No space" in str(one.message)]) == 1
    same(path, sweep(lam=LAMBDAS, seeds=[0]))
    assert len(list(tmp_path.glob("*.pt"))) == 2


def test_a_stop_while_a_world_is_drawn_keeps_what_is_finished(monkeypatch, capsys):
    monkeypatch.setenv("MTL_DEVICE", "cpu")
    monkeypatch.setenv("MTL_THREADS", "1")  # one chunk after another
    monkeypatch.setitem(sweeps.AT_ONCE, "cpu", 1)

    def slow(seed=0):
        if seed == 7:
            raise KeyboardInterrupt
        return world(seed=seed)

    kept = sweep(drawn=slow, lam=[0.0, 1.0], seeds=[0, 1, 7, 8]).runs
    assert list(kept) == [(0.0, 0), (1.0, 0), (0.0, 1), (1.0, 1)]
    assert "4 of 8" in capsys.readouterr().out


# bad input


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"lam": [0.0, -1.0]}, ValueError, "0 to ∞"),
        ({"lam": [float("nan")]}, ValueError, "0 to ∞"),
        ({"lam": ["much"]}, ValueError, "much"),
        ({"lam": [{"9": 1.0}]}, KeyError, "there are 0, 2"),
        ({"lam": []}, ValueError, "no values"),
        ({"lam": INFINITY, "exact": False}, ValueError, "finite"),
        ({"branch": ["2"]}, TypeError, "possible axes"),
        ({"seeds": [1, 1]}, ValueError, "once each"),
        ({"seeds": 3}, TypeError, r"range\(5\)"),
        ({"optimiser": "newton"}, ValueError, "adam, sgd, momentum"),
        ({"weight_decay": -1}, ValueError, "weight_decay"),
        ({"labels": 0}, ValueError, "'ana' has no label at all"),
        ({"way": mtl.Hierarchical, "branch": ["4"]}, KeyError, "0, 2, heads"),
    ],
)
def test_what_makes_no_sense_is_refused(change, error, words):
    with pytest.raises(error, match=words):
        sweep(**({"seeds": [0]} | change))


def test_inputs_of_different_shapes_cannot_share_a_layer():
    x = {"ana": torch.zeros(6, 4), "bo": torch.zeros(6, 3)}
    split = Split(x, {name: torch.ones(6, dtype=torch.long) for name in x})
    with pytest.raises(ValueError, match=r"trunk cannot be alike.*ana: \(4,\), bo: \(3,\)"):
        sweep(drawn=World("tiny", TASKS, split, split, split), lam=0.1, seeds=[0])


def test_a_copy_that_has_diverged_rests_where_it_was():
    """Gradient descent on a strong penalty diverges; the exact step beside it, on the same data, does not."""
    options = {"lam": [0.0, 30.0], "seeds": [0], "optimiser": "sgd", "lr": 0.05, "epochs": 20, "precision": "float32"}
    with pytest.warns(mtl.TrainingDiverged):
        path = sweep(exact=False, **options)
    assert path.run(lam=30.0, seed=0).stopped
    assert torch.isfinite(weights(path.run(lam=30.0, seed=0))).all()
    assert not path.run(lam=0.0, seed=0).stopped
    assert not any(run.stopped for run in sweep(**options).runs.values())


def test_a_resting_copy_is_not_pulled():
    model = mtl.Soft(TASKS, trunk(), lam=[1.0, 1.0], seeds=(0, 0))
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    with torch.no_grad():
        model.trunk["0"].weight.add_(torch.randn_like(model.trunk["0"].weight))
    before = model.trunk["0"].weight.detach().clone()
    model.release(0)
    model.pull(optimiser)
    assert torch.equal(model.trunk["0"].weight[0], before[0])
    assert not torch.equal(model.trunk["0"].weight[1], before[1])
