"""What is written down before anything is trained, so that the comparison can be lost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from numbers import Real

from ..arguments import whole

FIRST_SEED = 100  # settings are tried on seeds below it


@dataclass(frozen=True)
class Protocol:
    """One primary claim: ``way`` gains at least ``margin`` over ``against`` on ``task``, or on the mean over tasks.

    ``unit``: what is new where the claim is to hold. ``seeds``: how many; their number is fixed, and that is the
    stopping rule. Raises TypeError or ValueError for what makes no sense.
    """

    way: str = "Hard"
    against: str = "Separate"
    margin: float = 0.02
    task: str | None = None
    unit: str = "row"
    seeds: int = 8

    def __post_init__(self):
        if isinstance(self.margin, bool) or not isinstance(self.margin, Real):
            raise TypeError(f"the margin is the least gain worth having, such as 0.02, not {self.margin!r}")
        if not (math.isfinite(self.margin) and 0 <= self.margin < 1):
            raise ValueError(f"the margin is a share, from 0 to below 1 (0.02: two points), not {self.margin!r}")
        if whole(self.seeds, "seeds", least=0) < 3:
            raise ValueError(f"a claim needs 3 seeds or more, better 8, not {self.seeds}")
        if self.way == self.against:
            raise ValueError(f"{self.way!r} cannot be compared with itself")

    @property
    def claim(self) -> str:
        """The claim in words."""
        what = f"task {self.task!r}" if self.task else "the mean over tasks"
        gain = f"gains at least {100 * self.margin:g} points over" if self.margin else "beats"
        return f"{self.way} {gain} {self.against} on {what}"

    @property
    def numbers(self) -> range:
        """The seeds."""
        return range(FIRST_SEED, FIRST_SEED + self.seeds)

    def sentences(self) -> list[str]:
        """The whole, as it is printed before the first training."""
        return [
            f"The primary claim: {self.claim}",
            "Every way of sharing has as many trials; trial and epochs are chosen on validation, for each seed",
            "Merit is the accuracy (F1, IoU), or of a number 1 − its squared error / the variance of the labels "
            f"outside the test; each {self.unit} counts the same, and each task",
            f"The unit is the {self.unit}: the interval runs over the test's {self.unit}s and over {self.seeds} seeds",
            f"The stopping rule: {self.seeds} seeds and the test as it is, whatever they show",
            "All else is description: no verdict is taken from it. A second report on these rows is a second look",
        ]
