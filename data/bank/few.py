"""Few labels and none, for lesson 11: is another task worth labels of garment, and what does its trunk hold of garment?

One thousand pictures, of which n have their garment named. All arms of ``few_labels`` see the same pictures in the same
batches from the same weights, garments named in the same n of them: an arm and "alone" differ in the labels of the
other tasks alone. "+ shuffled way up" is the control, with the gradients of a second task and nothing to learn from it.
Every arm has three trials, of which a seed's validation set chooses. That set has 500 garments named, which nobody has
who has 25: the arms are compared fairly, and each does better than its n would let it (Oliver et al. 2018, "Realistic
evaluation of deep semi-supervised learning algorithms"). Settings were chosen on seeds 0 to 9.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import pandas as pd
import torch
from disagree import wide
from torch import Tensor

import mtl_lesson as mtl
from mtl_lesson import inspection
from mtl_lesson.chance import generator
from mtl_lesson.data import Split, World
from mtl_lesson.provenance import roots_of

SEEDS = range(100, 108)
ASKED, HUMAN_FREE = "garment", "way up"  # the task with few labels, and the one that needs nobody to label it
SHUFFLED = "shuffled way up"
LABELS = (25, 50, 100, 200, 400, 800)
SIZES = {"n_train": 1000, "n_validation": 500}
RATE, WIDTH = 2e-3, 8
EPOCHS = (10, 20, 40)  # of which an arm may choose: each is a trial
DECAYS = (1e-3, 1e-2, 1e-1)  # the trials of the network alone that is shrunk, after as many epochs:
SHRUNK = 40
#: arm → what is trained beside garment
ARMS = {
    "alone": (),
    "+ way up": (HUMAN_FREE,),
    "+ colour": ("colour",),
    "+ both": ("colour", HUMAN_FREE),
    "+ shuffled way up": (SHUFFLED,),
}
ALONE_SHRUNK = "alone, shrunk"

Swept = Callable[..., mtl.Sweep]


def shuffle_labels(world: World, task: str, seed: int) -> World:
    """The world with one task's training labels permuted among the pictures: as many of each class, and no content."""
    labels = world.train.labels[task]
    order = torch.randperm(len(labels), generator=generator(seed, "shuffle_labels", task))
    return replace(world, train=Split(world.train.x, {**world.train.labels, task: labels[order]}))


def few_garments(n: int, beside: str, seed: int) -> World:
    """Garment, named in ``n`` of the pictures, and the tasks ``beside`` it ("a + b", or "") with all their labels."""
    world = mtl.data.questions(**SIZES, labels={ASKED: n}, seed=seed)
    others = beside.split(" + ") if beside else []
    if SHUFFLED in others:
        world = shuffle_labels(world, HUMAN_FREE, seed)
    return mtl.data.only(world, [ASKED, *(HUMAN_FREE if name == SHUFFLED else name for name in others)])


def few_labels(swept: Swept, seeds: Sequence[int]) -> pd.DataFrame:
    """A row for each arm, trial, n, seed and task, with both scores."""
    settings = {"width": WIDTH, "n": list(LABELS), "lr": RATE, "seeds": seeds}
    found = []
    for arm, others in ARMS.items():
        own = settings | {"beside": " + ".join(others), "epochs": max(EPOCHS), "validate": min(EPOCHS)}
        table = wide(swept(mtl.Hard, few_garments, mtl.nets.conv, **own).history, ["n", "epoch"])
        table = table[table.epoch.isin(EPOCHS)]
        trials = table.epoch.map(lambda epoch: f"{epoch} epochs")
        found.append(table.drop(columns="epoch").assign(arm=arm, trial=trials))
    for decay in DECAYS:
        own = settings | {"beside": "", "epochs": SHRUNK, "weight_decay": decay}
        table = wide(swept(mtl.Hard, few_garments, mtl.nets.conv, **own).table, ["n"])
        found.append(table.assign(arm=ALONE_SHRUNK, trial=f"weight_decay={decay:g}"))
    return pd.concat(found, ignore_index=True)


# --- a new task on a frozen trunk ------------------------------------------------------------------------------------

#: layer → what it is: the input, the numbers that the last layer of the trunk sees, and what it makes of them
LAYERS = {"input": "the picture", "relu2": "after the convolutions", "relu3": "h"}
PER_CLASS = (1, 5, 20)  # labelled pictures of each garment
DRAWS = 10  # sets of labelled pictures a seed, whose mean score is stored
TRAINED = {"epochs": 20, "lr": RATE, "width": WIDTH, "n_train": 1000}
JOINT = " + ".join(ARMS["+ both"])


def without_garment(n_train: int, seed: int) -> World:
    """The questions whose answers cost nobody a look at a garment: colour and way up."""
    return mtl.data.only(mtl.data.questions(n_train=n_train, seed=seed), ARMS["+ both"])


def only_shuffled(n_train: int, seed: int) -> World:
    """Way up alone, its training labels shuffled."""
    world = mtl.data.only(mtl.data.questions(n_train=n_train, seed=seed), [HUMAN_FREE])
    return shuffle_labels(world, HUMAN_FREE, seed)


def few_frozen(swept: Swept, seeds: Sequence[int]) -> pd.DataFrame:
    """How well a linear reader of frozen features names garments on test: a row for each trunk, layer, labelled
    pictures a class and seed.

    The trunks learn from a seed's training pictures, the reader from labelled ones of its validation pictures, which no
    trunk has seen: so "garment", the ceiling, was trained with 1,000 labels of other pictures. Readers of one seed
    and draw learn from the same pictures, at 1 a class from some of those at 5 and 20.
    """
    alone = swept(mtl.Separate, mtl.data.questions, mtl.nets.conv, **TRAINED, seeds=seeds)
    joint = swept(mtl.Hard, without_garment, mtl.nets.conv, **TRAINED, seeds=seeds)
    control = swept(mtl.Hard, only_shuffled, mtl.nets.conv, **TRAINED, seeds=seeds)
    rows = []
    for seed in seeds:
        runs = [sweep.run(seed=seed) for sweep in (alone, joint, control)]
        world = runs[0].world
        seen = [features_of_trunks(*(run.model for run in runs), x=x) for x in (world.validation.x, world.test.x)]
        drawn = [in_rounds(world.validation.labels[ASKED], max(PER_CLASS), seed, draw) for draw in range(DRAWS)]
        for (trunk, layer), h in seen[0].items():
            for k in PER_CLASS:
                score = read_mean(h, seen[1][trunk, layer], world, [rounds[:k].flatten() for rounds in drawn])
                rows.append({"trunk": trunk, "layer": layer, "per_class": k, "seed": seed, "score": score})
    return pd.DataFrame(rows).assign(task=ASKED, higher_is_better=True)


def features_of_trunks(alone, joint, control, x: Tensor) -> dict[tuple[str, str], Tensor]:
    """(trunk, layer) → what it makes of the pictures. A trunk is called by what it was trained for."""
    found = {("pixels", "input"): x}
    for layer in list(LAYERS)[1:]:
        trained = inspection.features(alone, x, layer)
        fresh = inspection.features(alone.like(alone.seeds), x, layer)
        found["untrained", layer] = fresh[ASKED]
        found |= {(task, layer): trained[task] for task in (HUMAN_FREE, "colour")}
        found[JOINT, layer] = inspection.features(joint, x, layer)["colour"]
        found[SHUFFLED, layer] = inspection.features(control, x, layer)[HUMAN_FREE]
        found[ASKED, layer] = trained[ASKED]
    return found


def in_rounds(labels: Tensor, rounds: int, seed: int, draw: int) -> Tensor:
    """Numbers of examples (rounds, classes), each drawn once: a round holds one of every class.

    So any first rounds are balanced, and those of fewer are among those of more. ValueError where a class has fewer
    examples than ``rounds``.
    """
    classes = labels.unique()
    if (fewest := min(int((labels == one).sum()) for one in classes)) < rounds:
        raise ValueError(f"one class has {fewest} examples, so {rounds} of each cannot be drawn")
    columns = []
    for one in classes.tolist():
        there, drawn = (labels == one).nonzero().flatten(), generator(seed, "in_rounds", draw, one)
        columns.append(there[torch.randperm(len(there), generator=drawn)[:rounds]])
    return torch.stack(columns, 1)


def read_mean(h: Tensor, test_h: Tensor, world: World, drawn: Sequence[Tensor]) -> float:
    """The mean test score of a linear reader of each set of labelled examples ``drawn``."""
    y, test_y = world.validation.labels[ASKED], world.test.labels[ASKED]
    return sum(inspection.probe(h[at], y[at], test_h, test_y) for at in drawn) / len(drawn)


def tables(
    swept: Swept, seeds: Sequence[int], some: bool = False
) -> Iterator[tuple[str, pd.DataFrame, Mapping, list[str]]]:
    """(name, table, settings, code) of each result."""
    code = ["training/sweeps", "bank/experiments.py", "bank/few.py", "bank/disagree.py", "data/changes"]
    names = roots_of(mtl.data.questions, mtl.Hard)
    facts = {"arms": ARMS, "labels": LABELS, "epochs": EPOCHS, "decays": DECAYS, "shrunk": SHRUNK, "lr": RATE}
    facts |= SIZES | {"width": WIDTH, "seeds": SEEDS}
    yield "few_labels", few_labels(swept, seeds), facts, [*names, *code]
    facts = TRAINED | {"per_class": PER_CLASS, "draws": DRAWS, "layers": LAYERS, "seeds": SEEDS}
    names = roots_of(mtl.data.questions, mtl.Hard, mtl.Separate)
    yield "few_frozen", few_frozen(swept, seeds), facts, [*names, "inspection/features", "inspection/probe", *code]
