"""The exercises of lesson 01: the joint loss, who learns from it, and what a probe must be compared with."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from ..chance import generator
from .exercise import Exercise, attempted, fault_of_design, judged

CLASSES = {"garment": 10, "colour": 6, "way up": 4}
PARTS = ("trunk", *(f"{name} head" for name in CLASSES))


def batch(n: int = 12) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Outputs and labels of a small batch; every third label is missing (-1), each task's starting elsewhere."""
    draw = generator("joint_loss")
    outputs = {name: torch.randn(n, k, generator=draw, requires_grad=True) for name, k in CLASSES.items()}
    labels = {name: torch.randint(k, (n,), generator=draw) for name, k in CLASSES.items()}
    for start, name in enumerate(labels):
        labels[name][start::3] = -1
    return outputs, labels


def joint_loss(loss: Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], Tensor]) -> str | None:
    """``loss(outputs, labels)`` is Σ_t of the mean cross-entropy over the pictures that have a label for t."""
    outputs, labels = batch()
    given = attempted(loss(outputs, labels))
    known = {name: y >= 0 for name, y in labels.items()}
    each = {name: F.cross_entropy(outputs[name], y.clamp(min=0), reduction="none") for name, y in labels.items()}
    means = [each[name][known[name]].mean() for name in CLASSES]
    if given is None:
        return "your function returns nothing. Is a return missing?"
    if not isinstance(given, Tensor):
        return f"a loss is a tensor, so that its gradient can flow back; yours is a {type(given).__name__}."
    if given.numel() != 1:
        return f"a loss is one number; yours has shape {tuple(given.shape)}. Average over pictures, sum over tasks."
    if not torch.isfinite(given):
        return f"it is {given.item()}. What happens to a task, or a picture, without a label?"
    mistakes = {
        sum(means) / 3: "you averaged over the tasks. L is the sum Σ_t L_t: with the average, each task pulls three "
        "times less, and adding a task weakens the others.",
        sum(each[name].where(known[name], 0).mean() for name in CLASSES): "you divided by all pictures. L_t is the "
        "mean over the pictures that have a label for task t.",
        sum(each[name][known[name]].sum() for name in CLASSES): "you summed over the pictures. L_t is their mean, so "
        "that the size of the batch does not change the step.",
        sum(each[name].mean() for name in CLASSES): "a picture without a label (-1) was given one: the label mask is "
        "missing.",
    }
    mistakes |= {mean: f"only {name} is in it. L is the sum." for name, mean in zip(CLASSES, means, strict=True)}
    right = sum(means).item()
    otherwise = f"on a test batch it is {given.item():.3f} where Σ_t L_t is {right:.3f}."
    mistakes = {value.item(): because for value, because in mistakes.items()}
    if because := judged(given.item(), right, mistakes, otherwise, within=1e-4):
        return because
    if not given.requires_grad:
        return (
            "the number is right, but it was cut off from the network (.item(), .detach() or no_grad), so no "
            "gradient can reach the trunk."
        )
    return None


def who_learns(parts: Iterable[str]) -> str | None:
    """The parts of a hard-sharing network that the loss of ``colour`` alone moves."""
    if isinstance(parts, str) or not isinstance(parts, Iterable):
        parts = {parts}
    parts = {part.strip().casefold() if isinstance(part, str) else part for part in parts}
    if unknown := parts - set(PARTS):
        return f"{sorted(map(str, unknown))} is no part of the network; the parts are {', '.join(PARTS)}."
    if "trunk" not in parts:
        return "L_colour is computed from h = f(x; θ), so its gradient reaches θ: the trunk learns from every task."
    if extra := parts - {"trunk", "colour head"}:
        return f"L_colour does not depend on the {min(extra)}: it is not used to name colours, so its gradient is 0."
    if "colour head" not in parts:
        return "the colour head is what turns h into a colour; its weights appear in L_colour."
    return None


def probe_claim(against: str, pair: str) -> str | None:
    """What a probe's score is set against to say what training did, and what a pair is."""
    beside = {
        "chance": "chance says that *something* about colour can be read off, not that training put it there.",
        "training accuracy": "how well the network answers its own task says nothing about colours.",
        "pixels": "the pixels say how easy the question is. A trunk with random weights passes much of that on, so the "
        "question is what training added to it.",
        "untrained trunk": None,
    }
    pairs = {
        "picture": "the claim would be about these two trunks alone, and of other samples and weights say nothing.",
        "task": "there is one question here, so there would be one pair.",
        "seed": None,
    }
    return fault_of_design({"number": beside, "pair": pairs}, against, pair)


joint_loss = Exercise(
    "Exercise 1",
    joint_loss,
    praise="Σ_t L_t, over labelled pictures only, and the gradient can flow.",
    hints=(
        "Go through the tasks; for each, keep the pictures whose label is not -1.",
        "F.cross_entropy(outputs[name], labels[name], ignore_index=-1) leaves out pictures without a label.",
        "Add the tasks' means up with sum(...), and return the tensor, not its .item().",
    ),
)
who_learns = Exercise(
    "Exercise 2",
    who_learns,
    praise="Every task's loss moves the trunk; each head learns from its own task alone.",
    hints=(
        "Write L_colour out: it is a function of the colour head's output, which is a function of h, which is …",
        "A weight that L_colour does not depend on has gradient 0.",
    ),
)
probe_claim = Exercise(
    "Exercise 3",
    probe_claim,
    praise="A trunk with random weights is the floor, and with one seed both start from the same ones: what is left is "
    "training.",
    hints=(
        "What would the probe score have been before training?",
        "What must two trunks have in common, so that their difference is training and nothing else?",
    ),
)
