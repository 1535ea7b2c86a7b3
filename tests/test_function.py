"""The distance of functions: it agrees with a plain loop, and it is not the distance of weights."""

import copy

import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.inspection import function_gap

TASKS = tuple(mtl.Binary(name) for name in ("ana", "bo", "chidi"))


def model(seeds=(0,), way=mtl.Separate):
    trunk = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5))
    apart = way(TASKS, trunk, seeds=seeds)
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in apart.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=draw))
    return apart


X = torch.randn(30, 4, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("layer", [None, "0"])
def test_it_is_the_distance_of_what_plain_networks_return(layer):
    apart = model()
    with torch.no_grad():
        h = [apart.plain(task.name)[: -1 if layer is None else 1](X) for task in TASKS]
    mean = sum(h) / 3
    torch.testing.assert_close(function_gap(apart, X, layer), torch.stack([(a - mean).norm() / mean.norm() for a in h]))


def test_tasks_that_share_everything_compute_the_same():
    assert function_gap(model(way=mtl.Hard), X).max() < 1e-6


def test_units_that_change_places_move_the_weights_and_not_the_function():
    apart = model()
    first, last = apart.trunk["0"], apart.trunk["2"]
    with torch.no_grad():
        for layer in (first, last):
            for parameter in layer.parameters():
                parameter.copy_(parameter[:, :1].expand_as(parameter))  # three equal networks
        order = torch.tensor([3, 1, 5, 0, 2, 4])
        first.weight[:, 0], first.bias[:, 0] = first.weight[:, 0, order].clone(), first.bias[:, 0, order].clone()
        last.weight[:, 0] = last.weight[:, 0][..., order].clone()
    assert apart.gap().min() > 0.1
    assert function_gap(apart, X).max() < 1e-5


def test_copies_are_measured_one_by_one_and_nothing_is_changed():
    pair = model(seeds=(0, 1))
    before = copy.deepcopy(pair.state_dict())
    together = function_gap(pair.train(), X)
    assert pair.training
    assert all(torch.equal(value, before[name]) for name, value in pair.state_dict().items())
    torch.testing.assert_close(together, torch.stack([function_gap(pair.copy(k), X) for k in range(2)]))
    with pytest.raises(KeyError, match="it has 0, 1, 2"):
        function_gap(pair, X, "conv1")


@pytest.mark.parametrize("seeds", [(0,), (0, 1)])
def test_a_layer_alone_is_given_the_same_by_all_tasks(seeds):
    apart = model(seeds)
    found = function_gap(apart.train(), X, "2", given="1")
    assert apart.training
    found = found if len(seeds) > 1 else found[None]
    for number, gap in enumerate(found):
        networks = [apart.plain(task.name, number) for task in TASKS]
        with torch.no_grad():
            same = sum(network[:2](X) for network in networks) / 3
            h = [network[2](same) for network in networks]
        mean = sum(h) / 3
        torch.testing.assert_close(gap, torch.stack([(a - mean).norm() / mean.norm() for a in h]))


def test_a_layer_alone_differs_only_where_its_own_weights_do():
    apart = model()
    with torch.no_grad():
        for parameter in apart.trunk["2"].parameters():
            parameter.copy_(parameter[:, :1].expand_as(parameter))
    assert function_gap(apart, X, "2", given="1").max() < 1e-6
    assert function_gap(apart, X, "2").min() > 0.1


def test_what_cannot_be_given_is_refused():
    with pytest.raises(KeyError, match="it has 0, 1, 2"):
        function_gap(model(), X, "2", given="conv1")
    with pytest.raises(KeyError, match="it has 0, 1, 2"):
        function_gap(model(), X, "conv1", given="1")
    with pytest.raises(ValueError, match="must be below"):
        function_gap(model(), X, "1", given="1")
    with pytest.raises(TypeError, match="does not look through"):
        function_gap(model(way=mtl.SharedPrivate), X, "2", given="1")
