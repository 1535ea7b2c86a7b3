"""Worlds and the data they are made of.

A *world* is a dataset that asks several questions at once, one for each of its ``tasks``, cut into ``train``,
``validation`` and ``test``, with a *dial* that sets how hard it is to learn. A function makes it: :func:`questions`
(one picture, three questions; the dial is the number of labels) or :func:`schools` (a regression a school; the dial is
the number of pupils). :func:`shops` asks one question in four shops; the dial is the angle between their cameras.
:func:`shoppers` asks six people whether they like a garment; the dials are how personal taste is, and what a company of
three has in common. :func:`planted` makes linear tasks whose truth is known; the dials are noise, angle, mismatch,
delta and groups. :func:`flats` asks for a price and a yes or no; the dial is the unit of the price. The ``seed`` draws
what is trained on and chosen by; the test set is the same for every seed, but that in ``planted`` the truth is drawn as
well. :func:`emoji` shows little pictures by two designers, and their names; the dial is the question. :func:`club` asks
two questions about the members of one small graph; the dial is the number of labels, and who is left is the test.
:func:`portrait` asks three questions about crops of one photograph, which :func:`onet`, a network in use elsewhere, was
trained to answer. The data comes with the course, or for ``club`` with networkx, and is checked when it is loaded. Data
of your own is a :class:`World`: see :mod:`.intake`. A world can be changed: fewer tasks, wrong labels or fewer, labels
on the same examples or on others (:mod:`.changes`, :mod:`.shared_inputs`).
"""

from .changes import flip_labels, hide_labels, only, overlap
from .club import Club, club
from .emoji import TOKENS, Emoji, emoji, emoji_table
from .files import DataError
from .flats import flats
from .garments import garments
from .grouped import Grouped
from .intake import padded
from .inventory import verify
from .planted import Planted, optimum, planted
from .portrait import onet, portrait
from .questions import colour_ceiling, questions, recolour, turn
from .schools import exam_table, mathachieve_table, schools
from .shared_inputs import share_inputs
from .shoppers import shoppers, tastes
from .shops import shops
from .world import Split, World

__all__ = [
    "TOKENS",
    "Club",
    "DataError",
    "Emoji",
    "Grouped",
    "Planted",
    "Split",
    "World",
    "club",
    "colour_ceiling",
    "emoji",
    "emoji_table",
    "exam_table",
    "flats",
    "flip_labels",
    "garments",
    "hide_labels",
    "mathachieve_table",
    "onet",
    "only",
    "optimum",
    "overlap",
    "padded",
    "planted",
    "portrait",
    "questions",
    "recolour",
    "schools",
    "share_inputs",
    "shoppers",
    "shops",
    "tastes",
    "turn",
    "verify",
]
