"""Looking inside: features of 2,000 pictures, the full probe matrix, every unit's importance, and a lesion.

    python benchmarks/inside.py

Medians of five, on the device that ``fit`` would use; a probe matrix is timed once. The models are not trained: what is
computed does not depend on it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from statistics import median

import torch

import mtl_lesson as mtl
from mtl_lesson import inspection

LAYERS = ("relu1", "relu2", "linear", "relu3")


def seconds(act: Callable[[], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        act()
        times.append(time.perf_counter() - start)
    return median(times)


def apart(model: mtl.Separate) -> mtl.Separate:
    """The same model with every weight moved, so that no two tasks have equal features."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01 * torch.randn_like(parameter))
    return model


def main() -> None:
    world = mtl.data.questions(n_train=1000, seed=0)
    x = world.test.x[:2000]
    essay = mtl.Hard(world.tasks, mtl.nets.conv(32, features=128))
    trunk = mtl.nets.conv(8)
    ways = {
        "Separate": apart(mtl.Separate(world.tasks, trunk)),
        "Soft": apart(mtl.Soft(world.tasks, trunk, lam=0.01)),
        "Hard": apart(mtl.Hard(world.tasks, trunk)),
        "Hierarchical": apart(mtl.Hierarchical(world.tasks, trunk, branch="linear")),
    }
    print(f"{torch.get_num_threads()} threads, device {mtl.device()!r}")
    inspection.features(essay, x)  # warm-up, not counted
    took = seconds(lambda: inspection.features(essay, x))
    print(f"features of {len(x):,} pictures through conv 32, conv 64, linear 128: {took:.2f} s")

    def probes() -> None:
        for layer in LAYERS:
            inspection.probe_matrix(ways, world, layer=layer)

    took = seconds(probes, 1)
    print(f"probe matrix, {len(ways)} ways × {len(LAYERS)} layers × {len(world.tasks)} tasks: {took:.1f} s")
    took = seconds(lambda: inspection.importance(ways["Hard"], world))
    print(f"importance of 64 units for {len(world.tasks)} tasks, {len(world.validation):,} pictures: {took:.2f} s")
    took = seconds(lambda: inspection.lesion(ways["Hard"], world, range(10), layer="relu2"))
    print(f"a lesion of ten channels of the second convolution: {took:.2f} s")


if __name__ == "__main__":
    main()
