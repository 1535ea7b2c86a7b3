"""Every figure of the course: arrays, tables and models in, one :class:`Drawing` out.

A Drawing has a ``figure`` and an ``alt`` text that says in words what the figure shows, made from the same data. In a
notebook it is displayed as one picture with that text. All figures share one style (:mod:`.style`); nothing here
computes a result.

==========================  =====================================================================
``ready``                   the machine is ready
``pictures``, ``answers``   a sheet of pictures; what a network answers about them
``learning_curves``         score and loss while a network trains
``along``                   what a dial does: a score along λ, branches, labels, steps
``explorer``                a path along λ at one λ, as the widget shows it
``schools``                 the schools' lines and the error at one λ; ``SchoolsPicture`` for a slider
``model_diagram``           a live model as boxes: who uses which weights
``probe_matrix``            what features hold
``map_of_differences``      where something gains, where it loses, where that is undecided; ``map_of_claims`` of claims
``affinity_map``            what each task does to each other one, with lines around known companies
``attributions``            where in a picture each answer comes from
``units``                   what every hidden unit looks for
``neighbours``              pictures, and beside each the nearest words
``boxes_and_masks``         pictures with the boxes, masks and names that are right and that are given
``microscope``              two tasks' features as maps, a column a model
``lesions``                 units by what each of two tasks loses without them
``pareto``                  the scores of two tasks at once, a point a way
``arrows``                  two tasks' gradients in a plane, and what methods make of them
``front``                   the curve of fixed weights of two tasks, a point a method
``graph``                   a graph, its nodes filled by class or by value, its ties as wide as they are strong
``bars``, ``paired``        what things cost; paired differences with their verdicts
``arms``, ``decision``      what every way of a comparison scores; a difference beside the margin written down
``claims_in_panels``        claims of different worlds, each in its own unit
``verdicts``, ``trials``    claims as a table, to be read; many comparisons as intervals
==========================  =====================================================================
"""

from .along import along
from .arms import arms, decision
from .arrows import arrows
from .boxes_and_masks import boxes_and_masks
from .comparisons import bars, paired
from .curves import learning_curves
from .diagram import model_diagram
from .drawing import Drawing
from .explorer import explorer
from .front import front
from .graph import graph
from .inside import attributions, units
from .lesions import lesions
from .maps import affinity_map, map_of_claims, map_of_differences, probe_matrix
from .microscope import microscope
from .neighbours import neighbours
from .panels import claims_in_panels
from .pareto import pareto
from .schools import SchoolsPicture, schools
from .sheets import answers, pictures, ready
from .style import colour_of
from .trials import trials
from .verdicts import Verdicts, verdicts

__all__ = [
    "Drawing",
    "SchoolsPicture",
    "Verdicts",
    "affinity_map",
    "along",
    "answers",
    "arms",
    "arrows",
    "attributions",
    "bars",
    "boxes_and_masks",
    "claims_in_panels",
    "colour_of",
    "decision",
    "explorer",
    "front",
    "graph",
    "learning_curves",
    "lesions",
    "map_of_claims",
    "map_of_differences",
    "microscope",
    "model_diagram",
    "neighbours",
    "paired",
    "pareto",
    "pictures",
    "probe_matrix",
    "ready",
    "schools",
    "trials",
    "units",
    "verdicts",
]
