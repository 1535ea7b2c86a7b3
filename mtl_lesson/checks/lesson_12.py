"""The exercises of lesson 12: which unit a claim speaks of, and a score in which each group counts once."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .exercise import Exercise, attempted, fault_of_design, judged, no_number
from .tensors import call_with

KNOWN = "the test then holds voices that training has heard, and the claim is of voices that it has not"
UNITS = {
    "first claim": {
        "row": KNOWN,
        "prompt": f"new words from known voices: {KNOWN}",
        "year": "nothing is said of later years. What is new is who speaks",
        "state": "nothing is said of places. What is new is who speaks",
        "voice": None,
    },
    "second claim": {
        "voice": "the four voices are the same, before and after: what is new is what they say",
        "row": "one prompt was recorded several times, and its other recordings would be in training",
        "year": "nothing is said of later years. What is new is what they say",
        "state": "nothing is said of places. What is new is what they say",
        "prompt": None,
    },
    "third claim": {
        "state": "the states are those where the bank lends today: what is new is the loan",
        "year": "nothing is said of later years. (Were it of next year's loans, this would be right)",
        "voice": "nobody speaks here",
        "prompt": "nobody speaks here",
        "row": None,
    },
    "fourth claim": {
        "row": "a patient of 1990 in the test, and others of 1990 in training: what came later has been seen",
        "state": "nothing is said of places. What is new is the time",
        "voice": "nobody speaks here",
        "prompt": "nobody speaks here",
        "year": None,
    },
}


def unit_of_claim(*units: str) -> str | None:
    """``units``: for each of the four claims what must not be split between training and test."""
    return fault_of_design(UNITS, *units)


def mean_over_groups(function: Callable[[Tensor, Tensor], float]) -> str | None:
    """``score_of_groups(score, group)``: (1/G) Σ_g of the mean score of group g, for ``score`` (n,) and ``group`` (n,).

    Each group counts once, however many examples it has.
    """
    cases = {
        "": (torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0, 1.0]), torch.tensor([0, 0, 1, 1, 1, 1])),
        "where the groups are 7, 2 and 5, in no order, ": (
            torch.tensor([0.25, 1.0, 0.0, 0.5, 1.0, 0.0, 0.0]),
            torch.tensor([7, 2, 7, 5, 7, 5, 5]),
        ),
    }
    for where, (score, group) in cases.items():
        given, problem = call_with(function, {"score": score, "group": group})
        given = given.item() if isinstance(given, Tensor) and given.numel() == 1 else attempted(given)
        if because := problem or no_number(given) or wrong_mean(float(given), score, group):
            return f"{where}{because}"
    return None


def wrong_mean(given: float, score: Tensor, group: Tensor) -> str | None:
    """Why ``given`` is not the mean over groups of the groups' means; None where it is."""
    means = [score[group == one].mean().item() for one in group.unique()]
    sums = [score[group == one].sum().item() for one in group.unique()]
    right = sum(means) / len(means)
    mistakes = {
        score.mean().item(): "this is the mean over examples: a group of four counts four times.",
        sum(means): "these are the groups' means added up: divide by how many groups there are.",
        sum(sums) / len(sums): "these are the groups' sums: take the mean within each group first.",
        sum(means) / len(score): "the groups' means are divided by the number of examples; there are fewer groups.",
    }
    return judged(
        given, right, mistakes, f"it is {given:.4g}, and (1/G) Σ_g of the groups' means is {right:.4g}.", 1e-5
    )


unit_of_claim = Exercise(
    "Exercise 1",
    unit_of_claim,
    praise="The unit of splitting is the unit of the claim: what is new where it is to hold must be new in the test.",
    hints=(
        "Ask of each claim: what will be new on the day it is used? That must not stand on both sides.",
        "Loans in states where the bank lends today: a new loan is new, its state is not.",
    ),
)
mean_over_groups = Exercise(
    "Exercise 2",
    mean_over_groups,
    praise="The interval is then taken over G groups, not over n examples: four voices are four, with 1,480 clips too.",
    hints=(
        "group.unique() are the groups; score[group == g].mean() is the mean of one.",
        "Take the mean of these means, a float.",
    ),
)
