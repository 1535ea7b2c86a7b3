"""The world club: one graph, who is labelled in it, and what is observed and what computed."""

import itertools

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.data import Club, club

few = settings(max_examples=25, deadline=None)
PARTS = ("train", "validation", "test")


def who(split):
    return split.x[:, 0].tolist()


def test_it_is_zacharys_graph():
    world = club()
    assert isinstance(world, Club)
    assert world.ties.shape == (34, 34)
    assert torch.equal(world.ties, world.ties.T)
    assert set(world.ties.unique().tolist()) == {0, 1}
    assert not world.ties.diagonal().any()
    assert world.ties.sum() == 2 * 78
    assert {who: int(world.ties[who].sum()) for who in (0, 33, 11)} == {0: 16, 33: 17, 11: 1}
    side = world.members.labels["side"]
    assert [world.task("side").answers[side[who]] for who in (0, 33)] == ["instructor", "president"]
    assert side.bincount().tolist() == [17, 17]
    assert "4 train, 10 validation, 20 test" in repr(world)


def test_the_circles_are_a_cut_that_no_single_move_betters_and_all_but_tell_the_side():
    world = club()
    circle, graph = world.members.labels["circle"], nx.from_numpy_array(world.ties.numpy())

    def modularity(of):
        return nx.community.modularity(graph, [set(np.flatnonzero(of == k)) for k in range(4)])

    best = modularity(circle.numpy())
    assert best == pytest.approx(0.41979, abs=1e-5)  # the maximum, Agarwal & Kempe 2008
    for member in range(34):
        for other in set(range(4)) - {int(circle[member])}:
            moved = circle.numpy().copy()
            moved[member] = other
            assert modularity(moved) < best
    first = [int((circle == k).nonzero()[0]) for k in range(4)]
    assert first == sorted(first)
    told = (circle > 1).long()
    assert (told != world.members.labels["side"]).nonzero().flatten().tolist() == [8]


@few
@given(st.integers(0, 10_000), st.integers(1, 23))
def test_every_member_is_in_one_part_and_keeps_its_labels(seed, n):
    world = club(n, seed=seed)
    parts = [who(getattr(world, part)) for part in PARTS]
    assert sorted(itertools.chain(*parts)) == list(range(34))
    assert list(map(len, parts)) == [n, 10, 24 - n]
    for part in PARTS:
        split = getattr(world, part)
        for name, labels in split.labels.items():
            assert torch.equal(labels, world.members.labels[name][split.x[:, 0]])


@few
@given(st.integers(0, 10_000))
def test_labels_go_round_the_circles_and_grow_from_few_to_more(seed):
    order = who(club(20, seed=seed).train)
    circle = club().members.labels["circle"]
    for n in (1, 4, 8, 15):
        world = club(n, seed=seed)
        assert who(world.train) == order[:n]
        counts = world.train.labels["circle"].bincount(minlength=4)
        assert counts.max() - counts.min() <= 1
    assert circle.bincount().min() == 5


def test_a_seed_draws_who_is_labelled_and_nothing_else():
    worlds = [club(seed=seed) for seed in range(20)]
    assert len({tuple(who(world.train)) for world in worlds}) > 15
    assert len({tuple(sorted(who(world.test))) for world in worlds}) > 15
    for world in worlds[1:]:
        assert torch.equal(world.ties, worlds[0].ties)
        assert torch.equal(world.positions, worlds[0].positions)
    assert who(club(seed=7).train) == who(worlds[7].train)
    worlds[0].ties.zero_()
    assert club().ties.any()  # a change to one world is no change to the next


def test_it_can_be_changed_like_any_world():
    world = club(8)
    hidden = mtl.data.hide_labels(world, "circle", 4)
    assert int((hidden.train.labels["circle"] >= 0).sum()) == 4
    assert isinstance(hidden, Club)


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"n_train": 0}, ValueError, "n_train must be 1 or more"),
        ({"n_train": 33}, ValueError, "n_train can be at most 32"),
        ({"n_train": 24, "n_validation": 10}, ValueError, "n_validation can be at most 33 - n_train = 9"),
        ({"n_train": 4.5}, TypeError, "n_train must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        club(**arguments)
