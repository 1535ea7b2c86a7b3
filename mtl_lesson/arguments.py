"""Checks of arguments: a number as it is meant, or an error that names the argument."""

from __future__ import annotations

import math
import operator


def whole(value: int, name: str, least: int = 1, most: int | None = None, most_name: str = "") -> int:
    """``value`` as an int; TypeError if it is no whole number, ValueError if it is not from ``least`` to ``most``."""
    try:
        if isinstance(value, bool):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be {least} or more, not {number}")
    if most is not None and number > most:
        limit = f"{most_name} = {most}" if most_name else f"{most}"
        raise ValueError(f"{name} can be at most {limit}, not {number}")
    return number


def real(value: float, name: str, least: float = 0.0, most: float = math.inf, unit: str = "") -> float:
    """``value`` as a float; TypeError if it is no number, ValueError if it is not finite or out of its range."""
    try:
        if isinstance(value, bool | str):
            raise TypeError
        number = float(value)
    except (TypeError, ValueError, RuntimeError):  # RuntimeError: a tensor of several numbers
        raise TypeError(f"{name} must be a number, not {value!r}") from None
    if not (math.isfinite(number) and least <= number <= most):
        limit = f"{least:g} or more and finite" if most == math.inf else f"from {least:g} to {most:g}"
        raise ValueError(f"{name} must be {limit}{unit}, not {number:g}")
    return number
