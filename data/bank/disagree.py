"""When tasks disagree, for lesson 08: the front and every method's point, weightings under noise, conflict and harm.

Settings were chosen on seeds 0 to 9. Every arm of ``fronts`` has three trials: three fixed weights, or three learning
rates of the plain sum or of a method. ``again`` is the plain sum once more, on the same pictures and initial weights in
another order: what a comparison of nothing with nothing finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd
import torch
from scipy.optimize import minimize_scalar
from torch import Tensor
from torchjd import aggregation, scalarization

import mtl_lesson as mtl
from mtl_lesson.chance import generator
from mtl_lesson.data import Split, World
from mtl_lesson.inspection import answers_changed, conflict_path
from mtl_lesson.provenance import roots_of
from mtl_lesson.weighting import Aggregate, Fixed, Sum, Uncertainty, Weighting

SEEDS = range(100, 108)
PAIR = ("garment", "colour")
WIDTHS, BUDGETS = (8, 16), (8, 24)  # hidden units; epochs
SIZES = {"n_train": 1000, "n_validation": 500, "n_test": 1000}
SHARES = (0.25, 0.5, 0.75)  # of garment's weight in the sum of both
RATES = (1e-3, 2e-3, 4e-3)
RATE = 2e-3  # of the fixed weights, and of two networks
FLIPPED = (0.0, 0.4)  # of colour's labels
NOISY = {"epochs": 24, "lr": 2e-3, "seeds": SEEDS, "width": 16}

#: where conflict is watched: world → its dial, its values, and how it is trained
WATCHED = {
    "questions": ("n_train", (1000,), NOISY | SIZES),
    "shoppers": ("delta", (0.0, 0.5, 1.0, 2.0), {"n": 150, "batch_size": 30, "epochs": 40}),
    "shops": ("delta", (0.0, 15.0, 30.0, 45.0), {"n": 150, "batch_size": 30, "epochs": 40}),
}
LOOKS = 5  # at the gradients, after as many equal parts of the training, and one before it


def garment_and_colour(seed: int, order: str = "drawn") -> World:
    """Two questions about 1,000 pictures; "again": the same pictures in another order, hence in other batches."""
    world = mtl.data.only(mtl.data.questions(**SIZES, seed=seed), PAIR)
    if order == "drawn":
        return world
    at = torch.randperm(len(world.train), generator=generator(seed, "another order"))
    train = Split(world.train.x[at], {name: labels[at] for name, labels in world.train.labels.items()})
    return World(world.name, world.tasks, train, world.validation, world.test, dial=world.dial)


def with_flipped(seed: int, share: float = 0.0) -> World:
    """Three questions, a ``share`` of colour's labels for training and validation another colour."""
    return mtl.data.flip_labels(mtl.data.questions(**SIZES, seed=seed), "colour", share, seed=seed)


class CAGradOfTwo(aggregation.Weighting):
    """CAGrad's weights of two tasks, without a solver: g_0 + c‖g_0‖ g_w / ‖g_w‖, where g_0 is the mean and g_w =
    w g_1 + (1 − w) g_2 is the one with the least ⟨g_w, g_0⟩ + c‖g_0‖‖g_w‖. Liu et al. 2021, c = ½."""

    def forward(self, gramian: Tensor) -> Tensor:
        G, half = gramian.double(), torch.full((2,), 0.5, dtype=torch.float64)
        mean = (half @ G @ half).clamp(min=0).sqrt()

        def least(w: float) -> float:
            share = torch.tensor([w, 1 - w], dtype=torch.float64)
            return float(share @ G @ half + 0.5 * mean * (share @ G @ share).clamp(min=0).sqrt())

        w = minimize_scalar(least, bounds=(0, 1), method="bounded").x
        share = torch.tensor([w, 1 - w], dtype=torch.float64)
        long = (share @ G @ share).sqrt().clamp(min=1e-12)
        return (half + 0.5 * mean / long * share).to(gramian)


class NashOfTwo(aggregation.Weighting):
    """Nash-MTL's weights of two tasks, G α = 1/α, which have a closed form: the bisector, √2 long whatever the sizes.
    Navon et al. 2022, "Multi-task learning as a bargaining game"."""

    def forward(self, gramian: Tensor) -> Tensor:
        sizes = gramian.diagonal().sqrt().clamp(min=1e-12)
        cosine = gramian[0, 1] / sizes.prod()
        return 1 / (sizes * (1 + cosine).clamp(min=1e-6).sqrt())


def of_two() -> dict[str, Weighting]:
    """The methods whose answer for two tasks has a form, and for more takes a solver, 30 to 100 ms a step."""
    weightings = {"CAGrad": CAGradOfTwo(), "Nash-MTL": NashOfTwo()}
    return {name: Aggregate(aggregation.GramianWeightedAggregator(one)) for name, one in weightings.items()}


def methods(T: int) -> dict[str, Weighting]:
    """Every method with T tasks, by the name that its paper gives it."""
    return {
        "Uncertainty": Uncertainty(),
        "DWA": mtl.weighting.Scalarizer(scalarization.DWA()),
        "IMTL-L": mtl.weighting.Scalarizer(scalarization.IMTLL(T)),
        "FAMO": mtl.weighting.Scalarizer(scalarization.FAMO(T)),
        "PCGrad": Aggregate(aggregation.PCGrad()),
        "MGDA": Aggregate(aggregation.MGDA()),
        "IMTL-G": Aggregate(aggregation.IMTLG()),
        "Aligned-MTL": Aggregate(aggregation.AlignedMTL()),
        "UPGrad": Aggregate(aggregation.UPGrad()),
    }


def share_of(garment: float) -> Fixed:
    """Weights that add up to 2, of which garment has a share."""
    return Fixed({"garment": 2 * garment, "colour": 2 - 2 * garment})


def arms() -> Iterator[tuple[str, str, float, Weighting]]:
    """(arm, trial, learning rate, weighting), three trials an arm."""
    yield from (("fixed weights", f"{share:g}", RATE, share_of(share)) for share in SHARES)
    for name, weighting in ({"learning rate": Sum(), "again": Sum()} | methods(len(PAIR)) | of_two()).items():
        yield from ((name, f"{rate:g}", rate, weighting) for rate in RATES)


def fronts(swept: Callable[..., mtl.Sweep], seeds: Sequence[int]) -> pd.DataFrame:
    """A row for each width, arm, trial, epoch judged, seed and task."""
    found = []
    some = slice(None, None, 1 if len(seeds) == len(SEEDS) else 6)  # of the arms, where it is only checked
    for arm, trial, rate, weighting in [*arms()][some]:
        settings = {"width": list(WIDTHS), "order": "again" if arm == "again" else "drawn", "seeds": seeds}
        settings |= {"epochs": BUDGETS[-1], "validate": BUDGETS[0], "lr": rate, "weighting": weighting}
        sweep = swept(mtl.Hard, garment_and_colour, mtl.nets.hidden, **settings)
        found.append(wide(sweep.history, ["width", "epoch"]).assign(arm=arm, trial=trial))
    alone = swept(mtl.Separate, garment_and_colour, mtl.nets.hidden, **(settings | {"lr": RATE, "weighting": Sum()}))
    found.append(wide(alone.history, ["width", "epoch"]).assign(arm="Separate", trial=f"{RATE:g}"))
    return pd.concat(found, ignore_index=True)


def wide(table: pd.DataFrame, axes: Sequence[str]) -> pd.DataFrame:
    """A row for each copy and task with both scores."""
    place = [*axes, "seed", "task", "higher_is_better"]
    table = table[table.split != "train"].pivot(index=place, columns="split", values="score").reset_index()
    return table.rename(columns={"test": "score"}).rename_axis(columns=None)


def noisy(swept: Callable[..., mtl.Sweep], seeds: Sequence[int]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Scores and weights of each method with and without flipped labels, and what each trunk's answers hang on."""
    every = {"Sum": Sum(), **methods(3), "ExcessMTL": Aggregate(aggregation.ExcessMTL(robust_step_size=0.01))}
    scored, weights, cured = [], [], []
    for arm, weighting in {"Separate": Sum(), **every}.items():
        way = mtl.Separate if arm == "Separate" else mtl.Hard
        for share in FLIPPED:
            settings = NOISY | {"seeds": seeds, "share": share}
            sweep = swept(way, with_flipped, mtl.nets.hidden, weighting=weighting, **settings)
            scored.append(wide(sweep.table, ["share"]).assign(arm=arm))
            if "weight" in sweep.history:
                history = sweep.history[sweep.history.split == "train"]
                weights.append(shares_of_weight(history).assign(arm=arm))
            if share == 0:
                cured += [hanging(run, arm) for run in sweep.runs.values()]
    yield "noisy", pd.concat(scored, ignore_index=True)
    yield "noisy_weights", pd.concat(weights, ignore_index=True)
    yield "cured", pd.concat(cured, ignore_index=True)


def shares_of_weight(history: pd.DataFrame) -> pd.DataFrame:
    """What each task's loss counted in an epoch, as a share of all tasks' weights."""
    value = history.weight / history.groupby(["share", "seed", "epoch"]).weight.transform("sum")
    return history[["share", "seed", "task", "epoch"]].assign(value=value)


def hanging(run: mtl.Run, arm: str) -> pd.DataFrame:
    """The share of garment's answers that change when only the hue of a test picture does."""
    x = run.world.test.x
    changed = answers_changed(run, x, mtl.data.recolour(x, seed=run.seed))
    return pd.DataFrame([{"arm": arm, "seed": run.seed, "task": "garment", "value": changed["garment"]}])


def conflicts(worlds: Mapping[str, tuple]) -> pd.DataFrame:
    """Angles and sizes of the tasks' gradients while one trunk learns, by world, dial, seed, epoch and pair."""
    found = []
    for name, (dial, values, settings) in worlds.items():
        own = settings | trunk_for(name) | {dial: list(values), "seeds": SEEDS, "every": settings["epochs"] // LOOKS}
        table = conflict_path(mtl.Hard, getattr(mtl.data, name), trunk=mtl.nets.hidden, **own)
        columns = ["seed", "epoch", "first", "second", "cosine", "ratio", "size_first", "size_second"]
        found.append(table[columns].assign(world=name, dial=table[dial]))
    return pd.concat(found, ignore_index=True)


def trunk_for(world: str) -> dict[str, int]:
    """The trunk's own settings in a world: of grey pictures and of coloured ones."""
    return {"width": 16, "inputs": (3 if world == "questions" else 1) * 28 * 28}


def harms(swept: Callable[..., mtl.Sweep], seeds: Sequence[int], worlds: Mapping[str, tuple]) -> pd.DataFrame:
    """The scores of one trunk and of separate networks in the same worlds."""
    found = []
    for name, (dial, values, settings) in worlds.items():
        own = settings | trunk_for(name) | {dial: list(values), "seeds": seeds}
        for way in (mtl.Hard, mtl.Separate):
            sweep = swept(way, getattr(mtl.data, name), mtl.nets.hidden, **own)
            table = wide(sweep.table.assign(dial=sweep.table[dial]), ["dial"])
            found.append(table.assign(world=name, way=way.__name__))
    return pd.concat(found, ignore_index=True)


def tables(
    name: str, swept: Callable[..., mtl.Sweep], seeds: Sequence[int]
) -> Iterator[tuple[str, pd.DataFrame, dict, list[str]]]:
    """(name, table, settings, code) of what the experiment ``name`` stores."""
    code = ["training/sweeps", "bank/experiments.py", "bank/disagree.py", "data/changes"]
    code += roots_of(Aggregate, Fixed, Uncertainty)
    if name == "fronts":
        facts = {"pair": PAIR, "widths": WIDTHS, "budgets": BUDGETS, "rates": RATES, "shares": SHARES, "rate": RATE}
        facts |= {"sizes": SIZES, "methods": [*methods(2), *of_two()], "seeds": SEEDS}
        yield name, fronts(swept, seeds), facts, [*roots_of(mtl.data.questions, mtl.Hard), *code]
    if name == "noisy":
        facts = NOISY | {"flipped": FLIPPED, "methods": ["Sum", *methods(3), "ExcessMTL"], "sizes": SIZES}
        for table_name, table in noisy(swept, seeds):
            roots = roots_of(mtl.data.questions, mtl.Hard, mtl.Separate)
            yield table_name, table, facts, [*roots, "inspection/intervention", *code]
    if name == "conflicts":
        facts = {"worlds": WATCHED, "looks": LOOKS, "seeds": SEEDS}
        roots = roots_of(*(getattr(mtl.data, world) for world in WATCHED), mtl.Hard, mtl.Separate)
        some = {world: (dial, values[-1:], own) for world, (dial, values, own) in WATCHED.items()}
        worlds = WATCHED if len(seeds) == len(SEEDS) else some
        yield name, conflicts(worlds), facts, [*roots, "inspection/conflict", *code]
        yield "conflicts_harm", harms(swept, seeds, WATCHED), facts, [*roots, *code]
