"""A claim from a whole table of differences, seeds × units of the test: its interval speaks of new ones of both.

:func:`mtl_lesson.claim` with ``groups`` has the means by seed and those by group, and counts what varies with both
together twice. Who has every single difference can take that out again, and gets an interval as wide as it must be.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from ..evidence import CONFIDENCE, FEWEST, Claim

Parts = tuple[tuple[float, int], tuple[float, int], tuple[float, int]]


def claim_crossed(text: str, a: pd.DataFrame, b: pd.DataFrame, better: str = "greater", *, unit: str = "%") -> Claim:
    """Is ``a`` greater (or less) than ``b``, over new seeds and new units? Both (seeds × units), paired by their names.

    With d_ju = a_ju − b_ju, J seeds and U units, the variance of the mean d̄ is estimated by

        s_J²/J + s_U²/U − s_JU²/(J·U),

    where s_J² is the variance of the means by seed, s_U² of the means by unit, and s_JU² of what is left of d_ju
    without both: it is in each of the first two. It is never taken to be less than the larger of these. Degrees of
    freedom are Satterthwaite's, and at least 1. With three seeds it holds the truth 92 to 93 times of 100 where all
    three parts matter, with five or more 94 or oftener; of few units that differ by 0 or 1 it knows too little.
    (Searle, Casella & McCulloch 1992, "Variance components", on two crossed factors; Owen 2007, "The pigeonhole
    bootstrap", on why seeds alone, or units alone, are too narrow.)

    Raises ValueError for fewer than three seeds or units, for names that do not pair, NaN or infinity, and an unknown
    ``better``.
    """
    if better not in ("greater", "less"):
        raise ValueError(f"better must be 'greater' or 'less', not {better!r}")
    if not (a.index.sort_values().equals(b.index.sort_values()) and set(a.columns) == set(b.columns)):
        raise ValueError("a and b must have the same seeds and the same units, so that they pair")
    if min(a.shape) < FEWEST:
        raise ValueError(
            f"{a.shape[0]} seeds and {a.shape[1]} units cannot carry a claim; give {FEWEST} of each or more"
        )
    return claim_of((a - b.loc[a.index, a.columns]).to_numpy(float), text, better, unit, a.columns.name or "unit")


def claim_of(differences: np.ndarray, text: str, better: str = "greater", unit: str = "%", what: str = "unit") -> Claim:
    """:func:`claim_crossed` of the differences themselves, (seeds × units); ``what``: what a unit is called."""
    if not np.isfinite(differences).all():
        raise ValueError("a and b hold NaN or infinity; a run that failed must be dealt with, not averaged")
    J, U = differences.shape
    mean, half = float(differences.mean()), half_interval(differences)
    low, high = mean - half, mean + half
    verdict = "undecided"
    if low > 0 or high < 0:
        verdict = "supported" if (low > 0) == (better == "greater") else "contradicted"
    by_seed = tuple(differences.mean(1).tolist())
    text = text.strip().rstrip(".")
    return Claim(text, by_seed, mean, low, high, verdict, J, unit, "paired seeds", False, f"{U:,} {what}s")


def half_interval(differences: np.ndarray) -> float:
    """Half the 95 % interval of the mean of (seeds × units) differences."""
    return half_of_parts(spreads(differences))


def half_of_parts(parts: Parts) -> float:
    """Half the interval of a mean whose variance has these parts, as :func:`spreads` gives them."""
    from scipy.special import stdtrit  # Student's t; here, since it takes long to load

    seeds, units, both = (variance for variance, _ in parts)
    variance = max(seeds + units - both, seeds, units)
    if not variance:
        return 0.0
    freedom = 1 / math.fsum((part / variance) ** 2 / own for part, own in parts)
    return float(stdtrit(max(freedom, 1.0), (1 + CONFIDENCE) / 2)) * math.sqrt(variance)


def spreads(differences: np.ndarray) -> Parts:
    """(variance of the mean, degrees of freedom) that seeds, units, and both together add; the first two hold the
    third."""
    J, U = differences.shape
    by_seed, by_unit = differences.mean(1), differences.mean(0)
    left = differences - by_seed[:, None] - by_unit + differences.mean()
    freedom = (J - 1) * (U - 1)
    both = np.square(left).sum() / freedom / (J * U)
    return (by_seed.var(ddof=1) / J, J - 1), (by_unit.var(ddof=1) / U, U - 1), (both, freedom)


def variances_of(differences: np.ndarray) -> tuple[float, float, float]:
    """How much the differences vary with the seed, with the unit, and with both together: the variances of one."""
    J, U = differences.shape
    (seeds, _), (units, _), (both, _) = spreads(differences)
    of_both = both * J * U
    return max(seeds * J - of_both / U, 0.0), max(units * U - of_both / J, 0.0), of_both


def expected_half(of_seeds: float, of_units: float, of_both: float, J: int, U: int) -> float:
    """Half the interval that J seeds and U units would give, with these :func:`variances_of`."""
    both = of_both / (J * U), (J - 1) * (U - 1)
    return half_of_parts(((of_seeds / J + both[0], J - 1), (of_units / U + both[0], U - 1), both))
