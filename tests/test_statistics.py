"""Layers that keep running statistics: batches of one, divergence, tasks with inputs of their own."""

import warnings

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.training import feed, loop

TASKS = (mtl.Binary("ana"), mtl.Binary("bo"))


def world(n=25, own=False, shift=0.0):
    draw = torch.Generator().manual_seed(0)
    x = {task.name: torch.randn(n, 4, generator=draw) for task in TASKS}
    labels = {name: (value[:, 0] > 0).long() for name, value in x.items()}
    x["bo"] = x["bo"] + shift
    split = Split(x if own else x["ana"], labels if own else dict.fromkeys(labels, labels["ana"]))
    return World("tiny", TASKS, split, split, split)


def trunk(*layers):
    return nn.Sequential(nn.Linear(4, 6), *layers, nn.ReLU(), nn.Linear(6, 5))


def fit(model, data, **options):
    return mtl.fit(model, data, **({"epochs": 2, "batch_size": 8, "progress": False} | options))


@given(st.integers(1, 70), st.integers(1, 70))
def test_no_batch_but_the_only_one_is_of_a_single_example(n, size):
    sizes = feed.batch_sizes(n, size)
    assert sum(sizes) == n
    assert max(sizes) <= size + 1
    assert size == 1 or n == 1 or min(sizes) > 1
    assert n % size == 1 or sizes == [len(part) for part in torch.arange(n).split(size)]


def test_a_last_batch_of_one_trains():
    """25 examples in batches of 8: the last one is joined to the third batch."""
    run = fit(mtl.Hard(TASKS, trunk(nn.BatchNorm1d(6))), world(25))
    assert run.history.loss.notna().all()
    seen = [batch.x.shape[1] for batch in feed.Feed([world(25).train], TASKS, "cpu", torch.float32).shuffled([0], 1, 8)]
    assert seen == [8, 8, 9]


@pytest.mark.parametrize(("n", "size"), [(25, 1), (1, 8)])
def test_statistics_over_one_example_are_refused_in_words(n, size):
    data = world(25)
    part = Split(data.train.x[:n], {name: y[:n] for name, y in data.train.labels.items()})
    data = World("tiny", TASKS, part, data.validation, data.test)
    with pytest.raises(ValueError, match=r"layer '1' \(BatchNorm1d\).*batch_size=2 or more"):
        fit(mtl.Hard(TASKS, trunk(nn.BatchNorm1d(6))), data, batch_size=size)
    fit(mtl.Hard(TASKS, trunk(nn.LayerNorm(6))), data, batch_size=size)


def test_after_a_divergence_the_statistics_are_those_of_the_weights(monkeypatch):
    """Copy 1 is poisoned in the third epoch; it comes back as it was after the second, copy 0 goes on as if alone."""
    real, calls = loop.step, []

    def poisoned(model, *arguments):
        calls.append(1)
        if len(calls) == 8:  # three steps an epoch
            with torch.no_grad():
                model.trunk["0"].weight[1] = float("nan")
        return real(model, *arguments)

    def sweep(epochs):
        return mtl.sweep(
            mtl.Hard,
            world(),
            trunk=trunk(nn.BatchNorm1d(6)),
            seeds=[0, 1],
            epochs=epochs,
            batch_size=8,
            precision="float64",
            weight_decay=0.1,
            progress=False,
        )

    monkeypatch.setenv("MTL_DEVICE", "cpu")
    healthy, second = sweep(5), sweep(2)
    monkeypatch.setattr(loop, "step", poisoned)
    with pytest.warns(mtl.TrainingDiverged, match=r"step 8 \(seed 1\)"):
        sick = sweep(5)
    for seed, expected in ((0, healthy), (1, second)):
        found = sick.run(seed=seed).model.state_dict()
        for name, value in expected.run(seed=seed).model.state_dict().items():
            torch.testing.assert_close(found[name], value, rtol=0, atol=1e-8, msg=f"{name} of seed {seed}")
    assert sick.run(seed=1).scores == pytest.approx(second.run(seed=1).scores)


WAYS = {
    "separate": mtl.Separate,
    "soft": lambda tasks, trunk: mtl.Soft(tasks, trunk, lam=0.1),
    "hard": mtl.Hard,
    "pooled": mtl.Pooled,
    "hierarchical": lambda tasks, trunk: mtl.Hierarchical(tasks, trunk, branch="3"),
    "low rank": mtl.LowRank,
    "shared and private": mtl.SharedPrivate,
    "experts": mtl.Experts,
    "attention": mtl.Attention,
}
LAYERS = {
    "with weights": nn.BatchNorm1d(6),
    "without": nn.BatchNorm1d(6, affine=False),
    "inside": nn.Sequential(nn.BatchNorm1d(6, affine=False), nn.ReLU()),
}


@pytest.mark.parametrize("layer", LAYERS.values(), ids=LAYERS)
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_tasks_with_inputs_of_their_own_have_statistics_of_their_own(way, layer):
    """In training each task's batch is normalised by its own statistics, so in use it must be too: with one mixture of
    them what was learnt is judged at chance. Bo's inputs lie five away from Ana's."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = fit(way(TASKS, trunk(layer)), world(97, own=True, shift=5.0), epochs=60, lr=0.02)
    assert min(run.scores.values()) > 0.9
    data = world(97, own=True, shift=5.0).test.x
    for task in TASKS:
        plain, x = run.model.plain(task.name).eval(), data[task.name]
        torch.testing.assert_close(run.model(data)[task.name], plain(x), rtol=0, atol=1e-5)
        together = run.model(x)[task.name]  # all tasks look at this one's inputs, each with its own statistics
        torch.testing.assert_close(together, plain(x), rtol=0, atol=1e-5)


def test_tasks_that_look_at_the_same_inputs_share_statistics_and_streams():
    run = fit(mtl.Hard(TASKS, trunk(nn.BatchNorm1d(6))), world())
    held = run.model.trunk["1"]
    assert not held.apart
    assert torch.equal(held.running_mean[:, 0], held.running_mean[:, 1])
    assert held.running_mean.abs().max() > 0
    assert len(run.model.trunk(*run.model.enter(world().test.x))[0]) == 1


def test_a_layer_that_learns_nothing_but_statistics_can_be_branched_at():
    model = mtl.Hierarchical(TASKS, trunk(nn.BatchNorm1d(6, affine=False)), branch="1")
    assert model.trunk.plan == {"0": (0, 0), "1": (0, 1), "3": (0, 1)}
    assert model.gap("1").tolist() == [[0.0, 0.0]]
    assert model.trunk["1"].groups == 2
