"""Groups of tasks: learn from random ones who helps whom, choose some, and judge a score by a known truth.

A *score* is a square table, the row gives, the column receives, such as :func:`~mtl_lesson.inspection.affinity` and
:func:`~mtl_lesson.inspection.transfer_matrix` return; *results* are the table of
:func:`~mtl_lesson.inspection.train_groups`. Groups are tuples of task names; a task stands in one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from ..arguments import real, whole
from ..chance import generator
from ..evidence import directions, relative_gain
from .transfer import Group, tasks_by_group

MOST_TASKS = 10  # with 115,975 partitions; of 12 tasks there are four million
PERMUTATIONS = 200

Truth = Mapping[str, object] | Sequence[Sequence[str]] | pd.DataFrame


# --- learning from random groups ------------------------------------------------------------------------------------


def sample_groups(tasks: Sequence[str], size: int, how_many: int, seed: int = 0) -> list[Group]:
    """So many different groups of ``size`` tasks, each as likely as any other; ``tasks``: names, or a World.

    A larger ``how_many`` begins with the groups of a smaller one. Raises ValueError for more groups than there are, and
    for fewer tasks than a group has.
    """
    names = names_of(tasks)
    size = whole(size, "size", most=len(names), most_name="the number of tasks")
    how_many = whole(how_many, "how_many", most=math.comb(len(names), size), most_name="the number of such groups")
    draw, found = generator(seed, "groups of tasks"), {}
    while len(found) < how_many:
        chosen = torch.randperm(len(names), generator=draw)[:size].sort().values.tolist()
        found.setdefault(tuple(names[number] for number in chosen))
    return list(found)


def regress_groups(results: pd.DataFrame, value: str = "loss", ridge: float = 0.0) -> pd.DataFrame:
    """Who helps whom, learnt from groups: the score that j in the group adds to task i, other things equal.

        −L_i(group) ≈ b_i + Σ_{j ≠ i} β_ji · 1[j in the group]

    least squares for each i over the groups that i was trained in, L_i being the mean over seeds. Above 0, j helps.
    A square table, row j (the giver), column i; NaN on the diagonal and for two tasks that were never, or always,
    together. ``value``: "loss" or "validation" (counted so that more is better), for choosing; "score" is the test's.
    ``ridge``: the strength of a penalty ridge·Σ_j β_ji². Where there are fewer groups than tasks the smallest β that
    fits is taken. Li, Nguyen & Zhang 2023, "Identification of negative transfers in multitask learning using surrogate
    models" (2303.14582).

    Pitfall: from groups of one size alone only the differences between givers are known, and the β of a column sum to
    about 0, though all might harm: add the single tasks, or groups of another size.

    Raises ValueError for fewer than two tasks, and where a group has not been trained on the same seeds as the others.
    """
    from sklearn.linear_model import LinearRegression, Ridge  # here, since it takes long to load

    ridge = real(ridge, "ridge")
    merit, members = merits_of(results, value), tasks_by_group(results)
    names = list(dict.fromkeys(results.task))
    if len(names) < 2:
        raise ValueError(f"who helps whom is asked of two tasks or more, and there is one only, {names[0]!r}")
    table = pd.DataFrame(np.nan, pd.Index(names, name="giver"), pd.Index(names, name="receiver"))
    for name in names:
        own = merit.xs(name, level="task").mean(axis=1)
        others = [other for other in names if other != name]
        there = np.array([[other in members[group] for other in others] for group in own.index], float)
        told = there.std(0) > 0
        if not told.any():
            continue
        model = Ridge(ridge) if ridge else LinearRegression()
        table.loc[np.array(others)[told], name] = model.fit(there[:, told], own).coef_
    return table


def merits_of(results: pd.DataFrame, value: str) -> pd.DataFrame:
    """(group, task) × seed → how good, more being better."""
    if value not in ("loss", "validation", "score"):
        raise ValueError(f"value must be 'loss', 'validation' or 'score', not {value!r}")
    sign = -1.0 if value == "loss" else np.where(results.higher_is_better, 1.0, -1.0)
    rows = results.assign(merit=sign * results[value])
    wide = rows.pivot(index=["group", "task"], columns="seed", values="merit")
    if not np.isfinite(wide.to_numpy()).all():
        at = wide.index[~np.isfinite(wide.to_numpy()).all(1)][0]
        raise ValueError(f"{at[1]!r} in the group {at[0]!r} has no {value} for one of the seeds, or one that is NaN")
    return wide


# --- choosing groups ------------------------------------------------------------------------------------------------


def choose_groups(score: pd.DataFrame, k: int, *, combine: str = "mean") -> list[Group]:
    """The best way to cut the tasks into ``k`` groups, of all there are (:func:`partitions`).

    ``score``: a square table. A task is worth what the others of its group give it, their mean, or with
    ``combine="sum"`` their sum, which suits :func:`regress_groups`; alone it is worth 0. So gains say whether to be
    alone, a cosine does not. Or results: then a task is worth its validation score in the group as it was trained, the
    mean over seeds, and only partitions into trained groups are looked at; where tasks have scores of which some are
    better high and some low, the relative change against the task alone (:func:`~mtl_lesson.evidence.relative_gain`).
    What is maximal is the mean over tasks. k = 1 is all together, k = T all apart. Of equal ones the first is taken.

    Raises ValueError for fewer tasks than groups, for more than ten tasks, for a score that is NaN outside the
    diagonal, and where no partition into k groups has been trained.
    """
    of_results = "group" in score and list(score.index) != list(score.columns)  # a task may be called group
    names = list(dict.fromkeys(score.task)) if of_results else square(score)
    k = whole(k, "k")
    if k > len(names):
        raise ValueError(f"{len(names)} tasks cannot be cut into {k} groups, none of them empty; take k = {len(names)}")
    if len(names) > MOST_TASKS:
        raise ValueError(
            f"{len(names)} tasks can be cut in too many ways to try all; take {MOST_TASKS} or fewer, or cluster "
            "the score, such as by sklearn.cluster.SpectralClustering"
        )
    worth = worth_in_results(score) if of_results else worth_by_score(score, combine)
    best, most = None, -math.inf
    for groups in partitions(names, k):
        value = sum(worth.get(group, -math.inf) for group in groups)
        if value > most:
            best, most = groups, value
    if best is None:
        raise ValueError(f"no cut of the {len(names)} tasks into {k} groups has been trained: train the groups of one")
    return best


def partitions(tasks: Sequence[str], k: int) -> Iterator[list[Group]]:
    """All ways to cut the tasks into ``k`` groups, none of them empty, each once."""
    names = tuple(tasks)
    if not names:
        if k == 0:
            yield []
        return
    first, rest = names[0], names[1:]
    for groups in partitions(rest, k - 1) if k else ():
        yield [(first,), *groups]
    for groups in partitions(rest, k) if len(rest) >= k else ():
        for place, group in enumerate(groups):
            yield [(first, *group), *groups[:place], *groups[place + 1 :]]


def worth_by_score(score: pd.DataFrame, combine: str) -> dict[Group, float]:
    """Each group → the sum over its tasks of what the others of it give them."""
    if combine not in ("mean", "sum"):
        raise ValueError(f"combine must be 'mean' or 'sum', not {combine!r}")
    names, values = list(score.columns), score.to_numpy(float, copy=True)
    np.fill_diagonal(values, 0)
    if not np.isfinite(values).all():
        giver, receiver = np.argwhere(~np.isfinite(values))[0]
        raise ValueError(f"what {names[giver]!r} gives {names[receiver]!r} is not known: {values[giver, receiver]}")
    found = {}
    for number in range(1, 2 ** len(names)):
        chosen = [place for place in range(len(names)) if number >> place & 1]
        part = values[np.ix_(chosen, chosen)].sum()
        found[tuple(names[place] for place in chosen)] = part / max(1, len(chosen) - 1) if combine == "mean" else part
    return found


def worth_in_results(results: pd.DataFrame) -> dict[Group, float]:
    """Each trained group → the sum over its tasks of their validation scores, more being better."""
    order = list(dict.fromkeys(results.task))
    scored = comparable(results, "validation")
    return {
        tuple(sorted(members, key=order.index)): float(scored.loc[group].to_numpy().mean(1).sum())
        for group, members in tasks_by_group(results).items()
    }


def comparable(results: pd.DataFrame, value: str) -> pd.DataFrame:
    """(group, task) × seed → scores that may be added up over tasks, more being better: as they are where one way is
    better for all tasks, else the relative change against the task alone."""
    signs, wide = directions(results, None), merits_of(results, value)
    if len(set(signs.values())) == 1:
        return wide
    members = tasks_by_group(results)
    alone = {tasks[0]: group for group, tasks in members.items() if len(tasks) == 1}
    if missing := [name for name in signs if name not in alone]:
        raise ValueError(
            f"the tasks' scores are of several kinds, so they are compared with each task alone: train {missing[0]!r} "
            "alone, too"
        )
    first = pd.DataFrame([wide.loc[alone[task], task] for _, task in wide.index], wide.index)
    return relative_gain(wide, first, 1)


def score_groups(results: pd.DataFrame, groups: Sequence[Sequence[str]], value: str = "score") -> pd.Series:
    """What chosen groups reach: seed → the mean over their tasks of the score of the task in its group, for a claim.

    ``value``: "score", on test, to report; or "validation". In the tasks' own unit, where a lower one may be better;
    where some are better high and some low, the mean relative change against the task alone, above 0 if better.

    Raises KeyError for a group that has not been trained.
    """
    trained = {frozenset(members): name for name, members in tasks_by_group(results).items()}
    for group in groups:
        if frozenset(group) not in trained:
            raise KeyError(f"the group {tuple(group)!r} has not been trained: give it to train_groups, too")
    scored, signs = comparable(results, value), set(directions(results, None).values())
    rows = pd.concat([scored.loc[[trained[frozenset(group)]]] for group in groups])
    return (rows.mean() * (signs.pop() if len(signs) == 1 else 1)).rename(value)


def random_groups(tasks: Sequence[str], k: int, seed: int = 0) -> list[Group]:
    """The tasks cut at random into ``k`` groups of nearly one size: the floor for any choice. ValueError for k > T."""
    names = names_of(tasks)
    if whole(k, "k") > len(names):
        raise ValueError(f"{len(names)} tasks cannot be cut into {k} groups, none of them empty; take k = {len(names)}")
    order = torch.randperm(len(names), generator=generator(seed, "a cut of tasks")).tolist()
    return [tuple(names[place] for place in sorted(order[start::k])) for start in range(k)]


# --- judging a score by the truth -----------------------------------------------------------------------------------


def agreement(score: pd.DataFrame, truth: Truth) -> float:
    """How far a score agrees with the truth about who belongs together.

    ``truth``: task → its group, or a list of groups. Then it is the AUC: how often a pair within a group has a higher
    score than one between groups, from 0 to 1, 1/2 by chance; a tie counts half. Or ``truth`` is a square table itself,
    such as measured gains: then it is Spearman's rank correlation over all pairs, from −1 to 1, 0 by chance. Each pair
    counts in both directions; those whose score (or truth) is NaN are left out. By how much chance alone moves it:
    :func:`permuted`.

    Raises TypeError for what is no square table, KeyError for a task that the truth does not know, ValueError where all
    pairs are of one kind and where fewer than two are left.
    """
    names = square(score)
    return agree(score.to_numpy(float), true_values(truth, names), isinstance(truth, pd.DataFrame))


def permuted(score: pd.DataFrame, truth: Truth, how_many: int = PERMUTATIONS, seed: int = 0) -> np.ndarray:
    """The floor of :func:`agreement`: the same, ``how_many`` times, with the tasks of the truth in a random order.

    The pairs of one task hang together, so tasks are permuted and not pairs. Mantel 1967, "The detection of disease
    clustering and a generalized regression approach". The share of these that reach the agreement found is a p-value.
    """
    names, draw = square(score), generator(seed, "the truth in another order")
    values, true = score.to_numpy(float), true_values(truth, names)
    orders = [torch.randperm(len(names), generator=draw).numpy() for _ in range(whole(how_many, "how_many"))]
    return np.array([agree(values, true[np.ix_(order, order)], isinstance(truth, pd.DataFrame)) for order in orders])


def agree(values: np.ndarray, true: np.ndarray, ranks: bool) -> float:
    """:func:`agreement` of two square arrays."""
    from scipy.stats import rankdata  # here, since it takes long to load

    pairs = ~np.eye(len(values), dtype=bool) & np.isfinite(values) & np.isfinite(true)
    if pairs.sum() < 2:
        raise ValueError("fewer than two pairs have both a score and a truth, so there is no agreement to speak of")
    rank, true = rankdata(values[pairs]), true[pairs]
    if ranks:
        if min(np.ptp(rank), np.ptp(true)) == 0:
            return 0.0  # who calls all pairs equal orders none
        return float(np.corrcoef(rank, rankdata(true))[0, 1])
    within, between = int((true == 1).sum()), int((true == 0).sum())
    if not within or not between:
        kind = "within" if within else "between"
        raise ValueError(f"all pairs are {kind} groups, so none can be told from the others: it takes both kinds")
    return float((rank[true == 1].sum() - within * (within + 1) / 2) / (within * between))  # Mann and Whitney's U


def true_values(truth: Truth, names: Sequence[str]) -> np.ndarray:
    """The truth as a square array: 1 within a group and 0 between, or its values."""
    if isinstance(truth, pd.DataFrame):
        square(truth)
        known = truth
    else:
        group = truth if isinstance(truth, Mapping | pd.Series) else group_of(truth)
        known = pd.DataFrame({j: {i: float(own == other) for i, own in group.items()} for j, other in group.items()})
    if missing := [name for name in names if name not in known.index]:
        raise KeyError(f"the truth says nothing of task {missing[0]!r}; it knows {', '.join(map(str, known.index))}")
    return known.loc[list(names), list(names)].to_numpy(float)


def group_of(groups: Sequence[Sequence[str]]) -> dict[str, int]:
    """Task → the number of its group."""
    return {name: number for number, group in enumerate(groups) for name in group}


def square(score: pd.DataFrame) -> list[str]:
    """The tasks of a square table."""
    if not isinstance(score, pd.DataFrame) or list(score.index) != list(score.columns):
        raise TypeError(
            "expected a square table whose rows and columns are the same tasks, such as mtl.inspection.affinity or "
            "transfer_matrix return"
        )
    return list(score.columns)


def names_of(tasks: object) -> list[str]:
    """Task names from a World, tasks, or names."""
    return [getattr(task, "name", task) for task in getattr(tasks, "tasks", tasks)]
