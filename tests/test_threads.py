"""Cores side by side: the same bits on any number of them, and Stop ends them all."""

import os
import signal
import subprocess
import sys
import threading
import time

import joblib
import pytest
import torch
from every_way import noise
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.training import hardware, loop, parts, runs, sweeps


@pytest.fixture(autouse=True)
def cpu(monkeypatch):
    for name in ("OMP_NUM_THREADS", "MTL_THREADS", "MTL_PRECISION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MTL_DEVICE", "cpu")


def trunk():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(144, 8), nn.Dropout())


def sweep(**options):
    return mtl.sweep(
        mtl.Soft,
        mtl.data.questions,
        trunk=trunk(),
        **(
            {
                "n_train": 65,
                "n_validation": 50,
                "n_test": 50,
                "lam": [0.0, 0.1, float("inf")],
                "seeds": range(3),
                "epochs": 2,
                "batch_size": 32,
                "progress": False,
            }
            | options
        ),
    )


def weights(run):
    return torch.cat([parameter.detach().flatten() for parameter in run.model.parameters()])


def test_a_sweep_is_bit_for_bit_the_same_on_any_number_of_cores(monkeypatch):
    found = {}
    for count in (1, 2, 16):
        monkeypatch.setattr(hardware, "cores", lambda count=count: count)
        found[count] = sweep()
    for other in (found[2], found[16]):
        assert list(other.runs) == list(found[1].runs)
        assert other.table.equals(found[1].table)
        assert other.history.equals(found[1].history)
        assert all(torch.equal(weights(run), weights(other.runs[key])) for key, run in found[1].runs.items())


def test_each_chunk_has_one_thread_and_several_run_at_once(monkeypatch):
    monkeypatch.setattr(hardware, "cores", lambda: 2)
    met, seen, real = threading.Barrier(2, timeout=60), [], runs.train

    def train(*arguments):
        met.wait()  # passes only if two are here at once
        seen.append(torch.get_num_threads())
        yield from real(*arguments)

    monkeypatch.setattr(runs, "train", train)
    monkeypatch.setitem(sweeps.AT_ONCE, "cpu", 1)
    assert len(sweep(lam=[0.0, 0.1], seeds=[0, 1], epochs=1).runs) == 4
    assert seen == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("variables", "count"),
    [
        ({}, 8),
        ({"MTL_THREADS": "3"}, 3),
        ({"OMP_NUM_THREADS": "2"}, 2),
        ({"OMP_NUM_THREADS": "4,2"}, 4),
        ({"MTL_THREADS": "5", "OMP_NUM_THREADS": "4"}, 4),
        ({"MTL_THREADS": "99"}, 8),
    ],
)
def test_cores_are_counted_within_what_is_allowed(variables, count, monkeypatch):
    monkeypatch.setattr(joblib, "cpu_count", lambda: 8)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 64)  # PyTorch counts those of the host
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert hardware.cores() == count
    assert ("one thread" if count == 1 else f"{count} cores") in mtl.machine()["Device"]


@pytest.mark.parametrize("asked", ["0", "-1", "two", "1.5"])
def test_a_number_of_threads_that_makes_no_sense_is_refused(asked, monkeypatch):
    monkeypatch.setenv("MTL_THREADS", asked)
    with pytest.raises(ValueError, match="MTL_THREADS"):
        mtl.machine()


def test_a_step_is_cut_by_its_size_alone():
    """Whatever a clock would say; what cannot be cut takes one thread, or all where it is large."""
    assert [parts.parts_for(work, 128) for work in (0, 3.9e7, 4e7, 2e9, 5e9, 1e12)] == [1, 1, 2, 2, 4, 8]
    assert [parts.parts_for(1e12, examples) for examples in (1, 31, 32, 64)] == [1, 1, 2, 4]
    assert hardware.threads_for(1e12, "cuda") == 1
    assert hardware.threads_for(1e12, "cpu") == hardware.cores()
    assert hardware.threads_for(1e6, "cpu") == 1


TASKS = (mtl.Classification("garment", list("abcd")), mtl.Binary("dark"), mtl.Regression("weight"))
CUT = {
    "hard": lambda trunk: mtl.Hard(TASKS, trunk, seeds=(0, 1)),
    "separate": lambda trunk: mtl.Separate(TASKS, trunk),
    "soft": lambda trunk: mtl.Soft(TASKS, trunk, lam=0.3),
    "hierarchical": lambda trunk: mtl.Hierarchical(TASKS, trunk, branch={"dark": "4"}),
}


def batch_of(kind, own, n=37):
    shape = (2, 8, 8) if kind == "pictures" else (6,)
    world = noise(TASKS, shape, own, n)
    return next(runs.Feed([world.train], TASKS, "cpu", torch.float64).in_order(n))


def trunk_for(kind):
    layers = [nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 5)]
    return nn.Sequential(
        *layers if kind == "pictures" else [nn.Linear(6, 7), nn.Tanh(), nn.ELU(), nn.ReLU(), nn.Linear(7, 5)]
    )


@pytest.mark.parametrize("way", CUT)
@pytest.mark.parametrize("kind", ["pictures", "vectors"])
@pytest.mark.parametrize("own", [False, True], ids=["one input", "an input a task"])
@pytest.mark.parametrize("count", [2, 5, 37])
def test_a_step_in_parts_is_the_step(way, kind, own, count):
    """Losses and gradients, with missing labels, also where a part has none of a task's."""
    batch, found = batch_of(kind, own), []
    for number in (1, count):
        model = CUT[way](trunk_for(kind)).double()
        assert parts.can_be_cut(model)
        optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
        alive = torch.tensor([1.0, 0.0][: model.copies], dtype=torch.float64)
        with parts.parts(number, min(number, 3)) as cut:
            losses = loop.step(model, optimiser, batch, "float64", alive, cut)
        found.append([losses, *(p.grad for p in model.parameters()), *(p.detach() for p in model.parameters())])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-12)


def test_a_fit_in_parts_is_bit_for_bit_the_same_on_any_number_of_cores(monkeypatch):
    monkeypatch.setattr(parts, "SIZES", ((0, 4),))
    world = mtl.data.questions(n_train=130, n_validation=20, n_test=20)
    found = []
    for count in (1, 2, 16):
        monkeypatch.setattr(hardware, "cores", lambda count=count: count)
        found.append(mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(4)), world, epochs=2, progress=False))
    assert [run.threads for run in found] == [1, 2, 4]
    assert all(torch.equal(weights(found[0]), weights(other)) for other in found[1:])
    monkeypatch.setattr(parts, "SIZES", ())
    whole = mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(4)), world, epochs=2, progress=False)
    torch.testing.assert_close(weights(whole), weights(found[0]), rtol=0, atol=1e-3)


def test_the_parts_of_a_fit_are_computed_at_once(monkeypatch):
    monkeypatch.setattr(parts, "SIZES", ((0, 2),))
    monkeypatch.setattr(joblib, "cpu_count", lambda: 2)
    met = threading.Barrier(2, timeout=60)

    def losses(model, *arguments, **options):
        if torch.is_grad_enabled():
            met.wait()  # passes only if two are here at once
            assert torch.get_num_threads() == 1
        return activations(model, *arguments, **options)

    activations = mtl.Hard.activations
    monkeypatch.setattr(mtl.Hard, "activations", losses)
    world = mtl.data.questions(n_train=64, n_validation=20, n_test=20)
    with hardware.threads(2):
        run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(4)), world, epochs=2, progress=False)
    assert run.threads == 2


class Summed(mtl.Binary):
    """A loss that is no mean over examples."""

    def loss(self, outputs, labels):
        return self.losses(outputs, labels).sum(-1)


@pytest.mark.parametrize(
    "model",
    [
        lambda: mtl.Hard(TASKS, nn.Sequential(nn.Linear(6, 5), nn.BatchNorm1d(5)), features=5),
        lambda: mtl.Hard(TASKS, nn.Sequential(nn.Linear(6, 5), nn.Dropout())),
        lambda: mtl.SharedPrivate(TASKS, trunk_for("vectors"), gamma=1.0),
        lambda: mtl.Soft(TASKS, trunk_for("vectors"), lam=1.0, exact=False),
        lambda: mtl.Hard([Summed("dark")], trunk_for("vectors")),
    ],
    ids=["statistics", "chance", "correlation", "penalty", "own loss"],
)
def test_what_is_no_sum_over_examples_is_not_cut(model, monkeypatch):
    assert not parts.can_be_cut(model())
    monkeypatch.setattr(parts, "SIZES", ((0, 4),))
    monkeypatch.setattr(parts.Parts, "backward", lambda *arguments: pytest.fail("cut"))
    model = model()
    world = noise(model.tasks, (6,), False, 40)
    assert mtl.fit(model, world, epochs=1, progress=False).threads == 1


def test_the_size_of_a_step_is_that_of_its_arithmetic():
    world = mtl.data.questions(n_train=64, n_validation=20, n_test=20)
    model = mtl.Hard(world.tasks, mtl.nets.conv(8))
    batch = next(runs.Feed([world.train], world.tasks, "cpu", torch.float32).in_order(64))
    one = 28 * 28 * 8 * 27 + 14 * 14 * 16 * 72 + 784 * 64 + 64 * 20
    assert runs.work(model, batch) == pytest.approx(3 * 64 * one)


def test_the_number_of_threads_is_as_it_was(monkeypatch):
    """In this thread, and in one that is begun afterwards."""
    monkeypatch.setattr(hardware, "cores", lambda: 3)
    monkeypatch.setitem(sweeps.AT_ONCE, "cpu", 1)
    world = mtl.data.questions(n_train=40, n_validation=20, n_test=20)
    with hardware.threads(2):
        for act in (
            lambda: mtl.fit(mtl.Hard(world.tasks, trunk()), world, epochs=1, progress=False),
            lambda: mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(8)), world, epochs=1, progress=False),
            lambda: sweep(seeds=range(4), epochs=1),
        ):
            act()
            found = []
            other = threading.Thread(target=lambda: found.append(torch.get_num_threads()))  # noqa: B023
            other.start(), other.join()
            assert (torch.get_num_threads(), *found) == (2, 2)


@pytest.mark.parametrize("cores", ["1", "2"])
def test_stop_ends_all_chunks_and_keeps_what_is_finished(cores):
    """A real interrupt: the sweep returns at once with the copies that were done, nothing goes on behind it."""
    script = """
import threading, time, _thread
import mtl_lesson as mtl
from mtl_lesson.training import runs
real, ended = runs.train, []
def train(*arguments):
    try:
        yield from real(*arguments)
    finally:
        ended.append(time.perf_counter())
        if len(ended) == 3:
            threading.Timer(0.3, _thread.interrupt_main).start()
runs.train = train
settings = dict(n_train=256, n_validation=50, seeds=range(400), epochs=4, progress=False)
path = mtl.sweep(mtl.Hard, mtl.data.questions, trunk=mtl.nets.conv(4), **settings)
back = time.perf_counter()
time.sleep(2.0)
print("late", sum(time > back + 1.0 for time in ended), "kept", len(path.runs))
"""
    environment = os.environ | {"MTL_THREADS": cores, "MTL_DEVICE": "cpu"}
    environment.pop("OMP_NUM_THREADS", None)
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=200, env=environment)
    assert "of 400 copies had finished and are kept" in done.stdout, done.stdout + done.stderr[-2000:]
    assert "late 0" in done.stdout
    assert "Traceback" not in done.stderr
    assert 0 < int(done.stdout.split("kept")[-1]) < 400


def test_a_mistake_in_one_chunk_ends_the_others(monkeypatch):
    def world(seed=0):
        if seed == 3:
            raise ArithmeticError("of this world")
        return mtl.data.questions(n_train=40, n_validation=20, n_test=20, seed=seed)

    monkeypatch.setitem(sweeps.AT_ONCE, "cpu", 1)
    monkeypatch.setattr(hardware, "cores", lambda: 2)
    steps, real = [], loop.step
    monkeypatch.setattr(loop, "step", lambda *arguments: steps.append(1) or real(*arguments))
    with pytest.raises(ArithmeticError, match="of this world"):
        mtl.sweep(mtl.Hard, world, trunk=trunk(), seeds=range(60), epochs=2000, progress=False)
    time.sleep(0.5)
    before = len(steps)
    time.sleep(0.5)
    assert len(steps) == before > 0


def test_a_learners_world_is_never_drawn_twice_at_a_time(monkeypatch):
    inside = []

    def world(delta=0.0, seed=0):
        inside.append(1)
        assert len(inside) == 1
        time.sleep(0.01)
        inside.pop()
        return mtl.data.questions(n_train=20, n_validation=20, n_test=20, seed=seed)

    monkeypatch.setitem(sweeps.AT_ONCE, "cpu", 1)
    mtl.sweep(mtl.Hard, world, trunk=trunk(), seeds=range(6), delta=[0, 1], epochs=1, batch_size=8, progress=False)


def test_what_diverges_in_a_worker_is_told_here():
    with pytest.warns(mtl.TrainingDiverged) as told:
        path = sweep(lr=1e30, seeds=[0, 1], lam=[0.0, 0.1])
    assert len(told) == 4
    assert all(one.filename == __file__ for one in told)
    assert all(run.stopped for run in path.runs.values())


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_the_handler_of_interrupts_is_left_alone():
    before = signal.getsignal(signal.SIGINT)
    sweep(seeds=[0], epochs=1)
    assert signal.getsignal(signal.SIGINT) is before
