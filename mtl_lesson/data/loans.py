"""The world ``loans``: a rate, a grade and a term of 10,000 loans in 50 states. Numbers and classes in one network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd
import torch

from ..arguments import whole
from ..tasks import Binary, Classification, Regression
from .files import verified
from .grouped import Grouped, cut
from .world import Split, World

GRADES = ("A", "B", "C", "D", "E", "F or G")  # 58 loans have an F and 12 a G
#: the answers that the lender's form allows; not learned from any loan, so that x is as wide for every seed
CHOICES = {
    "homeownership": ("MORTGAGE", "OWN", "RENT"),
    "loan_purpose": (
        *("car", "credit_card", "debt_consolidation", "home_improvement", "house", "major_purchase", "medical"),
        *("moving", "other", "renewable_energy", "small_business", "vacation"),
    ),
}
#: numbers that are missing for some; each has a column that says so
MISSED = (
    *("emp_length", "debt_to_income", "annual_income_joint", "debt_to_income_joint", "months_since_last_delinq"),
    *("months_since_90d_late", "months_since_last_credit_inquiry"),
)
AS_THEY_ARE = ("emp_length", "earliest_credit_line", "account_never_delinq_percent")  # all others as log(1 + number)
AFTER = ("installment", "balance", "paid_interest")  # numbers known only after the decision: the trap
DECIDED = ("state", "term", "interest_rate", "grade", "issue_month", *AFTER)  # what else is no answer of a borrower
MIDDLE, UNIT = 12.0, 5.0  # percent: the rate that is 0, and the distance that is 1; round, near mean and deviation
FARTHEST = 5.0  # standard deviations from the mean, where a feature is cut off
BY = ("question", "state")
TEST, SAMPLE = 1, 2  # streams of random numbers; the second is joined by a seed


@dataclass(frozen=True, eq=False, repr=False)
class Loans(Grouped):
    """A world of loans. ``columns``: the name of each column of x. ``states``: the state of each group's number."""

    columns: tuple[str, ...] = field(kw_only=True)
    states: tuple[str, ...] = field(kw_only=True)


def loans(
    n_train: int = 1000,
    n_validation: int = 500,
    n_test: int = 2000,
    seed: int = 0,
    *,
    split_by: str = "group",
    leak: bool = False,
    by: str = "question",
) -> World:
    """10,000 loans of an American lender in 2018: which rate did it ask, which grade did it give, for how long?

    ``x`` (n, 53) is what was known when a borrower applied: income, debts, history, purpose, the amount. Three tasks:
    ``rate`` (Regression; percent a year, of which 12 are 0 and 5 are one unit), ``grade`` (6 classes, from A to "F or
    G"), ``term`` (Binary: 60 months, not 36). The grade nearly determines the rate, 95 % of its variance: the lender
    reads it off a list. The unit is a round number near the standard deviation, so that an error means the same
    whatever was drawn.

    The dial is the number of loans. The *unit of splitting* is the state, of which a :class:`Grouped` world knows: with
    ``split_by="group"`` the test is on states that training has not seen, with "row" on new loans of any (:func:`cut`).

    The trap is a column from after the decision. ``leak=True`` adds three, ``AFTER``: the monthly payment, what is owed
    still, the interest paid so far. They follow from rate and term, and nobody has them when a rate is to be found.

    ``by="state"`` asks the same question, the rate, once a state: a Regression a state, with loans of its own, as
    :func:`schools` does. The numbers n then count loans of each state; states with too few are left out.

    Numbers (their logarithm, where they are amounts or counts) are standardised, and where missing have the mean, all
    as found in the *training* rows; a column "… missing" says where. Farther than 5 standard deviations is as far as 5.
    The state is no feature, since a new one would have no column. ``seed`` draws training and validation; the test is
    the same for every seed.

    Source: Lending Club, by way of the R package openintro (GPL-3): see data/loans/README.md. Only loans that were made
    are in it, and hardly one is old enough to have failed.

    Raises TypeError or ValueError for numbers that are no whole ones or are more loans than there are, ValueError for
    another ``split_by`` or ``by``, DataError where the file is missing or damaged.
    """
    if by not in BY:
        raise ValueError(f"by is one of {', '.join(map(repr, BY))}, not {by!r}")
    if not isinstance(leak, bool):
        raise TypeError(f"leak is True or False, not {leak!r}")
    dial = {"n_train": n_train, "leak": leak, "by": by}
    if by == "state":
        if split_by != "group":
            raise ValueError(
                "by='state' makes every state a task, so there is no state to split by; leave out split_by"
            )
        return _by_state(n_train, n_validation, n_test, seed, leak, dial)
    states, group = np.unique(_every_loan().state, return_inverse=True)
    rows = cut(group, n_train, n_validation, n_test, seed, split_by)
    x = _features(rows["train"], leak)
    table, values = _every_loan(), torch.tensor(x.to_numpy(), dtype=torch.float32)
    labels = {
        "rate": _rates(),
        "grade": torch.tensor(table.grade.map("ABCDEFG".index).clip(upper=len(GRADES) - 1).to_numpy()).long(),
        "term": torch.tensor((table.term == 60).to_numpy()).long(),
    }
    splits = {part: Split(values[own], {task: y[own] for task, y in labels.items()}) for part, own in rows.items()}
    return Loans(
        "loans",
        (Regression("rate"), Classification("grade", GRADES), Binary("term")),
        **splits,
        dial=dial | {"split_by": split_by},
        groups={part: torch.tensor(group[own]) for part, own in rows.items()},
        group="state",
        columns=tuple(x.columns),
        states=tuple(states),
    )


def loans_table() -> pd.DataFrame:
    """The whole table, a row a loan: 41 columns, told in data/loans/README.md. Raises DataError if the file is missing
    or damaged."""
    return _every_loan().copy()


@cache
def _every_loan() -> pd.DataFrame:
    return pd.read_csv(verified("loans/loans.csv"), encoding="utf-8")


def _rates() -> torch.Tensor:
    """The rate of every loan, (10000,), in the units of the task."""
    return torch.tensor((_every_loan().interest_rate.to_numpy() - MIDDLE) / UNIT, dtype=torch.float32)


def _features(train: np.ndarray, leak: bool) -> pd.DataFrame:
    """What is known of each loan, (10000, 53), or (10000, 56) with a leak, as the training rows scale it.

    Numbers first, then where one is missing, then a column for each answer of a choice.
    """
    table = _every_loan()
    numbers = table.drop(columns=[*CHOICES, *DECIDED]).join(table[list(AFTER)] if leak else table[[]])
    logged = numbers.columns.difference(AS_THEY_ARE)
    numbers[logged] = np.log1p(numbers[logged])
    known = numbers.iloc[train]
    # A column of which training knows nothing, or one value, says nothing: it becomes 0, or stays near it.
    mean, deviation = known.mean().fillna(0), known.std(ddof=0).replace(0, 1).fillna(1)
    scaled = ((numbers.fillna(mean) - mean) / deviation).clip(-FARTHEST, FARTHEST)
    missing = numbers[list(MISSED)].isna().add_suffix(" missing")
    chosen = {f"{name} {one}": table[name] == one for name, ones in CHOICES.items() for one in ones}
    return pd.concat([scaled, missing, pd.DataFrame(chosen)], axis=1).astype(float)


def _by_state(n_train: int, n_validation: int, n_test: int, seed: int, leak: bool, dial: Mapping) -> World:
    """A Regression a state, the rate, each with so many loans of its own."""
    sizes = [whole(n, name) for n, name in ((n_train, "n_train"), (n_validation, "n_validation"), (n_test, "n_test"))]
    state = _every_loan().state
    counts = state.value_counts().sort_index()
    kept = counts.index[counts >= sum(sizes)]
    if len(kept) < 2:
        raise ValueError(
            f"n_train + n_validation + n_test = {sum(sizes)} loans a state leaves {len(kept)} of {len(counts)} states, "
            f"and several tasks need two or more; they can be at most {counts.nlargest(2).min()} together"
        )
    fixed = np.random.default_rng(TEST).random(len(state))
    drawn = np.random.default_rng([SAMPLE, whole(seed, "seed", least=0)]).random(len(state))
    parts: dict[str, dict[str, np.ndarray]] = {"train": {}, "validation": {}, "test": {}}
    for name in kept:
        own = np.flatnonzero(state == name)
        own = own[np.argsort(fixed[own])]
        rest = own[sizes[2] :]
        rest = rest[np.argsort(drawn[rest])]
        taken = rest[: sizes[0]], rest[-sizes[1] :], own[: sizes[2]]
        for part, rows in zip(parts, taken, strict=True):
            parts[part][name] = rows
    train = np.concatenate(list(parts["train"].values()))
    x = torch.tensor(_features(train, leak).to_numpy(), dtype=torch.float32)
    rate = _rates()
    splits = [
        Split({name: x[rows] for name, rows in part.items()}, {name: rate[rows] for name, rows in part.items()})
        for part in parts.values()
    ]
    return World("loans", tuple(map(Regression, kept)), *splits, dial=dial)
