"""Linear soft sharing in closed form: it solves what it says, and its two ends are the two models one knows."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch

import mtl_lesson as mtl
from mtl_lesson.data.schools import exam_table
from mtl_lesson.data.world import Split, World
from mtl_lesson.linear import closed_form
from mtl_lesson.linear.closed_form import best_lambda, components, empirical_bayes, errors, solve, stack_tasks

INFINITY = float("inf")


@pytest.fixture(scope="module")
def world():
    return mtl.data.schools(n=10, seed=1)


def objective(world, theta, lam):
    """The lesson's formula, pair by pair and pupil by pupil."""
    x, y, _ = stack_tasks(world.train, world)
    fit = sum(((y[t] - x[t] @ theta[t]) ** 2).mean() for t in range(len(theta)))
    return fit + lam * sum(((a - b) ** 2).sum() for a, b in itertools.combinations(theta, 2))


@pytest.mark.parametrize("lam", [1e-4, 0.015, 1.0])
def test_the_gradient_of_the_formula_vanishes_at_the_solution(world, lam):
    theta = solve(world, lam).requires_grad_()
    (gradient,) = torch.autograd.grad(objective(world, theta, lam), theta)
    assert gradient.abs().max() < 1e-9 * max(1, lam * len(theta))


@pytest.mark.parametrize("kappa", [0.003, 0.2, 5.0])
def test_a_school_alone_and_shrunk_is_scikit_learns_ridge(world, kappa):
    from sklearn.linear_model import Ridge

    x, y, _ = stack_tasks(world.train, world)
    own = [Ridge(alpha=kappa * x.shape[1], fit_intercept=False).fit(x[t], y[t]).coef_ for t in range(len(x))]
    torch.testing.assert_close(closed_form.ridge(world, kappa), torch.tensor(np.array(own)), rtol=1e-8, atol=1e-10)


def test_the_ends_of_shrinking_are_alone_and_nothing(world):
    ends = closed_form.ridge(world, [0.0, INFINITY])
    torch.testing.assert_close(ends[0], solve(world, 0.0))
    assert (ends[1] == 0).all()
    with pytest.raises(ValueError, match="0 or more"):
        closed_form.ridge(world, -1.0)


def test_one_school_alone_borrows_from_nobody(world):
    one = dataclasses.replace(
        world,
        tasks=world.tasks[:1],
        **{
            part: Split({n: s.x[n] for n in [world.tasks[0].name]}, {n: s.labels[n] for n in [world.tasks[0].name]})
            for part in ("train", "validation", "test")
            for s in [getattr(world, part)]
        },
    )
    torch.testing.assert_close(closed_form.ridge(one, 0.3), closed_form.ridge(world, 0.3)[:1])


def test_without_a_pull_every_school_is_alone(world):
    x, y, _ = stack_tasks(world.train, world)
    torch.testing.assert_close(solve(world, 0.0), torch.linalg.lstsq(x, y[..., None]).solution[..., 0])


def test_with_an_infinite_pull_all_schools_are_one(world):
    """All schools train on equally many pupils, so pooling weighs all pupils alike."""
    theta = solve(world, INFINITY)
    x, y, _ = stack_tasks(world.train, world)
    pooled = torch.linalg.lstsq(x.flatten(0, 1), y.flatten()[:, None]).solution[:, 0]
    torch.testing.assert_close(theta, pooled.expand_as(theta), rtol=0, atol=1e-10)


@pytest.mark.parametrize(("lam", "limit"), [(1e-13, 0.0), (1e12, INFINITY), (1e300, INFINITY)])
def test_it_is_stable_towards_both_ends(world, lam, limit):
    torch.testing.assert_close(solve(world, lam), solve(world, limit), rtol=0, atol=1e-8)


def test_many_lambdas_at_once_are_the_same_as_one_by_one(world):
    lams = [0, 0.01, 3.0, INFINITY]
    together = solve(world, lams)
    assert torch.equal(together, torch.stack([solve(world, lam) for lam in lams]))
    torch.testing.assert_close(errors(world, together)[1], errors(world, solve(world, 0.01)))


def test_pupils_that_are_not_there_count_for_nothing(world):
    """Test sets are filled up to one length: a school's error is that of its own pupils."""
    theta = solve(world, 0.01)
    for t, task in list(enumerate(world.tasks))[:5]:
        x, y = world.test.x[task.name].double(), world.test.labels[task.name].double()
        own = (y - x @ theta[t])[~y.isnan()]
        torch.testing.assert_close(errors(world, theta)[t], own.square().mean())


@pytest.mark.parametrize("lam", [-1, float("nan"), [0.1, -1], [0.1, float("nan")]])
def test_a_lambda_that_makes_no_sense_is_refused(world, lam):
    with pytest.raises(ValueError, match="0 or more"):
        solve(world, lam)


@pytest.mark.parametrize("lam", ["0.1", None])
def test_a_lambda_that_is_no_number_is_refused(world, lam):
    with pytest.raises(TypeError, match="number or a list of numbers"):
        solve(world, lam)


def test_only_regression_can_be_solved():
    with pytest.raises(TypeError, match="garment"):
        solve(mtl.data.questions(n_train=10, n_validation=10, n_test=10), 0.1)


def test_a_regression_with_a_loss_of_its_own_is_not_solved_as_squared_error():
    class Absolute(mtl.Regression):
        def losses(self, outputs, labels):
            return (outputs.squeeze(-1) - labels).abs()

    x = torch.randn(10, 2)
    world = linear_world([x], [x[:, 0]])
    own = dataclasses.replace(world, tasks=[Absolute(task.name) for task in world.tasks])
    with pytest.raises(TypeError, match="Absolute with ways of its own"):
        solve(own, 0.1)


def test_the_best_lambda_is_the_one_with_the_least_error(world):
    lams = [0.002 * 1.2**k for k in range(30)]
    chosen = {}
    for split in ("validation", "test"):
        means = [errors(world, solve(world, lam), split).mean() for lam in lams]
        chosen[split] = lams[means.index(min(means))]
        assert best_lambda(world, lams, split) == chosen[split]
    assert chosen["validation"] != chosen["test"], "a world in which the split matters"
    assert best_lambda(world, iter(lams)) == chosen["validation"]


def test_the_best_lambda_of_another_way_to_solve(world):
    def inverted(world, lams):
        return solve(world, [1 / lam for lam in lams])

    lams = [0.001, 0.02, 1.0, 50.0, 1000.0]
    assert best_lambda(world, lams, by=inverted) == 1 / best_lambda(world, [1 / lam for lam in lams])


def linear_world(inputs, labels):
    """A world of one task for each pair of inputs (n_t, d) and labels (n_t,), filled up to one length."""
    tasks = tuple(mtl.Regression(f"task {t}") for t in range(len(labels)))
    longest, x, y = max(map(len, labels)), {}, {}
    for task, own, answers in zip(tasks, inputs, labels, strict=True):
        x[task.name] = torch.zeros(longest, own.shape[1], dtype=torch.float64)
        y[task.name] = torch.full((longest,), torch.nan, dtype=torch.float64)
        x[task.name][: len(own)], y[task.name][: len(own)] = own, answers
    split = Split(x, y)
    return World("linear", tasks, split, split, split)


def simulated(T, n, noise, between, beta, seed):
    draw = torch.Generator().manual_seed(seed)

    def normal(*shape):
        return torch.randn(*shape, generator=draw, dtype=torch.float64)

    x = normal(T, n, len(beta))
    theta = torch.tensor(beta) + normal(T, len(beta)) * torch.tensor(between).sqrt()
    return linear_world(x, (x @ theta[..., None]).squeeze(-1) + normal(T, n) * noise**0.5)


def log_likelihood(world, noise, between, beta):
    """The density of all labels, task by task, with its n × n covariance written out."""
    total = 0
    for task in world.tasks:
        y = world.train.labels[task.name].double()
        x, y = world.train.x[task.name].double()[~y.isnan()], y[~y.isnan()]
        covariance = noise * torch.eye(len(y), dtype=torch.float64) + x @ torch.diag(between) @ x.T
        total = total + torch.distributions.MultivariateNormal(x @ beta, covariance).log_prob(y)
    return total


@pytest.mark.parametrize("common", [False, True])
def test_the_components_are_where_the_likelihood_is_greatest(common):
    """Against the density with its covariances written out; a τ² of 0 may only be there if more would be worse."""
    for n in (10, 20):
        world = mtl.data.schools(n=n)
        found = components(world, common)
        noise = torch.tensor(found.noise, dtype=torch.float64, requires_grad=True)
        between = found.between[:1].clone() if common else found.between.clone()
        between.requires_grad_()
        beta = found.beta.clone().requires_grad_()
        value = log_likelihood(world, noise, between.expand(2), beta)
        slopes = torch.autograd.grad(value, [noise, between, beta])
        assert slopes[0].abs() < 1e-3
        assert slopes[1][between > 0].abs().lt(1e-3).all()
        assert slopes[1][between == 0].lt(0).all()
        assert slopes[2].abs().max() < 1e-6
        for change in (0.9, 1.1):
            assert log_likelihood(world, noise * change, between.expand(2), beta) < value
            assert log_likelihood(world, noise, between.expand(2) * change, beta) < value


def test_of_several_peaks_of_the_likelihood_the_highest_is_taken(monkeypatch):
    """In some of these worlds of two tasks with six coefficients each, a start by itself climbs a lower one."""
    worlds = [mtl.data.planted(T=2, d=6, n=7, seed=seed) for seed in range(16)]

    def heights():
        found = [components(world) for world in worlds]
        pairs = zip(worlds, found, strict=True)
        return torch.stack([log_likelihood(world, one.noise, one.between, one.beta) for world, one in pairs])

    best = heights()
    for start in closed_form.STARTS:
        monkeypatch.setattr(closed_form, "STARTS", (start,))
        alone = heights()
        assert (best > alone - 1e-6).all()
        assert (best > alone + 1e-3).any()


def test_known_components_are_recovered():
    """With 1000 tasks a τ² is known to √(2 / 1000) = 4.5 % and a little for the noise: 20 % is four such errors."""
    wanted = {"noise": 2.0, "between": [0.5, 1.5, 0.0], "beta": [1.0, -2.0, 0.0]}
    for seed in range(3):
        found = components(simulated(1000, 10, seed=seed, **wanted))
        assert found.noise == pytest.approx(2.0, rel=0.1)
        torch.testing.assert_close(found.between[:2], torch.tensor([0.5, 1.5]).double(), rtol=0.2, atol=0)
        assert 0 <= found.between[2] < 0.1
        torch.testing.assert_close(found.beta, torch.tensor([1.0, -2.0, 0.0]).double(), rtol=0, atol=0.2)


def test_the_components_of_all_pupils_are_the_published_ones():
    """Intercept .090, slope .015, residual .554 (Goldstein et al. 1993, by multilevel models with a covariance too)."""
    table = exam_table()
    pupils = [own for _, own in table.groupby("school")]
    x = [torch.tensor([[1.0, score] for score in own["standLRT"]], dtype=torch.float64) for own in pupils]
    found = components(linear_world(x, [torch.tensor(own["normexam"].to_numpy()) for own in pupils]))
    assert found.noise == pytest.approx(0.554, abs=0.005)
    assert float(found.between[0]) == pytest.approx(0.090, abs=0.01)
    assert float(found.between[1]) == pytest.approx(0.015, abs=0.003)


@pytest.mark.parametrize("common", [False, True])
def test_another_unit_of_the_label_changes_the_components_by_its_square(common):
    one, two = (simulated(50, 8, 1.0, [0.5, 0.2], [1.0, 0.0], seed=1) for _ in range(2))
    for task in two.tasks:
        two.train.labels[task.name].mul_(100)
    first, second = components(one, common), components(two, common)
    assert second.noise == pytest.approx(1e4 * first.noise, rel=1e-5)
    torch.testing.assert_close(second.between, 1e4 * first.between, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(second.beta, 100 * first.beta, rtol=1e-4, atol=1e-4)
    assert empirical_bayes(two) == pytest.approx(empirical_bayes(one), rel=1e-4)


def test_soft_sharing_is_the_posterior_mean_at_the_lambda_of_the_components():
    """E[β + b_t | y] with covariances written out: b_t = D X_tᵀ V_t⁻¹ (y_t − X_t β)."""
    world = mtl.data.schools(n=10)
    lam, found = empirical_bayes(world), components(world, common=True)
    theta = solve(world, lam)
    torch.testing.assert_close(theta.mean(0), found.beta, rtol=0, atol=1e-8)
    assert lam * len(theta) * 10 == pytest.approx(found.noise / float(found.between[0]))
    x, y, _ = stack_tasks(world.train, world)
    for t in range(len(theta)):
        V = found.noise * torch.eye(10, dtype=torch.float64) + x[t] @ torch.diag(found.between) @ x[t].T
        b = found.between * (x[t].T @ torch.linalg.solve(V, y[t] - x[t] @ found.beta))
        torch.testing.assert_close(theta[t], found.beta + b, rtol=0, atol=1e-8)


def test_tasks_that_do_not_differ_have_no_variance_between_them_and_an_infinite_lambda():
    """Labels whose noise is at right angles to every input: each task alone finds the same coefficients."""
    x = torch.randn(6, 12, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    noise = torch.randn(6, 12, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    noise = noise - x @ torch.linalg.lstsq(x, noise).solution
    beta = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64)
    world = linear_world(x, x @ beta + noise.squeeze(-1))
    for common in (False, True):
        found = components(world, common)
        assert torch.equal(found.between, torch.zeros(3, dtype=torch.float64))
        torch.testing.assert_close(found.beta, beta)
        assert found.noise == pytest.approx(float(noise.square().mean()))
    assert empirical_bayes(world) == INFINITY


def test_an_input_that_is_always_zero_has_no_variance_between_tasks():
    world = simulated(30, 8, 1.0, [0.5, 0.5], [0.0, 0.0], seed=3)
    with_zero = linear_world(
        [torch.cat([world.train.x[task.name], torch.zeros(8, 1)], 1) for task in world.tasks],
        [world.train.labels[task.name] for task in world.tasks],
    )
    found, wanted = components(with_zero), components(world)
    assert float(found.between[2]) == 0
    torch.testing.assert_close(found.between[:2], wanted.between, rtol=1e-5, atol=1e-5)


def test_a_missing_label_counts_for_nothing_in_the_components():
    """A task without labels neither; with unequal numbers the λ is that of their mean."""
    world = simulated(20, 8, 1.0, [0.5, 0.2], [1.0, 0.0], seed=4)
    inputs = [world.train.x[task.name] for task in world.tasks]
    labels = [world.train.labels[task.name] for task in world.tasks]
    short = linear_world(inputs[:10] + [x[:4] for x in inputs[10:]], labels[:10] + [y[:4] for y in labels[10:]])
    for t, task in enumerate(world.tasks):
        if t >= 10:
            world.train.labels[task.name][4:] = torch.nan
    found, wanted = components(world, common=True), components(short, common=True)
    assert found.noise == pytest.approx(wanted.noise)
    torch.testing.assert_close(found.between, wanted.between)
    assert empirical_bayes(world) == pytest.approx(found.noise / float(found.between[0]) / 6 / 20)


def test_tasks_without_noise_to_estimate_are_refused():
    """Labels that fit exactly, labels of 0, and single examples, where noise and differences look the same."""
    draw = torch.Generator().manual_seed(0)
    x, theta = (torch.randn(*shape, generator=draw, dtype=torch.float64) for shape in ((4, 9, 3), (4, 3, 1)))
    one = torch.ones(5, 1, 1, dtype=torch.float64)
    exact, zero = (linear_world(x, (x @ (theta * factor)).squeeze(-1)) for factor in (1, 0))
    for world in (exact, zero, linear_world(one, torch.arange(5.0).double()[:, None])):
        for common in (False, True):
            with pytest.raises(ValueError, match="no noise"):
                components(world, common)


def test_only_regression_has_components():
    with pytest.raises(TypeError, match="garment"):
        components(mtl.data.questions(n_train=10, n_validation=10, n_test=10))
