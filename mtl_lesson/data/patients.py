"""The world ``patients``: 2,982 patients with breast cancer. Does it come back, do they die, within some years?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..arguments import whole
from ..tasks import MISSING, Binary
from .files import verified
from .grouped import CHOSEN_BY, HALVES, SAMPLE, SPLITS, TEST, Grouped, cut
from .world import Split

YEAR = 365.25  # days
UNITS = ("patient", "year")
CHOOSE_FROM, TEST_FROM = 1988, 1990  # by year: whom to choose by and whom to test on were operated on from then on
COLUMNS = (
    "age",
    "after menopause",
    "over 20 mm",
    "over 50 mm",
    "grade 3",
    "log nodes",
    "log progesterone receptors",
    "log oestrogen receptors",
    "hormone therapy",
    "chemotherapy",
)
LEAK = ("relapse on record", "log days to relapse or last visit")  # what nobody knows on the day of surgery


@dataclass(frozen=True, repr=False)
class Patients(Grouped):
    """A world of patients that knows who they are.

    ``rows``: split → (n,), for each example the row of the patient in :func:`patients_table`. ``columns``: what the
    numbers in x are.
    """

    rows: Mapping[str, Tensor] = field(kw_only=True)
    columns: tuple[str, ...] = field(kw_only=True)


def patients(
    n_train: int = 1000,
    n_validation: int = 400,
    n_test: int = 500,
    seed: int = 0,
    *,
    n_death: int | None = None,
    years: int = 5,
    group: str = "patient",
    split_by: str = "group",
    leak: bool = False,
) -> Patients:
    """Two questions about each of 2,982 patients with breast cancer, asked when treatment is decided: does the cancer
    come back within five years, and does the patient die within five years?

    Tasks: ``recurrence`` (42 % yes) and ``death`` (27 %, of any cause), both yes or no. The dial is ``n_death``: of how
    many training patients it is known whether they died (None: all that are known). A relapse is seen years before a
    death is, so a hospital that has just begun to count has many of the one and few of the other. ``years``, 1 to 10:
    within how many; with 2, one in fourteen dies, and who always says no is right for 93 in 100.

    ``x`` (n, 10): what is known when treatment is decided (``world.columns``), counts as log(1 + count); each
    standardised by the mean and standard deviation of the *training* patients. No value is missing. The year of surgery
    is not among them: a network can learn nothing about a year that is still to come.

    A label is missing (-1) where a patient left sight before the end of the ``years`` without the event, 5 in 100.
    Among those operated on late there are more of them, and a yes is known at once but a no only at the end: of the
    labels that are there, somewhat too many say yes. Who died without a relapse on record is a no for ``recurrence``,
    unless the last visit was before; then nobody knows.

    The unit is the ``group``. "patient": each is one row, so that splitting by row or by group is the *same* split, and
    a random one flatters nothing: it speaks of new patients of the same years and hospital. "year": of later ones.
    Test patients were operated on from 1990 on, those to choose by in 1988 and 1989, those to train on before; a test
    year is tested on one half. With ``split_by="row"``, the mistake, training and validation are drawn from all others,
    the rest of these years included, and the test patients are the same.

    The trap: ``leak=True`` adds two columns from after the day of surgery, whether a relapse is on record and when, or
    else when the last visit was. They stand in the same table as all others, and nothing says what they tell.

    ``seed`` draws training and validation; the test patients are the same for every seed, and those at a small n are
    the first of those at a larger one. Who has a label of ``death`` at a small n_death has it at a larger one.

    Data: Rotterdam tumour bank (Foekens et al. 2000; Royston & Altman 2013), from the R package survival, LGPL: see
    data/patients/README.md. Raises TypeError or ValueError for numbers that are not whole or out of range, for another
    ``group`` or ``split_by``, for a ``leak`` that is not True or False; DataError where a file is missing or damaged.
    """
    table, years = _register(), whole(years, "years", most=10)
    if group not in UNITS:
        raise ValueError(f"group is one of {', '.join(map(repr, UNITS))}, not {group!r}")
    if not isinstance(leak, bool):
        raise TypeError(f"leak is True or False, not {leak!r}")
    if group == "patient":
        rows = cut(table.pid, n_train, n_validation, n_test, seed, split_by)
    else:
        rows = cut_by_year(table.year.to_numpy(), n_train, n_validation, n_test, seed, split_by)
    labels = outcomes(table, years)
    splits = {name: {task: known[part] for task, known in labels.items()} for name, part in rows.items()}
    if n_death is not None:
        keep_first(splits["train"]["death"], n_death)
    x = standardised(measured(table, leak), rows["train"])
    parts = [Split(x[torch.tensor(rows[name])], known) for name, known in splits.items()]
    groups = table.pid if group == "patient" else table.year
    return Patients(
        "patients",
        (Binary("recurrence"), Binary("death")),
        *parts,
        dial={"n_train": n_train, "n_death": n_death, "years": years, "group": group},
        groups={name: torch.tensor(groups.to_numpy()[part]) for name, part in rows.items()},
        group=group,
        rows={name: torch.tensor(part) for name, part in rows.items()},
        columns=COLUMNS + LEAK * leak,
    )


def patients_table() -> pd.DataFrame:
    """The whole table, a row a patient. Raises DataError if the file is missing or damaged.

    Columns: ``pid``; when treatment is decided ``year`` (of surgery, 1978 to 1993), ``age``, ``meno`` (1: after
    menopause), ``size`` (mm: "<=20", "20-50", ">50"), ``grade`` (2, 3), ``nodes`` (affected lymph nodes), ``pgr`` and
    ``er`` (receptors, fmol/l), ``hormon`` and ``chemo`` (1: treated); and later ``rtime`` (days to relapse or the last
    visit), ``recur`` (1: relapse), ``dtime`` (days to death or the last that is known), ``death`` (1: died).
    """
    return _register().copy()


@cache
def _register() -> pd.DataFrame:
    return pd.read_csv(verified("patients/patients.csv"))


def outcomes(table: pd.DataFrame, years: int) -> dict[str, np.ndarray]:
    """Each task's labels (n,): 1 where the event came within so many years, 0 where it is known not to, else -1."""
    no_more = (
        (table.recur == 0) & (table.death == 1) & (table.rtime == table.dtime)
    )  # seen until then: there is no relapse to come
    return {
        "recurrence": known_within(table.rtime, table.recur, years, no_more),
        "death": known_within(table.dtime, table.death, years),
    }


def known_within(days: pd.Series, event: pd.Series, years: int, no_more: pd.Series | bool = False) -> np.ndarray:
    """1, 0 or -1 from the ``days`` until the ``event``, or until a patient left sight; ``no_more``: it cannot come."""
    seen = days >= years * YEAR
    label = np.where(seen | no_more, 0, MISSING)
    return np.where((event == 1) & (days <= years * YEAR), 1, label)


def measured(table: pd.DataFrame, leak: bool) -> np.ndarray:
    """The columns of x before they are standardised, (n, 10), or (n, 12) with the two that nobody knows in time."""
    columns = [
        table.age,
        table.meno,
        table["size"] != "<=20",
        table["size"] == ">50",
        table.grade == 3,
        np.log1p(table.nodes),
        np.log1p(table.pgr),
        np.log1p(table.er),
        table.hormon,
        table.chemo,
    ]
    later = [table.recur, np.log1p(table.rtime)]
    return np.stack([np.asarray(column, float) for column in columns + later * leak], 1)


def standardised(x: np.ndarray, train: np.ndarray) -> Tensor:
    """Each column with mean 0 and standard deviation 1 over the ``train`` rows; one that is constant there is 0."""
    mean, spread = x[train].mean(0), x[train].std(0)
    return torch.tensor((x - mean) * (spread > 0) / np.where(spread > 0, spread, 1)).float()


def keep_first(labels: np.ndarray, n: int) -> None:
    """Leave the first ``n`` labels that are known, and make the others missing. ValueError where there are fewer."""
    known = np.flatnonzero(labels != MISSING)
    labels[known[whole(n, "n_death", most=len(known), most_name="all whose fate is known") :]] = MISSING


def cut_by_year(
    year: np.ndarray, n_train: int, n_validation: int, n_test: int, seed: int, split_by: str = "group"
) -> dict[str, np.ndarray]:
    """As :func:`.grouped.cut`, where the groups are years and the test years are the last.

    One half of the patients of each test year is there to be tested on. ``split_by="group"``: trained on years before
    those to choose by, and these lie before those of the test. ``split_by="row"``: drawn from all others.
    """
    if split_by not in SPLITS:
        raise ValueError(f"split_by is one of {', '.join(map(repr, SPLITS))}, not {split_by!r}")
    n_train, n_validation = whole(n_train, "n_train"), whole(n_validation, "n_validation")
    seed, order = whole(seed, "seed", least=0), np.random.default_rng(HALVES).permutation(len(year))
    held = np.concatenate([half_of(order[year[order] == late]) for late in np.unique(year[year >= TEST_FROM])])
    held = np.random.default_rng(TEST).permutation(held)
    test = held[: whole(n_test, "n_test", most=len(held))]
    draw = np.random.default_rng([SAMPLE, seed])
    if split_by == "row":
        rest = draw.permutation(np.setdiff1d(np.arange(len(year)), held))
        early, late, left = rest, rest[n_train:], len(rest) - n_train
    else:
        early = draw.permutation(np.flatnonzero(year < CHOOSE_FROM))
        late = np.flatnonzero((year >= CHOOSE_FROM) & (year < TEST_FROM))
        left = len(late)
    if len(early) < n_train or left < n_validation:
        raise ValueError(
            f"n_train={n_train} and n_validation={n_validation} are too many: {len(early)} patients may be trained on, "
            f"and {max(left, 0)} are left to choose by"
        )
    late = np.random.default_rng([CHOSEN_BY, seed]).permutation(late)
    return {"train": early[:n_train], "validation": late[:n_validation], "test": test}


def half_of(rows: np.ndarray) -> np.ndarray:
    return rows[: (len(rows) + 1) // 2]
