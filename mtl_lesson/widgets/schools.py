"""The schools slider: move λ, and sixty-five regression lines move towards each other. Every answer is exact."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
from torch import Tensor

from ..data.world import World
from ..inspection.paths import nearest
from ..linear.closed_form import best_lambda, errors, ridge, solve
from ..show.drawing import Drawing
from ..show.schools import SchoolsPicture
from ..words import read_lambda, typed, written
from .base import Pictured, Told

KAPPAS = (0.0, *np.geomspace(1e-3, 10, 21).tolist())  # of ridge
LAMBDAS = (0.0, *np.geomspace(1e-4, 10, 21).tolist(), math.inf)


@dataclass(frozen=True)
class ExactPath:
    """What was computed: for each λ the line of every school, ``theta`` (λs, T, 2), and the mean ``error`` (λs,) on
    the validation pupils. ``shrunk``: (T, 2), every school alone and shrunk towards 0 by ridge, as much as is best on
    validation, and ``shrunk_error`` its error there: the control of borrowing, which shrinks towards the others."""

    lambdas: tuple[float, ...]
    theta: Tensor
    error: Tensor
    shrunk: Tensor
    shrunk_error: float

    @property
    def best(self) -> int:
        """The number of the λ with the least error."""
        return int(self.error.argmin())

    def nearest(self, lam: float) -> int:
        """The number of the λ nearest to ``lam``, on the logarithmic scale of the slider; 0 and ∞ stand for themselves.

        Raises ValueError for a λ that is negative or NaN.
        """
        return nearest(self.lambdas, lam)


def compute(world: World, lambdas: Sequence[float] = LAMBDAS) -> ExactPath:
    """Solve for every λ, exactly, and measure on validation."""
    theta = solve(world, list(lambdas))
    error = errors(world, theta, "validation").mean(-1)
    shrunk = ridge(world, best_lambda(world, KAPPAS, by=ridge))
    return ExactPath(tuple(lambdas), theta, error, shrunk, float(errors(world, shrunk, "validation").mean()))


class Schools(Told, Pictured, widgets.VBox):
    """A slider for λ over ``world`` (``mtl.data.schools(n)``), the schools' lines, and the error found so far.

    The error curve stays hidden but for the λs you have visited, until ``reveal()``. Values: ``lam``, ``error``,
    ``path``. ``highlight``: names of up to four schools whose pupils are drawn; by default a few whose own lines differ
    most.
    """

    def __init__(self, world: World, *, lam: float = 0.0, highlight: Sequence[str] | None = None):
        self.world, self.path = world, compute(world)
        self.highlight = tuple(highlight) if highlight is not None else unlike(world, self.path)
        for name in self.highlight:
            world.task(name)
        self.revealed = False
        self.picture = self.draw()
        index = self.path.nearest(lam)
        self.slider = widgets.SelectionSlider(
            options=[(written(value), i) for i, value in enumerate(self.path.lambdas)],
            value=index,
            description="λ",
            continuous_update=True,
            layout=widgets.Layout(width="60%"),
        )
        self.box = widgets.Text(
            value=typed(self.path.lambdas[index]),
            description="or type λ",
            continuous_update=False,
            layout=widgets.Layout(width="200px"),
        )
        self.image, self.status = widgets.HTML(), widgets.HTML()
        super().__init__([widgets.HBox([self.slider, self.box]), self.status, self.image])
        self.slider.observe(self.guarded(lambda change: self.show(change["new"])), "value")
        self.box.observe(self.guarded(lambda change: self.go_to(change["new"])), "value")
        self.show(index)

    # --- draw ------------------------------------------------------------------------------------------------------

    def draw(self, visited: Sequence[int] = ()) -> SchoolsPicture:
        names = [task.name for task in self.world.tasks]
        x = np.concatenate([x[:, 1].numpy() for x in self.world.train.inputs.values()])
        pupils = {
            name: (self.world.train.x[name][:, 1].numpy(), self.world.train.labels[name].numpy())
            for name in self.highlight
        }
        return SchoolsPicture(
            (x.min(), x.max()),
            self.path.theta,
            self.path.theta[-1][0],
            self.path.lambdas,
            self.path.error,
            names,
            pupils,
            shrunk_error=self.path.shrunk_error,
            reveal=self.revealed,
            visited=visited,
        )

    def reveal(self) -> Schools:
        """Draw the whole error curve."""
        self.revealed = True
        self.picture = self.draw(self.picture.visited)
        self.show(self.index)
        return self

    # --- control ---------------------------------------------------------------------------------------------------

    @property
    def lam(self) -> float:
        """The λ on show."""
        return self.path.lambdas[self.index]

    @property
    def error(self) -> float:
        """The mean squared error at ``lam`` on pupils not trained on."""
        return float(self.path.error[self.index])

    def go_to(self, text: str) -> None:
        """Move to what was typed: a number, 0, or ∞ (also "inf")."""
        lam = read_lambda(text)
        index = self.path.nearest(lam)
        if index == self.slider.value:
            self.show(index)
        self.slider.value = index
        if abs(lam - self.lam) > 0.02 * self.lam:
            self.say(f"The computed λ nearest to {text.strip()} is {written(self.lam)}. {self.text}")

    def show(self, index: int) -> None:
        """Compute nothing, draw one picture, say it."""
        self.index = index
        self.drawing: Drawing = self.picture.update(index)
        self.image.value = self.drawing._repr_html_()
        self.text = f"λ = {written(self.lam)}: mean squared error ≈ {self.error:.3f} on pupils not trained on"
        self.say(self.text)
        self.box.value = typed(self.lam)  # which the box reports as a change, and which leads here

    def __repr__(self) -> str:
        return f"Schools({len(self.world.tasks)} schools; {self.text})"


def unlike(world: World, path: ExactPath, count: int = 3) -> tuple[str, ...]:
    """Schools whose own lines, at λ = 0, have the least, a middle and the greatest slope."""
    order = path.theta[0][:, 1].argsort().tolist()
    return tuple(world.tasks[i].name for i in (order[0], order[len(order) // 2], order[-1])[:count])
