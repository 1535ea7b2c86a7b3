"""Retrieval across inputs of different kinds: its limits, its ties, and readers that carry over."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World, only
from mtl_lesson.inspection import find_nearest, read_across, retrieval

few = settings(max_examples=30, deadline=None)
sizes = {"seed": st.integers(0, 10**6), "n": st.integers(2, 40), "d": st.integers(2, 12)}


def drawn(seed, n, d, parts=1):
    return np.random.default_rng(seed).standard_normal((parts, n, d))


@few
@given(**sizes, at=st.integers(1, 40))
def test_equal_features_find_their_partners_and_turning_or_scaling_both_changes_nothing(seed, n, d, at):
    at = min(at, n)
    x, y = drawn(seed, n, d, 2)
    assert retrieval(x, x, at).tolist() == pytest.approx([1, 1, at / n])
    Q, _ = np.linalg.qr(drawn(seed + 1, d, d)[0])
    lengths = np.random.default_rng(seed).uniform(0.1, 10, (n, 1))
    assert retrieval(x @ Q, lengths * y @ Q, at).tolist() == pytest.approx(retrieval(x, y, at).tolist())
    there, back, _ = retrieval(x, y, at)
    assert retrieval(y, x, at).tolist() == pytest.approx([back, there, at / n])


@few
@given(**sizes, at=st.integers(1, 40))
def test_it_is_the_count_of_a_loop_and_order_does_not_matter(seed, n, d, at):
    at = min(at, n)
    x, y = drawn(seed, n, d, 2)
    hits = 0
    for i in range(n):
        cosines = [x[i] @ other / np.linalg.norm(x[i]) / np.linalg.norm(other) for other in y]
        hits += i in np.argsort(cosines)[::-1][:at]
    order = np.random.default_rng(seed).permutation(n)
    assert retrieval(x, y, at)["there"] == pytest.approx(hits / n)
    assert retrieval(x[order], y[order], at).tolist() == pytest.approx(retrieval(x, y, at).tolist())


@few
@given(**sizes, at=st.integers(1, 40))
def test_where_all_are_alike_it_is_chance_exactly(seed, n, d, at):
    at = min(at, n)
    one = drawn(seed, 1, d)[0]
    for x, y in ((np.repeat(one, n, 0), np.repeat(one, n, 0)), (drawn(seed, n, d)[0], np.repeat(one, n, 0))):
        assert retrieval(x, y, at)["there"] == pytest.approx(at / n)
    assert retrieval(np.zeros((n, d)), drawn(seed, n, d)[0], at).tolist() == pytest.approx([at / n] * 3)


@few
@given(seed=st.integers(0, 10**6), n=st.integers(2, 10), twins=st.integers(2, 4))
def test_of_twins_each_is_found_by_a_fair_share(seed, n, twins):
    """Every thing is there as often as it has twins, and these cannot be told apart: at=1 finds one in so many."""
    x = np.repeat(drawn(seed, n, 20)[0], twins, 0)
    for at in range(1, twins + 1):
        assert retrieval(x, x, at)["there"] == pytest.approx(at / twins)


def test_permuted_partners_are_found_by_chance():
    """The mean over permutations of whatever features is chance; five standard errors."""
    x, y = drawn(0, 200, 10, 2)
    rng = np.random.default_rng(1)
    found = [retrieval(x, (x + y)[rng.permutation(200)], 10).there for _ in range(100)]
    assert np.mean(found) == pytest.approx(0.05, abs=5 * np.std(found) / 10)
    assert retrieval(x, x + y, 10).there > 0.3


@few
@given(**sizes, k=st.integers(1, 40))
def test_the_nearest_are_those_of_a_loop_and_the_partner_is_among_them_as_often_as_retrieval_says(seed, n, d, k):
    k = min(k, n)
    x, y = drawn(seed, n, d, 2)
    found = find_nearest(x, 3 * y, k)
    assert found.shape == (n, k)
    for i in range(n):
        cosines = [x[i] @ other / np.linalg.norm(x[i]) / np.linalg.norm(other) for other in y]
        assert found[i].tolist() == np.argsort(cosines)[::-1][:k].tolist()
    hits = (found == np.arange(n)[:, None]).any(1).mean()
    assert retrieval(x, y, k)["there"] == pytest.approx(hits)
    assert find_nearest(x[:1], y, k).tolist() == found[:1].tolist()


def test_of_those_equally_near_the_first_comes_first():
    y = np.array([[0.0, 1], [1, 2], [2, 4], [1, 0], [0.3, 0.6]])
    assert find_nearest(np.array([[1.0, 2], [0, 0]]), y, 4).tolist() == [[1, 2, 4, 0], [0, 1, 2, 3]]


@pytest.mark.parametrize(
    ("x", "y", "k", "error", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 3)), 1, ValueError, "features of one size, not 2 and 3"),
        (np.ones((3, 2)), np.ones((4, 2)), 5, ValueError, "k can be at most m = 4"),
        (np.ones((3, 2)), np.ones((4, 2)), 0, ValueError, "k must be 1 or more"),
        (np.ones((3, 2)), np.full((4, 2), np.inf), 1, ValueError, "y holds NaN or infinity"),
        (np.ones(3), np.ones((4, 2)), 1, TypeError, "x must be an array of numbers"),
    ],
)
def test_find_nearest_says_what_is_wrong(x, y, k, error, message):
    with pytest.raises(error, match=message):
        find_nearest(x, y, k)


@pytest.mark.parametrize(
    ("x", "y", "at", "error", "message"),
    [
        (np.ones((3, 2)), np.ones((4, 2)), 1, ValueError, r"not of shape \(3, 2\) and \(4, 2\)"),
        (np.ones((3, 2)), np.ones((3, 4)), 1, ValueError, "of the same two or more things"),
        (np.ones((1, 2)), np.ones((1, 2)), 1, ValueError, "two or more"),
        (np.ones(3), np.ones(3), 1, TypeError, "array of numbers"),
        (np.array([["a", "b"]] * 3), np.ones((3, 2)), 1, TypeError, "x must be an array of numbers"),
        (np.ones((3, 2)), np.array([[1, 1], [1, np.nan], [1, 1]]), 1, ValueError, "y holds NaN.*row 1"),
        (np.ones((3, 2)), np.ones((3, 2)), 4, ValueError, "at can be at most n = 3"),
        (np.ones((3, 2)), np.ones((3, 2)), 1.5, TypeError, "at must be a whole number"),
    ],
)
def test_retrieval_says_what_is_wrong(x, y, at, error, message):
    with pytest.raises(error, match=message):
        retrieval(x, y, at)


# --- one reader for two --------------------------------------------------------------------------------------------


def two_views(turned: bool, n=120):
    """A point of the plane, seen by one task as it is and by the other the same way or turned by half a turn."""
    tasks, parts = (mtl.Binary("a"), mtl.Binary("b")), []
    for part in range(3):
        x = torch.randn(n, 2, generator=torch.Generator().manual_seed(part))
        y = (x[:, 0] > 0).long()
        parts.append(Split({"a": x, "b": -x if turned else x + 0}, {"a": y, "b": y}))
    return World("views", tasks, *parts)


def test_a_reader_carries_over_where_both_mean_the_same_and_reads_the_opposite_where_they_do_not():
    for turned, low, high in ((False, 0.9, 1.0), (True, 0.0, 0.1)):
        world = two_views(turned)
        table = read_across(mtl.Hard(world, nn.Sequential(nn.Linear(2, 2, bias=False))), world)
        assert list(table.columns) == ["fitted_on", "read_on", "score"]
        score = table.set_index(["fitted_on", "read_on"]).score
        assert min(score["a", "a"], score["b", "b"]) > 0.9
        for pair in (("a", "b"), ("b", "a")):
            assert low <= score[pair] <= high


def test_read_across_says_what_is_wrong():
    world, trunk = two_views(False), nn.Sequential(nn.Linear(2, 2))
    one = Split(world.train.x["a"], world.train.labels)
    together = World("one", world.tasks, one, one, one)
    with pytest.raises(ValueError, match="nothing to read across"):
        read_across(mtl.Hard(together, trunk), together)
    with pytest.raises(ValueError, match="copies"):
        read_across(mtl.Hard(world, trunk, seeds=(0, 1)), world)
    x, y = world.train.x, world.train.labels
    mixed = Split(x, {"a": y["a"], "b": torch.randn(len(y["b"]))})
    mixed = World("mixed", (mtl.Binary("a"), mtl.Regression("b")), mixed, mixed, mixed)
    with pytest.raises(ValueError, match="both ask one question"):
        read_across(mtl.Hard(mixed, trunk), mixed)
    with pytest.raises(TypeError, match="expected a model"):
        read_across(None, world)
    assert len(read_across(mtl.Hard(only(world, "a"), trunk), only(world, "a"))) == 1
