"""The card on vision: its exercise, with each mistake and its own answer; and its figure, which says what it shows."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson import show
from mtl_lesson.checks import card_vision
from mtl_lesson.inspection.by_colour import by_colour
from mtl_lesson.show.boxes_and_masks import drawn_mask
from mtl_lesson.tasks import area


def iou(a, b):
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    both = (high - low).clamp(min=0).prod(1)
    return both / (area(a) + area(b) - both)


# --- the exercise ----------------------------------------------------------------------------------------------------


def test_the_stub_is_not_attempted_and_the_solution_is_right():
    assert card_vision.overlap_of_boxes(lambda a, b: ...).state == "not attempted"
    assert card_vision.overlap_of_boxes(iou).state == "right"
    assert card_vision.overlap_of_boxes(lambda a, b: iou(a.double(), b.double())).state == "right"


def test_each_mistake_has_words_of_its_own():
    a, b = torch.tensor(card_vision.GIVEN).float(), torch.tensor(card_vision.TRUE).float()
    mistakes = card_vision.mistaken_overlaps(a, b)
    told = set()
    for value, because in mistakes:
        result = card_vision.overlap_of_boxes(lambda a, b, value=value: value)
        assert (result.state, result.words) == ("wrong", f"Because {because}")
        told.add(result.words)
    assert len(told) == len(mistakes) == 8


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda a, b: iou(a, b).mean(), "the mean over the pairs"),
        (lambda a, b: iou(a, b)[:, None].expand(-1, 2), "one number a pair of boxes"),
        (lambda a, b: None, "returns nothing"),
        (lambda a, b: iou(a, b) + 0.01, "off by up to 0.01"),
        (lambda a, b: iou(a.mul_(2), b.mul_(2)), "changes a"),
    ],
)
def test_anything_else_is_told_too(function, words):
    result = card_vision.overlap_of_boxes(function)
    assert result.state == "wrong"
    assert words in result.words


# --- the floor -------------------------------------------------------------------------------------------------------


def test_the_floor_knows_a_colour_and_no_place():
    """Where the colour is the answer it is right; pixels in another order get the same answers in that order."""
    world = mtl.data.scenes(60, 30, 30, labels={"pixels": 3})
    outputs = by_colour(world, "pixels")
    assert outputs.shape == (30, 2, 28, 28)
    assert outputs.exp().sum(1).sub(1).abs().max() < 1e-5
    train, test = (
        mtl.data.Split(split.x, split.labels | {"pixels": (split.x[:, 0] > 0.5).long()})
        for split in (world.train, world.test)
    )
    easy = replace(world, train=train, test=test)
    assert (by_colour(easy, "pixels").argmax(1) == test.labels["pixels"]).float().mean() > 0.97
    order = torch.randperm(28 * 28, generator=torch.Generator().manual_seed(0))
    mixed = replace(
        world, test=mtl.data.Split(world.test.x.flatten(2)[..., order].unflatten(2, (28, 28)), world.test.labels)
    )
    assert torch.allclose(by_colour(mixed, "pixels").flatten(2), outputs.flatten(2)[..., order], atol=1e-5)


# --- the figure ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world():
    return mtl.data.scenes(60, 30, 30, labels={"pixels": 30})


def perfect(labels):
    """Outputs that answer each label as it is."""
    mask = labels["pixels"].float()
    named = torch.nn.functional.one_hot(labels["garment"], 10).float()
    return {"garment": named, "where": labels["where"], "pixels": torch.stack([1 - mask, mask], 1)}


def test_the_figure_says_what_is_shown_and_how_good_the_answers_are(world):
    x, labels = world.test.x, world.test.labels
    truth = show.boxes_and_masks(x, world.tasks, labels, columns=3, title="Scenes")
    names = ", ".join(world.task("garment").answers[label] for label in labels["garment"][:3])
    assert truth.alt == f"Scenes. 3 pictures, each with the box, the mask and the name of what it shows: {names}."
    right = show.boxes_and_masks(x, world.tasks, labels, perfect(labels))
    assert right.alt.endswith("where ≈ 100 % (mean IoU), pixels ≈ 100 % (mean IoU) and garment ≈ 100 % (accuracy).")
    wrong = perfect(labels) | {"pixels": perfect(labels)["pixels"].flip(1)}
    assert "pixels ≈ 0 % (mean IoU)" in show.boxes_and_masks(x, world.tasks, labels, wrong).alt


def test_a_mask_shows_what_is_found_missed_and_false(world):
    task, labels = world.task("pixels"), world.test.labels
    given = labels["pixels"].clone()
    given[0, 0, 0], right = 1 - labels["pixels"][0, 0, 0], labels["pixels"][0]
    outputs = {"pixels": torch.stack([1.0 - given, given.float()], 1)}
    drawn = drawn_mask(task, labels, outputs, 0, (28, 28))
    colours = {tuple(colour) for colour in drawn.reshape(-1, 3).round(3).tolist()}
    assert len(colours) == 3  # background, found, and one pixel that is false or missed
    assert ((drawn == 1).all(2) == ((right == 1) & (given[0] == 1)).numpy()).all()


@settings(max_examples=5, deadline=None)
@given(kinds=st.sets(st.sampled_from(["garment", "where", "pixels"]), min_size=1), answered=st.booleans())
def test_any_of_the_tasks_is_drawn_without_the_others_in_either_unit(kinds, answered):
    for box in ("shares", "pixels"):
        world = mtl.data.scenes(60, 30, 30, box=box, labels={"where": 1, "garment": 1, "pixels": 1})
        tasks, part = [world.task(name) for name in sorted(kinds)], world.train  # most labels are missing
        outputs = perfect(world.test.labels) if answered else None
        some = slice(0, 30)
        labels = {name: y[some] for name, y in part.labels.items()}
        drawing = show.boxes_and_masks(part.x[some], tasks, labels, outputs, columns=4)
        assert drawing.png()
        assert drawing.alt.startswith("4 pictures, each with the ")
        assert "nan" not in drawing.alt


def test_the_figure_refuses_what_it_cannot_draw(world):
    x, labels = world.test.x, world.test.labels
    with pytest.raises(ValueError, match="none of the tasks"):
        show.boxes_and_masks(x, [mtl.Regression("price")], labels)
    with pytest.raises(ValueError, match="there are 30 pictures, and 60 labels or outputs"):
        show.boxes_and_masks(x, world.tasks, world.train.labels)
