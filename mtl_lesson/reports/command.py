"""A report from the command line: a table in, a page out."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from ..data.files import DataError

STOPPED = 130  # what a shell returns for Ctrl-C


def main(arguments: Sequence[str] | None = None) -> int:
    """Make a report as the arguments say, and return the exit status: 0, 2 for what cannot be done, 130 if stopped."""
    asked = parser().parse_args(arguments)
    page = Path(asked.out or f"{Path(asked.table).stem}-report.html")
    try:
        make(asked, page)
    except KeyboardInterrupt:
        files, where = len(list(kept(asked, page).glob("*.pt"))), kept(asked, page)
        on = f"{files} networks are kept in {where}: the same line goes on from there"
        said = on if files else "Nothing is kept yet"
        print(f"Stopped. {said}.", file=sys.stderr)
        return STOPPED
    except (ValueError, TypeError, KeyError, OSError, ImportError, DataError) as error:
        print(f"{error.args[0] if isinstance(error, KeyError) else error}", file=sys.stderr)
        return 2
    return 0


def make(asked: argparse.Namespace, page: Path) -> None:
    """Read, audit, train, judge, write."""
    from ..data.folders import folder
    from ..data.tables import table
    from .report import report

    tasks = dict(task_of(text) for text in asked.tasks)
    common = {name: getattr(asked, name) for name in ("group", "task", "test", "encoding")} | {"n_train": asked.rows}
    of_tables = {name: getattr(asked, name) for name in ("leave", "categories", "dates", "missing", "decimal")}
    if Path(asked.table).is_dir():
        if given := [name for name, value in of_tables.items() if value]:
            raise ValueError(f"--{given[0]} belongs to a table; of a folder of pictures the pixels are the features")
        world = folder(asked.table, labels=asked.labels, tasks=tasks or None, **common)
    else:
        if asked.labels:
            raise ValueError("--labels belongs to a folder of pictures; a table holds its labels")
        world = table(asked.table, tasks, **of_tables, **common)
    writable(page)
    found = report(
        world,
        asked.margin,
        way=asked.way,
        against=asked.against,
        task=asked.on,
        seeds=asked.seeds,
        epochs=asked.epochs,
        folder=kept(asked, page),
    )
    found.save(page)
    print(f"{found!r}\nThe page: {page.absolute()}")


def kept(asked: argparse.Namespace, page: Path) -> Path:
    """The folder of what was trained, for going on after a stop."""
    return Path(asked.folder) if asked.folder else page.with_suffix(".parts")


def writable(page: Path) -> None:
    """Refuse, before anything is trained, a place that cannot be written."""
    if not page.absolute().parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {page.absolute().parent} for the page; make it, or choose another --out"
        )


def task_of(text: str) -> tuple[str, str]:
    """ "passed=binary" as a column and a kind; the last = counts, since a name may hold one."""
    name, equals, kind = text.rpartition("=")
    if not equals:
        raise ValueError(f"--tasks takes column=kind, such as passed=binary, not {text!r}")
    return name, kind


def parser() -> argparse.ArgumentParser:
    """The arguments, told by ``--help``."""
    whole = argparse.ArgumentParser("python -m mtl_lesson", description="Multi-task learning on a table of your own.")
    commands = whole.add_subparsers(required=True, metavar="command")
    own = commands.add_parser("report", help="is sharing worth it on this table? A page with a verdict")
    own.add_argument("table", help="a CSV or Parquet file, or a folder of pictures")
    own.add_argument(
        "--tasks",
        nargs="+",
        default=[],
        metavar="COLUMN=KIND",
        help="KIND: binary (binary:Ja: Ja is yes), class, number",
    )
    own.add_argument("--task", metavar="COLUMN", help="a column each of whose values is a task of its own")
    own.add_argument("--group", metavar="COLUMN", help="which rows belong together: a person, a school")
    own.add_argument("--leave", nargs="+", default=[], metavar="COLUMN", help="columns that are no features")
    own.add_argument("--categories", nargs="+", default=[], metavar="COLUMN", help="columns that are categories")
    own.add_argument("--dates", nargs="+", default=[], metavar="COLUMN", help="columns of dates, which become years")
    own.add_argument("--labels", metavar="FILE", help="for a folder of pictures: the table of their labels")
    own.add_argument("--missing", nargs="+", default=[], metavar="TEXT", help="texts for an empty cell, such as k.A.")
    own.add_argument("--decimal", choices=[".", ","], help="what stands before decimals, where the cells do not tell")
    own.add_argument("--test", type=float, default=0.25, help="the share of rows that are tested on (0.25)")
    own.add_argument("--epochs", type=int, default=30, help="at most so many (30)")
    own.add_argument("--encoding", help="of a file that is not UTF-8, such as cp1252")
    own.add_argument("--rows", type=int, metavar="N", help="train on at most so many rows")
    own.add_argument("--margin", type=float, default=0.02, help="the least gain worth having (0.02: two points)")
    own.add_argument("--way", default="Hard", help="what the claim is about (Hard)")
    own.add_argument("--against", default="Separate", help="what it is to beat (Separate)")
    own.add_argument("--on", metavar="TASK", help="the task of the claim (the mean over all)")
    own.add_argument("--seeds", type=int, default=8, help="how many (8)")
    own.add_argument("--out", metavar="FILE", help="the page (TABLE-report.html)")
    own.add_argument("--folder", help="where trained networks are kept, to go on after a stop (PAGE.parts)")
    return whole
