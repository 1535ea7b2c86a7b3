"""What an audit of a world says: a finding, with the reason why it matters and what to do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

SERIOUS, WORTH_A_LOOK, FINE = WEIGHTS = ("serious", "worth a look", "fine")

#: kind of finding → why it matters for a comparison of ways of sharing, and what to do where something was found
REASONS = {
    "duplicates": (
        "A test row that was trained on asks for memory. The way of sharing with the most room then looks best.",
        "Drop duplicates before splitting, or keep all copies of an input on one side (mtl.data.Grouped).",
    ),
    "elsewhere": (
        "With a shared trunk one task trains on the very inputs that another is tested on; separate networks do not.",
        "Split by input first, then deal the rows out to the tasks, so that no input is on two sides.",
    ),
    "repeats": (
        "A row that stands there n times counts n times, and an interval over test rows takes copies for new evidence.",
        "Drop the copies, or say why an example may come twice.",
    ),
    "contradictions": (
        "No network can answer both, so the best possible score lies below 100 %; a difference between two ways of "
        "sharing near that ceiling is noise.",
        "Look at some of these rows: either the labels are noisy, or the inputs leave out what decides.",
    ),
    "shared groups": (
        "The test then speaks of new rows of known groups. A claim about new groups needs groups that are new.",
        "Split by group, so that each stands on one side only.",
    ),
    "few groups": (
        "The group is the unit of a claim: an interval over few of them is wide, and over fewer than 3 there is none.",
        "Test on more groups, or claim less.",
    ),
    "tasks": (
        "Where one label gives the other, a shared trunk learns one task twice: that it helps says nothing of sharing.",
        "Ask whether both are tasks of their own; if not, leave one out.",
    ),
    "leak": (
        "A column that gives the answer away is often written down after it. Every way of sharing then reads the "
        "column, and they differ by nothing that matters.",
        "Ask when and by whom this is written down; leave out what nobody knows when the question is asked.",
    ),
    "missing labels": (
        "Tasks with few labels are those that sharing may help, and tasks are compared on the rows that have theirs.",
        "Report how many labels each task has beside its score.",
    ),
    "missing by": (
        "Labels that are missing for a reason leave rows of another kind behind: a score on these is not one on all.",
        "Find out why they are missing, and say for which rows the score speaks.",
    ),
    "disjoint": (
        "Tasks that label no row in common cannot be seen to agree or disagree, and may differ in their rows alone.",
        "Compare the rows of the tasks; label some rows by both if you can.",
    ),
    "rare classes": (
        "What is seen a few times is hardly learned, and what is never asked is not tested: luck decides such a class.",
        "Join rare classes, split so that each is on every side, or say that the score leaves them out.",
    ),
    "constant task": (
        "A task with one answer can be solved without looking; where the test has one, nothing is measured.",
        "Leave the task out, or split so that its answers differ on both sides.",
    ),
    "one answer": (
        "Who always gives the commonest answer scores nearly all, so that ways of sharing differ in a few rows only.",
        "Judge by a score that counts the rare answer, and compare with the floor.",
    ),
    "size": (
        "With few labelled test rows one row moves the score by percents: small differences cannot be seen.",
        "Test on more rows, or claim over several seeds, tasks or groups.",
    ),
    "wide": (
        "With more columns than rows a network can learn training by heart; sharing may then help by shrinking alone.",
        "Compare with a shrunken linear model, and with weight decay for the separate networks.",
    ),
    "constant columns": (
        "A column with one value in training says nothing there, and anything at all where it differs later.",
        "Leave these columns out.",
    ),
    "row numbers": (
        "A number of the row is no property of the example; a network can learn by it which row has which label.",
        "Leave it out of the inputs; if it says which rows belong together, make it the group.",
    ),
    "shift": (
        "Where test rows are of another kind, the score measures how a way of sharing carries over, too. This may be "
        "wanted, as with later years.",
        "Say what the split is by; if it was meant to be random, draw it again.",
    ),
}


@dataclass(frozen=True)
class Finding:
    """One thing that an audit looked for.

    ``kind``: what for, a key of :data:`REASONS`. ``weight``: "serious", "worth a look" or "fine" (not found, or not
    looked for; the text says which). ``text``: what was found, one sentence; ``why`` it matters for a comparison of
    ways of sharing; ``what_to_do``, empty where it is fine. ``where``: the tasks, columns and splits it is about.
    """

    kind: str
    weight: str
    text: str
    why: str
    what_to_do: str
    where: tuple[str, ...] = ()


def noted(kind: str, weight: str, text: str, where: Iterable[object] = ()) -> Finding:
    """A finding with the reasons of its kind."""
    why, what_to_do = REASONS[kind]
    return Finding(kind, weight, text, why, "" if weight == FINE else what_to_do, tuple(map(str, where)))


def counted(n: int, what: str) -> str:
    """ "1 row", "1,204 rows"."""
    return f"{n:,} {what if n == 1 else what + 's'}"


def as_percent(share: float) -> str:
    """A share as a text writes it: "64 %"; one decimal where it would be 0 % or 100 % and is not."""
    near = round(100 * share)
    return f"{100 * share:.1f} %" if near in (0, 100) and abs(near - 100 * share) >= 0.05 else f"{near} %"
