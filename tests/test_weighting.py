"""How losses become a step: each weighting does for many copies what a plain network and torchjd do for one."""

import math

import pytest
import torch
import torchjd
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchjd import aggregation, scalarization

import mtl_lesson as mtl
from mtl_lesson import weighting
from mtl_lesson.chance import Drawn, generator
from mtl_lesson.weighting.shortest import shortest

FIT = {"epochs": 2, "batch_size": 8, "precision": "float64", "progress": False}
ZOO_MLP = next(one for one in zoo.ZOO if one.name == "mlp")
WORLD = zoo.world(ZOO_MLP)
NAMES = [task.name for task in zoo.TASKS]
TWO_WEIGHTS = weighting.Aggregate(aggregation.Constant(torch.ones(2)))
SCALARIZERS = {
    "Constant": lambda: scalarization.Constant(torch.tensor([1.0, 0.5, 2.0])),
    "DWA": scalarization.DWA,
    "FAMO": lambda: scalarization.FAMO(3),
    "GeometricMean": scalarization.GeometricMean,
    "IMTLL": lambda: scalarization.IMTLL(3),
    "Mean": scalarization.Mean,
    "Random": scalarization.Random,
    "STCH": lambda: scalarization.STCH(0.1),
    "Sum": scalarization.Sum,
    "UW": lambda: scalarization.UW(3),
}
AGGREGATORS = {
    "AlignedMTL": aggregation.AlignedMTL,
    "ConFIG": aggregation.ConFIG,
    "Constant": lambda: aggregation.Constant(torch.tensor([1.0, 0.5, 2.0])),
    "DualProj": aggregation.DualProj,
    "ExcessMTL": aggregation.ExcessMTL,
    "GradDrop": aggregation.GradDrop,
    "IMTLG": aggregation.IMTLG,
    "MGDA": aggregation.MGDA,
    "Mean": aggregation.Mean,
    "PCGrad": aggregation.PCGrad,
    "Random": aggregation.Random,
    "Sum": aggregation.Sum,
    "UPGrad": aggregation.UPGrad,
}


def trunk():
    return zoo.VECTORS["mlp"]()


def fit(model=None, seed=0, **options):
    return mtl.fit(mtl.Hard(zoo.TASKS, trunk()) if model is None else model, WORLD, seed=seed, **FIT | options)


def far(one, other):
    """The largest difference between the weights of two runs, or models."""
    one, other = (getattr(what, "model", what).state_dict() for what in (one, other))
    return max((a - b).abs().max().item() for a, b in zip(one.values(), other.values(), strict=True))


def plain_loop(seed, scalarizer=None, aggregator=None):
    """A textbook's loop over plain networks that share a trunk; returns the trunk's weights."""
    model = mtl.Hard(zoo.TASKS, trunk()).like((seed,)).double()
    shared = model.plain("kind")[:-1]
    heads = {task.name: model.plain(task.name)[-1] for task in zoo.TASKS}
    parameters = [*shared.parameters(), *(p for head in heads.values() for p in head.parameters())]
    if scalarizer is not None:
        parameters += [*scalarizer.double().parameters()]
    adam = torch.optim.Adam(parameters, lr=1e-3)
    x, labels, calls = WORLD.train.x.double(), WORLD.train.labels, 0

    def losses(rows, h):
        ys = {name: y.double() if y.is_floating_point() else y for name, y in labels.items()}
        return [task.loss(heads[task.name](h)[None], ys[task.name][rows][None])[0] for task in zoo.TASKS]

    for epoch in range(1, FIT["epochs"] + 1):
        order = torch.randperm(zoo.N, generator=generator(seed, "order", epoch))
        for rows in order.split(FIT["batch_size"]):
            adam.zero_grad()
            calls += 1
            h = shared(x[rows])
            if aggregator is None:
                with Drawn(generator(seed, "weighting", calls)):
                    scalarizer(torch.stack(losses(rows, h))).backward()
            else:
                torchjd.autojac.mtl_backward(losses(rows, h), h)
                with Drawn(generator(seed, "weighting", calls)):
                    torchjd.autojac.jac_to_grad(list(shared.parameters()), aggregator)
            adam.step()
            if hasattr(scalarizer, "update"):
                scalarizer.update(torch.stack(losses(rows, shared(x[rows]))).detach())
        if hasattr(scalarizer, "step"):
            scalarizer.step()
    return list(shared.parameters())


def test_the_sum_is_what_is_trained_unless_said_otherwise():
    once = fit()
    for same in (weighting.Sum(), weighting.Fixed({}), scalarization.Sum()):
        assert far(once, fit(weighting=same)) < 1e-15
    assert "weight" not in once.history


@pytest.mark.parametrize("make", SCALARIZERS.values(), ids=SCALARIZERS)
def test_every_scalarizer_of_torchjd_trains_as_on_a_plain_network(make):
    for seed in (0, 3):
        run = fit(seed=seed, weighting=make())
        for mine, its in zip(run.model.trunk.parameters(), plain_loop(seed, make()), strict=True):
            torch.testing.assert_close(mine[0, 0], its, rtol=0, atol=1e-9)


@pytest.mark.parametrize("make", AGGREGATORS.values(), ids=AGGREGATORS)
def test_every_aggregator_of_torchjd_trains_as_on_a_plain_network(make):
    run = fit(seed=3, weighting=weighting.Aggregate(make()))
    its = make()
    for part in its.modules():
        for name, value in vars(part).items():
            if isinstance(value, torch.Tensor):
                setattr(part, name, value.double())
    for mine, plain in zip(run.model.trunk.parameters(), plain_loop(3, aggregator=its.double()), strict=True):
        torch.testing.assert_close(mine[0, 0], plain, rtol=0, atol=1e-7)


@st.composite
def jacobians(draw):
    """J of some copies, (C, T, P), of gradients of all sizes; some rows are 0, along another or against it."""
    C, T, P = draw(st.integers(1, 4)), draw(st.integers(2, 6)), draw(st.integers(1, 9))
    made = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    J = torch.randn(C, T, P, generator=made, dtype=torch.float64)
    J *= 10 ** (6 * torch.rand(C, T, 1, generator=made, dtype=torch.float64) - 3)
    for copy in range(C):
        for row, other in draw(st.lists(st.tuples(st.integers(0, T - 1), st.integers(0, T - 1)), max_size=3)):
            J[copy, row] = draw(st.sampled_from([0, 1, -1, 2, -0.5])) * J[copy, other]
    return J


@settings(deadline=None)
@given(jacobians(), st.sampled_from([0.001, 0.1]), st.sampled_from([100, 3]))
def test_mgda_of_all_copies_at_once_is_torchjds_of_each(J, epsilon, max_iters):
    """Weights may differ where many make the same vector, as of tasks with one gradient; the vector may not."""
    its = aggregation.MGDA(epsilon=epsilon, max_iters=max_iters)
    w = shortest(J @ J.mT, epsilon, max_iters)
    torch.testing.assert_close(w.sum(1), torch.ones_like(w[:, 0]))
    for one, own in zip(w, J, strict=True):
        atol = 1e-9 * own.norm(dim=1).max().item()
        torch.testing.assert_close(one @ own, its(own), rtol=0, atol=atol)


def test_an_aggregator_made_from_mgda_weighs_in_its_own_way():
    class Equal(aggregation.MGDA):
        def __init__(self):
            super().__init__()
            self.weighting = aggregation.MeanWeighting()

    assert far(fit(weighting=weighting.Aggregate(Equal())), fit(weighting=weighting.Aggregate(aggregation.Mean()))) == 0


WAYS = {name: zoo.WAYS[name] for name in ("hard", "hierarchical", "low rank", "shared and private")}
WAYS |= {"attention": mtl.Attention, "experts": mtl.Experts}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_aggregation_by_a_sum_is_the_sum(way):
    model = way(zoo.TASKS, trunk())
    assert far(fit(model), fit(model, weighting=weighting.Aggregate(aggregation.Sum()))) < 1e-12


def test_uncertainty_is_torchjds_uw_and_its_weights_stand_in_the_history():
    ours, its = fit(weighting=weighting.Uncertainty()), fit(weighting=scalarization.UW(3))
    assert far(ours, its) == 0
    weights = ours.history[ours.history.split == "train"].weight
    assert weights.notna().all()
    assert weights.nunique() > 3
    fixed = fit(weighting=weighting.Fixed({"yes": 3})).history
    assert set(fixed[fixed.split == "train"].weight) == {1.0, 3.0}


def test_a_list_of_weightings_is_a_grid_and_each_point_is_what_it_is_alone():
    given = [
        weighting.Sum(),
        weighting.Fixed({"kind": 4}),
        weighting.Uncertainty(),
        scalarization.Random(),
        weighting.Fixed({"kind": 0, "much": 0.5}),
    ]
    sweep = mtl.sweep(mtl.Hard, WORLD, trunk=trunk(), seeds=[0, 3], weighting=given, **FIT)
    assert sweep.axes == ("weighting", "seed")
    for one in given:
        for seed in (0, 3):
            among = sweep.run(weighting=weighting.as_weighting(one), seed=seed)
            assert far(fit(seed=seed, weighting=one), among) < 1e-9


def test_aggregators_stand_on_an_axis_beside_other_weightings():
    given = [
        weighting.Sum(),
        weighting.Aggregate(aggregation.UPGrad()),
        weighting.Fixed({"yes": 2}),
        weighting.Aggregate(aggregation.PCGrad()),
    ]
    for order in (given, given[::-1]):
        sweep = mtl.sweep(mtl.Hard, WORLD, trunk=trunk(), seeds=[0, 3], weighting=order, **FIT)
        assert len(sweep.runs) == 8
        for one in given:
            assert far(fit(seed=3, weighting=one), sweep.run(weighting=one, seed=3)) < 1e-9


def test_what_does_not_suit_is_refused_before_anything_is_trained(monkeypatch):
    monkeypatch.setattr("mtl_lesson.training.sweeps.train_job", lambda *_: pytest.fail("trained"))
    with pytest.raises(KeyError, match="no task 'taste' to weigh"):
        mtl.sweep(mtl.Hard, WORLD, trunk=trunk(), weighting=[weighting.Sum(), weighting.Fixed({"taste": 1})], **FIT)
    with pytest.raises(ValueError, match="share no weight"):
        mtl.sweep(mtl.Separate, WORLD, trunk=trunk(), weighting=weighting.Aggregate(aggregation.Sum()), **FIT)


def test_aggregation_leaves_frozen_weights_alone():
    still = trunk()
    still[0].requires_grad_(False)
    model = mtl.Hard(zoo.TASKS, still)
    assert far(fit(model), fit(model, weighting=weighting.Aggregate(aggregation.Sum()))) < 1e-12
    still.requires_grad_(False)
    with pytest.raises(ValueError, match="share no weight"):
        fit(mtl.Hard(zoo.TASKS, still), weighting=weighting.Aggregate(aggregation.Sum()))


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0, 10), min_size=3, max_size=3).filter(any))
def test_fixed_weights_are_a_sum_by_hand(w):
    made = weighting.Fixed(dict(zip(("kind", "yes", "much"), w, strict=True))).start(mtl.Hard(zoo.TASKS, trunk()))
    losses = torch.rand(4, 3)
    torch.testing.assert_close(made(losses), (losses * torch.tensor(w)).sum(1))


class Squares(weighting.Weighting):
    """A learner's own, in three lines."""

    def forward(self, losses):
        return losses.square().sum(1)


def test_a_weighting_of_ones_own_and_a_large_step():
    """What is no sum over examples is never cut into parts."""
    run = fit(weighting=Squares())
    assert far(run, fit()) > 0
    assert not weighting.PerCopy([Squares(), weighting.Sum()]).adds_up


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: fit(weighting="uw"), TypeError, r"one of mtl\.weighting"),
        (lambda: fit(weighting=aggregation.UPGrad()), TypeError, r"weighting=mtl\.weighting\.Aggregate\(UPGrad"),
        (lambda: weighting.Aggregate(scalarization.Sum()), TypeError, "takes an aggregator"),
        (lambda: weighting.Fixed({"kind": -1}), ValueError, "0 or more"),
        (lambda: fit(weighting=weighting.Fixed(dict.fromkeys(NAMES, 0))), ValueError, "the weights of all tasks are 0"),
        (lambda: fit(weighting=scalarization.UW(2)), ValueError, r"UW\(.*cannot combine 3 tasks: "),
        (lambda: fit(weighting=TWO_WEIGHTS), ValueError, r"Constant\(.*cannot combine 3 tasks: "),
        (lambda: fit(weighting=weighting.Fixed({"taste": 1})), KeyError, "no task 'taste' to weigh"),
        (
            lambda: fit(mtl.Separate(zoo.TASKS, trunk()), weighting=weighting.Aggregate(aggregation.Sum())),
            ValueError,
            "share no weight",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_nothing_that_a_weighting_learns_reaches_another_run():
    recipe = weighting.Uncertainty()
    first = fit(weighting=recipe)
    assert far(first, fit(weighting=recipe)) == 0
    assert list(recipe.parameters()) == []
    assert isinstance(recipe, nn.Module)


def test_each_copy_gets_the_loss_of_its_own_weighting():
    """Also where copies of one weighting do not stand together: a copy that rests must rest itself."""
    one, two = weighting.Fixed({"kind": 2}), weighting.Sum()
    made = weighting.PerCopy([one, two, two, one]).start(mtl.Hard(zoo.TASKS, trunk(), seeds=range(4)))
    losses = torch.rand(4, 3)
    wanted = losses.sum(1) + torch.tensor([1, 0, 0, 1]) * losses[:, 0]
    torch.testing.assert_close(made(losses), wanted)


# A task, or a copy, that goes wrong


class Silent(mtl.Binary):
    """Its loss is always 0."""

    def losses(self, outputs, labels):
        return 0 * super().losses(outputs, labels)


class Breaks(mtl.Binary):
    """Its loss is no number for every copy but the first."""

    def losses(self, outputs, labels):
        found = super().losses(outputs, labels)
        return torch.cat([found[:1], found[1:] * torch.nan])


def with_a_task(kind):
    return zoo.world(ZOO_MLP, tasks=(zoo.TASKS[0], kind("yes"), zoo.TASKS[2]))


def every_weighting():
    """One of each, by name."""
    own = {"Uncertainty": weighting.Uncertainty, "Fixed": lambda: weighting.Fixed({"kind": 2})}
    return own | SCALARIZERS | {f"Aggregate {name}": make for name, make in AGGREGATORS.items()}


@pytest.mark.parametrize("name", every_weighting())
def test_a_copy_that_is_no_number_is_reported_and_the_others_go_on(name):
    made = every_weighting()[name]()
    made = weighting.Aggregate(made) if name.startswith("Aggregate") else made
    world = with_a_task(Breaks)
    with pytest.warns(mtl.TrainingDiverged, match=r"the loss of yes became nan at step 1 \(seed 3\)"):
        sweep = mtl.sweep(mtl.Hard, world, trunk=trunk(), seeds=[0, 3], weighting=[made], **FIT)
    made = weighting.as_weighting(made)
    fine, broken = (sweep.run(weighting=made, seed=seed) for seed in (0, 3))
    assert far(fine, mtl.fit(mtl.Hard(world.tasks, trunk()), world, seed=0, weighting=made, **FIT)) < 1e-9
    assert far(broken, mtl.Hard(world.tasks, trunk()).like((3,)).double()) == 0, "what it had before the first step"


@pytest.mark.parametrize("name", every_weighting())
def test_a_task_whose_loss_is_zero_keeps_no_other_from_learning(name):
    """Except where 0 of one task is all that a method asks for, or has no logarithm."""
    made = every_weighting()[name]()
    made = weighting.Aggregate(made) if name.startswith("Aggregate") else made
    world = with_a_task(Silent)

    def learnt():
        return mtl.fit(mtl.Hard(world.tasks, trunk()), world, weighting=made, **FIT | {"epochs": 4})

    if name in ("DWA", "GeometricMean"):
        with pytest.warns(mtl.TrainingDiverged):
            learnt()
        return
    run, start = learnt(), mtl.Hard(world.tasks, trunk()).like((0,)).double()
    trunk_moved = far(run.model.trunk, start.trunk)
    assert trunk_moved == 0 if name == "Aggregate MGDA" else trunk_moved > 1e-4
    assert all(map(math.isfinite, run.scores.values()))


@pytest.mark.parametrize("make", AGGREGATORS.values(), ids=AGGREGATORS)
def test_one_task_has_nothing_to_aggregate(make):
    world = zoo.world(ZOO_MLP, tasks=zoo.TASKS[:1])
    with pytest.raises(ValueError, match="one task has nobody to disagree with"):
        mtl.fit(mtl.Hard(world.tasks, trunk()), world, weighting=weighting.Aggregate(make()), **FIT)


def test_a_solver_that_is_not_there_is_named_before_training(monkeypatch):
    from torchjd import _mixins

    monkeypatch.setattr("mtl_lesson.training.runs.train", lambda *_: pytest.fail("trained"))

    class Elsewhere(aggregation.Mean):
        """Made where there was a solver."""

        def forward(self, matrix):
            import a_solver_that_nobody_has  # noqa: F401

    with pytest.raises(ImportError, match=r"Elsewhere needs a solver .*pip install \"torchjd\[full\]\""):
        fit(weighting=weighting.Aggregate(Elsewhere()))
    monkeypatch.setattr(_mixins, "find_spec", lambda name: None)
    for make in (aggregation.UPGrad, lambda: aggregation.CAGrad(c=0.4), lambda: aggregation.NashMTL(n_tasks=3)):
        with pytest.raises(ImportError, match=r"pip install \"torchjd\["):
            weighting.Aggregate(make())
