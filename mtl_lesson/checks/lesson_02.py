"""The exercises of lesson 02: the essay's network, its step, its faults, and what sharing saves."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..chance import generator
from .exercise import Exercise, attempted

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
    model = network if isinstance(network, nn.Module) else network()
    if not isinstance(attempted(model), nn.Module):
        return f"it is a {type(model).__name__}, not an nn.Module."
    x, _ = random_pictures()
    outputs = model(x)
    if outputs is None:
        return "it returns nothing. Is there a return at the end of forward?"
    return wrong_outputs(attempted(outputs), len(x)) or wrong_weights(model) or wrong_sharing(model, x)


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
    """``step(model, optimiser, x, labels)`` makes one step of the optimiser on Σ_t L_t."""
    model = Small()
    x, labels = random_pictures()
    result = step(copy.deepcopy(model), torch.optim.SGD(model.parameters(), lr=0.1), x, labels)
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
    return None if same(two, times=2) else "the second step goes wrong. Does something of the first step survive?"


FAULTS = {
    "A": "num_classes is used and never given a value",
    "B": "one num_classes for all heads, though the tasks have 10, 6 and 4 classes",
    "D": "criterion is never defined",
    "F": "train_loader and num_epochs are never defined",
    "H": "the network is judged on nothing: there is no evaluation on pictures it has not seen",
}
SOUND = {
    "C": "one optimiser for trunk and heads together is right: all of them minimise L",
    "E": "adding the three losses is the joint loss Σ_t L_t, as it should be",
    "G": "Adam with 1e-3 is a sensible default",
}


def faults(letters: Iterable[str]) -> str | None:
    """The letters of the lines that are faulty."""
    found = {str(letter).strip().upper() for letter in letters}
    if unknown := found - set(FAULTS) - set(SOUND):
        return f"there is no line {sorted(unknown)[0]}; the lines are A to H."
    if innocent := sorted(found & set(SOUND)):
        return f"{innocent[0]} is not a fault: {SOUND[innocent[0]]}."
    if missed := sorted(set(FAULTS) - found):
        return f"{len(missed)} more to find. Run it in your head, line by line."
    return None


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
        "Five lines: zero_grad, forward, loss, backward, step.",
        "loss = sum(F.cross_entropy(outputs[name], labels[name]) for name in labels)",
    ),
)
faults = Exercise(
    "Exercise 3",
    faults,
    praise="Five faults. Code that was never run tends to have some.",
    hints=(
        "Which names does the code use that nobody defined?",
        "Our three tasks have 10, 6 and 4 classes. Would the code cope?",
        "How would you know that the network learned anything?",
    ),
)
count_weights = Exercise(
    "Exercise 4",
    count_weights,
    praise="The trunk is paid once, the heads T times: with many tasks, sharing is mostly a matter of the trunk.",
    hints=(
        "A 3×3 convolution from a to b channels has a·b·9 weights and b biases.",
        "Trunk: 3→32, 32→64, 64·7·7→128. Head: 128→10.",
        "Shared: trunk + T·head. Not shared: T·(trunk + head).",
    ),
)
