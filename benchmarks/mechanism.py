"""What the one mechanism costs: other layers, cross-stitch, and the memory of many copies.

    python benchmarks/mechanism.py [--rounds 5]

A training step of 16 copies of a residual network is taken with its layers batched over copies (``torch.func.vmap``),
with the same layers one copy after another, and as 16 plain PyTorch networks in a loop. A step of soft
sharing with λ set and learnt, of cross-stitch networks, of low-rank corrections, of attention masks and of experts is
compared with one of separate networks, for one copy and for 16. They alternate in one process; what is printed are
medians and their ratios. Last, the memory that training 200 copies of the small network takes, its peak in a process of
its own less what the process had before.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
from torch import nn
from turns import taking_turns

import mtl_lesson as mtl
from mtl_lesson.nets.layers import General
from mtl_lesson.training.feed import Feed
from mtl_lesson.training.loop import step

COPIES = 16
THREE = partial(mtl.Experts, experts=3)


class Residual(nn.Module):
    def __init__(self, channels: int):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, channels, 3, padding=1), nn.GroupNorm(2, channels)

    def forward(self, x):
        return x + torch.relu(self.norm(self.conv(x)))


def residual() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        Residual(8),
        nn.MaxPool2d(2),
        Residual(8),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 16),
    )


def a_step(model: mtl.Sharing, world: mtl.data.World) -> Callable[[], object]:
    batch = next(Feed([world.train], model.tasks, "cpu", torch.float32).in_order(64))
    optimiser = torch.optim.Adam(model.parameters(), fused=True)
    return lambda: step(model, optimiser, batch, "float32")


def one_after_another(model: mtl.Sharing) -> mtl.Sharing:
    for layer in model.modules():
        if isinstance(layer, General):
            layer.at_once = {True: False, False: False}
    return model


def plain_loop(model: mtl.Sharing, world: mtl.data.World) -> Callable[[], object]:
    """A step of as many ordinary networks, one after another."""
    networks = [{task: model.plain(task.name, copy) for task in model.tasks} for copy in range(COPIES)]
    optimisers = [
        torch.optim.Adam([p for network in one.values() for p in network.parameters()], fused=True) for one in networks
    ]
    x, labels = world.train.x[:64], world.train.labels

    def take() -> None:
        for one, optimiser in zip(networks, optimisers, strict=True):
            optimiser.zero_grad()
            sum(task.loss(net(x)[None], labels[task.name][None, :64]) for task, net in one.items()).sum().backward()
            optimiser.step()

    return take


def compare(acts: dict[str, Callable[[], object]], rounds: int) -> None:
    found = {name: median(times) for name, times in taking_turns(acts, rounds).items()}
    first = next(iter(found.values()))
    for name, seconds in found.items():
        print(f"{name}: {1000 * seconds:.0f} ms a step, {seconds / first:.2f}×")


MEMORY = """
import resource, mtl_lesson as mtl
def peak():  # of a process that another has started, getrusage may tell that of the other; Linux tells its own
    try:
        return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
world = mtl.data.questions(n_train=64, n_validation=64, n_test=64)
mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(8)), world, epochs=1, progress=False)
before = peak()
mtl.sweep(mtl.Soft, world, trunk=mtl.nets.conv(8), lam=[0.0, 0.01, 0.1, 1.0], seeds=range(50), epochs=1, progress=False)
print(peak() - before)
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    world = mtl.data.questions(n_train=64, n_validation=64, n_test=64)
    model = mtl.Separate(world.tasks, residual(), seeds=range(COPIES))
    looped = one_after_another(model.like(range(COPIES)))
    print(f"{COPIES} copies of a residual network, three tasks, 64 pictures, one thread")
    acts = {"batched over copies": a_step(model, world), "one copy after another": a_step(looped, world)}
    compare(acts | {"plain networks in a loop": plain_loop(model, world)}, rounds)
    ways = {"separate": mtl.Separate, "cross-stitch": mtl.CrossStitch, "low rank, 2": partial(mtl.LowRank, rank=2)}
    ways |= {"soft": partial(mtl.Soft, lam=0.01), "λ learnt": mtl.Learnt}
    ways |= {"attention": mtl.Attention, "attention on h alone": partial(mtl.Attention, after="linear")}
    ways |= {"three experts": THREE}
    for seeds, more in (((0,), 10 * rounds), (range(COPIES), rounds)):
        print(f"the small network, three tasks, 64 pictures, one thread, copies: {len(seeds)}")
        models = {name: way(world, mtl.nets.conv(8), seeds=seeds) for name, way in ways.items()}
        compare({name: a_step(model, world) for name, model in models.items()}, more)
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", MEMORY], capture_output=True, text=True, check=True)
    unit = 1024 if sys.platform != "darwin" else 1
    print(f"200 copies of the small network: {int(done.stdout) * unit / 1e9:.2f} GB at the peak, over what was there")


if __name__ == "__main__":
    main()
