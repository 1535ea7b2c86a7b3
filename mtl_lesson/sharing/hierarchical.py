"""Hierarchical sharing: shared extraction below, task modules above."""

from __future__ import annotations

from collections.abc import Mapping

from ..nets import layers_with_weights
from ..nets.trunks import in_order
from ..tasks import check_tasks, find_task
from .base import Sharing


class Hierarchical(Sharing):
    """All tasks share the trunk's layers below ``branch`` and own the layers from there on.

        h_t = f_above(f_below(x; θ); θ_t),   ŷ_t = g_t(h_t; φ_t),   L = Σ_t L_t

    ``branch``: the first layer that each task has for itself, or "heads" for none of the trunk's (that is Hard); the
    first layer of the trunk makes it Separate. A mapping {task name: layer} lets every task leave the common trunk
    where it likes; tasks that are not named stay to the end.

    Raises KeyError for a layer or a task that is not there.
    """

    options = ("branch",)

    def __init__(self, tasks, trunk, branch: str | Mapping[str, str] = "heads", **arguments):
        asked = check_tasks(tasks)
        layers = (*layers_with_weights(trunk), "heads")
        own = dict(branch) if isinstance(branch, Mapping) else {task.name: branch for task in asked}
        for name, layer in own.items():
            find_task(asked, name)
            if layer not in layers:
                one = "" if in_order(trunk) else f"; {type(trunk).__name__} is one layer: write it as an nn.Sequential"
                raise KeyError(f"there is no layer {layer!r} to branch at; there are {', '.join(layers)}{one}")
        self.branch = branch
        self.depths = [layers.index(own.get(task.name, "heads")) for task in asked]
        super().__init__(tasks, trunk, **arguments)

    def owners(self, depth):
        shared = [depth < branch for branch in self.depths]
        first = 1 if any(shared) else 0  # group 0 is the common one, as long as somebody uses it
        alone = iter(range(first, len(shared) + first))
        return [0 if together else next(alone) for together in shared]
