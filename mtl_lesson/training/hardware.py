"""Where to compute, and in which precision: chosen by what the machine has, or by two environment variables."""

from __future__ import annotations

import os
import platform
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


@dataclass(frozen=True)
class Choice:
    """What was chosen, and ``why`` in words."""

    name: str
    why: str

    def __str__(self) -> str:
        return self.name

    def __repr__(self) -> str:
        return f"{self.name} ({self.why})"


def device() -> Choice:
    """The device to train on: CUDA, then Apple's MPS, then the CPU. ``MTL_DEVICE`` overrides."""
    if asked := os.environ.get("MTL_DEVICE"):
        try:
            torch.empty(0, device=asked)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"MTL_DEVICE={asked} cannot be used here: {error}") from None
        return Choice(asked, "asked for by MTL_DEVICE")
    if torch.cuda.is_available():
        return Choice("cuda", torch.cuda.get_device_name())
    if torch.backends.mps.is_available():
        return Choice("mps", "Apple GPU")
    return Choice("cpu", "no GPU found")


def precision(on: str | torch.device | None = None) -> Choice:
    """The precision that is fast on ``on``: bfloat16 where the hardware multiplies it, else float32.

    ``MTL_PRECISION`` (float32, bfloat16 or float64) overrides. Weights and the optimiser's state are float32 in either
    case; bfloat16 is used for the products alone. Raises ValueError for any other word.
    """
    if asked := os.environ.get("MTL_PRECISION"):
        if asked not in DTYPES:
            raise ValueError(f"MTL_PRECISION={asked} is none of {', '.join(DTYPES)}")
        return Choice(asked, "asked for by MTL_PRECISION")
    kind = torch.device(str(on or device())).type
    if kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return Choice("bfloat16", "the GPU multiplies it in hardware")
    if kind == "cpu" and any(cpu_has(feature) for feature in ("avx512_bf16", "amx_bf16")):
        return Choice("bfloat16", "the CPU multiplies it in hardware")
    return Choice("float32", "bfloat16 is not faster here")


def machine() -> dict[str, str]:
    """What this machine computes with, in words: for a learner's first look and for a report of a problem."""
    threads = f", {torch.get_num_threads()} threads" if device().name == "cpu" else ""
    return {
        "Device": f"{device()!r}{threads}",
        "Precision": repr(precision()),
        "Versions": f"Python {platform.python_version()}, PyTorch {torch.__version__}",
    }


def cpu_has(feature: str) -> bool:
    """Whether the CPU has an instruction set; False where this PyTorch cannot tell."""
    tell = getattr(torch.cpu, "get_capabilities", None) or getattr(torch.backends.cpu, "get_capabilities", None)
    if tell is not None:
        return bool(tell().get(feature, False))
    older = {"avx512_bf16": "_is_avx512_bf16_supported", "amx_bf16": "_is_amx_tile_supported"}
    return bool(getattr(torch.cpu, older[feature], bool)())


def autocast(on: str | torch.device, precision_name: str) -> AbstractContextManager:
    """A context in which products are computed in bfloat16, or as the weights are."""
    if precision_name == "bfloat16":
        return torch.autocast(torch.device(on).type, dtype=torch.bfloat16)
    return nullcontext()
