"""Single units: the filters they are, how strongly they respond, and the pictures that excite them most."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..arguments import whole
from ..sharing import Sharing
from ..training import Run
from .features import Inputs, features, inspected


def filters(model: Sharing | Run, layer: str = "conv1") -> dict[str, Tensor]:
    """The kernels of a convolution as each task uses them: task → (units, channels, k, k), on the CPU.

    Of the first convolution they can be drawn as small pictures, for its channels are those of the picture; deeper
    ones cannot. Tasks that share the layer have the same. Where a model has two trunks side by side
    (:class:`~mtl_lesson.sharing.shared_private.SharedPrivate`), the shared units come first, then the private ones.

    Pitfall: show them on one scale with its zero marked, and small: two 3×3 filters that look different may differ in
    sign or by a turn only.

    Raises TypeError for what is no model, ValueError for several copies, KeyError for a layer that is not there,
    TypeError for one that is no convolution.
    """
    model, found = inspected(model), {}
    for number, task in enumerate(model.tasks):
        kernels = []
        for trunk in model.trunks().values():
            if layer not in trunk.names:
                raise KeyError(f"the trunk has no layer {layer!r}; it has {', '.join(trunk.names)}")
            one = trunk.plain(number, 0)._modules[layer]
            if not isinstance(one, nn.Conv2d):
                raise TypeError(f"layer {layer!r} is {type(one).__name__}, which has no filters; name a convolution")
            kernels.append(one.weight.detach().cpu())
        if len({kernel.shape[1:] for kernel in kernels}) > 1:
            shapes = " and ".join(str(tuple(kernel.shape)) for kernel in kernels)
            raise ValueError(f"the filters of the trunks side by side have different shapes, {shapes}")
        found[task.name] = torch.cat(kernels)
    return found


def responses(model: Sharing | Run, x: Inputs, layer: str | None = None) -> dict[str, Tensor]:
    """How strongly each unit of a layer responds to each picture: task → (n, units).

    A unit of a convolution is a channel, and its response is the strongest over all places; a unit of a layer of
    vectors has one value. Of the trunk's ``layer``, or of what it returns (None). Cost and errors are those of
    :func:`~mtl_lesson.inspection.features.features`.

    Pitfall: the strongest place ignores whether the unit responds once or everywhere, and before a ReLU it ignores
    strong negative values.
    """
    return {task: h.flatten(2).amax(2) if h.dim() > 2 else h for task, h in features(model, x, layer).items()}


def top_pictures(model: Sharing | Run, x: Inputs, layer: str | None = None, k: int = 8) -> dict[str, Tensor]:
    """The ``k`` pictures that excite each unit of a layer most: task → (units, k), indices into x, strongest first.

    Of pictures that excite a unit alike (a dead unit: all of them) the first are taken. Costs a sort of (n, units)
    beside :func:`responses`.

    Pitfall: eight pictures are the extreme tail. What a unit does to the other thousand may be another story; look at
    its responses too, and choose pictures the network never trained on. After Zeiler & Fergus 2014, "Visualizing and
    understanding convolutional networks".

    Raises what :func:`responses` raises, and TypeError or ValueError for k that is not a number of these pictures.
    """
    strength = responses(model, x, layer)
    k = whole(k, "k", most=len(next(iter(strength.values()))), most_name="the number of pictures")
    return {task: r.argsort(dim=0, descending=True, stable=True)[:k].T for task, r in strength.items()}
