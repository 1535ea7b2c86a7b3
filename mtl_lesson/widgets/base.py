"""What the widgets have in common: a picture with its alt text, callbacks whose errors are shown, and for those that
the browser draws what it is sent and a page that needs no kernel."""

from __future__ import annotations

import base64
import html
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path as File

import anywidget
import ipywidgets
import numpy as np
import traitlets

from ..show.drawing import Drawing
from ..show.style import colours_of
from ..tasks import Task

HERE = File(__file__).parent


class Pictured:
    """A widget with a ``drawing`` of what is on show, which a notebook without a kernel displays."""

    drawing: Drawing

    def _repr_mimebundle_(self, **options: object) -> dict | tuple:
        """The live view, and for a notebook without a kernel the picture with its alt text."""
        bundle = super()._repr_mimebundle_(**options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"], data["text/html"] = repr(self), self.drawing._repr_html_()
        return bundle


class Guarded:
    """A widget whose callbacks show what goes wrong in them; otherwise nobody would see it."""

    def guarded(self, act: Callable[..., object]) -> Callable[..., None]:
        """``act`` as a callback whose error is shown by :meth:`went_wrong`."""

        def run(*given: object) -> None:
            try:
                act(*given)
            except Exception as error:
                self.went_wrong(error)

        return run

    def went_wrong(self, error: Exception) -> None:
        """Show an error of a callback."""
        raise NotImplementedError


class Told(Guarded):
    """A widget made of ipywidgets, with a ``status`` line that a screen reader reads out."""

    status: ipywidgets.HTML

    def say(self, words: str) -> None:
        """Put words into the status line."""
        words = html.escape(" ".join(words.split()))
        self.status.value = f'<div role="status" aria-live="polite">{words}</div>'

    def went_wrong(self, error: Exception) -> None:
        self.status.value = f'<div role="alert" style="color:#B00020">{html.escape(str(error))}</div>'


def script(name: str) -> str:
    """The module of a widget: what all have in common, and its own file. No bundler is needed."""
    return read("common.js") + "\n" + read(f"{name}.js")


def stylesheet(name: str) -> str:
    """The style sheet of a widget, likewise."""
    return read("common.css") + "\n" + read(f"{name}.css")


def read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


class Panel(Pictured, Guarded, anywidget.AnyWidget):
    """A widget that the browser draws, without the kernel: everything it needs is in ``facts`` and ``data``.

    ``facts``: words and numbers. ``data``: arrays, as :func:`packed`. ``trouble``: what went wrong in Python. ``sent``:
    the traits that the browser reads. Each panel has its ``_esm`` and ``_css`` (:func:`script`, :func:`stylesheet`).
    """

    facts = traitlets.Dict().tag(sync=True)
    data = traitlets.Bytes().tag(sync=True)
    trouble = traitlets.Unicode().tag(sync=True)
    sent = ("facts", "data")

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
        """What the page is called."""
        raise NotImplementedError

    def page(self) -> str:
        """A complete page of HTML in which the widget runs without Python, without a kernel and without a network."""
        held = {name: as_json(value) for name, value in self.held().items()}
        # "<" as an escape: no name from data can end the element it stands in
        traits = json.dumps(held, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
        words = {"title": html.escape(self.title), "alt": html.escape(self.alt)}
        return PAGE.format(**words, css=self._css, esm=self._esm, stand_in=read("page.js"), traits=traits)

    def held(self) -> dict[str, object]:
        """What a page holds: the traits that the browser reads."""
        return {name: getattr(self, name) for name in self.sent}

    def save(self, path: str | os.PathLike) -> None:
        """Write :meth:`page` to a file. Raises OSError where that cannot be done."""
        File(path).write_text(self.page(), encoding="utf-8")

    def went_wrong(self, error: Exception) -> None:
        self.trouble = str(error) if isinstance(error, ValueError) else f"That did not work ({error})."


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0 auto; max-width: 1240px; }}
{css}
</style>
</head>
<body>
<main></main>
<noscript><p>{alt}</p></noscript>
<script type="application/json" id="traits">{traits}</script>
<script type="module">
{esm}
{stand_in}
</script>
</body>
</html>
"""


def as_json(value: object) -> object:
    """A trait as the page holds it: bytes as text."""
    return {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value


# --- what the browser is sent, and what it sends -------------------------------------------------------------------

LARGEST = 32767  # of int16
KINDS = {"<i2": "Int16Array", "<i4": "Int32Array", "<f4": "Float32Array"}


def packed(arrays: Mapping[str, np.ndarray]) -> tuple[bytes, dict[str, list]]:
    """Arrays as one run of bytes, and name → [type, first byte, numbers]."""
    data, where = b"", {}
    for name, values in arrays.items():
        values = np.ascontiguousarray(values)
        values = values.astype("<i2" if values.dtype == np.int16 else "<i4" if values.dtype.kind == "i" else "<f4")
        where[name] = [KINDS[values.dtype.str], len(data), values.size]
        data += values.tobytes() + b"\0" * (-values.nbytes % 4)
    return data, where


def tasks_of(tasks: Iterable[Task]) -> list[dict]:
    """Each task's name and colour."""
    names = [task.name for task in tasks]
    colours = colours_of(names)
    return [{"name": name, "colour": colours[name]} for name in names]


def checked(numbers: object, known: Iterable[int], what: str) -> list[int]:
    """Whole numbers, each once and ascending; TraitError for one that is not among the known."""
    for number in numbers:
        if isinstance(number, bool) or not isinstance(number, int) or number not in known:
            raise traitlets.TraitError(f"there is no {what} {number!r} here")
    return sorted(set(numbers))
