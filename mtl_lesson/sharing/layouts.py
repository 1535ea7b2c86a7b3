"""The weights of ordinary PyTorch layers in the order in which other libraries keep them."""

from __future__ import annotations

import numpy as np
from torch import nn


def for_keras(layer: nn.Module, maps: tuple[int, int, int] | None = None) -> list[np.ndarray]:
    """[kernel, bias] of a layer as Keras keeps them, channels last: what its ``set_weights`` takes.

        Conv2d:  W (out, in, height, width) → (height, width, in, out)
        Linear:  W (out, in)                → (in, out)

    ``maps``: for a linear layer behind a Flatten, the (channels, height, width) of what is flattened. PyTorch takes the
    numbers of a map channel by channel, Keras place by place, so the rows of the kernel change places too.

    Raises TypeError for any other layer, ValueError where maps do not have as many numbers as the layer takes.
    """
    values = [value.detach().cpu().numpy() for value in layer.parameters()]
    if type(layer) is nn.Conv2d and maps is None and layer.groups == 1:
        return [values[0].transpose(2, 3, 1, 0), *values[1:]]
    if type(layer) is not nn.Linear:
        raise TypeError(f"the order of weights is known for Conv2d (without groups) and Linear, not for {layer}")
    kernel = values[0]
    if maps is not None:
        if np.prod(maps) != layer.in_features:
            raise ValueError(f"maps {maps} have {np.prod(maps)} numbers, and the layer takes {layer.in_features}")
        kernel = kernel.reshape(-1, *maps).transpose(0, 2, 3, 1).reshape(kernel.shape)
    return [kernel.T, *values[1:]]
