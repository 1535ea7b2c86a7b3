"""Experts: several trunks, and for each task a gate that says how much of each it takes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from math import prod

import torch
from torch import Tensor, nn

from ..arguments import whole
from ..nets import Streams, layers_of, layers_with_weights
from ..nets.layers import NUMBERS, Stacked
from ..tasks import find_task
from .base import Sharing, key_of

GATES = ("input", "constant")
INPUT = "the input of the gates"  # what its shape stands under beside those of the layers


class Experts(Sharing):
    """Several trunks that all tasks may use, or that a task has for itself, and a gate a task that mixes them.

        h_t = Σ_e g_te(x) h_e,   h_e = f(x; θ_e),   g_t(x) = softmax(G_t x + c_t),   ŷ_t = g_t(h_t; φ_t),   L = Σ_t L_t

    e runs over ``experts`` shared trunks and ``private`` ones of the task's own, all like ``trunk``; each starts
    elsewhere, the first as Hard's. G_t and c_t start at 0, an equal part of each. One expert is Hard; as many as tasks,
    with gates that give each its own, are Separate. ``gate``: "input", as above, x all numbers of the input in a row;
    "constant", g_t = softmax(c_t), the control that does not look at x. ``inputs``: how many numbers x has, read off
    the World or a first linear layer unless given. :meth:`gap` is the first expert's.

    Ma et al. 2018, "Modeling task relationships in multi-task learning with multi-gate mixture-of-experts" (MMoE);
    private experts: Tang et al. 2020, "Progressive layered extraction" (PLE), here in one level.

    Raises TypeError for a number of experts that is no whole number, ValueError for gates without an expert, a kind of
    gate that is none, inputs whose size is not known or that are tokens (a constant gate takes them), experts that
    would start equal (``initial="template"``), and ``heads`` at layers below the gates.
    """

    options, needs_world = ("experts", "private", "gate", "inputs"), True

    def __init__(
        self,
        tasks,
        trunk,
        experts: int = 2,
        private: int = 0,
        gate: str = "input",
        inputs: int | None = None,
        **arguments,
    ):
        self.experts, self.private = (whole(experts, "experts", least=0), whole(private, "private", least=0))
        self.gate, self.inputs = gate, inputs if inputs is None else whole(inputs, "inputs")
        if not self.experts + self.private:
            raise ValueError("the gates have no expert to choose from: experts= or private= must be 1 or more")
        if gate not in GATES:
            raise ValueError(f"a gate is one of {', '.join(map(repr, GATES))}, not {gate!r}")
        if arguments.get("heads"):
            raise ValueError("Experts answers from the last layer, where the gates mix: leave heads= out")
        if arguments.get("initial") == "template" and max(self.experts, self.private) > 1:
            raise ValueError("experts that start with the template's weights start equal, and stay so: leave initial=")
        super().__init__(tasks, trunk, **arguments)
        self.names = (
            *(f"expert {e + 1}" for e in range(self.experts)),
            *(f"private {p + 1}" for p in range(self.private)),
        )
        self.others = nn.ModuleList(self.another(name) for name in self.names[1:])
        self.choice = self.gates_at_rest()

    def measure(self, trunk, world, features):
        measured = super().measure(trunk, world, features)
        if self.gate == "input" and INPUT not in self.shapes:
            self.shapes[INPUT] = (self.inputs or self.numbers_of(measured, world),)
        return measured

    def numbers_of(self, trunk: nn.Module, world) -> int:
        """How many numbers one input has."""
        if world is not None:
            example = self.example(world)
            if not example.is_floating_point():
                raise ValueError("a gate on the input needs real numbers, and tokens are names: take gate='constant'")
            return prod(example.shape[1:])
        first = next((layer for layer in layers_of(trunk).values() if type(layer) not in (nn.Flatten, *NUMBERS)), None)
        if type(first) is not nn.Linear:
            raise ValueError(
                "how large the input of a gate is depends on the data: give the World in place of the tasks, or "
                "say how many numbers there are, inputs=…, such as 3*28*28"
            )
        return first.in_features

    def owners(self, depth):
        return self.owners_of(self.experts > 0)

    def owners_of(self, shared: bool) -> list[int]:
        return [0] * len(self.tasks) if shared else list(range(len(self.tasks)))

    def another(self, name: str) -> Streams:
        """A trunk beside the first, with a start of its own."""
        plan = dict.fromkeys(layers_with_weights(self.template[0]), self.owners_of(name.startswith("expert")))
        return Streams(self.template[0], plan, self.seeds, drawn_as=f"{name}/", initial=self.initial)

    @torch.no_grad()
    def gates_at_rest(self) -> Streams | Stacked:
        """The gates, which give each expert an equal part."""
        tasks = range(len(self.tasks))
        if self.gate == "constant":
            return Stacked(Constant(len(self.names)), "gate", tasks, self.seeds)
        layers = OrderedDict(flatten=nn.Flatten(), linear=nn.Linear(prod(self.shapes[INPUT]), len(self.names)))
        gates = Streams(nn.Sequential(layers), {"linear": tasks}, self.seeds, "gate/")
        for weight in gates.parameters():
            weight.zero_()
        return gates

    @property
    def gate_weights(self) -> Stacked:
        """What holds the weights of the gates, a group a task."""
        return self.choice if self.gate == "constant" else self.choice["linear"]

    def trunks(self):
        return {f"{name}.": trunk for name, trunk in zip(self.names, (self.trunk, *self.others), strict=True)}

    def mix(self, x, inputs, streams) -> dict[str, Tensor]:
        """g_t of a batch behind the stems: task → (C, examples, experts); examples is 1 where gates do not look."""
        if self.gate == "constant":
            z = {task.name: self.choice.values(t)["c"][:, None] for t, task in enumerate(self.tasks)}
        else:
            z = self.by_task(*self.choice(x, inputs, streams))
        return {name: torch.softmax(one, -1) for name, one in z.items()}

    def activations(self, x, inputs, streams, upto=None):
        """What the gates mix; of a layer in the middle of the trunks (``upto``), all experts' side by side."""
        x, inputs, streams = self.through_stems(x, inputs, streams)
        h = [self.by_task(*trunk(x, inputs, streams, upto)) for trunk in self.trunks().values()]
        if upto is not None:
            return {task.name: torch.cat([one[task.name] for one in h], 2) for task in self.tasks}
        g = self.mix(x, inputs, streams)
        return {task.name: mixed(g[task.name], [one[task.name] for one in h]) for task in self.tasks}

    @torch.no_grad()
    def gates(self, x) -> dict[str, Tensor]:
        """g_t(x): task → (examples, experts), each row of sum 1, its columns in the order of ``names``; of several
        copies (C, examples, experts). A column near 0 in every task is an expert that the gates have given up."""
        x, inputs, streams = self.through_stems(*self.enter(x))
        examples = next(iter(x.values())).shape[1] if isinstance(x, dict) else x.shape[1]
        return self.unwrap({name: g.expand(-1, examples, -1) for name, g in self.mix(x, inputs, streams).items()})

    def parameters_by_user(self):
        found = super().parameters_by_user()
        for t, task in enumerate(self.tasks):
            gate = {f"gate.{key}[{t}]": value for key, value in self.gate_weights.values(t).items()}
            found.setdefault((task.name,), {}).update(gate)
        return found

    def plain(self, task, copy=0):
        """The network of one task as ordinary PyTorch layers; its first layer holds the experts and the gate."""
        t = self.tasks.index(find_task(self.tasks, task))
        network = nn.Sequential()
        if task in self.stem_templates:
            network.add_module("stem", self.stems[key_of(task)].plain(0, copy))
        gate = self.choice.plain(copy, t) if self.gate == "constant" else self.choice.plain(t, copy)
        network.add_module("experts", Gated(gate, [trunk.plain(t, copy) for trunk in self.trunks().values()]))
        if self.flattens(self.tasks[t]):
            network.add_module("all numbers in a row", nn.Flatten())
        network.add_module("head", self.heads[self.head_of(self.tasks[t])].plain(copy, 0))
        return network

    def holders(self):
        return [*super().holders(), self.gate_weights]


class Constant(nn.Module):
    """c of a gate that does not look at x, a template."""

    def __init__(self, experts: int):
        super().__init__()
        self.c = nn.Parameter(torch.zeros(experts))

    def reset_parameters(self) -> None:
        nn.init.zeros_(self.c)

    def forward(self, x: Tensor) -> Tensor:
        return self.c[None]


class Gated(nn.Module):
    """Networks that look at the same input, and the gate that mixes what they return (n, …)."""

    def __init__(self, gate: nn.Module, networks: Sequence[nn.Module]):
        super().__init__()
        self.gate, self.networks = gate, nn.ModuleList(networks)

    def forward(self, x: Tensor) -> Tensor:
        g = torch.softmax(self.gate(x), -1)
        return mixed(g[None], [network(x)[None] for network in self.networks])[0]


def mixed(g: Tensor, h: Sequence[Tensor]) -> Tensor:
    """Σ_e g_e h_e for g (C, examples, experts) and for each expert h_e (C, examples, …)."""
    parts = [
        part.to(one).view(*part.shape, *[1] * (one.dim() - 2)) * one for part, one in zip(g.unbind(-1), h, strict=True)
    ]
    return sum(parts[1:], parts[0])
