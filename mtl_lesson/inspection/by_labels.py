"""Affinity from labels alone: how much one task's answer says of another's, for the examples that both have."""

from __future__ import annotations

import itertools
from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..data.world import Split, World
from ..tasks import Segmentation, Task
from .features import split_of


def label_association(world: World, *, split: str = "train") -> pd.DataFrame:
    """How much the labels of two tasks say of one another on common examples: 0 by chance, 1 where one gives the other.

        V = (Σ_k ρ_k² − c) / (m − c),   c = r_i r_j / (n − 1),   m = min(r_i, r_j)

    ρ_k are the canonical correlations of the labels, classes coded as indicators, of which r_i and r_j are linearly
    independent; n the examples that both have a label for; c what chance alone would give in the mean. Without c it is
    Cramér's V² for two tasks with classes, r² for two with numbers, the correlation ratio η² for one of each. A square
    table, the same in both directions; NaN on the diagonal, and where n is too small to tell or a label never varies.

    Examples are common where tasks look at the same input, or at equal ones. No network is asked, so it cannot know
    what is hard to learn; and it does not say whether two tasks agree or disagree, only that they depend.

    Raises TypeError for what is no World and for a class a pixel; ValueError for one task only, and where no two tasks
    have examples in common.
    """
    if not isinstance(world, World):
        raise TypeError(f"expected a World such as mtl.data.questions(), not {type(world).__name__}")
    if len(world.tasks) < 2:
        raise ValueError(f"affinity is between tasks, and there is one only, {world.tasks[0].name!r}: give two or more")
    if pixels := [task.name for task in world.tasks if isinstance(task, Segmentation)]:
        raise TypeError(f"labels are compared example by example, and {pixels[0]!r} has one for each pixel")
    held = split_of(world, split)
    rows = {task.name: rows_of(held, task) for task in world.tasks}
    names = list(rows)
    both = {pair: sorted(rows[pair[0]].keys() & rows[pair[1]].keys()) for pair in itertools.combinations(names, 2)}
    if not any(both.values()):
        raise ValueError(
            f"no two tasks have an example in common in {split}, so their labels cannot be compared: take a split or a "
            "world where they look at the same inputs, or a score that needs none, such as by='cka'"
        )
    table = pd.DataFrame(np.nan, pd.Index(names, name="giver"), pd.Index(names, name="receiver"))
    for (one, other), keys in both.items():
        if keys:
            labels = (held.labels[name][[rows[name][key] for key in keys]] for name in (one, other))
            values = map(coded, (world.task(one), world.task(other)), labels)
            table.loc[one, other] = table.loc[other, one] = association(*values)
    return table


def rows_of(split: Split, task: Task) -> dict[object, int]:
    """The labelled examples of a task: what tells an example from others → its row."""
    y = split.labels[task.name]
    known = task.labelled(y).reshape(len(y), -1).all(1).nonzero().flatten().tolist()
    if not isinstance(split.x, Mapping):
        return {row: row for row in known}
    x = np.ascontiguousarray(split.x[task.name].detach().cpu().numpy())
    return {x[row].tobytes(): row for row in known}


def coded(task: Task, labels: Tensor) -> np.ndarray:
    """Labels as numbers (n, columns): those of classes as indicators."""
    y = labels.cpu()
    if task.single and not task.numeric:
        y = torch.nn.functional.one_hot(y.long(), max(2, task.outputs))
    return y.reshape(len(y), -1).double().numpy()


def association(a: np.ndarray, b: np.ndarray) -> float:
    """V of :func:`label_association` for coded labels (n, …) and (n, …); NaN where it is not known."""
    bases = [basis(one) for one in (a, b)]
    ranks = [one.shape[1] for one in bases]
    if min(ranks) == 0 or (chance := ranks[0] * ranks[1] / (len(a) - 1)) >= min(ranks):
        return float("nan")
    return float((np.square(bases[0].T @ bases[1]).sum() - chance) / (min(ranks) - chance))


def basis(values: np.ndarray) -> np.ndarray:
    """An orthonormal basis of the columns, centred."""
    if len(values) < 2:
        return values[:, :0]
    left, sizes, _ = np.linalg.svd(values - values.mean(0), full_matrices=False)
    return left[:, sizes > 1e-9 * max(1.0, sizes.max(initial=0))]
