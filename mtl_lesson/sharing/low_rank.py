"""Low-rank sharing: one trunk for all, and for each task a correction of it in a few directions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..arguments import whole
from ..nets import layers_of
from ..nets.layers import Conv2d, General, Linear, Stacked
from .hard import Hard

Rank = int | float | Mapping[str, int | float]


class LowRank(Hard):
    """All tasks share a trunk, and each corrects every weight matrix of it by one of rank r at most.

        h_t = f(x; θ_t),   θ_t = θ + U_t V_tᵀ,   ŷ_t = g_t(h_t; φ_t),   L = Σ_t L_t(θ_t, φ_t)

    A matrix (m, n) has U_t (m, r) and V_t (n, r), so a task pays r·(m + n) weights for it in place of m·n. A kernel is
    the matrix (out, in·k·k), and so on: the first axis, and all others in a row. Biases, and whatever else has one
    axis, stay shared. ``rank``: r from 0 (that is Hard) to the smaller of m and n, where θ_t may be any matrix
    (Separate, but for the biases); math.inf is the largest that each layer has. One a layer is {layer name: r}, 0 where
    not named. U_t is drawn, the same for all tasks, with E[U Uᵀ] = I, and V_t = 0, so training starts where Hard does
    and a first step on V_t moves θ_t on average as far as Separate would go. What is frozen keeps its values, unless a
    mapping names its layer: then only the correction learns, as in the first paper.

    Weight decay on U_t and V_t is the trace norm of the correction: min ½ (‖U‖² + ‖V‖²) over U Vᵀ = Δ is ‖Δ‖_*, for
    each task and layer by itself. Tasks that correct in *common* directions: :mod:`mtl_lesson.linear.low_rank`. Hu et
    al. 2022, "LoRA: Low-rank adaptation of large language models"; a correction a task beside a shared one: Agiza,
    Neseem & Reda 2024, "MTLoRA".

    Raises TypeError for a rank that is no whole number; ValueError for one that is negative or larger than its layer
    has, and for a layer without a matrix; KeyError for a layer that is not there.
    """

    options = ("rank",)

    def __init__(self, tasks, trunk, rank: Rank = 1, **arguments):
        self.rank = rank
        super().__init__(tasks, trunk, **arguments)
        self.ranks = ranks_of(self.template[0], rank, self.trunk.plan)
        for name, factors in self.ranks.items():
            held = self.trunk[name]
            corrected = CORRECTED[type(held)](factors, len(self.tasks), held, self.initial)
            for place, layer in enumerate(self.trunk.layers):
                if layer is held:
                    self.trunk.layers[place] = corrected
            self.trunk.plan[name] = tuple(range(len(self.tasks)))  # θ_t is each task's own from here on

    def parameters_by_user(self):
        """θ is everyone's and U_t, V_t are a task's own: the θ_t that the plan speaks of are no weights."""
        own = {f"{name}.{key}" for name in self.ranks for key in self.trunk[name].parameter_keys}
        found = {
            users: {name: value for name, value in weights.items() if name.split("[")[0] not in own}
            for users, weights in super().parameters_by_user().items()
        }
        everyone = tuple(task.name for task in self.tasks)
        for name in self.ranks:
            layer = self.trunk[name]
            for key in layer.parameter_keys:
                found.setdefault(everyone, {})[f"{name}.{key}"] = getattr(layer, layer.attributes[key])[:, 0]
            for t, task in enumerate(everyone):
                for key, value in layer.factors.values(t).items():
                    found.setdefault((task,), {})[f"{name}.{key}[{t}]"] = value
        return {users: weights for users, weights in found.items() if weights}

    def holders(self):
        return [*super().holders(), *(self.trunk[name].factors for name in self.ranks)]


# --- how many directions ---------------------------------------------------------------------------------------------


class Shape(NamedTuple):
    """Of a weight: its matrix (m, n), the rank r of its corrections, and the rows that are never corrected."""

    m: int
    n: int
    r: int
    still: tuple[int, ...] = ()


def ranks_of(trunk: nn.Module, rank: Rank, names: Sequence[str]) -> dict[str, dict[str, Shape]]:
    """Layer → {its matrices: their :class:`Shape`}, without those of rank 0; refuses a rank that makes no sense."""
    layers, named = layers_of(trunk), isinstance(rank, Mapping)
    if unknown := sorted(set(rank) - set(names)) if named else []:
        raise KeyError(f"there is no layer {unknown[0]!r} to correct; there are {', '.join(names)}")
    found = {}
    for name in names:
        asked = rank.get(name, 0) if named else rank
        if factors := shapes_in(layers[name], name, asked, frozen_too=named):
            found[name] = factors
        elif named and asked:
            raise ValueError(f"layer {name!r} has no weight matrix to correct; leave it out of rank={{…}}")
    return found


def shapes_in(layer: nn.Module, name: str, rank: int | float, frozen_too: bool) -> dict[str, Shape]:
    """The matrices of one layer that are corrected; of several in it the smaller get the rank that they have."""
    weights = {key: value for key, value in layer.named_parameters() if value.dim() > 1}
    most = max((min(matrix(value)) for value in weights.values()), default=math.inf)
    if rank != math.inf:
        rank = whole(rank, f"the rank of layer {name!r}", least=0)
        if rank > most:
            sizes = ", ".join("{} × {}".format(*matrix(value)) for value in weights.values())
            raise ValueError(
                f"the rank of layer {name!r} can be at most {most} (its matrix is {sizes}), not {rank}; give each "
                "layer its own, rank={layer: rank}, or math.inf for the largest of each"
            )
    pads = {
        f"{path}.weight".lstrip("."): (part.padding_idx,)  # a word that is none stays 0
        for path, part in layer.named_modules()
        if isinstance(part, nn.Embedding) and part.padding_idx is not None
    }
    return {
        key: Shape(*matrix(value), min(rank, *matrix(value)), pads.get(key, ()))
        for key, value in weights.items()
        if rank and (value.requires_grad or frozen_too)
    }


def matrix(weight: Tensor) -> tuple[int, int]:
    """The size of a weight as a matrix: its first axis, and all others in a row."""
    return len(weight), weight[0].numel()


# --- layers whose weights each task corrects -------------------------------------------------------------------------


class Factors(nn.Module):
    """U and V of the matrices in one layer, a template."""

    def __init__(self, shapes: Mapping[str, Shape]):
        super().__init__()
        self.shapes = dict(shapes)
        for key, (m, n, r, _) in self.shapes.items():
            self.register_parameter(name_factor("U", key), nn.Parameter(torch.zeros(m, r)))
            self.register_parameter(name_factor("V", key), nn.Parameter(torch.zeros(n, r)))
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        for key, shape in self.shapes.items():
            U, V = (getattr(self, name_factor(part, key)) for part in "UV")
            nn.init.normal_(U, std=shape.r**-0.5)
            U[list(shape.still)] = 0
            nn.init.zeros_(V)


def name_factor(part: str, key: str) -> str:
    """The name of a factor of the weight ``key``."""
    return f"{part} of {key.replace('.', '/')}"


class Corrected:
    """For a holder of a layer's weights: one θ (C, 1, …) for all tasks, seen by each as θ + U_t V_tᵀ."""

    def __init__(self, shapes: Mapping[str, Shape], tasks: int, held: Stacked, initial: str):
        super().__init__(held.template[0], held.name, (0,) * tasks, held.seeds, initial)
        self.corrected = frozenset(shapes)
        self.factors = Stacked(Factors(shapes), f"low rank/{held.name}", tuple(range(tasks)), held.seeds)

    def correction(self, key: str, at: object = ...) -> Tensor:
        """U_t V_tᵀ in the shape of the weight ``key``, (C, T, …), or ``at`` one copy and task."""
        U, V = (getattr(self.factors, self.factors.attributes[name_factor(part, key)])[at] for part in "UV")
        shape = getattr(self, self.attributes[key]).shape[2:]
        return (U @ V.mT).view(*U.shape[:-2], *shape)

    def theta(self, key: str, owners: Sequence[int]) -> Tensor | None:
        if key not in self.attributes:
            return None
        θ = getattr(self, self.attributes[key])
        if key not in self.corrected:
            return θ.expand(-1, len(owners), *θ.shape[2:])
        away = self.correction(key)
        return θ + (away if list(owners) == list(range(away.shape[1])) else away[:, list(owners)])

    def values(self, group: int) -> dict[str, Tensor]:
        found = super().values(0)
        return found | {key: found[key] + self.correction(key, (slice(None), group)) for key in self.corrected}

    def of(self, copy_: int, task: int) -> dict[str, Tensor]:
        found = super().of(copy_, task)
        return found | {key: found[key] + self.correction(key, (copy_, task)) for key in self.corrected}


class CorrectedConv2d(Corrected, Conv2d):
    """A convolution."""


class CorrectedLinear(Corrected, Linear):
    """A linear layer."""


class CorrectedGeneral(Corrected, General):
    """Any other module."""


CORRECTED = {Conv2d: CorrectedConv2d, Linear: CorrectedLinear, General: CorrectedGeneral}
