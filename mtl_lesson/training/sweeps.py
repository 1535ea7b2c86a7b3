"""``sweep`` trains a way of sharing at every point of a grid, as copies of one model, and returns a Sweep."""

from __future__ import annotations

import inspect
import itertools
import math
import operator
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
from torch import nn

from ..data.world import World
from ..sharing import Sharing
from . import hardware
from .loop import Settings
from .runs import INTERRUPTED, Run, bar, train_copies
from .store import Store

#: streams × pictures in a batch that are trained together: past this a CPU's cache overflows and nothing is gained
AT_ONCE = {"cpu": 768, "cuda": 16384, "mps": 3072}


@dataclass(frozen=True)
class Sweep:
    """Many trained models.

    ``table``: a row for each copy, task and split, with its axes, loss, score and gap (see Run). ``history``: the same
    for each epoch. ``runs``: (the value on each axis) → Run. ``plan`` and ``settings``: how each was trained.
    """

    table: pd.DataFrame = field(repr=False)
    history: pd.DataFrame = field(repr=False)
    runs: Mapping[tuple, Run] = field(repr=False)
    axes: tuple[str, ...]
    note: str = ""
    plan: Plan | None = field(default=None, repr=False)
    settings: Settings | None = field(default=None, repr=False)

    def run(self, **where: object) -> Run:
        """The Run of one copy, named by its axes: ``sweep.run(labels=100, seed=0)``. KeyError if that is not one."""
        if not self.runs:
            raise KeyError("the sweep was stopped before any copy had finished; run it again")
        points = {key: dict(zip(self.axes, key, strict=True)) for key in self.runs}
        wanted = {name: as_cell(value) for name, value in where.items()}
        found = [key for key, point in points.items() if wanted.items() <= point.items()]
        if len(found) != 1:
            example = ", ".join(f"{axis}={value!r}" for axis, value in next(iter(points.values())).items())
            raise KeyError(f"{len(found) or 'no'} copies at {where}; name one value for each axis, such as {example}")
        return self.runs[found[0]]

    def __repr__(self) -> str:
        return f"Sweep({len(self.runs)} copies over {', '.join(self.axes)}{'; ' + self.note if self.note else ''})"


def sweep(way: type[Sharing], world: World | Callable[..., World], *,
          trunk: nn.Sequential | Callable[..., nn.Sequential], seeds: Iterable[int] = range(5), epochs: int = 20,
          batch_size: int = 64, lr: float = 1e-3, optimiser: str = "adam", weight_decay: float = 0.0,
          precision: str | None = None, validate: bool = False, test: bool = False,
          folder: str | os.PathLike | None = None, progress: bool = True, **axes: object) -> Sweep:  # fmt: skip
    """Train ``way`` at every point of a grid × every seed, as copies of one model where their shapes agree.

    ``axes``: arguments of the world function, of the way of sharing or of the trunk function; a list is a grid,
    anything else is one value for all. A world *function* is drawn anew for each seed; given a World, all seeds train
    on the same sample. Settings that train on the same data (λ, say) look at the same batches, from the same initial
    weights. The other arguments are those of :func:`~mtl_lesson.fit`; ``test`` adds the test set to the table, to
    report on once everything has been chosen on validation.

    Interrupting keeps every finished copy. With a ``folder`` they are kept there too, and the same sweep run again, or
    one with more points, trains only what is missing.

    Example: ``sweep(mtl.Soft, mtl.data.shoppers, trunk=mtl.nets.conv(channels=1), lam=[0, 1, float("inf")])``.
    Raises TypeError for an axis that nothing takes, ValueError for seeds given twice or an empty grid, OSError for a
    folder that cannot be written.
    """
    settings = Settings(epochs, batch_size, lr, optimiser, weight_decay, precision, validate, test)
    settings = replace(settings, precision=precision or str(hardware.precision(str(hardware.device()))))
    plan = Plan(way, world, trunk, axes, check_seeds(seeds))
    store = Store(folder, settings) if folder is not None else None
    runs: dict[tuple, Run] = {}
    with bar(epochs * len(plan.keys), progress) as ticks:

        def missing(dataset: dict, drawn: World) -> list[dict]:
            """The settings of a dataset that are still to be trained; what the folder has is taken from there."""
            left = []
            for setting in plan.settings:
                point = dataset | setting
                run = store and store.load(plan.model(point, drawn), plan.cells(point), drawn)
                if run:
                    runs[plan.key(point)] = run
                    ticks.update(epochs)
                else:
                    left.append(setting)
            return left

        try:
            for chunk in chunks(plan, missing, batch_size):
                cells = [plan.cells(point) for point in chunk.points]
                finished = train_copies(chunk.model, chunk.worlds, [point["seed"] for point in chunk.points], cells,
                                        ticks, settings, chunk.changes)  # fmt: skip
                if any(run.stopped == INTERRUPTED for run in finished):
                    raise KeyboardInterrupt
                for point, run in zip(chunk.points, finished, strict=True):
                    runs[plan.key(point)] = run
                    if store:
                        store.save(run, plan.model(point, run.world), plan.cells(point))
        except KeyboardInterrupt:
            print(f"Stopped: {len(runs)} of {len(plan.keys)} copies had finished and are kept.")
    runs = {key: runs[key] for key in plan.keys if key in runs}
    history = pd.concat([run.history for run in runs.values()], ignore_index=True) if runs else pd.DataFrame()
    if runs:
        last = history.groupby(list(plan.names), dropna=False).epoch.transform("max")
        table = history[history.epoch == last].drop(columns="epoch").reset_index(drop=True)
    else:
        table = history
    note = "one World for all seeds: only weights and batches are resampled" if isinstance(world, World) else ""
    return Sweep(table, history, runs, plan.names, note, plan, settings)


class Plan:
    """The grid of a sweep, and how to draw the world and make the model at each of its points.

    ``datasets`` × ``settings``: what is drawn anew, and what trains on the same data. ``keys``: the points in order.
    """

    def __init__(self, way: type[Sharing], world: object, trunk: object, axes: Mapping[str, object], seeds: list[int]):
        if not (isinstance(way, type) and issubclass(way, Sharing)):
            raise TypeError(f"a sweep takes a way of sharing, such as mtl.Hard itself, not {way!r}")
        if "seed" in axes:
            raise TypeError("a sweep draws its seeds from seeds=[…], not from seed=")
        self.way, self.world, self.trunk = way, world, trunk
        self.route = {name: place(name, way, world, trunk) for name in axes}
        self.names = (*axes, "seed")
        self.datasets, self.settings = grid(axes, seeds, [name for name in axes if name in way.per_copy])
        self.keys = [self.key(dataset | setting) for dataset in self.datasets for setting in self.settings]

    def chosen(self, which: str, point: Mapping[str, object]) -> dict[str, object]:
        """The values of the axes that ``which`` takes: "world", "way" or "trunk"."""
        return {name: point[name] for name, taker in self.route.items() if taker == which and name in point}

    def draw(self, point: Mapping[str, object]) -> World:
        if isinstance(self.world, World):
            return self.world
        return self.world(seed=point["seed"], **self.chosen("world", point))

    def model(self, point: Mapping[str, object], drawn: World) -> Sharing:
        """The model at a point, with one copy."""
        layers = self.trunk if isinstance(self.trunk, nn.Module) else self.trunk(**self.chosen("trunk", point))
        seeds = (point["seed"],)
        return self.way(drawn.tasks, layers, seeds=seeds, **self.chosen("way", point))

    def cells(self, point: Mapping[str, object]) -> dict[str, object]:
        """A point as it stands in a table."""
        return {name: as_cell(point[name]) for name in self.names}

    def key(self, point: Mapping[str, object]) -> tuple:
        return tuple(self.cells(point).values())


def grid(axes: Mapping[str, object], seeds: Sequence[int], per_copy: Sequence[str]) -> tuple[list[dict], list[dict]]:
    """The grid as (datasets, settings), whose product it is: what is drawn anew, and what trains on the same data."""
    lists = {name: list(value) if isinstance(value, list | tuple | range) else [value] for name, value in axes.items()}
    for name, values in lists.items():
        if not values:
            raise ValueError(f"the axis {name!r} has no values")

    def points(names: Iterable[str]) -> list[dict]:
        names = list(names)
        return [dict(zip(names, values, strict=True)) for values in itertools.product(*(lists[n] for n in names))]

    datasets = [point | {"seed": seed} for point in points(n for n in lists if n not in per_copy) for seed in seeds]
    return datasets, points(per_copy)


def check_seeds(seeds: Iterable[int]) -> list[int]:
    """The seeds as a list; refuses what is not, an empty one, and a seed given twice."""
    if not isinstance(seeds, Iterable):
        raise TypeError(f"seeds is a list, such as range(5) or [3], not {seeds!r}")
    seeds = [operator.index(seed) for seed in seeds]
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be given once each, and at least one; got {seeds}")
    return seeds


def place(name: str, way: type[Sharing], world: object, trunk: object) -> str:
    """Which of the three takes an axis: "world", "way" or "trunk"."""
    takes = {"way": list(way.options), "world": arguments(world), "trunk": arguments(trunk)}
    for which, names in takes.items():
        if name in names:
            return which
    known = sorted(set(itertools.chain(*takes.values())) - {"seed"})
    raise TypeError(f"nothing here takes {name!r}; possible axes are {', '.join(known) or 'none'}")


def as_cell(value: object) -> object:
    """A value as it stands in a table: a mapping becomes text."""
    return ", ".join(f"{k}={v}" for k, v in value.items()) if isinstance(value, Mapping) else value


def arguments(what: object) -> list[str]:
    if isinstance(what, World | nn.Module):
        return []
    return list(inspect.signature(what).parameters)


@dataclass(frozen=True)
class Chunk:
    """What is trained together: a point of the grid for each copy, those of one dataset side by side.

    ``model``: the kind of model, with one copy. ``worlds``: the datasets. ``changes``: option → a value for each copy.
    """

    model: Sharing
    worlds: list[World]
    points: list[dict]
    changes: dict[str, list]


def chunks(plan: Plan, missing: Callable[[dict, World], list[dict]], batch_size: int) -> Iterator[Chunk]:
    """Cut what is ``missing`` of a grid into chunks whose networks and datasets have one shape and fit the cache."""
    group: list[tuple[dict, World]] = []
    model, shape, pieces, room = None, None, [], 1

    def flush() -> Iterator[Chunk]:
        for piece in pieces:
            points = [dataset | setting for dataset, _ in group for setting in piece]
            changes = {name: [point[name] for point in points] for name in piece[0]}
            yield Chunk(model, [drawn for _, drawn in group], points, changes)

    for dataset in plan.datasets:
        drawn = plan.draw(dataset)
        settings = missing(dataset, drawn)
        if not settings:
            continue
        new_shape = (plan.chosen("way", dataset), plan.chosen("trunk", dataset), drawn.tasks, len(drawn.train),
                     len(drawn.validation), settings)  # fmt: skip
        if group and (new_shape != shape or len(group) >= room):
            yield from flush()
            group = []
        if not group:
            model, shape = plan.model(dataset, drawn), new_shape
            copies = at_once(model, batch_size)
            size = math.ceil(len(settings) / math.ceil(len(settings) / copies))
            pieces = [settings[start : start + size] for start in range(0, len(settings), size)]
            room = max(1, copies // size)
        group.append((dataset, drawn))
    yield from flush()


def at_once(model: Sharing, batch_size: int) -> int:
    """How many copies to train together."""
    streams = max((max(owners) + 1 for owners in model.trunk.plan.values()), default=1)
    return max(1, AT_ONCE.get(hardware.device().name.split(":")[0], 768) // (streams * batch_size))
