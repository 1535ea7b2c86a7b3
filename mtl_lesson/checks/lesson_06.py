"""The exercises of lesson 06: labels, an unfair comparison, a test to design; of its extra, domination and Δm."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from numbers import Real
from statistics import fmean

import numpy as np

from .exercise import Exercise, attempted, fault_of_design, judged, no_number

Scores = Mapping[str, float]
Trials = Mapping[str, Mapping[int, tuple[float, float]]]  # setting → seed → (validation, test)


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


def fair_difference(new: Trials, old: Trials, tried: int | None = None, first: bool = False, by: int = 0) -> dict:
    """Seed → new − old on test, over the seeds that both have: for each seed and way at the setting that validation
    likes best (of equal ones the first) among the first ``tried`` (as many as both have).

    What learners get wrong: ``tried`` settings of both, as many as there are; the old way's ``first`` setting; the
    setting chosen ``by`` test, 1.
    """
    tried = min(len(new), len(old)) if tried is None else tried

    def chosen(way: Trials, seed: int, most: int) -> float:
        return max((way[setting][seed] for setting in list(way)[:most]), key=lambda run: run[by])[1]

    seeds = [seed for seed in next(iter(new.values())) if seed in next(iter(old.values()))]
    return {seed: chosen(new, seed, tried) - chosen(old, seed, 1 if first else tried) for seed in seeds}


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
                f"{beyond!r}. Outside it is unknown: return np.nan. (np.interp clamps silently.)"
            )
    at_ends = [function(score, list(n), list(scores)) for score in scores]
    if not np.allclose(at_ends, n):
        return f"at the measured scores {scores} it should give the measured {n}; yours gives {at_ends}."
    return None


NEW = {
    "λ .003": {0: (0.61, 0.60), 1: (0.66, 0.62), 2: (0.63, 0.63), 3: (0.64, 0.61), 4: (0.62, 0.62)},
    "λ .01": {0: (0.65, 0.61), 1: (0.62, 0.64), 2: (0.63, 0.66), 3: (0.61, 0.60), 4: (0.66, 0.65)},
    "λ .03": {0: (0.63, 0.66), 1: (0.68, 0.67), 2: (0.60, 0.61), 3: (0.69, 0.68), 4: (0.60, 0.59)},
    "λ .1": {0: (0.70, 0.69), 1: (0.60, 0.58), 2: (0.71, 0.70), 3: (0.60, 0.62), 4: (0.69, 0.68)},
}
OLD = {
    "decay 0": {1: (0.60, 0.61), 2: (0.61, 0.60), 3: (0.63, 0.64), 4: (0.58, 0.57), 5: (0.60, 0.62), 6: (0.6, 0.55)},
    "decay .001": {1: (0.63, 0.62), 2: (0.60, 0.64), 3: (0.62, 0.67), 4: (0.60, 0.61), 5: (0.62, 0.6), 6: (0.6, 0.52)},
}


def fair_comparison(function: Callable[[Trials, Trials], Mapping[int, float]]) -> str | None:
    """``compare(new, old)``: seed → difference on test of two ways that were tuned alike."""
    copies = [{setting: dict(runs) for setting, runs in way.items()} for way in (NEW, OLD)]
    try:
        given = attempted(function(*copies))
    except KeyError as error:
        if error.args[0] in (0, 5, 6):
            return f"it asks both ways for seed {error.args[0]}, which only one of them has: take the seeds of both."
        raise
    if given is None:
        return "your function returns nothing. Is a return missing?"
    if isinstance(given, Real):
        return (
            "it is one number: a difference of two means, in which the luck of each seed stays. Return a dictionary "
            "seed → difference."
        )
    if not isinstance(given, Mapping):
        return f"the answer is a dictionary seed → difference; yours is a {type(given).__name__}."
    right = fair_difference(NEW, OLD)
    if set(given) != set(right):
        return f"it compares the seeds {sorted(given)}; those that both ways have are {sorted(right)}."
    if not all(isinstance(value, Real) for value in given.values()):
        return "each seed's value is one number: a test score minus a test score."
    mistakes = [
        (fair_difference(NEW, OLD, by=1), "the setting is chosen on *test*: look at the first number of each pair."),
        (
            fair_difference(NEW, OLD, tried=4),
            "new may try four settings, old has two. Who may try more looks better: take the first two of each.",
        ),
        (fair_difference(NEW, OLD, first=True), "old is left at its first setting, as if nobody had tuned it."),
        (fair_difference(NEW, OLD, tried=4, first=True), "new is tuned over four settings and old over none."),
        (fair_difference(NEW, OLD, tried=1), "nothing is tuned: each may try two settings."),
        (
            fair_difference(NEW, OLD, tried=4, by=1),
            "new may try four settings and old two, and the setting is chosen on test.",
        ),
        ({seed: -value for seed, value in right.items()}, "the sign is the wrong way round: it is new − old."),
        (
            at_ties(),
            "where two settings tie on validation you let *test* decide (max of a pair looks at its second "
            "number too): say key=lambda run: run[0].",
        ),
        *(
            (
                one_setting(most, own),
                "it has one setting for all seeds; here, as in mtl.choose, each *seed* chooses for itself.",
            )
            for most in (2, 4)
            for own in (False, True)
        ),
        (
            fair_difference(
                {s: {k: (v, v) for k, (v, _) in r.items()} for s, r in NEW.items()},
                {s: {k: (v, v) for k, (v, _) in r.items()} for s, r in OLD.items()},
            ),
            "you report the validation score, on which the setting was chosen: report test.",
        ),
    ]
    for found, because in mistakes:
        if all(math.isclose(given[seed], found[seed], abs_tol=1e-9) for seed in right):
            return because
    if wrong := [seed for seed in right if not math.isclose(given[seed], right[seed], abs_tol=1e-9)]:
        seed = wrong[0]
        return f"at seed {seed} it says {given[seed]:+.3f}, and it should be {right[seed]:+.3f}."
    back = function(*reversed(copies))
    if not all(math.isclose(back.get(seed, math.nan), -right[seed], abs_tol=1e-9) for seed in right):
        return "it is right here, and not when old and new change places: it must treat both alike."
    more = OLD | {f"{setting}, again": runs for setting, runs in reversed(OLD.items())}
    four = function(NEW, more)
    if not all(math.isclose(four.get(seed, math.nan), value) for seed, value in fair_difference(NEW, more).items()):
        return "it is right here, and not where both have four settings: as many as *both* have may be tried."
    return None


def at_ties() -> dict[int, float]:
    """What :func:`fair_difference` would be if runs were compared as whole pairs."""
    best = {
        way: {seed: max(runs[s][seed] for s in list(runs)[:2])[1] for seed in (1, 2, 3, 4)}
        for way, runs in (("new", NEW), ("old", OLD))
    }
    return {seed: best["new"][seed] - best["old"][seed] for seed in (1, 2, 3, 4)}


def one_setting(most: int, own: bool) -> dict[int, float]:
    """What :func:`fair_difference` would be with one setting for all seeds among the first ``most``, chosen over the
    seeds of both or over all a way has of its ``own``."""

    def mean_validation(runs: Mapping[int, tuple[float, float]]) -> float:
        return fmean(runs[seed][0] for seed in (runs if own else (1, 2, 3, 4)))

    best = [max(list(way.values())[:most], key=mean_validation) for way in (NEW, OLD)]
    return {seed: best[0][seed][1] - best[1][seed][1] for seed in (1, 2, 3, 4)}


CLAIMS = {
    "A": "it asks for more than you need: a lighter model may lose a little",
    "B": "it calls not knowing good news: with one split, or very noisy ones, it always holds",
    "C": "where a third way is ten points better than both, it holds all the same",
    "D": None,
}
PAIRS = {
    "picture": "two pictures meet the same two trained networks, so the luck of training is left out",
    "clinic": "it would speak of new clinics; the question is about these five",
    "epoch": "the epochs of one run are no repetitions: they share all that chance has decided",
    "split": None,
}
MARGINS = {
    "0": "equal ways would then almost never pass: two equal scores cannot be shown to differ by less than nothing",
    "width": "the less you know, the wider it is, and the more would pass",
    "worth": None,
}


def your_situation(claim: str, pair: str, margin: str) -> str | None:
    """Which claim tests whether the guide holds for the learner, over which pairs, with which margin."""
    return fault_of_design({"claim": CLAIMS, "pair": PAIRS, "margin": MARGINS}, claim, pair, margin)


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


delta_m = Exercise(
    "Δm",
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
        "First look whether the target lies between the least and the greatest score; if not, return np.nan.",
    ),
)
fair_comparison = Exercise(
    "Exercise 2",
    fair_comparison,
    praise="As many trials each, chosen on validation, reported on test, over the same seeds, in pairs.",
    hints=(
        "Five questions: how many settings may each try? On which number is one chosen? Which is reported? Over which "
        "seeds? Is the luck of a seed taken away?",
        "For a seed: runs = [way[setting][seed] for setting in list(way)[:k]], then the one with the greatest run[0].",
        "Return {seed: chosen(new, seed) − chosen(old, seed)} for the seeds that both ways have.",
    ),
)
your_situation = Exercise(
    "Exercise 3",
    your_situation,
    praise="A margin fixed before, every rival, and pairs in which chance deals both ways the same cards.",
    hints=(
        "Would the claim hold if you had measured next to nothing? Then it is no evidence.",
        "A pair is one repetition of the whole experiment: new training pictures, new weights, the same for both ways.",
        "What does the lighter model save you? That is what you may pay for it.",
    ),
)
dominated = Exercise(
    "Dominated",
    dominated,
    praise="What is left is the front: on it, one task is bought with another.",
    hints=(
        "a dominates b if all tasks have a ≥ b and any task has a > b.",
        "Go through all pairs; a way is dominated if any other dominates it.",
    ),
)
