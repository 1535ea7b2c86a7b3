"""An exercise and what a learner is told about it: not attempted, right, wrong because …, or its own crash."""

from __future__ import annotations

import html
import inspect
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isclose, isfinite
from numbers import Real

MARKS = {"not attempted": "○", "right": "✓", "wrong": "✗", "crashed": "✗", "stopped": "○"}
COLOURS = dict.fromkeys(MARKS, "#5F5F5F") | {"right": "#00664B", "wrong": "#A33B00", "crashed": "#A33B00"}


class NotYet(Exception):
    """Raised by a judge where the learner has not written anything yet."""


@dataclass(frozen=True)
class Result:
    """``state``: "not attempted", "right", "wrong", "crashed" or "stopped"; ``words``: what the learner is told."""

    exercise: str
    state: str
    words: str

    def __repr__(self) -> str:
        return f"{MARKS[self.state]} {self.exercise}: {self.state}{'. ' if self.words else ''}{self.words}"

    def _repr_html_(self) -> str:
        return (
            f'<div role="status" style="border-left:4px solid {COLOURS[self.state]};padding:4px 10px">'
            f"<b>{MARKS[self.state]} {html.escape(self.exercise)}: {self.state}.</b> "
            f'<span style="white-space:pre-wrap">{html.escape(self.words)}</span></div>'
        )


class Exercise:
    """Call it with an answer to check it; :meth:`hint` gives one hint more each time.

    ``judge(*answer)`` returns None where the answer is right and otherwise the end of the sentence "wrong, because …";
    it raises :class:`NotYet` where there is no answer yet. What the learner's own code raises is shown, not swallowed.
    """

    def __init__(self, name: str, judge: Callable[..., str | None], *, praise: str = "", hints: tuple[str, ...] = ()):
        self.name, self.judge, self.praise, self.hints, self.told = name, judge, praise, hints, 0
        self.__doc__ = judge.__doc__

    def __call__(self, *answer: object) -> Result:
        try:
            if not answer or any(blank(one) for one in answer):
                raise NotYet
            because = self.judge(*answer)
        except NotYet:
            more = f" Ask for a hint with checks.{self.judge.__name__}.hint()." if self.hints else ""
            return Result(self.name, "not attempted", "Replace the ... with your answer and run the cell again." + more)
        except KeyboardInterrupt:
            return Result(self.name, "stopped", "You stopped it. If it ran for ever, look at the end of your loop.")
        except Exception as error:
            if isinstance(error, TypeError) and "not callable" in str(error) and not any(map(callable, answer)):
                given = type(answer[0]).__name__
                return Result(self.name, "wrong", f"Because it is a {given}; give the check your function, uncalled.")
            return Result(self.name, "crashed", crash(error, answer))
        if because is None:
            return Result(self.name, "right", self.praise)
        return Result(self.name, "wrong", f"Because {because}")

    def hint(self) -> Result:
        """The next hint; after the last one, the last one again."""
        if not self.hints:
            return Result(self.name, "not attempted", "There is no hint for this one.")
        self.told = min(self.told + 1, len(self.hints))
        return Result(self.name, "not attempted", f"Hint {self.told} of {len(self.hints)}. {self.hints[self.told - 1]}")

    def __repr__(self) -> str:
        return f"Exercise({self.name}): call it with your answer, or ask for .hint()"


def crash(error: Exception, answer: tuple) -> str:
    """The learner's own error: its kind, its message, and the line of the learner's code that raised it."""
    files = {inspect.getsourcefile(one) for one in answer if inspect.isfunction(one) or inspect.isclass(one)}
    files |= {inspect.getsourcefile(type(one)) for one in answer if type(one).__module__ == "__main__"}
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    where = f"\n    line {frames[-1].lineno}: {frames[-1].line}" if frames else ""
    return f"Your code raised {type(error).__name__}: {error}{where}"


def blank(answer: object) -> bool:
    """Whether an answer is the stub's: ``...``, nothing, or a set with nothing else in it."""
    if isinstance(answer, set | dict | list | tuple):
        return not set(answer) - {...}
    return answer is ... or answer is None


def no_number(given: object) -> str | None:
    """What is wrong with what should be one finite number."""
    if given is None:
        return "your function returns nothing. Is a return missing?"
    if isinstance(given, bool) or not isinstance(given, Real):
        return f"the answer is one number; yours is a {type(given).__name__}."
    return None if isfinite(given) else f"it is {given}."


def judged(
    given: float, right: float, mistakes: Mapping[float, str], otherwise: str, within: float = 1e-6
) -> str | None:
    """None where a number is ``right``; else why it is not: what those who make one of the ``mistakes`` get is told
    apart by its value, and any other number gets the words ``otherwise``."""
    if isclose(given, right, rel_tol=within):
        return None
    return next((why for value, why in mistakes.items() if isclose(given, value, rel_tol=within)), otherwise)


def fault_of_design(options: Mapping[str, Mapping[str, str | None]], *chosen: object) -> str | None:
    """What is wrong with a test that a learner has put together; None where every part of it is right.

    ``options``: part of the test ("claim", "pair", …) → each choice there is → why it is wrong, None for the right one.
    ``chosen``: a choice a part, in that order; upper and lower case are one. The first part that is wrong is told.
    """
    if len(chosen) != len(options):
        return f"{len(options)} answers are asked for: {', '.join(options)}."
    for (part, reasons), given in zip(options.items(), chosen, strict=True):
        known = {choice.casefold(): choice for choice in reasons}
        choice = known.get(str(given).strip().casefold())
        if choice is None:
            return f"there is no {part} {given!r}; there are {', '.join(sorted(reasons))}."
        if because := reasons[choice]:
            return f"of the {part} {choice!r}: {because.rstrip('.')}."
    return None


def attempted(value: object) -> object:
    """What a learner's function returned, unless it is the ``...`` of a stub."""
    if value is ...:
        raise NotYet
    return value
