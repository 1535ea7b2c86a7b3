"""The house around the package: set-up, environment.yml, the learner's desk, the wheel, the files in the repository."""

import errno
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
import tomllib
from pathlib import Path

import desk
import machines
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
NOT_IN_CONDA = {"torchjd"}  # pip installs it with the package


def test_conda_has_the_names_and_bounds_of_pyproject():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge", "nodefaults"]
    python, pip, *conda, of_pip = environment["dependencies"]
    assert of_pip == {"pip": ["-e ."]}, "pip installs the package, and finds the rest in place"
    assert pip == "pip"
    needs = {need.name: need for need in map(Requirement, PROJECT["dependencies"])}
    assert set(needs) >= NOT_IN_CONDA
    expected = {CONDA_NAMES.get(name, name): needs[name].specifier for name in set(needs) - NOT_IN_CONDA}
    assert {need.name: need.specifier for need in map(Requirement, conda)} == expected
    assert python.removeprefix("python=") in SpecifierSet(PROJECT["requires-python"])


def test_versions_agree():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"]


def test_the_code_is_laid_out_by_the_formatter():
    done = subprocess.run([sys.executable, "-m", "ruff", "format", "--check", "--quiet", "."], cwd=ROOT)
    assert done.returncode == 0, "run python -m ruff format"
    skipped = [path for path in ROOT.glob("*/**/*.py") if ".venv" not in path.parts and path.name != "test_house.py"]
    assert [path for path in skipped if "# fmt: skip" in path.read_text(encoding="utf-8")] == []


# make

needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


@pytest.fixture
def house(tmp_path):
    """A folder with the Makefile alone; returns a function that runs make there."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    of_make = ("MAKE", "MFLAGS", "OMP_", "MTL_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(of_make)}

    def make(*arguments, **variables):
        return subprocess.run(
            ["make", *arguments],
            cwd=tmp_path,
            env=clean | variables,
            capture_output=True,
            text=True,
            timeout=60,
            start_new_session=True,  # so that a Ctrl-C in a test stays there
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
RECORD = 'echo "$OMP_NUM_THREADS,$MTL_THREADS,$MTL_PREDICTIONS $@" >> calls\n'
RECORDER = RECORD + 'case "$*" in *print*) echo True;; *"${FAIL:-nothing}"*) exit 3;; esac'


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


TITLES = [
    "1 of 4: the style of the code",
    "2 of 4: the package and the house",
    "3 of 4: the notebooks, every output against the stored one",
    "4 of 4: the lessons in JupyterLab",
]


def steps(house):
    """What the steps of make test have run since they were last asked for, each with its variables."""
    calls = house.folder / "calls"
    made = [line for line in calls.read_text().splitlines() if " -m ruff" in line or " -m pytest" in line]
    calls.unlink()
    return made


@needs_make
@pytest.mark.parametrize(
    ("fail", "failing"),
    [("-m ruff check", [0]), ("-m not browser", [1]), ("--nbval ", [2]), ("-m browser", [3]), ("-m pytest", [1, 2, 3])],
)
def test_make_test_goes_on_after_a_failure_and_names_it_at_the_end(house, fail, failing):
    script(house.folder / ".venv" / "bin" / "python", RECORDER)
    whole = house("test")
    assert whole.returncode == 0
    assert whole.stdout.splitlines()[-5:] == [*TITLES, "Everything passed"]
    of_the_whole = steps(house)
    assert len(of_the_whole) == 4
    broken = house("test", FAIL=fail)
    assert broken.returncode != 0
    assert broken.stdout.splitlines()[-4:] == TITLES
    assert steps(house) == of_the_whole
    said = [line for line in broken.stderr.splitlines() if not line.startswith("make:")]
    assert said == ["These steps failed:", *(f"  {TITLES[step]}" for step in failing)]


@needs_make
def test_each_step_of_make_test_has_its_threads_and_workers(house):
    script(house.folder / ".venv" / "bin" / "python", RECORDER)
    assert house("test").returncode == 0
    style, code, notebooks, browser = steps(house)
    assert style.startswith(",, -m ruff check")
    assert code.startswith("1,, -m pytest -n 2 --dist loadfile")
    assert notebooks.startswith("1,1,off -m pytest -n 2 --dist loadfile --nbval ")
    assert browser.startswith(",, -m pytest -m browser")


@needs_make
@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_ctrl_c_ends_make_test_and_not_one_step_of_it(house, shell):
    """Pytest, as the process here, takes the signal and ends with a status of its own; some shells would go on."""
    if shutil.which(shell) is None:
        pytest.skip(f"there is no {shell}")
    stopped = RECORDER + '\ncase "$*" in *"-m not browser"*) trap "" INT; kill -INT 0; sleep 0.2; exit 2;; esac'
    script(house.folder / ".venv" / "bin" / "python", stopped)
    assert house("test", f"SHELL={shutil.which(shell)}").returncode != 0
    time.sleep(0.5)  # make is gone; its shell may not be
    assert len(steps(house)) == 2


def test_the_stages_of_make_test_cover_all_tests():
    """What is deselected in one stage runs in another."""
    recipe = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert '-m "not browser" tests' in recipe
    assert "-m browser tests" in recipe


@needs_make
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
@pytest.mark.parametrize(
    ("fail", "status"), [("neither", 0), ("ci", 1), ("test", 1), ("test-machines", 1), ("test-tools", 1)]
)
def test_the_continuous_integration_runs_all_its_commands(tmp_path, fail, status):
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "run", tmp_path / ".ci")
    script(tmp_path / "bin" / "chromium", "")
    record = 'echo "$MTL_REQUIRE_BROWSER $@ " >> calls\ncase " $* " in *" $FAIL "*) exit 2;; esac'
    for name in ("make", "npx"):
        script(tmp_path / "bin" / name, record)
    path = f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "FAIL": fail, "MTL_REQUIRE_BROWSER": ""}
    done = subprocess.run([tmp_path / ".ci" / "run"], env=environment, timeout=60)
    assert done.returncode == status
    assert (tmp_path / "calls").read_text().splitlines() == [
        " --yes @biomejs/biome@2.6.8 --version ",
        " --yes @biomejs/biome@2.6.8 ci mtl_lesson/widgets ",
        "1 test ",
        " test-machines MACHINES=bfloat16 default ",
        " test-tools ",
    ]


@needs_make
def test_what_needs_more_is_left_out_of_make_test_and_has_a_target_of_its_own(house):
    script(house.folder / ".venv" / "bin" / "python", RECORDER)
    assert house("test").returncode == 0
    assert "--ignore=notebooks/extra/keras_and_lightning.ipynb notebooks" in steps(house)[2]
    assert house("test-tools").returncode == 0
    calls = (house.folder / "calls").read_text().splitlines()
    assert [call for call in calls if "pip install" in call][-1].endswith("--editable .[tools]")
    code, notebook = [call for call in calls if " -m pytest" in call]
    assert code == "1,, -m pytest tests/test_keras_and_lightning.py"
    assert notebook.endswith("--nbval-cell-timeout 300 notebooks/extra/keras_and_lightning.ipynb")


# Other machines


@needs_make
def test_make_hands_the_names_of_the_machines_on(house):
    script(house.folder / ".venv" / "bin" / "python", RECORDER)
    assert house("test-machines", "MACHINES=bfloat16 default").returncode == 0
    assert house("test-machines").returncode == 0
    asked = [line for line in (house.folder / "calls").read_text().splitlines() if "machines.py" in line]
    assert [line.partition(" ")[2] for line in asked] == ["tests/machines.py bfloat16 default", "tests/machines.py"]


def test_an_unknown_machine_is_refused_before_any_is_run(capsys, monkeypatch):
    monkeypatch.setattr(machines, "passes", lambda name: pytest.fail("it was run"))
    assert machines.main(["bfloat16", "abacus"]) == 2
    said = capsys.readouterr().err
    assert said == f"There is no machine abacus; there are {', '.join(machines.MACHINES)}\n"


def test_each_machine_is_what_its_name_says():
    one = {"MTL_PREDICTIONS": "off", "MTL_THREADS": "1", "OMP_NUM_THREADS": "1"}
    assert {name: machines.commands(name)[0] for name in machines.MACHINES} == {
        "bfloat16": one | {"MTL_PRECISION": "bfloat16"},
        "float32": one | {"MTL_PRECISION": "float32"},
        "one-thread": one,
        "two-threads": one | {"MTL_THREADS": "2", "OMP_NUM_THREADS": "2"},
        "default": one | {"ATEN_CPU_CAPABILITY": "default"},
        "busy": one,
    }
    for path in [*(f"tests/{name}" for name in machines.ABOUT_FILES), *machines.NOTEBOOKS[-3:]]:
        assert (ROOT / path).is_file()


@pytest.mark.parametrize("failing", [[], [("float32", 0)], [("bfloat16", 1), ("busy", 0)]])
def test_a_machine_that_fails_is_named_and_keeps_no_other_from_running(tmp_path, monkeypatch, capsys, failing):
    def commands(name):
        codes = [int((name, part) in failing) for part in (0, 1)]
        write = "import os, sys; open('ran', 'a').write(os.environ['NAME'] + ' '); sys.exit(int(sys.argv[1]))"
        return {"NAME": name}, [[sys.executable, "-c", write, str(code)] for code in codes]

    monkeypatch.setattr(machines, "commands", commands)
    monkeypatch.setattr(machines, "ROOT", tmp_path)
    assert machines.main([]) == (1 if failing else 0)
    assert (tmp_path / "ran").read_text().split() == [name for name in machines.MACHINES for _ in (0, 1)]
    said = capsys.readouterr()
    assert ("Everything passed" in said.out) == (not failing)
    assert said.err == (f"These machines failed: {', '.join(name for name, _ in failing)}\n" if failing else "")


def test_busy_processes_compute_until_they_are_ended():
    before = os.times().children_user
    try:
        with machines.busy(2) as processes:
            time.sleep(3)  # long enough beside others, too
            assert [process.poll() for process in processes] == [None, None]
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        pass
    assert all(process.returncode is not None for process in processes)
    assert os.times().children_user - before > 0.3


@pytest.mark.skipif(os.name != "posix", reason="signals")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_busy_processes_end_with_the_one_that_started_them(name):
    """They hold its output open for as long as they run."""
    code = "import time, machines\nwith machines.busy(2):\n print('begun', flush=True)\n time.sleep(60)"
    run = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT / "tests", stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert run.stdout.readline().strip() == b"begun"
    run.send_signal(getattr(signal, name))
    run.communicate(timeout=20)


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


def test_extras_lie_in_a_folder_of_their_own(shelf):
    extra = shelf.parent / "extra" / "00_more.ipynb"
    extra.parent.mkdir()
    extra.write_bytes((shelf.parent / "00_start.ipynb").read_bytes())
    assert [path.relative_to(shelf).as_posix() for path in desk.lay_out(shelf)] == [
        "00_start.ipynb",
        "extra/00_more.ipynb",
        "map.png",
    ]
    (shelf / "extra" / "00_more.ipynb").write_text("my work", encoding="utf-8")
    assert desk.lay_out(shelf) == []
    assert desk.fresh("extra/00_more", shelf) == shelf / "extra" / "00_more_fresh.ipynb"
    assert desk.fresh("extra/00", shelf) == shelf / "extra" / "00_more_fresh_2.ipynb"
    assert (shelf / "extra" / "00_more.ipynb").read_text(encoding="utf-8") == "my work"
    copy = nbformat.read(shelf / "extra" / "00_more_fresh.ipynb", as_version=4)
    assert not any(cell.get("outputs") for cell in copy.cells)
    extra.with_name("00_most.ipynb").write_bytes(extra.read_bytes())
    for no_single_one in ("extra/00", "extra/01", "extra/"):
        with pytest.raises(ValueError, match="extra/00_more, extra/00_most"):
            desk.fresh(no_single_one, shelf)


@pytest.mark.parametrize("number", ["", "07", "../00", "start"])
def test_a_fresh_copy_of_no_lesson_is_refused(shelf, number):
    with pytest.raises(ValueError, match=r"there is no lesson .* 00"):
        desk.fresh(number, shelf)
    assert not shelf.exists()


@pytest.mark.parametrize("cut", [OSError(errno.ENOSPC, "No space left on device"), KeyboardInterrupt()])
def test_a_copy_that_is_cut_short_leaves_nothing(shelf, monkeypatch, cut):
    desk.lay_out(shelf)
    (shelf / "map.png").unlink()
    whole = Path.write_bytes

    def write_half(path, content):
        whole(path, content[: len(content) // 2])
        raise cut

    for copy in (lambda: desk.fresh("0", shelf), lambda: desk.lay_out(shelf)):
        monkeypatch.setattr(Path, "write_bytes", write_half)
        with pytest.raises(desk.CannotWrite if isinstance(cut, OSError) else KeyboardInterrupt):
            copy()
        assert [path.name for path in shelf.iterdir()] == ["00_start.ipynb"]
        monkeypatch.setattr(Path, "write_bytes", whole)
    assert [path.name for path in desk.lay_out(shelf)] == ["map.png"]


@pytest.fixture
def opened(shelf, monkeypatch):
    """Runs desk.py with some arguments; returns the folder in which it would have opened JupyterLab, None if none."""

    def run(*arguments):
        began = []
        monkeypatch.setattr(os, "execv", lambda _, options: began.append(options))
        monkeypatch.setattr(subprocess, "call", lambda options: began.append(options))
        monkeypatch.setattr(sys, "argv", ["desk.py", *map(str, arguments)])
        run.status = desk.main()
        roots = [option.partition("=")[2] for option in (began or [[]])[0] if "root_dir" in option]
        return Path(roots[0]) if roots else None

    return run


def test_another_folder_for_the_copies(opened, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for given, work in (("~/mtl", tmp_path / "home" / "mtl"), ("a b/数学", tmp_path / "a b" / "数学")):
        assert opened("--work", given) == work
        assert (work / "00_start.ipynb").is_file()


def test_a_folder_on_another_drive_is_shown_whole(opened, shelf, monkeypatch, capsys):
    def relpath(path):
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", relpath)
    assert opened("--work", shelf) == shelf
    assert f"Your copies are in {shelf}/: 2 new" in capsys.readouterr().out
    opened("--work", shelf, "--fresh", "0")
    said = capsys.readouterr()
    assert (opened.status, said.err) == (0, "")
    assert f"A clean copy: {shelf / '00_start_fresh.ipynb'}." in said.out


@pytest.mark.parametrize("arguments", [(), ("--fresh", "0")])
def test_a_folder_that_cannot_be_written_is_said_with_a_way_on(opened, shelf, monkeypatch, capsys, arguments):
    def denied(path, content):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", denied)
    assert opened("--work", shelf, *arguments) is None
    assert opened.status == 1
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert "cannot be written (Permission denied)" in said.err
    assert "No copy was made" not in said.err
    assert said.err.rstrip().endswith(" ".join([*arguments, "--work FOLDER"]))


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


RUN = {"check": True, "capture_output": True, "text": True, "timeout": 300}
PYTHON = [sys.executable, "-m"]
OFFLINE = ["--quiet", "--disable-pip-version-check", "--no-index"]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The package as it would be published."""
    folder = tmp_path_factory.mktemp("wheel")
    subprocess.run([*PYTHON, "hatchling", "build", "-t", "wheel", "-d", folder], cwd=ROOT, **RUN)
    (built,) = folder.glob("mtl_lesson-*.whl")
    return built


def test_an_installed_wheel_works_from_another_folder(wheel, tmp_path):
    """Data included, and with nothing read from the repository."""
    target, elsewhere = tmp_path / "installed", tmp_path / "elsewhere"
    subprocess.run([*PYTHON, "pip", "install", *OFFLINE, "--no-deps", "--target", target, wheel], **RUN)
    elsewhere.mkdir()
    environment = os.environ | {"PYTHONPATH": str(target)}
    done = subprocess.run([sys.executable, "-c", USE, str(ROOT)], cwd=elsewhere, env=environment, **RUN)
    where, from_the_repository = done.stdout.splitlines()
    assert Path(where).is_relative_to(target)
    assert from_the_repository == "[]"


HARM = """
import shutil, sys
from pathlib import Path
from mtl_lesson import data
print(data.verify())
bundled = data.files.data_folder()
assert bundled.is_relative_to(sys.prefix)
file = bundled / "schools" / "exam.csv"
shutil.rmtree(bundled) if sys.argv[1] == "everything" else file.write_bytes(file.read_bytes()[:-1])
data.files._check.cache_clear()
data.verify()
"""


def test_what_a_damaged_package_says_repairs_it(wheel, tmp_path):
    """In an environment of its own, whose other packages are those of this one."""
    subprocess.run([*PYTHON, "venv", "--without-pip", tmp_path / "venv"], **RUN)
    python = tmp_path / "venv" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    site = Path(subprocess.run([python, "-c", where], **RUN).stdout.strip())
    (site / "others.pth").write_text(sysconfig.get_paths()["purelib"], encoding="utf-8")
    pip = [*PYTHON, "pip", "--python", python]
    subprocess.run([*pip, "install", "--no-deps", *OFFLINE, wheel], **RUN)
    for harm in ("a file", "everything", "nothing more"):
        code = HARM if harm != "nothing more" else "from mtl_lesson import data; print(data.verify())"
        run = RUN | {"check": False, "cwd": tmp_path}
        done = subprocess.run([python, "-c", code, harm], **run)
        assert "checksums right" in done.stdout, done.stderr  # it was whole to begin with
        if harm != "nothing more":
            named = re.search(r"DataError: .*: pip (install .*) and what you installed it from\.$", done.stderr.strip())
            assert named, done.stderr
            subprocess.run([*pip, *shlex.split(named[1]), *OFFLINE, wheel], **RUN)


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
