"""Compute the course's stored results: ``make bank``, or ``python data/bank/make.py NAME …`` for some of them.

Every experiment is a few sweeps over paired seeds; its table has a row for each copy and task with the test score. No
seed was chosen. The settings were, after trial runs on seeds 0 to 3, which are among those stored here.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import pandas as pd

import mtl_lesson as mtl
from mtl_lesson import bank


class EqualHeads(mtl.Hard):
    """Hard sharing whose heads all start from the same weights: the artefact of lesson 02."""

    def head_drawn_as(self, task):
        return "the same for all"


def scores(ways: dict[type, dict], world: Callable, trunk: object, **settings: object) -> pd.DataFrame:
    """A row for each way, point, seed and task: test score after the last epoch, and weights of a model.

    ``ways``: each way of sharing with the settings that are its own.
    """
    rows = []
    for way, own in ways.items():
        sweep = mtl.sweep(way, world, trunk=trunk, **settings, **own)
        for key, run in sweep.runs.items():
            point = dict(zip(sweep.axes, key, strict=True))
            for task, score in run.test().items():
                rows.append({"way": way.__name__, **point, "task": task, "score": score, "weights": run.model.size()})
    return pd.DataFrame(rows)


EXPERIMENTS = {
    # name: (ways, world, trunk, settings, code)
    "equal_weights": (
        {mtl.Separate: {"width": [8]}, mtl.Hard: {"width": [8, 14]}}, mtl.data.questions, mtl.nets.conv,
        {"seeds": range(10), "epochs": 20},
        ["data/questions", "sharing/hard", "sharing/separate"],
    ),
    "width_labels": (
        {mtl.Separate: {}, mtl.Hard: {}}, mtl.data.questions, mtl.nets.conv,
        {"width": [2, 4, 8, 16], "labels": [100, 300, 1000], "seeds": range(5), "epochs": 20},
        ["data/questions", "sharing/hard", "sharing/separate"],
    ),
    "relatedness": (
        {mtl.Separate: {}, mtl.Hard: {}, mtl.Pooled: {}}, mtl.data.shoppers, mtl.nets.conv(8, channels=1),
        {"delta": [0.0, 0.5, 1.0, 2.0], "n": 150, "seeds": range(8), "epochs": 40, "batch_size": 30},
        ["data/shoppers", "sharing/hard", "sharing/separate", "sharing/pooled"],
    ),
    "equal_heads": (
        {mtl.Separate: {}, mtl.Hard: {}, EqualHeads: {}, mtl.Pooled: {}}, mtl.data.shops, mtl.nets.conv(8, channels=1),
        {"renamed": [False, True], "n": 150, "seeds": range(8), "epochs": 40, "batch_size": 30},
        ["data/shops", "sharing/hard", "sharing/separate", "sharing/pooled"],
    ),
}  # fmt: skip


def main(wanted: list[str]) -> None:
    for name in wanted or EXPERIMENTS:
        ways, world, trunk, settings, code = EXPERIMENTS[name]
        start = time.perf_counter()
        table = scores(ways, world, trunk, **settings)
        facts = settings | {"ways": {way.__name__: own for way, own in ways.items()}, "world": world.__name__}
        bank.save(name, table, facts, code)
        print(f"{name}: {len(table)} rows in {time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
