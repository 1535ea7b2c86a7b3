"""The world ``voices``: short spoken prompts as pictures of sound, by four voices in five languages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
from .grouped import SPLITS, TEST, Grouped, cut, take_rest, together
from .world import Split

SPEAKERS = ("Allison", "Carlo", "Ivrvoice", "June")
ANSWERS = {
    "speaker": SPEAKERS,
    "language": ("English", "French", "Italian", "Russian", "Spanish"),
    "kind": ("letter", "number", "phrase", "spelling word"),
}
COLUMN = {"speaker": "voice", "language": "language", "kind": "kind"}  # of the table, for each task
BANDS = 28  # of frequency; and as many moments


@dataclass(frozen=True, eq=False, repr=False)
class Voices(Grouped):
    """A world of spoken clips that knows which they are. ``rows``: split → (n,), each example's row in
    :func:`clip_table`."""

    rows: Mapping[str, Tensor] = field(kw_only=True)

    def clips(self, split: str) -> pd.DataFrame:
        """The rows of :func:`clip_table` of "train", "validation" or "test". KeyError for another split."""
        return _clips().iloc[self.rows[split].numpy()].reset_index(drop=True)


def voices(
    n_train: int = 700,
    n_validation: int = 150,
    n_test: int = 200,
    seed: int = 0,
    *,
    split_by: str = "group",
    held_out: str | None = None,
    ask: Iterable[str] = tuple(ANSWERS),
) -> Voices:
    """1,480 spoken prompts of a telephone system: who speaks, in which language, and what kind of prompt is it?

    An example is a clip of 0.2 to 1.5 seconds: how strong 28 bands of frequency are at 28 moments of 0.05 seconds, a
    picture x (n, 1, 28, 28) in [0, 1] with low tones at the bottom, where 1 is the clip's loudest spot and 0 is 60
    decibels less. The sound itself is not here.

    Tasks: ``speaker`` (4), ``language`` (5), ``kind`` (4: a letter or sign, a number or date, a phrase, a spelling word
    such as *Bravo*), or those of them in ``ask``. Speaker and language are almost one question: Carlo speaks Italian,
    Ivrvoice Russian, June French, and only Allison speaks two, English and Spanish. Nothing here can tell a network
    that knows Italian from one that knows Carlo, or his microphone.

    The unit of splitting is the **prompt**: what is one prompt in five languages is in one split. With ``held_out``,
    the dial, it is the **voice**: the test clips are this voice's, and training and validation have the other three,
    other prompts in each. That voice and its language are then answers that training has not shown, so that only the
    score of ``kind`` says something.

    ``split_by="row"`` is the mistake, on the same test clips: other languages' versions of the test prompts may be
    trained on; with ``held_out``, other prompts of the voice itself. So that it can be made, one half of each test
    group is tested on, and with "group" the other is left out.

    ``seed`` draws training and validation; the test is the same for every seed, and has ``n_test`` clips or, since
    groups stay whole, a few fewer. Those at a small ``n_train`` are the first of those at a larger one.

    Source: asterisk-core-sounds 1.6.1 of Debian. English and Spanish by Allison Smith, French by June Wallack (CC BY-SA
    3.0), Italian by Carlo Flora, Russian provided by Maxim Topal of ivrvoice.ru (CC BY 3.0): see data/voices/README.md.

    Raises TypeError or ValueError for a number that is not whole or is out of range, ValueError for a task, a voice or
    a way to split that is not there, DataError where a file is missing or damaged.
    """
    ask = (ask,) if isinstance(ask, str) else tuple(ask)
    if not ask or len(set(ask)) < len(ask) or not set(ask) <= set(ANSWERS):
        raise ValueError(f"ask: there are {', '.join(map(repr, ANSWERS))}, each to be named once; not {ask!r}")
    if held_out is None:
        prompts = _clips().prompt.to_numpy()
        rows, group = cut(prompts, n_train, n_validation, n_test, seed, split_by), "prompt"
    else:
        rows, group = _without(held_out, n_train, n_validation, n_test, seed, split_by), "voice"
    rows = {name: torch.tensor(part) for name, part in rows.items()}
    of = torch.tensor(np.unique(_clips()[group].to_numpy(), return_inverse=True)[1])
    return Voices(
        "voices",
        tuple(Classification(name, ANSWERS[name]) for name in ask),
        *(_examples(part, ask) for part in rows.values()),
        dial={"n_train": n_train, "held_out": held_out, "split_by": split_by},
        groups={name: of[part] for name, part in rows.items()},
        group=group,
        rows=rows,
    )


def clip_table() -> pd.DataFrame:
    """The whole table, a row a clip, by language. Raises DataError if the file is missing or damaged.

    Columns: ``voice`` (4), ``language`` (5), ``name`` (of the file, equal in every language), ``prompt`` (what is said,
    as far as the name tells: goodbye and vm-goodbye are one), ``kind`` (4), ``seconds``.
    """
    return _clips().copy()


@cache
def _clips() -> pd.DataFrame:
    return pd.read_csv(verified("voices/clips.csv"), dtype={"prompt": str}, encoding="utf-8", keep_default_na=False)


@cache
def _spectra() -> Tensor:
    """All clips, (1480, 1, 28, 28), uint8: side by side without gaps, in the order of the table."""
    with Image.open(verified("voices/clips.png")) as image:
        sheet = np.asarray(image)
    rows, columns = sheet.shape[0] // BANDS, sheet.shape[1] // BANDS
    pictures = sheet.reshape(rows, BANDS, columns, BANDS).swapaxes(1, 2).reshape(-1, 1, BANDS, BANDS)
    return torch.tensor(pictures[: len(_clips())])


def _examples(rows: Tensor, ask: Iterable[str]) -> Split:
    """The clips of these rows with the labels of the tasks asked."""
    told = _clips().iloc[rows.numpy()]
    labels = {name: pd.Categorical(told[COLUMN[name]], ANSWERS[name]).codes for name in ask}
    return Split(_spectra()[rows] / 255, {name: torch.tensor(codes).long() for name, codes in labels.items()})


def _without(
    voice: str, n_train: int, n_validation: int, n_test: int, seed: int, split_by: str
) -> dict[str, np.ndarray]:
    """Split → rows. Tested on are half of the voice's prompts. Training and validation have the others' clips, or by
    row the others' and the other half of this voice's; no prompt is in both."""
    if voice not in SPEAKERS:
        raise ValueError(f"held_out: the voices are {', '.join(map(repr, SPEAKERS))}, not {voice!r}")
    if split_by not in SPLITS:
        raise ValueError(f"split_by is one of {', '.join(map(repr, SPLITS))}, not {split_by!r}")
    n_train, n_validation = whole(n_train, "n_train"), whole(n_validation, "n_validation")
    seed, n_test = whole(seed, "seed", least=0), whole(n_test, "n_test")
    of = np.unique(_clips().prompt.to_numpy(), return_inverse=True)[1]
    mine = (_clips().voice == voice).to_numpy()
    own = np.flatnonzero(mine)
    own = own[together(of[own], np.random.default_rng(TEST))]
    half = own[: len(own) // 2]
    pool = np.flatnonzero(~mine if split_by == "group" else ~(mine & np.isin(of, of[half])))
    return take_rest(of, pool, n_train, n_validation, seed) | {"test": half[:n_test]}
