"""Importing the package is cheap and changes nothing in the process."""

import ast
import collections
import json
import subprocess
import sys
from pathlib import Path

import pytest

import mtl_lesson as mtl

LOOK = """
import json, os, random, signal, sys, warnings
import numpy, torch
def state():
    return [dict(os.environ), list(map(str, warnings.filters)), torch.get_num_threads(), torch.get_rng_state().tolist(),
            str(random.getstate()), str(numpy.random.get_state()), str(torch.get_default_dtype()),
            str(signal.getsignal(signal.SIGINT)), torch.is_grad_enabled(), sys.getswitchinterval()]
before = state()
import mtl_lesson
from mtl_lesson import nets, tasks, sharing, training, data
told = [now for was, now in zip(before, state()) if was != now]
from mtl_lesson.training import hardware
print(json.dumps([told, sorted(sys.modules), hardware.prepare.cache_info().currsize]))
"""


@pytest.fixture(scope="module")
def imported():
    """What an import of the science has changed, which modules it has loaded, and whether it has prepared training."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", LOOK], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def test_importing_changes_nothing(imported):
    changed, _, prepared = imported
    assert changed == []
    assert prepared == 0


@pytest.mark.parametrize(
    "library",
    [
        "captum",
        "sklearn",
        "torch._dynamo",
        "torchvision",
        "ipywidgets",
        "anywidget",
        "scipy.stats",
        "scipy.optimize",
        "joblib",
        "matplotlib.pyplot",
        "networkx",
    ],
)
def test_what_is_seldom_needed_is_loaded_where_it_is_used(imported, library):
    assert library not in imported[1]


def test_the_bare_import_loads_no_part():
    script = "import sys, mtl_lesson; print([name for name in sys.modules if name.startswith('mtl_lesson.')])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_name_is_there_and_no_other():
    assert set(mtl.__all__) <= set(dir(mtl))
    for name in mtl.__all__:
        assert getattr(mtl, name) is getattr(mtl, name)
    assert mtl.Hard is mtl.sharing.Hard
    with pytest.raises(AttributeError, match="Sofd"):
        _ = mtl.Sofd
    namespace = {}
    exec("from mtl_lesson import *", namespace)
    assert set(mtl.__all__) <= set(namespace)


CLASSROOM = {"checks", "reports", "show", "widgets", "words"}
PACKAGE = Path(mtl.__file__).parent
FILES = [path.relative_to(PACKAGE) for path in sorted(PACKAGE.rglob("*.py")) if path != PACKAGE / "__init__.py"]
SCIENCE = [path for path in FILES if path.name != "__main__.py" and path.parts[0].removesuffix(".py") not in CLASSROOM]


def imported_by(path):
    """The parts of the package that a file imports, wherever in it."""
    for node in ast.walk(ast.parse((PACKAGE / path).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            package = ["mtl_lesson", *path.parts[:-1]]
            start = package[: len(package) + 1 - node.level] if node.level else []
            start += node.module.split(".") if node.module else []
            names = [[*start, alias.name] for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name.split(".") for alias in node.names]
        else:
            continue
        yield from (name[1] for name in names if name[0] == "mtl_lesson" and len(name) > 1)


# in the order in which things happen: a part imports only from parts before it
ORDER = [
    "arguments",
    "chance",
    "tasks",
    "nets",
    "data",
    "provenance",
    "linear",
    "sharing",
    "weighting",
    "training",
    "evidence",
    "inspection",
    "bank",
    "words",
    "show",
    "widgets",
    "checks",
    "reports",
    "__main__",
]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_a_part_imports_only_from_parts_before_it(path):
    part = path.parts[0].removesuffix(".py")
    assert part in ORDER
    assert {other for other in imported_by(path) if other in ORDER} <= set(ORDER[: ORDER.index(part) + 1])


@pytest.mark.parametrize("path", SCIENCE, ids=str)
def test_science_knows_nothing_of_a_screen(path):
    assert CLASSROOM.isdisjoint(imported_by(path))


# name → why two modules may define it: a notebook calls both, each by the name of its part
PAIRS = {
    "arrows": "show.arrows draws what widgets.arrows lets one move",
    "gradient_cosine": "checks.gradient_cosine is the exercise to write what inspection.gradient_cosine does",
    "graph": "show.graph draws any graph, and nets.graph is a trunk that passes messages along one",
    "load": "bank.load reads a stored table, mtl.load finds a trained model that was kept in a file",
    "microscope": "show.microscope draws what widgets.microscope lets one move",
    "overlap": "data.overlap sets which examples tasks have in common, shared_private.overlap measures two features'",
    "probe_matrix": "show.probe_matrix draws what inspection.probe_matrix measures",
    "schools": "show.schools draws the schools of the world data.schools",
    "solve": "closed_form, graph, trace_norm and low_rank each solve for what their module is called by",
    "task_arithmetic": "checks.task_arithmetic is the exercise to write what mtl.merge does to the trunks' weights",
    "training_step": "checks.solutions.training_step is our answer to the exercise checks.training_step",
    "transplant": "checks.solutions.transplant is our answer to the exercise checks.transplant",
}


def test_a_name_has_one_meaning():
    places = collections.defaultdict(list)
    for path in FILES:
        for node in ast.parse((PACKAGE / path).read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                places[node.name].append(path.as_posix())
    twice = {name: where for name, where in places.items() if len(where) > 1}
    assert {name: where for name, where in twice.items() if name not in PAIRS} == {}
    assert set(PAIRS) <= set(twice)  # what is no longer there twice goes from the list
