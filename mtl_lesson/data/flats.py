"""The world ``flats``: a price and a yes/no question about each flat, and the unit that the price is written in."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

from ..arguments import whole
from ..tasks import Binary, Regression
from .world import Split, World

FEATURES = ("area", "distance", "storey", "age", "side", "garden")
WORTH = (0.8, -0.4, 0.3, -0.3, 0.0, 0.0)  # of a standard deviation of each feature, up to a factor
NOISE = 0.1  # the share of the price's variance that no feature tells
MEAN, SPREAD = 200_000.0, 60_000.0  # euros: mean and standard deviation of the price
UNITS = {"euros": (0.0, 1.0), "thousands": (0.0, 1000.0), "standard": (MEAN, SPREAD)}  # name → what is 0, what is 1
TEST, TRAIN, VALIDATION = 1, 2, 3  # streams of random numbers; all but the first are joined by a seed


def flats(
    n: int = 1000,
    price: str = "euros",
    n_validation: int = 500,
    n_test: int = 2000,
    seed: int = 0,
) -> World:
    """What does the flat cost, and does it look onto the garden? ``x`` is a table of six numbers a flat, (n, 6).

    All is simulated. The features (area, distance to the centre, storey, age; on which ``side`` of the house the flat
    is, and on which the ``garden``) are independent and standard normal, so that nothing but the labels is of unusual
    size. ``price`` is a Regression: 200,000 € + 60,000 € · (√0.9 · w·x + √0.1 · noise), w of length 1 and 0 for the
    last two features; a tenth of its variance cannot be known. ``view`` is Binary: yes where flat and garden are on the
    same side, side · garden > 0. Either is as likely, and no linear function of x does better than chance.

    The dial ``price`` is the unit that the price is written in: "euros", "thousands" of euros, or "standard",
    (price − 200,000) / 60,000. The flats are the same and so is all there is to know; what changes is the size of a
    squared error: 4·10¹⁰, 4·10⁴ or 1 for a network that answers 0. So two losses are added of which one may be ten
    powers of ten larger. A score in euros is one in "standard" times 60,000².

    ``seed`` draws training and validation; the test flats, noise and all, are the same for every seed, and those at a
    small n are the first of those at a larger one. Raises TypeError or ValueError for a number that is not whole or is
    out of range, ValueError for a unit that is not there.
    """
    if price not in UNITS:
        raise ValueError(f"the price is in one of {', '.join(UNITS)}, not {price!r}")
    n, n_validation, n_test = whole(n, "n"), whole(n_validation, "n_validation"), whole(n_test, "n_test")
    seed = whole(seed, "seed", least=0)
    zero, one = UNITS[price]

    def split(size: int, *stream: int) -> Split:
        drawn = np.random.default_rng(stream).standard_normal((size, len(FEATURES) + 1))
        x, noise = pd.DataFrame(drawn[:, :-1], columns=FEATURES), drawn[:, -1]
        worth = x.to_numpy() @ WORTH / math.hypot(*WORTH)
        euros = MEAN + SPREAD * (math.sqrt(1 - NOISE) * worth + math.sqrt(NOISE) * noise)
        view = (x.side * x.garden > 0).astype(int)
        return Split(x, {"price": torch.tensor((euros - zero) / one).float(), "view": view})

    tasks = (Regression("price"), Binary("view"))
    splits = split(n, TRAIN, seed), split(n_validation, VALIDATION, seed), split(n_test, TEST)
    return World("flats", tasks, *splits, dial={"n": n, "price": price})
