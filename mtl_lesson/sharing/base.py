"""What every way of sharing has in common: h_t = f(x; θ) from a trunk, an output layer a task, and a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from ..nets import Linear, Streams, layers_with_weights
from ..tasks import Task, check_tasks, find_task


class Sharing(nn.Module):
    """A model of several tasks. A way of sharing is a subclass that says who owns what (:meth:`owners`).

    ``tasks``: the questions. ``trunk``: an ``nn.Sequential``, used as a template and never changed. ``features``: the
    size of what the trunk returns, read off its last linear layer unless given. ``seeds``: one for each copy held.

    Initial weights depend on a copy's seed and on the name of the layer or task alone, so two ways of sharing with
    the same seed start from the same trunk, and a task starts from the same head whichever tasks stand beside it.
    """

    #: arguments of the constructor, beside tasks, trunk, features and seeds, that another copy of the model needs
    options: tuple[str, ...] = ()
    #: those of them that may differ between copies: a list has one for each
    per_copy: tuple[str, ...] = ()

    def __init__(self, tasks: Sequence[Task], trunk: nn.Sequential, *, features: int | None = None,
                 seeds: Sequence[int] = (0,)):  # fmt: skip
        super().__init__()
        self.tasks, self.seeds = check_tasks(tasks), tuple(seeds) if isinstance(seeds, Iterable) else (seeds,)
        if not self.seeds:
            raise ValueError("a model needs at least one seed")
        self.template = [trunk]  # in a list, so that its weights are not taken for the model's
        self.features_size = features or features_of(trunk)
        names = layers_with_weights(trunk)
        plan = {name: self.owners(depth) for depth, name in enumerate(names)}
        self.trunk = Streams(trunk, plan, self.seeds)
        self.heads = nn.ModuleDict()
        for task in self.tasks:
            name = self.head_of(task)
            if name not in self.heads:
                # The template's own weights are never used, so none are drawn for it.
                template = nn.utils.skip_init(nn.Linear, self.head_inputs(), task.outputs)
                self.heads[name] = Linear(template, f"head/{self.head_drawn_as(task)}", 1, self.seeds)

    # --- what a subclass says ---------------------------------------------------------------------------------------

    def owners(self, depth: int) -> list[int]:
        """For each task the group of weights it uses in the trunk's layer ``depth`` (0 is the first with weights)."""
        raise NotImplementedError

    def head_inputs(self) -> int:
        """The size of h, which the heads take."""
        return self.features_size

    def head_of(self, task: Task) -> str:
        """The name of the output layer that answers ``task``."""
        return key_of(task.name)

    def head_drawn_as(self, task: Task) -> str:
        """What a head's initial weights depend on, beside the seed. Heads of one name would start equal."""
        return self.head_of(task)

    def penalty(self) -> Tensor:
        """What the way of sharing adds to the sum of the tasks' losses for its weights, one number a copy (C,)."""
        return torch.zeros(self.copies, device=next(self.parameters()).device)

    def regulariser(self, h: Mapping[str, Tensor]) -> Tensor:
        """The part of the objective beside Σ_t L_t that is left to the gradient, (C,); ``h``: task → (C, examples,
        features) of the batch."""
        return next(iter(h.values())).new_zeros(self.copies)

    def adds_up_over_examples(self) -> bool:
        """Whether :meth:`regulariser` on a batch is the sum of it on the batch's parts; where there is none it is."""
        return type(self).regulariser is Sharing.regulariser

    def pull(self, optimiser: torch.optim.Optimizer) -> None:
        """The exact step on the penalty, taken after each step of the optimiser. Nothing to do without a penalty."""

    def release(self, number: int) -> None:
        """Stop pulling at one copy, which has diverged and rests."""

    def trunks(self) -> dict[str, Streams]:
        """What computes h: the prefix of its weights' names → a trunk."""
        return {"": self.trunk}

    # --- computing --------------------------------------------------------------------------------------------------

    @property
    def copies(self) -> int:
        """C, the number of copies of the experiment held side by side."""
        return len(self.seeds)

    def forward(self, x: Tensor | Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The answers: task name → (examples, outputs); where there are several copies, their axis comes first."""
        return self.unwrap(self.outputs(*self.enter(x)))

    def features(self, x: Tensor | Mapping[str, Tensor], layer: str | None = None) -> dict[str, Tensor]:
        """h_t = f(x; θ): task name → (examples, features), or what the trunk's ``layer`` returns."""
        if layer is not None and layer not in self.trunk.names:
            raise KeyError(f"the trunk has no layer {layer!r}; it has {', '.join(self.trunk.names)}")
        return self.unwrap(self.activations(*self.enter(x), upto=layer))

    def unwrap(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: value[0] for name, value in values.items()} if self.copies == 1 else values

    def enter(self, x: Tensor | Mapping[str, Tensor]) -> tuple[Tensor, int, tuple[int, ...]]:
        """An ordinary batch as the network takes it: (activations, number of datasets, stream of each task)."""
        shared = not isinstance(x, Mapping)
        if not shared and set(x) != {task.name for task in self.tasks}:
            raise KeyError(f"x has inputs for {sorted(x)}; the tasks are {[task.name for task in self.tasks]}")
        parts = [x] if shared else [x[task.name] for task in self.tasks]
        for part in parts:
            if not isinstance(part, Tensor) or not part.is_floating_point() or part.dim() not in (2, 4):
                got = f"{part.dtype} {tuple(part.shape)}" if isinstance(part, Tensor) else type(part).__name__
                raise TypeError(f"expected float pictures (n, channels, height, width) or vectors (n, d), got {got}")
        streams = (0,) * len(self.tasks) if shared else tuple(range(len(self.tasks)))
        parts = [part.to(next(self.parameters()).device) for part in parts]
        if parts[0].dim() == 4:
            return torch.cat(parts, 1).contiguous(memory_format=torch.channels_last), 1, streams
        return torch.stack(parts), 1, streams

    def activations(self, x: Tensor, inputs: int, streams: Sequence[int], upto: str | None = None) -> dict[str, Tensor]:
        """For each task its activations, (C, examples, …)."""
        return self.by_task(*self.trunk(x, inputs, streams, upto))

    def by_task(self, h: Tensor, streams: Sequence[int]) -> dict[str, Tensor]:
        """What a trunk returned (activations, for each task its stream) as task → (C, examples, …)."""
        if h.dim() == 4:
            h = h.unflatten(1, (self.copies, max(streams) + 1, -1)).permute(1, 2, 0, 3, 4, 5)
        else:
            h = h.unflatten(0, (self.copies, -1))
        return {task.name: h[:, stream] for task, stream in zip(self.tasks, streams, strict=True)}

    def outputs(self, x: Tensor, inputs: int, streams: Sequence[int]) -> dict[str, Tensor]:
        """For each task its outputs, (C, examples, outputs)."""
        return self.answer(self.activations(x, inputs, streams))

    def answer(self, h: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """ŷ_t = g_t(h_t): task → (C, examples, features) to task → (C, examples, outputs)."""
        return {task.name: self.heads[self.head_of(task)](h[task.name], self.copies, (0,)) for task in self.tasks}

    # --- looking at the weights -------------------------------------------------------------------------------------

    def parameters_by_user(self) -> dict[tuple[str, ...], dict[str, Tensor]]:
        """Who uses what: (task names) → {parameter name: its values (C, …)}, every weight of the model once."""
        found: dict[tuple[str, ...], dict[str, Tensor]] = {}
        for prefix, trunk in self.trunks().items():
            for name, owners in trunk.plan.items():
                for group in range(max(owners) + 1):
                    users = tuple(t.name for t, owner in zip(self.tasks, owners, strict=True) if owner == group)
                    number = f"[{group}]" if max(owners) else ""
                    for key, value in trunk[name].values(group).items():
                        found.setdefault(users, {})[f"{prefix}{name}.{key}{number}"] = value
        for name, head in self.heads.items():
            users = tuple(task.name for task in self.tasks if self.head_of(task) == name)
            for key, value in head.values(0).items():
                found.setdefault(users, {})[f"heads.{name}.{key}"] = value
        return found

    def shared_parameters(self) -> dict[str, Tensor]:
        """The weights that more than one task uses: name → values (C, …)."""
        parts = self.parameters_by_user().items()
        return {name: value for users, values in parts if len(users) > 1 for name, value in values.items()}

    def specific_parameters(self, task: str) -> dict[str, Tensor]:
        """The weights that ``task`` alone uses: name → values (C, …)."""
        return dict(self.parameters_by_user().get((find_task(self.tasks, task).name,), {}))

    @torch.no_grad()
    def gap(self, layer: str | None = None) -> Tensor:
        """How far a task's weights are from the mean of all tasks', ‖θ_t − θ̄‖ / ‖θ̄‖, (C, T); of the trunk's ``layer``,
        or of all of the trunk. 0 where everything is shared.

        Raises KeyError for a layer that is not there or has no weights.
        """
        if layer is not None and layer not in self.trunk.plan:
            raise KeyError(f"no layer {layer!r} with weights in the trunk; there are {', '.join(self.trunk.plan)}")
        apart = size = torch.zeros(self.copies, len(self.tasks), device=next(self.parameters()).device)
        for name, owners in self.trunk.plan.items() if layer is None else [(layer, self.trunk.plan[layer])]:
            groups = [self.trunk[name].values(group) for group in range(max(owners) + 1)]
            for key in groups[0]:
                θ = torch.stack([group[key].flatten(1) for group in groups], 1)[:, list(owners)]
                mean = θ.mean(1, keepdim=True) if max(owners) else θ[:, :1]
                apart = apart + (θ - mean).square().sum(2)
                size = size + mean.square().sum(2)
        return (apart / size).nan_to_num().sqrt()

    def size(self) -> int:
        """The number of weights of one copy."""
        return sum(parameter.numel() for parameter in self.parameters()) // self.copies

    def plain(self, task: str, copy: int = 0) -> nn.Sequential:
        """The network of one task as ordinary PyTorch layers: the trunk's, then ``head``. Its weights are a copy."""
        t = self.tasks.index(find_task(self.tasks, task))
        network = self.trunk.plain(t, copy)
        network.add_module("head", self.heads[self.head_of(self.tasks[t])].plain(copy, 0))
        return network

    # --- copies -----------------------------------------------------------------------------------------------------

    def like(self, seeds: Sequence[int], **changes: object) -> Sharing:
        """The same model with fresh weights, a copy a seed; ``changes`` replace arguments of the constructor."""
        arguments = {name: getattr(self, name) for name in self.options}
        arguments |= {"features": self.features_size, "seeds": tuple(seeds)} | changes
        return type(self)(self.tasks, self.template[0], **arguments)

    @torch.no_grad()
    def copy(self, number: int) -> Sharing:
        """One copy as a model of its own."""
        one = self.like(seeds=(self.seeds[number],), **self.options_of(number))
        for mine, its in zip(self.holders(), one.holders(), strict=True):
            its.load_copy(mine, number)
        return one.to(next(self.parameters(), torch.empty(0)))

    def options_of(self, number: int) -> dict[str, object]:
        """The options as they are for one copy; for a way of sharing that has an option a copy."""
        return {}

    def holders(self) -> list[nn.Module]:
        """Everything that holds weights, from the first layer to the last head."""
        layers = [layer for trunk in self.trunks().values() for layer in trunk.layers]
        return [layer for layer in layers if hasattr(layer, "load_copy")] + list(self.heads.values())

    def __repr__(self) -> str:
        tasks = ", ".join(task.name for task in self.tasks)
        values = {name: getattr(self, name) for name in self.options}
        options = "".join(f", {name}={value!r}" for name, value in values.items() if not isinstance(value, nn.Module))
        copies = f", {self.copies} copies" if self.copies > 1 else ""
        return f"{type(self).__name__}({tasks}{options}: {self.size():,} weights{copies})"


def key_of(name: str) -> str:
    """A task's name as PyTorch accepts it for a submodule: without dots, and unlike any attribute of a module."""
    return "answers " + name.replace("%", "%25").replace(".", "%2E")


def a_copy(value: object, copies: int, name: str) -> list:
    """An option that may differ between copies, as a list of one value a copy; ValueError for more or fewer."""
    if not isinstance(value, list | tuple | np.ndarray | Tensor) or getattr(value, "ndim", 1) == 0:
        return [value] * copies
    if len(value) != copies:
        raise ValueError(f"there are {copies} copies and {len(value)} values of {name}")
    return value.tolist() if isinstance(value, np.ndarray | Tensor) else list(value)


def features_of(trunk: nn.Sequential) -> int:
    """The size of h: the outputs of the trunk's last layer with weights, which must be linear."""
    layers_with_weights(trunk)
    last = next((layer for layer in reversed(trunk) if any(True for _ in layer.parameters())), None)
    if not isinstance(last, nn.Linear):
        raise ValueError("the trunk does not end in a linear layer: say how many features it returns, features=…")
    return last.out_features
