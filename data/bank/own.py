"""Networks whose every answer is kept, for lesson 13: what an interval of a comparison covers, and what it sees.

Three tables that nobody here made, one task each: ``loans`` (60 months or 36; the unit is the row), ``patients`` (dead
or not; the row) and ``pupils`` (a language score; the school). Each has sixty networks of two ways, Hard and Separate,
every one trained on rows drawn anew, and judged on the same large test. A table ``own_NAME`` has a row a network and a
column a unit of the test: its merit there (:mod:`mtl_lesson.inspection.contest`). From these, comparisons of any size
are drawn: of a way with itself (A/A), of two ways whose difference over all is known, and with two points planted.

No trial is chosen: a fixed number of epochs and one weight decay, so that the two ways differ in sharing alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import pandas as pd

import mtl_lesson as mtl
from mtl_lesson.data import Table
from mtl_lesson.inspection.contest import ordinary_trunk, outputs_by_part, unit_merits
from mtl_lesson.provenance import roots_of

SEEDS = range(100, 160)
WAYS = (mtl.Hard, mtl.Separate)
TRAINED = {"epochs": 10, "lr": 1e-3, "weight_decay": 1e-2, "batch_size": 64}
ROWS = 1000  # at most so many are trained on
AFTER = ["installment", "balance", "paid_interest"]  # of a loan, known only after the decision
FATES = ["rtime", "dtime", "pid"]  # of a patient: when, and a number

#: table → the task that is judged, all tasks, and how the table becomes a world
TABLES: Mapping[str, tuple[str, Mapping[str, str], Mapping[str, object]]] = {
    "loans": (
        "term",
        {"interest_rate": "number", "grade": "class", "term": "binary"},
        {"leave": [*AFTER, "state"], "test": 0.2},
    ),
    "patients": ("death", {"recur": "binary", "death": "binary"}, {"leave": FATES, "test": 0.4}),
    "pupils": (
        "language",
        {"language": "number", "arithmetic": "number", "repeated": "binary"},
        {"group": "school", "test": 0.5},
    ),
}


@cache
def world_of(name: str) -> Table:
    """One of the tables as a world."""
    frame = {"loans": mtl.data.loans_table, "patients": mtl.data.patients_table, "pupils": mtl.data.pupils_table}[
        name
    ]()
    _, tasks, settings = TABLES[name]
    return mtl.data.table(frame, tasks, n_train=ROWS, quiet=True, **settings)


def loans(seed: int) -> Table:
    return world_of("loans").draw(seed)


def patients(seed: int) -> Table:
    return world_of("patients").draw(seed)


def pupils(seed: int) -> Table:
    return world_of("pupils").draw(seed)


DRAWN = {"loans": loans, "patients": patients, "pupils": pupils}


def merits(name: str, swept: Callable[..., mtl.Sweep], seeds: Sequence[int]) -> pd.DataFrame:
    """A row for each way and seed, a column for each unit of the test: the merit of the task that is judged."""
    rows = []
    for way in WAYS:
        found = swept(way, DRAWN[name], ordinary_trunk(world_of(name)), seeds=seeds, **TRAINED)
        for run in found.runs.values():
            task = run.world.task(TABLES[name][0])
            own = unit_merits(run.world, task, outputs_by_part(run)["test"][task.name], "test").sort_values("unit")
            numbered = {f"unit {number}": merit for number, merit in enumerate(own.merit)}
            rows.append({"way": way.__name__, "seed": run.seed} | numbered)
    return pd.DataFrame(rows)


def tables(
    swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool
) -> Iterator[tuple[str, pd.DataFrame, dict, list[str]]]:
    """(name, table, settings, code) of the three tables, as ``make.py`` stores them."""
    for name, (task, tasks, settings) in TABLES.items():
        table = merits(name, swept, seeds)
        units = sum(column.startswith("unit ") for column in table)
        facts = {"seeds": SEEDS, "task": task, "tasks": tasks, "units": units, "unit": world_of(name).group}
        facts |= {"trained": TRAINED, "rows": ROWS, "world": {key: str(value) for key, value in settings.items()}}
        code = ["training/sweeps", "inspection/contest", "data/tables", "bank/experiments.py", "bank/own.py"]
        code += roots_of(*WAYS, getattr(mtl.data, f"{name}_table"))
        yield f"own_{name}", table, facts, sorted(set(code))
