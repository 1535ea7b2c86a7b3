"""The exercises of lesson 07 and its extra: intervene, take a unit away, compare, and say what each finding says."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch
from torch import Tensor, nn

from ..chance import generator
from .exercise import Exercise, NotYet, attempted, fault_of_design, judged


def share_changed(function: Callable[[Tensor, Tensor], float]) -> str | None:
    """``share_changed(before, after)``: the share of rows whose largest logit is another one."""
    drawn = generator("share changed")
    before = torch.randn(40, 5, generator=drawn)
    after = before + 0.7 * torch.randn(40, 5, generator=drawn)
    given = attempted(function(before.clone(), after.clone()))
    if given is None:
        return "your function returns nothing. Is a return missing?"
    given = torch.as_tensor(given, dtype=torch.float64)
    if given.numel() != 1:
        return f"a share is one number; yours has shape {tuple(given.shape)}."
    other = (before.argmax(1) != after.argmax(1)).double()
    mistakes = {
        1 - other.mean().item(): "this is the share of answers that stayed.",
        other.sum().item(): "this is how many changed; divide by how many there are.",
        (before != after)
        .double()
        .mean()
        .item(): "every logit moves a little. Count answers: the class of the largest.",
        (before.argmax(0) != after.argmax(0))
        .double()
        .mean()
        .item(): "the largest is to be found in each row, argmax(1).",
    }
    right = other.mean().item()
    return judged(given.item(), right, mistakes, f"on a test it is {given.item():.3f} where {right:.3f} changed.", 1e-5)


def claim_of_use(claim: str, pair: str) -> str | None:
    """Which claim says that a network uses the camera, and what a pair is in it."""
    claims = {
        "A": "a probe says that the camera could be read off the features, not that any head does.",
        "B": None,
        "C": "a lower score may have many causes: other patients, for one.",
        "D": "a similarity asks no head at all.",
    }
    pairs = {
        "picture": "the claim would be about this one network: trained anew, it might look elsewhere.",
        "unit": "a unit is a part of the network; the claim is about its answers.",
        "seed": None,
    }
    return fault_of_design({"claim": claims, "pair": pairs}, claim, pair)


def without_unit(function: Callable[[Tensor, Tensor, nn.Linear, int], Tensor]) -> str | None:
    """``without_unit(z, h, head, u)``: the answers z = head(h) with unit u set to its mean over the pictures."""
    drawn = generator("without a unit")
    h = torch.rand(30, 6, generator=drawn, dtype=torch.float64)
    head = nn.Linear(6, 4, dtype=torch.float64)
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=drawn, dtype=torch.float64))
        z, u = head(h), 2
        given = attempted(function(z.clone(), h.clone(), head, u))
        if not isinstance(given, Tensor):
            return f"the answers are a tensor; yours is a {type(given).__name__}. Is a return missing?"
        if given.shape != z.shape:
            return f"z' has the shape of z, {tuple(z.shape)}; yours has {tuple(given.shape)}."
        column, mean = head.weight[:, u], h[:, u].mean()
        right = z - (h[:, u] - mean)[:, None] * column
        mistakes = [
            (z, "this is z itself: the unit is still there."),
            (z - h[:, [u]] * column, "the unit is set to 0, which is not its mean over the pictures."),
            (z + (h[:, u] - mean)[:, None] * column, "the sign is turned: what the unit adds is to be taken away."),
            (z - h[:, [u]] * column + mean, "the mean, too, has to go through the weights of the head."),
            ((z - head.bias) - (h[:, u] - mean)[:, None] * column, "the bias is gone: it belongs to no unit."),
            (z - (h[:, u] - h.mean())[:, None] * column, "this is the mean over all units; take that of unit u."),
        ]
    for value, because in mistakes:
        if torch.allclose(given.to(z), value):
            return because
    if not torch.allclose(given.to(right), right, atol=1e-5):
        worst = (given.to(right) - right).abs().max().item()
        return f"it is off by up to {worst:.2g} from what the head says when unit {u} is set to its mean."
    return None


def similarity(function: Callable[[np.ndarray, np.ndarray], float]) -> str | None:
    """``similarity(X, Y)``: linear CKA of two representations of the same pictures, (n, d) and (n, e)."""
    rng = np.random.default_rng(generator("similarity").initial_seed())
    X = rng.normal(size=(50, 6)) * [3, 1, 1, 1, 1, 1] + 2
    Y = X[:, :4] @ rng.normal(size=(4, 5)) + rng.normal(size=(50, 5)) - 1

    def cka(x, y):
        return np.square(y.T @ x).sum() / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y))

    given = attempted(function(X.copy(), Y.copy()))
    if given is None:
        return "your function returns nothing. Is a return missing?"
    given = np.asarray(given)
    if given.size != 1:
        return f"a similarity is one number; yours has shape {given.shape}."
    given = float(given.reshape(()))
    x, y = X - X.mean(0), Y - Y.mean(0)
    mistakes = {
        cka(X, Y): "the features are not centred: subtract the mean of each over the pictures.",
        cka(X - X.mean(), Y - Y.mean()): "one mean was taken over everything; each feature has its own, X.mean(0).",
        np.square(y.T @ x).sum(): "the denominator is missing.",
        np.linalg.norm(y.T @ x) / (np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)): "the numerator is squared.",
        np.linalg.norm(y.T @ x) / np.sqrt(np.linalg.norm(x.T @ x) * np.linalg.norm(y.T @ y)): "this is the root of it.",
        np.square(y.T @ x).sum()
        / (
            np.square(x).sum() * np.square(y).sum()
        ): "the denominator has ‖XᵀX‖ and ‖YᵀY‖, not the squares of ‖X‖ and ‖Y‖.",
        np.square(y.T @ x).sum()
        / (np.square(x.T @ x).sum() * np.square(y.T @ y).sum()): "the norms in the denominator are not squared.",
    }
    return judged(given, cka(x, y), mistakes, f"on a random pair it is {given:.3f} where it should be {cka(x, y):.3f}.")


RIGHT = {"A": "used", "B": "available", "C": "similar", "D": "none", "E": "used"}
WHY = {
    "A": "A removes units and looks at the task's own answers: that is use.",
    "B": "B fits a new reader to frozen features: it says what is available, whether or not anybody reads it.",
    "C": "C compares two sets of features with each other and asks no task at all: that is similarity.",
    "D": "D has no number beside it: without an untrained network's map one cannot tell what training did.",
    "E": "E changes one thing of the input and counts the answers that follow it: that is use.",
}


def says(answer: Mapping[str, str]) -> str | None:
    """``{"A": …, …, "E": …}``: what each finding says, "available", "used", "similar" or "none"."""
    if not isinstance(answer, Mapping) or set(answer) != set(RIGHT):
        return 'the answer is a mapping with the keys "A" to "E".'
    if ... in answer.values():
        raise NotYet
    if unknown := set(map(str, answer.values())) - set(RIGHT.values()):
        return f'{sorted(unknown)[0]!r} is none of "available", "used", "similar" and "none".'
    wrong = [letter for letter in RIGHT if answer[letter] != RIGHT[letter]]
    return WHY[wrong[0]] if wrong else None


share_changed = Exercise(
    "Exercise 1",
    share_changed,
    praise="Count answers, not logits: what the network says is what may not change.",
    hints=(
        "The answer of a row is the number of its largest logit.",
        "before.argmax(1) != after.argmax(1) is True where they differ; its mean is the share.",
    ),
)
claim_of_use = Exercise(
    "Exercise 2",
    claim_of_use,
    praise="One thing is changed, as much is changed in the control, and a pair is a network trained anew.",
    hints=(
        "In which of the four is something changed on purpose?",
        "Of what is there more, where the claim should hold?",
    ),
)
without_unit = Exercise(
    "Exercise 3",
    without_unit,
    praise="Exact, and no network was run: all 64 units of 1,000 pictures are done in a moment.",
    hints=(
        "z = h W + b is a sum over units; only one term of it changes.",
        "The term of unit u is h[:, u] times head.weight[:, u]; with the mean in its place it is the same for all.",
    ),
)
similarity = Exercise(
    "Exercise",
    similarity,
    praise="It does not change when either side is turned or scaled as a whole, which is what one wants of features.",
    hints=(
        "First X = X − X.mean(0) and the same for Y.",
        "np.linalg.norm of a matrix is the root of the sum of its squares; the numerator is its square.",
    ),
)
says = Exercise(
    "Exercise 4",
    says,
    praise="Available, used, similar: three questions, three measurements, and a picture alone is none of them.",
    hints=("Who reads the features in the experiment: the task's own head, a new reader, or nobody?",),
)
