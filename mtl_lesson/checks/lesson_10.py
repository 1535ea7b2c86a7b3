"""The exercises of lesson 10: a layer corrected by rank r, a control to design, networks merged after training."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral

import torch
from torch import Tensor

from ..chance import generator
from .exercise import Exercise, fault_of_design
from .tensors import Mistakes, furthest_off, handed, in_other_order, mistake_made, same_numbers

ONE_MATRIX = "one matrix for all tasks: each task has its own correction, and no other's."
CONTROLS = {
    "A": "three trunks have more room than one, so the 3 points may be room, whoever looks at what",
    "B": "three networks share nothing: that asks whether to share, and not whether to look at the picture",
    "D": "it measures room again. Three trunks in any mixture may be better than a wide one; leave out the look alone",
    "C": None,
}
ALIKE = {
    "weights": "a gate that looks has a matrix more, and that is what is cut out. Alike must be what chance decides: "
    "the data, the first trunks and the batches",
    "both": "a gate that looks has a matrix more, and that is what is cut out. Made up for elsewhere, the trunks would "
    "differ, too",
    "seeds": None,
}
TRIED = 3  # settings of the colleague's gate


# --- a correction of rank r ------------------------------------------------------------------------------------------


def low_rank(function: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> str | None:
    """``corrected(W, U, V, x)``: what each task's layer θ_t = W + U_t V_tᵀ makes of x, (T, examples, m)."""
    square, oblong = corrected_layer(3, 4, 4, 2, 5), corrected_layer(2, 3, 6, 1, 4)  # square: a transpose has numbers
    given, problem = handed(function, square)
    if problem:
        return problem
    if because := wrong_corrections(given, **square):
        again, _ = handed(function, square)
        if isinstance(again, Tensor) and not torch.equal(again, given):
            return "twice the same arguments, and two answers: take the U and V that are given, and draw none."
        return because
    given, problem = handed(function, oblong)
    if problem or not same_numbers(given, layers_applied(**oblong)):
        return "it is right for three tasks and a square W, and wrong for two tasks and W of shape (3, 6)."
    return None


def corrected_layer(T: int, m: int, n: int, r: int, examples: int) -> dict[str, Tensor]:
    """W (m, n), U (T, m, r), V (T, n, r) and x (examples, n), always the same."""
    drawn = generator("a correction", T, m, n, r, examples)
    shapes = {"W": (m, n), "U": (T, m, r), "V": (T, n, r), "x": (examples, n)}
    return {name: torch.randn(shape, generator=drawn, dtype=torch.float64) for name, shape in shapes.items()}


def layers_applied(W: Tensor, U: Tensor, V: Tensor, x: Tensor) -> Tensor:
    """x θ_tᵀ of each task, (T, examples, m)."""
    return x @ (W + U @ V.mT).mT


def wrong_corrections(given: Tensor, W: Tensor, U: Tensor, V: Tensor, x: Tensor) -> str | None:
    """Why ``given`` is not x θ_tᵀ of each task; None where it is."""
    right = layers_applied(W, U, V, x)
    if same_numbers(given, right):
        return None
    asked, own = tuple(right.shape), tuple(given.shape)
    if in_other_order(given, right):
        return f"the outputs are right and stand otherwise: (T, examples, m) is {asked} here, and yours is {own}."
    if same_numbers(given, W + U @ V.mT):
        return "these are the matrices θ_t. Asked for is what they make of x: x θ_tᵀ."
    if own in (asked, asked[1:], (1, *asked[1:])):
        outputs = [((x @ value.mT).expand(asked), because) for value, because in mistaken_layers(W, U, V)]
        if because := mistake_made(given.expand(asked), outputs):
            return because
    if own != asked:
        return f"(T, examples, m) is {asked} here; yours has the shape {own}."
    return furthest_off(given, right, "x θ_tᵀ with θ_t = W + U_t V_tᵀ")


def mistaken_layers(W: Tensor, U: Tensor, V: Tensor) -> Mistakes:
    """The matrices, (T, m, n) or one for all, of those who get θ_t wrong; W is square."""
    away = U @ V.mT
    T, _, r = U.shape
    total = away.sum(0)
    return [
        (W + away.mT, "V_t U_tᵀ is the correction transposed. U has a row for each output: U_t V_tᵀ."),
        (W.T + away.mT, "this is x θ_t. A row of θ_t belongs to an output: x θ_tᵀ."),
        (W.T + away, "this has x W in it. A row of W belongs to an output: x Wᵀ."),
        (away, "W is forgotten: these are the corrections alone."),
        (W, "no task is corrected: this is what W makes of x."),
        (W + total, f"all tasks' corrections are added up, {ONE_MATRIX}"),
        (W + total / T, f"this is the mean of all tasks' corrections, {ONE_MATRIX}"),
        (T * W + total, "the tasks' outputs are added up: keep them apart, (T, examples, m)."),
        (W + away.cumsum(0), "a task has the corrections of those before it, too: begin each with W."),
        (W + away[0], f"this is the first task's correction, {ONE_MATRIX}"),
        (W + away[-1], f"this is the last task's correction, {ONE_MATRIX}"),
        (W - away, "the correction is taken away: it is W + U_t V_tᵀ."),
        (W + away / r, "the correction is divided by r, as some libraries do; here it is U_t V_tᵀ as it is."),
    ]


# --- a control to design ---------------------------------------------------------------------------------------------


def cut_out(control: str, same: str, trials: int) -> str | None:
    """Which network tells whether a gate's look at the picture helps, what it must have in common with that of the
    gate, and how many settings it may try."""
    if because := fault_of_design({"control": CONTROLS, "pairing": ALIKE}, control, same):
        return because
    if isinstance(trials, bool) or not isinstance(trials, Integral):
        return f"how many settings it may try is a whole number; yours is {trials!r}."
    if trials < 1:
        return "without a setting the control is not trained."
    if trials < TRIED:
        return f"of more tries the best looks better by chance alone: with {trials} to {TRIED} the gate is flattered."
    if trials > TRIED:
        return (
            f"of more tries the best looks better by chance alone: with {trials} to {TRIED} the control is flattered."
        )
    return None


# --- networks merged after training ----------------------------------------------------------------------------------


def task_arithmetic(function: Callable[[Tensor, Tensor, float], Tensor]) -> str | None:
    """``merge(start, ends, lam)``: start + λ Σ_t (ends_t − start), one network of T that began alike."""
    four, two = trained_apart(4, 6, 0.3), trained_apart(2, 5, 1.25)
    given, problem = handed(function, four)
    if problem := problem or wrong_merge(given, **four):
        return problem
    given, problem = handed(function, two)
    if problem or wrong_merge(given, **two):
        return "it is right for four networks with λ = 0.3, and wrong for two with λ = 1.25."
    return None


def trained_apart(T: int, P: int, lam: float) -> dict[str, Tensor | float]:
    """The weights (P,) that T networks began with, those (T, P) they came to, and λ, always the same."""
    drawn = generator("trained apart", T, P)
    start = torch.randn(P, generator=drawn, dtype=torch.float64)
    ends = start + 0.5 * torch.randn(T, P, generator=drawn, dtype=torch.float64)
    return {"start": start, "ends": ends, "lam": lam}


def wrong_merge(given: Tensor, start: Tensor, ends: Tensor, lam: float) -> str | None:
    """Why ``given`` is not start + λ Σ_t (ends_t − start); None where it is."""
    learnt = ends - start
    right = start + lam * learnt.sum(0)
    if same_numbers(given, right):
        return None
    if given.shape == ends.shape:
        return "these are as many networks as there were: merged is one, so add up over the tasks, sum(0)."
    if given.shape == ends.shape[:1]:
        return "there is a number a task, so the sum went over the weights: it goes over the tasks, sum(0)."
    if given.shape != start.shape:
        return f"a network has the shape {tuple(start.shape)} here, like start; yours has {tuple(given.shape)}."
    told = mistake_made(given, mistaken_merges(start, ends, lam))
    return told or furthest_off(given, right, "start + λ Σ_t (ends_t − start)")


def mistaken_merges(start: Tensor, ends: Tensor, lam: float) -> Mistakes:
    """What those get, (P,), who get the sum wrong."""
    learnt = ends - start
    τ, total = learnt.sum(0), ends.sum(0)
    once = "start is taken off once, and each network began there: take it off each."
    return [
        (start + lam * learnt.mean(0), "this is the mean of what they learnt; asked for is the sum, T times as much."),
        (lam * τ, "start is forgotten: what they learnt is to be added to where they began."),
        (lam * total, "start is forgotten: what a network learnt is ends_t − start, and the sum is added to start."),
        (start + lam * total, "start is taken off no network: what one learnt is ends_t − start."),
        (start + lam * (total - start), once),
        (lam * (total - start), f"{once.rstrip('.')}, and add it again in the end."),
        (start + τ, "λ is not in it."),
        (start - lam * τ, "the sign is turned: this goes away from what they learnt."),
        (lam * (start + τ), "λ stands before start, too: it scales only what was learnt."),
        (ends.mean(0), "this is the mean of the networks, which is right at one λ alone: 1/T."),
        (lam * ends.mean(0), "this is λ times the mean of the networks, and start is nowhere."),
        (start, "this is start: nothing of what they learnt is in it."),
        (start + lam * learnt[0], "only the first network is in it. Does return stand inside the loop?"),
        (start + lam * learnt[-1], "only the last network is in it: add up over all."),
    ]


low_rank = Exercise(
    "Exercise 1",
    low_rank,
    praise="Beside W a task has r (m + n) numbers, in place of m n. And nobody need build θ_t: x Wᵀ + (x V_t) U_tᵀ.",
    hints=(
        "V.mT, or V.transpose(1, 2), is V_tᵀ of each task; @ multiplies task by task.",
        "W (m, n) is added to each of (T, m, n) by itself; then x @ theta.mT.",
    ),
)
cut_out = Exercise(
    "Exercise 2",
    cut_out,
    praise="The same trunks, as many tries, and nothing left out but the look. Only this says what a look is worth.",
    hints=(
        "The claim is that looking helps. What is the network that differs in this alone?",
        "What would make the two differ by chance? And who wins, if one may try more often?",
    ),
)
task_arithmetic = Exercise(
    "Exercise 3",
    task_arithmetic,
    praise="At λ = 0 this is the start, at λ = 1/T the mean of the networks. Which λ is best, validation says.",
    hints=(
        "What has a network learnt? Where it ended, less where it began: ends − start, a row each.",
        "Add the rows up, sum(0), times λ, and go there from start.",
    ),
)
