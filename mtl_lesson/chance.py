"""Seeded chance: everything that is drawn at random depends on a seed and a name, and on nothing drawn before.

PyTorch's own generator belongs to the process: two threads that seed it at the same moment draw each other's numbers,
and a learner's ``torch.manual_seed`` would be undone. So nothing here touches it.
"""

from __future__ import annotations

import copy
import hashlib

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode


def generator(*what: object, device: str | torch.device = "cpu") -> torch.Generator:
    """A random generator that depends on ``what`` alone (a seed and a name, say)."""
    digest = hashlib.sha256("/".join(map(str, what)).encode()).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest[:7], "big"))


class Drawn(TorchDispatchMode):
    """While this is entered, all that PyTorch draws in this thread comes from ``generator``: weights, dropout, noise.

    Raises RuntimeError for an operation that takes no generator, so that no seed could decide what it draws.
    """

    def __init__(self, generator: torch.Generator):
        super().__init__()
        self.generator = generator

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if torch.Tag.nondeterministic_seeded not in func.tags:
            return func(*args, **(kwargs or {}))
        names = [argument.name for argument in func._schema.arguments]
        given = dict(zip(names, args, strict=False)) | (kwargs or {})
        if func is torch.ops.aten.native_dropout.default:  # what a GPU takes for dropout
            return dropout(given["input"], given["p"], given["train"], self.generator)
        rate = next((name for name in ("dropout_p", "dropout") if name in names), None)
        if given.get("train") is False or (rate and not given.get(rate)):  # attention or a GRU that draws nothing
            return func(**given)
        if given.get("generator") is None:
            func, given = seeded(func), given | {"generator": self.generator}
        return func(**given)


def seeded(func: torch._ops.OpOverload) -> torch._ops.OpOverload:
    """The form of an operation of PyTorch that takes a generator."""
    names = [argument.name for argument in func._schema.arguments]
    if "generator" in names:
        return func
    packet = func.overloadpacket
    for other in (getattr(packet, name) for name in packet.overloads()):
        if sorted([*names, "generator"]) == sorted(argument.name for argument in other._schema.arguments):
            return other
    raise RuntimeError(
        f"{func} draws random numbers that no seed can decide: take a layer that draws otherwise, such as nn.Dropout"
    )


def dropout(x: Tensor, p: float, train: bool | None, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """What ``torch.native_dropout`` returns, the result and the mask, drawn from ``generator``."""
    if train is False:
        return x.clone(), torch.ones_like(x, dtype=torch.bool)
    mask = torch.empty_like(x).bernoulli_(1 - p, generator=generator).bool()
    return x * mask / max(1 - p, torch.finfo(x.dtype).tiny), mask


def drawn(template: nn.Module, *what: object) -> nn.Module:
    """A copy of ``template`` with fresh weights by PyTorch's own rule, depending on ``what`` alone.

    Every module in it draws its own by ``reset_parameters``. Raises ValueError, naming them, for weights whose module
    has no such method, unless they were not drawn at all (all of them 0, say).
    """
    fresh = copy.deepcopy(template).cpu()  # drawn on the CPU, so that a seed means the same on every device
    with Drawn(generator(*what)):
        draw(fresh, what[-1] if isinstance(what[-1], str) else type(template).__name__)
    return fresh


def draw(module: nn.Module, name: str) -> None:
    """Draw all weights of a module anew, its parts' before its own."""
    for part, child in module.named_children():
        draw(child, f"{name}.{part}")
    reset = getattr(module, "reset_parameters", None) or getattr(module, "_reset_parameters", None)
    if reset is not None:
        reset()
        return
    own = [key for key, value in module.named_parameters(recurse=False) if value.requires_grad and not constant(value)]
    if own:
        raise ValueError(
            f"the weights {name}.{own[0]} cannot be drawn anew for each seed: give the class "
            f"{type(module).__name__} a method reset_parameters(self) that draws them, as nn.Linear has, "
            f"such as nn.init.normal_(self.{own[0]})"
        )


def constant(weights: Tensor) -> bool:
    """Whether weights were set rather than drawn: all of them equal, or one whole number."""
    values = weights.detach().flatten()
    if values.numel() <= 1:
        return bool((values == values.round()).all())
    return bool((values == values[0]).all())
