"""What a learner is told about an exercise: one Exercise each, called with the answer."""

from . import solutions
from .exercise import Exercise, Result
from .lesson_00 import choose_lambda, claim_of_borrowing
from .lesson_01 import joint_loss, probe_claim, who_learns
from .lesson_02 import claim_of_room, count_weights, essay_network, faults, training_step
from .lesson_03 import borrow, carries_over, shares_nothing, suggested_lambda
from .lesson_04 import claim_of_closeness, exact_step, soft_step
from .lesson_05 import branch_cost, owners, transfer_design, transplant, two_branches
from .lesson_06 import delta_m, dominated, fair_comparison, labels_worth, your_situation
from .lesson_07 import claim_of_use, says, share_changed, similarity, without_unit
from .lesson_08 import conflict_hurts, gradient_cosine, standardise
from .lesson_09 import big_friend, claim_of_groups, named_company, surrogate
from .lesson_10 import cut_out, low_rank, task_arithmetic
from .lesson_11 import contrast, propagate, protocol, rotation
from .lesson_12 import mean_over_groups, unit_of_claim
from .lesson_13 import share_covered, written_protocol

__all__ = [
    "Exercise",
    "Result",
    "big_friend",
    "borrow",
    "branch_cost",
    "carries_over",
    "choose_lambda",
    "claim_of_borrowing",
    "claim_of_closeness",
    "claim_of_groups",
    "claim_of_room",
    "claim_of_use",
    "conflict_hurts",
    "contrast",
    "count_weights",
    "cut_out",
    "delta_m",
    "dominated",
    "essay_network",
    "exact_step",
    "fair_comparison",
    "faults",
    "gradient_cosine",
    "joint_loss",
    "labels_worth",
    "low_rank",
    "mean_over_groups",
    "named_company",
    "owners",
    "probe_claim",
    "propagate",
    "protocol",
    "rotation",
    "says",
    "share_changed",
    "share_covered",
    "shares_nothing",
    "similarity",
    "soft_step",
    "solutions",
    "standardise",
    "suggested_lambda",
    "surrogate",
    "task_arithmetic",
    "training_step",
    "transfer_design",
    "transplant",
    "two_branches",
    "unit_of_claim",
    "who_learns",
    "without_unit",
    "written_protocol",
    "your_situation",
]
