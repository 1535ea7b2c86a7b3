"""Compute the course's stored results: ``make bank``, or ``python data/bank/make.py NAME …`` for some of them.

Every experiment is a few sweeps over paired seeds. A table has a row for each copy and task with the score on
validation, to choose by, and on test, to report; a path along λ has three tables more, for the λ explorer. What is
inside the features is measured in ``inside.py``. No seed was chosen. The settings were, after trial runs on seeds 0 to
3, which are among those stored here.

Experiments run side by side, one thread each. Finished copies are kept in ``.bank/`` until their experiment is stored,
so that what was cut goes on where it was.
"""

from __future__ import annotations

import itertools
import math
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import inside
import pandas as pd
import torch

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.widgets import explorer

COPIES = Path(__file__).resolve().parents[2] / ".bank"


class EqualHeads(mtl.Hard):
    """Hard sharing whose heads all start from the same weights: the artefact of lesson 02."""

    def head_drawn_as(self, task):
        return "the same for all"


CONV = ("conv", {"width": 8})  # the small trunk, as it can be written down
GREY = ("conv", {"width": 8, "channels": 1})
LAMBDAS = [0.0, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0, math.inf]


def swept(name: str, way: type, world: Callable, trunk: tuple | Callable, **settings: object) -> mtl.Sweep:
    """A sweep with test scores, whose finished copies are kept in ``.bank/`` until the result is stored."""
    made = getattr(mtl.nets, trunk[0])(**trunk[1]) if isinstance(trunk, tuple) else trunk
    return mtl.sweep(way, world, trunk=made, test=True, folder=COPIES / name, progress=False, **settings)


def scores(name: str, runs: Iterable[tuple], world: Callable, trunk: object, **common: object) -> pd.DataFrame:
    """A row for each way, point, seed and task, with the score on validation and on test and the weights of a model.

    ``runs``: pairs of a way of sharing and the settings that are its own.
    """
    tables = []
    for way, own in runs:
        sweep = swept(name, way, world, trunk, **(common | own))
        place = [*sweep.axes, "task"]
        table = sweep.table[sweep.table.split != "train"].pivot(index=place, columns="split", values="score")
        table = table.reset_index().rename(columns={"test": "score"})
        weights = [sweep.runs[key].model.size() for key in table[list(sweep.axes)].itertuples(index=False, name=None)]
        tables.append(table.assign(way=way.__name__, weights=weights))
    return pd.concat(tables, ignore_index=True).rename_axis(columns=None)


def in_steps(steps: int, n: int, batch_size: int) -> int:
    """The number of epochs that take about so many steps."""
    return max(1, round(steps / math.ceil(n / batch_size)))


SHOPPERS = {"epochs": 40, "batch_size": 30}
QUESTIONS = {"epochs": 20}

#: name: (pairs of a way and its own settings, world, trunk, settings of all, code)
TABLES = {
    "equal_weights": (
        [(mtl.Separate, {"width": [8]}), (mtl.Hard, {"width": [8, 14]})], mtl.data.questions, mtl.nets.conv,
        {"n_train": 1000, "seeds": range(10)} | QUESTIONS, ["data/questions", "sharing/hard", "sharing/separate"],
    ),
    "width_labels": (
        [(mtl.Separate, {}), (mtl.Hard, {})], mtl.data.questions, mtl.nets.conv,
        {"width": [2, 4, 8, 16], "labels": [100, 300, 1000], "seeds": range(5)} | QUESTIONS,
        ["data/questions", "sharing/hard", "sharing/separate"],
    ),
    "relatedness": (
        [(way, {}) for way in (mtl.Separate, mtl.Hard, mtl.Pooled)], mtl.data.shoppers, GREY,
        {"delta": [0.0, 0.5, 1.0, 2.0], "n": 150, "seeds": range(8)} | SHOPPERS,
        ["data/shoppers", "sharing/hard", "sharing/separate", "sharing/pooled"],
    ),
    "equal_heads": (
        [(way, {}) for way in (mtl.Separate, mtl.Hard, EqualHeads, mtl.Pooled)], mtl.data.shops, GREY,
        {"renamed": [False, True], "n": 150, "seeds": range(8)} | SHOPPERS,
        ["data/shops", "sharing/hard", "sharing/separate", "sharing/pooled"],
    ),
    "relatedness_labels": (
        [(way, {"n": n, "epochs": in_steps(200, n, 30)} | own) for n in (40, 400)
         for way, own in ((mtl.Separate, {}), (mtl.Hard, {}), (mtl.Pooled, {}), (mtl.Soft, {"lam": [0.003, 0.03]}))]
        + [(mtl.Soft, {"n": 150, "epochs": 40, "lam": [0.003, 0.03]})],
        mtl.data.shoppers, GREY, {"delta": [0.0, 1.0, 2.0], "seeds": range(5), "batch_size": 30},
        ["data/shoppers", "sharing/hard", "sharing/separate", "sharing/pooled", "sharing/soft"],
    ),
    "shops_labels": (
        [(way, {"n": n, "epochs": in_steps(200, n, 30)}) for n in (50, 400)
         for way in (mtl.Separate, mtl.Hard, mtl.Pooled)],
        mtl.data.shops, GREY, {"delta": [0.0, 15.0, 45.0], "seeds": range(5), "batch_size": 30},
        ["data/shops", "sharing/hard", "sharing/separate", "sharing/pooled"],
    ),
    "branches": (
        [(mtl.Hierarchical, {"branch": ["conv1", "conv2", "linear", "heads"], "seeds": range(8)}),
         (mtl.Hierarchical, {"branch": [{task: layer} for task in ("garment", "colour", "way up")
                                        for layer in ("conv1", "conv2", "linear")], "seeds": range(5)})],
        mtl.data.questions, CONV, {"n_train": 1000} | QUESTIONS,
        ["data/questions", "sharing/hierarchical"],
    ),
    "branches_shoppers": (
        [(mtl.Hierarchical, {"branch": ["conv1", "conv2", "linear", "heads"]})], mtl.data.shoppers, GREY,
        {"delta": [0.7, 2.0], "n": 150, "seeds": range(6)} | SHOPPERS, ["data/shoppers", "sharing/hierarchical"],
    ),
    "parts": (
        [(mtl.SharedPrivate, {"gamma": [0.0, 0.1, 1.0]})], mtl.data.questions, CONV,
        {"n_train": 1000, "seeds": range(6)} | QUESTIONS, ["data/questions", "sharing/shared_private"],
    ),
}  # fmt: skip

#: name: (world, trunk, settings, code), along λ, for the explorer
PATHS = {
    "shoppers_path": (
        mtl.data.shoppers, GREY,
        {"delta": [0.0, 0.7, 2.0], "n": 150, "seeds": range(6)} | SHOPPERS, ["data/shoppers", "sharing/soft"],
    ),
    "questions_path": (
        mtl.data.questions, CONV, {"n_train": 1000, "seeds": range(6)} | QUESTIONS, ["data/questions", "sharing/soft"],
    ),
}  # fmt: skip

INSIDE = "inside"
EXPERIMENTS = [*PATHS, INSIDE, *reversed(TABLES)]  # the longest first


def make_table(name: str) -> int:
    runs, world, trunk, common, code = TABLES[name]
    table = scores(name, runs, world, trunk, **common)
    facts = common | {"ways": [[way.__name__, own] for way, own in runs], "world": world.__name__, "trunk": str(trunk)}
    bank.save(name, table, facts, code)
    return len(table)


def make_path(name: str) -> int:
    world, trunk, settings, code = PATHS[name]
    start = time.perf_counter()
    sweep = swept(name, mtl.Soft, world, trunk, lam=LAMBDAS, **settings)
    seconds = (time.perf_counter() - start) / len(sweep.runs)
    training = {key: settings[key] for key in ("epochs", "batch_size") if key in settings}
    live = explorer.Train(mtl.Soft, world, trunk, training, seconds)
    path = explorer.Path.of(sweep, split="test", live=live)
    path.save(name, code, **(settings | {"lam": LAMBDAS, "world": world.__name__, "trunk": str(trunk)}))
    return len(path.scores)


def make_inside() -> int:
    rows = 0
    sweeps = itertools.count()

    def kept(*arguments: object, **settings: object) -> mtl.Sweep:
        return swept(f"{INSIDE}/{next(sweeps)}", *arguments, **settings)

    for name, table, facts, code in inside.tables(kept):
        bank.save(name, table, facts, code)
        rows += len(table)
    return rows


def make(name: str) -> str:
    """Compute and store one experiment; returns what there is to say about it."""
    start = time.perf_counter()
    rows = make_inside() if name == INSIDE else make_table(name) if name in TABLES else make_path(name)
    shutil.rmtree(COPIES / name, ignore_errors=True)
    return f"{name}: {rows} rows in {time.perf_counter() - start:.0f} s"


def main(wanted: list[str]) -> None:
    if unknown := set(wanted) - {*EXPERIMENTS}:
        raise SystemExit(f"there is no experiment {sorted(unknown)[0]!r}; there are {', '.join(EXPERIMENTS)}")
    start = time.perf_counter()
    workers = ProcessPoolExecutor(min(4, os.cpu_count()), multiprocessing.get_context("spawn"),
                                  torch.set_num_threads, (1,))  # fmt: skip
    with workers:
        names = wanted or EXPERIMENTS
        for done, job in enumerate(as_completed([workers.submit(make, name) for name in names]), 1):
            print(f"{done} of {len(names)}, {(time.perf_counter() - start) / 60:.0f} min: {job.result()}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
