"""The λ microscope: its state in Python. The browser draws (microscope.js), without the kernel."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Sequence
from numbers import Real

import numpy as np
import traitlets
from PIL import Image

from ..data.world import World
from ..inspection.frames import Frames, Models
from ..inspection.paths import nearest
from ..show.drawing import Drawing
from ..show.microscope import (
    TOLD,
    WORDS,
    axis_of,
    label,
    marks,
    notes_on_maps,
    read_off,
    say_frame,
    say_maps,
    say_selection,
    say_status,
    titles,
)
from ..show.microscope import microscope as drawing_of
from ..show.sheets import as_images
from ..words import listed, read_lambda, sentences
from .base import LARGEST, Panel, checked, packed, script, stylesheet, tasks_of

CELL, QUALITY = 32, 85  # pixels a picture has on the sheet: whole blocks of a JPEG, so that none runs into the next


def microscope(
    models: Models,
    world: World,
    *,
    tasks: Sequence[str] | None = None,
    layer: str | None = None,
    split: str = "test",
    points: int | None = 2000,
    seed: int = 0,
    pictures: bool = True,
) -> Microscope:
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
    asked = {"tasks": tasks, "layer": layer, "split": split, "points": points, "seed": seed, "pictures": pictures}
    return Microscope(Frames.of(models, world, **asked))


class Microscope(Panel):
    """Linked maps of two tasks' features: see :func:`microscope`. ``frames``: all that was computed.

    ``selected``: the numbers of the selected pictures in their split, in both directions with the browser.
    :meth:`move`, :meth:`colour`, :meth:`select`, :meth:`highlight` and :meth:`clear` do what the controls do.
    """

    _esm, _css = script("microscope"), stylesheet("microscope")

    sprite = traitlets.Bytes().tag(sync=True)
    #: what is on show: the number of the frame, and of what colours the points (None: nothing does)
    at = traitlets.Dict().tag(sync=True)
    selected = traitlets.List().tag(sync=True)
    sent = (*Panel.sent, "sprite", "at", "selected")

    def __init__(self, frames: Frames):
        self.frames = frames
        at = {"frame": 0, "colour": 0 if frames.groups else None}
        self.rows = {int(number): row for row, number in enumerate(frames.chosen)}
        super().__init__(at=at, selected=[], **pack_frames(frames))

    @property
    def coloured(self) -> str | None:
        """The task that colours the points."""
        return None if self.at["colour"] is None else list(self.frames.groups)[self.at["colour"]]

    @property
    def readouts(self) -> dict[str, object]:
        """What is read off the frame on show: gap, residual, and task → the score of its head on its ``own`` features
        and on the other's (``swapped``). Those of all frames: ``frames.table``."""
        frames, f = self.frames, self.at["frame"]
        own, swapped = (
            {task.name: float(part[f, t]) for t, task in enumerate(frames.tasks)}
            for part in (frames.own, frames.swapped)
        )
        return {
            "frame": label(frames, f),
            "gap": float(frames.gap[f]),
            "residual": float(frames.residual[f]),
            "own": own,
            "swapped": swapped,
        }

    @property
    def text(self) -> str:
        """What the status line says."""
        return say_status(self.frames, self.at["frame"], self.chosen_rows, self.coloured)

    @property
    def chosen_rows(self) -> list[int]:
        """The selected points, by their place among those shown."""
        return [self.rows[number] for number in self.selected]

    @traitlets.validate("at")
    def _check_at(self, proposal: dict) -> dict:
        """Refuses (TraitError) a frame or colouring that is not there, whoever asks for it."""
        at, frames = proposal["value"], self.frames
        colours = set(range(len(frames.groups))) or {None}
        frame = at.get("frame")
        there = isinstance(frame, int) and not isinstance(frame, bool) and 0 <= frame < len(frames.values)
        if set(at) != {"frame", "colour"} or not there or at["colour"] not in colours:
            count = f"{len(frames.values)} frames, {len(colours)} colourings"
            raise traitlets.TraitError(f"there is nothing to show at {at}: {count}")
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
        self.at = self.at | {"frame": self.find(to)}
        return self

    def find(self, where: object) -> int:
        """The number of the frame called ``where``; along λ the nearest. Raises as :meth:`move`."""
        values, names = self.frames.values, titles(self.frames)
        if isinstance(where, str):
            if where in names:
                return names.index(where)
            try:
                where = read_lambda(where)
            except ValueError:
                raise KeyError(f"there is no frame {where!r}; there are {listed(names, 12)}") from None
        if where in values:
            return values.index(where)
        if self.frames.axis != "lam" or not isinstance(where, Real):
            raise KeyError(f"there is no frame {where!r}; there are {listed(names, 12)}")
        return nearest(values, where)

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
            raise ValueError(
                f"picture {missing[0]} is not among the {len(self.rows):,} shown; their numbers are in frames.chosen"
            )
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
        return say_maps(self.frames, self.at["frame"], self.coloured, self.chosen_rows)

    @property
    def drawing(self) -> Drawing:
        return drawing_of(self.frames, self.at["frame"], self.coloured, self.chosen_rows)

    def __repr__(self) -> str:
        one, two = (task.name for task in self.frames.tasks)
        picked = f"; {say_selection(self.frames, self.chosen_rows, self.coloured)}" if self.selected else ""
        return f"Microscope({one} and {two}, {say_frame(self.frames, self.at['frame'])}{picked})"


# --- what the browser is sent ----------------------------------------------------------------------------------------


def pack_frames(frames: Frames) -> dict:
    """The traits of the microscope: ``facts`` for words, ``data`` for numbers, ``sprite`` for pictures."""
    coordinates, step = whole_numbers(frames.points)
    labels = [np.where(group.labels < 0, len(group.classes), group.labels) for group in frames.groups.values()]
    data, where = packed({"points": coordinates, "labels": np.array(labels, np.int16), "numbers": frames.chosen})
    sprite, layout = (b"", None) if frames.pictures is None else sprite_of(as_images(frames.pictures))
    low, high = frames.points.min((0, 1, 2)), frames.points.max((0, 1, 2))
    facts = {
        "tasks": tasks_of(frames.tasks),
        "axis": axis_of(frames),
        "frames": [
            {"title": title, "label": label(frames, f), "read": read_off(frames, f), "text": say_frame(frames, f)}
            for f, title in enumerate(titles(frames))
        ],
        "split": frames.split,
        "step": step,
        "box": [float(end) for end in (low[0], high[0], low[1], high[1])],
        "n": len(frames.chosen),
        "where": where,
        "colours": [{"name": name, "groups": marks(group)} for name, group in frames.groups.items()],
        "sprite": layout,
        "caption": sentences(notes_on_maps(frames)),
        "words": WORDS,
        "told": TOLD,
    }
    return {"facts": facts, "data": data, "sprite": sprite}


def whole_numbers(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Numbers as int16 and the step between two neighbouring ones: values ≈ int16 · step."""
    step = float(np.abs(values).max(initial=0)) / LARGEST or 1.0
    return np.rint(values / step).astype(np.int16), step


def sprite_of(images: np.ndarray) -> tuple[bytes, dict]:
    """The pictures side by side as one JPEG, each shrunk to fit a cell and its edge repeated; and where they lie."""
    n, height, width = images.shape[:3]
    columns, share = math.ceil(math.sqrt(n)), min(1, CELL / max(height, width))
    tall, wide = max(1, round(height * share)), max(1, round(width * share))
    small = (255 * images + 0.5).astype(np.uint8)
    if share < 1:
        small = np.stack([np.asarray(Image.fromarray(one).resize((wide, tall), Image.Resampling.BOX)) for one in small])
    cells = np.pad(small, ((0, 0), (0, CELL - tall), (0, CELL - wide), (0, 0)), "edge")
    cells = np.pad(cells, ((0, columns * math.ceil(n / columns) - n), (0, 0), (0, 0), (0, 0)))
    whole = cells.reshape(-1, columns, CELL, CELL, 3).swapaxes(1, 2).reshape(-1, columns * CELL, 3)
    grey = (whole[..., :1] == whole).all()
    buffer = io.BytesIO()
    Image.fromarray(whole[..., 0] if grey else whole).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue(), {"cell": CELL, "width": wide, "height": tall, "columns": columns}
