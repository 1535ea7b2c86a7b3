"""``predict``: the learner commits a prediction before a result appears, and meets it again afterwards.

What was committed is kept in ``predictions.json`` in the folder of the notebook, so that it survives a restart of the
kernel. The environment variable ``MTL_PREDICTIONS`` names another file; ``off`` neither reads nor writes one, so that a
notebook built or tested with it has the same outputs wherever it runs.
"""

from __future__ import annotations

import json
import math
import os
import tempfile
from collections.abc import Sequence
from decimal import Decimal
from html import escape
from itertools import count
from numbers import Real
from pathlib import Path

import ipywidgets as widgets

from .base import Told

Answer = str | float


def predict(
    question: str, options: Sequence[str] | tuple[float, float, float], key: str | None = None, *, unit: str = ""
) -> Prediction:
    """Ask for a prediction. Show what is returned as the last line of a cell, and reveal the answer in a later one.

    ``options``: two or more answers as text, or a range (least, most, step) of numbers, with ``unit`` printed after
    them. ``key``: the name under which the prediction is kept, the question itself unless given.

    Example::

        guess = mtl.predict("Which task loses most?", ["garment", "colour", "way up"], key="02/loses")
        guess
        guess.reveal("colour")  # in the cell that shows the result

    Raises TypeError or ValueError for a question or options that cannot be asked.
    """
    for value, name in ((question, "question"), (question if key is None else key, "key")):
        if not isinstance(value, str) or not value.strip():
            raise TypeError(f"the {name} must be text, not {value!r}")
    if isinstance(options, str) or not isinstance(options, Sequence):
        raise TypeError(f"options must be a list of answers or a range (least, most, step), not {options!r}")
    numbers = len(options) > 0 and all(isinstance(o, Real) and not isinstance(o, bool) for o in options)
    form = NumberForm(options, unit) if numbers else ChoiceForm(options)
    return Prediction(" ".join(question.split()), form, question if key is None else key)


class Prediction(Told):
    """A question, its panel and what the learner has committed: see :func:`predict`.

    ``value``: the committed answer, or None. ``panel``: the widget. ``form``: the answers there are.
    """

    def __init__(self, question: str, form: ChoiceForm | NumberForm, key: str):
        self.question, self.form, self.key, self.value = question, form, key, None
        self.store = PredictionFile()
        self.commit_button = widgets.Button(description="Commit")
        self.reset_button = widgets.Button(description="Reset")
        self.status = widgets.HTML()
        self.panel = widgets.VBox(
            [
                widgets.HTML(f"<strong>Predict:</strong> {escape(question)}"),
                *form.controls,
                widgets.HBox([self.commit_button, self.reset_button]),
                self.status,
            ]
        )
        self.commit_button.on_click(self.guarded(lambda _: self.commit()))
        self.reset_button.on_click(self.guarded(lambda _: self.reset()))
        self.unlock(form.prompt)
        self.guarded(self.recall)()

    def recall(self) -> None:
        """Take up what was committed before the kernel was restarted."""
        kept = self.store.read().get(self.key)
        if kept is None:
            return
        if not self.form.accepts(kept):
            self.say(f"The answers have changed since you predicted {kept}. {self.form.prompt}")
            return
        self.form.show(kept)
        self.lock(kept)

    def commit(self) -> None:
        """What the button Commit does: keep what is chosen."""
        if self.commit_button.disabled:
            return
        chosen = self.form.chosen()
        if chosen is None:
            self.say(self.form.prompt)
            return
        self.lock(chosen, self.store.write(self.key, chosen))

    def reset(self) -> None:
        """What the button Reset does: forget the prediction, until the result is out."""
        if self.reset_button.disabled:
            return
        self.value = None
        self.unlock(f"{self.form.prompt} {self.store.write(self.key, None)}")

    def reveal(self, answer: Answer, text: str = "") -> None:
        """Print what was predicted beside the measured ``answer``, then ``text``. From here on the prediction stands.

        Raises ValueError for an answer the question does not have.
        """
        measured = self.form.measured(answer)
        if self.value is None:
            words = f"You did not commit a prediction; measured: {measured}."
        else:
            words = f"You predicted {self.form.words(self.value)}. Measured: {measured}. "
            words += self.form.compare(self.value, answer)
        words = f"{words} {text}".strip()
        self.form.disable(True)
        self.commit_button.disabled = self.reset_button.disabled = True
        self.say(words)
        print(words)

    def lock(self, value: Answer, note: str = "") -> None:
        self.value = value
        self.form.disable(True)
        self.commit_button.disabled, self.reset_button.disabled = True, False
        self.say(f"You predicted {self.form.words(value)}. {note} Changed your mind? Press Reset.")

    def unlock(self, words: str) -> None:
        self.form.disable(False)
        self.commit_button.disabled, self.reset_button.disabled = False, True
        self.say(words)

    def went_wrong(self, error: Exception) -> None:
        """Say what went wrong, and where the file of predictions is unreadable how to go on."""
        how = self.form.prompt if isinstance(error, Unreadable) else ""
        self.say(f"{error} {how}" if how else f"That did not work ({type(error).__name__}: {error}).")

    def __repr__(self) -> str:
        state = "not committed" if self.value is None else f"committed: {self.form.words(self.value)}"
        return f"Prediction({self.question}; {state})"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, object]:
        return {**self.panel._repr_mimebundle_(), "text/plain": repr(self)}


class ChoiceForm:
    """One of several answers; none is chosen to begin with."""

    prompt = "Choose an answer, then press Commit."

    def __init__(self, options: Sequence[str]):
        self.options = [option.strip() if isinstance(option, str) else option for option in options]
        for option in self.options:
            if not isinstance(option, str) or not option:
                raise TypeError(f"an answer must be text, not {option!r}; a range is (least, most, step)")
        if len(set(self.options)) < max(2, len(self.options)):
            raise ValueError(f"a question needs two or more different answers, not {self.options}")
        self.radio = widgets.RadioButtons(options=self.options, value=None, layout={"width": "max-content"})
        self.controls = [self.radio]

    def chosen(self) -> str | None:
        return self.radio.value

    def accepts(self, value: object) -> bool:
        return isinstance(value, str) and value in self.options

    def show(self, value: str) -> None:
        self.radio.value = value

    def disable(self, disabled: bool) -> None:
        self.radio.disabled = disabled

    def words(self, value: str) -> str:
        return value

    def measured(self, answer: str) -> str:
        if not self.accepts(answer):
            raise ValueError(f"{answer!r} is none of the answers {', '.join(self.options)}")
        return answer

    def compare(self, value: str, answer: str) -> str:
        return "As you predicted." if value == answer else "Not what you predicted."


class NumberForm:
    """A number from a range, with a slider and a number box. Until one of them is moved, nothing is chosen."""

    prompt = "Move the slider or type a number, then press Commit."

    def __init__(self, limits: Sequence[float], unit: str = ""):
        if len(limits) != 3:
            raise ValueError(f"a range is (least, most, step), not {tuple(limits)}; answers to choose from are text")
        least, most, step = limits = tuple(map(float, limits))
        if not all(map(math.isfinite, limits)) or not 0 < step <= most - least:
            raise ValueError(f"a range (least, most, step) needs finite least < most and 0 < step, not {limits}")
        self.least, self.most, self.step = least, most, step
        self.unit = f" {unit}" if unit else ""
        self.digits = max(0, *(-Decimal(str(number)).normalize().as_tuple().exponent for number in (least, step)))
        place = {"min": least, "max": most, "step": step, "value": least}
        self.slider = widgets.FloatSlider(**place, readout=False, description="Your number")
        self.box = widgets.BoundedFloatText(**place, description=unit, layout={"width": "12em"})
        widgets.link((self.slider, "value"), (self.box, "value"))
        self.moved = False
        self.slider.observe(self.on_move, "value")
        self.controls = [widgets.HBox([self.slider, self.box])]

    def on_move(self, _: object) -> None:
        self.moved = True

    def chosen(self) -> float | None:
        """The number shown, rounded to a step; None if it was never moved."""
        steps = round((self.slider.value - self.least) / self.step)
        return min(round(self.least + steps * self.step, self.digits), self.most) if self.moved else None

    def accepts(self, value: object) -> bool:
        return isinstance(value, Real) and not isinstance(value, bool) and self.least <= value <= self.most

    def show(self, value: float) -> None:
        self.slider.value = value

    def disable(self, disabled: bool) -> None:
        self.slider.disabled = self.box.disabled = disabled

    def words(self, value: float) -> str:
        return f"{value:.{self.digits}f}{self.unit}".replace("-", "−")

    def measured(self, answer: float) -> str:
        if not isinstance(answer, Real) or isinstance(answer, bool) or not math.isfinite(answer):
            raise ValueError(f"the answer to this question is a finite number, not {answer!r}")
        return f"≈ {self.words(answer)}"

    def compare(self, value: float, answer: float) -> str:
        off = value - answer
        if abs(off) <= self.step / 2:
            return "As you predicted, to the step of the slider."
        unit = " percentage points" if self.unit == " %" else self.unit
        size = f"≈ {abs(off):.{self.digits}f}{unit}"
        return f"Your prediction was {size} too {'high' if off > 0 else 'low'}."


class Unreadable(Exception):
    """The file of predictions is there and cannot be read; the message says why."""


class PredictionFile:
    """The file of predictions: {key: answer}. Trouble with it is put into words and never loses what it holds."""

    def __init__(self):
        name = os.environ.get("MTL_PREDICTIONS") or "predictions.json"
        self.path = None if name.lower() == "off" else Path(name).absolute()

    def read(self) -> dict[str, Answer]:
        """What is kept. Raises Unreadable for a file that is damaged or may not be read."""
        if self.path is None:
            return {}
        try:
            kept = json.loads(self.path.read_text(encoding="utf-8"))
            if not isinstance(kept, dict):
                raise ValueError("it holds no predictions")
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, RecursionError) as error:
            reason = getattr(error, "strerror", None) or str(error)
            raise Unreadable(f"Earlier predictions in {self.path.name} cannot be read ({reason}).") from None
        return kept

    def write(self, key: str, value: Answer | None) -> str:
        """Keep an answer, or forget it (None). Returns "" or, in words, why it is not saved or what became of the rest.

        The file is replaced as a whole, so that it is never half written. A damaged one is set aside first.
        """
        if self.path is None:
            return "This is not saved: MTL_PREDICTIONS is off."
        note = ""
        try:
            try:
                kept = self.read()
            except Unreadable as error:
                names = (self.path.with_name(f"{self.path.name}.damaged{n}") for n in count(1))
                aside = next(name for name in names if not name.exists())
                os.replace(self.path, aside)
                kept, note = {}, f"{error} They were set aside as {aside.name}."
            kept = {name: answer for name, answer in kept.items() if name != key}
            if value is not None:
                kept[key] = value
            text = json.dumps(kept, ensure_ascii=False, indent=1)
            with tempfile.TemporaryDirectory(dir=self.path.parent, prefix=".predictions") as folder:
                whole = Path(folder) / "whole"
                whole.write_text(text, encoding="utf-8")
                os.replace(whole, self.path)
        except OSError as error:
            return f"This could not be saved ({error.strerror or error}), so it lasts until this cell is run again."
        return note
