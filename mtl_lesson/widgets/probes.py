"""What does one task know about another? A probe matrix with a switch for the layer and one for the untrained floor."""

from __future__ import annotations

from dataclasses import dataclass

import ipywidgets as widgets
import numpy as np
import pandas as pd

from ..evidence import interval
from ..show.drawing import Drawing
from ..show.maps import map_of_differences, probe_matrix
from ..show.style import about
from .base import Pictured, Told

FLOOR = "untrained"
PLACE = ["way", "trained_on", "layer", "probed_for"]


@dataclass(frozen=True)
class Matrix:
    """What is on show: mean scores ``values`` (rows, columns) and the ``ends`` (2, rows, columns) of their intervals
    over the seeds; or, where ``above`` is true, how far they lie above the untrained trunk's, seed by seed."""

    values: np.ndarray
    ends: np.ndarray
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    above: bool


def compute_matrix(table: pd.DataFrame, layer: str, above: bool) -> Matrix:
    """The matrix of one layer; a value below the floor stays below 0, for training can blind."""
    here = table[table.layer == layer]
    scores = here.pivot_table(index=["way", "trained_on"], columns=["probed_for", "seed"], values="score", sort=False)
    if above:
        floor = scores.xs(FLOOR, level="way").iloc[0]
        scores = scores.drop(FLOOR, level="way") - floor
    columns = tuple(dict.fromkeys(here.probed_for))
    found = [interval(scores[column].to_numpy().T) for column in columns]
    mean, low, high = (np.stack(part, 1) for part in zip(*found, strict=True))
    rows = tuple(way if way == FLOOR else f"{way}: {trained}" for way, trained in scores.index)
    return Matrix(mean, np.stack([low, high]), rows, columns, above)


class Probes(Told, Pictured, widgets.VBox):
    """Probes of stored models: ``table`` as ``bank.load("inside_probes")``, with a row for each way, task trained on,
    layer, task probed for and seed, and rows of an "untrained" trunk.

    Values: ``layer``, ``above`` (whether the untrained floor is taken off), ``matrix``, ``text``. ValueError for a
    table without these columns or without the floor.
    """

    def __init__(self, table: pd.DataFrame, *, layer: str | None = None, above: bool = False):
        if missing := {*PLACE, "seed", "score"} - set(table):
            raise ValueError(f"the table has no column {sorted(missing)[0]!r}")
        self.layers = list(dict.fromkeys(table.layer))
        if not self.layers or set(table[table.way == FLOOR].layer) != set(self.layers):
            raise ValueError(f"the table needs rows with way {FLOOR!r} for each layer: the floor of every probe")
        if layer is not None and layer not in self.layers:
            raise ValueError(f"there is no layer {layer!r}; there are {', '.join(self.layers)}")
        self.table = table
        self.choice = widgets.ToggleButtons(options=self.layers, value=layer or self.layers[-1], description="layer")
        self.switch = widgets.ToggleButtons(
            options=[("score", False), ("minus the untrained trunk", True)],
            value=above,
            description="show",
            style={"button_width": "auto"},
        )
        self.image, self.status = widgets.HTML(), widgets.HTML()
        super().__init__(
            [widgets.HBox([self.choice, self.switch], layout={"flex_flow": "row wrap"}), self.status, self.image]
        )
        for control in (self.choice, self.switch):
            control.observe(self.guarded(lambda _: self.show()), "value")
        self.show()

    @property
    def layer(self) -> str:
        return self.choice.value

    @property
    def above(self) -> bool:
        return self.switch.value

    def show(self) -> None:
        """Compute, draw, say."""
        self.matrix = compute_matrix(self.table, self.layer, self.above)
        self.drawing = draw_matrix(self.matrix, self.layer)
        self.image.value = self.drawing._repr_html_()
        values, ends = self.matrix.values, []
        for name, place in (("most", values.argmax()), ("least", values.argmin())):
            row, column = np.unravel_index(place, values.shape)
            where = f"{self.matrix.columns[column]} from {self.matrix.rows[row]}"
            ends.append(f"{name} {where}, {about(values[row, column], '%')}")
        self.text = f"{self.layer}, {'above the untrained trunk' if self.above else 'score'}: {'; '.join(ends)}"
        self.say(self.text)

    def __repr__(self) -> str:
        return f"Probes({self.text})"


def draw_matrix(matrix: Matrix, layer: str) -> Drawing:
    if not matrix.above:
        return probe_matrix(matrix.values, matrix.rows, matrix.columns, intervals=matrix.ends, title=layer)
    back = slice(None, None, -1)  # its first row is the lowest
    return map_of_differences(
        matrix.values[back],
        matrix.rows[back],
        matrix.columns,
        matrix.ends[:, back],
        row_name="trained on",
        column_name="probed for",
        positive="training added",
        negative="training took away",
        title=f"{layer}, minus the untrained trunk",
    )
