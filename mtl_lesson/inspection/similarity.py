"""How alike two representations of the same pictures are, and how easily the answer misleads.

X (n, d) and Y (n, e) are features of the same n pictures, in the same order, from two networks, two tasks or two
layers. A number alone says little: put beside it what an untrained network and a second seed reach.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from numbers import Real

import numpy as np
import torch
from scipy import linalg
from torch import Tensor

from ..nets import Linear
from ..sharing import Sharing
from ..training import Run
from .features import inspected

Array = Tensor | np.ndarray
STILL = 1e-10  # features that vary by less than this part of their size do not vary, but for rounding


def cka(x: Array, y: Array, *, debiased: bool = True) -> float:
    """Linear centred kernel alignment of features ``x`` (n, …) and ``y`` (n, …), flattened.

        CKA = s(X, Y) / √(s(X, X)·s(Y, Y)),        X and Y centred
        plain     s(X, Y) = ‖YᵀX‖²
        debiased  s(X, Y) = ‖YᵀX‖² − n/(n−2)·Σᵢ‖xᵢ‖²‖yᵢ‖² + ‖X‖²‖Y‖² / ((n−1)(n−2))

    1 for X with X, with any rotation XQ and any multiple. The debiased form is the one with the unbiased estimate of
    HSIC (Song et al. 2012, "Feature selection via dependence maximization"): about 0 for independent features, below it
    by chance, at any n from 4 and any d. The plain one (Kornblith et al. 2019, "Similarity of neural network
    representations revisited") goes to 1 as d grows beyond n, whatever the features: 0.9 at n=64, d=512. Cost:
    n(d² + de + e²) products, or n²(d + e) if that is less.

    Pitfalls: the largest directions decide. Moving 5 % of the pictures far away makes the value collapse while every
    answer stays (:func:`switch`; Davari et al. 2023, "Reliability of CKA as a similarity measure in deep learning"),
    so low does not mean different, and high does not mean the same answers.

    Raises TypeError for what is no array of numbers; ValueError for different numbers of pictures, fewer than 4 (2 for
    the plain form), NaN or infinity, and features that never vary.
    """
    X, Y = pair(x, y, least=4 if debiased else 2)
    n, d, e = len(X), X.shape[1], Y.shape[1]
    if n * (d + e) < d * d + d * e + e * e:  # ‖YᵀX‖² is also the product of XXᵀ and YYᵀ
        K, L = X @ X.T, Y @ Y.T
        xx, xy, yy = np.vdot(K, K), np.vdot(K, L), np.vdot(L, L)
    else:
        xx, xy, yy = (np.square(b.T @ a).sum() for a, b in ((X, X), (X, Y), (Y, Y)))
    if debiased:
        a, b = np.square(X).sum(1), np.square(Y).sum(1)
        xx, xy, yy = (
            s - n / (n - 2) * (one @ other) + one.sum() * other.sum() / ((n - 1) * (n - 2))
            for s, one, other in ((xx, a, a), (xy, a, b), (yy, b, b))
        )
    if min(xx, yy) < STILL:  # X and Y have norm 1; the debiased form drops what a single picture does
        raise ValueError("the features vary in one picture only, so debiased CKA is 0/0")
    return float(xy / np.sqrt(xx * yy))


def procrustes(x: Array, y: Array) -> float:
    """How well the best rotation turns features ``x`` (n, …) into ``y`` (n, …): ‖XᵀY‖_*, from 0 to 1.

    X and Y are centred and have Frobenius norm 1; ‖·‖_*, the nuclear norm, is the sum of the singular values, and
    maximises tr(QᵀXᵀY) over all orthogonal Q (Schönemann 1966, "A generalized solution of the orthogonal Procrustes
    problem"). 1 for X with XQ and its multiples. The angular distance of the two is its arc cosine; the residual of
    :func:`align` is 2 − 2·procrustes. Cost: n·d·e products and an SVD of (d, e).

    Pitfall: biased upwards like the plain CKA, and more: with d ≥ n independent features fit almost perfectly, and
    where n is much larger, independent Gaussian ones of d dimensions still reach 0.85·√(d/n). Compare values at equal n
    and d, beside an untrained network's.

    Raises TypeError and ValueError as :func:`cka` does, for fewer than 2 pictures.
    """
    X, Y = pair(x, y, least=2)
    # In the coordinates of as few dimensions as there are pictures, which changes no singular value.
    X, Y = (np.linalg.qr(one.T, mode="r").T if one.shape[1] > len(one) else one for one in (X, Y))
    return float(np.linalg.norm(X.T @ Y, "nuc"))


@dataclass(frozen=True)
class Aligned:
    """``points`` (n, d): X Q, beside the reference Y, both centred and of Frobenius norm 1. ``rotation`` (d, d): Q,
    orthogonal, reflections included. ``residual``: ‖X Q − Y‖² / ‖Y‖², from 0 (equal) to 2."""

    points: np.ndarray = field(repr=False)
    rotation: np.ndarray = field(repr=False)
    residual: float


def align(x: Array, reference: Array) -> Aligned:
    """Turn features ``x`` (n, …) as close as a rotation can bring them to those of ``reference`` (n, …).

        Q = argmin ‖X Q − Y‖² = U Vᵀ,   XᵀY = U S Vᵀ,        residual = ‖X Q − Y‖² / ‖Y‖² = 2 − 2·‖XᵀY‖_*

    X and Y are centred and of Frobenius norm 1 (multiply by the reference's norm to have its size back). The narrower
    of the two is filled up with zeros to the width d of the other. To follow a network along λ, align every frame to
    *one* reference: chains of alignments drift. Cost: n·d² products and an SVD of (d, d).

    Raises TypeError and ValueError as :func:`cka` does; ValueError, too, unless there are more pictures than features:
    below that, features align almost perfectly by chance.
    """
    X, Y = pair(x, reference, least=2)
    n, d = len(X), max(X.shape[1], Y.shape[1])
    if n <= d:
        raise ValueError(
            f"{n} pictures are too few to align {d} features: with more features than pictures, a rotation makes "
            f"anything fit, by chance; take more than {d}, better ten times that"
        )
    X, Y = (np.pad(one, ((0, 0), (0, d - one.shape[1]))) for one in (X, Y))
    U, _, Vt = np.linalg.svd(X.T @ Y)
    points = X @ (Q := U @ Vt)
    return Aligned(points, Q, float(np.square(points - Y).sum()))


def subspace_angles(a: Array, b: Array) -> np.ndarray:
    """The principal angles between the subspaces spanned by the columns of ``a`` (d, r) and ``b`` (d, s), in degrees.

    min(r, s) of them, largest first: 0 for a direction the two have in common, 90 for one at right angles to all of the
    other. After Björck & Golub 1973, "Numerical methods for computing angles between linear subspaces".

    Pitfalls: random subspaces of d dimensions are far from 90° once r + s is not small beside d: show the angles of
    random ones beside. For heads of a softmax remove the mean row of W first: adding the same to all logits changes
    no answer.

    Raises TypeError for what is no array of numbers, ValueError for other shapes, NaN and a matrix of zeros.
    """
    a, b = (as_numbers(one, what) for one, what in ((a, "the first"), (b, "the second")))
    if a.ndim != 2 or b.ndim != 2 or len(a) != len(b):
        raise ValueError(f"expected two matrices with as many rows, a column a direction; got {a.shape} and {b.shape}")
    if not a.any() or not b.any():
        raise ValueError("a matrix of zeros spans nothing")
    return np.degrees(linalg.subspace_angles(a, b))


# --- what no head sees ----------------------------------------------------------------------------------------------


@torch.no_grad()
def null_space(model: Sharing | Run) -> Tensor:
    """The directions of h that no head of the model sees: (d, k), orthonormal columns v with W_t v = 0 for all t.

    The weights of all heads stand on one another, W (all logits, d), and their SVD is taken; k = d − rank. Moving a
    picture's h along them leaves every logit as it is. Cost: an SVD of (logits, d). With a trunk a task the directions
    are those that no head would see, whichever trunk it reads.

    Pitfall: directions that training uses little are many more, and not exactly in here: rank is counted to rounding.

    Raises TypeError for what is no model and for a head that is no linear layer; ValueError for several copies, and
    where the heads see every direction.
    """
    model = inspected(model)
    for name, head in model.heads.items():
        if not isinstance(head, Linear):
            raise TypeError(f"{name} is {type(head).__name__}, not a linear layer: there is no null space to speak of")
    W = torch.cat([head.weight[0, 0] for head in model.heads.values()]).cpu()
    _, values, directions = torch.linalg.svd(W.double())
    rank = int((values > values.max() * max(W.shape) * torch.finfo(W.dtype).eps).sum())
    logits, d = W.shape
    if rank == d:
        raise ValueError(
            f"no direction is hidden from all heads: h has {d} features, and the heads read {logits} "
            f"logits from it; take a trunk with more than {logits} features"
        )
    return directions[rank:].T.to(W.dtype)


def switch(h: Array, directions: Array, share: float = 0.05, distance: float = 20.0, seed: int = 0) -> Array:
    """Features ``h`` (n, d) of which a few pictures' are moved far away, along ``directions`` (d, k) alone.

    A ``share`` of the points, drawn by ``seed``, moves by ``distance`` standard deviations along one vector v in the
    span of the directions, drawn too: h_i + distance·σ·v, with ‖v‖ = 1. σ is the spread of the whole cloud: σ² is the
    mean squared distance of a point from the mean, the sum of all features' variances. The cloud's variance thus
    grows by the factor 1 + share·(1 − share)·distance², 20 with the values given, nearly all of it along v.

    With directions that no head sees (:func:`null_space`) all answers stay, and the similarity to the features as they
    were collapses: CKA most, Procrustes too.

    Pitfall: the points go where no trunk that ends in a ReLU could put them (below 0). The argument is about what the
    measure guarantees, not about what training does. After Davari et al. 2023, "Reliability of CKA as a similarity
    measure in deep learning".

    Raises TypeError for what is no array of numbers; ValueError for shapes that do not fit, NaN or infinity, a share
    outside 0 to 1, a distance that is not finite.
    """
    points, D = as_numbers(h, "h"), as_numbers(directions, "the directions")
    if points.ndim != 2 or D.ndim != 2 or points.shape[1] != len(D) or not D.any():
        raise ValueError(f"expected h (n, d) and directions (d, k), got {points.shape} and {D.shape}")
    if not isinstance(share, Real) or not 0 <= share <= 1:
        raise ValueError(f"share must be from 0 to 1, not {share!r}")
    if not isinstance(distance, Real) or not np.isfinite(distance):
        raise ValueError(f"distance must be a finite number of standard deviations, not {distance!r}")
    rng = np.random.default_rng(seed)
    who = rng.permutation(len(points))[: round(share * len(points))]
    v = D @ rng.standard_normal(D.shape[1])
    σ = np.sqrt(np.square(points - points.mean(0)).sum(1).mean())
    points[who] += distance * σ * v / np.linalg.norm(v)
    return torch.from_numpy(points).to(h) if isinstance(h, Tensor) else points.astype(h.dtype, copy=False)


# --- reading the arguments ------------------------------------------------------------------------------------------


def as_numbers(values: Array, what: str) -> np.ndarray:
    """A copy in double precision; refuses what is no array of finite numbers."""
    values = np.asarray(values.detach().cpu() if isinstance(values, Tensor) else values)
    if values.dtype.kind not in "fiub":
        raise TypeError(f"{what} must be an array of numbers, not {values.dtype}")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        bad = int((~np.isfinite(values.reshape(len(values), -1))).any(1).argmax())
        raise ValueError(f"{what}: NaN or infinity, first in row {bad}")
    return values.astype(np.float64)


def pair(x: Array, y: Array, least: int) -> list[np.ndarray]:
    """X (n, d) and Y (n, e), centred and of Frobenius norm 1, of the same ``least`` or more pictures."""
    X, Y = (as_numbers(one, f"{what} features") for one, what in ((x, "the first"), (y, "the second")))
    if min(X.ndim, Y.ndim) < 2 or len(X) != len(Y):
        raise ValueError(f"expected features (n, …) of the same n pictures twice, got {X.shape} and {Y.shape}")
    if len(X) < least:
        raise ValueError(f"there are {len(X)} pictures; this takes {least} or more")
    centred = []
    for one, what in ((X, "first"), (Y, "second")):
        one = one.reshape(len(one), -1)
        size = np.abs(one).max(initial=0)
        one = one / (size or 1)  # so that the squares of large features do not overflow
        one = one - one.mean(0)
        norm = np.linalg.norm(one)
        if norm <= STILL * np.sqrt(one.size):
            raise ValueError(f"the {what} features never vary: all {len(one)} pictures have the same")
        centred.append(one / norm)
    return centred
