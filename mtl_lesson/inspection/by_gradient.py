"""Affinity from gradients: what the tasks' losses ask of the weights that they share, at one moment of training.

J (T, P) are the tasks' gradients of one batch, over the P shared weights. Both scores take the mean over batches, and
the size of a batch is part of what they measure: a smaller one has more noise, which draws every score towards 0.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator

import pandas as pd
import torch
from torch import Tensor

from ..arguments import real, whole
from ..data.world import World
from ..sharing import Sharing
from ..training import Run
from ..training.feed import Batch, Feed
from ..training.loop import evaluate, per_task
from ..training.runs import check_fit
from ..weighting.aggregate import length_of, shared_places
from .conflict import cosine_matrix, shared_gradients
from .features import evaluating, inspected, split_of

RATE = 0.01  # η of the look-ahead


@torch.inference_mode(False)  # also where a learner has asked for no gradients
def gradient_cosine(
    model: Sharing | Run, world: World, *, split: str = "train", batch_size: int = 64, seed: int = 0
) -> pd.DataFrame:
    """The cosine of two tasks' gradients on the weights that they share, from −1 to 1, the mean over batches.

        cos_ij = g_iᵀ g_j / (‖g_i‖ ‖g_j‖),   g_t = ∇_θ L_t

    A square table, the same in both directions; NaN on the diagonal, and for two tasks that never have a gradient in
    the same batch. ``seed`` draws the batches. Cost: a pass backwards for each task and batch.

    Pitfalls: it speaks of one moment of training, and of the next step alone. Two halves of one task's batch do not
    reach 1 either; that is the ceiling to compare with. Where the tasks look at examples of their own, the noise of the
    examples is in it too.

    Raises what :func:`prepared` does.
    """
    model, feed = prepared(model, world, split)
    found = []
    with evaluating(model):
        for batch in batches(feed, batch_size, seed):
            J = shared_gradients(model, batch)
            found.append(cosine_matrix(J, J)[0])
    return squared(model, torch.stack(found).nanmean(0))


@torch.inference_mode(False)
def look_ahead(
    model: Sharing | Run,
    world: World,
    *,
    lr: float = RATE,
    split: str = "train",
    batch_size: int = 64,
    seed: int = 0,
) -> pd.DataFrame:
    """How much of task j's loss goes away when the shared weights take one step for task i: the mean over batches.

        Z_ij = 1 − L_j(θ − η g_i) / L_j(θ),   g_i = ∇_θ L_i

    A square table, the row the task that gives the step, the column the one that receives it; directed, NaN on the
    diagonal. Above 0 the step helps. η is ``lr``; for a small one Z_ij ≈ η g_iᵀg_j / L_j, so, unlike the cosine, it
    depends on the length of the giver's gradient. The heads stay. Cost: a pass forwards and one backwards for each task
    and batch. Fifty et al. 2021, "Efficiently identifying task groupings for multi-task learning" (TAG), who take the
    mean over all of training; here it is one moment.

    Pitfall: a task with a large loss has a long gradient and looks like everybody's friend, or enemy.

    Raises what :func:`prepared` does, ValueError for a rate that is not above 0 and for a loss below 0.
    """
    if real(lr, "lr") == 0:
        raise ValueError("lr must be above 0: a step of length 0 leads nowhere")
    model, feed = prepared(model, world, split)
    if below := [name for name, loss in losses_on(model, feed) if loss < 0]:
        raise ValueError(f"the loss of task {below[0]!r} on {split} is below 0, which has no shares: take by='cosine'")
    found = []
    with evaluating(model):
        for batch in batches(feed, batch_size, seed):
            J = shared_gradients(model, batch)[0]
            before, *after = (losses_after(model, batch, step) for step in (torch.zeros_like(J[0]), *(-lr * J)))
            found.append(1 - torch.stack(after) / before.where(before > 0, torch.nan))  # a loss of 0 has no shares
    return squared(model, torch.stack(found).nanmean(0))


# --- what the two have in common ------------------------------------------------------------------------------------


def prepared(model: Sharing | Run, world: World, split: str) -> tuple[Sharing, Feed]:
    """A copy of the model to compute with, and the split on its device.

    Raises TypeError for what is no model or no World; ValueError for several copies, tasks that are not the world's,
    one task only, a model that shares nothing, and a task whose loss is 0, NaN or infinite.
    """
    model = several(inspected(model))
    check_fit(model, world)
    if not any(shared_places(model)):
        raise ValueError(
            f"in {type(model).__name__} tasks share no weight that learns, so their gradients never meet: take a model "
            "that shares some, such as mtl.Hard(world.tasks, trunk)"
        )
    model, weights = copy.deepcopy(model), next(model.parameters())
    feed = Feed([split_of(world, split)], model.tasks, str(weights.device), weights.dtype)
    for name, loss in losses_on(model, feed):
        if loss == 0 or not math.isfinite(loss):
            why = "nothing is left to learn, and there is no gradient" if loss == 0 else "the model has diverged"
            raise ValueError(f"the loss of task {name!r} on {split} is {loss:g}: {why}; leave the task out")
    return model, feed


def losses_on(model: Sharing, feed: Feed) -> list[tuple[str, float]]:
    """Each task with its loss on all of a feed, which a learner's own may make negative."""
    return list(zip((task.name for task in model.tasks), evaluate(model, feed)[0][0].tolist(), strict=True))


def several(model: Sharing) -> Sharing:
    """The model, if it has two or more tasks."""
    if len(model.tasks) < 2:
        raise ValueError(f"affinity is between tasks, and there is one only, {model.tasks[0].name!r}: give two or more")
    return model


def batches(feed: Feed, size: int, seed: int) -> Iterator[Batch]:
    """The examples of a split in batches that ``seed`` draws."""
    return feed.shuffled([seed], 1, whole(size, "batch_size"))


@torch.no_grad()
def losses_after(model: Sharing, batch: Batch, step: Tensor) -> Tensor:
    """The losses (T,) of a batch where the shared weights have moved by ``step`` (P,); afterwards they are back."""
    places = list(shared_places(model))
    kept = [weight[:, group].clone() for weight, group in places]
    for (weight, group), piece in zip(places, step.split([length_of(place) for place in places]), strict=True):
        weight[:, group] += piece.view_as(weight[:, group])
    outputs = model.outputs(batch.as_type(next(model.parameters()).dtype), batch.inputs, batch.streams)
    for (weight, group), before in zip(places, kept, strict=True):
        weight[:, group] = before
    return per_task(model, outputs, batch.labels, "loss")[0]


def squared(model: Sharing, values: Tensor) -> pd.DataFrame:
    """A square table of the model's tasks, giver by receiver; of a task with itself nothing is asked."""
    names = [task.name for task in model.tasks]
    values = values.detach().double().cpu().clone().fill_diagonal_(torch.nan)
    return pd.DataFrame(values.numpy(), pd.Index(names, name="giver"), pd.Index(names, name="receiver"))
