"""How numbers, λ and tasks are written and read: the same in figures, widgets and sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Real

import numpy as np

from .data.quoting import listed  # noqa: F401  names in a row are said so everywhere
from .inspection.paths import Path, Slice
from .tasks import Task

LETTERS = {"lam": "λ", "gamma": "γ", "delta": "δ"}  # how an axis is written
MANY = 8  # of more tasks than this the mean is told and shown, not each
NO_LAMBDA = "λ must be a number of 0 or more, or ∞; '{text}' is neither"

# --- numbers -------------------------------------------------------------------------------------------------------


def rounded(value: float, unit: str = "") -> str:
    """A measured number as a figure writes it: ``64 %``, ``−0.31``, ``1,204``, ``0.003``, ``2e−5``.

    ``unit`` "%" takes a fraction and writes a percentage.
    """
    value = float(value) * (100 if unit == "%" else 1)
    if not math.isfinite(value):
        text = "unknown" if math.isnan(value) else ("−∞" if value < 0 else "∞")
        return text if math.isnan(value) or not unit else f"{text} {unit}"
    size = abs(value)
    digits = 0 if unit == "%" or size >= 100 else 1 if size >= 10 else 2
    text = f"{value:,.{digits}f}"
    if 0 < size < 0.005 and unit != "%":
        text = f"{value:.3f}" if size >= 0.001 else f"{value:.0e}".replace("e-0", "e-")
    text = text.removeprefix("-") if float(text.replace(",", "")) == 0 else text.replace("-", "−")
    return f"{text} {unit}" if unit else text


def coarse(value: float, sign: bool = False, digits: int | None = None) -> str:
    """A difference or a ratio, with two digits that count unless ``digits`` says how many follow the point."""
    if digits is None:
        digits = 0 if abs(value) >= 9.95 else 1 if abs(value) >= 0.95 else 2
    text = f"{value:{'+' if sign else ''}.{digits}f}".replace("-", "−")
    return text if text.strip("+−0.") else "0"


def about(value: float, unit: str = "") -> str:
    """A measured number as a text writes it: ``≈ 64 %``; "unknown" where there is none."""
    text = rounded(value, unit)
    return text if text == "unknown" else f"≈ {text}"


def sentences(notes: Iterable[str]) -> str:
    """Notes as sentences: each begins with a capital and ends with a stop."""
    return " ".join(f"{note[0].upper()}{note[1:]}." for note in notes)


# --- λ and dials ---------------------------------------------------------------------------------------------------


def written(lam: float) -> str:
    """λ as a label writes it: 0, ∞, 0.03, 1, 300."""
    if lam == 0 or math.isinf(lam):
        return "∞" if lam else "0"
    if lam >= 100:
        return f"{lam:,.0f}"
    if lam >= 0.01 or round(lam, 3) == float(f"{lam:.2g}"):
        return f"{float(f'{lam:.2g}'):g}"
    power = math.floor(math.log10(lam))
    digits = f"{lam / 10**power:.1f}".removesuffix(".0")
    small = str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{small}" if digits == "1" else f"{digits}·10{small}"


def typed(lam: float) -> str:
    """λ as one would type it."""
    return "∞" if math.isinf(lam) else f"{float(f'{lam:.2g}'):g}"


def read_lambda(text: str) -> float:
    """What was typed as a number: 0.5, 0,5, ∞ or inf. ValueError for anything else."""
    try:
        return float(str(text).strip().replace("∞", "inf").replace(",", "."))
    except ValueError:
        raise ValueError(NO_LAMBDA.format(text=text)) from None


def shown(value: object) -> str:
    """The value of a dial as a person writes it."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return str(value)
    return written(value) if math.isinf(value) else f"{value:g}"


def title(path: Path, values: Sequence) -> str:
    """The world of a path and where its dials stand: "shoppers, δ = 0.7"."""
    said = [f"{LETTERS.get(name, name)} = {value}" for name, value in zip(path.dials, values, strict=True)]
    return ", ".join([path.world, *said])


# --- tasks and their scores ----------------------------------------------------------------------------------------


def unit(task: Task) -> str:
    """The unit its score is written in: "%" for a share."""
    return task.unit or "%" * (task.score_name == "accuracy")


def scored(tasks: Iterable[Task], scores: Iterable[float]) -> str:
    """Each task and its score: "Ana ≈ 70 %, Bao ≈ 64 %"."""
    return ", ".join(f"{task.name} {about(score, unit(task))}" for task, score in zip(tasks, scores, strict=True))


def average(tasks: Sequence[Task], mean: float) -> str:
    """The mean score of many tasks: "accuracy ≈ 70 %, mean of 12 tasks"."""
    return f"{tasks[0].score_name} {about(mean, unit(tasks[0]))}, mean of {len(tasks)} tasks"


def sentence(found: Slice, index: int, seed: int | None = None, hidden: bool = False) -> str:
    """What is on show: λ and each task's score, of one seed or the mean over all; of many tasks their mean alone."""
    where = f"λ = {written(found.lams[index])}"
    if hidden:
        return f"{where}: the scores are hidden until you reveal them"
    who = f" (seed {seed})" if seed is not None else ""
    if len(found.tasks) > MANY and found.alike:
        return f"{where}{who}: {average(found.tasks, found.pooled_of(seed)[index])}"
    return f"{where}{who}: {scored(found.tasks, found.scores_of(seed)[index])}"
