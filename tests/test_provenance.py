"""A folder of finished copies is used only where nothing has changed that decides the result."""

import gc
import subprocess
import sys
import textwrap
import threading
import warnings

import numpy as np
import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.provenance import describe, parsed

BLOCK = """
import torch
from torch import nn
SCALE = 2.0
def helper(x):
    return x.relu()
class Base(nn.Module):
    def finish(self, x):
        return x + 1
class Block(Base):
    def __init__(self):
        super().__init__()
        self.inside, self.power = nn.Linear(4, 6), 1
        self.act = lambda x: x * SCALE
    def forward(self, x):
        '''A docstring.'''
        return self.finish(self.act(helper(self.inside(x)))) ** self.power  # a comment
"""

EDITS = {
    "its body": ("** self.power", "** (self.power + 1)"),
    "a helper of another cell": ("x.relu()", "x.tanh()"),
    "a constant of another cell": ("SCALE = 2.0", "SCALE = 3.0"),
    "a parent": ("x + 1", "x - 1"),
    "what it holds": ("nn.Linear(4, 6), 1", "nn.Linear(4, 6), 2"),
    "a function it holds": ("lambda x: x * SCALE", "lambda x: x / SCALE"),
}


def cell(source, name="Block"):
    """What a cell of a notebook defines."""
    namespace = {"__name__": "__main__"}
    exec(compile(source, "<cell>", "exec"), namespace)
    return namespace[name]


def world(seed=0):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(32, 4, generator=draw)
    split = Split(x, {"much": x[:, 0].square()})
    return World("tiny", (mtl.Regression("much"),), split, split, split)


def sweep(folder, block, way=mtl.Hard, drawn=None, **options):
    trunk = nn.Sequential(block, nn.Linear(6, 3))
    return mtl.sweep(
        way,
        drawn or world(),
        trunk=trunk,
        seeds=[0],
        folder=folder,
        **({"epochs": 2, "batch_size": 8, "lr": 0.01, "progress": False} | options),
    ).runs[(0,)]


def weights(run):
    return torch.cat([parameter.detach().flatten() for parameter in run.model.parameters()])


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_an_edited_block_is_trained_afresh(tmp_path, edit):
    """Same name, same repr, another function: the old network used to come back."""
    edited = BLOCK.replace(*edit)
    assert edited != BLOCK
    sweep(tmp_path, cell(BLOCK)())
    found = sweep(tmp_path, cell(edited)())
    afresh = sweep(tmp_path / "other", cell(edited)())
    assert found.history.equals(afresh.history)
    assert torch.equal(weights(found), weights(afresh))
    assert len(list(tmp_path.glob("*.pt"))) == 2


def test_the_same_block_run_again_is_found(tmp_path, monkeypatch):
    sweep(tmp_path, cell(BLOCK)())
    monkeypatch.setattr("mtl_lesson.training.sweeps.train_copies", lambda *a, **k: pytest.fail("trained"))
    sweep(tmp_path, cell(BLOCK.replace("# a comment", "# other words"))())
    torch.manual_seed(99)
    sweep(tmp_path, cell("\n\n" + BLOCK)())


LOSSES = """
import mtl_lesson as mtl
class Huber(mtl.Regression):
    def losses(self, outputs, labels):
        return (outputs.squeeze(-1) - labels).abs() * 1.0
"""
WAY = """
import mtl_lesson as mtl
class Parent(mtl.Hard):
    def head_drawn_as(self, task):
        return "one"
class Mine(Parent):
    pass
"""


def test_an_edited_task_and_a_parent_of_the_way_count(tmp_path):
    def asked(source):
        drawn = world()
        return World("tiny", (cell(source, "Huber")("much"),), drawn.train, drawn.validation, drawn.test)

    block = cell(BLOCK)()
    for number, source in enumerate((LOSSES, LOSSES.replace("* 1.0", "* 2.0"), LOSSES), 1):
        sweep(tmp_path, block, drawn=asked(source))
        assert len(list(tmp_path.glob("*.pt"))) == min(number, 2)
    for number, source in enumerate((WAY, WAY.replace('"one"', '"two"'), WAY), 1):
        sweep(tmp_path, block, way=cell(source, "Mine"))
        assert len(list(tmp_path.glob("*.pt"))) == 2 + min(number, 2)


@pytest.mark.parametrize("change", [{"lr": 0.02}, {"epochs": 3}, {"precision": "float64"}, {"drawn": world(1)}])
def test_settings_and_data_count(tmp_path, change):
    block = cell(BLOCK)()
    sweep(tmp_path, block)
    sweep(tmp_path, block, **change)
    assert len(list(tmp_path.glob("*.pt"))) == 2


@pytest.mark.parametrize("what", ["torch.__version__", "numpy.__version__"])
def test_versions_and_the_loop_count(tmp_path, what, monkeypatch):
    block = cell(BLOCK)()
    sweep(tmp_path, block)
    with monkeypatch.context() as patch:
        patch.setattr(what, "0.0")
        sweep(tmp_path, block)
    assert len(list(tmp_path.glob("*.pt"))) == 2
    monkeypatch.setattr("mtl_lesson.training.store.course", lambda module: "edited")
    sweep(tmp_path, block)
    assert len(list(tmp_path.glob("*.pt"))) == 3


def test_numbers_of_numpy_are_those_of_python(tmp_path, monkeypatch):
    options = {"trunk": nn.Sequential(nn.Linear(4, 3)), "folder": tmp_path, "epochs": 1, "progress": False}
    mtl.sweep(mtl.Soft, world(), lam=[0.5], seeds=[1], **options)
    monkeypatch.setattr("mtl_lesson.training.sweeps.train_copies", lambda *a, **k: pytest.fail("trained"))
    mtl.sweep(mtl.Soft, world(), lam=np.array([0.5]), seeds=np.array([1]), lr=np.float64(0.001), **options)


def test_what_cannot_be_told_from_another_is_never_taken_from_the_folder(tmp_path):
    class Holds(nn.Module):
        def __init__(self):
            super().__init__()
            self.inside, self.source = nn.Linear(4, 6), (number for number in range(3))

        def forward(self, x):
            return self.inside(x)

        def __deepcopy__(self, memo):
            return Holds()

    with pytest.warns(UserWarning, match="generator .* cannot be told from another"):
        sweep(tmp_path, Holds())
    assert not list(tmp_path.glob("*.pt"))


def test_a_file_that_is_something_else_counts_as_none(tmp_path):
    block = cell(BLOCK)()
    expected = sweep(tmp_path, block)
    (file,) = tmp_path.glob("*.pt")
    others = {"history": "[]", "weights": {}, "precision": "float32"}, torch.zeros(2)
    for content in ({"weights": 3}, [1], *others):
        torch.save(content, file)
        assert torch.equal(weights(sweep(tmp_path, block)), weights(expected))


def test_statistics_come_back_from_the_folder(tmp_path):
    block = nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6))
    first, again = sweep(tmp_path, block), sweep(tmp_path, block)
    assert first.test() == again.test()
    assert all(torch.equal(a, b) for a, b in zip(first.model.buffers(), again.model.buffers(), strict=True))


class Scale(nn.Module):
    """Weights that are set and not drawn."""

    def __init__(self, scale):
        super().__init__()
        self.scale = nn.Parameter(torch.full((6,), scale))

    def forward(self, x):
        return x * self.scale


def test_weights_that_are_set_count(tmp_path):
    one, other = (nn.Sequential(nn.Linear(4, 6), Scale(value)) for value in (1.0, 3.0))
    sweep(tmp_path, one)
    assert torch.equal(weights(sweep(tmp_path, other)), weights(sweep(None, other)))


def test_drawn_weights_of_a_template_do_not_count(tmp_path):
    for _ in range(2):
        sweep(tmp_path, nn.Linear(4, 6))
    assert len(list(tmp_path.glob("*.pt"))) == 1


class Keeps(nn.Linear):
    def get_extra_state(self):
        return {"calls": 1}

    def set_extra_state(self, state):
        pass


class Chance(nn.Linear):
    def __init__(self):
        super().__init__(4, 6)
        self.rng, self.add = np.random.default_rng(0), np.add


@pytest.mark.parametrize("kind", [lambda: Keeps(4, 6), Chance])
def test_whatever_a_layer_keeps_a_sweep_with_a_folder_ends(tmp_path, kind):
    first = sweep(tmp_path, kind())
    assert torch.equal(weights(sweep(tmp_path, kind())), weights(first))
    assert len(list(tmp_path.glob("*.pt"))) == 1


SAME = {
    "block": BLOCK + "value = Block",
    "sets": "value = [{'b', 'a', 3}, frozenset('xyz'), lambda x: x in {'p', 'q', 7}]",
    "closure": "def make(n):\n    def inner(x):\n        return x + n\n    return inner\nvalue = make(3)",
    "recursive": "def f(x):\n    return f(x - 1) if x else g(x)\ndef g(x):\n    return f(x)\nvalue = f",
    "partial": "import functools, operator\nvalue = functools.partial(operator.mul, 3)",
    "data": "from dataclasses import dataclass\n@dataclass\nclass D:\n    x: int = 3\nvalue = D(4)",
}


@pytest.mark.parametrize("source", SAME.values(), ids=SAME)
def test_a_description_is_the_same_in_every_process(source):
    script = textwrap.dedent("""
        import sys
        from mtl_lesson.provenance import describe
        namespace = {"__name__": "__main__"}
        exec(compile(sys.argv[1], f"<cell {sys.argv[2]}>", "exec"), namespace)
        print(describe(namespace["value"]))
    """)
    found = {
        subprocess.run(
            [sys.executable, "-c", script, source, seed],
            env={"PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(found) == 1


def test_a_description_differs_where_something_that_counts_does():
    cells = [
        np.arange(3),
        np.arange(3.0),
        np.arange(6).reshape(2, 3),
        torch.arange(3),
        torch.arange(3).float(),
        [1, 2],
        (1, 2),
        {1: 2},
        {2: 1},
        {1, 2},
        "1",
        1,
        1.0,
        True,
        None,
        nn.ReLU(),
        nn.ReLU(inplace=True),
        nn.Linear(2, 2),
        nn.Linear(2, 2, bias=False),
        nn.Conv2d(1, 1, 3, padding=1),
        nn.Conv2d(1, 1, 3),
        nn.ReLU,
        nn.Tanh,
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [describe(one) for one in cells]
    assert len(set(found)) == len(cells)
    x = torch.randn(3, 4)
    assert describe(x.T.contiguous().T) == describe(x)
    circle = [1]
    circle.append(circle)
    assert describe(circle)


class Unlucky:
    """What the collector of garbage comes upon in the middle of something else, and lets another thread run."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        sum(range(200))


def test_several_threads_may_ask_where_code_comes_from():
    """Python 3.11's parser counts its depth for all threads together: chunks of a sweep could fail by chance."""
    source = "x = " + "+".join(f"(f{i}(y[{i}]))" for i in range(60))
    failed, threshold, interval = [], gc.get_threshold(), sys.getswitchinterval()

    def ask(thread):
        for number in range(60):
            garbage = [Unlucky() for _ in range(50)]
            try:
                parsed(f"{source}  # {thread}, {number}")
            except SystemError as error:
                failed.append(str(error))
            del garbage

    threads = [threading.Thread(target=ask, args=(thread,)) for thread in range(2)]
    try:
        gc.set_threshold(1)
        sys.setswitchinterval(1e-6)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        gc.set_threshold(*threshold)
        sys.setswitchinterval(interval)
    assert failed == []
