"""What is inside the features, for lessons 02 and 07: probes, lesions, similarity and interventions over paired seeds.

One set of trained models serves all tables. Everything is fitted or chosen on validation pictures and reported on
test pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

import mtl_lesson as mtl
from mtl_lesson import inspection
from mtl_lesson.chance import generator
from mtl_lesson.provenance import roots_of
from mtl_lesson.sharing import Sharing

SEEDS = range(100, 110)
BOTH = range(100, 120)  # those, and for each another that its networks are compared with
LAYERS = ("relu1", "relu2", "relu3")
LAM = 0.01
ROOM = 24  # the width of a trunk that contains three of width 8
ALTERED = {"colour": mtl.data.recolour, "way up": mtl.data.turn}  # which label → what changes it, and no other
REMOVED = 10  # units in a group
GROUPS = 20  # random groups of as many

#: what the lesions turn: the trunk's width, how long it is trained, how related its tasks are
LESIONS = [{"world": "questions", "width": width, "epochs": 20} for width in (4, 8, 16)]
LESIONS += [{"world": "questions", "width": 8, "epochs": 60}]
LESIONS += [{"world": "shoppers", "width": 8, "epochs": 40, "delta": delta} for delta in (0.0, 2.0)]

WAYS = (mtl.Separate, mtl.Soft, mtl.Hard, mtl.Hierarchical)
WORLDS = (mtl.data.questions, mtl.data.shoppers)


def tables(
    swept: Callable[..., mtl.Sweep], seeds: Sequence[int] = SEEDS
) -> Iterator[tuple[str, pd.DataFrame, dict, list[str]]]:
    """(name, table, settings, code) of each result. ``swept``: that of ``experiments.py``, its name given."""
    settings = {"n_train": 1000, "epochs": 20, "layers": LAYERS, "lam": LAM, "seeds": SEEDS}
    questions = {"n_train": 1000, "epochs": 20, "seeds": seeds}
    others = [*seeds, *(seed + len(SEEDS) for seed in seeds)]  # each network of a task beside one of another seed
    small = ("conv", {"width": 8})
    sweeps = {
        "Separate": swept(mtl.Separate, mtl.data.questions, small, **(questions | {"seeds": others})),
        "Soft": swept(mtl.Soft, mtl.data.questions, small, lam=LAM, **questions),
        "Hard": swept(mtl.Hard, mtl.data.questions, small, **questions),
        "Hierarchical": swept(mtl.Hierarchical, mtl.data.questions, small, branch="conv2", **questions),
    }
    runs = {way: {run.seed: run for run in sweep.runs.values()} for way, sweep in sweeps.items()}
    code = [*roots_of(*WAYS, *WORLDS), "inspection/features"]
    yield "inside_probes", probes(runs), settings, [*code, "inspection/probe"]
    yield "inside_similarity", similarity(runs), settings, [*code, "inspection/similarity"]
    wide = ("conv", {"width": ROOM})
    rooms = swept(mtl.Hard, mtl.data.questions, wide, **questions)
    runs["Hard, room"] = {run.seed: run for run in rooms.runs.values()}
    facts = settings | {"room": ROOM, "altered": [*ALTERED]}
    yield "inside_altered", altered(runs), facts, [*code, "inspection/intervention"]
    dials = {"dials": LESIONS, "removed": REMOVED, "groups": GROUPS, "seeds": SEEDS}
    yield "inside_lesions", lesions(swept, seeds), dials, [*code, "inspection/lesion"]


def untrained(run: mtl.Run) -> Sharing:
    return run.model.like((run.seed,))


def probes(runs: dict) -> pd.DataFrame:
    """A row for each way (and the untrained trunk), layer, task trained on, task probed for and seed."""
    found = []
    for seed in runs["Hard"]:
        models = {way: of[seed] for way, of in runs.items()} | {"untrained": untrained(runs["Hard"][seed])}
        for layer in LAYERS:
            table = inspection.probe_matrix(models, runs["Hard"][seed].world, layer=layer)
            found.append(table.rename(columns={"model": "way"}).assign(seed=seed))
    return pd.concat(found, ignore_index=True)


def similarity(runs: dict) -> pd.DataFrame:
    """How alike two networks' features of the same test pictures are, layer by layer; a row a measure and seed.

    "two tasks": garment's and colour's networks of one Separate or Soft model. "two seeds": garment's networks of two
    separate models, trained on other pictures from other weights. "untrained": two that were never trained.
    "switched": a shared trunk's features before and after 5 % of them were moved where no head looks.
    """
    found = []
    for seed in runs["Hard"]:
        x = runs["Hard"][seed].world.test.x
        one, other = runs["Separate"][seed].model, runs["Separate"][seed + len(SEEDS)].model
        soft, hard = runs["Soft"][seed].model, runs["Hard"][seed].model
        fresh, fresh_other = untrained(runs["Separate"][seed]), untrained(runs["Separate"][seed + len(SEEDS)])
        for layer in LAYERS:
            of = {
                name: inspection.features(model, x, layer)
                for name, model in {
                    "one": one,
                    "other": other,
                    "soft": soft,
                    "fresh": fresh,
                    "fresh other": fresh_other,
                }.items()
            }
            pairs = {
                ("Separate", "two tasks"): (of["one"]["garment"], of["one"]["colour"]),
                ("Soft", "two tasks"): (of["soft"]["garment"], of["soft"]["colour"]),
                ("Separate", "two seeds"): (of["one"]["garment"], of["other"]["garment"]),
                ("untrained", "two seeds"): (of["fresh"]["garment"], of["fresh other"]["garment"]),
            }
            if layer == LAYERS[-1]:
                h = inspection.features(hard, x)["garment"]
                moved = inspection.switch(h, inspection.null_space(hard), seed=seed)
                pairs["Hard", "switched"] = (h, moved)
            for (way, pair), (a, b) in pairs.items():
                a, b = (np.asarray(features).reshape(len(features), -1) for features in (a, b))
                measured = {"CKA": inspection.cka(a, b), "Procrustes": inspection.procrustes(a, b)}
                found += [
                    {"way": way, "pair": pair, "layer": layer, "measure": measure, "seed": seed, "value": value}
                    for measure, value in measured.items()
                ]
    return pd.DataFrame(found)


def altered(runs: dict) -> pd.DataFrame:
    """The share of test pictures whose answer changes when their colour, or their turn, is drawn anew; a row for each
    way, what is altered, task that answers and seed. "untrained": a network that was never trained."""
    found = []
    for seed in runs["Hard"]:
        x = runs["Hard"][seed].world.test.x
        models = {way: of[seed] for way, of in runs.items()} | {"untrained": untrained(runs["Separate"][seed])}
        for name, alter in ALTERED.items():
            other = alter(x)
            for way, model in models.items():
                shares = inspection.answers_changed(model, x, other)
                place = {"way": way, "altered": name, "seed": seed}
                found += [place | {"task": task, "value": share} for task, share in shares.items()]
    return pd.DataFrame(found)


def lesions(swept: Callable[..., mtl.Sweep], seeds: Sequence[int]) -> pd.DataFrame:
    """What single units and groups of them are good for in a shared trunk; a row for each two tasks, number and seed.

    "cosine": of the two tasks' importance profiles over the units that vary at all, for the others agree by being 0;
    "cosine by chance": the same with the units of one permuted.
    "task only", "other only", "both", "neither": shares of the units that count (rise > 2 standard errors).
    "own", "other": rise of either task's test loss without the ten units most important for ``task`` on validation;
    "own at random", "other at random": without ten units drawn at random, the mean of twenty draws; "…, alive": drawn
    from the units that vary at all.
    """
    found = []
    for dial in LESIONS:
        world = getattr(mtl.data, dial["world"])
        batch = {"n_train": 1000} if dial["world"] == "questions" else {"n": 150, "batch_size": 30}
        dials = {"delta": dial["delta"]} if "delta" in dial else {}
        channels = 3 if dial["world"] == "questions" else 1
        trunk = ("conv", {"width": dial["width"], "channels": channels})
        sweep = swept(mtl.Hard, world, trunk, seeds=seeds, epochs=dial["epochs"], **batch, **dials)
        for run in sweep.runs.values():
            for row in of_one(run):
                found.append({"delta": -1.0} | dial | row | {"seed": run.seed})
    return pd.DataFrame(found)


def of_one(run: mtl.Run) -> Iterator[dict]:
    """The rows of one trained model."""
    model, world = run.model, run.world
    held = inspection.importance(model, world).pivot(index="unit", columns="task")
    rise, counts = held.rise, held.rise > 2 * held.error
    rng = np.random.default_rng(generator(run.seed, "lesions").initial_seed())
    alive = np.flatnonzero(rise.abs().max(axis=1) > 1e-9)
    at_random = without_some(model, world, np.arange(len(rise)), rng)
    of_alive = without_some(model, world, alive, rng)
    for task in rise:
        top = rise[task].nlargest(REMOVED).index.tolist()
        group = rises(model, world, top)
        for other in rise.columns.drop(task):
            one, two = rise[task].to_numpy()[alive], rise[other].to_numpy()[alive]
            permuted = [cosine(one, rng.permutation(two)) for _ in range(200)]
            numbers = {
                "cosine": cosine(one, two),
                "cosine by chance": float(np.mean(permuted)),
                "task only": (counts[task] & ~counts[other]).mean(),
                "other only": (counts[other] & ~counts[task]).mean(),
                "both": (counts[task] & counts[other]).mean(),
                "neither": (~counts[task] & ~counts[other]).mean(),
                "own": group[task],
                "other": group[other],
                "own at random": at_random[task],
                "other at random": at_random[other],
                "own at random, alive": of_alive[task],
                "other at random, alive": of_alive[other],
            }
            yield from ({"task": task, "other": other, "what": what, "value": value} for what, value in numbers.items())


def without_some(model: Sharing, world, units: np.ndarray, rng: np.random.Generator) -> dict[str, float]:
    """Task → the mean rise of its test loss without units drawn at random from ``units``."""
    draws = [rng.choice(units, min(REMOVED, len(units)), replace=False) for _ in range(GROUPS)]
    return pd.DataFrame([rises(model, world, drawn) for drawn in draws]).mean().to_dict()


def rises(model: Sharing, world, units) -> dict[str, float]:
    """Task → how much its test loss rises without these units."""
    table = inspection.lesion(model, world, [int(unit) for unit in units], split="test").set_index("task")
    return (table.loss - table.intact_loss).to_dict()


def cosine(a, b) -> float:
    return float(np.dot(a, b) / (np.linalg.norm(a) * np.linalg.norm(b)))
