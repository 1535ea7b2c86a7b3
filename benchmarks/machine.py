"""Cores side by side against threads in one operation, alone and beside busy processes; and what an import costs.

    python benchmarks/machine.py [--rounds 3]

A sweep (six people's tastes, nine λ, the small network), a fit of the small network and a fit of the essay's are each
trained in three ways: on one thread; with all threads in every operation, one chunk after another; and as the package
does it. They alternate in one process, first alone, then beside a busy process for each core. What is printed are
medians and their ratios to the best of the three. Last, the time of ``import mtl_lesson``, and of importing all that
training needs, over that of ``import torch``, each in a process of its own.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from statistics import median
from unittest import mock

import torch
from turns import taking_turns

import mtl_lesson as mtl
from mtl_lesson.training import hardware

WAYS = ("one thread", "all threads in one operation", "this package")


def sweep() -> None:
    mtl.sweep(
        mtl.Soft,
        mtl.data.shoppers,
        trunk=mtl.nets.conv(8, channels=1),
        seeds=[0],
        epochs=3,
        batch_size=30,
        lam=[0.0, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0, float("inf")],
        progress=False,
    )


def fit(width: int, features: int, batch_size: int, n: int) -> Callable[[], None]:
    world = mtl.data.questions(n_train=n, n_validation=100, n_test=100)
    model = mtl.Hard(world.tasks, mtl.nets.conv(width, features=features))
    return lambda: mtl.fit(model, world, epochs=1, batch_size=batch_size, validate=False, progress=False)


@contextlib.contextmanager
def trained_by(way: str) -> Iterator[None]:
    """Train on one thread, with all threads in each operation, or as the package does."""
    if way == WAYS[2]:
        yield
        return
    count, real = 1 if way == WAYS[0] else hardware.cores(), hardware.threads
    with (
        mock.patch.object(hardware, "cores", return_value=1),
        mock.patch.object(hardware, "threads", side_effect=lambda _: real(count)),
    ):
        yield


def busy() -> None:
    while True:
        pass


@contextlib.contextmanager
def beside(processes: int) -> Iterator[None]:
    """So many processes that do nothing, as fast as they can."""
    context = multiprocessing.get_context("spawn")
    crowd = [context.Process(target=busy, daemon=True) for _ in range(processes)]
    for one in crowd:
        one.start()
    time.sleep(2 if crowd else 0)  # until they are there
    try:
        yield
    finally:
        for one in crowd:
            one.terminate()
            one.join()


def measured(act: Callable[[], None], rounds: int) -> dict[str, float]:
    """Way → the median of its seconds, the ways taking turns."""

    def by(way: str) -> None:
        with trained_by(way):
            act()

    times = taking_turns({way: partial(by, way) for way in WAYS}, rounds, warm=0)
    return {way: median(found) for way, found in times.items()}


def seconds_of(code: str) -> float:
    """The least of five times of a process that runs ``code``."""
    found = []
    for _ in range(5):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True)
        found.append(time.perf_counter() - start)
    return min(found)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    print(f"{hardware.cores()} cores, PyTorch would take {torch.get_num_threads()} threads, {mtl.precision()!r}")
    acts = {
        "a sweep, 9 λ": sweep,
        "fit, the small network": fit(8, 64, 64, 2048),
        "fit, the essay's network": fit(32, 128, 128, 2048),
    }
    for act in acts.values():
        act()  # warm-up, not counted
    for processes, said in ((0, "alone"), (hardware.cores(), "beside a busy process for each core")):
        with beside(processes):
            for name, act in acts.items():
                found = measured(act, rounds)
                best = min(found.values())
                told = "; ".join(f"{way} {seconds:.1f} s, {seconds / best:.2f}×" for way, seconds in found.items())
                print(f"{name}, {said}: {told}", flush=True)
    torch_alone = seconds_of("import torch")
    codes = {
        "import mtl_lesson": "import torch, mtl_lesson",
        "all that training needs": "import mtl_lesson; mtl_lesson.fit, mtl_lesson.data",
    }
    for name, code in codes.items():
        print(f"{name}: {seconds_of(code) / torch_alone:.2f} × import torch ({torch_alone:.2f} s)")


if __name__ == "__main__":
    main()
