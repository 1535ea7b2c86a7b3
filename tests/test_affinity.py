"""Affinity: each score is what plain networks say, whatever the order of the tasks, and what has none is refused."""

import copy
import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from every_way import TASKS, WAYS, moved, noise
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import r2_score
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.chance import generator
from mtl_lesson.data import Split, World
from mtl_lesson.inspection import affinity, cka, head_swap, label_association
from mtl_lesson.inspection.affinity import SCORES
from mtl_lesson.inspection.by_labels import association, coded

OF_GRADIENTS, OF_SOLUTIONS = ("cosine", "look-ahead"), ("cka", "swap", "distance")
NAMES = [task.name for task in TASKS]


def toy(own=False, n=24, tasks=TASKS):
    return noise(tasks, (5,), own, n)


def network():
    return nn.Sequential(nn.Linear(5, 7), nn.Tanh(), nn.Linear(7, 6), nn.Tanh())


def made(way, by=0.3):
    return moved(WAYS[way](network()), by).double()


def plain_losses(model, world, moves=None):
    """Task → (its loss, its trunk's weights by name) in plain PyTorch; ``moves``: {weight name: what is added}."""
    found = {}
    for task in model.tasks:
        net = copy.deepcopy(model.plain(task.name)).double()
        trunk = {name: weight for name, weight in net.named_parameters() if not name.startswith("head")}
        with torch.no_grad():
            for name, move in (moves or {}).items():
                trunk[name] += move
        x = world.train.x[task.name] if isinstance(world.train.x, dict) else world.train.x
        labels = world.train.labels[task.name]
        found[task.name] = task.loss(net(x.double())[None], labels[None])[0], trunk
    return found


def plain_gradients(model, world, shared):
    """Task → {name of a shared weight: its gradient}."""
    found = {}
    for name, (loss, trunk) in plain_losses(model, world).items():
        found[name] = dict(zip(shared, torch.autograd.grad(loss, [trunk[one] for one in shared]), strict=True))
    return found


def in_a_row(parts):
    return torch.cat([part.flatten() for part in parts.values()])


SHARED = {"hard": ["0.weight", "0.bias", "2.weight", "2.bias"], "hierarchical": ["0.weight", "0.bias"]}


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("way", SHARED)
def test_gradients_are_those_of_plain_networks(way, own):
    model, world, lr = made(way), toy(own), 0.05
    g = plain_gradients(model, world, SHARED[way])
    cosine = affinity(model, world, batch_size=100)
    ahead = affinity(model, world, "look-ahead", batch_size=100, lr=lr)
    before = plain_losses(model, world)
    for i, j in itertools.permutations(NAMES, 2):
        expected = torch.cosine_similarity(in_a_row(g[i]), in_a_row(g[j]), 0)
        assert cosine.loc[i, j] == pytest.approx(float(expected), abs=1e-9)
        after = plain_losses(model, world, {name: -lr * part for name, part in g[i].items()})
        assert ahead.loc[i, j] == pytest.approx((1 - after[j][0] / before[j][0]).item(), abs=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1000))
def test_the_look_ahead_is_the_product_of_gradients_at_first_order(seed):
    model, world, lr = made("hard", by=1e-3 * seed), toy(), 1e-6
    g = {name: in_a_row(parts) for name, parts in plain_gradients(model, world, SHARED["hard"]).items()}
    losses = plain_losses(model, world)
    ahead = affinity(model, world, "look-ahead", batch_size=100, lr=lr)
    for i, j in itertools.permutations(NAMES, 2):
        first = (g[i] @ g[j] / losses[j][0]).item()
        assert ahead.loc[i, j] / lr == pytest.approx(first, abs=1e-4 * float(g[i].norm() * g[j].norm()))


def test_the_mean_is_over_batches_that_the_seed_draws():
    model, world = made("hard"), toy(n=24)
    tables = [affinity(model, world, batch_size=12, seed=seed) for seed in (0, 0, 1)]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    assert not np.allclose(tables[0], tables[2], equal_nan=True)
    order = torch.randperm(24, generator=generator(0, "order", 1))
    halves = []
    for rows in order.split(12):
        part = Split(world.train.x[rows], {name: y[rows] for name, y in world.train.labels.items()})
        halves.append(affinity(model, World("half", TASKS, part, part, part), batch_size=12))
    pd.testing.assert_frame_equal(tables[0], (halves[0] + halves[1]) / 2)


def test_a_batch_without_a_label_counts_for_nothing():
    """The mean is over the batches in which both tasks have something to say."""
    world = toy(n=20)
    labels = dict(world.train.labels) | {"yes": torch.full((20,), -1)}
    labels["yes"][3] = 1
    sparse = World("sparse", TASKS, Split(world.train.x, labels), world.validation, world.test)
    got = affinity(made("hard"), sparse, batch_size=4)
    assert np.isfinite(got.to_numpy()[~np.eye(3, dtype=bool)]).all()
    ahead = affinity(made("hard"), sparse, "look-ahead", batch_size=4)
    assert np.isfinite(ahead.to_numpy()[~np.eye(3, dtype=bool)]).all()


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("by", [*OF_GRADIENTS, *OF_SOLUTIONS, "labels"])
def test_the_order_of_the_tasks_changes_nothing(by, own):
    if by == "labels" and own:
        return  # tasks of noise have no examples in common
    tables = []
    for order in ([0, 1, 2], [2, 0, 1]):
        tasks = tuple(TASKS[place] for place in order)
        world = World("again", tasks, *[getattr(toy(own), name) for name in ("train", "validation", "test")])
        way = SCORES[by].way
        options = {"batch_size": 100} if by in OF_GRADIENTS else {}
        tables.append(affinity(world, by=by, trunk=way and network(), epochs=2, **options))
    pd.testing.assert_frame_equal(tables[0], tables[1].loc[NAMES, NAMES], rtol=1e-3, atol=1e-5)
    assert list(tables[1].columns) == [TASKS[place].name for place in (2, 0, 1)]
    assert np.isnan(np.diag(tables[0])).all()
    assert (tables[0].index.name, tables[0].columns.name) == ("giver", "receiver")
    if by not in ("look-ahead", "swap"):
        pd.testing.assert_frame_equal(tables[0], tables[0].T.rename_axis(index="giver", columns="receiver"))


@pytest.mark.parametrize("own", [False, True])
def test_solutions_are_those_of_plain_networks(own):
    model, world = made("separate"), toy(own)
    x = torch.cat([world.validation.x[name] for name in NAMES]) if own else world.validation.x
    trunks = {name: model.plain(name)[:-1] for name in NAMES}
    alike, far, swap = (affinity(model, world, by) for by in ("cka", "distance", "swap"))
    swapped = head_swap(model, world, split="validation").set_index(["trunk", "head"]).score
    for i, j in itertools.permutations(NAMES, 2):
        with torch.no_grad():
            h = [trunks[name](x.double()) for name in (i, j)]
        assert alike.loc[i, j] == pytest.approx(cka(*h), abs=1e-5)
        weights = [torch.cat([weight.flatten() for weight in trunks[name].parameters()]) for name in (i, j)]
        assert far.loc[i, j] == pytest.approx(-(weights[0] - weights[1]).square().sum().item(), rel=1e-9)
        sign = -1 if j == "much" else 1
        assert swap.loc[i, j] == pytest.approx(sign * (swapped[i, j] - swapped[j, j]), abs=1e-6)


def test_a_run_knows_its_world_and_a_world_trains_the_right_kind():
    world = mtl.data.planted(T=3, d=4, n=10, n_validation=20, n_test=20)
    trunk = mtl.nets.linear(4, 2)
    for by, way in (("cosine", mtl.Hard), ("look-ahead", mtl.Hard), ("cka", mtl.Separate), ("distance", mtl.Separate)):
        run = mtl.fit(way(world.tasks, trunk), world, epochs=3, seed=5, progress=False)
        before = copy.deepcopy(run.model.state_dict())
        table = affinity(run, by=by)
        pd.testing.assert_frame_equal(table, affinity(run.model, world, by, seed=0), rtol=1e-2)
        pd.testing.assert_frame_equal(table, affinity(world, by=by, trunk=trunk, epochs=3, seed=5), rtol=1e-2)
        assert all(torch.equal(value, before[name]) for name, value in run.model.state_dict().items())


# --- labels ---------------------------------------------------------------------------------------------------------


def test_chance_is_exactly_nothing_in_the_mean_of_all_orders():
    a = np.array([[1.0, 0], [1, 0], [0, 1], [0, 1], [0, 1]])
    for b in (a, np.arange(5.0)[:, None] ** 2, np.array([0, 1, 2, 2, 1])[:, None] == np.arange(3)):
        values = [association(a, b[list(order)].astype(float)) for order in itertools.permutations(range(5))]
        if np.isfinite(values).all():
            assert np.mean(values) == pytest.approx(0, abs=1e-12)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n=st.integers(10, 60), classes=st.integers(2, 3))
def test_the_association_of_labels_is_the_known_one_in_each_pair_of_kinds(seed, n, classes):
    rng = np.random.default_rng(seed)
    y, z = rng.normal(size=n), rng.integers(classes, size=n)
    z[:classes] = range(classes)
    numbers, kinds = mtl.Regression("a"), mtl.Classification("b", classes)
    a, b = coded(numbers, torch.tensor(y)), coded(kinds, torch.tensor(z))
    w = y + rng.normal(size=n)
    r2 = np.corrcoef(y, w)[0, 1] ** 2
    assert association(a, coded(numbers, torch.tensor(w))) == pytest.approx(1 - (1 - r2) * (n - 1) / (n - 2))
    means = np.array([y[z == number].mean() for number in range(classes)])[z]
    η2, chance = r2_score(y, means), (classes - 1) / (n - 1)
    assert association(a, b) == pytest.approx((η2 - chance) / (1 - chance))
    assert association(b, b[:, ::-1]) == pytest.approx(1)


def test_labels_are_compared_on_the_examples_that_both_have():
    rng = np.random.default_rng(0)
    x, y = torch.tensor(rng.normal(size=(60, 3)), dtype=torch.float32), torch.tensor(rng.integers(2, size=60))
    tasks = tuple(map(mtl.Binary, "abc"))
    parts = {"a": slice(0, 40), "b": slice(20, 60), "c": slice(40, 60)}
    split = Split({name: x[part] for name, part in parts.items()}, {name: y[part] for name, part in parts.items()})
    table = label_association(World("overlap", tasks, split, split, split))
    assert table.loc["a", "b"] == pytest.approx(1)
    assert table.loc["b", "c"] == pytest.approx(1)
    assert np.isnan(table.loc["a", "c"])  # not one example in common


# --- what has none --------------------------------------------------------------------------------------------------


def alone():
    return World("one", TASKS[:1], *[Split(part.x, part.labels) for part in [toy().train] * 3])


@pytest.mark.parametrize("by", SCORES)
def test_one_task_only_is_refused(by):
    with pytest.raises(ValueError, match="one only, 'kind': give two or more"):
        affinity(alone(), by=by, trunk=network())


def test_what_is_not_defined_is_refused_in_words():
    world, own = toy(), toy(own=True)
    for by in OF_GRADIENTS:
        with pytest.raises(ValueError, match=r"in Separate tasks share no weight .* mtl.Hard"):
            affinity(made("separate"), world, by)
    for by in OF_SOLUTIONS:
        with pytest.raises(ValueError, match=r"in Hard tasks have no solutions of their own.*mtl.Separate"):
            affinity(made("hard"), world, by)
    with pytest.raises(ValueError, match="no two tasks have an example in common in train"):
        affinity(own, by="labels")
    with pytest.raises(ValueError, match=r"by must be one of 'cosine', .* not 'cosin'"):
        affinity(made("hard"), world, "cosin")
    with pytest.raises(TypeError, match=r"give a trunk, affinity\(world, by='cka', trunk=…\), and Separate"):
        affinity(world, by="cka")
    with pytest.raises(TypeError, match="needs the data"):
        affinity(made("hard"))
    with pytest.raises(TypeError, match="the model has its own"):
        affinity(made("hard"), world, trunk=network())
    with pytest.raises(ValueError, match="2 copies; inspect one"):
        affinity(mtl.Hard(TASKS, network(), seeds=(0, 1)), world)
    with pytest.raises(ValueError, match="lr must be above 0"):
        affinity(made("hard"), world, "look-ahead", lr=0)


@pytest.mark.parametrize(("bias", "says"), [(1e4, "is 0: nothing is left to learn"), (float("nan"), "is nan: the mod")])
@pytest.mark.parametrize("by", OF_GRADIENTS)
def test_a_loss_of_nothing_or_nan_is_refused(by, bias, says):
    world = toy()
    labels = dict(world.train.labels) | {"yes": torch.ones(24, dtype=torch.long)}
    easy = World("easy", TASKS, Split(world.train.x, labels), world.validation, world.test)
    model = made("hard")
    with torch.no_grad():
        model.specific_parameters("yes")["heads.answers yes.bias"].fill_(bias)
    with pytest.raises(ValueError, match=f"loss of task 'yes' on train {says}"):
        affinity(model, easy, by)
