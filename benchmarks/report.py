"""A report of a table: its time beside what it announces and beside 120 s, and its memory; a large table, audited.

    python benchmarks/report.py [--rows 2000] [--large 100000]

2,000 rows of 20 columns with three tasks, as ``mtl.report`` takes them; then a table of 100,000 such rows, read from a
file and audited, beside 20 s. Limits are for two free cores.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import mtl_lesson as mtl
from mtl_lesson.inspection.audit import audit
from mtl_lesson.inspection.contest import Training, arms_of, expected_seconds, ordinary_trunk

TASKS = {"number": "number", "yes": "binary", "kind": "class"}
REPORT, READ, MEMORY = 120.0, 20.0, 1.5  # seconds, seconds, GB


def frame_of(rows: int, columns: int = 20) -> pd.DataFrame:
    """A table whose tasks hang on its columns, a quarter of these texts."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((rows, columns))
    frame = pd.DataFrame(x, columns=[f"column {n}" for n in range(columns)])
    for n in range(0, columns, 4):
        frame[f"column {n}"] = np.array(["a", "b", "c"])[np.digitize(x[:, n], [-0.5, 0.5])]
    hidden = np.tanh(x @ rng.standard_normal((columns, 4)))
    noise = rng.standard_normal((rows, 3))
    frame["number"] = hidden[:, 0] + noise[:, 0]
    frame["yes"] = np.where(hidden[:, 1] + noise[:, 1] > 0, "yes", "no")
    frame["kind"] = np.array(["x", "y", "z"])[np.digitize(hidden[:, 2] + noise[:, 2], [-0.7, 0.7])]
    return frame


def used() -> float:
    """The most memory this process has had, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--large", type=int, default=100_000)
    asked = parser.parse_args()
    world = mtl.data.table(frame_of(asked.rows), TASKS, quiet=True)
    trunk = ordinary_trunk(world)
    said = expected_seconds(world, trunk, Training(tuple(range(8))), arms_of(world, trunk))
    began = time.perf_counter()
    mtl.report(world, quiet=True)
    took = time.perf_counter() - began
    print(f"report of {asked.rows:,} rows: {took:.0f} s, {took / REPORT:.2f} of {REPORT:.0f} s; announced {said:.0f} s")
    print(f"memory: {used():.2f} GB, {used() / MEMORY:.2f} of {MEMORY} GB")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.csv"
        frame_of(asked.large).to_csv(path, index=False)
        began = time.perf_counter()
        audit(mtl.data.table(path, TASKS, quiet=True))
        took = time.perf_counter() - began
    print(f"{asked.large:,} rows read and audited: {took:.1f} s, {took / READ:.2f} of {READ:.0f} s; {used():.2f} GB")


if __name__ == "__main__":
    main()
