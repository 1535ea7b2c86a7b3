"""Features: what plain networks return, for every way of sharing and every kind of input, and bad input refused."""

import copy

import pytest
import torch
from every_way import TASKS, WAYS, moved
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.inspection import features, is_untrained

X = torch.randn(20, 3, 8, 8, generator=torch.Generator().manual_seed(0))
EACH = {task.name: X + number for number, task in enumerate(TASKS)}


def trunk():
    network = nn.Sequential()
    layers = {
        "conv1": nn.Conv2d(3, 4, 3),
        "relu1": nn.ReLU(),
        "pool1": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "linear": nn.Linear(36, 10),
        "relu2": nn.ReLU(),
    }
    for name, layer in layers.items():
        network.add_module(name, layer)
    return network


def made(way):
    """A model whose tasks' weights differ, as after training."""
    return moved(WAYS[way](trunk()), 0.2)


def inputs(model, kind):
    return X if kind == "one for all" else {t.name: EACH[o.name] for t, o in zip(model.tasks, TASKS, strict=True)}


@pytest.mark.parametrize("kind", ["one for all", "one a task"])
@pytest.mark.parametrize("way", WAYS)
def test_they_are_what_a_plain_network_returns(way, kind):
    model = made(way)
    x = inputs(model, kind)
    for layer in (None, "conv1", "pool1", "flatten"):
        h = features(model, x, layer)
        assert list(h) == [task.name for task in model.tasks]
        for number, task in enumerate(model.tasks):
            own = x if kind == "one for all" else x[task.name]
            parts = []
            for each in model.trunks().values():
                plain = each.plain(number, 0)
                stop = len(plain) if layer is None else list(dict(plain.named_children())).index(layer) + 1
                parts.append(plain[:stop](own))
            if way == "experts" and layer is None:  # what the gates make of them is held in test_experts
                parts = [model.plain(task.name)[:-1](own)]
            torch.testing.assert_close(h[task.name], torch.cat(parts, 1).detach())
            assert h[task.name].dtype is torch.float32
            assert not h[task.name].requires_grad


def test_they_do_not_depend_on_the_parts_they_are_computed_in():
    model = made("hard")
    many = X.repeat(60, 1, 1, 1)  # 1,200 pictures: three parts
    h = features(model, many)["yes"]
    assert len(h) == 1200
    torch.testing.assert_close(h, features(model, X)["yes"].repeat(60, 1))


@pytest.mark.parametrize("mode", [True, False])
def test_looking_changes_nothing(mode):
    network = trunk()
    network.insert(6, nn.Dropout(0.5))
    model = mtl.Hard(TASKS, network, features=10).train(mode)
    model.trunk.layers[0].train(not mode)  # a part in another mode than the rest
    modes, before = [m.training for m in model.modules()], copy.deepcopy(model.state_dict())
    first, second = features(model, X), features(model, X)
    assert all(torch.equal(first[name], second[name]) for name in first)  # dropout is off
    assert [m.training for m in model.modules()] == modes
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())


def test_a_double_precision_model_and_a_run():
    world = mtl.data.planted(T=2, d=4, n=8, n_validation=5, n_test=5)
    run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.linear(4, 2)), world, epochs=1, precision="float64", progress=False)
    h = features(run, world.test.x)
    W = run.model.trunk["linear"].weight[0, 0].detach()
    torch.testing.assert_close(h["task 2"], (world.test.x["task 2"].double() @ W.T).float())


# --- trained or not ---


@pytest.mark.parametrize("way", WAYS)
def test_a_model_is_untrained_until_any_weight_moves(way):
    model = WAYS[way](trunk())
    assert is_untrained(model)
    for parameter in model.parameters():
        changed = copy.deepcopy(model)
        twin = next(p for p, q in zip(changed.parameters(), model.parameters(), strict=True) if q is parameter)
        with torch.no_grad():
            twin.view(-1)[-1] += 1e-3
        assert not is_untrained(changed)


def test_copies_and_runs_are_untrained_too():
    world = mtl.data.planted(T=2, d=4, n=8, n_validation=5, n_test=5)
    model = mtl.Hard(world.tasks, mtl.nets.linear(4, 2), seeds=(3, 4))
    assert is_untrained(model)
    assert is_untrained(model.copy(1))
    assert is_untrained(model.double())
    one = mtl.Hard(world.tasks, mtl.nets.linear(4, 2))
    assert not is_untrained(mtl.fit(one, world, epochs=1, seed=5, progress=False))


# --- refused ---


def test_what_cannot_be_looked_at_is_refused():
    model = made("hard")
    with pytest.raises(TypeError, match=r"expected a model such as mtl\.Hard.*not Linear"):
        features(nn.Linear(2, 2), X)
    with pytest.raises(ValueError, match=r"holds 2 copies; inspect one, such as model\.copy\(0\)"):
        features(mtl.Hard(TASKS, trunk(), seeds=(0, 1)), X)
    with pytest.raises(KeyError, match="no layer 'conv9'; it has conv1, relu1"):
        features(model, X, "conv9")
    with pytest.raises(TypeError, match=r"takes real numbers, not torch\.int64"):
        features(model, (X > 0).long())
    with pytest.raises(ValueError, match="one or more inputs"):
        features(model, X[:0])
    with pytest.raises(ValueError, match="the same number for each task"):
        features(model, EACH | {"yes": X[:3]})
    with pytest.raises(KeyError, match="the tasks are"):
        features(model, {"kind": X})


def test_nan_is_refused_with_task_layer_and_origin():
    model = made("separate")
    with torch.no_grad():
        model.trunk["linear"].weight[0, 1] = torch.nan
    assert features(model, X, "flatten").keys() == {"kind", "yes", "much"}
    with pytest.raises(ValueError, match=r"task 'yes', layer h, picture 0.*first layer to hold any is linear"):
        features(model, X)
    with pytest.raises(ValueError, match=r"layer relu2.*is linear"):
        features(model, X, "relu2")
    bad = X.clone()
    bad[7, 0, 0, 0] = torch.inf
    with pytest.raises(ValueError, match=r"task 'kind', layer conv1, picture 7.*so do the inputs"):
        features(made("hard"), bad, "conv1")
