"""Whether tasks compute the same: the distance of what their layers return, beside the distance of their weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..sharing import Sharing


@torch.no_grad()
def function_gap(model: Sharing, x: Tensor, layer: str | None = None, *, given: str | None = None) -> Tensor:
    """How far a task's features of the pictures ``x`` (n, …) are from the mean of all tasks' features of the same ones.

        ‖h_t − h̄‖ / ‖h̄‖,   h_t = f(x; θ_t)

    (T,), or (C, T) for a model of several copies; of the trunk's ``layer``, or of its last. It reads like
    :meth:`~mtl_lesson.sharing.base.Sharing.gap`, and says something else: the layers below are in it, weights that no
    picture reaches are not, and units that have changed places count here and there alike.

    ``given``: a layer below. Then all tasks' layers after it are handed the same, the mean of what the tasks have
    there, and the distance is theirs alone. KeyError for a layer that is not there, ValueError for one that is not
    below, TypeError for tasks that look through more than one trunk.
    """
    was_training = model.training
    h = model.eval().features({task.name: x for task in model.tasks}, given or layer)
    if given is not None:
        h = handed_on(model, torch.stack(list(h.values())).mean(0), given, layer)
    model.train(was_training)
    h = torch.stack(list(h.values()), -1)  # (copies, n, …, T)
    h = h.reshape(model.copies, -1, len(model.tasks))
    mean = h.mean(-1, keepdim=True)
    gap = (h - mean).square().sum(1).sqrt() / mean.square().sum(1).sqrt().clamp(min=1e-12)
    return gap[0] if model.copies == 1 else gap


def handed_on(model: Sharing, h: Tensor, given: str, layer: str | None) -> dict[str, Tensor]:
    """What the layers after ``given``, up to ``layer``, make of the same ``h`` (C, n, …): task name → (C, n, …)."""
    names, top = list(model.trunk.names), layer or model.trunk.names[-1]
    if top not in names:
        raise KeyError(f"the trunk has no layer {top!r}; it has {', '.join(names)}")
    between = names[names.index(given) + 1 : names.index(top) + 1]
    if not between:
        raise ValueError(f"given={given!r} must be below the layer {top!r}; the trunk has {', '.join(names)}")
    found = {}
    for task in model.tasks:
        parts = []
        for copy, one in enumerate([h] if model.copies == 1 else h):
            layers = dict(model.plain(task.name, copy).named_children())
            if missing := set(between) - set(layers):
                raise TypeError(f"{task.name!r} does not look through {sorted(missing)[0]!r} of this trunk alone")
            parts.append(nn.Sequential(*(layers[name] for name in between)).eval()(one))
        found[task.name] = torch.stack(parts)
    return found
