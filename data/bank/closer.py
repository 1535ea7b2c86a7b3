"""A closer look, for lesson 10: eight seeds more for claims of ``dials.py`` and ``moving.py`` with an interval that
ended close to zero.

Such a claim is not told before it has more seeds. These were six arms in three pairs, and nothing else of them is new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pandas as pd
from dials import EPOCHS, RATE, SIZES, arms
from disagree import wide
from moving import LEARNT

import mtl_lesson as mtl
from mtl_lesson.provenance import roots_of

SEEDS = range(108, 116)
CLOSE = ("Hard, as heavy", "low rank", "cross-stitch", "cross-stitch, set", "λ, fixed", "λ, learnt")


def closer(swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool) -> pd.DataFrame:
    """A row for each arm, trial, seed and task, as in ``dials``."""
    found, every = [], arms() | {"λ, learnt": (mtl.Learnt, LEARNT)}
    for arm in CLOSE:
        way, trials = every[arm]
        for own in trials[:1] if some else trials:
            settings = {"epochs": EPOCHS, "lr": RATE, "width": 8, "seeds": seeds} | SIZES | own
            if "after" in own:
                settings["after"] = [own["after"]]  # a tuple is a grid, and this one is a value
            sweep = swept(way, mtl.data.questions, mtl.nets.conv, **settings)
            weights = next(iter(sweep.runs.values())).model.size()
            trial = ", ".join(f"{name}={value}" for name, value in own.items())
            found.append(wide(sweep.table, []).assign(arm=arm, trial=trial, weights=weights))
    return pd.concat(found, ignore_index=True)


def tables(
    swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool
) -> Iterator[tuple[str, pd.DataFrame, dict, list[str]]]:
    """(name, table, settings, code) of the result."""
    code = ["training/sweeps", "inspection/conflict"]
    code += [f"bank/{name}.py" for name in ("experiments", "dials", "moving", "closer", "disagree")]
    names = sorted(roots_of(mtl.data.questions, mtl.Hard, mtl.LowRank, mtl.CrossStitch, mtl.Soft, mtl.Learnt))
    facts = {"seeds": SEEDS, "epochs": EPOCHS, "lr": RATE, "arms": CLOSE} | SIZES
    yield "closer", closer(swept, seeds, some), facts, [*names, *code]
