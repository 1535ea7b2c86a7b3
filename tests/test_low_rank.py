"""Low rank: from Hard to Separate and in between, in networks, and in linear models where it is the trace norm."""

import copy
import math

import pytest
import torch
import zoo
from every_way import noise
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.linear import closed_form, low_rank, trace_norm

FIT = {"epochs": 2, "batch_size": 8, "lr": 0.01, "precision": "float64", "progress": False}
FULL = math.inf


def trunk(width=6, bias=True):
    return nn.Sequential(nn.Linear(4, width, bias=bias), nn.Tanh(), nn.Linear(width, 5, bias=bias))


def maps(bias=True):
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, bias=bias),
        nn.ReLU(),
        nn.Conv2d(4, 4, 3, groups=2, bias=bias),
        nn.Flatten(),
        nn.Linear(64, 5, bias=bias),
    )


def world(shape=(4,), own=False):
    return noise(zoo.TASKS, shape, own, 24)


def close(a, b, atol=1e-10):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


# --- its limits ----------------------------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(zoo.ZOO), st.booleans(), st.sampled_from(["adam", "sgd", "momentum"]), st.sampled_from([0, {}]))
def test_rank_zero_is_hard_bit_for_bit(animal, own, optimiser, rank):
    data, template = zoo.world(animal, own), animal.make()
    options = FIT | {"optimiser": optimiser, "weight_decay": 0.01}
    hard, none = (
        mtl.fit(model, data, **options) for model in (mtl.Hard(data, template), mtl.LowRank(data, template, rank=rank))
    )
    for (name, a), b in zip(hard.model.state_dict().items(), none.model.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    assert hard.history.equals(none.history)


def in_double(x):
    if isinstance(x, dict):
        return {name: in_double(one) for name, one in x.items()}
    return x.double() if x.is_floating_point() else x


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(zoo.ZOO), st.booleans(), st.sampled_from([1, FULL]), st.integers(0, 99))
def test_it_starts_where_hard_does(animal, own, rank, seed):
    data, template, seeds = zoo.world(animal, own), animal.make(), (seed, 7)
    hard = mtl.Hard(data, template, seeds=seeds).double().eval()
    low = mtl.LowRank(data, template, rank=rank, seeds=seeds).double().eval()
    x = in_double(data.test.x)
    for name, y in hard(x).items():
        close(low(x)[name], y)
    assert low.gap().max() == 0


@torch.no_grad()
def moved_apart(model):
    """Separate networks whose matrices differ, as after training, and whose biases do not."""
    draw = torch.Generator().manual_seed(1)
    for layer in model.trunk.layers:
        for weight in layer.parameters():
            if weight.requires_grad:
                own = weight if weight.dim() > 3 else weight[:, :1]
                weight.add_(0.3 * torch.randn(own.shape, generator=draw, dtype=own.dtype))
    return model


@torch.no_grad()
def take_over(low, separate):
    """θ = θ_1 and U_t V_tᵀ = θ_t − θ_1, by the singular values."""
    for name in low.trunk.plan:
        mine, its = low.trunk[name], separate.trunk[name]
        for key in its.parameter_keys:
            θ = getattr(its, its.attributes[key])
            getattr(mine, mine.attributes[key]).copy_(θ[:, :1])
            if shape := low.ranks.get(name, {}).get(key):
                left, values, right = torch.linalg.svd((θ - θ[:, :1]).flatten(3), full_matrices=False)
                factors = {"U": left, "V": (values[..., None] * right).mT}
                for part, value in factors.items():
                    getattr(mine.factors, f"{part} of {key.replace('.', '/')}").copy_(value[..., : shape.r])
    low.heads.load_state_dict(separate.heads.state_dict())


@settings(max_examples=20, deadline=None)
@given(st.sampled_from(zoo.ZOO), st.booleans())
def test_at_full_rank_it_can_be_any_separate_networks_with_equal_biases(animal, own):
    data, template = zoo.world(animal, own), animal.make()
    separate = moved_apart(mtl.Separate(data, template, seeds=(0, 3)).double()).eval()
    low = mtl.LowRank(data, template, rank=FULL, seeds=(0, 3)).double().eval()
    take_over(low, separate)
    x = in_double(data.test.x)
    for name, y in separate(x).items():
        close(low(x)[name], y)
    if separate.gap().max() > 0:
        close(low.gap(), separate.gap())


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([trunk, maps]), st.integers(1, 3), st.integers(0, 9))
def test_no_deviation_has_more_directions_than_its_rank(make, rank, seed):
    data = world((4,) if make is trunk else (3, 6, 6))
    model = mtl.fit(mtl.LowRank(data, make(), rank=rank), data, seed=seed, **FIT).model
    for layer in model.trunk.plan:
        held = model.trunk[layer]
        deviations = torch.stack([held.values(t)["weight"] - held.weight[:, 0] for t in range(3)])[:, 0].flatten(2)
        found = trace_norm.rank(deviations, common=False)
        assert (found == rank).all(), (layer, found)
        close(held.values(0)["bias"], held.values(2)["bias"], 0)


@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 6), st.integers(0, 2**31))
def test_decay_on_the_factors_is_never_less_than_the_trace_norm(r, m, n, seed):
    draw = torch.Generator().manual_seed(seed)
    U, V = (torch.randn(size, r, generator=draw, dtype=torch.float64) for size in (m, n))
    norm = torch.linalg.svdvals(U @ V.T).sum()
    assert (U.square().sum() + V.square().sum()) / 2 >= norm - 1e-9
    left, values, right = torch.linalg.svd(U @ V.T, full_matrices=False)
    U, V = left * values.sqrt(), right.T * values.sqrt()
    close((U.square().sum() + V.square().sum()) / 2, norm, 1e-9)


def test_where_training_with_decay_ends_the_decay_is_the_trace_norm_of_each_tasks_deviation():
    data = mtl.data.planted(T=3, d=6, n=20, n_validation=20, n_test=20)
    model = mtl.LowRank(data.tasks, mtl.nets.linear(6, 4), rank=3)
    options = FIT | {"epochs": 800, "lr": 0.02, "optimiser": "momentum", "batch_size": 20, "weight_decay": 0.1}
    held = mtl.fit(model, data, validate=False, **options).model.trunk["linear"]
    U, V = (getattr(held.factors, f"{part} of weight")[0].detach() for part in "UV")
    norms = torch.linalg.svdvals(U @ V.mT).sum(-1)
    assert norms.max() > 0.05  # of one task nothing is left
    close((U.square().sum((1, 2)) + V.square().sum((1, 2))) / 2, norms, 1e-6)


# --- the one mechanism ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("own", [False, True], ids=["one input", "an input a task"])
@pytest.mark.parametrize("optimiser", ["adam", "sgd"])
def test_training_is_a_textbooks_loop(own, optimiser):
    """θ + U_t V_tᵀ written out, on plain tensors, for convolutions and linear layers."""
    data = world((3, 6, 6), own)
    ranks = {"0": 2, "4": 3}
    run = mtl.fit(mtl.LowRank(data, maps(), rank=ranks), data, seed=3, **FIT | {"optimiser": optimiser})
    start = mtl.LowRank(data, maps(), rank=ranks, seeds=(3,)).double()
    plain = {task.name: start.plain(task.name) for task in zoo.TASKS}
    θ = {name: value.detach().clone().requires_grad_() for name, value in plain["kind"].named_parameters()}
    own_of, learnt = {}, [value for name, value in θ.items() if "head" not in name]
    for t, task in enumerate(zoo.TASKS):
        factors = {name: start.trunk[name].factors.values(t) for name in ranks}
        own_of[task.name] = {
            name: [factors[name][f"{part} of weight"][0].detach().clone().requires_grad_() for part in "UV"]
            for name in ranks
        }
        head = {f"head.{n}": v.detach().clone().requires_grad_() for n, v in plain[task.name].head.named_parameters()}
        learnt += [*(one for pair in own_of[task.name].values() for one in pair), *head.values()]
        own_of[task.name]["head"] = head
    kind = torch.optim.Adam if optimiser == "adam" else torch.optim.SGD
    stepper = kind(learnt, lr=FIT["lr"])

    def weights_of(task):
        found = {name: value for name, value in θ.items() if "head" not in name} | own_of[task]["head"]
        for name in ranks:
            U, V = own_of[task][name]
            found[f"{name}.weight"] = θ[f"{name}.weight"] + (U @ V.T).view_as(θ[f"{name}.weight"])
        return found

    for epoch in range(1, FIT["epochs"] + 1):
        order = torch.randperm(24, generator=mtl.chance.generator(3, "order", epoch))
        for rows in order.split(FIT["batch_size"]):
            total = 0
            for task in zoo.TASKS:
                x, y = (data.train.x[task.name] if own else data.train.x), data.train.labels[task.name][rows]
                answers = torch.func.functional_call(plain[task.name], weights_of(task.name), (x[rows].double(),))
                total = total + task.loss(answers[None], (y.double() if y.is_floating_point() else y)[None]).sum()
            stepper.zero_grad()
            total.backward()
            stepper.step()
    for task in zoo.TASKS:
        wanted = weights_of(task.name)
        for name, value in run.model.plain(task.name).named_parameters():
            close(value, wanted[name], 1e-8)


def test_a_task_pays_for_its_factors_and_every_weight_has_its_users_once():
    model = mtl.LowRank(zoo.TASKS, maps(), rank={"0": 2, "4": 3})
    hard = mtl.Hard(zoo.TASKS, maps())
    factors = 2 * (4 + 27) + 3 * (5 + 64)
    assert model.size() == hard.size() + 3 * factors
    parts = [value for weights in model.parameters_by_user().values() for value in weights.values()]
    assert sum(value[0].numel() for value in parts) == model.size()
    assert set(model.shared_parameters()) == set(hard.shared_parameters())
    own = sum(value[0].numel() for value in model.specific_parameters("kind").values())
    assert own == factors + 5 * 3 + 3


def test_what_is_shared_has_one_gradient_and_conflicts_as_in_hard():
    data = world()
    hard, low = (way(data, trunk()) for way in (mtl.Hard, mtl.LowRank))
    pairs = (mtl.inspection.gradient_cosine(model, data) for model in (hard, low))
    a, b = (table.select_dtypes("number").to_numpy() for table in pairs)
    assert a == pytest.approx(b, abs=1e-5, nan_ok=True)
    with pytest.raises(ValueError, match="no solutions of their own"):
        mtl.inspection.solution_closeness(low)


def test_tasks_start_alike_whoever_stands_beside_them():
    three, two = (mtl.LowRank(tasks, trunk(), rank=2, seeds=(5,)) for tasks in (zoo.TASKS, zoo.TASKS[1:]))
    for part in "UV":
        U, same = (getattr(model.trunk["0"].factors, f"{part} of weight") for model in (three, two))
        assert torch.equal(U[:, 1:], same)
    U = getattr(mtl.LowRank(zoo.TASKS, nn.Linear(4, 400), rank=3, features=400).trunk["trunk"].factors, "U of weight")
    close((U[0, 0] @ U[0, 0].T).diagonal().mean(), torch.tensor(1.0), 0.15)  # E[U Uᵀ] = I


def test_tasks_may_look_at_the_inputs_in_any_order():
    model = mtl.LowRank(zoo.TASKS, trunk(), rank=2, seeds=(0, 4)).double()
    with torch.no_grad():
        for weight in model.parameters():
            weight.add_(torch.randn_like(weight))
    x = torch.randn(3, 7, 4, dtype=torch.float64)
    for streams in ((2, 0, 1), (1, 1, 0)):
        for (name, y), stream in zip(model.outputs(x, 1, streams).items(), streams, strict=True):
            for number in range(2):
                close(y[number], model.plain(name, number)(x[stream]))


def test_a_sweep_over_ranks_is_a_loop_of_fits():
    data = world()
    ranks = [0, 2, {"0": 1}, FULL]
    swept = mtl.sweep(mtl.LowRank, data, trunk=trunk(), rank=ranks, seeds=[0, 4], **FIT)
    for (_, seed), run in swept.runs.items():
        alone = mtl.fit(mtl.LowRank(data, trunk(), rank=run.model.rank), data, seed=seed, **FIT)
        for a, b in zip(run.model.parameters(), alone.model.parameters(), strict=True):
            close(a, b, 1e-8)
    assert list(dict.fromkeys(swept.table["rank"])) == [0, 2, "0=1", FULL]
    gaps = swept.table[swept.table.split == "validation"].groupby("rank", sort=False).gap.mean()
    assert gaps[0] == 0 < gaps[2]


# --- what is frozen, what is no word, what makes no sense ----------------------------------------------------------


def test_of_a_frozen_trunk_only_the_named_layers_are_corrected():
    frozen = trunk().requires_grad_(False)
    frozen[2].requires_grad_(True)
    data = world()
    assert set(mtl.LowRank(data, frozen).ranks) == {"2"}
    before = copy.deepcopy(frozen.state_dict())
    run = mtl.fit(mtl.LowRank(data, frozen, rank={"0": 2}, initial="template"), data, **FIT)
    held = run.model.trunk["0"]
    assert torch.equal(held.weight[0, 0].float(), before["0.weight"])
    assert run.model.gap("0").min() > 0
    assert run.model.gap("2").max() == 0


def test_a_word_that_is_none_is_not_corrected():
    animal = next(one for one in zoo.ZOO if one.name == "padding token")
    data = zoo.world(animal)
    held = mtl.fit(mtl.LowRank(data, animal.make(), rank=2), data, **FIT).model.trunk["0"]
    correction = held.correction("embedding.weight")
    assert correction[..., 0, :].abs().max() == 0
    assert correction[..., 1, :].abs().min() > 0


@pytest.mark.parametrize(
    ("rank", "error", "words"),
    [
        (-1, ValueError, "the rank of layer '0' must be 0 or more, not -1"),
        (1.5, TypeError, "the rank of layer '0' must be a whole number, not 1.5"),
        (True, TypeError, "whole number"),
        ("2", TypeError, "whole number"),
        (math.nan, TypeError, "whole number"),
        (6, ValueError, r"the rank of layer '2' can be at most 5 \(its matrix is 5 × 7\), not 6; give each"),
        ({"0": 5}, ValueError, r"the rank of layer '0' can be at most 4 \(its matrix is 7 × 4\), not 5"),
        ({"9": 1}, KeyError, "no layer '9' to correct; there are 0, 1, 2"),
        ({"1": 1}, ValueError, "layer '1' has no weight matrix"),
    ],
)
def test_a_rank_that_makes_no_sense_is_refused(rank, error, words):
    layers = nn.Sequential(nn.Linear(4, 7), nn.PReLU(7), nn.Linear(7, 5))
    if rank == 6:
        layers = nn.Sequential(nn.Linear(9, 7), nn.PReLU(7), nn.Linear(7, 5))
    with pytest.raises(error, match=words):
        mtl.LowRank(zoo.TASKS, layers, rank=rank)


def test_the_diagram_shows_what_is_shared_and_what_each_task_adds():
    model = mtl.LowRank(zoo.TASKS, mtl.nets.conv(4), rank={"conv2": 2, "linear": 3})
    drawing = mtl.show.model_diagram(model)
    assert "Used by all tasks: conv1, conv2 and linear. Kept apart: UVᵀ on conv2 (3 groups)" in drawing.alt
    texts = [text.get_text() for text in drawing.figure.axes[0].texts]
    assert texts.count("UVᵀ on linear") == 3
    assert texts.count(f"{2 * (8 + 36)}") == 3
    assert "+ a correction\nof rank 2" in texts
    assert drawing.alt.startswith(f"A LowRank model of kind, yes and much: {model.size():,} weights")


# --- linear models: one set of directions for all tasks -------------------------------------------------------------


@pytest.fixture(scope="module")
def truth():
    return mtl.data.planted(T=5, d=6, n=15, seed=3, n_validation=200, n_test=20)


@pytest.mark.parametrize("decay", [0.3, 2.0])
def test_with_room_and_decay_it_is_the_trace_norm_of_the_deviations(truth, decay):
    wanted = trace_norm.solve(truth, decay)
    for rank in (4, 7):
        close(low_rank.solve(truth, rank, decay), wanted, 1e-6)
    needed = int(trace_norm.rank(wanted))
    assert needed > 0
    close(low_rank.solve(truth, needed, decay), wanted, 1e-6)
    assert (low_rank.solve(truth, needed - 1, decay) - wanted).abs().max() > 1e-3


def test_its_ends_are_one_model_for_all_and_each_task_alone(truth):
    for decay in (0.0, 3.0):
        close(low_rank.solve(truth, 0, decay), closed_form.solve(truth, math.inf), 1e-8)
    close(low_rank.solve(truth, 4), closed_form.solve(truth, 0), 1e-5)


def test_it_uses_the_directions_it_has_and_more_of_them_fit_better(truth):
    found = low_rank.solve(truth, range(5))
    assert trace_norm.rank(found).tolist() == [0, 1, 2, 3, 4]
    losses = closed_form.errors(truth, found, "train").sum(-1)
    assert (losses.diff() < 0).all()
    assert torch.equal(found[2], low_rank.solve(truth, 2))


def test_a_shift_of_all_tasks_moves_what_is_common_and_no_deviation(truth):
    v = torch.linspace(-5, 5, 6, dtype=torch.float64)
    labels = {name: y.double() + truth.train.x[name].double() @ v for name, y in truth.train.labels.items()}
    split = mtl.data.Split(truth.train.x, labels)
    shifted = mtl.data.World("shifted", truth.tasks, split, truth.validation, truth.test)
    close(low_rank.solve(shifted, 2, 0.5), low_rank.solve(truth, 2, 0.5) + v, 1e-5)


def test_validation_chooses_a_rank():
    """With many examples and little noise, the one that was planted."""
    for planted in (1, 2):
        data = mtl.data.planted(T=5, d=6, rank=planted, n=60, noise=0.3, n_test=20, seed=1)
        assert low_rank.choose_rank(data) == planted
        assert low_rank.choose_rank(data, [0]) == 0


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"rank": -1}, ValueError, "rank must be 0 or more"),
        ({"rank": 1.5}, TypeError, "rank must be a whole number"),
        ({"rank": "12"}, TypeError, "rank must be a whole number"),
        ({"rank": [1, -2]}, ValueError, "rank must be 0 or more"),
        ({"rank": 1, "decay": -1}, ValueError, "decay must be 0 or more"),
        ({"rank": 1, "seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_a_linear_rank_that_makes_no_sense_is_refused(truth, arguments, error, words):
    with pytest.raises(error, match=words):
        low_rank.solve(truth, **arguments)


def test_only_regression_is_solved_and_a_rank_is_chosen_of_some(truth):
    with pytest.raises(TypeError, match="garment"):
        low_rank.solve(mtl.data.questions(n_train=10, n_validation=10, n_test=10), 1)
    with pytest.raises(ValueError, match="no rank to choose from"):
        low_rank.choose_rank(truth, [])
