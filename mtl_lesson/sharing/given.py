"""Heads whose weights are given: a network that was trained elsewhere, as one of ours."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from ..tasks import find_task
from .base import Sharing


def put_heads(model: Sharing, heads: Mapping[str, nn.Linear]) -> Sharing:
    """Copy the weights of ordinary linear layers, task → head, into a model's heads; returns the model.

    A trunk's weights come with it (``initial="template"``); heads are drawn, until they are put here. In a model of
    several copies each gets the same. Raises KeyError for a task that is not there, ValueError for a head of another
    shape, or with a bias where the model's has none.
    """
    for name, given in heads.items():
        held = model.heads[model.head_of(find_task(model.tasks, name))]
        values = dict(given.named_parameters())
        if set(values) != set(held.parameter_keys):
            has = f"{', '.join(held.parameter_keys)}, and the given one {', '.join(values)}"
            raise ValueError(f"the head of {name!r} has {has}")
        for key, value in values.items():
            own = getattr(held, held.attributes[key])
            if own.shape[2:] != value.shape:
                shapes = f"{tuple(own.shape[2:])}, and the given one {tuple(value.shape)}"
                raise ValueError(f"the {key} of the head of {name!r} has shape {shapes}")
            with torch.no_grad():
                own.copy_(value.expand_as(own))
    return model
