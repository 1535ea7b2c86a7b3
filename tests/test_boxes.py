"""A box as a task: what its loss and its score are, and which boxes are none."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchvision.ops import box_iou

import mtl_lesson as mtl
from mtl_lesson.tasks import judged_as

TASK = mtl.Box("where")
corner = st.floats(0, 1, width=32)
boxes = st.lists(st.tuples(corner, corner, corner, corner), min_size=1, max_size=8).map(
    lambda rows: torch.tensor([(min(a, c), min(b, d), max(a, c), max(b, d)) for a, b, c, d in rows])
)


@given(boxes, st.integers(0, 100))
def test_the_score_is_that_of_torchvision(labels, seed):
    torch.manual_seed(seed)
    given_boxes = (labels + 0.1 * torch.randn(labels.shape)).reshape(-1, 2, 2).sort(1).values.flatten(1)
    expected = torch.diagonal(box_iou(given_boxes, labels)).nan_to_num().mean()
    torch.testing.assert_close(TASK.score(given_boxes[None], labels[None])[0], expected, atol=1e-5, rtol=1e-4)


@given(boxes, st.floats(2, 300))
def test_the_score_is_the_same_in_pixels_and_the_loss_is_not(labels, side):
    outputs = labels + torch.tensor([0.05, -0.02, 0.03, 0.04])
    one, other = TASK.score(outputs[None], labels[None]), TASK.score(side * outputs[None], side * labels[None])
    torch.testing.assert_close(one, other, atol=1e-4, rtol=1e-3)
    ratio = TASK.loss(side * outputs[None], side * labels[None]) / TASK.loss(outputs[None], labels[None])
    assert ratio.item() == pytest.approx(side**2, rel=1e-2)


def test_a_box_that_ends_before_it_begins_is_empty():
    labels = torch.tensor([[0.2, 0.2, 0.6, 0.6]])
    assert TASK.score(torch.tensor([[[0.6, 0.2, 0.2, 0.6]]]), labels[None]).item() == 0
    assert TASK.score(labels[None], labels[None]).item() == 1
    with pytest.raises(ValueError, match="right is not before left"):
        TASK.check(torch.tensor([[0.6, 0.2, 0.2, 0.6]]))


def test_a_box_with_a_number_missing_is_not_judged():
    labels = torch.tensor([[[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, torch.nan]]])
    assert TASK.score(torch.zeros(1, 2, 4), labels).item() == 0
    assert TASK.score(labels.nan_to_num(), labels).item() == 1
    assert TASK.score(labels, labels[:, 1:]).isnan().all()
    assert TASK.chance(labels[0, 1:]) is None


def test_chance_is_the_score_of_the_mean_box():
    labels = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.5, 1.0]])
    assert TASK.chance(labels) == pytest.approx((0.75 + 0.5 / 0.75) / 2)


def test_a_box_is_trained_and_judged_in_ways_of_its_own():
    assert judged_as(TASK) is None
    assert TASK.higher_is_better
    assert TASK.outputs == 4
    torch.manual_seed(0)
    x = torch.rand(64, 4)
    at = torch.cat([x[:, :2] / 2, x[:, :2] / 2 + 0.3], 1)
    split = mtl.data.Split(x, {"where": at})
    world = mtl.data.World("boxes", (TASK,), split, split, split)
    run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.hidden(16, 4)), world, epochs=60, lr=0.02, progress=False)
    assert run.test()["where"] > 0.7
    mtl.show.learning_curves(run)
