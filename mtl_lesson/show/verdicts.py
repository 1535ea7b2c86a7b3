"""Claims with their verdicts as a compact table: in a notebook to be read, as text the same words, a line a claim."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping, Sequence

from ..evidence import Claim
from .comparisons import VERDICTS

# The table brings its own paper: no colour of a verdict could be read on JupyterLab's white and on its dark one alike.
FRAME = (
    "border-collapse:collapse;background:#fff;color:#222;font-size:13px;line-height:1.35;margin:4px 0;max-width:100%"
)
CELL = "padding:4px 6px;border-top:1px solid #D8D8D8;text-align:left;vertical-align:top;background:#fff;color:#222"
NUMBER = f"{CELL};white-space:nowrap;font-variant-numeric:tabular-nums"
WORDS = f"{CELL};min-width:10em;overflow-wrap:anywhere"  # a word is split only where it is longer than that
HEAD = "padding:2px 6px;text-align:left;vertical-align:bottom;font-weight:600;color:#5F5F5F;background:#fff"
NOTE = "padding:2px 6px;text-align:left;color:#5F5F5F;background:#fff"


class Verdicts:
    """Claims to be shown: ``claims``, of which the first ``primary`` ones are what the lesson stands on."""

    def __init__(self, claims: Sequence[Claim], primary: int = 0, title: str | None = None):
        self.claims, self.primary, self.title = list(claims), primary, title

    def __repr__(self) -> str:
        return "\n".join(map(repr, self.claims))

    def _repr_html_(self) -> str:
        heads = "".join(f'<th scope="col" style="{HEAD}">{name}</th>' for name in self.heads)
        caption = f'<caption style="{HEAD};caption-side:top">{safe(self.title)}</caption>' if self.title else ""
        rows = "".join(self.row(number, one) for number, one in enumerate(self.claims))
        points = any(one.unit == "%" for one in self.claims)
        note = f'<tr><td colspan="{len(self.heads)}" style="{NOTE}">points: percentage points</td></tr>'
        foot = f"<tfoot>{note}</tfoot>" if points else ""
        return f'<table style="{FRAME}">{caption}<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody>{foot}</table>'

    heads = ("verdict", "claim", "mean difference", "95 % interval", "over")

    def row(self, number: int, one: Claim) -> str:
        """One claim: verdict, words, mean with its unit, interval, pairs. Numbers and verdicts never break."""
        mark, colour = VERDICTS[one.verdict]
        mean, low, high = one.rounded()
        unit = {"%": " points", "": ""}.get(one.unit, f" {one.unit}")
        pairs = f"{one.n} {one.pairs.removeprefix('paired ')}"
        pairs = f"{one.groups}, {pairs}" if one.groups else pairs
        over = f'<span style="white-space:nowrap">{safe(pairs)}</span>{", corrected for overlap" * one.corrected}'
        first = number < self.primary
        words = f"<strong>{safe(one.text)}</strong> (primary)" if first else safe(one.text)
        cells = [
            (f"{NUMBER};color:{colour};font-weight:600", f"{mark} {one.verdict}"),
            (WORDS, words),
            (NUMBER, safe(f"{mean}{unit}")),
            (NUMBER, f"{low} to {high}"),
            (CELL, over),
        ]
        return "<tr>" + "".join(f'<td style="{style}">{text}</td>' for style, text in cells) + "</tr>"


def verdicts(*claims: Claim | Iterable[Claim], primary: int = 0, title: str | None = None) -> Verdicts:
    """Claims as a table, a row each: verdict, claim, mean difference, 95 % interval, and how many pairs of what.

    ``primary``: the first so many are what the lesson stands on, said before they were measured; the others describe.
    As text it is the claims' own lines. Raises TypeError for what is no claim, ValueError for none, and for a
    ``primary`` that is no number of these claims.
    """
    flat = [one for each in claims for one in ([each] if isinstance(each, Claim) else as_list(each))]
    for one in flat:
        if not isinstance(one, Claim):
            raise TypeError(f"expected what mtl.claim returns, not {type(one).__name__}")
    if not flat:
        raise ValueError("there is no claim to show")
    if primary not in range(len(flat) + 1):
        raise ValueError(
            f"primary says how many of the {len(flat)} claims are primary, the first ones: not {primary!r}"
        )
    return Verdicts(flat, primary, title)


def as_list(several: object) -> list:
    if isinstance(several, str) or not isinstance(several, Iterable):
        raise TypeError(f"expected what mtl.claim returns, not {type(several).__name__}")
    return list(several.values() if isinstance(several, Mapping) else several)


def safe(text: object) -> str:
    """Text for HTML. A dollar sign is written so that JupyterLab does not take it for a formula."""
    return html.escape(str(text)).replace("$", '<span class="tex2jax_ignore">&#36;</span>')
