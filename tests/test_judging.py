"""A score belongs to weights and data: whatever judges computes in float32, or float64 where that was trained."""

import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson import inspection
from mtl_lesson.data import Split, World
from mtl_lesson.training import loop

TASKS = (mtl.Regression("born"), mtl.Binary("older"), mtl.Classification("decade", ["a", "b", "c"]))


def world(n=96, seed=0):
    """A birth year about 1985 beside two questions with classes."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 1, 8, 8, generator=draw)
    year = 1985 + 12 * x.mean((1, 2, 3)) * 8
    labels = {"born": year, "older": (year < 1985).long(), "decade": ((year - 1960) // 20).long().clamp(0, 2)}
    split = Split(x, labels)
    return World("people", TASKS, split, split, split)


def trunk():
    return nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 12), nn.ReLU())


@pytest.fixture(scope="module", params=["bfloat16", "float32", "float64"])
def run(request):
    model = mtl.Separate(TASKS, trunk())
    run = mtl.fit(model, world(), epochs=30, lr=0.02, precision=request.param, progress=False)
    with torch.no_grad():  # as after a long training: answers near the years themselves
        run.model.heads[model.head_of(TASKS[0])].bias += 1985 - 20
    return run


def by_hand(run, split):
    """Each task's score, from plain networks in double precision."""
    scores = {}
    for task in TASKS:
        y = run.model.plain(task.name).double().eval()(split.x.double()).detach()
        labels = split.labels[task.name]
        scores[task.name] = float(task.score(y[None], labels.double()[None] if task.name == "born" else labels[None]))
    return scores


def test_a_run_is_judged_by_its_weights_alone(run):
    expected = by_hand(run, run.world.test)
    assert run.test() == pytest.approx(expected, rel=1e-4)
    assert run.evaluate("train") == pytest.approx(expected, rel=1e-4)
    assert expected["born"] > 1  # where rounding to bfloat16, 8 apart near 1985, would show


def test_the_history_and_the_table_are_judged_so_too():
    for precision in ("bfloat16", "float32", "float64"):
        run = mtl.fit(mtl.Hard(TASKS, trunk()), world(), epochs=3, lr=0.02, precision=precision, progress=False)
        assert run.scores == pytest.approx(by_hand(run, run.world.validation), rel=1e-4)
        path = mtl.sweep(
            mtl.Hard,
            world(),
            trunk=trunk(),
            seeds=[0, 1],
            epochs=2,
            lr=0.02,
            precision=precision,
            test=True,
            progress=False,
        )
        for (seed,), one in path.runs.items():
            rows = path.table[(path.table.seed == seed) & (path.table.split == "test")].set_index("task").score
            assert rows.to_dict() == pytest.approx(by_hand(one, one.world.test), rel=1e-4)


def test_inspection_agrees_with_the_scores(run):
    world, test = run.world, run.test()
    swap = inspection.head_swap(run, world).set_index(["trunk", "head"]).score
    intact = inspection.lesion(run, world, [0], split="test").set_index("task").intact_score
    for task in TASKS:
        assert swap[task.name, task.name] == pytest.approx(test[task.name], rel=1e-4)
        assert intact[task.name] == pytest.approx(test[task.name], rel=1e-4)
    h = inspection.features(run, world.test.x)["born"]
    assert h.dtype == torch.float32
    plain = run.model.plain("born").double()[:-1](world.test.x.double()).detach()
    torch.testing.assert_close(h.double(), plain, rtol=1e-4, atol=1e-4)


def test_what_trains_is_in_bfloat16_and_what_judges_is_not(monkeypatch):
    seen, real = [], torch.nn.functional.conv2d

    def conv2d(x, *arguments, **options):
        y = real(x, *arguments, **options)
        seen.append((torch.is_grad_enabled(), y.dtype))
        return y

    monkeypatch.setattr("mtl_lesson.nets.layers.F.conv2d", conv2d)
    mtl.fit(mtl.Hard(TASKS, trunk()), world(), epochs=1, precision="bfloat16", progress=False)
    assert {dtype for grad, dtype in seen if grad} == {torch.bfloat16}
    assert {dtype for grad, dtype in seen if not grad} == {torch.float32}


def test_judging_leaves_no_trace():
    """Neither statistics nor what is drawn next depend on how often a model was judged."""
    layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Dropout(), nn.Linear(8, 4))
    often, seldom = (
        mtl.fit(mtl.Hard(TASKS, layers), world(), epochs=3, precision="float64", validate=validate, progress=False)
        for validate in (True, False)
    )
    for (name, one), other in zip(often.model.state_dict().items(), seldom.model.state_dict().values(), strict=True):
        assert torch.equal(one, other), name


def test_training_mode_is_as_it_was_after_judging():
    model = mtl.Hard(TASKS, trunk()).train()
    feed = loop.Feed([world().test], TASKS, "cpu", torch.float32)
    loss, score = loop.evaluate(model, feed)
    assert model.training
    assert loss.isfinite().all()
    assert score.shape == (1, 3)
