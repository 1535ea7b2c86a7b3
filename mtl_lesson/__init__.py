"""Joint feature representations in multi-task learning: the package behind the course's notebooks.

Read it in the order in which things happen: ``tasks`` → ``nets`` → ``data`` → ``sharing`` → ``training``. Each part
imports only from parts before it.
"""

from . import data, nets
from .sharing import Hard, Pooled, Separate
from .tasks import Binary, Classification, Regression
from .training import Run, Sweep, TrainingDiverged, device, fit, precision, sweep

__version__ = "0.1.0"
__all__ = [
    "Binary",
    "Classification",
    "Hard",
    "Pooled",
    "Regression",
    "Run",
    "Separate",
    "Sweep",
    "TrainingDiverged",
    "data",
    "device",
    "fit",
    "nets",
    "precision",
    "sweep",
]
