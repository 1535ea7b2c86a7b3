"""The plane of two tasks: its state in Python. The browser draws, and computes the answers again (arrows.js)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import traitlets

from ..arguments import real
from ..show.arrows import WORDS, ratio_text, say_arrows, two_names
from ..show.arrows import arrows as drawing_of
from ..show.drawing import Drawing
from ..show.style import colours_of, for_text
from ..weighting.plane import METHODS, angle_between, answers_of, at_angle, pair_of_weights
from ..words import about
from .base import Panel, checked, script, stylesheet

MOST = 1000.0  # a weight
ROOM = 1.15  # how much longer than the longest at first a gradient may become
#: what a front is made of, W weights of T = 2 tasks and E epochs
SHAPES = {"weights": "W 2", "scores": "W 2", "curves": "W E 2", "angles": "W", "sizes": "W 2"}


def arrows(
    angle: float = 120,
    sizes: Sequence[float] = (1, 0.5),
    *,
    names: Sequence[str] = ("task 1", "task 2"),
    methods: Iterable[str] = ("weighted sum", "PCGrad"),
    weights: Sequence[float] = (1, 1),
    front: Mapping[str, object] | None = None,
    unit: str = "%",
) -> Arrows:
    """Two tasks' gradients as arrows to drag, with what methods make of them; and a front to move along.

        mtl.arrows(angle=120, sizes=(1, 0.5))
        mtl.arrows(names=("garment", "colour"), front={"weights": …, "scores": …, "curves": …, "angles": …, "sizes": …})

    ``methods``: those of :data:`~mtl_lesson.weighting.plane.METHODS` that are shown at first. ``weights``: of the
    weighted sum, which is drawn for weights scaled to add up to 2, so that only their ratio shows.

    ``front``: arrays for W fixed weights and E epochs: ``weights`` (W, 2), ``scores`` (W, 2) at the end, ``curves`` (W,
    E, 2) while training, ``angles`` (W,) in degrees and ``sizes`` (W, 2) of the gradients measured there. A slider then
    moves along it, and the arrows are those measured, until one is dragged. ``unit`` "%": scores are fractions.

    Raises ValueError for what is no pair of gradients, weights or names, for an unknown method, and for a front that
    lacks an array or has one of another shape.
    """
    held = None if front is None else as_front(front)
    if held is not None:
        angle, sizes, weights = held["angles"][0], held["sizes"][0], held["weights"][0]
    gradients, shown = at_angle(angle, sizes), [number_of(name) for name in methods]
    limits = [real(weight, "a weight", 0, MOST) for weight in pair_of_weights(weights)]
    return Arrows(gradients, two_names(names), shown, limits, held, unit)


class Arrows(Panel):
    """Two gradients to drag: see :func:`arrows`. :meth:`put`, :meth:`show` and :meth:`move` do what the controls do."""

    _esm, _css = script("arrows"), stylesheet("arrows")

    #: both gradients, where they were moved by hand; empty where they are as given or as measured
    tips = traitlets.List().tag(sync=True)
    #: the weighted sum's weights, where they were typed; empty where they are as given or those of the front
    weights = traitlets.List().tag(sync=True)
    #: the numbers of the methods whose answers are shown
    shown = traitlets.List().tag(sync=True)
    #: the place on the front
    at = traitlets.Int().tag(sync=True)
    sent = (*Panel.sent, "tips", "weights", "shown", "at")

    def __init__(self, gradients, names, shown, weights, front, unit):
        self.names, self.front, self.unit = names, front, unit
        self.given = (
            gradients[None] if front is None else np.stack(list(map(at_angle, front["angles"], front["sizes"])))
        )
        self.given_weights = np.array([weights]) if front is None else front["weights"]
        self.longest = ROOM * float(np.linalg.norm(self.given, axis=2).max())
        self.least = self.longest / 100
        super().__init__(facts=self.told(), tips=[], weights=[], shown=sorted(set(shown)), at=0)

    def told(self) -> dict:
        """What the browser is told once."""
        colours = colours_of(self.names)
        front = None
        if self.front is not None:
            front = {name: self.front[name].tolist() for name in ("scores", "curves")}
            front["epochs"] = list(range(1, len(front["curves"][0]) + 1))
        return {
            "words": WORDS,
            "tasks": [{"name": name, "colour": colours[name], "ink": for_text(colours[name])} for name in self.names],
            "methods": METHODS,
            "given": self.given.tolist(),
            "weights": self.given_weights.tolist(),
            "longest": self.longest,
            "least": self.least,
            "most": MOST,
            "front": front,
            "unit": self.unit,
            "caption": WORDS["caption"],
        }

    # --- what is on show -------------------------------------------------------------------------------------------

    @property
    def gradients(self) -> np.ndarray:
        """Both gradients, (2, 2)."""
        return np.array(self.tips) if self.tips else self.given[self.at]

    @property
    def weighting(self) -> tuple[float, float]:
        """The weights of the weighted sum."""
        return tuple(self.weights or self.given_weights[self.at].tolist())

    @property
    def answers(self) -> dict[str, np.ndarray]:
        """What the methods on show make of the gradients; the sum with weights that add up to 2."""
        w = np.array(self.weighting)
        return answers_of(*self.gradients, [METHODS[number] for number in self.shown], 2 * w / w.sum())

    @property
    def place(self) -> str:
        """Where on the front it is, in words; empty without a front."""
        if self.front is None:
            return ""
        (one, two), (x, y) = self.names, self.front["scores"][self.at]
        w1, w2 = map(ratio_text, self.given_weights[self.at])
        told = {"one": one, "two": two, "w1": w1, "w2": w2, "x": about(x, self.unit), "y": about(y, self.unit)}
        return WORDS["place"].format(**told) + (WORDS["moved"] if self.tips else "")

    @property
    def text(self) -> str:
        """What the status line says."""
        said = say_arrows(self.gradients, self.answers, self.names, self.weighting)
        return f"{self.place}; {said}" if self.place else said

    # --- what is refused -------------------------------------------------------------------------------------------

    @traitlets.validate("tips")
    def _check_tips(self, proposal: dict) -> list[list[float]]:
        """Refuses (TraitError) what are not two arrows of a size that can be drawn."""
        if not proposal["value"]:
            return []
        try:
            tips = np.array(proposal["value"], float)
            long = np.linalg.norm(tips, axis=1)
            fits = tips.shape == (2, 2) and ((self.least * 0.999 <= long) & (long <= self.longest * 1.001)).all()
        except (TypeError, ValueError):
            fits = False
        if not fits:
            raise traitlets.TraitError(f"two arrows, {about(self.least)} to {about(self.longest)} long, are needed")
        return tips.tolist()

    @traitlets.validate("weights")
    def _check_weights(self, proposal: dict) -> list[float]:
        """Refuses (TraitError) what are not two weights."""
        try:
            found = [real(w, "a weight", 0, MOST) for w in proposal["value"]]
            return found and pair_of_weights(found).tolist()
        except (TypeError, ValueError) as error:
            raise traitlets.TraitError(str(error)) from None

    @traitlets.validate("shown")
    def _check_shown(self, proposal: dict) -> list[int]:
        """Refuses (TraitError) a method that is not there."""
        return checked(proposal["value"], range(len(METHODS)), "method")

    @traitlets.validate("at")
    def _check_at(self, proposal: dict) -> int:
        """Refuses (TraitError) a place that is not on the front."""
        if not 0 <= proposal["value"] < len(self.given):
            raise traitlets.TraitError(f"there is no place {proposal['value']} on the front")
        return proposal["value"]

    # --- controls --------------------------------------------------------------------------------------------------

    def put(
        self, angle: float | None = None, sizes: Sequence[float] | None = None, weights: Sequence[float] | None = None
    ) -> Arrows:
        """Set the angle between the gradients, their sizes, the weights. Raises ValueError for what cannot be set."""
        if angle is not None or sizes is not None:
            now = np.linalg.norm(self.gradients, axis=1)
            degrees = angle_between(*self.gradients) if angle is None else angle
            self.tips = at_angle(degrees, now if sizes is None else sizes).tolist()
        if weights is not None:
            self.weights = pair_of_weights(weights).tolist()
        return self

    def show(self, *methods: str) -> Arrows:
        """Show these methods' answers and no other. Raises ValueError for an unknown one."""
        self.shown = sorted({number_of(name) for name in methods})
        return self

    def move(self, at: int) -> Arrows:
        """Go to a place on the front, by number, with the arrows as measured there. TraitError if it is not there."""
        with self.hold_trait_notifications():
            self.at, self.tips, self.weights = at, [], []
        return self

    # --- without a browser -----------------------------------------------------------------------------------------

    @property
    def title(self) -> str:
        return f"Arrows: {self.names[0]} and {self.names[1]}"

    @property
    def alt(self) -> str:
        return WORDS["alt"].format(text=self.text)

    @property
    def drawing(self) -> Drawing:
        drawn = drawing_of(*self.gradients, self.answers, names=self.names)
        return Drawing(drawn.figure, self.alt)

    def __repr__(self) -> str:
        return f"Arrows({self.text})"


def as_front(front: Mapping[str, object]) -> dict[str, np.ndarray]:
    """The arrays of a front; ValueError where one is not there, has another shape or holds what is no number."""
    if missing := [name for name in SHAPES if name not in front]:
        raise ValueError(f"a front needs {', '.join(SHAPES)}; {missing[0]!r} is not there")
    held = {name: np.asarray(front[name], float) for name in SHAPES}
    sizes = {"W": len(held["angles"]) if held["angles"].ndim else 0, "2": 2}
    sizes["E"] = held["curves"].shape[1] if held["curves"].ndim == 3 else 0
    for name, shape in SHAPES.items():
        wanted = tuple(sizes[axis] for axis in shape.split())
        if held[name].shape != wanted or not held[name].size or not np.isfinite(held[name]).all():
            axes = ", ".join(shape.split())
            raise ValueError(f"{name!r} must be finite numbers ({axes}), here {wanted}, not {held[name].shape}")
    for angle, long, w in zip(held["angles"], held["sizes"], held["weights"], strict=True):
        at_angle(angle, long)
        [real(weight, "a weight", 0, MOST) for weight in pair_of_weights(w)]
    return held


def number_of(name: str) -> int:
    if name not in METHODS:
        raise ValueError(f"there is no method {name!r} here; there are {', '.join(METHODS)}")
    return METHODS.index(name)
