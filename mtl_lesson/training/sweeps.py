"""``sweep`` trains a way of sharing at every point of a grid, as copies of one model, and returns a Sweep."""

from __future__ import annotations

import contextvars
import functools
import inspect
import itertools
import math
import operator
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..chance import Drawn, generator
from ..data.world import World
from ..nets import features_of
from ..provenance import describe
from ..sharing import Sharing
from ..weighting import Sum, Weighting, as_weighting
from . import hardware
from .loop import Settings, TrainingDiverged
from .runs import INTERRUPTED, Run, Ticks, bar, check_fit, train_copies
from .store import Store

#: Streams × pictures in a batch that are trained together. On a CPU a chunk has one thread, whose part of the cache is
#: full by then; a smaller one would leave the cost of starting each operation. It must not depend on the number of
#: cores: what is trained together decides the last bits of a result.
AT_ONCE = {"cpu": 256, "cuda": 16384, "mps": 3072}

SUM = Sum()  # one recipe, so that copies without another one work together
#: what any way of sharing takes, beside what is its own
COMMON = ("heads", "stems", "initial")
#: what the columns of a sweep's table are called beside its axes
COLUMNS = ("task", "split", "epoch", "loss", "score", "gap", "higher_is_better", "weight")


@dataclass(frozen=True)
class Sweep:
    """Many trained models.

    ``table``: a row for each copy, task and split, with its axes, loss, score and gap (see Run), and whether a higher
    score is better. ``history``: the same for each epoch. ``runs``: (the value on each axis) → Run. ``plan`` and
    ``settings``: how each was trained.
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


def sweep(
    way: type[Sharing],
    world: World | Callable[..., World],
    *,
    trunk: nn.Sequential | Callable[..., nn.Sequential],
    seeds: Iterable[int] = range(5),
    epochs: int = 20,
    batch_size: int = 64,
    lr: float = 1e-3,
    optimiser: str = "adam",
    weight_decay: float = 0.0,
    precision: str | None = None,
    validate: bool | int = False,
    test: bool = False,
    folder: str | os.PathLike | None = None,
    progress: bool = True,
    weighting: object = None,
    backend: str | None = None,
    **axes: object,
) -> Sweep:
    """Train ``way`` at every point of a grid × every seed, as copies of one model where their shapes agree.

    ``axes``: arguments of the world function, of the way of sharing or of the trunk function; a list or an array is a
    grid, anything else is one value for all. Where two of the three take the same name, say whose it is: "trunk.width",
    in ``**{"trunk.width": [4, 8]}``. A world *function* is drawn anew for each seed; given a World, all seeds train
    on the same sample. Settings that train on the same data (λ, say) look at the same batches, from the same initial
    weights; ``weighting`` too may be a list, and is then an axis. The other arguments are those of
    :func:`~mtl_lesson.fit`; ``test`` adds the test set to the table, to report on once everything has been chosen on
    validation; with ``validate``, to the history too, so that the epoch can be: ``choose(sweep.history, "epoch")``.

    On a CPU the grid is cut into chunks, each of which trains on one thread, as many side by side as there are cores;
    the results are bit for bit the same on any number of them. Interrupting keeps every finished copy. With a
    ``folder`` they are kept there too, and the same sweep run again, or one with more points, trains only what is
    missing. ``backend="joblib"`` gives the chunks to what joblib was told to use, as in ``with
    joblib.parallel_config("dask"):``, to other processes or machines, with the same results (:mod:`.remote`).

    Example: ``sweep(mtl.Soft, mtl.data.shoppers, trunk=mtl.nets.conv(channels=1), lam=[0, 1, float("inf")])``.
    Raises TypeError for an axis that nothing takes or two things take, ValueError for seeds given twice, an empty grid,
    an axis called like a column of the table or another backend, OSError for a folder that cannot be written; all
    before anything is trained.
    """
    if backend not in (None, "joblib"):
        raise ValueError(f"backend is None or 'joblib', not {backend!r}, which joblib.parallel_config may be told")
    settings = Settings(epochs, batch_size, lr, optimiser, weight_decay, precision, validate, test)
    settings = replace(settings, precision=precision or str(hardware.precision(str(hardware.device()))))
    if weighting is not None:
        several = isinstance(weighting, list | tuple)
        axes["weighting"] = [as_weighting(one) for one in weighting] if several else as_weighting(weighting)
    plan = Plan(way, world, trunk, axes, check_seeds(seeds))
    store = Store(folder, settings) if folder is not None else None
    jobs = plan.jobs(settings.batch_size)
    runs: dict[tuple, Run] = {}
    with bar(settings.epochs * len(plan.keys), progress) as shown:
        ticks = Ticks(shown)
        try:
            for done in train_all(plan, store, settings, ticks, jobs, backend):
                for text in done.told:
                    warnings.warn(text, TrainingDiverged, stacklevel=2)
                for point, run in done.trained:
                    if store:
                        store.save(run, plan.model(point, run.world), plan.cells(point))
                runs |= {plan.key(point): run for point, run in (*done.trained, *done.loaded)}
                if done.interrupted:
                    ticks.stop()  # the others end before their next step
        except BaseException as reason:
            ticks.stop()  # nothing goes on unseen
            if not isinstance(reason, KeyboardInterrupt):
                raise
        if ticks.stopping:
            print(f"Stopped: {len(runs)} of {len(plan.keys)} copies had finished and are kept.")
    return collected(plan, settings, runs)


def train_all(
    plan: Plan, store: Store | None, settings: Settings, ticks: Ticks, jobs: Sequence[Job], backend: str | None
) -> Iterator[Done]:
    """What comes of the jobs, in any order: on the cores of this machine, or where joblib's workers are."""
    if backend is None:
        return train_side_by_side(jobs, functools.partial(train_job, plan, store, settings, ticks))
    from .remote import train_elsewhere

    return train_elsewhere(plan, store, settings, ticks, jobs)


def collected(plan: Plan, settings: Settings, runs: Mapping[tuple, Run]) -> Sweep:
    """The Runs of a plan, or of some of its points, as a Sweep."""
    runs = {key: runs[key] for key in plan.keys if key in runs}
    history = pd.concat([run.history for run in runs.values()], ignore_index=True) if runs else pd.DataFrame()
    if runs:
        last = history.groupby(list(plan.names), dropna=False).epoch.transform("max")
        table = history[history.epoch == last].drop(columns="epoch").reset_index(drop=True)
    else:
        table = history
    one = isinstance(plan.world, World)
    note = "one World for all seeds: only weights and batches are resampled" if one else ""
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
        self.route = {name: find_taker(name, way, world, trunk) for name in axes}
        self.names = (*axes, "seed")
        alike = [name for name, (taker, own) in self.route.items() if taker == "way" and own in way.per_copy]
        if not any(one.alone for one in values_on(axes.get("weighting", SUM))):
            alike += [name for name in self.route if name == "weighting"]
        self.datasets, self.settings = grid(axes, seeds, alike)
        self.keys = [self.key(dataset | setting) for dataset in self.datasets for setting in self.settings]
        if twice := [key for key in self.keys if self.keys.count(key) > 1]:
            raise ValueError(f"a point of the grid is given twice: {dict(zip(self.names, twice[0], strict=True))}")
        self.lock, self.drawn = threading.RLock(), {}

    def __getstate__(self) -> dict[str, object]:
        """What of a plan is pickled: all but its lock and the worlds it has drawn."""
        return {name: value for name, value in vars(self).items() if name not in ("lock", "drawn")}

    def __setstate__(self, state: Mapping[str, object]) -> None:
        vars(self).update(state, lock=threading.RLock(), drawn={})

    def chosen(self, which: str, point: Mapping[str, object]) -> dict[str, object]:
        """The values of the axes that ``which`` takes: "world", "way" or "trunk"."""
        return {own: point[name] for name, (taker, own) in self.route.items() if taker == which and name in point}

    def draw(self, point: Mapping[str, object]) -> World:
        """The world at a point; the last few are kept, and a learner's function is never run twice at a time."""
        if isinstance(self.world, World):
            return self.world
        key = repr((self.chosen("world", point), point["seed"]))
        with self.lock:
            if key not in self.drawn:
                while len(self.drawn) >= 2 * hardware.cores():
                    self.drawn.pop(next(iter(self.drawn)))
                self.drawn[key] = self.world(seed=point["seed"], **self.chosen("world", point))
            return self.drawn[key]

    def model(self, point: Mapping[str, object], drawn: World) -> Sharing:
        """The model at a point, with one copy."""
        layers = self.trunk
        if not isinstance(layers, nn.Module):
            with self.lock, Drawn(generator("the template of a trunk")):  # whose weights are drawn again by the seed
                layers = self.trunk(**self.chosen("trunk", point))
        options = self.chosen("way", point)
        asked = drawn if self.way.needs_world or needs_data(layers, options) else drawn.tasks
        return self.way(asked, layers, seeds=(point["seed"],), **options)

    def cells(self, point: Mapping[str, object]) -> dict[str, object]:
        """A point as it stands in a table."""
        return {name: as_cell(point[name]) for name in self.names}

    def key(self, point: Mapping[str, object]) -> tuple:
        return tuple(self.cells(point).values())

    def jobs(self, batch_size: int) -> list[Job]:
        """Cut the grid into what is trained together: the seeds of one place on the axes, some of its settings.

        One world is drawn and one model made for every place and setting, so that what cannot be is refused here,
        before anything is trained.
        """
        found = []
        for _, same in itertools.groupby(self.datasets, key=lambda dataset: repr(dataset | {"seed": None})):
            datasets = list(same)
            drawn = self.draw(datasets[0])
            models = [self.model(datasets[0] | setting, drawn) for setting in self.settings]
            for model, setting in zip(models, self.settings, strict=True):
                check_fit(model, drawn)
                ((datasets[0] | setting).get("weighting") or SUM).start(model)  # refuses what does not suit it
            copies = at_once(models[0], batch_size)
            pieces = cut_list(self.settings, copies)
            for some in cut_list(datasets, max(1, copies // len(pieces[0]))):
                found += [Job(some, piece) for piece in pieces]
        return found


@dataclass(frozen=True)
class Job:
    """What one worker trains: the product of ``datasets``, drawn anew, and ``settings`` on the same data."""

    datasets: list[dict]
    settings: list[dict]


@dataclass
class Done:
    """What came of a job: the points that were ``trained`` now and those ``loaded`` from the folder, each with its Run;
    what is to be ``told``, and whether it was ``interrupted``."""

    trained: list[tuple[dict, Run]] = field(default_factory=list)
    loaded: list[tuple[dict, Run]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    interrupted: bool = False


def train_job(plan: Plan, store: Store | None, settings: Settings, ticks: Ticks, job: Job) -> Done:
    """Train what the folder does not have yet; datasets of one shape are trained as copies of one model."""
    done, groups = Done(), {}
    try:
        for dataset in job.datasets:
            ticks.check()
            drawn, left = plan.draw(dataset), []
            for setting in job.settings:
                point = dataset | setting
                with plan.lock:
                    run = store and store.load(plan.model(point, drawn), plan.cells(point), drawn)
                if run:
                    done.loaded.append((point, run))
                    ticks.update(settings.epochs)
                else:
                    left.append(setting)
            if left:
                groups.setdefault(repr((shape_of(drawn), left)), []).append((dataset, drawn, left))
        for group in groups.values():
            train_group(plan, settings, ticks, group, done)
    except KeyboardInterrupt:
        done.interrupted = True
    return done


def train_group(
    plan: Plan, settings: Settings, ticks: Ticks, group: list[tuple[dict, World, list[dict]]], done: Done
) -> None:
    """Train datasets of one shape with the same settings, and put what has finished into ``done``."""
    points = [dataset | setting for dataset, _, left in group for setting in left]
    model = plan.model(points[0], group[0][1])
    changes = {
        own: [point[name] for point in points]
        for name in group[0][2][0]
        for taker, own in [plan.route[name]]
        if taker == "way"
    }
    weightings = [point.get("weighting") or SUM for point in points]
    worlds, seeds = [drawn for _, drawn, _ in group], [point["seed"] for point in points]
    runs = train_copies(
        model,
        worlds,
        seeds,
        [plan.cells(point) for point in points],
        ticks,
        settings,
        changes,
        tell=done.told.append,
        weightings=weightings,
    )
    if any(run.stopped == INTERRUPTED for run in runs):
        raise KeyboardInterrupt
    done.trained += zip(points, runs, strict=True)


def train_side_by_side(jobs: Sequence[Job], act: Callable[[Job], Done]) -> Iterator[Done]:
    """Do the jobs on all cores of a CPU, one thread each, in any order; elsewhere one after another."""
    workers = min(len(jobs), hardware.cores()) if hardware.device().name == "cpu" else 1
    if workers == 1:
        yield from map(act, jobs)
        return
    from joblib import Parallel, delayed

    # Each in a copy of this context, so that what it shows belongs to the cell that asked for it.
    calls = (delayed(contextvars.copy_context().run)(act, job) for job in jobs)
    threads = torch.get_num_threads()
    try:
        yield from Parallel(workers, backend="threading", batch_size=1, return_as="generator_unordered")(calls)
    finally:  # what one worker has set is what the next one found, and what a thread begun later would find
        torch.set_num_threads(threads)


def grid(axes: Mapping[str, object], seeds: Sequence[int], per_copy: Sequence[str]) -> tuple[list[dict], list[dict]]:
    """The grid as (datasets, settings), whose product it is: what is drawn anew, and what trains on the same data."""
    lists = {name: values_on(value) for name, value in axes.items()}
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


def values_on(value: object) -> list:
    """The values on an axis: those of a list, an array or a series, NumPy's numbers as Python's; else the one value."""
    if isinstance(value, np.ndarray | Tensor | pd.Series | pd.Index) and getattr(value, "ndim", 1):
        return value.tolist()
    values = list(value) if isinstance(value, list | tuple | range) else [value]
    return [one.item() if isinstance(one, np.generic | Tensor) and np.ndim(one) == 0 else one for one in values]


def find_taker(name: str, way: type[Sharing], world: object, trunk: object) -> tuple[str, str]:
    """Which of the three takes an axis, "world", "way" or "trunk", and as which argument."""
    takes = {"way": [*way.options, *COMMON], "world": arguments(world), "trunk": arguments(trunk)}
    if name == "weighting":
        return "fit", name
    if name in COLUMNS:
        raise ValueError(
            f"the axis {name!r} is called like a column of the sweep's table ({', '.join(COLUMNS)}): give "
            "the argument another name"
        )
    which, dot, own = name.partition(".")
    if dot and which in takes:
        if own in takes[which]:
            return which, own
        raise TypeError(f"the {which} takes no {own!r}; it takes {', '.join(takes[which]) or 'nothing'}")
    found = [which for which, names in takes.items() if name in names]
    if len(found) > 1:
        said = " or ".join(f"{which}.{name}" for which in found)
        raise TypeError(
            f"both the {' and the '.join(found)} take {name!r}; say whose it is: "
            f'**{{"{found[-1]}.{name}": …}}, the axis is then called {said}'
        )
    if found:
        return found[0], name
    known = sorted(set(itertools.chain(*takes.values())) - {"seed"})
    raise TypeError(f"nothing here takes {name!r}; possible axes are {', '.join(known) or 'none'}")


def as_cell(value: object) -> object:
    """A value as it stands in a table: a mapping (of a pair of tasks, "a – b", too) or a weighting becomes text."""
    if isinstance(value, Weighting):
        return str(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{' – '.join(map(str, k)) if isinstance(k, tuple) else k}={v}" for k, v in value.items())
    return value


def arguments(what: object) -> list[str]:
    """The names of what a function takes, beside those it would collect."""
    if isinstance(what, World | nn.Module):
        return []
    collect = inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD
    return [name for name, one in inspect.signature(what).parameters.items() if one.kind not in collect]


def shape_of(world: World) -> list:
    """All that datasets must have in common to be trained as copies of one model: tasks, sizes, kinds of input."""
    splits = [
        (
            len(split),
            {name: (x.dtype, tuple(x.shape)) for name, x in split.inputs.items()},
            {name: y.dtype for name, y in split.labels.items()},
        )
        for split in (world.train, world.validation, world.test)
    ]
    return [describe(world.tasks), splits]


def needs_data(trunk: nn.Module, options: Mapping[str, object]) -> bool:
    """Whether the sizes of a model's layers can be found with data alone."""
    if options.get("heads") or options.get("stems"):
        return True
    try:
        return not features_of(trunk)
    except ValueError:
        return True


def cut_list(values: Sequence, most: int) -> list[Sequence]:
    """A list in pieces of nearly one size, none longer than ``most``."""
    pieces = math.ceil(len(values) / most)
    ends = [len(values) * number // pieces for number in range(pieces + 1)]
    return [values[start:end] for start, end in itertools.pairwise(ends)]


def at_once(model: Sharing, batch_size: int) -> int:
    """How many copies to train together."""
    streams = max((max(owners) + 1 for owners in model.trunk.plan.values()), default=1)
    return max(1, AT_ONCE.get(hardware.device().name.split(":")[0], 768) // (streams * batch_size))
