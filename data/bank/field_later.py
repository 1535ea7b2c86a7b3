"""Medicine, for lesson 12: the same question of patients who are still to come.

Trained on patients operated on before 1988, chosen by those of 1988 and 1989, tested on those of 1990 to 1993; and, the
mistake, trained and chosen on patients of all these years (``split_by="row"``). The group is the year of surgery, and
there are four to test on: an interval over four years is wide, and says so. All trials as in ``field_medicine``, of one
way of sharing alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import fields
from field_medicine import ARMS, FIELD, SETTINGS

LATER = {"group": "year", "n_train": 1000, "n_test": 530}
FIELD = replace(FIELD, group="year", arms={name: ARMS[name] for name in ("Hard, shrunk",)}, settings=SETTINGS | LATER)
SEEDS = FIELD.seeds


def tables(swept, seeds: Sequence[int], some: bool) -> Iterator[tuple]:
    """What ``make.py`` stores."""
    yield from fields.stored("field_later", FIELD, swept, seeds, some)
