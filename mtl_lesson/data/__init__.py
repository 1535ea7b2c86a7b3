"""Worlds and the data they are made of.

A *world* is a dataset that asks several questions at once, one for each of its ``tasks``, cut into ``train``,
``validation`` and ``test``, with a *dial* that sets how hard it is to learn. A function makes it: :func:`questions`
(one picture, three questions; the dial is the number of labels) or :func:`schools` (a regression a school; the dial
is the number of pupils). The ``seed`` draws what is trained on and chosen by; the test set is the same for every
seed. The data comes with the course and is checked when it is loaded.
"""

from .files import DataError, verify
from .garments import garments
from .questions import colour_ceiling, questions
from .schools import exam_table, schools
from .world import Split, World

__all__ = [
    "DataError",
    "Split",
    "World",
    "colour_ceiling",
    "exam_table",
    "garments",
    "questions",
    "schools",
    "verify",
]
