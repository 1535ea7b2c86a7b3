"""What the notebook "Other tools" calls equal, over generated inputs: scikit-learn's names for the course's models."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Lasso, MultiTaskElasticNet, MultiTaskLasso, Ridge
from sklearn.neural_network import MLPClassifier
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.linear.closed_form import moments
from mtl_lesson.linear.stretched import stretched, unstretched
from mtl_lesson.sharing.given import put_heads
from mtl_lesson.show.chosen import chosen
from mtl_lesson.show.faces import faces

SMALL = 1e-11
slow = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 10_000)


@st.composite
def worlds(draw, missing=True):
    """A planted world, some labels missing, in which every task has more labels than inputs."""
    T, d = draw(st.integers(1, 6)), draw(st.integers(1, 5))
    n, seed = d + draw(st.integers(3, 12)), draw(seeds)
    world = mtl.data.planted(T=T, d=d, rank=1, n=n, seed=seed, n_validation=5, n_test=20)
    for task in world.tasks if missing else ():
        world.train.labels[task.name][: draw(st.integers(0, 2))] = torch.nan
    return world


def by_sklearn(world, lam, mu):
    Z, y = stretched(world, mu)
    w = Ridge(alpha=lam * len(world.tasks), fit_intercept=False, solver="svd").fit(Z, y).coef_
    return unstretched(w, len(world.tasks), mu)


# Soft sharing is a ridge regression


@slow
@given(worlds(), st.floats(-3, 1).map(lambda power: 10**power))
def test_ridge_on_stretched_inputs_is_soft_sharing(world, lam):
    ours = mtl.closed_form.solve(world, lam).numpy()
    np.testing.assert_allclose(by_sklearn(world, lam, SMALL), ours, atol=1e-8, rtol=1e-8)


@slow
@given(worlds(), st.floats(-3, 1).map(lambda power: 10**power))
def test_without_the_shared_block_it_is_every_task_alone_shrunk(world, lam):
    ours = mtl.closed_form.ridge(world, lam * len(world.tasks)).numpy()
    np.testing.assert_allclose(by_sklearn(world, lam, np.inf), ours, atol=1e-8, rtol=1e-8)


@slow
@given(worlds(), st.floats(0.01, 10), st.floats(0.01, 100))
def test_between_them_the_mean_is_shrunk_as_the_formula_says(world, lam, mu):
    """The minimum of Σ L_t + λ Σ_{i<j} ‖θ_i − θ_j‖² + λμT²/(μ + T) ‖θ̄‖², from its normal equations."""
    A, b = moments(world.train, world)
    T, d = b.shape
    apart = lam * (T * np.eye(T) - np.ones((T, T)))  # of the pairs
    mean = lam * mu / (mu + T) * np.ones((T, T))  # T² ‖θ̄‖² = ‖Σ θ_t‖²
    H = np.kron(apart + mean, np.eye(d)) + torch.block_diag(*A).numpy()
    ours = np.linalg.solve(H, b.numpy().ravel()).reshape(T, d)
    np.testing.assert_allclose(by_sklearn(world, lam, mu), ours, atol=1e-8, rtol=1e-8)


@slow
@given(worlds())
def test_at_either_end_of_lambda_one_part_is_left_out(world):
    T, d = len(world.tasks), world.theta.shape[1]
    alone = mtl.closed_form.solve(world, 0.0).numpy()
    np.testing.assert_allclose(by_sklearn(world, 0.0, np.inf), alone, atol=1e-7, rtol=1e-7)
    Z, y = stretched(world, 1.0)
    one = np.linalg.lstsq(Z[:, :d], y, rcond=None)[0]
    together = mtl.closed_form.solve(world, float("inf")).numpy()
    np.testing.assert_allclose(np.tile(one, (T, 1)), together, atol=1e-8, rtol=1e-8)


def test_what_cannot_be_stretched_is_refused():
    world = mtl.data.planted(T=2, n=4, n_test=5)
    for mu, error in ((0, ValueError), (-1, ValueError), (float("nan"), ValueError), ("1", TypeError)):
        with pytest.raises(error, match="μ must be"):
            stretched(world, mu)
    with pytest.raises(TypeError, match="only a Regression"):
        stretched(mtl.data.questions(n_train=8), 1.0)


# A multi-label MLPClassifier is hard sharing


def carried(theirs, names):
    """The classifier as mtl.Hard, in float64."""
    layers = []
    for W, b in zip(theirs.coefs_, theirs.intercepts_, strict=True):
        layers.append(nn.Linear(*W.shape).double())
        layers[-1].load_state_dict({"weight": torch.tensor(W.T), "bias": torch.tensor(b)})
    bend = {"relu": nn.ReLU, "tanh": nn.Tanh, "logistic": nn.Sigmoid}[theirs.activation]
    trunk = nn.Sequential(*(part for layer in layers[:-1] for part in (layer, bend())))
    heads = {}
    for t, name in enumerate(names):
        heads[name] = nn.Linear(layers[-1].in_features, 1).double()
        heads[name].load_state_dict({key: value[t : t + 1] for key, value in layers[-1].state_dict().items()})
    model = mtl.Hard(
        [mtl.Binary(name) for name in names], trunk, features=heads[names[0]].in_features, initial="template"
    )
    return put_heads(model.double(), heads)


@settings(deadline=None, max_examples=15)
@given(
    hidden=st.lists(st.integers(2, 6), min_size=1, max_size=3),
    T=st.integers(2, 4),
    activation=st.sampled_from(["relu", "tanh", "logistic"]),
    alpha=st.floats(0.5, 5),
    seed=seeds,
)
def test_a_multi_label_mlp_is_hard_sharing(hidden, T, activation, alpha, seed):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((40, 3))
    y = (x @ rng.standard_normal((3, T)) + 0.3 * rng.standard_normal((40, T)) > 0).astype(int)
    y[:2] = [[0] * T, [1] * T]  # of each label both answers
    theirs = MLPClassifier(
        tuple(hidden), activation=activation, solver="lbfgs", alpha=alpha, max_iter=15_000, max_fun=50_000
    )
    theirs.set_params(random_state=0).fit(x, y)
    model = carried(theirs, [f"label {t}" for t in range(T)])
    answers = model(torch.tensor(x))
    ours = torch.cat([answers[task.name] for task in model.tasks], 1).sigmoid().detach().numpy()
    np.testing.assert_allclose(theirs.predict_proba(x), ours, atol=1e-12)
    losses = sum(
        task.loss(answers[task.name][None], torch.tensor(y[None, :, t])).item() for t, task in enumerate(model.tasks)
    )
    decay = alpha / (2 * len(x)) * sum((W**2).sum() for W in theirs.coefs_)
    assert theirs.loss_ == pytest.approx(losses + decay, abs=1e-8)


# Heads that are given


def test_given_heads_answer_in_every_copy():
    tasks = [mtl.Binary("a"), mtl.Regression("b", outputs=3)]
    heads = {"a": nn.Linear(4, 1), "b": nn.Linear(4, 3)}
    model = mtl.Hard(tasks, nn.Sequential(nn.Linear(5, 4)), seeds=(0, 1))
    assert put_heads(model, heads) is model
    x = torch.randn(6, 5)
    h, answers = model.features(x), model(x)
    for name, head in heads.items():
        torch.testing.assert_close(answers[name], head(h[name]))
    assert not any(parameter.grad_fn for parameter in model.parameters())


def test_heads_that_do_not_fit_are_refused():
    model = mtl.Hard([mtl.Binary("a")], nn.Sequential(nn.Linear(5, 4)))
    with pytest.raises(KeyError, match="no task 'b'"):
        put_heads(model, {"b": nn.Linear(4, 1)})
    with pytest.raises(ValueError, match=r"weight of the head of 'a' has shape \(1, 4\), and the given one \(1, 5\)"):
        put_heads(model, {"a": nn.Linear(5, 1)})
    with pytest.raises(ValueError, match="has weight, bias, and the given one weight"):
        put_heads(model, {"a": nn.Linear(4, 1, bias=False)})


# MultiTaskLasso shares the choice of inputs


def table(world):
    return world.train.x.double().numpy(), np.stack([world.train.labels[task.name].numpy() for task in world.tasks], 1)


@slow
@given(seeds, st.integers(1, 5), st.floats(0.05, 0.5))
def test_of_equal_tasks_multi_task_lasso_is_the_lasso_at_a_discount(seed, T, alpha):
    """α Σ_i (Σ_t w_ti²)^½ is, of T equal rows, α √T Σ_i |w_i|, beside T times the loss: the Lasso with α/√T."""
    X, Y = table(mtl.data.share_inputs(mtl.data.planted(T=1, d=5, n=20, seed=seed, n_test=5)))
    joint = MultiTaskLasso(alpha=alpha, fit_intercept=False, tol=1e-12, max_iter=50_000).fit(X, np.tile(Y, (1, T)))
    alone = Lasso(alpha=alpha / np.sqrt(T), fit_intercept=False, tol=1e-12, max_iter=50_000).fit(X, Y[:, 0])
    np.testing.assert_allclose(joint.coef_, np.tile(alone.coef_, (T, 1)), atol=1e-6)


@slow
@given(seeds, st.floats(0.05, 0.5), st.sampled_from([1.0, 0.5]))
def test_what_they_minimise_is_the_formula(seed, alpha, share):
    """No small step in any direction makes the formula smaller; of MultiTaskElasticNet with its share of squares."""
    X, Y = table(mtl.data.share_inputs(mtl.data.planted(T=3, d=5, n=20, seed=seed, n_test=5)))
    net = MultiTaskElasticNet(alpha=alpha, l1_ratio=share, fit_intercept=False, tol=1e-12, max_iter=50_000)
    W = net.fit(X, Y).coef_

    def formula(W):
        squares = (1 - share) / 2 * (W**2).sum()
        return ((Y - X @ W.T) ** 2).sum() / (2 * len(X)) + alpha * (share * np.sqrt((W**2).sum(0)).sum() + squares)

    rng = np.random.default_rng(seed)
    steps = [size * rng.standard_normal(W.shape) for size in (1e-3, 1e-2, 0.1) for _ in range(10)]
    assert all(formula(W + step) > formula(W) - 1e-9 for step in steps)
    used = np.abs(W) > 0
    assert (used == used[:1]).all()  # an input is used by all tasks or by none


# planted, for methods that take one table


@slow
@given(seeds, st.integers(2, 6), st.integers(1, 3), st.sampled_from([0.0, 1.0]), st.sampled_from([0, 30]))
def test_turning_the_inputs_changes_no_distance(seed, T, rank, delta, angle):
    world = mtl.data.planted(T=T, d=7, rank=rank, n=9, delta=delta, angle=angle, seed=seed, n_validation=5, n_test=30)
    as_it_is, turned = mtl.data.share_inputs(world), mtl.data.share_inputs(world, turned=True)
    for part in ("train", "validation", "test"):
        one, other = getattr(as_it_is, part), getattr(turned, part)
        torch.testing.assert_close(one.x @ one.x.T, other.x @ other.x.T, atol=1e-4, rtol=1e-4)
        assert all(torch.allclose(one.labels[name], other.labels[name]) for name in one.labels)
    torch.testing.assert_close(turned.shared[rank:], torch.zeros(7 - rank, rank, dtype=torch.float64))
    torch.testing.assert_close(turned.shared.T @ turned.shared, torch.eye(rank, dtype=torch.float64))
    if not delta and not angle:
        assert turned.theta[:, rank:].abs().max() < 1e-9
    for kappa in (0.1, 1.0):
        errors = [mtl.closed_form.errors(w, mtl.closed_form.ridge(w, kappa)) for w in (as_it_is, turned)]
        torch.testing.assert_close(*errors, atol=1e-4, rtol=1e-4)
    first = world.tasks[0].name
    assert torch.equal(as_it_is.train.x, world.train.x[first])
    torch.testing.assert_close(as_it_is.train.labels[first], world.train.labels[first], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("dial", [{"mismatch": 2.0}, {"groups": 2}])
def test_only_tasks_whose_inputs_are_drawn_alike_come_together(dial):
    with pytest.raises(ValueError, match="mismatch=1 and groups=1"):
        mtl.data.share_inputs(mtl.data.planted(n_test=5, **dial))


# The figures


def test_the_figure_of_chosen_inputs_says_how_many():
    W = np.array([[1.0, 0, 0], [2, 1e-12, 3]])
    drawing = chosen({"joint": W, "apart": np.eye(2)})
    assert "joint: ≈ 2 of 3 inputs are used by any task, each task uses ≈ 1.5" in drawing.alt
    assert drawing.png().startswith(b"\x89PNG")
    assert "0 of 3" in chosen({"none": np.zeros((2, 3))}).alt
    with pytest.raises(ValueError, match="one to four panels"):
        chosen({})
    with pytest.raises(ValueError, match="a table"):
        chosen({"flat": np.ones(3)})


def test_the_figure_of_what_was_found_draws_no_missing_box():
    boxes, points = torch.rand(3, 4), torch.rand(3, 10)
    boxes[1], points[1] = torch.nan, torch.nan
    drawing = faces(torch.rand(3, 3, 8, 8), boxes, points, ["face", "no face", "face"], columns=2)
    assert drawing.alt == "3 pictures, 2 with a box and points drawn in: face; no face; face."
    assert drawing.png().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="3 pictures, 3 boxes, 3 rows of points, 1 captions"):
        faces(torch.rand(3, 3, 8, 8), boxes, points, ["face"])
