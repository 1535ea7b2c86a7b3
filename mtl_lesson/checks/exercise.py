"""An exercise and what a learner is told about it: not attempted, right, wrong because …, or its own crash."""

from __future__ import annotations

import html
import inspect
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import isclose

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


def judged(
    given: float, right: float, mistakes: Mapping[float, str], otherwise: str, within: float = 1e-6
) -> str | None:
    """None where a number is ``right``; else why it is not: what those who make one of the ``mistakes`` get is told
    apart by its value, and any other number gets the words ``otherwise``."""
    if isclose(given, right, rel_tol=within):
        return None
    return next((why for value, why in mistakes.items() if isclose(given, value, rel_tol=within)), otherwise)


def chosen_of(answer: object, options: Sequence[Mapping[str, str | None]]) -> str | None:
    """None where each of several choices is right; else why the first wrong one is not.

    ``options``: for each choice the names that can be chosen, with None for the right one and the reason for others.
    Upper and lower case are one. Raises :class:`NotYet` where a choice is still open.
    """
    if not isinstance(answer, tuple | list) or len(answer) != len(options):
        return f"{len(options)} answers are asked for, not {answer!r}."
    for one, reasons in zip(answer, options, strict=True):
        if one is ...:
            raise NotYet
        known = {name.casefold(): because for name, because in reasons.items()}
        name = one.strip().casefold() if isinstance(one, str) else one
        if not isinstance(one, str) or name not in known:
            return f"{one!r} is none of the options: {', '.join(reasons)}."
        if known[name]:
            return known[name]
    return None


def attempted(value: object) -> object:
    """What a learner's function returned, unless it is the ``...`` of a stub."""
    if value is ...:
        raise NotYet
    return value
