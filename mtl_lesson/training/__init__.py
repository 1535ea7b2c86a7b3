"""One loop trains every model; ``fit`` trains one, ``sweep`` many at once; ``merge`` makes one of several; ``load``
finds one again."""

from .hardware import device, machine, precision
from .loop import TrainingDiverged
from .merge import join, merge
from .runs import Run, fit
from .saved import Saved, load
from .sweeps import Sweep, sweep

__all__ = [
    "Run",
    "Saved",
    "Sweep",
    "TrainingDiverged",
    "device",
    "fit",
    "join",
    "load",
    "machine",
    "merge",
    "precision",
    "sweep",
]
