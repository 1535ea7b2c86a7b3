"""Build the notebooks: each ``notebooks/NN_name.ipynb`` from its text twin ``notebooks/text/NN_name.py``.

The text twins (jupytext, py:percent) are the only source; ``make notebooks`` runs this file. Each lesson is run twice,
as the machine likes it and as another would, trained in bfloat16 on one thread, and is written only if both say the
same: numbers after ≈ aside, every word of the outputs must agree. A lesson that would read differently on another
machine is never published.

``--check`` runs nothing and names the notebooks that are not what their text twin says.
"""

from __future__ import annotations

import argparse
import difflib
import hashlib
import html
import os
import re
import sys
import time
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
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


def twins(numbers: list[str] | None = None) -> list[Path]:
    """The text twins of the lessons with these numbers (all if none are given); ValueError if a number has none."""
    every = sorted((NOTEBOOKS / "text").glob("[0-9][0-9]_*.py"))
    known = {path.name[:2]: path for path in every}
    wanted = [number.zfill(2) for number in numbers or known]
    for number in wanted:
        if number not in known:
            raise ValueError(f"there is no text twin of lesson {number}; there are {', '.join(known) or 'none'}")
    return [known[number] for number in wanted]


def built(twin: Path) -> Path:
    """Where the notebook of a text twin is written."""
    return NOTEBOOKS / f"{twin.stem}.ipynb"


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


def run(twin: Path, environment: dict[str, str]) -> NotebookNode:
    """The notebook of ``twin`` with its outputs, run from its own folder with these variables in the environment.

    Raises CellExecutionError, CellTimeoutError or DeadKernelError if it does not run to its end.
    """
    book = convert(twin)
    metadata = book.metadata.copy()
    client = NotebookClient(
        book,
        timeout=SECONDS_A_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(NOTEBOOKS)}},
        record_timing=False,
    )
    client.execute(env=os.environ | environment)
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


def build(twin: Path) -> list[str]:
    """Run a text twin in every way of ``RUNS`` and write its notebook; returns the reasons if it was not written."""
    books = []
    for name, environment in RUNS.items():
        start = time.perf_counter()
        try:
            books.append(run(twin, environment))
        except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
            return [f"it does not run ({name}):", str(error)]
        print(f"{twin.stem}: {time.perf_counter() - start:.1f} s ({name})", flush=True)
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
        if not built(twin).exists():
            found.append(f"{built(twin).name} is not built")
        elif source_of(nbformat.read(built(twin), as_version=4)) != source_of(convert(twin)):
            found.append(f"{built(twin).name} is older than text/{twin.name}")
    orphans = {path.stem for path in NOTEBOOKS.glob("*.ipynb")} - {twin.stem for twin in twins()}
    return found + [f"{name}.ipynb has no text twin" for name in sorted(orphans)]


def main() -> int:
    parser = argparse.ArgumentParser(description="Build the notebooks from their text twins.")
    parser.add_argument("number", nargs="*", help="the lessons to build, such as 02; all if none is given")
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
        if reasons := build(twin):
            failed = True
            print(f"{twin.stem}: not written: " + "\n  ".join(reasons), file=sys.stderr)
    return failed


if __name__ == "__main__":
    sys.exit(main())
