"""The exercise of the card on language: which number a letter gets, and of which texts that may be known."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral

from .exercise import Exercise, attempted

TRAIN, TEST = ("(^^)はい", "はい!!"), ("(^^)にゃん", "!?")


def number_of_letters(function: Callable[[Sequence[str], Sequence[str]], Mapping[str, int]]) -> str | None:
    """``number(train, test)``: letter → its token, a whole number of 2 or more, each letter another, for every letter
    that the network may know. 0 stands for no letter, 1 for an unknown one."""
    given = attempted(function(list(TRAIN), list(TEST)))
    if given is None:
        return "your function returns nothing. Is a return missing?"
    if not isinstance(given, Mapping):
        return f"the answer is a dictionary, letter → number; yours is a {type(given).__name__}."
    seen, tested = set("".join(TRAIN)), set("".join(TEST))
    if set(given) == seen | tested:
        return (
            "letters of the test texts have numbers, too. Nobody has seen these texts on the day the network is "
            "trained: what is not in training is unknown, and shares token 1."
        )
    if set(given) == set(TRAIN):
        return "a number is given to each text; it is the letters that are wanted: set(''.join(train))."
    if set(given) != seen:
        wrong = sorted(map(str, set(given) ^ seen))
        return f"every letter of the training texts has a number, and nothing else has; look at {', '.join(wrong[:4])}."
    values = list(given.values())
    if not all(isinstance(one, Integral) and not isinstance(one, bool) for one in values):
        return "tokens are whole numbers."
    if len(set(values)) < len(values):
        return "two letters have one number, so that the network cannot tell them apart."
    if min(values) < 2:
        return "0 and 1 are taken, for no letter and for an unknown one: begin at 2."
    return None


number_of_letters = Exercise(
    "Exercise",
    number_of_letters,
    praise="The test texts may hold letters without a number. That is what new texts will do, too.",
    hints=(
        "''.join(train) is one long text; set(…) of it holds each letter once. test is there to tempt you.",
        "{letter: token for token, letter in enumerate(sorted(set(''.join(train))), 2)}",
    ),
)
