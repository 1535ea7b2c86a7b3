"""In the field, for lesson 12: one comparison for five worlds, and what a random split flatters by.

A :class:`Field` says what is compared: a world whose examples come in groups, a trunk, the task with few labels, and
ways of sharing, each with as many trials. Every file ``field_NAME.py`` holds one. For each seed and arm the trial is
chosen by the validation score, or loss, of the starved task; what is reported is the mean over the *groups* of the test
set, each counted once.

The floors know nothing of sharing: one answer for all ("majority"), and a linear model of the inputs, shrunk as
validation likes it ("linear"). ``split_by="row"`` is the mistake: the same test rows, after training on other rows of
the same groups. (Not ``split``: a sweep's table has a column of that name.)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pandas as pd
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Grouped
from mtl_lesson.inspection.by_group import by_group, judge_groups
from mtl_lesson.inspection.without_sharing import SHRUNK, train_floors
from mtl_lesson.provenance import roots_of

Arms = Mapping[str, tuple[type, Sequence[Mapping]]]
MEASURES = {"score": None, "loss": False}  # whether a higher one is better; None: as the task says


@dataclass(frozen=True)
class Field:
    """What is compared in one field.

    ``world``: a function that takes ``seed`` and ``split_by`` and makes a Grouped world. ``trunk``: a module, or a
    function that makes one. ``group``: what the world calls its groups. ``starved``: the task with few labels, by whose
    ``measure`` ("score" or "loss") on validation an arm chooses its trial. ``settings``: what every sweep gets,
    arguments of world and trunk among them. ``arms``: arm → (way of sharing, the settings of its trials).
    ``flattered``: the arm that is trained with ``split_by="row"``, too. ``linear``: whether the floor of a linear model
    makes sense. ``code``: modules of the package that the trunk is made of, beside those that the other fields name.
    """

    world: Callable[..., Grouped]
    trunk: nn.Module | Callable[..., nn.Module]
    starved: str
    group: str
    arms: Arms
    settings: Mapping[str, object] = field(default_factory=dict)
    measure: str = "score"
    flattered: str = "Hard"
    linear: bool = True
    code: Sequence[str] = ()
    seeds: Sequence[int] = range(100, 110)


def arms_of(epochs: Sequence[int], decays: Sequence[float], lambdas: Sequence[float], **pooled: type) -> dict:
    """Separate and Hard with each number of epochs; alone and shrunk, and Soft, with the two longest of them and two
    weight decays, or λ: four trials each, where there are four numbers of epochs. ``pooled``: further ways."""
    times = [{"epochs": number} for number in epochs]
    longest = times[-2:]
    return {
        "Separate": (mtl.Separate, times),
        "Alone, shrunk": (mtl.Separate, [time | {"weight_decay": decay} for time in longest for decay in decays]),
        "Hard": (mtl.Hard, times),
        "Soft": (mtl.Soft, [time | {"lam": lam} for time in longest for lam in lambdas]),
    } | {arm: (way, times) for arm, way in pooled.items()}


def compare(
    this: Field, swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool = False
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two tables. By seed: arm, split_by, trial, seed, task, measure, with what it is on ``validation`` and, as
    ``score``, on test. By group: arm, split_by, group, measure and ``score`` of the starved task, the mean over the
    seeds at the trial that each has chosen; empty for ``some`` seeds, whose mean is another."""
    found = [part for split_by in ("group", "row") for part in trained(this, swept, seeds, split_by, some)]
    by_seed = pd.concat([summed_up(part) for part in found], ignore_index=True)
    chosen = by_seed[(by_seed.task == this.starved) & (by_seed.measure == this.measure)]
    best = chosen.assign(merit=chosen.validation * chosen.higher_is_better.map({True: 1, False: -1}))
    best = best.loc[best.groupby(["arm", "split_by", "seed"], sort=False).merit.idxmax()]
    keys = set(best[["arm", "split_by", "seed", "trial"]].itertuples(index=False, name=None))
    kept = [part for part in found if tuple(part.iloc[0][["arm", "split_by", "seed", "trial"]]) in keys]
    groups = pd.concat(part[(part.part == "test") & (part.task == this.starved)] for part in kept)
    groups = groups.groupby(["arm", "split_by", "group", "measure"], sort=False).score.mean().reset_index()
    return by_seed, groups[:0] if some else groups


def trained(
    this: Field, swept: Callable[..., mtl.Sweep], seeds: Sequence[int], split_by: str, some: bool
) -> Iterator[pd.DataFrame]:
    """For each run and floor a row a group, task, part (validation, test) and measure."""
    worlds: dict[int, Grouped] = {}
    arms = this.arms if split_by == "group" else {this.flattered: this.arms[this.flattered]}
    for arm, (way, trials) in arms.items():
        for own in trials[:1] if some else trials:
            settings = {"split_by": split_by, "seeds": seeds} | dict(this.settings) | own
            sweep = swept(way, this.world, this.trunk, **settings)
            trial = ", ".join(f"{name}={value}" for name, value in own.items())
            for run in sweep.runs.values():
                worlds[run.seed] = run.world
                parts = {part: by_group(run, part) for part in ("validation", "test")}
                yield told(parts, run.world, arm=arm, split_by=split_by, seed=run.seed, trial=trial)
    if split_by == "group":
        for seed, world in worlds.items():
            for arm, trial, outputs in train_floors(world, this.starved, this.linear):
                parts = {part: judge_groups(world, {this.starved: y}, part) for part, y in outputs.items()}
                yield told(parts, world, arm=arm, split_by=split_by, seed=seed, trial=trial)


def told(parts: Mapping[str, pd.DataFrame], world: Grouped, **place: object) -> pd.DataFrame:
    """Results by group as one tidy table: group, task, part, measure, score, and which way it is better."""
    rows = []
    for part, table in parts.items():
        table = table.rename(columns={world.group: "group"})
        for measure, higher in MEASURES.items():
            better = [world.task(name).higher_is_better if higher is None else higher for name in table.task]
            own = table[["group", "task"]].assign(part=part, measure=measure, score=table[measure])
            rows.append(own.assign(higher_is_better=better))
    return pd.concat(rows, ignore_index=True).assign(**place)


def summed_up(part: pd.DataFrame) -> pd.DataFrame:
    """The mean over groups of one run, on validation and on test."""
    place = ["arm", "split_by", "trial", "seed", "task", "measure", "higher_is_better"]
    wide = part.groupby([*place, "part"], sort=False).score.mean().unstack("part").reset_index()
    return wide.rename(columns={"test": "score"}).rename_axis(columns=None)[[*place, "validation", "score"]]


def stored(
    name: str, this: Field, swept: Callable[..., mtl.Sweep], seeds: Sequence[int], some: bool
) -> Iterator[tuple[str, pd.DataFrame, dict, list[str]]]:
    """(name, table, settings, code) of the two tables of a field, as ``make.py`` stores them."""
    by_seed, groups = compare(this, swept, seeds, some)
    ways = {way for way, _ in this.arms.values()}
    code = ["training/sweeps", "inspection/by_group", "inspection/without_sharing"]
    code += ["bank/experiments.py", "bank/fields.py", f"bank/{name}.py"]
    code += [*this.code]
    code += roots_of(this.world, *ways, *([] if isinstance(this.trunk, nn.Module) else [this.trunk]))
    facts = {"seeds": this.seeds, "starved": this.starved, "measure": this.measure, "flattered": this.flattered}
    facts |= {"group": this.group, "C": SHRUNK}
    facts |= {"arms": {arm: [way.__name__, trials] for arm, (way, trials) in this.arms.items()}}
    facts |= {"settings": {key: str(value) for key, value in this.settings.items()}}
    yield name, by_seed, facts, sorted(set(code))
    yield f"{name}_groups", groups, facts, sorted(set(code))
