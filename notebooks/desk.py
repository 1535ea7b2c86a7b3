"""The learner's desk: copies the lessons into ``work/`` and opens JupyterLab there.

``python notebooks/desk.py`` is what ``make lab`` runs. A file that is already in ``work/`` is never touched, so what a
learner wrote there is safe; ``--fresh 02`` puts a clean copy of lesson 02 beside it. The copies carry no outputs: a
result is to be predicted before it is seen.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

NOTEBOOKS = Path(__file__).resolve().parent
WORK = NOTEBOOKS.parent / "work"
FIRST = "00_start_here.ipynb"


def copy_clean(source: Path, target: Path) -> None:
    """Write ``source`` without outputs to ``target``; FileExistsError if there is a file already."""
    book = nbformat.read(source, as_version=4)
    for cell in book.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    with target.open("x", encoding="utf-8") as file:
        nbformat.write(book, file)


def lay_out(work: Path = WORK) -> list[Path]:
    """Copy into ``work`` the lessons, and the pictures they show, that are not there yet; returns the new files."""
    work.mkdir(exist_ok=True)
    new = []
    for source in sorted([*NOTEBOOKS.glob("*.ipynb"), *NOTEBOOKS.glob("*.png")]):
        target = work / source.name
        if target.exists():
            continue
        if source.suffix == ".ipynb":
            copy_clean(source, target)
        else:
            shutil.copyfile(source, target)
        new.append(target)
    return new


def fresh(number: str, work: Path = WORK) -> Path:
    """Put a clean copy of the lesson with this ``number`` beside the learner's own, under a name not yet taken.

    Raises ValueError if there is no such lesson.
    """
    lessons = {path.name[:2]: path for path in sorted(NOTEBOOKS.glob("[0-9][0-9]_*.ipynb"))}
    source = lessons.get(number.zfill(2)) if number else None
    if source is None:
        raise ValueError(f"there is no lesson {number!r}; say NB= and one of {', '.join(lessons)}")
    work.mkdir(exist_ok=True)
    count = 1
    while (target := work / f"{source.stem}_fresh{'' if count == 1 else f'_{count}'}.ipynb").exists():
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


def main() -> int:
    parser = argparse.ArgumentParser(description="Copy the lessons into work/ and open JupyterLab there.")
    parser.add_argument("--fresh", metavar="NB", help="put a clean copy of lesson NB beside yours; opens nothing")
    arguments = parser.parse_args()
    if arguments.fresh is not None:
        try:
            print(f"A clean copy: {os.path.relpath(fresh(arguments.fresh))}. Yours is as it was.")
        except ValueError as error:
            print(f"No copy was made: {error}", file=sys.stderr)
            return 1
        return 0
    new = lay_out()
    print(f"Your copies are in {os.path.relpath(WORK)}/: {len(new)} new; what was there is as you left it.")
    options = command()
    if "--no-browser" in options:
        print(f"There is no display here: open the address that JupyterLab prints below; it leads to {FIRST}.")
    print("To stop: Ctrl-C.", flush=True)
    if os.name == "posix":
        os.execv(options[0], options)  # JupyterLab takes the place of this process, so that Ctrl-C reaches it alone
    return subprocess.call(options)


if __name__ == "__main__":
    sys.exit(main())
