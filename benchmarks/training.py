"""The loop of a tutorial against ``mtl.fit``: same network, pictures, batches of 128 and number of steps.

    python benchmarks/training.py [--rounds 5] [--epochs 2]

One process, one after the other, repeated; what is printed are medians and the ratio of medians. The tutorial's loop is
a torchvision-style Dataset, a DataLoader and Adam in float32. The network is the essay's: conv 32, conv 64, linear 128,
three heads. "Of a matrix product" is the arithmetic of a step in a second over that of the fastest product of two
square matrices found here in the same precision, of 512 to 4096 rows: what a plain product reaches, and no limit.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset

import mtl_lesson as mtl
from mtl_lesson.training import hardware

BATCH, N = 128, 8192


class Pictures(Dataset):
    """One picture and its three labels at a time, as torchvision's datasets hand them over."""

    def __init__(self, split, tasks):
        self.x, self.labels, self.names = split.x, split.labels, [task.name for task in tasks]

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], tuple(int(self.labels[name][i]) for name in self.names)


class Network(nn.Module):
    """The essay's network, as its reader would write it."""

    def __init__(self, tasks):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 32, 3, padding=1), nn.Conv2d(32, 64, 3, padding=1)
        self.linear = nn.Linear(64 * 7 * 7, 128)
        self.heads = nn.ModuleList(nn.Linear(128, task.outputs) for task in tasks)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        h = F.relu(self.linear(x.flatten(1)))
        return [head(h) for head in self.heads]


def tutorial(world, epochs):
    """Seconds a step, and test accuracy a task, of the loop in any tutorial."""
    network = Network(world.tasks)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    loader = DataLoader(Pictures(world.train, world.tasks), batch_size=BATCH, shuffle=True)
    start = time.perf_counter()
    for _ in range(epochs):
        for x, labels in loader:
            optimiser.zero_grad()
            loss = sum(F.cross_entropy(y, label) for y, label in zip(network(x), labels, strict=True))
            loss.backward()
            optimiser.step()
    seconds = (time.perf_counter() - start) / (epochs * len(loader))
    with torch.no_grad():
        outputs = network(world.test.x)
    answers = zip(world.tasks, outputs, strict=True)
    return seconds, [float((y.argmax(1) == world.test.labels[task.name]).float().mean()) for task, y in answers]


def ours(world, epochs, precision, seed):
    """The same for ``mtl.fit``, with its one look at the validation set counted in."""
    model = mtl.Hard(world.tasks, trunk=mtl.nets.conv(32, features=128))
    run = mtl.fit(
        model, world, epochs=epochs, batch_size=BATCH, seed=seed, precision=precision, validate=False, progress=False
    )
    return run.seconds / (epochs * -(-N // BATCH)), list(run.test().values())


def fastest_product(dtype):
    """Multiply-adds a second in the fastest of many products of square matrices."""
    rates = []
    for size in (512, 1024, 2048, 4096):
        a = torch.randn(size, size).to(dtype)
        for _ in range(8):
            start = time.perf_counter()
            a @ a
            rates.append(size**3 / (time.perf_counter() - start))
    return max(rates)


def multiply_adds(tasks):
    """Of one training step: forward, and twice as much backward (the first layer needs no gradient for its input)."""
    first = 28 * 28 * 32 * 3 * 9
    rest = 14 * 14 * 64 * 32 * 9 + 64 * 49 * 128 + 128 * sum(task.outputs for task in tasks)
    return BATCH * (2 * first + 3 * rest)


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--epochs", type=int, default=2)
    arguments = options.parse_args()
    world = mtl.data.questions(n_train=N, n_validation=256)
    print(f"{hardware.cores()} cores; without being asked: {mtl.precision()!r}")
    ways = {"tutorial": lambda seed: tutorial(world, arguments.epochs)}
    for precision in ("float32", "bfloat16"):
        ways[precision] = lambda seed, precision=precision: ours(world, arguments.epochs, precision, seed)
    times, scores = {name: [] for name in ways}, {name: [] for name in ways}
    for seed in range(arguments.rounds):
        torch.manual_seed(seed)
        for name, way in ways.items():
            seconds, right = way(seed)
            times[name].append(seconds)
            scores[name].append(right)
    base = statistics.median(times["tutorial"])
    for name, values in times.items():
        middle = statistics.median(values)
        accuracy = torch.tensor(scores[name])
        shown = ", ".join(
            f"{t.name} {m:.1%} ± {s:.1%}"
            for t, m, s in zip(world.tasks, accuracy.mean(0).tolist(), accuracy.std(0).tolist(), strict=True)
        )
        share = ""
        if name != "tutorial":
            share = multiply_adds(world.tasks) / middle / fastest_product(getattr(torch, name))
            share = f", {share:.0%} of a matrix product"
        print(
            f"{name:9s} {1e3 * middle:6.1f} ms a step ({min(values) * 1e3:.1f} to {max(values) * 1e3:.1f}), "
            f"{base / middle:.2f}×{share}; test {shown}"
        )


if __name__ == "__main__":
    main()
