"""Lesson 11's stored experiment: labels drawn fairly, a control without content, and what is gathered of it."""

import importlib
import math

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson import bank, provenance
from mtl_lesson.checks import lesson_06

NUMBERS = [25, 50, 100]


@pytest.fixture(scope="module")
def few():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(provenance.PACKAGE.parent / "data" / "bank"))
        yield importlib.import_module("few")


# what is drawn


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), min_size=30, max_size=60), st.integers(0, 99), st.integers(0, 9), st.data())
def test_labelled_examples_are_balanced_nested_and_drawn_once(few, labels, seed, draw, data):
    labels = torch.tensor([*labels, *range(5)])
    most = int(labels.bincount().min())
    rounds = few.in_rounds(labels, most, seed, draw)
    assert rounds.shape == (most, 5)
    assert len(rounds.unique()) == rounds.numel()
    k = data.draw(st.integers(1, most))
    assert labels[rounds[:k].flatten()].bincount().tolist() == [k] * 5
    assert torch.equal(few.in_rounds(labels, k, seed, draw), rounds[:k])


def test_sets_of_labelled_examples_differ_by_draw_and_by_seed(few):
    labels = torch.arange(10).repeat(50)
    sets = [tuple(few.in_rounds(labels, 5, seed, draw).flatten().tolist()) for seed in (1, 2) for draw in (0, 1)]
    assert len(set(sets)) == 4
    with pytest.raises(ValueError, match="one class has 50 examples, so 51"):
        few.in_rounds(labels, 51, 1, 0)


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**20))
def test_shuffled_labels_have_the_same_counts_and_say_nothing_of_the_picture(few, seed):
    world = mtl.data.questions(n_train=400, n_validation=20, n_test=20, seed=seed)
    other = few.shuffle_labels(world, "way up", seed)
    before, after = world.train.labels["way up"], other.train.labels["way up"]
    assert torch.equal(before.bincount(minlength=4), after.bincount(minlength=4))
    assert 0.1 < (before == after).float().mean() < 0.4  # one in four, by chance
    assert torch.equal(other.train.labels["garment"], world.train.labels["garment"])
    assert torch.equal(other.train.x, world.train.x)
    assert torch.equal(other.validation.labels["way up"], world.validation.labels["way up"])


def test_every_arm_sees_the_same_pictures_and_the_same_labels_of_garment(few):
    alone = few.few_garments(50, "", 3)
    assert int((alone.train.labels["garment"] >= 0).sum()) == 50
    more = few.few_garments(100, "", 3).train.labels["garment"]
    assert (more[alone.train.labels["garment"] >= 0] >= 0).all()
    for others in few.ARMS.values():
        world = few.few_garments(50, " + ".join(others), 3)
        assert torch.equal(world.train.x, alone.train.x)
        assert torch.equal(world.train.labels["garment"], alone.train.labels["garment"])
        assert [task.name for task in world.tasks][1:] == [name.removeprefix("shuffled ") for name in others]
        for name in world.train.labels.keys() - {"garment"}:
            assert (world.train.labels[name] >= 0).all()
    true, shuffled = (few.few_garments(50, beside, 3).train.labels["way up"] for beside in ("way up", few.SHUFFLED))
    assert not torch.equal(true, shuffled)


def test_every_arm_may_choose_among_as_many_trials(few):
    assert len(few.EPOCHS) == len(few.DECAYS)
    assert max(few.EPOCHS) % min(few.EPOCHS) == 0
    assert all(epochs % min(few.EPOCHS) == 0 for epochs in few.EPOCHS)  # each is judged


def test_the_experiment_stores_every_place_once_and_some_of_it_is_the_same(few, monkeypatch):
    """A cut-down version, all of it and one seed of it."""
    for name, value in {
        "SIZES": {"n_train": 40, "n_validation": 30},
        "LABELS": (10, 20),
        "EPOCHS": (1, 2),
        "DECAYS": (0.1, 0.2),
        "TRAINED": {"epochs": 1, "lr": 2e-3, "width": 2, "n_train": 40},
        "WIDTH": 2,
        "DRAWS": 2,
        "SEEDS": [0, 1],
    }.items():
        monkeypatch.setattr(few, name, value)

    def swept(way, world, trunk, **own):
        return mtl.sweep(way, world, trunk=trunk, test=True, progress=False, **own)

    def in_part(*arguments, **own):
        return importlib.import_module("experiments").swept(
            None, *arguments, **(own | {"wanted": [1], "seeds": [0, 1]})
        )

    whole = {name: table for name, table, _, _ in few.tables(swept, [0, 1])}
    labels, frozen = whole["few_labels"], whole["few_frozen"]
    assert not labels.duplicated(["arm", "trial", "n", "seed", "task"]).any()
    garment = labels[labels.task == "garment"]
    assert len(garment) == 6 * 2 * 2 * 2
    assert (garment.groupby(["arm", "n", "seed"]).trial.nunique() == 2).all()
    places = 1 + 6 * 2  # pixels, and six trunks at two layers
    assert len(frozen) == places * 3 * 2
    assert frozen.score.between(0, 1).all()
    for name, table, _, code in few.tables(in_part, [1], some=True):
        assert "bank/few.py" in code
        keys = [column for column in table if column not in ("score", "validation")]
        both = table.merge(whole[name], on=keys, suffixes=("", " whole"))
        assert len(both) == len(table)
        assert both.score.to_numpy() == pytest.approx(both["score whole"].to_numpy())


# what is made of it


def made_up(draw):
    rows = []
    for n in NUMBERS:
        for arm in ("alone", "+ way up"):
            for seed in range(3):
                for trial in ("10 epochs", "20 epochs"):
                    for task in ("garment", "way up"):
                        validation, score = draw.random(2)
                        place = {"n": n, "arm": arm, "seed": seed, "trial": trial, "task": task}
                        rows.append(place | {"validation": validation, "score": score, "higher_is_better": True})
    return pd.DataFrame(rows)


def test_an_arm_stands_at_the_trial_that_validation_likes_best_for_garment(monkeypatch):
    stored = made_up(np.random.default_rng(0))
    monkeypatch.setattr(bank, "load", lambda name: {"few_labels": stored}[name])
    few = bank.gather_few()
    assert list(few.scores) == NUMBERS
    assert len(few.table) == 3 * 2 * 3
    for n in NUMBERS:
        for arm in ("alone", "+ way up"):
            own = stored[(stored.n == n) & (stored.arm == arm) & (stored.task == "garment")]
            best = own.loc[own.groupby("seed").validation.idxmax()].set_index("seed").score
            assert few.scores[n][arm].to_dict() == best.to_dict()
            told = few.table[(few.table.n == n) & (few.table.arm == arm)]
            assert told.set_index("seed").score.to_dict() == best.to_dict()
    mtl.claim("way up helps", few.scores[50]["+ way up"], few.scores[50]["alone"])
    mtl.show.along(few.table, "n", line="arm")


RISING = st.lists(st.integers(1, 900), min_size=2, max_size=6, unique=True).map(sorted)


@given(RISING, st.integers(0, 1000))
def test_a_score_is_read_off_as_in_lesson_06_and_said_where_that_knows_nothing(heights, score):
    numbers = [25 * 2**place for place in range(len(heights))]
    found, known = bank.first_labels(score, numbers, heights), lesson_06.needed(score, numbers, heights)
    if math.isnan(known):
        assert found == (0 if score < heights[0] else math.inf)
    else:
        assert found == pytest.approx(known)


@given(st.lists(st.integers(0, 20), min_size=3, max_size=3), st.integers(0, 20))
def test_what_alone_scores_itself_is_worth_no_more_labels_than_it_had(heights, score):
    scores = {
        n: pd.DataFrame({"alone": [height], "other": [score]}) for n, height in zip(NUMBERS, heights, strict=True)
    }
    for n, height in zip(NUMBERS, heights, strict=True):
        worth = bank.price_in_labels(scores, "alone", n).labels[0]
        assert worth <= n * (1 + 1e-12)
        if height > max([h for m, h in zip(NUMBERS, heights, strict=True) if m < n], default=-1):
            assert worth == pytest.approx(n)
    more = {n: table.assign(other=table.other + 1) for n, table in scores.items()}
    assert bank.price_in_labels(more, "other", 50).labels[0] >= bank.price_in_labels(scores, "other", 50).labels[0]


def test_a_worth_is_said_with_what_lies_beyond_the_measured():
    alone = {25: [1.0] * 3, 50: [2.0] * 3, 100: [3.0] * 3}
    scores = {n: pd.DataFrame({"alone": a, "+ way up": [0.5, 2.5, 9.0]}) for n, a in alone.items()}
    worth = bank.price_in_labels(scores, "+ way up", 50)
    assert worth.labels.tolist() == [0, pytest.approx(50 * math.sqrt(2)), math.inf]
    assert str(worth) == "≈ 71 labels (3 seeds: fewer than 25 to more than 100)"
    with pytest.raises(KeyError, match="n is one of"):
        bank.price_in_labels(scores, "+ way up", 30)
    with pytest.raises(KeyError, match="the arms are alone"):
        bank.price_in_labels(scores, "+ sound", 50)
