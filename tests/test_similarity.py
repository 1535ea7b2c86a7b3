"""Similarity: its values where they are known, its failure where every answer stays, and the planted subspace found."""

import numpy as np
import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.inspection import align, cka, features, null_space, procrustes, subspace_angles, switch

rng = np.random.default_rng(0)
X = rng.normal(size=(60, 8)) @ rng.normal(size=(8, 8)) + 3
Y = np.maximum(X @ rng.normal(size=(8, 5)), 0)


def rotation(d, seed=0):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]


def hsic(K, L):
    """The unbiased estimate of HSIC as its authors write it, from Gram matrices (Song et al. 2012, eq. 5)."""
    n = len(K)
    K, L = K - np.diag(np.diag(K)), L - np.diag(np.diag(L))
    one = np.ones(n)
    ends = one @ K @ one * (one @ L @ one) / ((n - 1) * (n - 2)) - 2 / (n - 2) * (one @ K @ L @ one)
    return (np.trace(K @ L) + ends) / (n * (n - 3))


# --- CKA ---


@pytest.mark.parametrize(("n", "d", "e"), [(60, 8, 5), (12, 40, 30), (12, 4, 30), (4, 3, 6)])
def test_debiased_cka_is_that_of_the_unbiased_hsic(n, d, e):
    draw = np.random.default_rng(1)
    x = draw.normal(size=(n, d)) + 2
    y = x[:, :1] + draw.normal(size=(n, e))
    K, L = x @ x.T, y @ y.T
    assert cka(x, y) == pytest.approx(hsic(K, L) / np.sqrt(hsic(K, K) * hsic(L, L)), abs=1e-9)


@pytest.mark.parametrize(("n", "d", "e"), [(60, 8, 5), (12, 40, 30)])
def test_plain_cka_is_that_of_the_gram_matrices(n, d, e):
    draw = np.random.default_rng(2)
    x, y = draw.normal(size=(n, d)) - 1, draw.normal(size=(n, e))
    H = np.eye(n) - 1 / n
    K, L = H @ x @ x.T @ H, H @ y @ y.T @ H
    expected = np.vdot(K, L) / np.linalg.norm(K) / np.linalg.norm(L)
    assert cka(x, y, debiased=False) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("debiased", [True, False])
@pytest.mark.parametrize("d", [8, 200])
def test_rotations_shifts_and_scales_change_no_cka(debiased, d):
    x = np.random.default_rng(3).normal(size=(50, d))
    y = np.random.default_rng(4).normal(size=(50, 6)) + x[:, :6]
    assert cka(x, x, debiased=debiased) == pytest.approx(1, abs=1e-12)
    assert cka(x, x @ rotation(d), debiased=debiased) == pytest.approx(1, abs=1e-10)
    value = cka(x, y, debiased=debiased)
    assert value < 0.99
    assert cka(y, x, debiased=debiased) == pytest.approx(value)
    assert cka(1e-200 * (x @ rotation(d)) + 1e-200, 1e200 * y, debiased=debiased) == pytest.approx(value, abs=1e-8)
    assert cka(np.linspace(0.1, 5, d) * x, y, debiased=debiased) != pytest.approx(value, abs=1e-3)


def test_independent_features_have_debiased_cka_0_and_plain_cka_near_1():
    n, d = 64, 512
    draws = [np.random.default_rng(seed).normal(size=(2, n, d)) for seed in range(40)]
    debiased = np.array([cka(*two) for two in draws])
    assert abs(debiased.mean()) < 4 * debiased.std(ddof=1) / np.sqrt(len(draws))
    # The entries of the two centred Gram matrices are n(n−3)/2 independent pairs, nearly: a correlation of that many.
    assert debiased.std(ddof=1) == pytest.approx(1 / np.sqrt(n * (n - 3) / 2), rel=0.4)
    assert np.mean([cka(*two, debiased=False) for two in draws]) == pytest.approx(0.89, abs=0.01)


def test_features_of_any_shape_and_kind_of_array():
    maps = torch.tensor(X[:, :, None, None], dtype=torch.float32).expand(-1, -1, 2, 3)
    assert cka(maps, X) == pytest.approx(1, abs=1e-6)
    assert cka(X.mean(0) < X, X) < 1


# --- Procrustes ---


def test_procrustes_is_1_for_rotations_and_the_best_that_a_rotation_can_do():
    assert procrustes(X, 3 * (X @ rotation(8)) - 2) == pytest.approx(1)
    value = procrustes(X, Y)
    assert 0 < value < 1
    assert procrustes(Y, X) == pytest.approx(value)
    unit = [one - one.mean(0) for one in (X, np.pad(Y, ((0, 0), (0, 3))))]
    x, y = [one / np.linalg.norm(one) for one in unit]
    tried = [np.vdot(x @ rotation(8, seed), y) for seed in range(200)]
    assert max(tried) < value


def test_procrustes_of_more_features_than_pictures():
    x, y = np.random.default_rng(5).normal(size=(2, 10, 300))
    centred = [one - one.mean(0) for one in (x, y)]
    value = np.linalg.norm(centred[0].T @ centred[1], "nuc") / np.prod([np.linalg.norm(one) for one in centred])
    assert procrustes(x, y) == pytest.approx(value)
    assert value > 0.95  # by chance
    x, y = np.random.default_rng(6).normal(size=(2, 20000, 50))
    assert procrustes(x, y) == pytest.approx(8 / (3 * np.pi) * np.sqrt(50 / 20000), rel=0.05)  # the quarter-circle law
    assert procrustes(x, x[:, ::-1]) == pytest.approx(1)


@pytest.mark.parametrize(("x", "reference"), [(X, Y), (Y, X), (X, X**2)])
def test_the_residual_is_that_of_the_points(x, reference):
    aligned = align(x, reference)
    d = 8
    y = np.pad(reference, ((0, 0), (0, d - reference.shape[1])))
    y = y - y.mean(0)
    y /= np.linalg.norm(y)
    assert aligned.points.shape == (60, d)
    assert aligned.residual == pytest.approx(np.square(aligned.points - y).sum())
    assert aligned.residual == pytest.approx(2 - 2 * procrustes(x, reference))
    np.testing.assert_allclose(aligned.rotation @ aligned.rotation.T, np.eye(d), atol=1e-12)
    own = np.pad(x, ((0, 0), (0, d - x.shape[1])))
    own = own - own.mean(0)
    np.testing.assert_allclose(aligned.points, own @ aligned.rotation / np.linalg.norm(own), atol=1e-12)


def test_a_turned_cloud_is_turned_back():
    points = align(5 * X @ rotation(8), X).points
    centred = X - X.mean(0)
    np.testing.assert_allclose(points * np.linalg.norm(centred), centred, atol=1e-10)
    assert align(X, X).residual == pytest.approx(0, abs=1e-12)
    np.testing.assert_allclose(align(X, X).rotation, np.eye(8), atol=1e-10)


# --- refused ---


@pytest.mark.parametrize("measure", [cka, procrustes, align])
@pytest.mark.parametrize(
    ("x", "y", "error", "message"),
    [
        (X, Y[:-1], ValueError, r"the same n pictures twice, got \(60, 8\) and \(59, 5\)"),
        (X[:, 0], Y, ValueError, "expected features"),
        (X[:1], Y[:1], ValueError, "there are 1 pictures"),
        (np.full((60, 3), 0.1), Y, ValueError, "the first features never vary"),
        (X, torch.zeros(60, 3), ValueError, "the second features never vary"),
        (X, np.where(Y > 1, np.nan, Y), ValueError, "the second features: NaN or infinity, first in row"),
        (X.astype(str), Y, TypeError, "must be an array of numbers"),
        (X[:, :0], Y, ValueError, "never vary"),
    ],
)
def test_features_without_a_similarity_are_refused(measure, x, y, error, message):
    with pytest.raises(error, match=message):
        measure(x, y)


def test_debiased_cka_takes_four_pictures_and_more_than_one_that_differs():
    with pytest.raises(ValueError, match="there are 3 pictures; this takes 4 or more"):
        cka(X[:3], Y[:3])
    assert 0 <= cka(X[:3], Y[:3], debiased=False) <= 1
    alone = np.zeros((60, 3))
    alone[4] = 1
    with pytest.raises(ValueError, match="vary in one picture only"):
        cka(alone, X)
    one_constant = np.column_stack([X, np.ones(60)])  # one that never varies among others that do
    assert cka(one_constant, X) == pytest.approx(1)


def test_too_few_pictures_do_not_align():
    with pytest.raises(ValueError, match=r"8 pictures are too few to align 8 features.*by chance"):
        align(X[:8], Y[:8])
    assert align(X[:9], Y[:9]).residual >= 0


# --- angles ---


def test_angles_of_subspaces():
    basis = rotation(9)
    tilted = np.cos(np.radians(30)) * basis[:, :2] + np.sin(np.radians(30)) * basis[:, 2:4]
    mixed = basis[:, :2] @ rng.normal(size=(2, 2))
    np.testing.assert_allclose(subspace_angles(mixed, tilted), [30, 30], atol=1e-6)
    np.testing.assert_allclose(subspace_angles(basis[:, :2], basis[:, 1:4]), [90, 0], atol=1e-5)
    with pytest.raises(ValueError, match="as many rows"):
        subspace_angles(basis, basis[:5])
    with pytest.raises(ValueError, match="spans nothing"):
        subspace_angles(basis, torch.zeros(9, 2))


def test_the_shared_subspace_of_planted_is_found_the_better_the_more_examples():
    """The rows of a trained linear trunk span the planted subspace U, up to noise.

    Least squares finds θ_t up to noise of variance 1/n in each direction. The matrix Θ (T, d) is thus seen with an
    error whose part outside U turns its first right singular vectors by σ_max(error) / σ_min(Θ), to first order, and a
    Gaussian matrix (r, d − r) has E σ_max ≤ √(d − r) + √r: so many degrees at most, in the mean, and half of it at 4·n.
    """
    mean = {}
    for n in (25, 100, 400):
        found, most = [], []
        for seed in range(4):
            world = mtl.data.planted(T=8, d=10, rank=2, n=n, noise=1, seed=seed)
            model = mtl.Hard(world.tasks, mtl.nets.linear(10, 2))
            run = mtl.fit(model, world, epochs=100, batch_size=n, lr=0.05, seed=seed, validate=False, progress=False)
            found.append(subspace_angles(run.model.trunk["linear"].weight[0, 0].T, world.shared)[0])
            least = torch.linalg.svdvals(world.theta)[1].item()
            most.append(np.degrees((np.sqrt(8) + np.sqrt(2)) / np.sqrt(n) / least))
        mean[n] = np.mean(found)
        assert 0.3 * np.mean(most) < mean[n] < np.mean(most)
    assert mean[25] / mean[100] == pytest.approx(2, rel=0.4)
    assert mean[100] / mean[400] == pytest.approx(2, rel=0.4)
    chance = [subspace_angles(rotation(10, s)[:, :2], rotation(10, s + 50)[:, :2])[0] for s in range(50)]
    assert mean[25] < min(chance)


# --- what no head sees ---


@pytest.fixture(scope="module")
def course():
    """A trained network of the course, some pictures, and its features of them."""
    world = mtl.data.questions(n_train=256, n_validation=400, n_test=50)
    run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(4, features=64)), world, epochs=4, progress=False)
    return run, features(run, world.validation.x)["garment"]


def logits(run, h):
    with torch.no_grad():
        return torch.cat(list(run.model.answer({task.name: h[None] for task in run.model.tasks}).values()), -1)[0]


def test_the_null_space_is_what_no_head_sees(course):
    run, h = course
    directions = null_space(run)
    assert directions.shape == (64, 64 - 20)
    torch.testing.assert_close(directions.T @ directions, torch.eye(44), atol=1e-5, rtol=0)
    moved = h + 10 * torch.randn(len(h), 44, generator=torch.Generator().manual_seed(0)) @ directions.T
    torch.testing.assert_close(logits(run, moved), logits(run, h), atol=1e-4, rtol=0)


def test_a_switch_leaves_every_answer_and_ruins_the_similarity(course):
    run, h = course
    moved = switch(h, null_space(run))
    torch.testing.assert_close(logits(run, moved), logits(run, h), atol=1e-4, rtol=0)
    assert cka(h, moved) < 0.5
    assert procrustes(h, moved) < 0.5
    assert (moved != h).any(1).sum() == round(0.05 * len(h))
    anywhere = torch.randn(64, 1, generator=torch.Generator().manual_seed(1))
    there = switch(h, anywhere)
    gone = (there != h).any(1)
    parts = [logits(run, one)[gone].split([10, 6, 4], -1) for one in (h, there)]
    changed = torch.stack([(a.argmax(-1) != b.argmax(-1)).any() for a, b in zip(*parts, strict=True)])
    assert changed.any()


def test_a_switch_moves_within_the_directions_by_the_distance():
    D = rotation(8)[:, :3]
    moved = switch(X, D, share=0.2, distance=7)
    step = moved - X
    who = np.abs(step).max(1) > 1e-9
    assert who.sum() == 12
    np.testing.assert_allclose(step @ D @ D.T, step, atol=1e-9)
    np.testing.assert_allclose(np.linalg.norm(step[who], axis=1), 7 * np.sqrt(X.var(0).sum()))
    np.testing.assert_allclose(switch(X, 5 * D, share=0.2, distance=7), moved)  # a direction has no length
    assert np.array_equal(switch(X, D, share=0), X)
    assert np.array_equal(switch(X, D), switch(X, D))
    assert not np.array_equal(switch(X, D), switch(X, D, seed=1))
    assert switch(torch.tensor(X).float(), torch.tensor(D)).dtype is torch.float32


@pytest.mark.parametrize("way", [mtl.Separate, mtl.Hard, mtl.Pooled, mtl.SharedPrivate])
def test_the_null_space_of_every_way_of_sharing(way):
    tasks = tuple(mtl.Classification(name, tuple("abc")) for name in ("one", "two"))
    model = way(tasks, nn.Sequential(nn.Linear(4, 8)))
    logits = 3 if way is mtl.Pooled else 6
    size = 16 if way is mtl.SharedPrivate else 8
    directions = null_space(model)
    assert directions.shape == (size, size - logits)
    for task in tasks:
        torch.testing.assert_close(model.plain(task.name)[-1].weight @ directions, torch.zeros(3, size - logits))


def test_heads_that_see_everything_are_refused():
    tasks = (mtl.Classification("one", tuple("abcde")), mtl.Regression("two"))
    with pytest.raises(ValueError, match=r"h has 4 features, and the heads read 6 logits.*more than 6"):
        null_space(mtl.Hard(tasks, nn.Sequential(nn.Linear(4, 4))))
    with torch.no_grad():  # heads that say the same leave room
        model = mtl.Hard(tasks, nn.Sequential(nn.Linear(4, 4)))
        model.heads[model.head_of(tasks[0])].weight[:] = 1
    assert null_space(model).shape == (4, 2)
    model.heads[model.head_of(tasks[0])] = nn.Tanh()
    with pytest.raises(TypeError, match="is Tanh, not a linear layer"):
        null_space(model)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, rotation(7)), ValueError, r"got \(60, 8\) and \(7, 7\)"),
        ((X, np.zeros((8, 2))), ValueError, "expected h"),
        ((X, rotation(8), 1.5), ValueError, "share must be from 0 to 1"),
        ((X, rotation(8), 0.1, np.inf), ValueError, "distance must be a finite number"),
        ((X * np.nan, rotation(8)), ValueError, "h: NaN or infinity"),
    ],
)
def test_switches_that_make_no_sense_are_refused(arguments, error, message):
    with pytest.raises(error, match=message):
        switch(*arguments)
