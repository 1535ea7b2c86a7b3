"""Soft parameter sharing: a network a task, and a pull between them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from numbers import Real

import torch
from torch import Tensor, nn

from ..linear.graph import strengths_between
from ..tasks import Task, check_tasks
from .base import a_copy, around_mean
from .pulls import everywhere, is_graph, pulled, solve_pulls
from .separate import Separate

Lambda = float | Mapping[str, float] | Mapping[tuple[str, str], float]


class Soft(Separate):
    """Every task has its own network, and pays for being far from the others.

        h_t = f(x; θ_t),   ŷ_t = g_t(h_t; φ_t),   L = Σ_t L_t(θ_t, φ_t) + λ Σ_{i<j} ‖θ_i − θ_j‖²

    λ = 0 is Separate; at λ = ∞ all θ_t are equal, in every layer that learns. ``lam``: λ from 0 to ∞, or one a layer,
    {layer name: λ} (0 where not named), or one a pair of tasks, {(task, task): λ_ij} (0 where not named), which makes
    the penalty Σ_{i<j} λ_ij ‖θ_i − θ_j‖²; a list has one for each copy. ``tie``: "trunk" pulls the trunks, "all" the
    heads too, which then need equal outputs and start equal. Duong et al. 2015, "Low resource dependency parsing";
    Evgeniou & Pontil 2004; pairs: Evgeniou, Micchelli & Pontil 2005.

    The pull is not left to the gradient, whose steps overshoot once 2λT·lr exceeds 2: :func:`solve_pull` solves it
    exactly after each step. ``exact=False`` leaves it to the gradient all the same, to see that happen.

    Raises ValueError for a λ that is negative, NaN or no number, a task paired with itself, a pair named twice, and
    pairs and layers in one mapping; KeyError for a layer or a task that is not there.
    """

    options, per_copy = ("lam", "tie", "exact"), ("lam",)

    def __init__(self, tasks, trunk, lam: Lambda | Sequence[Lambda] = 0.0, tie="trunk", exact=True, **arguments):
        check_tie(tie, check_tasks(tasks))
        self.tie, self.exact = tie, bool(exact)
        super().__init__(tasks, trunk, **arguments)
        self.lam = lam
        self.strengths = strengths_of(self)

    def head_drawn_as(self, task):
        return "all tasks" if self.tie == "all" else super().head_drawn_as(task)

    def penalty(self):
        """λ Σ_{i<j} ‖θ_i − θ_j‖², (C,); 0 where the tasks are equal, whatever λ is."""
        if any(λ.dim() > 1 for λ in self.strengths.values()):
            return sum((pulled(torch.cat(θ, 1), self.strengths[name]) for name, θ in tied(self)), super().penalty())
        far = distances(self).items()
        parts = (torch.where(d == 0, d, self.strengths[name].to(d) * d) for name, d in far)
        return sum(parts, super().penalty())

    def regulariser(self, h):
        return super().regulariser(h) if self.exact else self.penalty()

    def adds_up_over_examples(self):
        return super().adds_up_over_examples() or (self.exact and type(self).regulariser is Soft.regulariser)

    @torch.no_grad()
    def pull(self, optimiser):
        for name, parts in tied(self) if self.exact else ():
            solve_pull(optimiser, parts, self.strengths[name])

    def release(self, number):
        for λ in self.strengths.values():
            λ[number] = 0

    def options_of(self, number):
        return {"lam": a_copy(self.lam, self.copies, "λ")[number]}


# --- what is pulled, and how far apart it is ------------------------------------------------------------------------


def tied(model: Soft) -> Iterator[tuple[str, list[nn.Parameter]]]:
    """What is pulled together: (layer name, [θ]) with one θ (C, T, …), or for the heads T of them (C, 1, …). What is
    frozen is left out."""
    for name in model.trunk.plan:
        for parameter in model.trunk[name].parameters():
            if parameter.requires_grad:
                yield name, [parameter]
    if model.tie == "all":
        heads = [model.heads[model.head_of(task)] for task in model.tasks]
        yield from (("heads", list(same)) for same in zip(*(head.parameters() for head in heads), strict=True))


def distances(model: Soft) -> dict[str, Tensor]:
    """Σ_{i<j} ‖θ_i − θ_j‖² of each tied layer, (C,): T Σ_t ‖θ_t − θ̄‖², which needs no pairs."""
    found: dict[str, Tensor] = {}
    for name, parts in tied(model):
        far = len(model.tasks) * around_mean(torch.cat(parts, 1))[0].square().flatten(1).sum(1)
        found[name] = found.get(name, 0) + far
    return found


# --- the exact step --------------------------------------------------------------------------------------------------


def solve_pull(optimiser: torch.optim.Optimizer, parts: list[nn.Parameter], λ: Tensor) -> None:
    """The exact step on the penalty, from where the optimiser has gone, z, in the metric p it went there by:

        min_θ ½ Σ_t ‖θ_t − z_t‖²_p + lr Σ_{i<j} λ_ij ‖θ_i − θ_j‖²

    ``parts``: θ along the tasks axis, in one parameter or several; ``λ``: one a copy, (C,), or one a pair, (C, T, T).
    """
    if isinstance(optimiser, torch.optim.Adam) and not all(optimiser.state.get(part) for part in parts):
        return  # a layer may hold a weight that no answer needs: it is where it was
    z = joined([part.data for part in parts])
    p, lr = metric(optimiser, parts, z)
    θ = pull_together(z, p, λ, lr) if λ.dim() == 1 else solve_pulls(z, p, λ, lr)
    for part, new in zip(parts, θ.split([part.shape[1] for part in parts], 1), strict=True):
        part.copy_(new)


def pull_together(z: Tensor, p: Tensor, λ: Tensor, lr: Tensor | float) -> Tensor:
    """The solution with one λ for all pairs, (C,); writes on p.

    With c = 2λT·lr it is θ_t = m + w_t (z_t − m), w_t = p_t / (p_t + c), m = Σ w_t z_t / Σ w_t. Written with
    s = c / (1 + c) and q_t = p_t / ((1−s) p_t + s), so that w_t = (1−s) q_t, it holds from λ = 0 (θ = z, bit for bit)
    to λ = ∞ (θ_t = m, the same for all).
    """
    c = 2 * λ.to(z) * z.shape[1] * lr
    s = torch.where(c.isinf(), torch.ones_like(c), c / (1 + c)).view(-1, *[1] * (z.dim() - 1))
    # Few passes, in place: this runs after every step over all the weights there are.
    q = p.div_(torch.lerp(p, torch.ones_like(s), s))
    m = (q * z).sum(1, keepdim=True).div_(q.sum(1, keepdim=True))
    return torch.lerp(m, z, q.mul_(1 - s))


def metric(optimiser: torch.optim.Optimizer, parts: list[nn.Parameter], z: Tensor) -> tuple[Tensor, Tensor | float]:
    """The optimiser's metric p at z, as a new tensor, and its rate: its last step was −rate/p times a mean gradient.

    Plain SGD: p = 1. Heavy ball: p = 1 and rate lr/(1 − momentum), the length its steps add up to. Adam: √v̂ + ε for
    each weight and lr, here both times the root of v's bias correction. Raises TypeError for any other optimiser.
    """
    group = optimiser.param_groups[0]
    if isinstance(optimiser, torch.optim.SGD):
        return torch.ones_like(z), group["lr"] / (1 - group["momentum"])
    if isinstance(optimiser, torch.optim.Adam) and not group["amsgrad"]:
        states = [optimiser.state[part] for part in parts]
        correction = (1 - group["betas"][1] ** states[0]["step"].to(z)).sqrt()
        v = joined([state["exp_avg_sq"] for state in states])
        return v.sqrt().add_(group["eps"] * correction), group["lr"] * correction
    raise TypeError(f"the exact step is known for SGD and Adam, not for {type(optimiser).__name__}")


def joined(parts: list[Tensor]) -> Tensor:
    """The parts along the tasks axis, without a copy where there is one."""
    return parts[0] if len(parts) == 1 else torch.cat(parts, 1)


def check_tie(tie: str, tasks: Sequence[Task]) -> None:
    """Refuse what cannot be tied."""
    if tie not in ("trunk", "all"):
        raise ValueError(f"tie must be 'trunk' or 'all', not {tie!r}")
    if tie == "all" and len({task.outputs for task in tasks}) > 1:
        outputs = ", ".join(f"{task.name}: {task.outputs}" for task in tasks)
        raise ValueError(f"heads of different sizes cannot be tied ({outputs}); use tie='trunk'")


def strengths_of(model: Soft) -> dict[str, Tensor]:
    """λ of each tied layer, (C,), or (C, T, T) where a copy has one a pair; ValueError where no gradient could follow.

    One λ for all pairs is a graph too, so that copies of either kind are trained side by side.
    """
    names = (*model.trunk.plan, *(["heads"] if model.tie == "all" else []))
    each = a_copy(model.lam, model.copies, "λ")
    pairs = any(map(is_graph, each))

    def strength(λ: Lambda, name: str) -> Tensor:
        if is_graph(λ):
            return strengths_between(model.tasks, λ)
        λ = torch.tensor(check_lambda(λ, name, names), dtype=torch.float64)
        return everywhere(λ, len(model.tasks)) if pairs else λ

    found = {name: torch.stack([strength(λ, name) for λ in each]) for name in names}
    if not model.exact and any(λ.isinf().any() for λ in found.values()):
        raise ValueError("a gradient cannot follow λ = ∞; take a finite λ, or the exact step (exact=True)")
    return found


def check_lambda(lam: object, name: str, names: Sequence[str]) -> float:
    """λ of one layer; refuses what is no λ."""
    if isinstance(lam, Mapping):
        if unknown := set(lam) - set(names):
            raise KeyError(f"there is no layer {sorted(map(str, unknown))[0]!r} to tie; there are {', '.join(names)}")
        lam = lam.get(name, 0.0)
    if isinstance(lam, bool) or not isinstance(lam, Real) or not lam >= 0:
        raise ValueError(f"λ must be a number from 0 to ∞, not {lam!r}")
    return float(lam)
