"""The world flats: what is simulated, and that the unit changes the size of the price alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import flats

PARTS = ("train", "validation", "test")
few = settings(max_examples=15, deadline=None)


@few
@given(seed=st.integers(0, 10**6), n=st.integers(1, 50))
def test_the_unit_changes_the_price_and_nothing_else(seed, n):
    euros, thousands, standard = (flats(n, price, 20, 30, seed) for price in ("euros", "thousands", "standard"))
    for part in PARTS:
        a, b, c = (getattr(world, part) for world in (euros, thousands, standard))
        assert torch.equal(a.x, b.x)
        assert torch.equal(a.x, c.x)
        assert torch.equal(a.labels["view"], c.labels["view"])
        assert a.labels["price"] == pytest.approx(1000 * b.labels["price"], rel=1e-5)
        assert a.labels["price"].numpy() == pytest.approx(200_000 + 60_000 * c.labels["price"].numpy(), rel=1e-5)
    assert thousands.dial == {"n": n, "price": "thousands"}


@few
@given(seed=st.integers(0, 10**6))
def test_a_seed_decides_all_but_the_test_and_flats_at_a_small_n_are_the_first(seed):
    one, more, other = flats(20, seed=seed), flats(40, n_test=50, seed=seed), flats(20, seed=seed + 1)
    assert torch.equal(one.train.x, more.train.x[:20])
    assert torch.equal(one.test.x[:50], more.test.x)
    assert torch.equal(one.test.labels["price"], other.test.labels["price"])
    assert not torch.equal(one.train.x, other.train.x)
    assert not torch.equal(one.train.x, one.validation.x[:20])


def test_what_can_be_known_is_what_the_docstring_says():
    w = flats(20_000, "standard")
    x, price, view = w.train.x.double().numpy(), w.train.labels["price"].numpy(), w.train.labels["view"].numpy()
    assert np.cov(x.T) == pytest.approx(np.eye(6), abs=0.04)  # five standard errors
    assert (price.mean(), price.std(), view.mean()) == pytest.approx((0, 1, 0.5), abs=0.03)
    weights, rest, *_ = np.linalg.lstsq(x, price, rcond=None)
    assert rest / len(x) == pytest.approx(0.1, abs=0.01)
    assert weights[4:] == pytest.approx(0, abs=0.02)
    assert (view == (x[:, 4] * x[:, 5] > 0)).all()
    assert np.abs(np.corrcoef(np.c_[x, price, view].T)[-1, :-1]).max() < 0.04
    assert flats().train.labels["price"].square().mean() == pytest.approx(4.36e10, rel=0.05)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"price": "dollars"}, ValueError, "the price is in one of euros, thousands, standard, not 'dollars'"),
        ({"n": 0}, ValueError, "n must be 1 or more"),
        ({"n_test": 2.5}, TypeError, "n_test must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_flats_says_what_is_wrong(settings, error, message):
    with pytest.raises(error, match=message):
        flats(**settings)


def test_a_price_in_euros_takes_the_view_to_chance_and_one_in_standard_units_does_not():
    trunk = nn.Sequential(nn.Linear(6, 32), nn.ReLU(), nn.Linear(32, 32), nn.ReLU())
    settings = {"trunk": trunk, "seeds": [0, 1], "epochs": 20, "lr": 0.01, "progress": False}
    table = mtl.sweep(mtl.Hard, flats, price=["euros", "standard"], **settings).table
    view = table[(table.task == "view") & (table.split == "validation")].groupby("price").score
    assert view.max()["euros"] < 0.6
    assert view.min()["standard"] > 0.9
