"""What a lesson states, held against what its cells have found, while it is built.

A sentence about stored results, "three networks won garment by ten points", may not be wrong. Beside it, in the same
markdown cell, stands a comment that no reader sees:

    <!-- stated: garment supported +9.6 -->      a claim: its verdict, and its mean in the units that are printed
    <!-- stated: garment supported -->           its verdict alone
    <!-- stated: share = 62 -->                  a number

The first word is an expression without spaces, evaluated after the cells above. A number agrees where it rounds to what
is stated, or is off by one in the last digit that is stated. In a paragraph no line may begin with a comment, which
would end the paragraph: it follows its words, or stands with others after an empty line. Any comment with the word
"stated" is a statement or is refused, so that a slip of the pen does not leave a sentence unheld.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real

COMMENT = re.compile(r"<!--(.*?)(-->|\Z)", re.DOTALL)
STATED = re.compile(r"\s*stated:?\s(.*)", re.DOTALL)
VERDICTS = ("supported", "contradicted", "undecided")
NUMBER = re.compile(r"[+−-]?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Statement:
    """``expression`` is a claim with this ``verdict`` and, where it is given, this mean; or it is this ``number``.

    ``sentence``: the words that the statement stands after, as far as they can be told.
    """

    expression: str
    verdict: str | None
    number: str | None
    sentence: str = ""


def statements(text: str) -> list[Statement]:
    """The statements in a markdown cell, in order; ValueError for a comment that is none or breaks a paragraph."""
    for paragraph in re.split(r"\n[ \t]*\n", text):
        first = re.search(r"^[ \t]*(<!--.{,40})", paragraph, re.MULTILINE)
        if first and COMMENT.sub("", paragraph).strip():
            raise ValueError(
                f"the line that begins with {first[1]!r} would end its paragraph: put the comment after its words"
            )
    return [
        parsed(found[0], sentence_before(text[: found.start()]))
        for found in COMMENT.finditer(text)
        if "stated" in found[1].lower()
    ]


def parsed(comment: str, sentence: str = "") -> Statement:
    """One comment, with its brackets, as a statement; ValueError where it states nothing."""
    found = COMMENT.fullmatch(comment)
    inside = STATED.fullmatch(found[1]) if found and found[2] else None
    words = inside[1].split() if inside else []
    if len(words) == 3 and words[1] == "=" and NUMBER.fullmatch(words[2]):
        return Statement(words[0], None, words[2], sentence)
    if 2 <= len(words) <= 3 and words[1] in VERDICTS and (len(words) == 2 or NUMBER.fullmatch(words[2])):
        return Statement(words[0], words[1], words[2] if len(words) == 3 else None, sentence)
    raise ValueError(
        f"{shortly(comment)!r} states nothing: write <!-- stated: -->, in it an expression without spaces, then "
        "supported, contradicted or undecided with a mean in printed units, or = and a number"
    )


def sentence_before(text: str) -> str:
    """The last sentence of ``text``, comments aside; what a statement that follows it is about."""
    sentences = re.split(r"(?<=[.:?])\s+(?=\W*[A-Z])", " ".join(COMMENT.sub("", text).split()))
    return shortly(sentences[-1], 200)


def shortly(found: object, most: int = 300) -> str:
    """What was found, in one line that is not too long."""
    text = " ".join(str(found).split())
    return text if len(text) <= most else f"{text[:most]} …"


def fault(statement: Statement, names: Mapping[str, object]) -> str | None:
    """Why a statement does not hold among the ``names`` of a notebook, with its sentence; None where it does."""
    because = difference(statement, names)
    return because and f"“{statement.sentence}”: {because}"


def difference(statement: Statement, names: Mapping[str, object]) -> str | None:
    """What was found that is not what is stated; None where it is."""
    try:
        found = eval(statement.expression, dict(names))  # what the lesson's own author has written
    except Exception as error:
        return f"{statement.expression} cannot be looked up: {type(error).__name__}: {shortly(error)}"
    value, verdict = found, getattr(found, "verdict", None)
    if statement.verdict is not None:
        if verdict is None:
            return f"{statement.expression} is no claim but {shortly(repr(found))}"
        if verdict != statement.verdict:
            return f"{statement.expression} is stated to be {statement.verdict}, and is {shortly(repr(found))}"
        value = found.mean * (100 if found.unit == "%" else 1)
    if statement.number is not None and not agrees(value, statement.number):
        exactly = f"{value:.6g}" if isinstance(value, Real) else shortly(repr(value))
        return f"{statement.expression} is stated to be {statement.number}, and is {exactly}"
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
