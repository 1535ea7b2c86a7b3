"""The exercise of the card of finance, lesson 12: a weight with which each answer of two tasks counts the same."""

from __future__ import annotations

from collections.abc import Callable

from .exercise import Exercise, attempted, judged, no_number

CASES = ((50, 1000), (30, 600), (200, 200), (7, 640))


def even_weight(function: Callable[[int, int], float]) -> str | None:
    """``even(known, total)``: the weight w of a task with labels on ``known`` of ``total`` examples, beside one that
    has all.

    In the mean, a batch of b examples holds b · known / total labels of the first task. In w L_1 + L_2, both means, one
    label counts w / (b · known / total) and 1 / b: the same for w = known / total.
    """
    for known, every in CASES:
        given = attempted(function(known, every))
        if because := no_number(given):
            return because
        mistakes = {} if known == every else explained(known, every)  # where all have both, several are right
        otherwise = f"with {known} of {every} labelled it is off: how much does one label count in each of the means?"
        if problem := judged(float(given), known / every, mistakes, otherwise):
            return problem
    return None


def explained(known: int, every: int) -> dict[float, str]:
    """What those who make a mistake get, and what they are told."""
    return {
        every / known: "that makes the few count even more: the mean over few labels is large for each already.",
        1.0: "that is L₁ + L₂ as it stands, where one of the few labels counts as much as many others.",
        known / (every - known): "the other task has labels on all examples, not on the rest alone.",
        1 / known: "that is what one of the few counts in its own mean. And one of the others, in theirs?",
    }


even_weight = Exercise(
    "Exercise",
    even_weight,
    praise="A mean hides how many it is a mean of; the weight says it again.",
    hints=(
        "Of 64 examples in a batch, how many have the rare label? One over that is what each of them counts.",
        "One of the others counts 1/64. By which factor is that less?",
    ),
)
