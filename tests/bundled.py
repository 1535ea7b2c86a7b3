"""What the tests of bundled worlds have in common: a copy to damage, ways to damage it, and what made it."""

import importlib.util
import shutil
from pathlib import Path

import pytest

from mtl_lesson.data import files

HARMS = pytest.mark.parametrize(
    "harm",
    [
        Path.unlink,
        lambda path: path.write_bytes(path.read_bytes()[:-1]),
        lambda path: path.write_bytes(path.read_bytes()[:-9] + b"x" + path.read_bytes()[-8:]),
    ],
    ids=["missing", "truncated", "altered"],
)


def copy_data(folder, tmp_path, monkeypatch):
    """A copy of one folder of the bundled data, which the package then takes for its own."""
    shutil.copytree(files.data_folder() / folder, tmp_path / "data" / folder)
    monkeypatch.setattr(files, "PACKAGE", tmp_path / "mtl_lesson")
    return tmp_path / "data" / folder


def load_maker(folder):
    """data/FOLDER/make.py, which a clone of the course has and an installed package has not."""
    path = files.data_folder() / folder / "make.py"
    if not path.exists():
        pytest.skip("the makers of the data are not part of an installed package")
    spec = importlib.util.spec_from_file_location(f"make_{folder}", path)
    made = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(made)
    return made
