"""A sweep in other processes is the sweep here, whatever dies on the way: on loky, and on a Dask cluster of two.

A worker process takes seconds to start, so one pool and one cluster serve all tests of this file.
"""

import functools
import os
import pickle
import signal
import sys
import threading
import time
import warnings
from pathlib import Path

import joblib
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from joblib.parallel import ThreadingBackend
from tiny import TASKS, trunk
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.training import loop, remote, sweeps

INFINITY = float("inf")
HERE = os.getpid()
OPTIONS = {"epochs": 2, "batch_size": 8, "precision": "float32", "progress": False}


@pytest.fixture(scope="module", autouse=True)
def cpu():
    """Here and, before they start, at the workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MTL_DEVICE", "cpu")
        patch.setitem(sweeps.AT_ONCE, "cpu", 3 * 2 * 8)  # chunks of two copies, for a network a task
        yield


@pytest.fixture(scope="module")
def client(cpu):
    distributed = pytest.importorskip("distributed")
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 50}
    cluster = distributed.LocalCluster(**options)
    with cluster, distributed.Client(cluster, set_as_default=False) as client:  # joblib alone is given it
        yield client


@pytest.fixture
def dask(client):
    client.wait_for_workers(2)
    with joblib.parallel_config("dask", client=client):
        yield "dask"


@pytest.fixture
def loky():
    with joblib.parallel_config("loky", n_jobs=2):
        yield "loky"


@pytest.fixture(params=["loky", "dask"])
def workers(request):
    """Two processes of each kind."""
    return request.getfixturevalue(request.param)


def world(delta=0.0, seed=0, n=24, turn=None):
    """Three tasks on one input; delta turns the first one's question, and so may a function."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, 4, generator=draw)
    towards = x[:, 0] + delta * x[:, 1]
    labels = {"ana": ((turn or torch.sin)(towards) > 0).long(), "bo": torch.randint(3, (n,), generator=draw)}
    split = Split(x, labels | {"chidi": torch.randn(n, generator=draw)})
    return World("tiny", TASKS, split, split, split)


def fragile(deaths, here, delta=0.0, seed=0):
    """A world whose worker dies as it draws it, once for each file in the folder ``deaths``."""
    if os.getpid() != here and delta and (left := sorted(Path(deaths).iterdir())):
        left[0].unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    return world(delta, seed)


def sweep(way=mtl.Soft, drawn=world, layers=None, **options):
    return mtl.sweep(way, drawn, trunk=layers or trunk(), **(OPTIONS | options))


def away(*arguments, **options):
    return sweep(*arguments, backend="joblib", **options)


def same(one, other):
    """The same copies to the last bit, and all that hangs on them."""
    assert list(one.runs) == list(other.runs)
    pd.testing.assert_frame_equal(one.table, other.table, check_exact=True)
    pd.testing.assert_frame_equal(one.history, other.history, check_exact=True)
    for key, run in one.runs.items():
        mine = other.runs[key]
        assert (run.seed, run.stopped, run.precision, run.began) == (
            mine.seed,
            mine.stopped,
            mine.precision,
            mine.began,
        )
        assert torch.equal(weights(run), weights(mine))
        assert torch.equal(run.model.penalty(), mine.model.penalty())
        assert mine.world.train.x.equal(run.world.train.x)
        assert run.test() == mine.test()


def weights(run):
    return torch.cat([parameter.detach().flatten() for parameter in run.model.parameters()])


# the same as here

WAYS = {
    "Separate": {},
    "Hard": {"width": [3, 5], "layers": lambda width: nn.Sequential(nn.Linear(4, width), nn.ReLU())},
    "Soft": {"lam": [0.0, 0.1, INFINITY], "delta": [0.0, 1.0]},
    "Annealed": {"lam": 0.1, "half_life": [3.0, -3.0]},
    "Learnt": {"lam": [0.1, 1.0]},
    "Hierarchical": {"branch": ["0", "2", {"ana": "0"}]},
    "SharedPrivate": {"gamma": [0.0, 1.0]},
    "LowRank": {"rank": [0, 2]},
    "CrossStitch": {},
    "Experts": {"gate": ["constant", "input"], "experts": 2},
    "Attention": {"drawn": world()},
}


@pytest.mark.parametrize("way", WAYS)
def test_every_way_of_sharing_is_trained_as_it_is_here(way, workers):
    arguments = {"way": getattr(mtl, way), "seeds": [0, 7], "test": True} | WAYS[way]
    same(away(**arguments), sweep(**arguments))


def test_weightings_are_those_that_work_together_here(workers):
    weighting = [mtl.weighting.Sum(), mtl.weighting.Fixed({"ana": 2.0}), mtl.weighting.Uncertainty()]
    same(*(act(weighting=weighting, lam=[0.0, 1.0], seeds=[0, 1]) for act in (away, sweep)))
    from torchjd.aggregation import UPGrad

    arguments = {"weighting": [mtl.weighting.Aggregate(UPGrad()), mtl.weighting.Sum()], "seeds": [0, 1]}
    same(away(mtl.Hard, **arguments), sweep(mtl.Hard, **arguments))


@settings(max_examples=12)
@given(
    kind=st.sampled_from(["loky", "dask"]),
    lam=st.lists(
        st.sampled_from([0.0, 0.01, 1.0, INFINITY]) | st.just({"0": 0.5}), min_size=1, max_size=3, unique_by=str
    ),
    delta=st.lists(st.floats(0, 1), min_size=1, max_size=2, unique=True),
    seeds=st.lists(st.integers(0, 99), min_size=1, max_size=3, unique=True),
    own=st.booleans(),
    turn=st.sampled_from([None, torch.cos, lambda x: x - 0.1]),
    validate=st.booleans(),
)
def test_any_grid_is_trained_as_it_is_here(client, kind, lam, delta, seeds, own, turn, validate):
    arguments = {"lam": lam, "seeds": seeds, "validate": validate, "test": validate}
    arguments |= {"drawn": world(delta[0])} if own else {"delta": delta, "turn": turn}
    config = {"backend": "loky", "n_jobs": 2} if kind == "loky" else {"backend": "dask", "client": client}
    with joblib.parallel_config(**config):
        found = away(**arguments)
    same(found, sweep(**arguments))
    if own:
        assert all(run.world is arguments["drawn"] for run in found.runs.values())


def ragged(seed=0):
    return world(seed=seed, n=24 if seed % 2 else 32)


def test_data_sets_of_several_sizes_in_a_chunk_keep_their_places(monkeypatch):
    monkeypatch.setitem(sweeps.AT_ONCE, "cpu", 8 * 3 * 8)
    arguments = {"drawn": ragged, "seeds": [0, 1, 2, 3], "lam": [0.0, 1.0]}
    with joblib.parallel_config("threading", n_jobs=2):
        same(away(**arguments), sweep(**arguments))


CELL = """
class Mine(mtl.Hard):
    '''A way of sharing from a cell.'''
    def penalty(self):
        return super().penalty() + len(LAYERS)

LAYERS = [4, 3]
def layers(width):
    return nn.Sequential(nn.Linear(LAYERS[0], width), nn.Tanh())
"""


def test_what_a_cell_defines_goes_with_it(workers):
    cell = {"__name__": "__main__", "mtl": mtl, "nn": nn}
    exec(CELL, cell)
    arguments = {"way": cell["Mine"], "layers": cell["layers"], "width": [3, 4], "seeds": [0]}
    found = away(**arguments)
    same(found, sweep(**arguments))
    assert all(type(run.model) is cell["Mine"] for run in found.runs.values())


def test_a_copy_that_diverges_is_told(workers):
    arguments = {"lam": [0.0, 30.0], "seeds": [0], "optimiser": "sgd", "lr": 0.05, "epochs": 20, "exact": False}
    with pytest.warns(mtl.TrainingDiverged) as told:
        found = away(**arguments)
    with pytest.warns(mtl.TrainingDiverged) as expected:
        same(found, sweep(**arguments))
    assert [str(one.message) for one in told] == [str(one.message) for one in expected]
    assert found.run(lam=30.0).stopped


def test_the_bar_counts_every_epoch_once(workers, tmp_path, monkeypatch):
    bars, real = [], sweeps.bar
    monkeypatch.setattr(sweeps, "bar", lambda total, progress: bars.append(real(total, True)) or bars[-1])
    away(lam=[0.0, 1.0], seeds=[0], folder=tmp_path)
    away(lam=[0.0, 1.0], seeds=[0, 1, 2], folder=tmp_path)
    assert [(bar.n, bar.total) for bar in bars] == [(4, 4), (12, 12)]


# what travels


def test_data_is_drawn_where_it_is_used(monkeypatch):
    """Neither way; and a plan that has drawn its worlds is pickled without them."""
    sent, back = [], []
    real = remote.train_away
    monkeypatch.setattr(remote, "train_away", lambda order, *rest: back.append(real(order, *rest)) or back[-1])
    monkeypatch.setattr(remote, "pack", lambda value, real=remote.pack: sent.append(real(value)) or sent[-1])
    with joblib.parallel_config("threading", n_jobs=2):
        away(n=50_000, lam=[0.0, 1.0], seeds=[0, 1], epochs=1, batch_size=50_000)
    data = 50_000 * 4 * 4
    assert len(back) >= 2
    assert max(map(len, sent + back)) < data / 10
    plan = sweeps.Plan(mtl.Soft, world, trunk(), {"n": 50_000}, [0])
    before = plan.draw(plan.datasets[0])
    copy = pickle.loads(pickle.dumps(plan))
    assert copy.drawn == {}
    assert len(pickle.dumps(plan)) < data / 10
    assert copy.draw(copy.datasets[0]).train.x.equal(before.train.x)


def test_a_worker_opens_a_plan_once_and_that_of_another_sweep_anew():
    plan = sweeps.Plan(mtl.Soft, world, trunk(), {}, [0])
    order, other = (remote.pack_plan(plan, None) for _ in range(2))
    first = remote.open_plan(order)[0]
    assert remote.open_plan(bytes(bytearray(order)))[0] is first
    assert remote.open_plan(other)[0] is not first


def test_a_world_that_is_another_at_a_worker_is_told(dask):
    def another(here=HERE, seed=0):
        return world(seed=seed + (os.getpid() != here))

    with pytest.warns(UserWarning, match="must draw the same from a seed"):
        away(drawn=another, seeds=[0])


# deaths


def deadly(folder, times):
    folder.mkdir()
    for number in range(times):
        (folder / str(number)).touch()
    return {"drawn": fragile, "deaths": str(folder), "here": HERE, "delta": [0.0, 1.0], "lam": [0.0, 1.0, 2.0]}


def test_a_sweep_outlives_a_worker(workers, tmp_path):
    arguments = deadly(tmp_path / "deaths", 1) | {"seeds": [0, 1]}
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = away(**arguments)
    assert not list((tmp_path / "deaths").iterdir())
    assert [str(one.message)[:17] for one in told] == ["a worker has died"] * (workers == "loky")  # Dask tries itself
    same(found, sweep(**arguments))


@pytest.mark.parametrize(("workers", "kept"), [("loky", True), ("dask", True), ("dask", False)], indirect=["workers"])
def test_a_chunk_whose_workers_always_die_ends_the_sweep(workers, kept, tmp_path, monkeypatch, request):
    monkeypatch.setattr(remote, "TIMES", 0)
    if workers == "dask":
        client = request.getfixturevalue("client")
        client.run_on_scheduler(lambda dask_scheduler: setattr(dask_scheduler, "allowed_failures", 0))
    arguments = deadly(tmp_path / "deaths", 99) | {"seeds": [0], "folder": tmp_path / "kept" if kept else None}
    words = r"died.* of 6 points are finished and kept in .*kept: the same line" if kept else "not kept; with folder="
    with pytest.raises(RuntimeError, match=words) as refused:
        away(**arguments)
    if kept:
        finished = int(str(refused.value).split(" of 6 points")[0].split()[-1])
        assert len(list((tmp_path / "kept").glob("*.pt"))) == finished
        for file in (tmp_path / "deaths").iterdir():
            file.unlink()
        with joblib.parallel_config("threading", n_jobs=2):
            same(away(**arguments), sweep(**(arguments | {"folder": None})))


# a folder, and Stop


def sent(monkeypatch):
    """How many chunks are sent, each time."""
    counts = []

    def counted(send, *arguments):
        counts.append(len(arguments[-1]))
        return send(*arguments)

    for name in ("over_joblib", "over_dask"):
        monkeypatch.setattr(remote, name, functools.partial(counted, getattr(remote, name)))
    return counts


def queued(client):
    """What the cluster has still to do."""
    return client.run_on_scheduler(
        lambda dask_scheduler: [
            key for key, task in dask_scheduler.tasks.items() if task.state not in ("memory", "erred")
        ]
    )


def test_a_stopped_sweep_keeps_what_has_finished_and_goes_on(workers, tmp_path, monkeypatch, capsys, request):
    arguments = {"lam": [0.0, 0.1, 1.0, INFINITY], "seeds": [0, 1], "folder": tmp_path}
    counts, real, answers = sent(monkeypatch), remote.read_answer, []

    def stopped(*arguments):
        if len(answers) == 2:
            raise KeyboardInterrupt
        answers.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(remote, "read_answer", stopped)
    cut = away(**arguments)
    assert len(cut.runs) == 4
    assert "Stopped: 4 of 8 copies" in capsys.readouterr().out
    assert len(list(tmp_path.glob("*.pt"))) == 4
    if workers == "dask":  # what was queued is taken back, and what was begun comes to its end
        deadline = time.monotonic() + 60
        while queued(request.getfixturevalue("client")):
            assert time.monotonic() < deadline
            time.sleep(0.1)
    monkeypatch.setattr(remote, "read_answer", real)
    with joblib.parallel_config("threading", n_jobs=2):
        whole = away(**arguments)
        assert counts == [4, 2]  # chunks of two copies
        same(whole, sweep(**(arguments | {"folder": None})))
        same(sweep(**arguments), whole)
        away(**arguments)
    assert counts == [4, 2]


def slow(folder, delta=0.0, seed=0):
    """A world that takes a while, and leaves a mark."""
    (folder / str(seed)).touch()
    time.sleep(1)
    return world(seed=seed)


def test_what_was_not_begun_when_it_was_stopped_is_taken_back(dask, client, tmp_path, monkeypatch):
    def stopped(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(remote, "read_answer", stopped)
    away(drawn=functools.partial(slow, tmp_path), lam=[0.1], seeds=range(24))
    deadline = time.monotonic() + 60
    while queued(client):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert 1 < len([*tmp_path.iterdir()]) < 20


def test_what_a_folder_has_of_a_chunk_is_not_sent(tmp_path, monkeypatch):
    sweep(lam=0.0, seeds=[0], folder=tmp_path)
    trained = []
    real = loop.train

    def train(model, *arguments):
        trained.append(model.copies)
        yield from real(model, *arguments)

    monkeypatch.setattr("mtl_lesson.training.runs.train", train)
    with joblib.parallel_config("threading", n_jobs=2):
        found = away(lam=[0.0, 1.0], seeds=[0, 1], folder=tmp_path)
    assert sum(trained) == 3
    same(found, sweep(lam=[0.0, 1.0], seeds=[0, 1]))


class AtTheEnd(ThreadingBackend):
    supports_return_generator = False


def test_a_backend_that_hands_over_at_the_end_says_so():
    joblib.register_parallel_backend("at the end", AtTheEnd)
    with joblib.parallel_config("at the end", n_jobs=2), pytest.warns(UserWarning, match="everything over at the end"):
        found = away(lam=[0.0, 1.0], seeds=[0, 1])
    same(found, sweep(lam=[0.0, 1.0], seeds=[0, 1]))


def test_one_worker_is_enough():
    with joblib.parallel_config("loky", n_jobs=1):
        same(away(lam=[0.0, 1.0], seeds=[0, 1]), sweep(lam=[0.0, 1.0], seeds=[0, 1]))


# what is refused


def test_another_backend_is_refused():
    with pytest.raises(ValueError, match=r"None or 'joblib', not 'dask'.*parallel_config"):
        sweep(backend="dask", seeds=[0])


def locked(draw, lock, seed=0):
    return draw(seed=seed)


class Locked(nn.Linear):
    def __init__(self):
        super().__init__(4, 3)
        self.lock = threading.Lock()

    def __deepcopy__(self, memo):
        return Locked()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"drawn": functools.partial(locked, world, threading.Lock())}, "the world cannot be sent.*lock"),
        ({"layers": nn.Sequential(Locked())}, "the trunk cannot be sent.*lock"),
        ({"drawn": locked, "draw": world, "lock": threading.Lock()}, "an axis cannot be sent.*lock"),
    ],
)
def test_what_cannot_be_pickled_is_refused_before_anything_is_sent(change, words, monkeypatch):
    counts = sent(monkeypatch)
    with pytest.raises(TypeError, match=words):
        away(mtl.Hard, seeds=[0], **change)
    assert counts == []


def test_workers_must_be_alike(dask, monkeypatch):
    monkeypatch.setattr(remote, "versions", lambda real=remote.versions: real() | {"PyTorch": "1.0"})
    with pytest.raises(ValueError, match=r"a worker has PyTorch 2.*started with 1\.0"):
        away(seeds=[0])


def test_a_folder_is_for_one_kind_of_device():
    alike = remote.versions()
    remote.check_alike(alike)
    remote.check_alike(alike | {"folder": "cpu"})
    with pytest.raises(ValueError, match=r"trains on cpu.*trained on cuda"):
        remote.check_alike(alike | {"folder": "cuda"})


def test_a_module_that_a_worker_does_not_have_is_named(monkeypatch, tmp_path):
    (tmp_path / "only_here.py").write_text("def world(seed): return None")
    monkeypatch.syspath_prepend(tmp_path)
    import only_here

    order = remote.pack((only_here.world, None, None))
    monkeypatch.delitem(sys.modules, "only_here")
    monkeypatch.setattr("sys.path", [path for path in sys.path if path != str(tmp_path)])
    with pytest.raises(ImportError, match=r"only_here.*on every machine"):
        remote.open_plan(order)


def test_an_error_at_a_worker_is_raised_here(dask):
    def broken(here=HERE, seed=0):
        if os.getpid() != here:
            raise ZeroDivisionError("on purpose")
        return world(seed=seed)

    with pytest.raises(ZeroDivisionError, match="on purpose"):
        away(drawn=broken, seeds=[0])
