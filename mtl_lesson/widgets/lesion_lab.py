"""The lesion lab: its state in Python. The browser computes and draws (lesion_lab.js), without the kernel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import traitlets

from ..data.world import World
from ..inspection.lesions import Lesions
from ..sharing import Sharing
from ..show.drawing import Drawing
from ..show.lesions import WORDS, notes_on_lesions, say_lesions, say_removal, stretch
from ..show.lesions import lesions as drawing_of
from ..tasks import SINGLE, Task, judged_as
from ..training import Run
from ..words import sentences, unit
from .base import LARGEST, Panel, checked, packed, script, stylesheet, tasks_of


def lesion_lab(
    model: Sharing | Run,
    world: World,
    *,
    tasks: Sequence[str] | None = None,
    layer: str | None = None,
    split: str = "validation",
    pictures: int | None = 1000,
    seed: int = 0,
) -> LesionLab:
    """The units of h, placed by how much the loss of each of two tasks rises without them; remove some and see.

    ``tasks``: two names, by default the world's first two; others can be chosen later. ``pictures``: how many of
    ``split``, drawn by ``seed``; None for all. Removing a set U of units sets each to its mean over the pictures. Under
    the linear heads that is exact algebra, z' = z − Σ_{u∈U} (h_u − μ_u) w_u, done in the browser; beside it stand the
    mean and the range over 20 random sets of the same size, drawn by ``seed``. A unit counts for a task where the rise
    exceeds two standard errors over pictures: for one task only, the other only, both, or neither (idle).

    Cost: a forward pass, then d·n·classes products. Pitfalls: a unit whose work others can do counts for little alone,
    so remove groups too; what was chosen as most important on these pictures is flattered by them; where every task has
    a trunk of its own, unit 3 of one and unit 3 of the other are two units. ``layer`` may only name the last.

    Raises TypeError for what is no model, and for a task with a loss or score of its own, which the browser does not
    know (:func:`~mtl_lesson.inspection.lesion` asks the task); KeyError for a task that is not there; ValueError for
    another layer, several copies, a split that is not there, features that are not finite.
    """
    asked = {"tasks": tasks, "layer": layer, "split": split, "pictures": pictures, "seed": seed}
    return LesionLab(Lesions.of(model, world, **asked))


class LesionLab(Panel):
    """Units to remove: see :func:`lesion_lab`. ``lesions``: all that was computed.

    ``removed``: the numbers of the removed units, in both directions with the browser. :meth:`remove`, :meth:`restore`
    and :meth:`compare` do what the controls do.
    """

    _esm, _css = script("lesion_lab"), stylesheet("lesion_lab")

    #: the numbers of the two tasks that are compared
    pair = traitlets.List().tag(sync=True)
    removed = traitlets.List().tag(sync=True)
    sent = (*Panel.sent, "pair", "removed")

    def __init__(self, lesions: Lesions):
        self.lesions = lesions
        pair = [lesions.number(task.name) for task in lesions.pair]
        super().__init__(pair=pair, removed=[], **pack_lesions(lesions))

    @property
    def compared(self) -> tuple[Task, Task]:
        """The two tasks that are compared."""
        one, two = self.pair
        return self.lesions.tasks[one], self.lesions.tasks[two]

    @property
    def results(self) -> pd.DataFrame:
        """Every task's loss and score without the removed units, and intact: :func:`~mtl_lesson.inspection.lesion`."""
        return self.lesions.without(self.removed)

    @property
    def at_random(self) -> pd.DataFrame:
        """The same for as many units at random: mean, lowest and highest of 20 groups."""
        return self.lesions.at_random(len(self.removed))

    @property
    def quadrants(self) -> dict[str, list[int]]:
        """The units that count for the first of the compared tasks only, for the second only, for both, for neither."""
        return self.lesions.kinds(*(task.name for task in self.compared))

    @property
    def text(self) -> str:
        """What the status line says."""
        return say_removal(self.lesions, self.compared, self.removed)

    @traitlets.validate("pair")
    def _check_pair(self, proposal: dict) -> list[int]:
        """Refuses (TraitError) what are not two different tasks."""
        pair = proposal["value"]
        try:
            checked(pair, range(len(self.lesions.tasks)), "task")
        except traitlets.TraitError:
            pair = []
        if len(pair) != 2 or pair[0] == pair[1]:
            raise traitlets.TraitError(f"two different tasks are compared, not {proposal['value']}")
        return list(pair)

    @traitlets.validate("removed")
    def _check_removed(self, proposal: dict) -> list[int]:
        """Refuses (TraitError) units that are not there."""
        return checked(proposal["value"], range(self.lesions.d), "unit")

    # --- controls --------------------------------------------------------------------------------------------------

    def remove(self, units: Iterable[int]) -> LesionLab:
        """Remove units, beside those removed already. Raises ValueError for one that is not there."""
        units = [int(unit) for unit in units]
        if missing := [unit for unit in units if not 0 <= unit < self.lesions.d]:
            raise ValueError(f"there is no unit {missing[0]}: h has {self.lesions.d}, from 0 to {self.lesions.d - 1}")
        self.removed = sorted({*self.removed, *units})
        return self

    def restore(self, units: Iterable[int] | None = None) -> LesionLab:
        """Put units back, or all of them."""
        back = set(self.removed if units is None else map(int, units))
        self.removed = [unit for unit in self.removed if unit not in back]
        return self

    def remove_most_important(self, task: str, count: int = 10) -> LesionLab:
        """Remove the ``count`` units whose absence raises the task's loss most. KeyError for an unknown task."""
        return self.remove(self.lesions.most_important(task, count))

    def compare(self, first: str, second: str) -> LesionLab:
        """Compare two tasks, by name. Raises KeyError for one that is not there, TraitError for the same one twice."""
        self.pair = [self.lesions.number(first), self.lesions.number(second)]
        return self

    # --- without a browser -----------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        return "Lesion lab: " + " and ".join(task.name for task in self.compared)

    @property
    def alt(self) -> str:
        return say_lesions(self.lesions, self.compared, self.removed)

    @property
    def drawing(self) -> Drawing:
        return drawing_of(self.lesions, self.compared, self.removed)

    def __repr__(self) -> str:
        return f"LesionLab({self.text})"


# --- what the browser is sent ----------------------------------------------------------------------------------------


def pack_lesions(lesions: Lesions) -> dict:
    """The traits of the lab. Features are int16 with a step a unit, their means and the intact answers are exact."""
    arrays, features = pack_features(lesions)
    arrays |= {"rise": lesions.rise, "error": lesions.error, "counts": lesions.counts.astype(np.int16)}
    arrays |= {"orders": lesions.orders.astype(np.int16)}
    told = []
    for t, (own, task) in enumerate(zip(tasks_of(lesions.tasks), lesions.tasks, strict=True)):
        labels = getattr(lesions.world, lesions.split).labels[task.name]
        arrays |= {
            f"w{t}": lesions.weights[task.name].numpy(),
            f"z{t}": lesions.z[task.name].numpy(),
            f"y{t}": np.where(task.labelled(labels).numpy(), labels.double().numpy(), np.nan),
        }
        named = {"loss": kind_of(task), "unit": unit(task), "score": task.score_name}
        told.append(own | named | {"features": features[t]})
    data, where = packed(arrays)
    facts = {
        "tasks": told,
        "d": lesions.d,
        "n": lesions.n,
        "where": where,
        "stretch": stretch(lesions),
        "caption": sentences(notes_on_lesions(lesions)),
        "words": WORDS,
    }
    return {"facts": facts, "data": data}


def pack_features(lesions: Lesions) -> tuple[dict[str, np.ndarray], list[int]]:
    """h as arrays, and which of them is each task's: what several tasks have in common is sent once."""
    arrays, kept, which = {}, [], []
    for task in lesions.tasks:
        h = lesions.h[task.name].numpy()
        at = next((i for i, other in enumerate(kept) if np.array_equal(other, h)), len(kept))
        if at == len(kept):
            kept.append(h)
            step = np.maximum(np.abs(h).max(0), 1e-30) / LARGEST
            arrays |= {f"h{at}": np.rint(h / step).astype(np.int16), f"step{at}": step, f"mean{at}": h.mean(0)}
        which.append(at)
    return arrays, which


def kind_of(task: Task) -> str:
    """Which loss and score the browser computes; TypeError for a task that has others."""
    kind = judged_as(task)
    if kind not in SINGLE or not task.single:
        own = ", with a loss or score of its own" if kind is None and isinstance(task, SINGLE) else ""
        raise TypeError(
            f"the lab knows the loss of {', '.join(k.__name__ for k in SINGLE)}; {task.name!r} is a "
            f"{type(task).__name__}{own}: use mtl.inspection.lesion, which asks the task"
        )
    return kind.__name__
