"""What a trained model scores on each group of test examples: the unit that a claim speaks of."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from torch import Tensor

from ..data.grouped import Grouped
from ..tasks import find_task
from ..training import Run
from .features import in_parts, split_of


def by_group(run: Run, split: str = "test") -> pd.DataFrame:
    """A row for each group (patient, voice, picture …) and task: loss and score of the group's own examples.

    Columns: the name of the group (``world.group``), task, ``loss``, ``score``, ``count`` (labels). A group in which a
    task has no label has no row for it. ``run``: of a :class:`~mtl_lesson.data.Grouped` world. The mean over groups
    counts each of them once, however many examples it has; so it need not be ``run.test()``, which counts examples.

    Raises TypeError for a run on a world that knows no groups, ValueError for an unknown split.
    """
    if not isinstance(run.world, Grouped):
        raise TypeError(f"{run.world.name!r} does not know the groups of its examples: it is no mtl.data.Grouped")
    return judge_groups(run.world, in_parts(run.model, split_of(run.world, split).x, heads=True), split)


def judge_groups(world: Grouped, outputs: Mapping[str, Tensor], split: str = "test") -> pd.DataFrame:
    """:func:`by_group` of outputs that anything may have made: task → (n, …), for all examples of a split."""
    groups, labels = world.groups[split], split_of(world, split).labels
    members = {number: (groups == number).nonzero().flatten() for number in groups.unique().tolist()}
    rows = []
    for name, y in outputs.items():
        task = find_task(world.tasks, name)
        for number, mine in members.items():
            own, said = labels[name][mine][None], y[mine][None]
            if count := int(task.labelled(own).sum()):
                loss, score = task.loss(said, own).item(), task.score(said, own).item()
                called = world.group_names[number] if world.group_names else number
                rows.append({world.group: called, "task": name, "loss": loss, "score": score, "count": count})
    return pd.DataFrame(rows, columns=[world.group, "task", "loss", "score", "count"])
