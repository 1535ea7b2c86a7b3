"""How the tasks' losses become one step, one file each, all with one contract (:class:`.base.Weighting`).

Beside the way of sharing this is a choice of its own: ``fit(model, world, weighting=mtl.weighting.Uncertainty())``, and
a list in ``sweep`` is a grid. Any scalarizer of torchjd may be given as it is.
"""

from .aggregate import Aggregate
from .base import PerCopy, Sum, Weighting
from .fixed import Fixed
from .plane import angle_between, answer_of, answers_of, at_angle, helped
from .scalarizer import Scalarizer, as_weighting
from .uncertainty import Uncertainty

__all__ = [
    "Aggregate",
    "Fixed",
    "PerCopy",
    "Scalarizer",
    "Sum",
    "Uncertainty",
    "Weighting",
    "angle_between",
    "answer_of",
    "answers_of",
    "as_weighting",
    "at_angle",
    "helped",
]
