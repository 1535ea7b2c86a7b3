"""The trace norm: it solves what it says, its ends are known models, a linear trunk with decay is the same."""

import pytest
import scipy.optimize
import torch
from threadpoolctl import threadpool_info, threadpool_limits

import mtl_lesson as mtl
import mtl_lesson.linear.trace_norm as trace_norm
from mtl_lesson.data.world import Split, World
from mtl_lesson.linear import closed_form
from mtl_lesson.linear.trace_norm import factored, proximal, rank, solve

INFINITY = float("inf")
BOTH = pytest.mark.parametrize("common", [True, False])


@pytest.fixture(scope="module")
def world():
    return mtl.data.planted(n=15, seed=3)


def examples(world):
    """The labelled training examples of each task, (X_t, y_t)."""
    for task in world.tasks:
        x, y = world.train.inputs[task.name].double(), world.train.labels[task.name].double()
        yield x[~y.isnan()], y[~y.isnan()]


def loss(world, theta):
    """Σ_t (1/n_t) ‖y_t − X_t θ_t‖², task by task."""
    return sum((y - x @ one).square().mean() for (x, y), one in zip(examples(world), theta, strict=True))


def slope(world, theta):
    theta = theta.clone().requires_grad_()
    return torch.autograd.grad(loss(world, theta), theta)[0]


def trained(world, width, decay, seed=0):
    """A linear trunk and heads as plain tensors, trained by torch's L-BFGS on the examples: θ and the objective."""
    draw = torch.Generator().manual_seed(seed)
    T, d = len(world.tasks), next(examples(world))[0].shape[1]
    W, a = (torch.randn(*shape, generator=draw, dtype=torch.float64) / width**0.5 for shape in ((width, d), (T, width)))
    W.requires_grad_(), a.requires_grad_()
    descent = torch.optim.LBFGS(
        [W, a],
        lr=1,
        max_iter=5000,
        max_eval=10_000,
        tolerance_grad=1e-10,
        tolerance_change=0,
        history_size=50,
        line_search_fn="strong_wolfe",
    )

    def objective():
        predicted = [a[t] @ (W @ x.T) for t, (x, _) in enumerate(examples(world))]
        fit = sum((y - one).square().mean() for (_, y), one in zip(examples(world), predicted, strict=True))
        return fit + decay / 2 * (W.square().sum() + a.square().sum())

    def closure():
        descent.zero_grad()
        value = objective()
        value.backward()
        return value

    descent.step(closure)
    return (a @ W).detach(), objective().item()


@BOTH
@pytest.mark.parametrize("lam", [0.1, 1.0, 3.0])
def test_no_slope_is_left_at_the_solution(world, lam, common):
    """With D = U S Vᵀ the priced matrix: −slope/λ = UVᵀ + Z, Z at right angles to U and V, of spectral norm ≤ 1."""
    theta = solve(world, lam, common)
    pull = -slope(world, theta) / lam
    if common:
        assert pull.sum(0).abs().max() < 1e-8, "the mean has no price"
    priced = theta - theta.mean(0) if common else theta
    left, _, right = torch.linalg.svd(priced, full_matrices=False)
    used = int(rank(theta, common=common))
    assert used > 0
    left, right = left[:, :used], right[:used]
    rest = pull - left @ right
    assert (left.T @ rest).abs().max() < 1e-7
    assert (rest @ right.T).abs().max() < 1e-7
    assert torch.linalg.matrix_norm(rest, 2) <= 1 + 1e-8


@BOTH
def test_some_directions_are_left_out_at_a_middle_lambda(world, common):
    """So the test above has seen both kinds of direction."""
    assert 0 < rank(solve(world, 3.0, common), common=common) < 7


@BOTH
def test_at_lambda_zero_every_task_is_alone(world, common):
    alone = torch.stack([torch.linalg.lstsq(x, y[:, None]).solution[:, 0] for x, y in examples(world)])
    torch.testing.assert_close(solve(world, 0, common), alone)
    torch.testing.assert_close(solve(world, 1e-9, common), alone, rtol=0, atol=1e-6)
    few = mtl.data.planted(n=5, T=3)
    torch.testing.assert_close(solve(few, 0, common), closed_form.solve(few, 0))


def test_beyond_some_finite_lambda_all_tasks_are_one(world):
    """Where ‖slope at the pooled θ‖ ≤ λ, spectrally, no direction is worth its price."""
    pooled = closed_form.solve(world, INFINITY)
    enough = float(torch.linalg.matrix_norm(slope(world, pooled), 2))
    assert torch.equal(solve(world, INFINITY), pooled)
    torch.testing.assert_close(solve(world, enough * 1.001), pooled, rtol=0, atol=1e-9)
    assert rank(solve(world, enough * 0.99)) > 0


def test_without_a_common_part_all_tasks_become_zero(world):
    enough = float(torch.linalg.matrix_norm(slope(world, torch.zeros(8, 10, dtype=torch.float64)), 2))
    for lam in (INFINITY, enough * 1.001):
        assert solve(world, lam, common=False).abs().max() == 0
    assert rank(solve(world, enough * 0.99, common=False), common=False) > 0


@BOTH
def test_a_permutation_of_the_tasks_permutes_the_solution(world, common):
    order = [5, 2, 7, 0, 1, 3, 6, 4]
    permuted = World("permuted", tuple(world.tasks[t] for t in order), world.train, world.validation, world.test)
    torch.testing.assert_close(solve(permuted, 1.0, common), solve(world, 1.0, common)[order], rtol=0, atol=1e-8)


@BOTH
def test_another_unit_of_the_label_scales_the_solution(world, common):
    """Squared loss over ‖Θ‖_* has the label's unit, so λ takes the factor too."""
    labels = {name: y.double() * 1000 for name, y in world.train.labels.items()}
    scaled = World("scaled", world.tasks, Split(world.train.x, labels), world.validation, world.test)
    torch.testing.assert_close(solve(scaled, 1000.0, common), 1000 * solve(world, 1.0, common), rtol=0, atol=1e-5)


def test_a_shift_of_all_tasks_moves_the_mean_and_no_deviation(world):
    """θ_t + v for all t: the deviations, and so their price, are the same. Without a common part they are not."""
    v = torch.linspace(-5, 5, 10, dtype=torch.float64)
    labels = {name: y.double() + world.train.x[name].double() @ v for name, y in world.train.labels.items()}
    moved = World("moved", world.tasks, Split(world.train.x, labels), world.validation, world.test)
    torch.testing.assert_close(solve(moved, 1.0), solve(world, 1.0) + v, rtol=0, atol=1e-7)
    assert (solve(moved, 1.0, common=False) - solve(world, 1.0, common=False) - v).abs().max() > 0.1


@BOTH
def test_many_lambdas_at_once_are_the_same_as_one_by_one(world, common):
    lams = [3.0, 0, 0.5, INFINITY]
    assert torch.equal(solve(world, lams, common), torch.stack([solve(world, lam, common) for lam in lams]))


@BOTH
def test_missing_labels_count_for_nothing(common):
    """Schools with gaps, against the same schools without the pupils whose labels are missing."""
    world = mtl.data.schools(n=12)
    tasks = world.tasks[:6]
    gaps = {task.name: world.train.labels[task.name].clone() for task in tasks}
    for task in tasks:
        gaps[task.name][[0, 4, 11]] = torch.nan
    keep = [1, 2, 3, 5, 6, 7, 8, 9, 10]
    x = {task.name: world.train.x[task.name] for task in tasks}
    with_gaps, fewer = Split(x, gaps), Split({k: v[keep] for k, v in x.items()}, {k: v[keep] for k, v in gaps.items()})
    one, other = (World("few schools", tasks, split, split, split) for split in (with_gaps, fewer))
    theta = solve(one, 0.3, common)
    assert theta.isfinite().all()
    torch.testing.assert_close(theta, solve(other, 0.3, common), rtol=0, atol=1e-8)


@BOTH
def test_the_proximal_step_is_the_least_of_its_objective(common):
    """½ ‖Θ − Y‖² + τ · (trace norm) is convex, so no small step in any direction may lower it."""
    draw = torch.Generator().manual_seed(0)
    Y = torch.randn(6, 4, generator=draw, dtype=torch.float64) + 2

    def objective(theta):
        priced = theta - theta.mean(0) if common else theta
        return 0.5 * (theta - Y).square().sum() + 1.5 * torch.linalg.svdvals(priced).sum()

    best = proximal(Y, 1.5, common)
    assert 0 < rank(best, common=common) < 4
    for _ in range(200):
        step = torch.randn(6, 4, generator=draw, dtype=torch.float64)
        assert objective(best + 1e-4 * step) > objective(best)


@pytest.mark.parametrize("lam", [-1, float("nan"), [0.1, -1]])
def test_a_lambda_that_makes_no_sense_is_refused(world, lam):
    with pytest.raises(ValueError, match="0 or more"):
        solve(world, lam)


def test_a_lambda_that_is_no_number_is_refused(world):
    with pytest.raises(TypeError, match="number or a list of numbers"):
        solve(world, "0.1")


def test_only_regression_can_be_solved():
    world = mtl.data.questions(n_train=10, n_validation=10, n_test=10)
    with pytest.raises(TypeError, match="garment"):
        solve(world, 0.1)
    with pytest.raises(TypeError, match="garment"):
        factored(world, 2)


def test_a_search_that_does_not_settle_says_so(world, monkeypatch):
    monkeypatch.setattr(trace_norm, "MOST_STEPS", 3)
    with pytest.raises(RuntimeError, match=r"3 steps at λ = 0\.1"):
        solve(world, 0.1)


@pytest.mark.parametrize("decay", [0.3, 2.0])
def test_a_wide_trunk_with_weight_decay_is_the_trace_norm(world, decay):
    """Both trainings, torch's on the examples and the module's on their moments, of both wide widths."""
    wanted = solve(world, decay, common=False)
    least = float(loss(world, wanted) + decay * torch.linalg.svdvals(wanted).sum())
    for width in (8, 12):
        theta, objective = trained(world, width, decay)
        assert (theta - wanted).abs().max() < 1e-6
        assert objective == pytest.approx(least, rel=1e-9)
        assert (factored(world, width, decay) - wanted).abs().max() < 1e-6


def test_a_trunk_narrower_than_the_trace_norm_needs_pays_more(world):
    wanted = solve(world, 1.0, common=False)
    needed = int(rank(wanted, common=False))
    least = float(loss(world, wanted) + torch.linalg.svdvals(wanted).sum())
    assert needed > 1
    pays = [trained(world, width, 1.0)[1] - least for width in (1, needed - 1, needed)]
    assert pays[0] > 1
    assert pays[1] > 1e-6
    assert abs(pays[2]) < 1e-8


def test_a_trunk_with_room_for_all_tasks_shares_nothing(world):
    for width in (8, 10):
        torch.testing.assert_close(factored(world, width), solve(world, 0), rtol=0, atol=1e-5)


def test_a_narrow_trunk_uses_its_width_and_fits_as_well_as_it_can(world):
    """No better fit of that rank is found by torch's own descent from other starts."""
    for width in (1, 2, 4):
        theta = factored(world, width)
        assert rank(theta, common=False) == width
        others = [trained(world, width, 0.0, seed)[1] for seed in range(3)]
        assert float(loss(world, theta)) < min(others) + 1e-6


def test_of_several_starts_the_best_fit_is_kept(monkeypatch):
    """A trunk of one feature can get stuck: in some of eight worlds the first start alone fits worse."""
    worlds = [mtl.data.planted(n=15, seed=seed) for seed in range(8)]
    best = torch.stack([loss(world, factored(world, 1)) for world in worlds])
    monkeypatch.setattr(trace_norm, "STARTS", 1)
    first = torch.stack([loss(world, factored(world, 1)) for world in worlds])
    assert (best < first + 1e-9).all()
    assert (best < first - 0.1).any()


def test_the_same_seed_draws_the_same_trunk(world):
    assert torch.equal(factored(world, 4, seed=1), factored(world, 4, seed=1))
    assert not torch.equal(factored(world, 4, seed=1), factored(world, 4, seed=2))


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"width": 0}, ValueError, "width must be 1 or more"),
        ({"width": 2.5}, TypeError, "width must be a whole number"),
        ({"decay": -1}, ValueError, "decay must be 0 or more"),
        ({"decay": "0.1"}, TypeError, "decay must be a number"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_a_trunk_that_makes_no_sense_is_refused(world, change, error, message):
    with pytest.raises(error, match=message):
        factored(world, **{"width": 2} | change)


def test_rank_counts_directions():
    draw = torch.Generator().manual_seed(0)
    theta = torch.randn(7, 3, generator=draw).double() @ torch.randn(3, 5, generator=draw).double()
    shifted = theta - theta.mean(0) + torch.ones(5).double()
    assert rank(theta, common=False) == 3
    assert rank(shifted) == 3
    assert rank(shifted, common=False) == 4
    assert rank(torch.ones(7, 5).double()) == 0
    assert rank(torch.zeros(7, 5).double()) == 0
    assert rank(torch.stack([theta, torch.ones(7, 5).double()])).tolist() == [3, 0]


SEARCHES = {
    "a trunk": lambda: factored(mtl.data.planted(n=15), 2),
    "the components": lambda: mtl.linear.closed_form.components(mtl.data.planted(n=15)),
    "a smooth maximum": lambda: mtl.linear.front.smooth_maximum(
        mtl.linear.front.tasks_with_cosine(0.2), [[1.0, 1.0, 1.0]]
    ),
}


@pytest.mark.parametrize("search", SEARCHES)
def test_a_search_waits_for_no_other_thread(search, monkeypatch):
    """Also the threads of a BLAS that came with SciPy, later than any limit that was set before."""
    threads, real = [], scipy.optimize.minimize

    def minimize(*arguments, **options):
        threads.extend(pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas")
        return real(*arguments, **options)

    monkeypatch.setattr(scipy.optimize, "minimize", minimize)
    with threadpool_limits(2):
        SEARCHES[search]()
        assert all(pool["num_threads"] == 2 for pool in threadpool_info() if pool["user_api"] == "blas")
    assert set(threads) == {1}
