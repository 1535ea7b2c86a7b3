"""Two tasks' gradients in a plane: what each method makes of them, and whom such a step helps.

Two gradients span a plane, and every method here answers with a vector in it, A(J) = w_1 g_1 + w_2 g_2. All that
matters are their sizes and the angle between them; a network's millions of weights look no different.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import torch

from ..arguments import real

HAIR = 1e-4  # radians
#: a change smaller than this share of the larger gradient is no change: what rounding, or a hair, leaves
SMALL = 1e-3

METHODS = ("weighted sum", "PCGrad", "UPGrad", "MGDA", "IMTL-G", "Aligned-MTL")


def answer_of(name: str, g1: Sequence[float], g2: Sequence[float], weights: Sequence[float] = (1, 1)) -> np.ndarray:
    """What a method makes of two tasks' gradients in a plane: (2,), against which the shared weights then move.

        weighted sum   w_1 g_1 + w_2 g_2, the only one to which ``weights`` matter
        PCGrad         each without its part against the other, then the sum          Yu et al. 2020
        UPGrad         the mean of both moved to where they harm nobody: for two, half of PCGrad's    Quinton & Rey 2024
        MGDA           the shortest vector between g_1 and g_2                        Désidéri 2012
        IMTL-G         equal parts along both, with weights that add up to 1          Liu et al. 2021
        Aligned-MTL    the mean of both made orthogonal, as long as the shorter axis  Senushkin et al. 2023

    All are torchjd's aggregators; UPGrad without its safeguard for singular matrices (``reg_eps``), which lets it harm
    a task whose gradient is ten times smaller. On one line some methods jump, and measured gradients never lie on one:
    there the second is turned by a hair (1e-4). Of two tasks Nash-MTL (Navon et al. 2022) makes a vector that points
    where IMTL-G's does and is √2 long, whatever the gradients' sizes.

    Raises ValueError for an unknown name, a gradient that is not two finite numbers, or is 0, and for weights that are
    negative or both 0.
    """
    if name not in METHODS:
        raise ValueError(f"there is no method {name!r} here; there are {', '.join(METHODS)}")
    weights, J = pair_of_weights(weights), np.stack([as_gradient(g1, "g1"), as_gradient(g2, "g2")])
    if name != "weighted sum":
        J = off_one_line(*J)
    return aggregator(name, weights)(torch.from_numpy(J)).numpy()


def answers_of(
    g1: Sequence[float], g2: Sequence[float], names: Iterable[str] = METHODS, weights: Sequence[float] = (1, 1)
) -> dict[str, np.ndarray]:
    """{method: what it makes of the two gradients}, for :func:`~mtl_lesson.show.arrows`; see :func:`answer_of`."""
    return {name: answer_of(name, g1, g2, weights) for name in names}


def aggregator(name: str, weights: np.ndarray) -> torch.nn.Module:
    """torchjd's aggregator of that name."""
    from torchjd import aggregation  # here, since few need it

    if name == "weighted sum":
        return aggregation.Constant(torch.from_numpy(weights))
    if name == "UPGrad":
        from torchjd.linalg import QuadprogProjector

        return aggregation.UPGrad(projector=QuadprogProjector(norm_eps=0.0, reg_eps=1e-12))
    return getattr(aggregation, name.replace("-", ""))()


def helped(answer: Sequence[float], g1: Sequence[float], g2: Sequence[float]) -> np.ndarray:
    """Whom a small step against ``answer`` helps: for each task 1 (its loss falls), −1 (it rises) or 0 (neither).

    L_t(θ − η A) = L_t(θ) − η ⟨A, g_t⟩ + …, so it is the sign of ⟨A, g_t⟩; 0 where that is less than a thousandth of
    ‖g_t‖ times the larger gradient.
    """
    G = np.stack([as_gradient(g1, "g1"), as_gradient(g2, "g2")])
    long = np.linalg.norm(G, axis=1)
    along = G @ np.asarray(answer, float) / long
    return np.where(np.abs(along) < SMALL * long.max(), 0, np.sign(along)).astype(int)


def angle_between(g1: Sequence[float], g2: Sequence[float]) -> float:
    """The angle between two gradients, in degrees from 0 (they agree) over 90 to 180 (they pull against each other)."""
    (x1, y1), (x2, y2) = as_gradient(g1, "g1"), as_gradient(g2, "g2")
    return float(np.degrees(np.arctan2(abs(x1 * y2 - y1 * x2), x1 * x2 + y1 * y2)))


def at_angle(angle: float, sizes: Sequence[float] = (1, 1)) -> np.ndarray:
    """Two gradients (2, 2) of these ``sizes`` with ``angle`` degrees between them, the first to the right of upwards.

    So angle and sizes that were measured in a network become arrows. Raises ValueError for an angle that is not from 0
    to 180, and for a size that is not above 0.
    """
    half = np.radians(real(angle, "the angle", 0, 180, " degrees")) / 2
    if len(sizes) != 2:
        raise ValueError(f"there are two gradients, so two sizes, not {len(sizes)}")
    long = np.array([real(size, "the size of a gradient") for size in sizes])
    if not long.all():
        raise ValueError("a gradient of size 0 has no direction: give sizes above 0")
    return long[:, None] * np.array([[np.sin(half), np.cos(half)], [-np.sin(half), np.cos(half)]])


def as_gradient(g: Sequence[float], name: str) -> np.ndarray:
    g = np.asarray(g, float)
    if g.shape != (2,) or not np.isfinite(g).all():
        raise ValueError(f"{name} must be a gradient in the plane, two finite numbers, not {g.tolist()}")
    if not g.any():
        raise ValueError(f"{name} is 0: a gradient without a direction, which there is nothing to combine with")
    return g


def pair_of_weights(weights: Sequence[float]) -> np.ndarray:
    if len(weights) != 2:
        raise ValueError(f"there are two tasks, so two weights, not {len(weights)}")
    w = np.array([real(weight, "a weight") for weight in weights])
    if not w.any():
        raise ValueError("the weights are both 0, so nothing would be learnt: give one above 0")
    return w


def off_one_line(g1: np.ndarray, g2: np.ndarray) -> np.ndarray:
    """Both gradients as J (2, 2); where they lie on one line the second is turned until it is a hair off it."""
    across, along = g1[0] * g2[1] - g1[1] * g2[0], g1 @ g2
    off = np.arctan2(abs(across), abs(along))
    if off < HAIR:
        turn = np.copysign(HAIR - off, across * along if across * along else along)
        g2 = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ g2
    return np.stack([g1, g2])
