"""A path along λ: what becomes of every task. A Path holds it as three tables, a Slice as arrays at one setting.

Everything is chosen on validation, whichever split is looked at.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pandas as pd
import torch

from ..evidence import FEWEST, interval
from ..sharing import Soft
from ..sharing.base import around_mean
from ..sharing.soft import tied
from ..tasks import MISSING, Task, choices
from ..training import Run, Sweep
from ..training.feed import Feed
from ..training.live import Train
from .features import evaluating

ROUNDING = 1e-6  # of a gap in float32: what is below is 0
ENDINGS = ("", "_gaps", "_confusions")  # of the names of its tables, where they are stored
BREAK = 0.9  # how far beyond the ends of a logarithmic axis 0 and ∞ stand, in powers of ten


@dataclass(frozen=True, eq=False, repr=False)
class Path:
    """What becomes of every task along λ: how it scores, how far its weights are from the others', what it confuses.

    ``world``: its name. ``dials``: each axis beside λ and the seed → its values, be it one only. Three tidy tables,
    whose rows have their place in columns ``lam`` and one a dial:

    * ``scores``: seed, task, split, score, loss, and whether a higher score is better; on validation, by which λ is
      chosen, and on ``split``, which is shown,
    * ``gaps``: seed, task, layer, gap: ‖θ_t − θ̄‖ / ‖θ̄‖ of one layer (:meth:`~mtl_lesson.sharing.base.Sharing.gap`),
    * ``confusions``: task, label, answer, count: on ``split``, all seeds together, for tasks that have classes and no
      score of their own.

    ``live``: how a point is trained again, or None and then ``why_not`` says why. ``origin``: "trained" or "stored".
    Make one with :meth:`of`, or take a stored one with :func:`mtl_lesson.bank.load_path`.
    """

    world: str
    tasks: tuple[Task, ...]
    dials: Mapping[str, tuple]
    scores: pd.DataFrame
    gaps: pd.DataFrame
    confusions: pd.DataFrame
    split: str = "validation"
    live: Train | None = None
    why_not: str = "how it was trained is not known"
    origin: str = "trained"
    slices: dict[tuple, Slice] = field(default_factory=dict, init=False)

    # --- making one ------------------------------------------------------------------------------------------------

    @classmethod
    def of(cls, sweep: Sweep, split: str = "validation", live: Train | None = None) -> Path:
        """From a Sweep over ``lam``. ``split``: "validation" or, where the sweep was run with ``test=True``, "test".

        ``live``: how to train a point again (:class:`Train`), where the sweep does not say it. Raises TypeError for
        what is no Sweep, ValueError for one without λ, with a λ a layer, without finished copies or without ``split``.
        """
        if not isinstance(sweep, Sweep):
            raise TypeError(f"a path is made of a Sweep, such as mtl.sweep returns, not of {type(sweep).__name__}")
        if "lam" not in sweep.axes:
            raise ValueError(f"this sweep has no axis lam, only {', '.join(sweep.axes)}: sweep mtl.Soft over lam=[…]")
        if not sweep.runs:
            raise ValueError("the sweep was stopped before any copy had finished; run it again")
        table, place = sweep.table, [axis for axis in sweep.axes if axis != "seed"]
        if not all(isinstance(lam, int | float) for lam in table.lam):
            raise ValueError("a sweep over one λ a layer has no single λ to move; give lam=[…] as numbers")
        if split not in ("validation", "test") or split not in set(table.split):
            raise ValueError(f"the sweep has no scores on {split!r}; it has validation, and test if run with test=True")
        columns = [*place, "seed", "task", "split", "score", "loss", "higher_is_better"]
        scores = table[table.split.isin(("validation", split))][columns]
        gaps, confusions, tasks = [], [], {}
        for key, run in sweep.runs.items():
            point = dict(zip(sweep.axes, key, strict=True))
            gaps += [point | row for row in gaps_of(run)]
            confusions += [point | row for row in confusions_of(run, split)]
            tasks |= {task.name: task for task in run.model.tasks if task.name not in tasks}
        columns = [*place, "task", "label", "answer"]
        counts = pd.DataFrame(confusions, columns=[*columns, "count"])
        counts = counts.groupby(columns, sort=False, as_index=False, dropna=False)["count"].sum()
        dials = {name: tuple(dict.fromkeys(table[name])) for name in place if name != "lam"}
        live = live or Train.of(sweep)
        why = "" if live else "this sweep does not say how it was trained"
        gaps = pd.DataFrame(gaps, columns=[*place, "seed", "task", "layer", "gap"])
        return cls(
            run.world.name, tuple(tasks.values()), dials, scores.reset_index(drop=True), gaps, counts, split, live, why
        )

    # --- looking at one --------------------------------------------------------------------------------------------

    @property
    def settings(self) -> list[tuple]:
        """The settings of the dials there are results for, in order: a tuple with a value for each dial."""
        if not self.dials:
            return [()]
        return list(dict.fromkeys(self.scores[list(self.dials)].itertuples(index=False, name=None)))

    def tables(self) -> dict[str, pd.DataFrame]:
        """The three tables by the ending of the name under which each is stored."""
        return dict(zip(ENDINGS, (self.scores, self.gaps, self.confusions), strict=True))

    @property
    def layers(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.gaps.layer))

    def at(self, *values: object) -> Slice:
        """The Slice at one setting of the dials. KeyError for a setting there is nothing for."""
        if values not in self.settings:
            known = "; ".join(", ".join(f"{d}={v}" for d, v in zip(self.dials, s, strict=True)) for s in self.settings)
            raise KeyError(f"there is nothing at {values}; there is {known or 'one setting, without dials'}")
        if values not in self.slices:
            self.slices[values] = cut_slice(self, dict(zip(self.dials, values, strict=True)))
        return self.slices[values]

    def __repr__(self) -> str:
        first, dials = self.at(*self.settings[0]), "".join(f" × {len(v)} {d}" for d, v in self.dials.items())
        return f"Path({self.world}: {len(self.tasks)} tasks, {len(first.lams)} λ × {len(first.seeds)} seeds{dials})"


@dataclass(frozen=True, eq=False, repr=False)
class Slice:
    """A Path at one setting of its dials, as arrays over S seeds, L λs, T tasks and K layers; NaN where nothing is.

    ``scores``: (S, L, T) on the split shown.
    ``merit``: (S, L), by which λ is chosen: on validation, larger is better; ``merit_name`` says what it is.
    ``gaps``: (S, L, K, T). ``confusions``: task → (L, classes, classes), how many of a class (row) got an answer
    (column). Numbers have six digits that count, so that what is written of them is the same wherever it is written.
    """

    tasks: tuple[Task, ...]
    lams: tuple[float, ...]
    seeds: tuple[int, ...]
    layers: tuple[str, ...]
    scores: np.ndarray
    merit: np.ndarray
    merit_name: str
    gaps: np.ndarray
    confusions: Mapping[str, np.ndarray]
    classes: Mapping[str, tuple[str, ...]]

    @cached_property
    def band(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, low and high of each task's score at each λ, (L, T)."""
        return bands(self.scores)

    @cached_property
    def pooled(self) -> np.ndarray:
        """The mean score of all tasks at each λ, (S, L); NaN where their scores are of different kinds."""
        return six(mean_of(self.scores, -1)) if self.alike else np.full(self.scores.shape[:2], np.nan)

    @cached_property
    def pooled_band(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, low and high of :attr:`pooled` over seeds, (L,)."""
        return bands(self.pooled)

    @property
    def alike(self) -> bool:
        """Whether all scores are of one kind, so that their mean is one too."""
        return len({(task.score_name, task.higher_is_better) for task in self.tasks}) == 1

    @property
    def best(self) -> int:
        """The number of the best λ: by the mean over tasks and seeds, on validation."""
        return best_of(mean_of(self.merit, 0))

    @property
    def bests(self) -> tuple[int, ...]:
        """The same for each seed alone: how far chance moves it."""
        return tuple(best_of(row) for row in self.merit)

    @cached_property
    def as_good(self) -> tuple[int, ...]:
        """The numbers of the λs that the seeds do not tell from the best one: the 95 % interval of the paired
        difference on validation holds 0. With fewer than three seeds none is told from it."""
        behind = self.merit[:, [self.best]] - self.merit
        _, low, _ = bands(behind)
        told = (low > 0) & (len(self.seeds) >= FEWEST)
        return tuple(number for number in range(len(self.lams)) if number == self.best or not told[number])

    def gain_over(self, index: int) -> tuple[float, float, float]:
        """Mean, low and high over seeds of what the best λ gains over another in the mean score of all tasks, on the
        split shown, counted positive where it is better; NaN where the scores are of different kinds."""
        sign = 1 if self.tasks[0].higher_is_better else -1
        gains = sign * (self.pooled[:, self.best] - self.pooled[:, index])
        return tuple(float(part[0]) for part in bands(gains[:, None]))

    @cached_property
    def gap_band(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, least and largest of each gap over seeds, (L, K, T); none of them finite where there is no gap."""
        there = np.isfinite(self.gaps)
        least, largest = (np.where(there, self.gaps, end) for end in (np.inf, -np.inf))
        return mean_of(self.gaps, 0), least.min(0), largest.max(0)

    @cached_property
    def ties(self) -> np.ndarray:
        """How tightly the tasks are tied in each layer, (S, L, K): 1 − gap / the layer's largest gap along λ, from 0
        (nowhere looser) to 1 (identical); gaps averaged over tasks."""
        gap = mean_of(np.where(self.gaps < ROUNDING, 0, self.gaps), -1)
        largest = np.nan_to_num(gap).max(1, keepdims=True)
        return six(1 - np.divide(gap, largest, out=np.zeros_like(gap), where=largest > 0))

    def scores_of(self, seed: int | None) -> np.ndarray:
        """Each task's score at each λ, (L, T): of one seed, or for None the mean over all."""
        return self.band[0] if seed is None else self.scores[self.seeds.index(seed)]

    def pooled_of(self, seed: int | None) -> np.ndarray:
        """The mean score of all tasks at each λ, (L,): of one seed, or for None the mean over all."""
        return self.pooled_band[0] if seed is None else self.pooled[self.seeds.index(seed)]

    def gaps_of(self, seed: int | None) -> np.ndarray:
        """Each task's gap in each layer at each λ, (L, K, T): of one seed, or for None the mean over all."""
        return self.gap_band[0] if seed is None else self.gaps[self.seeds.index(seed)]

    def ties_of(self, seed: int | None) -> np.ndarray:
        """How tightly each layer is tied at each λ, (L, K): of one seed, or for None the mean over all."""
        return self.ties.mean(0) if seed is None else self.ties[self.seeds.index(seed)]

    def nearest(self, lam: float) -> int:
        """The number of the λ nearest to ``lam`` on the logarithmic scale; 0 and ∞ are only near themselves.

        Raises ValueError for a λ that is negative or NaN.
        """
        return nearest(self.lams, lam)


# --- λ on a logarithmic scale --------------------------------------------------------------------------------------


def places(lams: Sequence[float]) -> np.ndarray:
    """Where each λ stands on the axis: log₁₀ λ, with 0 and ∞ broken off beyond the ends."""
    logs = [math.log10(lam) for lam in lams if 0 < lam < math.inf] or [0.0]
    beyond = {0: logs[0] - BREAK, math.inf: logs[-1] + BREAK}
    return np.array([beyond[lam] if lam in beyond else math.log10(lam) for lam in lams])


def nearest(lams: Sequence[float], lam: float) -> int:
    """The number of the λ nearest to ``lam`` on the logarithmic scale; 0 and ∞ are near themselves only.

    Raises ValueError for a λ that is negative or NaN.
    """
    if not lam >= 0:
        raise ValueError(f"λ must be 0 or more, not {lam:g}")
    if lam in lams:
        return list(lams).index(lam)
    inner = [i for i, other in enumerate(lams) if 0 < other < math.inf] or list(range(len(lams)))
    if lam == 0 or math.isinf(lam):
        return inner[0] if lam == 0 else inner[-1]
    return min(inner, key=lambda i: abs(places(lams)[i] - math.log10(lam)))


# --- from tables to arrays -----------------------------------------------------------------------------------------


def cut_slice(path: Path, setting: Mapping[str, object]) -> Slice:
    """The rows of one setting of the dials, as arrays."""
    scores, gaps, confusions = (rows_at(table, setting) for table in path.tables().values())
    lams = tuple(sorted(float(lam) for lam in scores.lam.unique()))
    seeds = tuple(sorted(int(seed) for seed in scores.seed.unique()))
    present = set(scores.task)
    tasks = tuple(task for task in path.tasks if task.name in present)
    names, layers = [task.name for task in tasks], path.layers

    def array(table: pd.DataFrame, value: str, axes: Mapping[str, Sequence]) -> np.ndarray:
        found = np.full([len(values) for values in axes.values()], np.nan)
        where = [pd.Index(values).get_indexer(table[name]) for name, values in axes.items()]
        found[tuple(where)] = table[value].to_numpy(float)
        return six(found)

    axes = {"seed": seeds, "lam": lams, "task": names}
    shown = array(scores[scores.split == path.split], "score", axes)
    chosen = array(scores[scores.split == "validation"], "score", axes)
    merit, merit_name = merits(chosen, tasks)
    gap = array(gaps, "gap", {"seed": seeds, "lam": lams, "layer": layers, "task": names})
    matrices, classes = {}, {}
    for task in tasks:
        rows = confusions[confusions.task == task.name]
        if rows.empty:
            continue
        found = list(dict.fromkeys([*rows.label.astype(str), *rows.answer.astype(str)]))
        own = choices(task)
        classes[task.name] = own if set(found) <= set(own) else tuple(found)  # a dial may rename the classes
        rows = rows.assign(label=rows.label.astype(str), answer=rows.answer.astype(str))
        counts = array(rows, "count", {"lam": lams, "label": classes[task.name], "answer": classes[task.name]})
        matrices[task.name] = np.nan_to_num(counts)
    return Slice(tasks, lams, seeds, layers, shown, merit, merit_name, gap, matrices, classes)


def rows_at(table: pd.DataFrame, setting: Mapping[str, object]) -> pd.DataFrame:
    for name, value in setting.items():
        table = table[table[name] == value]
    return table


def merits(scores: np.ndarray, tasks: Sequence[Task]) -> tuple[np.ndarray, str]:
    """What λ is chosen by, (S, L), and its name. The mean score; where scores are of different kinds, Δm: the mean over
    tasks of the relative change against the least λ, counted positive where a task gets better."""
    signs = np.array([1.0 if task.higher_is_better else -1.0 for task in tasks])
    if len({(task.score_name, task.higher_is_better) for task in tasks}) == 1:
        return mean_of(signs * scores, -1), f"{tasks[0].score_name}, mean over tasks"
    first = scores[:, :1]
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.where(first == 0, np.nan, signs * (scores - first) / np.abs(first))
    return mean_of(change, -1), "relative change, mean over tasks"


def bands(values: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean, low and high over axis 0 of :func:`~mtl_lesson.evidence.interval`, over the seeds that are there."""
    flat = values.reshape(len(values), -1)
    if np.isfinite(flat).all():
        found = np.stack(interval(flat))
    else:
        found = np.full((3, flat.shape[1]), np.nan)
        for column in np.flatnonzero(np.isfinite(flat).any(0)):
            found[:, column] = interval(flat[np.isfinite(flat[:, column]), column])
    return tuple(six(part).reshape(values.shape[1:]) for part in found)


def mean_of(values: np.ndarray, axis: int) -> np.ndarray:
    """The mean over an axis of what is there; NaN where nothing is."""
    there = np.isfinite(values)
    count = there.sum(axis)
    total = np.where(there, values, 0).sum(axis)
    return np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)


def as_shares(counts: np.ndarray) -> np.ndarray:
    """Counts (…, labels, answers) as shares of each label; NaN for a label that nothing had."""
    total = counts.sum(-1, keepdims=True)
    return np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)


def best_of(merit: np.ndarray) -> int:
    return int(np.nanargmax(merit)) if np.isfinite(merit).any() else 0


def six(values: np.ndarray) -> np.ndarray:
    """Rounded to six digits that count."""
    values = np.asarray(values, float)
    size = np.where(np.isfinite(values) & (values != 0), np.abs(values), 1)
    digits = 10.0 ** (5 - np.floor(np.log10(size)))
    return np.round(values * digits) / digits


# --- looking into a model ------------------------------------------------------------------------------------------


def gaps_of(run: Run) -> Iterator[dict]:
    """For each layer and task how far its weights are from the mean, and of tied heads the same."""
    model = run.model
    found = {layer: model.gap(layer)[0] for layer in model.trunk.plan}
    if isinstance(model, Soft) and model.tie == "all":
        found["heads"] = gap_of_heads(model)
    for layer, gap in found.items():
        for task, value in zip(model.tasks, gap.tolist(), strict=True):
            yield {"task": task.name, "layer": layer, "gap": value}


@torch.no_grad()
def gap_of_heads(model: Soft) -> torch.Tensor:
    """‖θ_t − θ̄‖ / ‖θ̄‖ of the heads, (T,), for tasks whose heads are tied and so of one shape."""
    θ = torch.cat([torch.cat(parts, 1).flatten(2) for name, parts in tied(model) if name == "heads"], 2)
    away, mean = around_mean(θ)
    return (away.norm(dim=2) / mean.norm(dim=2)).nan_to_num()[0]


@torch.no_grad()
def confusions_of(run: Run, split: str) -> Iterator[dict]:
    """How often each label got each answer, for tasks that have :func:`~mtl_lesson.tasks.choices`, where labelled.

    Computed in the precision of the weights, as scores are, and never in the faster one of the training.
    """
    model = run.model
    tasks = [task for task in model.tasks if choices(task)]
    if not tasks:
        return
    weights = next(model.parameters())
    feed = Feed([getattr(run.world, split)], model.tasks, weights.device, weights.dtype)
    found = {task.name: torch.zeros(len(choices(task)) ** 2, dtype=torch.long) for task in tasks}
    for batch in feed.in_order(2048):
        with evaluating(model):
            outputs = model.outputs(batch.x, batch.inputs, batch.streams)
        for task in tasks:
            y, label = outputs[task.name][0], batch.labels[task.name][0]
            answer = task.decide(y)
            size, known = len(choices(task)), label != MISSING
            pairs = label[known] * size + answer[known]
            found[task.name] += torch.bincount(pairs.cpu(), minlength=size**2)
    for task in tasks:
        names = choices(task)
        for pair, count in enumerate(found[task.name].tolist()):
            if count:
                label, answer = names[pair // len(names)], names[pair % len(names)]
                yield {"task": task.name, "label": label, "answer": answer, "count": count}
