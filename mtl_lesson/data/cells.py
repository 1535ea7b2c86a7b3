"""Cells as people write them become numbers, or stay text: decimal commas, thousands, percent, words for nothing.

What can be read in two ways is refused, with the words that decide it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import pandas as pd

from .quoting import listed, quoted

#: texts that mean an empty cell, as pandas and R take them
EMPTY = ("", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None", "#N/A", "#NV", "<NA>")
SIGNS = "%€$£¥"  # a unit that stands before or behind every number of a column
NEARLY = 0.8  # a column of so many numbers is one of numbers, but for some words
FEW_WORDS = 5
PLAIN = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")
POINTS = re.compile(r"[-+]?(\d{1,3}(,\d{3})+|\d+)(\.\d+)?")  # 1,234.5
COMMAS = re.compile(r"[-+]?(\d{1,3}(\.\d{3})+|\d+)(,\d+)?")  # 1.234,5
EITHER = re.compile(r"[-+]?\d{1,3}([.,]\d{3})+")  # 1.234 or 1,234: thousands, or three decimals
NAMES = {",": "a comma", ".": "a point"}
CODE = re.compile(r"0\d+")  # 01069: a code


def read_cells(
    table: pd.DataFrame,
    missing: Iterable[str] = (),
    decimal: str | None = None,
    separator: str = ",",
    as_they_are: Iterable[str] = (),
) -> tuple[pd.DataFrame, list[str]]:
    """A table whose columns of texts have become numbers where they are some; and in sentences what was decided.

    ``missing``: texts that mean an empty cell, beside :data:`EMPTY`. ``decimal``: "." or "," where the cells do not
    tell; the other of the two then stands between thousands. ``separator``: of the file, for a point with three digits
    behind it is three decimals in a file separated by commas. ``as_they_are``: columns that stay texts.

    Raises ValueError for numbers that can be read in two ways, and for a column that would be one of numbers but for
    some words.
    """
    if decimal not in (None, ".", ","):
        raise ValueError(f"decimal is '.' or ',', not {decimal!r}")
    table, said = table.copy(), []
    empty = {*EMPTY, *map(str, [missing] if isinstance(missing, str) else missing)}
    texts = {name: column for name in table.columns if (column := stripped(table[name], empty, said)) is not None}
    read = {name: column for name, column in texts.items() if name not in set(as_they_are)}
    habit = decimal or habit_of(read.values(), separator)
    for name, column in texts.items():
        table[name] = as_read(column, decimal, habit, said) if name in read else column
    return table, said


def stripped(column: pd.Series, empty: set[str], said: list[str]) -> pd.Series | None:
    """A column of texts without spaces around them, None where they mean nothing; None for any other column."""
    if pd.api.types.is_numeric_dtype(column) or not (
        pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)
    ):
        return None
    column = column.astype(object)
    if not column.dropna().map(lambda cell: isinstance(cell, str)).all():
        return None
    texts = column.map(str.strip, na_action="ignore")
    nothing = texts.isin(empty)
    if words := [f"{quoted(word)} ({count:,})" for word, count in texts[nothing].value_counts().items() if word]:
        said.append(f"Empty cells of {quoted(column.name)}, by what is written there: {listed(words)}")
    return texts.mask(nothing, None)


def habit_of(columns: Iterable[pd.Series], separator: str) -> str | None:
    """What stands before decimals in a file: "." or ",", as columns show that can be read in one way; None where they
    differ, or none shows it."""
    shown = set()
    for column in columns:
        plain = without_sign(column.dropna())[0]
        if len(able := signs_that_fit(plain)) == 1 and plain.str.contains("[.,]", regex=True).any():
            shown.add(able[0])
    if not shown and separator == ",":
        return "."
    return shown.pop() if len(shown) == 1 else None


def signs_that_fit(plain: pd.Series) -> list[str]:
    """The signs before decimals, "." and ",", with which all of these texts are numbers."""
    points = plain.str.fullmatch(POINTS.pattern) | plain.str.fullmatch(PLAIN.pattern)
    return ["."] * bool(points.all()) + [","] * bool(plain.str.fullmatch(COMMAS.pattern).all())


def as_read(column: pd.Series, decimal: str | None, habit: str | None, said: list[str]) -> pd.Series:
    """A column of texts as numbers where they are some, else as it is."""
    known, name = column.dropna(), column.name
    plain, sign = without_sign(known)
    if known.empty or plain.str.fullmatch(CODE.pattern).any():
        return column
    if set(known) <= {"True", "False"} and len(known) == len(column):
        return column == "True"
    able = [one for one in signs_that_fit(plain) if decimal in (None, one)]
    if not able:
        refuse_nearly(known, plain, name)
        return column
    unclear = plain[plain.str.fullmatch(EITHER.pattern)]
    if len(able) == 2 and len(unclear) and habit is None:
        raise ValueError(
            f"the column {quoted(name)} holds {quoted(unclear.iloc[0])}: are these thousands, or three decimals? Say "
            "what stands before decimals, decimal='.' or decimal=','"
        )
    point = able[0] if len(able) == 1 or not len(unclear) else habit
    between = "," if point == "." else "."
    for there, words in (
        (plain.str.contains(between, regex=False).any(), f"{NAMES[between]} stands between thousands"),
        (point == "," and plain.str.contains(",", regex=False).any(), "a comma stands before the decimals"),
        (bool(sign), f"the sign {sign} is taken off"),
    ):
        if there:
            said.append(f"In {quoted(name)} {words}")
    numbers = pd.to_numeric(plain.str.replace(between, "", regex=False).str.replace(",", ".", regex=False))
    return numbers.reindex(column.index).rename(name)


def without_sign(known: pd.Series) -> tuple[pd.Series, str]:
    """Texts without the one sign of :data:`SIGNS` that all of them have; and the sign."""
    for sign in SIGNS:
        if len(known) and known.str.contains(sign, regex=False).all():
            return known.str.replace(sign, "", n=1, regex=False).str.strip(), sign
    return known, ""


def refuse_nearly(known: pd.Series, plain: pd.Series, name: str) -> None:
    """ValueError for a column of numbers in which a few words stand."""
    patterns = "|".join(f"(?:{one.pattern})" for one in (PLAIN, POINTS, COMMAS))
    numbers = plain.str.fullmatch(patterns)
    words = known[~numbers].value_counts()
    if numbers.mean() >= NEARLY and 0 < len(words) <= FEW_WORDS:
        said = listed(f"{quoted(word)} ({count:,})" for word, count in words.items())
        raise ValueError(
            f"the column {quoted(name)} would be one of numbers but for {said}: missing={[*words.index]} says that "
            f"they mean an empty cell; leave=[{quoted(name)}] takes the column out"
        )
