"""The zoo: trunks that learners bring, with inputs that fit them. Properties in test_zoo.py go through all of it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torchvision
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.nets.graph import graph

TASKS = (mtl.Classification("kind", ("a", "b", "c")), mtl.Binary("yes"), mtl.Regression("much"))
N, SIDE, LENGTH, WORDS = 24, 6, 5, 11

# --- layers of learners' own ---------------------------------------------------------------------------------------


class Residual(nn.Module):
    """x + f(x), with a normalisation that remembers, or none."""

    def __init__(self, channels: int, norm: Callable[[int], nn.Module] = nn.Identity):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(channels, channels, 3, padding=1), norm(channels)

    def forward(self, x):
        return x + torch.relu(self.norm(self.conv(x)))


class View(nn.Module):
    def __init__(self, *shape: int):
        super().__init__()
        self.shape = shape

    def forward(self, x):
        return x.view(len(x), *self.shape) if x.is_contiguous() else x.reshape(len(x), *self.shape)


class Mean(nn.Module):
    """Over time."""

    def forward(self, x):
        return x.mean(1)


class Last(nn.Module):
    """The last output of a recurrent layer, which returns (outputs, state)."""

    def forward(self, outputs):
        return outputs[0][:, -1]


class OwnForward(nn.Module):
    """No order of layers: two paths that meet."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.out = nn.Linear(4, 6), nn.Linear(4, 6), nn.Linear(6, 5)

    def forward(self, x):
        return self.out(torch.tanh(self.one(x)) * torch.sigmoid(self.two(x)))


class Scaled(nn.Module):
    """A weight and a constant of its own, named like what the mechanism itself has."""

    def __init__(self, size: int):
        super().__init__()
        self.copies = nn.Parameter(torch.ones(size))
        self.register_buffer("seeds", torch.full((size,), 2.0))

    def reset_parameters(self):
        nn.init.uniform_(self.copies)

    def forward(self, x):
        return x * self.copies * self.seeds


class Tokens(nn.Module):
    """The mean of the embeddings of the words that are there; 0 is no word."""

    def __init__(self, size: int):
        super().__init__()
        self.embedding = nn.Embedding(WORDS, size, padding_idx=0)

    def forward(self, x):
        there = (x != 0).to(self.embedding.weight)[..., None]
        return (self.embedding(x) * there).sum(1) / there.sum(1).clamp(min=1)


def resnet() -> nn.Module:
    network = torchvision.models.resnet18(weights=None)
    network.fc = nn.Identity()
    return network


def repeated() -> nn.Module:
    relu, again = nn.ReLU(), nn.Linear(6, 6)
    return nn.Sequential(nn.Linear(4, 6), relu, again, relu, again, nn.Linear(6, 5))


def ring() -> torch.Tensor:
    """A node a word, each tied to the next."""
    I = torch.eye(WORDS)
    return I.roll(1, 0) + I.roll(-1, 0)


def frozen() -> nn.Module:
    trunk = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 5))
    trunk[2].requires_grad_(False)
    return trunk


# --- trunks by the kind of their inputs ----------------------------------------------------------------------------

VECTORS = {
    "mlp": lambda: nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5)),
    "repeated": repeated,
    "nested": lambda: nn.Sequential(
        OrderedDict(block=nn.Sequential(OrderedDict(a=nn.Linear(4, 6), act=nn.GELU())), top=nn.Linear(6, 5))
    ),
    "own forward": OwnForward,
    "batch norm": lambda: nn.Sequential(nn.Linear(4, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 5)),
    "layer norm": lambda: nn.Sequential(nn.Linear(4, 6), nn.LayerNorm(6), nn.PReLU(6), nn.Linear(6, 5)),
    "own names": lambda: nn.Sequential(nn.Linear(4, 6), Scaled(6), nn.Linear(6, 5)),
    "lazy": lambda: nn.Sequential(nn.LazyLinear(6), nn.Tanh(), nn.LazyLinear(5)),
    "frozen": frozen,
    "no layers": nn.Sequential,
}
MAPS = {
    "conv": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(36, 5)
    ),
    "depthwise": lambda: nn.Sequential(
        nn.Conv2d(3, 6, 1), nn.Conv2d(6, 12, 3, groups=6, padding=1), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    ),
    "residual": lambda: nn.Sequential(nn.Conv2d(3, 4, 3), Residual(4), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(16, 5)),
    "residual, batch norm": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3), Residual(4, nn.BatchNorm2d), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    ),
    "group norm": lambda: nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1, padding_mode="reflect"),
        nn.GroupNorm(2, 4),
        View(4 * SIDE * SIDE),
        nn.LazyLinear(5),
    ),
    "maps all the way": lambda: nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()),
}
SEQUENCES = {
    "gru": lambda: nn.Sequential(nn.GRU(3, 4, batch_first=True), Last(), nn.Linear(4, 5)),
    "lstm": lambda: nn.Sequential(nn.Linear(3, 3), nn.LSTM(3, 4, batch_first=True), Last()),
    "attention": lambda: nn.Sequential(nn.TransformerEncoderLayer(3, 1, 8, dropout=0.0, batch_first=True), Mean()),
    "linear in time": lambda: nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Flatten(), nn.Linear(4 * LENGTH, 5)),
}
TOKENS = {
    "embedding": lambda: nn.Sequential(nn.Embedding(WORDS, 4, padding_idx=3), nn.Flatten(), nn.Linear(4 * LENGTH, 5)),
    "graph": lambda: nn.Sequential(graph(ring(), 2), nn.Linear(2 * LENGTH, 5)),
    "padding token": lambda: nn.Sequential(Tokens(4), nn.Linear(4, 5)),
}
SHAPES = {"vectors": (4,), "maps": (3, SIDE, SIDE), "sequences": (LENGTH, 3), "tokens": (LENGTH,)}


@dataclass(frozen=True)
class Animal:
    """A trunk, and the kind of inputs it takes."""

    name: str
    layout: str
    make: Callable[[], nn.Module]

    def __repr__(self) -> str:
        return f"{self.layout}: {self.name}"


ZOO = [
    Animal(name, layout, make)
    for layout, trunks in (("vectors", VECTORS), ("maps", MAPS), ("sequences", SEQUENCES), ("tokens", TOKENS))
    for name, make in trunks.items()
]
RESNET = Animal("resnet18", "maps", resnet)
WAYS = {
    "separate": mtl.Separate,
    "soft": lambda *of, **more: mtl.Soft(*of, lam=0.1, **more),
    "learnt": mtl.Learnt,
    "hard": mtl.Hard,
    "hierarchical": lambda tasks, trunk, **more: mtl.Hierarchical(
        tasks, trunk, branch=[*mtl.nets.layers_with_weights(trunk), "heads"][-2:][0], **more
    ),
    "low rank": mtl.LowRank,
    "shared and private": mtl.SharedPrivate,
    "experts": lambda tasks, trunk, **more: mtl.Experts(tasks, trunk, private=1, gate=gate_for(tasks, more), **more),
    "attention": lambda tasks, trunk, **more: mtl.Attention(tasks, trunk, after=maskable(trunk), **more),
}


def gate_for(world: World, more: dict) -> str:
    """Gates that look at the input, but for tokens."""
    x = next(iter(world.train.inputs.values()))
    return "input" if x.is_floating_point() or more.get("stems") else "constant"


def maskable(trunk: nn.Module) -> tuple[str, ...]:
    """The layers with weights that return a tensor."""
    layers = mtl.nets.layers_of(trunk)
    return tuple(name for name in mtl.nets.layers_with_weights(trunk) if not isinstance(layers[name], nn.RNNBase))


def inputs(layout: str, n: int = N, seed: int = 0) -> torch.Tensor:
    draw = torch.Generator().manual_seed(seed)
    if layout == "tokens":
        return torch.randint(0, WORDS, (n, *SHAPES[layout]), generator=draw)
    return (torch.rand if layout == "maps" else torch.randn)(n, *SHAPES[layout], generator=draw)


def labels(n: int = N, seed: int = 0) -> dict[str, torch.Tensor]:
    """A third of them is missing."""
    draw = torch.Generator().manual_seed(100 + seed)
    there = {task.name: torch.rand(n, generator=draw) > 1 / 3 for task in TASKS}
    return {
        "kind": torch.randint(3, (n,), generator=draw).where(there["kind"], -1),
        "yes": torch.randint(2, (n,), generator=draw).where(there["yes"], -1),
        "much": torch.randn(n, generator=draw).where(there["much"], torch.nan),
    }


def world(animal: Animal, own: bool = False, tasks: tuple[mtl.tasks.Task, ...] = TASKS) -> World:
    """Noise that the animal can eat; with ``own`` each task has inputs of its own."""
    parts = []
    for part in range(3):
        x = inputs(animal.layout, seed=part)
        if own:
            x = {task.name: inputs(animal.layout, seed=10 * (t + 1) + part) for t, task in enumerate(tasks)}
        parts.append(Split(x, {name: y for name, y in labels(seed=part).items() if name in {t.name for t in tasks}}))
    layout = animal.layout if animal.layout in ("sequences", "tokens") else None
    return World(animal.name, tasks, *parts, layout=layout)
