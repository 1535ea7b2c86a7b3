"""The λ explorer: one λ, linked views. The browser draws (explorer.js); this keeps its state and trains."""

from __future__ import annotations

import contextvars
import math
import threading
from collections.abc import Mapping, Sequence

import numpy as np
import traitlets

from ..bank import load_path
from ..data.world import World
from ..inspection.paths import Path, Slice, as_shares, places, six
from ..show import spoken
from ..show.drawing import Drawing
from ..show.explorer import ALONE, ORIGIN, say_path
from ..show.explorer import explorer as drawing_of
from ..show.style import colours_of, dashes_of
from ..training import Sweep
from ..training.live import Countdown, Stopped
from ..words import LETTERS, MANY, average, read_lambda, rounded, scored, sentence, shown, title, typed, unit, written
from .base import Panel, script, stylesheet

Explorable = Path | Sweep | str


def explore(
    what: Explorable | Sequence[Explorable] | Mapping[str, Explorable],
    *,
    predict: bool = True,
    split: str = "validation",
) -> LambdaExplorer:
    """Move λ and see what becomes of every task: its score, its weights, the model, what it confuses.

    ``what``: a Sweep over ``lam``; the name of a stored path; or a :class:`~mtl_lesson.inspection.Path`. Several as a
    list or as {title: one} can be switched between. ``predict``: hide the scores until you have marked where the best λ
    will be, and ask to see them. ``split``: the split of a Sweep that is shown, "validation" or "test"; the best λ is
    chosen on validation always.

    Example: ``mtl.explore(mtl.sweep(mtl.Soft, mtl.data.shoppers, trunk=mtl.nets.conv(channels=1), lam=[0, 1, inf]))``.
    Raises TypeError for what cannot be explored, a World among it, ValueError for a Sweep without λ or nothing at all.
    """
    if isinstance(what, Mapping):
        paths = {str(title): as_path(one, split) for title, one in what.items()}
    else:
        several = [as_path(one, split) for one in (what if isinstance(what, list | tuple) else [what])]
        paths = {}
        for path in several:
            name = title(path, path.settings[0]) if len(path.settings) == 1 else path.world
            again = sum(other == name or other.startswith(f"{name} (") for other in paths)
            paths[f"{name} ({again + 1})" if again else name] = path
    if not paths:
        raise ValueError("there is nothing to explore: the list is empty")
    return LambdaExplorer(paths, predict=predict)


def as_path(what: Explorable, split: str) -> Path:
    if isinstance(what, Path):
        return what
    if isinstance(what, Sweep):
        return Path.of(what, split)
    if isinstance(what, str):
        return load_path(what)
    if isinstance(what, World):
        raise TypeError(
            f"the world {what.name!r} holds no results along λ yet. Where its tasks are linear, "
            "mtl.widgets.Schools(world) solves them; train networks with mtl.sweep(mtl.Soft, world, "
            "trunk=…, lam=[…]), and explore that"
        )
    raise TypeError(
        "explore takes a Sweep over lam, a Path, the name of a stored path, or several of them; "
        f"not {type(what).__name__}"
    )


class LambdaExplorer(Panel):
    """A slider for λ over stored ``paths`` (title → Path) and the views it moves: see :func:`explore`.

    Moving λ happens in the browser alone; Python is told where it went. ``lam``, ``scores``, ``text``, ``slice``: what
    is on show. :meth:`move`, :meth:`go_to`, :meth:`mark`, :meth:`reveal`, :meth:`show_good`, :meth:`train` and
    :meth:`stop` do what the controls do. In a saved page a link carries the setting: page.html#λ=0.03.
    """

    _esm, _css = script("explorer"), stylesheet("explorer")

    #: what is on show: numbers of world, λ (index) and dial values, the seed or None, the two tasks of the Pareto view,
    #: the task of the confusions, the marked guess or None, and whether the scores are revealed
    at = traitlets.Dict().tag(sync=True)
    results = traitlets.List().tag(sync=True)
    training = traitlets.Dict({"state": "idle"}).tag(sync=True)
    sent = ("facts", "at", "results", "training")

    def __init__(self, paths: Mapping[str, Path], *, predict: bool = True):
        self.paths, self.worker, self.ticks = dict(paths), None, None
        at = {"world": 0, "index": 0, "seed": None, "guess": None, "revealed": not predict}
        at |= self.start(next(iter(self.paths.values())))
        super().__init__(facts={"worlds": screen(self.paths), "words": spoken.PHRASES}, at=at)
        self.on_msg(self.guarded(lambda _, content, __: self.asked(content)))

    # --- what is on show -------------------------------------------------------------------------------------------

    @property
    def path(self) -> Path:
        return list(self.paths.values())[self.at["world"]]

    @property
    def worlds(self) -> list[dict]:
        """What the browser is sent of each path: see :func:`world`."""
        return self.facts["worlds"]

    @property
    def dials(self) -> tuple:
        """The values the dials are set to."""
        return self.path_and_dials(self.at)[1]

    def path_and_dials(self, at: Mapping) -> tuple[Path, tuple]:
        path = list(self.paths.values())[at["world"]]
        values = zip(path.dials.values(), at["dials"], strict=True)
        return path, tuple(options[number] for options, number in values)

    @property
    def slice(self) -> Slice:
        """The numbers at the present setting of the dials, as arrays."""
        return self.path.at(*self.dials)

    @property
    def lam(self) -> float:
        """The λ on show."""
        return self.slice.lams[self.at["index"]]

    @property
    def scores(self) -> dict[str, float]:
        """Task → its score at ``lam``: of the seed on show, or the mean over all."""
        found, seed = self.slice, self.at["seed"]
        values = found.scores_of(seed)[self.at["index"]].tolist()
        return dict(zip([task.name for task in found.tasks], values, strict=True))

    @property
    def text(self) -> str:
        """What the status line says."""
        return sentence(self.slice, self.at["index"], self.at["seed"], hidden=not self.at["revealed"])

    @traitlets.validate("at")
    def _check(self, proposal: dict) -> dict:
        """Refuses (TraitError) a place that is not there, whoever asks for it."""
        at = proposal["value"]
        try:
            path, values = self.path_and_dials(at)
            found = path.at(*values)
            guess = at["guess"]
            tasks = [path.tasks[number].name for number in (*at["pair"], at["task"])]
            good = (
                0 <= at["index"] < len(found.lams)
                and (at["seed"] is None or at["seed"] in found.seeds)
                and (guess is None or self.guess_is_there(guess))
                and len(tasks) == 3
                and min(at["world"], *at["dials"], *at["pair"], at["task"]) >= 0
            )
        except (KeyError, IndexError, TypeError, ValueError):
            good = False
        if not good:
            raise traitlets.TraitError(f"there is nothing to show at {at}")
        return at

    def guess_is_there(self, guess: Mapping) -> bool:
        path, values = self.path_and_dials(guess)
        return 0 <= guess["index"] < len(path.at(*values).lams)

    # --- controls --------------------------------------------------------------------------------------------------

    def move(
        self, lam: float | None = None, *, world: str | None = None, seed: int | str | None = None, **dials: object
    ) -> LambdaExplorer:
        """Go to the nearest ``lam``, another ``world`` by its title, a ``seed`` or "all" of them, or a value of a dial.

        Raises KeyError for a world, seed or dial value that is not there, ValueError for a λ that makes no sense.
        """
        at = dict(self.at)
        keep = self.lam
        if world is not None:
            if world not in self.paths:
                raise KeyError(f"there is no world {world!r}; there are {', '.join(self.paths)}")
            path = self.paths[world]
            at |= {"world": list(self.paths).index(world)}
            if path is not self.path:
                at |= self.start(path)
        else:
            path = self.path
        for name, value in dials.items():
            if name not in path.dials or value not in path.dials[name]:
                known = ", ".join(f"{dial} ({', '.join(map(str, values))})" for dial, values in path.dials.items())
                raise KeyError(f"there is no {name}={value!r}; the dials are {known or 'none'}")
            place = list(path.dials).index(name)
            at["dials"] = [*at["dials"][:place], path.dials[name].index(value), *at["dials"][place + 1 :]]
        found = path.at(*self.path_and_dials(at)[1])
        if isinstance(seed, int) and seed not in found.seeds:
            raise KeyError(f"there is no seed {seed}; there are {', '.join(map(str, found.seeds))}, or 'all'")
        if seed is not None:
            at["seed"] = None if seed == "all" else seed
        elif at["seed"] not in found.seeds:
            at["seed"] = None
        at["index"] = found.nearest(keep if lam is None else lam)
        self.at = at
        return self

    def start(self, path: Path) -> dict:
        """Where a world is entered: its first setting and its first tasks."""
        first = path.settings[0]
        tasks = [path.tasks.index(task) for task in path.at(*first).tasks]
        dials = [values.index(value) for values, value in zip(path.dials.values(), first, strict=True)]
        return {"dials": dials, "pair": [tasks[0], tasks[min(1, len(tasks) - 1)]], "task": tasks[0]}

    def go_to(self, text: str) -> LambdaExplorer:
        """Move to what was typed: a number, 0, or ∞ (also "inf")."""
        return self.move(read_lambda(text))

    def mark(self) -> LambdaExplorer:
        """Mark the present λ as the guess where the best will be."""
        self.at = self.at | {"guess": {name: self.at[name] for name in ("world", "dials", "index")}}
        return self

    def reveal(self) -> LambdaExplorer:
        """Show the scores."""
        self.at = self.at | {"revealed": True}
        return self

    def show_good(self) -> LambdaExplorer:
        """Go to a good λ and print why it is one: chosen on validation, with what it gains and how surely."""
        self.at = self.at | {"index": self.slice.best, "seed": None, "revealed": True}
        print(spoken.say_good(self.slice, self.path.split))
        return self

    def asked(self, content: Mapping) -> None:
        """What a button of the browser asks for."""
        self.trouble = ""  # so that the same trouble is told again
        {"train": self.train, "stop": self.stop}[content["do"]]()

    # --- train it live ---------------------------------------------------------------------------------------------

    def train(self) -> None:
        """Train the point on show again, in the background: the seed on show, or a fresh one where all are.

        ``training`` says how far it is, ``results`` holds what came out, ``worker`` is the thread. Raises ValueError
        where the path does not know how it was trained, or while another point is being trained.
        """
        path, live = self.path, self.path.live
        if live is None:
            raise ValueError(f"no point can be trained here: {path.why_not}")
        if self.worker is not None and self.worker.is_alive():
            raise ValueError("a point is being trained already; wait for it, or press Stop")
        found, at = self.slice, dict(self.at)
        seed = live.seed(found.seeds) if at["seed"] is None else at["seed"]
        point = {"lam": self.lam, **dict(zip(path.dials, self.dials, strict=True)), "seed": seed}
        fresh = "" if seed in found.seeds else "fresh "
        where = f"λ = {written(self.lam)}, {fresh}seed {seed}"

        def told(state: str, text: str, done: float = 0) -> None:
            self.training = {"state": state, "text": text, "done": done, "world": at["world"]}

        def tell(done: int, left: float) -> None:
            told("running", f"{where}: epoch {done} of {live.epochs}, ≈ {left:.0f} s left", done / live.epochs)

        def work() -> None:
            try:
                scores = live.train(point, path.split, self.ticks)
                self.results = [*self.results, result(path, at, seed, scores)]
                tasks = [task for task in found.tasks if task.name in scores]
                found_now = [scores[task.name] for task in tasks]
                said = scored(tasks, found_now) if len(tasks) <= MANY else average(tasks, np.mean(found_now))
                told("done", f"★ Trained now, {where}: {said}")
            except Stopped as stopped:
                told("stopped", f"{where}: {stopped}")
            except Exception as error:
                told("failed", f"{where}: {error}")

        self.ticks = Countdown(live.epochs, tell)
        seconds = f"≈ {max(1, live.seconds):.0f} s" if live.seconds else "the first one says how many seconds it takes"
        told("running", f"{where}: {live.epochs} epochs, {seconds}")
        # in this context, so that what the thread sends belongs to the cell or click that asked for it
        self.worker = threading.Thread(target=contextvars.copy_context().run, args=(work,), daemon=True)
        self.worker.start()

    def stop(self) -> None:
        """End the training after its present epoch; nothing of it is shown."""
        if self.ticks is not None and self.worker is not None and self.worker.is_alive():
            self.ticks.stop()
            self.training = self.training | {"state": "stopping"}

    # --- without a browser, and without Python ---------------------------------------------------------------------

    @property
    def title(self) -> str:
        return f"λ explorer: {', '.join(self.paths)}"

    @property
    def alt(self) -> str:
        return say_path(self.path, self.dials, self.at["index"], self.at["seed"])

    @property
    def drawing(self) -> Drawing:
        return drawing_of(self.path, self.dials, self.at["index"], self.at["seed"])

    def held(self) -> dict[str, object]:
        """What a page holds. Nothing can be trained in it; its button says why."""
        worlds = [one | {"live": None, "why": ALONE if one["live"] else one["why"]} for one in self.worlds]
        return super().held() | {"facts": self.facts | {"worlds": worlds}, "training": {"state": "idle"}}

    def __repr__(self) -> str:
        said = sentence(self.slice, self.at["index"], self.at["seed"])
        return f"LambdaExplorer({title(self.path, self.dials)}, {said})"


# --- what the browser is sent, once: every number it will show, and every sentence it will say ----------------------

LEGIBLE = 6  # of more classes than this, the shares of a confusion are not written into their cells


def screen(paths: Mapping[str, Path]) -> list[dict]:
    """For each world everything the views need, as plain lists; None stands for what is missing."""
    return [world(name, path) for name, path in paths.items()]


def world(name: str, path: Path) -> dict:
    names = [task.name for task in path.tasks]
    colours, dashes = colours_of(names), dashes_of(names)
    tasks = [
        {
            "name": task.name,
            "colour": colours[task.name],
            "dash": strokes(dashes[task.name]),
            "unit": unit(task),
            "higher": task.higher_is_better,
        }
        for task in path.tasks
    ]
    dials = [
        {"name": LETTERS.get(dial, dial), "values": [shown(value) for value in values]}
        for dial, values in path.dials.items()
    ]
    slices = {key(path, values): of_slice(path, path.at(*values)) for values in path.settings}
    return {
        "title": name,
        "origin": ORIGIN[path.origin],
        "layers": list(path.layers),
        "tasks": tasks,
        "dials": dials,
        "slices": slices,
        "live": path.live and spoken.say_duration(path.live),
        "why": spoken.say_why_not(path),
    }


def result(path: Path, at: Mapping, seed: int, scores: Mapping[str, float]) -> dict:
    """A point that was trained at ``at``: where, its ``scores`` (task → score) and their mean, and that in words."""
    values = [options[number] for options, number in zip(path.dials.values(), at["dials"], strict=True)]
    numbers = {task.name: str(number) for number, task in enumerate(path.tasks)}
    here = {name: at[name] for name in ("world", "dials", "index")} | {"seed": seed}
    found = {numbers[name]: float(f"{value:.6g}") for name, value in scores.items()}
    text = spoken.say_trained(path.at(*values), at["index"], seed, scores)
    return here | {"scores": found, "mean": float(np.mean([*found.values()])), "text": text}


def key(path: Path, values: Sequence) -> str:
    """The name of a slice: for each dial the number of its value."""
    return ",".join(str(options.index(value)) for options, value in zip(path.dials.values(), values, strict=True))


def of_slice(path: Path, found: Slice) -> dict:
    """The numbers of a slice. Of ``gaps`` and ``ties`` the first is the mean over seeds, then a seed each."""
    numbers = {task.name: t for t, task in enumerate(path.tasks)}
    mean, low, high = found.band
    pooled = dict(zip(("mean", "low", "high"), (plain(part) for part in found.pooled_band), strict=True))
    confusions = {str(numbers[name]): of_confusion(path, found, name) for name in found.confusions}
    return {
        "tasks": [numbers[task.name] for task in found.tasks],
        "lams": [written(lam) for lam in found.lams],
        "typed": [typed(lam) for lam in found.lams],
        "values": ["inf" if math.isinf(lam) else lam for lam in found.lams],
        "places": plain(places(found.lams)),
        "seeds": list(found.seeds),
        "alike": found.alike,
        "many": len(found.tasks) > MANY,
        "scores": plain(found.scores),
        "mean": plain(mean),
        "low": plain(low),
        "high": plain(high),
        "pooled": pooled | {"seeds": plain(found.pooled)},
        "gaps": plain(found.gaps),
        "gap": plain(np.stack(found.gap_band)),
        "ties": plain(np.stack([found.ties_of(seed) for seed in (None, *found.seeds)])),
        "best": found.best,
        "bests": list(found.bests),
        "confusions": confusions,
        "said": spoken.say_everything(found, path.split),
    }


def of_confusion(path: Path, found: Slice, name: str) -> dict:
    """What a task takes for what at each λ: shares, as they are written, and in a sentence."""
    classes, rows = found.classes[name], as_shares(found.confusions[name])
    cells = None
    if len(classes) <= LEGIBLE:
        cells = [[["–" if math.isnan(one) else rounded(one, "%") for one in row] for row in at] for at in rows.tolist()]
    alt = [spoken.say_confusion(found, name, index, path.split) for index in range(len(found.lams))]
    return {"classes": list(classes), "shares": plain(np.nan_to_num(rows)), "cells": cells, "alt": alt}


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
