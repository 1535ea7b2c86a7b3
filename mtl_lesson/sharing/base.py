"""What every way of sharing has in common: h_t = f(x; θ_t) from a trunk, an output layer a task, and a plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from math import prod

import numpy as np
import torch
from torch import Tensor, nn

from ..data.world import World
from ..nets import Linear, Streams, features_of, hold, layers_of, layers_with_weights, materialize, shapes_of
from ..nets.layers import Stacked, as_maps, as_rows
from ..nets.streams import Between
from ..tasks import Task, check_tasks, find_task

Inputs = Tensor | Mapping[str, Tensor]


class Sharing(nn.Module):
    """A model of several tasks. A way of sharing is a subclass that says who owns what (:meth:`owners`).

    ``tasks``: the questions, or a World, from which the sizes of layers and features are read too. ``trunk``: an
    ``nn.Sequential``, or any module, used as a template and never changed. ``features``: the size of what the trunk
    returns, read off its last linear layer or found with the World unless given. ``seeds``: one for each copy held.
    ``heads``: task → the layer of the trunk that it answers from, where that is not the last (Søgaard & Goldberg 2016).
    ``stems``: task → a small module in front of the trunk, for inputs that differ in shape or kind. ``initial``:
    "drawn" from the seeds, or "template", to start from the trunk's own weights; what is frozen there stays so.

    Drawn weights depend on a copy's seed and on the name of the layer or task alone, so two ways of sharing with the
    same seed start from the same trunk, and a task starts from the same head whichever tasks stand beside it.
    """

    #: arguments of the constructor, beside tasks, trunk, features and seeds, that another copy of the model needs
    options: tuple[str, ...] = ()
    #: those of them that may differ between copies: a list has one for each
    per_copy: tuple[str, ...] = ()
    #: whether the sizes of its own layers depend on the data, so that a sweep makes it of the World, not of its tasks
    needs_world: bool = False
    #: what the streams of the tasks see of each other after a layer, where they do: a method (layer name, (C, T, …))
    between: Between | None = None

    def __init__(
        self,
        tasks: Sequence[Task] | World,
        trunk: nn.Module,
        *,
        features: int | None = None,
        seeds: Sequence[int] = (0,),
        heads: Mapping[str, str] | None = None,
        stems: Mapping[str, nn.Module] | None = None,
        initial: str = "drawn",
    ):
        super().__init__()
        self.tasks, self.seeds = check_tasks(tasks), tuple(seeds) if isinstance(seeds, Iterable) else (seeds,)
        if not self.seeds:
            raise ValueError("a model needs at least one seed")
        if initial not in ("drawn", "template"):
            raise ValueError(f"initial weights are 'drawn' or those of the 'template', not {initial!r}")
        self.initial, self.heads_at, self.stem_templates = initial, dict(heads or {}), dict(stems or {})
        for name in (*self.heads_at, *self.stem_templates):
            find_task(self.tasks, name)
        trunk = self.measure(trunk, tasks if isinstance(tasks, World) else None, features)
        self.template = [trunk]  # in a list, so that its weights are not taken for the model's
        plan = {name: self.owners(depth) for depth, name in enumerate(layers_with_weights(trunk))}
        self.trunk = Streams(trunk, plan, self.seeds, initial=initial)
        self.stems = nn.ModuleDict()
        for name, stem in self.stem_templates.items():
            plan = dict.fromkeys(layers_with_weights(stem), (0,))
            self.stems[key_of(name)] = Streams(stem, plan, self.seeds, f"stem/{name}/", initial)
        self.heads = nn.ModuleDict()
        for task in self.tasks:
            name = self.head_of(task)
            if name not in self.heads:
                template = task.head(self.head_inputs(task))
                self.heads[name] = hold(template, f"head/{self.head_drawn_as(task)}", (0,), self.seeds)

    def measure(self, trunk: nn.Module, world: World | None, features: int | tuple[int, ...] | None) -> nn.Module:
        """Find the shape of h, and of the layers that heads stand at; returns the trunk, its lazy layers measured."""
        layers = layers_of(trunk)
        for layer in self.heads_at.values():
            if layer not in layers:
                raise KeyError(f"the trunk has no layer {layer!r} to answer from; it has {', '.join(layers)}")
        if isinstance(features, Mapping):  # of another copy of this model: every shape, measured
            self.shapes = dict(features)
            return trunk
        if world is None and self.heads_at:
            raise ValueError("the size of a head at a layer depends on the data: give the World in place of the tasks")
        if world is None:
            shape = features_of(trunk) if features is None else features
            self.shapes = {None: shape if isinstance(shape, tuple) else (shape,)}
            return trunk
        for name in self.stem_templates:
            self.stem_templates[name] = materialize(self.stem_templates[name], input_of(world, name))
        example = self.example(world)
        trunk = materialize(trunk, example)
        self.shapes = shapes_of(trunk, example)
        if features is not None:
            self.shapes[None] = features if isinstance(features, tuple) else (features,)
        return trunk

    @torch.no_grad()
    def example(self, world: World) -> Tensor:
        """Two examples as the trunk takes them: the first task's, through its stem."""
        name = self.tasks[0].name
        stem = self.stem_templates.get(name)
        return input_of(world, name) if stem is None else after(stem, input_of(world, name))

    # --- what a subclass says ---------------------------------------------------------------------------------------

    def owners(self, depth: int) -> list[int]:
        """For each task the group of weights it uses in the trunk's layer ``depth`` (0 is the first with weights)."""
        raise NotImplementedError

    def head_inputs(self, task: Task) -> tuple[int, ...]:
        """The shape of h_t, which the head takes: (features,), or that of maps."""
        return self.shapes[self.heads_at.get(task.name)]

    def head_of(self, task: Task) -> str:
        """The name of the output layer that answers ``task``."""
        return key_of(task.name)

    def head_drawn_as(self, task: Task) -> str:
        """What a head's initial weights depend on, beside the seed. Heads of one name would start equal."""
        return self.head_of(task)

    # What is minimised is Σ_t L_t + R. R has up to two parts: the penalty of the weights, which is known without a look
    # at a picture, and that of the features h. A part may be left to the gradient, with the losses (regulariser), or be
    # solved exactly after each step of the optimiser (pull).

    def penalty(self) -> Tensor:
        """The part of R that depends on the weights alone, one number a copy (C,)."""
        return torch.zeros(self.copies, device=next(self.parameters()).device)

    def regulariser(self, h: Mapping[str, Tensor]) -> Tensor:
        """What of R is left to the gradient, (C,); ``h``: task → (C, examples, features) of the batch."""
        return next(iter(h.values())).new_zeros(self.copies)

    def adds_up_over_examples(self) -> bool:
        """Whether :meth:`regulariser` on a batch is the sum of it on the batch's parts; where there is none it is."""
        return type(self).regulariser is Sharing.regulariser

    def pull(self, optimiser: torch.optim.Optimizer) -> None:
        """Solve what of R is not left to the gradient, after each step of the optimiser. Nothing without a penalty."""

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

    @property
    def features_size(self) -> int:
        """How many numbers h has."""
        return prod(self.shapes[None])

    def forward(self, x: Inputs) -> dict[str, Tensor]:
        """The answers: task name → (examples, outputs); where there are several copies, their axis comes first."""
        return self.unwrap(self.outputs(*self.enter(x)))

    def features(self, x: Inputs, layer: str | None = None) -> dict[str, Tensor]:
        """h_t = f(x; θ): task name → (examples, features), or what the trunk's ``layer`` returns."""
        if layer is not None and layer not in self.trunk.names:
            raise KeyError(f"the trunk has no layer {layer!r}; it has {', '.join(self.trunk.names)}")
        return self.unwrap(self.activations(*self.enter(x), upto=layer))

    def unwrap(self, values: dict[str, Tensor]) -> dict[str, Tensor]:
        return {name: value[0] for name, value in values.items()} if self.copies == 1 else values

    def enter(self, x: Inputs) -> tuple[Inputs, int, tuple[int, ...]]:
        """An ordinary batch as the network takes it: (activations, number of datasets, stream of each task)."""
        shared = not isinstance(x, Mapping)
        if not shared and set(x) != {task.name for task in self.tasks}:
            raise KeyError(f"x has inputs for {sorted(x)}; the tasks are {[task.name for task in self.tasks]}")
        names = [None] if shared else [task.name for task in self.tasks]
        weights, parts = next(self.parameters()), {}
        for name in names:
            part = x if shared else x[name]
            if not isinstance(part, Tensor) or part.dim() < 2 or part.dtype in (torch.uint8, torch.bool):
                got = f"{part.dtype} {tuple(part.shape)}" if isinstance(part, Tensor) else type(part).__name__
                raise TypeError(f"expected a batch of inputs (n, …), floats or tokens (torch.long), got {got}")
            parts[name] = (part.to(weights) if part.is_floating_point() else part.to(weights.device))[None]
        return (*laid_out(parts), (0,) * len(self.tasks) if shared else tuple(range(len(self.tasks))))

    def activations(self, x: Inputs, inputs: int, streams: Sequence[int], upto: str | None = None) -> dict[str, Tensor]:
        """For each task its activations, (C, examples, …): h_t, or those of the layer ``upto``."""
        x, inputs, streams = self.through_stems(x, inputs, streams)
        kept = dict.fromkeys(self.heads_at.values()) if upto is None else {}
        h = self.by_task(*self.trunk(x, inputs, streams, upto, self.between, kept))
        if upto is None:
            h |= {task: self.by_task(*kept[layer])[task] for task, layer in self.heads_at.items()}
        return h

    def through_stems(self, x: Inputs, inputs: int, streams: Sequence[int]) -> tuple[Tensor, int, Sequence[int]]:
        """Each task's inputs through its stem, side by side as the trunk takes them."""
        if not self.stem_templates:
            if isinstance(x, Mapping):
                shapes = ", ".join(f"{name}: {tuple(part.shape[2:])}" for name, part in x.items())
                raise ValueError(
                    f"the tasks' inputs differ in shape or kind ({shapes}): give each a module that makes "
                    "them alike, stems={task: module}"
                )
            return x, inputs, streams
        rows = {}
        for task, stream in zip(self.tasks, streams, strict=True):
            own = x[task.name] if isinstance(x, Mapping) else x.unflatten(0, (inputs, -1))[:, stream]
            stem = self.stems[key_of(task.name)] if task.name in self.stem_templates else None
            repeated = own.repeat_interleave(self.copies // inputs, 0)
            rows[task.name] = repeated if stem is None else stem(own, inputs, (0,))[0]
        if all(
            row.is_floating_point() for row in rows.values()
        ):  # an embedding multiplies nothing in a faster precision
            finest = reduce(torch.promote_types, (row.dtype for row in rows.values()))
            rows = {name: row.to(finest) for name, row in rows.items()}
        y, _ = laid_out(rows)
        if isinstance(y, Mapping):
            shapes = ", ".join(f"{name}: {tuple(part.shape[2:])}" for name, part in y.items())
            raise ValueError(f"behind their stems the tasks' inputs must have one shape, and have several ({shapes})")
        return y, self.copies, tuple(range(len(self.tasks)))

    def by_task(self, h: Tensor, streams: Sequence[int]) -> dict[str, Tensor]:
        """What a trunk returned (activations, for each task its stream) as task → (C, examples, …)."""
        h = h.unflatten(0, (self.copies, -1))
        return {task.name: h[:, stream] for task, stream in zip(self.tasks, streams, strict=True)}

    def outputs(self, x: Inputs, inputs: int, streams: Sequence[int]) -> dict[str, Tensor]:
        """For each task its outputs, (C, examples, outputs)."""
        return self.answer(self.activations(x, inputs, streams))

    def answer(self, h: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """ŷ_t = g_t(h_t): task → (C, examples, features) to task → (C, examples, outputs)."""
        return {task.name: self.answer_one(task, h[task.name]) for task in self.tasks}

    def answer_one(self, task: Task, h: Tensor) -> Tensor:
        """ŷ_t for the features h of one task, (C, examples, …)."""
        head = self.heads[self.head_of(task)]
        return head(h.flatten(2) if self.flattens(task) else h, (0,), ((0,),))

    def flattens(self, task: Task) -> bool:
        """Whether the head of ``task`` takes all numbers of h_t in a row."""
        return isinstance(self.heads[self.head_of(task)], Linear) and len(self.head_inputs(task)) > 1

    # --- looking at the weights -------------------------------------------------------------------------------------

    def parameters_by_user(self) -> dict[tuple[str, ...], dict[str, Tensor]]:
        """Who uses what: (task names) → {parameter name: its values (C, …)}, every weight of the model once; under ()
        those above the layer that their task answers from."""
        found: dict[tuple[str, ...], dict[str, Tensor]] = {}
        for prefix, trunk in self.trunks().items():
            for name, owners in trunk.plan.items():
                for group in range(max(owners) + 1):
                    users = self.users(name, owners, group)
                    number = f"[{group}]" if max(owners) else ""
                    for key, value in trunk[name].values(group).items():
                        found.setdefault(users, {})[f"{prefix}{name}.{key}{number}"] = value
        for name, head in self.heads.items():
            users = tuple(task.name for task in self.tasks if self.head_of(task) == name)
            for key, value in head.values(0).items():
                found.setdefault(users, {})[f"heads.{name}.{key}"] = value
        for name in self.stem_templates:
            stem = self.stems[key_of(name)]
            for layer in stem.plan:
                for key, value in stem[layer].values(0).items():
                    found.setdefault((name,), {})[f"stems.{name}.{layer}.{key}"] = value
        return found

    def users(self, layer: str, owners: Sequence[int], group: int) -> tuple[str, ...]:
        """The tasks that use a group of weights of the trunk's ``layer``: its owners, less those that answer below."""
        below = {
            task for task, at in self.heads_at.items() if self.trunk.names.index(at) < self.trunk.names.index(layer)
        }
        names = (task.name for task, owner in zip(self.tasks, owners, strict=True) if owner == group)
        return tuple(name for name in names if name not in below)

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
                away, mean = around_mean(θ)
                apart = apart + away.square().sum(2)
                size = size + mean.square().sum(2)
        return (apart / size).nan_to_num().sqrt()

    def size(self) -> int:
        """The number of weights of one copy."""
        return sum(parameter.numel() for parameter in self.parameters()) // self.copies

    def plain(self, task: str, copy: int = 0) -> nn.Sequential:
        """The network of one task in ordinary PyTorch layers: its stem, the trunk's, ``head``. Its weights are a copy.

        Raises TypeError for a way of sharing in which the tasks' networks see one another, and none stands alone.
        """
        t = self.tasks.index(asked := find_task(self.tasks, task))
        if self.between is not None:
            raise TypeError(f"in {type(self).__name__} the tasks' networks see one another: none is one task's alone")
        network, trunk = nn.Sequential(), self.trunk.plain(t, copy)
        if task in self.stem_templates:
            network.add_module("stem", self.stems[key_of(task)].plain(0, copy))
        for name, layer in trunk._modules.items():
            network._modules[name] = layer
            if name == self.heads_at.get(task):
                break
        if self.flattens(asked):
            network.add_module("all numbers in a row", nn.Flatten())
        network.add_module("head", self.heads[self.head_of(asked)].plain(copy, 0))
        return network

    # --- copies -----------------------------------------------------------------------------------------------------

    def like(self, seeds: Sequence[int], **changes: object) -> Sharing:
        """The same model with fresh weights, a copy a seed; ``changes`` replace arguments of the constructor."""
        arguments = {name: getattr(self, name) for name in self.options}
        arguments |= {"features": self.shapes, "seeds": tuple(seeds)}
        more = {"heads": self.heads_at, "stems": self.stem_templates}
        arguments |= {name: value for name, value in more.items() if value} | changes
        if self.initial != "drawn":
            arguments["initial"] = self.initial
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
        layers = [layer for trunk in (*self.stems.values(), *self.trunks().values()) for layer in trunk.layers]
        return list(dict.fromkeys(layer for layer in (*layers, *self.heads.values()) if isinstance(layer, Stacked)))

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


def around_mean(θ: Tensor) -> tuple[Tensor, Tensor]:
    """θ_t − θ̄ and θ̄ for θ (C, T, …), the tasks on axis 1; the first is exactly 0 where all are equal."""
    first = θ[:, :1]
    mean = (θ - first).mean(1, keepdim=True)
    return θ - first - mean, first + mean


def laid_out(parts: Mapping[str | None, Tensor]) -> tuple[Inputs, int]:
    """Inputs (N, examples, …) of each stream, side by side as rows (N·streams, examples, …), and N; where they differ
    in shape or kind they stay apart."""
    values = list(parts.values())
    inputs = len(values[0])
    if len({(part.shape, part.dtype) for part in values}) > 1:
        return dict(parts), inputs
    x = torch.stack(values, 1).flatten(0, 1) if len(values) > 1 else values[0]
    return (as_rows(as_maps(x), len(x)) if x.dim() == 5 else x), inputs


def input_of(world: World, task: str) -> Tensor:
    """Two examples of a task's inputs."""
    inputs = world.train.inputs
    return inputs.get(task, next(iter(inputs.values())))[:2]


def after(module: nn.Module, x: Tensor) -> Tensor:
    """What a module makes of an example, as it is when nothing is trained."""
    training = module.training
    y = module.eval()(x)
    module.train(training)
    return y
