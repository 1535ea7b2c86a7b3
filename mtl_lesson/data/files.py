"""Where the bundled data lies, and proof that it is whole."""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1]
TEXT = {".csv", ".json"}  # endings of the data files that are text


class DataError(RuntimeError):
    """Data that is missing, damaged or out of reach; the message says which, and how to get it."""


def data_folder() -> Path:
    """The folder of the bundled data: inside the package where it was installed, beside it in a clone of the course."""
    # Inside first: beside an installed package, any other package may have left a folder called data.
    installed = PACKAGE / "bundled"
    return installed if installed.is_dir() else PACKAGE.parent / "data"


def content_of(path: Path) -> bytes:
    """The bytes of a file; of a text file with the line ends it was made with, LF.

    For git, or whoever packed a zip, may have turned them into CR LF, as on Windows, and a table is no other for that.
    """
    content = path.read_bytes()
    return content.replace(b"\r\n", b"\n") if path.suffix in TEXT else content


def verified(relative_path: str) -> Path:
    """The path of a bundled file, for instance ``"schools/exam.csv"``, checked once a process against its SHA-256.

    Raises DataError if the file, its folder or its checksum is missing, or if its content (:func:`content_of`) is not
    what it was.
    """
    path = data_folder() / relative_path
    _check(path)
    return path


@cache  # an exception is not cached: a file that was restored is found the next time
def _check(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"the data file {path} is missing. {remedy(path.parent)}")
    expected = checksums(path.with_name("SHA256SUMS"))
    if path.name not in expected:
        sums = path.with_name("SHA256SUMS")
        raise DataError(f"{sums} has no checksum of {path.name}: it was altered. {remedy(path.parent)}")
    if hashlib.sha256(content_of(path)).hexdigest() != expected[path.name]:
        raise DataError(
            f"the data file {path} is damaged: truncated or altered (it has {path.stat().st_size} bytes, and their "
            f"SHA-256 is not the one in SHA256SUMS). {remedy(path.parent)}"
        )


def checksums(sums: Path) -> dict[str, str]:
    """What a file SHA256SUMS holds, name: checksum; DataError where it is missing or holds none."""
    if not sums.is_file():
        raise DataError(f"the data file {sums} is missing. {remedy(sums.parent)}")
    lines = sums.read_text(encoding="utf-8", errors="replace").splitlines()
    expected = {parts[1]: parts[0] for parts in map(str.split, lines) if len(parts) == 2}
    if not expected:
        raise DataError(f"{sums} has no checksums: it was altered. {remedy(sums.parent)}")
    return expected


def remedy(folder: Path) -> str:
    """How to get a folder of the bundled data back, in a sentence: by pip, by git or by hand, as the course came."""
    # A package that lost its whole data folder is known by what pip wrote beside it.
    if folder.is_relative_to(PACKAGE) or any(PACKAGE.parent.glob("mtl_lesson-*.dist-info")):
        return "Reinstall the package: pip install --force-reinstall --no-deps and what you installed it from."
    root = data_folder().parent
    name = folder.relative_to(root).as_posix()
    if (root / ".git").exists():
        return f"Restore it, in the folder {root}: git checkout -- {name}"
    return (
        f"Restore it, in the folder {root}: copy {name} from a new download of the course (in a clone: "
        f"git checkout -- {name})"
    )
