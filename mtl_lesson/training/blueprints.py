"""Ordinary layers as JSON and back: their classes and the arguments they were made with, neither code nor weights."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..nets.embedding import MeanEmbedding
from ..nets.graph import GraphNetwork

Blueprint = dict[str, object]

#: layers of torch.nn that keep each argument of their constructor under its name
ORDINARY = (
    "Linear Identity Flatten Unflatten Conv1d Conv2d Conv3d ConvTranspose1d ConvTranspose2d ConvTranspose3d",
    "MaxPool1d MaxPool2d MaxPool3d AvgPool1d AvgPool2d AvgPool3d LPPool1d LPPool2d",
    "AdaptiveAvgPool1d AdaptiveAvgPool2d AdaptiveAvgPool3d AdaptiveMaxPool1d AdaptiveMaxPool2d AdaptiveMaxPool3d",
    "ReLU ReLU6 LeakyReLU PReLU ELU CELU SELU GELU GLU SiLU Mish Tanh Sigmoid Softplus Softsign LogSigmoid Tanhshrink",
    "Hardtanh Hardsigmoid Hardswish Hardshrink Softshrink Threshold Softmax Softmin LogSoftmax",
    "BatchNorm1d BatchNorm2d BatchNorm3d InstanceNorm1d InstanceNorm2d InstanceNorm3d GroupNorm LayerNorm RMSNorm",
    "LocalResponseNorm Dropout Dropout1d Dropout2d Dropout3d AlphaDropout FeatureAlphaDropout Embedding EmbeddingBag",
    "Upsample PixelShuffle PixelUnshuffle ZeroPad1d ZeroPad2d ConstantPad1d ConstantPad2d",
    "ReflectionPad1d ReflectionPad2d ReplicationPad1d ReplicationPad2d",
)
RECURRENT = ("input_size", "hidden_size", "num_layers", "bias", "batch_first", "dropout", "bidirectional")
#: what of a layer's state does not decide what it computes: its mode, and weights that stand elsewhere in it too
NOT_TOLD = ("training", "_flat_weights", "_flat_weight_refs")


class Maker(NamedTuple):
    """How to make a layer from its arguments, and how to read these off one. ``kind``: its class, no parent of it."""

    kind: type[nn.Module]
    read: Callable[[nn.Module], dict[str, object]]
    make: Callable[..., nn.Module]


# --- reading arguments off a layer ----------------------------------------------------------------------------------


def read_ordinary(layer: nn.Module) -> dict[str, object]:
    """The arguments of a layer that keeps them under their names; of a bias whether there is one."""
    asked = [name for name in inspect.signature(type(layer)).parameters if not name.startswith("_")]
    found = {name: getattr(layer, name) for name in asked if hasattr(layer, name)}
    if "bias" in found:
        found["bias"] = found["bias"] is not None and found["bias"] is not False
    return found


def read_recurrent(layer: nn.RNNBase) -> dict[str, object]:
    """The arguments of an RNN, a GRU or an LSTM."""
    more = {nn.RNN: ("nonlinearity",), nn.LSTM: ("proj_size",)}.get(type(layer), ())
    return {name: getattr(layer, name) for name in (*RECURRENT, *more)}


def read_encoder_layer(layer: nn.TransformerEncoderLayer) -> dict[str, object]:
    """The arguments of a layer of attention; KeyError for an activation without a name."""
    return {
        "d_model": layer.self_attn.embed_dim,
        "nhead": layer.self_attn.num_heads,
        "dim_feedforward": layer.linear1.out_features,
        "dropout": layer.dropout.p,
        "activation": {F.relu: "relu", F.gelu: "gelu"}[layer.activation],
        "layer_norm_eps": layer.norm1.eps,
        "batch_first": layer.self_attn.batch_first,
        "norm_first": layer.norm_first,
        "bias": layer.linear1.bias is not None,
    }


def read_mean(layer: MeanEmbedding) -> dict[str, object]:
    return {"tokens": layer.embedding.num_embeddings, "features": layer.embedding.embedding_dim}


def read_graph(layer: GraphNetwork) -> dict[str, object]:
    return {"nodes": len(layer.messages), "width": layer.own.embedding_dim, "rounds": len(layer.linears) + 1}


def make_graph(nodes: int, width: int, rounds: int) -> GraphNetwork:
    """A graph network without ties: what is passed along them is a buffer, which is kept with the weights."""
    return GraphNetwork(torch.zeros(nodes, nodes), width, rounds)


MAKERS = {name: Maker(kind := getattr(nn, name), read_ordinary, kind) for line in ORDINARY for name in line.split()}
MAKERS |= {kind.__name__: Maker(kind, read_recurrent, kind) for kind in (nn.RNN, nn.GRU, nn.LSTM)}
MAKERS |= {
    "TransformerEncoderLayer": Maker(nn.TransformerEncoderLayer, read_encoder_layer, nn.TransformerEncoderLayer),
    "MeanEmbedding": Maker(MeanEmbedding, read_mean, MeanEmbedding),
    "GraphNetwork": Maker(GraphNetwork, read_graph, make_graph),
}


# --- a network as JSON ----------------------------------------------------------------------------------------------


def blueprint_of(module: nn.Module, met: dict[int, int] | None = None) -> Blueprint:
    """A module as JSON: an ``nn.Sequential`` by its parts, with their names; a known layer by its class and arguments;
    one that stands at a second place by the number of its first. Any other module, one with hooks, and one that was
    changed after it was made, is a "stranger", of which only the class's name is told."""
    met = {} if met is None else met
    if id(module) in met:
        return {"again": met[id(module)]}
    met[id(module)] = len(met)
    if type(module) is nn.Sequential and made_alike(
        state_of(module, parts=False), state_of(nn.Sequential(), parts=False)
    ):
        return {"parts": [[name, blueprint_of(part, met)] for name, part in module._modules.items()]}
    return layer_as_json(module) or {"stranger": type(module).__name__}


def layer_as_json(layer: nn.Module) -> Blueprint | None:
    """A single layer; None for one that its class and its arguments do not make again."""
    name = type(layer).__name__
    maker = MAKERS.get(name)
    if maker is None or type(layer) is not maker.kind:
        return None
    try:
        found = {"layer": name, "arguments": {key: jsonable(value) for key, value in maker.read(layer).items()}}
        again = built(found)
    except Exception:  # arguments that were changed to what makes no layer
        return None
    weights = dict(layer.named_parameters())
    if not made_alike(layer, again) or [*weights] != [*dict(again.named_parameters())]:  # some of them tied
        return None
    frozen = [key for key, value in weights.items() if not value.requires_grad]
    return found | ({"frozen": frozen} if frozen else {})


def jsonable(value: object) -> object:
    """An argument as JSON has it; TypeError for what it has not."""
    if isinstance(value, list | tuple):
        return [jsonable(one) for one in value]
    if value is None or type(value) in (bool, int, float, str):
        return value
    raise TypeError(f"{value!r} is neither a number nor a text")


def built(blueprint: Blueprint, made: list[nn.Module | None] | None = None) -> nn.Module:
    """The module of a blueprint, its weights drawn anew. Raises ValueError for a class of layers that is not known."""
    made = [] if made is None else made
    if "again" in blueprint:
        return made[blueprint["again"]]
    place = len(made)
    made.append(None)
    if "parts" in blueprint:
        module = nn.Sequential()
        for name, part in blueprint["parts"]:
            module._modules[name] = built(part, made)  # add_module refuses "block.conv"
    else:
        name = blueprint.get("layer", blueprint.get("stranger"))
        if name not in MAKERS or "layer" not in blueprint:
            raise ValueError(f"it has a layer of class {name}, which this version does not know")
        module = MAKERS[name].make(**{key: as_argument(value) for key, value in blueprint["arguments"].items()})
        for key in blueprint.get("frozen", ()):
            module.get_parameter(key).requires_grad_(False)
    made[place] = module
    return module


def as_argument(value: object) -> object:
    return tuple(map(as_argument, value)) if isinstance(value, list) else value


def strangers(blueprint: Blueprint, at: str = "") -> Iterator[tuple[str, str]]:
    """(place, class) of each module that cannot be made from the blueprint; the place of the module itself is ""."""
    if "stranger" in blueprint:
        yield at, blueprint["stranger"]
    for name, part in blueprint.get("parts", ()):
        yield from strangers(part, f"{at}.{name}".lstrip("."))


# --- whether a layer that is made again is the same -----------------------------------------------------------------


def state_of(module: nn.Module, parts: bool = True) -> dict[str, object]:
    """All that a module holds, its hooks among it; without what it does not compute by."""
    left_out = NOT_TOLD if parts else (*NOT_TOLD, "_modules")
    return {name: value for name, value in vars(module).items() if name not in left_out}


def made_alike(one: object, other: object) -> bool:
    """Whether two modules, or parts of their state, are the same but for the values of weights and buffers."""
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(made_alike, one, other))
    if type(one) is not type(other):
        return False
    if isinstance(one, nn.Module):
        return made_alike(state_of(one), state_of(other))
    if isinstance(one, Mapping):
        return [*one] == [*other] and all(made_alike(value, other[key]) for key, value in one.items())
    if isinstance(one, Tensor):
        return one.shape == other.shape and one.is_floating_point() == other.is_floating_point()
    return bool(one == other)
