"""Transfer, measured: what a task gains when another is trained beside it. Cheap scores are guesses at it.

Paired: from one seed a task has the same sample, the same batches, the same initial trunk and the same initial head in
whichever group it is trained, and every group takes as many steps.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
from torch import nn

from ..data import only
from ..data.world import World
from ..evidence import interval
from ..sharing import Hard, Sharing
from ..sharing.pulls import is_graph
from ..tasks import find_task
from ..training import sweep
from ..training.runs import bar
from ..training.sweeps import check_seeds, values_on
from ..weighting import Fixed

Group = tuple[str, ...]
JOINED = " + "  # between the tasks of a group, as a table names it


def train_groups(
    world: World | Callable[..., World],
    groups: Iterable[Sequence[str]],
    *,
    trunk: nn.Module | Callable[..., nn.Module],
    way: type[Sharing] = Hard,
    seeds: Iterable[int] = range(5),
    epochs: int = 20,
    progress: bool = True,
    **settings: object,
) -> pd.DataFrame:
    """Train each group of tasks as one model, for each seed: a row for each group, seed and task in it.

    Columns: "group", its tasks as "a + b"; seed; task; "validation" and "score", its scores on validation and on test;
    "loss", on validation; higher_is_better. ``groups``: lists of task names; a group given twice is trained once.
    ``world``: a World, or a function that draws one for each seed. ``settings``: more arguments of
    :func:`~mtl_lesson.sweep`, such as batch_size, lr or the options of the way, one value each; of heads, stems, pulls
    of pairs and fixed weights a group takes what is said of its tasks. All groups take the same number of steps. Cost:
    one sweep a group, whose copies are the seeds.

    Raises KeyError for a task that is not there; ValueError for no groups, an empty one, one that names a task twice,
    two that a table would call the same, a setting that is a grid, and what a sweep raises.
    """
    seeds = check_seeds(seeds)
    drawn = dict.fromkeys(seeds, world) if isinstance(world, World) else {seed: world(seed=seed) for seed in seeds}
    check_settings(settings, drawn[seeds[0]])
    groups = named(groups, [task.name for task in drawn[seeds[0]].tasks])
    tables = []
    with bar(epochs * len(seeds) * len(groups), progress) as shown:
        for group in groups:
            parts = {seed: only(one, group) for seed, one in drawn.items()}
            given = parts[seeds[0]] if isinstance(world, World) else lambda seed, parts=parts: parts[seed]
            done = sweep(
                way,
                given,
                trunk=trunk,
                seeds=seeds,
                epochs=epochs,
                test=True,
                progress=False,
                **within(group, settings),
            )
            tables.append(as_rows_of(group, done.table))
            shown.update(epochs * len(seeds))
    return pd.concat(tables, ignore_index=True)


def named(groups: Iterable[Sequence[str]], tasks: Sequence[str]) -> list[Group]:
    """The groups as tuples in the order of the world's tasks, each once; refuses what is no group of these tasks."""
    found = []
    for group in groups:
        group = (group,) if isinstance(group, str) else tuple(group)
        if not group or len(set(group)) < len(group):
            raise ValueError(f"a group names one task or more, each once, and not {group!r}")
        for name in group:
            if name not in tasks:
                raise KeyError(f"there is no task {name!r}; the tasks are {', '.join(tasks)}")
        found.append(tuple(name for name in tasks if name in group))
    if not found:
        raise ValueError("no group was given; give one or more, such as [['garment'], ['garment', 'colour']]")
    found = list(dict.fromkeys(found))
    called = [JOINED.join(group) for group in found]
    if twice := [name for name in called if called.count(name) > 1]:
        raise ValueError(f"two groups would be called {twice[0]!r}: give their tasks names without {JOINED!r}")
    return found


def check_settings(settings: Mapping[str, object], world: World) -> None:
    """Refuse a grid, and what is said of a task that is not there."""
    for name, value in settings.items():
        if len(values_on(value)) > 1:
            raise ValueError(f"groups are compared in one setting, and {name}={value!r} is a grid: give one value")
        for task in tasks_in(value, name):
            find_task(world.tasks, task)


def within(group: Group, settings: Mapping[str, object]) -> dict[str, object]:
    """The settings as they are for a group: without what is said of tasks that are not in it."""
    found = dict(settings)
    for name, value in settings.items():
        if isinstance(value, Fixed):
            found[name] = Fixed({task: w for task, w in value.given.items() if task in group})
        elif tasks_in(value, name):
            found[name] = {key: one for key, one in value.items() if set(keyed_by(key)) <= set(group)}
    return found


def tasks_in(value: object, name: str) -> list[str]:
    """The tasks that the value of a setting speaks of."""
    if isinstance(value, Fixed):
        return list(value.given)
    speaks = name.rpartition(".")[2] in ("heads", "stems") or is_graph(value)
    return [task for key in value for task in keyed_by(key)] if speaks and isinstance(value, Mapping) else []


def keyed_by(key: str | tuple[str, str]) -> tuple[str, ...]:
    return key if isinstance(key, tuple) else (key,)


def as_rows_of(group: Group, table: pd.DataFrame) -> pd.DataFrame:
    """The rows of :func:`train_groups` for one group from a sweep's table."""
    place = ["seed", "task", "higher_is_better"]
    wide = table[table.split != "train"].pivot(index=place, columns="split", values=["score", "loss"])
    rows = pd.DataFrame(
        {
            "validation": wide["score", "validation"],
            "score": wide["score", "test"],
            "loss": wide["loss", "validation"],
        }
    ).reset_index()
    rows["task"] = pd.Categorical(rows.task, group)
    rows = rows.sort_values(["seed", "task"], ignore_index=True).assign(task=lambda rows: rows.task.astype(str))
    rows.insert(0, "group", JOINED.join(group))
    return rows[["group", "seed", "task", "validation", "score", "loss", "higher_is_better"]]


def transfer(
    world: World | Callable[..., World],
    trunk: nn.Module | Callable[..., nn.Module],
    *,
    way: type[Sharing] = Hard,
    seeds: Iterable[int] = range(5),
    epochs: int = 20,
    progress: bool = True,
    **settings: object,
) -> pd.DataFrame:
    """What each task gains from each other one: every task alone and every pair together, trained for each seed.

        gain_ij = ±(score of j trained with i − score of j trained alone)

    with a minus where a lower score is better, so above 0 it helps, in j's own unit. A row for each giver (i), receiver
    (j) and seed: "gain" on test, to report, and "validation", to choose by; not the same in both directions.
    ``seeds``, ``way`` and ``settings`` are those of :func:`train_groups`. Cost: T(T+1)/2 sweeps.

    Pitfall: the gain belongs to this trunk, so much data and so many steps, too. Standley et al. 2020, "Which tasks
    should be learned together in multi-task learning?"

    Raises ValueError for one task only, and what :func:`train_groups` raises.
    """
    seeds = check_seeds(seeds)
    tasks = [task.name for task in (world if isinstance(world, World) else world(seed=seeds[0])).tasks]
    if len(tasks) < 2:
        raise ValueError(f"transfer is between tasks, and there is one only, {tasks[0]!r}: give two or more")
    groups = [*((name,) for name in tasks), *itertools.combinations(tasks, 2)]
    settings |= {"trunk": trunk, "way": way, "seeds": seeds, "epochs": epochs, "progress": progress}
    return gains_of_pairs(train_groups(world, groups, **settings))


def gains_of_pairs(results: pd.DataFrame) -> pd.DataFrame:
    """The gains of :func:`transfer` from what :func:`train_groups` returned for single tasks and pairs, and others.

    Raises ValueError for a pair whose receiver was not trained alone.
    """
    members = tasks_by_group(results)
    sign = np.where(results.higher_is_better, 1.0, -1.0)
    signed = results[["group", "seed", "task"]].assign(gain=sign * results.score, validation=sign * results.validation)
    alone = signed[signed.group.map(lambda name: len(members[name]) == 1)]
    rows = signed[signed.group.map(lambda name: len(members[name]) == 2)]
    rows = rows.merge(alone.drop(columns="group"), how="left", on=["seed", "task"], suffixes=("", "_alone"))
    if rows.gain_alone.isna().any():
        missing = rows.task[rows.gain_alone.isna()].iloc[0]
        raise ValueError(f"what {missing!r} gains is not known: train it alone, too, as the group [{missing!r}]")
    giver = [
        next(name for name in members[group] if name != task) for group, task in zip(rows.group, rows.task, strict=True)
    ]
    gains = {name: rows[name] - rows[f"{name}_alone"] for name in ("gain", "validation")}
    table = pd.DataFrame({"giver": giver, "receiver": rows.task, "seed": rows.seed} | gains)
    order = {name: place for place, name in enumerate(dict.fromkeys(results.task))}
    return table.sort_values(["giver", "receiver", "seed"], key=lambda column: column.replace(order), ignore_index=True)


def compare_seeds(table: pd.DataFrame) -> pd.Series:
    """How the ranks of one seed's gains go with those of the other seeds' mean gains, over all pairs: seed → Spearman.

    ``table``: that of :func:`transfer`. It is what a cheap score competes with: a whole gold standard, drawn anew.
    Where this is low, most of a gain is the chance of one draw, which a score that looks at another draw cannot
    foretell. Values of different seeds share data, so they are no sample. ValueError for fewer than two seeds.
    """
    wide = table.pivot(index=["giver", "receiver"], columns="seed", values="gain")
    if wide.shape[1] < 2:
        raise ValueError("one seed has no other to be compared with: measure the gains over two seeds or more")
    others = {seed: wide.drop(columns=seed).mean(axis=1) for seed in wide}
    return pd.Series({seed: wide[seed].rank().corr(others[seed].rank()) for seed in wide}, name="agreement")


def tasks_by_group(results: pd.DataFrame) -> dict[str, Group]:
    """Group as the table names it → its tasks: those that it has rows for."""
    return {name: tuple(dict.fromkeys(rows.task)) for name, rows in results.groupby("group", sort=False)}


def transfer_matrix(table: pd.DataFrame, value: str = "gain", end: str = "mean") -> pd.DataFrame:
    """The gains of :func:`transfer` as a square table, the row gives, the column receives: the mean over seeds.

    ``value``: "gain" on test, or "validation". ``end``: "mean", or "low" or "high", the ends of its 95 % interval
    (:func:`mtl_lesson.evidence.interval`). NaN on the diagonal. KeyError for another ``value`` or ``end``.
    """
    ends = ("mean", "low", "high")
    if end not in ends or value not in ("gain", "validation"):
        raise KeyError(f"value is 'gain' or 'validation', end one of {', '.join(ends)}, not {value!r} and {end!r}")
    names = list(dict.fromkeys([*table.giver, *table.receiver]))
    wide = table.pivot(index="seed", columns=["giver", "receiver"], values=value)
    found = pd.Series(interval(wide.to_numpy())[ends.index(end)], wide.columns)
    return found.unstack("receiver").reindex(index=names, columns=names)
