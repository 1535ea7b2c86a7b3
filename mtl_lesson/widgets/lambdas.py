"""λ on a slider: the place nearest to a number, and a number as a learner types it."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..show.schools import places


def nearest(lams: Sequence[float], lam: float) -> int:
    """The number of the λ nearest to ``lam`` on the logarithmic scale; 0 and ∞ are near themselves only.

    Raises ValueError for a λ that is negative or NaN.
    """
    if not lam >= 0:
        raise ValueError(f"λ must be 0 or more, not {lam:g}")
    if lam in lams:
        return list(lams).index(lam)
    inner = [i for i, other in enumerate(lams) if 0 < other < math.inf] or list(range(len(lams)))
    if lam == 0 or math.isinf(lam):
        return inner[0] if lam == 0 else inner[-1]
    return min(inner, key=lambda i: abs(places(lams)[i] - math.log10(lam)))


def read(text: str) -> float:
    """What was typed as a number: 0.5, 0,5, ∞ or inf. ValueError for anything else."""
    try:
        return float(str(text).strip().replace("∞", "inf").replace(",", "."))
    except ValueError:
        raise ValueError(f"λ must be a number of 0 or more, or ∞; {text!r} is neither") from None
