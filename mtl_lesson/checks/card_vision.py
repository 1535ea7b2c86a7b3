"""The exercise of the card on vision: how much of two boxes is in both."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..tasks import Box, area
from .exercise import Exercise
from .tensors import Mistakes, furthest_off, handed, mistake_made, same_numbers

#: pairs of boxes, left, top, right, bottom: overlapping, one in the other, the same, side by side, apart in both ways
GIVEN = ((0, 0, 4, 2), (1, 1, 3, 2), (2, 1, 5, 6), (0, 0, 2, 2), (0, 0, 1, 2))
TRUE = ((2, 1, 6, 4), (0, 0, 4, 4), (2, 1, 5, 6), (3, 0, 5, 2), (4, 5, 7, 6))


def overlap_of_boxes(function: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """``iou(a, b)``: of boxes a and b (n, 4), left, top, right, bottom, for each pair the area that is in both over
    the area that is in one or the other, (n,); 0 where nothing is in both."""
    a, b = torch.tensor(GIVEN, dtype=torch.float32), torch.tensor(TRUE, dtype=torch.float32)
    given, problem = handed(function, {"a": a, "b": b})
    if problem:
        return problem
    right = Box("where").ious(a, b)
    if same_numbers(given, right):
        return None
    if same_numbers(given.reshape(-1), right.mean().reshape(1)):
        return "this is the mean over the pairs: asked for is one number a pair."
    if given.shape != right.shape:
        return f"there is one number a pair of boxes, shape {tuple(right.shape)}; yours is {tuple(given.shape)}."
    return mistake_made(given, mistaken_overlaps(a, b)) or furthest_off(given, right, "both / (a + b − both)")


def mistaken_overlaps(a: Tensor, b: Tensor) -> Mistakes:
    """What those get who make a mistake, and what they are told."""
    low, high = torch.maximum(a[:, :2], b[:, :2]), torch.minimum(a[:, 2:], b[:, 2:])
    both, unclamped = area(torch.cat([low, high], 1)), (high - low).prod(1)
    one, other = area(a), area(b)
    apart = "boxes that lie apart have nothing in both: a side below 0 counts as 0, .clamp(min=0) before the product."
    outer = area(torch.cat([torch.minimum(a[:, :2], b[:, :2]), torch.maximum(a[:, 2:], b[:, 2:])], 1))
    return [
        (unclamped / (one + other - unclamped), apart),
        (
            unclamped.clamp(min=0) / (one + other - unclamped.clamp(min=0)),
            f"two sides below 0 make a product above: {apart}",
        ),
        (both, "this is the area in both: divide it by the area in one or the other."),
        (both / (one + other), "what is in both is counted twice in area(a) + area(b): take it away once."),
        (both / outer, "the box around both is larger than what is in one or the other: area(a) + area(b) − both."),
        (both / other, "this is the share of b that is found: a box of the whole picture would be perfect."),
        (both / one, "this is the share of a that is right: a box of one pixel could be perfect."),
        (
            2 * both / (one + other),
            "this is Dice, 2 · both / (a + b), a relative: divide by what is in one or the other.",
        ),
    ]


overlap_of_boxes = Exercise(
    "Exercise",
    overlap_of_boxes,
    praise="It is the same in pixels as in shares of the picture: a score has no unit. A squared error has.",
    hints=(
        "What is in both is a box: it begins at the larger of the two lefts and ends at the smaller of the two rights.",
        "low = torch.maximum(a[:, :2], b[:, :2]); high = torch.minimum(a[:, 2:], b[:, 2:]); then (high - low), not "
        "below 0, and its product.",
    ),
)
