"""A fair comparison of ways of sharing on one world: equal trials, chosen on validation, judged on the test by unit.

Every :class:`Arm` is trained at each of its trials, with the same seeds, samples, batches and first weights. For each
seed the trial and the number of epochs are chosen by the mean validation merit over tasks; of Separate, whose networks
share nothing, for each task alone. The chosen network is trained again for so many epochs, and judged once. The floors,
one answer for all and a linear model of each task, go the same way.

The *merit* of a task is a share, more being better: the score where that is one (accuracy, F1, IoU), and for numbers

    1 − (mean squared error) / (variance of the labels outside the test),

the share that is explained. Its mean over units, then over tasks, is what arms are compared by.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..data.grouped import Grouped
from ..data.world import World
from ..evidence import Claim
from ..nets import layers_with_weights
from ..sharing import Hard, Hierarchical, Pooled, Separate, Sharing, Soft
from ..tasks import Binary, Classification, Regression, Task
from ..training import Run, fit, sweep
from ..training.hardware import cores, device
from ..training.runs import bar
from .by_group import judge_groups
from .crossed import claim_crossed
from .features import in_parts, split_of
from .margin import Decision, decide
from .without_sharing import LINEAR, MAJORITY, train_floors

DECAYS = (0.0, 1e-2, 1e-1)  # the trials of every arm but Soft: how much it is shrunk
LAMBDAS = (1e-2, 1e-1, 1.0)  # Soft's
LOOKS = 10  # so many numbers of epochs to choose from
AGAIN = 1.3  # the chosen network of each seed is trained again


@dataclass(frozen=True)
class Arm:
    """A way of sharing and the settings of its trials."""

    way: type[Sharing]
    trials: tuple[Mapping[str, object], ...]


@dataclass(frozen=True)
class Training:
    """How every arm is trained: for at most so many ``epochs``, with these ``seeds``."""

    seeds: tuple[int, ...]
    epochs: int = 30
    lr: float = 2e-3
    batch_size: int = 128
    folder: str | None = None

    def sweep(self, arm: Arm, worlds: Mapping[int, World], trunk: nn.Module, seeds: Sequence[int], **own: object):
        """One trial of an arm: seed → Run. KeyboardInterrupt where it was stopped."""
        settings = {"lr": self.lr, "batch_size": self.batch_size, "folder": self.folder} | own
        with redirect_stdout(io.StringIO()):  # of a sweep that was stopped: who asked for a contest knows no sweeps
            found = sweep(arm.way, lambda seed: worlds[seed], trunk=trunk, seeds=seeds, progress=False, **settings)
        if len(found.runs) < len(seeds):
            raise KeyboardInterrupt
        return found


@dataclass(frozen=True)
class Contest:
    """What came of a comparison.

    ``merits``: (arm, task) → the merit of each unit of the test, a row a seed, a column a unit that has a label.
    ``chosen``: a row for each arm, seed and task: the merit on ``validation``, and the ``trial`` and ``epochs`` that
    were chosen by it. ``unit``: what one is called.
    """

    merits: Mapping[tuple[str, str], pd.DataFrame]
    chosen: pd.DataFrame
    tasks: tuple[Task, ...]
    unit: str

    @property
    def arms(self) -> list[str]:
        return list(dict.fromkeys(arm for arm, _ in self.merits))

    def of(self, arm: str, task: str | None = None) -> pd.Series:
        """Test merit by seed: of one task, or the mean over all. KeyError for an arm or a task that is not there."""
        return self.by_unit(arm, task).mean(axis=1)

    def beats(self, one: str, other: str, text: str | None = None, task: str | None = None) -> Claim:
        """The claim that ``one`` has more merit than ``other``, over new units *and* seeds: :func:`.claim_crossed`."""
        return claim_crossed(text or f"{one} beats {other}", self.by_unit(one, task), self.by_unit(other, task))

    def decide(self, one: str, other: str, margin: float, text: str | None = None, task: str | None = None) -> Decision:
        """Whether ``one`` gains as much as ``margin`` over ``other``: :func:`.margin.decide`."""
        differences = (self.by_unit(one, task) - self.by_unit(other, task)).to_numpy()
        return decide(self.beats(one, other, text, task), margin, differences)

    def by_unit(self, arm: str, task: str | None = None) -> pd.DataFrame:
        """What each unit of the test adds to the merit of an arm, (seeds × units); their mean is the merit.

        Of several tasks it is the mean over t of m̄_t + [u has a label of t] · (U / U_t) · (m_tu − m̄_t), with U units
        of which U_t have a label: the influence of unit u on the mean over tasks of the means over units.
        """
        own = [merits for (name, of), merits in self.merits.items() if name == arm and task in (None, of)]
        if not own:
            raise KeyError(f"there is no {arm!r}{f' on {task!r}' if task else ''}; there are {', '.join(self.arms)}")
        if len(own) == 1:
            return own[0]
        units = own[0].columns.union(sorted(set().union(*(one.columns for one in own[1:]))), sort=False)
        terms = np.zeros((len(own[0]), len(units)))
        for one in own:
            there, mean = units.isin(one.columns), one.mean(axis=1).to_numpy()[:, None]
            terms[:, there] += (one[units[there]].to_numpy() - mean) * (len(units) / there.sum())
            terms += mean
        return pd.DataFrame(terms / len(own), own[0].index, units.rename(self.unit))


def contest(
    world: World,
    trunk: nn.Module,
    training: Training,
    arms: Mapping[str, Arm] | None = None,
    *,
    progress: bool = True,
) -> Contest:
    """Train and judge every arm, those of :func:`arms_of` unless given, and the floors.

    A world that can be drawn anew (``world.draw(seed)``, a table) is, for each seed; of another only the training is.
    KeyboardInterrupt where it was stopped; with a folder in ``training`` the same call goes on from there.
    """
    arms = arms or arms_of(world, trunk)
    worlds = {seed: draw_world(world, seed) for seed in training.seeds}
    judged = []
    with bar(sum(len(arm.trials) + 1 for arm in arms.values()), progress) as shown:
        shown.unit = " sweep"
        for name, arm in arms.items():
            shown.set_description(name)
            judged += [{"arm": name} | row for row in compete(arm, worlds, trunk, training, shown)]
    judged += floors_of(worlds)
    return gathered(judged, world)


def gathered(judged: Sequence[dict], world: World) -> Contest:
    """The rows of all arms as a Contest."""
    unit, rows = as_grouped(world).group, {}
    for row in judged:
        rows.setdefault((row["arm"], row["task"]), {})[row["seed"]] = row.pop("units").set_index("unit").merit
    merits = {place: pd.DataFrame(own).T.rename_axis(index="seed", columns=unit) for place, own in rows.items()}
    return Contest(merits, pd.DataFrame(judged), world.tasks, unit)


def draw_world(world: World, seed: int) -> World:
    """The world of a seed: drawn anew where it can be."""
    return world.draw(seed) if hasattr(world, "draw") else world


def compete(arm: Arm, worlds: Mapping[int, World], trunk: nn.Module, training: Training, shown) -> Iterator[dict]:
    """A row for each seed and task: trial and epochs chosen on validation, then judged on the test."""
    merits, every = [], max(1, training.epochs // LOOKS)
    for number, own in enumerate(arm.trials):
        found = training.sweep(arm, worlds, trunk, training.seeds, epochs=training.epochs, validate=every, **own)
        merits.append(merits_on_validation(found.history, worlds).assign(trial=number))
        shown.update()
    chosen = choose_trial(pd.concat(merits, ignore_index=True), each_task=arm.way is Separate)
    for (number, epochs), rows in chosen.groupby(["trial", "epochs"]):
        own = arm.trials[number]
        found = training.sweep(arm, worlds, trunk, list(dict.fromkeys(rows.seed)), epochs=int(epochs), **own)
        for run in found.runs.values():
            tasks = set(rows.task[rows.seed == run.seed])
            for row in judge(outputs_by_part(run), run.world, seed=run.seed, trial=as_words(own), epochs=int(epochs)):
                if row["task"] in tasks:
                    yield row
    shown.update()


def as_words(trial: Mapping[str, object]) -> str:
    """The settings of a trial: "weight_decay=0.01"."""
    return ", ".join(f"{name}={value}" for name, value in trial.items())


def merits_on_validation(history: pd.DataFrame, worlds: Mapping[int, World]) -> pd.DataFrame:
    """A row for each seed, task and number of epochs: the validation merit; NaN where training failed."""
    rows = history[history.split == "validation"]
    scale = {(seed, task.name): scale_of(world, task) for seed, world in worlds.items() for task in world.tasks}
    task = {task.name: task for task in next(iter(worlds.values())).tasks}
    places = zip(rows.task, rows.seed, rows.score, strict=True)
    merit = [merit_of(task[name], score, scale[seed, name]) for name, seed, score in places]
    return rows.assign(merit=merit).rename(columns={"epoch": "epochs"})[["seed", "task", "epochs", "merit"]]


def choose_trial(merits: pd.DataFrame, each_task: bool = False) -> pd.DataFrame:
    """For each seed and task the trial and epochs of most merit, the first and shortest of equal ones: of most mean
    merit over tasks, or, ``each_task``, for each task alone. ValueError where all trainings of a seed failed."""
    if not each_task:
        mean = merits.groupby(["seed", "trial", "epochs"]).merit.transform(lambda own: own.mean(skipna=False))
        merits = merits.assign(merit=mean)
    by = ["seed", "task"]
    alive = merits.dropna(subset="merit").sort_values(["trial", "epochs"], kind="stable")
    if failed := sorted(set(merits.seed) - set(alive.seed)):
        raise ValueError(f"every training of seed {failed[0]} failed (NaN): take a smaller lr")
    return alive.loc[alive.groupby(by).merit.idxmax(), [*by, "trial", "epochs"]]


# --- merits ---------------------------------------------------------------------------------------------------------


def scale_of(world: World, task: Task) -> float:
    """What an error is divided by: that of the best single answer for all rows that are not tested on."""
    if task.higher_is_better:
        return 1.0
    labels = torch.cat([world.train.labels[task.name], world.validation.labels[task.name]])
    return task.chance(labels) or 1.0


def merit_of(task: Task, score: float, scale: float) -> float:
    """A score as a share, more being better."""
    return score if task.higher_is_better else 1 - score / scale


def outputs_by_part(run: Run) -> dict[str, dict[str, Tensor]]:
    """Part → task → what a trained network says of validation and test."""
    return {part: in_parts(run.model, split_of(run.world, part).x, heads=True) for part in ("validation", "test")}


def judge(outputs: Mapping[str, Mapping[str, Tensor]], world: World, **place: object) -> Iterator[dict]:
    """A row for each task: the mean merit over the units of validation, and the merit of each unit of the test."""
    for task in world.tasks:
        if task.name in outputs["test"]:
            merits = {part: unit_merits(world, task, own[task.name], part) for part, own in outputs.items()}
            validation = float(merits["validation"].merit.mean())
            yield place | {"task": task.name, "validation": validation, "units": merits["test"]}


def unit_merits(world: World, task: Task, outputs: Tensor, part: str) -> pd.DataFrame:
    """The merit of each unit of a split, columns unit and merit; a unit without a label has no row.

    Where each task has rows of its own, no two tasks have a unit in common.
    """
    scale = scale_of(world, task)
    if type(task) in (Binary, Classification) or (type(task) is Regression and task.single):
        own = mean_scores(world, task, outputs, part)
    else:  # a unit's score is no mean over its rows: F1, IoU
        own = judge_groups(as_grouped(world), {task.name: outputs}, part)
        own = own.rename(columns={as_grouped(world).group: "unit"})[["unit", "score"]]
    if isinstance(split_of(world, part).x, Mapping) and as_grouped(world).group in ("row", "example"):
        own = own.assign(unit=task.name + " " + own.unit.astype(str))
    return pd.DataFrame({"unit": own.unit, "merit": merit_of(task, own.score, scale)})


def mean_scores(world: World, task: Task, outputs: Tensor, part: str) -> pd.DataFrame:
    """The mean over each unit's rows of what each contributes to the score: columns unit and score."""
    labels = split_of(world, part).labels[task.name]
    known = task.labelled(labels).numpy()
    scores = task.merits(outputs[None], labels[None])[0].double().numpy()
    units = np.asarray(as_grouped(world).groups[part])
    own = pd.DataFrame({"unit": units, "score": scores})[known]
    return own.groupby("unit", sort=False).score.mean().reset_index()


def as_grouped(world: World) -> Grouped:
    """The world itself where it knows its groups; else one in which each example is its own."""
    if isinstance(world, Grouped):
        return world
    parts = {name: getattr(world, name) for name in ("train", "validation", "test")}
    groups = {name: torch.arange(len(split)) for name, split in parts.items()}
    return Grouped(world.name, world.tasks, **parts, layout=world.layout, groups=groups, group="example")


def floors_of(worlds: Mapping[int, World]) -> list[dict]:
    """The rows of the floors: for each seed and task the linear model's trial is chosen on validation."""
    rows = []
    for seed, world in worlds.items():
        for task in world.tasks:
            plain = type(task) in (Binary, Classification, Regression)
            best: dict[str, dict] = {}
            for arm, trial, outputs in train_floors(world, task.name, plain):
                said = {part: {task.name: own} for part, own in outputs.items()}
                for row in judge(said, world, arm=arm, seed=seed, trial=trial, epochs=0):
                    if arm not in best or row["validation"] > best[arm]["validation"]:
                        best[arm] = row
            if plain and LINEAR not in best:  # training knows one class: a line through it is one answer for all
                best[LINEAR] = best[MAJORITY] | {"arm": LINEAR}
            rows += best.values()
    return rows


# --- what competes --------------------------------------------------------------------------------------------------


def arms_of(world: World, trunk: nn.Module) -> dict[str, Arm]:
    """Separate, Hard and Soft; Hierarchical where the trunk has two layers or more; Pooled where tasks ask one question
    of examples of their own. Three trials each: Separate's are the task alone, *shrunk* as validation likes."""
    shrunk = tuple({"weight_decay": decay} for decay in DECAYS)
    arms = {"Separate": Arm(Separate, shrunk), "Hard": Arm(Hard, shrunk)}
    arms["Soft"] = Arm(Soft, tuple({"lam": lam} for lam in LAMBDAS))
    layers = layers_with_weights(trunk)
    if len(layers) > 1:
        branch = layers[len(layers) // 2]
        arms["Hierarchical"] = Arm(Hierarchical, tuple(own | {"branch": branch} for own in shrunk))
    alike = len({(type(task), task.outputs) for task in world.tasks}) == 1
    if alike and isinstance(world.train.x, Mapping):
        arms["Pooled"] = Arm(Pooled, shrunk)
    return arms


def ordinary_trunk(world: World) -> nn.Sequential:
    """A small trunk for vectors or pictures, whose sizes come from the data. ValueError for other inputs."""
    x = next(iter(world.train.inputs.values()))
    if world.layout in (None, "vectors") and x.dim() == 2:
        return nn.Sequential(nn.LazyLinear(64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU())
    if world.layout in (None, "maps") and x.dim() == 4:
        below = [nn.Conv2d(x.shape[1], 8, 3, padding=1), nn.MaxPool2d(2), nn.ReLU()]
        above = [nn.Conv2d(8, 16, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten()]
        return nn.Sequential(*below, *above, nn.LazyLinear(64), nn.ReLU())
    raise ValueError(f"for inputs such as {tuple(x.shape)} say which network is the trunk: trunk=an nn.Sequential")


def expected_seconds(world: World, trunk: nn.Module, training: Training, arms: Mapping[str, Arm]) -> float:
    """About how long :func:`contest` takes here: two epochs of one network a task are timed, the first left out."""
    model = Separate(world, trunk)
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        fit(model, world, epochs=1, lr=training.lr, batch_size=training.batch_size, progress=False)
        seconds.append(time.perf_counter() - began)
    workers = cores() if device().name == "cpu" else 1
    trials = sum(len(arm.trials) for arm in arms.values())
    return min(seconds) * training.epochs * trials * len(training.seeds) * AGAIN / workers
