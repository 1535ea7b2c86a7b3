"""One loop trains every model; ``fit`` trains one, ``sweep`` many at once."""

from .hardware import device, machine, precision
from .loop import TrainingDiverged
from .runs import Run, fit
from .sweeps import Sweep, sweep

__all__ = ["Run", "Sweep", "TrainingDiverged", "device", "fit", "machine", "precision", "sweep"]
