"""Softer dials, for lesson 10: ways of sharing that learn how much is shared, each beside itself without the mechanism.

Three questions about 1,000 pictures, 20 epochs. Every arm has three trials, of which a seed's validation set chooses;
an arm and its control differ in the mechanism alone: a mask or gate that looks at x and one that is a learnt
constant, a mixture that is learnt and one that is set, a λ that changes and one that stays. "Separate", "Hard" and
"Hard, as heavy" (as many weights as three networks) have three learning rates. Settings were chosen on seeds 0 to 9.
"""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pandas as pd
import torch
from disagree import wide

import mtl_lesson as mtl
from mtl_lesson.inspection.features import examples
from mtl_lesson.provenance import roots_of

SEEDS = range(100, 108)
SIZES = {"n_train": 1000}
EPOCHS = 20
RATE, RATES = 2e-3, (1e-3, 2e-3, 4e-3)
AFTER = (None, ("linear",), ("conv2", "linear"))  # layers with a mask or a mixture behind them; None: all
SIZES_OF_EXPERTS = ({"experts": 2}, {"experts": 3}, {"experts": 1, "private": 1})
HEAVY = 14  # the width of a trunk with as many weights as three of width 8


class SetStitch(mtl.CrossStitch):
    """Cross-stitch whose mixtures are set and do not learn: each network takes a part ``share`` of the mean of all."""

    options = (*mtl.CrossStitch.options, "share")

    def __init__(self, tasks, trunk, share: float = 0.0, **arguments):
        super().__init__(tasks, trunk, **arguments)
        self.share = share
        T = len(self.tasks)
        for parameter in self.units.parameters():
            parameter.data.copy_((1 - share) * torch.eye(T) + share / T)
            parameter.requires_grad_(False)


def arms() -> dict[str, tuple[type, list[dict]]]:
    """Arm → (way of sharing, the settings of its trials)."""
    rates = [{"lr": rate} for rate in RATES]
    return {
        "Separate": (mtl.Separate, rates),
        "Hard": (mtl.Hard, rates),
        "Hard, as heavy": (mtl.Hard, [{"lr": rate, "width": HEAVY} for rate in RATES]),
        "masks": (mtl.Attention, [{"after": after} for after in AFTER]),
        "masks, constant": (mtl.Attention, [{"after": after, "mask": "constant"} for after in AFTER]),
        "masks, random halves": (mtl.Attention, [{"after": after, "mask": "random halves"} for after in AFTER]),
        "cross-stitch": (mtl.CrossStitch, [{"after": after} for after in AFTER]),
        "cross-stitch, set": (SetStitch, [{"share": share} for share in (0.1, 0.3, 0.6)]),
        "experts": (mtl.Experts, list(SIZES_OF_EXPERTS)),
        "experts, constant": (mtl.Experts, [own | {"gate": "constant"} for own in SIZES_OF_EXPERTS]),
        "low rank": (mtl.LowRank, [{"rank": rank} for rank in (1, 2, 4)]),
        "λ, halving": (mtl.Annealed, [{"lam": lam, "half_life": life} for lam, life in HALVING]),
        "λ, doubling": (mtl.Annealed, [{"lam": lam, "half_life": -life} for lam, life in DOUBLING]),
        "λ, fixed": (mtl.Soft, [{"lam": lam} for lam in FIXED]),
    }


FIXED = (0.001, 0.01, 0.1)
HALVING = ((0.1, 40), (0.1, 80), (1.0, 40))  # λ to begin with, and steps until it has halved; there are 320
DOUBLING = ((0.0003, 40), (0.0003, 80), (0.001, 80))


def dials(swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool) -> pd.DataFrame:
    """A row for each arm, trial, seed and task, with both scores and the weights of the model."""
    found = []
    every = [(arm, way, own) for arm, (way, trials) in arms().items() for own in trials]
    for arm, way, own in every[:: 5 if some else 1]:
        settings = {"epochs": EPOCHS, "lr": RATE, "width": 8, "seeds": seeds} | SIZES | own
        if "after" in own:
            settings["after"] = [own["after"]]  # a tuple is a grid, and this one is a value
        sweep = swept(way, mtl.data.questions, mtl.nets.conv, **settings)
        weights = next(iter(sweep.runs.values())).model.size()
        trial = ", ".join(f"{name}={value}" for name, value in own.items() if name not in ("mask", "gate"))
        found.append(wide(sweep.table, []).assign(arm=arm, trial=trial, weights=weights))
    return pd.concat(found, ignore_index=True)


# --- sharing afterwards ----------------------------------------------------------------------------------------------

TOGETHER = (0, 5, 15)  # epochs that one trunk has for all tasks before each goes on alone
LAMS = (0.0, 0.1, 0.2, 1 / 3, 0.5, 1.0)


def merged(swept: Callable[..., mtl.Sweep], seeds: Sequence[int]) -> pd.DataFrame:
    """Networks that went on alone from a common start, merged by task arithmetic: a row for each number of epochs
    ``together``, λ ("alone": not merged), seed and task."""
    found = []
    for together in TOGETHER:
        for seed in seeds:
            trunk = mtl.nets.conv(8)
            settings = {"epochs": EPOCHS - together, "lr": RATE, "seeds": [seed]} | SIZES
            if together:
                first = swept(mtl.Hard, mtl.data.questions, trunk, **(settings | {"epochs": together})).run(seed=seed)
                trunk, settings = first.model.trunk.plain(0, 0), settings | {"initial": "template"}
            apart = swept(mtl.Separate, mtl.data.questions, trunk, **settings)
            both = mtl.merge(apart, LAMS, test=True)
            found.append(wide(both.table, ["lam"]).assign(together=together))
            found.append(wide(apart.table, []).assign(together=together, lam="alone"))
    return pd.concat(found, ignore_index=True)


# --- who uses which expert -------------------------------------------------------------------------------------------

DELTAS = (0.0, 0.7, 2.0)
GATED = {"n": 150, "epochs": 40, "batch_size": 30, "experts": 3}


def gates(swept: Callable[..., mtl.Sweep], seeds: Sequence[int]) -> pd.DataFrame:
    """The mean part (``value``) of each expert in each person's features on the test pictures, and what the person
    loses without it (``lost``, agreement), by δ, kind of gate and seed."""
    rows = []
    for gate, delta in itertools.product(("input", "constant"), DELTAS):
        settings = GATED | {"gate": gate, "delta": delta, "seeds": seeds}
        sweep = swept(mtl.Experts, mtl.data.shoppers, mtl.nets.conv, width=8, channels=1, **settings)
        for run in sweep.runs.values():
            x, _ = examples(run.model, run.world, "test")
            parts, whole = run.model.gates(x), run.test()
            for e, name in enumerate(run.model.names):
                without = replace(run, model=shut(run.model, e)).test()
                place = {"delta": delta, "gate": gate, "seed": run.seed, "expert": name}
                rows += [
                    place | {"task": task, "value": float(g[:, e].mean()), "lost": whole[task] - without[task]}
                    for task, g in parts.items()
                ]
    return pd.DataFrame(rows)


@torch.no_grad()
def shut(model: mtl.Experts, expert: int) -> mtl.Experts:
    """The model without one expert: every gate gives the others its part."""
    model = copy.deepcopy(model)
    weights = model.gate_weights
    offset = getattr(weights, weights.attributes["c" if model.gate == "constant" else "bias"])
    offset[..., expert] = -torch.inf
    return model


def tables(
    swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool
) -> Iterator[tuple[str, pd.DataFrame, dict, list[str]]]:
    """(name, table, settings, code) of each result."""
    code = ["training/sweeps", "bank/experiments.py", "bank/dials.py", "bank/disagree.py"]
    ways = {way for way, _ in arms().values()} - {SetStitch} | {mtl.CrossStitch}
    names = sorted(roots_of(mtl.data.questions, *ways))
    common = {"seeds": SEEDS, "epochs": EPOCHS, "lr": RATE} | SIZES
    facts = common | {"arms": {arm: [way.__name__, own] for arm, (way, own) in arms().items()}}
    yield "dials", dials(swept, seeds, some), facts, [*names, *code]
    facts = common | {"together": TOGETHER, "lams": LAMS}
    yield "dials_merged", merged(swept, seeds), facts, [*names, "training/merge", *code]
    facts = GATED | {"deltas": DELTAS, "seeds": SEEDS}
    yield "dials_gates", gates(swept, seeds), facts, [*roots_of(mtl.data.shoppers, mtl.Experts), *code]
