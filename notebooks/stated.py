"""What a lesson states, held against what its cells have found, while it is built.

A sentence about stored results, "three networks won garment by ten points", may not be wrong. Beside it, in the same
markdown cell, stands a comment that no reader sees:

    <!-- stated: garment supported +9.6 -->      a claim: its verdict, and its mean in the units that are printed
    <!-- stated: garment supported -->           its verdict alone
    <!-- stated: share = 62 -->                  a number

The first word is an expression without spaces, evaluated after the cells above. A number agrees where it rounds to what
is stated, or is off by one in the last digit that is stated. In a paragraph no line may begin with a comment, which
would end the paragraph: it follows its words, or stands with others after an empty line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

COMMENT = re.compile(r"<!--\s*stated:?(.*?)-->", re.DOTALL)
VERDICTS = ("supported", "contradicted", "undecided")
NUMBER = re.compile(r"[+−-]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Statement:
    """``expression`` is a claim with this ``verdict`` and, where it is given, this mean; or it is this ``number``."""

    expression: str
    verdict: str | None
    number: str | None


BREAKS = re.compile(r"(?<=[^\s>])[ \t]*\n[ \t]*(?=<!--)")  # text, then a line that begins with a comment


def statements(text: str) -> list[Statement]:
    """The statements in a markdown cell, in order; ValueError for a comment that is none or breaks a paragraph."""
    if found := BREAKS.search(text):
        after = text[found.end() : found.end() + 40]
        raise ValueError(
            f"the line that begins with {after!r} would end its paragraph: put the comment after its words"
        )
    return [parsed(found[1]) for found in COMMENT.finditer(text)]


def parsed(comment: str) -> Statement:
    words = comment.split()
    if len(words) == 3 and words[1] == "=" and NUMBER.fullmatch(words[2]):
        return Statement(words[0], None, words[2])
    if 2 <= len(words) <= 3 and words[1] in VERDICTS and (len(words) == 2 or NUMBER.fullmatch(words[2])):
        return Statement(words[0], words[1], words[2] if len(words) == 3 else None)
    raise ValueError(
        f"{comment.strip()!r} states nothing: write an expression without spaces, then supported, contradicted or "
        "undecided with a mean in printed units, or = and a number"
    )


def fault(statement: Statement, names: Mapping[str, object]) -> str | None:
    """Why a statement does not hold among the ``names`` of a notebook; None where it does."""
    try:
        found = eval(statement.expression, dict(names))  # what the lesson's own author has written
    except Exception as error:
        return f"{statement.expression} cannot be looked up: {type(error).__name__}: {error}"
    value, verdict = found, getattr(found, "verdict", None)
    if statement.verdict is not None:
        if verdict is None:
            return f"{statement.expression} is no claim but {found!r}"
        if verdict != statement.verdict:
            return f"{statement.expression} is stated to be {statement.verdict}, and is {found!r}"
        value = found.mean * (100 if found.unit == "%" else 1)
    if statement.number is not None and not agrees(value, statement.number):
        return f"{statement.expression} is stated to be {statement.number}, and is {value!r}"
    return None


def agrees(value: object, stated: str) -> bool:
    """Whether a number is what is stated, within one of its last digit."""
    digits = len(stated.partition(".")[2])
    try:
        return abs(float(value) - float(stated.replace("−", "-"))) <= 1.001 * 10.0**-digits
    except (TypeError, ValueError):
        return False


def faults(text: str, names: Mapping[str, object]) -> list[str]:
    """What does not hold of all that a markdown cell states."""
    return [because for one in statements(text) if (because := fault(one, names))]
