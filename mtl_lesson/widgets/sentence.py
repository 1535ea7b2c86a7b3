"""A sentence with numbers in it that can be dragged: what a formula says, where a slider would be too much."""

from __future__ import annotations

import html
import itertools
import math
import string
from collections.abc import Callable, Iterable, Mapping

import anywidget
import traitlets

from ..show.style import rounded
from .base import Panel, script, stylesheet

MOST = 20_000  # sentences that a page is sent


class Sentence(Panel):
    """A ``template`` whose numbers a learner drags, or steps with the arrow keys, and whose consequences follow.

        Sentence("With {n} pupils of its own and {k} borrowed, its own decide {share}.",
                 lambda n, k: {"share": f"≈ {n / (n + k):.0%}"}, n=range(1, 61), k=range(61), start={"n": 10, "k": 6})

    ``numbers``: a name of the template → the values that it may take, in order. ``says(**values)`` returns the texts
    of all other names. It is asked once for every combination, so that the page needs no Python. ``start``: where each
    begins, else at its first value. ``text``: the sentence on show; ``values``: its numbers; :meth:`put` sets them.

    Raises ValueError for a name of the template that nothing fills, one that is filled twice or never asked for, for a
    number without values, a start that is none of them, and for more than 20,000 combinations.
    """

    _esm, _css = script("sentence"), stylesheet("sentence")

    #: name → the number of its value
    at = traitlets.Dict().tag(sync=True)
    sent = ("facts", "at")

    def __init__(
        self,
        template: str,
        says: Callable[..., Mapping[str, object]],
        *,
        start: Mapping[str, float] | None = None,
        **numbers: Iterable[float],
    ):
        self.numbers = {name: list(values) for name, values in numbers.items()}
        self.template = template
        parts = [(text, name) for text, name, *_ in string.Formatter().parse(template)]
        asked = {name for _, name in parts if name is not None}
        if unknown := [name for name, values in self.numbers.items() if not values or name not in asked]:
            raise ValueError(f"{unknown[0]!r} has no values, or does not stand in the sentence {template!r}")
        many = math.prod(map(len, self.numbers.values()))
        if not 1 <= many <= MOST:
            raise ValueError(f"there would be {many:,} sentences, and at most {MOST:,} can be held: take fewer values")
        self.told = {
            places: {name: str(text) for name, text in says(**self.at_places(places)).items()}
            for places in itertools.product(*(range(len(values)) for values in self.numbers.values()))
        }
        for texts in self.told.values():
            if set(texts) & set(self.numbers) or set(texts) | set(self.numbers) != asked:
                raise ValueError(
                    f"the sentence asks for {', '.join(sorted(asked))}; its numbers are {', '.join(self.numbers)}, and "
                    f"says() gives {', '.join(texts) or 'nothing'}: each name is filled once"
                )
        at = {name: self.place(name, value) for name, value in (start or {}).items()}
        facts = {
            "words": {},
            "caption": "Drag an underlined number, or use the arrow keys.",
            "parts": [[text, name or ""] for text, name in parts],
            "numbers": {name: [rounded_off(value) for value in values] for name, values in self.numbers.items()},
            "told": {",".join(map(str, places)): texts for places, texts in self.told.items()},
        }
        super().__init__(facts=facts, at=dict.fromkeys(self.numbers, 0) | at)

    def at_places(self, places: Iterable[int]) -> dict[str, float]:
        """The numbers whose places in their rows of values are these."""
        return {name: values[place] for (name, values), place in zip(self.numbers.items(), places, strict=True)}

    def place(self, name: str, value: float) -> int:
        if value not in self.numbers.get(name, ()):
            raise ValueError(f"{name} = {value!r} is none of the values that the sentence's numbers may take")
        return self.numbers[name].index(value)

    @traitlets.validate("at")
    def _check(self, proposal: dict) -> dict:
        """Refuses (TraitError) a place that is not there, whoever asks for it."""
        at = proposal["value"]
        if set(at) != set(self.numbers) or tuple(at[name] for name in self.numbers) not in self.told:
            raise traitlets.TraitError(f"there is nothing to say at {at}")
        return at

    @property
    def values(self) -> dict[str, float]:
        return self.at_places(self.at.values())

    @property
    def text(self) -> str:
        shown = {name: self.facts["numbers"][name][place] for name, place in self.at.items()}
        return self.template.format(**shown, **self.told[tuple(self.at[name] for name in self.numbers)])

    def put(self, **numbers: float) -> Sentence:
        """Set numbers of the sentence. ValueError for one that is not there."""
        self.at = self.at | {name: self.place(name, value) for name, value in numbers.items()}
        return self

    @property
    def title(self) -> str:
        return self.template

    @property
    def alt(self) -> str:
        return self.text

    def _repr_mimebundle_(self, **options: object) -> dict | tuple:
        """The live view, and for a notebook without a kernel the sentence: it needs no picture."""
        bundle = anywidget.AnyWidget._repr_mimebundle_(self, **options)
        data = bundle[0] if isinstance(bundle, tuple) else bundle
        data["text/plain"], data["text/html"] = repr(self), f"<p>{html.escape(self.text)}</p>"
        return bundle

    def __repr__(self) -> str:
        return self.text


def rounded_off(value: float) -> str:
    """A number as the sentence writes it: whole where it is."""
    return f"{int(value)}" if float(value).is_integer() else rounded(float(value))
