"""What a representation holds, as plain arrays and tables."""

from .cost import cost
from .function import function_gap
from .probe import fit_probe, floors, probe, probe_matrix

__all__ = ["cost", "fit_probe", "floors", "function_gap", "probe", "probe_matrix"]
