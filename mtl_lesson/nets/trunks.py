"""Ordinary trunks, and what can be read off any: its layers, and the shapes of what they return."""

from __future__ import annotations

import copy
from collections import OrderedDict

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from ..chance import Drawn, generator
from .layers import NUMBERS, expect_tensor, hooked

Shapes = dict[str | None, tuple[int, ...]]  # layer → the shape of what it returns for one example; None: the trunk's


def conv(width: int = 8, features: int | None = None, channels: int = 3) -> nn.Sequential:
    """The course's trunk for pictures (channels, 28, 28): two convolutions, then a linear layer to ``features`` units.

    ``conv(32, features=128)`` is the essay's network: conv 32, conv 64, linear 128. ``features`` is 8·width unless
    given. Pooling comes before the ReLU: the maximum of rectified values is the rectified maximum, and there are four
    times fewer to rectify.
    """
    if min(width, channels) < 1 or (features is not None and features < 1):
        raise ValueError("width, features and channels must be 1 or more")
    features = 8 * width if features is None else features
    return nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(channels, width, 3, padding=1),
            pool1=nn.MaxPool2d(2),
            relu1=nn.ReLU(),
            conv2=nn.Conv2d(width, 2 * width, 3, padding=1),
            pool2=nn.MaxPool2d(2),
            relu2=nn.ReLU(),
            flatten=nn.Flatten(),
            linear=nn.Linear(2 * width * 7 * 7, features),
            relu3=nn.ReLU(),
        )
    )


def hidden(width: int = 16, inputs: int = 3 * 28 * 28) -> nn.Sequential:
    """A trunk of one hidden layer for pictures or vectors of so many ``inputs``: cheap enough to be trained a thousand
    times."""
    if min(width, inputs) < 1:
        raise ValueError("width and inputs must be 1 or more")
    layers = {"flatten": nn.Flatten(), "linear": nn.Linear(inputs, width), "relu": nn.ReLU()}
    return nn.Sequential(OrderedDict(layers))


def linear(inputs: int, features: int) -> nn.Sequential:
    """A linear trunk h = W x without bias, for worlds that can be solved on paper."""
    return nn.Sequential(OrderedDict(linear=nn.Linear(inputs, features, bias=False)))


def layers_of(trunk: nn.Module) -> dict[str, nn.Module]:
    """The layers of a trunk in order, those of an ``nn.Sequential`` within another as "block.conv".

    A layer object that stands at several places is there as often. A module that is no ``nn.Sequential`` may do what it
    likes between its parts, so it is one layer, "trunk". Raises TypeError for what is no module, ValueError for layers
    that have a weight in common without being the same layer.
    """
    if not isinstance(trunk, nn.Module):
        raise TypeError(f"a trunk is a module, such as mtl.nets.conv() or an nn.Sequential; got {type(trunk).__name__}")
    found: dict[str, nn.Module] = {}

    def walk(module: nn.Module, prefix: str) -> None:
        for name, layer in module._modules.items():  # named_children() leaves out a layer's second place
            if in_order(layer):
                walk(layer, f"{prefix}{name}.")
            else:
                found[f"{prefix}{name}"] = layer

    if not in_order(trunk):
        return {"trunk": trunk}
    walk(trunk, "")
    users: dict[int, tuple[str, nn.Module]] = {}
    for name, layer in found.items():
        for key, weight in layer.named_parameters():
            other, its = users.setdefault(id(weight), (name, layer))
            if its is not layer:
                raise ValueError(
                    f"the layers {other!r} and {name!r} have the weight {key!r} in common; put both into one module, "
                    "which is then one layer"
                )
    return found


def in_order(module: nn.Module) -> bool:
    """Whether a module is a row of layers that can be run one by one: an ``nn.Sequential`` that does nothing else."""
    return isinstance(module, nn.Sequential) and type(module).forward is nn.Sequential.forward and not hooked(module)


def layers_with_weights(trunk: nn.Module) -> tuple[str, ...]:
    """The names of the layers a plan speaks of: those that learn, weights or running statistics, each at its first
    place. Refuses what :func:`layers_of` refuses."""
    found, seen = [], set()
    for name, layer in layers_of(trunk).items():
        if id(layer) not in seen and [*layer.parameters(), *layer.buffers()]:
            found.append(name)
        seen.add(id(layer))
    return tuple(found)


def materialize(trunk: nn.Module, example: Tensor) -> nn.Module:
    """The trunk, or where it has lazy layers a copy whose sizes are found by running it on ``example`` (n, …)."""
    layers_of(trunk)
    if not any(map(is_lazy, (*trunk.parameters(), *trunk.buffers()))):
        return trunk
    trunk = copy.deepcopy(trunk)
    shapes_of(trunk, example)
    return trunk


def shapes_of(trunk: nn.Module, example: Tensor) -> Shapes:
    """The shape, without the examples, of what each layer returns for ``example`` (n, …); under None the trunk's.

    Nothing of the trunk is changed, but that lazy layers find their sizes. Raises ValueError, which names the layer,
    where one cannot take what comes to it, TypeError for a trunk that returns no tensor.
    """
    first = next((weight for weight in trunk.parameters() if not is_lazy(weight)), example)
    shapes, training = {}, trunk.training
    x = example.to(first) if example.is_floating_point() else example.to(first.device)
    memory = {id(buffer): buffer.clone() for buffer in trunk.buffers() if not is_lazy(buffer)}
    shapes[None] = tuple(x.shape[1:])
    with torch.no_grad(), Drawn(generator("a look at the shapes")):
        for name, layer in layers_of(trunk).items():
            try:
                y = layer.eval()(x)
            except (RuntimeError, ValueError, IndexError, TypeError) as error:
                got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
                raise ValueError(f"layer {name!r}, {layer}, cannot take what comes to it, {got}: {error}") from error
            x = y
            shapes[name] = shapes[None] = tuple(x.shape[1:]) if isinstance(x, Tensor) else ()
        for buffer in trunk.buffers():
            if id(buffer) in memory:
                buffer.copy_(memory[id(buffer)])
    trunk.train(training)
    expect_tensor(x)
    return shapes


def keeps_size(layer: nn.Module) -> bool:
    """Whether a layer is known to return as many numbers as it takes: an activation, dropout or a normalisation."""
    kind = type(layer)
    if kind.__module__ == "torch.nn.modules.activation":
        return kind not in (nn.GLU, nn.MultiheadAttention)
    return kind in (*NUMBERS, nn.Dropout, nn.AlphaDropout, nn.LayerNorm, nn.BatchNorm1d, nn.RMSNorm)


def features_of(trunk: nn.Module) -> int:
    """The size of h: the outputs of the trunk's last layer with weights, which must be linear and be followed by
    nothing that could change the size. Raises ValueError, which says what to do, for any other trunk."""
    if any(map(is_lazy, trunk.parameters())):
        raise ValueError(
            "the trunk has lazy layers, whose sizes depend on the data: give the World in place of the tasks"
        )
    for layer in reversed(layers_of(trunk).values()):
        if type(layer) is nn.Linear:
            return layer.out_features
        if not keeps_size(layer):
            break
    raise ValueError(
        "the trunk does not end in a linear layer: say how many features it returns, features=…, or give the World in "
        "place of the tasks"
    )
