"""Transfer: paired with the task alone, what fits by hand would say, and nothing where nothing is shared."""

import functools
import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.inspection import compare_seeds, gains_of_pairs, train_groups, transfer, transfer_matrix

TRUNK = mtl.nets.linear(4, 2)
SETTINGS = {"epochs": 4, "batch_size": 5, "lr": 0.02, "progress": False, "precision": "float64"}
draw = functools.partial(mtl.data.planted, T=3, d=4, n=10, n_validation=20, n_test=20)
NAMES = ["task 1", "task 2", "task 3"]


@pytest.fixture(scope="module")
def table():
    return transfer(draw, TRUNK, seeds=[0, 3], **SETTINGS)


def test_a_gain_is_what_two_fits_by_hand_say(table):
    assert list(table) == ["giver", "receiver", "seed", "gain", "validation"]
    pairs = [(a, b, seed) for a, b in itertools.permutations(NAMES, 2) for seed in (0, 3)]
    assert list(zip(table.giver, table.receiver, table.seed, strict=True)) == pairs
    for giver, receiver, seed, gain, validation in table.itertuples(index=False):
        runs = []
        for group in ([receiver], [giver, receiver]):
            world = mtl.data.only(draw(seed=seed), group)
            runs.append(mtl.fit(mtl.Hard(world.tasks, TRUNK), world, seed=seed, **SETTINGS))
        alone, together = ([run.evaluate(split)[receiver] for split in ("test", "validation")] for run in runs)
        assert [gain, validation] == pytest.approx([alone[0] - together[0], alone[1] - together[1]], abs=1e-8)


def test_where_nothing_is_shared_nothing_is_gained():
    gains = transfer(draw, TRUNK, way=mtl.Separate, seeds=range(2), **SETTINGS)
    assert gains[["gain", "validation"]].abs().to_numpy().max() < 1e-9


def test_the_matrix_is_the_mean_with_its_interval(table):
    more = transfer(draw, TRUNK, seeds=range(3), **SETTINGS)
    mean, low, high = (transfer_matrix(more, end=end) for end in ("mean", "low", "high"))
    assert list(mean.index) == list(mean.columns) == NAMES
    own = more[(more.giver == "task 3") & (more.receiver == "task 1")]
    assert mean.loc["task 3", "task 1"] == pytest.approx(own.gain.mean())
    claim = mtl.claim("it helps", own.set_index("seed").gain, 0)
    assert [low.loc["task 3", "task 1"], high.loc["task 3", "task 1"]] == pytest.approx([claim.low, claim.high])
    assert not np.allclose(mean, mean.T, equal_nan=True)
    assert np.isnan(np.diag(mean)).all()
    seeds = more[more.seed.isin([0])].reset_index(drop=True)
    pd.testing.assert_frame_equal(seeds, table[table.seed == 0].reset_index(drop=True), rtol=1e-9)
    with pytest.raises(KeyError, match="value is 'gain' or 'validation'"):
        transfer_matrix(more, value="score")


def test_groups_are_trained_once_and_in_the_order_of_the_world():
    world = draw(seed=0)
    results = train_groups(
        world, [["task 3", "task 1"], "task 2", ["task 1", "task 3"]], trunk=TRUNK, seeds=[1, 0], **SETTINGS
    )
    assert list(results) == ["group", "seed", "task", "validation", "score", "loss", "higher_is_better"]
    assert results[["group", "seed", "task"]].to_numpy().tolist() == [
        ["task 1 + task 3", 0, "task 1"],
        ["task 1 + task 3", 0, "task 3"],
        ["task 1 + task 3", 1, "task 1"],
        ["task 1 + task 3", 1, "task 3"],
        ["task 2", 0, "task 2"],
        ["task 2", 1, "task 2"],
    ]
    assert results.validation.to_numpy() == pytest.approx(results.loss.to_numpy())  # of numbers one is the other
    assert results.notna().all(axis=None)


def test_accuracy_counts_the_other_way():
    rows = [
        {"group": group, "seed": seed, "task": task, "validation": at, "score": at, "loss": 0.0, "higher_is_better": up}
        for group, task, at, up in (
            ("a", "a", 0.5, True),
            ("b", "b", 2.0, False),
            ("a + b", "a", 0.75, True),
            ("a + b", "b", 1.0, False),
        )
        for seed in range(2)
    ]
    gains = gains_of_pairs(pd.DataFrame(rows)).set_index(["giver", "receiver", "seed"]).gain
    assert gains["b", "a", 0] == pytest.approx(0.25)
    assert gains["a", "b", 1] == pytest.approx(1.0)
    with pytest.raises(ValueError, match=r"what 'b' gains is not known: train it alone, too"):
        gains_of_pairs(pd.DataFrame([row for row in rows if row["group"] != "b"]))


def test_what_cannot_be_trained_is_refused_before_anything_is(monkeypatch):
    monkeypatch.setattr(mtl.inspection.transfer.__globals__["sweep"].__globals__["Plan"], "jobs", None)
    world = draw(seed=0)
    with pytest.raises(ValueError, match="one only, 'task 1': give two or more"):
        transfer(mtl.data.only(world, ["task 1"]), TRUNK, seeds=[0])
    for groups, says in (([], "no group was given"), ([[]], "names one task or more"), ([["task 1"] * 2], "each once")):
        with pytest.raises(ValueError, match=says):
            train_groups(world, groups, trunk=TRUNK)
    with pytest.raises(KeyError, match="there is no task 'task 9'; the tasks are task 1, task 2, task 3"):
        train_groups(world, [["task 1", "task 9"]], trunk=nn.Linear(4, 2))
    with pytest.raises(ValueError, match="seeds must be given once each"):
        transfer(world, TRUNK, seeds=[0, 0])


@given(
    st.integers(2, 5).flatmap(
        lambda seeds: st.lists(st.lists(st.integers(-9, 9), min_size=seeds, max_size=seeds), min_size=3, max_size=8)
    )
)
@settings(deadline=None)
def test_seeds_are_compared_with_all_the_others(gains):
    """As SciPy's rank correlation of one seed's gains with the others' means; NaN where all gains are equal."""
    table = pd.DataFrame(
        {"giver": f"g{pair}", "receiver": "r", "seed": 100 + seed, "gain": gain}
        for pair, row in enumerate(gains)
        for seed, gain in enumerate(row)
    )
    found = compare_seeds(table.sample(frac=1, random_state=0))
    wide = np.array(gains, float)
    for seed in range(wide.shape[1]):
        others = np.delete(wide, seed, 1).mean(1)
        if min(np.ptp(wide[:, seed]), np.ptp(others)) == 0:
            assert np.isnan(found[100 + seed])
        else:
            assert found[100 + seed] == pytest.approx(spearmanr(wide[:, seed], others)[0])


def test_one_seed_has_no_other():
    with pytest.raises(ValueError, match="two seeds or more"):
        compare_seeds(pd.DataFrame({"giver": ["a"], "receiver": ["b"], "seed": [0], "gain": [1.0]}))
