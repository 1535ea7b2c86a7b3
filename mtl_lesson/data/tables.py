"""A table of your own becomes a world: tasks from its columns, or a task for each of its groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..arguments import whole
from ..tasks import Classification, Task
from .columns import Encoder, Features, Labels, as_texts, by_size, find_features, labels_of, learn_encoder, take_columns
from .grouped import TAKEN, Grouped
from .quoting import all_quoted, listed, quoted
from .reading import read_table
from .world import Split

FEWEST_ROWS = 30  # fewer cannot be trained, chosen and tested on
FEWEST_GROUPS = 6  # two for each of the three parts
FEWEST_OF_TASK = 12  # labelled rows of a group that is a task of its own
TEST, SAMPLE = 11, 12  # streams of random numbers; the second is joined by the seed
SPLITS = ("group", "row", "half")
ROW = "row"  # what the unit is called where no group is given


@dataclass(frozen=True, eq=False, repr=False)
class Table(Grouped):
    """A world made from a table.

    ``columns``: the name of each column of x. ``encoder``: what was learnt from the training rows, for new rows.
    ``decisions``: what was decided on the way, a sentence each. ``rows``: split → row numbers of the table.
    """

    columns: tuple[str, ...] = field(kw_only=True)
    encoder: Encoder = field(kw_only=True)
    decisions: tuple[str, ...] = field(default=(), kw_only=True)
    rows: Mapping[str, np.ndarray] = field(kw_only=True)
    known: Known = field(kw_only=True)

    def draw(self, seed: int) -> Table:
        """The same world with training and validation rows drawn anew; the test rows stay."""
        return self.known.draw(seed)


def table(
    source: object,
    tasks: Mapping[str, str | Task] | None = None,
    *,
    group: str | None = None,
    task: str | None = None,
    leave: str | Sequence[str] = (),
    categories: str | Sequence[str] = (),
    dates: str | Sequence[str] | Mapping[str, str] = (),
    missing: str | Sequence[str] = (),
    decimal: str | None = None,
    test: float = 0.25,
    validation: float = 0.25,
    n_train: int | None = None,
    seed: int = 0,
    split_by: str = "group",
    encoding: str | None = None,
    quiet: bool = False,
) -> Table:
    """A world from a CSV or Parquet file, or a DataFrame: ``table("pupils.csv", tasks={"passed": "binary"})``.

    ``tasks``: column → "binary" (two answers), "class" or "number", or a Task, whose classes then order the answers. A
    row may lack the label of some tasks; it is masked. ``task``: a column each of whose values is a task of its own,
    all asking the one column of ``tasks``, each of its own rows. All other columns are features.

    ``group``: the column that says which rows belong together (a person, a school): no group is in two of training,
    validation and test, and a claim is of new groups; the column is no feature. Without one, the unit is the row, and
    the classes of a task have the same shares in each part, where they can. ``split_by="row"`` is the mistake of lesson
    12: one half of each test group's rows is tested on, and the other may be trained on. ``split_by="half"`` is what to
    compare it with: the same test rows and as many to train on, by group, the other half left out.

    ``test`` and ``validation``: their shares, of all and of what is not test. ``n_train``: at most so many rows are
    trained on. The ``seed`` draws training and validation, the test is the same for every seed.

    Features are numbers, categories (texts of at most 50 kinds, and ``categories``), or ``dates``, which become years:
    names, or {column: "day first" or "month first"} where the cells do not tell. Other texts are left out, as is what
    ``leave`` names. ``missing``: texts such as "-" that mean an empty cell, as "NA" and the like do. ``decimal``: "."
    or "," where cells such as 1.234 do not tell (:mod:`.cells`). Numbers are standardised and categories encoded as
    found in the *training* rows; number tasks are standardised by all rows but the test's, so that an error means the
    same for every seed. "binary:Ja": the answer "Ja" is yes. Each decision is printed as a sentence, unless ``quiet``,
    and kept in ``decisions``. ``encoding``: of a text file that is not UTF-8.

    Raises KeyError for a column that is not there, TypeError or ValueError, in words, for what cannot be a table, a
    feature or a task, for fewer than 30 rows and for fewer than 6 groups.
    """
    leave, categories = as_names(leave), as_names(categories)
    frame, said = read_table(source, encoding, missing, decimal, (*leave, *categories))
    said = [f"{name_of(source)}: {len(frame):,} rows, {frame.shape[1]:,} columns", *said]
    tasks = asked(frame, tasks, group, task, split_by, leave)
    frame, said = with_labels(frame, tasks, task, said)
    features = find_features(frame.drop(columns=[*tasks, *[c for c in (group, task) if c]]), leave, categories, dates)
    known = known_about(frame, features, tasks, said, group, task, split_by, test, validation, n_train)
    return printed(known.draw(whole(seed, "seed", least=0)), quiet)


def known_about(
    frame: pd.DataFrame,
    features: Features,
    tasks: Mapping[str, str | Task],
    said: Sequence[str],
    group: str | None,
    task: str | None,
    split_by: str,
    test: float,
    validation: float,
    n_train: int | None,
) -> Known:
    """Everything that no seed draws: units, test rows, labels, and the sentences that say so."""
    units, unit = units_of(frame, group)
    units_cut = units if group else None
    cutting = Cutting(frame, units_cut, split_by, tasks, task, share(test), share(validation), n_train)
    held = cutting.test()
    rest = np.setdiff1d(np.arange(len(frame)), held)
    labels, said = {}, [*said]
    for name, kind in tasks.items():
        labels[name], sentence = labels_of(frame[name], kind, rest)
        said.append(sentence)
    said += sentences_of(frame, tasks, features, group, split_by, cutting)
    return Known(frame, features, labels, units, unit, task, cutting, held, tuple(said))


def printed(world: Table, quiet: bool) -> Table:
    """The world, its decisions printed unless ``quiet``."""
    if not quiet:
        print("\n".join(f"{sentence}." for sentence in world.decisions))
    return world


def name_of(source: object) -> str:
    """What a table is called: its file, or that it is a DataFrame."""
    return "The DataFrame" if isinstance(source, pd.DataFrame) else f"The file {Path(source).name}"


def as_names(names: str | Sequence[str]) -> list[str]:
    """One name or several as a list."""
    return [names] if isinstance(names, str) else list(names)


def asked(
    frame: pd.DataFrame,
    tasks: Mapping[str, str | Task] | None,
    group: str | None,
    task: str | None,
    split_by: str,
    leave: Sequence[str] = (),
) -> dict[str, str | Task]:
    """The tasks, once everything that was asked is there and goes together."""
    columns = f"it has {listed(map(repr, frame.columns))}"
    if not tasks:
        raise ValueError(f"say which columns are tasks, tasks={{'{frame.columns[-1]}': 'class'}}; {columns}")
    if not isinstance(tasks, Mapping):
        raise TypeError(f"tasks is a mapping such as {{'passed': 'binary'}}, not {tasks!r}")
    for name in (*tasks, *[column for column in (group, task) if column is not None]):
        if not isinstance(name, str):
            raise TypeError(f"a column is named by text, not by {name!r}")
        if name not in frame.columns:
            raise KeyError(f"the table has no column {name!r}; {columns}")
    for what, name in (("group", group), ("task", task)):
        if name in tasks:
            raise ValueError(f"{quoted(name)} is one of the tasks, so it cannot be {what}=, too")
        if name in leave:
            raise ValueError(f"{quoted(name)} is {what}=, so it is no feature anyway: take it out of leave=")
    if both := [name for name in tasks if name in leave]:
        raise ValueError(f"{quoted(both[0])} is one of the tasks: take it out of leave=, or out of tasks=")
    if task is not None and group is not None:
        raise ValueError("with task= the unit is the row; a table has either task= or group=")
    if task is not None and len(tasks) != 1:
        raise ValueError(f"with task={task!r} every value of that column asks one question: give one column in tasks=")
    if split_by not in SPLITS:
        raise ValueError(f"split_by is one of {', '.join(map(repr, SPLITS))}, not {split_by!r}")
    return dict(tasks)


def with_labels(
    frame: pd.DataFrame, tasks: Mapping[str, str | Task], task: str | None, said: list[str]
) -> tuple[pd.DataFrame, list[str]]:
    """The rows that can be used; their index still numbers the rows of the whole table. ValueError for too few."""
    if task is not None:
        frame, said = with_enough(frame, next(iter(tasks)), task, said)
    labelled = frame[[*tasks]].notna().any(axis=1)
    if labelled.any() and not labelled.all():
        said = [*said, f"{int((~labelled).sum()):,} rows have no label at all: left out"]
        frame = frame[labelled]
    if len(frame) < FEWEST_ROWS:
        raise ValueError(f"{len(frame)} rows are too few to train, choose and test on; {FEWEST_ROWS} are the least")
    return frame, said


def with_enough(frame: pd.DataFrame, label: str, task: str, said: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """Only the rows of tasks that have enough labels."""
    counts = frame.loc[frame[label].notna(), task].astype(str).value_counts()
    few = [name for name, count in counts.items() if count < FEWEST_OF_TASK]
    if len(counts) - len(few) < 2:
        raise ValueError(
            f"the column {task!r} has fewer than two values with {FEWEST_OF_TASK} labels or more: nothing to share"
        )
    if gaps := int(frame[task].isna().sum()):
        said = [*said, f"{gaps:,} rows have no {quoted(task)}: left out"]
    if few:
        said = [*said, f"Of {task!r}, {all_quoted(few)} have fewer than {FEWEST_OF_TASK} labels: left out"]
    return frame[frame[task].notna() & ~frame[task].astype(str).isin(few)], said


def units_of(frame: pd.DataFrame, group: str | None) -> tuple[np.ndarray, str]:
    """The unit of each row as a number, and what one is called."""
    if group is None:
        return np.arange(len(frame)), ROW
    if frame[group].isna().any():
        at = int(frame[group].isna().to_numpy().argmax())
        raise ValueError(f"row {at + 1} has no {group!r}: give it one, or take the row out")
    units = pd.factorize(as_texts(frame[group]))[0]
    if units.max() + 1 < FEWEST_GROUPS:
        raise ValueError(
            f"the column {group!r} has {units.max() + 1} groups, and a split by group needs {FEWEST_GROUPS}: a claim "
            "about new groups cannot be tested here. Without group= it would be about new rows of these"
        )
    return units, f"{group} group" if group in TAKEN else group


def share(value: float) -> float:
    """A share of the rows, between 0 and 1."""
    if not isinstance(value, int | float) or not 0 < value < 0.9:
        raise ValueError(f"test and validation are shares between 0 and 0.9, such as 0.25, not {value!r}")
    return float(value)


# --- the split ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Cutting:
    """How the rows are cut: by ``units`` where there are some, else with the classes of one task in equal shares.

    By "row" and "half" the test is one half of the rows of each test unit. By "row" the other half may be trained on,
    as may all other rows, as many as by "half", which leaves that half out.
    """

    frame: pd.DataFrame = field(repr=False)
    units: np.ndarray | None
    split_by: str
    tasks: Mapping[str, str | Task]
    task: str | None
    share_test: float
    share_validation: float
    n_train: int | None

    def test(self) -> np.ndarray:
        """The rows of the test, the same for every seed."""
        rows = self.cut(np.arange(len(self.frame)), self.share_test, [TEST], 4)[1]
        if self.split_by != "group" and self.units is not None:
            drawn = np.random.default_rng([TEST, 1]).permutation(rows)
            place = pd.Series(self.units[drawn]).groupby(self.units[drawn]).cumcount().to_numpy()
            return np.sort(drawn[place % 2 == 0])
        return rows

    def rest(self, test: np.ndarray, seed: int) -> dict[str, np.ndarray]:
        """ "train" and "validation" out of the others."""
        left = np.setdiff1d(np.arange(len(self.frame)), test)
        strange = left if self.units is None else left[~np.isin(self.units[left], self.units[test])]
        train, validation = self.cut(strange, self.share_validation, [SAMPLE, seed])
        if self.split_by == "row" and self.units is not None:
            drawn = np.random.default_rng([SAMPLE, seed, 2]).permutation(left)[: len(strange)]
            train, validation = drawn[: len(train)], drawn[len(train) :]
        if self.n_train is not None and self.n_train < len(train):
            train = np.random.default_rng([SAMPLE, seed, 1]).permutation(train)[: whole(self.n_train, "n_train")]
        return {"train": train, "validation": validation}

    def cut(self, rows: np.ndarray, part: float, stream: list[int], left: int = 2) -> tuple[np.ndarray, np.ndarray]:
        """Rows in two, the second of which is ``part`` of them; of groups the first keeps ``left`` or more."""
        from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

        if self.units is not None:
            return cut_groups(rows, self.units[rows], part, np.random.default_rng(stream), left)
        drawn = int(np.random.default_rng(stream).integers(2**31))
        kinds = self.strata(rows)
        cutter = (ShuffleSplit if kinds is None else StratifiedShuffleSplit)(1, test_size=part, random_state=drawn)
        first, second = next(cutter.split(rows, kinds))
        return rows[first], rows[second]

    def strata(self, rows: np.ndarray) -> np.ndarray | None:
        """What has the same share in both parts: the value of ``task``, or the classes of the task whose rarest has the
        fewest rows; None where there is no such task, or a class with one row."""
        columns = [self.task] if self.task else [name for name, kind in self.tasks.items() if kind != "number"]
        counted = []
        for name in columns:
            kinds = pd.factorize(as_texts(self.frame[name].iloc[rows]), use_na_sentinel=False)[0]
            counts = np.bincount(kinds)
            if counts.min() >= 2 and 2 * len(counts) <= len(rows) * min(self.share_test, self.share_validation):
                counted.append((counts.min(), name, kinds))
        return min(counted, key=lambda one: one[:2])[2] if counted else None


def cut_groups(
    rows: np.ndarray, units: np.ndarray, part: float, rng: np.random.Generator, left: int = 2
) -> tuple[np.ndarray, np.ndarray]:
    """Rows in two, whole groups on each side: as many in the second as come nearest to ``part`` of the rows, two or
    more, and ``left`` or more in the first."""
    names, of, sizes = np.unique(units, return_inverse=True, return_counts=True)
    order = rng.permutation(len(names))
    reached = np.cumsum(sizes[order]) / len(rows)
    count = np.clip(np.abs(reached - part).argmin() + 1, 2, len(names) - left)
    second = np.isin(of, order[:count])
    return rows[~second], rows[second]


def sentences_of(
    frame: pd.DataFrame,
    tasks: Mapping[str, str | Task],
    features: Features,
    group: str | None,
    split_by: str,
    cutting: Cutting,
) -> list[str]:
    """What was decided about rows and features, a sentence each."""
    said = []
    for what, names in (("numbers", features.numbers), ("categories", features.categories)):
        if names:
            said.append(f"Features that are {what}: {all_quoted(names)}")
    if features.dates:
        said.append(f"Dates become years since 2000: {all_quoted(features.dates)}")
    for names, what in (
        ((*features.numbers, *features.dates), "the mean stands in, and a column of its own says where"),
        (features.categories, "that is a category of its own"),
    ):
        if gaps := [name for name in names if frame[name].isna().any()]:
            said.append(f"Where cells of {all_quoted(gaps)} are empty, {what}")
    for why in dict.fromkeys(features.left_out.values()):
        said.append(f"Left out, {why}: {all_quoted([name for name, own in features.left_out.items() if own == why])}")
    lacking = [name for name in tasks if frame[name].isna().any()]
    if lacking:
        counts = [f"{quoted(name)} ({int(frame[name].isna().sum()):,})" for name in lacking]
        said.append(f"Missing labels are masked: {listed(counts)}")
    if group is None:
        strata = cutting.strata(np.arange(len(frame)))
        of = f"value of {cutting.task!r}" if cutting.task else "class"
        like = f"with equal shares of each {of}" if strata is not None else "at random"
        hint = "" if cutting.task else ". Where rows belong together, say group="
        said.append(f"{len(frame):,} rows are split {like}: claims are of new rows{hint}")
    elif split_by != "row":
        count = frame[group].nunique()
        said.append(f"{len(frame):,} rows of {count:,} groups are split by {group!r}: no group is in two parts")
    else:
        said.append(
            f"{len(frame):,} rows are split at random, although each {group!r} belongs together: to compare, not to use"
        )
    return said


# --- the world ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Known:
    """Everything that is decided before a seed is drawn: the table, what its columns are, and the test rows."""

    frame: pd.DataFrame = field(repr=False)
    features: Features
    labels: Mapping[str, Labels]
    units: np.ndarray = field(repr=False)
    unit: str
    task: str | None
    cutting: Cutting = field(repr=False)
    test: np.ndarray = field(repr=False)
    said: tuple[str, ...] = field(repr=False)

    @cached_property
    def x(self) -> pd.DataFrame:
        """The columns that are features, ready to be encoded."""
        return take_columns(self.frame, self.features)

    def encoded(self, rows: Mapping[str, np.ndarray]) -> tuple[Encoder, dict[str, Tensor]]:
        """What the training rows teach, and x of each part by it."""
        encoder = learn_encoder(self.x.iloc[rows["train"]], self.features, self.labels)
        return encoder, {part: encoder.transform(self.x.iloc[own]) for part, own in rows.items()}

    def draw(self, seed: int) -> Table:
        """The world whose training and validation rows this seed draws."""
        rows = self.cutting.rest(self.test, seed) | {"test": self.test}
        encoder, x = self.encoded(rows)
        y = {part: {n: own.of(self.frame[n].iloc[r]) for n, own in self.labels.items()} for part, r in rows.items()}
        tasks = tuple(own.task for own in self.labels.values())
        splits = {part: Split(x[part], y[part]) for part in rows}
        groups = {part: torch.tensor(self.units[own]) for part, own in rows.items()}
        if self.task is not None:
            column = {part: as_texts(self.frame[self.task].iloc[own]).to_numpy() for part, own in rows.items()}
            tasks, splits = task_each(tasks[0], column, splits)
            groups = {part: torch.arange(max(map(len, split.x.values()))) for part, split in splits.items()}
            encoder = replace(
                encoder, labels={task.name: replace(encoder.labels[y_name(self.labels)], task=task) for task in tasks}
            )
        return Table(
            "table",
            tasks,
            **splits,
            dial={"n_train": len(rows["train"]), "seed": seed},
            groups=groups,
            group=self.unit,
            columns=encoder.columns,
            encoder=encoder,
            decisions=(*self.said, sizes_of(rows, self.units, self.unit)),
            rows={part: self.frame.index[own].to_numpy() for part, own in rows.items()},
            known=self,
        )


def sizes_of(rows: Mapping[str, np.ndarray], units: np.ndarray, unit: str) -> str:
    """How many rows, and groups, there are to train on, to choose by and to test on."""
    parts = {"train": "to train on", "validation": "to choose by", "test": "to test on"}
    counts = [(len(rows[part]), len(np.unique(units[rows[part]])), words) for part, words in parts.items()]
    each = [f"{n:,} rows{'' if unit == ROW else f' of {u:,} groups'} {words}" for n, u, words in counts]
    return listed(each)


def y_name(labels: Mapping[str, Labels]) -> str:
    """The one column that is asked for."""
    return next(iter(labels))


def task_each(
    asked: Task, column: Mapping[str, np.ndarray], splits: Mapping[str, Split]
) -> tuple[tuple[Task, ...], dict[str, Split]]:
    """A task for each value of a column, which asks what ``asked`` asks, of the rows with that value."""
    values = sorted(set.intersection(*(set(own) for own in column.values())), key=by_size)
    if isinstance(asked, Classification):
        tasks = tuple(Classification(value, asked.classes) for value in values)
    else:
        tasks = tuple(type(asked)(value) for value in values)
    own = {}
    for part, split in splits.items():
        at = {value: torch.tensor(np.flatnonzero(column[part] == value)) for value in values}
        y = next(iter(split.labels.values()))
        own[part] = Split({value: split.x[rows] for value, rows in at.items()}, {v: y[rows] for v, rows in at.items()})
    return tasks, own
