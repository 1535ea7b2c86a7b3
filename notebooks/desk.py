"""The learner's desk: copies the lessons into ``work/`` and opens JupyterLab there.

``python notebooks/desk.py`` is what ``make lab`` runs. A file that is already in ``work/`` is never touched, so what a
learner wrote there is safe; ``--fresh 02`` puts a clean copy of lesson 02 beside it. The copies carry no outputs: a
result is to be predicted before it is seen. ``--work FOLDER`` is another place for them, where the course is read-only.
"""

from __future__ import annotations

import argparse
import io
import os
import shlex
import subprocess
import sys
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parent
WORK = NOTEBOOKS.parent / "work"
FIRST = "00_start_here.ipynb"


class NoSuchLesson(ValueError):
    """A number that no lesson has; the message says which there are."""


class CannotWrite(OSError):
    """A folder for the learner's copies in which nothing can be written; the message says why."""


def copy_clean(source: Path, target: Path) -> None:
    """Write ``source`` without outputs to ``target``; FileExistsError if there is a file already."""
    book = nbformat.read(source, as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    write_new(target, (nbformat.writes(book) + "\n").encode())


def write_new(target: Path, content: bytes) -> None:
    """Write a file that is not there yet, whole or not at all; it is moved to its place when it is whole.

    Raises FileExistsError if there is a file already, CannotWrite if the folder takes none.
    """
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            part.write_bytes(content)
            taken = os.path.exists(target)
            if not taken:
                os.replace(part, target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise CannotWrite(error.strerror or str(error)) from error
    if taken:
        raise FileExistsError(f"there is a file {target} already")


def lay_out(work: Path = WORK) -> list[Path]:
    """Copy into ``work`` the lessons, and the pictures they show, that are not there yet; returns the new files.

    Raises CannotWrite if ``work`` cannot be written.
    """
    new = []
    for source in sorted([*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("*.png"), *NOTEBOOKS.glob("extra/*.ipynb")]):
        target = work / source.relative_to(NOTEBOOKS)
        if os.path.exists(target):  # as Path.exists, but that a folder that may not be searched is no error yet
            continue
        if source.suffix == ".ipynb":
            copy_clean(source, target)
        else:
            write_new(target, source.read_bytes())
        new.append(target)
    return new


def fresh(number: str, work: Path = WORK) -> Path:
    """Put a clean copy of the lesson with this ``number``, or of an extra such as "extra/03_directions", beside the
    learner's own, under a name not yet taken.

    Of an extra's name its beginning will do where no other begins so. Raises NoSuchLesson if there is no such lesson,
    CannotWrite if ``work`` cannot be written.
    """
    lessons = {path.name[:2]: path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
    lessons |= {f"extra/{path.stem}": path for path in sorted(NOTEBOOKS.glob("extra/*.ipynb"))}
    wanted = number.zfill(2).removesuffix(".ipynb")
    alike = [path for name, path in lessons.items() if wanted.startswith("extra/") and name.startswith(wanted)]
    source = lessons.get(wanted) or (alike[0] if len(alike) == 1 else None) if number else None
    if source is None:
        raise NoSuchLesson(f"there is no lesson {number!r}; say NB= and one of {', '.join(lessons)}")
    count, folder = 1, (work / source.relative_to(NOTEBOOKS)).parent
    while os.path.exists(target := folder / f"{source.stem}_fresh{'' if count == 1 else f'_{count}'}.ipynb"):
        count += 1
    copy_clean(source, target)
    return target


def command(work: Path = WORK) -> list[str]:
    """The command that opens JupyterLab on the first lesson in ``work``.

    The folder jupyterlab/ turns off its news and its search for updates, for the course works offline; the learner's
    own settings are left alone. JupyterLab refuses to run as root, as in a container, unless told, and can open no
    browser where there is no display; it prints its address anyway.
    """
    options = [
        f"--ServerApp.root_dir={work}",
        f"--LabApp.default_url=/lab/tree/{FIRST}",
        f"--LabApp.app_settings_dir={NOTEBOOKS / 'jupyterlab'}",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        options.append("--allow-root")
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        options.append("--no-browser")
    return [sys.executable, "-m", "jupyterlab", *options]


def shown(path: Path | str) -> str:
    """A path as one would type it here: from the current folder, or whole where that lies on another drive."""
    try:
        return os.path.relpath(path)
    except (ValueError, OSError):  # another drive of Windows; a current folder that was deleted
        return str(path)


def same_command(*more: str) -> str:
    """The command line that runs this file again, with ``more`` options, as one would type it here."""
    words = [shown(sys.executable), shown(__file__), *more]
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def main() -> int:
    parser = argparse.ArgumentParser(description="Copy the lessons into work/ and open JupyterLab there.")
    parser.add_argument("--fresh", metavar="NB", help="put a clean copy of lesson NB beside yours; opens nothing")
    parser.add_argument("--work", metavar="FOLDER", default=WORK, help="where your copies are (default: %(default)s)")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a console need not know the letters of a folder's name
    arguments = parser.parse_args()
    number = arguments.fresh
    work = Path(os.path.expanduser(arguments.work)).absolute()
    try:
        new = lay_out(work) if number is None else [fresh(number, work)]
    except NoSuchLesson as error:
        print(f"No copy was made: {error}", file=sys.stderr)
        return 1
    except CannotWrite as error:
        again = same_command(*([] if number is None else ["--fresh", number]), "--work", "FOLDER")
        print(
            f"The folder {shown(work)} cannot be written ({error}); to have your copies in another, name it: {again}",
            file=sys.stderr,
        )
        return 1
    if number is not None:
        print(f"A clean copy: {shown(new[0])}. Yours is as it was.")
        return 0
    print(f"Your copies are in {shown(work)}/: {len(new)} new; what was there is as you left it.")
    options = command(work)
    if "--no-browser" in options:
        print(f"There is no display here: open the address that JupyterLab prints below; it leads to {FIRST}.")
    print("To stop: Ctrl-C.", flush=True)
    if os.name == "posix":
        os.execv(options[0], options)  # JupyterLab takes the place of this process, so that Ctrl-C reaches it alone
    return subprocess.call(options)


if __name__ == "__main__":
    sys.exit(main())
