"""The world ``emoji``: a picture and the word for it. Little pictures, each drawn by two designers, and their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch import Tensor

from ..arguments import whole
from ..tasks import Classification
from .files import verified
from .world import Split, World

DESIGNERS = ("google", "twitter")
ASKED, VIEWS = ("category", "subcategory"), ("pictures", "words")
SIDE = 28  # pixels
FOR_TEST = 500  # emoji that no seed trains on or chooses by, and a few more, since groups stay together
NO_WORD, UNKNOWN = 0, 1  # tokens that stand for no word: after the end of a name, and for a word not seen in training
TOKENS = 1800  # more than there are words in all names: every token is below, whichever names were drawn
TEST, SAMPLE = 1, 2  # streams of random numbers; the second is joined by a seed


@dataclass(frozen=True, eq=False, repr=False)
class Emoji(World):
    """A world of emoji that knows which they are.

    ``rows``: split → (n,), for each example the row of its emoji in :func:`emoji_table`. ``vocabulary``: the words in
    the names of the training emoji; the word of token k is ``vocabulary[k]``, after "" (no word) and "?" (unknown).
    """

    rows: Mapping[str, Tensor] = field(kw_only=True)
    vocabulary: tuple[str, ...] = field(kw_only=True)

    def names(self, split: str) -> list[str]:
        """The name of the emoji of each example of "train", "validation" or "test". KeyError for another split."""
        return emoji_table().name.iloc[self.rows[split].numpy()].tolist()


def emoji(
    n_train: int = 1000,
    n_validation: int = 300,
    n_test: int = 500,
    seed: int = 0,
    *,
    view: str = "pictures",
    ask: str = "category",
    designers: Iterable[str] = DESIGNERS,
) -> Emoji:
    """1,906 emoji, as two designers drew them, and their names: which category is it, and who drew it?

    Two views of the same emoji:

    - ``view="pictures"``: an example is a picture, x (n·designers, 3, 28, 28) in [0, 1], those of one emoji one after
      the other. Tasks: ``category`` (9 classes) and ``designer`` (2), or the first alone where there is one designer.
    - ``view="words"``: an example is an emoji, and each task sees it in its own way: ``google`` and ``twitter`` a
      picture (n, 3, 28, 28), ``word`` the words of its name as tokens (n, 11). All ask the same question, so that what
      they have in common can meet in one space, behind a stem for each. Example i is the same emoji for every task.

    The dial is ``ask``: the question, "category", or "subcategory" (98 classes, some of three emoji or fewer). The
    numbers n count emoji. ``designers``: whose pictures, one or both.

    A token is a word's place in the vocabulary of the *training* names; 1 is a word that is not among them, and 0
    fills a name up to the length of the longest. Every token is below ``mtl.data.TOKENS``, whichever names were drawn.

    Split by emoji: both pictures of one are in the same split. Emoji that differ in man, woman or neither alone, or
    that a designer drew alike to the pixel, stay together too (the column ``group`` of :func:`emoji_table`): a network
    could know them without having learned what they show. ``seed`` draws training and validation; the test emoji are
    the same for every seed, and those at a small n are the first of those at a larger one.

    Pictures: Noto Emoji by Google (Apache License 2.0) and Twemoji by Twitter and others (CC BY 4.0); names and
    categories are those of Unicode, in Cal Henderson's table (MIT): see data/emoji/README.md. A category is told by a
    word where all its names have one: every flag is called flag.

    Raises TypeError or ValueError for a number that is not whole or is out of range, ValueError for a view, a question
    or a designer that is not there, DataError where a file is missing or damaged.
    """
    designers = (designers,) if isinstance(designers, str) else tuple(designers)
    for what, given, known in (("view", (view,), VIEWS), ("ask", (ask,), ASKED), ("designers", designers, DESIGNERS)):
        if not given or len(set(given)) < len(given) or not set(given) <= set(known):
            raise ValueError(f"{what}: there are {', '.join(map(repr, known))}, each to be named once; not {given!r}")
    rows = _rows(n_train, n_validation, n_test, seed)
    question = emoji_table()[ask].astype("category").cat
    labels, classes = torch.tensor(question.codes.to_numpy()).long(), tuple(question.categories)
    vocabulary = _vocabulary(rows["train"])
    if view == "pictures":
        tasks = (Classification(ask, classes),)
        if len(designers) > 1:
            tasks += (Classification("designer", designers),)
        splits = [_by_picture(part, labels, ask, designers) for part in rows.values()]
        rows, layout = {name: part.repeat_interleave(len(designers)) for name, part in rows.items()}, None
    else:
        tasks = tuple(Classification(name, classes) for name in (*designers, "word"))
        splits = [_by_emoji(part, labels, designers, vocabulary) for part in rows.values()]
        layout = {**dict.fromkeys(designers, "maps"), "word": "tokens"}
    dial = {"n_train": n_train, "view": view, "ask": ask}
    return Emoji("emoji", tasks, *splits, dial=dial, layout=layout, rows=rows, vocabulary=vocabulary)


def emoji_table() -> pd.DataFrame:
    """The whole table, a row an emoji, in Unicode's order. Raises DataError if the file is missing or damaged.

    Columns: ``code`` (code points), ``name``, ``category`` (9), ``subcategory`` (98), ``group`` (a number; equal for
    emoji that show the same, but for man, woman or neither, or that a designer drew alike).
    """
    return _listed().copy()


@cache
def _listed() -> pd.DataFrame:
    return pd.read_csv(verified("emoji/emoji.csv"), dtype={"code": str}, encoding="utf-8", keep_default_na=False)


@cache
def _drawn_by(designer: str) -> Tensor:
    """All pictures of a designer, (1906, 3, 28, 28), uint8: side by side without gaps, in the order of the table."""
    file = {"google": "emoji/google.png", "twitter": "emoji/twitter.png"}[designer]
    with Image.open(verified(file)) as image:
        sheet = np.asarray(image)
    rows, columns = sheet.shape[0] // SIDE, sheet.shape[1] // SIDE
    pictures = sheet.reshape(rows, SIDE, columns, SIDE, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 3, SIDE, SIDE)
    return torch.tensor(pictures[: len(_listed())])


def _rows(n_train: int, n_validation: int, n_test: int, seed: int) -> dict[str, Tensor]:
    """The emoji of each split, by their row in the table; no group is in two."""
    group, seed = _listed().group.to_numpy(), whole(seed, "seed", least=0)
    row = _together(group, np.random.default_rng(TEST))
    changes = np.flatnonzero(np.diff(group[row])) + 1  # where another group begins
    held = int(changes[changes >= FOR_TEST][0])
    test, pool = row[:held], row[held:]
    n_test = whole(n_test, "n_test", most=FOR_TEST)
    n_train, n_validation = whole(n_train, "n_train"), whole(n_validation, "n_validation")
    # Training takes from one end and validation from the other; a group between the two must not reach into both.
    most = len(pool) - (int(np.bincount(group[pool]).max()) - 1)
    if n_train + n_validation > most:
        raise ValueError(
            f"n_train + n_validation can be at most {most} of the {len(group)} emoji, so that the test emoji and those "
            f"alike stay apart; {n_train} + {n_validation} = {n_train + n_validation}"
        )
    pool = pool[_together(group[pool], np.random.default_rng([SAMPLE, seed]))]
    parts = {"train": pool[:n_train], "validation": pool[-n_validation:], "test": test[:n_test]}
    return {name: torch.tensor(part) for name, part in parts.items()}


def _together(group: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A drawn order in which those of a group stand together."""
    return np.argsort(rng.permutation(group.max() + 1)[group], kind="stable")


def words_of(name: str) -> list[str]:
    """The words of a name, in small letters: "PERSON IN STEAMY ROOM" → person, in, steamy, room."""
    return re.findall(r"[^\W_]+", name.lower())


def _vocabulary(rows: Tensor) -> tuple[str, ...]:
    """The words in the names of these emoji, the most frequent first, after the two tokens that are none."""
    counts = Counter(word for name in _listed().name.iloc[rows.numpy()] for word in words_of(name))
    return ("", "?", *sorted(counts, key=lambda word: (-counts[word], word)))


def _tokens(rows: Tensor, vocabulary: Sequence[str]) -> Tensor:
    """The names of these emoji as tokens, (n, words of the longest name of all)."""
    number, names = {word: token for token, word in enumerate(vocabulary)}, list(map(words_of, _listed().name))
    tokens = torch.full((len(rows), max(map(len, names))), NO_WORD)
    for i, row in enumerate(rows.tolist()):
        tokens[i, : len(names[row])] = torch.tensor([number.get(word, UNKNOWN) for word in names[row]])
    return tokens


def _by_picture(rows: Tensor, labels: Tensor, ask: str, designers: Sequence[str]) -> Split:
    """An example a picture; those of an emoji stand together."""
    x = torch.stack([_drawn_by(designer)[rows] for designer in designers], 1).flatten(0, 1) / 255
    known = {ask: labels[rows].repeat_interleave(len(designers))}
    if len(designers) > 1:
        known["designer"] = torch.arange(len(designers)).repeat(len(rows))
    return Split(x, known)


def _by_emoji(rows: Tensor, labels: Tensor, designers: Sequence[str], vocabulary: Sequence[str]) -> Split:
    """An example an emoji, as each designer drew it and as it is called."""
    x = {designer: _drawn_by(designer)[rows] / 255 for designer in designers}
    x["word"] = _tokens(rows, vocabulary)
    return Split(x, dict.fromkeys(x, labels[rows]))
