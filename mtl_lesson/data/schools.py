"""The world ``schools``: real exam scores of 4,059 pupils, one task for each of 65 London schools."""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import torch

from ..tasks import Regression
from .files import verified
from .world import Split, World, whole

SPARE = 5  # pupils a school must have besides those it trains on: at least two to choose by and three to report on
TEST, SAMPLE = 1, 2  # streams of random numbers; the second is joined by a seed, the first is for all


@cache
def _table() -> pd.DataFrame:
    return pd.read_csv(verified("schools/exam.csv"))


def exam_table() -> pd.DataFrame:
    """The whole table, one row a pupil (Goldstein, Rasbash et al. 1993, Oxford Review of Education 19).

    Columns: ``school`` (1 to 65), ``normexam`` (exam score at 16, about standard normal), ``standLRT`` (intake score
    at 11, standardised), ``sex`` (F, M), ``schgend`` (mixed, boys, girls). Raises DataError if the file is missing or
    damaged.
    """
    return _table().copy()


def schools(n: int = 10, seed: int = 0) -> World:
    """A task a school: predict a pupil's exam score from [1, intake score], having seen ``n`` pupils of the school.

    ``x`` is a mapping task name → (pupils, 2): each school has pupils of its own. Schools with fewer than n + 5 pupils
    are left out. Of the pupils a school does not train on, half are its validation and half its test. Schools differ
    in size, so these two are filled up to equal length with inputs 0 and labels NaN, which count for nothing. ``seed``
    draws who is trained on and who is validated on; the test pupils are the same for every seed.

    Raises TypeError or ValueError if n is not a whole number, is below 2 or leaves fewer than two schools.
    """
    n, seed = whole(n, "n", least=2), whole(seed, "seed", least=0)
    table = _table()
    sizes = table["school"].value_counts().sort_index()
    kept = sizes.index[sizes >= n + SPARE]
    if len(kept) < 2:
        raise ValueError(
            f"n={n} leaves {len(kept)} of {len(sizes)} schools, and several tasks need two or more; "
            f"n can be at most {sizes.nlargest(2).min() - SPARE} (a school needs n + {SPARE} pupils)"
        )
    fixed = np.random.default_rng(TEST).random(len(table))
    drawn = np.random.default_rng([SAMPLE, seed]).random(len(table))
    pupils = {"train": {}, "validation": {}, "test": {}}
    for school in kept:
        name, rows = f"school {school}", np.flatnonzero(table["school"] == school)
        n_test = (len(rows) - n + 1) // 2
        rows = rows[np.argsort(fixed[rows])]
        rest = rows[n_test:]
        rest = rest[np.argsort(drawn[rest])]
        pupils["test"][name], pupils["train"][name], pupils["validation"][name] = rows[:n_test], rest[:n], rest[n:]
    tasks = tuple(Regression(name) for name in pupils["train"])
    return World("schools", tasks, *(_split(table, pupils[part]) for part in pupils), dial={"n": n})


def _split(table: pd.DataFrame, pupils: dict[str, np.ndarray]) -> Split:
    """The pupils (row numbers) of each school as inputs and labels of equal length."""
    columns = torch.tensor(table[["standLRT", "normexam"]].to_numpy(), dtype=torch.float32)
    longest = max(map(len, pupils.values()))
    x = {name: torch.zeros(longest, 2) for name in pupils}
    labels = {name: torch.full((longest,), torch.nan) for name in pupils}
    for name, rows in pupils.items():
        m = len(rows)
        x[name][:m, 0] = 1
        x[name][:m, 1], labels[name][:m] = columns[torch.tensor(rows)].T
    return Split(x, labels)
