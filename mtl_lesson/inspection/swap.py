"""Head swapping: whether one task's head can read the features of another task's trunk."""

from __future__ import annotations

import pandas as pd
import torch

from ..data.world import World
from ..sharing import Sharing
from ..training import Run
from .features import examples, features, inspected


@torch.no_grad()
def head_swap(model: Sharing | Run, world: World, *, split: str = "test") -> pd.DataFrame:
    """The head of task b on the features that the trunk of task a makes of b's pictures.

        score_ab = score of ŷ = g_b(f(x_b; θ_a); φ_b)        against b's labels

    Returns a row for each pair in the columns trunk (a), head (b) and score, in b's own units: accuracy, or the mean
    squared error. a = b is the model itself. Where two tasks share the trunk, swapping changes nothing; where each
    has its own, the drop says how far the two have come to speak different languages. Cost: one forward pass, or one
    a task where tasks have their own inputs.

    Pitfall: a swap that fails does not mean that the features hold nothing for task b, since h and hQ hold the same
    and no head reads both: a probe asks for what is there, a swap for what is there *in the same coordinates*. It is
    the model stitching of Lenc & Vedaldi 2015, "Understanding image representations by measuring their equivariance
    and equivalence", without a layer between.

    Raises TypeError, ValueError or KeyError for what :func:`~mtl_lesson.inspection.features.features` refuses, for a
    split that is not there and for a world that does not ask the model's tasks.
    """
    model = inspected(model)
    if model.heads_at:
        raise ValueError("heads that stand at different layers take different features, so they cannot be swapped")
    x, labels = examples(model, world, split)
    weights, names = next(model.parameters()), [task.name for task in model.tasks]
    own = isinstance(x, dict)
    seen = {key: features(model, part) for key, part in (x if own else {None: x}).items()}
    rows = []
    for trunk in names:
        # Each head gets what this one trunk makes of the head's own pictures; the axis in front is the copies'.
        h = {head: seen[head if own else None][trunk][None].to(weights) for head in names}
        for task, outputs in zip(model.tasks, model.answer(h).values(), strict=True):
            score = task.score(outputs.cpu(), labels[task.name][None])
            rows.append({"trunk": trunk, "head": task.name, "score": float(score)})
    return pd.DataFrame(rows)
