"""The exercises of lesson 03: borrow from everyone, design a test, λ without a search; and of its extra on directions,
the width that shares nothing."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from numbers import Real

from .exercise import Exercise, NotYet, attempted, fault_of_design, judged

TASKS, INPUTS, WIDTHS = 12, 5, (1, 2, 4, 5, 8, 12, 20)


def borrow(function: Callable[[float, float, int, float], float]) -> str | None:
    """``borrow(own, everyone, n, pull)`` is (n·own + k·everyone) / (n + k) with k = n·pull."""
    own, everyone, n, pull = 2.0, -1.0, 4, 3.0
    given = attempted(function(own, everyone, n, pull))
    k = n * pull
    right = (n * own + k * everyone) / (n + k)
    mistakes = {
        (k * own + n * everyone) / (n + k): "the weights are swapped: own counts n times, everyone's mean k times.",
        (n * own + pull * everyone) / (n + pull): "you used λ' as k. The borrowed pupils are k = n λ'.",
        (n * own + k * everyone): "it is a mean of n + k pupils: divide by n + k.",
        (own + everyone) / 2: "that is the plain mean of the two. Each counts as often as it has pupils, n and k.",
        own: "the school borrows nothing.",
        everyone: "the school's own pupils do not count at all; that is λ' = ∞.",
    }
    if told := compared(given, right, mistakes):
        return told
    if (without := function(own, everyone, n, 0.0)) != own:
        return f"with λ' = 0 a school keeps its own mean {own:g}; yours says {without!r}."
    return None if near(function(1.0, 0.5, 7, 0.2), 5.5 / 6) else "it is right once, and wrong for other numbers."


DESIGN = {
    "compare": {
        "A": "two numbers are compared. Without pairs there is no interval, and nothing says how equal they had to be.",
        "B": None,
        "C": "it shows at best that k does well. λ' might do as well: the rival that the claim names is never tried.",
    },
    "pair": {
        "pupil": "the pupils of a school are predicted by one line, so their errors are not independent: the interval "
        "would be far too narrow.",
        "old split": "k was chosen on the old splits, and has been lucky on their pupils.",
        "fresh split": None,
    },
    "correction": {
        "none": "random splits of one table share pupils. Their results are more alike than those of new tables, and "
        "an interval that ignores this is too narrow.",
        "overlap": None,
    },
}


def carries_over(design: Mapping[str, str]) -> str | None:
    """The design that tests "it is the number of pupils that carries over": errors with k against errors with λ', pairs
    that are fresh splits, corrected for their overlap."""
    if not isinstance(design, Mapping) or set(design) != set(DESIGN):
        return f"the answer is a dict with the keys {', '.join(map(repr, DESIGN))}."
    if any(one is ... for one in design.values()):
        raise NotYet
    return fault_of_design(DESIGN, *(design[part] for part in DESIGN))


def suggested_lambda(function: Callable[[float, float, int, int], float]) -> str | None:
    """``suggested_lambda(noise, between, n, T)`` is σ² / (τ² n T), and ∞ where τ² = 0."""
    noise, between, n, T = 0.6, 0.05, 10, 63
    given = attempted(function(noise, between, n, T))
    right = noise / (between * n * T)
    mistakes = {
        right * T: "that is λ'. With a sum over pairs each school is pulled T times as hard: λ = λ' / T.",
        right * n: "n is missing: that is k / T. The borrowed pupils are k = n λ', so λ' = k / n.",
        right * n * T: "that is k, the number of borrowed pupils. Solve k = n λ T for λ.",
        between / (noise * n * T): "it is upside down: the more schools differ (τ²), the less they should borrow.",
        (noise / between) ** 0.5 / (n * T): "these are variances already: no root.",
        (noise / between) ** 2 / (n * T): "these are variances already: no square.",
        noise / between * n * T: "n and T are on the wrong side: k = n λ T, so λ = k / (n T).",
        noise / (between * T) * n: "n is on the wrong side: with more pupils of its own a school needs less pull.",
    }
    if told := compared(given, right, mistakes):
        return told
    if not near(function(2.0, 0.5, 20, 5), 0.04):
        return "it is right once, and wrong for other numbers: write it as a formula of noise, between, n and T."
    try:
        alike = function(noise, 0.0, n, T)
    except ZeroDivisionError:
        return 'schools that do not differ have τ² = 0, and your function divides by it. Return float("inf") there.'
    if alike != math.inf:
        return f"schools that do not differ (τ² = 0) should be one school: λ = ∞; yours says {alike!r}."
    return None


def shares_nothing(widths: Iterable[int]) -> str | None:
    """The widths at which a linear trunk without weight decay equals separate tasks, for T = 12 and d = 5."""
    if isinstance(widths, Real):
        widths = {widths}
    if isinstance(widths, str) or not isinstance(widths, Iterable):
        return f"the answer is a set of widths such as {{1, 2}}, not {widths!r}."
    widths = set(widths)
    if ... in widths:
        raise NotYet
    if unknown := widths - set(WIDTHS):
        return f"{min(map(str, unknown))} is none of the widths {', '.join(map(str, WIDTHS))}."
    least = min(TASKS, INPUTS)
    if narrow := [width for width in WIDTHS if width < least and width in widths]:
        return (
            f"with {narrow[0]} feature{'s' * (narrow[0] > 1)} Θ = AW has rank {narrow[0]} at most, and {TASKS} "
            f"tasks alone fill all {INPUTS} directions: this trunk must share."
        )
    if missing := [width for width in WIDTHS if width >= least and width not in widths]:
        if missing[0] == least and widths and min(widths) == TASKS:
            return (
                f"a corner for each of the {TASKS} tasks is enough room, but less will do: Θ has only {INPUTS} "
                "columns. What is the largest rank a 12 × 5 matrix can have?"
            )
        return (
            f"{missing[0]} is missing: Θ is {TASKS} × {INPUTS}, its rank is {least} at most, so AW with "
            f"{missing[0]} features can be any Θ, also that of tasks alone."
        )
    return None


def compared(given: object, right: float, mistakes: dict[float, str]) -> str | None:
    """What is wrong with a number that should be ``right``; ``mistakes``: what it would be, and why."""
    if given is None:
        return "your function returns nothing. Is a return missing?"
    if isinstance(given, bool) or not isinstance(given, Real):
        return f"the answer is one number; yours is a {type(given).__name__}."
    return judged(given, right, mistakes, f"in a test case it is {given:.4g}, and should be {right:.4g}.")


def near(given: object, right: float) -> bool:
    return isinstance(given, Real) and math.isclose(given, right, rel_tol=1e-6)


borrow = Exercise(
    "Exercise 1",
    borrow,
    praise="n pupils of its own and k = n λ' borrowed ones.",
    hints=(
        "How many pupils does the school borrow if the pull is λ' and it has n of its own?",
        "k = n * pull. Then take the mean over n pupils that score own and k that score everyone.",
    ),
)
carries_over = Exercise(
    "Exercise 2",
    carries_over,
    praise="Both candidates are tried where neither was chosen, and the interval knows that one table was cut twenty "
    "times.",
    hints=(
        "What would the claim's rival predict? Both must be tried, on the same pupils.",
        "Who has seen the choice of k already? And how many tables are there?",
    ),
)
suggested_lambda = Exercise(
    "Exercise 3",
    suggested_lambda,
    praise="σ² / (τ² n T): how noisy over how different, and nothing to search for.",
    hints=(
        "k = σ²/τ² borrowed pupils, and k = n λ' with λ' = λ T. Solve for λ.",
        "Divide noise / between by n and by T; where between is 0, return float('inf').",
    ),
)
shares_nothing = Exercise(
    "Exercise 1",  # of the extra
    shares_nothing,
    praise="From min(T, d) features on, a trunk without weight decay is T separate models in disguise.",
    hints=(
        "All tasks together are Θ = AW with A of 12 × r and W of r × 5. What is the largest rank of such a product?",
        "And what is the largest rank any 12 × 5 matrix can have? From there on r is no constraint.",
    ),
)
