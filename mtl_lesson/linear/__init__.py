"""What can be solved on paper: linear models of several tasks, exactly."""

from . import closed_form, graph, splits, trace_norm

__all__ = ["closed_form", "graph", "splits", "trace_norm"]
