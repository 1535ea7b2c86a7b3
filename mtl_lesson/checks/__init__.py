"""What a learner is told about an exercise: one Exercise each, called with the answer."""

from .exercise import Exercise, Result
from .lesson_00 import choose_lambda

__all__ = ["Exercise", "Result", "choose_lambda"]
