"""The exercise of the card on speech: how many of the test's voices, or prompts, has training heard?"""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

import pandas as pd

from .exercise import Exercise, attempted, judged, no_number

TRAIN = pd.DataFrame({"voice": ["Ann", "Ann", "Ann", "Bob", "Cy"], "prompt": ["one", "two", "six", "one", "nine"]})
TEST = pd.DataFrame(
    {
        "voice": ["Ann", "Dee", "Dee", "Bob", "Dee", "Eve", "Ann", "Eve"],
        "prompt": ["two", "five", "nine", "four", "one", "two", "nine", "two"],
    }
)


def share_heard(function: Callable[[pd.DataFrame, pd.DataFrame, str], float]) -> str | None:
    """``heard(train, test, unit)``: the share of clips of ``test`` whose ``unit`` is one that ``train`` has."""
    for unit in ("voice", "prompt"):
        given = attempted(function(TRAIN.copy(), TEST.copy(), unit))
        given = given.item() if not isinstance(given, Real) and getattr(given, "size", 0) == 1 else given
        if because := no_number(given) or wrong_share(float(given), unit):
            return because
    return None


def wrong_share(given: float, unit: str) -> str | None:
    """Why ``given`` is not the share of test clips whose unit training has; None where it is."""
    train, test = TRAIN[unit], TEST[unit]
    right = test.isin(train).mean()
    mistakes = {
        100 * right: "it is in per cent: a share is from 0 to 1.",
        float(test.isin(train).sum()): "this is how many clips: divide by the number of test clips.",
        1 - right: "this is the share that is new.",
        train.isin(test).mean(): "this is the share of *training* clips whose unit the test has.",
        pd.Series(test.unique()).isin(train).mean(): f"this counts each {unit} once: count each clip of the test.",
        test.isin(train).sum() / len(train): "it is divided by the number of training clips.",
    }
    other = {"voice": "prompt", "prompt": "voice"}[unit]
    mistakes.setdefault(TEST[other].isin(TRAIN[other]).mean(), f"this is the share by {other}: take the unit given.")
    return judged(given, right, mistakes, f"by {unit} it is {given:.4g}, and {right:.4g} of the clips are heard.")


share_heard = Exercise(
    "Exercise",
    share_heard,
    praise="Two words, a unit and a split, say more of a test score than its third digit.",
    hints=(
        "test[unit] and train[unit] are columns of names. Which of the first are among the second?",
        "test[unit].isin(train[unit]) is true or false for each test clip; the mean of these is a share.",
    ),
)
