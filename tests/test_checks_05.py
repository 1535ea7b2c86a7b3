"""The exercises of lesson 05 and its extra: the stub, the solution, and each typical mistake with its own answer."""

import re
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import mtl_lesson as mtl
from mtl_lesson import checks
from mtl_lesson.checks import lesson_05

TEXT = Path(__file__).resolve().parents[1] / "notebooks" / "text"
LESSON, EXTRA = TEXT / "05_hierarchical_sharing.py", TEXT / "extra" / "05_what_a_branch_costs.py"

CLASSES = {"garment": 10, "colour": 6, "way up": 4}
BRANCH_OF = {"garment": "garment", "colour": "both", "way up": "both"}


class TwoBranches(nn.Module):
    """The solution of exercise 1; the mistakes below change one thing each."""

    def __init__(self, branch_of=None, table=nn.ModuleDict, firsts=1, width=16, **bias):
        super().__init__()
        self.branch_of = branch_of or BRANCH_OF
        branches = dict.fromkeys(self.branch_of.values())
        self.conv1 = nn.ModuleList([nn.Conv2d(3, 8, 3, padding=1, **bias) for _ in range(firsts)])
        self.conv2 = table({name: nn.Conv2d(8, width, 3, padding=1) for name in branches})
        self.linear = table({name: nn.Linear(width * 49, 64) for name in branches})
        self.heads = table({name: nn.Linear(64, k) for name, k in CLASSES.items()})

    def common(self, x, name):
        return F.max_pool2d(F.relu(self.conv1[-1 if name == "colour" else 0](x)), 2)

    def h(self, x, name):
        name = self.branch_of[name]
        x = F.max_pool2d(self.bend(self.conv2[name](x)), 2)
        return F.relu(self.linear[name](x.flatten(1)))

    bend = staticmethod(F.relu)

    def forward(self, x):
        return {name: self.heads[name](self.h(self.common(x, name), name)) for name in CLASSES}


class PooledFirst(TwoBranches):
    """max is monotone: pooling before the ReLU computes the same."""

    def common(self, x, name):
        return F.relu(F.max_pool2d(self.conv1[0](x), 2))


class Unbent(TwoBranches):
    bend = staticmethod(lambda x: x)


class Averaged(TwoBranches):
    def common(self, x, name):
        return F.avg_pool2d(F.relu(self.conv1[0](x)), 2)


class CutOff(TwoBranches):
    def common(self, x, name):
        return super().common(x, name).detach() if name == "colour" else super().common(x, name)


class NoGradient(TwoBranches):
    @torch.no_grad()
    def forward(self, x):
        return super().forward(x)


class Leaking(TwoBranches):
    """Garment's head hears of the other branch, too."""

    def h(self, x, name):
        return super().h(x, name) + (super().h(x, "colour") if name == "garment" else 0)


class Unused(TwoBranches):
    def __init__(self):
        super().__init__()
        self.conv2["spare"] = nn.Conv2d(8, 16, 3, padding=1)


class Probabilities(TwoBranches):
    def forward(self, x):
        return {name: y.softmax(1) for name, y in super().forward(x).items()}


class Nothing(TwoBranches):
    def forward(self, x):
        super().forward(x)


class Stub(nn.Module):
    def forward(self, x):
        return ...


BRANCHES = [
    (Stub, "not attempted", ""),
    (TwoBranches, "right", ""),
    (TwoBranches(), "right", ""),
    (PooledFirst, "right", ""),
    (lambda: nn.ModuleList, "wrong", "not an nn.Module"),
    (Nothing, "wrong", "return at the end of forward"),
    (Probabilities, "wrong", "leave the softmax out"),
    (lambda: TwoBranches(table=dict), "wrong", "not registered"),
    (lambda: TwoBranches(firsts=2), "wrong", "2 first layers"),
    (lambda: TwoBranches(dict.fromkeys(CLASSES, "all")), "wrong", "conv2 is one for all three"),
    (lambda: TwoBranches({name: name for name in CLASSES}), "wrong", "there are 3 of conv2"),
    (
        lambda: TwoBranches(BRANCH_OF | {"garment": "both", "way up": "own"}),
        "wrong",
        "conv2 is used by garment + colour",
    ),
    (lambda: TwoBranches(width=8), "wrong", "they should be"),
    (lambda: TwoBranches(bias=False), "wrong", "they should be"),
    (CutOff, "wrong", "the loss of colour does not reach conv1"),
    (NoGradient, "wrong", "no loss reaches conv1"),
    (Leaking, "wrong", "conv2 is used by"),
    (Unused, "wrong", "has no part in any answer"),
    (Unbent, "wrong", "the ReLU after conv2 is missing"),
    (Averaged, "wrong", "not those of conv1, ReLU, pooling"),
    (lambda: TwoBranches({"garment": "garment"}), "crashed", "KeyError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), BRANCHES)
def test_two_branches_are_judged(answer, state, words):
    result = checks.two_branches(answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


def test_the_two_branches_called_right_are_those_of_the_package():
    """Garment leaves at conv2: as many weights, with the same users, as the exercise asks for."""
    tasks = [mtl.Classification(name, [str(k) for k in range(n)]) for name, n in CLASSES.items()]
    model = mtl.Hierarchical(tasks, mtl.nets.conv(8), branch={"garment": "conv2"})
    its = {frozenset(who): sum(w.numel() for w in of.values()) for who, of in model.parameters_by_user().items()}
    mine = TwoBranches()
    users = lesson_05.users_of(mine, mine(torch.rand(3, 3, 28, 28, generator=torch.Generator().manual_seed(0))))
    assert its == {who: sum(w.numel() for w in of) for who, of in users.items()}


def moved_over(trained, network):
    network.conv1.load_state_dict(trained.conv1.state_dict())
    network.conv1.requires_grad_(False)
    return [weight for weight in network.parameters() if weight.requires_grad]


def left_out(trained, network):
    """Frozen by being left out of the optimiser, which is as good."""
    network.conv1.load_state_dict(trained.conv1.state_dict())
    return [weight for name, weight in network.named_parameters() if not name.startswith("conv1")]


def by_hand(trained, network):
    for mine, its in zip(network.conv1.parameters(), trained.conv1.parameters(), strict=True):
        mine.data.copy_(its.data)
        mine.requires_grad = False
    return network.parameters()


def one_layer(trained, network):
    network.conv1 = trained.conv1
    return [weight for name, weight in network.named_parameters() if not name.startswith("conv1")]


def not_frozen(trained, network):
    network.conv1.load_state_dict(trained.conv1.state_dict())
    return list(network.parameters())


def all_copied(trained, network):
    network.load_state_dict(trained.state_dict())
    network.conv1.requires_grad_(False)
    return [weight for weight in network.parameters() if weight.requires_grad]


def other_way(trained, network):
    return moved_over(network, trained)


def not_copied(trained, network):
    network.conv1.requires_grad_(False)
    return [weight for weight in network.parameters() if weight.requires_grad]


def no_head(trained, network):
    return moved_over(trained, network)[:-2]


def nothing_learns(trained, network):
    moved_over(trained, network)
    network.requires_grad_(False)
    return list(network.parameters())


def redrawn(trained, network):
    nn.init.zeros_(network.conv2.bias)
    return moved_over(trained, network)


def spoiled(trained, network):
    learners = moved_over(trained, network)
    nn.init.zeros_(trained.head.bias)
    return learners


TRANSPLANTS = [
    (lambda trained, network: ..., "not attempted", ""),
    (moved_over, "right", ""),
    (left_out, "right", ""),
    (by_hand, "right", ""),
    (one_layer, "wrong", "one and the same layer"),
    (not_frozen, "wrong", "not frozen"),
    (all_copied, "wrong", "conv2 was copied, too"),
    (other_way, "wrong", "the other way"),
    (not_copied, "wrong", "does not have the values"),
    (no_head, "wrong", "head is what it was"),
    (nothing_learns, "wrong", "every weight in the list is frozen"),
    (redrawn, "wrong", "conv2 is neither"),
    (spoiled, "wrong", "trained is no longer what it was"),
    (lambda *networks: moved_over(*networks) and None, "wrong", "returns nothing"),
    (lambda *networks: moved_over(*networks)[0], "wrong", "returns a Parameter"),
    (lambda *networks: moved_over(*networks)[:0], "wrong", "empty"),
    (lambda trained, network: [network], "wrong", "holds a SmallConv"),
    (lambda trained, network: network.conv3, "crashed", "AttributeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), TRANSPLANTS)
def test_the_transplant_is_judged(answer, state, words):
    result = checks.transplant(answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


DESIGNS = [
    ((..., ...), "not attempted", ""),
    (("C", ...), "not attempted", ""),
    ((..., ...), "not attempted", ""),
    (("C", "seed"), "right", ""),
    ((" c ", "Seed"), "right", ""),
    (("A", "seed"), "wrong", "more than nothing"),
    (("B", "seed"), "wrong", "nobody says"),
    (("D", "seed"), "wrong", "not *equal*"),
    (("E", "seed"), "wrong", "look alike"),
    (("C", "picture"), "wrong", "one pair is a seed"),
    (("C", "task"), "wrong", "about one task"),
    (("C", "any"), "wrong", "would not cancel"),
    (("F", "seed"), "wrong", "no claim 'F'"),
    (("C", "epoch"), "wrong", "no pair 'epoch'"),
    (("C",), "crashed", "TypeError"),
]


@pytest.mark.parametrize(("answer", "state", "words"), DESIGNS)
def test_the_design_is_judged(answer, state, words):
    result = checks.transfer_design(*answer)
    assert result.state == state, result.words
    assert words in result.words, result.words


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


@pytest.mark.parametrize(
    ("twin", "name", "answer"),
    [
        (LESSON, "two_branches", "TwoBranches"),
        (LESSON, "transplant", "transplant"),
        (EXTRA, "owners", "owners"),
        (EXTRA, "branch_cost", "total"),
    ],
)
def test_the_folded_solution_is_right(twin, name, answer):
    """The text after the check, as a learner would copy it; and the stub before it is no attempt."""
    before, after = twin.read_text(encoding="utf-8").split(f"checks.{name}({answer})", 1)
    text = re.sub(r"(?m)^# ?", "", after.split("</details>", 1)[0])
    space = {"nn": nn, "F": F}
    exec(re.search(r"```python\n(.*?)```", text, re.S)[1], space)
    assert getattr(checks, name)(space[answer]).state == "right"
    exec(before[before.rindex("# %%\n") :], space)
    assert getattr(checks, name)(space[answer]).state == "not attempted"


def test_the_solution_that_the_lesson_goes_on_with_is_right():
    assert checks.transplant(checks.solutions.transplant).state == "right"


def test_hints_are_given_one_by_one():
    assert "Hint 1 of 2" in checks.owners.hint().words
    assert "Hint 2 of 2" in checks.owners.hint().words
