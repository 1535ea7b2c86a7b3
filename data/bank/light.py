"""Three networks as light as one that is corrected by a low rank, for lesson 10: the rival at equal weights.

The settings are those of ``dials.py``, and the three learning rates those of its "Separate".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pandas as pd
from dials import EPOCHS, RATES, SEEDS, SIZES
from disagree import wide

import mtl_lesson as mtl
from mtl_lesson.provenance import roots_of

WIDTH = 5  # three networks of this width have 61,700 weights; low rank has up to 64,600


def light(swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool) -> pd.DataFrame:
    """A row for each trial, seed and task, as in ``dials``."""
    found = []
    for rate in RATES[:1] if some else RATES:
        settings = {"epochs": EPOCHS, "lr": rate, "width": WIDTH, "seeds": seeds} | SIZES
        sweep = swept(mtl.Separate, mtl.data.questions, mtl.nets.conv, **settings)
        weights = next(iter(sweep.runs.values())).model.size()
        found.append(wide(sweep.table, []).assign(arm="Separate, as light", trial=f"lr={rate}", weights=weights))
    return pd.concat(found, ignore_index=True)


def tables(
    swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool
) -> Iterator[tuple[str, pd.DataFrame, dict, list[str]]]:
    """(name, table, settings, code) of the result."""
    code = ["training/sweeps", *(f"bank/{name}.py" for name in ("experiments", "dials", "light", "disagree"))]
    facts = {"seeds": SEEDS, "epochs": EPOCHS, "rates": RATES, "width": WIDTH} | SIZES
    yield "light", light(swept, seeds, some), facts, [*sorted(roots_of(mtl.data.questions, mtl.Separate)), *code]
