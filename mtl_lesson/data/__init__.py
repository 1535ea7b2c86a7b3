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
trained to answer.

Five worlds are :class:`Grouped`, for lesson 12: what may be split from what is said by ``split_by``. :func:`scenes`
asks what is in a picture, where, and which pixels it is; the dial is the number of labels. :func:`texts` asks what
short texts in three scripts are about; the dials are the labels of the smallest script and what counts as one letter.
:func:`voices` has short spoken prompts; the dial is the voice that is kept out of training. :func:`patients` asks
whether a cancer comes back and whether the patient dies; the dial is of how many it is known that they died or not.
:func:`loans` asks for the rate, the grade and the term of loans in 50 states; the dial is a leak from after the
decision.

The data comes with the course, or for ``club`` with networkx, and is checked when it is loaded. A table of your own,
from a file or a DataFrame, becomes a world by :func:`table`, for lesson 13, and pictures in a folder by :func:`folder`;
:func:`pupils_table` and :func:`wages_table` are two to practise on. Anything else is a :class:`World`: see
:mod:`.intake`. A world can be changed: fewer tasks, wrong labels or fewer, labels on the same
examples or on others (:mod:`.changes`, :mod:`.shared_inputs`).
"""

from .changes import flip_labels, hide_labels, only, overlap
from .club import Club, club
from .emoji import TOKENS, Emoji, emoji, emoji_table
from .files import DataError
from .flats import flats
from .folders import Folder, folder, pictures_in
from .garments import garments
from .grouped import Grouped
from .intake import padded
from .inventory import verify
from .loans import GRADES, Loans, loans, loans_table
from .patients import Patients, patients, patients_table
from .planted import Planted, optimum, planted
from .portrait import onet, portrait
from .questions import colour_ceiling, questions, recolour, turn
from .scenes import scenes
from .schools import exam_table, mathachieve_table, schools
from .shared_inputs import share_inputs
from .shoppers import shoppers, tastes
from .shops import shops
from .tables import Table, table
from .texts import CHARACTERS, Texts, text_table, texts
from .two_tables import pupils_table, wages_table
from .voices import Voices, clip_table, voices
from .world import Split, World

__all__ = [
    "CHARACTERS",
    "GRADES",
    "TOKENS",
    "Club",
    "DataError",
    "Emoji",
    "Folder",
    "Grouped",
    "Loans",
    "Patients",
    "Planted",
    "Split",
    "Table",
    "Texts",
    "Voices",
    "World",
    "clip_table",
    "club",
    "colour_ceiling",
    "emoji",
    "emoji_table",
    "exam_table",
    "flats",
    "flip_labels",
    "folder",
    "garments",
    "hide_labels",
    "loans",
    "loans_table",
    "mathachieve_table",
    "onet",
    "only",
    "optimum",
    "overlap",
    "padded",
    "patients",
    "patients_table",
    "pictures_in",
    "planted",
    "portrait",
    "pupils_table",
    "questions",
    "recolour",
    "scenes",
    "schools",
    "share_inputs",
    "shoppers",
    "shops",
    "table",
    "tastes",
    "text_table",
    "texts",
    "turn",
    "verify",
    "voices",
    "wages_table",
]
