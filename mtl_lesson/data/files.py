"""Where the bundled data lies, and proof that it is whole."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]


class DataError(RuntimeError):
    """Data that is missing, damaged or out of reach; the message says which, and how to get it."""


def data_folder() -> Path:
    """The folder of the bundled data: inside the package where it was installed, beside it in a clone of the course."""
    # Inside first: beside an installed package, any other package may have left a folder called data.
    installed = PACKAGE / "bundled"
    return installed if installed.is_dir() else PACKAGE.parent / "data"


def verified(relative_path: str) -> Path:
    """The path of a bundled file, for instance ``"schools/exam.csv"``, checked once a process against its SHA-256.

    Raises DataError if the file, its folder or its checksum is missing, or if a byte of it is not what it was.
    """
    path = data_folder() / relative_path
    _check(path)
    return path


def verify() -> str:
    """Check every bundled file and say so in words; raises DataError for the first that is missing or damaged."""
    sums = sorted(data_folder().glob("*/SHA256SUMS"))
    files = [f"{path.parent.name}/{line.split()[1]}" for path in sums for line in path.read_text().splitlines()]
    for file in files:
        verified(file)
    if not files:
        raise DataError(f"there is no bundled data in {data_folder()}. {_remedy(data_folder() / 'fashion_mnist/any')}")
    return f"{len(files)} bundled files, checksums right"


@cache  # an exception is not cached: a file that was restored is found the next time
def _check(path: Path) -> None:
    sums = path.with_name("SHA256SUMS")
    for file in (path, sums):
        if not file.is_file():
            raise DataError(f"the data file {file} is missing. {_remedy(path)}")
    lines = sums.read_text(encoding="utf-8", errors="replace").splitlines()
    expected = {parts[1]: parts[0] for parts in map(str.split, lines) if len(parts) == 2}
    if path.name not in expected:
        raise DataError(f"{sums} has no checksum of {path.name}: it was altered. {_remedy(path)}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != expected[path.name]:
        raise DataError(
            f"the data file {path} is damaged: truncated or altered (it has {len(content)} bytes, and their SHA-256 is "
            f"not the one in SHA256SUMS). {_remedy(path)}"
        )


def _remedy(path: Path) -> str:
    if path.is_relative_to(PACKAGE):
        return "Reinstall the package: pip install --force-reinstall --no-deps and what you installed it from."
    root = data_folder().parent
    return f"Restore it, in the folder {root}: git checkout -- {path.parent.relative_to(root).as_posix()}"
