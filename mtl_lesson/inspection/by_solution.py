"""Affinity from solutions: how alike the networks are that the tasks come to, each alone from the same initial weights.

All take :class:`~mtl_lesson.Separate`. Where tasks share weights, their solutions are alike because they are one.
"""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
import torch
from torch import Tensor

from ..data.world import World
from ..sharing import Sharing
from ..training import Run
from ..weighting.aggregate import shared_places
from .by_gradient import several, squared
from .features import Inputs, examples, features, inspected
from .similarity import cka
from .swap import head_swap

PICTURES = 2000  # the most that features are compared on


def trunk_similarity(model: Sharing | Run, world: World, *, split: str = "validation") -> pd.DataFrame:
    """Debiased :func:`~mtl_lesson.inspection.cka` of what two tasks' trunks make of the same examples: about 0 to 1.

    A square table, the same in both directions, NaN on the diagonal. Where each task has examples of its own, those of
    all tasks are taken together. At most 2,000 of them. It sees no head, so tasks may give opposite answers from the
    same features. Raises what :func:`apart` does, and TypeError for tasks whose examples are not of one kind.
    """
    model = apart(model)
    h = features(model, common(examples(model, world, split)[0]))
    names, values = list(h), torch.ones(len(h), len(h))
    for i, one in enumerate(names):
        for j, other in enumerate(names[:i]):
            values[i, j] = values[j, i] = cka(h[one], h[other])
    return squared(model, values)


def swap_gain(model: Sharing | Run, world: World, *, split: str = "validation") -> pd.DataFrame:
    """How much better task j's head answers from task i's trunk than from its own: mostly below 0.

        S_ij = ±(score of g_j(f(x_j; θ_i)) − score of g_j(f(x_j; θ_j)))

    in j's own unit, with a minus where a lower score is better. A square table, row i, column j; directed, NaN on the
    diagonal. See :func:`~mtl_lesson.inspection.head_swap`; where tasks have scores of several kinds, compare within a
    column. Raises what :func:`apart` does.
    """
    model = apart(model)
    table = head_swap(model, world, split=split).pivot(index="trunk", columns="head", values="score")
    names = [task.name for task in model.tasks]
    values = torch.tensor(table.loc[names, names].to_numpy())
    signs = torch.tensor([1.0 if task.higher_is_better else -1.0 for task in model.tasks])
    return squared(model, signs * (values - values.diagonal()))


def solution_closeness(model: Sharing | Run) -> pd.DataFrame:
    """Minus the squared distance of two tasks' trunks, −‖θ_i − θ_j‖²: 0 or less.

    A square table, the same in both directions, NaN on the diagonal. It means something only for networks that began
    with the same weights, as those of :class:`~mtl_lesson.Separate` do; and a task that went further than the others is
    far from everybody. Raises what :func:`apart` does.
    """
    model = apart(model)
    owned = [trunk_weights(model, task.name) for task in model.tasks]
    values = torch.stack([torch.stack([-(one - other).square().sum() for other in owned]) for one in owned])
    return squared(model, values)


# --- what they have in common ---------------------------------------------------------------------------------------


def apart(model: Sharing | Run) -> Sharing:
    """The model, if each of its two or more tasks has a network of its own.

    Raises TypeError for what is no model; ValueError for several copies, one task only, and tasks that share weights or
    see one another.
    """
    model = several(inspected(model))
    if any(shared_places(model)) or model.between is not None:
        raise ValueError(
            f"in {type(model).__name__} tasks have no solutions of their own: this compares separate networks, such as "
            "mtl.Separate(world.tasks, trunk), trained"
        )
    return model


def common(x: Inputs) -> Tensor:
    """Examples that all trunks can look at: all tasks' together where each has its own, at most so many."""
    if isinstance(x, Mapping):
        if len({(part.shape[1:], part.dtype) for part in x.values()}) > 1:
            shapes = ", ".join(f"{name}: {tuple(part.shape[1:])}" for name, part in x.items())
            raise TypeError(f"no trunk can look at another task's examples, which differ in shape or kind ({shapes})")
        each = max(1, PICTURES // len(x))
        return torch.cat([part[:each] for part in x.values()])
    return x[:PICTURES]


def trunk_weights(model: Sharing, task: str) -> Tensor:
    """All weights of a task's own trunk in a row, in double precision."""
    t = [one.name for one in model.tasks].index(task)
    held = [trunk[name].values(owners[t]) for trunk in model.trunks().values() for name, owners in trunk.plan.items()]
    parts = [value.flatten() for values in held for value in values.values()]
    if not parts:
        raise ValueError(f"the trunk of task {task!r} has no weights, so there is no distance")
    return torch.cat(parts).detach().double().cpu()
