"""The exercise of the card on medicine: a label from the days until an event, or until someone left sight."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .exercise import Exercise
from .tensors import call_with, mistake_made, no_tensor

END = 1826  # days: five years
DAYS = (40, 1825, 1826, 1827, 4000, 40, 1825, 1827, 4000)
EVENT = (1, 1, 1, 1, 1, 0, 0, 0, 0)


def label_of_outcome(function: Callable[[Tensor, Tensor, int], Tensor]) -> str | None:
    """``label(days, event, end)``: for each patient 1 where the event came within ``end`` days, 0 where it is known
    that it did not, and -1 where nobody knows.

    ``days`` (n,): until the event where ``event`` (n,) is 1, until the patient was last seen where it is 0.
    """
    days, event = torch.tensor(DAYS), torch.tensor(EVENT)
    given, problem = call_with(function, {"days": days, "event": event, "end": END})
    if problem:
        return problem
    if not isinstance(given, Tensor):
        return no_tensor(given)
    if given.is_complex():
        return "a label is a real number."
    if given.shape != days.shape:
        return f"there is one label a patient, shape {tuple(days.shape)}; yours is {tuple(given.shape)}."
    came, seen = (event == 1) & (days <= END), days >= END
    right = torch.where(came, 1, torch.where(seen, 0, -1))
    if (given == right).all():
        return None
    mistakes = [
        (event, "this is whether the event ever came: one that came after the end did not come within it."),
        (
            came.long(),
            "who was last seen before the end, without the event, has no label: a 0 says that it did not come.",
        ),
        (
            torch.where(event == 0, -1, right),
            "who was last seen after the end, without the event, is known: it did not come in time, 0.",
        ),
        (
            torch.where((event == 1) & (days > END), -1, right),
            "whose event came after the end is known: it did not come in time, 0.",
        ),
        (
            torch.where(seen & (event == 0), 0, torch.where(event == 1, 1, -1)),
            "an event after the end is no event within.",
        ),
        (torch.where((event == 1) & (days == END), 0, right), "within the end holds the last day, too: days ≤ end."),
        (torch.where(right < 0, 1, right), "who was last seen before the end may have lived: nobody knows, -1."),
    ]
    if because := mistake_made(given, mistakes):
        return because
    at = int((given != right).nonzero()[0])
    what = "with the event" if event[at] else "without it"
    return (
        f"a patient followed for {DAYS[at]} days, {what}, gets {given[at].item():g} where the end is day {END}; "
        f"right is {right[at].item()}."
    )


label_of_outcome = Exercise(
    "Exercise",
    label_of_outcome,
    praise="Who was last seen early is not a no. Counted as one, the hospital that looks least looks best.",
    hints=(
        "Three cases: the event came by the end; or the patient was seen at the end or later; or neither.",
        "torch.where(condition, a, b), twice: (event == 1) & (days <= end) is 1, else days >= end is 0, else -1.",
    ),
)
