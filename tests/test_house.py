"""The house around the package: set-up, environment.yml, the learner's desk, the wheel, the files in the repository."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import desk
import nbformat
import pytest
import yaml
from nbformat.v4 import new_code_cell, new_notebook, new_output
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


# environment.yml

CONDA_NAMES = {"torch": "pytorch", "matplotlib": "matplotlib-base"}  # PyPI: conda-forge, where they differ


def test_conda_has_the_names_and_bounds_of_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    python, pip, *conda, of_pip = environment["dependencies"]
    assert of_pip == {"pip": ["-e ."]}, "pip installs the package, and finds the rest in place"
    assert pip == "pip"
    expected = {
        CONDA_NAMES.get(need.name, need.name): need.specifier for need in map(Requirement, PROJECT["dependencies"])
    }
    assert {need.name: need.specifier for need in map(Requirement, conda)} == expected
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]


# make

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def house(tmp_path):
    """A folder with the Makefile alone; returns a function that runs make there."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}

    def make(*arguments, **variables):
        return subprocess.run(
            ["make", *arguments], cwd=tmp_path, env=clean | variables, capture_output=True, text=True, timeout=60
        )

    make.folder = tmp_path
    return make


def script(path, text):
    """Write an executable shell script."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


TOO_OLD = 'case "$2" in *print*) echo 3.9.18;; *) exit 1;; esac'
NO_VENV = 'case "$2" in *ensurepip*) exit 1;; *print*) echo python3.12-venv;; esac'


@needs_make
@pytest.mark.parametrize(
    ("interpreter", "words"),
    [(None, ["No Python found", "3.11"]), (TOO_OLD, ["3.9.18 is too old", "3.11"]), (NO_VENV, ["python3.12-venv"])],
)
@pytest.mark.parametrize("target", ["lab", "test"])
def test_without_a_usable_python_one_line_says_what_to_install(house, target, interpreter, words):
    python = house.folder / "bin" / "python"
    if interpreter:
        script(python, interpreter)
    done = house(target, f"PYTHON={python}")
    assert done.returncode != 0
    said = [line for line in (done.stdout + done.stderr).splitlines() if not line.startswith("make:")]
    assert len(said) == 1
    assert "install" in said[0]
    assert all(word in said[0] for word in words)


# A .venv whose python records what it is asked to do, and fails at what $FAIL says.
RECORDER = 'echo "$@" >> calls\ncase "$*" in *print*) echo True;; *"${FAIL:-nothing}"*) exit 3;; esac'


@needs_make
def test_the_set_up_is_done_once_and_again_when_it_must(house):
    script(house.folder / ".venv" / "bin" / "python", RECORDER)
    calls = house.folder / "calls"

    def installs():
        calls.write_text("")
        assert house("setup").returncode == 0
        return calls.read_text().count("pip install")

    assert installs() == 1  # a .venv made by hand is taken over
    assert installs() == 0
    with (house.folder / "pyproject.toml").open("a") as file:
        file.write("\n# changed\n")
    assert installs() == 1
    calls.write_text("")
    (house.folder / "pyproject.toml").write_text("changed again")
    assert house("setup", FAIL="pip install").returncode != 0
    assert installs() == 1  # what did not finish is not taken for done


@needs_make
def test_a_broken_venv_is_built_again(house):
    script(house.folder / ".venv" / "bin" / "python", RECORDER)
    assert house("setup").returncode == 0
    script(house.folder / ".venv" / "bin" / "python", "exit 127")
    whole = script(house.folder / "whole", RECORDER)
    python = script(house.folder / "bin" / "python", 'case "$*" in *venv*.venv) cp whole .venv/bin/python;; esac')
    done = house("setup", f"PYTHON={python}")
    assert done.returncode == 0, done.stderr
    assert "Building .venv" in done.stdout
    assert (house.folder / ".venv" / "bin" / "python").read_text() == whole.read_text()


@needs_make
@pytest.mark.parametrize("part", ["-m ruff check", "-m not browser", "--nbval", "-m browser"])
def test_make_test_fails_if_any_part_fails(house, part):
    script(house.folder / ".venv" / "bin" / "python", RECORDER)
    whole = house("test")
    assert whole.returncode == 0
    assert "Everything passed" in whole.stdout
    broken = house("test", FAIL=part)
    assert broken.returncode != 0
    assert "Everything passed" not in broken.stdout


def test_the_stages_of_make_test_cover_all_tests():
    """What is deselected in one stage runs in another."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert '-m "not browser" tests' in recipe
    assert "-m browser tests" in recipe


# The learner's desk


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A notebooks folder with one built lesson and its picture; returns where the learner works."""
    cell = new_code_cell("print(1)", execution_count=1, outputs=[new_output("stream", name="stdout", text="1\n")])
    nbformat.write(new_notebook(cells=[cell]), tmp_path / "00_start.ipynb")
    (tmp_path / "map.png").write_bytes(b"a picture")
    monkeypatch.setattr(desk, "NOTEBOOKS", tmp_path)
    return tmp_path / "work"


def test_the_desk_holds_clean_copies(shelf):
    assert [path.name for path in desk.lay_out(shelf)] == ["00_start.ipynb", "map.png"]
    (cell,) = nbformat.read(shelf / "00_start.ipynb", as_version=4).cells
    assert (cell.source, cell.outputs, cell.execution_count) == ("print(1)", [], None)
    assert (shelf / "map.png").read_bytes() == b"a picture"


def test_what_the_learner_wrote_is_never_overwritten(shelf):
    desk.lay_out(shelf)
    mine = shelf / "00_start.ipynb"
    mine.write_text("my work", encoding="utf-8")
    assert desk.lay_out(shelf) == []
    copies = [desk.fresh("0", shelf), desk.fresh("00", shelf)]
    assert [path.name for path in copies] == ["00_start_fresh.ipynb", "00_start_fresh_2.ipynb"]
    assert mine.read_text(encoding="utf-8") == "my work"
    with pytest.raises(FileExistsError):
        desk.copy_clean(shelf.parent / "00_start.ipynb", mine)


@pytest.mark.parametrize("number", ["", "07", "../00", "start"])
def test_a_fresh_copy_of_no_lesson_is_refused(shelf, number):
    with pytest.raises(ValueError, match=r"there is no lesson .* 00"):
        desk.fresh(number, shelf)
    assert not shelf.exists()


@pytest.mark.parametrize("user", [0, 1000])
@pytest.mark.parametrize("display", [{}, {"DISPLAY": ":0"}, {"WAYLAND_DISPLAY": "wayland-0"}])
def test_jupyterlab_is_told_about_root_and_the_display(monkeypatch, user, display):
    monkeypatch.setattr(os, "geteuid", lambda: user, raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in display.items():
        monkeypatch.setenv(name, value)
    options = desk.command()
    assert ("--allow-root" in options) == (user == 0)
    assert ("--no-browser" in options) == (not display)
    assert not any("token" in option or "password" in option for option in options)


# The wheel


USE = """
import sys
opened = []
sys.addaudithook(lambda event, args: opened.append(str(args[0])) if event == "open" else None)
import mtl_lesson
world = mtl_lesson.data.questions(n_train=10)
assert len(world.train) == 10
print(mtl_lesson.__file__)
print([path for path in opened if path.startswith(sys.argv[1]) and not path.startswith(sys.prefix)])
"""


def test_an_installed_wheel_works_from_another_folder(tmp_path):
    """Data included, and with nothing read from the repository."""
    run = {"check": True, "capture_output": True, "text": True, "timeout": 300}
    python = [sys.executable, "-m"]
    subprocess.run([*python, "hatchling", "build", "-t", "wheel", "-d", tmp_path], cwd=ROOT, **run)
    (wheel,) = tmp_path.glob("mtl_lesson-*.whl")
    target, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    install = ["pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--no-index"]
    subprocess.run([*python, *install, "--target", target, wheel], **run)
    elsewhere.mkdir()
    environment = os.environ | {"PYTHONPATH": str(target)}
    done = subprocess.run([sys.executable, "-c", USE, str(ROOT)], cwd=elsewhere, env=environment, **run)
    where, from_the_repository = done.stdout.splitlines()
    assert Path(where).is_relative_to(target)
    assert from_the_repository == "[]"


# The repository


@pytest.fixture(scope="module")
def files():
    """The files git tracks or would track."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is not a git clone")
    command = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_the_repository_is_small(files):
    sizes = {path: path.stat().st_size for path in files}
    assert max(sizes.values()) < 10e6, max(sizes, key=sizes.get)
    assert sum(sizes.values()) < 40e6


def test_no_file_mentions_the_machine_it_was_written_on(files):
    of_a_machine = re.compile(r"(?<![\w.~}])/(?:home|root|Users|work|mnt|tmp)/[\w.]")
    found = []
    for path in files:
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # a picture
        found += [f"{path.relative_to(ROOT)}: {text[at.start() :][:60]!r}" for at in of_a_machine.finditer(text)]
    assert found == []


def test_the_readme_runs_as_a_library(capsys, tmp_path, monkeypatch):
    """The lines a user would copy are run as they stand, with fewer epochs."""
    monkeypatch.chdir(tmp_path)
    code = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)[1]
    assert code.count("epochs=") == 2
    exec(compile(re.sub(r"epochs=\d+", "epochs=1, progress=False", code), "README.md", "exec"), {})
    said = capsys.readouterr().out
    assert "garment" in said
    assert [line.split()[0] for line in said.splitlines()[-5:]] == ["0.000", "0.001", "0.010", "0.100", "inf"]
    assert len(list((tmp_path / "work" / "path").glob("*.pt"))) == 15
    assert (tmp_path / "path.png").exists()
