"""Comparisons whose truth is known, drawn from networks whose every answer is kept: what does an interval cover?

A *pool* holds the merits of many networks of each way on many units of a test. Seen as all networks and all units there
are, the difference of two ways in it is a number, and of a way with itself 0. A comparison draws some seeds and some
units of it, with replacement, as a report draws them from the world.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from ..arguments import whole
from ..evidence import Claim, claim
from .crossed import claim_of

Pool = Mapping[str, pd.DataFrame]  # way → merits, seeds × units


def true_difference(pool: Pool, a: str, b: str) -> float:
    """How much more merit ``a`` has than ``b`` in all of the pool."""
    return float((pool[a] - pool[b]).to_numpy().mean())


def replay(
    pool: Pool,
    a: str,
    b: str,
    *,
    seeds: int = 5,
    units: int = 200,
    times: int = 200,
    gain: float = 0.0,
    over_units: bool = True,
    seed: int = 0,
) -> list[Claim]:
    """So many comparisons of ``a`` with ``b``, each with ``seeds`` networks of each and ``units`` of the test.

    Two ways are paired by seed. A way with itself (A/A) is two draws of networks, which differ by chance alone. A
    ``gain`` is planted into ``a``: a part of what each network lacks on a unit, so that its merit over all rises by
    ``gain``; where a unit is right or wrong, a wrong one becomes right by chance. ``over_units``: whether the interval
    speaks of new units, too, as in a report, or of new seeds alone.

    Raises KeyError for a way that is not there, TypeError or ValueError for numbers that make no sense.
    """
    for way in (a, b):
        if way not in pool:
            raise KeyError(f"there is no {way!r} in the pool; there are {', '.join(pool)}")
    one, other = pool[a].to_numpy(), pool[b].to_numpy()
    room = 1 - float(one.mean())
    if not 0 <= gain < room:
        raise ValueError(f"a gain of {gain} cannot be planted: {a} lacks {room:.2g} in the mean")
    rng, made = np.random.default_rng(seed), []
    for _ in range(whole(times, "times")):
        rows = rng.integers(len(one), size=whole(seeds, "seeds", least=3))
        columns = rng.integers(one.shape[1], size=whole(units, "units", least=3))
        others = rng.integers(len(other), size=seeds) if a == b else rows
        left = planted_into(one[np.ix_(rows, columns)], gain / room, rng)
        made.append(compare_drawn(left, other[np.ix_(others, columns)], over_units, f"{a} beats {b}"))
    return made


def planted_into(merits: np.ndarray, part: float, rng: np.random.Generator) -> np.ndarray:
    """Merits that lack ``part`` less of 1: by chance whole, where each is 0 or 1, and each a bit elsewhere."""
    if not part:
        return merits
    if np.isin(merits, (0, 1)).all():
        return np.where(rng.random(merits.shape) < part, 1.0, merits)
    return merits + part * (1 - merits)


def compare_drawn(a: np.ndarray, b: np.ndarray, over_units: bool, text: str) -> Claim:
    """The claim of two (seeds × units) arrays."""
    if over_units:
        return claim_of(a - b, text)
    return claim(text, a.mean(1).tolist(), b.mean(1).tolist(), unit="%", by="seed")


def false_verdicts(claims: list[Claim]) -> float:
    """The share of comparisons of equals that came to a verdict."""
    return float(np.mean([one.verdict != "undecided" for one in claims]))


def coverage(claims: list[Claim], truth: float) -> float:
    """The share of the intervals that hold the true difference."""
    return float(np.mean([one.low <= truth <= one.high for one in claims]))


def stop_early(pool: Pool, way: str, *, most: int = 20, units: int = 200, times: int = 200, seed: int = 0) -> float:
    """How often a way "beats" itself, or loses, for who looks after every seed from the third to the ``most``-th, and
    stops at the first verdict."""
    rng, merits, stopped = np.random.default_rng(seed), pool[way].to_numpy(), 0
    for _ in range(times):
        columns = rng.integers(merits.shape[1], size=units)
        a, b = (merits[np.ix_(rng.integers(len(merits), size=most), columns)] for _ in range(2))
        looks = (compare_drawn(a[:n], b[:n], True, "a look") for n in range(3, most + 1))
        stopped += any(one.verdict != "undecided" for one in looks)
    return stopped / times
