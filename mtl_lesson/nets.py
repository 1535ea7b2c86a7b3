"""Ordinary trunks, and the one mechanism that runs many copies of them at once.

A trunk is an ordinary ``nn.Sequential``. To compare ways of sharing one needs many of them: one a task, one a seed,
one a λ. Run one after another they leave a machine idle, so here each layer with weights holds them for all:

* C **copies** of the experiment (seeds × settings), which never touch each other,
* G **groups** of weights in each copy: θ has shape (C, G, …), so axis 1 is the tasks axis of the lesson's formulas,
* S **streams**: the feature maps being computed in one copy. ``owners`` names the group that each task uses.

A way of sharing is then a plan, a row of owners for each layer, here for three tasks::

    Separate      [0 1 2] [0 1 2] [0 1 2]     a group a task, all the way up
    Hard          [0 0 0] [0 0 0] [0 0 0]     one group for all
    Hierarchical  [0 0 0] [0 1 2] [0 1 2]     one group below the branch

Tasks that still see the same input through the same weights share a stream: what is equal is computed once. Between
layers, activations of R = C·S streams for B examples are *maps* (B, R·channels, height, width) or *vectors*
(R, B, features). Convolution runs all streams as groups of one grouped convolution; a linear layer is one batched
product of matrices.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .chance import Drawn, drawn, generator


def conv(width: int = 8, features: int | None = None, channels: int = 3) -> nn.Sequential:
    """The course's trunk for pictures (channels, 28, 28): two convolutions, then a linear layer to ``features`` units.

    ``conv(32, features=128)`` is the essay's network: conv 32, conv 64, linear 128. ``features`` is 8·width unless
    given. Pooling comes before the ReLU: the maximum of rectified values is the rectified maximum, and there are four
    times fewer to rectify.
    """
    if min(width, channels) < 1 or (features is not None and features < 1):
        raise ValueError("width, features and channels must be 1 or more")
    features = 8 * width if features is None else features
    return nn.Sequential(OrderedDict(
        conv1=nn.Conv2d(channels, width, 3, padding=1), pool1=nn.MaxPool2d(2), relu1=nn.ReLU(),
        conv2=nn.Conv2d(width, 2 * width, 3, padding=1), pool2=nn.MaxPool2d(2), relu2=nn.ReLU(),
        flatten=nn.Flatten(), linear=nn.Linear(2 * width * 7 * 7, features), relu3=nn.ReLU(),
    ))  # fmt: skip


def linear(inputs: int, features: int) -> nn.Sequential:
    """A linear trunk h = W x without bias, for worlds that can be solved on paper."""
    return nn.Sequential(OrderedDict(linear=nn.Linear(inputs, features, bias=False)))


# --- layers that hold the weights of many copies -------------------------------------------------------------------


class Stacked(nn.Module):
    """A layer's weights for C copies × G groups: every parameter θ of the template, with shape (C, G, …).

    All groups of a copy start equal, drawn from (seed, layer name): tasks that start apart could not be compared
    by the distance of their weights, and ways of sharing could not be paired.
    """

    def __init__(self, template: nn.Module, name: str, groups: int, seeds: Sequence[int]):
        super().__init__()
        self.template = [template]  # in a list, so that it is not a submodule: its own weights are never trained
        self.copies, self.groups = len(seeds), groups
        first = {seed: dict(drawn(template, seed, name).named_parameters()) for seed in set(seeds)}
        for key, value in next(iter(first.values())).items():
            theta = torch.stack([first[seed][key].detach() for seed in seeds])[:, None]
            theta = theta.expand(-1, groups, *value.shape).clone()
            self.register_parameter(key, nn.Parameter(theta, requires_grad=value.requires_grad))

    def theta(self, key: str, owners: Sequence[int]) -> Tensor | None:
        """The parameter ``key`` as each of the streams uses it: (C, S, …)."""
        value = getattr(self, key, None)
        if value is None or list(owners) == list(range(self.groups)):
            return value
        return value[:, list(owners)]

    def values(self, group: int) -> dict[str, Tensor]:
        """The parameters of one group, each (C, …)."""
        return {key: value[:, group] for key, value in self.named_parameters()}

    def plain(self, copy_: int, group: int) -> nn.Module:
        """One group of one copy as an ordinary PyTorch layer, with its own storage."""
        layer = copy.deepcopy(self.template[0])
        for key, value in layer.named_parameters():
            value.data = getattr(self, key)[copy_, group].detach().clone()
        return layer

    def load_copy(self, other: Stacked, number: int) -> None:
        """Take the weights of one copy of ``other``; this holder has one copy."""
        for key, value in self.named_parameters():
            value.data = getattr(other, key)[number : number + 1].detach().clone()

    def slices(self, number: int) -> list[tuple[Tensor, object]]:
        """Where what one copy has learnt lies, weights and running statistics: (tensor, index)."""
        return [(parameter, number) for parameter in self.parameters()]

    def extra_repr(self) -> str:
        return f"{self.template[0]}, copies={self.copies}, groups={self.groups}"


class Conv2d(Stacked):
    """All streams in one grouped convolution: an input that feeds several streams is one group with more outputs."""

    fans_out = True

    @staticmethod
    def fits(layer: nn.Module) -> bool:
        return type(layer) is nn.Conv2d and layer.groups == 1 and layer.padding_mode == "zeros"

    def forward(self, x: Tensor, inputs: int, owners: Sequence[int]) -> Tensor:
        plain, weight, bias = self.template[0], self.theta("weight", owners), self.theta("bias", owners)
        expect(x.dim() == 4 and x.shape[1] == inputs * plain.in_channels, plain, x, inputs)
        return F.conv2d(x, weight.flatten(0, 2), None if bias is None else bias.flatten(),
                        plain.stride, plain.padding, plain.dilation, groups=inputs)  # fmt: skip


class Linear(Stacked):
    """All streams in one batched product: an input that feeds several streams meets all their weights side by side."""

    fans_out = True

    @staticmethod
    def fits(layer: nn.Module) -> bool:
        return type(layer) is nn.Linear

    def forward(self, x: Tensor, inputs: int, owners: Sequence[int]) -> Tensor:
        plain, weight, bias = self.template[0], self.theta("weight", owners), self.theta("bias", owners)
        expect(x.dim() == 3 and x.shape[-1] == plain.in_features, plain, x, inputs)
        weight = weight.reshape(inputs, -1, plain.in_features)
        # yᵀ = W xᵀ rather than y = x Wᵀ: so the gradient of W comes out in the order in which W lies in memory.
        y = (weight @ x.mT if bias is None else torch.baddbmm(bias.reshape(inputs, -1, 1), weight, x.mT)).mT
        if y.shape[-1] == plain.out_features:
            return y
        return y.unflatten(-1, (-1, plain.out_features)).transpose(1, 2).flatten(0, 1)


class Looped(nn.Module):
    """Any other layer, stream by stream: slower, and right for whatever maps a batch to a batch.

    What a layer draws while it works (dropout, noise) depends on its copy's seed, its own name and how often it has
    been asked, whichever copies stand beside it. In evaluation mode it is the same at every call.
    """

    fans_out = False

    def __init__(self, template: nn.Module, name: str, groups: int, seeds: Sequence[int]):
        super().__init__()
        self.name, self.seeds, self.copies, self.groups = name, tuple(seeds), len(seeds), groups
        self.layers = nn.ModuleList(drawn(template, seed, name) for seed in seeds for _ in range(groups))
        self.calls = 0

    def forward(self, x: Tensor, inputs: int, owners: Sequence[int]) -> Tensor:
        pieces = x.unflatten(1, (inputs, -1)).unbind(1) if x.dim() == 4 else x.unbind(0)
        self.calls += self.training
        call, y = self.calls if self.training else "evaluation", []
        for number, seed in enumerate(self.seeds):
            with Drawn(generator(seed, self.name, "call", call, device=x.device)):
                for group, piece in zip(owners, pieces[number * len(owners) :], strict=False):
                    y.append(self.answer(self.layers[number * self.groups + group], piece))
        return torch.cat(y, 1) if y[0].dim() == 4 else torch.stack(y)

    def answer(self, layer: nn.Module, x: Tensor) -> Tensor:
        """What a layer makes of a batch (examples, …); a batch too small for its statistics is refused in words."""
        try:
            return layer(x)
        except ValueError as error:
            if "more than 1 value per channel" not in str(error):
                raise
            raise ValueError(f"layer {self.name!r} ({type(layer).__name__}) takes statistics over a batch, and one "
                             "example has none: take batch_size=2 or more") from None  # fmt: skip

    def values(self, group: int) -> dict[str, Tensor]:
        groups = [dict(layer.named_parameters()) for layer in self.layers[group :: self.groups]]
        return {key: torch.stack([values[key] for values in groups]) for key in groups[0]}

    def plain(self, copy_: int, group: int) -> nn.Module:
        return copy.deepcopy(self.layers[copy_ * self.groups + group])

    def slices(self, number: int) -> list[tuple[Tensor, object]]:
        layers = self.layers[number * self.groups : (number + 1) * self.groups]
        return [(tensor, ...) for tensor in (*layers.parameters(), *layers.buffers())]

    def load_copy(self, other: Looped, number: int) -> None:
        for group, layer in enumerate(self.layers):
            layer.load_state_dict(other.layers[number * self.groups + group].state_dict())


class Flatten(nn.Module):
    """Maps (B, R·channels, height, width) to vectors (R, B, channels·height·width), in PyTorch's order."""

    def forward(self, x: Tensor, inputs: int) -> Tensor:
        return x.unflatten(1, (inputs, -1)).transpose(0, 1).flatten(2)


#: Layers without weights that treat every number, or every channel, alike need not know about streams at all.
ALIKE = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Identity,
         nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)  # fmt: skip


def stacked(template: nn.Module, name: str, groups: int, seeds: Sequence[int]) -> nn.Module:
    """The fastest holder this layer fits."""
    if type(template) in ALIKE:
        return copy.deepcopy(template)
    if type(template) is nn.Flatten and (template.start_dim, template.end_dim) == (1, -1):
        return Flatten()
    holder = next((kind for kind in (Conv2d, Linear) if kind.fits(template)), Looped)
    return holder(template, name, groups, seeds)


def expect(fits: bool, layer: nn.Module, x: Tensor, inputs: int) -> None:
    """Refuse activations that do not fit a layer, in the words of the layer the learner wrote."""
    if not fits:
        got = (x.shape[0], x.shape[1] // inputs, *x.shape[2:]) if x.dim() == 4 else tuple(x.shape[1:])
        hint = "; is an nn.Flatten() missing?" if x.dim() == 4 and isinstance(layer, nn.Linear) else ""
        raise ValueError(f"{layer} cannot take activations of shape {got} (examples, …){hint}")


# --- the network ----------------------------------------------------------------------------------------------------


class Streams(nn.Module):
    """A trunk for C copies and T tasks, run as its plan says.

    Each task follows a stream, and two tasks stay in one stream as long as they see the same input through the same
    weights. Three tasks, one picture, and a branch after the first layer::

        input                          streams (0, 0, 0)    all tasks see the same picture
        conv1   owners (0, 0, 0)   →   streams (0, 0, 0)    one group: computed once, for all
        conv2   owners (0, 1, 2)   →   streams (0, 1, 2)    the one stream goes through three groups of weights
        linear  owners (0, 1, 2)   →   streams (0, 1, 2)    each goes on by itself

    A stream is thus a pair (stream before, owner), and the distinct pairs are what is computed.

    ``plan``: layer name → owners, a group number for each task, for the layers that have weights. ``seeds``: one a
    copy; the seeds of one dataset stand together. ``drawn_as``: put before the names that the initial weights depend
    on, for a second trunk that must not start equal to the first.
    """

    def __init__(self, trunk: nn.Sequential, plan: Mapping[str, Sequence[int]], seeds: Sequence[int],
                 drawn_as: str = ""):  # fmt: skip
        super().__init__()
        self.template = [trunk]
        self.copies, self.plan = len(seeds), {name: tuple(owners) for name, owners in plan.items()}
        groups = {name: max(owners) + 1 for name, owners in self.plan.items()}
        # A ModuleList, since a layer may be called anything, also what a ModuleDict refuses.
        self.layers = nn.ModuleList(
            stacked(layer, drawn_as + name, groups.get(name, 1), seeds) for name, layer in trunk.named_children()
        )
        self.names = tuple(name for name, _ in trunk.named_children())

    def __getitem__(self, name: str) -> nn.Module:
        return self.layers[self.names.index(name)]

    def forward(self, x: Tensor, inputs: int, streams: Sequence[int], upto: str | None = None):
        """Runs the layers; returns (activations, for each task the number of its stream).

        ``x``: maps or vectors of ``inputs`` datasets (each for C / inputs copies that stand together) × the input
        streams; ``streams``: for each task the number of the input stream it looks at. ``upto``: stop after this layer.
        """
        for name, layer in zip(self.names, self.layers, strict=True):
            rows = inputs * (max(streams) + 1)
            if isinstance(layer, Flatten):
                x = layer(x, rows)
            elif type(layer) in ALIKE:
                x = layer(x)
            else:
                x, inputs, streams = self.run(name, layer, x, inputs, tuple(streams))
            if name == upto:
                break
        return spread(x, inputs, streams, self.copies), streams

    def plain(self, task: int, copy_: int) -> nn.Sequential:
        """The trunk as one task of one copy sees it, in ordinary PyTorch layers. Its weights are a copy."""
        network = nn.Sequential()
        for name, template in self.template[0].named_children():
            layer = self[name]
            known = hasattr(layer, "plain")
            network.add_module(name, layer.plain(copy_, self.plan[name][task] if name in self.plan else 0) if known
                               else template)  # fmt: skip
        return network

    def run(self, name: str, layer: nn.Module, x: Tensor, inputs: int, streams: tuple[int, ...]):
        """One layer with weights: tasks with the same input and the same owner share a stream from here on."""
        pairs = list(zip(streams, self.plan.get(name, (0,) * len(streams)), strict=True))
        new = sorted(set(pairs))
        parents, owners = zip(*new, strict=True)
        before = max(streams) + 1
        each = len(new) // before
        regular = parents == tuple(p for p in range(before) for _ in range(each))
        in_order = inputs == self.copies or before == 1
        rows = inputs * before
        if not (regular and in_order and (layer.fans_out or (each == 1 and inputs == self.copies))):
            datasets = [copy_ * inputs // self.copies for copy_ in range(self.copies)]
            x = select(x, rows, [dataset * before + parent for dataset in datasets for parent in parents])
            rows = self.copies * len(new)
        return layer(x, rows, owners), self.copies, tuple(new.index(pair) for pair in pairs)


def select(x: Tensor, rows: int, index: Sequence[int]) -> Tensor:
    """The streams ``index`` of activations that hold ``rows`` of them."""
    if x.dim() == 3:
        return x[list(index)]
    x = x.unflatten(1, (rows, -1))[:, list(index)].flatten(1, 2)
    return x.contiguous(memory_format=torch.channels_last)


def spread(x: Tensor, inputs: int, streams: Sequence[int], copies: int) -> Tensor:
    """Activations with a row for every copy and stream, also where no layer with weights has told the copies apart."""
    if inputs == copies:
        return x
    count = max(streams) + 1
    return select(x, inputs * count, [(c * inputs // copies) * count + s for c in range(copies) for s in range(count)])


def layers_with_weights(trunk: nn.Sequential) -> tuple[str, ...]:
    """The names of the layers a plan speaks of: those that learn, weights or running statistics.

    Refuses (TypeError) a trunk that is not an ``nn.Sequential``.
    """
    if not isinstance(trunk, nn.Sequential):
        raise TypeError(f"a trunk is an nn.Sequential of layers, such as mtl.nets.conv(); got {type(trunk).__name__}")
    return tuple(name for name, layer in trunk.named_children() if [*layer.parameters(), *layer.buffers()])
