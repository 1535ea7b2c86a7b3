"""Groups of tasks: a planted truth is found, the best cut is the best of all, a score is judged by the truth."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from sklearn.metrics import roc_auc_score

import mtl_lesson as mtl
from mtl_lesson.inspection import (
    agreement,
    choose_groups,
    partitions,
    permuted,
    random_groups,
    regress_groups,
    sample_groups,
    score_groups,
)

seeds = st.integers(0, 10**6)


def names(T):
    return [f"t{number}" for number in range(T)]


def scored(T, seed):
    """A square table of noise, NaN on the diagonal."""
    values = np.random.default_rng(seed).normal(size=(T, T))
    np.fill_diagonal(values, np.nan)
    return pd.DataFrame(values, names(T), names(T))


def made(groups, merit, higher=False, seeds=(0, 1)):
    """Results in which a task is worth merit(group, task, seed), more being better."""
    rows = []
    for group, seed in itertools.product(groups, seeds):
        for task in group:
            value = merit(group, task, seed) * (1 if higher else -1)
            rows.append({"group": " + ".join(group), "seed": seed, "task": task, "validation": value, "score": value})
            rows[-1] |= {"loss": -merit(group, task, seed), "higher_is_better": higher}
    return pd.DataFrame(rows)


def added(score):
    """What others give, added up, beside something of the task's own and of the seed."""

    def merit(group, task, seed):
        return sum(score.loc[other, task] for other in group if other != task) - 5 - int(task[1:]) + seed

    return merit


@settings(max_examples=10, deadline=None)
@given(T=st.integers(2, 8), seed=seeds, data=st.data())
def test_random_groups_are_different_and_of_one_size(T, seed, data):
    size = data.draw(st.integers(1, T))
    most = math.comb(T, size)
    groups = sample_groups(names(T), size, most, seed)
    assert sorted(groups) == sorted(itertools.combinations(names(T), size))
    assert sample_groups(names(T), size, (most + 1) // 2, seed) == groups[: (most + 1) // 2]
    with pytest.raises(ValueError, match=f"at most the number of such groups = {most}"):
        sample_groups(names(T), size, most + 1)
    k = data.draw(st.integers(1, T))
    cut = random_groups(names(T), k, seed)
    assert sorted(itertools.chain(*cut)) == names(T)
    assert {len(group) for group in cut} <= {T // k, -(-T // k)}


@settings(max_examples=8, deadline=None)
@given(T=st.integers(3, 5), seed=seeds, higher=st.booleans())
def test_a_planted_truth_is_found_again(T, seed, higher):
    truth = scored(T, seed)
    groups = [group for size in (1, 2, 3) for group in itertools.combinations(names(T), size)]
    results = made(groups, added(truth), higher)
    for value in ("loss", "validation", "score"):
        found = regress_groups(results, value)
        pd.testing.assert_frame_equal(found, truth, check_names=False)
    shrunk = regress_groups(results, ridge=1e6)
    assert np.nanmax(abs(shrunk.to_numpy())) < 1e-3
    of_one_size = regress_groups(results[results.group.str.count(r"\+") == 1])  # only differences are known
    pd.testing.assert_frame_equal(of_one_size, truth - truth.mean(), check_names=False)


def test_what_was_never_seen_together_is_not_known():
    groups = [("t0",), ("t1",), ("t2",), ("t0", "t1"), ("t1", "t2")]
    found = regress_groups(made(groups, added(scored(3, 0))))
    assert np.isnan(found.loc["t2", "t0"])
    assert found.loc["t1", "t0"] == pytest.approx(scored(3, 0).loc["t1", "t0"])


@pytest.mark.parametrize("k", range(1, 6))
def test_partitions_are_all_there_are_each_once(k):
    found = list(partitions(names(5), k))
    kept = {frozenset(map(frozenset, groups)) for groups in found}
    assert len(kept) == len(found) == {1: 1, 2: 15, 3: 25, 4: 10, 5: 1}[k]  # Stirling numbers
    assert all(len(groups) == k and sorted(itertools.chain(*groups)) == names(5) for groups in found)


@settings(max_examples=10, deadline=None)
@given(T=st.integers(2, 5), seed=seeds, combine=st.sampled_from(["mean", "sum"]), data=st.data())
def test_the_chosen_groups_are_the_best_of_all(T, seed, combine, data):
    score, k = scored(T, seed), data.draw(st.integers(1, T))

    def worth(labels):
        total = 0
        for task, own in zip(names(T), labels, strict=True):
            others = [score.loc[o, task] for o, its in zip(names(T), labels, strict=True) if its == own and o != task]
            total += (sum(others) / len(others) if combine == "mean" else sum(others)) if others else 0
        return total

    best = max(worth(labels) for labels in itertools.product(range(k), repeat=T) if len(set(labels)) == k)
    groups = choose_groups(score, k, combine=combine)
    number = {task: place for place, group in enumerate(groups) for task in group}
    assert len(groups) == k
    assert worth([number[task] for task in names(T)]) == pytest.approx(best)


@settings(max_examples=8, deadline=None)
@given(seed=seeds, k=st.integers(1, 4), higher=st.booleans())
def test_of_trained_groups_the_best_cut_on_validation_is_chosen(seed, k, higher):
    every = [group for size in range(1, 5) for group in itertools.combinations(names(4), size)]
    rng = np.random.default_rng(seed)
    results = made(every, lambda group, task, seed: rng.normal(), higher)
    sign = 1 if higher else -1
    chosen = score_groups(results, choose_groups(results, k), "validation")
    assert list(chosen.index) == [0, 1]
    for groups in partitions(names(4), k):
        assert sign * score_groups(results, groups, "validation").mean() <= sign * chosen.mean() + 1e-12
    by_hand = [
        results[(results.group == "t0 + t1") & (results.seed == 0)].score.sum(),
        results[(results.group == "t2 + t3") & (results.seed == 0)].score.sum(),
    ]
    assert score_groups(results, [["t1", "t0"], ["t2", "t3"]])[0] == pytest.approx(sum(by_hand) / 4)


def test_scores_of_several_kinds_are_compared_with_the_task_alone():
    up = made([("t0",), ("t0", "t1")], lambda group, task, seed: 0.5 * len(group), True)
    down = made([("t1",), ("t0", "t1")], lambda group, task, seed: -2.0 / len(group), False)
    results = pd.concat([up[up.task == "t0"], down[down.task == "t1"]])
    assert score_groups(results, [("t0", "t1")]).tolist() == pytest.approx([0.75, 0.75])  # (1 + 1/2) / 2
    assert choose_groups(results, 1) == [("t0", "t1")]
    with pytest.raises(ValueError, match="train 't1' alone, too"):
        choose_groups(results[results.group != "t1"], 1)


@settings(max_examples=10, deadline=None)
@given(T=st.integers(4, 8), seed=seeds)
def test_the_truth_agrees_with_itself_and_chance_with_nothing(T, seed):
    groups = random_groups(names(T), 2, seed)
    within = {task: number for number, group in enumerate(groups) for task in group}
    itself = pd.DataFrame({a: {b: float(within[a] == within[b]) for b in names(T)} for a in names(T)})
    assert agreement(itself, groups) == agreement(itself, within) == 1
    assert agreement(-itself, groups) == 0
    assert agreement(0 * itself, groups) == 0.5
    score, other = scored(T, seed), scored(T, seed + 1)
    assert agreement(score, np.exp(score)) == pytest.approx(1)
    apart = ~np.eye(T, dtype=bool)
    expected = spearmanr(score.to_numpy()[apart], other.to_numpy()[apart]).statistic
    assert agreement(score, other) == pytest.approx(expected)
    expected = roc_auc_score(itself.to_numpy()[apart], score.to_numpy()[apart])
    assert agreement(score, groups) == pytest.approx(expected)
    order = list(np.random.default_rng(seed).permutation(names(T)))
    assert agreement(score.loc[order, order], groups) == pytest.approx(agreement(score, groups))
    floor = permuted(score, groups, 100)
    assert len(floor) == 100
    assert abs(floor.mean() - 0.5) < 0.15
    assert abs(permuted(score, other, 100).mean()) < 0.25
    assert (permuted(itself, groups, 100) <= 1).all()


def test_the_auc_counts_pairs():
    score = pd.DataFrame([[np.nan, 3, 1], [5, np.nan, 4], [0, 2, np.nan]], names(3), names(3))
    wins = [within > between for within in (3, 5) for between in (1, 4, 0, 2)]
    assert agreement(score, [["t0", "t1"], ["t2"]]) == pytest.approx(np.mean(wins))
    score.loc["t1", "t2"] = np.nan  # is left out
    assert agreement(score, [["t0", "t1"], ["t2"]]) == 1


def test_what_cannot_be_chosen_or_judged_is_refused():
    score = scored(4, 0)
    with pytest.raises(ValueError, match="4 tasks cannot be cut into 5 groups, none of them empty; take k = 4"):
        choose_groups(score, 5)
    with pytest.raises(ValueError, match="4 tasks cannot be cut into 5 groups"):
        random_groups(names(4), 5)
    with pytest.raises(ValueError, match="11 tasks can be cut in too many ways"):
        choose_groups(scored(11, 0), 2)
    with pytest.raises(ValueError, match="what 't0' gives 't2' is not known"):
        choose_groups(score.where(score != score.loc["t0", "t2"]), 2)
    with pytest.raises(ValueError, match="combine must be 'mean' or 'sum'"):
        choose_groups(score, 2, combine="most")
    pair = made([("t0", "t1"), ("t2",)], lambda group, task, seed: 1.0)
    assert choose_groups(pair, 2) == [("t0", "t1"), ("t2",)]
    with pytest.raises(ValueError, match="no cut of the 3 tasks into 3 groups has been trained"):
        choose_groups(pair, 3)
    with pytest.raises(KeyError, match=r"the group \('t1', 't2'\) has not been trained"):
        score_groups(pair, [("t1", "t2")])
    with pytest.raises(ValueError, match="one only, 't0'"):
        regress_groups(made([("t0",)], lambda group, task, seed: 1.0))
    with pytest.raises(ValueError, match="has no loss for one of the seeds"):
        regress_groups(pair.drop(index=0))
    with pytest.raises(ValueError, match="'loss', 'validation' or 'score', not 'test'"):
        regress_groups(pair, "test")
    with pytest.raises(ValueError, match="all pairs are within groups"):
        agreement(score, [names(4)])
    with pytest.raises(KeyError, match="the truth says nothing of task 't3'"):
        agreement(score, [["t0", "t1"], ["t2"]])
    with pytest.raises(TypeError, match="a square table"):
        agreement(score.iloc[:2], [names(4)])
    with pytest.raises(ValueError, match="fewer than two pairs"):
        agreement(score * np.nan, [["t0", "t1"], ["t2", "t3"]])
    world = mtl.data.planted(T=3, d=4, n=5, n_validation=5, n_test=5)
    assert sample_groups(world, 3, 1) == [("task 1", "task 2", "task 3")]
