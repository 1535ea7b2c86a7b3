"""``sweep`` trains a way of sharing at every point of a grid, as copies of one model, and returns a Sweep."""

from __future__ import annotations

import inspect
import itertools
import math
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from torch import nn

from ..data.world import World
from ..sharing import Sharing
from .hardware import device
from .runs import INTERRUPTED, Run, bar, check_settings, train_copies

#: streams × pictures in a batch that are trained together: past this a CPU's cache overflows and nothing is gained
AT_ONCE = {"cpu": 768, "cuda": 16384, "mps": 3072}


@dataclass(frozen=True)
class Sweep:
    """Many trained models. ``table``: a row for each copy, task and split, with its axes, loss and score."""

    table: pd.DataFrame = field(repr=False)
    history: pd.DataFrame = field(repr=False)
    runs: Mapping[tuple, Run] = field(repr=False)
    axes: tuple[str, ...]
    note: str = ""

    def run(self, **where: object) -> Run:
        """The Run of one copy, named by its axes: ``sweep.run(labels=100, seed=0)``."""
        key = tuple(as_cell(where.get(axis)) for axis in self.axes)
        if not self.runs:
            raise KeyError("the sweep was stopped before any copy had finished; run it again")
        if set(where) != set(self.axes) or key not in self.runs:
            first = zip(self.axes, next(iter(self.runs)), strict=True)
            example = ", ".join(f"{axis}={value!r}" for axis, value in first)
            raise KeyError(f"no copy at {where}; name one value for each axis, such as {example}")
        return self.runs[key]

    def __repr__(self) -> str:
        return f"Sweep({len(self.runs)} copies over {', '.join(self.axes)}{'; ' + self.note if self.note else ''})"


def sweep(way: type[Sharing], world: World | Callable[..., World], *,
          trunk: nn.Sequential | Callable[..., nn.Sequential], seeds: Iterable[int] = range(5), epochs: int = 20,
          batch_size: int = 64, lr: float = 1e-3, precision: str | None = None, validate: bool = False,
          progress: bool = True, **axes: object) -> Sweep:  # fmt: skip
    """Train ``way`` at every point of a grid × every seed, as copies of one model where their shapes agree.

    ``axes``: arguments of the world function, of the way of sharing or of the trunk function; a list is a grid,
    anything else is one value for all. A world *function* is drawn anew for each seed; given a World, all seeds train
    on the same sample. Interrupting keeps every finished copy.

    Settings that train on the same data (λ, say) look at the same batches, from the same initial weights.

    Example: ``sweep(mtl.Soft, mtl.data.shoppers, trunk=mtl.nets.conv(channels=1), lam=[0, 1, float("inf")])``.
    Raises TypeError for an axis that nothing takes, ValueError for seeds given twice or an empty grid.
    """
    check_settings(epochs, batch_size, lr)
    if not (isinstance(way, type) and issubclass(way, Sharing)):
        raise TypeError(f"a sweep takes a way of sharing, such as mtl.Hard itself, not {way!r}")
    if "seed" in axes:
        raise TypeError("a sweep draws its seeds from seeds=[…], not from seed=")
    route = {name: place(name, way, world, trunk) for name in axes}
    names = (*axes, "seed")
    datasets, settings = grid(axes, check_seeds(seeds), [name for name in axes if name in way.per_copy])
    total = len(datasets) * len(settings)
    runs: dict[tuple, Run] = {}
    options = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "precision": precision, "validate": validate}
    with bar(epochs * total, progress) as ticks:
        for chunk in chunks(way, world, trunk, datasets, settings, route, batch_size):
            shown = [{name: as_cell(point[name]) for name in names} for point in chunk.points]
            finished = train_copies(chunk.model, chunk.worlds, [point["seed"] for point in chunk.points], shown, ticks,
                                    changes=chunk.changes, **options)  # fmt: skip
            if any(run.stopped == INTERRUPTED for run in finished):
                print(f"Stopped: {len(runs)} of {total} copies had finished and are kept.")
                break
            runs |= {tuple(point.values()): run for point, run in zip(shown, finished, strict=True)}
    history = pd.concat([run.history for run in runs.values()], ignore_index=True) if runs else pd.DataFrame()
    if runs:
        last = history.groupby(list(names), dropna=False).epoch.transform("max")
        table = history[history.epoch == last].drop(columns="epoch").reset_index(drop=True)
    else:
        table = history
    note = "one World for all seeds: only weights and batches are resampled" if isinstance(world, World) else ""
    return Sweep(table, history, runs, names, note)


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


def chunks(way, world, trunk, datasets, settings, route, batch_size) -> Iterator[Chunk]:
    """Cut datasets × settings into chunks whose networks and datasets have one shape and that fit the cache."""
    group: list[tuple[dict, World]] = []
    model, shape, pieces, room = None, None, [], 1

    def flush() -> Iterator[Chunk]:
        for piece in pieces:
            points = [point | setting for point, _ in group for setting in piece]
            changes = {name: [point[name] for point in points] for name in piece[0]}
            yield Chunk(model, [drawn for _, drawn in group], points, changes)

    for point in datasets:
        chosen = {
            which: {name: point[name] for name, taker in route.items() if taker == which and name in point}
            for which in ("way", "world", "trunk")
        }
        drawn = world if isinstance(world, World) else world(seed=point["seed"], **chosen["world"])
        new_shape = (chosen["way"], chosen["trunk"], drawn.tasks, len(drawn.train), len(drawn.validation))
        if group and (new_shape != shape or len(group) >= room):
            yield from flush()
            group = []
        if not group:
            layers = trunk if isinstance(trunk, nn.Module) else trunk(**chosen["trunk"])
            model, shape = way(drawn.tasks, layers, **chosen["way"]), new_shape
            copies = at_once(model, batch_size)
            size = math.ceil(len(settings) / math.ceil(len(settings) / copies))
            pieces = [settings[start : start + size] for start in range(0, len(settings), size)]
            room = max(1, copies // size)
        group.append((point, drawn))
    yield from flush()


def at_once(model: Sharing, batch_size: int) -> int:
    """How many copies to train together."""
    streams = max((max(owners) + 1 for owners in model.trunk.plan.values()), default=1)
    return max(1, AT_ONCE.get(device().name.split(":")[0], 768) // (streams * batch_size))
