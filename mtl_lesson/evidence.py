"""A claim, its paired results, its interval and its verdict: what the course says about numbers that chance decides.

Two ways of sharing are compared seed by seed: both see the same sample, the same batches and start from the same
weights, so what they have in common cancels in the difference. The mean of these differences is uncertain; its 95 %
interval, and nothing else, gives the verdict.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from statistics import fmean, stdev

import numpy as np
import pandas as pd

from .arguments import whole

CONFIDENCE = 0.95
#: columns of a table of results that say what was measured, not where
MEASURED = ("score", "validation", "loss", "gap", "weights", "weight", "higher_is_better", "count", "value")
MARGIN = 0.02  # two points: what one would pay for a lighter model
FEWEST = 3  # with two pairs Student's factor is 12.7: such an interval says nothing

Results = Mapping[Hashable, float] | pd.Series | Sequence[float]


@dataclass(frozen=True, repr=False)
class Claim:
    """A claim with its verdict. Printing it gives one line; every measured number in it follows the sign ≈.

    ``differences``: a − b of each of the ``n`` pairs. ``mean``, ``low``, ``high``: their mean and its 95 % interval, in
    the unit of the results. ``verdict``: "supported", "contradicted" or "undecided". ``groups``: over which groups of
    test examples the interval runs, too, such as "4 voices".
    """

    text: str
    differences: tuple[float, ...]
    mean: float
    low: float
    high: float
    verdict: str
    n: int
    unit: str = ""
    pairs: str = "paired seeds"
    corrected: bool = False
    groups: str = ""

    @property
    def close(self) -> bool:
        """True when the interval ends within a tenth of its width from zero: take more seeds before relying on it."""
        return min(abs(self.low), abs(self.high)) < (self.high - self.low) / 10

    @property
    def numbers(self) -> str:
        """Mean, interval and number of pairs, in words."""
        mean, low, high = self.rounded()
        unit = {"%": " percentage points", "": ""}.get(self.unit, f" {self.unit}")
        split = ", corrected for overlapping splits" if self.corrected else ""
        over = f"{self.groups} and {self.n} {self.pairs}" if self.groups else f"{self.n} {self.pairs}"
        return f"mean difference {mean}{unit}, 95 % interval {low} to {high}, {over}{split}"

    def rounded(self) -> tuple[str, str, str]:
        """Mean, low and high as printed, to two digits of the interval's width: what follows them means nothing."""
        factor = 100 if self.unit == "%" else 1
        values = [factor * value for value in (self.mean, self.low, self.high)]
        width, size = values[2] - values[1], max(map(abs, values))
        if width <= 1e-9 * size:  # all differences equal but for rounding
            texts = [f"{value:+.3g}" for value in values]
        else:
            digits = min(max(0, 1 - math.floor(math.log10(width))), 12)
            texts = [f"{round(value, digits) + 0.0:+.{digits}f}" for value in values]
        return tuple(f"≈ {text.replace('-', '−')}" for text in texts)

    def sentence(self) -> str:
        """The finding as one sentence, whichever the verdict is."""
        finding = {
            "supported": "support the claim that",
            "contradicted": "contradict the claim that",
            "undecided": "do not decide whether",
        }[self.verdict]
        return f"The measurements {finding} {self.text} ({self.numbers})."

    def __repr__(self) -> str:
        return f"{self.verdict}: {self.text} ({self.numbers})"


def claim(
    text: str,
    a: Results,
    b: Results | float,
    better: str = "greater",
    *,
    overlap: tuple[int, int] | None = None,
    groups: tuple[Results, Results | float] | None = None,
    unit: str = "",
    by: str | None = None,
) -> Claim:
    """Is ``a`` greater (or less) than ``b``? The verdict comes from the 95 % interval of the mean paired difference.

        d_j = a_j − b_j,   d̄ ± t · s · √(1/J),   j = 1 … J,   s² = Σ_j (d_j − d̄)² / (J − 1)

    with Student's t for J − 1 degrees of freedom. *supported*: all of the interval lies on the claimed side of 0;
    *contradicted*: all of it on the other side; *undecided*: it holds 0. It speaks of new seeds with the same test set.

    ``a`` and ``b``: mappings or pandas Series from seed (or another key) to result, or sequences paired by position. A
    number as ``b`` is a fixed reference, such as chance. ``better``: "greater" or "less". ``unit``: printed after the
    mean; "%" prints fractions as percentage points. ``by``: what a pair is, for the words (a Series says it itself).

    ``overlap=(n_train, n_test)``: the pairs come from random splits of *one* data set, so their training sets overlap
    and s is too small; 1/J becomes 1/J + n_test/n_train. Nadeau & Bengio 2003, "Inference for the generalization
    error", Machine Learning 52.

    ``groups``: the same results by group of test examples (patients, voices, states …), each the mean over the seeds,
    as ``a`` and ``b`` are each the mean over the groups. Then the interval speaks of new groups *and* new seeds:

        d̄ ± t · √(s²/J + s_G²/G),   G groups whose differences vary by s_G²,

    with Welch and Satterthwaite's degrees of freedom, and no fewer than the smaller of J − 1 and G − 1. What varies
    with seed and group together is counted in both, so the interval is a little too wide rather than too narrow (Owen
    2007, "The pigeonhole bootstrap", Annals of Applied Statistics 1).

    Raises TypeError for what is no result, ValueError for fewer than three pairs or groups, results that do not pair,
    NaN or infinity, an unknown ``better``, and groups whose mean difference is not that of the pairs.
    """
    if not isinstance(text, str) or not text.strip():
        raise TypeError(f"a claim needs words, such as 'one trunk scores higher than three', not {text!r}")
    if better not in ("greater", "less"):
        raise ValueError(f"better must be 'greater' or 'less', not {better!r}")
    pairs, named = pair_up(a, b)
    n = len(pairs)
    if n < FEWEST:
        raise ValueError(f"{n} pair{'s' * (n != 1)} cannot carry a claim; give {FEWEST} or more, better 5")
    differences = differ(pairs)
    # fmean and stdev are exact before their last rounding: the order of the pairs cannot matter.
    mean, parts = fmean(differences), [(stdev(differences) ** 2 * (1 / n + extra(overlap)), n - 1)]
    over = ""
    if groups is not None:
        part, over = spread_of_groups(groups, mean)
        parts.append(part)
    half = half_width(parts)
    low, high = mean - half, mean + half
    above, below = low > 0, high < 0
    verdict = "undecided"
    if above or below:
        verdict = "supported" if above == (better == "greater") else "contradicted"
    noun = f"{by or named}s" if by or named else "pairs"
    words = noun if noun == "pairs" or isinstance(b, Real) else f"paired {noun}"
    text = text.strip().rstrip(".")
    return Claim(text, differences, mean, low, high, verdict, n, unit, words, overlap is not None, over)


def differ(pairs: Sequence[tuple[float, float]]) -> tuple[float, ...]:
    """The difference of each pair. What is equal but for rounding is equal: 0.1 + 0.2 against 0.3 is no difference."""
    return tuple(0.0 if math.isclose(x, y, rel_tol=1e-12) else x - y for x, y in pairs)


def spread_of_groups(groups: tuple[Results, Results | float], mean: float) -> tuple[tuple[float, int], str]:
    """(s_G²/G, degrees of freedom) of the differences by group, whose mean is to be ``mean``; and what they are."""
    try:
        a, b = groups
    except (TypeError, ValueError):
        raise TypeError(f"groups must be a pair, the results of a and of b by group; not {groups!r}") from None
    pairs, name = pair_up(a, b)
    count, noun = len(pairs), "groups" if name in ("", "seed") else f"{name}s"
    if count < FEWEST:
        raise ValueError(f"{count} group{'s' * (count != 1)} cannot carry a claim; give {FEWEST} or more")
    differences = differ(pairs)
    size = max(abs(mean), *map(abs, differences))
    if not math.isclose(fmean(differences), mean, rel_tol=1e-3, abs_tol=1e-4 * size):
        raise ValueError(
            f"the groups' mean difference is {fmean(differences):.6g} and that of the pairs {mean:.6g}: a and b must "
            "be the mean over the same groups, each counted once, and the groups the mean over the same seeds"
        )
    return (stdev(differences) ** 2 / count, count - 1), f"{count} {noun}"


def half_width(parts: Sequence[tuple[float, int]]) -> float:
    """Half a 95 % interval for a mean whose variance is the sum of ``parts``, each with its degrees of freedom
    (Welch 1947; Satterthwaite 1946)."""
    from scipy.special import stdtrit  # Student's t; here, since it takes long to load

    variance = math.fsum(part for part, _ in parts)
    if len(parts) == 1 or not variance:
        freedom = parts[0][1]
    else:
        freedom = 1 / math.fsum((part / variance) ** 2 / own for part, own in parts)
    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * math.sqrt(variance)


def pick(table: pd.DataFrame, value: str = "score", by: str = "seed", **place: object) -> pd.Series:
    """The results at one place of a tidy table, a number for each value of ``by``, ready for :func:`claim`.

        pick(bank.load("budgets"), way="Hard", width=8, epoch=20, task="garment")

    ``place``: a value for each column that says where a row stands, but "task", whose mean is taken where none is
    named. Where the table has several splits, "test" is meant unless ``split`` says another. Columns that have one
    value throughout, and those of what was measured, need not be named.

    Raises KeyError for a column that is not there, ValueError for a place with no rows, and for a column that was not
    named although it varies, with the values that it has.
    """
    if "split" in table and "split" not in place:
        place = place | {"split": "test"}
    found = table
    for column, wanted in ({value: None, by: None} | place).items():
        if column not in table:
            raise KeyError(f"the table has no column {column!r}; it has {', '.join(map(str, table.columns))}")
        if column in place:
            found = found[found[column] == wanted]
    if found.empty:
        raise ValueError(f"no row is at {place}; there are {list_values(table.drop(columns=[value, by]), place)}")
    left = found.drop(columns=[value, by, *place, *MEASURED], errors="ignore")
    varies = [column for column in left if column != "task" and left[column].nunique(dropna=False) > 1]
    if varies or found.duplicated([by, "task"] if "task" in found else [by]).any():
        raise ValueError(
            f"several rows have one {by}: say which is meant of {list_values(left, varies) or 'the columns'}"
        )
    return found.groupby(by, sort=False)[value].mean()


def list_values(table: pd.DataFrame, columns: Iterable[str]) -> str:
    """Columns with the values that they have, in words."""
    return "; ".join(f"{c}: {list_keys(table[c].unique())}" for c in columns if c in table)


def choose(table: pd.DataFrame, axis: str, by: str = "seed", better: str | None = None) -> pd.DataFrame:
    """Choose on validation, report on test: for each seed the value on ``axis`` whose validation score is best.

    ``table``: tidy, with columns ``axis``, ``by``, task, split, score and higher_is_better, such as the table of
    ``mtl.sweep(…, test=True)``; or with the validation score in a column "validation" beside the test score in "score",
    as the bank stores it. A row for each value of ``by``: the chosen value of ``axis``, the *test* score of each task
    there, and their mean. Of equal ones the first on the axis is taken.

    Which way a score is better stands in the table, task by task; ``better``, "greater" or "less", says it for a table
    without the column. What is compared is the mean validation score over tasks. Where a high score is good for some
    tasks and a low one for others, that mean says nothing: then it is the mean over tasks of the relative change
    against the first value on the axis, counted positive where a task gets better (:func:`relative_gain`), and there
    is no column of means.

    Since each seed chooses without its test set, a claim about the rows needs no fresh seeds. Raises KeyError for a
    column that is not there; ValueError where more than one row has a place, a split is missing, a score is NaN or
    nothing says which way is better; TypeError for a ``better`` that contradicts the table.
    """
    signs = directions(table, better)
    if "validation" in table:
        wide = table.rename(columns={"score": "test"}).set_index([by, axis, "task"])[["validation", "test"]]
    else:
        table = table[table.split.isin(("validation", "test"))]
        rows = table.set_index([by, axis, "task", "split"]).score
        if rows.index.has_duplicates:
            raise ValueError(f"the table has other axes than {axis!r} and {by!r}: choose one value of each first")
        wide = rows.unstack("split")
    if wide.index.has_duplicates or not {"validation", "test"} <= set(wide):
        raise ValueError("each place needs one score on validation and one on test: run the sweep with test=True")
    tasks, order = list(dict.fromkeys(table.task)), list(dict.fromkeys(table[axis]))
    scores = wide.validation.unstack("task")[tasks]
    if scores.isna().any(axis=None):
        raise ValueError(
            f"there is no validation score at {scores.index[scores.isna().any(axis=1)][0]}: a run that "
            "failed, or a task that was not asked there, must be dealt with first"
        )
    if mixed := len(set(signs.values())) > 1:
        first = scores.xs(order[0], level=axis).reindex(scores.index, level=by)
        merit = relative_gain(scores, first, pd.Series(signs))
    else:
        merit = scores * signs[tasks[0]]
    merit = merit.mean(axis=1).unstack(axis)[order]
    best = merit.idxmax(axis=1)
    test = wide.test.unstack("task")[tasks].loc[list(best.items())]
    test = test if mixed else test.assign(mean=test.mean(axis=1))
    return test.reset_index(axis).rename_axis(columns=None)


def directions(table: pd.DataFrame, better: str | None) -> dict[str, int]:
    """Task → 1 where a higher score is better, −1 where a lower one is, as the table says it or else ``better``."""
    if better not in (None, "greater", "less"):
        raise ValueError(f"better must be 'greater' or 'less', not {better!r}")
    if "higher_is_better" not in table:
        if better is None:
            raise ValueError(
                "the table does not say which way a score is better: it has no column higher_is_better; "
                "say better='greater' (accuracy) or better='less' (an error)"
            )
        return dict.fromkeys(table.task, 1 if better == "greater" else -1)
    found = {task: 1 if higher else -1 for task, higher in zip(table.task, table.higher_is_better, strict=True)}
    if better is not None and set(found.values()) != {1 if better == "greater" else -1}:
        raise TypeError(f"better={better!r} contradicts the table, which says for each task which way is better")
    return found


def relative_gain(scores, first, signs):
    """(scores − first) / |first|, counted positive where a task gets better: ``signs`` is 1 where higher is better, −1
    where lower is. Arrays, or tables with a column a task.

    Its mean over tasks is the field's Δm (Maninis, Radosavovic & Kokkinos 2019, "Attentive single-tasking of multiple
    tasks"). Raises ValueError where a first score is 0, from which nothing has a relative change.
    """
    if (np.asarray(first) == 0).any():
        raise ValueError(
            "a score is exactly 0 at the first value of the axis, so there is no relative change to "
            "average: choose for tasks of one kind alone, table[table.task.isin([…])]"
        )
    return signs * (scores - first) / abs(first)


def interval(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and the ends of its 95 % interval over axis 0 (seeds); lowest and highest where there are fewer than 3."""
    values = np.asarray(values, float)
    mean = values.mean(0)
    if len(values) < FEWEST:
        return mean, values.min(0), values.max(0)
    from scipy.special import stdtrit  # Student's t; here, since it takes long to load

    half = stdtrit(len(values) - 1, (1 + CONFIDENCE) / 2) * values.std(0, ddof=1) / math.sqrt(len(values))
    return mean, mean - half, mean + half


def pair_up(a: Results, b: Results | float) -> tuple[list[tuple[float, float]], str]:
    """The pairs (a_j, b_j) in the order of ``a``, and what a pair is called ("" for a pair without one name)."""
    mine, a_keyed, a_name = results(a, "a")
    if isinstance(b, Real) and not isinstance(b, bool):
        if not math.isfinite(b):
            raise ValueError(f"b must be a finite number, not {b!r} (NaN and infinity compare with nothing)")
        theirs, b_keyed, b_name = dict.fromkeys(mine, float(b)), a_keyed, a_name
    else:
        theirs, b_keyed, b_name = results(b, "b")
    if a_keyed != b_keyed:
        raise TypeError("one of a and b has keys (seeds) and the other has none, so they cannot be paired")
    if a_name is not None and b_name is not None and a_name != b_name:
        raise ValueError(f"a is indexed by {a_name!r} and b by {b_name!r}; paired results have the same index")
    if not a_keyed and len(mine) != len(theirs):
        raise ValueError(f"a has {len(mine)} results and b has {len(theirs)}; pairs need the same number of each")
    lacks = [
        f"{which} has no result for {list_keys(missing)}"
        for which, missing in (("a", theirs.keys() - mine.keys()), ("b", mine.keys() - theirs.keys()))
        if missing
    ]
    if lacks:
        raise ValueError(f"{'; '.join(lacks)}. Pairs have the same key: index both by seed (.set_index('seed'))")
    name = a_name if a_name is not None else b_name
    return [(value, theirs[key]) for key, value in mine.items()], "seed" if name is None else name


def results(values: Results, which: str) -> tuple[dict[Hashable, float], bool, str | None]:
    """Results as {key: number}, whether they came with keys, and the name of the keys where they have one."""
    name, keyed = None, True
    if isinstance(values, pd.Series):
        twice = values.index[values.index.duplicated()].unique()
        if len(twice):
            raise ValueError(f"{which} has more than one result for {list_keys(twice)}; each key may stand once")
        if values.index.nlevels > 1:
            name = ""
        elif values.index.name is not None:
            name = str(values.index.name)
    elif not isinstance(values, Mapping):
        if isinstance(values, str | set | frozenset | pd.DataFrame) or not hasattr(values, "__len__"):
            got = type(values).__name__
            raise TypeError(f"{which} must be a mapping seed → result, a Series or a sequence, not {got}")
        values, keyed = dict(enumerate(values)), False
    found = {key: number(value, f"{which}[{key!r}]") for key, value in values.items()}
    bad = [key for key, value in found.items() if not math.isfinite(value)]
    if bad:
        kind = "seed" if name is None else name or "key"
        at = f"{kind} {list_keys(bad)}" if keyed else f"position {list_keys(bad)}"
        raise ValueError(f"{which} holds NaN or infinity at {at}; a run that failed must be dealt with, not averaged")
    return found, keyed, name


def number(value: object, what: str) -> float:
    """``value`` as a float, or a TypeError that names it."""
    try:
        if isinstance(value, str | bytes):
            raise TypeError
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise TypeError(f"{what} must be a number, not {value!r}") from None


def extra(overlap: tuple[int, int] | None) -> float:
    """n_test / n_train, what overlapping training sets add to 1/J; 0 for independent samples."""
    if overlap is None:
        return 0.0
    try:
        n_train, n_test = overlap
    except (TypeError, ValueError):
        raise TypeError(f"overlap must be the pair (n_train, n_test), not {overlap!r}") from None
    return whole(n_test, "n_test") / whole(n_train, "n_train")


def list_keys(keys: Iterable[Hashable], most: int = 5) -> str:
    """Some keys in words, in a fixed order."""
    keys = sorted(keys, key=lambda key: (not isinstance(key, Real), key if isinstance(key, Real) else 0, str(key)))
    return ", ".join(map(str, keys[:most])) + (f" and {len(keys) - most} more" if len(keys) > most else "")


# --- a guide: what to advise where, from what was measured ----------------------------------------------------------


def match_best(ways: Mapping[str, Results], margin: float = MARGIN) -> dict[str, tuple[str, Claim]]:
    """Which ways lose less than ``margin`` to the best, whichever the best is? Way → (hardest rival, claim).

    For a way w this is the claim that, against *every* other way v,

        score_w − score_v + margin > 0,

    and what is returned is the v for which it holds least, with its claim. So the best need not be known, nor chosen:
    a way that loses less than the margin to each loses less to the best of them. Each claim is at 95 %, and so is the
    whole (an intersection–union test; Berger & Hsu 1996, "Bioequivalence trials, intersection-union tests and
    equivalence confidence sets"). *Undecided* is no evidence: a way that nobody could tell from the others does not
    match.

    ``ways``: way → score by seed, more being better, over the same seeds. ``margin``: in the unit of the scores.
    Raises ValueError for fewer than two ways, a margin that is not above 0, and where :func:`claim` does.
    """
    if len(ways) < 2:
        raise ValueError("a way is judged against others: give two or more")
    if not (isinstance(margin, Real) and margin > 0):
        raise ValueError(f"the margin is what one would pay, a number above 0, not {margin!r}")
    keyed = {way: pd.Series(results(own, way)[0], dtype=float) for way, own in ways.items()}
    found = {}
    for way, own in keyed.items():
        rivals = {
            v: claim(f"{way} loses less than {margin:g} to {v}", own + margin, keyed[v]) for v in ways if v != way
        }
        lost = [v for v in rivals if rivals[v].verdict == "contradicted"]
        hardest = min(lost or rivals, key=lambda v: rivals[v].low)
        found[way] = hardest, rivals[hardest]
    return found


def advise(
    scores: Mapping[Hashable, Mapping[str, Results]], sizes: Mapping[str, float], margin: float = MARGIN
) -> pd.DataFrame:
    """The lightest way *shown* to lose less than ``margin`` to the best, for each situation, or None: not known.

    ``scores``: situation → way → score by seed, a share, more being better. A situation's ways are compared over the
    seeds that all of them have. ``sizes``: way → what it costs, such as weights. Of the ways that match the best
    (:func:`match_best`) the one that costs least is advised. A row for each situation: "way", and "why" in words.

    What is not known is not advised: with fewer seeds the intervals are wider, and more often nothing is. A rule that
    takes the lightest way that no other is *shown* to beat does the opposite: the less it knows, the lighter its
    advice.

    Raises ValueError for fewer than three common seeds, KeyError for a way without a size.
    """
    rows = []
    for ways in scores.values():
        found = match_best(over_common(ways), margin)
        way = lightest(found, sizes)
        shown = way or max(found, key=lambda name: found[name][1].low)  # the nearest to be shown
        rival, closest = found[shown]
        most = 100 * (margin - closest.low)  # what the interval leaves possible, in points
        why = f"{shown} may lose ≈ {most:.1f} points, to {rival}" if most > 0 else f"{shown} is better than all others"
        rows.append({"way": way, "why": why if way else f"even {why}"})
    return pd.DataFrame(rows, index=list(scores), columns=["way", "why"], dtype=object)


def take_shown(ways: Mapping[str, Results], sizes: Mapping[str, float], margin: float = MARGIN) -> str | None:
    """The rule of :func:`advise` for one situation: the lightest way that is shown to match the best, or None."""
    return lightest(match_best(over_common(ways), margin), sizes)


def take_unbeaten(ways: Mapping[str, Results], sizes: Mapping[str, float]) -> str | None:
    """A rule that sounds modest and is not: the lightest way that no other is shown to beat.

    It counts *undecided* as evidence for the lighter way, so that the less is known, the lighter is its advice.
    """
    ways = over_common(ways)
    beaten = {
        a
        for a in ways
        for b in ways
        if a != b and claim(f"{b} is better than {a}", ways[b], ways[a]).verdict == "supported"
    }
    left = [way for way in ways if way not in beaten]
    return min(left, key=sizes.__getitem__) if left else None


def lightest(found: Mapping[str, tuple[str, Claim]], sizes: Mapping[str, float]) -> str | None:
    """Of the ways whose claim is supported the one that costs least, the first of equal ones; None if there is none."""
    matching = [way for way, (_, one) in found.items() if one.verdict == "supported"]
    return min(matching, key=sizes.__getitem__) if matching else None


def over_common(ways: Mapping[str, Results]) -> dict[str, pd.Series]:
    """Each way's results over the seeds that all ways have."""
    keyed = {way: pd.Series(results(own, way)[0], dtype=float) for way, own in ways.items()}
    common = set.intersection(*(set(own.index) for own in keyed.values()))
    return {way: own[own.index.isin(common)].sort_index() for way, own in keyed.items()}


def try_rule(
    rule: Callable[[Mapping[str, Results], Mapping[str, float]], str | None],
    scores: Mapping[Hashable, Mapping[str, Results]],
    sizes: Mapping[str, float],
    numbers: Iterable[int] = (3, 5, 10),
) -> pd.DataFrame:
    """What becomes of a rule's advice where it sees fewer seeds: a row for each situation, number and run of seeds.

    ``rule(ways, sizes)`` returns the way that it advises from a situation's ways → score by seed, or None, such as
    :func:`take_shown`. It is given each so many seeds in a row. Columns: rule, situation, seeds, "advice"; "lighter":
    than what the same rule advises from all seeds; "wrong": from all seeds, the way is shown to lose more than
    :data:`MARGIN` to some other; "silent": no advice.
    """
    rows = []
    for situation, ways in scores.items():
        ways = over_common(ways)
        final, known = rule(ways, sizes), match_best(ways)
        seeds = len(next(iter(ways.values())))
        for number in numbers:
            for first in range(seeds - number + 1):
                way = rule({w: own.iloc[first : first + number] for w, own in ways.items()}, sizes)
                row = {"rule": rule.__name__, "situation": situation, "seeds": number, "advice": way}
                row["lighter"] = None not in (way, final) and sizes[way] < sizes[final]
                row["wrong"] = way is not None and known[way][1].verdict == "contradicted"
                rows.append(row | {"silent": way is None})
    return pd.DataFrame(rows)
