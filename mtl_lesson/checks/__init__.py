"""What a learner is told about an exercise: one Exercise each, called with the answer."""

from . import solutions
from .exercise import Exercise, Result
from .lesson_00 import choose_lambda
from .lesson_01 import joint_loss, missing_number, who_learns
from .lesson_02 import count_weights, essay_network, faults, training_step
from .lesson_04 import largest_lambda, penalty

__all__ = [
    "Exercise",
    "Result",
    "choose_lambda",
    "count_weights",
    "essay_network",
    "faults",
    "joint_loss",
    "largest_lambda",
    "missing_number",
    "penalty",
    "solutions",
    "training_step",
    "who_learns",
]
