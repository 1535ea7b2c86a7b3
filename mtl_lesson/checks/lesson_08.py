"""The exercises of lesson 08: the angle of two gradients, two labels on one scale, and a test of "conflict hurts"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from ..chance import generator
from .exercise import Exercise, attempted, fault_of_design, judged


def gradient_cosine(function: Callable[[Tensor, Tensor, Sequence[Tensor]], float]) -> str | None:
    """``gradient_cosine(loss_1, loss_2, shared)``: the cosine of two losses' gradients on all shared weights."""
    drawn = generator("gradient cosine")
    shared = [torch.randn(size, generator=drawn, dtype=torch.float64).requires_grad_() for size in ((6, 5), (5,))]
    x, heads = (torch.randn(size, generator=drawn, dtype=torch.float64) for size in ((20, 6), (5, 2)))
    answers = torch.tanh(x @ shared[0] + 3 * shared[1]) @ heads
    losses = (answers[:, 0] - 1).square().mean(), 5 * (answers[:, 1] + 1).square().mean()
    g1, g2 = ([grad.flatten() for grad in torch.autograd.grad(one, shared, retain_graph=True)] for one in losses)
    given = attempted(function(*losses, shared))
    if given is None:
        return "your function returns nothing. Is a return missing?"
    given = torch.as_tensor(given, dtype=torch.float64)
    if given.numel() != 1:
        return f"a cosine is one number; yours has shape {tuple(given.shape)}. Put all shared weights into one vector."
    all_1, all_2 = torch.cat(g1), torch.cat(g2)
    right = cosine(all_1, all_2)
    inner, sizes = float(all_1 @ all_2), [float(one.norm()) for one in (all_1, all_2)]
    each = [cosine(one, other) for one, other in zip(g1, g2, strict=True)]
    mistakes = {
        sum(each) / 2: "this is the mean of the layers' cosines. All shared weights are one vector, with one angle.",
        each[0]: "this is the angle on the first of the shared weights alone; take all.",
        each[1]: "this is the angle on the last of the shared weights alone; take all.",
        cosine(all_1, all_1 + all_2): "the second gradient was added to the first: .grad adds up until it is cleared.",
        inner: "this is the inner product; divide by both sizes.",
        inner / (sizes[0] * sizes[1]) ** 2: "divide by the sizes, not by their squares.",
        inner / sizes[0] ** 2: "one gradient was divided by twice; each has its own size.",
        inner
        / (sum(float(one.norm()) for one in g1) * sum(float(one.norm()) for one in g2)): "the size of all weights "
        "together is not the sum of the sizes: put them into one vector first.",
        abs(right): "a cosine has a sign, which is what conflict is about.",
        1 - right: "this is one minus the cosine.",
    }
    return judged(float(given), right, mistakes, f"on a test it is {float(given):.3f} where it should be {right:.3f}.")


def cosine(one: Tensor, other: Tensor) -> float:
    return float(cosine_similarity(one, other, dim=0))


def standardise(function: Callable[[Tensor, Tensor], Tensor]) -> str | None:
    """``standardise(labels, train)``: labels in standard deviations from the mean, both those of training."""
    drawn = generator("standardise")
    train = 2e5 + 6e4 * torch.randn(50, generator=drawn, dtype=torch.float64)
    labels = 2.3e5 + 3e4 * torch.randn(30, generator=drawn, dtype=torch.float64)
    given = attempted(function(labels.clone(), train.clone()))
    if not isinstance(given, Tensor):
        return f"the labels are a tensor; yours is a {type(given).__name__}. Is a return missing?"
    if given.shape == train.shape and torch.allclose(given.to(train), (train - train.mean()) / train.std(), rtol=0.02):
        return "these are the training labels, standardised; asked for is what `labels` holds."
    if given.shape != labels.shape:
        return f"there are {len(labels)} labels; yours have shape {tuple(given.shape)}."
    mean, sd = train.mean(), train.std()
    mistakes = [
        (
            (labels - labels.mean()) / labels.std(),
            "mean and deviation are these labels' own: they must be training's, "
            "or one and the same price would be two numbers in training and in the test.",
        ),
        (labels - mean, "the mean is gone, the scale is still there: divide by the standard deviation."),
        (labels / sd, "the mean is still there: a network would have to learn it first."),
        ((labels - mean) / train.var(), "this was divided by the variance."),
        (labels * sd + mean, "this is the way back."),
    ]
    either = [(labels - mean) / train.std(correction=correction) for correction in (0, 1)]
    if any(torch.allclose(given.to(labels), right, rtol=1e-4, atol=1e-6) for right in either):
        return None
    for value, because in mistakes:
        if torch.allclose(given.to(labels), value, rtol=1e-4):
            return because
    return (
        f"the first label is {float(labels[0]):.0f} €; yours is {float(given[0]):.3g}, not {float(either[1][0]):.3g}."
    )


def conflict_hurts(claim: str, pair: str, beside: str) -> str | None:
    """Which claim tests that conflict is what hurts, what a pair is in it, and what must stand beside the result."""
    claims = {
        "A": "that is what a method is built to do. The thermometer is lower; is the patient better?",
        "B": "one arm has searched and the other not: lesson 06.",
        "C": None,
        "D": "what goes together need not be cause and effect: a hard sample may give both.",
    }
    pairs = {
        "step": "steps of one training are not independent, and a step has no test score.",
        "task": "two tasks are two pairs, and what one gains the other may lose.",
        "seed": None,
    }
    besides = {
        "nothing": "then a difference that any second training would show counts as found.",
        "again": None,
        "chance": "nobody doubts that both are better than guessing.",
    }
    return fault_of_design({"claim": claims, "pair": pairs, "comparison": besides}, claim, pair, beside)


gradient_cosine = Exercise(
    "Exercise 1",
    gradient_cosine,
    praise="One angle in the space of all shared weights, and the heads are not in it: they are nobody else's.",
    hints=(
        "torch.autograd.grad(loss, shared, retain_graph=True) gives a gradient for each of the shared weights.",
        "Flatten and join them: torch.cat([g.flatten() for g in …]); then the inner product over both norms.",
    ),
)
standardise = Exercise(
    "Exercise 2",
    standardise,
    praise="Training's mean and deviation for every split, and a way back: y · sd + mean.",
    hints=("Whose mean may a model know?", "(labels − train.mean()) / train.std()"),
)
conflict_hurts = Exercise(
    "Exercise 3",
    conflict_hurts,
    praise="Both arms search alike, and a comparison of nothing with nothing shows chance. A must hold, too.",
    hints=(
        "The outcome is a score on test, not an angle.",
        "How large a difference would two trainings of one and the same method show?",
    ),
)
