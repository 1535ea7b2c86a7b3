"""Cross-stitch units: a network a task, and learnt amounts of each in the others."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from ..nets import layers_with_weights
from ..nets.layers import Stacked
from .separate import Separate


class CrossStitch(Separate):
    """Every task has its own network, and after some layers each takes a learnt mixture of what all of them return.

        h_t ← Σ_s α_ts h_s,   ŷ_t = g_t(h_t; φ_t),   L = Σ_t L_t

    α (T, T), one after each layer of ``after`` (those with weights unless given), starts as the identity, which is
    Separate; equal rows are one network for all. The networks see one another, so none can be taken out for itself
    (:meth:`plain` says so). Misra et al. 2016, "Cross-stitch networks for multi-task learning".

    Raises KeyError for a layer that is not there.
    """

    options = ("after",)

    def __init__(self, tasks, trunk, after: Sequence[str] | None = None, **arguments):
        self.after = after
        super().__init__(tasks, trunk, **arguments)
        where = layers_with_weights(self.template[0]) if after is None else after
        if unknown := [name for name in where if name not in self.trunk.names]:
            raise KeyError(f"there is no layer {unknown[0]!r} to mix after; there are {', '.join(self.trunk.names)}")
        units = [Stacked(Mixture(len(self.tasks)), f"stitch/{name}", (0,), self.seeds) for name in where]
        self.where, self.units = tuple(where), nn.ModuleList(units)

    def between(self, layer: str, h: Tensor) -> Tensor:
        if layer not in self.where:
            return h
        return torch.einsum("cts,cs...->ct...", self.α(layer).to(h), h)

    def α(self, layer: str) -> Tensor:
        """How much of each task's activations (last axis) the others take after ``layer``, (C, T, T)."""
        return self.units[self.where.index(layer)].values(0)["α"]

    def parameters_by_user(self):
        everyone = tuple(task.name for task in self.tasks)
        found = super().parameters_by_user()
        found.setdefault(everyone, {}).update({f"α after {layer}": self.α(layer) for layer in self.where})
        return found

    def holders(self):
        return [*super().holders(), *self.units]


class Mixture(nn.Module):
    """α of one layer, a template."""

    def __init__(self, tasks: int):
        super().__init__()
        self.α = nn.Parameter(torch.eye(tasks))

    def reset_parameters(self) -> None:
        nn.init.eye_(self.α)
