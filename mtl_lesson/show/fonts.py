"""Letters that the course's font lacks: drawn in another font of the machine, or else as their code, such as ⟨732B⟩.

matplotlib would draw the same box for each of them, so that 猫 and 犬 could not be told apart.
"""

from __future__ import annotations

import logging
import re
import sys
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import NamedTuple

from matplotlib import font_manager
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text
from matplotlib.ticker import Formatter

PREFERRED = ("Noto Sans CJK", "Source Han Sans", "CJK", "Noto Sans", "Noto", "Sans", "Gothic")
# Fonts of boxes, and those of matplotlib's formulas, where other signs have the places of letters.
UNFIT = re.compile(r"last ?resort|adobe blank|^cm[a-z]+\d+$|stixnonunicode|stixsize", re.IGNORECASE)
# What to install for letters whose Unicode names begin so; the last is for all others.
ADVICE = (
    (re.compile("CJK|HIRAGANA|KATAKANA|HANGUL|BOPOMOFO|IDEOGRAPHIC"), "Noto Sans CJK", "fonts-noto-cjk"),
    (re.compile(""), "Noto Sans or Symbola", "fonts-noto-core fonts-symbola"),
)

_known: dict[tuple, dict[str, str]] = {}  # weight, style and number of fonts → letter → family, "" where none has it
_told: set[str] = set()  # letters of which the learner has been told that no font has them


@contextmanager
def quiet() -> Iterator[None]:
    """Without matplotlib's remark that a font which is fallen back on has no bold."""
    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


class Fit(NamedTuple):
    """How a text is drawn: ``text``, the ``families`` it needs beside its own, and the letters ``lost`` to codes."""

    text: str
    families: tuple[str, ...] = ()
    lost: frozenset[str] = frozenset()


def fit_text(text: str, properties: FontProperties) -> Fit:
    """What can be drawn of a text, and in which fonts. A text whose own font has all its letters stays as it is."""
    if text.isascii() and text.isprintable():
        return Fit(text)
    lacking = set(text) - letters_of(font_manager.findfont(properties)) - {"\n"}
    if not lacking:
        return Fit(text)
    plain = {one: " " if one.isspace() else "" for one in lacking if one.isspace() or only_steers(one)}
    found = families(lacking - set(plain), properties)
    lost = lacking - set(plain) - set(found)
    codes = plain | {one: f"⟨{ord(one):04X}⟩" for one in lost}
    return Fit("".join(codes.get(one, one) for one in text), tuple(dict.fromkeys(found.values())), frozenset(lost))


def only_steers(letter: str) -> bool:
    """Whether a sign says how others are drawn and is itself none to see: a direction, a join, a variant."""
    return unicodedata.category(letter) == "Cf" or 0xE0100 <= ord(letter) <= 0xE01EF


def with_families(properties: FontProperties, more: Sequence[str]) -> FontProperties:
    """The same, with other families to fall back on."""
    found = properties.copy()
    found.set_family(list(dict.fromkeys([*properties.get_family(), *more])))
    return found


def make_legible(figure: Figure) -> None:
    """Give each text of a figure the fonts that its letters need; warn, once, of letters that no font has.

    A text whose own font has all its letters is left as it is.
    """
    lost: set[str] = set()
    with quiet():
        for axis in figure.findobj(Axis):
            lost |= settle_ticks(axis)
        for text in figure.findobj(Text):
            lost |= settle(text)
    if new := sorted(lost - _told):
        _told.update(new)
        warnings.warn(say_missing_letters(new), stacklevel=4)


def settle(text: Text) -> frozenset[str]:
    """Make one text legible; returns the letters that no font has."""
    fit = fit_text(text.get_text(), text.get_fontproperties())
    if fit.families:
        text.set_fontfamily(with_families(text.get_fontproperties(), fit.families).get_family())
    if fit.text != text.get_text():
        text.set_text(fit.text)
    return fit.lost


def settle_ticks(axis: Axis) -> set[str]:
    """The same for the labels of an axis, which are written anew each time the figure is drawn."""
    lost: set[str] = set()
    for which, ticks in (("major", axis.majorTicks), ("minor", axis.minorTicks)):
        labels = [label for tick in ticks for label in (tick.label1, tick.label2)]
        fits = [fit_text(label.get_text(), label.get_fontproperties()) for label in labels]
        if more := dict.fromkeys(family for fit in fits for family in fit.families):
            names = with_families(labels[0].get_fontproperties(), more).get_family()
            axis.set_tick_params(which=which, labelfontfamily=names)
        lost |= set().union(*(fit.lost for fit in fits))
        if any(fit.text != label.get_text() for fit, label in zip(fits, labels, strict=True)):
            formatter = Legible(getattr(axis, f"get_{which}_formatter")(), labels[0])
            getattr(axis, f"set_{which}_formatter")(formatter)
    return lost


class Legible(Formatter):
    """What another formatter writes, in letters that the font of ``like`` has."""

    def __init__(self, own: Formatter, like: Text):
        self.own, self.like = own, like

    def set_axis(self, axis):
        super().set_axis(axis)
        self.own.set_axis(axis)

    def set_locs(self, locs):
        self.locs = locs
        self.own.set_locs(locs)

    def get_offset(self):
        return self.own.get_offset()

    def __call__(self, x, pos=None):
        return fit_text(self.own(x, pos), self.like.get_fontproperties()).text

    def format_ticks(self, values):
        return [fit_text(text, self.like.get_fontproperties()).text for text in self.own.format_ticks(values)]


# --- which font has which letter -----------------------------------------------------------------------------------


@cache
def letters_of(path: str) -> frozenset[str]:
    """The letters of a font that is used often."""
    return frozenset(map(chr, opened(path).get_charmap()))


def opened(path: str) -> FT2Font:
    """A font file; one of several in a file, where matplotlib knows of them."""
    number = getattr(path, "face_index", 0)
    return FT2Font(getattr(path, "path", path), **({"face_index": number} if number else {}))


def families(letters: Iterable[str], like: FontProperties) -> dict[str, str]:
    """Letter → the family of a font that has it in the weight and style of ``like``; without those that none has.

    The same fonts give the same families, whatever the letters are asked for together with.
    """
    known = known_for(like)
    if unknown := {one for one in letters if one not in known}:
        found = search(unknown, like)
        if len(found) < len(unknown) and add_new_fonts():
            known, found = known_for(like), search(unknown, like)
        known.update(dict.fromkeys(unknown, "") | found)
    return {one: known[one] for one in sorted(letters) if known[one]}


def known_for(like: FontProperties) -> dict[str, str]:
    """What is known already: nothing, once there are other fonts."""
    return _known.setdefault((like.get_weight(), like.get_style(), len(font_manager.fontManager.ttflist)), {})


@quiet()
def search(letters: set[str], like: FontProperties) -> dict[str, str]:
    """Letter → the first family that has it: all fonts are opened one after the other until each letter is found."""
    found: dict[str, str] = {}
    for family in sorted({entry.name for entry in font_manager.fontManager.ttflist}, key=preference):
        if UNFIT.search(family):
            continue
        wanted = like.copy()
        wanted.set_family(family)
        try:
            font = opened(font_manager.findfont(wanted, fallback_to_default=False, rebuild_if_missing=False))
            found |= {one: family for one in letters - set(found) if has_ink(font, one)}
        except (OSError, RuntimeError, ValueError):  # a file that is gone, or none that can be drawn from
            continue
        if len(found) == len(letters):
            break
    return found


def preference(family: str) -> tuple:
    """Preferred families first, and each lot by name."""
    return next((i for i, part in enumerate(PREFERRED) if part in family), len(PREFERRED)), family


def has_ink(font: FT2Font, letter: str) -> bool:
    """Whether a font draws anything for a letter: fonts of coloured pictures have empty outlines."""
    if not font.get_char_index(ord(letter)):
        return False
    font.set_size(12, 72)
    glyph = font.load_char(ord(letter))
    return glyph.width > 0 and glyph.height > 0


@cache
def add_new_fonts() -> bool:
    """Tell matplotlib of fonts that were installed since it made its list, once; whether there were any."""
    listed = {entry.fname for entry in font_manager.fontManager.ttflist}
    # on a Mac the default is to ask a slow program; all its fonts are in these folders
    folders = font_manager.OSXFontDirectories if sys.platform == "darwin" else None
    added = False
    for path in sorted(set(font_manager.findSystemFonts(folders)) - listed):
        try:
            font_manager.fontManager.addfont(path)
            added = True
        except Exception:  # whatever is wrong with it, matplotlib did not list it either
            continue
    return added


def say_missing_letters(letters: Sequence[str]) -> str:
    """What to tell of letters that no font has."""
    parts = []
    for pattern, font, package in ADVICE:
        own = [one for one in letters if pattern.match(unicodedata.name(one, ""))]
        letters = [one for one in letters if one not in own]
        if own:
            few = " ".join(own[:8]) + " …" * (len(own) > 8)
            parts.append(f"a font that has {few}, such as {font} (Debian, Ubuntu: sudo apt install {package})")
    return (
        f"no font here has some letters, and figures show their codes: install {' and '.join(parts)}, and restart "
        "the kernel"
    )
