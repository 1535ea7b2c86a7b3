"""Pictures of garments from Fashion-MNIST (Xiao, Rasul & Vollgraf 2017): what the picture worlds are made of."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .files import DataError, verified

GARMENTS = ("t-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")
SIDE = 28  # pixels


@dataclass(frozen=True, eq=False)
class Garments:
    """Grey pictures (n, 28, 28), uint8, 0 is background; labels (n,), long, an index into ``classes``.

    No picture is in both parts, and each part has as many garments of one class as of another. Every call of
    :func:`garments` returns the same tensors: take from them, do not change them.
    """

    train: Tensor
    train_labels: Tensor
    test: Tensor
    test_labels: Tensor
    classes: tuple[str, ...] = GARMENTS


@cache
def garments(full: bool = False) -> Garments:
    """The 12,000 training and 3,000 test garments that come with the course, or the ``full`` 60,000 and 10,000.

    The full set is downloaded by torchvision the first time, about 30 MB, and kept in the user's cache folder.
    Raises DataError if a bundled file is missing or damaged, or if the full set cannot be had.
    """
    parts = _full() if full else (*_sheet("train"), *_sheet("test"))
    return Garments(*parts)


def _sheet(part: str) -> tuple[Tensor, Tensor]:
    """Pictures and labels of a bundled sheet: garments side by side without gaps, in the order of their classes."""
    with Image.open(verified(f"fashion_mnist/{part}.png")) as image:
        sheet = np.asarray(image)
    rows, columns = sheet.shape[0] // SIDE, sheet.shape[1] // SIDE
    pictures = sheet.reshape(rows, SIDE, columns, SIDE).swapaxes(1, 2).reshape(-1, SIDE, SIDE)
    labels = torch.arange(len(GARMENTS)).repeat_interleave(len(pictures) // len(GARMENTS))
    return torch.tensor(pictures), labels


def cache_folder() -> Path:
    """Where the full set is kept once it was downloaded."""
    return Path.home() / ".cache" / "mtl_lesson"


def _full() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    from torchvision.datasets import FashionMNIST  # here, because it takes a second and is seldom needed

    root = cache_folder()
    try:
        train, test = (FashionMNIST(root, train=part, download=True) for part in (True, False))
    except (OSError, RuntimeError, ValueError, AssertionError) as error:  # no network, no space, or a file cut short
        reason = " ".join(str(error).split())  # torchvision's come in many lines
        raise DataError(
            f"the full Fashion-MNIST could not be loaded ({type(error).__name__}: {reason}). Connect to the internet, "
            f"delete {root} if it is there, and try again. Without full=True nothing is downloaded: the 15,000 "
            "garments that come with the course work offline."
        ) from error
    return train.data, train.targets.long(), test.data, test.targets.long()
