"""The world ``shoppers``: would this person like this garment? Six people, partly of one taste."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import torch

from ..arguments import real, whole
from ..tasks import Binary
from .garments import GARMENTS, Garments, garments
from .shops import deal, fitting
from .world import Split, World

PEOPLE = ("Ana", "Bao", "Chidi", "Devi", "Emre", "Freya")
MOOD = 0.65  # standard deviation of what a mood adds to a taste when a garment is rated
TEST, SAMPLE, MOODS = 1, 2, 3  # streams of random numbers; the last two are joined by a seed, the first is for all
TASTES = 924  # the stream of the tastes, chosen: everybody likes four to six of the ten kinds, whatever delta is


def shoppers(n: int = 150, delta: float = 0.7, n_validation: int = 200, n_test: int = 1000, seed: int = 0) -> World:
    """Would this person like this garment? Six people, a task each: ``x`` maps a name to pictures (n, 1, 28, 28).

    Every person has rated ``n`` garments of their own, yes or no, by a taste for the kind of garment plus the mood of
    the moment. Part of a taste is common to all and part is personal: taste_t = (common + δ·personal_t) / √(1 + δ²),
    with δ = ``delta``, the dial, from 0 (all of one taste) upwards (:func:`tastes`). The garments are real, from
    Fashion-MNIST, and the people are simulated, in the manner of Evgeniou, Pontil & Toubia 2007, "A convex optimization
    approach to modeling consumer heterogeneity in conjoint estimation".

    A rating is yes where taste + mood > 0, the mood Gaussian with standard deviation 0.65; about one in six is not what
    the taste says. Training and validation hold such ratings. The *test* labels are the best possible decision,
    taste > 0, so the score is the agreement with that decision, and whoever recognises every garment could reach 1.

    ``seed`` draws garments and moods for training and validation, and gives no garment to two people; the tastes and
    the test garments, the same for all people, do not depend on it. Turning delta changes no garment and no mood, and
    the garments at a small n are the first of those at a larger one.

    Raises TypeError or ValueError for a number that is not whole or is out of range, DataError where the garments
    cannot be loaded.
    """
    source = garments()
    seed, n_test = whole(seed, "seed", least=0), whole(n_test, "n_test", most=len(source.test))
    delta = real(delta, "delta")
    taste = torch.tensor(tastes(delta).to_numpy())
    hands = deal(source.train_labels, len(PEOPLE), np.random.default_rng([SAMPLE, seed]))
    n, n_validation = fitting(n, n_validation, hands, "people")

    felt = taste.gather(1, source.train_labels[hands])  # (people, garments a person)
    felt += MOOD * torch.tensor(np.random.default_rng([MOODS, seed]).standard_normal(hands.shape))
    train, validation = (
        Split(
            {name: _pictures(source.train[which]) for name, which in zip(PEOPLE, hands[:, part], strict=True)},
            dict(zip(PEOPLE, (felt[:, part] > 0).long(), strict=True)),
        )
        for part in (slice(n), slice(-n_validation, None))
    )
    return World(
        "shoppers",
        tuple(map(Binary, PEOPLE)),
        train,
        validation,
        _best_decisions(source, taste, n_test),
        dial={"n": n, "delta": delta},
    )


def tastes(delta: float = 0.7) -> pd.DataFrame:
    """How much each person (a row) likes each kind of garment (a column); the best possible decision is taste > 0.

    The common and the six personal parts are seven random directions at right angles. So, exactly and for every delta,
    each person's taste has mean 0 and variance 1 over the ten kinds, and the correlation of two people's tastes is
    1 / (1 + delta²). Raises TypeError or ValueError if delta is not a number from 0 upwards.
    """
    delta = real(delta, "delta")
    drawn = np.random.default_rng(TASTES).standard_normal((len(GARMENTS), 1 + len(PEOPLE)))
    directions, r = np.linalg.qr(drawn - drawn.mean(0))
    parts = (directions * np.sign(np.diag(r))).T * math.sqrt(len(GARMENTS))
    return pd.DataFrame((parts[0] + delta * parts[1:]) / math.hypot(1, delta), index=PEOPLE, columns=GARMENTS)


def _best_decisions(source: Garments, taste: torch.Tensor, n: int) -> Split:
    """The same garments for everybody, with what each would decide in no mood."""
    which = deal(source.test_labels, 1, np.random.default_rng(TEST))[0, :n]
    likes = (taste > 0).long()[:, source.test_labels[which]]
    return Split(dict.fromkeys(PEOPLE, _pictures(source.test[which])), dict(zip(PEOPLE, likes, strict=True)))


def _pictures(grey: torch.Tensor) -> torch.Tensor:
    """(n, 28, 28), 0 to 255, as (n, 1, 28, 28) in [0, 1]."""
    return grey[:, None] / 255
