"""Finance, for lesson 12: of 50 of 1,000 loans the rate is known, of all of them the grade and the term. The grade
nearly determines the rate; does that help?

The claim, fixed before the seeds of the results were drawn: *"Hard, shrunk" errs less on the rate than "Alone,
shrunk"*, each with four trials, by state. Beside it stands the price list, which shares no weight: a network of its own
says how likely each grade is, and the list of the 50 known loans what it costs.

In one network a number and classes are added. The mean over the three or so rates in a batch of 64 counts as much as
that of 64 grades, so that one rate counts as much as twenty grades: "weight 1". Elsewhere the rate has the weight
50/1,000, so that each answer counts the same. With "shuffled grades" there is nothing to learn from them. Width, rate
of learning, epochs and decays were chosen on seeds 0 to 9: with 64 or 16 numbers in the trunk each task had room of its
own, and the two shared little; with no decay the seeds differed three times as much.

Validation has 500 rates, which nobody has who has 50: the arms are compared fairly, and each does better than its 50
would let it. "Soft, shrunk" was added when all other results were known, at the λ of an earlier trial run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace

import fields
import numpy as np
import torch
from torch import Tensor, nn

import mtl_lesson as mtl
from mtl_lesson.chance import generator
from mtl_lesson.data import Loans, Split

LOANS, RATED = 1000, 50
WIDTH, LEARNING = 4, 3e-3


def few_rates(seed: int, split_by: str, shuffled: bool = False) -> Loans:
    """Loans of which ``RATED`` have a rate to learn from; the grades of training may be ``shuffled`` among them."""
    world = mtl.data.hide_labels(mtl.data.loans(LOANS, seed=seed, split_by=split_by), "rate", RATED, seed)
    if not shuffled:
        return world
    grade = world.train.labels["grade"]
    drawn = grade[torch.randperm(len(grade), generator=generator(seed, "shuffled grades"))]
    return replace(world, train=Split(world.train.x, {**world.train.labels, "grade": drawn}))


class PriceList(mtl.Separate):
    """Trained as Separate; the rate is read off the grade: see :func:`reading_the_list`."""


def reading_the_list(swept: Callable[..., mtl.Sweep]) -> Callable:
    """A sweep as ``swept`` makes it, but the runs of a PriceList answer the rate by what they say of the grade."""

    def done(way: type, world: Callable, trunk: Callable, **settings: object):
        sweep = swept(way, world, trunk, **settings)
        if way is not PriceList:
            return sweep
        runs = {key: SimpleNamespace(seed=r.seed, world=r.world, model=Listed(r)) for key, r in sweep.runs.items()}
        return SimpleNamespace(runs=runs)

    return done


class Listed(nn.Module):
    """ŷ_rate = Σ_g P(g | x) · (the mean known rate of grade g)."""

    def __init__(self, run: mtl.Run):
        super().__init__()
        self.model, self.rates = run.model, list_prices(run.world.train)

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        y = self.model(x)
        return y | {"rate": y["grade"].softmax(-1) @ self.rates[:, None]}


def list_prices(train: Split) -> Tensor:
    """The mean known rate of each grade, (6,); of a grade without one, between its neighbours, or as the nearest."""
    rate, grade, all_grades = train.labels["rate"], train.labels["grade"], np.arange(len(mtl.data.GRADES))
    means = np.array([rate[grade == one].nanmean() for one in all_grades])
    known = ~np.isnan(means)
    return torch.tensor(np.interp(all_grades, all_grades[known], means[known]), dtype=torch.float32)


def trials(epochs: Sequence[int], decays: Sequence[float], **others: object) -> list[dict]:
    return [{"epochs": number, "weight_decay": decay} | others for number in epochs for decay in decays]


LAMBDAS = (0.1, 1.0)
EVEN = {"weighting": mtl.weighting.Fixed({"rate": RATED / LOANS})}  # each answer counts the same
ARMS = {
    "Alone, shrunk": (mtl.Separate, trials((10, 20), (0.1, 0.3))),
    "Hard, shrunk": (mtl.Hard, trials((20, 40), (0.03, 0.1), **EVEN)),
    "Soft, shrunk": (
        mtl.Soft,
        [{"lam": lam} | trial for lam in LAMBDAS for trial in trials((20, 40), (0.03,), **EVEN)],
    ),
    "weight 1": (mtl.Hard, trials((10, 20), (0.03, 0.1))),
    "shuffled grades": (mtl.Hard, trials((20, 40), (0.03, 0.1), **EVEN, shuffled=True)),
    "price list": (PriceList, trials((10, 20), (0.0, 0.1))),
}
FIELD = fields.Field(
    world=few_rates,
    trunk=mtl.nets.hidden,
    starved="rate",
    group="state",
    arms=ARMS,
    flattered="Hard, shrunk",
    settings={"width": WIDTH, "inputs": 53, "lr": LEARNING},
    seeds=range(100, 116),  # of the first ten, the interval of list against trunk ended too close to zero
)
SEEDS = FIELD.seeds


def tables(swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool) -> Iterator[tuple]:
    """What ``make.py`` stores."""
    for name, table, facts, code in fields.stored("field_finance", FIELD, reading_the_list(swept), seeds, some):
        yield name, table, facts, sorted({*code, "data/loans", "data/changes", "weighting/fixed"})
