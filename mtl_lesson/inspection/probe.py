"""Probes: what a representation makes available to a linear reader.

A probe is ridge regression from frozen features h to a task's labels. It never moves the features, so its score says
what can be read off them, not what the network uses. It is fitted on the validation pictures, which the trunk never
learned from, and scored on the test pictures. A score means little alone: :func:`floors` gives what it must beat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from sklearn.linear_model import RidgeClassifierCV, RidgeCV
from torch import Tensor, nn

from ..data.world import World
from ..nets import generator
from ..sharing import Hard, Sharing
from ..tasks import MISSING
from ..training import Run

Array = Tensor | np.ndarray

#: ridge strengths to choose from, in units of the mean variance of a feature
STRENGTHS = tuple(10.0**power for power in range(-3, 6))
ALL = "all tasks"
COLUMNS = ["model", "trained_on", "layer", "probed_for", "score"]


def fit_probe(train_h: Array, train_y: Array, ridge: float | Sequence[float] = STRENGTHS) -> RidgeClassifierCV | RidgeCV:
    """Ridge regression from features (n, …) to labels (n,): on ±1 per class for whole labels, on the number for real ones.

    The strength is chosen by leaving one training example out, in closed form. It is measured in units of the features'
    mean variance, and no feature is scaled on its own: so turning or scaling h as a whole changes no prediction, and a
    unit that is active once cannot be blown up. Examples without a label (-1 or NaN) are left out.

    Raises TypeError for what is no array of numbers, ValueError for features that are not finite, lengths that differ,
    fewer than two labelled examples, a single class, and a ridge that is not positive.
    """
    h, y = labelled(train_h, train_y, "train")
    strengths = np.atleast_1d(np.asarray(ridge, dtype=float))
    if not (strengths.size and np.isfinite(strengths).all() and (strengths > 0).all()):
        raise ValueError(f"ridge must be a positive number or several, not {ridge!r}")
    # Dividing h by s is multiplying the strength by s². Features that never vary can have any strength.
    strengths = strengths * (h.var(0).mean() or 1.0)
    if y.dtype.kind == "f":
        return RidgeCV(strengths).fit(h, y)
    if len(classes := np.unique(y)) < 2:
        raise ValueError(f"the training labels hold the one class {classes[0]}; a probe needs two or more to tell apart")
    return RidgeClassifierCV(strengths).fit(h, y)


def probe(train_h: Array, train_y: Array, test_h: Array, test_y: Array, *,
          ridge: float | Sequence[float] = STRENGTHS) -> float:  # fmt: skip
    """How well a linear reader, fitted on one set of features, answers on another: see :func:`fit_probe`.

    Features (n, …), flattened; labels (n,), whole numbers (-1 where missing) or real ones (NaN where missing). Returns
    the accuracy for whole labels. For real ones it returns R² = 1 − (squared error) / (squared error of the mean), so
    that here, too, more is better and 0 is nothing.
    """
    reader = fit_probe(train_h, train_y, ridge)
    h, y = labelled(test_h, test_y, "test")
    if (y.dtype.kind == "f") != isinstance(reader, RidgeCV):
        raise TypeError("the training and the test labels must be of one kind: whole numbers, or real ones")
    if h.shape[1] != reader.n_features_in_:
        raise ValueError(f"the training pictures have {reader.n_features_in_} features, the test pictures {h.shape[1]}")
    return float(reader.score(h, y))


def probe_matrix(models: Mapping[str, Sharing | Run], world: World, *, layer: str | None = None) -> pd.DataFrame:
    """Probe every model's features for every task of ``world``: one row each in model, trained_on, layer, probed_for, score.

    ``trained_on`` names the task whose features these are. Features that all the model's tasks have in common stand
    once, under "all tasks" (or "garment + colour", where the model has not all the tasks of the world). ``layer``: one
    of the trunk's, or None for what it returns, h. Probes are fitted on validation and scored on test.

    Raises TypeError for what is no model, KeyError for an unknown layer, ValueError for a model of several copies and
    for whatever a probe refuses; the message says in which model, layer and task.
    """
    rows = []
    for name, model in models.items():
        model = model.model if isinstance(model, Run) else model
        if not isinstance(model, Sharing):
            raise TypeError(f"model {name!r} must be a model such as mtl.Hard or a Run, not {type(model).__name__}")
        if model.copies > 1:
            raise ValueError(f"model {name!r} holds {model.copies} copies; probe one of them, such as model.copy(0)")
        for task in world.tasks:
            ys = [getattr(world, part).labels[task.name] for part in ("validation", "test")]
            hs = [features(model, getattr(world, part).inputs, task.name, layer) for part in ("validation", "test")]
            for trained_on, tasks in groups(model, world, layer):
                where = {"model": name, "trained_on": trained_on, "layer": layer or "h", "probed_for": task.name}
                rows.append(where | {"score": probe_at(where, hs[0][tasks[0]], ys[0], hs[1][tasks[0]], ys[1])})
    # In the order of reading: all that was probed in one representation stands together.
    table = pd.DataFrame(rows, columns=COLUMNS)
    first = table[["model", "trained_on"]].drop_duplicates()
    return first.merge(table, sort=False)[COLUMNS]


def floors(world: World, trunk: nn.Sequential, seed: int = 0, *, layer: str | None = None) -> pd.DataFrame:
    """What a probe reaches without any learned features; the columns of :func:`probe_matrix`, one row a floor and task.

    ``pixels``: the inputs themselves, flattened, all of them. ``untrained``: ``trunk`` with the weights that a model
    of this ``seed`` starts from. ``shuffled labels``: the untrained trunk again, with its training labels permuted, so
    that nothing but the frequency of the classes can be learned: chance.
    """
    model = Hard(world.tasks, trunk, seeds=(seed,))
    untrained = probe_matrix({"untrained": model}, world, layer=layer)
    rows = []
    for task in world.tasks:
        xs = [split.inputs.get(task.name, split.inputs.get(None)) for split in (world.validation, world.test)]
        ys = [split.labels[task.name] for split in (world.validation, world.test)]
        hs = [features(model, split.inputs, task.name, layer)[task.name] for split in (world.validation, world.test)]
        known = task.labelled(ys[0]).nonzero().flatten()
        order = torch.randperm(len(known), generator=generator(seed, "shuffled labels", task.name))
        shuffled = ys[0].clone()
        shuffled[known] = ys[0][known[order]]
        for name, where, (h, y, test_h, test_y) in (
            ("pixels", "input", (xs[0], ys[0], xs[1], ys[1])),
            ("shuffled labels", layer or "h", (hs[0], shuffled, hs[1], ys[1])),
        ):
            row = {"model": name, "trained_on": "nothing", "layer": where, "probed_for": task.name}
            rows.append(row | {"score": probe_at(row, h, y, test_h, test_y)})
    table = pd.concat([pd.DataFrame(rows), untrained.assign(trained_on="nothing")])
    return table.sort_values("model", kind="stable", ignore_index=True)[COLUMNS]


def probe_at(where: Mapping[str, str], *arrays: Array) -> float:
    """``probe``, with an error that says where it happened."""
    try:
        return probe(*arrays)
    except (TypeError, ValueError) as error:
        place = f"{where['model']}, trained on {where['trained_on']}, layer {where['layer']}"
        raise type(error)(f"{place}, probed for {where['probed_for']}: {error}") from None


@torch.no_grad()
def features(model: Sharing, inputs: Mapping[str | None, Tensor], task: str, layer: str | None) -> dict[str, Tensor]:
    """What each task's trunk makes of the inputs of ``task``: task name → (n, …), on the CPU."""
    weights = next(model.parameters())
    was_training = model.training
    model.eval()
    try:
        x = inputs[None] if None in inputs else inputs[task]
        parts = [model.features(part.to(weights), layer) for part in x.split(512)]
    finally:
        model.train(was_training)
    return {name: torch.cat([part[name] for part in parts]).float().cpu() for name in parts[0]}


def groups(model: Sharing, world: World, layer: str | None) -> Iterator[tuple[str, list[str]]]:
    """The model's tasks, those with the same features together, and what to call each group."""
    h = features(model, {None: next(iter(world.test.inputs.values()))[:8]}, "", layer)
    left = list(h)
    while left:
        same = [name for name in left if torch.equal(h[name].nan_to_num(), h[left[0]].nan_to_num())]
        left = [name for name in left if name not in same]
        whole = len(same) > 1 and len(same) == len(world.tasks)
        yield (ALL if whole else " + ".join(same)), same


def labelled(h: Array, y: Array, which: str) -> tuple[np.ndarray, np.ndarray]:
    """Features (n, d) in double precision and labels (n,) of the examples that have one; refuses what cannot be probed."""
    h, y = (np.asarray(a.detach().cpu() if isinstance(a, Tensor) else a) for a in (h, y))
    if h.ndim < 2 or y.ndim != 1 or len(h) != len(y):
        raise ValueError(f"{which}: expected features (n, …) and labels (n,), got {h.shape} and {y.shape}")
    if h.dtype.kind not in "fiub" or y.dtype.kind not in "fiub":
        raise TypeError(f"{which}: features and labels must be numbers, not {h.dtype} and {y.dtype}")
    h = h.reshape(len(h), int(np.prod(h.shape[1:]))).astype(np.float64)
    bad = ~np.isfinite(h).all(1)
    if bad.any():
        raise ValueError(f"{which}: the features hold NaN or infinity, first in example {int(bad.argmax())}")
    known = ~np.isnan(y) if y.dtype.kind == "f" else y != MISSING
    if known.sum() < 2:
        raise ValueError(f"{which}: {int(known.sum())} of {len(y)} examples have a label; a probe needs two or more")
    return h[known], y[known]
