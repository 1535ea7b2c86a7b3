"""Two real tables to practise on, of pupils in schools and of persons in years, whose rows come in groups."""

from __future__ import annotations

from functools import cache

import pandas as pd

from .files import verified


def pupils_table() -> pd.DataFrame:
    """2,287 pupils of 131 Dutch schools, a row a pupil (Snijders & Bosker 1999, "Multilevel analysis").

    Columns to be asked for: ``language`` and ``arithmetic`` (scores of tests in grade 8), ``repeated`` (a grade: yes,
    no). ``school`` is the group. 14 more say who the pupil is, what two earlier tests found and what the class is like:
    data/pupils/README.md. No value is missing. Raises DataError if the file is missing or damaged.
    """
    return _pupils().copy()


def wages_table() -> pd.DataFrame:
    """595 Americans in the years 1976 to 1982, a row for each person and year, 4,165 in all (Cornwell & Rupert 1988,
    Journal of Applied Econometrics 3; from the Panel Study of Income Dynamics).

    Columns to be asked for: ``wage`` (a number of unknown unit), ``union`` (yes, no), ``occupation`` (white, blue).
    ``person`` is the group: seven rows of one person are much alike. ``year`` and nine more say who that is:
    data/wages/README.md. No value is missing. Raises DataError if the file is missing or damaged.
    """
    return _wages().copy()


@cache
def _pupils() -> pd.DataFrame:
    return pd.read_csv(verified("pupils/pupils.csv"), encoding="utf-8")


@cache
def _wages() -> pd.DataFrame:
    return pd.read_csv(verified("wages/wages.csv"), encoding="utf-8")
