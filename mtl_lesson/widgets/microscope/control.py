"""The λ microscope and the lesion lab: their state in Python. The browser draws (microscope.js), without the kernel."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from numbers import Real
from pathlib import Path as File

import anywidget
import pandas as pd
import traitlets

from ...data.world import World
from ...sharing import Sharing
from ...show.drawing import Drawing
from ...tasks import Task
from ...training import Run
from . import draw, send
from .frames import Frames, Models
from .lesions import Lesions

HERE = File(__file__).parent


def microscope(models: Models, world: World, *, tasks: Sequence[str] | None = None, layer: str | None = None,
               split: str = "test", points: int | None = 2000, seed: int = 0,
               pictures: bool = True) -> Microscope:  # fmt: skip
    """Two tasks' features as linked maps, a point a picture; move λ, and the points glide.

    ``models``: a Sweep over one axis, such as lam (its runs of one seed: ``seed`` if it is among them, else the
    first), or a mapping from titles to models or Runs; a frame each, in that order. ``tasks``: two names, by default
    the world's first two. ``layer``: one of the trunk's, or None for h. ``points``: how many pictures of ``split``,
    drawn by ``seed``; None for all, up to 20,000. Where each task has pictures of its own, both trunks look at the
    first task's. ``pictures``: show them under the pointer.

    The features X of every model and either task, centred and of norm 1, are turned onto one reference Y, the first
    task's in the last frame, by the rotation Q with the least ‖X Q − Y‖²
    (:func:`~mtl_lesson.inspection.similarity.align`); one basis, the first two principal components of all of them
    together, serves all frames. Read off each frame: ``gap``, the mean of the two tasks' distances ‖θ_t − θ̄‖ / ‖θ̄‖;
    ``residual``, ‖X₂Q − X₁‖² between the two tasks, from 0 (the same but for a rotation) to 2; and the score of each
    task's head on the other's features (:func:`~mtl_lesson.inspection.head_swap`).

    Cost: one forward pass a frame and task, one SVD (d, d) each: 11 frames of 2,000 pictures and 64 features take some
    seconds. Pitfall: a map shows two of d dimensions; what looks mixed may be separable, and the caption says how much
    of the variance is drawn.

    Example: ``mtl.microscope(mtl.sweep(mtl.Soft, world, trunk=trunk, lam=[0, 1, inf], seeds=[0]), world)``.
    Raises TypeError for what is no model; KeyError for a task or layer that is not there; ValueError for an empty
    mapping, several axes or copies, as many features as pictures, and features that are not finite, never vary or
    differ in size from model to model.
    """
    return Microscope(Frames.of(models, world, tasks=tasks, layer=layer, split=split, points=points, seed=seed,
                                pictures=pictures))  # fmt: skip


def lesion_lab(model: Sharing | Run, world: World, *, tasks: Sequence[str] | None = None, layer: str | None = None,
               split: str = "validation", pictures: int | None = 1000, seed: int = 0) -> LesionLab:  # fmt: skip
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
    return LesionLab(Lesions.of(model, world, tasks=tasks, layer=layer, split=split, pictures=pictures, seed=seed))


class Panel(anywidget.AnyWidget):
    """What both widgets have: everything the browser needs in ``facts`` and ``data``, a page, and a picture."""

    _esm, _css = HERE / "microscope.js", HERE / "microscope.css"

    kind = traitlets.Unicode().tag(sync=True)
    facts = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    sent = ("kind", "facts", "data")  # the traits that the browser reads

    @property
    def drawing(self) -> Drawing:
        """What is on show as a picture with its alt text."""
        raise NotImplementedError

    @property
    def alt(self) -> str:
        """What is on show in words."""
        raise NotImplementedError

    @property
    def title(self) -> str:
        raise NotImplementedError

    def page(self) -> str:
        """A complete page of HTML in which the widget runs without Python, without a kernel and without a network."""
        traits = {name: getattr(self, name) for name in self.sent}
        return send.page(self.title, self.alt, str(self._esm), str(self._css), traits)

    def save(self, path: str | os.PathLike) -> None:
        """Write :meth:`page` to a file. Raises OSError where that cannot be done."""
        File(path).write_text(self.page(), encoding="utf-8")

    def _repr_mimebundle_(self, **options: object) -> dict | tuple:
        """The live view, and for a notebook without a kernel a picture with its alt text."""
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"], data["text/html"] = repr(self), self.drawing._repr_html_()
        return bundle


class Microscope(Panel):
    """Linked maps of two tasks' features: see :func:`microscope`. ``frames``: all that was computed.

    ``selected``: the numbers of the selected pictures in their split, in both directions with the browser.
    :meth:`move`, :meth:`colour`, :meth:`select`, :meth:`highlight` and :meth:`clear` do what the controls do.
    """

    sprite = traitlets.Bytes().tag(sync=True)
    #: what is on show: the number of the frame, and of what colours the points (None: nothing does)
    at = traitlets.Dict().tag(sync=True)
    selected = traitlets.List().tag(sync=True)
    sent = (*Panel.sent, "sprite", "at", "selected")

    def __init__(self, frames: Frames):
        self.frames = frames
        at = {"frame": 0, "colour": 0 if frames.groups else None}
        self.rows = {int(number): row for row, number in enumerate(frames.chosen)}
        super().__init__(kind="microscope", at=at, selected=[], **send.of_frames(frames))

    @property
    def coloured(self) -> str | None:
        """The task that colours the points."""
        return None if self.at["colour"] is None else list(self.frames.groups)[self.at["colour"]]

    @property
    def readouts(self) -> dict[str, object]:
        """What is read off the frame on show: gap, residual, and task → the score of its head on its ``own`` features
        and on the other's (``swapped``). Those of all frames: ``frames.table``."""
        frames, f = self.frames, self.at["frame"]
        own, swapped = ({task.name: float(part[f, t]) for t, task in enumerate(frames.tasks)}
                        for part in (frames.own, frames.swapped))  # fmt: skip
        return {"frame": frames.label(f), "gap": float(frames.gap[f]), "residual": float(frames.residual[f]),
                "own": own, "swapped": swapped}  # fmt: skip

    @property
    def text(self) -> str:
        """What the status line says."""
        return f"{self.frames.sentence(self.at['frame'])}. {self.frames.selection(self.chosen_rows, self.coloured)}"

    @property
    def chosen_rows(self) -> list[int]:
        """The selected points, by their place among those shown."""
        return [self.rows[number] for number in self.selected]

    @traitlets.validate("at")
    def _check_at(self, proposal: dict) -> dict:
        """Refuses (TraitError) a frame or colouring that is not there, whoever asks for it."""
        at, frames = proposal["value"], self.frames
        colours = {None} if not frames.groups else set(range(len(frames.groups)))
        frame = at.get("frame")
        if (set(at) != {"frame", "colour"} or isinstance(frame, bool) or not isinstance(frame, int)
                or not 0 <= frame < len(frames.titles) or at["colour"] not in colours):  # fmt: skip
            raise traitlets.TraitError(f"there is nothing to show at {at}: {len(frames.titles)} frames, {len(colours)} "
                                       "colourings")  # fmt: skip
        return at

    @traitlets.validate("selected")
    def _check_selected(self, proposal: dict) -> list[int]:
        """Refuses (TraitError) pictures that are not shown."""
        return checked(proposal["value"], self.rows, "picture")

    # --- controls --------------------------------------------------------------------------------------------------

    def move(self, to: Real | str) -> Microscope:
        """Go to a frame by its title or value; along λ to the nearest, 0 and ∞ ("inf") included.

        Raises KeyError for a frame that is not there, ValueError for a λ that makes no sense.
        """
        self.at = self.at | {"frame": self.frames.find(to)}
        return self

    def colour(self, task: str) -> Microscope:
        """Colour the points by a task's labels.

        Raises KeyError for a task that is not there, ValueError for one without classes, of which one class alone is
        shown, or that was asked about other pictures.
        """
        groups = list(self.frames.groups)
        if task not in groups:
            if task in self.frames.refused:
                raise ValueError(self.frames.refused[task])
            known = ", ".join([*groups, *self.frames.refused])
            raise KeyError(f"there is no task {task!r}; the tasks are {known}")
        self.at = self.at | {"colour": groups.index(task)}
        return self

    def select(self, pictures: Iterable[int]) -> Microscope:
        """Select pictures by their numbers in the split. Raises ValueError for one that is not shown."""
        numbers = [int(number) for number in pictures]
        if missing := [number for number in numbers if number not in self.rows]:
            raise ValueError(f"picture {missing[0]} is not among the {len(self.rows):,} shown; their numbers are in "
                             "frames.chosen")  # fmt: skip
        self.selected = numbers
        return self

    def highlight(self, *classes: str) -> Microscope:
        """Select all pictures of one or more classes of the task that colours the points; KeyError for another."""
        if self.coloured is None:
            raise KeyError("nothing colours the points, so there are no classes")
        groups = self.frames.groups[self.coloured]
        for name in classes:
            if name not in groups.classes:
                raise KeyError(f"{groups.name} has no class {name!r}; it has {', '.join(groups.classes)}")
        wanted = {groups.classes.index(name) for name in classes}
        return self.select(self.frames.chosen[row] for row, label in enumerate(groups.labels) if label in wanted)

    def clear(self) -> Microscope:
        """Select nothing."""
        self.selected = []
        return self

    # --- without a browser -----------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        one, two = (task.name for task in self.frames.tasks)
        return f"{one} and {two} under the microscope"

    @property
    def alt(self) -> str:
        return draw.spoken_frames(self.frames, self.at["frame"], self.coloured, self.chosen_rows)

    @property
    def drawing(self) -> Drawing:
        return draw.of_frames(self.frames, self.at["frame"], self.coloured, self.chosen_rows)

    def __repr__(self) -> str:
        one, two = (task.name for task in self.frames.tasks)
        picked = f"; {self.frames.selection(self.chosen_rows, self.coloured)}" if self.selected else ""
        return f"Microscope({one} and {two}, {self.frames.sentence(self.at['frame'])}{picked})"


class LesionLab(Panel):
    """Units to remove: see :func:`lesion_lab`. ``lesions``: all that was computed.

    ``removed``: the numbers of the removed units, in both directions with the browser. :meth:`remove`, :meth:`restore`
    and :meth:`compare` do what the controls do.
    """

    #: the numbers of the two tasks that are compared
    pair = traitlets.List().tag(sync=True)
    removed = traitlets.List().tag(sync=True)
    sent = (*Panel.sent, "pair", "removed")

    def __init__(self, lesions: Lesions):
        self.lesions = lesions
        pair = [lesions.number(task.name) for task in lesions.pair]
        super().__init__(kind="lesions", pair=pair, removed=[], **send.of_lesions(lesions))

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
        return self.lesions.sentence(self.compared, self.removed)

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
        return draw.spoken_lesions(self.lesions, self.compared, self.removed)

    @property
    def drawing(self) -> Drawing:
        return draw.of_lesions(self.lesions, self.compared, self.removed)

    def __repr__(self) -> str:
        return f"LesionLab({self.text})"


def checked(numbers: object, known: Iterable[int], what: str) -> list[int]:
    """Whole numbers, each once and ascending; TraitError for one that is not among the known."""
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or number not in known:
            raise traitlets.TraitError(f"there is no {what} {number!r} here")
    return sorted(set(numbers))
