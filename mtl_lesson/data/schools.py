"""The world ``schools``: real scores, one task a school. 4,059 pupils of 65 London schools, and a second table of 7,185
pupils in 160 American high schools.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import pandas as pd
import torch

from ..arguments import whole
from ..tasks import Regression
from .files import verified
from .world import Split, World

SPARE = 5  # pupils a school must have besides those it trains on: at least two to choose by and three to report on
TEST, SAMPLE, FRESH_TEST = 1, 2, 3  # streams of random numbers; all but the first are joined by a seed
# For each table: its file, the columns of the school, of x and of y, and whether x and y are still to be standardised.
TABLES = {
    "exam": ("schools/exam.csv", "school", "standLRT", "normexam", False),
    "mathachieve": ("mathachieve/mathachieve.csv", "School", "SES", "MathAch", True),
}


@cache
def _table(name: str = "exam") -> pd.DataFrame:
    return pd.read_csv(verified(TABLES[name][0]))


def exam_table() -> pd.DataFrame:
    """The whole table, one row a pupil (Goldstein, Rasbash et al. 1993, Oxford Review of Education 19).

    Columns: ``school`` (1 to 65), ``normexam`` (exam score at 16, about standard normal), ``standLRT`` (intake score
    at 11, standardised), ``sex`` (F, M), ``schgend`` (mixed, boys, girls). Raises DataError if the file is missing or
    damaged.
    """
    return _table().copy()


def mathachieve_table() -> pd.DataFrame:
    """A second table, one row a pupil: 160 American high schools in 1982 (Bryk & Raudenbush 1992, "Hierarchical linear
    models"; from the survey High School and Beyond).

    Columns: ``School`` (a number from 1224 to 9586), ``Sex`` (Female, Male), ``SES`` (socio-economic status of the
    family, mean about 0, standard deviation 0.78), ``MathAch`` (score in mathematics, from −2.8 to 25.0). Raises
    DataError if the file is missing or damaged.
    """
    return _table("mathachieve").copy()


def schools(n: int = 10, seed: int = 0, *, table: str = "exam", common_test: bool = True) -> World:
    """A task a school: predict a pupil's exam score from [1, intake score], having seen ``n`` pupils of the school.

    ``x`` is a mapping task name → (pupils, 2): each school has pupils of its own. Schools with fewer than n + 5 pupils
    are left out. Of the pupils a school does not train on, half are its validation and half its test. Schools differ
    in size, so these two are filled up to equal length with inputs 0 and labels NaN, which count for nothing. ``seed``
    draws who is trained on and who is validated on; the test pupils are the same for every seed.

    ``common_test=False`` draws the test pupils by the seed, too, so that many seeds together are tested on every pupil:
    random splits of one table, which ``mtl.claim`` corrects for with ``overlap``.

    ``table="mathachieve"``: American pupils, from the socio-economic status of the family to the score in mathematics
    (:func:`mathachieve_table`). As those of "exam" are already, both are standardised, over all pupils of the table, so
    that a coefficient means as much in the one world as in the other.

    Raises TypeError or ValueError if n is not a whole number, is below 2 or leaves fewer than two schools, and
    ValueError for an unknown table.
    """
    n, seed = whole(n, "n", least=2), whole(seed, "seed", least=0)
    if table not in TABLES:
        raise ValueError(f"there is no table {table!r}; there are {', '.join(map(repr, TABLES))}")
    school_of, columns = _columns(table)
    sizes = school_of.value_counts().sort_index()
    school_of = school_of.to_numpy()
    kept = sizes.index[sizes >= n + SPARE]
    if len(kept) < 2:
        raise ValueError(
            f"n={n} leaves {len(kept)} of {len(sizes)} schools, and several tasks need two or more; "
            f"n can be at most {sizes.nlargest(2).min() - SPARE} (a school needs n + {SPARE} pupils)"
        )
    fixed = np.random.default_rng(TEST if common_test else [FRESH_TEST, seed]).random(len(columns))
    drawn = np.random.default_rng([SAMPLE, seed]).random(len(columns))
    pupils = {"train": {}, "validation": {}, "test": {}}
    for school in kept:
        name, rows = f"school {school}", np.flatnonzero(school_of == school)
        n_test = (len(rows) - n + 1) // 2
        rows = rows[np.argsort(fixed[rows])]
        rest = rows[n_test:]
        rest = rest[np.argsort(drawn[rest])]
        pupils["test"][name], pupils["train"][name], pupils["validation"][name] = rows[:n_test], rest[:n], rest[n:]
    tasks = tuple(Regression(name) for name in pupils["train"])
    world = "schools" if table == "exam" else table
    return World(world, tasks, *(_split(columns, pupils[part]) for part in pupils), dial={"n": n})


def _columns(table: str) -> tuple[pd.Series, torch.Tensor]:
    """The school of each pupil, and x and y (pupils, 2), float32."""
    _, school, x, y, raw = TABLES[table]
    columns = _table(table)[[x, y]].to_numpy()
    if raw:
        columns = (columns - columns.mean(0)) / columns.std(0)
    return _table(table)[school], torch.tensor(columns, dtype=torch.float32)


def _split(columns: torch.Tensor, pupils: dict[str, np.ndarray]) -> Split:
    """The pupils (row numbers) of each school as inputs and labels of equal length."""
    longest = max(map(len, pupils.values()))
    x = {name: torch.zeros(longest, 2) for name in pupils}
    labels = {name: torch.full((longest,), torch.nan) for name in pupils}
    for name, rows in pupils.items():
        m = len(rows)
        x[name][:m, 0] = 1
        x[name][:m, 1], labels[name][:m] = columns[torch.tensor(rows)].T
    return Split(x, labels)
