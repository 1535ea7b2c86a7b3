"""Units: the filters a task uses, how strongly they respond, and the pictures that excite them most."""

import pytest
import torch
from every_way import TASKS, WAYS, moved
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.inspection import features, filters, responses, top_pictures

X = torch.randn(30, 3, 8, 8, generator=torch.Generator().manual_seed(0))


def made(way):
    """A model whose tasks' weights differ, as after training."""
    trunk = nn.Sequential()
    layers = {"conv1": nn.Conv2d(3, 4, 3), "relu1": nn.ReLU(), "flatten": nn.Flatten(), "linear": nn.Linear(144, 10)}
    for name, layer in layers.items():
        trunk.add_module(name, layer)
    return moved(WAYS[way](trunk), 0.2)


@pytest.mark.parametrize("way", WAYS)
def test_filters_are_what_the_layer_convolves_with(way):
    model = made(way)
    h, trunks = features(model, X, "conv1"), {"shared and private": 2, "experts": 3}
    for number, (task, kernels) in enumerate(filters(model).items()):
        assert kernels.shape == (4 * trunks.get(way, 1), 3, 3, 3)
        biases = [dict(trunk.plain(number, 0).named_children())["conv1"].bias for trunk in model.trunks().values()]
        torch.testing.assert_close(h[task], nn.functional.conv2d(X, kernels, torch.cat(biases)).detach())


def test_tasks_that_share_a_layer_have_one_set_of_filters():
    for way, alike in (("hard", True), ("hierarchical", True), ("pooled", True), ("soft", False)):
        first, *others = filters(made(way)).values()
        assert all(torch.equal(first, one) for one in others) is alike


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_the_strongest_response_of_a_channel_is_over_all_places(way, own):
    model = made(way)
    x = {task.name: X + number for number, task in enumerate(model.tasks)} if own else X
    for layer in ("conv1", "linear", None):
        for task, h in features(model, x, layer).items():
            strongest = responses(model, x, layer)[task]
            expected = torch.stack([torch.stack([unit.max() for unit in picture]) for picture in h])
            assert torch.equal(strongest, expected)
            top = top_pictures(model, x, layer, k=5)[task]
            assert top.shape == (strongest.shape[1], 5)
            for unit, chosen in enumerate(top):
                values = strongest[chosen, unit]
                assert torch.equal(values, strongest[:, unit].sort(descending=True).values[:5])


def test_a_dead_unit_shows_the_first_pictures():
    model = made("hard")
    with torch.no_grad():
        model.trunk["conv1"].weight[:, :, 2] = 0
    assert top_pictures(model, X, "conv1", k=4)["yes"][2].tolist() == [0, 1, 2, 3]


def test_the_brightest_picture_excites_a_unit_that_sees_light():
    model = made("hard")
    with torch.no_grad():
        model.trunk["conv1"].weight[:, :, 0] = 1
    ramp = torch.arange(6.0).view(6, 1, 1, 1).expand(-1, 3, 8, 8)[[3, 0, 5, 1, 4, 2]]
    assert top_pictures(model, ramp, "conv1", k=6)["kind"][0].tolist() == [2, 4, 0, 5, 3, 1]


def test_what_has_no_filters_and_no_top_is_refused():
    model = made("hard")
    with pytest.raises(KeyError, match="no layer 'conv9'; it has conv1"):
        filters(model, "conv9")
    with pytest.raises(TypeError, match="layer 'linear' is Linear, which has no filters"):
        filters(model, "linear")
    with pytest.raises(TypeError, match="expected a model"):
        filters(X)
    wide = nn.Sequential()
    for name, layer in {"conv1": nn.Conv2d(3, 2, 5), "flatten": nn.Flatten(), "linear": nn.Linear(32, 4)}.items():
        wide.add_module(name, layer)
    with pytest.raises(ValueError, match=r"different shapes, \(4, 3, 3, 3\) and \(2, 3, 5, 5\)"):
        filters(mtl.SharedPrivate(TASKS, made("hard").template[0], private=wide))
    with pytest.raises(ValueError, match="k can be at most the number of pictures = 30, not 31"):
        top_pictures(model, X, k=31)
    with pytest.raises(TypeError, match="k must be a whole number"):
        top_pictures(model, X, k=2.5)
    with pytest.raises(KeyError, match="no layer 'conv9'"):
        responses(model, X, "conv9")
