"""Across modalities, for lesson 11: when do a picture and the word for it meet in one space?

Emoji as two designers drew them, and their names; all ask for the category, each behind a stem of its own. Every arm
but "untrained" has three trials, of which a seed's validation set chooses by what is measured: three learning rates,
or three β. "Contrastive, shuffled" is Contrastive with pairs that do not belong together. "category known" is what
anyone would retrieve who knew the category of every picture and word, and nothing else of them. Settings were chosen
on seeds 0 and 1.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence

import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor, nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.inspection import features, read_across, retrieval
from mtl_lesson.provenance import roots_of

SEEDS = range(100, 108)
SIZES = {"n_train": 1000, "n_validation": 300, "n_test": 500}
COMPANY = {"two": ("google", "word"), "three": ("google", "twitter", "word")}
EPOCHS, RATE, RATES = 20, 2e-3, (1e-3, 2e-3, 4e-3)
BETAS = [0.3, 1.0, 3.0]
WIDTH, FEATURES = 4, 64  # channels of a stem's first convolution; what a stem returns, and the trunk
AT = 10  # retrieval: among so many nearest
UNTRAINED, KNOWN = "untrained", "category known"


class Mismatched(mtl.Contrastive):
    """Contrastive with pairs that do not belong together: before R looks at them, each next task's examples move on by
    one. In a batch of n no example keeps its partner, up to n tasks."""

    def regulariser(self, h):
        return super().regulariser({task: part.roll(t, dims=1) for t, (task, part) in enumerate(h.items())})


def seen_twice(
    n_train: int, n_validation: int, n_test: int, seed: int = 0, *, company: str = "three", ask: str = "category"
) -> World:
    """Emoji as the designers and words of ``company`` show them."""
    world = mtl.data.emoji(n_train, n_validation, n_test, seed, view="words", ask=ask)
    return mtl.data.only(world, COMPANY[company])


def stems(company: str) -> dict[str, nn.Module]:
    """For each task of ``company`` what makes a vector of its inputs."""
    made = {task: mtl.nets.conv(WIDTH, features=FEATURES) for task in COMPANY[company]}
    return made | {"word": mtl.nets.MeanEmbedding(mtl.data.TOKENS, FEATURES)}


def trunk() -> nn.Sequential:
    """What all share. h may point anywhere: no ReLU comes last."""
    return nn.Sequential(nn.Linear(FEATURES, FEATURES))


def arms() -> dict[str, tuple[type, list[dict]]]:
    """Arm → (way of sharing, the settings of its trials); a list of β is three trials, trained as copies of one."""
    rates, betas = [{"lr": rate} for rate in RATES], [{"beta": BETAS}]
    return {
        "Separate": (mtl.Separate, rates),
        "Hard": (mtl.Hard, rates),
        "Pooled": (mtl.Pooled, rates),
        "Contrastive": (mtl.Contrastive, betas),
        "Contrastive, shuffled": (Mismatched, betas),
    }


def across(swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool) -> pd.DataFrame:
    """A row for each arm, company, trial, seed, measure and task, with what it is on validation and on test: see
    :func:`measured`."""
    rows = []
    for company in COMPANY:
        common = SIZES | {"company": company, "stems": stems(company), "seeds": seeds, "epochs": EPOCHS, "lr": RATE}
        for arm, (way, trials) in arms().items():
            for own in trials[:1] if some else trials:
                sweep = swept(way, seen_twice, trunk(), **(common | own))
                for run in sweep.runs.values():
                    place = {"arm": arm, "company": company, "seed": run.seed, "weights": run.model.size()}
                    beta = {"beta": run.model.beta} if "beta" in own else {}
                    rows.append(measured(run.model, run.world).assign(**place, trial=told(own | beta)))
        for seed, world in {run.seed: run.world for run in sweep.runs.values()}.items():
            fresh = mtl.Hard(world, trunk(), stems=stems(company), seeds=(seed,))
            place = {"company": company, "seed": seed, "trial": "none"}
            rows.append(measured(fresh, world).assign(arm=UNTRAINED, weights=fresh.size(), **place))
            rows.append(if_known(world).assign(arm=KNOWN, weights=0, **place))
    return pd.concat(rows, ignore_index=True).assign(higher_is_better=True)


def told(own: dict[str, object]) -> str:
    """A trial by the settings that are its own."""
    return ", ".join(f"{name}={value}" for name, value in own.items())


# --- what is measured ------------------------------------------------------------------------------------------------


def measured(model: mtl.Sharing, world: World) -> pd.DataFrame:
    """A row for each measure and task of one model, with its ``validation`` and its ``score``, on test.

    ``retrieval``: the share of one task's examples whose partner is among the ten nearest of another's, "google →
    word"; chance is 10/n. ``within category``: the same among the examples of the partner's category alone, where
    chance is the retrieval of "category known". ``reader``: the accuracy of a linear reader fitted on one task's h and
    read on another's; on validation fitted on one half and read on the other. ``accuracy``: of the task's own answer.
    """
    model.eval()
    both = {}
    for column, name, part in (("validation", "validation", halved(world)), ("score", "test", world)):
        split = getattr(world, name)
        read = read_across(model, part).assign(measure="reader")
        read["task"] = read.pop("fitted_on") + " → " + read.pop("read_on")
        tables = [found(features(model, split.x), split.labels), read, accuracy(model, split)]
        both[column] = pd.concat(tables).set_index(["measure", "task"]).score
    return pd.DataFrame(both).reset_index()


def if_known(world: World) -> pd.DataFrame:
    """What :func:`found` of features that are the category and nothing else, on validation and test."""
    both = {}
    for column, split in (("validation", world.validation), ("score", world.test)):
        h = {task.name: F.one_hot(split.labels[task.name], task.outputs).float() for task in world.tasks}
        both[column] = found(h, split.labels).set_index(["measure", "task"]).score
    return pd.DataFrame(both).reset_index()


def found(h: dict[str, Tensor], labels: dict[str, Tensor]) -> pd.DataFrame:
    """Retrieval of each task's examples by each other's, among all and within their category."""
    rows, category = [], next(iter(labels.values()))
    for one, other in itertools.combinations(h, 2):
        everywhere, within = retrieval(h[one], h[other], AT), retrieval_within(h[one], h[other], category)
        for measure, values in (("retrieval", everywhere), ("within category", within)):
            rows.append({"measure": measure, "task": f"{one} → {other}", "score": values["there"]})
            rows.append({"measure": measure, "task": f"{other} → {one}", "score": values["back"]})
    return pd.DataFrame(rows)


def retrieval_within(x: Tensor, y: Tensor, category: Tensor) -> pd.Series:
    """Retrieval among the examples of one category, the mean over all examples."""
    each = {}
    for number in category.unique().tolist():
        of = category == number
        n = int(of.sum())
        # Of ten or fewer all are among the ten nearest, a lone one too.
        each[number] = n * (retrieval(x[of], y[of], AT) if n > AT else pd.Series(1.0, ["there", "back", "chance"]))
    return sum(each.values()) / len(category)


def accuracy(model: mtl.Sharing, split: Split) -> pd.DataFrame:
    """The share of each task's examples that it answers rightly."""
    with torch.no_grad():
        outputs = model(split.x)
    rows = []
    for task in model.tasks:
        score = task.score(outputs[task.name][None].cpu(), split.labels[task.name][None]).item()
        rows.append({"measure": "accuracy", "task": task.name, "score": score})
    return pd.DataFrame(rows)


def halved(world: World) -> World:
    """The world whose readers are fitted on one half of the validation examples and read on the other."""
    x, labels, half = world.validation.x, world.validation.labels, len(world.validation) // 2
    one, other = (
        Split({task: values[of] for task, values in x.items()}, {task: values[of] for task, values in labels.items()})
        for of in (slice(None, half), slice(half, None))
    )
    return World(world.name, world.tasks, world.train, one, other, layout=world.layout)


def tables(
    swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool
) -> Iterator[tuple[str, pd.DataFrame, dict, list[str]]]:
    """(name, table, settings, code) of each result."""
    ways = {way for way, _ in arms().values()} - {Mismatched}
    code = ["training/sweeps", "inspection/retrieval", "bank/experiments.py", "bank/across.py"]
    facts = {"seeds": SEEDS, "epochs": EPOCHS, "lr": RATE, "company": COMPANY, "width": WIDTH, "features": FEATURES}
    facts |= SIZES | {"at": AT, "arms": {arm: [way.__name__, own] for arm, (way, own) in arms().items()}}
    code += roots_of(mtl.data.emoji, mtl.data.only, mtl.nets.conv, mtl.nets.MeanEmbedding, *ways)
    yield "across", across(swept, seeds, some), facts, sorted(code)
