"""What a learner's function of tensors is asked before its numbers are, and what makes two tensors the same."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from .exercise import attempted

Arguments = Mapping[str, Tensor | float]
Mistakes = Sequence[tuple[Tensor, str]]  # what those who make a mistake get, and what they are told


def call_with(function: Callable[..., object], arguments: Arguments) -> tuple[object, str | None]:
    """What a function returns for copies of ``arguments``, and that it changed one of them, if it did."""
    copies = {name: one.clone() if isinstance(one, Tensor) else one for name, one in arguments.items()}
    given = attempted(function(*copies.values()))
    for name, one in arguments.items():
        if isinstance(one, Tensor) and not torch.equal(copies[name], one):
            return given, f"your function changes {name}, and who uses it next gets another: make a new tensor."
    return given, None


def handed(function: Callable[..., Tensor], arguments: Arguments) -> tuple[object, str | None]:
    """What a function that should return one tensor returns, and what is wrong with it before numbers are compared."""
    given, problem = call_with(function, arguments)
    if problem:
        return given, problem
    return (given.detach(), no_finite(given)) if isinstance(given, Tensor) else (given, no_tensor(given))


def no_tensor(given: object) -> str:
    """What to tell who returns no tensor."""
    if given is None:
        return "your function returns nothing. Is a return missing?"
    several = isinstance(given, list | tuple) and given and all(isinstance(one, Tensor) for one in given)
    more = " torch.stack makes one of several." if several else ""
    return f"the answer is one tensor; yours is a {type(given).__name__}.{more}"


def no_finite(given: Tensor) -> str | None:
    """What is wrong with a tensor that should hold real, finite numbers."""
    if given.is_complex() or not given.is_floating_point():
        return f"its numbers are {given.dtype}: they should be as real as those of the arguments."
    return None if given.isfinite().all() else "there are numbers in it that are not finite."


def same_numbers(given: Tensor, value: Tensor) -> bool:
    """Whether two tensors have one shape and the same numbers, single precision included."""
    return given.shape == value.shape and torch.allclose(given.to(value), value, rtol=1e-4, atol=1e-5)


def in_other_order(given: Tensor, right: Tensor) -> bool:
    """Whether ``given`` holds what ``right`` holds, with the axes in another order or joined."""
    orders = (right.permute(order) for order in itertools.permutations(range(right.dim())))
    return given.numel() == right.numel() and any(same_numbers(given.reshape(one.shape), one) for one in orders)


def mistake_made(given: Tensor, mistakes: Mistakes) -> str | None:
    """What those are told who make the first of the ``mistakes`` that gives these numbers; None where none does."""
    return next((because for value, because in mistakes if same_numbers(given, value)), None)


def furthest_off(given: Tensor, right: Tensor, formula: str) -> str:
    """By how much the worst of a tensor's numbers is off from what a formula gives."""
    return f"it is off by up to {(given.to(right) - right).abs().max().item():.2g} from {formula}."
