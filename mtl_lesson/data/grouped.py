"""Worlds whose examples come in groups: several pictures of one thing, several recordings of one voice.

What may be split from what decides what a test score speaks of. Split by row, examples of one group stand on both
sides, and the score speaks of new examples of *known* groups; split by group, it speaks of new groups.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..arguments import whole
from .world import World

TEST, SAMPLE, HALVES, CHOSEN_BY = 1, 2, 3, 4  # streams of random numbers; the second and fourth are joined by a seed
SPLITS, PARTS = ("group", "row"), ("train", "validation", "test")
TAKEN = ("task", "loss", "score", "count")  # columns of what is measured by group


@dataclass(frozen=True, repr=False)
class Grouped(World):
    """A world that knows to which group each example belongs.

    ``groups``: split → (n,), the group of each example: a name or a number, as a column of a table, an array or a list,
    equal in every split where it is one group. They are kept as numbers, and their names in ``group_names``, where they
    had any. ``group``: what one is called, "patient" or "voice"; it is the unit that a claim speaks of: see
    ``mtl.inspection.by_group``.

    Raises KeyError for a split without groups, ValueError for groups of fewer or more examples than there are, for an
    example without a group, and for a ``group`` that is called like what is measured by group (:data:`TAKEN`).
    """

    groups: Mapping[str, Tensor | Sequence[object]] = field(kw_only=True)
    group: str = field(kw_only=True)
    group_names: tuple[object, ...] = field(default=(), kw_only=True)

    def __post_init__(self):
        super().__post_init__()
        if self.group in TAKEN:
            raise ValueError(f"{self.name}: a group cannot be called {self.group!r}, as a result is; rename it")
        for part in PARTS:
            if part not in self.groups:
                raise KeyError(f"{self.name}: groups has none for {part!r}; it needs one a split, {', '.join(PARTS)}")
            found, n = len(self.groups[part]), len(getattr(self, part))
            if found != n:
                raise ValueError(f"{self.name}, {part}: there are {n} examples, and the groups of {found}")
        if not all(isinstance(self.groups[part], Tensor) for part in PARTS):
            numbers, names = numbered({part: self.groups[part] for part in PARTS}, self.name)
            object.__setattr__(self, "groups", numbers)
            object.__setattr__(self, "group_names", names)


def numbered(groups: Mapping[str, Sequence[object]], where: str) -> tuple[dict[str, Tensor], tuple[object, ...]]:
    """Split → the number of each example's group; and the groups by number. ValueError for a missing one."""
    columns = {part: pd.Series(np.asarray(values, object)) for part, values in groups.items()}
    for part, values in columns.items():
        if values.isna().any():
            at = int(values.isna().argmax())
            raise ValueError(f"{where}, {part}: example {at} has no group; leave it out, or give it one")
    numbers, names = pd.factorize(pd.concat(columns.values()))
    parts = torch.tensor(numbers).split([len(values) for values in columns.values()])
    return dict(zip(columns, parts, strict=True)), tuple(names)


def cut(
    groups: Sequence[object] | np.ndarray,
    n_train: int,
    n_validation: int,
    n_test: int,
    seed: int,
    split_by: str = "group",
) -> dict[str, np.ndarray]:
    """Cut the rows of a table into "train", "validation" and "test": split → row numbers, in a drawn order.

    ``groups``: the group of each row. ``split_by="group"``: no group is in two of the three. ``split_by="row"``: the
    mistake, on the *same* test rows; training and validation are drawn from all other rows, whatever their group. So
    that it can be made, of each test group one half is tested on (a single row whole), and with "group" the other half
    is left out. The difference of the two scores is then what a random split flatters by, group by group.

    The test rows are the same for every ``seed``, which draws the rest. Training has exactly ``n_train`` rows and
    validation ``n_validation``; the test has ``n_test`` or, since groups stay whole, a few fewer.

    Raises TypeError or ValueError for numbers that are no whole ones or out of range, for more rows than there are, and
    for another ``split_by``.
    """
    if split_by not in SPLITS:
        raise ValueError(f"split_by is one of {', '.join(map(repr, SPLITS))}, not {split_by!r}")
    sizes = {"n_train": n_train, "n_validation": n_validation, "n_test": n_test}
    n_train, n_validation, n_test = (whole(size, name) for name, size in sizes.items())
    seed, of = whole(seed, "seed", least=0), np.unique(np.asarray(groups), return_inverse=True)[1]
    test, rest = take_test(of, n_test)
    pool = rest[~np.isin(of[rest], of[test])] if split_by == "group" else rest
    unit = of if split_by == "group" else np.arange(len(of))
    return take_rest(unit, pool, n_train, n_validation, seed) | {"test": test}


def take_test(of: np.ndarray, n_test: int) -> tuple[np.ndarray, np.ndarray]:
    """The test rows, one half of each group that is drawn; and all others. ValueError where not one group fits."""
    halved = np.random.default_rng(HALVES).permutation(len(of))
    order = halved[together(of[halved], np.random.default_rng(TEST))]
    starts = np.flatnonzero(np.r_[True, np.diff(of[order]) != 0])
    ends = np.r_[starts[1:], len(order)]
    kept: list[np.ndarray] = []
    for start, end in zip(starts, ends, strict=True):
        half = order[start : start + (end - start + 1) // 2]
        if sum(map(len, kept)) + len(half) > n_test:
            break
        kept.append(half)
    if not kept:
        raise ValueError(f"n_test={n_test} is less than half of a group, which is tested on as one")
    test = np.concatenate(kept)
    return test, np.setdiff1d(np.arange(len(of)), test)


def take_rest(unit: np.ndarray, pool: np.ndarray, n_train: int, n_validation: int, seed: int) -> dict[str, np.ndarray]:
    """ "train" and "validation" out of the rows of ``pool``, so that no unit is in both. ``unit``: that of every row.
    ValueError where there are too few."""
    row = pool[together(unit[pool], np.random.default_rng([SAMPLE, seed]))]
    train, left = row[:n_train], row[n_train:]
    left = left[~np.isin(unit[left], unit[train])]
    if len(train) < n_train or len(left) < n_validation:
        raise ValueError(
            f"n_train + n_validation = {n_train} + {n_validation} is too much: beside the test there are {len(pool)} "
            f"of {len(unit)} rows, and no group may be in two splits"
        )
    left = left[together(unit[left], np.random.default_rng([CHOSEN_BY, seed]))]
    return {"train": train, "validation": left[:n_validation]}


def together(of: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A drawn order in which those of a group stand together."""
    names, number = np.unique(of, return_inverse=True)
    return np.argsort(rng.permutation(len(names))[number], kind="stable")
