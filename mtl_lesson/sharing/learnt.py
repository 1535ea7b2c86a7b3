"""Soft parameter sharing whose λ is learnt while training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from ..arguments import real
from ..nets.layers import Stacked
from .base import a_copy
from .soft import Soft, joined, metric, solve_pull, tied


class Learnt(Soft):
    """A network a task, and a pull between them whose strength is learnt with the weights, by hypergradient.

        L = Σ_t L_t(θ_t, φ_t) + λ_s Σ_{i<j} ‖θ_i − θ_j‖²,   log λ_{s+1} = log λ_s − rate · sign(dL/dlog λ_s)
        dL/dlog λ_s = Σ_t ⟨∇L(θ_t), ∂θ_t/∂log λ_s⟩

    The exact step s has left weights θ_t that are a formula in λ_s, so how they would move with it is known
    (:func:`slope_of`). The gradient that step s + 1 takes there on its own batch says whether that would lower the
    losses: one product more. Its sign counts, which does not hang on the unit of a loss, so in a step λ grows or
    shrinks by the factor e^rate. One λ a copy, for all layers; it needs no bounds, since at λ → 0 and λ → ∞ the weights
    no longer move with it and the sign is 0. ``lam``: λ to begin with; ``rate``: 0 is Soft, bit for bit; a list of
    either has one for each copy. ``model.path``: the λ_s of each step; ``model.strengths``: the last.

    What it cannot do: the batch of step s + 1 is new in the first epoch only. Afterwards it was learnt from before,
    and a smaller λ fits it better whether or not that helps elsewhere. And it looks one step ahead, where a pull costs
    more than it has brought yet (Wu et al. 2018, "Understanding short-horizon bias in stochastic
    meta-optimization"). Validation data as the new batch, as in Luketina et al. 2016, "Scalable gradient-based tuning
    of continuous regularization hyperparameters", would mend the first. The rule is that of Baydin et al. 2018, "Online
    learning rate adaptation with hypergradient descent", for λ in place of the learning rate.

    Raises ValueError for a λ that is 0 or ∞ or not one number, for exact=False and for a rate below 0; TypeError for a
    rate that is no number.
    """

    options, per_copy = (*Soft.options, "rate"), (*Soft.per_copy, "rate")

    def __init__(self, tasks, trunk, lam: float | Sequence[float] = 0.01, rate: float | Sequence[float] = 0.05, **more):
        self.rate, self.kept, self.slopes = rate, [], []
        super().__init__(tasks, trunk, lam=lam, **more)
        if not self.exact:
            raise ValueError("λ is learnt through the exact step: leave exact=True, or take Soft")
        for one in a_copy(lam, self.copies, "λ"):
            check_start(one)
        rates = [real(one, "rate") for one in a_copy(rate, self.copies, "rate")]
        self.rates = torch.tensor(rates, dtype=torch.float64)
        self.growth = Stacked(Growth(), "growth of λ", (0,), self.seeds)

    @property
    def λ(self) -> Tensor:
        """The present λ, (C,)."""
        growth = self.growth.logarithm[:, 0]
        return next(iter(self.begun.values()), torch.zeros(self.copies)).to(growth) * growth.exp()

    @property
    def strengths(self):
        """The present λ of each tied layer, (C,): the same for all."""
        return dict.fromkeys(self.begun, self.λ)

    @strengths.setter
    def strengths(self, λ):
        self.begun = λ

    @property
    def path(self) -> Tensor:
        """The λ that each step was taken with, (steps, C)."""
        return torch.stack(self.kept).cpu() if self.kept else torch.zeros(0, self.copies)

    @torch.no_grad()
    def pull(self, optimiser):
        self.learn()
        λ = self.λ
        self.kept.append(λ)
        self.slopes = []
        for _, parts in tied(self):
            self.slopes.append(slope_of(optimiser, parts, λ))
            solve_pull(optimiser, parts, λ)

    def learn(self) -> None:
        """Move log λ by the gradient that stands in the weights, taken where the pull before has left them."""
        if not self.slopes:  # before the first step
            return
        found = torch.zeros_like(self.λ)
        for (_, parts), slopes in zip(tied(self), self.slopes, strict=True):
            if slopes is not None:
                g = joined([torch.zeros_like(part) if part.grad is None else part.grad for part in parts])
                found += (g * slopes).flatten(1).sum(1)
        away = found.sign()  # 0 for a copy whose loss is no number
        self.growth.logarithm[:, 0] -= self.rates.to(away) * away

    def release(self, number):
        for λ in self.begun.values():
            λ[number] = 0

    def holders(self):
        return [*super().holders(), self.growth]

    def copy(self, number):
        one = super().copy(number)
        one.kept = [λ[number : number + 1] for λ in self.kept]
        return one

    def options_of(self, number):
        return super().options_of(number) | {"rate": a_copy(self.rate, self.copies, "rate")[number]}

    def get_extra_state(self):
        return self.path

    def set_extra_state(self, state):
        self.kept = list(state)


class Growth(nn.Module):
    """log(λ / λ_0), a template: in a buffer, since no optimiser learns it."""

    def __init__(self):
        super().__init__()
        self.register_buffer("logarithm", torch.zeros(()))


def slope_of(optimiser: torch.optim.Optimizer, parts: list[nn.Parameter], λ: Tensor) -> Tensor | None:
    """∂θ_t/∂log λ of :func:`.soft.solve_pull`, from where the optimiser has gone; None where it has not."""
    if isinstance(optimiser, torch.optim.Adam) and not all(optimiser.state.get(part) for part in parts):
        return None
    z = joined([part.data for part in parts])
    return slope(z, *metric(optimiser, parts, z), λ)


def slope(z: Tensor, p: Tensor, lr: Tensor | float, λ: Tensor) -> Tensor:
    """∂θ_t/∂log λ of :func:`.soft.pull_together`, (C, T, …):

        θ_t = m + w_t (z_t − m),   w_t = p_t / (p_t + c),   c = 2λT·lr,   m = Σ w_t z_t / Σ w_t
        ∂θ_t/∂log λ = −(1 − w_t) (r_t − Σ_s w_s r_s / Σ_s w_s),   r_t = θ_t − m

    Written with s and q as there, so that no digit is lost from λ = 0 (0, bit for bit) to λ = ∞ (0 too).
    """
    c = (2 * λ.to(z) * z.shape[1] * lr).view(-1, *[1] * (z.dim() - 1))
    s, rest = torch.where(c.isinf(), torch.ones_like(c), c / (1 + c)), 1 / (1 + c)
    d = torch.lerp(p, torch.ones_like(s), s)
    q = p / d
    r = rest * q * about_mean(z, q)
    return -(s / d) * about_mean(r, q)


def about_mean(x: Tensor, w: Tensor) -> Tensor:
    """x_t − Σ_s w_s x_s / Σ_s w_s along the tasks axis; exactly 0 where all x_t are equal."""
    away = x - x[:, :1]
    return away - (w * away).sum(1, keepdim=True) / w.sum(1, keepdim=True)


def check_start(lam: object) -> None:
    """Refuse a λ that cannot grow or shrink by a factor."""
    if isinstance(lam, Mapping):
        raise ValueError("one λ is learnt for all layers and pairs: take one number to begin with, or Soft for several")
    if lam in (0, float("inf")):
        raise ValueError("λ is learnt by factors, which move neither 0 nor ∞: begin with a finite λ above 0")
