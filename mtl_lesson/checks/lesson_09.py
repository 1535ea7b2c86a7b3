"""The exercises of lesson 09: how far a score names the company, who helps whom, a big task, a test to design."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from numbers import Real

import numpy as np

from .exercise import Exercise, attempted, fault_of_design, judged, no_number


def share_in_order(score: np.ndarray, company: Sequence[object]) -> float:
    """The AUC: how often a pair within a company has a higher score than a pair between two; a tie counts half.

    ``score`` (T, T), the giver in the row: every pair counts in both directions, a task with itself does not.
    """
    T = len(score)
    within = [score[i, j] for i in range(T) for j in range(T) if i != j and company[i] == company[j]]
    between = [score[i, j] for i in range(T) for j in range(T) if i != j and company[i] != company[j]]
    return ordered_share(within, between)


def ordered_share(above: Sequence[float], below: Sequence[float], tie: float = 0.5) -> float:
    """How often one of ``above`` is larger than one of ``below``."""
    pairs = list(itertools.product(above, below))
    return sum((a > b) + tie * (a == b) for a, b in pairs) / len(pairs)


#: four people of two companies; some pairs within tie with some between, and each mistake has a value of its own
SCORE = np.array([[0.9, 0.3, 0.3, 0.4], [0.0, 0.9, 0.7, 0.1], [0.4, 0.4, 0.9, 0.4], [0.2, 0.7, 0.6, 0.9]])
COMPANY = ["A", "B", "B", "A"]


def named_company(function: Callable[[np.ndarray, Sequence[object]], float]) -> str | None:
    """``auc(score, company)``: how often a pair within a company has a higher score than one between."""
    given = attempted(function(SCORE.copy(), list(COMPANY)))
    if problem := no_number(given):
        return problem
    right = share_in_order(SCORE, COMPANY)
    T = range(len(SCORE))
    same = {(i, j): COMPANY[i] == COMPANY[j] for i in T for j in T}
    own = [SCORE[i, j] for (i, j), one in same.items() if one]
    off = [SCORE[i, j] for (i, j), one in same.items() if one and i != j]
    between = [SCORE[i, j] for (i, j), one in same.items() if not one]

    def half(upper: bool) -> float:
        kept = [(i, j) for (i, j) in same if (i < j if upper else i > j)]
        parts = [[SCORE[pair] for pair in kept if same[pair] is one] for one in (True, False)]
        return ordered_share(*parts)

    mistakes = {
        ordered_share(own, between): "the diagonal is in it: a task with itself is no pair.",
        ordered_share(off, between, 0.0): "a tie counts half, and yours counts nothing.",
        ordered_share(off, between, 1.0): "a tie counts half, and yours counts as one.",
        1 - right: "it is the wrong way round: within a company the score should be *higher*.",
        half(True): "it looks at each pair in one direction, and the table has two: what Ana gives Bao is not what Bao "
        "gives Ana.",
        half(False): "it looks at each pair in one direction, and the table has two: what Ana gives Bao is not what "
        "Bao gives Ana.",
        float(np.mean(off) - np.mean(between)): "this is a difference of two means, in the score's own unit. Count "
        "how often one is higher: that can be compared between scores.",
        float(np.mean([one > np.mean(between) for one in off])): "this compares with the mean of the pairs between; "
        "compare with each of them.",
        right * len(off) * len(between): "this is how many comparisons come out right; divide by how many there are.",
    }
    wrong = f"for the four people of the check it is {given:.3f}, and {right:.3f} of the comparisons come out right."
    if because := judged(given, right, mistakes, wrong):
        return because
    score, company = np.arange(25.0).reshape(5, 5) % 7, [1, 1, 2, 2, 3]
    five = function(score.copy(), list(company))
    if not (isinstance(five, Real) and math.isclose(five, share_in_order(score, company), rel_tol=1e-9)):
        return "it is right for two companies of two and wrong for three companies: ask whether two are *equal*."
    return None


def who_helps(there: np.ndarray, loss: np.ndarray) -> np.ndarray:
    """β of −loss ≈ b + there·β by least squares: what each other task takes off the loss, other things equal."""
    design = np.column_stack([np.ones(len(there)), there])
    return np.linalg.lstsq(design, -np.asarray(loss), rcond=None)[0][1:]


#: four other tasks, seven groups: the first two stand mostly together, and only the first one helps
THERE = np.array(
    [[1, 1, 0, 0], [1, 1, 1, 0], [0, 0, 1, 1], [1, 1, 0, 1], [0, 0, 0, 1], [1, 0, 1, 0], [0, 1, 1, 1]], dtype=float
)
LOSS = 2.0 - THERE @ np.array([0.6, 0.0, -0.3, 0.1]) + np.array([0.02, -0.01, 0.0, -0.02, 0.01, 0.01, -0.01])


def surrogate(function: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> str | None:
    """``helps(there, loss)``: least squares of −loss on who was in the group, without the constant."""
    value = attempted(function(THERE.copy(), LOSS.copy()))
    if value is None:
        return "your function returns nothing. Is a return missing?"
    given = np.asarray(value, dtype=float).ravel()
    right = who_helps(THERE, LOSS)
    if given.shape == (len(right) + 1,):
        return "it has one number too many: the constant b is the loss alone, and nobody's help. Return β without it."
    if given.shape != right.shape:
        return f"there are {len(right)} other tasks, so β has {len(right)} numbers; yours has {given.size}."
    without = np.linalg.lstsq(THERE, -LOSS, rcond=None)[0]
    means = np.array([LOSS[THERE[:, j] == 0].mean() - LOSS[THERE[:, j] == 1].mean() for j in range(len(right))])
    alone = -np.linalg.lstsq(THERE, LOSS - LOSS.mean(), rcond=None)[0]
    mistakes = [
        (right, None),
        (-right, "the sign is the wrong way round: a task that helps makes the loss *smaller*, and its β is above 0."),
        (without, "there is no constant in it: without b a task looks harmful only because a loss is never 0."),
        (-without, "there is no constant in it, and the sign is that of the loss."),
        (
            means,
            "this is the mean loss without a task less that with it. Here the first two mostly come together, so "
            "each gets the other's merit: fit all at once.",
        ),
        (-means, "this is a difference of means, with the wrong sign: fit all at once."),
        (alone, "the loss was centred and the columns were not: add a column of ones instead."),
    ]
    for found, because in mistakes:
        if np.allclose(given, found, rtol=1e-6, atol=1e-9):
            return because
    told, own = betas_in_words(right), betas_in_words(given)
    return f"for the seven groups of the check β is {told}, and yours is {own}."


#: what four tasks' gradients have in common, g_iᵀg_j: lengths 1, 1, 0.1 and 10; a and b belong together, c and d
LENGTHS = np.array([1.0, 1.0, 0.1, 10.0])
COSINES = np.array([[1.0, 0.8, 0.1, 0.2], [0.8, 1.0, 0.1, 0.1], [0.1, 0.1, 1.0, 0.7], [0.2, 0.1, 0.7, 1.0]])
GRAM = COSINES * LENGTHS[:, None] * LENGTHS


def as_cosines(gram: np.ndarray) -> np.ndarray:
    """g_iᵀg_j / (‖g_i‖ ‖g_j‖) from a table of g_iᵀg_j, whose diagonal holds ‖g_i‖²."""
    length = np.sqrt(np.diag(gram))
    return gram / np.outer(length, length)


def big_friend(function: Callable[[np.ndarray], np.ndarray]) -> str | None:
    """``comparable(gram)``: inner products of gradients without what is only the size of a loss."""
    value = attempted(function(GRAM.copy()))
    if value is None:
        return "your function returns nothing. Is a return missing?"
    given = np.asarray(value, dtype=float)
    if given.shape != GRAM.shape:
        return f"the answer is a table like the one given, {GRAM.shape}; yours has the shape {given.shape}."
    length = np.sqrt(np.diag(GRAM))
    largest = np.abs(GRAM).max()
    mistakes = [
        (COSINES, None),
        (GRAM, "nothing has changed: the big task is still everybody's friend."),
        (
            GRAM / np.outer(length**2, length**2),
            "you divided by the squares of the lengths: the diagonal holds ‖g‖², take its root. As it is, the small "
            "task is everybody's friend.",
        ),
        (GRAM / length[:, None], "you divided by the giver's length; the receiver's is still in it."),
        (GRAM / length[None], "you divided by the receiver's length; the giver's is still in it."),
        (
            GRAM / np.diag(GRAM)[:, None],
            "you divided each row by its diagonal, so a row of the small task is far larger than one of the big task.",
        ),
        (
            GRAM / np.diag(GRAM)[None],
            "you divided each column by its diagonal, so a column of the small task is far larger than one of the "
            "big task.",
        ),
        (GRAM / largest, "one number for the whole table changes no order: each task has a length of its own."),
        (GRAM / GRAM.sum(), "one number for the whole table changes no order: each task has a length of its own."),
        (GRAM - GRAM.mean(), "taking a number off the whole table changes no order."),
        (
            GRAM / GRAM.sum(1, keepdims=True),
            "you divided by the sums of the rows: who has one big friend then has no other.",
        ),
        (np.sign(GRAM), "this keeps the signs alone: all four would be friends alike."),
    ]
    off = ~np.eye(len(GRAM), dtype=bool)
    for found, because in mistakes:
        if np.allclose(given[off], found[off], rtol=1e-6):
            if because is None and not np.allclose(COSINES[off], np.asarray(function(GRAM * 7))[off]):
                return "it is right here, and not when all losses are seven times as large."
            return because
    pair = best_pairs(given)
    return (
        f"with yours the tasks are cut into {pair}, and should be into ab, cd: divide each entry by the lengths of "
        "both gradients."
        if pair != "ab, cd"
        else "it cuts these four rightly, but is not the cosine: divide each entry by the lengths of both gradients."
    )


def best_pairs(score: np.ndarray) -> str:
    """The best of the three ways to cut four tasks into pairs."""
    ways = {"ab, cd": ((0, 1), (2, 3)), "ac, bd": ((0, 2), (1, 3)), "ad, bc": ((0, 3), (1, 2))}
    return max(ways, key=lambda way: sum(score[i, j] + score[j, i] for i, j in ways[way]))


BESIDE = {
    "A": "all together may be a poor rival: so may be any cut, if only it is a cut",
    "B": "a network a task has more weights, and it says nothing of *which* groups",
    "C": "the truth is not known for his tasks",
    "D": None,
}
CHOSEN = {
    "test": "then the groups are chosen by the noise of the pictures that they are judged on",
    "train": "a loss on what was trained on falls with every task less; it says nothing of new examples",
    "validation": None,
}
PAIRS = {
    "task": "the eight tasks share a trunk, so their gains hang together",
    "group": "the groups of one training hang together, and two are no sample",
    "seed": None,
}


def claim_of_groups(beside: str, chosen: str, pair: str) -> str | None:
    """What must stand beside chosen groups, what they may be chosen on, and what a pair is."""
    return fault_of_design({"comparison": BESIDE, "split": CHOSEN, "pair": PAIRS}, beside, chosen, pair)


def betas_in_words(values: np.ndarray) -> str:
    """A few numbers in words."""
    return ", ".join(f"{value:+.2f}".replace("-", "−") for value in values)


named_company = Exercise(
    "Exercise 1",
    named_company,
    praise="1 where every pair within stands above every pair between, ½ by chance, in no score's unit.",
    hints=(
        "Two lists: the scores of the pairs i ≠ j within a company, and of those between. Both directions count.",
        "Then compare each of the first list with each of the second: 1 if higher, ½ if equal, and take the mean.",
    ),
)
big_friend = Exercise(
    "Exercise 2",
    big_friend,
    praise="Now the size of a loss, which is a matter of its unit, has no say in who belongs together.",
    hints=(
        "g_iᵀg_j = ‖g_i‖ ‖g_j‖ cos. Which number of the table is ‖g_i‖²?",
        "length = np.sqrt(np.diag(gram)); np.outer(length, length) has ‖g_i‖ ‖g_j‖ at the place i, j.",
    ),
)
surrogate = Exercise(
    "Exercise 3",
    surrogate,
    praise="A task that comes in good company no longer gets the credit of its companions.",
    hints=(
        "Least squares with a constant: a column of ones beside there, np.linalg.lstsq, and leave the constant out.",
        "A help makes the loss smaller: fit −loss.",
    ),
)
claim_of_groups = Exercise(
    "Exercise 4",
    claim_of_groups,
    praise="The same number of groups, drawn at random, is what the choice must beat.",
    hints=(
        "What would any cut into as many groups have gained, without looking at the tasks?",
        "What is drawn anew when the whole experiment is repeated?",
    ),
)
