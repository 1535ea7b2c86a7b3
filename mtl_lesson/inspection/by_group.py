"""What a trained model scores on each group of test examples: the unit that a claim speaks of."""

from __future__ import annotations

import pandas as pd
import torch

from ..data.grouped import Grouped
from ..training import Run
from .features import in_parts


def by_group(run: Run, split: str = "test") -> pd.DataFrame:
    """A row for each group (patient, voice, picture …) and task: loss and score of the group's own examples.

    Columns: the name of the group (``world.group``), task, ``loss``, ``score``, ``count`` (labels). A group in which a
    task has no label has no row for it. ``run``: of a :class:`~mtl_lesson.data.Grouped` world. The mean over groups
    counts each of them once, however many examples it has; so it need not be ``run.test()``, which counts examples.

    Raises TypeError for a run on a world that knows no groups, ValueError for an unknown split.
    """
    world = run.world
    if not isinstance(world, Grouped):
        raise TypeError(f"{world.name!r} does not know the groups of its examples: it is no mtl.data.Grouped")
    if split not in world.groups:
        raise ValueError(f"a world has train, validation and test, not {split!r}")
    rows, groups, part = [], world.groups[split], getattr(world, split)
    outputs = in_parts(run.model, part.x, heads=True)
    numbers, of = groups.unique(return_inverse=True)
    members = [torch.nonzero(of == number).flatten() for number in range(len(numbers))]
    for task in run.model.tasks:
        y, labels = outputs[task.name][None], part.labels[task.name][None]
        for number, mine in zip(numbers.tolist(), members, strict=True):
            own, known = labels[:, mine], int(task.labelled(labels[:, mine]).sum())
            if not known:
                continue
            loss, score = task.loss(y[:, mine], own).item(), task.score(y[:, mine], own).item()
            rows.append({world.group: number, "task": task.name, "loss": loss, "score": score, "count": known})
    return pd.DataFrame(rows, columns=[world.group, "task", "loss", "score", "count"])
