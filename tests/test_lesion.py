"""Lesions: the algebra is the forward pass, what no head reads can be spared, and bad input is refused."""

import math
import sys

import numpy as np
import pytest
import torch
from every_way import TASKS, WAYS, moved, noise
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.inspection import importance, lesion


def toy(tasks, own, n=40):
    return noise(tasks, (2, 6, 6), own, n)


def made(way):
    """A model whose tasks' weights differ, as after training."""
    trunk = nn.Sequential()
    layers = {
        "conv1": nn.Conv2d(2, 4, 3),
        "relu1": nn.LeakyReLU(0.2, inplace=True),
        "conv2": nn.Conv2d(4, 3, 3),
        "flatten": nn.Flatten(),
        "linear": nn.Linear(12, 9),
        "relu2": nn.ReLU(),
    }
    for name, layer in layers.items():
        trunk.add_module(name, layer)
    return moved(WAYS[way](trunk), 0.3)


def answers(network, x, layer, units):
    """The outputs of a plain network whose ``units`` are set to their means by a hook."""

    def hook(module, arguments, h):
        h = h.clone()
        places = tuple(i for i in range(h.dim()) if i != 1)
        mean = h.mean(places)
        for unit in units:
            h[:, unit] = mean[unit]
        return h

    handle = dict(network.named_children())[layer].register_forward_hook(hook)
    with torch.no_grad():
        z = network(x)
    handle.remove()
    return z


def own_of(x, task):
    return x[task.name] if isinstance(x, dict) else x


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_the_algebra_is_the_forward_pass_without_the_unit(way, own):
    model = made(way)
    world = toy(model.tasks, own)
    table = importance(model, world)
    assert list(table) == ["task", "unit", "rise", "error"]
    for task in model.tasks:
        y, mine = world.validation.labels[task.name], table[table.task == task.name]
        network = model.plain(task.name)
        known = task.labelled(y)
        last = list(dict(network.named_children()))[-2]
        run = [answers(network, own_of(world.validation.x, task), last, units)[known] for units in [[], [0], [3], [8]]]
        losses = [task.losses(z[None], y[known][None])[0] for z in run]
        assert len(mine) == model.head_inputs(task)[0]
        for unit, loss in zip((0, 3, 8), losses[1:], strict=True):
            row = mine[mine.unit == unit].iloc[0]
            rise = loss - losses[0]
            assert row.rise == pytest.approx(rise.mean().item(), abs=1e-5)
            assert row.error == pytest.approx(rise.std().item() / math.sqrt(known.sum()), abs=1e-5)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("way", [way for way in WAYS if way not in ("shared and private", "experts")])
@pytest.mark.parametrize(("layer", "units"), [("conv1", 4), ("conv2", 3), ("flatten", 12), ("relu2", 9)])
def test_deeper_lesions_run_the_network(way, own, layer, units):
    model = made(way)
    world = toy(model.tasks, own)
    table = importance(model, world, layer=layer, split="test")
    assert len(table) == len(model.tasks) * units
    for task in model.tasks:
        y, x, network = world.test.labels[task.name][None], own_of(world.test.x, task), model.plain(task.name)
        with torch.no_grad():
            intact = task.loss(network(x)[None], y)
        for unit in (0, units - 1):
            rise = (task.loss(answers(network, x, layer, [unit])[None], y) - intact).item()
            row = table[(table.task == task.name) & (table.unit == unit)].iloc[0]
            assert row.rise == pytest.approx(rise, abs=1e-5)


def test_the_layer_below_the_heads_is_h_itself():
    model, world = made("hierarchical"), toy(TASKS, own=True)
    named, unnamed = importance(model, world, layer="relu2"), importance(model, world)
    np.testing.assert_allclose(named[["rise", "error"]], unnamed[["rise", "error"]], atol=1e-5)


def test_it_does_not_depend_on_the_parts_it_is_computed_in(monkeypatch):
    model, world = made("hard"), toy(TASKS, own=False)
    whole = importance(model, world)
    module = sys.modules[importance.__module__]  # mtl.inspection.lesion is the function
    for numbers in (1, 200):
        monkeypatch.setattr(module, "NUMBERS", numbers)
        np.testing.assert_allclose(importance(model, world)[["rise", "error"]], whole[["rise", "error"]])


def test_a_unit_that_a_head_does_not_read_matters_to_the_others_alone():
    model = made("hard")
    with torch.no_grad():
        model.heads[model.head_of(TASKS[1])].weight[..., 4] = 0
    rise = importance(model, toy(TASKS, own=False)).set_index(["task", "unit"]).rise
    assert rise["yes", 4] == pytest.approx(0, abs=1e-12)
    assert abs(rise["kind", 4]) > 1e-4
    assert abs(rise["much", 4]) > 1e-4


def test_only_labelled_pictures_count_and_the_mean_is_of_all():
    world = toy(TASKS, own=False)
    one = {name: y.clone() for name, y in world.validation.labels.items()}
    one["yes"][1:] = -1
    one["yes"][0] = 1
    few = World("few", TASKS, world.train, Split(world.validation.x, one), world.test)
    model = made("hard")
    table = importance(model, few).set_index("task")
    assert table.error["yes"].isna().all()  # one picture has no spread
    with torch.no_grad():
        network, x = model.plain("yes"), few.validation.x
        rise = TASKS[1].losses(answers(network, x, "relu2", [2])[None, :1], torch.ones(1, 1)) - TASKS[1].losses(
            network(x)[None, :1], torch.ones(1, 1)
        )
    assert table[table.unit == 2].rise["yes"] == pytest.approx(rise.item(), abs=1e-5)


# --- groups ---


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_a_group_is_silenced_at_once(way, own):
    model, units = made(way), [1, 2, 6]
    world = toy(model.tasks, own)
    table = lesion(model, world, units)
    assert list(table) == ["task", "loss", "score", "intact_loss", "intact_score"]
    for row, task in zip(table.itertuples(), model.tasks, strict=True):
        y, x = world.validation.labels[task.name][None], own_of(world.validation.x, task)
        network = model.plain(task.name)
        last = list(dict(network.named_children()))[-2]
        hurt, intact = (answers(network, x, last, some)[None] for some in (units, []))
        expected = [judge(z, y).item() for z in (hurt, intact) for judge in (task.loss, task.score)]
        assert [row.loss, row.score, row.intact_loss, row.intact_score] == pytest.approx(expected, abs=1e-5)


def test_a_group_of_one_is_a_row_of_importance():
    model, world = made("soft"), toy(TASKS, own=True)
    for layer in (None, "conv1"):
        alone = importance(model, world, layer=layer)
        for unit in (0, 3):
            table = lesion(model, world, [unit], layer=layer)
            np.testing.assert_allclose(table.loss - table.intact_loss, alone[alone.unit == unit].rise, atol=1e-5)


def test_without_any_unit_the_answer_is_the_mean_one():
    """All of h at its mean: a head says the same of every picture, so it is its loss there."""
    model, world = made("hard"), toy(TASKS, own=False)
    table = lesion(model, world, range(9)).set_index("task")
    with torch.no_grad():
        network = model.plain("much")
        z = network[-1](network[:-1](world.validation.x).mean(0))
    y = world.validation.labels["much"]
    assert table.loss["much"] == pytest.approx((y - z).square()[~y.isnan()].mean().item(), abs=1e-5)


def test_a_channel_that_is_constant_can_go():
    model, world = made("hard"), toy(TASKS, own=False)
    with torch.no_grad():
        model.trunk["conv1"].weight[:, :, 1] = 0
    table = lesion(model, world, [1], layer="conv1")
    np.testing.assert_allclose(table.loss, table.intact_loss, atol=1e-6)
    rise = importance(model, world, layer="conv1").set_index("unit").rise
    np.testing.assert_allclose(rise[1], 0, atol=1e-6)
    assert abs(rise[0]).min() > 1e-4


def test_a_run_on_pictures_of_the_course():
    world = mtl.data.shoppers(n=20, n_validation=12, n_test=10)
    run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(2, channels=1)), world, epochs=1, progress=False)
    table = lesion(run, world, [0, 5], split="test")
    assert dict(zip(table.task, table.intact_score, strict=True)) == pytest.approx(run.test())
    assert len(importance(run, world)) == 6 * 16


# --- refused ---


@pytest.mark.parametrize(
    ("units", "error", "message"),
    [
        ([], ValueError, "no units were given"),
        ([9], ValueError, "a unit of h can be at most 8, not 9"),
        ([-1], ValueError, "a unit of h must be 0 or more"),
        ([1.5], TypeError, "must be a whole number"),
        (np.ones(9, bool), TypeError, "must be a whole number"),
        (torch.ones(9, dtype=torch.bool), TypeError, "must be a whole number"),
        (3, TypeError, r"a list of numbers such as \[3, 5\]"),
        ("13", TypeError, r"a list of numbers such as \[3, 5\]"),
    ],
)
def test_units_that_are_none_are_refused(units, error, message):
    with pytest.raises(error, match=message):
        lesion(made("hard"), toy(TASKS, own=False), units)


def test_units_may_be_an_array_and_name_a_unit_twice():
    model, world = made("hard"), toy(TASKS, own=False)
    expected = lesion(model, world, [2, 5])
    for units in (np.array([5, 2, 2]), torch.tensor([5, 2]), {2, 5}):
        assert lesion(model, world, units).equals(expected)


def test_layers_and_heads_that_cannot_be_lesioned_are_refused():
    world = toy(TASKS, own=False)
    with pytest.raises(KeyError, match="no layer 'conv9'; it has conv1"):
        importance(made("hard"), world, layer="conv9")
    with pytest.raises(ValueError, match="a unit of conv1 can be at most 3, not 4"):
        lesion(made("hard"), world, [4], layer="conv1")
    for act in (importance, lambda *a, **k: lesion(*a, [0], **k)):
        with pytest.raises(ValueError, match=r"SharedPrivate has several trunks side by side.*layer=None"):
            act(made("shared and private"), world, layer="linear")
    with pytest.raises(ValueError, match="train, validation and test"):
        lesion(made("hard"), world, [0], split="exam")
    with pytest.raises(ValueError, match="holds 2 copies"):
        importance(mtl.Hard(TASKS, made("hard").template[0], seeds=(0, 1)), world)


class Deep(nn.Module):
    """A head of two layers, in the place of the linear one."""

    def __init__(self, outputs):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(9, 5), nn.Tanh(), nn.Linear(5, outputs))

    def forward(self, h, rows, owners):
        return self.layers(h)

    def plain(self, copy, group):
        return self.layers


def test_a_deeper_head_is_run_and_its_algebra_refused():
    model, world = made("hard"), toy(TASKS, own=False)
    model.heads[model.head_of(TASKS[0])] = Deep(3)
    with pytest.raises(TypeError, match=r"head of 'kind' is Deep, not a linear layer; .*layer='relu2'"):
        importance(model, world)
    np.testing.assert_allclose(lesion(model, world, [2]).loss, lesion(model, world, [2], layer="relu2").loss, atol=1e-6)
    assert len(importance(model, world, layer="relu2")) == 27
