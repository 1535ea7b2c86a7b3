"""Two tasks' features side by side, a frame a model: all maps in one basis, and what is read off each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..arguments import whole
from ..chance import generator
from ..data.world import Split, World
from ..sharing import Sharing
from ..tasks import Task, find_task
from ..training import Run, Sweep
from .features import features, is_untrained, split_of
from .similarity import align
from .swap import head_swap

MOST = 20_000  # points; more are sampled
LETTERS = {"lam": "λ", "delta": "δ"}  # how an axis is written

Models = Sweep | Mapping[str, Sharing | Run]


@dataclass(frozen=True)
class Groups:
    """What points can be coloured by: a task's ``classes``, and the label of each point (n,), -1 where missing."""

    name: str
    classes: tuple[str, ...]
    labels: np.ndarray = field(repr=False)

    def counted(self, rows: Sequence[int]) -> list[tuple[str | None, int]]:
        """(class, how many of the points ``rows``), the most frequent first; None for points without a label."""
        counts = np.bincount(self.labels[list(rows)] + 1, minlength=len(self.classes) + 1)
        names = (None, *self.classes)
        return [(names[i], int(counts[i])) for i in np.argsort(-counts, kind="stable") if counts[i]]


@dataclass(frozen=True)
class Frames:
    """Maps of the features of two tasks, a frame a model: F frames, n pictures.

    ``axis``: what changes from frame to frame, "lam" say, or "" for models that were given by titles. ``values``: of
    the axis, or the titles. ``points`` (F, 2, n, 2): where each picture lies in the map of either task; ``share``: of
    the variance of the features, what the maps show. ``chosen`` (n,): the numbers of the pictures among the ``total``
    of their ``split``. ``groups``: task → what to colour by. ``gap`` (F,): the mean of the two tasks'
    :meth:`~mtl_lesson.sharing.base.Sharing.gap`. ``residual`` (F,): of the second task's features aligned to the
    first's. ``own``, ``swapped`` (F, 2): the score of each task's head on its own features, and on the other's.
    ``untrained``: whether each frame's model is. ``refused``: task → why nothing can be coloured by it. ``pictures``
    (n, channels, height, width), or None. ``apart``: whether the second task was asked about other pictures than the
    first's, which both maps show. ``seed``: the one whose runs these are, of so many ``seeds``.
    """

    tasks: tuple[Task, Task]
    axis: str
    values: tuple
    points: np.ndarray = field(repr=False)
    share: float
    chosen: np.ndarray = field(repr=False)
    total: int
    groups: Mapping[str, Groups] = field(repr=False)
    gap: np.ndarray = field(repr=False)
    residual: np.ndarray = field(repr=False)
    own: np.ndarray = field(repr=False)
    swapped: np.ndarray = field(repr=False)
    untrained: tuple[bool, ...] = field(repr=False)
    refused: Mapping[str, str] = field(default_factory=dict, repr=False)
    pictures: Tensor | None = field(default=None, repr=False)
    split: str = "test"
    apart: bool = False
    seed: int | None = None
    seeds: int = 1

    @classmethod
    def of(
        cls,
        models: Models,
        world: World,
        *,
        tasks: Sequence[str] | None = None,
        layer: str | None = None,
        split: str = "test",
        points: int | None = 2000,
        seed: int = 0,
        pictures: bool = True,
    ) -> Frames:
        """Compute all frames; the arguments and errors are those of :func:`~mtl_lesson.widgets.microscope`."""
        if isinstance(models, Mapping):
            axis, found, seed_of, seeds = "", by_title(models), None, 1
        else:
            axis, found, seed_of, seeds = along_axis(models, seed)
        pair, titles = two_tasks(world, tasks), [called(axis, value) for value in found]
        for value, model in found.items():
            check_model(str(value), model, pair)
        held, source = split_of(world, split), pair[0].name
        chosen = sample(len(held), points, seed)
        x = (held.x[source] if isinstance(held.x, Mapping) else held.x)[torch.as_tensor(chosen)]
        raw = [pair_of(title, model, x, layer, pair) for title, model in zip(titles, found.values(), strict=True)]
        maps, share, residual = in_one_basis(raw, titles, pair)
        own, swapped = swaps(found.values(), world, pair, split)
        groups, refused = groups_of(world, held, source, chosen)
        return cls(
            tasks=pair,
            axis=axis,
            values=tuple(found),
            points=maps,
            share=share,
            chosen=chosen,
            total=len(held),
            groups=groups,
            gap=np.array([gap_of(model, pair) for model in found.values()]),
            residual=residual,
            own=own,
            swapped=swapped,
            untrained=tuple(is_untrained(model) for model in found.values()),
            refused=refused,
            pictures=x if pictures and is_pictures(x) else None,
            split=split,
            apart=not asked_about(held, source, pair[1].name),
            seed=seed_of,
            seeds=seeds,
        )

    @property
    def table(self) -> pd.DataFrame:
        """What is read off, a row a frame."""
        (a, b), own, swapped = (task.name for task in self.tasks), self.own, self.swapped
        return pd.DataFrame(
            {
                self.axis or "model": self.values,
                "untrained": self.untrained,
                "gap": self.gap,
                "residual": self.residual,
                a: own[:, 0],
                f"{a}'s head on {b}'s features": swapped[:, 0],
                b: own[:, 1],
                f"{b}'s head on {a}'s features": swapped[:, 1],
            }
        )


# --- which models, tasks and pictures --------------------------------------------------------------------------------


def by_title(models: Mapping[str, Sharing | Run]) -> dict[str, Sharing]:
    """Title → model; what is no model stays, for :func:`check_model` to refuse."""
    if not models:
        raise ValueError("there is nothing to show: the mapping of models is empty")
    return {str(title): bare(one) for title, one in models.items()}


def along_axis(sweep: Sweep, seed: int) -> tuple[str, dict[object, Sharing], int, int]:
    """A sweep's one axis, {its value: model} in ascending order, of which seed, and of how many."""
    if not isinstance(sweep, Sweep):
        raise TypeError(
            "the microscope takes a Sweep or a mapping from titles to models or Runs, such as "
            f"{{'hard': run}}, not {type(sweep).__name__}"
        )
    if not sweep.runs:
        raise ValueError("there is nothing to show: the sweep was stopped before any copy had finished; run it again")
    points = [dict(zip(sweep.axes, key, strict=True)) for key in sweep.runs]
    several = [name for name in sweep.axes if name != "seed" and len({point[name] for point in points}) > 1]
    if len(several) > 1:
        raise ValueError(
            f"this sweep has several axes ({', '.join(several)}), and the slider has one: give a mapping "
            "from titles to runs, such as {'λ = 0': sweep.run(lam=0, …)}"
        )
    seeds = list(dict.fromkeys(point["seed"] for point in points))
    seed = seed if seed in seeds else seeds[0]
    axis = several[0] if several else next((name for name in sweep.axes if name != "seed"), "seed")
    runs = zip(points, sweep.runs.values(), strict=True)
    found = {point[axis]: run.model for point, run in runs if point["seed"] == seed}
    if all(isinstance(value, Real) for value in found):
        found = dict(sorted(found.items()))
    return axis, found, seed, len(seeds)


def bare(model: object) -> object:
    """The model of a Run; anything else as it is."""
    return model.model if isinstance(model, Run) else model


def called(axis: str, value: object) -> str:
    """A frame as an error names it: "λ = 0.1", "branch = heads", or its title."""
    if not axis:
        return str(value)
    number = isinstance(value, Real) and not isinstance(value, bool)
    text = f"{value:g}".replace("inf", "∞") if number else str(value)
    return f"{LETTERS.get(axis, axis)} = {text}"


def two_tasks(world: World, names: Sequence[str] | None) -> tuple[Task, Task]:
    """The two tasks to look at, by default the world's first two."""
    if isinstance(names, str):
        raise ValueError(f"tasks are two names, such as ('garment', 'colour'), not {names!r}")
    names = [task.name for task in world.tasks[:2]] if names is None else list(map(str, names))
    if len(names) != 2 or names[0] == names[1]:
        raise ValueError(f"two different tasks are looked at side by side, not {', '.join(names) or 'none'}")
    try:
        return world.task(names[0]), world.task(names[1])
    except KeyError as error:
        raise KeyError(f"in the world {world.name}, {error.args[0]}") from None


def check_model(title: str, model: object, tasks: Sequence[Task]) -> None:
    """Refuse what is no model of one copy that answers the tasks."""
    if not isinstance(model, Sharing):
        raise TypeError(f"{title!r} must be a model such as mtl.Hard or a Run, not {type(model).__name__}")
    if model.copies > 1:
        raise ValueError(f"{title!r} holds {model.copies} copies; look at one of them, such as model.copy(0)")
    for task in tasks:
        try:
            find_task(model.tasks, task.name)
        except KeyError as error:
            raise KeyError(f"in the model {title!r}, {error.args[0]}") from None


def sample(n: int, points: int | None, seed: int, what: str = "microscope") -> np.ndarray:
    """The numbers of the pictures that are shown, ascending: all, or a sample drawn by ``seed``."""
    most = MOST if points is None else min(whole(points, "points", least=2), MOST)
    if n <= most:
        return np.arange(n)
    return np.sort(torch.randperm(n, generator=generator(seed, what))[:most].numpy())


def is_pictures(x: Tensor) -> bool:
    return x.dim() == 4 and x.shape[1] in (1, 3)


def groups_of(world: World, held: Split, source: str, chosen: np.ndarray) -> tuple[dict[str, Groups], dict[str, str]]:
    """What the points can be coloured by, and why they cannot be by the other tasks: those must have classes, have been
    asked about these very pictures, and more than one class of them must be there."""
    found, refused = {}, {}
    for task in world.tasks:
        if not (task.answers and task.single):
            refused[task.name] = f"{task.name!r} has no classes to colour by"
            continue
        if not asked_about(held, source, task.name):
            refused[task.name] = f"{task.name!r} was asked about other pictures than those of {source!r} shown here"
            continue
        classes = task.answers
        labels = held.labels[task.name].long().numpy()[chosen]
        if len(there := np.unique(labels[labels >= 0])) > 1:
            found[task.name] = Groups(task.name, tuple(map(str, classes)), labels)
        else:
            what = f"all labels of {task.name!r} here are {classes[there[0]]!r}" if len(there) else "there is no label"
            refused[task.name] = f"{what}, so colours tell nothing apart; take more pictures, or another task"
    return found, refused


def asked_about(held: Split, source: str, name: str) -> bool:
    """Whether the labels of ``name`` are those of the pictures of ``source``."""
    if not isinstance(held.x, Mapping) or name == source:
        return True
    own, other = held.x[name], held.x[source]
    return own is other or (own.shape == other.shape and torch.equal(own, other))


# --- read-outs, and features in one basis ----------------------------------------------------------------------------


def gap_of(model: Sharing, pair: Sequence[Task]) -> float:
    """The mean of two tasks' distances from the mean of all tasks' weights."""
    names, gap = [task.name for task in model.tasks], model.gap()[0].tolist()
    return sum(gap[names.index(task.name)] for task in pair) / 2


def swaps(models: Iterable[Sharing], world: World, pair: Sequence[Task], split: str) -> tuple[np.ndarray, np.ndarray]:
    """The score of each of the two heads on its own features and on the other's, (F, 2) each."""
    one, two = (task.name for task in pair)
    scores = [head_swap(model, world, split=split).set_index(["trunk", "head"]).score for model in models]
    return (
        np.array([[score[one, one], score[two, two]] for score in scores]),
        np.array([[score[two, one], score[one, two]] for score in scores]),
    )


def pair_of(title: str, model: Sharing, x: Tensor, layer: str | None, pair: Sequence[Task]) -> list[np.ndarray]:
    """What either task's trunk makes of the pictures: two arrays (n, d)."""
    try:
        h = features(model, x, layer)
    except (KeyError, ValueError) as error:
        raise type(error)(f"{title}: {error.args[0]}") from None
    return [h[task.name].flatten(1).double().numpy() for task in pair]


def in_one_basis(raw: Sequence[Sequence[np.ndarray]], labels: Sequence[str], pair: Sequence[Task]):
    """The maps (F, 2, n, 2) of the features ``raw`` (F × 2 arrays (n, d)), the share of variance they show, and each
    frame's residual (F,).

    Every array is aligned to one, the first task's in the last frame, and all are projected to the two principal
    components of all of them together: aligned frame by frame, or each in a basis of its own, a map would jump where
    nothing has changed.
    """
    from sklearn.decomposition import PCA  # here, since it takes long to load

    reference, sizes = raw[-1][0], [h.shape[1] for both in raw for h in both]
    if len(set(sizes)) > 1:
        odd = next(i for i, size in enumerate(sizes) if size != sizes[-2])
        raise ValueError(
            f"features of different sizes cannot be laid over each other: {pair[odd % 2].name} has "
            f"{sizes[odd]} at {labels[odd // 2]}, {pair[0].name} {sizes[-2]} at {labels[-1]}"
        )
    turned, residual = [], []
    for label, both in zip(labels, raw, strict=True):
        try:
            turned += [align(h, reference).points for h in both]
            residual.append(align(both[1], both[0]).residual)
        except ValueError as error:
            few = len(reference) <= reference.shape[1]
            hint = " (a larger points=, or a split that has more), or a layer with fewer" if few else ""
            raise ValueError(f"{label}: {error}{hint}") from None
    pooled = np.concatenate([np.asarray(points, float) for points in turned])
    if pooled.shape[1] == 1:
        pooled = np.c_[pooled, np.zeros(len(pooled))]
    basis = PCA(2, svd_solver="covariance_eigh").fit(pooled)
    maps = basis.transform(pooled).reshape(len(raw), 2, -1, 2).astype(np.float32)
    return maps, float(basis.explained_variance_ratio_.sum()), np.array(residual, float)
