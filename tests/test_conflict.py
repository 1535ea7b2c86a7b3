"""Conflict: what is measured is what autograd says on plain networks, and nothing else has a part in it."""

import copy
import importlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.chance import generator
from mtl_lesson.data import Split, World, only
from mtl_lesson.inspection import conflict, conflict_path

TASKS = (mtl.Classification("kind", 3), mtl.Binary("yes"), mtl.Regression("much"))
MEASURES = ["cosine", "ratio", "size_first", "size_second"]
few = settings(max_examples=5, deadline=None)


def trunk():
    return nn.Sequential(nn.Linear(5, 6), nn.Tanh(), nn.Linear(6, 4), nn.Tanh(), nn.Linear(4, 3), nn.Tanh())


def noise(n=24, own=False, missing=0.0, seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = {task.name: torch.randn(n, 5, generator=draw) for task in TASKS} if own else torch.randn(n, 5, generator=draw)
    labels = {"kind": torch.randint(3, (n,), generator=draw), "yes": torch.randint(2, (n,), generator=draw)}
    labels["much"] = torch.randn(n, generator=draw)
    for task in TASKS:
        labels[task.name][1:][torch.rand(n - 1, generator=draw) < missing] = task.missing
    split = Split(x, labels)
    return World("noise", TASKS, split, split, split)


def by_hand(model, world, batch_size, batches, seed, shared, number=0):
    """The table from plain networks and autograd, a batch at a time; ``shared``: the names of layers that are."""
    n = len(world.train)
    order = torch.randperm(n, generator=generator(seed, "order", 0))
    chunks = [c for c in order.split(2 * batch_size) if len(c) >= min(2 * batch_size, n)][:batches]

    def of(task, rows):
        net = model.plain(task.name, number).double()
        x = world.train.x[task.name] if isinstance(world.train.x, dict) else world.train.x
        labels = world.train.labels[task.name][rows]
        loss = task.loss(net(x[rows].double())[None], labels[None])[0]
        weights = [p for name, p in net.named_parameters() if name.split(".")[0] in shared]
        g = torch.cat([g.flatten() for g in torch.autograd.grad(loss, weights)])
        return g if task.labelled(labels).any() else g * torch.nan

    cosines, ratios, sizes = [], [], []
    for chunk in chunks:
        halves = chunk.tensor_split(2)
        a, b = (torch.stack([of(task, rows) for task in model.tasks]) for rows in halves)

        def measure(p, q):
            size = p.norm(dim=1)[:, None] * q.norm(dim=1)
            ratio = p.norm(dim=1)[:, None] / q.norm(dim=1)
            return p @ q.T / size, torch.minimum(ratio, 1 / ratio)

        within = [torch.stack(pair).nanmean(0) for pair in zip(measure(a, a), measure(b, b), strict=True)]
        between = measure(a, b)
        itself = torch.eye(len(a), dtype=torch.bool)
        cosines.append(between[0].where(itself, within[0]))
        ratios.append(between[1].where(itself, within[1]))
        sizes.append(torch.stack([a.norm(dim=1), b.norm(dim=1)]).nanmean(0))
    return [torch.stack(values).nanmean(0) for values in (cosines, ratios, sizes)]


def check(table, expected, names):
    cosines, ratios, sizes = expected
    assert len(table) == len(names) * (len(names) + 1) // 2
    for row in table.itertuples():
        i, j = names.index(row.first), names.index(row.second)
        found = (row.cosine, row.ratio, row.size_first, row.size_second)
        wanted = (float(cosines[i, j]), float(ratios[i, j]), float(sizes[i]), float(sizes[j]))
        assert found == pytest.approx(wanted, abs=2e-5, nan_ok=True)


@few
@given(
    seed=st.integers(0, 99),
    own=st.booleans(),
    missing=st.sampled_from([0.0, 0.5, 0.9]),
    batch_size=st.integers(1, 20),
    batches=st.integers(1, 4),
    branch=st.sampled_from([None, "2", "4"]),
)
def test_it_is_what_autograd_says_on_plain_networks(seed, own, missing, batch_size, batches, branch):
    """Hard, and Hierarchical, where the layers below the branch are shared; several copies, each by itself."""
    world, layers = noise(own=own, missing=missing, seed=seed), ["0", "2", "4"]
    options = {} if branch is None else {"branch": branch}
    model = (mtl.Hierarchical if branch else mtl.Hard)(world.tasks, trunk(), seeds=(seed, seed + 1), **options)
    shared = layers[: layers.index(branch)] if branch else layers
    table = conflict(model, world, batch_size=batch_size, batches=batches, seed=seed)
    assert list(table.seed.unique()) == [seed, seed + 1]
    for number in (0, 1):
        expected = by_hand(model, world, batch_size, batches, seed, shared, number)
        check(table[table.seed == seed + number], expected, [task.name for task in world.tasks])
        alone = conflict(model.copy(number), world, batch_size=batch_size, batches=batches, seed=seed)
        for layer in shared:
            part = conflict(model.copy(number), world, layer=layer, batch_size=batch_size, batches=batches, seed=seed)
            expected = by_hand(model, world, batch_size, batches, seed, [layer], number)
            check(part, expected, [task.name for task in world.tasks])
        own_rows = table[table.seed == seed + number][MEASURES].to_numpy()
        assert own_rows == pytest.approx(alone[MEASURES].to_numpy(), abs=1e-5, nan_ok=True)


@few
@given(seed=st.integers(0, 99), order=st.permutations(["kind", "yes", "much"]), drop=st.booleans())
def test_the_order_of_tasks_and_the_tasks_beside_them_change_no_pair(seed, order, drop):
    world = noise(seed=seed)
    names = order[: 2 if drop else 3]
    other = only(world, names)
    a = conflict(mtl.Hard(world.tasks, trunk(), seeds=(seed,)), world, batch_size=6)
    b = conflict(mtl.Hard(other.tasks, trunk(), seeds=(seed,)), other, batch_size=6)
    pairs = {frozenset((row.first, row.second)): row for row in a.itertuples()}
    for row in b.itertuples():
        same = pairs[frozenset((row.first, row.second))]
        assert (row.cosine, row.ratio) == pytest.approx((same.cosine, same.ratio), abs=1e-5)
        sizes = {same.first: same.size_first, same.second: same.size_second}
        assert row.size_first == pytest.approx(sizes[row.first], abs=1e-5)


def test_a_task_and_its_double_agree_and_the_opposite_task_does_not():
    x, draw = torch.randn(40, 5), torch.randn(40)
    tasks = [mtl.Regression(name) for name in ("one", "double", "opposite")]
    split = Split(x, {"one": draw, "double": draw, "opposite": -draw})
    world = World("twins", tasks, split, split, split)
    model = mtl.Hard(tasks, mtl.nets.linear(5, 3))
    with torch.no_grad():
        for head in model.heads.values():
            head.weight.copy_(model.heads[model.head_of(tasks[0])].weight)
            head.bias.zero_()
        model.trunk["linear"].weight.zero_()  # y is 0 for all, so the gradient of −y is the opposite one
    table = conflict(model, world, batch_size=10).set_index(["first", "second"])
    assert table.cosine["one", "double"] == pytest.approx(1, abs=1e-6)
    assert table.cosine["one", "opposite"] == pytest.approx(-1, abs=1e-6)
    assert table.ratio["one", "opposite"] == pytest.approx(1, abs=1e-6)
    assert table.cosine["one", "one"] < 0.99  # the ceiling: other examples


def test_nothing_is_changed_by_a_look():
    world = noise()
    model = mtl.Hard(
        world.tasks, nn.Sequential(nn.Linear(5, 4), nn.BatchNorm1d(4), nn.Dropout(0.5), nn.ReLU()), features=4
    )
    before = copy.deepcopy(model.state_dict())
    model.train()
    one, again, other = conflict(model, world), conflict(model, world), conflict(model, world, seed=1, batch_size=6)
    assert one.equals(again)
    assert not one.equals(other)
    assert model.training
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())


def test_what_has_no_angle_is_nan_and_its_size_says_why():
    world = noise(40)
    model = mtl.Hard(world.tasks, trunk())
    with torch.no_grad():
        model.heads[model.head_of(TASKS[2])].weight.zero_()
    table = conflict(model, world).set_index(["first", "second"])
    assert np.isnan(table.cosine["kind", "much"])
    assert table.ratio["kind", "much"] == 0
    assert table.size_second["kind", "much"] == 0
    assert table.cosine["kind", "yes"] == table.cosine["kind", "yes"]
    labels = {**world.train.labels, "much": torch.full((40,), torch.nan)}
    labels["much"][0] = 1.0  # which the first two examples drawn are not
    seed = next(s for s in range(99) if 0 not in torch.randperm(40, generator=generator(s, "order", 0))[:2])
    rare = World("rare", TASKS, Split(world.train.x, labels), world.validation, world.test)
    table = conflict(mtl.Hard(TASKS, trunk()), rare, batch_size=1, batches=1, seed=seed).set_index(["first", "second"])
    assert table[MEASURES].loc[("kind", "much")].isna().tolist() == [True, True, False, True]
    assert table.cosine.notna()["kind", "yes"]


def frozen():
    layers = trunk()
    for weight in layers.parameters():
        weight.requires_grad_(False)
    return mtl.Hard(TASKS, layers, initial="template")


def exploded():
    model = mtl.Hard(TASKS, trunk())
    with torch.no_grad():
        model.heads[model.head_of(TASKS[2])].bias.fill_(float("nan"))
    return model


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: mtl.Separate(TASKS, trunk()), "conflict is undefined: in Separate no weight is shared"),
        (lambda: mtl.Soft(TASKS, trunk(), lam=1.0), "conflict is undefined: in Soft no weight is shared"),
        (lambda: mtl.Hard(TASKS[:1], trunk()), "conflict is between two tasks, and the model has one, 'kind'"),
        (frozen, "conflict is undefined: all weights that the tasks of this Hard share are frozen"),
        (exploded, "the gradient of 'much' is not a finite number: the model has diverged"),
    ],
)
def test_what_has_no_conflict_is_refused_in_words(make, message):
    with pytest.raises(ValueError, match=message):
        conflict(make(), noise())


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"split": "holdout"}, ValueError, "a world has train, validation and test, not 'holdout'"),
        ({"batch_size": 0}, ValueError, "batch_size must be 1 or more"),
        ({"batches": 1.5}, TypeError, "batches must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_conflict_says_what_is_wrong(settings, error, message):
    with pytest.raises(error, match=message):
        conflict(mtl.Hard(TASKS, trunk()), noise(), **settings)


# while a network learns


def drawn(seed, n=40):
    return noise(n, missing=0.2, seed=seed)


def test_a_path_is_training_as_a_sweep_does_it_with_a_look_now_and_then():
    settings = {"trunk": trunk(), "seeds": [3, 5], "epochs": 5, "batch_size": 8, "lr": 0.01}
    path = conflict_path(mtl.Hard, drawn, every=2, batches=2, **settings)
    swept = mtl.sweep(mtl.Hard, drawn, progress=False, **settings)
    assert list(path.columns[:3]) == ["seed", "epoch", "first"]
    assert sorted(path.epoch.unique()) == [0, 2, 4, 5]
    fresh = mtl.Hard(TASKS, trunk(), seeds=(3, 5))
    for number, seed in enumerate((3, 5)):
        run, at = swept.run(seed=seed), path[path.seed == seed]
        for epoch, model in ((0, fresh.copy(number)), (5, run.model)):
            table = conflict(model, drawn(seed), batch_size=8, batches=2, seed=seed)
            assert at[at.epoch == epoch][MEASURES].to_numpy() == pytest.approx(table[MEASURES].to_numpy(), abs=1e-5)
        last = at[at.epoch == 5]
        assert dict(zip(last["first"], last.score_first, strict=True)) == run.scores
        assert dict(zip(last["second"], last.score_second, strict=True)) == run.scores


def test_a_list_is_a_grid_and_weightings_are_those_of_a_sweep():
    settings = {"trunk": trunk(), "seeds": [0], "epochs": 1, "batches": 1}
    weights = [mtl.weighting.Sum(), mtl.weighting.Fixed({"much": 100})]
    path = conflict_path(mtl.Hierarchical, drawn, branch=["2", "4"], n=[30, 40], weighting=weights, **settings)
    assert len(path) == 2 * 2 * 2 * 2 * 6
    assert list(path.columns[:5]) == ["branch", "n", "weighting", "seed", "epoch"]
    assert len(path.groupby(["branch", "n", "weighting"]).size()) == 8
    end = path[(path.epoch == 1) & (path.n == 40)].groupby("weighting").cosine.sum()
    assert end.nunique() == 2


def test_a_path_is_refused_before_anything_is_trained(monkeypatch):
    module = importlib.import_module("mtl_lesson.inspection.conflict")
    monkeypatch.setattr(module, "train", lambda *args, **kwargs: pytest.fail("it was trained"))
    with pytest.raises(ValueError, match="in Separate no weight is shared"):
        conflict_path(mtl.Separate, drawn, trunk=trunk())
    with pytest.raises(ValueError, match="not 'holdout'"):
        conflict_path(mtl.Hard, drawn, trunk=trunk(), scored="holdout")
    with pytest.raises(ValueError, match="every must be 1 or more"):
        conflict_path(mtl.Hard, drawn, trunk=trunk(), every=0)
    with pytest.raises(TypeError, match="nothing here takes 'depth'"):
        conflict_path(mtl.Hard, drawn, trunk=trunk(), depth=3)


def test_a_copy_that_diverges_is_told_and_the_others_go_on():
    def loud(seed):
        world = drawn(seed)
        labels = {**world.train.labels, "much": world.train.labels["much"] * (1e20 if seed else 1)}
        return World("loud", TASKS, Split(world.train.x, labels), world.validation, world.test)

    settings = {"trunk": trunk(), "seeds": [0, 1], "epochs": 3, "batch_size": 4, "batches": 1}
    with pytest.warns(mtl.TrainingDiverged):
        path = conflict_path(mtl.Hard, loud, optimiser="sgd", lr=0.1, **settings)
    assert sorted(path.epoch.unique()) == [0, 1, 2, 3]
    assert path[path.seed == 0].cosine.notna().all()


@pytest.mark.parametrize(
    ("layer", "branch", "error", "words"),
    [
        ("1", None, KeyError, "no layer '1' with weights; it has 0, 2, 4"),
        ("conv9", None, KeyError, "no layer 'conv9'"),
        ("4", "2", ValueError, "no weight of layer '4' is shared"),
    ],
)
def test_a_layer_without_a_shared_weight_is_refused(layer, branch, error, words):
    world = noise()
    model = mtl.Hierarchical(world.tasks, trunk(), branch=branch) if branch else mtl.Hard(world.tasks, trunk())
    with pytest.raises(error, match=words):
        conflict(model, world, layer=layer)
