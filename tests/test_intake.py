"""What learners hand over: tables, arrays, lists, sequences and tokens become tensors once, or are refused in words."""

import numpy as np
import pandas as pd
import pytest
import sklearn.metrics
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World, padded

BUYS, PRICE, TOWN = mtl.Binary("buys"), mtl.Regression("price"), mtl.Classification("town", ["Bonn", "Köln", "Trier"])
TASKS = (BUYS, PRICE, TOWN)
N = 12


def table():
    draw = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": draw.integers(18, 80, N),
            "income": draw.normal(size=N),
            "member": draw.integers(0, 2, N).astype(bool),
            "buys": draw.integers(0, 2, N),
            "price": draw.normal(250_000, 1000, N),
            "town": draw.choice(["Bonn", "Köln", "Trier"], N),
        }
    )


def world_of(x, labels, tasks=TASKS, **more):
    split = Split(x, labels)
    return World("mine", tasks, split, split, split, **more)


def test_a_pandas_table_is_a_world():
    df = table()
    df.loc[3, "town"] = None
    df.loc[4, "price"] = np.nan
    world = world_of(df[["age", "income", "member"]], {name: df[name] for name in ("buys", "price", "town")})
    assert world.train.x.dtype == torch.float32
    assert world.train.x.shape == (N, 3)
    towns = [-1 if pd.isna(town) else TOWN.classes.index(town) for town in df.town]
    assert world.train.labels["town"].tolist() == towns
    assert world.train.labels["price"].isnan().nonzero().flatten().tolist() == [4]
    run = mtl.fit(mtl.Hard(world, nn.Sequential(nn.LazyLinear(4), nn.ReLU())), world, epochs=1, progress=False)
    assert set(run.test()) == {"buys", "price", "town"}


LABELS = {
    "int8": lambda y: y.to(torch.int8),
    "int32": lambda y: y.to(torch.int32),
    "numpy": lambda y: y.numpy(),
    "uint8 of numpy": lambda y: y.numpy().astype(np.uint8),
    "codes": lambda y: pd.Series(y.numpy()).astype("category").cat.codes,
    "floats of pandas": lambda y: pd.Series(y.numpy(), dtype="float64"),
    "nullable": lambda y: pd.Series(y.numpy(), dtype="Int64"),
    "a list": lambda y: y.tolist(),
    "names": lambda y: [TOWN.classes[number] for number in y],
    "a column of names": lambda y: pd.Series([TOWN.classes[number] for number in y]),
    "a categorical": lambda y: pd.Series(pd.Categorical([TOWN.classes[number] for number in y])),
}


@pytest.mark.parametrize("given", LABELS.values(), ids=LABELS)
def test_labels_of_every_kind_are_the_same_labels(given):
    y = torch.arange(N) % 3
    world = world_of(torch.zeros(N, 2), {"town": given(y)}, (TOWN,))
    assert world.train.labels["town"].equal(y)


INPUTS = {
    "numpy": lambda x: x.numpy(),
    "float64": lambda x: x.double(),
    "float16": lambda x: x.half(),
    "a list": lambda x: x.tolist(),
    "with a graph": lambda x: x.clone().requires_grad_() * 1,
    "a table": lambda x: pd.DataFrame(x.numpy()),
    "whole numbers of a table": lambda x: pd.DataFrame(x.numpy().astype(int)),
}


@pytest.mark.parametrize("given", INPUTS.values(), ids=INPUTS)
def test_inputs_of_every_kind_are_the_same_inputs(given):
    x = torch.arange(2.0 * N).view(N, 2)
    found = world_of(given(x), {"town": torch.arange(N) % 3}, (TOWN,)).train.x
    assert found.is_floating_point()
    assert not found.requires_grad
    assert found.dtype in (torch.float32, torch.float64)
    torch.testing.assert_close(found.float(), x)


def test_pictures_of_bytes_are_pictures():
    x = torch.randint(0, 256, (N, 1, 4, 4), dtype=torch.uint8)
    assert world_of(x, {"town": torch.arange(N) % 3}, (TOWN,)).train.x.equal(x.float())


Y = {"town": torch.arange(N) % 3}


@pytest.mark.parametrize(
    ("x", "labels", "more", "error", "words"),
    [
        (torch.zeros(N, 28, 28), Y, {}, ValueError, r"missing channel axis\? x\[:, None\]"),
        (torch.zeros(N), Y, {}, ValueError, r"x\[:, None\] for one number"),
        (torch.zeros(N, 28, 28), Y, {"layout": "maps"}, ValueError, r"missing channel axis\? x\[:, None\]"),
        (torch.zeros(N, 4, dtype=torch.long), Y, {}, TypeError, "layout='tokens' where they are words"),
        (torch.zeros(N, 4), Y, {"layout": "tokens"}, TypeError, "whole numbers to be tokens"),
        (torch.full((N, 4), -1), Y, {"layout": "tokens"}, ValueError, "tokens count from 0"),
        (torch.zeros(N, 4), Y, {"layout": "words"}, ValueError, "no layout 'words'; there are vectors, maps"),
        ([[1.0, 2.0], [3.0]], Y, {"layout": "vectors"}, ValueError, r"mtl\.data\.padded"),
        (table()[["age", "town"]], Y, {}, TypeError, r"column 'town' holds .*get_dummies"),
        ("abc", Y, {}, TypeError, "tensor, an array or a table"),
        (torch.zeros(N, 4), {"town": ["Bonn"] * (N - 1) + ["Ulm"]}, {}, ValueError, "no class 'Ulm'; it has Bonn"),
        (torch.zeros(N, 4), {"town": np.linspace(0, 1, N)}, {}, TypeError, "must be whole numbers, found 0.09"),
        (torch.zeros(N, 4), {"town": torch.zeros(N, 2).long()}, {}, ValueError, r"shape \(12, 2\), expected \(12,\)"),
    ],
)
def test_what_could_be_meant_otherwise_is_refused_with_the_way_on(x, labels, more, error, words):
    with pytest.raises(error, match=words):
        world_of(x, labels, (TOWN,), **more)


def test_ragged_sequences_are_padded():
    x = padded([[3, 1, 2], [5], [4, 4]])
    assert x.tolist() == [[3, 1, 2], [5, 0, 0], [4, 4, 0]]
    world = world_of(x, {"buys": [0, 1, 1]}, (BUYS,), layout="tokens")
    model = mtl.Hard(world, zoo.Tokens(4))
    longer = torch.cat([x, torch.zeros(3, 4).long()], 1)  # words that are not there change nothing
    torch.testing.assert_close(model(x)["buys"], model(longer)["buys"])


@settings(max_examples=20, deadline=None)
@given(st.integers(3, 9), st.integers(3, 9))
def test_tasks_may_have_data_sets_of_different_size(small, large):
    tasks = (mtl.Binary("a"), mtl.Regression("b"))
    x = {"a": torch.randn(small, 4), "b": torch.randn(large, 4)}
    y = {"a": torch.arange(small) % 2, "b": torch.randn(large)}
    world = world_of(x, y, tasks)
    assert len(world.train) == max(small, large)
    for task in tasks:
        known = task.labelled(world.train.labels[task.name])
        assert int(known.sum()) == len(y[task.name])
        assert world.train.x[task.name][: len(x[task.name])].equal(x[task.name])
    run = mtl.fit(mtl.Separate(tasks, nn.Sequential(nn.Linear(4, 3))), world, epochs=1, batch_size=4, progress=False)
    alone = World("b", tasks[1:], *[Split(x["b"], {"b": y["b"]})] * 3)
    if large >= small:  # the larger one is trained as if alone
        other = mtl.fit(
            mtl.Separate(tasks[1:], nn.Sequential(nn.Linear(4, 3))), alone, epochs=1, batch_size=4, progress=False
        )
        assert run.scores["b"] == pytest.approx(other.scores["b"], rel=1e-4)


# --- kinds of task -------------------------------------------------------------------------------------------------


def trained(task, labels, trunk, x=None):
    x = torch.randn(N, 4) if x is None else x
    world = world_of(x, {task.name: labels}, (task,))
    return mtl.fit(mtl.Hard(world, trunk), world, epochs=3, batch_size=5, progress=False), world


def test_several_numbers_at_once():
    y = torch.randn(N, 4)
    y[0, 1], y[2] = torch.nan, torch.nan
    task = mtl.Regression("place", outputs=4)
    run, world = trained(task, y, nn.Sequential(nn.Linear(4, 6)))
    z = run.model(world.test.x)["place"]
    there = ~y.isnan()
    assert run.test()["place"] == pytest.approx(((z - y)[there] ** 2).mean().item(), rel=1e-5)
    assert task.chance(y) == pytest.approx(np.nanmean((y.numpy() - np.nanmean(y.numpy(), 0)) ** 2), rel=1e-5)
    assert task.outputs == 4
    assert not task.higher_is_better


def test_several_labels_at_once():
    y = (torch.rand(N, 3) > 0.6).long()
    task = mtl.MultiLabel("tags", ["red", "old", "new"])
    run, world = trained(task, y, nn.Sequential(nn.Linear(4, 6)))
    z = run.model(world.test.x)["tags"]
    f1 = sklearn.metrics.f1_score(y, z > 0, average="macro", zero_division=0)
    assert run.test()["tags"] == pytest.approx(f1, abs=1e-6)
    every = sklearn.metrics.f1_score(y, torch.ones_like(y), average="macro")
    assert task.chance(y) == pytest.approx(every, abs=1e-6)
    with pytest.raises(ValueError, match="0 and 1"):
        world_of(torch.zeros(N, 2), {"tags": y + 1}, (task,))


def test_a_class_for_each_pixel():
    draw = torch.Generator().manual_seed(0)
    x, y = torch.rand(N, 1, 6, 6, generator=draw), torch.randint(0, 3, (N, 6, 6), generator=draw)
    y[:, 0] = -1
    task = mtl.Segmentation("parts", ["sky", "tree", "road"])
    for stride in (1, 2):  # maps of the labels' size, and smaller ones
        run, world = trained(task, y, nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, stride=stride), nn.ReLU()), x)
        z = run.model(world.test.x)["parts"]
        given = nn.functional.interpolate(z, (6, 6), mode="bilinear").argmax(1)
        there = y >= 0
        iou = sklearn.metrics.jaccard_score(y[there], given[there], average="macro")
        assert run.test()["parts"] == pytest.approx(iou, abs=1e-6)
    constant = max(
        sklearn.metrics.jaccard_score(y[there], torch.full_like(y[there], k), average="macro", zero_division=0)
        for k in range(3)
    )
    assert task.chance(y) == pytest.approx(constant, abs=1e-6)
    with pytest.raises(ValueError, match="not maps"):
        trained(task, y, nn.Sequential(nn.Flatten(), nn.Linear(36, 4)), x)
    both = (task, mtl.Binary("bright"))
    world = world_of(x, {"parts": y, "bright": torch.arange(N) % 2}, both)
    run = mtl.fit(
        mtl.Soft(world, nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU()), lam=0.1),
        world,
        epochs=1,
        progress=False,
    )
    for one in both:
        torch.testing.assert_close(run.model(x)[one.name], run.model.plain(one.name)(x))


@pytest.mark.parametrize("task", [mtl.Binary("y"), mtl.Classification("y", 3), mtl.Regression("y")], ids=repr)
def test_chance_is_the_best_constant_answer(task):
    draw = torch.Generator().manual_seed(3)
    y = (
        torch.randn(50, generator=draw)
        if isinstance(task, mtl.Regression)
        else torch.randint(0, max(2, task.outputs), (50,), generator=draw)
    )
    y[:5] = task.missing
    if isinstance(task, mtl.Regression):
        outputs = [y.nanmean().expand(1, 50, 1)]
    elif isinstance(task, mtl.Binary):
        outputs = [torch.full((1, 50, 1), v) for v in (-1.0, 1.0)]
    else:
        outputs = [nn.functional.one_hot(torch.full((1, 50), k), 3).float() for k in range(3)]
    scores = [task.score(z, y[None]).item() for z in outputs]
    assert task.chance(y) == pytest.approx(max(scores) if task.higher_is_better else min(scores))
    assert len(task.answers) == (0 if isinstance(task, mtl.Regression) else max(2, task.outputs))


def test_a_class_that_occurs_nowhere_does_not_count_in_the_mean_of_intersection_over_union():
    task = mtl.Segmentation("parts", 3)
    y = torch.tensor([[[0, 0], [1, 1]]])
    outputs = nn.functional.one_hot(torch.tensor([[[0, 1], [1, 1]]]), 3).movedim(-1, 1).float()
    assert task.score(outputs[None], y[None]).item() == pytest.approx((1 / 2 + 2 / 3) / 2)
