"""Head swaps: the diagonal is the model, shared trunks swap for nothing, and every pair agrees with a plain loop."""

import pytest
import torch
from every_way import SAME, TASKS, WAYS, moved, noise
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.inspection import head_swap


def toy(tasks, own, n=60):
    return noise(tasks, (5,), own, n)


def made(way):
    return moved(WAYS[way](nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 6), nn.ReLU())), 0.3)


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_every_pair_agrees_with_a_plain_loop(way, own):
    model = made(way)
    world = toy(model.tasks, own)
    table = head_swap(model, world)
    assert list(table) == ["trunk", "head", "score"]
    got = table.set_index(["trunk", "head"]).score
    assert len(got) == 9
    for a in model.tasks:
        for b in model.tasks:
            x = world.test.x[b.name] if own else world.test.x
            with torch.no_grad():
                z = model.plain(b.name)[-1](model.plain(a.name)[:-1](x))
            expected = b.score(z[None], world.test.labels[b.name][None]).item()
            assert got[a.name, b.name] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("way", ["hard", "pooled"])
def test_a_shared_trunk_swaps_for_nothing(way):
    model = made(way)
    swapped = head_swap(model, toy(model.tasks, own=True)).pivot(index="trunk", columns="head", values="score")
    assert (swapped == swapped.iloc[0]).all(axis=None)
    apart = head_swap(made("separate"), toy(TASKS, own=True)).pivot(index="trunk", columns="head", values="score")
    assert (apart.much != apart.much.iloc[0]).any()


def test_the_diagonal_is_the_model_itself_on_each_split():
    world = mtl.data.planted(T=3, d=6, n=20, n_validation=30, n_test=40)
    run = mtl.fit(mtl.Separate(world.tasks, mtl.nets.linear(6, 3)), world, epochs=3, progress=False)
    for split in ("train", "validation", "test"):
        table = head_swap(run, world, split=split)
        own = table[table.trunk == table["head"]]
        assert dict(zip(own["head"], own.score, strict=True)) == pytest.approx(run.evaluate(split), rel=1e-5)


def test_what_cannot_be_swapped_is_refused():
    world = toy(TASKS, own=False)
    with pytest.raises(ValueError, match="train, validation and test, not 'exam'"):
        head_swap(made("hard"), world, split="exam")
    with pytest.raises(TypeError, match="expected a World"):
        head_swap(made("hard"), X := torch.zeros(3, 5))
    with pytest.raises(TypeError, match="expected a model"):
        head_swap(X, world)
    with pytest.raises(ValueError, match=r"the model answers .*'kind'.* the world asks ana, bo, chidi"):
        head_swap(made("hard"), toy(SAME, own=False))
    more = mtl.Classification("kind", tuple("abcd"))
    with pytest.raises(ValueError, match="the world asks it as"):
        head_swap(made("hard"), toy((more, *TASKS[1:]), own=False))


def test_a_model_of_some_of_the_tasks():
    world, some = toy(TASKS, own=True), mtl.Hard(TASKS[1:], nn.Sequential(nn.Linear(5, 6)))
    assert set(head_swap(some, world)["head"]) == {"yes", "much"}
