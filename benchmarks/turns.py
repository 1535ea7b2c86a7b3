"""Times of acts that take turns, so that what else the machine does falls on all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping


def taking_turns(acts: Mapping[str, Callable[[], object]], rounds: int, warm: int = 1) -> dict[str, list[float]]:
    """Each act's seconds in so many rounds; ``warm`` rounds before them are not counted."""
    times: dict[str, list[float]] = {name: [] for name in acts}
    for number in range(warm + rounds):
        for name, act in acts.items():
            start = time.perf_counter()
            act()
            if number >= warm:
                times[name].append(time.perf_counter() - start)
    return times
