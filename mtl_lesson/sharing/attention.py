"""Attention masks: one trunk for all tasks, and of its features each task takes what its own mask lets through."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..chance import generator
from ..nets import layers_of, layers_with_weights
from ..nets.layers import CHANNELS
from ..nets.trunks import keeps_size
from .base import Sharing

KINDS = ("input", "constant", "random halves")
AS_MANY = (*CHANNELS, nn.BatchNorm2d, nn.GroupNorm, nn.Dropout2d)  # layers that return as many channels as they take


class Attention(Sharing):
    """All tasks share the trunk, and after some layers each multiplies what comes out by a mask of its own.

        h ← a_t(h) ⊙ h,   a_t(h) = 2σ(W_t h + b_t),   ŷ_t = g_t(h_t; φ_t),   L = Σ_t L_t

    W_t (units, units) works on vectors, at every step of a sequence and at every place of a map (there it is a 1×1
    convolution). W_t and b_t start at 0, where a_t ≡ 1 and the model is Hard; masks of 0 and 1 with no unit in common
    make a small network of each task. ``after``: the layer or layers that are masked, those with weights unless given;
    a sweep takes a list of either. ``mask``: "input", as above, or a control without the mechanism: "constant", a_t =
    2σ(b_t), a learnt number a unit; "random halves", half the units, drawn from the seed. A mask is a layer of the
    trunk, such as "mask after conv1"; a head that stands at conv1 (``heads``) takes what is not masked yet.

    After Liu, Johns & Davison 2019, "End-to-end multi-task learning with attention" (MTAN). Its mask is two 1×1
    convolutions, normalised, and a σ up to 1; what is masked goes into a branch with convolutions of the task's own,
    and the shared layers never see it. Here there is no branch: it goes on through the shared layers, so the weights
    are those of Hard and the masks, and above the first mask a step computes all that Separate does, and the masks.

    Raises KeyError for a layer that is not there, ValueError for another kind of mask and for a layer whose units
    cannot be masked or are not known.
    """

    options, needs_world = ("after", "mask"), True

    def __init__(self, tasks, trunk, after: Sequence[str] | str | None = None, mask: str = "input", **arguments):
        if mask not in KINDS:
            raise ValueError(f"a mask is one of {', '.join(map(repr, KINDS))}, not {mask!r}")
        self.after, self.mask = after, mask
        super().__init__(tasks, trunk, **arguments)
        self.template = self.unmasked  # what another copy is made from
        if mask == "random halves":
            self.draw_halves()

    def measure(self, trunk, world, features):
        """The trunk with the masks as layers of it."""
        self.unmasked = [super().measure(trunk, world, features)]  # in a list: a template, not weights of this model
        layers, masked = layers_of(self.unmasked[0]), nn.Sequential()
        where = layers_with_weights(self.unmasked[0]) if self.after is None else self.after
        self.where = (where,) if isinstance(where, str) else tuple(where)
        if unknown := [name for name in self.where if name not in layers]:
            raise KeyError(f"there is no layer {unknown[0]!r} to mask; there are {', '.join(layers)}")
        for name, layer in layers.items():
            masked._modules[name] = layer  # add_module refuses "block.conv"
            if name in self.where:
                masked._modules[mask_after(name)] = Mask(*self.units_of(name), self.mask)
        self.masks_at = [name.startswith(mask_after("")) for name in layers_with_weights(masked)]
        return masked

    def units_of(self, name: str) -> tuple[int, bool]:
        """How many units a layer returns, and whether they are channels of maps."""
        layers = layers_of(self.unmasked[0])
        if isinstance(layers[name], nn.Conv1d | nn.Conv3d) or len(self.shapes.get(name, (1,))) not in (1, 2, 3):
            raise ValueError(
                f"what layer {name!r} returns cannot be masked: masks are for vectors, sequences (length, units) and "
                "maps (channels, height, width); name other layers, after=(…)"
            )
        if shape := self.shapes.get(name):
            return (shape[0], True) if len(shape) == 3 else (shape[-1], False)
        found = None
        for layer in list(layers.values())[: [*layers].index(name) + 1]:
            if type(layer) in (nn.Conv2d, nn.Linear):
                found = (layer.out_channels, True) if type(layer) is nn.Conv2d else (layer.out_features, False)
            elif not (keeps_size(layer) or isinstance(layer, AS_MANY)):
                found = None
        if found is None:
            raise ValueError(
                f"how many units layer {name!r} has depends on the data: give the World in place of the tasks, or name "
                "the layers to mask, convolutions and linear ones, after=(…)"
            )
        return found

    def owners(self, depth):
        return list(range(len(self.tasks))) if self.masks_at[depth] else [0] * len(self.tasks)

    @torch.no_grad()
    def draw_halves(self) -> None:
        """A half of the units for each task, which depends on the seed and the names of layer and task alone."""
        for name in map(mask_after, self.where):
            kept = self.trunk[name].kept  # (C, T, units)
            for copy, seed in enumerate(self.seeds):
                for t, task in enumerate(self.tasks):
                    chosen = torch.randperm(kept.shape[2], generator=generator(seed, name, task.name))
                    kept[copy, t] = (chosen < kept.shape[2] / 2).to(kept)

    @torch.no_grad()
    def masks(self, x) -> dict[str, dict[str, Tensor]]:
        """a_t on data: layer → task → (examples, units) or as the layer's maps; several copies come first."""
        found = {}
        for layer in self.where:
            h, mask = self.features(x, layer), self.trunk[mask_after(layer)]
            several = {name: one if self.copies > 1 else one[None] for name, one in h.items()}
            a = {
                task.name: torch.stack([mask.plain(copy, t).of(one) for copy, one in enumerate(several[task.name])])
                for t, task in enumerate(self.tasks)
            }
            found[layer] = self.unwrap(a)
        return found


class Mask(nn.Module):
    """a(h) ⊙ h for one task; where everything is 0 it is h."""

    def __init__(self, units: int, maps: bool, kind: str):
        super().__init__()
        self.maps, self.kind = maps, kind
        if kind == "random halves":
            self.kept = nn.Parameter(torch.ones(units), requires_grad=False)
        else:
            self.W = nn.Parameter(torch.zeros(units, units)) if kind == "input" else None
            self.b = nn.Parameter(torch.zeros(units))

    def reset_parameters(self) -> None:
        for weight in self.parameters():
            if weight.requires_grad:
                nn.init.zeros_(weight)

    def of(self, h: Tensor) -> Tensor:
        """a(h), of the shape of h: (n, units), (n, length, units) or (n, channels, height, width)."""
        if self.kind == "input":
            z = F.conv2d(h, self.W[:, :, None, None], self.b) if self.maps else F.linear(h, self.W, self.b)
            return 2 * torch.sigmoid(z)
        a = self.kept if self.kind == "random halves" else 2 * torch.sigmoid(self.b)
        return (a[:, None, None] if self.maps else a).expand_as(h)

    def forward(self, h: Tensor) -> Tensor:
        return self.of(h) * h

    def extra_repr(self) -> str:
        return self.kind


def mask_after(layer: str) -> str:
    """What the mask after a layer is called."""
    return f"mask after {layer}"
