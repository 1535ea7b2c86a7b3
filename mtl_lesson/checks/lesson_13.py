"""The exercises of lesson 13: a protocol that can be lost, and what an interval is for."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from .exercise import Exercise, attempted, fault_of_design, no_number

CLAIMS = {
    "best of five ways": "the best of five is picked after the fact: it is better than Separate by chance, too",
    "some task": "three tasks are three chances to win, and it is not said which counts; one, named now, would do",
    "mean over tasks": None,
}
UNITS = {
    "pupil": "the board asks about schools that are not in the table, and pupils of one school err together",
    "seed": "new seeds of the same test pupils say nothing of other schools",
    "school": None,
}
MARGINS = {
    "0": "a gain that is shown to be above 0 may be too small to be worth the change: they named two points",
    "what comes out": "a margin that is read off the result is always reached",
    "0.02": None,
}
STOPPINGS = {
    "until shown": "who looks after every seed and stops at the first good news finds some where there is none",
    "until decided": "each look is one more chance to be wrong, whichever way it ends",
    "8 seeds": None,
}


def written_protocol(claim: str, unit: str, margin: str, stopping: str) -> str | None:
    """Which claim is primary, what is new where it is to hold, the least gain worth having, and when to stop."""
    parts = {"claim": CLAIMS, "unit": UNITS, "margin": MARGINS, "stopping rule": STOPPINGS}
    return fault_of_design(parts, claim, unit, str(margin), stopping)


class Interval:
    """What has a ``low`` and a ``high`` end, as a claim has."""

    def __init__(self, low: float, high: float):
        self.low, self.high = low, high


def share_covered(function: Callable[[Sequence, float], float]) -> str | None:
    """``covered(claims, truth)``: the share of the claims whose interval, ``low`` to ``high``, holds ``truth``."""
    ends = [(-1, 1), (0.5, 2), (-3, -0.5), (-0.2, 0.6), (1, 3)]
    for truth, right, where in ((0.0, 0.4, ""), (2.5, 0.2, "where the truth is 2.5, ")):
        given = attempted(function([Interval(*pair) for pair in ends], truth))
        if problem := no_number(given):
            return f"{where}{problem}"
        if abs(float(given) - right) > 1e-6:
            return f"{where}{wrong_coverage(float(given), ends, truth, right)}"
    return None


def wrong_coverage(given: float, ends: Sequence[tuple[float, float]], truth: float, right: float) -> str:
    """Why ``given`` is not the share of intervals that hold the truth."""
    holding = round(right * len(ends))
    if abs(given - holding) < 1e-6:
        return f"this is how many intervals hold it: divide by the {len(ends)} there are."
    if abs(given - (1 - right)) < 1e-6:
        return "this is the share that does not hold it."
    if abs(given - sum(low <= 0 <= high for low, high in ends) / len(ends)) < 1e-6 and truth:
        return "this is the share that holds 0: the truth is another number here."
    return f"it is {given:.4g}, and {holding} of {len(ends)} intervals hold {truth:g}, which is {right:.4g}."


written_protocol = Exercise(
    "Exercise 1",
    written_protocol,
    praise="Now it can be lost: one claim, of new schools, with a margin and an end that no result can move.",
    hints=(
        "What is new on the day the board uses it? A school, with all its pupils.",
        "Of each answer: could a result still change it? Then it is no protocol.",
    ),
)
share_covered = Exercise(
    "Exercise 2",
    share_covered,
    praise="A 95 % interval is one that holds the truth 95 times of 100, whatever that is. This can be tried.",
    hints=(
        "one.low <= truth <= one.high says whether one of them does.",
        "The mean of such answers over all claims is the share.",
    ),
)
