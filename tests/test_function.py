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
