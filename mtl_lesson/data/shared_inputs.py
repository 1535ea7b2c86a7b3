"""The world ``planted`` for methods that take one table: all its tasks on the same examples, in either of two bases."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from .planted import Planted
from .world import Split


def share_inputs(world: Planted, turned: bool = False) -> Planted:
    """The same truth and the same noise, and every task looks at the inputs of the first: one x (n, d) for all.

        y_t = X θ_t + ε_t,     X = X_1,  ε_t = y_t − X_t θ_t of the world that is given

    ``turned``: the inputs are written in another orthonormal basis, Q: x → Qᵀx, θ_t → Qᵀθ_t, in which the shared
    subspace is spanned by the first ``rank`` inputs, and no task needs the others. Every distance is what it was, and
    so is the difficulty for a method that does not ask which input is which.

    Raises ValueError where tasks look at the world through inputs of their own (``mismatch``), or in several groups.
    """
    if world.dial["mismatch"] != 1 or world.dial["groups"] != 1:
        raise ValueError(
            "tasks can only be brought together where their inputs are drawn alike, in one group: take mismatch=1 and "
            f"groups=1, not {world.dial['mismatch']:g} and {world.dial['groups']}"
        )
    Q = basis_around(world.shared) if turned else torch.eye(world.theta.shape[1], dtype=torch.float64)
    splits = [brought_together(part, world, Q) for part in (world.train, world.validation, world.test)]
    theta, private = world.theta @ Q, world.private @ Q
    truth = {"theta": theta, "private": private, "shared": Q.T @ world.shared, "bases": Q.T @ world.bases}
    names = ("train", "validation", "test")
    covariance = Q.T @ world.covariance @ Q
    return replace(world, **dict(zip(names, splits, strict=True)), **truth, covariance=covariance)


def basis_around(U: Tensor) -> Tensor:
    """An orthonormal basis (d, d) whose first vectors are those of U (d, rank)."""
    rest = torch.linalg.svd(U, full_matrices=True)[0][:, U.shape[1] :]
    return torch.cat([U, rest], 1)


def brought_together(part: Split, world: Planted, Q: Tensor) -> Split:
    """One split with the first task's inputs for all, in the basis Q."""
    names = [task.name for task in world.tasks]
    X = part.x[names[0]].double()
    noise = {name: part.labels[name] - part.x[name].double() @ θ for name, θ in zip(names, world.theta, strict=True)}
    labels = {name: (X @ θ + noise[name]).float() for name, θ in zip(names, world.theta, strict=True)}
    return Split((X @ Q).float(), labels)
