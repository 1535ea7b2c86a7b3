"""The exercises of lesson 06: Δm, what sharing is worth in labels, and who is dominated."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Real

import numpy as np

from .exercise import Exercise, attempted, judged

Scores = Mapping[str, float]


def relative_change(way: Scores, separate: Scores, lower: Collection[str] = ()) -> float:
    """Δm = 1/T Σ_t s_t (M_t − B_t) / B_t, as a fraction: s_t = −1 for the tasks in ``lower`` (less is better), else 1.

    ``way`` and ``separate``: task name → score, M and B. Maninis, Radosavovic & Kokkinos 2019, "Attentive
    single-tasking of multiple tasks".
    """
    changes = [(-1 if name in lower else 1) * (way[name] - base) / base for name, base in separate.items()]
    return sum(changes) / len(changes)


def needed(target: float, n: Sequence[float], scores: Sequence[float]) -> float:
    """The number of labels at which rising ``scores``, measured at ``n``, reach ``target``: interpolated in log n.

    NaN where the target lies outside what was measured.
    """
    if not min(scores) <= target <= max(scores):
        return math.nan
    return math.exp(np.interp(target, scores, np.log(n)))


def unhelped(scores: Mapping[str, Scores]) -> set[str]:
    """The ways that another way dominates: at least as good on every task, and better on one."""

    def dominates(a: Scores, b: Scores) -> bool:
        return all(a[name] >= b[name] for name in b) and any(a[name] > b[name] for name in b)

    return {way for way in scores if any(dominates(scores[other], scores[way]) for other in scores)}


def delta_m(function: Callable[[Scores, Scores, Collection[str]], float]) -> str | None:
    """``delta_m(way, separate, lower)``: the mean over tasks of the signed relative change."""
    base, way = {"garment": 0.60, "colour": 0.90, "depth": 0.25}, {"garment": 0.55, "colour": 0.92, "depth": 0.30}
    given = attempted(function(dict(way), dict(base), {"depth"}))
    if problem := no_number(given):
        return problem
    difference = {name: way[name] - base[name] for name in base}
    sign = {name: -1 if name == "depth" else 1 for name in base}
    right = relative_change(way, base, {"depth"})
    signed = [sign[name] * difference[name] for name in base]
    total = sum(base.values())
    mistakes = {
        relative_change(way, base): "depth is an error: less of it is better, so its change counts with a minus.",
        -right: "the signs are the wrong way round: lower names the tasks where *less* is better.",
        sum(signed) / 3: "these are differences in the tasks' own units: divide each by the score under Separate.",
        sum(difference.values()) / 3: "these are plain differences: divide each by the score under Separate, and mind "
        "that less depth is better.",
        sum(signed) / total: "you averaged before dividing. Each task's change is relative to its own score: divide, "
        "then average.",
        sum(difference.values()) / total: "you averaged before dividing, and depth, where less is better, has the "
        "wrong sign.",
        sum(s / way[name] for s, name in zip(signed, base, strict=True)) / 3: "you divided by the new score; a change "
        "is relative to the old one.",
        3 * right: "you added the changes up; Δm is their mean.",
        100 * right: "it is a percentage; return the fraction, the printing is ours.",
        sum(abs(difference[name]) / base[name] for name in base) / 3: "a change has a sign: leave abs out.",
    }
    wrong = f"for {way} against {base} with lower={{'depth'}} it is {given:.4f}; by the formula it is {right:.4f}."
    if because := judged(given, right, mistakes, wrong):
        return because
    two = function({"a": 0.5, "b": 0.9}, {"a": 0.4, "b": 0.8}, ())
    if not (isinstance(two, Real) and math.isclose(two, 0.1875, rel_tol=1e-6)):
        return "it is right for these three tasks and wrong for two others: take names and number from separate."
    return None


def labels_worth(function: Callable[[float, Sequence[float], Sequence[float]], float]) -> str | None:
    """``labels_worth(target, n, scores)``: the labels a measured curve needs to reach a score, NaN where unknown."""
    n, scores = [40, 150, 400], [0.60, 0.70, 0.75]
    target = 0.72
    given = attempted(function(target, list(n), list(scores)))
    if problem := no_number(given):
        return problem
    right = needed(target, n, scores)
    mistakes = {
        float(np.interp(target, scores, n)): "this interpolates in n. Scores rise about evenly with log n, not with n: "
        "interpolate log n, then undo the logarithm.",
        math.log(right): "this is log n; undo the logarithm with exp.",
        150.0: "this is a measured n. The score lies between two of them, and so does the number of labels.",
        400.0: "this is a measured n. The score lies between two of them, and so does the number of labels.",
        float(np.interp(target, n, scores)): "this is a score: you asked np.interp the other way round. The scores are "
        "its x here, and log n its y.",
        math.exp(np.interp(target, [scores[0], scores[-1]], np.log([n[0], n[-1]]))): "you drew one line from first to "
        "last; interpolate between the two measured points next to the target.",
    }
    wrong = f"{target} lies between {n[1]} and {n[2]} labels, at {right:.0f} on a log scale; yours is {given:.0f}."
    if because := judged(given, right, mistakes, wrong):
        return because
    for outside in (0.58, 0.80):
        beyond = function(outside, list(n), list(scores))
        if not (isinstance(beyond, Real) and math.isnan(beyond)):
            return (
                f"{outside} was not measured: the curve goes from {scores[0]} to {scores[-1]}, and yours says "
                f"{beyond!r}. Outside it is unknown: return math.nan. (np.interp clamps silently.)"
            )
    at_ends = [function(score, list(n), list(scores)) for score in scores]
    if not np.allclose(at_ends, n):
        return f"at the measured scores {scores} it should give the measured {n}; yours gives {at_ends}."
    return None


def dominated(function: Callable[[Mapping[str, Scores]], Collection[str]]) -> str | None:
    """``dominated(scores)``: the set of ways than which another is as good on every task, and better on one."""
    points = {
        "A": (0.60, 0.90),
        "B": (0.55, 0.90),
        "C": (0.50, 0.95),
        "D": (0.60, 0.90),
        "E": (0.40, 0.93),
        "F": (0.65, 0.80),
    }
    scores = {way: dict(zip(("garment", "colour"), point, strict=True)) for way, point in points.items()}
    given = attempted(function({way: dict(row) for way, row in scores.items()}))
    if given is None:
        return "your function returns nothing. Is a return missing?"
    if isinstance(given, str) or not isinstance(given, Collection):
        return f"the answer is a set of names; yours is a {type(given).__name__}."
    found, right = set(given), unhelped(scores)
    if unknown := found - set(scores):
        return f"{sorted(map(str, unknown))[0]!r} is none of the ways; the answer is a set of their names."
    mistakes = [
        (set(scores) - right, "these are the ways that are *not* dominated."),
        (set(scores), "everybody is dominated, even by itself: as good everywhere is not enough, one must be better."),
        ({"A", "B", "D", "E"}, "A and D are equal, and neither dominates the other: one task must be better."),
        ({"E"}, "B is missing: A is better on garment and as good on colour. Better on *one* task is enough."),
        (
            {way for way in scores if way not in ("A", "D")},
            "C is best of all on colour and F on garment, so nobody dominates them, whatever their mean is.",
        ),
    ]
    for wrong, because in mistakes:
        if found == wrong:
            return because
    if found != right:
        return f"for {points} (garment, colour) it says {sorted(found)}, and it should be {sorted(right)}."
    more = {"A": {"x": 1.0, "y": 2.0, "z": 3.0}, "B": {"x": 1.0, "y": 2.0, "z": 4.0}}
    if set(function(more)) != {"A"}:
        return "it is right for two tasks and wrong for three: go through all tasks there are."
    return None


def no_number(given: object) -> str | None:
    """What is wrong with what should be one finite number."""
    if given is None:
        return "your function returns nothing. Is a return missing?"
    if isinstance(given, bool) or not isinstance(given, Real):
        return f"the answer is one number; yours is a {type(given).__name__}."
    return None if math.isfinite(given) else f"it is {given}."


delta_m = Exercise(
    "Exercise 2",
    delta_m,
    praise="Each task is measured against itself, so none counts more for having larger numbers.",
    hints=(
        "For each task: (way − separate) / separate, with the other sign if the task is in lower. Then the mean.",
        "Loop over the names in separate, collect the changes in a list, and divide their sum by len(…).",
    ),
)
labels_worth = Exercise(
    "Exercise 1",
    labels_worth,
    praise="Read off where it was measured, and unknown where it was not.",
    hints=(
        "np.interp(x, xs, ys) reads ys at x. Here x is a score, and ys are the logarithms of n.",
        "First look whether the target lies between the least and the greatest score; if not, return math.nan.",
    ),
)
dominated = Exercise(
    "Exercise 3",
    dominated,
    praise="What is left is the front: on it, one task is bought with another.",
    hints=(
        "a dominates b if all tasks have a ≥ b and any task has a > b.",
        "Go through all pairs; a way is dominated if any other dominates it.",
    ),
)
