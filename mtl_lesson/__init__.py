"""Joint feature representations in multi-task learning: the package behind the course's notebooks.

Read it in the order in which things happen: ``tasks`` → ``nets`` → ``data`` → ``linear`` → ``sharing`` →
``weighting`` → ``training`` → ``evidence`` → ``inspection`` → ``bank`` is science; ``words`` → ``show`` → ``widgets`` →
``checks`` → ``reports`` is the classroom, which computes nothing. Each part imports only from parts before it.

Importing it changes nothing in the process. A part is loaded when it is first used, with the libraries it needs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from . import (
        bank,
        chance,
        checks,
        data,
        evidence,
        inspection,
        linear,
        nets,
        reports,
        sharing,
        show,
        tasks,
        training,
        weighting,
        widgets,
        words,
    )
    from .evidence import Claim, choose, claim, pick
    from .linear import closed_form, trace_norm
    from .reports import Protocol, Report, report
    from .sharing import (
        Annealed,
        Attention,
        Contrastive,
        CrossStitch,
        Experts,
        Hard,
        Hierarchical,
        Learnt,
        LowRank,
        Pooled,
        Separate,
        SharedPrivate,
        Sharing,
        Soft,
    )
    from .tasks import Binary, Box, Classification, MultiLabel, Regression, Segmentation
    from .training import Run, Sweep, TrainingDiverged, device, fit, load, machine, merge, precision, sweep
    from .widgets import arrows, explore, lesion_lab, microscope, predict

__version__ = "0.1.0"

#: part → what of it stands here, too; the parts themselves do as well
PARTS = {
    "bank": (),
    "chance": (),
    "checks": (),
    "data": (),
    "evidence": ("Claim", "choose", "claim", "pick"),
    "inspection": (),
    "linear": ("closed_form", "trace_norm"),
    "nets": (),
    "reports": ("Protocol", "Report", "report"),
    "sharing": (
        "Annealed",
        "Attention",
        "Contrastive",
        "CrossStitch",
        "Experts",
        "Hard",
        "Hierarchical",
        "Learnt",
        "LowRank",
        "Pooled",
        "Separate",
        "SharedPrivate",
        "Sharing",
        "Soft",
    ),
    "show": (),
    "tasks": ("Binary", "Box", "Classification", "MultiLabel", "Regression", "Segmentation"),
    "training": ("Run", "Sweep", "TrainingDiverged", "device", "fit", "load", "machine", "merge", "precision", "sweep"),
    "weighting": (),
    "widgets": ("arrows", "explore", "lesion_lab", "microscope", "predict"),
    "words": (),
}
WHERE = {name: part for part, names in PARTS.items() for name in names}

__all__ = sorted([*PARTS, *WHERE])


def __getattr__(name: str) -> object:
    """Load the part that ``name`` stands for or in, once."""
    if name in PARTS:
        return import_module(f"{__name__}.{name}")
    if name not in WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = globals()[name] = getattr(import_module(f"{__name__}.{WHERE[name]}"), name)
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
