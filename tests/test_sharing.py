"""Every way of sharing at its limits: λ = 0 and ∞, a branch at either end, one step against a formula."""

import functools
import itertools

import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.sharing import Hard, Hierarchical, Pooled, Separate, Soft
from mtl_lesson.sharing.soft import distances
from mtl_lesson.training import feed as feeds
from mtl_lesson.training import loop

INFINITY = float("inf")
TASKS = tuple(mtl.Binary(name) for name in ("ana", "bo", "chidi"))
SGD, HEAVY = functools.partial(torch.optim.SGD, lr=0.05), functools.partial(torch.optim.SGD, lr=0.05, momentum=0.9)
ADAM = functools.partial(torch.optim.Adam, lr=0.01)
OPTIMISERS = pytest.mark.parametrize("optimiser", [SGD, HEAVY, ADAM], ids=["sgd", "heavy ball", "adam"])


def trunk():
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU())


@functools.cache
def world(n=24):
    draw = torch.Generator().manual_seed(0)
    x = {task.name: torch.randn(n, 4, generator=draw) for task in TASKS}
    labels = {name: (value.sum(1) + k * value[:, 0] > 0).long() for k, (name, value) in enumerate(x.items())}
    labels["bo"][::4] = -1
    split = Split(x, labels)
    return World("tiny", TASKS, split, split, split)


def trained(model, optimiser, steps=8, watch=None, groups=None):
    """The model after some steps of 8 examples, in float64."""
    model = model.double()
    feed = feeds.Feed([world().train], TASKS, "cpu", torch.float64)
    stepper = optimiser(groups(model) if groups else model.parameters())
    for batch in itertools.islice(itertools.cycle(feed.in_order(8)), steps):
        loop.step(model, stepper, batch, "float64")
        if watch:
            watch(model)
    return model


def outputs(model):
    return {name: y.detach() for name, y in model({k: v.double() for k, v in world().test.x.items()}).items()}


def same(one, other, atol=1e-10):
    for name, y in outputs(one).items():
        torch.testing.assert_close(y, outputs(other)[name], rtol=0, atol=atol)


@OPTIMISERS
def test_soft_without_a_pull_is_separate_bit_for_bit(optimiser):
    soft, separate = trained(Soft(TASKS, trunk(), lam=0), optimiser), trained(Separate(TASKS, trunk()), optimiser)
    for mine, its in zip(soft.parameters(), separate.parameters(), strict=True):
        assert torch.equal(mine, its)


@OPTIMISERS
def test_at_infinity_tied_weights_are_equal_at_every_step(optimiser):
    def watch(model):
        for name in model.trunk.plan:
            for θ in model.trunk[name].parameters():
                assert torch.equal(θ, θ[:, :1].expand_as(θ))

    soft = trained(Soft(TASKS, trunk(), lam=INFINITY), optimiser, watch=watch)
    heads = [soft.heads[name].weight for name in soft.heads]
    assert not torch.equal(heads[0], heads[1])
    hard = Hard(TASKS, trunk()).double()
    with torch.no_grad():
        for name in hard.trunk.plan:
            for mine, its in zip(hard.trunk[name].parameters(), soft.trunk[name].parameters(), strict=True):
                mine.copy_(its[:, :1])
        for name, head in hard.heads.items():
            head.load_state_dict(soft.heads[name].state_dict())
    same(soft, hard)


def test_at_infinity_under_sgd_the_path_is_hards_with_a_rate_divided_by_the_tasks():
    def groups(model):
        return [{"params": model.trunk.parameters(), "lr": 0.05 / len(TASKS)}, {"params": model.heads.parameters()}]

    same(trained(Soft(TASKS, trunk(), lam=INFINITY), SGD), trained(Hard(TASKS, trunk()), SGD, groups=groups))


def test_at_infinity_under_adam_the_path_is_another():
    soft, hard = trained(Soft(TASKS, trunk(), lam=INFINITY), ADAM), trained(Hard(TASKS, trunk()), ADAM)
    assert max((outputs(soft)[name] - outputs(hard)[name]).abs().max() for name in outputs(soft)) > 1e-4


def test_with_the_heads_tied_infinity_is_pooled():
    pooled = functools.partial(torch.optim.SGD, lr=0.05 / len(TASKS))
    same(trained(Soft(TASKS, trunk(), lam=INFINITY, tie="all"), SGD), trained(Pooled(TASKS, trunk()), pooled))


@OPTIMISERS
@pytest.mark.parametrize(("branch", "way"), [("0", Separate), ("heads", Hard)])
def test_a_branch_at_either_end_is_separate_or_hard(optimiser, branch, way):
    mine, its = trained(Hierarchical(TASKS, trunk(), branch=branch), optimiser), trained(way(TASKS, trunk()), optimiser)
    for one, other in zip(mine.parameters(), its.parameters(), strict=True):
        assert torch.equal(one, other)


def test_a_branch_in_the_middle_shares_what_is_below():
    model = Hierarchical(TASKS, trunk(), branch={"ana": "0", "bo": "2"})
    assert model.trunk.plan == {"0": (1, 0, 0), "2": (1, 2, 0)}
    shared = model.shared_parameters()
    assert sum(value[0].numel() for value in shared.values()) == 4 * 6 + 6  # of the first layer, by bo and chidi


@pytest.mark.parametrize("tie", ["trunk", "all"])
def test_the_penalty_is_the_sum_over_pairs(tie):
    model = trained(Soft(TASKS, trunk(), lam=[0.3, 2.0], tie=tie, seeds=(0, 1)), SGD)
    for copy, lam in enumerate((0.3, 2.0)):
        vectors = []
        for task in TASKS:
            plain = model.plain(task.name, copy)
            parts = plain if tie == "all" else plain[:-1]
            vectors.append(torch.cat([p.flatten() for p in parts.parameters()]))
        pairs = sum((a - b).square().sum() for a, b in itertools.combinations(vectors, 2))
        torch.testing.assert_close(model.penalty()[copy], lam * pairs)


@OPTIMISERS
@pytest.mark.parametrize("lam", [0.01, 1.0, 100.0])
def test_the_pull_solves_its_problem(optimiser, lam):
    """Its gradient vanishes: p (θ − z) + 2 lr λ T (θ − θ̄) = 0, in the optimiser's own metric."""
    soft = Soft(TASKS, trunk(), lam=lam).double()
    stepper = optimiser(soft.parameters())
    sum(y.square().sum() for y in soft({k: v.double() for k, v in world().train.x.items()}).values()).backward()
    stepper.step()
    z = soft.trunk["0"].weight.detach().clone()
    p, lr = mtl.sharing.soft.metric(stepper, [soft.trunk["0"].weight], z)
    soft.pull(stepper)
    θ = soft.trunk["0"].weight.detach()
    gradient = p * (θ - z) + 2 * lr * lam * len(TASKS) * (θ - θ.mean(1, keepdim=True))
    assert gradient.abs().max() < 1e-12 * max(1, lam)
    assert (θ - z).abs().max() > 1e-9


@OPTIMISERS
def test_linear_models_are_trained_to_the_closed_form(optimiser):
    """A whole path, full batches. The closed form has the intercept as a constant input, the network as a bias."""
    draw = torch.Generator().manual_seed(1)
    tasks = tuple(mtl.Regression(f"school {k}") for k in range(4))
    x = {task.name: torch.randn(12, 3, generator=draw) for task in tasks}
    y = {task.name: x[task.name] @ torch.randn(3, generator=draw) + 1 for task in tasks}
    y["school 2"][5:] = float("nan")
    with_one = {name: torch.cat([torch.ones(12, 1), value], 1) for name, value in x.items()}
    lams = [0.005, 0.05, 1.0, INFINITY]
    split, constant = Split(x, y), Split(with_one, y)
    wanted = mtl.closed_form.solve(World("linear", tasks, constant, constant, constant), lams)
    model = Soft(tasks, nn.Sequential(), features=3, lam=lams, tie="all", seeds=(0,) * len(lams)).double()
    stepper = optimiser(model.parameters())
    batch = next(feeds.Feed([split], tasks, "cpu", torch.float64).in_order(12))
    for _ in range(4000):
        loop.step(model, stepper, batch, "float64")
    for copy, theta in enumerate(wanted):
        for t, task in enumerate(tasks):
            head = model.plain(task.name, copy).head
            found = torch.cat([head.bias, head.weight[0]]).detach()
            torch.testing.assert_close(found, theta[t], rtol=0, atol=1e-7)


def test_gradient_descent_on_the_penalty_diverges_where_the_exact_step_does_not():
    """2 λ T lr > 2: each step on the penalty overshoots by more than it gains."""
    lam, lr = 20.0, 0.05
    assert 2 * lam * len(TASKS) * lr > 2
    x = {name: value.double() for name, value in world().train.x.items()}

    def far(exact):
        start = Soft(TASKS, trunk(), lam=lam).double()
        stepper = torch.optim.SGD(start.parameters(), lr=lr)
        for _ in range(40):
            stepper.zero_grad()
            loss = sum(y.square().mean() for y in start(x).values())
            (loss if exact else loss + start.penalty().sum()).backward()
            stepper.step()
            if exact:
                start.pull(stepper)
        return start.penalty().item()

    assert far(exact=True) < 1
    assert not far(exact=False) < 1e6


@OPTIMISERS
@pytest.mark.parametrize(
    "make",
    [
        lambda t: Soft(t, trunk(), lam=0.5),
        lambda t: Hierarchical(t, trunk(), branch="2"),
        lambda t: Separate(t, trunk()),
        lambda t: Hard(t, trunk()),
    ],
)
def test_the_order_of_the_tasks_changes_nothing(optimiser, make):
    def run(tasks):
        model = make(tasks).double()
        feed = feeds.Feed([world().train], tasks, "cpu", torch.float64)
        stepper = optimiser(model.parameters())
        for batch in feed.in_order(8):
            loop.step(model, stepper, batch, "float64")
        return model

    same(run(TASKS), run(TASKS[::-1]), atol=1e-9)


@OPTIMISERS
def test_copies_with_a_lambda_each_are_the_models_one_by_one(optimiser):
    lams = [0.0, 0.1, 10.0, INFINITY]
    together = trained(Soft(TASKS, trunk(), lam=lams, seeds=(0, 0, 0, 0)), optimiser)
    for copy, lam in enumerate(lams):
        same(together.copy(copy), trained(Soft(TASKS, trunk(), lam=lam), optimiser))
        assert together.copy(copy).lam == lam


def test_one_lambda_a_layer_ties_that_layer_alone():
    model = trained(Soft(TASKS, trunk(), lam={"0": INFINITY}), ADAM)
    assert model.penalty() == 0
    distance = distances(model)
    assert distance["0"] == 0
    assert distance["2"] > 0


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Soft(TASKS, trunk(), lam=-1), ValueError, "0 to ∞"),
        (lambda: Soft(TASKS, trunk(), lam=float("nan")), ValueError, "0 to ∞"),
        (lambda: Soft(TASKS, trunk(), lam="much"), ValueError, "much"),
        (lambda: Soft(TASKS, trunk(), lam={"9": 1.0}), KeyError, "there are 0, 2"),
        (lambda: Soft(TASKS, trunk(), lam=[1.0, 2.0]), ValueError, "1 copies and 2"),
        (lambda: Soft(TASKS, trunk(), tie="some"), ValueError, "'trunk' or 'all'"),
        (lambda: Soft([*TASKS, mtl.Classification("k", ["a", "b", "c"])], trunk(), tie="all"), ValueError, "k: 3"),
        (lambda: Hierarchical(TASKS, trunk(), branch="9"), KeyError, "0, 2, heads"),
        (lambda: Hierarchical(TASKS, trunk(), branch={"dan": "0"}), KeyError, "dan"),
        (
            lambda: trained(Soft(TASKS, trunk(), lam=1), functools.partial(torch.optim.RMSprop, lr=0.1)),
            TypeError,
            "RMSprop",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_that_help(make, error, words):
    with pytest.raises(error, match=words):
        make()
