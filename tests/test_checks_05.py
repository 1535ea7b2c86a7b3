"""The exercises of lesson 05: the stub, the solution, and each typical mistake with its own answer."""

import pytest

import mtl_lesson as mtl
from mtl_lesson import checks
from mtl_lesson.checks import lesson_05


def own_groups(depth, leaves):
    return [-1 if depth < leave else t for t, leave in enumerate(leaves)]


def named(depth, leaves):
    return tuple("all" if depth < leave else f"task {t}" for t, leave in enumerate(leaves))


OWNERS = [
    (lambda depth, leaves: ..., "not attempted", ""),
    (own_groups, "right", ""),
    (named, "right", ""),
    (lambda depth, leaves: own_groups(depth - 1, leaves), "wrong", "for itself already"),
    (
        lambda depth, leaves: [-1 if depth <= leave else t for t, leave in enumerate(leaves)],
        "wrong",
        "for itself already",
    ),
    (lambda depth, leaves: [depth >= leave for leave in leaves], "wrong", "Each of them goes its own way"),
    (lambda depth, leaves: [-1 if depth >= leave else t for t, leave in enumerate(leaves)], "wrong", "swapped"),
    (
        lambda depth, leaves: [0 if depth < leave else t for t, leave in enumerate(leaves)],
        "wrong",
        "task 0 has left, and is in the common group",
    ),
    (lambda depth, leaves: [0] * len(leaves), "wrong", "task 0 has left"),
    (lambda depth, leaves: range(len(leaves)), "wrong", "in different groups"),
    (
        lambda depth, leaves: [-1 if depth < leave else t // 2 for t, leave in enumerate(leaves)],
        "wrong",
        "a group of their own",
    ),
    (lambda depth, leaves: own_groups(depth, leaves)[:1], "wrong", "1 entries for 5 tasks"),
    (lambda depth, leaves: 0, "wrong", "one group for each task"),
    (lambda depth, leaves: "000", "wrong", "one group for each task"),
    (lambda depth, leaves: None, "wrong", "return missing"),
    (lambda depth: [0], "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), OWNERS)
def test_the_owners_are_judged(answer, state, words):
    result = checks.owners(answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


def test_the_owners_called_right_are_those_of_the_model():
    """The exercise against the package: the same tasks are together in every layer."""
    tasks = [mtl.Classification(name, ["no", "yes"]) for name in ("a", "b", "c")]
    names = ["conv1", "conv2", "linear", "heads"]
    for leaves in ([1, 1, 1], [2, 0, 3], [3, 3, 3], [0, 2, 2]):
        branch = {task.name: names[leave] for task, leave in zip(tasks, leaves, strict=True)}
        model = mtl.Hierarchical(tasks, mtl.nets.conv(2), branch=branch)
        for depth, row in enumerate(model.trunk.plan.values()):
            right = lesson_05.partition(lesson_05.row_of([depth < leave for leave in leaves]))
            assert lesson_05.partition(list(row)) == right


def total(costs, head, T, branch):
    at = [*costs, "heads"].index(branch)
    return sum(cost * (1 if depth < at else T) for depth, cost in enumerate(costs.values())) + T * head


def late(costs, head, T, branch):
    at = [*costs, "heads"].index(branch) + 1
    return sum(cost * (1 if depth < at else T) for depth, cost in enumerate(costs.values())) + T * head


def swapped(costs, head, T, branch):
    at = [*costs, "heads"].index(branch)
    return sum(cost * (T if depth < at else 1) for depth, cost in enumerate(costs.values())) + T * head


COSTS = [
    (lambda costs, head, T, branch: ..., "not attempted", ""),
    (total, "right", ""),
    (lambda *what: float(total(*what)), "right", ""),
    (late, "wrong", "the layer at the branch once"),
    (lambda costs, head, T, branch: total(costs, head, T, branch) - (T - 1) * head, "wrong", "one head for all"),
    (lambda costs, head, T, branch: total(costs, 0, T, branch), "wrong", "leaves out the heads"),
    (lambda costs, head, T, branch: T * (sum(costs.values()) + head), "wrong", "once"),
    (lambda costs, head, T, branch: sum(costs.values()) + head, "wrong", "whatever T"),
    (swapped, "wrong", "other way round"),
    (lambda *what: total(*what) + 1, "wrong", "it should be"),
    (lambda *what: None, "wrong", "return missing"),
    (lambda *what: str(total(*what)), "wrong", "not a number"),
    (lambda costs, head, T, branch: list(costs).index(branch), "wrong", "it should be"),
    (
        lambda costs, head, T, branch: total(costs, head, T, branch) if branch in costs else costs[branch],
        "crashed",
        "KeyError",
    ),
]


@pytest.mark.parametrize(("answer", "state", "words"), COSTS)
def test_the_cost_of_a_branch_is_judged(answer, state, words):
    result = checks.branch_cost(answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


@pytest.mark.parametrize("T", [1, 3, 10])
def test_the_cost_called_right_is_the_number_of_weights_of_the_model(T):
    """The sum of the exercise against a count of the live model's parameters."""
    tasks = [mtl.Classification(f"task {t}", [str(k) for k in range(10)]) for t in range(T)]
    for depth, branch in enumerate([*lesson_05.LAYERS, "heads"]):
        model = mtl.Hierarchical(tasks, mtl.nets.conv(8), branch=branch)
        assert model.size() == lesson_05.paid(T, depth) == total(lesson_05.LAYERS, lesson_05.HEAD, T, branch)


def test_hints_are_given_one_by_one():
    assert "Hint 1 of 2" in checks.owners.hint().words
    assert "Hint 2 of 2" in checks.owners.hint().words
