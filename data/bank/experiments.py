"""The course's stored results, experiment by experiment: :func:`results` computes one, ``make.py`` stores it.

Every experiment is a few sweeps over paired seeds. A table has a row for each copy and task with the score on
validation, to choose by, and on test, to report; a path along λ has three tables more, for the λ explorer. What is
inside the features is measured in ``inside.py``, lesson 08 in ``disagree.py``, lesson 09 in ``company.py``. All
settings were chosen in trial runs on seeds 0 to 9; what is stored comes from fresh ones, 100 to 109, which nobody had
looked at before.
"""

from __future__ import annotations

import itertools
import math
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path

import company
import disagree
import inside
import pandas as pd
import torch
from tqdm import tqdm

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.inspection import paths
from mtl_lesson.provenance import roots_of
from mtl_lesson.training.live import Train
from mtl_lesson.training.loop import Settings
from mtl_lesson.training.runs import Ticks
from mtl_lesson.training.sweeps import Plan, collected, train_job

COPIES = Path(__file__).resolve().parents[2] / ".bank"


class EqualHeads(mtl.Hard):
    """Hard sharing whose heads all start from the same weights: the artefact of lesson 02."""

    def head_drawn_as(self, task):
        return "the same for all"


CONV = ("conv", {"width": 8})  # the small trunk, as it can be written down
GREY = ("conv", {"width": 8, "channels": 1})
FRESH = range(100, 110)  # the seeds that are stored
LAMBDAS = [0.0, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 1.0, math.inf]


def swept(name: str | None, way: type, world: Callable, trunk: tuple | Callable, **settings: object) -> mtl.Sweep:
    """A sweep with test scores, whose finished copies are kept in ``.bank/NAME`` until the result is stored; without a
    name a chunk of it."""
    made = getattr(mtl.nets, trunk[0])(**trunk[1]) if isinstance(trunk, tuple) else trunk
    if name is None:
        return a_chunk(way, world, made, **settings)
    return mtl.sweep(way, world, trunk=made, test=True, folder=COPIES / name, progress=False, **settings)


def a_chunk(
    way: type, world: Callable, trunk: object, *, seeds: Sequence[int], wanted: Sequence[int] = (), **settings: object
) -> mtl.Sweep:
    """The runs of one seed, or of the seeds ``wanted``, at a place in the middle of a sweep's axes.

    What the sweep trains together is trained together here: a point alone would be the same but for rounding, which
    training makes larger.
    """
    names = {one.name for one in fields(Settings)} & set(settings)
    training = Settings(**({"validate": False} | {name: settings.pop(name) for name in names}), test=True)
    training = replace(training, precision=training.precision or str(mtl.precision()))
    plan, runs = Plan(way, world, trunk, settings, list(seeds)), {}
    jobs = plan.jobs(training.batch_size)
    for seed in wanted or seeds[:1]:
        own = [job for job in jobs if seed in [dataset["seed"] for dataset in job.datasets]]
        done = train_job(plan, None, training, Ticks(tqdm(disable=True)), own[len(own) // 2])
        runs |= {plan.key(point): run for point, run in done.trained if run.seed == seed}
    return collected(plan, training, runs)


def scores(name: str | None, runs: Iterable[tuple], world: Callable, trunk: object, **common: object) -> pd.DataFrame:
    """A row for each way, point, seed and task, with the score on validation and on test, which way it is better, and
    the weights of a model.

    ``runs``: pairs of a way of sharing and the settings that are its own; a ``weight_decay`` that is its own has a
    column. With ``validate``, every so many epochs, there are rows for each of the epochs that were judged.
    """
    tables = []
    for way, own in runs:
        settings = common | own
        sweep = swept(name, way, world, trunk, **settings)
        at = ["epoch"] * bool(settings.get("validate"))
        table = sweep.history if at else sweep.table
        place = [*sweep.axes, *at, "task", "higher_is_better"]
        table = table[table.split != "train"].pivot(index=place, columns="split", values="score")
        table = table.reset_index().rename(columns={"test": "score"})
        weights = [sweep.runs[key].model.size() for key in table[list(sweep.axes)].itertuples(index=False, name=None)]
        decay = {"weight_decay": own["weight_decay"]} if "weight_decay" in own else {}
        tables.append(table.assign(way=way.__name__, weights=weights, **decay))
    return pd.concat(tables, ignore_index=True).rename_axis(columns=None)


def in_steps(steps: int, n: int, batch_size: int) -> int:
    """The number of epochs that take about so many steps."""
    return max(1, round(steps / math.ceil(n / batch_size)))


SHOPPERS = {"epochs": 40, "batch_size": 30}
QUESTIONS = {"epochs": 20}

DECAYS = (0.0, 1e-4, 1e-3, 3e-3, 1e-2)  # of the networks alone, shrunk towards 0
BRANCHES = ["conv1", "conv2", "linear", "heads"]
QUESTION_NAMES = ("garment", "colour", "way up")
#: ratings a person → epochs and how often judged: 40 passes over the ratings and 200 steps are both among them
PASSES = 40
BUDGETS = {
    40: {"epochs": in_steps(200, 40, 30), "validate": 20},
    150: {"epochs": in_steps(200, 150, 30), "validate": PASSES},
    400: {"epochs": PASSES, "validate": in_steps(200, 400, 30)},
}

#: name: (pairs of a way and its own settings, world, trunk, settings of all)
TABLES = {
    # Lesson 02, and 06: three networks against one trunk of as many weights (14), as much arithmetic (16), as much room
    # (24, which contains the three), after every fifth epoch.
    "budgets": (
        [(mtl.Separate, {"width": [8]}), (mtl.Hard, {"width": [8, 14, 16, 24]})],
        mtl.data.questions,
        mtl.nets.conv,
        {"n_train": 1000, "seeds": FRESH, "epochs": 120, "validate": 5},
    ),
    "width_labels": (
        [(mtl.Separate, {}), (mtl.Hard, {})],
        mtl.data.questions,
        mtl.nets.conv,
        {"width": [2, 4, 8, 16], "labels": [100, 300, 1000], "seeds": FRESH} | QUESTIONS,
    ),
    "equal_heads": (
        [(way, {}) for way in (mtl.Separate, mtl.Hard, EqualHeads, mtl.Pooled)],
        mtl.data.shops,
        GREY,
        {"renamed": [False, True], "n": 150, "seeds": FRESH} | SHOPPERS,
    ),
    # Lessons 03, 04 and 06: the control of every gain, a network a task alone, shrunk towards 0.
    "shrunk_questions": (
        [(mtl.Separate, {"weight_decay": decay}) for decay in DECAYS],
        mtl.data.questions,
        CONV,
        {"n_train": 1000, "seeds": FRESH} | QUESTIONS,
    ),
    "shrunk_shoppers": (
        [(mtl.Separate, {"weight_decay": decay}) for decay in DECAYS],
        mtl.data.shoppers,
        GREY,
        {"delta": [0.0, 0.7, 2.0], "n": 150, "seeds": FRESH} | SHOPPERS,
    ),
    "parts": (
        [(mtl.SharedPrivate, {"gamma": [0.0, 0.1, 1.0]})],
        mtl.data.questions,
        CONV,
        {"n_train": 1000, "seeds": FRESH} | QUESTIONS,
    ),
    "branches": (
        [
            (mtl.Hierarchical, {"branch": BRANCHES}),
            (mtl.Hierarchical, {"branch": [{task: layer} for task in QUESTION_NAMES for layer in BRANCHES[:3]]}),
        ],
        mtl.data.questions,
        CONV,
        {"n_train": 1000, "seeds": FRESH} | QUESTIONS,
    ),
    "branches_shoppers": (
        [(mtl.Hierarchical, {"branch": BRANCHES})],
        mtl.data.shoppers,
        GREY,
        {"delta": [0.7, 2.0], "n": 150, "seeds": FRESH} | SHOPPERS,
    ),
    # Lessons 02 and 06: how related the tasks are, and how many labels they have.
    "relatedness": (
        [(way, {}) for way in (mtl.Separate, mtl.Hard, mtl.Pooled)],
        mtl.data.shoppers,
        GREY,
        {"delta": [0.0, 0.5, 1.0, 2.0], "n": 150, "seeds": FRESH} | SHOPPERS,
    ),
    "relatedness_labels": (
        [
            (way, {"n": n} | BUDGETS[n] | own)
            for n in BUDGETS
            for way, own in ((mtl.Separate, {}), (mtl.Hard, {}), (mtl.Pooled, {}), (mtl.Soft, {"lam": [0.003, 0.03]}))
            if n != 150 or way is mtl.Soft  # the others stand in "relatedness"
        ],
        mtl.data.shoppers,
        GREY,
        {"delta": [0.0, 1.0, 2.0], "seeds": FRESH, "batch_size": 30},
    ),
    "shops_labels": (
        [
            (way, {"n": n, "epochs": in_steps(200, n, 30)})
            for n in (50, 400)
            for way in (mtl.Separate, mtl.Hard, mtl.Pooled)
        ],
        mtl.data.shops,
        GREY,
        {"delta": [0.0, 15.0, 45.0], "seeds": FRESH, "batch_size": 30},
    ),
}

#: name: (world, trunk, settings), along λ, for the explorer
PATHS = {
    "shoppers_path": (
        mtl.data.shoppers,
        GREY,
        {"delta": [0.0, 0.7, 2.0], "n": 150, "lam": LAMBDAS, "seeds": FRESH} | SHOPPERS,
    ),
    "questions_path": (mtl.data.questions, CONV, {"n_train": 1000, "lam": LAMBDAS, "seeds": FRESH} | QUESTIONS),
}

#: Lesson 04: what the pull does when it is taken by gradient steps. λ in multiples of 1 / (T·lr), the most that plain
#: gradient descent can bear.
STEPS = {"sgd": 0.3, "momentum": 0.03, "adam": 1e-3}  # optimiser: learning rate
TIMES = [0.006, 0.3, 1.3, 3.0]
PEOPLE = 6
DESCENTS = {"delta": 0.7, "n": 150, "seeds": FRESH} | SHOPPERS

#: Lesson 05: how far trained layers serve another task. A trunk's first layers are frozen, the rest learns anew.
FROZEN = (["conv1"], ["conv1", "conv2"])
NOTHING = "nothing"  # what an untrained trunk was trained for
TRANSFERS = {"n_train": 1000, "seeds": FRESH} | QUESTIONS

INSIDE, COMPANY = "inside", "company"
DISAGREE = {
    "fronts": [],
    "noisy": ["noisy_weights", "cured"],
    "conflicts": ["conflicts_harm"],
}  # and what comes with it
EXPERIMENTS = ["budgets", INSIDE, COMPANY, *PATHS, "transfer", "gradient_steps", *DISAGREE]
EXPERIMENTS += [name for name in TABLES if name != "budgets"]


# --- what an experiment stores: (name of the table, table, how it was made, the code that made it) ------------------

Stored = Iterator[tuple[str, pd.DataFrame, dict, list[str]]]


def name_of(trunk: tuple | Callable) -> str:
    """A trunk as the settings tell it; the text of a function would hold where it lies in memory."""
    return str(trunk) if isinstance(trunk, tuple) else trunk.__name__


def of_table(name: str, some: bool) -> Stored:
    runs, world, trunk, common = TABLES[name]
    ways = [[way.__name__, own] for way, own in runs]
    facts = common | {"ways": ways, "world": world.__name__, "trunk": name_of(trunk)}
    code = [*roots_of(world, *(way for way, _ in runs)), "training/sweeps", "bank/experiments.py"]
    yield name, scores(None if some else name, runs, world, trunk, **common), facts, code


def of_path(name: str, some: bool) -> Stored:
    world, trunk, settings = PATHS[name]
    start = time.perf_counter()
    sweep = swept(None if some else name, mtl.Soft, world, trunk, **settings)
    seconds = (time.perf_counter() - start) / len(sweep.runs)
    training = {key: settings[key] for key in ("epochs", "batch_size") if key in settings}
    live = Train(mtl.Soft, world, trunk, training, seconds)
    path = paths.Path.of(sweep, split="test", live=live)
    facts = settings | {"world": world.__name__, "trunk": name_of(trunk), "path": bank.facts_of(path)}
    code = [*roots_of(world, mtl.Soft), "training/sweeps", "bank/experiments.py", "inspection/paths"]
    for ending, table in path.tables().items():
        if not (some and ending == "_confusions"):  # which adds up all seeds
            yield f"{name}{ending}", table, facts, code


def of_inside(name: str, some: bool) -> Stored:
    sweeps = itertools.count()

    def kept(way: type, *arguments: object, **settings: object) -> mtl.Sweep:
        if some:
            every = inside.BOTH if way is mtl.Separate else inside.SEEDS
            settings |= {"wanted": settings["seeds"], "seeds": every}
        return swept(None if some else f"{name}/{next(sweeps)}", way, *arguments, **settings)

    for table_name, table, facts, code in inside.tables(kept, inside.SEEDS[:1] if some else inside.SEEDS):
        yield table_name, table, facts, [*code, "training/sweeps", "bank/experiments.py", "bank/inside.py"]


def of_disagree(name: str, some: bool) -> Stored:
    """Lesson 08, see ``disagree.py``."""
    sweeps, fresh = itertools.count(), disagree.SEEDS

    def kept(*arguments: object, **settings: object) -> mtl.Sweep:
        if some:
            settings |= {"wanted": settings["seeds"], "seeds": fresh}
        return swept(None if some else f"{name}/{next(sweeps)}", *arguments, **settings)

    yield from disagree.tables(name, kept, fresh[:1] if some else fresh)


def of_gradient_steps(name: str, some: bool) -> Stored:
    """Soft sharing whose pull is a gradient step, or exact, at λ below and beyond what descent can bear."""
    tables = []
    for optimiser, lr in STEPS.items():
        for exact in (True, False) if optimiser == "adam" else (False,):
            lams = {round(times / (PEOPLE * lr), 6): times for times in (TIMES if optimiser == "adam" else TIMES[1:])}
            settings = DESCENTS | {"optimiser": optimiser, "lr": lr, "exact": exact, "lam": [*lams]}
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", mtl.TrainingDiverged)  # which is what is measured
                sweep = swept(None if some else name, mtl.Soft, mtl.data.shoppers, GREY, **settings)
            place = ["delta", "lam", "seed", "task", "higher_is_better"]
            wide = sweep.table.pivot(index=place, columns="split", values=["score", "loss"])
            table = pd.DataFrame(
                {
                    "score": wide["score", "test"],
                    "validation": wide["score", "validation"],
                    "loss": wide["loss", "validation"],
                }
            ).reset_index()
            stopped = {(run.history.lam.iloc[0], run.seed): bool(run.stopped) for run in sweep.runs.values()}
            rows = zip(table.lam, table.seed, strict=True)
            own = {"optimiser": optimiser, "exact": exact, "diverged": [stopped[row] for row in rows]}
            tables.append(table.assign(times=table.lam.map(lams), **own))
    table = pd.concat(tables, ignore_index=True)
    facts = DESCENTS | {"world": "shoppers", "trunk": name_of(GREY), "steps": STEPS, "times": TIMES}
    yield name, table, facts, [*roots_of(mtl.data.shoppers, mtl.Soft), "training/sweeps", "bank/experiments.py"]


def of_transfer(name: str, some: bool) -> Stored:
    """A trunk's first layers, as one task has trained them, frozen under a network for another."""
    sweeps, seeds = itertools.count(), FRESH[:1] if some else FRESH

    def kept(trunk: object, **settings: object) -> mtl.Sweep:
        return swept(None if some else f"{name}/{next(sweeps)}", mtl.Separate, mtl.data.questions, trunk, **settings)

    trained = kept(CONV, **(TRANSFERS | ({"wanted": seeds} if some else {})))
    tables = []
    for seed in seeds:
        run = trained.run(seed=seed)
        untrained = run.model.like((seed,))
        for source in (*QUESTION_NAMES, NOTHING):
            network = run.model.plain(source) if source != NOTHING else untrained.plain(QUESTION_NAMES[0])
            for layers in FROZEN:
                done = kept(frozen(network, layers), **(TRANSFERS | {"seeds": [seed]}))
                scored = done.table[done.table.split != "train"]
                wide = scored.pivot(index=["seed", "task", "higher_is_better"], columns="split", values="score")
                wide = wide.reset_index().rename(columns={"test": "score"})
                tables.append(wide.assign(trained_for=source, frozen=layers[-1]))
    code = [*roots_of(mtl.data.questions, mtl.Separate), "training/sweeps", "bank/experiments.py"]
    table = pd.concat(tables, ignore_index=True).rename_axis(columns=None)
    yield name, table, TRANSFERS | {"world": "questions", "trunk": name_of(CONV), "frozen": FROZEN}, code


def of_company(name: str, some: bool) -> Stored:
    yield from company.tables(COPIES / name, some)


def frozen(network: torch.nn.Module, layers: Sequence[str]) -> torch.nn.Module:
    """A small trunk whose first layers are those of a trained network and stay so; the others will be drawn."""
    trunk = getattr(mtl.nets, CONV[0])(**CONV[1])
    for layer in layers:
        getattr(trunk, layer).load_state_dict(getattr(network, layer).state_dict())
        getattr(trunk, layer).requires_grad_(False)
    return trunk


OTHERS = {INSIDE: of_inside, COMPANY: of_company, "gradient_steps": of_gradient_steps, "transfer": of_transfer}
OTHERS |= dict.fromkeys(DISAGREE, of_disagree)


def results(name: str, some: bool = False) -> Stored:
    """What an experiment stores, or ``some`` of each of its tables and ways: see :func:`a_chunk`."""
    of = OTHERS.get(name) or (of_table if name in TABLES else of_path)
    return of(name, some)
