"""What a representation holds, as plain arrays and tables."""

from .cost import cost
from .probe import fit_probe, floors, probe, probe_matrix

__all__ = ["cost", "fit_probe", "floors", "probe", "probe_matrix"]
