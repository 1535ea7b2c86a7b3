"""A folder of pictures becomes a world: a table of labels, one column of which names the files."""

from __future__ import annotations

import json
import os
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..arguments import whole
from ..tasks import Task
from .columns import Encoder, Features, Labels, as_texts, kind_of_task, task_of_kind
from .pictures import CHANNELS, ENDINGS, PictureShape, read_pictures, sentences_about
from .quoting import all_quoted, listed
from .reading import read_table
from .tables import FEWEST_ROWS, Known, Table, asked, known_about, printed, with_labels

FILE, FOLDER = "file", "folder"  # the columns of a table that is made of sub-folders
BROKEN = ("refuse", "leave out")
LEAVE = "take their rows out, or say broken='leave out'"
MOST_NAMED = 5  # of the files that cannot be used


@dataclass(frozen=True, eq=False, repr=False)
class Folder(Table):
    """A world made from a folder of pictures. x: (n, channels, size, size), from 0 (black) to 1 (white).

    ``files``: row of the table → its file, as named there. ``columns``: what each channel is.
    """

    files: Mapping[int, str] = field(kw_only=True)

    def files_of(self, split: str) -> list[str]:
        """The file of each example of "train", "validation" or "test"; in the order of x where tasks share it."""
        return [self.files[row] for row in self.rows[split]]


def folder(
    path: str | os.PathLike,
    labels: object = None,
    tasks: Mapping[str, str | Task] | None = None,
    *,
    group: str | None = None,
    task: str | None = None,
    files: str | None = None,
    size: int = 28,
    channels: int = 3,
    fit: str = "pad",
    broken: str = "refuse",
    test: float = 0.25,
    validation: float = 0.25,
    n_train: int | None = None,
    seed: int = 0,
    split_by: str = "group",
    encoding: str | None = None,
    quiet: bool = False,
) -> Folder:
    """A world from a folder of pictures: ``folder("pictures", "labels.csv", tasks={"kind": "class"}, group="person")``.

    ``labels``: a table as :func:`table` takes one, looked for in the folder and where you are; a row a picture. Its
    column ``files`` names the files, as they are called in the folder; left out, that is the first column that does.
    Without ``labels`` each sub-folder is a class, and the one task is called "folder".

    ``size``: pixels, 28 for ``mtl.nets.conv``; every picture becomes ``size`` × ``size``, whole on a white square, or
    with ``fit="crop"`` its middle. ``channels``: 3, red, green and blue, or 1, grey. Pictures are turned upright, as
    the camera noted (EXIF), and what is transparent is laid on white.
    ``broken="leave out"``: rows whose file is not there or cannot be read are left out, and that is said; otherwise
    they are refused. Equal pictures are kept: an audit counts them.

    ``tasks``, ``group``, ``task``, ``test``, ``validation``, ``n_train``, ``seed``, ``split_by``, ``encoding`` and
    ``quiet``: as in :func:`table`. Other columns are left out. After two seconds a bar of progress is shown, and Stop
    ends it at any time.

    Raises FileNotFoundError, KeyError, TypeError or ValueError, in words: for what :func:`table` refuses, for a folder
    without pictures, files that are not there, listed twice, outside of the folder or no pictures.
    """
    root = folder_at(path)
    if broken not in BROKEN:
        raise ValueError(f"broken is 'refuse' or 'leave out', not {broken!r}")
    shape = PictureShape(size, channels, fit)
    if labels is None:
        frame, said = table_of_folders(root, files, group, task)
        tasks, files = tasks or {FOLDER: "class"}, FILE
    else:
        frame, said = read_table(labels_at(root, labels), encoding)
        files = files_column(frame, root, files)
    tasks = asked(frame, tasks, group, task, split_by)
    if files in (*tasks, group, task):
        raise ValueError(f"the column {files!r} names the files, so it can be neither a task nor the group")
    frame, said = with_names(frame, files, broken, said)
    frame, said = with_labels(frame, tasks, task, said)
    said += unlisted(root, frame[files]) if labels is not None else []
    frame, values, about = read_listed(frame, files, root, shape, broken, quiet)
    others = [name for name in frame.columns if name not in (*tasks, files, group, task)]
    features = Features((), (), left_out=dict.fromkeys(others, "since a network sees the pictures alone"))
    known = known_about(frame, features, tasks, [*said, *about], group, task, split_by, test, validation, n_train)
    whole(seed, "seed", least=0)
    pictured = KnownPictures(
        **{own.name: getattr(known, own.name) for own in fields(Known)}, values=values, shape=shape, files=files
    )
    return printed(pictured.draw(seed), quiet)


# --- which files ----------------------------------------------------------------------------------------------------


def folder_at(path: object) -> Path:
    """The folder; TypeError, FileNotFoundError or NotADirectoryError, in words, for what is none."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"a folder is the name of one, not {type(path).__name__}")
    root = Path(path).expanduser()
    if not root.exists():
        raise FileNotFoundError(f"there is no folder {root}: looked for {root.absolute()}")
    if not root.is_dir():
        raise NotADirectoryError(f"{root} is a file; say the folder it is in")
    return root


def files_in(root: Path) -> list[str]:
    """All files below a folder, by their names in it with / between, in order; links to folders are not followed.

    What begins with a dot is hidden, such as what macOS and Jupyter leave behind.
    """
    found = []
    for here, folders, names in os.walk(root):
        folders[:] = [name for name in folders if not name.startswith(".")]
        found += [(Path(here) / name).relative_to(root).as_posix() for name in names if not name.startswith(".")]
    return sorted(found)


def is_picture(name: str) -> bool:
    """Whether a file ends as pictures do."""
    return name.lower().endswith(ENDINGS)


def pictures_in(path: str | os.PathLike) -> list[Path]:
    """The pictures in a folder and below, by their endings, in the order of their names."""
    root = folder_at(path)
    return [root / name for name in files_in(root) if is_picture(name)]


def labels_at(root: Path, labels: object) -> object:
    """The table of labels: a DataFrame as it is, a file in the folder or where you are. ValueError where both are."""
    if not isinstance(labels, str | os.PathLike):
        return labels
    there = [path for path in (root / labels, Path(labels).expanduser()) if path.is_file()]
    if not there:
        raise FileNotFoundError(f"there is no file {labels}, neither in {root.absolute()} nor in {Path.cwd()}")
    if not all(path.samefile(there[0]) for path in there):
        raise ValueError(f"there are two files {labels}: say {there[0].absolute()} or {there[1].absolute()}")
    return there[0]


def files_column(frame: pd.DataFrame, root: Path, files: str | None) -> str:
    """The column that names the files: the one that is said, or the first most of whose cells are files there, or at
    least end like pictures. KeyError or ValueError where there is none."""
    if files is not None:
        if files not in frame.columns:
            raise KeyError(f"the table has no column {files!r}; it has {all_quoted(frame.columns)}")
        return files
    for test in (lambda name: os.path.isfile(root / name), is_picture):
        for column in frame.columns:
            names = as_texts(frame[column]).dropna()
            if len(names) and np.mean([*map(test, names)]) > 0.5:
                return column
    raise ValueError(
        f"no column of the table names files in {root}: names are as in the folder, with their endings and with the "
        f"folders between, such as {example(root)!r}. It has {all_quoted(frame.columns)}; files= says which"
    )


def example(root: Path) -> str:
    """The name of a picture in the folder, or of one that might be."""
    return next(filter(is_picture, files_in(root)), "001.png")


def table_of_folders(
    root: Path, files: str | None, group: str | None, task: str | None
) -> tuple[pd.DataFrame, list[str]]:
    """A table with a row a picture, whose class is the sub-folder it lies in. ValueError where there are not two."""
    given = [name for name, value in (("files", files), ("group", group), ("task", task)) if value is not None]
    if given:
        raise ValueError(f"{given[0]}= is a column of a table of labels: give labels=, too")
    links = [name for here, folders, _ in os.walk(root) for name in folders if (Path(here) / name).is_symlink()]
    if links:
        raise ValueError(
            f"in {root}, {listed_files(sorted(links))} lead to other folders: copy what is there, or give labels="
        )
    names = files_in(root)
    inside = [name for name in names if "/" in name]
    pictures = [name for name in inside if is_picture(name)]
    classes = [name.split("/")[0] for name in pictures]
    if len(set(classes)) < 2:
        found = f"{len(set(classes))} of them, and {len(names):,} files in all"
        raise ValueError(f"without labels= each sub-folder of {root} with pictures is a class: there are {found}")
    odd = sorted(name for name in set(classes) if not name.isprintable())
    if odd:
        raise ValueError(f"the names of sub-folders must be text to be classes: rename {listed_files(odd)}")
    said = []
    for what, left in (
        ("in no sub-folder", [name for name in names if "/" not in name]),
        ("not ending as pictures do", [name for name in inside if not is_picture(name)]),
    ):
        if left:
            said.append(f"Left out, {what}: {listed_files(left)}")
    return pd.DataFrame({FILE: pictures, FOLDER: classes}), said


def with_names(frame: pd.DataFrame, files: str, broken: str, said: list[str]) -> tuple[pd.DataFrame, list[str]]:
    """The rows that name a file, and its name as text. ValueError for others, unless they are to be left out."""
    names = frame[files].astype(object).map(str, na_action="ignore")
    without = [str(row + 1) for row in np.flatnonzero(names.isna())]
    if without and broken == "refuse":
        raise ValueError(
            f"{len(without):,} of {len(frame):,} rows name no file in the column {files!r}, first row {without[0]}: "
            "take them out, or say broken='leave out'"
        )
    if without:
        said = [*said, f"{len(without):,} rows name no file, first row {without[0]}: left out, as you said"]
    return frame.assign(**{files: names})[names.notna()], said


def unlisted(root: Path, listed: pd.Series) -> list[str]:
    """A sentence about the pictures in the folder that the table does not name, if there are any."""
    known = {path_inside(root, name) for name in listed}
    others = [n for n in files_in(root) if is_picture(n) and Path(os.path.realpath(root / n)) not in known]
    return [f"Left out, without labels in the table: {listed_files(others)}"] if others else []


# --- their pictures -------------------------------------------------------------------------------------------------


def read_listed(
    frame: pd.DataFrame, files: str, root: Path, shape: PictureShape, broken: str, quiet: bool
) -> tuple[pd.DataFrame, np.ndarray, list[str]]:
    """The rows whose picture can be read; their pictures, and sentences about them.

    Raises ValueError for files listed twice, outside of the folder, and, unless they are to be left out, broken.
    """
    names = frame[files].tolist()
    paths = [path_inside(root, name) for name in names]
    refuse_twice(paths, names)
    bad = absent(root, {row: names[row] for row, path in enumerate(paths) if not os.path.isfile(path)})
    if broken == "refuse":  # before anything is read, which may take long
        refuse_broken(bad, names, LEAVE)
    rows = [row for row in range(len(paths)) if row not in bad]
    read = read_pictures([paths[row] for row in rows], shape, progress=not quiet)
    bad |= {rows[number]: reason for number, reason in read.bad.items()}
    if broken == "refuse":
        refuse_broken(bad, names, LEAVE)
    kept = [number for number, row in enumerate(rows) if row not in bad]
    if len(kept) < FEWEST_ROWS:
        raise ValueError(
            f"{len(kept)} of {len(frame):,} pictures can be read, too few to train, choose and test on: "
            f"{because(bad, names)}"
        )
    said = [f"{len(bad):,} of {len(frame):,} rows are left out, as you said: {because(bad, names)}"] if bad else []
    said += sentences_about([read.seen[number] for number in kept], shape)
    return frame.iloc[[rows[number] for number in kept]], read.values[kept], said


def path_inside(root: Path, name: str) -> Path:
    """The file of that name in the folder. ValueError where the name leads out of it, by itself or by a link."""
    name = name.replace("\0", "\ufffd")  # so that it can be asked whether there is such a file: there is none
    path = root / (name if os.path.exists(root / name) else name.strip())  # a table may have spaces around its cells
    path = Path(os.path.realpath(path))
    if not path.is_relative_to(os.path.realpath(root)):
        raise ValueError(
            f"{ending_of(name)!r} leads out of the folder {root}: copy the file into it, and name it as it is "
            "called there"
        )
    return path


def absent(root: Path, names: Mapping[int, str]) -> dict[int, str]:
    """Why there is no file of each name: perhaps capitals differ, or how an accent is written."""
    there = {mistakable(n): n for n in files_in(root) if os.path.isfile(root / n)} if names else {}
    found = {row: there.get(mistakable(name)) for row, name in names.items()}
    return {row: f"there is {other!r}" if other else "there is no such file" for row, other in found.items()}


def mistakable(name: str) -> str:
    """A name without what is easily mistaken."""
    return unicodedata.normalize("NFC", Path(name.strip()).as_posix()).casefold()


def refuse_twice(paths: Sequence[Path], names: Sequence[str]) -> None:
    """ValueError where two rows name one file."""
    counts = Counter(paths)
    twice = [name for path, name in zip(paths, names, strict=True) if counts[path] > 1 and os.path.isfile(path)]
    twice = list(dict.fromkeys(twice))
    if twice:
        raise ValueError(
            f"{listed_files(twice)} {'is' if len(twice) == 1 else 'are'} listed more than once: make it one "
            "row a file, for a picture must not be on both sides of a split"
        )


def refuse_broken(bad: Mapping[int, str], names: Sequence[str], instead: str) -> None:
    """ValueError where a picture is not there or cannot be read; what to do ``instead``."""
    if bad:
        raise ValueError(
            f"{len(bad):,} of {len(names):,} pictures cannot be used: {because(bad, names)}. Mend them, {instead}"
        )


def because(bad: Mapping[int, str], names: Sequence[str]) -> str:
    """The first few files that cannot be used, each with the reason."""
    first = [f"{ending_of(names[row])!r} ({bad[row]})" for row in sorted(bad)[:MOST_NAMED]]
    return ", ".join(first) + (f" and {len(bad) - MOST_NAMED:,} more" if len(bad) > MOST_NAMED else "")


def listed_files(names: Sequence[str]) -> str:
    """Names of files in a sentence, whatever letters are in them."""
    return listed(repr(ending_of(name)) for name in names)


def ending_of(name: str, most: int = 40) -> str:
    """The name of a file that fits a sentence: its end tells more than the folders before."""
    return name if len(name) <= most else f"…{name[1 - most :]}"


# --- the world ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PictureEncoder(Encoder):
    """How files become x, and answers words. Nothing of it is learnt: ``shape`` says what every picture becomes."""

    shape: PictureShape = field(kw_only=True)

    def encode(self, files: str | os.PathLike | Sequence[str | os.PathLike]) -> Tensor:
        """x (n, channels, size, size), float32, of new pictures: a list of files, or a folder, whose pictures are taken
        in the order of :func:`pictures_in`.

        Raises FileNotFoundError, TypeError or ValueError for what is no folder, holds no picture or cannot be read.
        """
        if not self.takes(files):
            raise TypeError(f"give the name of a folder, or a list of files, not {type(files).__name__}")
        single = isinstance(files, str | os.PathLike)
        paths = pictures_in(files) if single else [Path(file).expanduser() for file in files]
        if not paths:
            raise ValueError(f"there is no picture in {files}")
        read = read_pictures(paths, self.shape)
        refuse_broken(read.bad, [*map(str, paths)], "or give the others alone")
        return as_x(read.values)

    def takes(self, rows: object) -> bool:
        """Whether these are pictures: the name of a folder, or a list of files."""
        names = [rows] if isinstance(rows, str | os.PathLike) else rows
        return isinstance(names, Sequence) and len(names) > 0 and all(isinstance(n, str | os.PathLike) for n in names)

    def index_of(self, rows: str | os.PathLike | Sequence[str | os.PathLike]) -> pd.Index:
        """The name of each file, in a folder as it is called there."""
        if isinstance(rows, str | os.PathLike):
            rows = [path.relative_to(folder_at(rows)).as_posix() for path in pictures_in(rows)]
        return pd.Index([os.fspath(name) for name in rows], name=FILE)

    def to_bytes(self) -> bytes:
        """Everything but the tasks' classes of code, as JSON."""
        labels = [[name, kind_of_task(own.task), own.values, own.middle, own.unit] for name, own in self.labels.items()]
        shape = {own.name: getattr(self.shape, own.name) for own in fields(PictureShape)}
        return json.dumps({"pictures": shape, "labels": labels}).encode()

    @classmethod
    def from_bytes(cls, content: bytes) -> PictureEncoder:
        """What :meth:`to_bytes` made. ValueError for anything else."""
        try:
            facts = json.loads(content)
            labels = {
                name: Labels(task_of_kind(name, kind, values), tuple(values), middle, unit)
                for name, kind, values, middle, unit in facts["labels"]
            }
            return encoder_of(PictureShape(**facts["pictures"]), labels)
        except Exception as error:  # whatever a damaged file makes of it
            raise ValueError(f"this does not say how pictures are read: {error}") from None


def encoder_of(shape: PictureShape, labels: Mapping[str, Labels]) -> PictureEncoder:
    return PictureEncoder(Features((), ()), labels, CHANNELS[shape.channels], None, shape=shape)


def encoder_from(content: bytes) -> Encoder:
    """The encoder of a table or of pictures, from what its ``to_bytes`` made. ValueError for anything else."""
    return (PictureEncoder if content.startswith(b"{") else Encoder).from_bytes(content)


def as_x(values: np.ndarray) -> Tensor:
    """Pictures of bytes as numbers from 0 to 1."""
    return torch.from_numpy(values).float() / 255


@dataclass(frozen=True, eq=False)
class KnownPictures(Known):
    """What is known of a table, with the pictures of its rows. ``values``: (n, channels, size, size), uint8."""

    values: np.ndarray = field(repr=False)
    shape: PictureShape
    files: str

    def encoded(self, rows: Mapping[str, np.ndarray]) -> tuple[Encoder, dict[str, Tensor]]:
        """How pictures are read, and x of each part."""
        return encoder_of(self.shape, self.labels), {part: as_x(self.values[own]) for part, own in rows.items()}

    def draw(self, seed: int) -> Folder:
        """The world whose training and validation rows this seed draws."""
        table = super().draw(seed)
        facts = {own.name: getattr(table, own.name) for own in fields(Table)}
        return Folder(**facts | {"name": "folder"}, files=self.frame[self.files].to_dict())
