"""A shared and a private part of the features of every task, kept apart by an orthogonality penalty."""

from __future__ import annotations

from numbers import Real

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets import Streams, features_of, layers_with_weights, materialize, shapes_of
from ..tasks import find_task
from .base import Sharing, a_copy, key_of

PRIVATE = "the private trunk"  # what its shape stands under beside those of the shared trunk's layers


class SharedPrivate(Sharing):
    """Every task looks through one trunk that all share and through one of its own.

        h_t = [s_t; p_t],   s_t = f(x; θ),   p_t = f(x; θ_t),   ŷ_t = g_t(h_t; φ_t),   L = Σ_t L_t + γ Σ_t R(s_t, p_t)

    R, the mean squared correlation of a shared feature with a private one (:func:`overlap`), keeps the two parts from
    saying the same. ``gamma``: γ from 0; a list has one for each copy. ``private``: the trunk a task has for itself,
    like ``trunk`` unless given.

    After Bousmalis et al. 2016, "Domain separation networks", whose penalty is neither centred nor normalised.
    Raises ValueError for a γ that is negative, infinite, NaN or no number.
    """

    options = ("gamma", "private")
    per_copy = ("gamma",)

    def __init__(
        self, tasks, trunk, gamma: float | list[float] = 0.0, private: nn.Sequential | None = None, **arguments
    ):
        self.own = [trunk if private is None else private]  # in a list: a template, not weights of this model
        if arguments.get("heads"):
            raise ValueError("SharedPrivate answers from the last layer, where its two trunks meet: leave heads= out")
        super().__init__(tasks, trunk, **arguments)
        plan = {name: tuple(range(len(self.tasks))) for name in layers_with_weights(self.own[0])}
        self.private_trunk = Streams(self.own[0], plan, self.seeds, drawn_as="private/", initial=self.initial)
        self.gamma = gamma
        each = [check_gamma(one) for one in a_copy(gamma, self.copies, "γ")]
        self.register_buffer("γ", torch.tensor(each), persistent=False)

    def measure(self, trunk, world, features):
        measured, private = super().measure(trunk, world, features), self.own[0]
        if private is trunk:
            self.own, self.shapes[PRIVATE] = [measured], self.shapes[None]
        elif PRIVATE not in self.shapes and world is None:
            self.shapes[PRIVATE] = (features_of(private),)
        elif PRIVATE not in self.shapes:
            example = self.example(world)
            self.own = [materialize(private, example)]
            self.shapes[PRIVATE] = shapes_of(self.own[0], example)[None]
        return measured

    @property
    def private(self) -> nn.Sequential:
        return self.own[0]

    def owners(self, depth):
        return [0] * len(self.tasks)

    def head_inputs(self, task):
        return (self.shapes[None][0] + self.shapes[PRIVATE][0], *self.shapes[None][1:])

    def trunks(self):
        return {"": self.trunk, "private.": self.private_trunk}

    def parts(self, h: Tensor) -> tuple[Tensor, Tensor]:
        """The shared and the private part of features (…, features)."""
        return h[..., : self.features_size], h[..., self.features_size :]

    def activations(self, x, inputs, streams, upto=None):
        """Both parts side by side; of a layer in the middle of the trunk too, if both trunks have it."""
        if upto is not None and upto not in self.private_trunk.names:
            raise KeyError(f"the private trunk has no layer {upto!r}; it has {', '.join(self.private_trunk.names)}")
        x, inputs, streams = self.through_stems(x, inputs, streams)
        shared, private = (self.by_task(*trunk(x, inputs, streams, upto)) for trunk in self.trunks().values())
        return {name: torch.cat([s, private[name]], 2) for name, s in shared.items()}

    def regulariser(self, h):
        return self.γ * sum(overlap(*self.parts(one.flatten(2).to(self.γ.dtype))) for one in h.values())

    def plain(self, task, copy=0):
        """The network of one task as ordinary PyTorch layers; its first layer holds the two trunks side by side."""
        t = self.tasks.index(find_task(self.tasks, task))
        network = nn.Sequential()
        if task in self.stem_templates:
            network.add_module("stem", self.stems[key_of(task)].plain(0, copy))
        network.add_module("both", SideBySide(*(trunk.plain(t, copy) for trunk in self.trunks().values())))
        if self.flattens(self.tasks[t]):
            network.add_module("all numbers in a row", nn.Flatten())
        network.add_module("head", self.heads[self.head_of(self.tasks[t])].plain(copy, 0))
        return network

    def options_of(self, number):
        return {"gamma": a_copy(self.gamma, self.copies, "γ")[number]}


class SideBySide(nn.ModuleList):
    """Networks that look at the same input; their features (n, …) are put side by side."""

    def __init__(self, *networks: nn.Module):
        super().__init__(networks)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([network(x) for network in self], 1)


def overlap(s: Tensor, p: Tensor, still: float = 1e-6) -> Tensor:
    """R(s, p): the mean over all pairs of a feature of s (…, n, a) and one of p (…, n, b) of their squared correlation.

        R = ‖S̃ᵀP̃‖²_F / (a·b),   columns of S̃ and P̃: centred over the n examples, and of length 1

    From 0 (no linear relation) to 1 (all features are one). Without the centring, two features that are never active
    together would pass for independent; without the norms, shrinking the private part would do. Features that hardly
    vary (standard deviation below ``still``) have no correlation and are left out of a and b. Independent features
    have 1 / (n − 1) on average, so small batches never reach 0.
    """
    columns, counts = [], []
    for part in (s, p):
        part = part - part.mean(-2, keepdim=True)
        length = torch.linalg.vector_norm(part, dim=-2, keepdim=True)
        least = still * part.shape[-2] ** 0.5
        columns.append(F.normalize(part, dim=-2, eps=least) * (length > least))
        counts.append((length > least).sum((-2, -1)).clamp(min=1))
    return (columns[0].mT @ columns[1]).square().sum((-2, -1)) / (counts[0] * counts[1])


def check_gamma(gamma: object) -> float:
    """γ of one copy; refuses what is none."""
    if isinstance(gamma, bool) or not isinstance(gamma, Real) or not 0 <= gamma < float("inf"):
        raise ValueError(f"γ must be a finite number of 0 or more, not {gamma!r}")
    return float(gamma)
