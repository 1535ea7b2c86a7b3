"""A sweep on a Dask cluster of two workers against the same on a cluster of one, both on this machine.

    python benchmarks/cluster.py [--rounds 2] [--epochs 5]

Each worker is a process with one thread. The two clusters take turns in one run, and so does ``mtl.sweep`` without a
cluster on one core; what is printed are medians and ratios of medians, drawing of worlds, sending and evaluation
counted in. On two free cores two workers are to be 1.6 times as fast as one, or more.
"""

from __future__ import annotations

import argparse
import os
import statistics
from contextlib import ExitStack

import distributed
import joblib
from turns import taking_turns

import mtl_lesson as mtl


def path(epochs: int, backend: str | None) -> mtl.Sweep:
    """16 copies, each a chunk of its own."""
    return mtl.sweep(
        mtl.Soft,
        mtl.data.questions,
        trunk=mtl.nets.conv(8),
        n_train=500,
        n_validation=200,
        n_test=200,
        lam=[0.0, 0.1],
        seeds=range(8),
        epochs=epochs,
        precision="float32",
        progress=False,
        backend=backend,
    )


def on(client: distributed.Client, epochs: int) -> mtl.Sweep:
    with joblib.parallel_config("dask", client=client):
        return path(epochs, "joblib")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=5)
    arguments = parser.parse_args()
    os.environ |= {"MTL_DEVICE": "cpu", "MTL_THREADS": "1"}  # the workers', which begin with it, too
    acts = {"here, one core": lambda: path(arguments.epochs, None)}
    with ExitStack() as stack:
        for count in (1, 2):
            options = {"n_workers": count, "threads_per_worker": 1, "dashboard_address": ":0"}
            cluster = stack.enter_context(distributed.LocalCluster(**options))
            client = stack.enter_context(distributed.Client(cluster, set_as_default=False))
            acts[f"Dask, {count} worker{'s' * (count > 1)}"] = lambda client=client: on(client, arguments.epochs)
        found = {name: statistics.median(times) for name, times in taking_turns(acts, arguments.rounds).items()}
    for name, seconds in found.items():
        print(f"{name}: {seconds:.1f} s")
    here, one, two = found.values()
    print(f"two workers against one: {one / two:.2f}×; one worker against this process: {here / one:.2f}×")


if __name__ == "__main__":
    main()
