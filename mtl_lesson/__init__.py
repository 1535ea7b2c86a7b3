"""Joint feature representations in multi-task learning: the package behind the course's notebooks.

Read it in the order in which things happen: ``tasks`` → ``nets`` → ``data`` → ``sharing`` → ``training`` →
``evidence`` → ``inspection`` → ``show`` → ``widgets`` → ``checks``. Each part imports only from parts before it.
"""

from . import bank, checks, data, inspection, nets, show, widgets
from .evidence import Claim, choose, claim
from .sharing import Hard, Hierarchical, Pooled, Separate, SharedPrivate, Soft, closed_form, trace_norm
from .tasks import Binary, Classification, Regression
from .training import Run, Sweep, TrainingDiverged, device, fit, machine, precision, sweep
from .widgets import explore, lesion_lab, microscope, predict

__version__ = "0.1.0"
__all__ = [
    "Binary",
    "Claim",
    "Classification",
    "Hard",
    "Hierarchical",
    "Pooled",
    "Regression",
    "Run",
    "Separate",
    "SharedPrivate",
    "Soft",
    "Sweep",
    "TrainingDiverged",
    "bank",
    "checks",
    "choose",
    "claim",
    "closed_form",
    "data",
    "device",
    "explore",
    "fit",
    "inspection",
    "lesion_lab",
    "machine",
    "microscope",
    "nets",
    "precision",
    "predict",
    "show",
    "sweep",
    "trace_norm",
    "widgets",
]
