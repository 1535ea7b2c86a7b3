"""What a way of sharing costs: milliseconds of a step of training, and of answering, measured on this machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pandas as pd
import torch
from torch.utils.benchmark import Timer

from ..data.world import World
from ..sharing import Sharing
from ..training.feed import Feed
from ..training.hardware import DTYPES, autocast, device, precision
from ..training.loop import step


def cost(models: Mapping[str, Sharing], world: World, *, batch_size: int = 128, pictures: int = 1000) -> pd.DataFrame:
    """A row for each model and for training and answering, in the columns way, what and milliseconds.

    *train*: one step of Adam on ``batch_size`` training examples. *answer*: ``pictures`` test examples, no gradients.
    Medians over about half a second each, on the device and in the precision that ``fit`` would use. The models given
    are not changed.
    """
    where = str(device())
    dtype = precision(where).name
    rows = []
    for way, model in models.items():
        trained = model.like((0,)).to(where)
        optimiser = torch.optim.Adam(trained.parameters())
        train = next(Feed([world.train], trained.tasks, where, DTYPES[dtype]).in_order(batch_size))
        test = next(Feed([world.test], trained.tasks, where, DTYPES[dtype]).in_order(pictures))

        def answer(trained=trained, test=test):
            with torch.no_grad(), autocast(where, dtype):
                trained.outputs(test.x, test.inputs, test.streams)

        def learn(trained=trained, optimiser=optimiser, train=train):
            step(trained, optimiser, train, dtype)

        rows.append({"way": way, "what": f"train on {len(train.labels[trained.tasks[0].name][0])}",
                     "milliseconds": milliseconds(learn)})  # fmt: skip
        rows.append({"way": way, "what": f"answer {len(test.labels[trained.tasks[0].name][0])}",
                     "milliseconds": milliseconds(answer)})  # fmt: skip
    return pd.DataFrame(rows)


def milliseconds(act: Callable[[], object]) -> float:
    """The median time of a call; PyTorch's timer waits for a GPU to finish."""
    timer = Timer("act()", globals={"act": act}, num_threads=torch.get_num_threads())
    return 1000 * timer.blocked_autorange(min_run_time=0.5).median
