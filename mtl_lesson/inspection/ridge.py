"""Ridge regression for probes: one decomposition of the features serves every task that is read from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Reader:
    """A linear reader ŷ = (h − h̄) W + b. ``W`` (d, K), ``b`` (K,), ``strength``: the ridge chosen.

    ``classes``: what the columns stand for, or None where the label is a number. Of two classes there is one column,
    for the second.
    """

    W: np.ndarray
    b: np.ndarray
    mean: np.ndarray
    strength: float
    classes: np.ndarray | None = None

    def decide(self, h: np.ndarray) -> np.ndarray:
        """ŷ, (n, K); (n,) if there is one column."""
        y = (np.asarray(h, np.float64) - self.mean) @ self.W + self.b
        return y[:, 0] if y.shape[1] == 1 else y

    def predict(self, h: np.ndarray) -> np.ndarray:
        """The class with the largest ŷ, or the number, (n,)."""
        y = self.decide(h)
        if self.classes is None:
            return y
        return self.classes[(y > 0).astype(int) if y.ndim == 1 else y.argmax(1)]

    def score(self, h: np.ndarray, y: np.ndarray) -> float:
        """Accuracy for classes, R² for numbers."""
        if self.classes is not None:
            return float((self.predict(h) == y).mean())
        return float(1 - np.square(y - self.predict(h)).sum() / np.square(y - y.mean()).sum())


class Decomposed:
    """Features h (n, d), centred and decomposed: h − h̄ = U S Vᵀ, from the smaller of hᵀh and hhᵀ.

    It costs min(n, d)² · max(n, d) operations once; each task read from h then costs a few products of matrices.
    """

    def __init__(self, h: np.ndarray):
        self.mean = h.mean(0)
        self.x = x = h - self.mean
        wide = x.shape[1] > x.shape[0]
        squares, vectors = np.linalg.eigh(x @ x.T if wide else x.T @ x)
        kept = squares > squares.max() * 1e-13  # what is below is rounding
        self.squares = squares[kept]
        self.U = vectors[:, kept] if wide else x @ vectors[:, kept] / np.sqrt(self.squares)

    def read(self, y: np.ndarray, strengths: Sequence[float]) -> Reader:
        """Fit a reader of labels y (n,): classes as ±1, a column a class, or numbers.

        Of the ``strengths`` the one is kept whose predictions of each example by a reader fitted without it are best;
        these need no second fit (Allen 1974, "The relationship between variable selection and data augmentation"):

            e_i = (y_i − ŷ_i) / (1 − H_ii),   H = 11ᵀ/n + U S²/(S² + α) Uᵀ
        """
        classes = None
        if y.dtype.kind != "f":
            classes = np.unique(y)
            y = np.where(y[:, None] == classes[1:] if len(classes) == 2 else y[:, None] == classes, 1.0, -1.0)
        y = y.reshape(len(y), -1)
        b, turned = y.mean(0), self.U.T @ (y - y.mean(0))

        def left_out(α: float) -> float:
            shrink = self.squares / (self.squares + α)
            error = y - b - self.U @ (shrink[:, None] * turned)
            H = 1 / len(y) + np.square(self.U) @ shrink
            return float(np.square(error / (1 - H)[:, None]).mean())

        strength = min(strengths, key=left_out) if len(strengths) > 1 else strengths[0]
        # Xᵀ (X Xᵀ + α)⁻¹ y, which is (Xᵀ X + α)⁻¹ Xᵀ y, within the span of U.
        W = self.x.T @ (self.U @ (turned / (self.squares + strength)[:, None]))
        return Reader(W, b, self.mean, float(strength), classes)
