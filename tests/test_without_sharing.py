"""The floors: one answer for all, and a linear model of a task alone."""

import numpy as np
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson.inspection import without_sharing as floors


@pytest.mark.parametrize(
    ("task", "labels", "shape"),
    [
        (mtl.Regression("t"), torch.tensor([1.0, 3.0, torch.nan]), (1, 1)),
        (mtl.Binary("t"), torch.tensor([1, 0, 0, 0, -1]), (1, 1)),
        (mtl.Classification("t", 3), torch.tensor([0, 1, 1, 1, -1]), (1, 3)),
        (mtl.Box("t"), torch.rand(5, 4).sort(1).values, (1, 4)),
        (mtl.Segmentation("t", 2), torch.randint(2, (5, 4, 4)), (1, 2, 1, 1)),
    ],
)
def test_one_answer_for_all_has_the_least_training_loss_of_its_kind(task, labels, shape):
    one = floors.same_answer(task, labels)
    assert one.shape == shape
    n = len(labels)
    least = task.loss(one.expand(n, *shape[1:])[None], labels[None])
    for _ in range(20):
        other = one + 0.1 * torch.randn(shape)
        assert task.loss(other.expand(n, *shape[1:])[None], labels[None]) >= least - 1e-6


def test_the_linear_floor_answers_for_a_class_that_training_lacks():
    task, x = mtl.Classification("t", 4), np.random.default_rng(0).standard_normal((30, 3))
    labels = torch.tensor([0, 2] * 15)
    model = floors.fit_linear(task, x, labels, 1.0)
    outputs = floors.linear_outputs(model, task, x)
    assert outputs.shape == (30, 4)
    assert (outputs[:, [1, 3]] == floors.RARE).all()
    torch.testing.assert_close(outputs[:, [0, 2]].exp().sum(1), torch.ones(30))


def test_tokens_are_counted_and_those_of_no_word_are_not():
    x = torch.tensor([[1, 2, 2, 0], [3, 0, 0, 0]])
    assert floors.as_columns(x, "t").tolist() == [[1, 2, 0], [0, 0, 1]]
