"""Build the notebooks: each ``notebooks/NN_name.ipynb`` from its text twin ``notebooks/text/NN_name.py``.

The text twins (jupytext, py:percent) are the only source; ``make notebooks`` runs this file. Each lesson is run twice,
as the machine likes it and as another would, trained in bfloat16 on one thread, and is written only if both say the
same: numbers after ≈ aside, every word of the outputs must agree. A lesson that would read differently on another
machine is never published; nor is one that states what its cells have not found (``stated.py``). What goes beyond the
lessons stands in ``text/extra`` and is built to ``extra`` in the same way.

``--check`` runs nothing and names the notebooks that are not what their text twin says.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import html
import importlib.util
import os
import re
import sys
import time
from pathlib import Path

import jupytext
import nbformat
import stated
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell
from nbval.plugin import coalesce_streams, comment_markers, get_sanitize_patterns, metadata_tags

NOTEBOOKS = Path(__file__).resolve().parent
SANITIZER = NOTEBOOKS.parent / "tests" / "notebook_sanitize.cfg"
SECONDS_A_CELL = 300
SAME = {"MTL_PREDICTIONS": "off"}  # nobody commits a prediction in a stored notebook
RUNS = {
    "as the machine likes it": SAME,
    "bfloat16, one thread": SAME | {"MTL_PRECISION": "bfloat16", "OMP_NUM_THREADS": "1"},
}
WIDGET = "application/vnd.jupyter.widget-view+json"
NOT_COMPARED = {"image/png", "image/jpeg", WIDGET}  # as in nbval
NEEDS = {"extra/keras_and_lightning": ("keras", "lightning")}  # what a notebook needs that the course does not


def twins(names: list[str] | None = None) -> list[Path]:
    """The text twins of these lessons and extras, each once, all if none are named.

    A lesson is named by its number, "02", an extra by its name or how it begins: "extra/03_directions", "extra/03".
    Raises ValueError for a name that has none.
    """
    text = NOTEBOOKS / "text"
    known = {path.name[:2]: path for path in sorted(text.glob("[0-9][0-9]_*.py"))}
    known |= {f"extra/{path.stem}": path for path in sorted((text / "extra").glob("*.py"))}
    wanted = {}
    for name in (name.zfill(2).removesuffix(".ipynb") for name in names or known):
        found = [known[name]] if name in known else [of for one, of in known.items() if one.startswith(name)]
        if not found or not (name in known or name.startswith("extra/")):
            raise ValueError(f"there is no text twin of lesson {name}; there are {', '.join(known) or 'none'}")
        wanted |= dict.fromkeys(found)
    return list(wanted)


def name_of(twin: Path) -> str:
    """A notebook's name among all: its stem, of an extra with its folder."""
    return twin.relative_to(NOTEBOOKS / "text").with_suffix("").as_posix()


def built(twin: Path) -> Path:
    """Where the notebook of a text twin is written."""
    return NOTEBOOKS / f"{name_of(twin)}.ipynb"


def convert(twin: Path) -> NotebookNode:
    """The notebook a text twin describes, without outputs.

    A cell's id is made from its text, so that a change to one cell changes no other; nothing in the metadata depends
    on the machine.
    """
    book = jupytext.read(twin)
    book.nbformat, book.nbformat_minor = 4, 5
    book.metadata = NotebookNode(
        kernelspec={"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"},
        language_info={"name": "python", "file_extension": ".py", "mimetype": "text/x-python"},
    )
    seen = set()
    for cell in book.cells:
        text = cell.cell_type + cell.source
        while (cell_id := hashlib.sha256(text.encode()).hexdigest()[:12]) in seen:
            text += "'"
        seen.add(cell_id)
        cell.id = cell_id
    return book


# Run by exec in names of its own: it leaves none in the lesson, and takes none from it.
CHECK = """
import sys
sys.path.insert(0, {folder!r})
try:
    import stated
    for because in stated.faults({text!r}, names):
        print("\\0" + because)
finally:
    sys.path.remove({folder!r})
"""


class NotFound(Exception):
    """A lesson states what its cells have not found, or nothing that could be held against it."""


def with_checks(book: NotebookNode) -> NotebookNode:
    """The notebook with a cell after each markdown cell that states something, which holds it against what was found.

    Raises NotFound for a comment that states nothing.
    """
    cells = []
    for cell in book.cells:
        cells.append(cell)
        try:
            held = cell.cell_type == "markdown" and stated.statements(cell.source)
        except ValueError as error:
            raise NotFound(str(error)) from error
        if held:
            source = CHECK.format(folder=str(Path(stated.__file__).parent), text=cell.source)
            cells.append(new_code_cell(f"exec({source!r}, {{'names': globals()}})", metadata={"checks": True}))
    return NotebookNode(book | {"cells": cells})


def without_checks(book: NotebookNode) -> tuple[NotebookNode, list[str]]:
    """The notebook without those cells, counted as if they had never been, and what they have found wrong."""
    found, cells = [], []
    for cell in book.cells:
        if cell.metadata.get("checks"):
            said = "".join(output.get("text", "") for output in cell.outputs)
            found += [line[1:] for line in said.splitlines() if line.startswith("\0")]
        else:
            cells.append(cell)
    for number, cell in enumerate((cell for cell in cells if cell.cell_type == "code"), 1):
        cell.execution_count = number
        for output in cell.outputs:
            if "execution_count" in output:
                output.execution_count = number
    return NotebookNode(book | {"cells": cells}), found


def run(twin: Path, environment: dict[str, str]) -> NotebookNode:
    """The notebook of ``twin`` with its outputs, run from its own folder with these variables in the environment.

    Raises CellExecutionError, CellTimeoutError or DeadKernelError if it does not run to its end, NotFound where it
    states what its cells have not found.
    """
    book = with_checks(convert(twin))
    metadata = book.metadata.copy()
    client = NotebookClient(
        book,
        timeout=SECONDS_A_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(built(twin).parent)}},
        record_timing=False,
    )
    built(twin).parent.mkdir(exist_ok=True)
    client.execute(env=os.environ | environment)
    book, wrong = without_checks(book)
    if wrong:
        raise NotFound("\n".join(wrong))
    book.metadata = metadata  # the run has added the Python's version and the state of the widgets
    for cell in code_cells(book):
        cell.outputs = coalesce_streams(cell.outputs)  # one stream of each name, progress bars at their end
        for output in cell.outputs:
            output.get("data", {}).pop(WIDGET, None)  # the name of a widget that ended with its kernel; its text stays
    return book


def code_cells(book: NotebookNode) -> list[NotebookNode]:
    """The code cells, which are what nbval runs and compares."""
    return [cell for cell in book.cells if cell.cell_type == "code"]


def texts(output: NotebookNode) -> dict[str, str]:
    """The texts of one output by kind: those nbval compares."""
    if output.output_type == "stream":
        return {output.name: output.text}
    if output.output_type == "error":
        return {"error": f"{output.ename}: {output.evalue}"}
    return {kind: text for kind, text in output.data.items() if kind not in NOT_COMPARED and isinstance(text, str)}


def sanitized(text: str) -> str:
    """``text`` as nbval compares it: what may differ between two runs is masked."""
    for pattern, replacement in get_sanitize_patterns(SANITIZER.read_text(encoding="utf-8")):
        text = re.sub(pattern, replacement, text)
    return text


def transcript(book: NotebookNode) -> list[str]:
    """All that the code cells of a notebook say, sanitized, line by line; for pictures, that there is one."""
    lines = []
    for number, cell in enumerate(code_cells(book), 1):
        for output in cell.outputs:
            kinds = texts(output)
            lines += [f"cell {number}, {kind}" for kind in sorted(output.get("data", {}).keys() - kinds.keys())]
            for kind, text in sorted(kinds.items()):
                lines += [f"cell {number}, {kind}: {line}" for line in sanitized(text).splitlines()]
    return lines


def readable(kind: str, text: str) -> str:
    """What a person reads of an output of this kind: of HTML its text and the alt text of its pictures."""
    if kind != "text/html":
        return re.sub(r"base64,[A-Za-z0-9+/=]+", "", text)
    text = re.sub(r"(?s)<(style|script|svg)\b.*?</\1>", " ", text)
    return html.unescape(re.sub(r"<[^>]*>", " ", " ".join([text, *re.findall(r'\balt="([^"]*)"', text)])))


def faults(book: NotebookNode) -> list[str]:
    """What keeps a notebook from being tested, or from reading well everywhere; an empty list if it is fine.

    nbval compares nothing in a cell that was never run or that asks to be left out, hence the first checks.
    """
    found = []
    cells = code_cells(book)
    if [cell.execution_count for cell in cells] != list(range(1, len(cells) + 1)):
        found.append(f"its cells are not numbered 1 to {len(cells)}: run it from top to bottom")
    if "widgets" in book.metadata:
        found.append("its metadata hold saved widget state")
    for number, cell in enumerate(cells, 1):
        marks = {line.strip("# \t") for line in cell.source.splitlines() if line.lstrip().startswith("#")}
        if marks & comment_markers.keys() or set(cell.metadata.get("tags", [])) & metadata_tags.keys():
            found.append(f"cell {number} asks nbval not to compare it")
        for output in cell.outputs:
            if output.output_type == "error":
                found.append(f"cell {number} ends in an error: {output.ename}: {output.evalue}")
                continue
            for kind, text in texts(output).items():
                plain = readable(kind, text)
                if kind == "stderr":
                    found.append(f"cell {number} writes to stderr: {plain.strip()[:200]}")
                if path := re.search(r"(?<![\w.:/\\\])])(?:/[\w.-]+/|[A-Z]:\\)[^\s'\"]*", plain):
                    found.append(f"cell {number} shows a path of this machine: {path[0]}")
                if number_shown := re.search(r"\d\.\d{4,}", plain):
                    found.append(f"cell {number} shows a raw number, {number_shown[0]}: round it and write ≈ before")
                if kind == "text/html" and re.search(r"<img\b(?![^>]*\balt=\"[^\"]+\")", text):
                    found.append(f"cell {number} shows a picture without alt text")
    for cell in book.cells:
        if cell.cell_type == "markdown" and re.search(r"!\[\s*\]\(|<img\b(?![^>]*\balt=\"[^\"]+\")", cell.source):
            found.append(f"a picture in the text has no alt text: {cell.source[:60]!r}")
    return found


def lacking(twin: Path) -> list[str]:
    """The libraries that a notebook needs and that are not installed here."""
    return [name for name in NEEDS.get(name_of(twin), ()) if importlib.util.find_spec(name) is None]


def build(twin: Path) -> list[str]:
    """Run a text twin in every way of ``RUNS`` and write its notebook; returns the reasons if it was not written."""
    books = []
    for name, environment in RUNS.items():
        start = time.perf_counter()
        try:
            books.append(run(twin, environment))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            return [f"it does not run ({name}):", str(error)]
        except NotFound as error:
            return [f"it states what was not found ({name}):", str(error)]
        print(f"{name_of(twin)}: {time.perf_counter() - start:.1f} s ({name})", flush=True)
    said = [transcript(book) for book in books]
    difference = list(difflib.unified_diff(*said, *RUNS, lineterm="", n=1))
    if difference:
        return ["its two runs say different things:", *difference]
    if found := faults(books[0]):
        return found
    target = built(twin)
    draft = target.with_suffix(".part")
    nbformat.write(books[0], draft)
    draft.replace(target)  # whole or not at all
    return []


def source_of(book: NotebookNode) -> list[tuple]:
    """What a text twin decides of a notebook."""
    return [(cell.cell_type, cell.id, cell.source, cell.metadata) for cell in book.cells]


def stale() -> list[str]:
    """What is wrong where a notebook is not what its text twin says; an empty list if all are up to date."""
    found = []
    for twin in twins():
        name = name_of(twin)
        if not built(twin).exists():
            found.append(f"{name}.ipynb is not built")
        elif source_of(nbformat.read(built(twin), as_version=4)) != source_of(convert(twin)):
            found.append(f"{name}.ipynb is older than text/{name}.py")
    return found + [f"{name}.ipynb has no text twin" for name in sorted(names_built() - set(map(name_of, twins())))]


def names_built() -> set[str]:
    """The names of all notebooks there are."""
    paths = [*NOTEBOOKS.glob("*.ipynb"), *(NOTEBOOKS / "extra").glob("*.ipynb")]
    return {path.relative_to(NOTEBOOKS).with_suffix("").as_posix() for path in paths}


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the notebooks from their text twins.")
    parser.add_argument(
        "number", nargs="*", help="the lessons to build, such as 02 or extra/03_directions; all if none"
    )
    parser.add_argument("--check", action="store_true", help="only say which notebooks are stale")
    arguments = parser.parse_args()
    if arguments.check:
        found = stale()
        print("\n".join([*found, "Run: make notebooks"]) if found else "Every notebook is what its text twin says.")
        return bool(found)
    try:
        lessons = twins(arguments.number)
    except ValueError as error:
        print(f"Nothing was built: {error}", file=sys.stderr)
        return 1
    failed = False
    for twin in lessons:
        if lacks := lacking(twin):
            print(f"{name_of(twin)}: left as it is, since {', '.join(lacks)} is not installed; run make tools")
            failed = failed or bool(arguments.number)
        elif reasons := build(twin):
            failed = True
            print(f"{name_of(twin)}: not written: " + "\n  ".join(reasons), file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
