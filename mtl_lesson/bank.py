"""Stored results: experiments too long for a lesson, run once by ``make bank`` and kept as small tables.

Each result is ``data/bank/NAME.csv`` beside ``NAME.json``, which holds its settings and seeds, the SHA-256 of the table
and a stamp of all the code and data that made it. A path along λ is three of them. The experiments themselves stand in
``data/bank/experiments.py``.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from . import data, sharing
from .data.files import DataError, content_of, data_folder, remedy
from .evidence import Claim, choose, claim
from .inspection import paths
from .provenance import stamp
from .tasks import SINGLE
from .training.live import Train

KIND = {kind.__name__: kind for kind in SINGLE}  # of task, by its name


def load(name: str) -> pd.DataFrame:
    """The stored table ``name``, checked against its SHA-256. DataError says how to make it where it is not whole."""
    way_out = remedy(data_folder() / "bank")
    if "Reinstall" not in way_out:
        way_out += f", or make it again: make bank NAME={name}"
    if not any(path(name, ending).exists() for ending in ("csv", "json")):
        raise DataError(f"there is no stored result {name!r}; there are {', '.join(names()) or 'none'}.")
    try:
        facts = read_facts(name)
        content = content_of(path(name, "csv"))
        expected = facts["sha256"]
    except OSError:
        raise DataError(f"the stored result {name!r} lacks its {name}.csv or {name}.json. {way_out}") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"the stored result {name!r} is damaged: {name}.json cannot be read. {way_out}") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise DataError(f"the stored result {name!r} is damaged: its SHA-256 is not the one in {name}.json. {way_out}")
    return pd.read_csv(io.BytesIO(content))


def read_facts(name: str) -> dict:
    """How a stored result was made: settings, seeds, command, hashes."""
    return json.loads(path(name, "json").read_text(encoding="utf-8"))


def save(name: str, table: pd.DataFrame, settings: Mapping[str, object], code: Iterable[str]) -> None:
    """Store a table with its ``settings`` and the stamp of the ``code`` that made it.

    ``code``: modules with all that they import ("data/shops"), or single files ("bank/experiments.py"), see
    :func:`~mtl_lesson.provenance.stamp`. Both files are written beside their place and moved there when whole.
    """
    content = as_stored(table)
    facts = {"command": "make bank", "settings": dict(settings), "rows": len(table), "code": sorted(set(code))}
    facts |= {"code_hash": stamp(code), "sha256": hashlib.sha256(content).hexdigest()}
    path(name, "csv").parent.mkdir(parents=True, exist_ok=True)
    write_whole(path(name, "csv"), content)
    write_whole(path(name, "json"), as_text(facts))


def as_stored(table: pd.DataFrame) -> bytes:
    """A table as it is written: six digits of every number."""
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()


def as_text(facts: Mapping[str, object]) -> bytes:
    return (json.dumps(facts, indent=1, default=str) + "\n").encode()


def write_whole(file: Path, content: bytes) -> None:
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(content)
    os.replace(part, file)


def restamp(name: str, code: Iterable[str]) -> None:
    """Say that the code of today makes the stored result: for whoever has computed some of it again, and found it."""
    write_whole(path(name, "json"), as_text(read_facts(name) | {"code": sorted(set(code)), "code_hash": stamp(code)}))


def names() -> list[str]:
    """The stored results."""
    return sorted(file.stem for file in (data_folder() / "bank").glob("*.json"))


def stale() -> list[str]:
    """The stored results that other code or data would be needed to make than they were made with."""
    return [name for name in names() if read_facts(name)["code_hash"] != stamp(read_facts(name)["code"])]


def path(name: str, ending: str) -> Path:
    return data_folder() / "bank" / f"{name}.{ending}"


# --- ways side by side ----------------------------------------------------------------------------------------------


class Way(NamedTuple):
    """A way of sharing as it did: ``scores``, a row a seed with each task's test score and their mean, at the setting
    that the seed's validation set likes best; ``tried``, how many settings it could choose among; ``weights``."""

    scores: pd.DataFrame
    tried: int
    weights: int


def gather_ways() -> dict[str, Way]:
    """What is stored of `questions` (1,000 pictures, 20 epochs), way by way, over the same seeds.

    No way may choose to be another: λ = 0 and the branch at the first layer are Separate, λ = ∞ and the branch at the
    heads are Hard, and no weight decay is Separate again, so these settings are left out. "Hard, as heavy" has as many
    weights as three networks, "Hard, room" contains the three, "Alone, shrunk" is Separate with weight decay, and of
    "Two trunks" one is a single task's.
    """
    budgets, shrunk, path, branches = map(load, ("budgets", "shrunk_questions", "questions_path", "branches"))
    at20 = budgets[budgets.epoch == 20]
    hard = {width: at20[(at20.way == "Hard") & (at20.width == width)] for width in (8, 14, 24)}
    separate = at20[at20.way == "Separate"]
    settings = {
        "Separate": (separate, "width"),
        "Alone, shrunk": (shrunk[shrunk.weight_decay > 0], "weight_decay"),
        "Hard": (hard[8], "width"),
        "Hard, as heavy": (hard[14], "width"),
        "Hard, room": (hard[24], "width"),
        "Soft": (path[(path.lam > 0) & (path.lam < math.inf)].assign(weights=separate.weights.max()), "lam"),
        "Hierarchical": (branches[branches.branch.isin(["conv2", "linear"])], "branch"),
        "Two trunks": (branches[branches.branch.isin([f"{task}=conv1" for task in separate.task.unique()])], "branch"),
        "SharedPrivate": (load("parts"), "gamma"),
    }
    return {
        way: Way(choose(table, axis), table[axis].nunique(), int(table.weights.max()))
        for way, (table, axis) in settings.items()
    }


# --- when tasks disagree: lesson 08 ---------------------------------------------------------------------------------

CONTROLS = ("fixed weights", "learning rate", "again", "Separate")


def gather_fronts() -> dict[tuple[int, int], dict[str, pd.Series]]:
    """(hidden units, epochs) → arm → mean test score of the two tasks by seed, at the trial that the seed's validation
    set likes best. "any method" may choose among the trials of all methods."""
    stored, found = load("fronts"), {}
    for place, table in stored.groupby(["width", "epoch"]):
        arms = {arm: choose(own, "trial")["mean"] for arm, own in table.groupby("arm", sort=False)}
        methods = table[~table.arm.isin(CONTROLS)]
        every = methods.assign(trial=methods.arm + " " + methods.trial.astype(str))
        arms["any method"] = choose(every, "trial")["mean"]
        found[place] = arms
    return found


def gather_conflict() -> pd.DataFrame:
    """The stored ``conflicts``; "who": two tasks, or two halves of one task's batch."""
    table = load("conflicts")
    same = table["first"] == table["second"]
    return table.assign(who=same.map({True: "two halves of one task's batch", False: "two tasks"}))


def gather_harm() -> pd.DataFrame:
    """By world, dial and seed: the mean ``cosine`` of all pairs of tasks during training, and the ``gain`` at its end,
    Hard − Separate, mean of all tasks."""
    table = gather_conflict().query("who == 'two tasks' and epoch > 0")
    scores = load("conflicts_harm").groupby(["world", "dial", "seed", "way"]).score.mean().unstack()
    cosine = table.groupby(["world", "dial", "seed"]).cosine.mean()
    return pd.DataFrame({"cosine": cosine, "gain": scores.Hard - scores.Separate}).dropna()


# --- softer dials: lesson 10 ----------------------------------------------------------------------------------------


def gather_dials(closer: bool = False) -> dict[str, Way]:
    """What is stored of softer dials, arm by arm, each at the trial that the seed's validation set likes best.

    "Hard, one rate", "Separate, one rate" and "Hard, as heavy, one rate" have the learning rate of the dials; without
    these words they chose among three. "Hard, as heavy" has as many weights as three networks, "Separate, as light" no
    more than low rank. ``closer``: the arms of a close call, over sixteen seeds.
    """
    table = pd.concat([load("dials"), load("moving"), load("light")])
    if closer:
        more = load("closer")
        table = pd.concat([table[table.arm.isin(more.arm)], more])
    else:
        once = table[table.trial.str.startswith("lr=0.002")]
        table = pd.concat([table, once.assign(arm=once.arm + ", one rate")])
    return {
        arm: Way(choose(own, "trial"), own.trial.nunique(), int(own.weights.max()))
        for arm, own in table.groupby("arm", sort=False)
    }


# --- few labels: lesson 11 ------------------------------------------------------------------------------------------


class Few(NamedTuple):
    """``scores``: labels of garment → its test score, a column an arm, a row a seed. ``table``: the same, tidy, with
    the columns n, arm, seed, score and the ``trial`` that was chosen."""

    scores: dict[int, pd.DataFrame]
    table: pd.DataFrame


def gather_few() -> Few:
    """What is stored of ``few_labels``: garment's score on test, at the trial that each seed's validation set likes
    best, chosen for garment alone."""
    stored = load("few_labels").query("task == 'garment'")
    rows = []
    for (n, arm), own in stored.groupby(["n", "arm"], sort=False):
        chosen = choose(own, "trial").reset_index().rename(columns={"garment": "score"})
        rows.append(chosen[["seed", "trial", "score"]].assign(n=n, arm=arm))
    table = pd.concat(rows, ignore_index=True).sort_values("n", kind="stable", ignore_index=True)
    arms = list(dict.fromkeys(table.arm))
    scores = {n: own.pivot(index="seed", columns="arm", values="score")[arms] for n, own in table.groupby("n")}
    return Few(scores, table)


class Worth(NamedTuple):
    """``labels``: how many labels alone would do as well, by seed; ∞ for more than ``most`` and 0 for fewer than
    ``fewest``, outside of which nothing was measured. Printed: the median, and the lowest and the highest seed."""

    labels: pd.Series
    fewest: int
    most: int

    def __str__(self) -> str:
        middle, low, high = (self.said(one) for one in self.labels.quantile([0.5, 0, 1], interpolation="lower"))
        return f"{middle} labels ({len(self.labels)} seeds: {low} to {high})"

    def said(self, labels: float) -> str:
        """A number of labels in words."""
        if labels == 0:
            return f"fewer than {self.fewest}"
        return f"more than {self.most}" if labels == math.inf else f"≈ {labels:.0f}"


def price_in_labels(scores: Mapping[int, pd.DataFrame], arm: str, n: int, than: str = "alone") -> Worth:
    """How many labels ``than`` would need to score what ``arm`` does with ``n``, seed by seed: read off in log n.

    ``scores``: number of labels → a column an arm, a row a seed, such as those of :func:`gather_few`. A seed's curve of
    ``than`` may fall where chance lets it; it counts as the best so far, so the number is the first at which the score
    is reached. Raises KeyError for an arm or a number of labels that is not there.
    """
    numbers = sorted(scores)
    if n not in scores or not {arm, than} <= set(scores[n]):
        arms = ", ".join(scores[numbers[0]])
        raise KeyError(f"there is no {arm!r} or {than!r} at n={n}; n is one of {numbers}, the arms are {arms}")
    curves = pd.DataFrame({number: scores[number][than] for number in numbers}).cummax(axis=1)
    found = {seed: first_labels(score, numbers, curves.loc[seed].tolist()) for seed, score in scores[n][arm].items()}
    return Worth(pd.Series(found, name="labels").rename_axis("seed"), numbers[0], numbers[-1])


def first_labels(score: float, numbers: Sequence[int], curve: Sequence[float]) -> float:
    """The first number of labels at which a curve that never falls reaches ``score``, on straight lines in log n: 0 for
    a score below its start, ∞ for one above its end."""
    if score < curve[0]:
        return 0.0
    if score > curve[-1]:
        return math.inf
    after = next(place for place, height in enumerate(curve) if height >= score)
    if after == 0:
        return float(numbers[0])
    share = (score - curve[after - 1]) / (curve[after] - curve[after - 1])
    low, high = (math.log(numbers[place]) for place in (after - 1, after))
    return math.exp(low + share * (high - low))


# --- across modalities: lesson 11 -----------------------------------------------------------------------------------


def gather_across(measure: str, pair: tuple[str, str] = ("google", "word"), by: str = "retrieval") -> pd.DataFrame:
    """What is stored of ``across``: arm, company and seed with one ``score``, on test, the mean of both directions
    between the two of ``pair``.

    ``measure``: "retrieval", "within category" or "reader"; of "accuracy" it is the mean of the two tasks'. ``by``: for
    which of them a seed's validation set has chosen the trial, so that all are of the same networks. Raises KeyError
    for a measure that is not stored.
    """
    found = read_measure(measure, pair)
    if by != measure:
        chosen = read_measure(by, pair)
        best = {place: choose(part, "trial").trial for place, part in chosen.groupby(["company", "arm"], sort=False)}
        taken = [
            best[company, arm][seed] for company, arm, seed in zip(found.company, found.arm, found.seed, strict=True)
        ]
        found = found[found.trial == taken]
    rows = []
    for (company, arm), part in found.groupby(["company", "arm"], sort=False):
        scores = choose(part, "trial")["mean"].rename("score").reset_index()
        rows.append(scores[["seed", "score"]].assign(arm=arm, company=company))
    return pd.concat(rows, ignore_index=True)


def read_measure(measure: str, pair: tuple[str, str]) -> pd.DataFrame:
    """The rows of ``across`` with one measure, in both directions between a pair or of both its tasks."""
    table, (one, other) = load("across"), pair
    places = pair if measure == "accuracy" else (f"{one} → {other}", f"{other} → {one}")
    own = table[(table.measure == measure) & table.task.isin(places)]
    if own.empty:
        known = ", ".join(sorted(set(table.measure)))
        raise KeyError(f"nothing is stored of {measure!r} between {one} and {other}; there is {known}")
    return own


# --- in the field: lesson 12 ----------------------------------------------------------------------------------------


class InField(NamedTuple):
    """One arm in a field. ``scores``: by seed, the mean over the groups of the test set; ``groups``: by group, the mean
    over the seeds. ``tried``: among how many trials it chose; ``better``: "greater" or "less"; ``unit``: as in
    :func:`~mtl_lesson.claim`."""

    scores: pd.Series
    groups: pd.Series
    tried: int = 1
    better: str = "greater"
    unit: str = "%"

    def beats(self, other: InField, text: str) -> Claim:
        """The claim that this arm is better than another, over groups and seeds; a positive difference is a gain, also
        where less is better."""
        a, b = (self, other) if self.better == "greater" else (other, self)
        return claim(text, a.scores, b.scores, groups=(a.groups, b.groups), unit=self.unit)


def gather_field(field: str, measure: str | None = None, split_by: str = "group") -> dict[str, InField]:
    """What is stored of a field, "vision", "language", "speech", "medicine" or "finance": arm → results on its starved
    task, at the trial that each seed's validation set likes best by the field's own measure.

    ``measure``: "score" or "loss", the field's own unless given. ``split_by="row"``: after training on other rows of
    the test's groups. Raises DataError for a field that is not stored, KeyError for another measure or split_by.
    """
    table, groups, facts = (
        load(f"field_{field}"),
        load(f"field_{field}_groups"),
        read_facts(f"field_{field}")["settings"],
    )
    measure = measure or facts["measure"]
    groups = groups[(groups.measure == measure) & (groups.split_by == split_by)]
    own = table[(table.task == facts["starved"]) & (table.split_by == split_by)].drop(columns=["split_by"])
    if groups.empty:
        raise KeyError(
            f"there is no {measure!r} by {split_by!r}: measures are 'score' and 'loss', splits by 'group' and 'row'"
        )
    found = {}
    for arm, part in own.groupby("arm", sort=False):
        trial = choose(part[part.measure == facts["measure"]], "trial").trial
        at = part[(part.measure == measure) & (part.trial == part.seed.map(trial))]
        scores, by_group = at.set_index("seed").score, groups[groups.arm == arm].set_index("group").score
        higher = bool(at.higher_is_better.all())  # such a score is a share in every field
        better, unit = ("greater", "%") if higher else ("less", "of loss" if measure == "loss" else "of squared error")
        found[arm] = InField(scores, by_group.rename_axis(facts["group"]), part.trial.nunique(), better, unit)
    return found


# --- your own tasks: lesson 13 ---------------------------------------------------------------------------------------


def gather_pool(table: str) -> dict[str, pd.DataFrame]:
    """Networks whose every answer is kept, of "loans", "patients" or "pupils": way → merits, (seeds × units of the
    test), for :func:`mtl_lesson.inspection.replay`. Raises DataError for a table of which none are stored."""
    found, unit = load(f"own_{table}"), read_facts(f"own_{table}")["settings"]["unit"]
    own = {way: part.set_index("seed").filter(like="unit ") for way, part in found.groupby("way", sort=False)}
    return {way: merits.rename_axis(columns=unit) for way, merits in own.items()}


# --- paths along λ --------------------------------------------------------------------------------------------------


def load_path(name: str) -> paths.Path:
    """The stored path along λ ``name``: its tables ``name``, ``name``_gaps and ``name``_confusions.

    Raises DataError for a table that is not there or damaged, ValueError for one that is no path.
    """
    scores, gaps, confusions = (load(f"{name}{ending}") for ending in paths.ENDINGS)
    facts = read_facts(name)["settings"].get("path")
    if facts is None:
        raise ValueError(f"the stored result {name!r} is not a path along λ, so there is nothing to explore")
    dials = {dial: tuple(dict.fromkeys(scores[dial].tolist())) for dial in facts["dials"]}
    live = train_from(facts["live"]) if facts["live"] else None
    why = "" if live else "how it was trained is not stored with it"
    tasks = tuple(KIND[kind](task, *rest) for kind, task, *rest in facts["tasks"])
    return paths.Path(facts["world"], tasks, dials, scores, gaps, confusions, facts["split"], live, why, "stored")


def facts_of(path: paths.Path) -> dict[str, object]:
    """What must stand in the settings of its stored tables, under ``path``, for :func:`load_path` to read them.

    Raises ValueError for a task of a kind of one's own, which could not be made again.
    """
    tasks = []
    for task in path.tasks:
        if type(task) not in SINGLE or not task.single:
            raise ValueError(f"only {', '.join(KIND)} can be stored; {task.name!r} is a {type(task).__name__}")
        tasks.append([type(task).__name__, task.name, *([task.classes] if hasattr(task, "classes") else [])])
    live = path.live and facts_of_train(path.live)
    return {"world": path.world, "tasks": tasks, "dials": list(path.dials), "split": path.split, "live": live}


def facts_of_train(live: Train) -> dict[str, object]:
    """How a point is trained, in words. Raises ValueError for a world or trunk that has no name in the course."""
    way, world = live.way.__name__, getattr(live.world, "__name__", "")
    if getattr(sharing, way, None) is not live.way or getattr(data, world, None) is not live.world:
        raise ValueError(f"only the course's own ways and worlds can be stored, not {way} on {world or live.world}")
    if not isinstance(live.trunk, tuple):
        raise ValueError("a stored trunk is written as its name and arguments, such as ('conv', {'width': 8})")
    trunk = [live.trunk[0], dict(live.trunk[1])]
    return {"way": way, "world": world, "trunk": trunk, "training": dict(live.training), "seconds": live.seconds}


def train_from(facts: Mapping) -> Train:
    """What :func:`facts_of_train` wrote."""
    way, world = getattr(sharing, facts["way"]), getattr(data, facts["world"])
    name, arguments = facts["trunk"]
    return Train(way, world, (name, arguments), facts["training"], facts["seconds"])
