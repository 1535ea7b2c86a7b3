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
# Streams of the tastes, chosen: everybody likes four to six of the ten kinds, whatever delta is, and three to seven
# whatever company is, too.
TASTES, COMPANIES = 924, 653
COMPANY = 3  # people in a company: the first three are one, the last three the other


def shoppers(
    n: int = 150,
    delta: float = 0.7,
    n_validation: int = 200,
    n_test: int = 1000,
    seed: int = 0,
    company: float = 0.0,
) -> World:
    """Would this person like this garment? Six people, a task each: ``x`` maps a name to pictures (n, 1, 28, 28).

    Every person has rated ``n`` garments of their own, yes or no, by a taste for the kind of garment plus the mood of
    the moment. Part of a taste is common to all and part is personal: taste_t = (common + δ·personal_t) / √(1 + δ²),
    with δ = ``delta``, the dial, from 0 (all of one taste) upwards (:func:`tastes`). A second dial, ``company``, makes
    two companies of three, Ana to Chidi and Devi to Freya, each with a taste in common that the other has not. The
    garments are real, from Fashion-MNIST, and the people are simulated, in the manner of Evgeniou, Pontil & Toubia
    2007, "A convex optimization approach to modeling consumer heterogeneity in conjoint estimation".

    A rating is yes where taste + mood > 0, the mood Gaussian with standard deviation 0.65; about one in six is not what
    the taste says. Training and validation hold such ratings. The *test* labels are the best possible decision,
    taste > 0, so the score is the agreement with that decision, and whoever recognises every garment could reach 1.

    ``seed`` draws garments and moods for training and validation, and gives no garment to two people; the tastes and
    the test garments, the same for all people, do not depend on it. Turning a dial changes no garment and no mood, and
    the garments at a small n are the first of those at a larger one.

    Raises TypeError or ValueError for a number that is not whole or is out of range, DataError where the garments
    cannot be loaded.
    """
    source = garments()
    seed, n_test = whole(seed, "seed", least=0), whole(n_test, "n_test", most=len(source.test))
    delta, company = real(delta, "delta"), real(company, "company")
    taste = torch.tensor(tastes(delta, company).to_numpy())
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
        dial={"n": n, "delta": delta, "company": company},
    )


def tastes(delta: float = 0.7, company: float = 0.0) -> pd.DataFrame:
    """How much each person (a row) likes each kind of garment (a column); the best possible decision is taste > 0.

        taste_t = (common + company·ofcompany_c(t) + δ·personal_t) / √(1 + company² + δ²)

    The common part, the six personal ones and those of the two companies (the first three people, the last three) are
    nine random directions at right angles. So, exactly and for every ``delta`` and ``company``, each person's taste has
    mean 0 and variance 1 over the ten kinds, and the correlation of two people's tastes is

        (1 + company²) / (1 + company² + δ²)  within a company,      1 / (1 + company² + δ²)  between the two.

    company = 0: one circle of six, any two of whom are as alike as any other two. Raises TypeError or ValueError if one
    of the two is not a number from 0 upwards.
    """
    delta, company = real(delta, "delta"), real(company, "company")
    parts = _upright(np.random.default_rng(TASTES).standard_normal((len(GARMENTS), 1 + len(PEOPLE))))
    aside = np.random.default_rng(COMPANIES).standard_normal((len(GARMENTS), len(PEOPLE) // COMPANY))
    of_company = np.repeat(_upright(aside - parts.T @ (parts @ aside) / len(GARMENTS)), COMPANY, axis=0)
    felt = (parts[0] + company * of_company + delta * parts[1:]) / math.hypot(1, company, delta)
    return pd.DataFrame(felt, index=PEOPLE, columns=GARMENTS)


def _upright(drawn: np.ndarray) -> np.ndarray:
    """The columns of ``drawn`` as rows at right angles to each other, with mean 0 and variance 1."""
    directions, r = np.linalg.qr(drawn - drawn.mean(0))
    return (directions * np.sign(np.diag(r))).T * math.sqrt(len(GARMENTS))


def _best_decisions(source: Garments, taste: torch.Tensor, n: int) -> Split:
    """The same garments for everybody, with what each would decide in no mood."""
    which = deal(source.test_labels, 1, np.random.default_rng(TEST))[0, :n]
    likes = (taste > 0).long()[:, source.test_labels[which]]
    return Split(dict.fromkeys(PEOPLE, _pictures(source.test[which])), dict(zip(PEOPLE, likes, strict=True)))


def _pictures(grey: torch.Tensor) -> torch.Tensor:
    """(n, 28, 28), 0 to 255, as (n, 1, 28, 28) in [0, 1]."""
    return grey[:, None] / 255
