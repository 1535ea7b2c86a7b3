"""The world scenes: pictures, boxes and masks in step, no garment in two splits, a unit that changes the box alone."""

import importlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.data import garments, scenes

module = importlib.import_module("mtl_lesson.data.scenes")  # the package's attribute is the function
PARTS = ("train", "validation", "test")
SMALL = {"n_train": 60, "n_validation": 30, "n_test": 30}
few = settings(max_examples=15, deadline=None)


# --- pictures, boxes and masks ---------------------------------------------------------------------------------------


def test_the_album_is_the_known_one():
    which, x, labels = module._album()
    assert x.shape == (2400, 3, 28, 28)
    assert x.dtype == torch.uint8
    assert torch.equal(which, torch.arange(400).repeat_interleave(6))
    assert torch.equal(labels["garment"], torch.arange(10).repeat_interleave(240))
    masks = labels["pixels"].flatten(1).sum(1)
    assert (masks.min(), masks.median(), masks.max()) == (10, 127, 323)
    left, top, right, bottom = labels["where"].T
    assert (left + right).mean().item() == pytest.approx(28, abs=0.5)  # as often left as right, above as below
    assert (top + bottom).mean().item() == pytest.approx(28, abs=0.5)
    assert (left.min(), top.min(), right.max(), bottom.max()) == (0, 0, 28, 28)


def test_a_box_is_the_smallest_that_holds_the_mask():
    _, _, labels = module._album()
    for mask, (left, top, right, bottom) in zip(labels["pixels"][::17], labels["where"][::17].long(), strict=True):
        rows, columns = np.nonzero(mask.numpy())
        assert (left, top, right, bottom) == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)


@few
@given(st.integers(0, 10**6), st.integers(1, 9), st.integers(1, 9))
def test_a_drawn_box_is_found_again(seed, height, width):
    draw = np.random.default_rng(seed)
    top, bottom = np.sort(draw.choice(height + 1, 2, replace=False))
    left, right = np.sort(draw.choice(width + 1, 2, replace=False))
    mask = torch.zeros(1, height, width, dtype=torch.bool)
    mask[0, top:bottom, left:right] = True
    box = module.box_of(mask)
    assert box.tolist() == [[left, top, right, bottom]]
    assert mtl.tasks.area(box).item() == mask.sum()


def test_an_empty_mask_has_no_box():
    mask = torch.ones(3, 4, 4, dtype=torch.bool)
    mask[1] = False
    with pytest.raises(ValueError, match="a mask that is empty has no box"):
        module.box_of(mask)


@pytest.mark.parametrize("size", module.SIZES)
def test_shrinking_keeps_what_is_the_same_everywhere_and_the_mean(size):
    shrink, picture = module._shrinker(size), np.random.default_rng(size).random((28, 28))
    assert shrink @ np.ones((28, 28)) @ shrink.T == pytest.approx(np.ones((size, size)))
    assert (shrink @ picture @ shrink.T).mean() == pytest.approx(picture.mean())


def test_where_the_mask_is_the_garment_shows():
    """What stands in the box, drawn out again, looks more like its own garment's silhouette than like another's."""
    which, _, labels = module._album()
    source = garments()
    first = torch.cat([(source.train_labels == c).nonzero()[: module.OF_A_CLASS, 0] for c in range(10)])
    cloth = source.train[first] > module.CLOTH
    silhouettes = torch.stack([drawn_out(one, module.box_of(one[None])[0].long()) for one in cloth])
    right = 0
    for number, mask, box in zip(which[::24], labels["pixels"][::24], labels["where"][::24].long(), strict=True):
        seen = drawn_out(mask, box)
        like = torch.stack([(silhouettes - one).square().mean((1, 2)) for one in (seen, seen.flip(1))]).amin(0)
        right += like[number] <= like.kthvalue(20).values  # among the 20 of 400 that are most like it
    assert right > 85


def drawn_out(mask, box):
    left, top, right, bottom = box.tolist()
    return torch.nn.functional.interpolate(mask[None, None, top:bottom, left:right].float(), (16, 16))[0, 0]


def test_no_threshold_of_brightness_cuts_the_garment_out():
    """The patches are as bright as it: the best of all thresholds, of the test itself, stays below 2/3 of its IoU."""
    world = scenes()
    bright, garment = world.test.x.amax(1), world.test.labels["pixels"] == 1
    cuts = [bright > at for at in np.arange(0.1, 1, 0.05)]
    best = max(((cut & garment).sum() / (cut | garment).sum()).item() for cut in cuts)
    assert 0.4 < best < 2 / 3


# --- the split -------------------------------------------------------------------------------------------------------


@few
@given(seed=st.integers(0, 10**6), split_by=st.sampled_from(["group", "row"]))
def test_by_garment_no_garment_is_in_two_splits_and_by_row_the_same_scenes_are_tested(seed, split_by):
    world, honest = scenes(seed=seed, split_by=split_by), scenes()
    assert [len(getattr(world, part)) for part in PARTS] == [1200, 300, 300]
    groups = {part: set(world.groups[part].tolist()) for part in PARTS}
    assert len(groups["test"]) == 100
    apart = not (groups["train"] & groups["test"]) and not (groups["validation"] & groups["test"])
    assert apart == (split_by == "group")
    assert bool(groups["train"] & groups["validation"]) == (split_by == "row")
    assert torch.equal(world.test.x, honest.test.x)
    assert torch.equal(world.test.labels["pixels"], honest.test.labels["pixels"])
    for part in PARTS:  # the class of a garment is that of its place in the album
        assert torch.equal(world.groups[part] // 40, getattr(world, part).labels["garment"])


@pytest.mark.parametrize("split_by", ["group", "row"])
def test_no_scene_is_in_two_splits(split_by):
    world = scenes(split_by=split_by)
    seen = [picture.numpy().tobytes() for part in PARTS for picture in getattr(world, part).x]
    assert len(set(seen)) == len(seen)


@few
@given(seed=st.integers(0, 10**6))
def test_a_seed_draws_all_but_the_test_and_few_scenes_are_the_first_of_many(seed):
    small, large, other = scenes(**SMALL, seed=seed), scenes(120, 30, 30, seed=seed), scenes(**SMALL, seed=seed + 1)
    assert torch.equal(small.train.x, large.train.x[:60])
    assert torch.equal(small.test.x, scenes(60, 30, 60, seed=seed).test.x[:30])
    assert torch.equal(small.test.x, other.test.x)
    assert not torch.equal(small.train.x, other.train.x)
    again = scenes(**SMALL, seed=seed)
    assert torch.equal(small.validation.x, again.validation.x)


# --- the dials -------------------------------------------------------------------------------------------------------


@few
@given(seed=st.integers(0, 10**6), masks=st.integers(1, 60))
def test_labels_are_hidden_in_training_alone_and_few_are_part_of_many(seed, masks):
    world, more, all_of_them = (scenes(**SMALL, seed=seed, labels=n) for n in ({"pixels": masks}, {"pixels": 60}, None))
    known = (world.train.labels["pixels"] >= 0).flatten(1)
    assert known.all(1).sum() == known.any(1).sum() == masks
    there = known.all(1)
    assert torch.equal(world.train.labels["pixels"][there], all_of_them.train.labels["pixels"][there])
    assert torch.equal(more.train.labels["pixels"], all_of_them.train.labels["pixels"])
    for part in PARTS:
        for task in ("garment", "where") if part == "train" else ("garment", "where", "pixels"):
            assert torch.equal(getattr(world, part).labels[task], getattr(all_of_them, part).labels[task])
    fewer = scenes(**SMALL, seed=seed, labels={"pixels": (masks + 1) // 2}).train.labels["pixels"][:, 0, 0] >= 0
    assert not (fewer & ~there).any()


def test_one_number_of_labels_is_for_all_tasks_each_on_scenes_of_its_own():
    world = scenes(**SMALL, labels=20)
    known = [task.labelled(world.train.labels[task.name]).reshape(60, -1).all(1) for task in world.tasks]
    assert [int(own.sum()) for own in known] == [20] * 3
    assert not torch.equal(known[0], known[1])


@few
@given(seed=st.integers(0, 10**6))
def test_the_unit_changes_the_box_and_nothing_else_and_the_score_not_at_all(seed):
    shares, pixels = scenes(**SMALL, seed=seed), scenes(**SMALL, seed=seed, box="pixels")
    task, given_box = shares.task("where"), torch.tensor([0.2, 0.2, 0.8, 0.8]).expand(1, 60, 4)
    for part in PARTS:
        a, b = getattr(shares, part), getattr(pixels, part)
        assert torch.equal(a.x, b.x)
        assert torch.equal(a.labels["garment"], b.labels["garment"])
        assert torch.equal(a.labels["pixels"], b.labels["pixels"])
        assert b.labels["where"] == pytest.approx(28 * a.labels["where"])
        assert ((a.labels["where"] >= 0) & (a.labels["where"] <= 1)).all()
    a, b = shares.train.labels["where"][None], pixels.train.labels["where"][None]
    assert task.score(given_box, a).item() == pytest.approx(task.score(28 * given_box, b).item(), rel=1e-5)
    assert 784 * task.loss(given_box, a).item() == pytest.approx(task.loss(28 * given_box, b).item(), rel=1e-5)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"box": "inches"}, ValueError, "box is one of 'shares', 'pixels', not 'inches'"),
        ({"split_by": "class"}, ValueError, "split_by is one of 'group', 'row', not 'class'"),
        ({"n_train": 1600}, ValueError, r"n_train \+ n_validation = 1600 \+ 300 is too much"),
        ({"n_test": 2}, ValueError, "n_test=2 is less than half of a group"),
        ({"n_validation": 2.5}, TypeError, "n_validation must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
        ({"labels": {"mask": 5}}, KeyError, "there is no task 'mask'"),
        ({"labels": {"pixels": 0}}, ValueError, "keep must be 1 or more"),
        ({"labels": {"pixels": 1201}}, ValueError, "keep can be at most the labels of 'pixels' = 1200, not 1201"),
        ({"labels": 1.5}, TypeError, "keep must be a whole number"),
    ],
)
def test_scenes_says_what_is_wrong(settings, error, message):
    with pytest.raises(error, match=message):
        scenes(**settings)


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [mtl.Separate, mtl.Hard, mtl.Soft])
def test_every_way_learns_the_three_questions_of_one_picture(way):
    world = scenes(**SMALL, labels={"pixels": 10})
    model = way(world, mtl.nets.conv(4), heads={"pixels": "relu2"})
    run = mtl.fit(model, world, epochs=6, lr=0.005, progress=False)
    for task in world.tasks:
        losses = run.history[(run.history.task == task.name) & (run.history.split == "train")].loss
        assert losses.iloc[-1] < losses.iloc[0]
    table = mtl.inspection.by_group(run)
    assert list(table.columns) == ["garment picture", "task", "loss", "score", "count"]
    assert len(table) == 3 * 10


def test_a_head_for_pixels_behind_the_whole_trunk_is_refused_in_words():
    world = scenes(**SMALL)
    with pytest.raises(ValueError, match="take one without Flatten and Linear, or a head"):
        mtl.Hard(world, mtl.nets.conv(4))


def test_one_class_in_training_is_learned_without_a_fault():
    world = scenes(6, 6, 30)
    assert len(world.train.labels["garment"].unique()) == 1
    run = mtl.fit(mtl.Hard(world, mtl.nets.conv(2), heads={"pixels": "relu2"}), world, epochs=2, progress=False)
    assert run.history.loss.notna().all()
