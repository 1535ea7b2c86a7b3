"""The stored experiment of lesson 11 across modalities: what its control cuts out, and what its measures are."""

import importlib

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson import bank, provenance

few = settings(max_examples=20, deadline=None)


@pytest.fixture(scope="module")
def across():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(provenance.PACKAGE.parent / "data" / "bank"))
        yield importlib.import_module("across")


@pytest.fixture(scope="module")
def world(across):
    return across.seen_twice(80, 40, 60, company="three")


def test_the_control_looks_at_pairs_of_which_none_belongs_together(across, world):
    """Features that all tasks have alike, each thing's its own: R is least for Contrastive, and for the control not."""
    one, other = (
        way(world, across.trunk(), stems=across.stems("three")) for way in (mtl.Contrastive, across.Mismatched)
    )
    for model in (one, other):
        model.features(world.train.x)  # looks at the batch
    h = dict.fromkeys(across.COMPANY["three"], torch.eye(80)[None])
    assert one.regulariser(h).item() < 0.1
    assert other.regulariser(h).item() > np.log(80)
    moved = {task: part.roll(-t, dims=1) for t, (task, part) in enumerate(h.items())}
    assert other.regulariser(moved).item() == pytest.approx(one.regulariser(h).item())


@few
@given(seed=st.integers(0, 10**6), sizes=st.lists(st.integers(1, 30), min_size=1, max_size=5))
def test_within_a_category_others_do_not_count(across, seed, sizes):
    draw = torch.Generator().manual_seed(seed)
    category = torch.repeat_interleave(torch.arange(len(sizes)), torch.tensor(sizes))
    n = len(category)
    x, y = torch.randn(2, n, 8, generator=draw, dtype=torch.float64)
    known = sum(min(1, 10 / size) * size for size in sizes) / n
    within = across.retrieval_within(x, y, category)
    assert within.chance == pytest.approx(known)
    apart = torch.nn.functional.one_hot(category) * 100.0  # what tells the categories apart leaves only each its own
    X, Y = (torch.cat([part, apart], 1) for part in (x / x.norm(dim=1, keepdim=True), y / y.norm(dim=1, keepdim=True)))
    if min(sizes) >= 10:
        assert across.retrieval(X, Y, 10).there == pytest.approx(within.there)
    same = across.retrieval_within(torch.ones(n, 8), y, category)
    assert (same.there, same.back) == pytest.approx((known, known))
    assert across.retrieval_within(x, x, category).there == 1


def test_who_knows_the_category_and_nothing_else_retrieves_its_fair_share(across, world):
    table = across.if_known(world)
    sizes = torch.bincount(world.test.labels["word"]).double()
    assert table.score.to_numpy() == pytest.approx(((sizes * (10 / sizes.clamp(min=10))).sum() / 60).item())
    assert set(table.measure) == {"retrieval", "within category"}


def test_every_arm_has_each_measure_once_and_its_trials_can_be_chosen_among(across, world, monkeypatch):
    monkeypatch.setattr(across, "SIZES", {"n_train": 80, "n_validation": 60, "n_test": 60})
    monkeypatch.setattr(across, "EPOCHS", 1)

    def swept(way, world, trunk, **settings):
        return mtl.sweep(way, world, trunk=trunk, test=True, progress=False, **settings)

    table = across.across(swept, [0, 1], some=False)
    assert set(table.arm) == {*across.arms(), across.UNTRAINED, across.KNOWN}
    assert not table.duplicated(["arm", "company", "trial", "seed", "measure", "task"]).any()
    assert table[["score", "validation"]].stack().between(0, 1).all()
    trials = table.groupby(["arm", "company"]).trial.nunique().unstack()
    assert (trials.loc[[*across.arms()]] == 3).all(axis=None)
    for (arm, company), own in table.groupby(["arm", "company"]):
        tasks = len(across.COMPANY[company])
        place = own[(own.seed == 0) & (own.trial == own.trial.iloc[0])]
        counts = place.measure.value_counts()
        assert counts["retrieval"] == counts["within category"] == tasks * (tasks - 1)
        assert (counts.get("reader"), counts.get("accuracy")) == (
            (tasks**2, tasks) if arm != across.KNOWN else (None,) * 2
        )
        assert len(mtl.choose(own[own.measure == "retrieval"], "trial")) == 2
    own = table[(table.arm == "Hard") & (table.trial == "lr=0.001") & (table.seed == 1) & (table.company == "three")]
    stored = own[own.measure == "accuracy"].set_index("task")
    run = swept(
        mtl.Hard,
        across.seen_twice,
        across.trunk(),
        stems=across.stems("three"),
        epochs=1,
        lr=1e-3,
        seeds=[0, 1],
        **across.SIZES,
    )
    run = run.run(seed=1)
    assert stored.score.to_dict() == pytest.approx(run.test())
    assert stored.validation.to_dict() == pytest.approx(run.scores)


# what is stored, read


@pytest.mark.parametrize("measure", ["retrieval", "within category", "reader", "accuracy"])
def test_all_measures_are_of_the_networks_that_retrieve_best_on_validation(measure):
    """Read off the stored rows without the package's choice: the mean of both directions, at the trial whose mean
    retrieval on validation is highest."""
    table, pair = bank.load("across"), ["google → word", "word → google"]
    found = bank.gather_across(measure).set_index(["company", "arm", "seed"]).score
    for company, arm, seed in (("three", "Contrastive", 106), ("two", "Hard", 101), ("three", "Pooled", 103)):
        own = table[(table.company == company) & (table.arm == arm) & (table.seed == seed)]
        seen = own[(own.measure == "retrieval") & own.task.isin(pair)].groupby("trial").validation.mean()
        places = ["google", "word"] if measure == "accuracy" else pair
        rows = own[(own.measure == measure) & own.task.isin(places) & (own.trial == seen.idxmax())]
        assert found[company, arm, seed] == pytest.approx(rows.score.mean())


def test_a_measure_may_choose_for_itself_and_one_that_is_not_stored_is_named():
    own, common = (bank.gather_across("accuracy", by=by) for by in ("accuracy", "retrieval"))
    assert own.query("arm == 'Contrastive'").score.mean() > common.query("arm == 'Contrastive'").score.mean()
    with pytest.raises(KeyError, match="'loss'"):
        bank.gather_across("loss")
