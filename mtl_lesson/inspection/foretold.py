"""How much one column of a table says of another: the share of what chance leaves, judged on rows not fitted on."""

from __future__ import annotations

import numpy as np

LEAVES = 16  # of a shallow tree
SMALLEST_LEAF = 5  # rows
FEWEST = 20  # rows to fit on and to judge on
ERRORS = 5  # of the commonest answer, without which a class cannot be foretold better


def foretold(
    x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray], classes: bool, leaves: int = LEAVES
) -> float:
    """The share of the errors of the commonest answer, or of the squared error of the mean, that a shallow decision
    tree takes away: 1 where x gives y, 0 where it says nothing, less than 0 where it misleads.

    ``x``: (n, columns) and ``y``: (n,), each as (fitted on, judged on). ``classes``: whether y is one, not a number.
    NaN where there are too few rows, or nothing to foretell. Where x is a class: :func:`foretold_by_class`.
    """
    if not can_tell(y, classes):
        return np.nan
    x, y = in_units(x), y if classes else in_units(y)
    return share_explained(shallow_tree(x[0], y[0], classes, leaves).predict(x[1]), y, classes)


def shallow_tree(x: np.ndarray, y: np.ndarray, classes: bool, leaves: int = LEAVES):
    """A decision tree of scikit-learn's, fitted to x (n, columns) and y (n,), both :func:`in_units`."""
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    tree = DecisionTreeClassifier if classes else DecisionTreeRegressor
    return tree(max_leaf_nodes=leaves, min_samples_leaf=SMALLEST_LEAF, random_state=0).fit(x, y)


def foretold_by_class(x: tuple[np.ndarray, np.ndarray], y: tuple[np.ndarray, np.ndarray], classes: bool) -> float:
    """As :func:`foretold`, where x (n,) is a class: the commonest answer, or the mean, of each class of x."""
    if not can_tell(y, classes):
        return np.nan
    y = y if classes else in_units(y)
    usual = usual_of(y[0], classes)
    answers = {one: usual_of(y[0][x[0] == one], classes) for one in np.unique(x[0]).tolist()}
    return share_explained(np.array([answers.get(one, usual) for one in x[1].tolist()]), y, classes)


def in_units(parts: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Numbers (n, …) in double precision, each column moved and stretched to run from −1 to 1 over all parts.

    So no square is too large or too small to be written, and single precision, in which trees compute, tells apart what
    lies close together far from 0.
    """
    halves = [part.astype(np.float64) / 2 for part in parts]  # half of each, since a distance may be too large to write
    low, high = np.min([half.min(0) for half in halves], 0), np.max([half.max(0) for half in halves], 0)
    reach = np.where(high > low, high - low, 1) / 2
    return tuple((half - (low / 2 + high / 2)) / reach for half in halves)


def can_tell(y: tuple[np.ndarray, np.ndarray], classes: bool) -> bool:
    """Whether there are rows enough, and something to foretell."""
    if min(map(len, y)) < FEWEST:
        return False
    if classes:
        return int((y[1] != usual_of(y[0], True)).sum()) >= ERRORS
    return all(part.min() < part.max() for part in y)


def usual_of(y: np.ndarray, classes: bool) -> float:
    """The commonest class, or the mean."""
    if not classes:
        return y.mean()
    values, counts = np.unique(y, return_counts=True)
    return values[counts.argmax()]


def share_explained(said: np.ndarray, y: tuple[np.ndarray, np.ndarray], classes: bool) -> float:
    """1 − errors / errors of the commonest answer; for numbers 1 − squared error / that of the mean."""
    usual, truth = usual_of(y[0], classes), y[1]
    if classes:
        return float(1 - (said != truth).sum() / (truth != usual).sum())
    return float(1 - np.square(truth - said).sum() / np.square(truth - usual).sum())
