"""Attribution: which pixels an answer rests on, for each task's head on the same picture. Computed by Captum."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ..sharing import Sharing
from ..tasks import Task
from ..training import Run
from .features import Inputs, inspected

STEPS = 64  # of the integral
PATCH, STRIDE = 4, 2  # pixels: the side of the square that is covered, and how far it moves
PICTURES, EVALUATIONS = 8, 512  # pictures explained at once, and pictures that go through a network at once


def attribution(
    model: Sharing | Run, x: Inputs, target: str | Mapping[str, Tensor], method: str = "integrated gradients"
) -> dict[str, Tensor]:
    """How much each pixel of the pictures ``x`` adds to each task's answer: task → (n, height, width), with a sign.

    An answer f is one number a picture, in logits: of the class ``target`` says, "predicted" for the one the model
    chooses, or task → (n,) class numbers; for a yes/no task always the log-odds of yes, for a number the number itself.
    ``x``: pictures (n, channels, height, width), for all tasks, or task → its own.

    *integrated gradients*: A_p = (x_p − x'_p) ∫₀¹ ∂f/∂x_p (x' + α(x − x')) dα, summed over channels, from black
    pictures, x' = 0. All pixels together make f(x) − f(x'), up to the error of 64 steps. Cost: 64 forward and backward
    passes a picture and task. Pitfall: a black pixel gets 0, whatever it means. Sundararajan et al. 2017, "Axiomatic
    attribution for deep networks".

    *occlusion*: the drop of f when a square of 4×4 pixels is made black, in all channels; a pixel gets the mean over
    the squares that cover it. Cost: 169 forward passes for 28×28 pixels. Pitfall: pixels that stand in for one
    another both get 0. Zeiler & Fergus 2014, "Visualizing and understanding convolutional networks".

    A map that looks like the picture proves nothing: show an untrained network's underneath (Adebayo et al. 2018,
    "Sanity checks for saliency maps").

    Raises TypeError for what is no model or no pictures, ValueError for several copies, another method, NaN, and
    targets that are no classes of the task; KeyError for a task without pictures or target.
    """
    model = inspected(model)
    if method not in METHODS:
        raise ValueError(f"method must be {' or '.join(map(repr, METHODS))}, not {method!r}")
    maps = {}
    for task in model.tasks:
        pictures = pictures_of(x, task, next(model.parameters()))
        # A network a task: in the model itself one layer serves several tasks in one call.
        network = copy.deepcopy(model.plain(task.name)).eval().requires_grad_(False)
        classes = classes_for(network, pictures, task, target)
        parts = zip(pictures.split(PICTURES), classes.split(PICTURES), strict=True)
        maps[task.name] = torch.cat([METHODS[method](network, *part) for part in parts]).float().cpu()
    return maps


# Captum is a hundred modules and 0.1 to 0.2 s to import: for those alone who attribute.


def integrated(network: nn.Module, x: Tensor, classes: Tensor) -> Tensor:
    """Integrated gradients of a few pictures, (n, height, width)."""
    from captum.attr import IntegratedGradients

    return IntegratedGradients(network).attribute(x, baselines=0, target=classes, n_steps=STEPS).detach().sum(1)


@torch.no_grad()
def occluded(network: nn.Module, x: Tensor, classes: Tensor) -> Tensor:
    """Occlusion of a few pictures, (n, height, width)."""
    from captum.attr import Occlusion

    channels, height, width = x.shape[1:]
    window, strides = (channels, min(PATCH, height), min(PATCH, width)), (channels, STRIDE, STRIDE)
    drop = Occlusion(network).attribute(
        x, window, strides=strides, baselines=0, target=classes, perturbations_per_eval=max(1, EVALUATIONS // len(x))
    )
    return drop.mean(1)  # a square covers all channels, so each has the whole drop


METHODS = {"integrated gradients": integrated, "occlusion": occluded}


def pictures_of(x: Inputs, task: Task, weights: Tensor) -> Tensor:
    """The pictures that one task looks at, as its network takes them."""
    if isinstance(x, Mapping):
        if task.name not in x:
            raise KeyError(f"there are no pictures for task {task.name!r}, only for {', '.join(x)}")
        x = x[task.name]
    if not isinstance(x, Tensor) or not x.is_floating_point() or x.dim() != 4 or not len(x):
        got = f"{x.dtype} {tuple(x.shape)}" if isinstance(x, Tensor) else type(x).__name__
        raise TypeError(f"expected float pictures (n, channels, height, width), got {got}")
    if not torch.isfinite(x).all():
        raise ValueError(f"the pictures for task {task.name!r} hold NaN or infinity")
    return x.detach().to(weights)


def classes_for(network: nn.Module, x: Tensor, task: Task, target: str | Mapping[str, Tensor]) -> Tensor:
    """The number of the output to explain for each picture, (n,)."""
    if not isinstance(target, Mapping) and target != "predicted":
        raise ValueError(f"target must be 'predicted', or task → class numbers (n,), not {target!r}")
    if not task.single:
        raise TypeError(f"an attribution explains one answer a picture, and {task.name!r} has several ({task!r})")
    if task.outputs == 1 or not task.answers:
        return torch.zeros(len(x), dtype=torch.long, device=x.device)
    if target == "predicted":
        with torch.no_grad():
            return torch.cat([network(part).argmax(1) for part in x.split(EVALUATIONS)])
    if task.name not in target:
        raise KeyError(f"there is no target for task {task.name!r}, only for {', '.join(target)}")
    classes = torch.as_tensor(target[task.name])
    fits = classes.shape == (len(x),) and not classes.is_floating_point() and classes.dtype is not torch.bool
    if not fits or classes.min() < 0 or classes.max() >= task.outputs:
        got = f"{classes.dtype} {tuple(classes.shape)}: {classes.flatten()[:5].tolist()} …"
        raise ValueError(
            f"the target of task {task.name!r} must be {len(x)} class numbers from 0 to {task.outputs - 1}, got {got}"
        )
    return classes.long().to(x.device)
