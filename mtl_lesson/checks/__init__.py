"""What a learner is told about an exercise: one Exercise each, called with the answer."""

from . import solutions
from .exercise import Exercise, Result
from .lesson_00 import choose_lambda, claim_of_borrowing
from .lesson_01 import joint_loss, probe_claim, who_learns
from .lesson_02 import count_weights, essay_network, faults, training_step
from .lesson_03 import borrow, shares_nothing, suggested_lambda
from .lesson_04 import largest_lambda, penalty
from .lesson_05 import branch_cost, owners
from .lesson_06 import delta_m, dominated, fair_comparison, labels_worth, your_situation
from .lesson_07 import says, similarity, without_unit

__all__ = [
    "Exercise",
    "Result",
    "borrow",
    "branch_cost",
    "choose_lambda",
    "claim_of_borrowing",
    "count_weights",
    "delta_m",
    "dominated",
    "essay_network",
    "fair_comparison",
    "faults",
    "joint_loss",
    "labels_worth",
    "largest_lambda",
    "owners",
    "penalty",
    "probe_claim",
    "says",
    "shares_nothing",
    "similarity",
    "solutions",
    "suggested_lambda",
    "training_step",
    "who_learns",
    "without_unit",
    "your_situation",
]
