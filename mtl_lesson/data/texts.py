"""The world ``texts``: short Japanese texts, a face and a few words, in three scripts."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..tasks import MISSING, Classification
from .changes import hide_labels
from .files import verified
from .grouped import Grouped, cut
from .world import Split

SCRIPTS, QUESTIONS = ("hiragana", "katakana", "half width"), ("emotion", "intent", "subject")
ASKED = {"scripts": SCRIPTS, "questions": QUESTIONS}
STARVED = {"scripts": "half width", "questions": "intent"}  # the task of which ``labels`` are kept
LETTERS, VOCABULARIES, LABELLED = ("written", "sounded"), ("training", "all"), ("own", "published")
NO_LETTER, UNKNOWN_LETTER = 0, 1  # tokens: after the end of a text, and for a letter that training did not show
CHARACTERS = 1200  # more than there are different characters in all texts: every token is below


@dataclass(frozen=True, repr=False)
class Texts(Grouped):
    """A world of texts that knows which they are.

    ``rows``: split → (n,), for each example its row in :func:`text_table`. ``vocabulary``: the character of token k is
    ``vocabulary[k]``, after "" (none) and "�" (unknown).
    """

    rows: Mapping[str, Tensor] = field(kw_only=True)
    vocabulary: tuple[str, ...] = field(kw_only=True)

    def written(self, split: str) -> list[str]:
        """The texts of "train", "validation" or "test", as written. KeyError for another split."""
        return text_table().text.iloc[self.rows[split].numpy()].tolist()


def texts(
    n_train: int = 2000,
    n_validation: int = 500,
    n_test: int = 900,
    seed: int = 0,
    *,
    ask: str = "scripts",
    labels: int | None = None,
    letters: str = "sounded",
    split_by: str = "group",
    vocabulary: str = "training",
    labelled: str = "own",
) -> Texts:
    """4,169 short texts such as "(^^)ﾉ ﾊﾞｲﾊﾞｰｲ": what is it about, in three scripts, or three questions?

    x (n, 30) holds the characters of a text as tokens, 0 after its end; each text is labelled for *one* task.

    - ``ask="scripts"``: one question, which of 19 answers ("greeting", "sad", "food" …), and a task for each script
      that Japanese sounds are written in: ``hiragana``, ``katakana``, ``half width`` (katakana on narrow type). The
      last has the fewest texts: a little language beside two large ones.
    - ``ask="questions"``: ``emotion`` (10 answers), ``intent`` (4) and ``subject`` (5), in whatever script.

    The dials: ``labels``, how many training texts of the starved task keep their label ("half width", or "intent"),
    all of them with None; and ``letters``, what the tasks have to share. "written": each character as it stands, so
    that a word looks different in every script, and the faces look alike. "sounded": what sounds alike is one token
    (ば, バ and ﾊﾞ), as where several languages are cut into common pieces.

    Split by ``group``, the phrase: the words beside the face, however written and stretched. ばいばい alone comes with
    304 faces in the source, and of a group at most two texts a script are here. ``split_by="row"`` is the mistake, on
    the same test rows (see :func:`~mtl_lesson.data.grouped.cut`); ``vocabulary="all"`` another: tokens are given out
    with the validation and test texts in view. A character that training never showed then has a token of its own
    instead of the one for "unknown", and a vector that nobody trained. ``labelled="published"`` is a third: training
    texts keep the further labels that the data set's makers derived from the same category, by rule; those of
    validation and test stay as they are. It is for ``ask="questions"``.

    ``seed`` draws training and validation; the test texts are the same for every seed. No labels are judgements of
    readers: a dictionary's compiler put a text into a category, and a program turned that into labels.

    Kaomoji data from FontVibe, https://fontvibe.ai/tools/kaomoji (CC BY 4.0): see data/kaomoji/README.md.

    Raises TypeError or ValueError for a number that is not whole or is out of range, ValueError for an option that is
    not there, and for a sample in which a task has fewer than two answers; DataError for a missing or damaged file.
    """
    options = {"ask": (ask, tuple(ASKED)), "letters": (letters, LETTERS), "vocabulary": (vocabulary, VOCABULARIES)}
    for name, (given, known) in (options | {"labelled": (labelled, LABELLED)}).items():
        if given not in known:
            raise ValueError(f"{name} is one of {', '.join(map(repr, known))}, not {given!r}")
    if labelled == "published" and ask == "scripts":
        raise ValueError('labelled="published" is for ask="questions": a text is written in one script')
    rows = cut(_all_texts().group.to_numpy(), n_train, n_validation, n_test, seed, split_by)
    tasks = _tasks(ask)
    known = {part: _labels(tasks, ask, labelled if part == "train" else "own", row) for part, row in rows.items()}
    _check_answers(tasks, known)
    seen = rows["train"] if vocabulary == "training" else np.concatenate(list(rows.values()))
    found = _characters(seen, letters)
    splits = [Split(_as_tokens(row, letters, found), known[part]) for part, row in rows.items()]
    groups = {part: torch.tensor(_all_texts().group.to_numpy()[row]) for part, row in rows.items()}
    dial = {"n_train": n_train, "ask": ask, "letters": letters, "labels": labels}
    world = Texts(
        "texts",
        tasks,
        *splits,
        dial=dial,
        layout="tokens",
        groups=groups,
        group="phrase",
        vocabulary=found,
        rows={part: torch.tensor(row) for part, row in rows.items()},
    )
    return world if labels is None else replace(hide_labels(world, STARVED[ask], labels, seed), dial=dial)


def text_table() -> pd.DataFrame:
    """All texts, a row each. Raises DataError if the file is missing or damaged.

    Columns: ``id`` (in the source), ``text``, ``phrase`` (its words in hiragana), ``group`` (a number, equal for texts
    of one phrase), ``script`` (of most of its letters), ``task`` (the question that its category is about) and
    ``answer``, and what the data set's makers say for each question, "" where nothing.
    """
    return _all_texts().copy()


@cache
def _all_texts() -> pd.DataFrame:
    return pd.read_csv(verified("kaomoji/texts.csv"), encoding="utf-8", keep_default_na=False)


def _tasks(ask: str) -> tuple[Classification, ...]:
    """A task for each script or question, with its answers in the order of the alphabet."""
    table = _all_texts()
    if ask == "scripts":
        return tuple(Classification(script, sorted(set(table.answer))) for script in SCRIPTS)
    return tuple(Classification(name, sorted(set(table.answer[table.task == name]))) for name in QUESTIONS)


def _labels(tasks: Sequence[Classification], ask: str, labelled: str, rows: np.ndarray) -> dict[str, Tensor]:
    """Task → (n,): the number of its answer, or -1 where the text is another task's."""
    table, kind = _all_texts().iloc[rows], {"scripts": "script", "questions": "task"}[ask]
    found = {}
    for task in tasks:
        told = table.answer.where(table[kind] == task.name, "") if labelled == "own" else table[task.name]
        number = {answer: i for i, answer in enumerate(task.classes)}
        found[task.name] = torch.tensor([number.get(answer, MISSING) for answer in told])
    return found


def _check_answers(tasks: Sequence[Classification], labels: Mapping[str, Mapping[str, Tensor]]) -> None:
    """ValueError where a task has no label in a split, or but one answer in training: nothing could be learned."""
    for task in tasks:
        for part, known in labels.items():
            count = len(known[task.name][known[task.name] != MISSING].unique())
            if count < (2 if part == "train" else 1):
                raise ValueError(f"{part}: the texts of task {task.name!r} have {count} answers; take a larger n")


def sounded(text: str) -> str:
    """A text in hiragana, whichever script it is in, and in signs of one width: "ﾊﾞｲﾊﾞｲ(＾＾)" → "ばいばい(^^)"."""
    text = unicodedata.normalize("NFKC", text)
    return "".join(chr(ord(one) - 0x60) if "ァ" <= one <= "ヶ" else one for one in text)


@cache
def _spelled(letters: str) -> list[str]:
    """All texts as ``letters`` wants them."""
    return [sounded(text) if letters == "sounded" else text for text in _all_texts().text]


def _characters(rows: np.ndarray, letters: str) -> tuple[str, ...]:
    """The characters of these texts, the most frequent first, after the two tokens that are none."""
    counts = Counter("".join(_spelled(letters)[row] for row in rows))
    return ("", "�", *sorted(counts, key=lambda one: (-counts[one], one)))


def _as_tokens(rows: np.ndarray, letters: str, vocabulary: Sequence[str]) -> Tensor:
    """These texts as tokens, (n, characters of the longest text of all)."""
    spelled, number = _spelled(letters), {one: token for token, one in enumerate(vocabulary)}
    tokens = torch.full((len(rows), max(map(len, spelled))), NO_LETTER)
    for i, row in enumerate(rows):
        tokens[i, : len(spelled[row])] = torch.tensor([number.get(one, UNKNOWN_LETTER) for one in spelled[row]])
    return tokens
