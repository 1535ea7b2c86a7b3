"""Vision, for lesson 12: the unit in which a box is written, and what it does to another task of the same trunk.

One trunk for all three tasks, as in ``field_vision``, the losses added up without weights, 10 epochs; the box in shares
of the picture, in pixels, or in pixels with a weight of 1/784, which undoes the unit but for where the head starts.
The measure is the accuracy of ``garment``, by garment picture. ``split_by="row"`` says what a random split flatters the
first of them by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import fields
from field_vision import EPOCHS, FIELD, SETTINGS

import mtl_lesson as mtl

TIME = {"epochs": EPOCHS[0]}
FIELD = replace(
    FIELD,
    starved="garment",
    arms={
        "shares": (mtl.Hard, [{"box": "shares"} | TIME]),
        "pixels": (mtl.Hard, [{"box": "pixels"} | TIME]),
        "pixels, weighed": (mtl.Hard, [{"box": "pixels", "weighting": mtl.weighting.Fixed({"where": 1 / 784})} | TIME]),
    },
    settings=SETTINGS,
    flattered="shares",
)
SEEDS = FIELD.seeds


def tables(swept, seeds: Sequence[int], some: bool) -> Iterator[tuple]:
    """What ``make.py`` stores."""
    yield from fields.stored("field_units", FIELD, swept, seeds, some)
