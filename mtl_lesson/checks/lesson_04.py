"""The exercises of lesson 04: a step of soft sharing, the exact step on its penalty, a claim to design."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import parameters_to_vector

from ..chance import generator
from .exercise import Exercise, attempted, fault_of_design

T, LR = 4, 0.1  # with four tasks and six pairs every mistake has a factor of its own
COMPARISONS = {
    "A": "two percentages of different things are compared, one of weights and one of features; which of them is the "
    "larger says nothing of layers",
    "C": "a score is not the function: two networks can be right equally often, on different pictures",
    "D": "it compares two λ. At λ = ∞ both distances are 0, so both shrink on the way there, whatever the layers do",
    "B": None,
}
REPEATS = {
    "picture": "two pictures that the same three networks look at say nothing of what other weights and other training "
    "pictures would give",
    "task": "the three tasks of one model are trained, and pulled, together; ten of them are not ten repetitions",
    "layer": "which layer is further apart is the question, so the two layers are what is compared within a pair",
    "seed": None,
}


# --- one step of soft sharing ----------------------------------------------------------------------------------------


def soft_step(step: Callable[..., Tensor]) -> str | None:
    """``step(trunks, heads, optimiser, x, labels, lam)``: a step on L = Σ_t L_t + λ Σ_{i<j} ‖θ_i − θ_j‖²."""
    trunks, heads, x, labels = networks()
    optimiser = torch.optim.SGD([*trunks.parameters(), *heads.parameters()], lr=LR)
    for number, lam in enumerate((0.3, 0.2), 1):
        losses, penalty = terms(trunks, heads, x, labels, lam)
        right = (sum(losses) + penalty).item()
        expected = step_parts(trunks, heads, losses, penalty)
        before = vectors(trunks, heads)
        given = attempted(step(list(trunks), list(heads), optimiser, x, labels, lam))
        went = [(a - b) / LR for a, b in zip(before, vectors(trunks, heads), strict=True)]
        if because := wrong_way(went, expected, lam, again=number == 2):
            return because
        if given is None:
            return "the step is right and returns nothing: return L, so that one can see it fall."
        if not isinstance(given, Tensor) or given.numel() != 1:
            return f"the step is right and returns a {type(given).__name__}: return L, one number in a tensor."
        if not math.isclose(given.item(), right, rel_tol=1e-9):
            return f"the step is right, and what it returns is not L: {given.item():.3f} where L is {right:.3f}."
    return None


def networks() -> tuple[nn.ModuleList, nn.ModuleList, Tensor, list[Tensor]]:
    """Trunks that are apart, heads, pictures (n, 3) and a row of labels for each task, always the same."""
    draw = generator("soft step")
    trunks = nn.ModuleList(nn.Sequential(nn.Linear(3, 4), nn.Tanh()) for _ in range(T)).double()
    heads = nn.ModuleList(nn.Linear(4, 2) for _ in range(T)).double()
    with torch.no_grad():
        for parameter in (*trunks.parameters(), *heads.parameters()):
            parameter.copy_(torch.randn(parameter.shape, generator=draw, dtype=torch.float64))
    x = torch.randn(12, 3, generator=draw, dtype=torch.float64)
    return trunks, heads, x, [torch.randint(2, (12,), generator=draw) for _ in range(T)]


def terms(trunks: nn.ModuleList, heads: nn.ModuleList, x: Tensor, labels: Sequence[Tensor], lam: float):
    """L_t of each task, and λ Σ_{i<j} ‖θ_i − θ_j‖², pair by pair."""
    losses = [F.cross_entropy(head(trunk(x)), y) for trunk, head, y in zip(trunks, heads, labels, strict=True)]
    theta = [parameters_to_vector(trunk.parameters()) for trunk in trunks]
    return losses, lam * sum((a - b).square().sum() for a, b in itertools.combinations(theta, 2))


def step_parts(trunks: nn.ModuleList, heads: nn.ModuleList, losses: list[Tensor], penalty: Tensor) -> dict[str, Tensor]:
    """What a step may be made of, each as one vector: the gradients of the losses, of the penalty, of the distances not
    squared, of the penalty on the layers' weights without their biases, and those of the heads."""
    theta, phi = list(trunks.parameters()), list(heads.parameters())
    flat = [parameters_to_vector(trunk.parameters()) for trunk in trunks]
    norms = sum((a - b).norm() for a, b in itertools.combinations(flat, 2))

    def of(value: Tensor, weights: list[nn.Parameter]) -> Tensor:
        return parameters_to_vector([g.contiguous() for g in torch.autograd.grad(value, weights, retain_graph=True)])

    pull = of(penalty, theta)
    weights_only = torch.cat([torch.full((p.numel(),), float(p.dim() > 1), dtype=p.dtype) for p in theta])
    return {
        "losses": of(sum(losses), theta),
        "penalty": pull,
        "norms": of(norms, theta),
        "without biases": pull * weights_only,
        "towards 0": parameters_to_vector(theta).detach(),
        "heads": of(sum(losses), phi),
    }


def vectors(trunks: nn.ModuleList, heads: nn.ModuleList) -> list[Tensor]:
    """All weights of the trunks and all of the heads, as they are now."""
    return [parameters_to_vector(part.parameters()).detach().clone() for part in (trunks, heads)]


def wrong_way(went: list[Tensor], right: dict[str, Tensor], lam: float, again: bool) -> str | None:
    """Why a step down ``went``, trunks and heads, is not the one asked for; None where it is."""
    losses, pull = right["losses"], right["penalty"]
    trunks, heads = went
    if agrees_with(trunks, losses + pull) and agrees_with(heads, right["heads"]):
        return None
    if not trunks.any() and not heads.any():
        return "no weight has moved. After zero_grad(), L needs .backward(), and the optimiser .step()."
    if again:
        return "the second step goes wrong. Does a gradient of the first one survive?"
    if agrees_with(trunks, losses + pull):
        return "the trunks move as they should, the heads do not: a head has the gradient of its own loss, and no pull."
    if agrees_with(trunks, -losses - pull):
        return "the step goes uphill: L is to fall."
    pairs = T * (T - 1) / 2
    size = len(losses)
    mistakes = (
        (
            losses,
            "the penalty does not move the weights. Is it in the L whose .backward() is called? Is anything detached?",
        ),
        (pull, "only the penalty moves the trunks: the losses are not in L."),
        (losses + pull / T, "this is the mean form, λ Σ_t ‖θ_t − θ̄‖². The sum over pairs is T times as large."),
        (losses + 2 * pull, "every pair is counted twice: i < j goes through each of them once."),
        (losses + pull / pairs, "you averaged over the pairs; the penalty is a sum."),
        (losses + pull / size, "you averaged over the weights; the penalty is a sum."),
        (losses + pull / (size / T), "you averaged over the weights; the penalty is their sum."),
        (losses + pull / lam, "λ is missing."),
        (losses + lam * right["norms"], "the distances are not squared."),
        (losses + right["without biases"], "the biases are left out: θ_t is all of a trunk."),
        (losses + 2 * lam * T * right["towards 0"], "this pulls every θ_t to 0, not to the others: subtract the mean."),
        (losses / T + pull, "the losses are averaged; L has their sum."),
    )
    for gradient, why in mistakes:
        if agrees_with(trunks, gradient):
            return why
    return "the step is not one down the gradient of Σ_t L_t + λ Σ_{i<j} ‖θ_i − θ_j‖². Compare term by term."


def agrees_with(a: Tensor, b: Tensor) -> bool:
    """Whether two vectors are equal but for rounding."""
    return torch.allclose(a, b, rtol=1e-6, atol=1e-9)


# --- the exact step --------------------------------------------------------------------------------------------------


def exact_step(solve: Callable[[Tensor, float, float], Tensor]) -> str | None:
    """``solve(z, lam, lr)`` minimises Σ_t ‖θ_t − z_t‖² / (2 lr) + λT Σ_t ‖θ_t − θ̄‖² over θ, for z (T, P)."""
    z = torch.randn(5, 3, generator=generator("exact step"), dtype=torch.float64)
    for lam, lr in ((0.7, 0.3), (0.0, 0.1), (math.inf, 0.2)):
        mine, at = z.clone(), "λ = ∞" if lam == math.inf else f"λ = {lam:g}"
        given = attempted(solve(mine, lam, lr))
        if given is None:
            return "your function returns nothing. Is a return missing?"
        if not isinstance(given, Tensor) or given.shape != z.shape:
            shape = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
            return f"θ has the shape of z, {tuple(z.shape)}: a row for each task. Yours is {shape}."
        if given.isnan().any():
            return f"at {at} it gives NaN. Write w as 1 / (1 + …): there it is 0, and every θ_t is the mean."
        c, m = 2 * lam * len(z) * lr, z.mean(0)
        d = z - m
        if agrees_with(given, m + d / (1 + c)):
            continue
        if lam == 0.7:
            mistakes = (
                ((1 - c) * d, "that is a gradient step. Here the derivative is 0 at the new θ, not taken at z."),
                (d / (1 + c / len(z)), "T is missing: every task is pulled by all the others."),
                (
                    d / (1 + c / 2),
                    "a factor of 2 is missing: both squares are differentiated, and one of them has a ½.",
                ),
                (d / (1 + c * len(z)), "the penalty's sum has T squares, and yours T²."),
                (z / (1 + c) - m, "you shrink every θ_t towards 0. It is the distance from the mean that shrinks."),
                (d / (1 + c) - m, "you return the distance from the mean: add the mean again."),
                (d * c / (1 + c), "the weights of z and of the mean have changed places."),
                (0 * d, "every task is now at the mean. That is λ = ∞."),
            )
            for change, why in mistakes:
                if agrees_with(given, m + change):
                    return why
        return f"at {at} and lr = {lr:g} it is not the minimum. What is the derivative there?"
    return None


# --- a claim to design -----------------------------------------------------------------------------------------------


def claim_of_closeness(claim: str, pair: str) -> str | None:
    """The claim that tests whether close weights are close functions, and what a pair is: "seed", "picture", …"""
    return fault_of_design({"claim": COMPARISONS, "pair": REPEATS}, claim, pair)


soft_step = Exercise(
    "Exercise 1",
    soft_step,
    praise="That is soft sharing. One mean and one sum stand for all pairs: as cheap for 65 tasks as for two.",
    hints=(
        "Σ_{i<j} ‖θ_i − θ_j‖² = T Σ_t ‖θ_t − θ̄‖², with θ̄ the mean over tasks: all_weights(trunks).mean(0).",
        "L_t is torch.nn.functional.cross_entropy(head(trunk(x)), y), of the trunk, head and labels y of one task.",
        "Then zero_grad, backward, step, and return L.",
    ),
)
exact_step = Exercise(
    "Exercise 2",
    exact_step,
    praise="The weight on the distance falls from 1 to 0 and never turns negative, however large λ is.",
    hints=(
        "Add the derivatives for θ_t over all t: the penalty's cancel, so θ̄ = z̄. The mean does not move.",
        "For one task: (θ_t − z_t) / lr + 2λT (θ_t − z̄) = 0. Solve for θ_t − z̄.",
    ),
)
claim_of_closeness = Exercise(
    "Exercise 3",
    claim_of_closeness,
    praise="The sentence predicts it, the measurement can contradict it, and a seed draws all that chance decides.",
    hints=(
        "What does the sentence predict for the layer whose weights are closest, and what would contradict it?",
        "A pair is one repetition of the whole experiment; chance has dealt the same cards to both sides of it.",
    ),
)
