"""Worlds whose tasks keep known company: two companies of shoppers, groups of planted tasks."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import subspace_angles

from mtl_lesson.data import optimum, planted, shoppers, tastes

DIAL = st.floats(0, 50)
SAME = np.kron(np.eye(2), np.ones((3, 3))).astype(bool)  # of one company


# shoppers


@given(delta=DIAL, company=DIAL)
def test_how_alike_two_people_are_is_exact_within_and_between_companies(delta, company):
    t = tastes(delta, company).to_numpy()
    total = 1 + company**2 + delta**2
    expected = np.where(SAME, (1 + company**2) / total, 1 / total)
    np.fill_diagonal(expected, 1)
    assert t @ t.T / 10 == pytest.approx(expected, abs=1e-12)
    assert t.mean(1) == pytest.approx(0, abs=1e-12)
    assert set((t > 0).sum(1)) <= {3, 4, 5, 6, 7}


@given(delta=DIAL)
def test_without_company_tastes_are_what_they_were_before_there_was_one_bit_for_bit(delta):
    drawn = np.random.default_rng(924).standard_normal((10, 7))
    directions, r = np.linalg.qr(drawn - drawn.mean(0))
    parts = (directions * np.sign(np.diag(r))).T * math.sqrt(10)
    assert np.array_equal(tastes(delta), (parts[0] + delta * parts[1:]) / math.hypot(1, delta))
    assert np.array_equal(tastes(delta), tastes(delta, company=0))


def test_company_changes_tastes_and_neither_garments_nor_moods():
    none, two = (shoppers(n=60, n_validation=20, n_test=200, delta=0, seed=3, company=c) for c in (0, 2.0))
    assert two.dial == {"n": 60, "delta": 0.0, "company": 2.0}
    for part in ("train", "validation", "test"):
        a, b = getattr(none, part), getattr(two, part)
        assert all(torch.equal(a.x[name], b.x[name]) for name in a.x)
        assert any(not torch.equal(a.labels[name], b.labels[name]) for name in a.x)
    labels = list(two.test.labels.values())  # with nothing personal, a company is of one mind
    assert [[torch.equal(a, b) for b in labels] for a in labels] == SAME.tolist()


@pytest.mark.parametrize(
    ("company", "error", "message"),
    [
        (-1, ValueError, "company must be 0 or more and finite, not -1"),
        (float("nan"), ValueError, "company must be 0 or more and finite, not nan"),
        ("ours", TypeError, "company must be a number, not 'ours'"),
    ],
)
def test_a_company_that_cannot_be_is_refused(company, error, message):
    for refuses in (shoppers, tastes):
        with pytest.raises(error, match=message):
            refuses(company=company)


# planted


@settings(max_examples=25)
@given(
    groups=st.integers(1, 4),
    size=st.integers(1, 4),
    rank=st.integers(1, 3),
    angle=st.sampled_from([0, 30]),
    seed=st.integers(0, 50),
)
def test_each_group_has_a_subspace_of_its_own(groups, size, rank, angle, seed):
    w = planted(T=groups * size, rank=rank, angle=angle, groups=groups, seed=seed, n=2, n_validation=2, n_test=2)
    assert w.group.tolist() == [g for g in range(groups) for _ in range(size)]
    assert w.shared.shape == ((groups, 10, rank) if groups > 1 else (10, rank))
    for theta, basis, g in zip(w.theta, w.bases, w.group, strict=True):
        of_group = w.shared[g] if groups > 1 else w.shared
        assert np.degrees(subspace_angles(of_group.numpy(), basis.numpy())) == pytest.approx(angle, abs=1e-5)
        assert theta == pytest.approx(basis @ basis.T @ theta, abs=1e-9)
    for g in range(1, groups):
        assert subspace_angles(w.shared[0].numpy(), w.shared[g].numpy()).max() > 0.1
    assert optimum(w, 10) == pytest.approx(w.theta, abs=1e-9)


@given(seed=st.integers(0, 1000))
@settings(max_examples=10)
def test_the_first_group_is_what_it_is_without_groups_bit_for_bit(seed):
    one, two = (planted(groups=g, seed=seed, delta=0.5, angle=10, mismatch=2) for g in (1, 2))
    assert torch.equal(two.shared[0], one.shared)
    assert torch.equal(two.theta[:4], one.theta[:4])
    assert not torch.equal(two.theta[4:], one.theta[4:])
    for name in list(one.train.x)[:4]:
        assert torch.equal(two.train.labels[name], one.train.labels[name])
    for name in one.train.x:
        assert torch.equal(two.train.x[name], one.train.x[name])


def test_the_subspaces_of_groups_are_independent():
    cosines = [torch.linalg.svdvals(w.shared[0].T @ w.shared[1]) for w in (planted_pair(seed) for seed in range(100))]
    # E tr(UᵀV VᵀU) = rank² / d for independent subspaces; its standard deviation over 100 worlds is about 0.03
    assert torch.stack(cosines).square().sum(1).mean() == pytest.approx(4 / 10, abs=0.1)


def planted_pair(seed):
    return planted(T=2, groups=2, n=1, n_validation=1, n_test=1, seed=seed)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"T": 8, "groups": 3}, ValueError, "8 tasks cannot be cut into 3 groups of one size; take T=6"),
        ({"T": 2, "groups": 3}, ValueError, "groups can be at most T = 2, not 3"),
        ({"groups": 0}, ValueError, "groups must be 1 or more, not 0"),
        ({"groups": 2.0}, TypeError, "groups must be a whole number, not 2.0"),
    ],
)
def test_groups_that_cannot_be_are_refused(settings, error, message):
    with pytest.raises(error, match=message):
        planted(**settings)
