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


@pytest.mark.parametrize("task", [mtl.Binary("t"), mtl.Classification("t", 3)])
def test_a_linear_floor_that_is_very_sure_has_finite_outputs(task):
    x = np.random.default_rng(0).standard_normal((60, 1))
    labels = torch.tensor(np.digitize(x[:, 0], [0.0] if task.outputs == 1 else [-0.5, 0.5]))
    model = floors.fit_linear(task, x, labels, 1.0)
    far = np.array([[-1e4], [1e4]])
    assert (model.predict_proba(far) == 0).any()  # as floats have it
    outputs = floors.linear_outputs(model, task, far)
    assert torch.isfinite(outputs).all()
    assert task.decide(outputs[None])[0].tolist() == [0, int(labels.max())]


def test_tokens_are_counted_and_those_of_no_word_are_not():
    x = torch.tensor([[1, 2, 2, 0], [3, 0, 0, 0]])
    assert floors.as_columns(x, "t").tolist() == [[1, 2, 0], [0, 0, 1]]
