"""What knows nothing of sharing: one answer for all, and a linear model of each task alone, shrunk."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import torch
from torch import Tensor

from ..data.world import World
from ..tasks import Segmentation, Task

SHRUNK = (1e-3, 1e-2, 1e-1, 1.0)  # the trials of the linear floor: how little it is shrunk
LEAST = -50.0  # a log-probability below which none is told from 0
RARE = -20.0  # the log-odds of a class that training never showed
MAJORITY, LINEAR = "majority", "linear"


def train_floors(world: World, name: str, linear: bool) -> Iterator[tuple[str, str, dict[str, Tensor]]]:
    """(arm, trial, {part: outputs}) of what knows nothing of sharing, for one task. A linear model needs two classes or
    more in training; where there is one, the answer is that one for all."""
    task, parts = world.task(name), {part: getattr(world, part) for part in ("validation", "test")}
    one = same_answer(task, world.train.labels[name])
    yield MAJORITY, "one answer", {part: one.expand(len(split), *one.shape[1:]) for part, split in parts.items()}
    known = world.train.labels[name][task.labelled(world.train.labels[name])]
    if linear and (task.numeric or len(known.unique()) > 1):
        x = {part: as_columns(getattr(world, part).x, name) for part in ("train", *parts)}
        for c in SHRUNK:
            model = fit_linear(task, x["train"], world.train.labels[name], c)
            yield LINEAR, f"C={c:g}", {part: linear_outputs(model, task, x[part]) for part in parts}


def same_answer(task: Task, labels: Tensor) -> Tensor:
    """The outputs (1, …) that fit the training labels best if they are the same for every example."""
    if task.numeric:
        return labels.double().reshape(len(labels), -1).nanmean(0, keepdim=True).float()
    known = labels[task.labelled(labels)]
    if task.outputs == 1:
        return torch.logit(known.float().mean(), 1e-6).reshape(1, 1)
    rates = torch.bincount(known.flatten(), minlength=task.outputs) / known.numel()
    log = rates.clamp(min=1e-9).log()[None]
    return log[..., None, None] if isinstance(task, Segmentation) else log


def as_columns(x: Tensor | Mapping[str, Tensor], task: str) -> np.ndarray:
    """Inputs as a table (n, d): tokens as how often each occurs, anything else in a row."""
    x = x[task] if isinstance(x, Mapping) else x
    if x.is_floating_point():
        return x.flatten(1).numpy()
    counts = torch.zeros(len(x), int(x.max()) + 1)
    return counts.scatter_add_(1, x, torch.ones(x.shape))[:, 1:].numpy()


def fit_linear(task: Task, x: np.ndarray, labels: Tensor, c: float):
    """A linear model of the examples that have a label, its columns scaled by their spread in training."""
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    known = task.labelled(labels).numpy()
    model = Ridge(alpha=1 / c) if task.numeric else LogisticRegression(C=c, max_iter=1000)
    return make_pipeline(StandardScaler(), model).fit(x[known], labels.numpy()[known])


def linear_outputs(model, task: Task, x: np.ndarray) -> Tensor:
    """A linear model's answers as the outputs (n, outputs) of a head."""
    width = model.n_features_in_
    x = np.pad(x, ((0, 0), (0, max(0, width - x.shape[1]))))[:, :width]  # tokens that training never showed
    if task.numeric:
        return torch.tensor(model.predict(x), dtype=torch.float32).reshape(len(x), -1)
    with np.errstate(divide="ignore"):  # a probability of 0, which floats cannot tell from a very small one
        log = torch.tensor(model.predict_log_proba(x), dtype=torch.float32).clamp(min=LEAST)
    if task.outputs == 1:
        return (log[:, 1] - log[:, 0])[:, None]
    outputs = torch.full((len(x), task.outputs), RARE)
    outputs[:, torch.as_tensor(model.classes_)] = log
    return outputs
