"""The course on a learner's machine: other line ends, letters a console lacks, a folder that cannot be written, damage.

What a message says to do is taken from the message and done, and must help.
"""

import importlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from torchvision.datasets import mnist

from mtl_lesson import bank
from mtl_lesson.data import DataError, files, garments, inventory

ROOT = Path(__file__).resolve().parents[1]
garments_module = importlib.import_module("mtl_lesson.data.garments")  # the package's attribute is the function
schools_module = importlib.import_module("mtl_lesson.data.schools")
RUN = {"capture_output": True, "text": True, "encoding": "utf-8", "timeout": 120}


# Clones


def git(*arguments, cwd):
    """Run git with no settings of this machine or of a git that runs these tests; returns what it says."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean |= {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    options = ["-c", "safe.directory=*", "-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "core.autocrlf=false"]
    return subprocess.run(["git", *options, *arguments], cwd=cwd, env=clean, check=True, **RUN).stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory):
    """A repository of the files as they are now, committed here or not."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("this is not a git clone")
    folder = tmp_path_factory.mktemp("repository")
    for name in git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0"):
        if name and (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    git("init", "--quiet", cwd=folder)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--message", "as it is now", cwd=folder)
    return folder


def with_cr_lf(clone):
    """The text files of a clone that have other line ends than LF."""
    listed = [line.split(maxsplit=3) for line in git("ls-files", "--eol", cwd=clone).splitlines()]
    return {name for _, here, _, name in listed if here not in ("w/lf", "w/-text", "w/none")}


LOAD = """
import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.data import files
print(files.PACKAGE)
print(mtl.data.verify())
mtl.data.garments()
assert (len(mtl.data.exam_table()), len(mtl.data.mathachieve_table())) == (4059, 7185)
assert bank.names() and all(len(bank.load(name)) == bank.read_facts(name)["rows"] for name in bank.names())
print(bank.stale())
"""


def test_a_clone_by_a_git_that_writes_cr_lf_has_lf_and_works(repository, tmp_path):
    clone = tmp_path / "clone"
    git("-c", "core.autocrlf=true", "clone", "--quiet", repository, clone, cwd=tmp_path)
    assert with_cr_lf(clone) == set()
    environment = os.environ | {"PYTHONPATH": str(clone)}
    done = subprocess.run([sys.executable, "-c", LOAD], cwd=tmp_path, env=environment, **RUN)
    assert done.returncode == 0, done.stderr
    where, whole, stale = done.stdout.splitlines()
    assert Path(where) == clone / "mtl_lesson"
    assert "checksums right" in whole
    assert stale == str(bank.stale())  # the hash of code is of no line ends either


def test_a_clone_without_the_attributes_has_cr_lf_and_its_data_loads(repository, tmp_path, monkeypatch):
    """As one made before there was a .gitattributes."""
    old, clone = tmp_path / "old", tmp_path / "clone"
    git("clone", "--quiet", repository, old, cwd=tmp_path)
    git("rm", "--quiet", ".gitattributes", cwd=old)
    git("commit", "--quiet", "--message", "without", cwd=old)
    git("-c", "core.autocrlf=true", "clone", "--quiet", old, clone, cwd=tmp_path)
    assert {"data/schools/SHA256SUMS", "data/schools/exam.csv", "data/bank/parts.csv"} <= with_cr_lf(clone)
    monkeypatch.setattr(files, "PACKAGE", clone / "mtl_lesson")
    everything_loads()


def everything_loads():
    """Whether the data that the package takes for its own is whole, past what this process loaded before."""
    assert "checksums right" in inventory.verify()
    garments.__wrapped__()
    for table, pupils in (("exam", 4059), ("mathachieve", 7185)):
        assert len(schools_module._table.__wrapped__(table)) == pupils
    assert bank.names()
    for name in bank.names():
        assert len(bank.load(name)) == bank.read_facts(name)["rows"]


def test_data_with_cr_lf_loads_and_is_still_checked(tmp_path, monkeypatch):
    shutil.copytree(files.data_folder(), tmp_path / "data")
    monkeypatch.setattr(files, "data_folder", lambda: tmp_path / "data")
    monkeypatch.setattr(bank, "data_folder", lambda: tmp_path / "data")
    text = [*tmp_path.rglob("*.csv"), *tmp_path.rglob("*.json"), *tmp_path.rglob("SHA256SUMS")]
    for file in text:
        file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    everything_loads()
    for name in ("schools/exam", "bank/parts"):
        table = tmp_path / "data" / f"{name}.csv"
        table.write_bytes(table.read_bytes().replace(b"1", b"2", 1))
    files._check.cache_clear()
    with pytest.raises(DataError, match="altered"):
        inventory.verify()
    with pytest.raises(DataError, match="damaged"):
        bank.load("parts")


def test_the_bytes_of_a_picture_are_taken_as_they_are(tmp_path):
    for name, content in (("a.png", b"\x89PNG\r\n\x1a\n"), ("a.csv", b"x\r\n1\n\r2\r\n"), ("a.json", b"{\r\n}")):
        (tmp_path / name).write_bytes(content)
    assert files.content_of(tmp_path / "a.png") == b"\x89PNG\r\n\x1a\n"
    assert files.content_of(tmp_path / "a.csv") == b"x\n1\n\r2\n"
    assert files.content_of(tmp_path / "a.json") == b"{\n}"


# What a message says to do


def alter(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


HARMS = [
    (alter, "schools/exam.csv"),
    (Path.unlink, "mathachieve/mathachieve.csv"),
    (alter, "fashion_mnist/test.png"),
    (Path.unlink, "schools/SHA256SUMS"),
    (lambda file: file.write_text("\n"), "fashion_mnist/SHA256SUMS"),
    (shutil.rmtree, "schools"),
    (shutil.rmtree, "."),
]
HARM = pytest.mark.parametrize(("harm", "name"), HARMS, ids=[f"{h.__name__} {n}" for h, n in HARMS])


def said_of(harm, name):
    """Do harm to a file of the data and return what the message says; the data was whole before."""
    everything_loads()
    harm(files.data_folder() / name)
    files._check.cache_clear()
    with pytest.raises(DataError) as caught:
        inventory.verify()
    return str(caught.value)


@HARM
def test_in_a_clone_the_command_of_the_message_restores_the_data(repository, tmp_path, monkeypatch, harm, name):
    clone = tmp_path / "a clone 数学"
    git("clone", "--quiet", repository, clone, cwd=tmp_path)
    monkeypatch.setattr(files, "PACKAGE", clone / "mtl_lesson")
    said = said_of(harm, name)
    folder, command = re.search(r"in the folder (.+): git (checkout -- \S+)$", said).groups()
    assert Path(folder) == clone
    git(*shlex.split(command), cwd=folder)
    everything_loads()


@HARM
def test_without_git_the_folder_of_the_message_restores_the_data(tmp_path, monkeypatch, harm, name):
    shutil.copytree(files.data_folder(), tmp_path / "course" / "data")
    monkeypatch.setattr(files, "PACKAGE", tmp_path / "course" / "mtl_lesson")
    said = said_of(harm, name)
    folder, what = re.search(r"in the folder (.+): copy (\S+) from a new download of the course", said).groups()
    shutil.copytree(ROOT / what, Path(folder) / what, dirs_exist_ok=True)
    everything_loads()


@pytest.mark.parametrize("harm", [alter, lambda file: file.write_bytes(b""), Path.unlink])
def test_in_a_clone_the_command_of_the_message_restores_the_bank(repository, tmp_path, monkeypatch, harm):
    clone = tmp_path / "clone"
    git("clone", "--quiet", repository, clone, cwd=tmp_path)
    monkeypatch.setattr(files, "PACKAGE", clone / "mtl_lesson")
    harm(clone / "data" / "bank" / "parts.csv")
    with pytest.raises(DataError) as caught:
        bank.load("parts")
    git(*shlex.split(re.search(r"git (checkout -- [\w/]+)", str(caught.value))[1]), cwd=clone)
    assert len(bank.load("parts")) == bank.read_facts("parts")["rows"]


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    return head + array.tobytes()


def test_the_full_set_loads_once_its_folder_was_deleted_as_the_message_says(tmp_path, monkeypatch):
    def download(url, download_root, filename, md5):
        """What comes from the internet, unpacked: ten garments a part."""
        pictures = np.zeros((10, 28, 28), np.uint8) if "images" in filename else np.arange(10, dtype=np.uint8)
        (Path(download_root) / filename.removesuffix(".gz")).write_bytes(idx(pictures))

    monkeypatch.setattr(mnist, "download_and_extract_archive", download)
    monkeypatch.setattr(garments_module, "cache_folder", lambda: tmp_path / "a cache")
    assert garments.__wrapped__(full=True).train.shape == (10, 28, 28)
    for file in (tmp_path / "a cache").rglob("*-ubyte"):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(DataError) as caught:
            garments.__wrapped__(full=True)
        folder = Path(re.search(r"delete (.+) if it is there, and try again", str(caught.value))[1])
        assert folder.is_relative_to(tmp_path)
        shutil.rmtree(folder)
        assert garments.__wrapped__(full=True).train.shape == (10, 28, 28)


# The desk


@pytest.fixture
def course(tmp_path):
    """A folder with a space and letters that no Western console has, in it desk.py and a lesson."""
    folder = tmp_path / "my 数学 course"
    (folder / "notebooks").mkdir(parents=True)
    shutil.copy(ROOT / "notebooks" / "desk.py", folder / "notebooks")
    nbformat.write(new_notebook(cells=[new_code_cell("print('é ≈ 1')")]), folder / "notebooks" / "00_start.ipynb")
    return folder


def desk(course, *arguments, python=(), encoding="utf-8"):
    """Run its desk.py from the folder above."""
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [sys.executable, *python, course / "notebooks" / "desk.py", *arguments]
    return subprocess.run(command, cwd=course.parent, env=environment, **RUN | {"encoding": encoding})


@pytest.mark.parametrize("encoding", ["cp1252", "utf-8"])
def test_a_console_without_the_letters_of_the_folder_is_told_what_happened(course, encoding):
    done = desk(course, "--fresh", "0", encoding=encoding)
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"A clean copy: .*my .* course.*00_start_fresh\.ipynb\. Yours is as it was\.\n", done.stdout)
    assert "é ≈ 1" in (course / "work" / "00_start_fresh.ipynb").read_text(encoding="utf-8")
    done = desk(course, "--fresh", "学", encoding=encoding)
    assert done.returncode == 1
    assert "No copy was made: there is no lesson" in done.stderr
    assert desk(course, "--help", encoding=encoding).returncode == 0


def test_where_nothing_can_be_written_the_command_of_the_message_finds_a_way(course):
    (course / "work").write_text("a file in the way", encoding="utf-8")
    done = desk(course, "--fresh", "0")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    command = shlex.split(re.search(r"name it: (.+ FOLDER)$", line)[1].replace("FOLDER", "'my own 数学'"))
    subprocess.run(command, cwd=course.parent, check=True, **RUN)
    assert (course.parent / "my own 数学" / "00_start_fresh.ipynb").is_file()
    assert (course / "work").read_text(encoding="utf-8") == "a file in the way"


def test_a_full_disk_leaves_no_half_copy(course):
    """A limit on the size of a file stands for the full disk."""
    pytest.importorskip("resource")
    code = "import resource, runpy, sys\nresource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))\n"
    code += "del sys.argv[0]\nrunpy.run_path(sys.argv[0], run_name='__main__')"
    done = desk(course, "--fresh", "0", python=["-c", code])
    assert done.returncode == 1
    assert "cannot be written (File too large)" in done.stderr
    assert list((course / "work").iterdir()) == []


def test_jupyterlab_takes_such_a_folder_for_its_own(course):
    """JupyterLab itself says which folder it would serve."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import desk; print(*desk.command(), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code, course / "notebooks"], check=True, **RUN)
    command = [*done.stdout.splitlines(), "--show-config-json"]
    (course / "work").mkdir()
    said = subprocess.run(command, cwd=course, check=True, **RUN).stdout
    assert json.loads(said)["ServerApp"]["root_dir"] == str(course / "work")
