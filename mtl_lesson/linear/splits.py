"""Random splits of one table of schools: the error along the number of borrowed pupils, and what many splits say of it.

Soft sharing and ridge, both counted in pupils: k is how many a school borrows, whatever its own number n. Everything is
solved exactly, in float64, so that the same seeds give the same numbers on every machine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..data.schools import schools
from ..data.world import Split, World
from . import closed_form

#: numbers of borrowed pupils: none, a ladder in steps of about a third, and all that there are (one line for all)
KS = (0.0, 0.6, 0.9, 1.2, 1.8, 2.5, 3.5, 5.0, 7.0, 10.0, 14.0, 20.0, 28.0, 40.0, 56.0, 80.0, 110.0, 160.0, np.inf)
RESAMPLED = 1000  # times that the schools are drawn again


@dataclass(frozen=True, eq=False)
class Errors:
    """The mean squared errors of schools along k, on several random splits of one table (:func:`measure`).

    ``n``: pupils a school trains on. ``ks`` (ks,): numbers of borrowed pupils. ``worlds``: the splits, one for each of
    ``seeds``. ``validation`` and ``test``: (splits, ks, schools), in the label's unit squared.
    """

    n: int
    ks: np.ndarray
    seeds: tuple[int, ...]
    worlds: tuple[World, ...]
    validation: np.ndarray
    test: np.ndarray

    @property
    def overlap(self) -> tuple[int, int]:
        """How many pupils a split trains on and tests on: ``overlap`` of ``mtl.claim`` for pairs that are splits."""
        first = self.worlds[0]
        return tuple(int(sum((~y.isnan()).sum() for y in part.labels.values())) for part in (first.train, first.test))

    @property
    def chosen(self) -> np.ndarray:
        """For each split the k with the least validation error: (splits,)."""
        return self.ks[self.validation.mean(-1).argmin(1)]

    @property
    def at_chosen(self) -> np.ndarray:
        """The test errors there, (splits, schools): chosen on validation, reported on test."""
        return self.test[np.arange(len(self.test)), self.validation.mean(-1).argmin(1)]

    @property
    def best(self) -> float:
        """The one k with the least validation error, averaged over splits and schools."""
        return float(self.ks[self.validation.mean((0, 2)).argmin()])

    @property
    def suggested(self) -> np.ndarray:
        """For each split the k that its training pupils suggest: (splits,)."""
        return np.array([suggest(world) for world in self.worlds])

    @property
    def at_suggested(self) -> np.ndarray:
        """The test errors there, (splits, schools): no validation pupil was asked, and nothing searched for."""
        thetas = [closed_form.solve(world, closed_form.empirical_bayes(world)) for world in self.worlds]
        pairs = zip(self.worlds, thetas, strict=True)
        return np.stack([closed_form.errors(world, theta).numpy() for world, theta in pairs])

    def least(self, seed: int = 0) -> tuple[float, float, float]:
        """The k with the least *test* error over all splits, and the ends of its 95 % interval.

        What was drawn by chance is above all which schools there are. So as many schools are drawn out of them again,
        with repetition, a thousand times (Efron 1979, "Bootstrap methods"), each time with the k that is then best.
        """
        each = self.test.mean(0)
        again = np.random.default_rng(seed).integers(each.shape[1], size=(RESAMPLED, each.shape[1]))
        low, high = np.quantile(self.ks[each[:, again].mean(-1).argmin(0)], [0.025, 0.975], method="nearest")
        return float(self.ks[each.mean(-1).argmin()]), float(low), float(high)


def measure(
    n: int,
    seeds: Iterable[int],
    table: str = "exam",
    ks: Sequence[float] = KS,
    by: Callable[[World, list[float]], Tensor] = closed_form.solve,
    zero: Callable[[World], Tensor] | None = None,
) -> Errors:
    """Errors along ``ks``, in which every seed draws who is trained on, who is validated on and who is tested.

    ``by``: ``closed_form.solve`` borrows k pupils who lie on everyone's line, λ = k / (nT); ``closed_form.ridge``
    borrows k pupils who score 0, κ = k / n. ``zero(world)``: the line (2,) that counts as 0, see :func:`subtract`; made
    of the split's training pupils, if it is made of pupils.

    Raises what :func:`mtl_lesson.data.schools` raises for ``n`` and ``table``, and ValueError for an unknown ``by`` or
    a k below 0.
    """
    if by not in (closed_form.solve, closed_form.ridge):
        raise ValueError("k is a number of pupils for closed_form.solve and closed_form.ridge alone")
    seeds, ks, worlds, validation, test = tuple(seeds), np.array(ks, float), [], [], []
    for seed in seeds:
        world = schools(n, seed, table=table, common_test=False)
        world = subtract(world, zero(world)) if zero else world
        theta = by(world, list(ks / (n * len(world.tasks) if by is closed_form.solve else n)))
        worlds.append(world)
        validation.append(closed_form.errors(world, theta, "validation").numpy())
        test.append(closed_form.errors(world, theta).numpy())
    return Errors(n, ks, seeds, tuple(worlds), np.stack(validation), np.stack(test))


def suggest(world: World) -> float:
    """σ²/τ², the number of borrowed pupils that the training pupils of ``world`` suggest (``empirical_bayes``)."""
    labelled = sum(int((~y.isnan()).sum()) for y in world.train.labels.values())  # nT
    return closed_form.empirical_bayes(world) * labelled


def suggest_each(world: World, most: float = 1e6) -> tuple[float, ...]:
    """σ²/τ² of every coefficient, (intercept, slope) of a school; ``most`` where tasks differ by luck alone."""
    found = closed_form.components(world)
    return tuple(min(found.noise / max(float(one), 1e-9), most) for one in found.between)


def everyones_line(world: World) -> Tensor:
    """The one line (2,) for all training pupils, each school counting alike: λ = ∞."""
    return closed_form.solve(world, np.inf)[0]


def subtract(world: World, line: Tensor) -> World:
    """The same world with everyone's scores counted from ``line`` (2,) on: y − Xβ in place of y, in float64."""

    def subtracted(part: Split) -> Split:
        return replace(
            part, labels={name: y.double() - part.x[name].double() @ line for name, y in part.labels.items()}
        )

    return replace(world, **{name: subtracted(getattr(world, name)) for name in ("train", "validation", "test")})


def in_unit(world: World, s: float) -> World:
    """The same world in another unit: its last input, of a school the slope's, is multiplied by ``s``.

    The unit of an input is a hidden λ: to predict the same, its coefficient must be 1/s times as large, so a pull on it
    is 1/s² times as strong, and it borrows k/s² pupils.
    """

    def stretched(part: Split) -> Split:
        return replace(part, x={name: torch.cat([x[:, :-1], s * x[:, -1:].double()], 1) for name, x in part.x.items()})

    return replace(world, **{name: stretched(getattr(world, name)) for name in ("train", "validation", "test")})


def tabulate(measured: Iterable[Errors], least: float = 1.0) -> pd.DataFrame:
    """Errors for ``mtl.show.along``: a row for each n, seed and finite k above ``least``, averaged over schools.

    Columns: ``pupils`` ("n = 5"), ``seed``, ``k``, ``pull`` (λ' = k / n, to two digits), ``error``.
    """
    return pd.DataFrame(
        {"pupils": f"n = {found.n}", "seed": seed, "k": k, "pull": float(f"{k / found.n:.2g}"), "error": error}
        for found in measured
        for seed, along in zip(found.seeds, found.test.mean(-1), strict=True)
        for k, error in zip(found.ks, along, strict=True)
        if least < k < np.inf
    )
