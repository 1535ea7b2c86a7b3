"""What the browser is sent, once: every number it will show. And what is on show, in a sentence."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from numbers import Real

import numpy as np

from ...show.schools import places, written
from ...show.style import PAPER, about, colours_of, dashes_of, for_text, ink_on
from ...tasks import Task
from .paths import LETTERS, Path, Slice, six

MANY = 8  # with more tasks than this, a view shows their mean and draws each as a thin line
ORIGIN = {"trained": "trained networks", "stored": "stored results of trained networks", "solved": "solved exactly"}


def screen(paths: Mapping[str, Path]) -> list[dict]:
    """For each world everything the views need, as plain lists; None stands for what is missing."""
    return [world(title, path) for title, path in paths.items()]


def world(title: str, path: Path) -> dict:
    names = [task.name for task in path.tasks]
    colours, dashes = colours_of(names), dashes_of(names)
    tasks = [{"name": task.name, "colour": colours[task.name], "ink": for_text(colours[task.name]),
              "on": ink_on(colours[task.name]) == PAPER, "dash": strokes(dashes[task.name]), "unit": unit(task),
              "score": task.score_name, "higher": task.higher_is_better} for task in path.tasks]  # fmt: skip
    dials = [{"name": LETTERS.get(name, name), "values": [shown(value) for value in values]}
             for name, values in path.dials.items()]  # fmt: skip
    slices = {key(path, values): of_slice(path, path.at(*values)) for values in path.settings}
    live = path.live
    return {"title": title, "name": path.world, "origin": ORIGIN[path.origin], "split": path.split, "tasks": tasks,
            "dials": dials, "layers": list(path.layers), "slices": slices, "why": path.why_not,
            "live": live and {"epochs": live.epochs, "seconds": live.seconds, "solved": live.solved}}  # fmt: skip


def key(path: Path, values: Sequence) -> str:
    """The name of a slice: for each dial the number of its value."""
    return ",".join(str(options.index(value)) for options, value in zip(path.dials.values(), values, strict=True))


def of_slice(path: Path, found: Slice) -> dict:
    numbers = {task.name: t for t, task in enumerate(path.tasks)}
    mean, low, high = found.band
    pooled = dict(zip(("mean", "low", "high"), (plain(part) for part in found.pooled_band), strict=True))
    classes = {str(numbers[name]): {"classes": list(found.classes[name]), "counts": plain(counts)}
               for name, counts in found.confusions.items()}  # fmt: skip
    return {"tasks": [numbers[task.name] for task in found.tasks], "lams": [written(lam) for lam in found.lams],
            "values": ["inf" if math.isinf(lam) else lam for lam in found.lams], "places": plain(places(found.lams)),
            "seeds": list(found.seeds), "alike": found.alike, "scores": plain(found.scores), "mean": plain(mean),
            "low": plain(low), "high": plain(high), "pooled": pooled | {"seeds": plain(found.pooled)},
            "gaps": plain(found.gaps), "ties": plain(found.ties), "best": found.best, "bests": list(found.bests),
            "merit": found.merit_name, "confusions": classes}  # fmt: skip


def plain(values: np.ndarray) -> list:
    """Nested lists of numbers as JSON can hold them: whole where they are, None for NaN."""
    def one(value):
        if isinstance(value, list):
            return [one(each) for each in value]
        if not math.isfinite(value):
            return None
        return int(value) if value == int(value) else value

    return one(six(values).tolist())


def strokes(dashes: object, width: float = 2.2) -> str:
    """A matplotlib line style as SVG writes it."""
    return "" if isinstance(dashes, str) else " ".join(f"{width * part:g}" for part in dashes[1])


def unit(task: Task) -> str:
    return "%" if task.score_name == "accuracy" else ""


def shown(value: object) -> str:
    """The value of a dial as a person writes it."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        return str(value)
    return written(value) if math.isinf(value) else f"{value:g}"


def sentence(found: Slice, index: int, seed: int | None = None, hidden: bool = False) -> str:
    """What is on show: λ and each task's score, of one seed or the mean over all; of many tasks their mean alone."""
    where = f"λ = {found.label(index)}"
    if hidden:
        return f"{where}: the scores are hidden until you reveal them"
    who = f" (seed {seed})" if seed is not None else ""
    if len(found.tasks) > MANY and found.alike:
        value = found.pooled_band[0][index] if seed is None else found.pooled[found.seeds.index(seed), index]
        task = found.tasks[0]
        return f"{where}{who}: {task.score_name} {about(value, unit(task))}, mean of {len(found.tasks)} tasks"
    scores = found.band[0] if seed is None else found.scores[found.seeds.index(seed)]
    return f"{where}{who}: {scored(found.tasks, scores[index])}"


def scored(tasks: Iterable[Task], scores: Iterable[float]) -> str:
    return ", ".join(f"{task.name} {about(score, unit(task))}" for task, score in zip(tasks, scores, strict=True))


def average(tasks: Sequence[Task], scores: Mapping[str, float]) -> str:
    """The mean score of many tasks, in words."""
    mean = np.mean([scores[task.name] for task in tasks])
    return f"{tasks[0].score_name} {about(mean, unit(tasks[0]))}, mean of {len(tasks)} tasks"
