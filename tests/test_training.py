"""One loop: copies train as they would alone, every tensor follows the device, and what goes wrong is told."""

import copy
import itertools
import subprocess
import sys

import pandas as pd
import pytest
import torch
import torch.nn.functional as F

import mtl_lesson as mtl
from mtl_lesson.chance import generator
from mtl_lesson.data import Split, World
from mtl_lesson.training import feed as feeds
from mtl_lesson.training import loop

TASKS = (mtl.Classification("garment", list("abcd")), mtl.Binary("dark"), mtl.Regression("weight"))


def split(n, seed, missing=0.2, own=False):
    """Small random pictures whose labels can be learnt, some of them missing."""
    draw = torch.Generator().manual_seed(seed)

    def pictures():
        return 0.1 * torch.rand(n, 1, 8, 8, generator=draw) + 0.9 * torch.rand(n, 1, 1, 1, generator=draw)

    x = {task.name: pictures() for task in TASKS} if own else pictures()
    mean = {task.name: (x[task.name] if own else x).mean((1, 2, 3)) for task in TASKS}
    labels = {
        "garment": (mean["garment"] * 4).long(),
        "dark": (mean["dark"] < 0.5).long(),
        "weight": mean["weight"] * 10,
    }
    for name, label in labels.items():
        gone = torch.rand(n, generator=draw) < missing
        label[gone] = float("nan") if name == "weight" else -1
    return Split(x, labels)


def tiny(seed=0, n=24, own=False, missing=0.2):
    return World("tiny", TASKS, split(n, seed, missing, own), split(12, 100 + seed, 0, own), split(12, 99, 0, own))


def trunk():
    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2), torch.nn.Flatten(), torch.nn.Linear(54, 5)
    )


def fit(model, world, **options):
    return mtl.fit(model, world, **{"epochs": 2, "batch_size": 8, "progress": False, "precision": "float64"} | options)


def weights(model):
    return torch.cat([parameter.flatten() for parameter in model.parameters()])


def tied(model):
    """Plain networks, task → nn.Sequential, in which tasks with the same owner hold the very same layer."""
    networks, held = {}, {}
    for t, task in enumerate(TASKS):
        network = model.plain(task.name).double()
        trunks = list(network.both) if isinstance(model, mtl.SharedPrivate) else [network]
        trunks = list(network.experts.networks) if isinstance(model, mtl.Experts) else trunks
        for number, (trunk_, plain) in enumerate(zip(model.trunks().values(), trunks, strict=True)):
            for name, owners in trunk_.plan.items():
                setattr(plain, name, held.setdefault((number, name, owners[t]), getattr(plain, name)))
        networks[task.name] = network
    return networks


def squares(one, other):
    """‖θ_i − θ_j‖² of two plain networks' trunks."""
    pairs = zip(list(one[:-1].parameters()), list(other[:-1].parameters()), strict=True)
    return sum((a - b).square().sum() for a, b in pairs)


def correlations(h, size):
    """The mean squared correlation of h's first ``size`` columns with the others, column by column."""
    found = []
    for a, b in itertools.product(h.T[:size], h.T[size:]):
        a, b = a - a.mean(), b - b.mean()
        if a.norm() > 0 and b.norm() > 0:
            found.append((a @ b / (a.norm() * b.norm())).square())
    return sum(found) / len(found) if found else 0


def term(task, answer, label):
    """The loss of one example, or None where its label is missing."""
    if task == "weight":
        return None if label.isnan() else (answer[0] - label.double()) ** 2
    if label < 0:
        return None
    if task == "dark":
        return F.binary_cross_entropy_with_logits(answer[0], label.double())
    return F.cross_entropy(answer, label)


def plain_loop(model, world, make, *, epochs, batch_size, seed):
    """The textbook's loop: plain modules, one example's label at a time, the sum over tasks of mean losses."""
    networks = tied(model)
    every = {id(p): p for network in networks.values() for p in network.parameters()}
    optimiser = make(every.values())
    for epoch in range(1, epochs + 1):
        order = torch.randperm(len(world.train), generator=generator(seed, "order", epoch))
        for rows in order.split(batch_size):
            total = 0
            for task, network in networks.items():
                x = world.train.x[task] if isinstance(world.train.x, dict) else world.train.x
                h = network[:-1](x[rows].double())
                labels = world.train.labels[task][rows]
                terms = [term(task, y, label) for y, label in zip(network.head(h), labels, strict=True)]
                terms = [one for one in terms if one is not None]
                if terms:
                    total = total + sum(terms) / len(terms)
                if isinstance(model, mtl.SharedPrivate):
                    total = total + model.gamma * correlations(h, 5)
            if isinstance(model, mtl.Soft):
                total = total + model.lam * sum(squares(*two) for two in itertools.combinations(networks.values(), 2))
            optimiser.zero_grad()
            total.backward()
            optimiser.step()
    return networks


WAYS = {
    "separate": lambda: mtl.Separate(TASKS, trunk(), seeds=(3,)),
    "hard": lambda: mtl.Hard(TASKS, trunk(), seeds=(3,)),
    "branch at 4": lambda: mtl.Hierarchical(TASKS, trunk(), branch="4", seeds=(3,)),
    "branches of their own": lambda: mtl.Hierarchical(TASKS, trunk(), branch={"dark": "0", "weight": "4"}, seeds=(3,)),
    "soft, by gradient": lambda: mtl.Soft(TASKS, trunk(), lam=0.7, exact=False, seeds=(3,)),
    "shared and private": lambda: mtl.SharedPrivate(TASKS, trunk(), gamma=0.5, seeds=(3,)),
    "experts": lambda: mtl.Experts(TASKS, trunk(), experts=2, private=1, inputs=64, seeds=(3,)),
    "attention": lambda: mtl.Attention(TASKS, trunk(), seeds=(3,)),
}
OPTIMISERS = {
    "adam": lambda weights: torch.optim.Adam(weights, lr=0.01, weight_decay=0.1),
    "sgd": lambda weights: torch.optim.SGD(weights, lr=0.01, weight_decay=0.1),
    "momentum": lambda weights: torch.optim.SGD(weights, lr=0.01, weight_decay=0.1, momentum=0.9),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("own", [False, True], ids=["one input", "an input a task"])
@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_fit_equals_a_textbook_loop(way, own, optimiser):
    """Classes, yes or no, numbers, missing labels, common and own inputs, in every way of sharing."""
    world, model = tiny(own=own), WAYS[way]()
    run = fit(model, world, epochs=3, seed=3, lr=0.01, optimiser=optimiser, weight_decay=0.1)
    networks = plain_loop(model, world, OPTIMISERS[optimiser], epochs=3, batch_size=8, seed=3)
    moved = 0
    for task in TASKS:
        before = model.plain(task.name).parameters()
        pairs = zip(run.model.plain(task.name).parameters(), networks[task.name].parameters(), before, strict=True)
        for ours, theirs, start in pairs:
            torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-8)
            moved = max(moved, (ours - start).detach().abs().max().item())
    assert moved > 1e-3


@pytest.mark.parametrize("at_once", [1, 2, 12])
def test_a_sweep_equals_a_loop_of_fits_whatever_the_chunks(at_once, monkeypatch):
    monkeypatch.setitem(mtl.training.sweeps.AT_ONCE, "cpu", at_once * len(TASKS) * 8)
    monkeypatch.setenv("MTL_DEVICE", "cpu")

    def world(missing=0.0, seed=0):
        return tiny(seed, missing=missing)

    grid = {"missing": [0.0, 0.5], "seeds": (0, 4)}
    sweep = mtl.sweep(
        mtl.Separate, world, trunk=trunk(), epochs=2, batch_size=8, precision="float64", progress=False, **grid
    )
    for missing, seed in itertools.product(*grid.values()):
        run = fit(mtl.Separate(TASKS, trunk()), world(missing, seed), seed=seed)
        swept = sweep.run(missing=missing, seed=seed)
        torch.testing.assert_close(weights(swept.model), weights(run.model), rtol=0, atol=1e-8)
        assert swept.scores == pytest.approx(run.scores, abs=1e-8)
    assert len(sweep.table) == 4 * len(TASKS) * 2  # four copies, train and validation


def test_fit_leaves_its_argument_alone_and_repeats_itself():
    world, model = tiny(), mtl.Hard(TASKS, trunk(), seeds=(9,))
    before = weights(model).clone()
    one, two, other = fit(model, world, seed=1), fit(model, world, seed=1), fit(model, world, seed=2)
    assert torch.equal(weights(model), before)
    assert torch.equal(weights(one.model), weights(two.model))
    pd.testing.assert_frame_equal(one.history, two.history)
    assert not torch.equal(weights(one.model), weights(other.model))


def test_learning_happens():
    run = fit(mtl.Hard(TASKS, trunk()), tiny(n=256), epochs=40, lr=0.01, batch_size=32)
    train = run.history[run.history.split == "train"].pivot(index="epoch", columns="task", values="loss")
    assert (train.iloc[-1] < 0.8 * train.iloc[0]).all()
    assert run.scores["dark"] > 0.8
    assert set(run.test()) == {task.name for task in TASKS}


def test_a_model_may_be_judged_every_so_many_epochs():
    every, some = (fit(mtl.Hard(TASKS, trunk()), tiny(), epochs=7, validate=n).history for n in (True, 3))
    judged = some[some.split == "validation"].reset_index(drop=True)
    assert sorted(set(judged.epoch)) == [3, 6, 7]
    same = every[(every.split == "validation") & every.epoch.isin([3, 6, 7])].reset_index(drop=True)
    pd.testing.assert_frame_equal(judged, same)  # to judge changes nothing
    for wrong in (-1, 2.5, "often"):
        with pytest.raises(ValueError, match="every so many epochs"):
            fit(mtl.Hard(TASKS, trunk()), tiny(), epochs=2, validate=wrong)


def test_the_epoch_can_be_chosen_on_validation():
    few = {"n_train": 60, "n_validation": 60, "n_test": 60, "seeds": range(3), "progress": False}
    sweep = mtl.sweep(mtl.Hard, mtl.data.questions, trunk=mtl.nets.conv(2), epochs=6, validate=2, test=True, **few)
    history = sweep.history
    assert set(history[history.split == "test"].epoch) == {2, 4, 6}
    chosen = mtl.choose(history, "epoch")
    for seed, row in chosen.iterrows():
        own = history[history.seed == seed].pivot(index=["epoch", "split"], columns="task", values="score").mean(axis=1)
        assert own[row.epoch, "validation"] == own[:, "validation"].max()
        assert row["mean"] == pytest.approx(own[row.epoch, "test"])
    assert set(sweep.table.split) == {"train", "validation", "test"}
    assert len(sweep.table) == 3 * 3 * 3  # seeds, tasks, splits: the last epoch alone


def test_history_has_a_row_an_epoch_task_and_split():
    run = fit(mtl.Hard(TASKS, trunk()), tiny(), epochs=3)
    assert list(run.history.columns) == ["epoch", "task", "split", "loss", "score", "gap", "higher_is_better"]
    assert run.history.groupby("task").higher_is_better.unique().str[0].to_dict() == {
        "garment": True,
        "dark": True,
        "weight": False,
    }
    assert len(run.history) == 3 * len(TASKS) * 2
    late = fit(mtl.Hard(TASKS, trunk()), tiny(), epochs=3, validate=False).history
    assert (late[late.split == "validation"].epoch == 3).all()
    assert run.scores == run.evaluate("validation")


def test_a_task_without_labels_in_a_batch_adds_nothing():
    world = tiny()
    world.train.labels["garment"][:] = -1  # after the check that refuses such a world
    model = mtl.Separate(TASKS, trunk())
    run = fit(model, world, seed=0)
    for before, after in zip(model.plain("garment").parameters(), run.model.plain("garment").parameters(), strict=True):
        assert torch.equal(before.double(), after)
    assert not torch.equal(model.plain("dark").head.weight.double(), run.model.plain("dark").head.weight)


def test_what_stands_where_a_label_is_missing_changes_nothing():
    """Scores and losses ignore examples without a label, whatever the network answers there."""
    for task in TASKS:
        y = torch.randn(2, 6, task.outputs, dtype=torch.float64)
        labels = split(6, 0, missing=0).labels[task.name].expand(2, -1).clone()
        labels[:, 4:] = float("nan") if task.name == "weight" else -1
        other = y.clone()
        other[:, 4:] += 100
        for what in (task.loss, task.score):
            torch.testing.assert_close(what(y, labels), what(other, labels))
            torch.testing.assert_close(what(y, labels), what(y[:, :4], labels[:, :4]))


def test_the_order_of_batches_depends_on_the_seed_and_not_on_company():
    """A seed's copy learns the same whether it trains alone or beside others."""
    world = tiny()
    alone = mtl.sweep(
        mtl.Hard, world, trunk=trunk(), seeds=[5], epochs=2, batch_size=8, precision="float64", progress=False
    )
    among = mtl.sweep(
        mtl.Hard, world, trunk=trunk(), seeds=[1, 5, 2], epochs=2, batch_size=8, precision="float64", progress=False
    )
    torch.testing.assert_close(weights(alone.run(seed=5).model), weights(among.run(seed=5).model), rtol=0, atol=1e-8)
    assert "one World" in repr(among)


@pytest.mark.parametrize("way", [mtl.Separate, mtl.Hard])
def test_every_tensor_follows_the_device(way):
    """On the meta device nothing is computed, and a tensor left on the CPU raises."""
    world = tiny()
    feed = feeds.Feed([world.train], TASKS, "meta", torch.float32)
    model = way(TASKS, trunk(), seeds=(0, 1)).to("meta")
    optimiser = torch.optim.Adam(model.parameters())
    for batch in itertools.islice(feed.in_order(8), 2):
        losses = loop.step(model, optimiser, batch, "float32", torch.ones(2, device="meta"))
    assert losses.device.type == "meta"
    assert losses.shape == (2, len(TASKS))
    with pytest.raises(RuntimeError):
        loop.step(way(TASKS, trunk()), torch.optim.Adam(model.parameters()), batch, "float32")


def test_bfloat16_learns_as_well_as_float32():
    """Not the same numbers, but the same lesson: accuracy within a few points on an easy task."""
    world = tiny(n=256, missing=0)
    scores = [
        fit(mtl.Hard(TASKS, trunk()), world, epochs=30, lr=0.01, batch_size=32, precision=precision).scores["dark"]
        for precision in ("float32", "bfloat16")
    ]
    assert min(scores) > 0.75


def test_stop_keeps_what_was_learnt(monkeypatch, capsys):
    world, real, calls = tiny(), loop.step, itertools.count()

    def interrupted(*arguments):
        if next(calls) == 7:  # three steps an epoch: in the third epoch
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(loop, "step", interrupted)
    run = fit(mtl.Hard(TASKS, trunk()), world, epochs=50)
    assert run.stopped == "interrupted"
    assert run.history.epoch.max() == 2
    assert set(run.scores) == {task.name for task in TASKS}
    assert "epoch 3 of 50" in capsys.readouterr().out
    assert not torch.equal(weights(run.model), weights(mtl.Hard(TASKS, trunk()).double()))


def test_stop_before_the_first_epoch_ends_still_gives_scores(monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "step", interrupted)
    run = fit(mtl.Hard(TASKS, trunk()), tiny())
    assert set(run.scores) == {task.name for task in TASKS}


def test_stopping_a_sweep_keeps_the_finished_copies(monkeypatch):
    monkeypatch.setenv("MTL_THREADS", "1")  # one chunk after another
    monkeypatch.setitem(mtl.training.sweeps.AT_ONCE, "cpu", 1)
    monkeypatch.setenv("MTL_DEVICE", "cpu")
    real, calls = loop.step, itertools.count()

    def interrupted(*arguments):
        if next(calls) == 8:  # six steps a copy: in the second copy
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(loop, "step", interrupted)
    sweep = mtl.sweep(mtl.Hard, tiny, trunk=trunk(), seeds=range(3), epochs=2, batch_size=8, progress=False)
    assert list(sweep.runs) == [(0,)]
    assert set(sweep.table.seed) == {0}


def test_a_loss_that_is_no_number_stops_one_copy_and_spares_the_others(monkeypatch):
    """Copy 1 is poisoned in the second epoch: it keeps the weights of the first, copy 0 goes on as if alone."""
    world, real, calls = tiny(missing=0), loop.step, itertools.count()

    def poisoned(model, *arguments):
        if next(calls) == 4:
            with torch.no_grad():
                model.trunk["0"].weight[1] = float("nan")
        return real(model, *arguments)

    def sweep(epochs, **options):
        return mtl.sweep(
            mtl.Hard,
            world,
            trunk=trunk(),
            seeds=[0, 1],
            epochs=epochs,
            batch_size=8,
            progress=False,
            precision="float64",
            **options,
        )

    healthy, first = sweep(4), sweep(1)
    monkeypatch.setattr(loop, "step", poisoned)
    with pytest.warns(mtl.TrainingDiverged, match=r"step 5 \(seed 1\).*Lower the learning rate") as told:
        sick = sweep(4)
    assert len(told) == 1
    torch.testing.assert_close(weights(sick.run(seed=0).model), weights(healthy.run(seed=0).model), rtol=0, atol=1e-8)
    torch.testing.assert_close(weights(sick.run(seed=1).model), weights(first.run(seed=1).model), rtol=0, atol=1e-8)
    assert "diverged" in sick.run(seed=1).stopped


def test_a_learning_rate_far_too_high_is_told():
    world = tiny(missing=0)
    world.train.labels["weight"][:] *= 1e30
    with pytest.warns(mtl.TrainingDiverged, match="weight became inf"):
        run = fit(mtl.Hard(TASKS, trunk()), world, precision="float32", lr=1e30, epochs=5)
    assert weights(run.model).isfinite().all()


def test_a_batch_of_one_and_a_batch_larger_than_the_data():
    for size in (1, 1000):
        assert fit(mtl.Hard(TASKS, trunk()), tiny(n=5), batch_size=size, epochs=1).history.loss.notna().all()


def broken_world(**changes):
    world = tiny(missing=0)
    parts = {"x": world.train.x.clone(), "labels": dict(world.train.labels)}
    parts = copy.deepcopy(parts)
    for key, value in changes.items():
        parts["x"] = value if key == "x" else parts["x"]
        if key in parts["labels"]:
            parts["labels"][key] = value
    return World("tiny", TASKS, Split(**parts), world.validation, world.test)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: fit(mtl.Hard(TASKS, trunk()), tiny(), epochs=0), ValueError, "epochs"),
        (lambda: fit(mtl.Hard(TASKS, trunk()), tiny(), batch_size=-1), ValueError, "batch_size"),
        (lambda: fit(mtl.Hard(TASKS, trunk()), tiny(), lr=float("nan")), ValueError, "lr"),
        (lambda: fit(mtl.Hard(TASKS, trunk()), tiny(), precision="float8"), ValueError, "float8"),
        (lambda: fit(torch.nn.Linear(1, 1), tiny()), TypeError, "Linear"),
        (lambda: fit(mtl.Hard(TASKS, trunk()), "tiny"), TypeError, "World"),
        (lambda: fit(mtl.Hard([mtl.Binary("taste")], trunk()), tiny()), ValueError, "taste"),
        (lambda: broken_world(x=torch.full((24, 1, 8, 8), float("nan"))), ValueError, "first in example 0"),
        (lambda: broken_world(x=torch.zeros(24, 8, dtype=torch.long)), TypeError, "int64"),
        (lambda: broken_world(x=torch.zeros(23, 1, 8, 8)), ValueError, "23"),
        (lambda: broken_world(garment=torch.full((24,), 4)), ValueError, "0 to 3"),
        (lambda: broken_world(garment=torch.zeros(24)), TypeError, "whole numbers"),
        (lambda: broken_world(garment=torch.zeros(24, 1, dtype=torch.long)), ValueError, "shape"),
        (lambda: broken_world(dark=torch.full((24,), 2)), ValueError, "0 and 1"),
        (lambda: broken_world(weight=torch.full((24,), torch.inf)), ValueError, "finite"),
        (lambda: mtl.sweep(mtl.Hard, tiny, trunk=trunk(), seeds=[1, 1]), ValueError, "once"),
        (lambda: mtl.sweep(mtl.Hard, tiny, trunk=trunk(), seeds=[]), ValueError, "at least one"),
        (lambda: mtl.sweep(mtl.Hard, tiny, trunk=trunk(), hue=[1]), TypeError, "missing"),
        (lambda: mtl.sweep(mtl.Hard, tiny, trunk=trunk(), missing=[]), ValueError, "no values"),
        (lambda: mtl.sweep(mtl.Hard, tiny, trunk=trunk(), seeds=3), TypeError, "a list"),
        (lambda: mtl.sweep(mtl.Hard, tiny, trunk=trunk(), seed=3), TypeError, "seeds="),
        (lambda: mtl.sweep(mtl.Hard(TASKS, trunk()), tiny, trunk=trunk()), TypeError, "mtl.Hard itself"),
        (lambda: mtl.Hard(TASKS, trunk(), seeds=()), ValueError, "one seed"),
        (lambda: fit(mtl.Hard(TASKS, trunk()), tiny()).evaluate("valid"), ValueError, "train, validation and test"),
        (lambda: fit(mtl.Hard([mtl.Binary("weight")], trunk()), tiny()), ValueError, "Regression"),
        (lambda: mtl.Classification("taste", ["one"]), ValueError, "two or more"),
        (lambda: TASKS[0].number("z"), KeyError, "a, b, c, d"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_that_help(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_a_missing_copy_of_a_sweep_is_named():
    sweep = mtl.sweep(mtl.Hard, tiny, trunk=trunk(), seeds=[1], epochs=1, progress=False)
    with pytest.raises(KeyError, match="seed=1"):
        sweep.run(seed=2)


def test_the_trunks_width_can_be_an_axis():
    def narrow(width):
        return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, width))

    sweep = mtl.sweep(mtl.Hard, tiny, trunk=narrow, width=[2, 3], seeds=[0, 1], epochs=1, progress=False)
    assert {(width, seed): run.model.features_size for (width, seed), run in sweep.runs.items()} == {
        (2, 0): 2,
        (2, 1): 2,
        (3, 0): 3,
        (3, 1): 3,
    }


def test_device_and_precision_can_be_asked_for(monkeypatch):
    monkeypatch.setenv("MTL_DEVICE", "cpu")
    monkeypatch.setenv("MTL_PRECISION", "float32")
    assert (str(mtl.device()), str(mtl.precision())) == ("cpu", "float32")
    assert "MTL_DEVICE" in repr(mtl.device())
    monkeypatch.setenv("MTL_PRECISION", "half")
    with pytest.raises(ValueError, match="half"):
        mtl.precision()
    monkeypatch.setenv("MTL_DEVICE", "abacus")
    with pytest.raises(ValueError, match="abacus"):
        mtl.device()


@pytest.mark.parametrize("asked", [None, "float32", "bfloat16", "float64"])
def test_a_cpu_trains_in_float32_unless_asked(asked, monkeypatch):
    """Never by a timing: what a cell gives must not hang on how busy the machine was."""
    monkeypatch.setenv("MTL_DEVICE", "cpu")
    if asked is None:
        monkeypatch.delenv("MTL_PRECISION", raising=False)
    else:
        monkeypatch.setenv("MTL_PRECISION", asked)
    assert str(mtl.precision("cpu")) == (asked or "float32")
    run = fit(mtl.Hard(TASKS, trunk()), tiny(), precision=None, epochs=1)
    assert run.precision == (asked or "float32")
    exact = torch.float64 if asked == "float64" else torch.float32
    assert {parameter.dtype for parameter in run.model.parameters()} == {exact}


def test_a_sweep_over_lambda_equals_a_loop_of_fits():
    """Several λ share each seed's data; chunks of one, two and all of them give the same."""
    lams = [0.0, 0.5, float("inf")]
    sweep = mtl.sweep(
        mtl.Soft,
        tiny,
        trunk=trunk(),
        lam=lams,
        seeds=[0, 3],
        epochs=2,
        batch_size=8,
        precision="float64",
        progress=False,
    )
    assert sweep.axes == ("lam", "seed")
    for lam, seed in itertools.product(lams, [0, 3]):
        run = fit(mtl.Soft(TASKS, trunk(), lam=lam), tiny(seed), seed=seed)
        torch.testing.assert_close(weights(sweep.run(lam=lam, seed=seed).model), weights(run.model), rtol=0, atol=1e-8)
    assert sweep.run(lam=0.5, seed=3).model.lam == 0.5


@pytest.mark.parametrize("room", [1, 2, 3, 4, 100])
def test_every_point_of_a_grid_is_trained_once_whatever_the_room(room, monkeypatch):
    monkeypatch.setitem(mtl.training.sweeps.AT_ONCE, "cpu", room * len(TASKS) * 8)
    monkeypatch.setenv("MTL_DEVICE", "cpu")
    sweep = mtl.sweep(
        mtl.Soft, tiny, trunk=trunk(), lam=[0.0, 0.1, 1.0], seeds=[0, 1], epochs=1, batch_size=8, progress=False
    )
    assert sorted(sweep.runs) == sorted(itertools.product([0.0, 0.1, 1.0], [0, 1]))


def test_a_point_called_none_keeps_its_rows():
    def world(keep=None, seed=0):
        return tiny(seed, missing=0.0 if keep is None else 0.5)

    table = mtl.sweep(mtl.Hard, world, trunk=trunk(), keep=[None, 12], seeds=[0], epochs=1, progress=False).table
    assert len(table) == 2 * len(TASKS) * 2


def test_what_is_judged_is_not_changed_by_it():
    """Dropout rests and batch statistics stand still while a model is evaluated."""
    nn = torch.nn
    layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.BatchNorm1d(5), nn.Dropout())
    run = fit(mtl.Hard(TASKS, layers, features=5), tiny())
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    assert run.test() == run.test()
    assert not run.model.training
    for name, value in run.model.state_dict().items():
        assert torch.equal(value, before[name])


def test_weights_that_were_never_tried_are_not_called_good():
    """One step an epoch, each far too long: the last weights kept must give a finite loss."""
    world = tiny(missing=0)
    with pytest.warns(mtl.TrainingDiverged):
        run = fit(mtl.Hard(TASKS, trunk()), world, batch_size=24, lr=1e30, epochs=5, precision="float32")
    assert run.history[run.history.split == "validation"].loss.iloc[-3:].notna().all()


def test_stop_counts_also_where_a_copy_has_diverged(monkeypatch, capsys):
    calls = itertools.count()
    real = loop.train

    def poisoned(model, *arguments, **options):
        for epoch in real(model, *arguments, **options):
            if next(calls):
                raise KeyboardInterrupt
            epoch.alive[0] = False
            yield epoch

    monkeypatch.setattr("mtl_lesson.training.runs.train", poisoned)
    sweep = mtl.sweep(mtl.Hard, tiny(), trunk=trunk(), seeds=[0, 1], epochs=3, batch_size=8, progress=False)
    assert not sweep.runs
    assert "0 of 2 copies" in capsys.readouterr().out
    with pytest.raises(KeyError, match="run it again"):
        sweep.run(seed=0)


def test_after_a_stop_at_any_moment_training_works_again():
    """Stop in the first second used to leave PyTorch half imported."""
    script = """
import _thread, threading, time
import torch, mtl_lesson as mtl
tasks = (mtl.Regression("one"),)
split = mtl.data.Split(torch.randn(64, 3), {"one": torch.randn(64)})
world = mtl.data.World("tiny", tasks, split, split, split)
model = mtl.Hard(tasks, mtl.nets.linear(3, 2))
for delay in (0.02, 0.05, 0.1, 0.3):
    try:
        timer = threading.Timer(delay, _thread.interrupt_main)
        timer.start()
        mtl.fit(model, world, epochs=1000, progress=False)
        timer.join()
        time.sleep(0.2)  # a late interrupt belongs here, not into the next training
    except KeyboardInterrupt:
        pass
print(mtl.fit(model, world, epochs=2, progress=False).stopped == "")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.strip().endswith("True"), done.stderr[-2000:]


def test_tasks_of_any_name_have_heads_of_their_own():
    names = ["type", "a.b", "a·b", "a%2Eb", "train", "forward", "", "values"]
    model = mtl.Separate([mtl.Binary(name) for name in names], trunk())
    assert len(model.heads) == len(names)
    assert set(model(torch.rand(2, 1, 8, 8))) == set(names)


def test_a_sweep_may_change_the_classes_of_a_task():
    """A world that names its classes otherwise at one point of the grid gets a model of its own there."""

    def world(second="no", seed=0):
        tasks = (mtl.Classification("garment", ["yes", second]),)
        part = split(12, seed, missing=0)
        part = Split(part.x, {"garment": part.labels["dark"]})
        return World("tiny", tasks, part, part, part)

    sweep = mtl.sweep(mtl.Hard, world, trunk=trunk(), second=["no", "never"], seeds=[0], epochs=1, progress=False)
    assert sweep.run(second="never", seed=0).model.tasks[0].classes == ("yes", "never")
