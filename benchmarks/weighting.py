"""What weights and gradients cost: the front of lesson 08, and a step on the tasks' gradients against a plain one.

    python benchmarks/weighting.py [--rounds 30] [--epochs 8]

First the front of lesson 08: garment and colour of 1,000 pictures, seven fixed weights × six seeds in one ``mtl.sweep``
of a trunk of one hidden layer, 8 epochs in float32, drawing of worlds and evaluation counted in; 30 s or less on two
cores is the aim.

Then a training step of eight copies of that network on three tasks, on one thread: with the sum of losses, with learnt
weights, and with torchjd's UPGrad, MGDA and PCGrad. They take turns in one process; what is printed is the least time
of each, which other work on the machine disturbs least, and their ratios. A step on gradients goes backwards once a
task: at three tasks 3.2 times a plain one is the aim, for each method. Last, how long the cheap scores of lesson 09
take.
"""

from __future__ import annotations

import argparse
import time
from statistics import mean

import numpy as np
import torch
from torchjd import aggregation
from turns import taking_turns

import mtl_lesson as mtl
from mtl_lesson import weighting
from mtl_lesson.training import hardware
from mtl_lesson.training.feed import Feed
from mtl_lesson.training.loop import step

SHARES = (0.02, 0.1, 0.3, 0.5, 0.7, 0.9, 0.98)  # of garment in w_garment + w_colour = 2
SEEDS, COPIES = 6, 8
GRADIENTS = {"UPGrad": aggregation.UPGrad, "MGDA": aggregation.MGDA, "PCGrad": aggregation.PCGrad}


def two_questions(seed: int) -> mtl.data.World:
    world = mtl.data.questions(n_train=1000, n_validation=500, n_test=1000, seed=seed)
    return mtl.data.only(world, ["garment", "colour"])


def front(epochs: int) -> None:
    weights = [weighting.Fixed({"garment": 2 * share, "colour": 2 - 2 * share}) for share in SHARES]
    start = time.perf_counter()
    path = mtl.sweep(
        mtl.Hard,
        two_questions,
        trunk=mtl.nets.hidden(8),
        weighting=weights,
        seeds=range(SEEDS),
        epochs=epochs,
        lr=2e-3,
        validate=True,
        precision="float32",
        progress=False,
    )
    seconds = time.perf_counter() - start
    steps = len(path.runs) * epochs * 16
    print(f"the front: {len(path.runs)} runs in {seconds:.1f} s, {1000 * seconds / steps:.2f} ms a step of one copy")
    for one in weights:
        scores = [path.run(weighting=one, seed=seed).scores for seed in range(SEEDS)]
        print(f"  {one}: " + ", ".join(f"{name} {np.mean([s[name] for s in scores]):.1%}" for name in scores[0]))


def a_step(recipe: weighting.Weighting, world: mtl.data.World):
    """A training step of several copies, on the same batch each time."""
    model = mtl.Hard(world.tasks, mtl.nets.conv(8), seeds=range(COPIES))
    batch = next(Feed([world.train], model.tasks, "cpu", torch.float32).in_order(64))
    at_work = recipe.start(model)
    optimiser = torch.optim.Adam([*model.parameters(), *at_work.parameters()], fused=True)
    return lambda: step(model, optimiser, batch, "float32", weighting=at_work)


def steps(rounds: int) -> None:
    torch.set_num_threads(1)
    world = mtl.data.questions(n_train=64, n_validation=64, n_test=64)
    recipes = {"sum": weighting.Sum(), "uncertainty": weighting.Uncertainty()}
    recipes |= {name: weighting.Aggregate(make()) for name, make in GRADIENTS.items()}
    acts = {name: a_step(recipe, world) for name, recipe in recipes.items()}
    found = {name: min(times) for name, times in taking_turns(acts, rounds).items()}
    print(f"a step of {COPIES} copies, three tasks, 64 pictures, one thread")
    for name, value in found.items():
        print(f"  {name}: {1000 * value:.1f} ms, {value / found['sum']:.2f}×")
    print(f"  on gradients, on average: {mean(found[name] for name in GRADIENTS) / found['sum']:.2f}×")


def affinities() -> None:
    """Every cheap score of eight tasks on trained models; 10 s or less is the aim."""
    world = mtl.data.planted(T=8, groups=2, n=30)
    trunk = mtl.nets.linear(10, 4)
    runs = {way: mtl.fit(way(world.tasks, trunk), world, epochs=5, progress=False) for way in (mtl.Hard, mtl.Separate)}
    print("affinity of eight tasks on one trained model")
    for by in ("cosine", "look-ahead", "cka", "swap", "distance"):
        run = runs[mtl.Hard if by in ("cosine", "look-ahead") else mtl.Separate]
        start = time.perf_counter()
        mtl.inspection.affinity(run, by=by)
        print(f"  {by}: {time.perf_counter() - start:.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=8)
    arguments = parser.parse_args()
    print(f"{hardware.cores()} cores")
    front(arguments.epochs)
    steps(arguments.rounds)
    affinities()


if __name__ == "__main__":
    main()
