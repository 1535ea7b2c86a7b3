"""One loop trains every model; ``fit`` trains one, ``sweep`` many at once; ``merge`` makes one of several."""

from .hardware import device, machine, precision
from .loop import TrainingDiverged
from .merge import join, merge
from .runs import Run, fit
from .sweeps import Sweep, sweep

__all__ = ["Run", "Sweep", "TrainingDiverged", "device", "fit", "join", "machine", "merge", "precision", "sweep"]
