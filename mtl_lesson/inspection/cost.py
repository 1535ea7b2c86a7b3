"""What a way of sharing costs: milliseconds of a step of training, and of answering, measured on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from statistics import median

import pandas as pd
import torch

from ..data.world import World
from ..sharing import Sharing
from ..training.feed import Feed
from ..training.hardware import DTYPES, device, precision
from ..training.loop import outputs_of, step


def cost(models: Mapping[str, Sharing], world: World, *, batch_size: int = 128, pictures: int = 1000) -> pd.DataFrame:
    """A row for each model and for training and answering, in the columns way, what and milliseconds.

    *train*: one step of Adam on ``batch_size`` training examples. *answer*: ``pictures`` test examples, no gradients.
    Medians over about half a second each, on the device and in the precision that ``fit`` would train and judge in. The
    models given are not changed.
    """
    where = str(device())
    dtype = precision(where).name
    rows = []
    for way, model in models.items():
        trained = model.like((0,)).to(where)
        optimiser = torch.optim.Adam(trained.parameters())
        train = next(Feed([world.train], trained.tasks, where, DTYPES[dtype]).in_order(batch_size))
        test = next(Feed([world.test], trained.tasks, where, torch.float32).in_order(pictures))

        def answer(trained=trained, test=test):
            outputs_of(trained, test)

        def learn(trained=trained, optimiser=optimiser, train=train):
            step(trained, optimiser, train, dtype)

        rows.append(
            {
                "way": way,
                "what": f"train on {len(train.labels[trained.tasks[0].name][0])}",
                "milliseconds": milliseconds(learn),
            }
        )
        rows.append(
            {
                "way": way,
                "what": f"answer {len(test.labels[trained.tasks[0].name][0])}",
                "milliseconds": milliseconds(answer),
            }
        )
    return pd.DataFrame(rows)


def milliseconds(act: Callable[[], object], seconds: float = 0.5) -> float:
    """The median time of a call, over about ``seconds``, after two calls that are not counted."""
    wait = torch.cuda.synchronize if torch.cuda.is_available() else (lambda: None)
    times: list[float] = []
    while len(times) < 5 or sum(times[2:]) < seconds:
        start = time.perf_counter()
        act()
        wait()
        times.append(time.perf_counter() - start)
    return 1000 * median(times[2:])
