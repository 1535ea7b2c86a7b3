"""The exercises of lesson 00: choose λ on validation, and the claim that would test borrowing."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real

from .exercise import Exercise, attempted, fault_of_design

LAMBDAS = [0.0, 0.01, 0.1, 1.0, 10.0]
VALIDATION = [0.70, 0.66, 0.61, 0.63, 0.65]  # least at 0.1
TEST = [0.71, 0.60, 0.64, 0.62, 0.66]  # least at 0.01, where a peep would lead


def choose_lambda(choose: Callable) -> str | None:
    """``choose(lambdas, validation, test)`` returns the λ a careful person would take."""
    chosen = attempted(choose(list(LAMBDAS), list(VALIDATION), list(TEST)))
    if chosen is None:
        return "your function returns nothing. Is a return missing? (print shows a value and returns none.)"
    if not isinstance(chosen, Real):
        return f"a λ is one number, and your function returned {chosen!r}."
    if chosen == 0.1:
        # The same function on errors whose order differs: a constant would still say 0.1.
        moved = choose(list(LAMBDAS), VALIDATION[::-1], list(TEST))
        if moved == 0.1:
            shifted = choose(list(LAMBDAS), [0.5, 0.6, 0.7, 0.8, 0.9], list(TEST))
            return None if shifted == 0.0 else "the answer stays 0.1 whatever the errors are. Compute it from them."
        return "it does not follow the validation errors when they change."
    if chosen == 0.01:
        return (
            "that is the λ with the least test error. The test set is for reporting: a λ chosen on it looks "
            "better than it is. Choose on validation."
        )
    if chosen in (min(VALIDATION), min(TEST)):
        return "that is an error, not a λ. Return the λ at which the error is least."
    if chosen == 2:
        return "that is the position of the least validation error in the list. Return the λ that stands there."
    if chosen in (LAMBDAS[0], LAMBDAS[-1]) and chosen == LAMBDAS[VALIDATION.index(max(VALIDATION))]:
        return "that is the λ with the greatest validation error. Less error is better."
    return f"on validation errors {VALIDATION} at λ = {LAMBDAS} the least is at λ = 0.1; your function says {chosen:g}."


def claim_of_borrowing(claim: str, pair: str) -> str | None:
    """Which claim says that it is the others who help, in schools not seen yet, and what a pair is in it."""
    claims = {
        "A": "alone, shrunk lines also beat alone ones: with A any smoothing would pass for borrowing.",
        "B": None,
        "C": "a λ chosen on the test pupils looks better than it is, and the rival had no such luck.",
        "D": "that holds wherever λ matters at all, and where λ = 0 is the best, too.",
    }
    pairs = {
        "pupil": "that would speak of new pupils of these schools. The board asks about schools.",
        "school": None,
        "λ": "the λs are settings, not something that is drawn: there is no luck in them to average over.",
    }
    return fault_of_design({"claim": claims, "pair": pairs}, claim, pair)


choose_lambda = Exercise(
    "Exercise 1",
    choose_lambda,
    praise="Choose on validation, report on test: the habit of the whole course.",
    hints=(
        "Two of the three lists matter. Which errors may a choice look at?",
        "validation.index(min(validation)) is the position of the least validation error.",
        "Return the λ at that position: lambdas[validation.index(min(validation))].",
    ),
)
claim_of_borrowing = Exercise(
    "Exercise 2",
    claim_of_borrowing,
    praise="Against alone and shrunk, and a pair is a school: what is drawn is what the claim speaks of.",
    hints=(
        "Which of the four would also hold if no school knew anything about another?",
        "A claim speaks of more of what its pairs are. Of what does the board speak?",
    ),
)
