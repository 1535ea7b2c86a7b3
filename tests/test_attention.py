"""Attention masks: open they are Hard, disjoint they part the tasks, and each is what the formula says."""

import matplotlib
import pytest
import torch
import zoo
from every_way import moved
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny import CLOSE, FIT, TASKS, small, trunk, world
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.sharing import attention


def set_masks(model, layer, open_):
    """A constant mask by hand: 1 for the units of each task that ``open_`` (T, units) names, 0 for the others."""
    with torch.no_grad():
        mask = model.trunk[f"mask after {layer}"]
        mask.b[:] = torch.where(torch.as_tensor(open_), 0.0, -torch.inf)


# --- limits ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", ["input", "constant"])
@pytest.mark.parametrize("seeds", [(0,), (3, 1)])
def test_it_starts_as_hard(mask, seeds):
    data = world(shape=(2, 4, 4))
    masked, hard = mtl.Attention(TASKS, small(), mask=mask, seeds=seeds), mtl.Hard(TASKS, small(), seeds=seeds)
    for name, y in hard.double()(data.test.x.double()).items():
        torch.testing.assert_close(masked.double()(data.test.x.double())[name], y, **CLOSE)
    assert masked.gap().abs().max() == 0


def test_masks_of_one_that_do_not_learn_train_hard():
    """The whole way, not at the start alone."""
    data = world()
    model = mtl.Attention(TASKS, trunk(), mask="random halves")
    with torch.no_grad():
        for layer in model.where:
            model.trunk[f"mask after {layer}"].kept.fill_(1)
    masked = mtl.fit(model, data, seed=1, go_on=True, **FIT)
    hard = mtl.fit(mtl.Hard(TASKS, trunk()), data, seed=1, go_on=True, **FIT)
    for name, y in hard.model(data.test.x.double()).items():
        torch.testing.assert_close(masked.model(data.test.x.double())[name], y, **CLOSE)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(0, 2), min_size=6, max_size=6), st.lists(st.integers(0, 2), min_size=5, max_size=5))
def test_masks_without_a_unit_in_common_part_the_tasks(first, second):
    """Each unit is one task's. Whatever bo and chidi learn, ana learns the same, and a unit of hers gets no gradient
    from them."""
    data, other = world(), world()
    other.train.labels["bo"], other.train.labels["chidi"] = data.train.labels["bo"].roll(1), -data.train.labels["chidi"]
    model = mtl.Attention(TASKS, trunk(), mask="constant")
    for layer, owner in (("0", first), ("2", second)):
        set_masks(model, layer, torch.arange(3)[:, None] == torch.tensor(owner))
    runs = [mtl.fit(model, one, go_on=True, **FIT).model for one in (data, other)]
    x = data.test.x.double()
    assert torch.equal(*(run(x)["ana"] for run in runs))
    assert not torch.equal(*(run(x)["bo"] for run in runs))
    runs[0].zero_grad()
    runs[0](x)["ana"].square().sum().backward()
    for layer, owner in (("0", first), ("2", second)):
        g = runs[0].trunk[layer].weight.grad[0, 0]
        assert (g[torch.tensor(owner) != 0] == 0).all()


def test_masks_with_a_unit_in_common_do_not():
    data, other = world(), world()
    other.train.labels["bo"] = data.train.labels["bo"].roll(1)
    model = mtl.Attention(TASKS, trunk(), mask="constant")
    runs = [mtl.fit(model, one, go_on=True, **FIT).model for one in (data, other)]
    assert not torch.equal(*(run(data.test.x.double())["ana"] for run in runs))


# --- the formula ----------------------------------------------------------------------------------------------------


def test_a_mask_is_the_formula_on_vectors_and_at_each_place_of_a_map():
    model = moved(mtl.Attention(TASKS, small(), after=["0", "4"])).double()
    x = world(shape=(2, 4, 4)).test.x.double()
    masks, plain = model.masks(x), model.plain("bo")
    conv, dense = (model.trunk[f"mask after {layer}"] for layer in ("0", "4"))
    h = model.features(x, "0")["bo"]
    for place in ((0, 0), (3, 1)):
        a = 2 * torch.sigmoid(h[:, :, *place] @ conv.W[0, 1].T + conv.b[0, 1])
        torch.testing.assert_close(masks["0"]["bo"][:, :, *place], a, **CLOSE)
        masked = model.features(x, "mask after 0")["bo"][:, :, *place]
        torch.testing.assert_close(masked, a * h[:, :, *place], **CLOSE)
    h = model.features(x, "4")["bo"]
    torch.testing.assert_close(masks["4"]["bo"], 2 * torch.sigmoid(h @ dense.W[0, 1].T + dense.b[0, 1]), **CLOSE)
    torch.testing.assert_close(plain(x), model(x)["bo"], **CLOSE)


def test_a_constant_mask_does_not_look_and_one_of_the_input_does():
    x = world().test.x
    for mask, looks in (("input", True), ("constant", False), ("random halves", False)):
        model = moved(mtl.Attention(TASKS, trunk(), mask=mask))
        a = model.masks(x)["0"]["ana"]
        assert (a.std(0) > 0).any().item() is looks


def test_of_a_sequence_each_step_has_a_mask():
    animal = next(one for one in zoo.ZOO if one.name == "linear in time")
    model = moved(mtl.Attention(zoo.world(animal), animal.make()))
    assert model.trunk["mask after 0"].W.shape == (1, 3, 4, 4)
    assert model.masks(zoo.inputs("sequences"))["0"]["yes"].shape == (zoo.N, zoo.LENGTH, 4)


def test_random_halves_are_halves_of_the_seed():
    model = mtl.Attention(TASKS, trunk(), mask="random halves", seeds=(3, 4, 3))
    for layer, units in (("0", 6), ("2", 5)):
        kept = model.trunk[f"mask after {layer}"].kept
        assert set(kept.flatten().tolist()) == {0.0, 1.0}
        assert (kept.sum(-1) == (units + 1) // 2).all()
        assert torch.equal(kept[0], kept[2])
    assert not torch.equal(model.trunk["mask after 0"].kept[0], model.trunk["mask after 0"].kept[1])
    run = mtl.fit(model.copy(1), world(), seed=4, **FIT)
    assert torch.equal(run.model.trunk["mask after 0"].kept[0].float(), model.trunk["mask after 0"].kept[1])


# --- the contract ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mask", attention.KINDS)
def test_a_sweep_is_a_loop_of_fits(mask):
    data = world(shape=(2, 4, 4))
    sweep = mtl.sweep(mtl.Attention, data, trunk=small(), mask=mask, after=[("0", "4")], seeds=[1, 2], **FIT)
    for seed in (1, 2):
        alone = mtl.fit(mtl.Attention(TASKS, small(), mask=mask, after=("0", "4")), data, seed=seed, **FIT)
        among = sweep.run(seed=seed)
        for a, b in zip(alone.model.parameters(), among.model.parameters(), strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-8)
        assert alone.scores == pytest.approx(among.scores, abs=1e-8)


def test_the_kind_and_the_place_of_masks_are_axes():
    grid = {"mask": ["input", "constant"], "after": ["0", "2"]}
    sweep = mtl.sweep(mtl.Attention, world(), trunk=trunk(), seeds=[0], **grid, **FIT)
    model = sweep.run(mask="constant", after="2").model
    assert model.where == ("2",)
    assert model.like((0,)).where == ("2",)


def test_who_owns_what():
    model = mtl.Attention(TASKS, trunk())
    shared, own = 6 * 5 + 5 * 7, 6 * 7 + 5 * 6  # weights and biases of two layers, and of the masks after them
    assert sum(value[0].numel() for value in model.shared_parameters().values()) == shared
    assert sum(value[0].numel() for value in model.specific_parameters("ana").values()) == own + 6
    assert model.size() == shared + 3 * own + 6 + 18 + 6
    assert "mask after 0.W[1]" in model.specific_parameters("bo")
    assert moved(model).gap()[0].min() > 0
    assert model.gap("2").abs().max() == 0


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"mask": "soft"}, ValueError, "a mask is one of 'input', 'constant', 'random halves', not 'soft'"),
        ({"after": ["conv9"]}, KeyError, "no layer 'conv9' to mask; there are 0, 1"),
        ({"after": ["3"]}, ValueError, r"how many units layer '3' has depends on the data: give the World"),
    ],
)
def test_what_makes_no_sense_is_refused(options, error, words):
    with pytest.raises(error, match=words):
        mtl.Attention(TASKS, small(), **options)


def test_what_is_no_features_is_refused_and_with_the_world_sizes_are_known():
    animal = next(one for one in zoo.ZOO if one.name == "gru")
    with pytest.raises(ValueError, match=r"what layer '0' returns cannot be masked.*after=\(…\)"):
        mtl.Attention(zoo.world(animal), animal.make())
    line = nn.Sequential(nn.Conv1d(2, 3, 3), nn.Flatten(), nn.Linear(6, 5))
    with pytest.raises(ValueError, match="layer '0' returns cannot be masked"):
        mtl.Attention(TASKS, line)
    model = mtl.Attention(world(shape=(2, 4, 4)), small(), after=["1", "3"])
    assert [model.trunk[f"mask after {layer}"].W.shape[2] for layer in ("1", "3")] == [4, 16]
    model = mtl.Attention(TASKS, small(), after="1")  # a pool keeps the channels
    assert model.trunk["mask after 1"].W.shape == (1, 3, 4, 4)


def test_the_diagram_draws_a_mask_for_each_task():
    drawing = mtl.show.model_diagram(mtl.Attention(TASKS, trunk(), after=["0"]))
    texts = [text.get_text() for text in drawing.figure.findobj(matplotlib.text.Text)]
    assert texts.count("mask after 0") == 3
    assert "mask that\nlooks at h" in texts
    assert drawing.alt.startswith("An Attention model")
    assert "Kept apart: mask after 0 (3 groups)." in drawing.alt


def test_a_sweep_reads_the_size_of_a_mask_off_the_world():
    """Of a layer whose units only data tell, in a trunk whose features are known without."""
    layers = nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.ReLU(), nn.Linear(16, 5)
    sizes = {"n_train": 20, "n_validation": 10, "n_test": 10, "epochs": 1, "progress": False}
    sweep = mtl.sweep(mtl.Attention, mtl.data.questions, trunk=nn.Sequential(*layers), seeds=[3], after="3", **sizes)
    assert sweep.run(seed=3).model.trunk["mask after 3"].b.shape[-1] == 16
