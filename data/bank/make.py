"""Compute the course's stored results: ``make bank``, or ``python data/bank/make.py NAME …`` for some of them.

The experiments stand in ``experiments.py``. They run side by side, one thread each. Finished copies are kept in
``.bank/`` until their experiment is stored, so that what was cut goes on where it was.

``make bank CHECK=1`` computes a chunk of each table again whose code has changed since, and where it finds what is
stored, says that the code of today makes it. On another processor than stored it, it is not found: there the code that
stored it is taken out of git, and must make the same as today's of a short training (``before.py``).
"""

from __future__ import annotations

import argparse
import importlib
import io
import itertools
import json
import math
import multiprocessing
import os
import shutil
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import across
import before
import closer
import dials
import experiments
import few
import light
import moving
import numpy as np
import own
import pandas as pd
import torch
from experiments import COMPANY, COPIES, DISAGREE, INSIDE, PATHS, Stored

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.inspection import paths

MEASURED = ("score", "validation", "loss", "gap", "count", "value", "weights", "gain", "gains", "auc", "permuted")
MEASURED += ("cosine", "ratio", "size_first", "size_second", "lost")


#: experiment → the file that it stands in
OWN_FILE = {
    "across": across,
    "closer": closer,
    "dials": dials,
    "few": few,
    "light": light,
    "moving": moving,
    "own": own,
}
OWN_FILE |= {file.stem: importlib.import_module(file.stem) for file in sorted(Path(__file__).parent.glob("field_*.py"))}
EXPERIMENTS = [*experiments.EXPERIMENTS, *OWN_FILE]


def results(name: str, some: bool = False) -> Stored:
    """What an experiment stores, or ``some`` of each of its tables and ways."""
    return of_file(name, some) if name in OWN_FILE else experiments.results(name, some)


def of_file(name: str, some: bool) -> Stored:
    """The tables of an experiment that has a file of its own, over its ``SEEDS``."""
    sweeps, fresh = itertools.count(), OWN_FILE[name].SEEDS

    def kept(*arguments: object, **settings: object) -> mtl.Sweep:
        if some and settings["seeds"] == fresh[:1]:
            settings |= {"wanted": fresh[:1], "seeds": fresh}
        return experiments.swept(None if some else f"{name}/{next(sweeps)}", *arguments, **settings)

    yield from OWN_FILE[name].tables(kept, fresh[:1] if some else fresh, some)


def make(name: str) -> tuple[bool, str]:
    """Compute and store one experiment; returns that it is stored, and what there is to say about it."""
    start, rows = time.perf_counter(), 0
    for table_name, table, facts, code in results(name):
        bank.save(table_name, table, facts, code)
        rows += len(table)
    shutil.rmtree(COPIES / name, ignore_errors=True)
    return True, f"{name}: {rows} rows in {time.perf_counter() - start:.0f} s"


def check(name: str) -> tuple[bool, str]:
    """Compute some of an experiment again; where it is what is stored, say that the code of today makes it."""
    found = list(results(name, some=True))
    if any(told(facts) != told(bank.read_facts(table_name)["settings"]) for table_name, _, facts, _ in found):
        return False, f"{name}: it was made with other settings; run make bank NAME={name}"
    made = {table_name: code for table_name, _, _, code in found}
    if name in PATHS:
        made[f"{name}_confusions"] = made[name]
    far, said = (
        max(difference(table, bank.load(table_name)) for table_name, table, _, _ in found),
        "it is what is stored",
    )
    if far > 0:
        said = f"it is not what is stored, by {far:.2g}"
        if against := before.difference(name, made):
            return False, f"{name}: computed again, {said}, {against}; run make bank NAME={name}"
        said += ", as it is on another processor; on this one the code that stored it makes the same as today's"
    for table_name, code in made.items():
        bank.restamp(table_name, code)
    return True, f"{name}: computed again, {said}"


def told(settings: dict) -> dict:
    """Settings as they are stored, but for the seconds that a point took."""
    settings = json.loads(bank.as_text(settings))
    (settings.get("path", {}).get("live") or {}).pop("seconds", None)
    return settings


def experiment(name: str) -> str:
    """The experiment that makes a stored table."""
    if name in EXPERIMENTS:
        return name
    made = {f"{path}{ending}": path for path in PATHS for ending in paths.ENDINGS}
    made |= {table: one for one, tables in DISAGREE.items() for table in tables}
    several = [one for one in (INSIDE, COMPANY, *OWN_FILE) if name.startswith(f"{one}_")]
    return several[0] if several else made.get(name, name)


def difference(table: pd.DataFrame, stored: pd.DataFrame) -> float:
    """The largest difference between rows computed now and those stored at the same place, 0 where all six digits that
    are stored are the same; ∞ for a place that is not stored."""
    if table.empty:  # a mean over all seeds cannot be made of some
        return 0.0
    table = pd.read_csv(io.BytesIO(bank.as_stored(table)))
    measured = [column for column in table if column in MEASURED or column.startswith("unit ")]
    place = [column for column in table if column not in measured]
    numbers = [column for column in place if table[column].dtype.kind in "if"]  # 1.0 is stored as 1
    table, stored = (one.astype(dict.fromkeys(numbers, float)) for one in (table, stored))
    both = table.merge(stored, on=place, how="left", suffixes=("", " stored"))
    now, then = both[measured].to_numpy(float), both[[f"{column} stored" for column in measured]].to_numpy(float)
    if len(both) != len(table) or np.isnan(then).any():
        return math.inf
    return 0.0 if np.allclose(now, then, rtol=2e-6, atol=0) else float(np.abs(now - then).max())


def one_thread() -> None:
    """What each of the processes that work side by side begins with."""
    os.environ["MTL_THREADS"] = "1"
    torch.set_num_threads(1)


def main() -> int:
    parser = argparse.ArgumentParser(description="Compute the course's stored results.")
    parser.add_argument("name", nargs="*", help="experiments, or tables that they make; all if none is given")
    parser.add_argument("--check", action="store_true", help="compute some of what is stale again, and re-stamp it")
    asked = parser.parse_args()
    wanted = list(dict.fromkeys(map(experiment, asked.name)))
    if unknown := set(wanted) - {*EXPERIMENTS}:
        raise SystemExit(f"there is no experiment {sorted(unknown)[0]!r}; there are {', '.join(EXPERIMENTS)}")
    names, act = wanted or EXPERIMENTS, check if asked.check else make
    if asked.check:
        stale = bank.stale()
        names = [name for name in names if name in map(experiment, stale)]
        print(f"{len(stale)} of {len(bank.names())} stored tables were made by other code than today's", flush=True)
    start, right = time.perf_counter(), True
    with ProcessPoolExecutor(min(4, os.cpu_count()), multiprocessing.get_context("spawn"), one_thread) as workers:
        for done, job in enumerate(as_completed([workers.submit(act, name) for name in names]), 1):
            good, said = job.result()
            right = right and good
            print(f"{done} of {len(names)}, {(time.perf_counter() - start) / 60:.0f} min: {said}", flush=True)
    return not right


if __name__ == "__main__":
    sys.exit(main())
