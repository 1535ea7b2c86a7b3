"""What a representation holds, as plain arrays and tables."""

from .probe import fit_probe, floors, probe, probe_matrix

__all__ = ["fit_probe", "floors", "probe", "probe_matrix"]
