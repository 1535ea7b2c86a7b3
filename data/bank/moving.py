"""Features that change while they are learnt, for lesson 10: a branch found where gradients disagree, and a learnt λ.

The settings are those of ``dials.py``: three questions about 1,000 pictures, 20 epochs, three trials an arm. A branch
is found after some epochs as one trunk: at the first layer in which the tasks' gradients point apart, the mean cosine
of all pairs below 0, or nowhere. Beside it stand the same training with the branch drawn at random, which cuts out the
look at the gradients, and the branch as lesson 05 sets it: from the start, chosen on validation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pandas as pd
import torch
from dials import EPOCHS, FIXED, RATE, SEEDS, SIZES
from disagree import wide

import mtl_lesson as mtl
from mtl_lesson.chance import generator
from mtl_lesson.inspection import conflict
from mtl_lesson.provenance import roots_of

PLACES = ("conv2", "linear", "heads")  # to branch at; the last is not to branch
TOGETHER = (2, 5, 10)  # epochs as one trunk before the branch is found
LEARNT = tuple({"lam": lam, "rate": 0.02} for lam in FIXED)


def parting(run: mtl.Run) -> str:
    """The first of the ``PLACES`` in whose weights the tasks' gradients point apart."""
    for layer in PLACES[:-1]:
        table = conflict(run, run.world, layer=layer, seed=run.seed)
        if table[table["first"] != table["second"]].cosine.mean() < 0:
            return layer
    return PLACES[-1]


def drawn(seed: int, together: int) -> str:
    """One of the ``PLACES``, by chance."""
    return PLACES[int(torch.randint(len(PLACES), (), generator=generator("a branch", seed, together)))]


def branched(swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool) -> Iterator[pd.DataFrame]:
    """One trunk for some epochs, and from there a branch: found, or drawn."""
    for together in TOGETHER[:1] if some else TOGETHER:
        for seed in seeds:
            settings = {"lr": RATE, "seeds": [seed]} | SIZES
            first = swept(mtl.Hard, mtl.data.questions, mtl.nets.conv(8), epochs=together, **settings).run(seed=seed)
            settings |= {"epochs": EPOCHS - together, "initial": "template"}
            for arm, branch in (("branch, found", parting(first)), ("branch, drawn", drawn(seed, together))):
                trunk = first.model.trunk.plain(0, 0)
                sweep = swept(mtl.Hierarchical, mtl.data.questions, trunk, branch=branch, **settings)
                yield one_arm(sweep, arm, f"together={together}").assign(parted=branch)


def one_arm(sweep: mtl.Sweep, arm: str, trial: str) -> pd.DataFrame:
    """Both scores of each seed and task, and the weights of the model."""
    weights = next(iter(sweep.runs.values())).model.size()
    return wide(sweep.table, []).assign(arm=arm, trial=trial, weights=weights)


def moving(swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A row for each arm, trial, seed and task, as in ``dials``, with ``parted``, where the tasks part; and the learnt
    λ by trial, seed and epoch."""
    found = list(branched(swept, seeds, some))
    settings = {"epochs": EPOCHS, "lr": RATE, "seeds": seeds} | SIZES
    for branch in PLACES[:1] if some else PLACES:
        sweep = swept(mtl.Hierarchical, mtl.data.questions, mtl.nets.conv(8), branch=branch, **settings)
        found.append(one_arm(sweep, "branch, set", f"branch={branch}").assign(parted=branch))
    paths = []
    for own in LEARNT[:1] if some else LEARNT:
        sweep = swept(mtl.Learnt, mtl.data.questions, mtl.nets.conv(8), **settings, **own)
        trial = ", ".join(f"{name}={value}" for name, value in own.items())
        found.append(one_arm(sweep, "λ, learnt", trial))
        paths += [path_of(run).assign(trial=trial, seed=run.seed) for run in sweep.runs.values()]
    return pd.concat(found, ignore_index=True), pd.concat(paths, ignore_index=True)


def path_of(run: mtl.Run) -> pd.DataFrame:
    """λ (``value``) at the end of each epoch, and to begin with."""
    path = run.model.path[:, 0]
    ends = [round(epoch * (len(path) - 1) / EPOCHS) for epoch in range(EPOCHS + 1)]
    return pd.DataFrame({"epoch": range(EPOCHS + 1), "value": path[ends].tolist()})


def tables(
    swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool
) -> Iterator[tuple[str, pd.DataFrame, dict, list[str]]]:
    """(name, table, settings, code) of the result."""
    code = ["training/sweeps", "bank/experiments.py", "bank/dials.py", "bank/moving.py", "bank/disagree.py"]
    names = sorted(roots_of(mtl.data.questions, mtl.Hard, mtl.Hierarchical, mtl.Learnt))
    facts = {"seeds": SEEDS, "epochs": EPOCHS, "lr": RATE, "together": TOGETHER, "places": PLACES} | SIZES
    facts |= {"learnt": LEARNT}
    code = [*names, "inspection/conflict", *code]
    for name, table in zip(("moving", "moving_lambdas"), moving(swept, seeds, some), strict=True):
        yield name, table, facts, code
