"""The worlds whose tasks have inputs of their own: what their dials do, and what nothing but the dial may do."""

import importlib
from functools import cache

import numpy as np
import pytest
import torch
from scipy.linalg import subspace_angles
from scipy.ndimage import rotate
from scipy.stats import kstest, norm

from mtl_lesson.data import Planted, Split, World, garments, optimum, planted, shoppers, shops, tastes
from mtl_lesson.linear import closed_form

PARTS = ("train", "validation", "test")
photograph = importlib.import_module("mtl_lesson.data.shops").photograph


def same(a: Split, b: Split) -> bool:
    """Bit for bit."""
    return (
        list(a.x) == list(b.x)
        and all(torch.equal(a.x[name], b.x[name]) for name in a.x)
        and all(torch.equal(a.labels[name], b.labels[name]) for name in a.x)
    )


def keys(pictures: torch.Tensor) -> list[bytes]:
    return [picture.numpy().tobytes() for picture in pictures]


# --- shops ---


@pytest.fixture(scope="module")
def level():
    """Shops that all photograph upright."""
    return shops(n=1000, n_validation=500, seed=2)


@pytest.fixture(scope="module")
def tilted():
    return shops(n=1000, n_validation=500, delta=30, seed=2)


def test_shops_has_the_shapes_it_promises(tilted):
    assert [(t.name, t.outputs) for t in tilted.tasks] == [(f"shop {t}", 10) for t in (1, 2, 3, 4)]
    assert all(t.classes == tilted.tasks[0].classes for t in tilted.tasks)
    for part, n in zip(PARTS, (1000, 500, 1000), strict=True):
        split = getattr(tilted, part)
        for shop in split.x:
            assert split.x[shop].shape == (n, 1, 28, 28)
            assert split.x[shop].dtype == torch.float32
            assert split.x[shop].min() >= 0
            assert 0.8 < split.x[shop].max() <= 1
            assert split.labels[shop].bincount().tolist() == [n // 10] * 10
    assert repr(tilted).startswith("World(shops, n=1000, delta=30.0, renamed=False: shop 1 (10), shop 2 (10)")


def test_no_garment_is_in_two_shops_or_two_splits(level):
    seen = [key for part in ("train", "validation") for x in getattr(level, part).x.values() for key in keys(x)]
    seen += keys(level.test.x["shop 1"])
    assert len(set(seen)) == len(seen) == 4 * 1500 + 1000


def test_labels_are_those_of_the_garments(level):
    g = garments()
    known = dict(zip(keys(photograph(g.train, 0)), g.train_labels.tolist(), strict=True))
    known |= zip(keys(photograph(g.test, 0)), g.test_labels.tolist(), strict=True)
    for part in PARTS:
        split = getattr(level, part)
        for shop in split.x:
            assert [known[key] for key in keys(split.x[shop])] == split.labels[shop].tolist()


def test_every_shop_photographs_the_same_test_garments(level, tilted):
    first = level.test.x["shop 1"]
    assert all(torch.equal(first, x) for x in level.test.x.values())
    assert torch.equal(first, tilted.test.x["shop 1"])
    assert not torch.equal(first, tilted.test.x["shop 2"])


def test_turning_a_dial_changes_no_garment_and_more_are_further_ones(level, tilted):
    assert torch.equal(level.train.x["shop 1"], tilted.train.x["shop 1"])
    few = shops(n=40, n_validation=20, n_test=30, delta=30, seed=2)
    for shop in few.train.x:
        assert torch.equal(few.train.x[shop], tilted.train.x[shop][:40])
        assert torch.equal(few.train.labels[shop], tilted.train.labels[shop][:40])
        assert torch.equal(few.validation.x[shop], tilted.validation.x[shop][-20:])
        assert torch.equal(few.test.x[shop], tilted.test.x[shop][:30])


def test_a_seed_decides_all_but_the_test_of_shops():
    a, again, b = (shops(n=50, delta=20, seed=seed) for seed in (3, 3, 4))
    assert all(same(getattr(a, part), getattr(again, part)) for part in PARTS)
    assert same(a.test, b.test)
    assert not any(torch.equal(a.train.x[shop], b.train.x[shop]) for shop in a.train.x)
    assert not any(torch.equal(a.validation.x[shop], b.validation.x[shop]) for shop in a.train.x)


def test_at_angle_zero_shops_are_exchangeable(level):
    """Mean pictures differ by no more than pictures drawn at random do."""
    x = torch.stack(list(level.train.x.values()))[:, :, 0].double()  # (shops, n, 28, 28)
    within = x.var(1).mean(0) / x.shape[1]  # the variance of a mean pixel
    between = x.mean(1).var(0)
    lit = within > within.mean() / 10
    # garments are stratified by class, which makes the means agree a little better than the formula says
    assert 0.3 < (between[lit] / within[lit]).mean() < 1.5


@pytest.mark.parametrize("angle", [0, 5, 15, 30, 45, 60, 90, 135])
def test_the_camera_is_equally_sharp_at_every_angle(angle):
    """What it keeps of fine noise, where no pixel has left the frame, and how far it spreads a point of light."""
    noise = torch.rand(2000, 28, 28, generator=torch.Generator().manual_seed(0)) * 255
    yy, xx = torch.meshgrid(torch.arange(28.0) - 13.5, torch.arange(28.0) - 13.5, indexing="ij")
    inside = yy**2 + xx**2 < 11**2
    kept = photograph(noise, angle)[:, 0, inside].var() / (noise / 255).var()
    assert kept == pytest.approx(0.307, rel=0.02)  # one interpolation gives 1 at 0° and 0.42 at 5°

    points = torch.zeros(81, 28, 28)
    for k in range(81):
        points[k, 10 + k // 9, 10 + k % 9] = 255
    light = photograph(points, angle)[:, 0]
    centre_y, centre_x = ((light * c).sum((1, 2)) / light.sum((1, 2)) for c in (yy, xx))
    spread = (light * ((yy - centre_y[:, None, None]) ** 2 + (xx - centre_x[:, None, None]) ** 2)).sum((1, 2))
    assert (spread / light.sum((1, 2))).mean() == pytest.approx(0.5, abs=0.02)  # pixels², both directions together
    assert light.sum((1, 2)).mean() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("delta", [0, 10, 30, 45])
def test_the_angle_is_what_it_says(delta):
    """Of pictures turned by another library to many angles, the one that fits best is at t·delta."""
    w = shops(n=10, n_test=60, delta=delta)
    upright = w.test.x["shop 1"][:, 0].numpy()
    for t, shop in enumerate(w.test.x):
        seen = w.test.x[shop][:, 0].numpy()
        candidates = t * delta + np.arange(-6, 7, 2)
        fit = [
            np.corrcoef(rotate(upright, angle, axes=(2, 1), reshape=False, order=1).ravel(), seen.ravel())[0, 1]
            for angle in candidates
        ]
        # the camera stands a quarter of a pixel off in both pictures, which moves the best fit by little
        assert abs(candidates[int(np.argmax(fit))] - t * delta) <= 2
        assert max(fit) > 0.97


def test_turned_pictures_lose_little():
    """The brightness that leaves the frame."""
    grey = garments().test[::5]
    full = (grey / 255).mean()
    assert all(0.97 < photograph(grey, angle).mean() / full <= 1 for angle in range(0, 136, 15))


def test_renaming_gives_every_shop_its_own_numbers_and_keeps_the_names():
    plain, renamed = shops(n=200, delta=20, seed=5), shops(n=200, delta=20, seed=5, renamed=True)
    for part in PARTS:
        a, b = getattr(plain, part), getattr(renamed, part)
        for one, other in zip(plain.tasks, renamed.tasks, strict=True):
            assert torch.equal(a.x[one.name], b.x[one.name])
            assert sorted(other.classes) == sorted(one.classes)
            names = [one.classes[k] for k in a.labels[one.name]], [other.classes[k] for k in b.labels[one.name]]
            assert names[0] == names[1]
    for name in plain.tasks[0].classes:  # no class has the same number in two shops
        assert len({task.number(name) for task in renamed.tasks}) == 4
    assert renamed.dial["renamed"] is True


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be 1 or more, not 0"),
        ({"n": 10.0}, TypeError, "n must be a whole number, not 10.0"),
        ({"n": 2900}, ValueError, r"4 shops, 3000 each, so n \+ n_validation.*2900 \+ 200 = 3100"),
        ({"n_validation": 0}, ValueError, "n_validation must be 1 or more"),
        ({"n_test": 3001}, ValueError, "n_test can be at most 3000"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
        ({"delta": 46}, ValueError, "delta must be from 0 to 45 degrees, not 46"),
        ({"delta": -1}, ValueError, "delta must be from 0 to 45 degrees, not -1"),
        ({"delta": float("nan")}, ValueError, "delta must be from 0 to 45 degrees, not nan"),
        ({"delta": "steep"}, TypeError, "delta must be a number, not 'steep'"),
        ({"delta": None}, TypeError, "delta must be a number, not None"),
        ({"delta": True}, TypeError, "delta must be a number, not True"),
        ({"renamed": 1}, TypeError, "renamed must be True or False, not 1"),
    ],
)
def test_shops_says_what_is_wrong(settings, error, message):
    with pytest.raises(error, match=message):
        shops(**settings)


# --- shoppers ---


@pytest.fixture(scope="module")
def rated():
    return shoppers(n=1500, n_validation=500, delta=0.7, seed=1)


def kinds(pictures: torch.Tensor) -> list[int]:
    """Which class each garment is of, looked up in the public set."""
    known = class_of_each()
    return [known[key] for key in keys(pictures)]


@cache
def class_of_each() -> dict[bytes, int]:
    g = garments()
    known = dict(zip(keys(g.train[:, None] / 255), g.train_labels.tolist(), strict=True))
    return known | dict(zip(keys(g.test[:, None] / 255), g.test_labels.tolist(), strict=True))


def test_shoppers_has_the_shapes_it_promises(rated):
    assert [t.outputs for t in rated.tasks] == [1] * 6
    assert rated.dial == {"n": 1500, "delta": 0.7, "company": 0.0}
    for part, n in zip(PARTS, (1500, 500, 1000), strict=True):
        split = getattr(rated, part)
        for name, x in split.x.items():
            assert x.shape == (n, 1, 28, 28)
            assert x.dtype == torch.float32
            assert (x.min(), x.max()) == (0, 1)
            assert split.labels[name].dtype == torch.long
            assert np.bincount(kinds(x)).tolist() == [n // 10] * 10
            assert 0.35 < split.labels[name].float().mean() < 0.65  # about half is liked


def test_no_garment_is_rated_twice(rated):
    seen = [key for part in ("train", "validation") for x in getattr(rated, part).x.values() for key in keys(x)]
    seen += keys(rated.test.x["Ana"])
    assert len(set(seen)) == len(seen) == 6 * 2000 + 1000
    assert all(torch.equal(x, rated.test.x["Ana"]) for x in rated.test.x.values())


@pytest.mark.parametrize("delta", [0, 0.1, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 5, 1e6])
def test_delta_sets_how_alike_tastes_are_and_nothing_else(delta):
    t = tastes(delta).to_numpy()
    assert t.mean(1) == pytest.approx(0, abs=1e-12)
    assert t.var(1) == pytest.approx(1)
    assert np.corrcoef(t)[np.triu_indices(6, 1)] == pytest.approx(1 / (1 + delta**2), abs=1e-9)
    assert set((t > 0).sum(1)) <= {4, 5, 6}


def test_at_delta_zero_all_are_of_one_taste():
    t = tastes(0).to_numpy()
    assert np.array_equal(t, np.broadcast_to(t[0], t.shape))
    labels = list(shoppers(n=10, delta=0).test.labels.values())
    assert all(torch.equal(labels[0], other) for other in labels)
    labels = list(shoppers(n=10, delta=2).test.labels.values())
    assert not any(torch.equal(a, b) for i, a in enumerate(labels) for b in labels[:i])


def test_the_test_asks_for_the_best_possible_decision(rated):
    likes = (tastes(0.7) > 0).to_numpy()
    kind = kinds(rated.test.x["Ana"])
    for t, name in enumerate(rated.test.labels):
        assert rated.test.labels[name].tolist() == likes[t, kind].tolist()


@pytest.mark.parametrize("delta", [0, 0.7, 2])
def test_ratings_follow_taste_and_mood(delta):
    """How often a rating is what the best decision says: as the formula has it, and five times in six or so."""
    t = tastes(delta).to_numpy()
    expected = norm.cdf(np.abs(t) / 0.65)
    assert 0.81 < expected.mean() < 0.86
    agree = np.zeros((6, 10))
    for seed in range(3):
        w = shoppers(n=1500, n_validation=500, delta=delta, seed=seed)
        for part in ("train", "validation"):
            split = getattr(w, part)
            for i, name in enumerate(split.x):
                kind = np.array(kinds(split.x[name]))
                right = split.labels[name].numpy() == (t[i, kind] > 0)
                agree[i] += np.bincount(kind, weights=right, minlength=10) / 600
    # 600 ratings a person and class: 0.02 is the largest standard error, and the mean of all has 0.002
    assert np.abs(agree - expected).max() < 0.08
    assert agree.mean() == pytest.approx(expected.mean(), abs=0.01)


def test_no_other_decision_by_kind_agrees_with_more_ratings(rated):
    """Where a taste is clear, most ratings are on its side."""
    t = tastes(0.7).to_numpy()
    for i, name in enumerate(rated.train.x):
        kind, yes = np.array(kinds(rated.train.x[name])), rated.train.labels[name].numpy()
        for k in np.flatnonzero(np.abs(t[i]) > 0.3):  # 150 ratings; at 0.3 the rate is 0.68, four standard errors off
            assert (yes[kind == k].mean() > 0.5) == (t[i, k] > 0)


def test_a_seed_decides_all_but_the_test_of_shoppers():
    a, again, b = (shoppers(n=50, seed=seed) for seed in (3, 3, 4))
    assert all(same(getattr(a, part), getattr(again, part)) for part in PARTS)
    assert same(a.test, b.test)
    for name in a.train.x:
        assert not torch.equal(a.train.x[name], b.train.x[name])
        assert not torch.equal(a.train.labels[name], b.train.labels[name])


def test_turning_delta_changes_no_garment_and_more_ratings_are_further_ones(rated):
    few = shoppers(n=40, n_validation=20, n_test=30, seed=1)
    personal = shoppers(n=40, n_validation=20, delta=3, seed=1)
    for name in few.train.x:
        for part, piece in (("train", slice(40)), ("validation", slice(-20, None)), ("test", slice(30))):
            assert torch.equal(getattr(few, part).x[name], getattr(rated, part).x[name][piece])
            assert torch.equal(getattr(few, part).labels[name], getattr(rated, part).labels[name][piece])
        assert torch.equal(few.train.x[name], personal.train.x[name])
    assert any(not torch.equal(few.train.labels[name], personal.train.labels[name]) for name in few.train.x)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n": 0}, ValueError, "n must be 1 or more, not 0"),
        ({"n": "many"}, TypeError, "n must be a whole number, not 'many'"),
        ({"n": 1900}, ValueError, r"6 people, 2000 each, so n \+ n_validation.*1900 \+ 200 = 2100"),
        ({"n_validation": -1}, ValueError, "n_validation must be 1 or more"),
        ({"n_test": 3001}, ValueError, "n_test can be at most 3000"),
        ({"delta": -0.1}, ValueError, "delta must be 0 or more and finite, not -0.1"),
        ({"delta": float("inf")}, ValueError, "delta must be 0 or more and finite, not inf"),
        ({"delta": float("nan")}, ValueError, "delta must be 0 or more and finite, not nan"),
        ({"delta": [1]}, TypeError, r"delta must be a number, not \[1\]"),
        ({"seed": 0.5}, TypeError, "seed must be a whole number"),
    ],
)
def test_shoppers_says_what_is_wrong(settings, error, message):
    with pytest.raises(error, match=message):
        shoppers(**settings)


# --- planted ---


def test_planted_has_the_shapes_it_promises():
    w = planted(T=5, d=7, rank=2, n=11, n_validation=12, n_test=13, delta=0.5, angle=20, mismatch=3)
    assert isinstance(w, World)
    assert isinstance(w, Planted)
    assert (w.theta.shape, w.private.shape, w.shared.shape) == ((5, 7), (5, 7), (7, 2))
    assert (w.bases.shape, w.covariance.shape) == ((5, 7, 2), (5, 7, 7))
    assert {v.dtype for v in (w.theta, w.private, w.shared, w.bases, w.covariance)} == {torch.float64}
    for part, n in zip(PARTS, (11, 12, 13), strict=True):
        split = getattr(w, part)
        assert [x.shape for x in split.x.values()] == [(n, 7)] * 5
        assert {x.dtype for x in (*split.x.values(), *split.labels.values())} == {torch.float32}
    assert repr(w).startswith("World(planted, T=5, d=7, rank=2, n=11, noise=1.0, angle=20.0, mismatch=3.0, delta=0.5")


def test_without_angle_and_private_part_all_tasks_lie_in_the_shared_subspace():
    w = planted(T=8, d=10, rank=3)
    assert w.shared.T @ w.shared == pytest.approx(np.eye(3), abs=1e-12)
    assert (w.theta - w.theta @ w.shared @ w.shared.T).abs().max() < 1e-12
    assert torch.linalg.matrix_rank(w.theta) == 3
    assert (w.private == 0).all()


@pytest.mark.parametrize("angle", [0, 10, 45, 90])
@pytest.mark.parametrize("rank", [1, 2, 5])
def test_every_principal_angle_is_the_one_asked_for(rank, angle):
    w = planted(T=4, d=10, rank=rank, angle=angle)
    for theta, basis in zip(w.theta, w.bases, strict=True):
        assert np.degrees(subspace_angles(w.shared.numpy(), basis.numpy())) == pytest.approx(angle, abs=1e-6)
        assert theta == pytest.approx(basis @ basis.T @ theta, abs=1e-12)
        along = (w.shared.T @ theta).norm() / theta.norm()
        assert along == pytest.approx(np.cos(np.radians(angle)), abs=1e-9)
    if angle == 45:  # each is tilted its own way
        assert subspace_angles(w.bases[0].numpy(), w.bases[1].numpy()).max() > 0.1


def test_delta_scales_the_private_part_and_nothing_else():
    none, one, two = (planted(T=6, angle=15, delta=delta, seed=4) for delta in (0, 1, 2))
    assert two.private == pytest.approx(2 * one.private)
    for w in (one, two):
        assert w.theta - w.private == pytest.approx(none.theta)
        assert torch.einsum("tdr,td->tr", w.bases, w.private).abs().max() < 1e-12
        assert all(torch.equal(w.train.x[name], none.train.x[name]) for name in w.train.x)


def test_private_and_shared_parts_are_equally_long_at_delta_one():
    worlds = [planted(T=20, n=1, n_validation=1, n_test=1, delta=1, seed=seed) for seed in range(40)]
    shared = torch.cat([w.theta - w.private for w in worlds]).square().sum(1)
    private = torch.cat([w.private for w in worlds]).square().sum(1)
    # E = 4 both; the standard error over 800 tasks is 4 / √800 = 0.14 and 2 / √800 = 0.07
    assert shared.mean() == pytest.approx(4, abs=0.5)
    assert private.mean() == pytest.approx(4, abs=0.3)


@pytest.mark.parametrize("mismatch", [1, 4, 25])
def test_inputs_have_the_covariance_that_is_told(mismatch):
    w = planted(T=3, d=5, rank=1, n=20_000, mismatch=mismatch)
    for t, x in enumerate(w.train.x.values()):
        values = torch.linalg.eigvalsh(w.covariance[t])
        assert values[-1] / values[0] == pytest.approx(mismatch)
        assert values.mean() == pytest.approx(1)
        assert np.abs(np.cov(x.numpy().T) - w.covariance[t].numpy()).max() < 0.1
    if mismatch > 1:  # and each task its own axes
        assert (w.covariance[0] - w.covariance[1]).abs().max() > 0.2


@pytest.mark.parametrize("noise", [0, 0.5, 2])
def test_labels_are_the_truth_and_gaussian_noise_but_for_the_test(noise):
    w = planted(T=2, n=4000, n_validation=4000, noise=noise, delta=1, mismatch=2)
    for t, name in enumerate(w.train.x):
        for part in PARTS:
            split = getattr(w, part)
            residual = (split.labels[name] - split.x[name].double() @ w.theta[t]).numpy()
            if part == "test" or noise == 0:
                assert np.abs(residual).max() < 1e-5
            else:
                assert kstest(residual / noise, "norm").pvalue > 1e-3
                assert residual.std() == pytest.approx(noise, rel=0.05)
                assert np.abs(np.corrcoef(residual, split.x[name].numpy().T)[0, 1:]).max() < 0.07


def test_a_seed_decides_the_truth_too_but_not_the_inputs_of_the_test():
    a, again, b = (planted(seed=seed) for seed in (0, 0, 1))
    assert all(same(getattr(a, part), getattr(again, part)) for part in PARTS)
    assert torch.equal(a.theta, again.theta)
    assert (a.theta - b.theta).abs().max() > 0.1
    assert subspace_angles(a.shared.numpy(), b.shared.numpy()).max() > 0.1
    for name in a.test.x:
        assert a.test.x[name] == pytest.approx(b.test.x[name], abs=1e-6)
        assert not torch.equal(a.train.x[name], b.train.x[name])


def test_no_two_things_are_drawn_from_one_stream():
    """Truth, inputs and noise of all tasks and splits are uncorrelated, at seed 0 as at any other."""
    w = planted(T=3, d=10, rank=5, n=1000, n_validation=1000, n_test=1000, noise=1)
    rows = [split.x[name].flatten().numpy() for split in (w.train, w.validation, w.test) for name in split.x]
    assert np.abs(np.corrcoef(rows) - np.eye(len(rows))).max() < 0.06  # six standard errors of 10,000 pairs
    first = [w.shared.flatten().numpy()[:20], *(theta.numpy() for theta in w.theta)]
    assert len({round(float(v[0]), 6) for v in first}) == len(first)
    worlds = [planted(T=1, d=4, rank=1, n=1, n_validation=1, n_test=1, seed=seed) for seed in range(400)]
    shared, a = torch.stack([w.shared[:, 0] for w in worlds]), torch.stack([w.shared.T @ w.theta[0] for w in worlds])
    assert np.abs(np.corrcoef(np.c_[shared, a].T)[-1, :-1]).max() < 0.25  # five standard errors


def test_more_tasks_and_examples_are_further_ones():
    few = planted(T=3, n=10, n_validation=20, n_test=30, angle=10, mismatch=2)
    many = planted(T=9, n=25, n_validation=50, n_test=60, angle=10, mismatch=2)
    assert many.theta[:3] == pytest.approx(few.theta)
    for part, n in zip(PARTS, (10, 20, 30), strict=True):
        for name in few.train.x:
            assert getattr(many, part).x[name][:n] == pytest.approx(getattr(few, part).x[name], abs=1e-5)
            assert getattr(many, part).labels[name][:n] == pytest.approx(getattr(few, part).labels[name], abs=1e-5)


def test_the_error_of_separate_least_squares_is_the_one_of_the_formula():
    """E‖θ̂ − θ‖² = σ² d / (n − d − 1) for Gaussian inputs: 2 for d = 6, n = 10 and σ = 1."""
    worlds = [planted(T=8, d=6, n=10, n_validation=1, n_test=1, seed=seed) for seed in range(150)]
    errors = torch.stack([(closed_form.solve(w, 0.0) - w.theta).square().sum(1) for w in worlds])
    assert errors.mean() == pytest.approx(6 / 3, rel=0.15)


def test_the_optimum_loses_nothing_at_the_rank_and_least_below():
    w = planted(T=8, rank=3, n_test=4000)
    assert optimum(w, 3) == pytest.approx(w.theta, abs=1e-9)
    assert optimum(w, 20) == pytest.approx(w.theta, abs=1e-9)
    assert closed_form.errors(w, optimum(w, 3)).max() < 1e-9
    best = optimum(w, 2)
    assert torch.linalg.matrix_rank(best) == 2
    lost = (best - w.theta).square().sum()
    assert lost == pytest.approx(torch.linalg.svdvals(w.theta)[2] ** 2)
    generator = torch.Generator().manual_seed(0)
    for _ in range(200):  # the projection on no other plane loses less, near the best or far from it
        basis = torch.linalg.svd(best).Vh[:2].T + 0.3 * torch.randn(10, 2, generator=generator, dtype=torch.float64)
        basis = torch.linalg.qr(basis).Q
        assert (w.theta @ basis @ basis.T - w.theta).square().sum() > lost
    assert closed_form.errors(w, best).sum() == pytest.approx(float(lost), rel=0.1)


def test_the_optimum_says_where_there_is_none():
    w = planted(rank=2, mismatch=3)
    assert optimum(w, 2) == pytest.approx(w.theta, abs=1e-9)
    with pytest.raises(ValueError, match="mismatch=3 a width of 1 loses something"):
        optimum(w, 1)
    with pytest.raises(ValueError, match="width must be 1 or more"):
        optimum(w, 0)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"T": 0}, ValueError, "T must be 1 or more, not 0"),
        ({"d": 2.0}, TypeError, "d must be a whole number, not 2.0"),
        ({"rank": 11}, ValueError, "rank can be at most d = 10, not 11"),
        ({"rank": 0}, ValueError, "rank must be 1 or more"),
        ({"n": 0}, ValueError, "n must be 1 or more"),
        ({"n_test": 0}, ValueError, "n_test must be 1 or more"),
        ({"noise": -1}, ValueError, "noise must be 0 or more and finite, not -1"),
        ({"noise": "loud"}, TypeError, "noise must be a number, not 'loud'"),
        ({"angle": 91}, ValueError, "angle must be from 0 to 90 degrees, not 91"),
        ({"rank": 6, "angle": 1}, ValueError, "to tilt a subspace of rank 6 takes 12 dimensions, and d = 10"),
        ({"rank": 10, "delta": 1}, ValueError, "rank = d = 10 there is no room for a private part"),
        ({"mismatch": 0.5}, ValueError, "mismatch must be 1 or more and finite, not 0.5"),
        ({"delta": float("nan")}, ValueError, "delta must be 0 or more and finite, not nan"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_planted_says_what_is_wrong(settings, error, message):
    with pytest.raises(error, match=message):
        planted(**settings)


def test_every_subspace_may_fill_the_room_there_is():
    assert torch.linalg.matrix_rank(planted(T=12, rank=10).theta) == 10
    assert planted(T=1, d=1, rank=1, n=1).theta.shape == (1, 1)
