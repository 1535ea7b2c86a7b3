"""Interventions: what is changed is one thing, and what is counted is the answers that follow it."""

import math

import numpy as np
import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.data.questions import COLOURS, _dye
from mtl_lesson.inspection import answers_changed


@pytest.fixture(scope="module")
def world():
    return mtl.data.questions(n_train=200, n_validation=20, n_test=1200, seed=0)


def named(x):
    """The number of the colour nearest to each picture's hue, read off its brightest pixel."""
    flat = x.flatten(2)
    bright = flat[torch.arange(len(x)), :, flat.sum(1).argmax(1)]
    hues = torch.cat([_dye(torch.full((1, 1, 1), 255.0), np.array([60.0 * k])).flatten(1) for k in range(len(COLOURS))])
    return torch.cdist(bright / bright.amax(1, keepdim=True), hues / hues.amax(1, keepdim=True)).argmin(1)


def test_a_new_colour_leaves_all_else(world):
    x = world.test.x
    redyed = mtl.data.recolour(x, 3)
    assert redyed.shape == x.shape
    torch.testing.assert_close(redyed.amax(1), x.amax(1))  # its brightness: garment and way up
    assert torch.equal(redyed, mtl.data.recolour(x, 3))
    assert not torch.equal(redyed, mtl.data.recolour(x, 4))


def test_new_colours_are_drawn_as_the_worlds_own_and_do_not_follow_the_old(world):
    old, new = world.test.labels["colour"], named(mtl.data.recolour(world.test.x))
    shares = torch.bincount(new, minlength=6) / len(new)
    assert (shares - 1 / 6).abs().max() < 4 * math.sqrt(1 / 6 * 5 / 6 / len(new))
    assert (old == new).double().mean().item() == pytest.approx(1 / 6, abs=4 * math.sqrt(1 / 6 * 5 / 6 / len(new)))
    right = (named(world.test.x) == old).double().mean().item()
    assert right == pytest.approx(mtl.data.colour_ceiling(), abs=0.04)  # the reader reads


@pytest.mark.parametrize("shape", [(3, 28, 28), (1, 8, 8), (8, 8)])
def test_a_turn_turns_and_does_nothing_else(shape):
    x = torch.rand(400, *shape)
    turned = mtl.data.turn(x, 1)
    each = torch.stack([x.rot90(k, (-2, -1)) for k in range(4)], 1)
    which = (each == turned[:, None]).flatten(2).all(2)
    assert (which.sum(1) == 1).all()
    assert (which.double().mean(0) - 1 / 4).abs().max() < 4 * math.sqrt(3 / 16 / 400)


def test_seeds_are_whole_numbers(world):
    for alter in (mtl.data.recolour, mtl.data.turn):
        with pytest.raises((TypeError, ValueError), match="seed"):
            alter(world.test.x, -1)


class Brightness(nn.Module):
    """A trunk that does not see the hue."""

    def forward(self, x):
        return x.amax(1).flatten(1)


class Hue(nn.Module):
    """A trunk that sees nothing else."""

    def forward(self, x):
        flat = x.flatten(2)
        return flat[torch.arange(len(x)), :, flat.sum(1).argmax(1)]


def test_who_does_not_see_the_hue_does_not_follow_it(world):
    model = mtl.Hard(world.tasks, Brightness(), features=784)
    x = world.test.x
    assert answers_changed(model, x, mtl.data.recolour(x)) == dict.fromkeys(["garment", "colour", "way up"], 0.0)
    assert all(share > 0 for share in answers_changed(model, x, mtl.data.turn(x)).values())


def test_who_sees_only_the_hue_follows_it_alone(world):
    run = mtl.fit(mtl.Hard(world.tasks, Hue(), features=3), world, epochs=60, lr=0.05, seed=0, progress=False)
    x = world.test.x
    assert answers_changed(run, x, mtl.data.turn(x)) == dict.fromkeys(["garment", "colour", "way up"], 0.0)
    assert answers_changed(run, x, mtl.data.recolour(x))["colour"] == pytest.approx(5 / 6, abs=0.08)


def test_it_is_the_share_of_answers_that_differ(world):
    model = mtl.Separate(world.tasks, mtl.nets.conv(4)).train()
    x, other = world.test.x[:300], mtl.data.turn(world.test.x[:300])
    by_hand = {task.name: (model(x)[task.name].argmax(1) != model(other)[task.name].argmax(1)) for task in world.tasks}
    found = answers_changed(model, x, other)
    assert found == pytest.approx({name: each.double().mean().item() for name, each in by_hand.items()})
    assert answers_changed(model, x, x) == dict.fromkeys(found, 0.0)
    assert model.training


def test_every_kind_of_answer_is_told_from_another():
    tasks = [mtl.Binary("buys"), mtl.MultiLabel("likes", ["a", "b", "c"]), mtl.Classification("town", ["x", "y"])]
    model = mtl.Hard([*tasks, mtl.Regression("price")], nn.Sequential(nn.Linear(4, 8), nn.ReLU()))
    x = torch.randn(50, 4)
    found = answers_changed(model, x, -x)
    assert list(found) == ["buys", "likes", "town"]  # of numbers no answer is the same twice
    for name in ("buys", "likes"):
        others = (model(x)[name] > 0) != (model(-x)[name] > 0)
        assert found[name] == pytest.approx(others.any(1).double().mean().item())


def test_pixels_are_answers_too():
    task, maps = mtl.Segmentation("what", ["sky", "land", "sea"]), nn.Sequential(nn.Conv2d(2, 3, 1), nn.ReLU())
    world = World("maps", [task], *[Split(torch.rand(6, 2, 4, 4), {"what": torch.randint(3, (6, 4, 4))})] * 3)
    model = mtl.Hard(world, maps)
    x, other = torch.rand(6, 2, 4, 4), torch.rand(6, 2, 4, 4)
    other[:3] = x[:3]
    assert answers_changed(model, x, other)["what"] <= 0.5
    one, two = (model(each)["what"].argmax(1) for each in (x, other))
    assert answers_changed(model, x, other)["what"] == pytest.approx(
        (one != two).flatten(1).any(1).double().mean().item()
    )


def test_what_cannot_be_asked_is_refused(world):
    x, trunk = world.test.x[:5], mtl.nets.conv(2)
    with pytest.raises(ValueError, match="have one shape"):
        answers_changed(mtl.Hard(world.tasks, trunk), x, x[:4])
    with pytest.raises(ValueError, match="none of the tasks has classes"):
        answers_changed(mtl.Hard([mtl.Regression("price")], nn.Linear(3, 2)), torch.ones(2, 3), torch.ones(2, 3))
    with pytest.raises(ValueError, match="2 copies"):
        answers_changed(mtl.Hard(world.tasks, trunk, seeds=(0, 1)), x, x)
