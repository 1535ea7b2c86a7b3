"""A Drawing: a figure, and what it shows in words."""

from __future__ import annotations

import base64
import html
import io
from os import PathLike

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from .fonts import make_legible, quiet
from .style import DPI, style

SHARP = 1.5  # dots drawn for each dot shown, so that a figure stays sharp on a fine or enlarged screen


class Drawing:
    """A figure that can be seen and heard: ``figure`` for the eye, ``alt`` for a screen reader.

    A notebook shows it as one picture with its alt text. ``png``: the picture, where it has been drawn already.
    """

    def __init__(self, figure: Figure, alt: str, png: bytes | None = None):
        self.figure, self.alt, self._png = figure, " ".join(alt.split()), png

    def png(self) -> bytes:
        """The picture as it is shown."""
        return self._png or render(self.figure, "png", DPI * SHARP)

    def save(self, path: str | PathLike, dpi: float = 200) -> None:
        """Write the figure to a file; its ending says the format (.png, .svg, .pdf)."""
        ending = str(path).rpartition(".")[2]
        data = render(self.figure, ending, dpi)
        with open(path, "wb") as file:
            file.write(data)

    def _repr_html_(self) -> str:
        data = base64.b64encode(self.png()).decode()
        width = round(self.figure.get_figwidth() * DPI)
        return (
            f'<img alt="{html.escape(self.alt)}" width="{width}" style="max-width:100%" '
            f'src="data:image/png;base64,{data}">'
        )

    def __repr__(self) -> str:
        return f"Drawing: {self.alt}"


def render(figure: Figure, format: str, dpi: float) -> bytes:
    """The figure as a file's content, in the course's style whatever the learner's settings are."""
    buffer = io.BytesIO()
    with style(), quiet():
        make_legible(figure)  # a learner's names may hold letters that the font lacks
        if figure.canvas is None or type(figure.canvas).__name__ == "FigureCanvasBase":
            FigureCanvasAgg(figure)
        figure.savefig(buffer, format=format, dpi=dpi)
    return buffer.getvalue()
