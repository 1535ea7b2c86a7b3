"""A floor for masks: what the colour of a pixel tells about it, without a look at its neighbours."""

from __future__ import annotations

import torch
from torch import Tensor

from ..data.world import World


def by_colour(world: World, task: str, split: str = "test") -> Tensor:
    """Outputs (n, classes, h, w) for a Segmentation of a world of pictures: the log-probabilities of a logistic
    regression of each pixel's colour alone, fitted to all pixels of training that have a label.

    Raises KeyError for an unknown task, ValueError where training shows one class of pixels alone.
    """
    from sklearn.linear_model import LogisticRegression  # here, since it takes long to load

    asked, labels = world.task(task), world.train.labels[task].flatten()
    known = asked.labelled(labels)
    x = getattr(world, split).x
    model = LogisticRegression().fit(colours_of_pixels(world.train.x)[known], labels[known])
    log = torch.tensor(model.predict_log_proba(colours_of_pixels(x)), dtype=torch.float32)
    outputs = torch.full((len(log), asked.outputs), -20.0)  # for a class that training never showed
    outputs[:, torch.as_tensor(model.classes_)] = log
    return outputs.view(len(x), *x.shape[2:], asked.outputs).movedim(3, 1)


def colours_of_pixels(x: Tensor) -> Tensor:
    """Pictures (n, channels, h, w) as a row a pixel, (n·h·w, channels)."""
    return x.movedim(1, 3).flatten(0, 2)
