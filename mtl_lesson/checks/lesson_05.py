"""The exercises of lesson 05: a network with two branches, a transplanted layer, the design of a test.

And of its extra: who owns a layer, and what a branch costs.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping, Sequence
from numbers import Real

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .exercise import Exercise, attempted, fault_of_design
from .lesson_02 import CLASSES, random_pictures, wrong_outputs

#: for each task the depth of the first layer it has for itself; 3 is the depth of the heads
PLANS = ([1, 0, 3, 1, 2], [1, 1, 1], [0, 3, 3, 0], [3, 3, 3], [0, 0])
LAYERS = {"conv1": 224, "conv2": 1168, "linear": 50240}
HEAD = 650

ALL, STAYERS = frozenset(CLASSES), frozenset({"colour", "way up"})
LEAVER, COLOUR, WAY_UP = (frozenset({name}) for name in CLASSES)  # the one that leaves is garment
BRANCH = LAYERS["conv2"] + LAYERS["linear"]
#: the shape of each layer's weights below the heads
SHAPES = {"conv1": (8, 3, 3, 3), "conv2": (16, 8, 3, 3), "linear": (64, 784)}


def two_branches(network: Callable[[], nn.Module] | nn.Module) -> str | None:
    """A module x → {task: logits}: conv1 in common, then a branch for garment and one for colour and way up."""
    model = network if isinstance(network, nn.Module) else network()
    if not isinstance(attempted(model), nn.Module):
        return f"it is a {type(model).__name__}, not an nn.Module."
    x, _ = random_pictures()
    outputs = model(x)
    if outputs is None:
        return "it returns nothing. Is there a return at the end of forward?"
    if because := wrong_outputs(attempted(outputs), len(x)):
        return because
    users = users_of(model, outputs)
    return wrong_company(users) or wrong_computation(users, outputs, x)


def users_of(model: nn.Module, outputs: Mapping[str, Tensor]) -> dict[frozenset[str], list[Tensor]]:
    """Who uses what: (tasks whose gradient reaches them) → weights, each weight of the model once."""
    weights, reached = list(model.parameters()), {}
    for name in CLASSES:
        loss = outputs[name].square().sum()
        found = torch.autograd.grad(loss, weights, retain_graph=True, allow_unused=True) if loss.requires_grad else []
        reached[name] = {id(weight) for weight, slope in zip(weights, found, strict=False) if slope is not None}
    users: dict[frozenset[str], list[Tensor]] = {}
    for weight in weights:
        users.setdefault(frozenset(name for name in CLASSES if id(weight) in reached[name]), []).append(weight)
    return users


def wrong_company(users: Mapping[frozenset[str], list[Tensor]]) -> str | None:
    """What is wrong with who shares which weights."""
    size = {who: sum(weight.numel() for weight in weights) for who, weights in users.items()}
    right = {ALL: LAYERS["conv1"], STAYERS: BRANCH, LEAVER: BRANCH + HEAD, COLOUR: 390, WAY_UP: 260}
    if size == right:
        return None
    if sum(size.values()) < BRANCH:
        return (
            f"model.parameters() lists {sum(size.values()):,} weights of {sum(right.values()):,}: the others are not "
            "registered, and no optimiser will train them. Keep layers in self or in an nn.ModuleDict, not in a dict."
        )
    of = {layer: owners_of(users, shape) for layer, shape in SHAPES.items()}
    if of["conv1"] and set(of["conv1"]) == {frozenset()}:
        return "no loss reaches conv1: it is cut off from the answers (detach or no_grad), or never used."
    if len(of["conv1"]) == 1 and of["conv1"] != [ALL]:
        lonely = next(name for name in CLASSES if name not in of["conv1"][0])
        return f"the loss of {lonely} does not reach conv1 (detached, or not used): it has no say in what is common."
    if len(of["conv1"]) > 1:
        return f"there are {len(of['conv1'])} first layers; conv1 is common, one for all three tasks."
    for layer in ("conv2", "linear"):
        if of[layer] == [ALL]:
            return f"{layer} is one for all three tasks. The branch is at conv2: from there garment has its own layers."
        if of[layer] and frozenset() in of[layer]:
            return f"a {layer} is made and has no part in any answer."
        if len(of[layer]) > 2:
            return f"there are {len(of[layer])} of {layer}: colour and way up stay together, so there are two branches."
        if len(of[layer]) == 2 and set(of[layer]) != {STAYERS, LEAVER}:
            users_found = " and ".join(map(who_uses, of[layer]))
            return f"{layer} is used by {users_found}; it should be by {who_uses(STAYERS)}, and by garment."
    found, wanted = (", ".join(f"{who_uses(who)}: {n:,}" for who, n in one.items()) for one in (size, right))
    return f"the weights, by who uses them, are {found}; they should be {wanted}."


def owners_of(users: Mapping[frozenset[str], list[Tensor]], shape: tuple[int, ...]) -> list[frozenset[str]]:
    """For each weight of this shape the tasks that use it."""
    return [who for who, weights in users.items() for weight in weights if tuple(weight.shape) == shape]


def who_uses(who: frozenset[str]) -> str:
    return " + ".join(name for name in CLASSES if name in who) or "nobody"


def wrong_computation(
    users: Mapping[frozenset[str], list[Tensor]], outputs: Mapping[str, Tensor], x: Tensor
) -> str | None:
    """What is wrong with the answers, given the weights: computed again in plain steps, with a step left out."""

    def answers(left_out: str = "") -> dict[str, Tensor]:
        return {name: once_more(users, name, x, left_out) for name in CLASSES}

    def same(others: Mapping[str, Tensor]) -> bool:
        return all(torch.allclose(outputs[name], others[name], atol=1e-5) for name in CLASSES)

    with torch.no_grad():
        if same(answers()):
            return None
        for layer in SHAPES:
            if same(answers(layer)):
                return f"who owns what is right, and the ReLU after {layer} is missing."
    return (
        "who owns what is right, and the answers are not those of conv1, ReLU, pooling by 2, conv2, ReLU, pooling by "
        "2, linear, ReLU, head."
    )


def once_more(users: Mapping[frozenset[str], list[Tensor]], task: str, x: Tensor, left_out: str = "") -> Tensor:
    """The answers to one task, from the weights its gradient reaches, without the ReLU after the layer ``left_out``."""
    own = [weight for who, weights in users.items() if task in who for weight in weights]
    shapes = SHAPES | {"head": (CLASSES[task], 64)}
    weight = {layer: next(one for one in own if tuple(one.shape) == shape) for layer, shape in shapes.items()}
    bias = {layer: next(one for one in own if tuple(one.shape) == shape[:1]) for layer, shape in shapes.items()}
    bend = {layer: (lambda y: y) if layer == left_out else F.relu for layer in SHAPES}
    for layer in ("conv1", "conv2"):
        x = F.max_pool2d(bend[layer](F.conv2d(x, weight[layer], bias[layer], padding=1)), 2)
    h = bend["linear"](F.linear(x.flatten(1), weight["linear"], bias["linear"]))
    return F.linear(h, weight["head"], bias["head"])


class SmallConv(nn.Sequential):
    """A network to transplant a layer from or to; its layers have the names of the course's small trunk."""

    def __init__(self, seed: int):
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(seed)
            parts = {"conv1": nn.Conv2d(3, 4, 3, padding=1), "relu1": nn.ReLU(), "pool1": nn.MaxPool2d(4)}
            parts |= {"conv2": nn.Conv2d(4, 6, 3, padding=1), "relu2": nn.ReLU(), "flatten": nn.Flatten()}
            parts |= {"linear": nn.Linear(6 * 49, 8), "relu3": nn.ReLU(), "head": nn.Linear(8, 10)}
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


def transplant(function: Callable[[nn.Module, nn.Module], Iterable[Tensor]]) -> str | None:
    """``transplant(trained, network)``: ``network`` gets the first layer of ``trained``, frozen."""
    trained, network = SmallConv(1), SmallConv(2)
    source, start = copy.deepcopy(trained), copy.deepcopy(network)
    given = attempted(function(trained, network))
    if given is None:
        return "it returns nothing. Return a list of the weights that the optimiser may change."
    if isinstance(given, Tensor | Mapping | str) or not isinstance(given, Iterable):
        return f"it returns a {type(given).__name__}; return a list of weights, as torch.optim.Adam takes them."
    given = list(given)
    if not all(isinstance(weight, Tensor) for weight in given):
        return f"the list holds a {type(next(w for w in given if not isinstance(w, Tensor))).__name__}, not weights."
    return wrong_layers(trained, network, source, start) or wrong_learners(network, given)


def equal_weights(one: nn.Module, other: nn.Module) -> bool:
    return all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def wrong_layers(trained: nn.Module, network: nn.Module, source: nn.Module, start: nn.Module) -> str | None:
    """What is wrong with the two networks after the transplant, given what they were before."""
    if equal_weights(trained.conv1, start.conv1):
        return "you copied the other way: trained has the first layer of network now."
    if not equal_weights(trained, source):
        return "trained is no longer what it was. Only read from it."
    mine, its = {id(p) for p in network.parameters()}, {id(p) for p in trained.parameters()}
    if mine & its or not all(p.requires_grad for p in trained.parameters()):
        return (
            "the two networks hold one and the same layer now, so what you do to it you do to trained as well. Copy "
            "its values: load_state_dict."
        )
    if not equal_weights(network.conv1, source.conv1):
        return "network.conv1 does not have the values of trained.conv1."
    for layer in ("conv2", "linear", "head"):
        mine = getattr(network, layer)
        if equal_weights(mine, getattr(source, layer)):
            return f"{layer} was copied, too. The question is what the *first* layer is worth: the rest starts anew."
        if not equal_weights(mine, getattr(start, layer)):
            return f"{layer} is neither what it was nor trained's; leave it alone."
    return None


def wrong_learners(network: nn.Module, given: list[Tensor]) -> str | None:
    """What is wrong with what learns: after a step of gradient descent on the weights ``given``."""
    before = copy.deepcopy(network)
    if not given:
        return "the list is empty: nothing would learn."
    if not any(weight.requires_grad for weight in given):
        return "every weight in the list is frozen; only conv1 should be."
    x, labels = random_pictures()
    F.cross_entropy(network(x), labels["garment"]).backward()
    torch.optim.SGD(given, lr=0.1, weight_decay=0.1).step()
    if not equal_weights(network.conv1, before.conv1):
        return "after one step conv1 is not what it was: it is copied, and not frozen."
    for layer in ("conv2", "linear", "head"):
        if equal_weights(getattr(network, layer), getattr(before, layer)):
            return f"after one step {layer} is what it was: it should learn anew."
    return None


#: exercise 3: O is garment's score over its own frozen first layer, B that over colour's, N that over an untrained one.
CLAIMS = {
    "A": "this says that colour's layer is worth more than nothing. General means worth as much as garment's own.",
    "B": "nobody says that colour's layer is *better* for garment than garment's own.",
    "D": "*undecided* is not *equal*: three seeds would decide nothing, and prove every colleague right.",
    "E": "filters may look alike and serve differently, or differ and serve alike. Whether a layer serves is asked of "
    "scores.",
    "C": None,  # B is less than two points below O
}
PAIRS = {
    "picture": "the pictures of one network rise and fall together with it. What new seeds would say needs new "
    "networks: one pair is a seed.",
    "task": "the claim is about one task, garment, and three pairs could carry no interval worth having.",
    "any": "what two runs of different seeds do not have in common would not cancel in their difference.",
    "seed": None,
}


def transfer_design(claim: str, pair: str) -> str | None:
    """A test of "the first layer is general": the letter of a claim, and "seed", "picture", "task" or "any"."""
    return fault_of_design({"claim": CLAIMS, "pair": PAIRS}, claim, pair)


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


two_branches = Exercise(
    "Exercise 1",
    two_branches,
    praise="One first layer that all three losses train, and two branches that hear only of their own tasks.",
    hints=(
        "In __init__: two of conv2 and two of linear, each in an nn.ModuleDict by the name of the branch; three heads.",
        "Padding 1 keeps the size and a pooling by 2 halves it: linear has 16·7·7 inputs and 64 outputs.",
        "In forward: from what is common, h for each branch; then {task: head(h of its branch)}.",
    ),
)
transplant = Exercise(
    "Exercise 2",
    transplant,
    praise="What it scores now says what a first layer of another task is worth to this one.",
    hints=(
        "Copy: network.conv1.load_state_dict(trained.conv1.state_dict()).",
        "Freeze: network.conv1.requires_grad_(False). What may learn: the parameters that still require a gradient.",
    ),
)
transfer_design = Exercise(
    "Exercise 3",
    transfer_design,
    praise="It says how much *nothing* is, and it can be contradicted. It is the third primary claim, below.",
    hints=(
        "What would your colleague have to bet on? That nothing is lost, not that something is won.",
        "In a pair all is the same but what is asked about: pictures, batches, and where the other layers start.",
    ),
)
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
