"""A trunk for many copies and tasks, run as a plan says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from torch import Tensor, nn
from torch.utils._pytree import tree_map

from .layers import Stacked, as_maps, as_rows, expect_tensor, hold
from .trunks import layers_of

#: called after each layer: (its name, activations (C, T, examples, …)) → activations of the same shape
Between = Callable[[str, Tensor], Tensor]


class Streams(nn.Module):
    """A trunk for C copies and T tasks, run as its plan says.

    Each task follows a stream, and two tasks stay in one stream as long as they see the same input through the same
    weights. Three tasks, one picture, and a branch after the first layer::

        input                          streams (0, 0, 0)    all tasks see the same picture
        conv1   owners (0, 0, 0)   →   streams (0, 0, 0)    one group: computed once, for all
        conv2   owners (0, 1, 2)   →   streams (0, 1, 2)    the one stream goes through three groups of weights
        linear  owners (0, 1, 2)   →   streams (0, 1, 2)    each goes on by itself

    A stream is thus a pair (stream before, owner), and the distinct pairs are what is computed. Where tasks of one
    group have running statistics of their own, each goes on by itself too.

    ``plan``: layer name → owners, a group number for each task, for the layers that have weights. ``seeds``: one a
    copy; the seeds of one dataset stand together. ``drawn_as``: put before the names that the initial weights depend
    on, for a second trunk that must not start equal to the first. ``initial``: "drawn" from the seeds, or "template".
    """

    def __init__(
        self,
        trunk: nn.Module,
        plan: Mapping[str, Sequence[int]],
        seeds: Sequence[int],
        drawn_as: str = "",
        initial: str = "drawn",
    ):
        super().__init__()
        self.template = [trunk]
        self.copies, self.plan = len(seeds), {name: tuple(owners) for name, owners in plan.items()}
        layers = layers_of(trunk)
        first: dict[int, str] = {}  # where a layer object stands first: at its other places it is the same layer
        self.place = {name: first.setdefault(id(layer), name) for name, layer in layers.items()}
        held = {}
        for name, layer in layers.items():
            if self.place[name] == name:
                held[name] = hold(layer, drawn_as + name, self.plan.get(name, (0,)), seeds, initial)
        # A ModuleList, since a layer may be called anything, also what a ModuleDict refuses.
        self.layers = nn.ModuleList(held[self.place[name]] for name in layers)
        self.names = tuple(layers)

    def __getitem__(self, name: str) -> nn.Module:
        return self.layers[self.names.index(name)]

    def forward(
        self,
        x: Tensor,
        inputs: int,
        streams: Sequence[int],
        upto: str | None = None,
        between: Between | None = None,
        kept: dict[str, tuple[Tensor, Sequence[int]]] | None = None,
    ) -> tuple[Tensor, Sequence[int]]:
        """Runs the layers; returns (activations (C·S, examples, …), for each task the number of its stream).

        ``x``: (rows, examples, …), a row for each of ``inputs`` datasets (each for C / inputs copies that stand
        together) × the input streams; ``streams``: for each task the number of the input stream it looks at. ``upto``:
        stop after this layer. ``between``: what the streams of the tasks see of each other after each layer. ``kept``:
        gets, for the layers that are its keys, what they return.
        """
        streams = tuple(streams)
        for name, layer in zip(self.names, self.layers, strict=True):
            if isinstance(layer, Stacked):
                x, inputs, streams = self.run(name, layer, x, inputs, streams)
            else:
                x = layer(x)
            if between is not None:
                x, inputs, streams = self.mixed(name, x, inputs, streams, between)
            if kept is not None and name in kept:
                kept[name] = spread(x, inputs, streams, self.copies), streams
            if name == upto:
                break
        expect_tensor(x)
        return spread(x, inputs, streams, self.copies), streams

    def run(
        self, name: str, layer: Stacked, x: Tensor, inputs: int, streams: tuple[int, ...]
    ) -> tuple[Tensor, int, tuple[int, ...]]:
        """One layer: tasks with the same input and the same owner share a stream from here on."""
        owners = self.plan.get(self.place[name], (0,) * len(streams))
        pairs = list(zip(streams, owners, strict=True))
        if layer.buffer_keys:
            if self.training and len(set(pairs)) > len(set(owners)):
                layer.apart.fill_(True)
            if layer.apart:
                pairs = [(*pair, task) for task, pair in enumerate(pairs)]
        new = sorted(set(pairs))
        parents, used = [pair[0] for pair in new], [pair[1] for pair in new]
        members = [[task for task, pair in enumerate(pairs) if pair == one] for one in new]
        before = max(streams) + 1
        each = len(new) // before
        regular = parents == [p for p in range(before) for _ in range(each)]
        in_order = inputs == self.copies or before == 1
        if not (regular and in_order and (layer.fans_out or (each == 1 and inputs == self.copies))):
            datasets = [copy_ * inputs // self.copies for copy_ in range(self.copies)]
            x = select(x, [dataset * before + parent for dataset in datasets for parent in parents])
        return layer(x, used, members), self.copies, tuple(new.index(pair) for pair in pairs)

    def mixed(
        self, name: str, x: Tensor, inputs: int, streams: tuple[int, ...], between: Between
    ) -> tuple[Tensor, int, tuple[int, ...]]:
        """What ``between`` makes of the activations of all tasks; from here on each task has a stream of its own."""
        own = spread(x, inputs, streams, self.copies).unflatten(0, (self.copies, -1))[:, list(streams)]
        return between(name, own).flatten(0, 1), self.copies, tuple(range(len(streams)))

    def plain(self, task: int, copy_: int) -> nn.Sequential:
        """The trunk as one task of one copy sees it, in ordinary PyTorch layers. Its weights are a copy."""
        network, made = nn.Sequential(), {}
        for name, template in layers_of(self.template[0]).items():
            layer = self[name]
            if self.place[name] not in made:
                made[self.place[name]] = layer.plain(copy_, task) if isinstance(layer, Stacked) else template
            network._modules[name] = made[self.place[name]]  # add_module refuses "block.conv"
        return network


def select(x: Tensor, index: Sequence[int]) -> Tensor:
    """The rows ``index`` of activations."""
    if isinstance(x, Tensor) and x.dim() == 5:  # maps stay as convolution likes them
        return as_rows(as_maps(x.transpose(0, 1)[:, list(index)].transpose(0, 1)), len(index))
    return tree_map(lambda part: part[list(index)], x)


def spread(x: Tensor, inputs: int, streams: Sequence[int], copies: int) -> Tensor:
    """Activations with a row for every copy and stream, also where no layer with weights has told the copies apart."""
    if inputs == copies:
        return x
    count = max(streams) + 1
    return select(x, [(c * inputs // copies) * count + s for c in range(copies) for s in range(count)])
