"""Merging: its three known values of λ, what it refuses, and that many λ are each λ alone."""

import copy
import math

import numpy as np
import pytest
import torch
import zoo
from every_way import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl

FIT = {"epochs": 2, "batch_size": 8, "lr": 0.01, "precision": "float64", "progress": False}
REMEMBERS = ("batch norm", "residual, batch norm")
ANIMALS = [animal for animal in zoo.ZOO if animal.name not in REMEMBERS]


def trunk(width=6):
    return nn.Sequential(nn.Linear(4, width), nn.ReLU(), nn.Linear(width, 5))


def world(own=False):
    return noise(zoo.TASKS, (4,), own, 24)


def in_double(x):
    if isinstance(x, dict):
        return {name: in_double(one) for name, one in x.items()}
    return x.double() if x.is_floating_point() else x


def close(a, b, atol=1e-10):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


def each_alone(data, template, seed=0, way=mtl.Hard, **options):
    """A Run a task, each trained without the others."""
    return [mtl.fit(way([task], template, **options), data, seed=seed, **FIT) for task in data.tasks]


def vector(network):
    """All weights of a plain network's trunk in a row."""
    return torch.cat([value.flatten() for name, value in network.named_parameters() if not name.startswith("head")])


# --- three values of λ that are known ------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(ANIMALS), st.booleans(), st.integers(0, 50))
def test_at_zero_every_task_stands_on_the_untrained_trunk(animal, own, seed):
    data = zoo.world(animal, own)
    run = mtl.fit(mtl.Separate(data, animal.make()), data, seed=seed, **FIT)
    merged = mtl.merge(run, lam=0)
    start = run.model.like((seed,)).double().eval()
    x = in_double(data.test.x)
    for task, h in start.features(x).items():
        close(merged.model.features(x)[task], h)
        close(merged.model(x)[task], run.model.answer_one(data.task(task), h[None])[0])
    for layer in merged.model.trunk.plan:
        for key, value in merged.model.trunk[layer].values(0).items():
            assert torch.equal(value, start.trunk[layer].values(0)[key]), (layer, key)


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(ANIMALS), st.integers(0, 50), st.sampled_from([mtl.Hard, mtl.Separate, mtl.Soft, mtl.LowRank]))
def test_one_network_with_lambda_one_is_itself(animal, seed, way):
    data = zoo.world(animal, tasks=zoo.TASKS[:1])
    run = mtl.fit(way(data, animal.make()), data, seed=seed, **FIT)
    merged = mtl.merge(run)
    x = in_double(data.test.x)
    assert type(merged.model) is mtl.Hard
    assert torch.equal(merged.model(x)["kind"], run.model(x)["kind"])
    assert merged.scores == run.scores
    assert merged.test() == run.test()


@pytest.mark.parametrize("own", [False, True], ids=["one input", "an input a task"])
@pytest.mark.parametrize("apart", [False, True], ids=["one run", "a run a task"])
def test_any_lambda_is_the_formula_on_plain_networks(own, apart):
    data, template = world(own), trunk()
    runs = each_alone(data, template, seed=3) if apart else mtl.fit(mtl.Separate(data, template), data, seed=3, **FIT)
    found = mtl.merge(runs, lam=[0, 0.2, 1 / 3, 1, 2.5])
    of = {run.model.tasks[0].name: run for run in runs} if apart else {task.name: runs for task in data.tasks}
    ends = [vector(of[task.name].model.plain(task.name)) for task in data.tasks]
    start = vector(of["kind"].model.like((3,)).double().plain("kind"))
    for (lam, seed), run in found.runs.items():
        assert seed == run.seed == 3
        wanted = start + lam * sum(end - start for end in ends)
        for task in data.tasks:
            close(vector(run.model.plain(task.name)), wanted)
            head, its = (model.plain(task.name).head for model in (run.model, of[task.name].model))
            assert torch.equal(head.weight, its.weight)
    close(vector(found.run(lam=1 / 3).model.plain("yes")), sum(ends) / 3, 1e-15)


def test_separate_networks_and_runs_of_one_task_each_merge_alike():
    """What is trained together in Separate is what is trained alone."""
    data, template = world(), trunk()
    together = mtl.merge(mtl.fit(mtl.Separate(data, template), data, **FIT), lam=0.4)
    alone = mtl.merge(each_alone(data, template), lam=0.4)
    for a, b in zip(together.model.parameters(), alone.model.parameters(), strict=True):
        close(a, b, 1e-9)
    assert together.scores == pytest.approx(alone.scores)


def test_what_was_one_network_for_several_tasks_has_one_change():
    data = world()
    hard, branched = (
        mtl.fit(model, data, **FIT) for model in (mtl.Hard(data, trunk()), mtl.Hierarchical(data, trunk(), branch="2"))
    )
    for a, b in zip(mtl.merge(hard).model.parameters(), hard.model.parameters(), strict=True):
        assert torch.equal(a, b)
    merged = mtl.merge(branched, lam=1).model
    assert torch.equal(merged.trunk["0"].weight, branched.model.trunk["0"].weight)
    start, ends = (model.trunk["2"].weight[0] for model in (branched.model.like((0,)).double(), branched.model))
    close(merged.trunk["2"].weight[0, 0], start[0] + (ends - start[0]).sum(0))


def test_frozen_layers_and_constants_keep_their_values():
    for name in ("frozen", "own names"):
        animal = next(one for one in zoo.ZOO if one.name == name)
        data = zoo.world(animal)
        run = mtl.fit(mtl.Separate(data, animal.make()), data, **FIT)
        merged = mtl.merge(run, lam=0.7).model
        for layer in merged.trunk.plan:
            mine, its = merged.trunk[layer], run.model.trunk[layer]
            for key in mine.attributes:
                a, b = getattr(mine, mine.attributes[key]), getattr(its, its.attributes[key])
                if key in mine.buffer_keys or not b.requires_grad:
                    assert torch.equal(a, b[:, : a.shape[1]])


def test_a_trunk_of_given_weights_starts_from_them():
    data, template = world(), trunk()
    run = mtl.fit(mtl.Separate(data, template, initial="template"), data, **FIT)
    close(vector(mtl.merge(run, lam=0).model.plain("kind")), vector(template).double())


# --- many at once --------------------------------------------------------------------------------------------------


def test_many_lambdas_and_seeds_are_each_alone_and_a_path_to_explore():
    lams = [0.0, 0.1, 1 / 3, 1.0]
    apart = mtl.sweep(
        mtl.Separate,
        mtl.data.shoppers,
        trunk=mtl.nets.conv(2, channels=1),
        n=[20],
        seeds=[4, 9],
        epochs=1,
        progress=False,
    )
    found = mtl.merge(apart, lam=lams, test=True)
    assert found.axes == ("lam", "n", "seed")
    assert list(found.table)[:9] == [*found.axes, "task", "split", "loss", "score", "gap", "higher_is_better"]
    assert set(found.table.split) == {"validation", "test"}
    for (lam, n, seed), run in found.runs.items():
        alone = mtl.merge(apart.run(n=n, seed=seed), lam=lam)
        assert isinstance(alone, mtl.Run)
        for a, b in zip(alone.model.parameters(), run.model.parameters(), strict=True):
            assert torch.equal(a, b)
        assert alone.scores == pytest.approx(run.scores)
        rows = found.table[(found.table.lam == lam) & (found.table.seed == seed) & (found.table.split == "test")]
        assert dict(zip(rows.task, rows.score, strict=True)) == pytest.approx(run.test())
    lab = mtl.explore(found, predict=False, split="test").move(1 / 3)
    assert lab.lam == 1 / 3
    mean = found.table[(found.table.lam == 1 / 3) & (found.table.split == "test")].groupby("task").score.mean()
    assert lab.scores == pytest.approx(mean.to_dict(), rel=1e-5)
    assert "one for all tasks" in str(lab.facts)
    assert "pull" not in lab.facts["worlds"][0]["slices"][next(iter(lab.facts["worlds"][0]["slices"]))]["said"]["good"]
    with pytest.raises(ValueError, match="no point can be trained here"):
        lab.train()


def test_sweeps_are_merged_place_by_place():
    data = world()
    one, two = (
        mtl.sweep(lambda_way, data, trunk=trunk(), seeds=seeds, **FIT)
        for lambda_way, seeds in ((OnlyKind, [0, 1]), (TheOthers, [0, 1]))
    )
    found = mtl.merge([one, two], lam=[0.5])
    assert list(found.runs) == [(0.5, 0), (0.5, 1)]
    alone = mtl.merge([one.run(seed=1), two.run(seed=1)], lam=0.5)
    assert found.run(seed=1).scores == alone.scores
    with pytest.raises(ValueError, match="as many copies; they have 2, 1"):
        mtl.merge([one, mtl.sweep(TheOthers, data, trunk=trunk(), seeds=[0], **FIT)])


class OnlyKind(mtl.Hard):
    def __init__(self, tasks, layers, **arguments):
        super().__init__([task for task in tasks if task.name == "kind"], layers, **arguments)


class TheOthers(mtl.Hard):
    def __init__(self, tasks, layers, **arguments):
        super().__init__([task for task in tasks if task.name != "kind"], layers, **arguments)


def test_worlds_drawn_for_each_run_are_asked_what_they_were_asked():
    template = trunk()
    worlds = [noise((task,), (4,), False, 20 + 4 * t) for t, task in enumerate(zoo.TASKS)]
    runs = [mtl.fit(mtl.Hard(one.tasks, template), one, **FIT) for one in worlds]
    merged = mtl.merge(runs, lam=0.3)
    for one, task in zip(worlds, zoo.TASKS, strict=True):
        y = merged.model({other.name: one.test.inputs[None].double() for other in zoo.TASKS})[task.name]
        label = one.test.labels[task.name]
        assert merged.test()[task.name] == pytest.approx(task.score(y[None], label[None]).item())


def test_stems_and_heads_at_lower_layers_are_kept():
    tasks = zoo.TASKS[1:]
    x = {"yes": torch.randn(24, 3), "much": torch.randn(24, 4)}
    split = mtl.data.Split(x, {"yes": torch.arange(24) % 2, "much": torch.randn(24)})
    data = mtl.data.World("two", tasks, split, split, split)
    model = mtl.Separate(data, trunk(), stems={"yes": nn.Linear(3, 4)}, heads={"much": "0"})
    run = mtl.fit(model, data, **FIT)
    merged = mtl.merge(run, lam=0).model
    x = in_double(x)
    untrained = run.model.like((0,)).double().trunk.plain(0, 0)
    stem = run.model.plain("yes").stem
    close(merged.features(x)["yes"], untrained(stem(x["yes"])))
    close(merged.features(x)["much"], untrained[0](x["much"]))


# --- starts --------------------------------------------------------------------------------------------------------


def test_networks_that_did_not_start_alike_are_refused_and_merged_on_request():
    data, template = world(), trunk()
    one, two = each_alone(data, template, seed=0)[0], each_alone(data, template, seed=1)[1]
    with pytest.raises(ValueError, match=r"did not start alike \(seeds 0 and 1\).*any_start=True"):
        mtl.merge([one, two])
    ends = [vector(one.model.plain("kind")), vector(two.model.plain("yes"))]
    starts = [vector(run.model.like((run.seed,)).double().plain(run.model.tasks[0].name)) for run in (one, two)]
    for lam in (0, 0.5, 1):
        merged = mtl.merge([one, two], lam=lam, any_start=True)
        wanted = sum(starts) / 2 + lam * (sum(ends) - sum(starts))
        close(vector(merged.model.plain("yes")), wanted)
    close(vector(mtl.merge([one, two], lam=0.5, any_start=True).model.plain("kind")), sum(ends) / 2)


def test_the_start_is_what_the_seed_draws():
    """The weights before the first step, from a training that takes none to speak of."""
    data = world()
    run = mtl.fit(mtl.Separate(data, trunk()), data, seed=5, **FIT | {"lr": 1e-300, "optimiser": "sgd"})
    merged = mtl.merge(run, lam=0)
    assert torch.equal(vector(merged.model.plain("kind")), vector(run.model.plain("kind")))


def test_head_swaps_take_the_same_runs():
    data, template = world(own=True), trunk()
    runs = each_alone(data, template)
    together = mtl.fit(mtl.Separate(data, template), data, **FIT)
    joined = mtl.training.join(runs)
    for name, y in joined(in_double(data.test.x)).items():
        close(y, together.model(in_double(data.test.x))[name], 1e-9)
    a, b = (mtl.inspection.head_swap(model, data) for model in (joined, together))
    np.testing.assert_allclose(a.score, b.score, atol=1e-6)
    assert len(mtl.inspection.head_swap(mtl.merge(runs, lam=0.5), data)) == 9
    other = mtl.training.join([runs[0], each_alone(data, template, seed=1)[1]])  # to look at, also from two starts
    assert [task.name for task in other.tasks] == ["kind", "yes"]


# --- what is refused -----------------------------------------------------------------------------------------------


def test_what_cannot_be_merged_is_refused_in_words():
    data = world()
    run, hard = mtl.fit(mtl.Separate(data, trunk()), data, **FIT), mtl.fit(mtl.Hard(data, trunk()), data, **FIT)
    again = mtl.fit(run.model, data, go_on=True, **FIT)
    with pytest.raises(ValueError, match=r"start of a network is not known \(the weights of the model given\)"):
        mtl.merge(again)
    with pytest.raises(ValueError, match=r"not known \(networks merged after training\)"):
        mtl.merge(mtl.merge(run, lam=0.5))
    with pytest.raises(ValueError, match="two of the runs answer 'kind'"):
        mtl.merge([run, hard])
    for way in (mtl.SharedPrivate, mtl.CrossStitch):
        with pytest.raises(ValueError, match=f"in {way.__name__} no task has a trunk of its own"):
            mtl.merge(mtl.fit(way(data, trunk()), data, **FIT))
    one, two = (mtl.fit(mtl.Hard([task], trunk(6 + t)), data, **FIT) for t, task in enumerate(data.tasks[:2]))
    with pytest.raises(ValueError, match="the trunks differ"):
        mtl.merge([one, two], any_start=True)
    normed = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5))
    with pytest.raises(ValueError, match=r"layer '1' keeps running statistics.*GroupNorm"):
        mtl.merge(mtl.fit(mtl.Separate(data, normed), data, **FIT))
    for nothing in ([], run.model, [run, run.model], "runs"):
        with pytest.raises(TypeError, match="merge takes"):
            mtl.merge(nothing)
    soft = mtl.sweep(mtl.Soft, data, trunk=trunk(), lam=[0.0, 1.0], seeds=[0], **FIT)
    with pytest.raises(ValueError, match="has an axis lam already"):
        mtl.merge(soft, lam=0.5)
    assert mtl.merge(soft.run(lam=0.0), lam=0.5).scores == mtl.merge(run, lam=0.5).scores


@pytest.mark.parametrize(
    ("lam", "error", "words"),
    [
        (-0.1, ValueError, "λ must be 0 or more and finite"),
        (math.inf, ValueError, "finite"),
        (math.nan, ValueError, "finite"),
        ("1", TypeError, "λ must be a number"),
        ([0.1, "a"], TypeError, "λ must be a number"),
        ([], ValueError, "at least one"),
        ([0.1, 0.1], ValueError, "given once each"),
    ],
)
def test_a_lambda_that_makes_no_sense_is_refused(lam, error, words):
    data = world()
    run = mtl.fit(mtl.Separate(data, trunk()), data, **FIT | {"epochs": 1})
    with pytest.raises(error, match=words):
        mtl.merge(run, lam=lam)


def test_merging_changes_no_run():
    data = world()
    run = mtl.fit(mtl.Separate(data, trunk()), data, **FIT)
    before = copy.deepcopy(run.model.state_dict())
    mtl.merge(run, lam=[0, 1])
    mtl.training.join([run])
    assert all(torch.equal(value, run.model.state_dict()[name]) for name, value in before.items())
