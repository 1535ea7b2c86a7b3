"""Lesson 10's stored experiment: arms that differ from their control in the mechanism alone, and what is gathered."""

import importlib

import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson import bank, provenance

PAIRS = {
    "masks": "masks, constant",
    "experts": "experts, constant",
    "cross-stitch": "cross-stitch, set",
    "λ, halving": "λ, fixed",
    "branch, found": "branch, drawn",
}


@pytest.fixture(scope="module")
def experiment():
    """The file of an experiment, by its name."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(provenance.PACKAGE.parent / "data" / "bank"))
        yield importlib.import_module


@pytest.fixture(scope="module")
def world():
    return mtl.data.questions(n_train=60, n_validation=30, n_test=30)


def test_an_arm_and_its_control_have_as_many_trials_over_the_same_seeds():
    arms = bank.gather_dials()
    assert {*PAIRS, *PAIRS.values(), "Hard", "Hard, one rate", "Separate", "λ, learnt"} <= set(arms)
    for arm, way in arms.items():
        assert way.tried == (1 if arm.endswith("one rate") else 3), arm
        assert sorted(way.scores.index) == list(range(100, 108)), arm
    for way in bank.gather_dials(closer=True).values():
        assert sorted(way.scores.index) == list(range(100, 116))
        assert way.tried == 3


def test_the_first_eight_of_a_closer_look_are_those_that_were_there():
    first = bank.gather_dials()
    for arm, way in bank.gather_dials(closer=True).items():
        assert way.scores["mean"].loc[100:107].to_dict() == first[arm].scores["mean"].to_dict()


def test_one_rate_is_the_dials_own_and_no_better_on_validation_than_three():
    arms = bank.gather_dials()
    assert set(arms["Hard, one rate"].scores.trial) == {"lr=0.002"}
    assert arms["Hard"].weights == arms["Hard, one rate"].weights < arms["low rank"].weights
    assert 0.9 * arms["low rank"].weights < arms["Separate, as light"].weights < arms["low rank"].weights


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_a_set_mixture_does_not_learn(experiment, world, share):
    """At 0 it is Separate; at 1 all tasks go on with the mean of all."""
    dials = experiment("dials")
    model = dials.SetStitch(world.tasks, mtl.nets.conv(2), share=share)
    run = mtl.fit(model, world, epochs=1, progress=False)
    for given, trained in zip(model.units.parameters(), run.model.units.parameters(), strict=True):
        assert torch.equal(given, trained)
        assert torch.allclose(given.sum(-1), torch.ones(()))
    if share == 0:
        apart = mtl.fit(mtl.Separate(world.tasks, mtl.nets.conv(2)), world, epochs=1, progress=False)
        assert run.scores == apart.scores
    if share == 1:
        h = model.features(world.test.x)
        assert torch.equal(h["garment"], h["colour"])


@pytest.mark.parametrize("gate", ["input", "constant"])
def test_a_shut_expert_has_no_part_and_the_others_share_it(experiment, world, gate):
    dials = experiment("dials")
    model = mtl.fit(mtl.Experts(world, mtl.nets.conv(2), experts=3, gate=gate), world, epochs=1, progress=False).model
    before = model.gates(world.test.x)
    after = dials.shut(model, 1).gates(world.test.x)
    for task, parts in after.items():
        assert (parts[:, 1] == 0).all()
        others = before[task][:, [0, 2]]
        assert torch.allclose(parts[:, [0, 2]], others / others.sum(1, keepdim=True), atol=1e-5)
    assert all(torch.equal(parts, model.gates(world.test.x)[task]) for task, parts in before.items())


def test_a_branch_is_found_where_gradients_part(experiment, world, monkeypatch):
    """At the first layer with a mean cosine below 0; where there is none, nowhere."""
    moving = experiment("moving")
    run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(2)), world, epochs=1, progress=False)
    assert moving.parting(run) in moving.PLACES
    for signs, place in (((-1, -1), "conv2"), ((1, -1), "linear"), ((1, 1), "heads")):
        by_layer = dict(zip(moving.PLACES, signs, strict=False))

        def cosines(run, world, layer, seed, by_layer=by_layer):
            table = mtl.inspection.conflict(run, world, layer=layer, seed=seed, batches=1, batch_size=20)
            pairs = table["first"] != table["second"]
            return table.assign(cosine=by_layer[layer] * pairs + 5.0 * ~pairs)  # the ceiling does not count

        monkeypatch.setattr(moving, "conflict", cosines)
        assert moving.parting(run) == place


def test_a_drawn_branch_hangs_on_its_seed_alone_and_falls_on_all_places(experiment):
    moving = experiment("moving")
    places = [moving.drawn(seed, 5) for seed in range(60)]
    assert places == [moving.drawn(seed, 5) for seed in range(60)]
    assert min(map(places.count, moving.PLACES)) > 8
