"""What the microscope shows: for every model maps of two tasks' features, all in one basis, and what is read off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ...arguments import whole
from ...chance import generator
from ...data.world import Split, World
from ...inspection.features import features, is_untrained
from ...inspection.paths import nearest
from ...inspection.similarity import align
from ...inspection.swap import head_swap
from ...sharing import Sharing
from ...show.sheets import as_images
from ...tasks import Binary, Classification, Task, find_task
from ...training import Run, Sweep
from ...words import LETTERS, about, listed, read, shown, unit, written

MOST = 20_000  # points; more are sampled
NAMED = 5  # groups that a selection names; the rest are counted together

Models = Sweep | Mapping[str, Sharing | Run]


@dataclass(frozen=True)
class Groups:
    """What points can be coloured by: a task's ``classes``, and the label of each point (n,), -1 where missing."""

    name: str
    classes: tuple[str, ...]
    labels: np.ndarray = field(repr=False)

    def counted(self, rows: Sequence[int]) -> list[tuple[str, int]]:
        """(class, how many of the points ``rows``), the most frequent first."""
        counts = np.bincount(self.labels[list(rows)] + 1, minlength=len(self.classes) + 1)
        names = ("no label", *self.classes)
        return [(names[i], int(counts[i])) for i in np.argsort(-counts, kind="stable") if counts[i]]


@dataclass(frozen=True)
class Frames:
    """Maps of the features of two tasks, a frame a model: F frames, n pictures.

    ``titles``: of each frame, on the slider. ``values``: the same as given, λ say. ``axis``: how the slider is called.
    ``points`` (F, 2, n, 2): where each picture lies in the map of either task. ``chosen`` (n,): the numbers of the
    pictures in their split. ``groups``: task → what to colour by. ``gap`` (F,): the mean of the two tasks'
    :meth:`~mtl_lesson.sharing.base.Sharing.gap`. ``residual`` (F,): of the second task's features aligned to the
    first's. ``own``, ``swapped`` (F, 2): the score of each task's head on its own features, and on the other's.
    ``refused``: task → why nothing can be coloured by it. ``images`` (n, height, width, 3), 0 to 1, or None.
    ``notes``: how all this came about, in sentences.
    """

    tasks: tuple[Task, Task]
    axis: str
    titles: tuple[str, ...]
    values: tuple
    points: np.ndarray = field(repr=False)
    chosen: np.ndarray = field(repr=False)
    groups: Mapping[str, Groups] = field(repr=False)
    gap: np.ndarray = field(repr=False)
    residual: np.ndarray = field(repr=False)
    own: np.ndarray = field(repr=False)
    swapped: np.ndarray = field(repr=False)
    untrained: tuple[bool, ...] = field(repr=False)
    refused: Mapping[str, str] = field(repr=False)
    images: np.ndarray | None = field(repr=False)
    notes: tuple[str, ...] = field(repr=False)
    split: str = "test"

    @classmethod
    def of(cls, models: Models, world: World, *, tasks: Sequence[str] | None = None, layer: str | None = None,
           split: str = "test", points: int | None = 2000, seed: int = 0, pictures: bool = True) -> Frames:  # fmt: skip
        """Compute all frames; the arguments and errors are those of :func:`~.control.microscope`."""
        axis, values, titles, models, notes = in_order(models, seed)
        pair = two_tasks(world, tasks)
        for title, model in zip(titles, models, strict=True):
            check_model(title, model, pair)
        held, source = split_of(world, split), pair[0].name
        chosen = sample(len(held), points, seed)
        x = (held.x[source] if isinstance(held.x, Mapping) else held.x)[torch.as_tensor(chosen)]
        labels = [title_of(axis, title) for title in titles]
        raw = [pair_of(label, model, x, layer, pair) for label, model in zip(labels, models, strict=True)]
        maps, share, residual = in_one_basis(raw, labels, pair)
        own, swapped = swaps(models, world, pair, split)
        if not asked_about(held, source, pair[1].name):
            notes.append(f"each task has pictures of its own: both maps show those of {source}")
        notes.append(f"all maps are turned (Procrustes) onto {source} at {labels[-1]} and drawn in one basis, the two "
                     f"principal components of all of them ({about(share, '%')} of the variance)")  # fmt: skip
        notes.append("gap: how far the two tasks' weights are from the mean of all tasks'; residual: what is left "
                     "between the two tasks' features after the best turn, from 0 to 2")  # fmt: skip
        groups, refused = groups_of(world, held, source, chosen)
        return cls(
            pair, axis, titles, values, maps, chosen, groups, np.array([gap_of(model, pair) for model in models]),
            residual, own, swapped, tuple(is_untrained(model) for model in models), refused,
            as_images(x) if pictures and is_pictures(x) else None,
            (sampled_words(len(held), len(chosen), points, split), *notes), split,
        )  # fmt: skip

    def label(self, frame: int) -> str:
        """How a frame is called: "λ = 0.01", and that it is untrained where it is."""
        title = title_of(self.axis, self.titles[frame])
        return f"{title} (untrained)" if self.untrained[frame] and "untrained" not in title else title

    def find(self, where: object) -> int:
        """The number of the frame called ``where``; along λ the nearest.

        Raises KeyError for one that is not there, ValueError for a λ that makes no sense.
        """
        if isinstance(where, str):
            if where in self.titles:
                return self.titles.index(where)
            try:
                where = read(where)
            except ValueError:
                raise KeyError(f"there is no frame {where!r}; there are {listed(self.titles, 12)}") from None
        if where in self.values:
            return self.values.index(where)
        if self.axis != "λ" or not isinstance(where, Real):
            raise KeyError(f"there is no frame {where!r}; there are {listed(self.titles, 12)}")
        return nearest(self.values, where)

    def sentence(self, frame: int) -> str:
        """What is read off a frame, in words."""
        return f"{self.label(frame)}: " + ", ".join(" ".join(part).strip() for part in self.read(frame))

    def read(self, frame: int) -> list[tuple[str, str, str]]:
        """The read-outs of a frame: (what, the number as a text writes it, what to compare it with)."""
        said = [("gap", about(self.gap[frame], "%"), ""), ("residual", about(round(self.residual[frame], 4)), "")]
        for t, (task, other) in enumerate(zip(self.tasks, self.tasks[::-1], strict=True)):
            own, swapped = (about(part[frame, t], unit(task)) for part in (self.own, self.swapped))
            said.append((f"{task.name}'s head on {other.name}'s features", swapped, f"(on its own {own})"))
        return said

    def selection(self, rows: Sequence[int], colour: str | None) -> str:
        """How many points are selected, and of which classes."""
        if not len(rows):
            return "nothing selected"
        start = f"{len(rows):,} picture{'s' * (len(rows) > 1)}"
        if colour is None:
            return start
        counts = self.groups[colour].counted(rows)
        parts = [f"{name} {count:,}" for name, count in counts[:NAMED]]
        if rest := sum(count for _, count in counts[NAMED:]):
            parts.append(f"others {rest:,}")
        return f"{start}: {', '.join(parts)}"

    @property
    def table(self) -> pd.DataFrame:
        """The read-outs, a row a frame."""
        (a, b), own, swapped = (task.name for task in self.tasks), self.own, self.swapped
        return pd.DataFrame({
            "frame": [self.label(f) for f in range(len(self.titles))], "gap": self.gap, "residual": self.residual,
            a: own[:, 0], f"{a}'s head on {b}'s features": swapped[:, 0],
            b: own[:, 1], f"{b}'s head on {a}'s features": swapped[:, 1],
        })  # fmt: skip


# --- which models, tasks and pictures --------------------------------------------------------------------------------


def in_order(models: Models, seed: int) -> tuple[str, tuple, tuple[str, ...], list[Sharing], list[str]]:
    """The frames: (name of the axis or "", values, titles, models, notes)."""
    if isinstance(models, Mapping):
        if not models:
            raise ValueError("there is nothing to show: the mapping of models is empty")
        titles = tuple(str(title) for title in models)
        return "", titles, titles, [bare(one) for one in models.values()], []
    if not isinstance(models, Sweep):
        raise TypeError("the microscope takes a Sweep or a mapping from titles to models or Runs, such as "
                        f"{{'hard': run}}, not {type(models).__name__}")  # fmt: skip
    if not models.runs:
        raise ValueError("there is nothing to show: the sweep was stopped before any copy had finished; run it again")
    points = [dict(zip(models.axes, key, strict=True)) for key in models.runs]
    several = [name for name in models.axes if name != "seed" and len({point[name] for point in points}) > 1]
    if len(several) > 1:
        raise ValueError(f"this sweep has several axes ({', '.join(several)}), and the slider has one: give a mapping "
                         "from titles to runs, such as {'λ = 0': sweep.run(lam=0, …)}")  # fmt: skip
    seeds = list(dict.fromkeys(point["seed"] for point in points))
    seed = seed if seed in seeds else seeds[0]
    axis = several[0] if several else next((name for name in models.axes if name != "seed"), "seed")
    found = {point[axis]: run for point, run in zip(points, models.runs.values(), strict=True) if point["seed"] == seed}
    values = list(found)
    if all(isinstance(value, Real) for value in values):
        values.sort()
    titles = tuple(written(value) if axis == "lam" and isinstance(value, Real) else shown(value) for value in values)
    notes = [f"of {len(seeds)} seeds this is seed {seed}"] if len(seeds) > 1 else []
    return LETTERS.get(axis, axis), tuple(values), titles, [found[value].model for value in values], notes


def bare(model: object) -> object:
    """The model of a Run; anything else as it is."""
    return model.model if isinstance(model, Run) else model


def title_of(axis: str, title: str) -> str:
    return f"{axis} = {title}" if axis else title


def two_tasks(world: World, names: Sequence[str] | None) -> tuple[Task, Task]:
    """The two tasks to look at, by default the world's first two."""
    if isinstance(names, str):
        raise ValueError(f"tasks are two names, such as ('garment', 'colour'), not {names!r}")
    names = [task.name for task in world.tasks[:2]] if names is None else list(names)
    if len(names) != 2 or names[0] == names[1]:
        raise ValueError(f"two different tasks are looked at side by side, not {listed(names) if names else 'none'}")
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


def split_of(world: World, split: str) -> Split:
    if split not in ("train", "validation", "test"):
        raise ValueError(f"a world has train, validation and test, not {split!r}")
    return getattr(world, split)


def sample(n: int, points: int | None, seed: int, what: str = "microscope") -> np.ndarray:
    """The numbers of the pictures that are shown, ascending: all, or a sample drawn by ``seed``."""
    most = MOST if points is None else min(whole(points, "points", least=2), MOST)
    if n <= most:
        return np.arange(n)
    return np.sort(torch.randperm(n, generator=generator(seed, what))[:most].numpy())


def sampled_words(n: int, kept: int, points: int | None, split: str) -> str:
    if kept == n:
        return f"a point is one of the {n:,} {split} pictures"
    why = f" ({MOST:,} are the most that are drawn)" if points is None or points > MOST else ""
    return f"a point is a picture: a sample of {kept:,} from {n:,} {split} pictures{why}; scores are of all"


def is_pictures(x: Tensor) -> bool:
    return x.dim() == 4 and x.shape[1] in (1, 3)


def groups_of(world: World, held: Split, source: str, chosen: np.ndarray) -> tuple[dict[str, Groups], dict[str, str]]:
    """What the points can be coloured by, and why they cannot be by the other tasks: those must have classes, have been
    asked about these very pictures, and more than one class of them must be there."""
    found, refused = {}, {}
    for task in world.tasks:
        if not isinstance(task, Classification | Binary):
            refused[task.name] = f"{task.name!r} has no classes to colour by"
            continue
        if not asked_about(held, source, task.name):
            refused[task.name] = f"{task.name!r} was asked about other pictures than those of {source!r} shown here"
            continue
        classes = task.classes if isinstance(task, Classification) else ("no", "yes")
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


def swaps(models: Sequence[Sharing], world: World, pair: Sequence[Task], split: str) -> tuple[np.ndarray, np.ndarray]:
    """The score of each of the two heads on its own features and on the other's, (F, 2) each."""
    one, two = (task.name for task in pair)
    scores = [head_swap(model, world, split=split).set_index(["trunk", "head"]).score for model in models]
    return (np.array([[score[one, one], score[two, two]] for score in scores]),
            np.array([[score[two, one], score[one, two]] for score in scores]))  # fmt: skip


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
        raise ValueError(f"features of different sizes cannot be laid over each other: {pair[odd % 2].name} has "
                         f"{sizes[odd]} at {labels[odd // 2]}, {pair[0].name} {sizes[-2]} at {labels[-1]}")  # fmt: skip
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
