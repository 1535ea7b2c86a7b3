"""Columns of a table become what a network takes: numbers scaled, categories as zeros and ones, labels of tasks.

What is learnt here, a mean, a spread, a list of categories, is learnt from training rows alone, by scikit-learn's
transformers, and kept in an :class:`Encoder`, which does the same to new rows, or refuses them in words.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..tasks import MISSING, Binary, Classification, Regression, Task
from .quoting import all_quoted, quoted

KINDS = ("binary", "class", "number")  # of tasks
MANY = 50  # a column of more different texts is free text, not a category
FARTHEST = 5.0  # standard deviations from the mean, where a feature is cut off
NOTHING = "missing"  # what a category is called where none is given
ORIGIN = pd.Timestamp("2000-01-01")  # dates become years since then
DAYS = 365.25
DATE = re.compile(r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?")
YES = {"1": "0", "1.0": "0.0", "yes": "no", "true": "false", "y": "n", "t": "f"}  # what means yes → what then means no
YES |= {"ja": "nein", "j": "n", "wahr": "falsch", "oui": "non", "vrai": "faux", "si": "no", "sí": "no", "sì": "no"}
YES |= {"sim": "não", "да": "нет", "是": "否", "有": "无"}
WORDS_FOR_NOTHING = ("-", "--", "?", ".", "/", "k.A.", "n.a.", "k. A.", "unknown", "unbekannt")
KEPT = ("numbers", "categories", "dates", "day_first")  # of the features, with an encoder
FEWEST_NUMBERS = 10  # a number task with fewer different values is perhaps a class


# --- features -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Features:
    """What each column of a table is: names of ``numbers``, ``categories``, ``dates`` (as years); and of what is left
    out, with the reason, in ``left_out``."""

    numbers: tuple[str, ...]
    categories: tuple[str, ...]
    dates: tuple[str, ...] = ()
    day_first: tuple[str, ...] = ()  # of the dates, those whose cells are written so
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def names(self) -> tuple[str, ...]:
        """All columns that are used."""
        return (*self.numbers, *self.dates, *self.categories)


def find_features(
    table: pd.DataFrame,
    leave: Iterable[str] = (),
    categories: Iterable[str] = (),
    dates: str | Iterable[str] | Mapping[str, str] = (),
) -> Features:
    """What each column of ``table`` is; ``categories`` and ``dates`` say it of some, ``leave`` takes some out.

    Raises KeyError for a name that is no column, ValueError for a column of dates that nobody spoke of, for infinite
    numbers, and where nothing is left.
    """
    leave, categories = list(leave), list(categories)
    orders = dates if isinstance(dates, Mapping) else dict.fromkeys([dates] if isinstance(dates, str) else dates)
    dates, day_first = list(orders), tuple(name for name in orders if is_day_first(table.get(name), orders[name]))
    if twice := {*leave} & {*categories, *dates} | {*categories} & {*dates}:
        raise ValueError(f"{all_quoted(sorted(twice))}: a column is left out, a category or a date, one of them")
    for name in (*leave, *categories, *dates):
        if name not in table.columns:
            raise KeyError(f"the table has no column {name!r}; it has {', '.join(map(str, table.columns))}")
    found: dict[str, list[str]] = {"numbers": [], "categories": [], "dates": []}
    left_out = dict.fromkeys(leave, "as you said")
    for name in table.columns:
        if name not in leave:
            kind = kind_of_column(table[name], name in categories, name in dates)
            if kind in found:
                found[kind].append(name)
            else:
                left_out[name] = kind
    if not any(found.values()):
        why = f"; left out are {all_quoted(left_out)}" if left_out else ": all columns are tasks or groups"
        raise ValueError(f"no column is left to foretell the tasks by{why}")
    return Features(*map(tuple, found.values()), day_first, left_out)


def kind_of_column(column: pd.Series, category: bool, date: bool) -> str:
    """ "numbers", "categories" or "dates"; or why the column is left out."""
    known = column.dropna()
    if known.empty:
        return "all its cells are empty"
    if date:
        return "dates"
    if pd.api.types.is_datetime64_any_dtype(column) or (not is_number(known) and looks_like_dates(known)):
        raise ValueError(
            f"the column {column.name!r} holds dates, such as {known.iloc[0]}: dates=[{column.name!r}] makes numbers "
            f"of them, years since {ORIGIN:%Y}; leave=[{column.name!r}] takes it out"
        )
    if is_number(known) and not category:
        if np.isinf(known.to_numpy(dtype=float)).any():
            raise ValueError(
                f"the column {column.name!r} holds infinity; make such cells empty, or leave=[{column.name!r}]"
            )
        return "numbers"
    many = known.astype(str).nunique()
    if many > MANY and not category:
        figures = bool(known.astype(str).str.contains("[0-9]").all())
        hint = " (if these are numbers, make them numbers first)" * figures
        return f"{many:,} different texts are no categories{hint}"
    return "categories"


def is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_complex_dtype(column)


def looks_like_dates(known: pd.Series, some: int = 50) -> bool:
    """Whether all of the first cells are written as dates, and pandas can read them."""
    texts = known.iloc[:some].astype(str)
    if not all(DATE.fullmatch(text.strip()) for text in texts):
        return False
    return pd.to_datetime(texts, errors="coerce", format="mixed").notna().all()


def is_day_first(column: pd.Series | None, order: str | None) -> bool:
    """Whether dates are written with the day first, 07.04.2022 for 7 April; checked, and refused where neither the
    cells nor ``order`` ("day first", "month first") say so. False for what is not written as text."""
    if column is None or pd.api.types.is_datetime64_any_dtype(column):
        return False
    if is_number(column.dropna()):
        raise ValueError(
            f"the column {column.name!r} holds numbers, not dates: take it out of dates=, a year is a number"
        )
    parts = column.dropna().astype(str).str.extract(r"^\s*(\d{1,2})([-/.])(\d{1,2})[-/.]\d{2,4}").dropna()
    if parts.empty:
        return False  # the year comes first: nothing to decide
    first, second = parts[0].astype(int), parts[2].astype(int)
    if order not in (None, "day first", "month first"):
        raise ValueError(f"dates={{{column.name!r}: …}} is 'day first' or 'month first', not {order!r}")
    shown = {True: (first > 12).any() or (parts[1] == ".").all(), False: (second > 12).any()}
    if all(shown.values()) or (order and shown[order != "day first"]):
        raise ValueError(f"the column {column.name!r} holds dates in two orders: write them as 2022-04-07")
    if not any(shown.values()) and order is None:
        raise ValueError(
            f"the column {column.name!r} holds {column.dropna().iloc[0]}: day or month first? "
            f"dates={{{column.name!r}: 'day first'}} says so"
        )
    return order == "day first" if order else bool(shown[True])


def as_years(column: pd.Series, day_first: bool = False) -> pd.Series:
    """Dates as years since :data:`ORIGIN`; ValueError for a cell that is none."""
    read = pd.to_datetime(column, errors="coerce", format="mixed", utc=True, dayfirst=day_first)
    wrong = column[read.isna() & column.notna()]
    if len(wrong):
        raise ValueError(
            f"the column {column.name!r} holds {str(wrong.iloc[0])!r}, which is no date ({len(wrong):,} of "
            f"{column.notna().sum():,}); missing=[{str(wrong.iloc[0])!r}] says that it means an empty cell"
        )
    return (read.dt.tz_localize(None) - ORIGIN).dt.total_seconds() / 86400 / DAYS


# --- labels ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Labels:
    """How the cells of one column become the labels of ``task``. ``values``: the cell of each class, as text, in order,
    of yes or no the two. A number y becomes (y − ``middle``) / ``unit``."""

    task: Task
    values: tuple[str, ...] = ()
    middle: float = 0.0
    unit: float = 1.0

    def of(self, column: pd.Series) -> Tensor:
        """The labels (n,), missing where a cell is empty. ValueError for a cell that is no answer."""
        if self.task.numeric:
            return torch.tensor(((as_floats(column) - self.middle) / self.unit).to_numpy(float), dtype=torch.float32)
        texts = as_texts(column)
        numbers = texts.map({value: number for number, value in enumerate(self.values)})
        wrong = texts[numbers.isna() & texts.notna()]
        if len(wrong):
            raise ValueError(
                f"task {self.task.name!r} has no answer {wrong.iloc[0]!r}; it has {', '.join(self.values)}"
            )
        return torch.tensor(numbers.fillna(MISSING).to_numpy(np.int64))


def labels_of(column: pd.Series, kind: str | Task, rows: np.ndarray) -> tuple[Labels, str]:
    """How ``column`` becomes labels, and that in a sentence. ``kind``: one of :data:`KINDS`, or a Task, whose classes
    then name and order the answers. ``rows``: those by which numbers are scaled, all but the test's.

    Raises ValueError, in words, for a column that cannot be asked for so: no label at all, one answer alone, more than
    two for yes or no, texts for a number.
    """
    name = str(column.name)
    task, chosen = kind if isinstance(kind, Task) else None, ""
    if isinstance(kind, str) and kind.startswith("binary:"):
        kind, chosen = "binary", kind.removeprefix("binary:").strip()
    kind = (
        kind if task is None else {Regression: "number", Binary: "binary", Classification: "class"}.get(type(task), "")
    )
    if kind not in KINDS:
        raise ValueError(f"task {name!r}: there is no kind {kind or task!r}; there are {', '.join(KINDS)}")
    if task is not None and task.name != name:
        raise ValueError(f"the column {quoted(name)} was given the task {quoted(task.name)}: call both alike")
    if column.notna().sum() == 0:
        raise ValueError(f"task {name!r}: all labels are missing; take the task out, or label some rows")
    if kind == "number":
        return number_labels(column, task, rows)
    return class_labels(column, task, kind == "binary", chosen)


def number_labels(column: pd.Series, task: Task | None, rows: np.ndarray) -> tuple[Labels, str]:
    """:func:`labels_of` a number: mean 0 and standard deviation 1 over ``rows``."""
    name, known = str(column.name), as_floats(column).iloc[rows].dropna()
    if known.nunique() < 2:
        raise ValueError(f"task {name!r} has one answer in all rows, {known.max():g}: nothing to learn")
    middle, unit = float(known.mean()), float(known.std(ddof=0))
    said = f"Task {name!r} is a number: its mean, {middle:.4g}, becomes 0 and its standard deviation, {unit:.4g}, 1"
    if known.nunique() < FEWEST_NUMBERS:
        said += f" (it has {known.nunique()} different values: perhaps it is a class)"
    return Labels(task or Regression(name), (), middle, unit), said


def class_labels(column: pd.Series, task: Task | None, binary: bool, chosen: str) -> tuple[Labels, str]:
    """:func:`labels_of` classes, or of yes and no, where the answer ``chosen`` is yes."""
    name, texts = str(column.name), as_texts(column)
    values = sorted(texts.dropna().unique(), key=by_size)
    if len(values) == 1:
        raise ValueError(f"task {name!r} has one answer in all rows, {values[0]!r}: nothing to learn")
    if nothing := [value for value in values if value in WORDS_FOR_NOTHING]:
        raise ValueError(
            f"task {name!r} has the answer {nothing[0]!r}: if it means an empty cell, missing={nothing}; else call it "
            "otherwise"
        )
    if binary:
        if len(values) != 2:
            raise ValueError(
                f"task {name!r} is to be yes or no and has {len(values)} answers, {all_quoted(values)}: call it a "
                "'class' or a 'number'"
            )
        no, yes = in_yes_and_no(values, chosen, name)
        return Labels(task or Binary(name), (no, yes)), f"Task {name!r} is a yes or no: {yes!r} is yes and {no!r} is no"
    values = values if task is None else list(task.classes)
    if len(values) > max(MANY, texts.notna().sum() ** 0.5):
        raise ValueError(
            f"task {name!r} has {len(values):,} classes among {texts.notna().sum():,} labels: is it a 'number'?"
        )
    said = f"Task {name!r} has {len(values)} classes: {all_quoted(values)}"
    return Labels(task or Classification(name, values), tuple(values)), said


def in_yes_and_no(values: Sequence[str], chosen: str, name: str) -> tuple[str, str]:
    """Two answers as (no, yes): the ``chosen`` is yes, or the word for it; of other words the second."""
    if chosen:
        if chosen not in values:
            raise ValueError(f"task {name!r} has no answer {chosen!r} to be yes; it has {all_quoted(values)}")
        return next(value for value in values if value != chosen), chosen
    known = {value.casefold(): value for value in values}
    yes = next((word for word, no in YES.items() if {word, no} == set(known)), None)
    return (known[YES[yes]], known[yes]) if yes else (values[0], values[1])


def as_floats(column: pd.Series) -> pd.Series:
    """A column as floats; ValueError for a cell that is no number, or infinite."""
    numbers = column if is_number(column) else pd.to_numeric(column.astype(object), errors="coerce")
    numbers = pd.Series(numbers.to_numpy(dtype=float, na_value=np.nan), column.index, name=column.name)
    wrong = column[(numbers.isna() & column.notna()) | np.isinf(numbers)]
    if len(wrong):
        raise ValueError(
            f"the column {column.name!r} holds {str(wrong.iloc[0])[:40]!r}, which is no number ({len(wrong):,} of "
            f"{column.notna().sum():,} cells)"
        )
    return numbers


def as_texts(column: pd.Series) -> pd.Series:
    """Cells as text, whole numbers as whole ("1", not "1.0" where another cell is missing), None where empty."""
    if pd.api.types.is_float_dtype(column) and (column.dropna() % 1 == 0).all():
        column = column.astype("Int64")
    return column.astype(object).map(lambda cell: str(cell).strip(), na_action="ignore")


def by_size(text: str) -> tuple[bool, float, str]:
    """Numbers by size, then words by the alphabet."""
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


# --- the encoder ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Encoder:
    """What was learnt from the training rows of a table, to be done to any rows of it.

    ``features``: what each column is. ``labels``: task → :class:`Labels`. ``columns``: the name of each column of x.
    ``transformer``: scikit-learn's, fitted.
    """

    features: Features
    labels: Mapping[str, Labels]
    columns: tuple[str, ...]
    transformer: object = field(repr=False)

    def encode(self, table: pd.DataFrame) -> Tensor:
        """x (n, columns), float32, of new rows. Columns may stand in another order, and others beside them.

        Raises KeyError for a column that is missing, ValueError for a category that training never showed, for text
        where a number stood, and for infinity.
        """
        if not len(table):
            raise ValueError("the table has no rows: there is nothing to encode")
        frame = take_columns(table, self.features)
        for name, known in zip(self.features.categories, self.known, strict=True):
            new = frame[name][~frame[name].isin(known)]
            if len(new):
                raise ValueError(
                    f"the column {name!r} holds {quoted(new.iloc[0])}, which no training row has; known are "
                    f"{all_quoted(known)}"
                )
        return self.transform(frame)

    def takes(self, rows: object) -> bool:
        """Whether these are rows of a table."""
        return isinstance(rows, pd.DataFrame)

    def index_of(self, rows: pd.DataFrame) -> pd.Index:
        """What the rows are called."""
        return rows.index

    @property
    def known(self) -> list[list[str]]:
        """The categories of each column of such."""
        steps = self.transformer.named_transformers_
        return [list(map(str, values)) for values in steps["categories"].categories_] if "categories" in steps else []

    def transform(self, frame: pd.DataFrame) -> Tensor:
        """x of a table that is prepared; a category that is not known has zeros alone."""
        x = np.asarray(self.transformer.transform(frame), dtype=np.float64)
        return torch.tensor(x.clip(-FARTHEST, FARTHEST), dtype=torch.float32)

    def decode(self, name: str, values: Tensor | np.ndarray) -> np.ndarray:
        """Answers of a number task in the unit of the table."""
        own = self.labels[name]
        return np.asarray(values, dtype=np.float64) * own.unit + own.middle

    def answer(self, name: str, number: int) -> str:
        """The cell that stands for an answer of a class or yes-or-no task."""
        return self.labels[name].values[number]

    def to_bytes(self) -> bytes:
        """Everything but the tasks' classes of code, without pickle (skops)."""
        import skops.io

        facts = {
            "features": [list(getattr(self.features, name)) for name in KEPT],
            "columns": list(self.columns),
            "labels": [
                [name, kind_of_task(own.task), list(own.values), own.middle, own.unit]
                for name, own in self.labels.items()
            ],
            "transformer": self.transformer,
        }
        return skops.io.dumps(facts)

    @classmethod
    def from_bytes(cls, content: bytes) -> Encoder:
        """What :meth:`to_bytes` made. ValueError for anything else; no code that a file brings is ever run."""
        import skops.io

        try:
            facts = skops.io.loads(content, trusted=["numpy.dtype"])
            features = Features(*map(tuple, facts["features"]))
            labels = {
                name: Labels(task_of_kind(name, kind, values), tuple(values), middle, unit)
                for name, kind, values, middle, unit in facts["labels"]
            }
            return cls(features, labels, tuple(facts["columns"]), facts["transformer"])
        except Exception as error:  # whatever a damaged file makes of the library
            raise ValueError(f"these are not the transformers of a table: {error}") from None


def kind_of_task(task: Task) -> str:
    return "number" if task.numeric else "binary" if isinstance(task, Binary) else "class"


def task_of_kind(name: str, kind: str, values: Sequence[str]) -> Task:
    return {"number": Regression, "binary": Binary}[kind](name) if kind != "class" else Classification(name, values)


def take_columns(table: pd.DataFrame, features: Features) -> pd.DataFrame:
    """The columns that are used, in order: numbers as floats, dates as years, categories as text."""
    missing = [name for name in features.names if name not in table.columns]
    if missing:
        raise KeyError(f"the table lacks {all_quoted(missing)}; it must have the columns that were trained on")
    parts = [as_floats(table[name]) for name in features.numbers]
    parts += [as_years(table[name], name in features.day_first) for name in features.dates]
    parts += [as_texts(table[name]).fillna(NOTHING).rename(name) for name in features.categories]
    return pd.concat(parts, axis=1)


def learn_encoder(frame: pd.DataFrame, features: Features, labels: Mapping[str, Labels]) -> Encoder:
    """An Encoder from the training rows, ``frame``, prepared.

    Numbers get mean 0 and standard deviation 1; where one is missing it becomes the mean, and a column "… missing"
    says so, if any was missing in training. Categories get a column each.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    numbers = [*features.numbers, *features.dates]
    steps = []
    if numbers:
        fill = SimpleImputer(add_indicator=True, keep_empty_features=True)
        steps.append(("numbers", make_pipeline(fill, StandardScaler()), numbers))
    if features.categories:
        ones = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        steps.append(("categories", ones, list(features.categories)))
    transformer = ColumnTransformer(steps).fit(frame)
    gaps = [f"{name} missing" for name in numbers if frame[name].isna().any()]
    encoder = Encoder(features, labels, (), transformer)
    of_categories = [
        f"{name}: {value}" for name, known in zip(features.categories, encoder.known, strict=True) for value in known
    ]
    return Encoder(features, labels, (*numbers, *gaps, *of_categories), transformer)
