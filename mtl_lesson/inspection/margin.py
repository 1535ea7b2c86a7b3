"""Is a gain as large as a margin that was written down beforehand? Shown, shown not, or not known, and what would do.

With a margin m the interval of a difference is read against m rather than against 0. *Shown*: all of it lies above m.
*Shown not*: all of it lies below. *Not known*: m lies in it, and more seeds or more units of the test would make it
narrower. With m = 0 these are *supported*, *contradicted* and *undecided* of :func:`mtl_lesson.claim`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import numpy as np

from ..evidence import Claim
from .crossed import expected_half, variances_of

SHOWN, SHOWN_NOT, NOT_KNOWN = "shown", "shown not", "not known"
MOST = 20  # times as many seeds or units as there are: more nobody collects


@dataclass(frozen=True)
class Decision:
    """What a claim says of a margin.

    ``verdict``: "shown", "shown not" or "not known". ``seeds`` and ``units``: with about how many more of one of them
    a fresh comparison would have an even chance to decide, if the true difference is the one found; None where more of
    it alone would not do, up to 20 times as many.
    """

    claim: Claim
    margin: float
    verdict: str
    seeds: int | None = None
    units: int | None = None


def decide(claim: Claim, margin: float, differences: np.ndarray) -> Decision:
    """``claim`` against ``margin``, in its unit (0.02: two points where it is a share).

    ``differences``: (seeds × units), those that the claim is made of. Raises TypeError or ValueError for a margin that
    is no finite number of 0 or more.
    """
    if isinstance(margin, bool) or not isinstance(margin, Real):
        raise TypeError(f"the margin is the least gain worth having, a number such as 0.02, not {margin!r}")
    if not (math.isfinite(margin) and margin >= 0):
        raise ValueError(f"the margin is the least gain worth having, 0 or more, not {margin!r}")
    if claim.low == claim.high:  # so few units, so alike, that nothing is known of how they vary
        return Decision(claim, margin, NOT_KNOWN)
    if claim.low > margin:
        return Decision(claim, margin, SHOWN)
    if claim.high < margin:
        return Decision(claim, margin, SHOWN_NOT)
    return Decision(claim, margin, NOT_KNOWN, *more_needed(differences, abs(claim.mean - margin)))


def more_needed(differences: np.ndarray, gap: float) -> tuple[int | None, int | None]:
    """About how many more seeds, or units, make half the interval as short as ``gap``, so that an interval around a
    mean that is found again holds the margin in one case of two; None where up to 20 times as many would not do."""
    varies = variances_of(differences)
    J, U = differences.shape

    def more(number: int, half: Callable[[int], float]) -> int | None:
        if half(MOST * number) >= gap:
            return None
        low, high = number, MOST * number  # the first is too few, the second enough
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if half(middle) < gap else (middle, high)
        return high - number

    return more(J, lambda n: expected_half(*varies, n, U)), more(U, lambda n: expected_half(*varies, J, n))
