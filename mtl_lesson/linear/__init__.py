"""What can be solved on paper: linear models of several tasks, exactly."""

from . import closed_form, descent, front, graph, low_rank, messages, splits, trace_norm

__all__ = ["closed_form", "descent", "front", "graph", "low_rank", "messages", "splits", "trace_norm"]
