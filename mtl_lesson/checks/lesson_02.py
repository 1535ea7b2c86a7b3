"""The exercises of lesson 02: a network, its step, faults, a claim to design; and of its extra, counted weights."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..chance import generator
from .exercise import Exercise, attempted, fault_of_design
from .solutions import EssayNetwork, start_from

CLASSES = {"garment": 10, "colour": 6, "way up": 4}
TRUNK = (3 * 32 * 9 + 32) + (32 * 64 * 9 + 64) + (64 * 49 * 128 + 128)
HEADS = sum(128 * k + k for k in CLASSES.values())


def random_pictures(n: int = 5) -> tuple[Tensor, dict[str, Tensor]]:
    draw = generator("essay_network")
    return torch.rand(n, 3, 28, 28, generator=draw), {
        name: torch.randint(k, (n,), generator=draw) for name, k in CLASSES.items()
    }


def essay_network(network: Callable[[], nn.Module] | nn.Module) -> str | None:
    """A module x → {task: logits} with one trunk (conv 32, conv 64, linear 128) and a head a task."""
    if not callable(network):
        return f"it is a {type(network).__name__}; give the check a class or a module."
    model = network if isinstance(network, nn.Module) else network()
    if not isinstance(attempted(model), nn.Module):
        return f"it is a {type(model).__name__}, not an nn.Module."
    x, _ = random_pictures()
    outputs = model(x)
    if outputs is None:
        return "it returns nothing. Is there a return at the end of forward?"
    wrong = wrong_outputs(attempted(outputs), len(x)) or wrong_weights(model) or wrong_sharing(model, x)
    return wrong or wrong_function(model, x)


def wrong_outputs(outputs: object, n: int) -> str | None:
    """What is wrong with what a learner's model returns."""
    if not isinstance(outputs, Mapping):
        return (
            f"it returns a {type(outputs).__name__}. Return a mapping {{task name: logits}}, so that nobody has to "
            "remember which output is which task."
        )
    if set(outputs) != set(CLASSES):
        return f"it answers {sorted(map(str, outputs))}; the tasks are {sorted(CLASSES)}."
    for name, classes in CLASSES.items():
        y = outputs[name]
        if not isinstance(y, Tensor):
            return f"the answer to {name} is a {type(y).__name__}, not a tensor."
        if y.shape != (n, classes):
            return (
                f"the answer to {name} has shape {tuple(y.shape)} for {n} pictures; {name} has {classes} classes, "
                f"so it should be ({n}, {classes})."
            )
        if not torch.isfinite(y).all():
            return f"the answer to {name} holds NaN or infinity. Is there a log, a division or an overflow in forward?"
        if y.min() >= 0 and torch.allclose(y.sum(1), torch.ones(n), atol=1e-4):
            return f"the answers to {name} are probabilities. cross_entropy wants logits: leave the softmax out."
    return None


def wrong_weights(model: nn.Module) -> str | None:
    found = sum(p.numel() for p in model.parameters())
    if found == TRUNK + HEADS:
        return None
    if found == TRUNK:
        return (
            "the heads are not registered: model.parameters() does not list them, so no optimiser will train them. "
            "Keep modules in an nn.ModuleDict or nn.ModuleList, not in a plain dict or list."
        )
    if found == HEADS:
        return "the trunk is not registered: model.parameters() misses it. Assign its layers to self in __init__."
    if found == 3 * TRUNK + HEADS:
        return "there are three trunks in it, one a task: nothing is shared."
    return (
        f"it has {found:,} weights where the essay's network has {TRUNK + HEADS:,}: conv 3→32 and conv 32→64 (3×3, "
        "padding 1), each followed by a pooling by 2, linear 64·7·7→128, three heads."
    )


def wrong_sharing(model: nn.Module, x: Tensor) -> str | None:
    """The gradient of each task must reach the same trunk, and each head its own task's alone."""
    reached = {}
    for name in CLASSES:
        model.zero_grad()
        outputs = model(x)
        if not outputs[name].requires_grad:
            return f"the answer to {name} is cut off from the weights (detach or no_grad): nothing can learn."
        outputs[name].square().sum().backward()
        reached[name] = {id(p) for p in model.parameters() if p.grad is not None and p.grad.any()}
    model.zero_grad()
    size = {id(p): p.numel() for p in model.parameters()}
    everybody = sum(size[p] for p in set.intersection(*reached.values()))
    for name, own in reached.items():
        if sum(size[p] for p in own) < TRUNK // 2:
            return f"the trunk is detached from {name}: its loss trains its head alone."
    return None if everybody > TRUNK // 2 else "no part of the network is used by all tasks: nothing is shared."


@torch.no_grad()
def wrong_function(model: nn.Module, x: Tensor) -> str | None:
    """Whether it computes what our network does with its weights, and if not, what it leaves out or has put in."""
    ours, model = EssayNetwork(), model.eval()
    shapes = {weight.shape: weight for weight in model.state_dict().values()}
    if {weight.shape for weight in ours.parameters()} != set(shapes):
        return None  # built of other parts: its weights cannot be laid beside ours

    def same(last: Callable = F.relu, first: Callable = F.relu, pool: Callable = F.max_pool2d) -> bool:
        h = x
        for conv in (ours.conv1, ours.conv2):
            h = pool(first(conv(h)), 2)
        h = last(ours.linear(h.flatten(1)))
        found = model(x)
        return all(torch.allclose(found[name], head(h), atol=1e-4) for name, head in ours.heads.items())

    start_from(ours, model)
    mistakes = {
        "the ReLU after the linear layer is missing": {"last": torch.nn.Identity()},
        "the ReLU after the convolutions is missing": {"first": torch.nn.Identity()},
        "there is no ReLU in it: layers without one between them are a single linear layer": {
            "last": torch.nn.Identity(),
            "first": torch.nn.Identity(),
        },
        "it takes means where the essay's network pools by the maximum": {"pool": F.avg_pool2d},
    }
    if same():
        return None
    for words, how in mistakes.items():
        if same(**how):
            return f"{words}."
    return (
        "the layers are right, and what they compute together is not: conv, ReLU and max pooling, twice, then linear "
        "and ReLU, then the heads, and nothing else."
    )


class Small(nn.Module):
    """A network to try a learner's step on."""

    def __init__(self):
        super().__init__()
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(1)
            self.trunk = nn.Sequential(nn.Flatten(), nn.Linear(3 * 28 * 28, 8), nn.ReLU())
            self.heads = nn.ModuleDict({name: nn.Linear(8, k) for name, k in CLASSES.items()})

    def forward(self, x):
        h = self.trunk(x)
        return {name: head(h) for name, head in self.heads.items()}


def moved(step: Callable, times: int) -> Tensor:
    """All weights after ``times`` steps of SGD."""
    model = Small()
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    x, labels = random_pictures()
    for _ in range(times):
        step(model, optimiser, x, labels)
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def reference(scale: float = 1.0, names: Iterable[str] = tuple(CLASSES), zero: bool = True) -> Callable:
    def step(model, optimiser, x, labels):
        if zero:
            optimiser.zero_grad()
        outputs = model(x)
        (scale * sum(F.cross_entropy(outputs[name], labels[name]) for name in names)).backward()
        optimiser.step()

    return step


def training_step(step: Callable) -> str | None:
    """``step(model, optimiser, x, labels)`` makes one step of the optimiser on Σ_t L_t and returns that loss."""
    model = Small()
    x, labels = random_pictures()
    trial = copy.deepcopy(model)
    result = step(trial, torch.optim.SGD(trial.parameters(), lr=0.1), x, labels)
    if result is ...:
        return attempted(result)
    one, two = moved(step, 1), moved(step, 2)

    def same(found: Tensor, scale: float = 1.0, times: int = 1, **how: object) -> bool:
        return torch.allclose(found, moved(reference(scale, **how), times), atol=1e-6)

    if torch.equal(one, moved(lambda *a: None, 1)):
        return "no weight moved. Is optimiser.step() there, after backward()?"
    if same(one, 1 / 3):
        return "you minimised the mean of the three losses. The joint loss is their sum: three times the step."
    for name in CLASSES:
        if same(one, names=[name]):
            return f"only the loss of {name} was minimised. Add the losses up before backward()."
    if not same(one):
        return "after one step the weights are not where a step of the optimiser on Σ_t L_t takes them."
    if same(two, times=2, zero=False):
        return "the second step still holds the gradients of the first: call optimiser.zero_grad() in every step."
    if not same(two, times=2):
        return "the second step goes wrong. Does something of the first step survive?"
    return wrong_loss(result, model(x), trial(x), labels)


def wrong_loss(
    given: object, before: Mapping[str, Tensor], after: Mapping[str, Tensor], labels: Mapping[str, Tensor]
) -> str | None:
    """What is wrong with the loss that a learner's step returns, given the outputs before the step and after it."""
    if given is None:
        return "the step is right and returns nothing: return the loss, so that one can see it fall."
    if not isinstance(given, Tensor) or given.numel() != 1:
        return f"the step is right and returns a {type(given).__name__}: return L, one number in a tensor."
    right, late = (sum(F.cross_entropy(one[name], labels[name]) for name in CLASSES) for one in (before, after))
    if torch.isclose(given, right, atol=1e-5):
        return None
    if torch.isclose(given, late, atol=1e-5):
        return "the step is right, and what it returns is the loss *after* it: return the one that you went down on."
    return "the step is right, but what it returns is not L."


FAULTS = {
    "D": "a missing colour adds no loss and still counts in the mean: the fewer colours are known, the less the task "
    "weighs. Divide by the labels that are there",
    "E": "in cents its loss is thousands of times the others', so the trunk is trained for the price alone",
    "F": "each zero_grad() throws away the gradients of the task before, and only the last task moves the trunk",
    "I": "the test pictures decide when to stop, so the best score on them is a lucky one",
}
SOUND = {
    "A": "one optimiser for trunk and heads together is right: all of them minimise L",
    "B": "one forward pass gives all answers, since the trunk is shared",
    "C": "every garment is there, and cross_entropy takes their mean",
    "G": "backward() adds to the gradients that are there, so a pass a task gives those of the losses' sum",
    "H": "one step for all tasks is what the sum of the losses asks for",
    "J": "to keep the best epoch's weights is early stopping, and sound; which pictures judge is line I",
}
CLAIMS = {
    "A": "three networks of width 8 are better than one trunk of width 8 both because they have more room and because "
    "they need not agree: it cannot tell the two apart",
    "B": "equal weights are not equal room: width 14 has 14 channels where the three have 24 together",
    "D": "a wider network is better anyway. Without the three networks in it, the claim says nothing of what one trunk "
    "loses against them",
    "C": None,
}
PAIRS = {
    "picture": "two test pictures answered by the same two networks say nothing of what other weights and other "
    "training pictures would give",
    "task": "three tasks are three questions, not three repetitions, and each may have its own answer",
    "epoch": "epochs of one training run hang together: many of them are no more evidence than one",
    "seed": None,
}


def faults(letters: Iterable[str]) -> str | None:
    """The letters of the lines that are faulty."""
    found = {str(letter).strip().upper() for letter in letters}
    if unknown := found - set(FAULTS) - set(SOUND):
        return f"there is no line {sorted(unknown)[0]}; the lines are A to J."
    if innocent := sorted(found & set(SOUND)):
        return f"{innocent[0]} is not a fault: {SOUND[innocent[0]]}."
    if missed := sorted(set(FAULTS) - found):
        return f"{len(missed)} more to find. Run it in your head, line by line."
    return None


def claim_of_room(claim: str, pair: str) -> str | None:
    """The claim that tests whether one trunk loses for want of room, and what a pair is: "seed", "picture", …"""
    return fault_of_design({"claim": CLAIMS, "pair": PAIRS}, claim, pair)


def count_weights(count: Callable[[int, bool], int]) -> str | None:
    """``count(T, shared)``: the weights of T tasks with 10 classes each, in one network or in T."""
    for T in (1, 3, 10):
        for shared in (True, False):
            given = attempted(count(T, shared))
            head = 128 * 10 + 10
            right = (1 if shared else T) * TRUNK + T * head
            if given == right:
                continue
            where = f"count({T}, {shared})"
            if given is None:
                return f"{where} returns nothing. Is a return missing?"
            if not isinstance(given, int):
                return f"{where} is {given!r}; a number of weights is a whole number."
            without_bias = (1 if shared else T) * (TRUNK - 32 - 64 - 128) + T * (head - 10)
            if given == without_bias:
                return f"{where} leaves out the biases: every output of a layer has one."
            if given == T * (TRUNK + head) and shared:
                return f"{where} counts a trunk a task. Shared means one trunk for all."
            if given == TRUNK + head or (given == TRUNK + T * head and not shared):
                what = "one head for all tasks" if shared else "one trunk for all, though nothing is shared"
                return f"{where} counts {what}."
            return f"{where} is {given:,}; the trunk has {TRUNK:,} weights and a head {head:,}."
    return None


essay_network = Exercise(
    "Exercise 1",
    essay_network,
    praise="One trunk, three heads, logits by name, and every gradient arrives.",
    hints=(
        "In __init__: the two convolutions, the linear layer, and an nn.ModuleDict of heads.",
        "Pooling twice by 2 turns 28 × 28 into 7 × 7, so the linear layer has 64·7·7 inputs.",
        "In forward: compute h once, then return {name: head(h) for name, head in self.heads.items()}.",
    ),
)
training_step = Exercise(
    "Exercise 2",
    training_step,
    praise="Zero, forward, Σ_t L_t, backward, step: this is all there is.",
    hints=(
        "Six lines: zero_grad, forward, loss, backward, step, return the loss.",
        "loss = sum(F.cross_entropy(outputs[name], labels[name]) for name in labels)",
    ),
)
faults = Exercise(
    "Exercise 3",
    faults,
    praise="Four faults, and none of them raises an error.",
    hints=(
        "What is each mean a mean over? Of ten pictures, nine have no colour: what happens to its loss?",
        "How large is each of the three losses on the first batch? The squares of some thousand cents …",
        "Follow .grad of one trunk weight through the inner loop.",
        "Which pictures decide something here?",
    ),
)
claim_of_room = Exercise(
    "Exercise 4",
    claim_of_room,
    praise="Room is equal, sharing is not; and a seed draws all that chance decides, for both alike.",
    hints=(
        "Two things must differ in one respect only: that the trunk is shared.",
        "Which trunk could hold the three networks side by side, as they are?",
        "A pair is one repetition of the whole experiment, in which chance has dealt both ways the same cards.",
    ),
)
count_weights = Exercise(
    "Count the weights",
    count_weights,
    praise="The trunk is paid once, the heads T times: with many tasks, sharing is mostly a matter of the trunk.",
    hints=(
        "A 3×3 convolution from a to b channels has a·b·9 weights and b biases.",
        "Trunk: 3→32, 32→64, 64·7·7→128. Head: 128→10.",
        "Shared: trunk + T·head. Not shared: T·(trunk + head).",
    ),
)
