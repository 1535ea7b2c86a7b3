"""Where to compute, in which precision and on how many threads: by rule and said, never by a timing.

What a cell gives must not hang on how busy the machine was. Four environment variables override: ``MTL_DEVICE``,
``MTL_PRECISION``, ``MTL_THREADS`` and PyTorch's own ``OMP_NUM_THREADS``.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache

import torch
from torch import nn

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float64": torch.float64}

#: Multiply-adds from which all cores work together on each operation of a training step that cannot be cut into parts.
#: Below it one thread is nearly as fast on a quiet machine, and several times faster beside busy processes, where each
#: operation waits for the last of its threads.
TOGETHER = 1.5e9


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
    """The precision to train in on ``on``: float32 on a CPU, bfloat16 on a GPU that multiplies it in hardware.

    ``MTL_PRECISION`` (float32, bfloat16 or float64) overrides. Weights and the optimiser's state are float32 in either
    case; bfloat16 is used for the products alone, and never for judging. Raises ValueError for any other word.
    """
    if asked := os.environ.get("MTL_PRECISION"):
        if asked not in DTYPES:
            raise ValueError(f"MTL_PRECISION={asked} is none of {', '.join(DTYPES)}")
        return Choice(asked, "asked for by MTL_PRECISION")
    kind = torch.device(str(on or device())).type
    if kind == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return Choice("bfloat16", "the GPU multiplies it in hardware")
    return Choice("float32", "as on every CPU, unless asked otherwise" if kind == "cpu" else "the safe choice here")


def cores() -> int:
    """How many cores may be used: those of this process (affinity, a container's quota), within ``MTL_THREADS``,
    ``OMP_NUM_THREADS`` and what PyTorch was told. Raises ValueError for a variable that is no number of 1 or more."""
    from joblib import cpu_count  # here, since a look at a network needs no cores

    bounds = [cpu_count(), torch.get_num_threads()]
    for name in ("MTL_THREADS", "OMP_NUM_THREADS"):
        if asked := os.environ.get(name, "").split(",")[0].strip():
            if not asked.isdecimal() or int(asked) < 1:
                raise ValueError(f"{name}={asked} must be a number of threads, 1 or more")
            bounds.append(int(asked))
    return min(bounds)


def threads_for(work: float, on: str | torch.device) -> int:
    """The threads of a CPU on which a step of ``work`` multiply-adds is computed: one, or all from a size on."""
    return cores() if torch.device(on).type == "cpu" and work >= TOGETHER else 1


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Compute on ``count`` threads of the CPU, in the Python thread that enters this; then on as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def machine() -> dict[str, str]:
    """What this machine computes with, in words: for a learner's first look and for a report of a problem."""
    count = cores()
    plan = "one thread" if count == 1 else f"{count} cores, a part of a sweep or of a large step on each"
    return {
        "Device": f"{device()!r}{f', {plan}' if device().name == 'cpu' else ''}",
        "Precision": repr(precision()),
        "Versions": f"Python {platform.python_version()}, PyTorch {torch.__version__}",
    }


def autocast(on: str | torch.device, precision_name: str) -> AbstractContextManager:
    """A context in which products are computed in bfloat16, or as the weights are."""
    if precision_name == "bfloat16":
        return torch.autocast(torch.device(on).type, dtype=torch.bfloat16)
    return nullcontext()


# --- what training needs, done when training starts -----------------------------------------------------------------


@cache
def prepare() -> None:
    """What the first training of a process needs. Importing the package does nothing of it.

    PyTorch imports half of itself at the first step of an optimiser. A learner who presses Stop at that moment would be
    left with the other half missing, and no later training would work until the kernel is restarted. Stop reaches the
    main thread alone, so the step is taken in another, which finishes whatever happens here.
    """
    keep_freed_memory()
    worker = threading.Thread(target=first_step, name="first step")
    worker.start()
    worker.join()


def first_step() -> None:
    """A step of Adam on nothing."""
    parameter = nn.Parameter(torch.zeros(1))
    optimiser = torch.optim.Adam([parameter], fused=True)
    optimiser.zero_grad()
    parameter.sum().backward()
    optimiser.step()


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
