"""Is a gain as large as a margin that was written down beforehand? Shown, shown not, or not known, and what would do.

With a margin m the interval of a difference is read against m rather than against 0. *Shown*: all of it lies above m.
*Shown not*: all of it lies below. *Not known*: m lies in it, and more seeds or more units of the test would make it
narrower. With m = 0 these are *supported*, *contradicted* and *undecided* of :func:`mtl_lesson.claim`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real

import numpy as np

from ..evidence import Claim

SHOWN, SHOWN_NOT, NOT_KNOWN = "shown", "shown not", "not known"
STEP = 2.0  # half an interval in standard errors, where there are many degrees of freedom
MOST = 20  # times as many seeds or units as there are: more nobody collects


@dataclass(frozen=True)
class Decision:
    """What a claim says of a margin.

    ``verdict``: "shown", "shown not" or "not known". ``seeds`` and ``units``: about how many more of one of them would
    decide, if the mean stayed where it is; None where that many of it alone would not, or more than 20 times as many.
    """

    claim: Claim
    margin: float
    verdict: str
    seeds: int | None = None
    units: int | None = None


def decide(claim: Claim, margin: float, spreads: Sequence[tuple[float, int]]) -> Decision:
    """``claim`` against ``margin``, in its unit (0.02: two points where it is a share).

    ``spreads``: (standard deviation, number) of the differences by seed, and of those by unit of the test. Raises
    TypeError or ValueError for a margin that is no finite number of 0 or more.
    """
    if isinstance(margin, bool) or not isinstance(margin, Real):
        raise TypeError(f"the margin is the least gain worth having, a number such as 0.02, not {margin!r}")
    if not (math.isfinite(margin) and margin >= 0):
        raise ValueError(f"the margin is the least gain worth having, 0 or more, not {margin!r}")
    if claim.low > margin:
        return Decision(claim, margin, SHOWN)
    if claim.high < margin:
        return Decision(claim, margin, SHOWN_NOT)
    allowed = (abs(claim.mean - margin) / STEP) ** 2
    own = [spread**2 / number for spread, number in spreads]
    more = []
    for (spread, number), other in zip(spreads, reversed(own), strict=True):
        left = allowed - other
        needed = math.ceil(spread**2 / left) if left > 0 else math.inf
        more.append(max(1, needed - number) if needed <= MOST * number else None)
    return Decision(claim, margin, NOT_KNOWN, *more)


def spread_of(values: Sequence[float]) -> tuple[float, int]:
    """Their standard deviation and how many they are."""
    values = np.asarray(values, float)
    return float(values.std(ddof=1)), len(values)
