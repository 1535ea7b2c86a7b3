"""A λ path on ``shoppers``: ``mtl.sweep`` against the loop a user would write, and against ``mtl.fit`` in a loop.

    python benchmarks/lambda_path.py [--rounds 3] [--seeds 5]

Nine λ × five seeds × six people, 300 steps, 30 pictures a person and step, the small network, in one process, one
after the other, repeated; what is printed are medians and ratios of medians. The user's loop trains one setting after
another: six networks of plain modules in float32, the penalty added to the loss pair by pair, Adam. Of it and of
``fit`` a few settings are timed and multiplied; the sweep is run whole, drawing of worlds and evaluation counted in.

Then: what a step costs for more tasks and for more copies, as exponents fitted to the times; and the peak memory of a
sweep of 200 copies, each in a process of its own.
"""

from __future__ import annotations

import argparse
import itertools
import math
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.training.feed import Feed
from mtl_lesson.training.hardware import DTYPES
from mtl_lesson.training.loop import step

LAMBDAS = [0.0, 0.01, 0.1, 1.0, 3.0, 10.0, 30.0, 100.0, math.inf]
BATCH, EPOCHS, STEPS = 30, 60, 300


def network() -> nn.Sequential:
    """The small network as its user would write it."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(784, 64),
        nn.ReLU(),
        nn.Linear(64, 1),
    )


def by_hand(world: World, lam: float, steps: int) -> float:
    """Seconds a step of the loop a user would write."""
    first = network()
    networks = {}
    for task in world.tasks:
        networks[task.name] = network()
        networks[task.name][:-1].load_state_dict(first[:-1].state_dict())
    optimiser = torch.optim.Adam([p for one in networks.values() for p in one.parameters()], lr=1e-3)
    start = time.perf_counter()
    for _ in range(steps):
        rows = torch.randperm(len(world.train))[:BATCH]
        loss = 0
        for name, one in networks.items():
            y = one(world.train.x[name][rows]).squeeze(1)
            loss = loss + F.binary_cross_entropy_with_logits(y, world.train.labels[name][rows].float())
        for one, other in itertools.combinations(networks.values(), 2):
            for a, b in zip(one[:-1].parameters(), other[:-1].parameters(), strict=True):
                loss = loss + lam * (a - b).square().sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return (time.perf_counter() - start) / steps


def fit(world: World, lam: float, seed: int) -> float:
    """Seconds a step of ``mtl.fit``."""
    model = mtl.Soft(world.tasks, mtl.nets.conv(8, channels=1), lam=lam)
    start = time.perf_counter()
    mtl.fit(model, world, epochs=EPOCHS, batch_size=BATCH, seed=seed, validate=False, progress=False)
    return (time.perf_counter() - start) / STEPS


def path(seeds: int, epochs: int = EPOCHS) -> float:
    """Seconds of a whole sweep."""
    start = time.perf_counter()
    mtl.sweep(
        mtl.Soft,
        mtl.data.shoppers,
        trunk=mtl.nets.conv(8, channels=1),
        lam=LAMBDAS,
        seeds=range(seeds),
        epochs=epochs,
        batch_size=BATCH,
        progress=False,
    )
    return time.perf_counter() - start


def milliseconds(tasks: int, copies: int, repeats: int = 12) -> float:
    """The median time of a step of Soft with so many tasks and copies."""
    names = [mtl.Binary(f"task {t}") for t in range(tasks)]
    split = Split(
        {task.name: torch.rand(BATCH, 1, 28, 28) for task in names},
        {task.name: torch.randint(0, 2, (BATCH,)) for task in names},
    )
    where = str(mtl.device())
    precision = mtl.precision(where).name
    model = mtl.Soft(names, mtl.nets.conv(8, channels=1), lam=[1.0] * copies, seeds=(0,) * copies).to(where)
    optimiser = torch.optim.Adam(model.parameters(), fused=where in ("cpu", "cuda"))
    batch = next(Feed([split], names, where, DTYPES[precision]).in_order(BATCH))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step(model, optimiser, batch, precision).sum().item()  # .item() waits for a GPU
        times.append(1e3 * (time.perf_counter() - start))
    return median(times[3:])


def exponent(sizes: list[int], costs: list[float]) -> float:
    """p in cost ~ size^p, by least squares on logarithms."""
    return float(np.polyfit(np.log(sizes), np.log(costs), 1)[0])


def megabytes(code: str) -> float:
    """The peak memory of ``code`` in a process of its own, beyond that of the imports. Read where Linux tells it: the
    number that ``resource`` gives starts from the peak of the process that started it."""
    script = (
        "import mtl_lesson as mtl\n"
        "def peak():\n"
        "    lines = open('/proc/self/status').read().splitlines()\n"
        "    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith('VmHWM'))\n"
        f"before = peak()\n{code}\nprint(peak() - before)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return float(done.stdout.split()[-1])


SWEEP = """mtl.sweep(mtl.Soft, mtl.data.shoppers, trunk=mtl.nets.conv(8, channels=1), seeds=range({seeds}),
    lam=[10 ** (k / 10) for k in range({lams})], epochs=2, batch_size=30, progress=False)"""


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--seeds", type=int, default=5)
    arguments = options.parse_args()
    settings = len(LAMBDAS) * arguments.seeds
    world = mtl.data.shoppers(seed=0)
    print(f"{mtl.machine()}")

    by_hand(world, 1.0, 5), fit(world, 1.0, 0)  # warm-up, not counted
    hand, fits, sweeps = [], [], []
    for seed in range(arguments.rounds):
        hand.append(settings * STEPS * median(by_hand(world, lam, 60) for lam in (0.0, 1.0, 10.0)))
        fits.append(settings * STEPS * median(fit(world, lam, seed) for lam in (0.0, 1.0, 10.0)))
        sweeps.append(path(arguments.seeds))
    a, b, c = median(hand), median(fits), median(sweeps)
    each = 1e3 / settings / STEPS
    print(f"λ path, {len(LAMBDAS)} λ × {arguments.seeds} seeds × 6 tasks, {STEPS} steps (ms: a step and setting):")
    print(f"  loop by hand {a:5.0f} s, {a * each:5.2f} ms; rounds from {min(hand):.0f} to {max(hand):.0f} s")
    print(f"  mtl.fit      {b:5.0f} s, {b * each:5.2f} ms; rounds from {min(fits):.0f} to {max(fits):.0f} s")
    print(f"  mtl.sweep    {c:5.0f} s, {c * each:5.2f} ms; rounds from {min(sweeps):.0f} to {max(sweeps):.0f} s")
    print(f"  the sweep is {a / c:.1f}× the loop by hand and {b / c:.1f}× mtl.fit")
    print(f"  a class's path, {len(LAMBDAS)} λ × 3 seeds: {path(3):.0f} s")

    tasks, copies = [2, 4, 8, 16, 32, 64], [1, 2, 4, 8, 16, 32]
    of_tasks, of_copies = [milliseconds(t, 1) for t in tasks], [milliseconds(6, c) for c in copies]
    for what, sizes, costs in (("tasks", tasks, of_tasks), ("copies of six tasks", copies, of_copies)):
        print(
            f"a step of Soft with {sizes} {what}: {', '.join(f'{ms:.1f}' for ms in costs)} ms, "
            f"exponent {exponent(sizes, costs):.2f}"
        )
    for seeds, lams in ((1, 1), (5, 9), (5, 40)) if Path("/proc/self/status").exists() else ():
        used = megabytes(SWEEP.format(seeds=seeds, lams=lams))
        print(f"peak memory of a sweep of {seeds * lams} copies: {used:.0f} MB beyond the imports")


if __name__ == "__main__":
    main()
