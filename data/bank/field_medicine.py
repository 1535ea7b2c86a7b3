"""Medicine, for lesson 12: of 100 of 1,500 patients it is known whether they died within five years, of nearly all
whether the cancer came back. Does one trunk for both lower the loss of death?

The claim, fixed before the seeds of the results were drawn: *"Hard, shrunk" has a lower log loss of death than "Alone,
shrunk"*, each with four trials (two numbers of epochs, two weight decays), by patient. The measure is the log loss, not
accuracy: what a doctor needs is a chance, and 75 in 100 are right who always say no. Width, rate and trials were chosen
on the validation patients of seeds 0 to 5: a trunk of 3 numbers is at least as good for every arm as one of 8, and in
that one there was room for both tasks side by side, so that without decay the two shared nothing.

Validation has 300 patients whose fate is known, which nobody has who knows that of 100: the arms are compared fairly,
and each does better than its 100 labels would let it. A patient is one row, so that ``split_by="row"`` is the same
split; it is stored to show just that. For later patients see ``field_later``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import fields

import mtl_lesson as mtl

RATE, WIDTH, BATCH = 5e-3, 3, 250
EPOCHS, DECAYS = (20, 40), (0.03, 0.1)
SHRUNK = [{"epochs": epochs, "weight_decay": decay} for epochs in EPOCHS for decay in DECAYS]
ARMS = fields.arms_of((10, 15, 20, 40), DECAYS, (0.3, 3.0)) | {"Hard, shrunk": (mtl.Hard, SHRUNK)}
SETTINGS = {"n_train": 1500, "n_validation": 300, "n_test": 1000, "n_death": 100}
SETTINGS |= {"width": WIDTH, "inputs": 10, "lr": RATE, "batch_size": BATCH}

FIELD = fields.Field(
    world=mtl.data.patients,
    trunk=mtl.nets.hidden,
    starved="death",
    group="patient",
    arms=ARMS,
    settings=SETTINGS,
    measure="loss",
    flattered="Hard, shrunk",
    seeds=range(100, 112),
)
SEEDS = FIELD.seeds


def tables(swept, seeds: Sequence[int], some: bool) -> Iterator[tuple]:
    """What ``make.py`` stores."""
    yield from fields.stored("field_medicine", FIELD, swept, seeds, some)
