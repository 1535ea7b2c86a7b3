"""What a good reviewer would ask of a dataset with several tasks before anything is trained."""

from __future__ import annotations

from ..data.world import World
from .arrays import Arrays
from .audit_labels import find_answers, find_given, find_leaks, find_missing
from .audit_rows import (
    find_columns,
    find_contradictions,
    find_duplicates,
    find_elsewhere,
    find_groups,
    find_repeats,
    find_shift,
    find_sizes,
)
from .findings import WEIGHTS, Finding

#: what is looked for, in the order in which a report tells it
LOOKED_FOR = (
    *(find_duplicates, find_elsewhere, find_repeats, find_contradictions, find_groups),
    *(find_given, find_leaks, find_missing, find_answers, find_sizes, find_columns, find_shift),
)


def audit(world: World) -> list[Finding]:
    """The methodological warnings about a world, the serious ones first; no network is trained.

    It looks for: equal inputs on two sides of the split, or several times on one, or with other labels; groups on two
    sides, and too few of them; tasks whose label gives another's; columns that give a label away; labels that lack, and
    for a reason; rare classes and tasks with one answer; few test rows, more columns than rows; columns that are
    constant or number the rows; test rows that can be told from training rows. What was looked for and not found, or
    could not be looked for, is a finding of weight "fine" that says so.

    "Gives" is measured by a shallow tree (:func:`.foretold.foretold`), fitted on training rows and judged on validation
    rows: the share that it takes away of the errors that the commonest answer, or the mean, would make. Of many rows at
    most 10,000 are drawn to fit on, the same each time. Names stand in the text as they are; what shows them has to
    escape them.

    It cannot see what no table tells: near copies, groups that are not named, a column that nobody has in time but that
    gives little away. Raises TypeError for what is no World.
    """
    if not isinstance(world, World):
        raise TypeError(f"expected a World such as mtl.data.questions(), not {type(world).__name__}")
    arrays = Arrays(world)
    findings = [finding for look in LOOKED_FOR for finding in look(arrays)]
    return sorted(findings, key=lambda finding: WEIGHTS.index(finding.weight))
