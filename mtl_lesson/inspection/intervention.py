"""Interventions on the input: what an answer depends on is what changes it."""

from __future__ import annotations

import torch
from torch import Tensor

from ..sharing import Sharing
from ..tasks import Task
from ..training import Run
from .features import inspected


@torch.no_grad()
def answers_changed(model: Sharing | Run, x: Tensor, altered: Tensor) -> dict[str, float]:
    """Task → the share of examples whose answer is another one when ``altered`` is shown instead of ``x``, 0 to 1.

    ``x`` and ``altered``: the same examples (n, …), but for something that is changed on purpose, such as the hue of a
    picture (:func:`~mtl_lesson.data.recolour`) or its turn (:func:`~mtl_lesson.data.turn`). A task whose label the
    change leaves as it was should answer what it did; where it does not, its answer hangs on what was changed. So this
    says what is *used*, where a probe says what is available: the change is a cause, since everything else was held.

    Of numbers no answer is the same twice, so only tasks that decide for a class are asked. Raises ValueError where
    there are none and where the two do not have one shape. Pearl 2009, "Causality", section 1.3.
    """
    model = inspected(model)
    if x.shape != altered.shape:
        raise ValueError(f"the same examples twice have one shape, not {tuple(x.shape)} and {tuple(altered.shape)}")
    asked = [task for task in model.tasks if type(task).decide is not Task.decide]
    if not asked:
        raise ValueError("none of the tasks has classes, so no answer can be told from another")
    weights = next(model.parameters())
    was_training = model.training
    outputs = [model.eval()(each.to(weights)) for each in (x, altered)]
    model.train(was_training)
    decided = {task.name: [task.decide(each[task.name][None])[0] for each in outputs] for task in asked}
    return {name: share_of_others(*answers) for name, answers in decided.items()}


def share_of_others(one: Tensor, other: Tensor) -> float:
    """The share of rows (n, …) in which two decisions differ at all."""
    return float((one != other).reshape(len(one), -1).any(1).double().mean())
