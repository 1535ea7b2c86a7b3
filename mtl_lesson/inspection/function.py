"""Whether tasks compute the same: the distance of what their layers return, beside the distance of their weights."""

from __future__ import annotations

import torch
from torch import Tensor

from ..sharing import Sharing


@torch.no_grad()
def function_gap(model: Sharing, x: Tensor, layer: str | None = None) -> Tensor:
    """How far a task's features of the pictures ``x`` (n, …) are from the mean of all tasks' features of the same ones.

        ‖h_t − h̄‖ / ‖h̄‖,   h_t = f(x; θ_t)

    (T,), or (C, T) for a model of several copies; of the trunk's ``layer``, or of its last. It reads like
    :meth:`~mtl_lesson.sharing.base.Sharing.gap`, and says something else: the layers below are in it, weights that no
    picture reaches are not, and units that have changed places count here and there alike. KeyError for a layer that
    is not there.
    """
    was_training = model.training
    h = model.eval().features({task.name: x for task in model.tasks}, layer)
    model.train(was_training)
    h = torch.stack(list(h.values()), -1)  # (copies, n, …, T)
    h = h.reshape(model.copies, -1, len(model.tasks))
    mean = h.mean(-1, keepdim=True)
    gap = (h - mean).square().sum(1).sqrt() / mean.square().sum(1).sqrt().clamp(min=1e-12)
    return gap[0] if model.copies == 1 else gap
