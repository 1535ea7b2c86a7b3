"""``sweep`` trains a way of sharing at every point of a grid, as copies of one model, and returns a Sweep."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd
from torch import nn

from ..data.world import World
from ..sharing import Sharing
from .hardware import device
from .runs import INTERRUPTED, Run, bar, check_settings, train_copies

STREAMS_AT_ONCE = {"cpu": 12, "cuda": 256, "mps": 48}  # past this a CPU's cache overflows and nothing is gained


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

    Example: ``sweep(mtl.Hard, mtl.data.questions, trunk=mtl.nets.conv(), labels=[50, 100, 400], seeds=range(5))``.
    Raises TypeError for an axis that nothing takes, ValueError for seeds given twice or an empty grid.
    """
    check_settings(epochs, batch_size, lr)
    points, names = grid(axes, seeds)
    route = {name: place(name, way, world, trunk) for name in axes}
    runs: dict[tuple, Run] = {}
    settings = {"epochs": epochs, "batch_size": batch_size, "lr": lr, "precision": precision, "validate": validate}
    with bar(epochs * len(points), progress) as ticks:
        for model, worlds, part in chunks(way, world, trunk, points, route):
            seeds_of = [point["seed"] for point in part]
            shown = [{name: as_cell(value) for name, value in point.items()} for point in part]
            finished = train_copies(model, worlds, seeds_of, shown, ticks, **settings)
            if finished[0].stopped == INTERRUPTED:
                break
            runs |= {tuple(point.values()): run for point, run in zip(shown, finished, strict=True)}
    history = pd.concat([run.history for run in runs.values()], ignore_index=True) if runs else pd.DataFrame()
    table = history[history.epoch == history.groupby(list(names)).epoch.transform("max")] if runs else history
    note = "one World for all seeds: only weights and batches are resampled" if isinstance(world, World) else ""
    return Sweep(table.drop(columns="epoch", errors="ignore").reset_index(drop=True), history, runs, names, note)


def grid(axes: Mapping[str, object], seeds: Iterable[int]) -> tuple[list[dict], tuple[str, ...]]:
    """Every point of the grid × every seed as a dict, and the names of what varies."""
    seeds = list(seeds)
    if not seeds or len(set(seeds)) < len(seeds):
        raise ValueError(f"seeds must be given once each, and at least one; got {seeds}")
    lists = {name: list(value) if isinstance(value, list | tuple | range) else [value] for name, value in axes.items()}
    for name, values in lists.items():
        if not values:
            raise ValueError(f"the axis {name!r} has no values")
    points = [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
    return [point | {"seed": seed} for point in points for seed in seeds], (*lists, "seed")


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


def chunks(way, world, trunk, points, route) -> Iterator[tuple[Sharing, list[World], list[dict]]]:
    """Cut the points, in order, into groups whose networks and datasets have one shape and fit the cache."""
    part: list[dict] = []
    worlds: list[World] = []
    model, shape = None, None
    for point in points:
        chosen = {
            which: {name: point[name] for name, taker in route.items() if taker == which}
            for which in ("way", "world", "trunk")
        }
        drawn = world if isinstance(world, World) else world(seed=point["seed"], **chosen["world"])
        new_shape = (chosen["way"], chosen["trunk"], [len(drawn.train), len(drawn.validation)])
        full = model is not None and len(part) >= at_once(model)
        if part and (full or new_shape != shape):
            yield model, worlds, part
            part, worlds = [], []
        if not part:
            layers = trunk if isinstance(trunk, nn.Module) else trunk(**chosen["trunk"])
            model, shape = way(drawn.tasks, layers, **chosen["way"]), new_shape
        part.append(point)
        worlds.append(drawn)
    yield model, worlds, part


def at_once(model: Sharing) -> int:
    """How many copies to train together."""
    streams = max((max(owners) + 1 for owners in model.trunk.plan.values()), default=1)
    return max(1, STREAMS_AT_ONCE.get(device().name.split(":")[0], 12) // streams)
