"""The exercises of lesson 05: who owns a layer below and above a branch, and what a branch costs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real

from .exercise import Exercise, attempted

#: for each task the depth of the first layer it has for itself; 3 is the depth of the heads
PLANS = ([1, 0, 3, 1, 2], [1, 1, 1], [0, 3, 3, 0], [3, 3, 3], [0, 0])
LAYERS = {"conv1": 224, "conv2": 1168, "linear": 50240}
HEAD = 650


def owners(function: Callable[[int, Sequence[int]], Iterable]) -> str | None:
    """``owners(depth, leaves)``: for each task the group of weights it uses in the layer at ``depth``.

    What a group is called does not matter; who is in it does.
    """
    for leaves in PLANS:
        for depth in (1, 0, 2):  # in the first plan's layer 1 every mistake is a row of its own
            given = attempted(function(depth, list(leaves)))
            where = f"owners({depth}, {leaves})"
            if given is None:
                return f"{where} returns nothing. Is a return missing?"
            if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
                return f"{where} is a {type(given).__name__}; a row has one group for each task."
            given = list(given)
            if len(given) != len(leaves):
                return f"{where} has {len(given)} entries for {len(leaves)} tasks."
            together = [depth < leave for leave in leaves]
            if partition(given) == partition(row_of(together)):
                continue
            return f"{where} is {given}: {misplaced(given, together, [depth <= leave for leave in leaves])}"
    return None


def row_of(together: Sequence[bool]) -> list[object]:
    """A right row: one group for those that are still together, a group of its own for each other task."""
    return ["common" if shared else t for t, shared in enumerate(together)]


def partition(row: Sequence[object]) -> list[int]:
    """Who is with whom: for each task the first task of its group."""
    return [row.index(group) for group in row]


def misplaced(given: list, together: list[bool], late: list[bool]) -> str:
    """What is wrong with a row of owners."""
    with_whom = partition(given)
    left = [t for t, shared in enumerate(together) if not shared]
    if with_whom == partition(row_of(late)):
        return (
            "a task that leaves at this depth has this layer for itself already. It shares the layers *below* its "
            "branch: depth < leaves[t]."
        )
    if with_whom == partition(together):
        return "those that have left share a group. Each of them goes its own way."
    if with_whom == partition(row_of([not shared for shared in together])):
        return "the two sides are swapped: tasks are together *below* their branch, while depth < leaves[t]."
    common = {with_whom[t] for t, shared in enumerate(together) if shared}
    if any(with_whom[t] in common for t in left):
        return f"task {next(t for t in left if with_whom[t] in common)} has left, and is in the common group."
    if len(common) > 1:
        return "two tasks that have not left are in different groups."
    return "those that have left must each have a group of their own."


def branch_cost(function: Callable[[Mapping[str, int], int, int, str], float]) -> str | None:
    """``total(costs, head, T, branch)``: what the layers below the branch cost once and all above costs T times."""
    names = [*LAYERS, "heads"]
    for T in (3, 10):
        for branch in names:
            given = attempted(function(dict(LAYERS), HEAD, T, branch))
            where = f"with {T} tasks and the branch at {branch} it"
            if given is None:
                return "your function returns nothing. Is a return missing?"
            if isinstance(given, bool) or not isinstance(given, Real):
                return f"{where} is a {type(given).__name__}, not a number."
            at = names.index(branch)
            right = paid(T, at)
            mistakes = {
                paid(T, min(at + 1, 3)): "counts the layer at the branch once. It is the first that each task has for "
                "itself.",
                right - (T - 1) * HEAD: "has one head for all. Every task has its own output layer.",
                right - T * HEAD: "leaves out the heads.",
                T * paid(1, 0): "pays every layer T times. What lies below the branch is common: once.",
                paid(1, 0): "pays every layer once, whatever T and the branch.",
                sum(cost * (T if depth < at else 1) for depth, cost in enumerate(LAYERS.values()))
                + T * HEAD: "pays the lower layers T times and the upper ones once; it is the other way round.",
            }
            if given == right:
                continue
            for value, because in mistakes.items():
                if given == value:
                    return f"{where} {because}"
            return f"{where} is {given:,} for costs {LAYERS} and heads of {HEAD}, where it should be {right:,}."
    return None


def paid(T: int, at: int) -> int:
    """The cost with the branch at depth ``at``."""
    return sum(cost * (1 if depth < at else T) for depth, cost in enumerate(LAYERS.values())) + T * HEAD


owners = Exercise(
    "Exercise 1",
    owners,
    praise="One such row a layer is all that tells Separate, Hard and every branch between them apart.",
    hints=(
        "Go through the tasks one by one: is depth < leaves[t]? Then task t is still in the common group.",
        "Any names will do for the groups, such as -1 for the common one and t for task t alone.",
    ),
)
branch_cost = Exercise(
    "Exercise 2",
    branch_cost,
    praise="The same sum counts weights, multiply-adds and bytes; only the price list changes.",
    hints=(
        'The depths: list(costs) + ["heads"], and .index(branch) says where the branch is.',
        "A layer at depth d is paid once if d is less than that, and T times otherwise. The heads are paid T times.",
    ),
)
