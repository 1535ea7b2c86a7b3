"""A file becomes a table, or is refused in words: separators, decimal commas, encodings, names of columns."""

from __future__ import annotations

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from .cells import read_cells

SEPARATORS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}  # how a file says its encoding
KINDS = {  # how a file that is no text begins
    b"PK\x03\x04": "a spreadsheet or a zip archive: save the sheet as CSV, or unpack it",
    b"\x1f\x8b": "packed with gzip: unpack it",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\xff\xd8\xff": "a picture",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet: save the sheet as CSV",
}
ROW_NUMBER = "the number of a row"
LOOK = 200  # lines that are looked at to find the separator


def read_table(
    source: object,
    encoding: str | None = None,
    missing: Iterable[str] = (),
    decimal: str | None = None,
    as_they_are: Iterable[str] = (),
) -> tuple[pd.DataFrame, list[str]]:
    """The table of a CSV or Parquet file, or of a DataFrame, and in sentences what had to be decided to read it.

    ``encoding``: of a text file that is not UTF-8. ``missing``, ``decimal``, ``as_they_are``: see
    :func:`.cells.read_cells`. A separator is found by which cuts the first lines into equally many cells. Raises
    FileNotFoundError, TypeError or ValueError, in words, for what is no table: no file, another kind of file, no rows,
    a column named twice or not at all, lines of several lengths.
    """
    if isinstance(source, pd.DataFrame):
        table, said, separator = source.reset_index(drop=True), [], ","
        check_names([*table.columns], "the DataFrame")
        table.columns = [*map(str, table.columns)]
        as_they_are = table.columns  # who gives a DataFrame has read its cells
    elif isinstance(source, str | os.PathLike):
        if "://" in str(source):
            raise ValueError(f"{source} is an address; a table is a file: save it first")
        path = Path(source).expanduser()
        if path.is_dir():
            raise ValueError(f"{path} is a folder; a table is a file. Pictures in a folder: mtl.data.folder")
        if not path.is_file():
            raise FileNotFoundError(f"there is no file {path}: looked for {path.absolute()}")
        if path.suffix == ".parquet":
            table, said, separator = read_parquet(path), [], ","
            as_they_are = table.columns
        else:
            table, said, separator = read_text(path, encoding)
    else:
        raise TypeError(f"a table is a pandas DataFrame or the name of a file, not {type(source).__name__}")
    if table.empty:
        raise ValueError("the table has no rows")
    table, more = read_cells(table, missing, decimal, separator, as_they_are)
    return table, said + more


def read_parquet(path: Path) -> pd.DataFrame:
    """A Parquet file. ImportError where nothing is installed that reads one, ValueError for a damaged one."""
    try:
        table = pd.read_parquet(path)
    except ImportError:
        raise ImportError(
            "to read Parquet files, pip install 'mtl-lesson[parquet]'; or save the table as CSV"
        ) from None
    except Exception as error:  # whatever the library makes of a damaged file
        raise ValueError(f"{path} cannot be read as Parquet: {error}") from None
    check_names([*table.columns], path.name)
    return table.rename(columns=str).reset_index(drop=True)


def read_text(path: Path, encoding: str | None) -> tuple[pd.DataFrame, list[str], str]:
    """A text file of cells, whatever separates them: all of them as texts, and what separates them."""
    text, said = decoded(path, encoding)
    lines = [line for line in text.splitlines()[: LOOK + 1] if line.strip()]
    if lines and (told := re.fullmatch("sep=(.)", lines[0].strip())):  # as Excel writes it
        text, lines = text[text.index(lines[0]) + len(lines[0]) :], lines[1:]
    if not lines:
        raise ValueError(f"{path} is empty")
    separator = told[1] if told and told[1] in SEPARATORS else separator_of(lines)
    names, table = cells_of(text, separator, path.name)
    if not names[-1] and (table[len(names) - 1] == "").all():  # a separator at the end of each line
        names, table = names[:-1], table.iloc[:, :-1]
    numbered = not names[0]  # as pandas and R write the numbers of rows
    check_names([ROW_NUMBER, *names[1:]] if numbered else names, path.name)
    table.columns = names
    if numbered:
        if pd.to_numeric(table[""], errors="coerce").isna().any():
            raise ValueError(f"{path.name}: the first column has no name, and does not number the rows; give it one")
        table = table.drop(columns="")
        said.append("The first column has no name and numbers the rows: it is left out")
    if separator != ",":
        said.append(f"Cells of {path.name} are separated by {SEPARATORS[separator]}")
    return table, said, separator


def cells_of(text: str, separator: str, where: str) -> tuple[list[str], pd.DataFrame]:
    """The names in the first line, and the cells below, as texts; lines in which nothing stands are passed over.

    Raises ValueError where there is one column, and for a line of more or fewer cells than there are names.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    rows, begins = {}, 1
    try:
        for row in reader:
            if "".join(row).strip():
                rows[begins] = row
            begins = reader.line_num + 1  # a text in quotes may go over several lines
    except csv.Error as error:
        raise ValueError(
            f"{where} is no table: line {begins} cannot be read ({error}); is a quotation mark not closed?"
        ) from None
    if not rows:
        raise ValueError(f"{where} is empty")
    names, *cells = rows.values()
    if len(names) == 1:
        raise ValueError(
            f"{where} has one column, {names[0][:40]!r}, as far as can be seen: its cells must be separated by "
            f"{', '.join([*SEPARATORS.values()][:-1])} or {[*SEPARATORS.values()][-1]}, and a table needs a column for "
            "each task and others to foretell them by. If the first line is a title, take it out"
        )
    if wrong := next((line for line, row in rows.items() if len(row) != len(names)), None):
        raise ValueError(
            f"{where} is no table: line {wrong} has {len(rows[wrong])} cell{'s' * (len(rows[wrong]) > 1)} and the "
            f"first {len(names)}. (If the first line is a title, take it out; a text that holds the separator needs "
            "quotes)"
        )
    if not cells:
        raise ValueError(f"{where}: the table has no rows")
    return [name.strip() for name in names], pd.DataFrame(cells, dtype=str)


def decoded(path: Path, encoding: str | None) -> tuple[str, list[str]]:
    """The text of a file: UTF-8, or what its first bytes or ``encoding`` say."""
    content = path.read_bytes()
    for start, kind in KINDS.items():
        if content.startswith(start):
            raise ValueError(f"{path.name} is no table but {kind}")
    found = encoding or next((name for mark, name in MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(found)
    except LookupError:
        raise ValueError(f"there is no encoding {encoding!r}; such as 'cp1252', 'gb18030' or 'shift_jis'") from None
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise ValueError(
            f"{path.name} is not written in {found}, first in line {line}: say its encoding=, such as 'cp1252' "
            "(Windows in the West), 'gb18030' (Chinese) or 'shift_jis' (Japanese); or save it as UTF-8"
        ) from None
    if "\x00" in text:
        raise ValueError(f"{path.name} is no table: it holds bytes that no text has")
    return text.removeprefix("\ufeff"), [f"{path.name} is read as {found}"] * (found not in ("utf-8", "utf-8-sig"))


def separator_of(lines: list[str]) -> str:
    """What cuts most lines into equally many cells, and into the most; a comma where nothing does."""

    def cells(separator: str) -> tuple[float, int]:
        counts = Counter(len(row) for row in csv.reader(lines, delimiter=separator) if row)
        number, times = counts.most_common(1)[0]
        return (times / len(lines) if number > 1 else 0, number)

    return max(SEPARATORS, key=cells)


def check_names(names: list[object], where: str) -> None:
    """Refuse columns named twice, by spaces alone, or not at all. ValueError says which."""
    texts = [str(name).strip() for name in names]
    twice = [name for name, times in Counter(texts).items() if times > 1 and name]
    if twice:
        raise ValueError(f"{where}: the column {twice[0]!r} is there {Counter(texts)[twice[0]]} times; rename one")
    if "" in texts:
        raise ValueError(f"{where}: column {texts.index('') + 1} has no name; give it one, or take it out")
