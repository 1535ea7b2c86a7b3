"""The exercises of lesson 06: the stub, the solution, and each typical mistake with its own answer."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from mtl_lesson import checks
from mtl_lesson.checks import lesson_06

TEXT = Path(__file__).resolve().parents[1] / "notebooks" / "text"


def signs(base, lower):
    return {name: -1 if name in lower else 1 for name in base}


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def solution(way, separate, lower):
    s = signs(separate, lower)
    return mean(s[t] * (way[t] - separate[t]) / separate[t] for t in separate)


def averaged_first(way, separate, lower):
    return (mean(way.values()) - mean(separate.values())) / mean(separate.values())


def averaged_first_with_signs(way, separate, lower):
    s = signs(separate, lower)
    return sum(s[t] * (way[t] - separate[t]) for t in separate) / sum(separate.values())


DELTAS = [
    (lambda way, separate, lower: ..., "not attempted", ""),
    (solution, "right", ""),
    (lambda way, separate, lower: np.float64(solution(way, separate, lower)), "right", ""),
    (lambda way, separate, lower: solution(way, separate, ()), "wrong", "less of it is better"),
    (lambda way, separate, lower: -solution(way, separate, lower), "wrong", "wrong way round"),
    (lambda way, separate, lower: solution(way, separate, set(separate) - lower), "wrong", "wrong way round"),
    (lambda w, b, lower: mean(signs(b, lower)[t] * (w[t] - b[t]) for t in b), "wrong", "own units"),
    (lambda w, b, lower: mean(w[t] - b[t] for t in b), "wrong", "plain differences"),
    (averaged_first, "wrong", "averaged before dividing, and depth"),
    (averaged_first_with_signs, "wrong", "divide, then average"),
    (lambda w, b, lower: mean(signs(b, lower)[t] * (w[t] - b[t]) / w[t] for t in b), "wrong", "the new score"),
    (lambda w, b, lower: len(b) * solution(w, b, lower), "wrong", "their mean"),
    (lambda w, b, lower: 100 * solution(w, b, lower), "wrong", "percentage"),
    (lambda w, b, lower: mean(abs(w[t] - b[t]) / b[t] for t in b), "wrong", "leave abs out"),
    (lambda w, b, lower: solution(w, b, lower) * len(b) / 3, "wrong", "wrong for two others"),
    (lambda w, b, lower: 0.5, "wrong", "by the formula"),
    (lambda w, b, lower: math.nan, "wrong", "it is nan"),
    (lambda w, b, lower: None, "wrong", "return missing"),
    (lambda w, b, lower: [0.1], "wrong", "one number"),
    (lambda w, b: 1, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), DELTAS)
def test_delta_m_is_judged(answer, state, words):
    result = checks.delta_m(answer)
    assert result.state == state
    assert words in result.words, result.words


def read_off(target, n, scores):
    return math.nan if not scores[0] <= target <= scores[-1] else math.exp(np.interp(target, scores, np.log(n)))


def extrapolated(target, n, scores):
    """The line through the two nearest points, wherever the target is."""
    i = min(max(int(np.searchsorted(scores, target)) - 1, 0), len(n) - 2)
    share = (target - scores[i]) / (scores[i + 1] - scores[i])
    return math.exp((1 - share) * math.log(n[i]) + share * math.log(n[i + 1]))


WORTH = [
    (lambda target, n, scores: ..., "not attempted", ""),
    (read_off, "right", ""),
    (lambda t, n, s: float(np.interp(t, s, n)), "wrong", "interpolates in n"),
    (lambda t, n, s: math.log(read_off(t, n, s)), "wrong", "undo the logarithm"),
    (lambda t, n, s: n[1], "wrong", "a measured n"),
    (lambda t, n, s: min(k for k, score in zip(n, s, strict=True) if score >= t), "wrong", "a measured n"),
    (lambda t, n, s: float(np.interp(t, n, s)), "wrong", "other way round"),
    (lambda t, n, s: math.exp(np.interp(t, [s[0], s[-1]], np.log([n[0], n[-1]]))), "wrong", "first to last"),
    (lambda t, n, s: math.exp(np.interp(t, s, np.log(n))), "wrong", "clamps"),
    (extrapolated, "wrong", "was not measured"),
    (lambda t, n, s: read_off(t, n, s) if t not in s else 7.0, "wrong", "the measured [40, 150, 400]"),
    (lambda t, n, s: 17.0, "wrong", "yours is 17"),
    (lambda t, n, s: None, "wrong", "return missing"),
    (lambda t, n, s: "many", "wrong", "one number"),
    (lambda t, n, s: n / s, "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), WORTH)
def test_what_sharing_is_worth_is_judged(answer, state, words):
    result = checks.labels_worth(answer)
    assert result.state == state
    assert words in result.words, result.words


def front(scores, better=lambda a, b: all(a[t] >= b[t] for t in b) and any(a[t] > b[t] for t in b)):
    return {w for w in scores if any(better(scores[v], scores[w]) for v in scores)}


def strictly(a, b):
    return all(a[t] > b[t] for t in b)


def weakly(a, b):
    return all(a[t] >= b[t] for t in b)


DOMINATED = [
    (lambda scores: ..., "not attempted", ""),
    (front, "right", ""),
    (lambda scores: sorted(front(scores)), "right", ""),
    (lambda scores: front(scores, strictly), "wrong", "B is missing"),
    (lambda scores: front(scores, weakly), "wrong", "even by itself"),
    (lambda scores: front(scores, lambda a, b: a is not b and weakly(a, b)), "wrong", "A and D are equal"),
    (lambda scores: set(scores) - front(scores), "wrong", "*not* dominated"),
    (lambda scores: front(scores, lambda a, b: mean(a.values()) > mean(b.values())), "wrong", "whatever their mean"),
    (lambda scores: {"C"}, "wrong", "it should be"),
    (lambda scores: {"garment"}, "wrong", "none of the ways"),
    (lambda scores: front({w: dict(list(s.items())[:2]) for w, s in scores.items()}), "wrong", "wrong for three"),
    (lambda scores: True, "wrong", "a bool"),
    (lambda scores: None, "wrong", "return missing"),
    (lambda scores: scores["Hard"], "crashed", "KeyError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), DOMINATED)
def test_who_is_dominated_is_judged(answer, state, words):
    result = checks.dominated(answer)
    assert result.state == state
    assert words in result.words, result.words


def fair(new, old):
    k = min(len(new), len(old))

    def chosen(way, seed):
        return max((way[setting][seed] for setting in list(way)[:k]), key=lambda run: run[0])[1]

    seeds = set(next(iter(new.values()))) & set(next(iter(old.values())))
    return {seed: chosen(new, seed) - chosen(old, seed) for seed in sorted(seeds)}


def careless(new, old, most=99, of_old=99, key=lambda run: run[0], report=1):
    seeds = set(next(iter(new.values()))) & set(next(iter(old.values())))

    def chosen(way, seed, tried):
        return max((way[setting][seed] for setting in list(way)[:tried]), key=key)[report]

    return {seed: chosen(new, seed, most) - chosen(old, seed, of_old) for seed in seeds}


def as_printed(new, old):
    """The unfair comparison of the lesson, word for word."""
    tuned = max(new.values(), key=lambda runs: mean(test for _, test in runs.values()))
    first = next(iter(old.values()))
    return mean(test for _, test in tuned.values()) - mean(test for _, test in first.values())


def for_all_seeds(new, old):
    tuned = [max(list(way.values())[:2], key=lambda runs: sum(runs[s][0] for s in (1, 2, 3, 4))) for way in (new, old)]
    return {seed: tuned[0][seed][1] - tuned[1][seed][1] for seed in (1, 2, 3, 4)}


def only_of_four(new, old):
    return fair(new, old) if len(new) == 4 else {seed: 0.0 for seed in (1, 2, 3, 4)}


FAIR = [
    (lambda new, old: ..., "not attempted", ""),
    (fair, "right", ""),
    (as_printed, "wrong", "the luck of each seed stays"),
    (lambda new, old: careless(new, old, 2, 2, key=lambda run: run[1]), "wrong", "chosen on *test*"),
    (careless, "wrong", "first two of each"),
    (lambda new, old: careless(new, old, 2, 1), "wrong", "nobody had tuned"),
    (lambda new, old: careless(new, old, 4, 1), "wrong", "old over none"),
    (lambda new, old: careless(new, old, 1, 1), "wrong", "nothing is tuned"),
    (lambda new, old: careless(new, old, key=lambda run: run[1]), "wrong", "and the setting is chosen on test"),
    (lambda new, old: careless(new, old, 2, 2, key=lambda run: run), "wrong", "let *test* decide"),
    (lambda new, old: careless(new, old, 2, 2, report=0), "wrong", "report test"),
    (lambda new, old: {seed: -value for seed, value in fair(new, old).items()}, "wrong", "new − old"),
    (for_all_seeds, "wrong", "chooses for itself"),
    (only_of_four, "wrong", "change places"),
    (lambda new, old: fair(new, old) | {0: 0.1}, "wrong", "[0, 1, 2, 3, 4]"),
    (lambda new, old: fair(new, old) | {2: 0.5}, "wrong", "at seed 2"),
    (lambda new, old: list(fair(new, old).values()), "wrong", "a list"),
    (lambda new, old: dict.fromkeys(fair(new, old), (0.1, 0.2)), "wrong", "one number"),
    (lambda new, old: None, "wrong", "return missing"),
    (lambda new, old: {seed: old["decay"][seed] for seed in new["λ .01"]}, "crashed", "KeyError"),
    (lambda new, old: {seed: old["decay 0"][seed] for seed in new["λ .01"]}, "wrong", "for seed 0, which only one"),
]


@pytest.mark.parametrize(("answer", "state", "words"), FAIR)
def test_a_repaired_comparison_is_judged(answer, state, words):
    result = checks.fair_comparison(answer)
    assert result.state == state
    assert words in result.words, result.words


def test_each_fault_of_a_comparison_gives_numbers_of_its_own():
    found = [
        str(sorted(careless(lesson_06.NEW, lesson_06.OLD, *how).items())) for how in ((2, 2), (4, 2), (2, 1), (1, 1))
    ]
    assert len(set(found)) == len(found)


DESIGNS = [
    ((..., ..., ...), "not attempted", ""),
    (("D", "split", "worth"), "right", ""),
    ((" d", "Split", "WORTH"), "right", ""),
    (("A", "split", "worth"), "wrong", "may lose a little"),
    (("B", "split", "worth"), "wrong", "not knowing good news"),
    (("C", "split", "worth"), "wrong", "third way"),
    (("D", "picture", "worth"), "wrong", "luck of training"),
    (("D", "clinic", "worth"), "wrong", "new clinics"),
    (("D", "epoch", "worth"), "wrong", "no repetitions"),
    (("D", "split", "0"), "wrong", "less than nothing"),
    (("D", "split", 0), "wrong", "less than nothing"),
    (("D", "split", "width"), "wrong", "the wider it is"),
    (("E", "split", "worth"), "wrong", "no claim 'E'"),
    (("D", "seed of weights", "worth"), "wrong", "no pair"),
]


@pytest.mark.parametrize(("answer", "state", "words"), DESIGNS)
def test_a_designed_test_is_judged(answer, state, words):
    result = checks.your_situation(*answer)
    assert result.state == state
    assert words in result.words, result.words


# What the lesson goes on with where an exercise is still open.


@pytest.mark.parametrize(
    ("exercise", "ours"),
    [
        (checks.delta_m, lesson_06.relative_change),
        (checks.labels_worth, lesson_06.needed),
        (checks.dominated, lesson_06.unhelped),
        (checks.fair_comparison, lesson_06.fair_difference),
    ],
)
def test_our_own_answers_pass(exercise, ours):
    assert exercise(ours).state == "right"


def test_delta_m_of_accuracy_and_of_error_can_disagree():
    """The warning of the lesson: the same two networks, better by one measure and worse by the other."""
    separate, way = {"garment": 0.50, "colour": 0.90}, {"garment": 0.51, "colour": 0.895}
    errors = [{name: 1 - score for name, score in scores.items()} for scores in (way, separate)]
    assert lesson_06.relative_change(way, separate) > 0
    assert lesson_06.relative_change(*errors, lower=set(separate)) < 0


def test_labels_undo_the_curve_they_were_read_from():
    n = np.array([30, 90, 270, 810])
    scores = 0.2 + 0.1 * np.log(n)
    for labels in (30, 50, 200, 810):
        assert lesson_06.needed(0.2 + 0.1 * math.log(labels), n, scores) == pytest.approx(labels)


@pytest.mark.parametrize(
    ("twin", "exercise", "name"),
    [
        ("06_the_trade_off", checks.labels_worth, "labels_worth"),
        ("06_the_trade_off", checks.fair_comparison, "compare"),
        ("extra/06_fronts", checks.delta_m, "delta_m"),
        ("extra/06_fronts", checks.dominated, "dominated"),
    ],
)
def test_the_folded_solution_is_right(twin, exercise, name):
    """As a learner would copy it, with what the lesson has imported."""
    folded = re.findall(r"<details>.*?</details>", (TEXT / f"{twin}.py").read_text(encoding="utf-8"), re.S)
    (solution,) = [text for text in folded if f"def {name}(" in text]
    space = {"np": np}
    exec(re.search(r"```python\n(.*?)```", re.sub(r"(?m)^# ?", "", solution), re.S)[1], space)
    assert exercise(space[name]).state == "right"


def test_the_folded_design_is_right():
    (given,) = re.findall(r'`("D", .*?)`', (TEXT / "06_the_trade_off.py").read_text(encoding="utf-8"))
    assert checks.your_situation(*(word.strip(' "') for word in given.split(","))).state == "right"


def test_the_unfair_comparison_is_the_lessons():
    """The faults that the check knows are those of the code that the learner reads."""
    text = (TEXT / "06_the_trade_off.py").read_text(encoding="utf-8")
    shown = re.sub(r"(?m)^# ?", "", re.search(r"# ```python\n(# def compare.*?)# ```", text, re.S)[1])
    space = {"mean": mean}
    exec(shown, space)
    assert space["compare"](lesson_06.NEW, lesson_06.OLD) == pytest.approx(as_printed(lesson_06.NEW, lesson_06.OLD))
    assert checks.fair_comparison(space["compare"]).state == "wrong"


def hard_coded(new, old):
    return lesson_06.fair_difference(new, old, tried=2)


def of_all_seeds(new, old):
    tries = min(len(new), len(old))
    best = [max(list(way.values())[:tries], key=lambda runs: mean(v for v, _ in runs.values())) for way in (new, old)]
    return {seed: best[0][seed][1] - best[1][seed][1] for seed in best[0] if seed in best[1]}


def of_news_seeds(new, old):
    return {seed: runs[1] - next(iter(old.values()))[seed][1] for seed, runs in next(iter(new.values())).items()}


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (hard_coded, "where both have four settings"),
        (of_all_seeds, "each *seed* chooses"),
        (of_news_seeds, "for seed 0, which only one of them has"),
        ("fair", "give the check your function"),
    ],
)
def test_a_reader_is_told_what_is_unfair(answer, words):
    result = checks.fair_comparison(answer)
    assert result.state == "wrong"
    assert words in result.words, result.words
