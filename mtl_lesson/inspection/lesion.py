"""Lesions: what becomes of each task's loss without a unit, or without a group of them.

A lesioned unit is set to its mean over the pictures, so that it says nothing about any one of them while the head
still meets the number it is used to. A unit of a layer of vectors is one of its features; a unit of a convolution, or
of any layer of maps (n, channels, height, width), is a channel, set everywhere to its mean over pictures and places.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..arguments import whole
from ..data.world import World
from ..nets import Linear
from ..sharing import Sharing
from ..tasks import Task, find_task
from ..training import Run
from .features import BATCH, evaluating, examples, features, inspected

NUMBERS = 2**20  # outputs computed at once, units × pictures × classes: 8 MB; no slower than more at once


@torch.no_grad()
def importance(
    model: Sharing | Run, world: World, *, layer: str | None = None, split: str = "validation"
) -> pd.DataFrame:
    """How much each task's loss rises when one unit alone is silenced, for each unit.

        rise_tu = mean over pictures of L_t(ŷ without u) − L_t(ŷ),        u set to its mean μ_u

    Returns a row for each task and unit in the columns task, unit (its number), rise (in the units of the loss: nats,
    or squared error; negative where the unit did harm) and error, the standard error of the rise over pictures. Means
    are taken over the labelled pictures; μ_u over all of the split's. With an input a task, over the task's own.

    ``layer`` None: the units of h. The heads are linear, so no network needs to run: z' = z − (h_u − μ_u) w_u, all
    units at once, n·d·classes numbers (1,000 pictures, 64 units, 10 classes: some 15 ms). A layer of the trunk: all
    the layers above it run once for each of its units and tasks.

    Pitfalls: loss, not accuracy, since a unit that only lowers confidence changes no answer. One unit at a time shows
    nothing of what two do in each other's stead: silence groups too (:func:`lesion`), beside random groups of the same
    size. Separate networks number their units each in its own way. After Morcos et al. 2018, "On the importance of
    single directions for generalization".

    Raises what :func:`~mtl_lesson.inspection.features.features` raises; ValueError for a split or a task that is not
    there; TypeError for a head that is no linear layer (name the last layer of the trunk, and it runs).
    """
    model = inspected(model)
    x, labels = examples(model, world, split)
    rows = []
    for name, h in silenceable(model, x, layer).items():
        rise, error = rise_of_each(model, find_task(model.tasks, name), h, labels[name], layer)
        rows.append(pd.DataFrame({"task": name, "unit": range(len(rise)), "rise": rise, "error": error}))
    return pd.concat(rows, ignore_index=True)


@torch.no_grad()
def lesion(
    model: Sharing | Run, world: World, units: Iterable[int], *, layer: str | None = None, split: str = "validation"
) -> pd.DataFrame:
    """Every task's loss and score with all of ``units`` silenced at once, beside those of the model as it is.

    Returns a row for each task in the columns task, loss, score, intact_loss and intact_score. ``units``: numbers of
    units of ``layer``, or of h if it is None; each set to its mean over the split's pictures. With a network a task
    they are the units of those numbers in each network. The layers above are run once with and once without.

    Pitfall: a group chosen as the most important one must be compared with random groups of the same size, and chosen
    on other pictures than it is judged on.

    Raises what :func:`~mtl_lesson.inspection.features.features` raises; TypeError or ValueError for units that are no
    whole numbers, out of range, or none at all; ValueError for a split or a task that is not there.
    """
    model = inspected(model)
    x, labels = examples(model, world, split)
    held = silenceable(model, x, layer)
    chosen = check_units(units, min(h.shape[1] for h in held.values()), layer)
    rows = []
    for task in model.tasks:
        h, y = held[task.name], labels[task.name][None]
        run = above(model, task, layer)
        hurt, intact = run(silenced(h, chosen, means(h)))[None], run(h)[None]
        values = [judge(z, y).item() for z in (hurt, intact) for judge in (task.loss, task.score)]
        rows.append([task.name, *values])
    return pd.DataFrame(rows, columns=["task", "loss", "score", "intact_loss", "intact_score"])


# --- units ----------------------------------------------------------------------------------------------------------


def silenceable(model: Sharing, x: Tensor | Mapping[str, Tensor], layer: str | None) -> dict[str, Tensor]:
    """The features of a layer, if there is one path from it to the answers."""
    h = features(model, x, layer)
    if layer is not None and layer not in model.plain(model.tasks[0].name)._modules:
        raise ValueError(
            f"{type(model).__name__} has several trunks side by side, so layer {layer!r} is not one "
            f"layer; layer=None takes the units of h, where they meet"
        )
    return h


def means(h: Tensor) -> Tensor:
    """μ: the mean of each unit over pictures and places, (units,)."""
    return h.double().transpose(0, 1).flatten(1).mean(1).to(h.dtype)


def silenced(h: Tensor, units: list[int], μ: Tensor) -> Tensor:
    """A copy of the features in which ``units`` are their means."""
    h = h.clone()
    h[:, units] = μ[units].view(-1, *[1] * (h.dim() - 2))
    return h


def check_units(units: Iterable[int], count: int, layer: str | None) -> list[int]:
    """The units as a list without repetitions; refuses what cannot be one."""
    if isinstance(units, str | Mapping) or not isinstance(units, Iterable):
        raise TypeError(f"units must be a list of numbers such as [3, 5], not {units!r}")
    units = units.tolist() if hasattr(units, "tolist") else list(units)
    if not units:
        raise ValueError("no units were given; name one or more, such as [3, 5]")
    name = f"a unit of {layer or 'h'}"
    return sorted({whole(unit, name, least=0, most=count - 1) for unit in units})


# --- what lies above ------------------------------------------------------------------------------------------------


def above(model: Sharing, task: Task, layer: str | None) -> Callable[[Tensor], Tensor]:
    """The layers above ``layer`` in the network of one task, features (n, …) to outputs (n, outputs), on the CPU."""
    weights = next(model.parameters())
    if layer is None:

        def run(h: Tensor) -> Tensor:
            return model.answer_one(task, h[None])[0]
    else:
        network = copy.deepcopy(model.plain(task.name)).eval()
        run = network[[*network._modules].index(layer) + 1 :]  # named_children() leaves out a layer's second place

    def answers(h: Tensor) -> Tensor:
        with evaluating(model):
            # A copy of each part: a layer may change its input in place.
            return torch.cat([run(part.to(weights, copy=True)) for part in h.split(BATCH)]).double().cpu()

    return answers


def weights_of_head(model: Sharing, task: Task) -> tuple[Tensor, Tensor]:
    """W (outputs, d) and b (outputs,) of a linear head, in double precision."""
    head = model.heads[model.head_of(task)]
    if model.flattens(task):
        raise TypeError(
            f"the features of {task.name!r} are maps {model.head_inputs(task)}, not vectors, so a unit is no column of "
            "its head; mtl.inspection.importance runs the head instead"
        )
    if not isinstance(head, Linear):
        raise TypeError(
            f"the head of {task.name!r} is {type(head).__name__}, not a linear layer; name the trunk's "
            f"last layer, layer={model.trunk.names[-1]!r}, and the head is run"
        )
    values = {key: value[0].double().cpu() for key, value in head.values(0).items()}
    return values["weight"], values.get("bias", torch.zeros(len(values["weight"])).double())


def rise_of_each(
    model: Sharing, task: Task, h: Tensor, labels: Tensor, layer: str | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """How much a task's loss rises without each unit of its features ``h`` (n, …), and the standard error of that."""
    known = task.labelled(labels).flatten(1).any(1) if labels.dim() > 1 else task.labelled(labels)
    μ, h, y = means(h), h[known], labels[known]
    if layer is None and h.dim() == 2:
        rises = by_algebra(task, h.double(), μ.double(), *weights_of_head(model, task), y)
    else:
        rises = by_running(task, h, μ, above(model, task, layer), y)
    error = rises.std(1) / len(y) ** 0.5 if len(y) > 1 else torch.full((len(rises),), torch.nan)
    return rises.mean(1).numpy(), error.numpy()


def of_each(task: Task, z: Tensor, y: Tensor) -> Tensor:
    """The loss of each picture, (…, n): of several labels the mean of those that are there."""
    losses = task.losses(z, y)
    if task.single:
        return losses
    known = task.labelled(y).flatten(2)
    return losses.flatten(2).where(known, 0).sum(-1) / known.sum(-1)


def by_algebra(task: Task, h: Tensor, μ: Tensor, W: Tensor, b: Tensor, y: Tensor) -> Tensor:
    """The rise of each picture's loss, (units, n), under a linear head: z' = z − (h_u − μ_u) w_u."""
    z = h @ W.T + b
    intact = of_each(task, z[None], y[None])
    away = (h - μ).T[:, :, None]  # (units, n, 1)
    each = max(1, NUMBERS // z.numel())
    rises = []
    for some, w in zip(away.split(each), W.T[:, None].split(each), strict=True):
        rises.append(of_each(task, z - some * w, y.expand(len(some), *y.shape)) - intact)
    return torch.cat(rises)


def by_running(task: Task, h: Tensor, μ: Tensor, run: Callable[[Tensor], Tensor], y: Tensor) -> Tensor:
    """The same under any layers."""
    intact = of_each(task, run(h)[None], y[None])
    units = range(h.shape[1])
    return torch.cat([of_each(task, run(silenced(h, [unit], μ))[None], y[None]) - intact for unit in units])
