"""Across inputs of different kinds: is a picture's word found by its features, and can one reader read both?"""

from __future__ import annotations

import numpy as np
import pandas as pd
from torch import Tensor

from ..arguments import whole
from ..data.world import World
from ..sharing import Sharing
from ..training import Run
from .features import examples, features, inspected
from .probe import fit_probe, score_reader

Array = Tensor | np.ndarray
EQUAL = 1e-9  # cosines that differ by less are equal but for rounding


def retrieval(x: Array, y: Array, at: int = 10) -> pd.Series:
    """How often a thing's partner is among the ``at`` nearest by cosine: features ``x`` (n, d) and ``y`` (n, d), row i
    of both being of the same thing, such as pictures and the words for them.

    Returns "there" (the share of x whose y is found among all n of y), "back" (of y, among x) and "chance", at / n.
    Where others are as near as the partner (two names of the same words), it is as likely as each of them to come
    first, and counts by that share: features that are all equal score chance, exactly. Features of length 0 are near
    nothing, cosine 0. The measure is "recall at 10" of the literature on pictures and captions, as in Radford et al.
    2021 (CLIP). Cost: n² d products.

    Pitfall: it falls with n, as chance does; compare at equal n.

    Raises TypeError for what is no array of numbers or an ``at`` that is not whole; ValueError for shapes that differ,
    fewer than 2 things, NaN or infinity, and an ``at`` that is not from 1 to n.
    """
    X, Y = (as_directions(values, name) for values, name in ((x, "x"), (y, "y")))
    if X.shape != Y.shape or len(X) < 2:
        raise ValueError(f"x and y are features of the same two or more things, not of shape {X.shape} and {Y.shape}")
    at, S = whole(at, "at", most=len(X), most_name="n"), X @ Y.T
    return pd.Series({"there": share_found(S, at), "back": share_found(S.T, at), "chance": at / len(X)})


def find_nearest(x: Array, y: Array, k: int = 5) -> np.ndarray:
    """For each of ``x`` (n, d) the rows of the ``k`` nearest of ``y`` (m, d) by cosine, the nearest first: (n, k), to
    be named, or drawn by ``mtl.show.neighbours``. Of those equally near the one that stands first in y comes first.

    Raises TypeError for what is no array of numbers or a ``k`` that is not whole; ValueError for features of different
    sizes, NaN or infinity, and a ``k`` that is not from 1 to m.
    """
    X, Y = (as_directions(values, name) for values, name in ((x, "x"), (y, "y")))
    if X.shape[1] != Y.shape[1]:
        raise ValueError(f"x and y must have features of one size, not {X.shape[1]} and {Y.shape[1]}")
    k, S = whole(k, "k", most=len(Y), most_name="m"), X @ Y.T
    tied = np.round(S / EQUAL)  # cosines that rounding alone tells apart
    return np.argsort(-tied, axis=1, kind="stable")[:, :k]


def share_found(S: np.ndarray, at: int) -> float:
    """The share of rows i of cosines S (n, n) whose S_ii is among the ``at`` largest; of those equal, a fair part."""
    own = np.diag(S)[:, None]
    nearer = (S - own > EQUAL).sum(1)
    alike = (np.abs(S - own) <= EQUAL).sum(1)  # the partner itself is one of them
    return float(np.clip((at - nearer) / alike, 0, 1).mean())


def as_directions(values: Array, name: str) -> np.ndarray:
    """Features (n, …) as vectors (n, d) of length 1, or 0 where they are; refuses what is not finite or no numbers."""
    values = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
    if values.dtype.kind not in "fiu" or values.ndim < 2:
        raise TypeError(f"{name} must be an array of numbers (n, d), not {values.dtype} {values.shape}")
    values = values.reshape(len(values), -1).astype(np.float64)
    if not np.isfinite(values).all():
        raise ValueError(f"{name} holds NaN or infinity, first in row {int((~np.isfinite(values)).any(1).argmax())}")
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return values / np.where(length > 0, length, 1)


def read_across(model: Sharing | Run, world: World, *, layer: str | None = None) -> pd.DataFrame:
    """Fit a linear reader on what one task's inputs become, and read with it what another's become.

    For every two tasks of a world whose tasks have inputs of their own and ask one question, such as
    ``mtl.data.emoji(view="words")``: a row with the columns fitted_on, read_on and score. The reader
    (:func:`.fit_probe`) is fitted on the validation examples of the one and scored on the test examples of the other,
    so a row of one task twice is the ordinary probe, which the others are to be held against. ``layer``: one of the
    trunk's; None is h.

    A reader that carries over has found a direction that means the same for both. Pitfall: two kinds of input may lie
    in two places of h, which moves every answer; features that retrieve their partners need not be read alike.

    Raises TypeError for what is no model; ValueError for a model of several copies, for tasks that look at one input
    or ask different questions, and for what a probe refuses.
    """
    model = inspected(model)
    parts = {split: examples(model, world, split) for split in ("validation", "test")}
    if any(isinstance(x, Tensor) for x, _ in parts.values()):
        raise ValueError(f"the tasks of {world.name} look at one input: there is nothing to read across")
    if len({(type(task), task.answers, task.outputs) for task in model.tasks}) > 1:
        raise ValueError("a reader fitted for one task has an answer to another's only where both ask one question")
    h = {split: features(model, x, layer) for split, (x, _) in parts.items()}
    rows = []
    for one in h["validation"]:
        reader = fit_probe(h["validation"][one], parts["validation"][1][one])
        for other, values in h["test"].items():
            score = score_reader(reader, values, parts["test"][1][other])
            rows.append({"fitted_on": one, "read_on": other, "score": score})
    return pd.DataFrame(rows)
