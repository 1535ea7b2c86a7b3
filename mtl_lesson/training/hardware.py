"""Where to compute, and in which precision: chosen by what the machine has, or by two environment variables."""

from __future__ import annotations

import ctypes
import os
import platform
import time
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import cache

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}


def keep_freed_memory() -> None:
    """Ask Linux' allocator to keep what training frees at each step for the next, rather than to hand it back.

    Maps of some megabytes are freed and asked for again hundreds of times a second; fetched anew, page by page, they
    cost a sweep on a CPU 10 to 25 % of its time. Elsewhere than with glibc nothing is changed, nor where the user has
    set one of the allocator's own variables.
    """
    if platform.libc_ver()[0] != "glibc" or any(name.startswith("MALLOC_") for name in os.environ):
        return
    m_trim_threshold, m_mmap_threshold = -1, -3  # their numbers in malloc.h
    mallopt = ctypes.CDLL(None).mallopt
    mallopt(m_mmap_threshold, 32 << 20)  # the most that it allows
    mallopt(m_trim_threshold, 1 << 30)


keep_freed_memory()

PAYS = 1.5  # how many times faster bfloat16 must be; well between the CPUs where it pays (3 to 6) and the others (1)


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
    if kind == "cpu" and bfloat16_pays():
        return Choice("bfloat16", f"at least {PAYS} times as fast as float32 on this CPU")
    return Choice("float32", "bfloat16 is not much faster here")


def machine() -> dict[str, str]:
    """What this machine computes with, in words: for a learner's first look and for a report of a problem."""
    threads = f", {torch.get_num_threads()} threads" if device().name == "cpu" else ""
    return {
        "Device": f"{device()!r}{threads}",
        "Precision": repr(precision()),
        "Versions": f"Python {platform.python_version()}, PyTorch {torch.__version__}",
    }


@cache
def bfloat16_pays() -> bool:
    """Whether the CPU multiplies matrices much faster in bfloat16 than in float32, measured once a process (20 ms).

    Having the instructions is not enough: on some processors, and in some virtual machines, they are the slower ones.
    """
    seconds = {}
    for dtype in (torch.float32, torch.bfloat16):
        a, times = torch.ones(512, 512, dtype=dtype), []
        for _ in range(8):
            start = time.perf_counter()
            a @ a
            times.append(time.perf_counter() - start)
        seconds[dtype] = min(times)
    return seconds[torch.float32] > PAYS * seconds[torch.bfloat16]


def autocast(on: str | torch.device, precision_name: str) -> AbstractContextManager:
    """A context in which products are computed in bfloat16, or as the weights are."""
    if precision_name == "bfloat16":
        return torch.autocast(torch.device(on).type, dtype=torch.bfloat16)
    return nullcontext()
