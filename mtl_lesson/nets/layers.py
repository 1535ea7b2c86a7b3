"""Layers that hold the weights of many copies of a layer, and run all of its streams.

Activations of R rows are (R, examples, …): a row is a stream of a copy. Maps (R, examples, channels, height, width) lie
in memory as (examples, height, width, R·channels), so that convolution takes all rows as groups of one.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves, tree_map

from ..chance import Drawn, drawn, generator


class Stacked(nn.Module):
    """The weights of a layer for C copies × G groups: every parameter θ of the template, with shape (C, G, …).

    All groups of a copy start equal, drawn from (seed, layer name): tasks that start apart could not be compared by
    the distance of their weights, and ways of sharing could not be paired. What is frozen (``requires_grad=False``)
    keeps the template's own values, and with ``initial="template"`` everything starts from them.

    Running statistics and whatever else a layer remembers without a gradient (buffers) is kept for each task,
    (C, T, …): those of tasks with inputs of their own are their own, also where the weights are shared.

    ``owners``: the group that each task uses.
    """

    fans_out = False  # whether a row may feed several streams without being copied

    def __init__(
        self, template: nn.Module, name: str, owners: Sequence[int], seeds: Sequence[int], initial: str = "drawn"
    ):
        super().__init__()
        self.template = [template]  # in a list, so that it is not a submodule: its own weights are never trained
        self.name, self.seeds, self.owners = name, tuple(seeds), tuple(owners)
        self.copies, self.groups = len(self.seeds), max(self.owners) + 1
        own = dict(template.named_parameters())
        learns = initial == "drawn" and any(value.requires_grad for value in own.values())
        first = {seed: drawn(template, seed, name) if learns else template for seed in set(self.seeds)}
        weights = {seed: dict(layer.named_parameters()) for seed, layer in first.items()}
        memory = {seed: dict(layer.named_buffers()) for seed, layer in first.items()}
        self.attributes: dict[str, str] = {}  # the name of a weight or buffer in the template → its name here
        for key, value in own.items():
            values = [(weights[seed] if value.requires_grad else own)[key] for seed in self.seeds]
            theta = nn.Parameter(spread_out(values, self.groups), requires_grad=value.requires_grad)
            self.register_parameter(self.named(key), theta)
        self.keep_paddings()
        self.buffer_keys = tuple(memory[self.seeds[0]])
        for key in self.buffer_keys:
            values = [memory[seed][key] for seed in self.seeds]
            self.register_buffer(self.named(key), spread_out(values, len(self.owners)))
        if self.buffer_keys:  # whether tasks of one group have met inputs of their own
            self.register_buffer("apart", torch.tensor(False))

    def named(self, key: str) -> str:
        """The name that a weight of the template gets here, where a dot is not allowed and some names are taken."""
        name = key.replace(".", "/")
        self.attributes[key] = f"the layer's {name}" if hasattr(self, name) else name
        return self.attributes[key]

    def keep_paddings(self) -> None:
        """The vector of an embedding's padding never learns: torch sees to that, but of several networks side by side
        only in the first."""
        for path, part in self.template[0].named_modules():
            if isinstance(part, nn.Embedding | nn.EmbeddingBag) and part.padding_idx is not None:
                theta = getattr(self, self.attributes[f"{path}.weight".lstrip(".")])
                if theta.requires_grad:
                    row = torch.tensor([part.padding_idx])
                    theta.register_hook(lambda slope, row=row: slope.index_fill(2, row.to(slope.device), 0))

    def theta(self, key: str, owners: Sequence[int]) -> Tensor | None:
        """The parameter ``key`` as each of the streams uses it: (C, S, …)."""
        value = getattr(self, self.attributes[key]) if key in self.attributes else None
        if value is None or list(owners) == list(range(self.groups)):
            return value
        return value[:, list(owners)]

    @property
    def parameter_keys(self) -> tuple[str, ...]:
        return tuple(key for key in self.attributes if key not in self.buffer_keys)

    def values(self, group: int) -> dict[str, Tensor]:
        """The parameters of one group, each (C, …)."""
        return {key: getattr(self, self.attributes[key])[:, group] for key in self.parameter_keys}

    def of(self, copy_: int, task: int) -> dict[str, Tensor]:
        """What one task of one copy uses, weights and buffers, under the template's names."""
        found = {key: getattr(self, self.attributes[key])[copy_, self.owners[task]] for key in self.parameter_keys}
        return found | {key: getattr(self, self.attributes[key])[copy_, task] for key in self.buffer_keys}

    def plain(self, copy_: int, task: int) -> nn.Module:
        """The layer as one task of one copy uses it, an ordinary PyTorch layer with its own storage."""
        layer, values = copy.deepcopy(self.template[0]), self.of(copy_, task)
        for key, value in (*layer.named_parameters(), *layer.named_buffers()):
            value.data = values[key].detach().clone()
        return layer.train(self.training)

    def load_copy(self, other: Stacked, number: int) -> None:
        """Take what one copy of ``other`` has learnt; this holder has one copy."""
        for key in self.attributes.values():
            getattr(self, key).data = getattr(other, key)[number : number + 1].detach().clone()
        if self.buffer_keys:
            self.apart.copy_(other.apart)

    def slices(self, number: int) -> list[tuple[Tensor, object]]:
        """Where what one copy has learnt lies, weights and running statistics: (tensor, index)."""
        return [(getattr(self, key), number) for key in self.attributes.values()]

    def extra_repr(self) -> str:
        return f"{self.template[0]}, copies={self.copies}, groups={self.groups}"


class Conv2d(Stacked):
    """All streams in one grouped convolution: a row that feeds several streams is one group with more outputs."""

    @staticmethod
    def fits(layer: nn.Module) -> bool:
        return type(layer) is nn.Conv2d and layer.padding_mode == "zeros" and not hooked(layer)

    @property
    def fans_out(self) -> bool:
        return self.template[0].groups == 1

    def forward(self, x: Tensor, owners: Sequence[int], members: Sequence[Sequence[int]] = ()) -> Tensor:
        plain, weight, bias = self.template[0], self.theta("weight", owners), self.theta("bias", owners)
        expect(x.dim() == 5 and x.shape[2] == plain.in_channels, plain, x)
        y = F.conv2d(
            as_maps(x),
            weight.flatten(0, 2),
            None if bias is None else bias.flatten(),
            plain.stride,
            plain.padding,
            plain.dilation,
            groups=len(x) * plain.groups,
        )
        return as_rows(y, self.copies * len(owners))


class Linear(Stacked):
    """All streams in one batched product: a row that feeds several streams meets all their weights side by side."""

    fans_out = True

    @staticmethod
    def fits(layer: nn.Module) -> bool:
        return type(layer) is nn.Linear and not hooked(layer)

    def forward(self, x: Tensor, owners: Sequence[int], members: Sequence[Sequence[int]] = ()) -> Tensor:
        plain, weight, bias = self.template[0], self.theta("weight", owners), self.theta("bias", owners)
        expect(x.dim() >= 3 and x.shape[-1] == plain.in_features, plain, x)
        middle, x = x.shape[1:-1], x.flatten(1, -2)  # of a sequence or a map, each place is an example of its own
        weight = weight.reshape(len(x), -1, plain.in_features)
        # yᵀ = W xᵀ rather than y = x Wᵀ: so the gradient of W comes out in the order in which W lies in memory.
        y = (weight @ x.mT if bias is None else torch.baddbmm(bias.reshape(len(x), -1, 1), weight, x.mT)).mT
        if y.shape[-1] != plain.out_features:
            y = y.unflatten(-1, (-1, plain.out_features)).transpose(1, 2).flatten(0, 1)
        return y if len(middle) == 1 else y.unflatten(1, middle)


class General(Stacked):
    """Any other module: a call of the template with each stream's weights, all at once where PyTorch can (vmap), else
    one after another.

    One after another run layers that remember (buffers), that draw at random, or that PyTorch has no batched form of,
    such as GRU. What a layer draws (dropout, noise) depends on its copy's seed, its own name and how often it has been
    asked, whichever copies stand beside it; in evaluation mode it is the same at every call.
    """

    def __init__(self, template: nn.Module, *arguments: object, **more: object):
        super().__init__(template, *arguments, **more)
        # Copies, since a call puts weights into the module, and another thread may have a model of the same template.
        held = {id(value): value for value in (*template.parameters(), *template.buffers())}
        tasks = len(self.owners) if self.buffer_keys else 1
        shells = [[copy.deepcopy(template, dict(held)) for _ in range(tasks)] for _ in self.seeds]
        self.shells = Unregistered(shells)
        unknown = any(isinstance(part, UNBATCHED) for part in template.modules())
        possible = not self.buffer_keys and not unknown
        self.at_once = {True: possible, False: possible}  # in training and in evaluation
        self.calls = 0

    def forward(self, x: Tensor, owners: Sequence[int], members: Sequence[Sequence[int]]) -> Tensor:
        self.calls += self.training
        if self.at_once[self.training]:
            try:
                return self.batched(x, owners)
            except Exception:  # what vmap cannot do; an error of the layer's own comes again below, and says more
                y = self.one_by_one(x, owners, members)
                self.at_once[self.training] = False
                return y
        return self.one_by_one(x, owners, members)

    def batched(self, x: Tensor, owners: Sequence[int]) -> Tensor:
        """All rows in one call."""
        module = self.shells.of[0][0].train(self.training)
        theta = {key: self.theta(key, owners).flatten(0, 1) for key in self.parameter_keys}
        return torch.func.vmap(lambda θ, one: torch.func.functional_call(module, θ, (one,)))(theta, x)

    def one_by_one(self, x: Tensor, owners: Sequence[int], members: Sequence[Sequence[int]]) -> Tensor:
        call, y = self.calls if self.training else "evaluation", []
        device = tree_leaves(x)[0].device
        for number, seed in enumerate(self.seeds):
            with Drawn(generator(seed, self.name, "call", call, device=device)):
                for stream, tasks in enumerate(members):
                    row = number * len(members) + stream
                    y.append(self.answer(tree_map(lambda part, row=row: part[row], x), number, tasks))
        return tree_map(lambda *parts: torch.stack(parts), *y)

    def answer(self, x: Tensor, copy_: int, tasks: Sequence[int]) -> Tensor:
        """What the layer makes of a batch (examples, …) for tasks that share a stream, which remember the same."""
        shells = self.shells.of[copy_]
        module = shells[tasks[0] if len(shells) > 1 else 0].train(self.training)
        values = self.of(copy_, tasks[0])
        values |= {key: values[key].clone() for key in self.buffer_keys}  # what changes is written back
        try:
            y = torch.func.functional_call(module, values, (x,))
        except Exception as error:
            if "more than 1 value per channel" not in str(error):
                error.add_note(f"This was in layer {self.name!r} of the trunk, {self.template[0]}.")
                raise
            raise ValueError(
                f"layer {self.name!r} ({type(module).__name__}) takes statistics over a batch, and one "
                "example has none: take batch_size=2 or more"
            ) from None
        with torch.no_grad():
            for key in self.buffer_keys:
                for task in tasks:
                    getattr(self, self.attributes[key])[copy_, task] = values[key]
        return y


#: modules that PyTorch has no batched form of, or only one that loops and warns
UNBATCHED = (
    nn.RNNBase,
    nn.MultiheadAttention,
    nn.TransformerEncoderLayer,
    nn.TransformerDecoderLayer,
    nn.utils.parametrize.ParametrizationList,
)


class Unregistered:
    """Holds modules without making their weights those of the module that has it."""

    def __init__(self, of: list):
        self.of = of


class Flatten(nn.Module):
    """Maps (R, examples, channels, height, width) to vectors (R, examples, channels·height·width)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.flatten(2)


class EachMap(nn.Module):
    """Pooling, which treats every channel alike: that of all rows at once."""

    def __init__(self, pool: nn.Module):
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() != 5:
            return torch.stack([self.pool(row) for row in x])
        return as_rows(self.pool(as_maps(x)), len(x))


#: layers without weights that treat every number alike, and those that treat every channel of a map alike
NUMBERS = (nn.ReLU, nn.LeakyReLU, nn.ELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Identity)
CHANNELS = (nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


def hold(
    template: nn.Module, name: str, owners: Sequence[int], seeds: Sequence[int], initial: str = "drawn"
) -> nn.Module:
    """The fastest holder that a layer fits."""
    if not hooked(template):
        if type(template) in NUMBERS:
            return copy.deepcopy(template)
        if type(template) in CHANNELS and not getattr(template, "return_indices", False):
            return EachMap(copy.deepcopy(template))
        if type(template) is nn.Flatten and (template.start_dim, template.end_dim) == (1, -1):
            return Flatten()
    holder = next((kind for kind in (Conv2d, Linear) if kind.fits(template)), General)
    return holder(template, name, owners, seeds, initial)


def looks_at_one_example(layer: nn.Module) -> bool:
    """Whether a layer is known to treat each example of a batch by itself, and to draw nothing at random."""
    return isinstance(layer, Conv2d | Linear | Flatten | EachMap) or type(layer) in NUMBERS


def hooked(layer: nn.Module) -> bool:
    """Whether something is called before or after the layer, so that calling its operation would not be calling it."""
    return bool(layer._forward_hooks or layer._forward_pre_hooks or layer._backward_hooks or layer._backward_pre_hooks)


def spread_out(values: Sequence[Tensor], groups: int) -> Tensor:
    """One value a copy as (copies, groups, …), in storage of its own."""
    value = torch.stack([value.detach() for value in values])[:, None]
    return value.expand(-1, groups, *value.shape[2:]).clone()


def as_maps(x: Tensor) -> Tensor:
    """Rows (R, B, channels, height, width) as maps (B, R·channels, height, width), in the order convolution likes."""
    return x.transpose(0, 1).flatten(1, 2).contiguous(memory_format=torch.channels_last)


def as_rows(x: Tensor, rows: int) -> Tensor:
    """Maps (B, R·channels, height, width) as rows (R, B, channels, height, width), without moving anything."""
    return x.unflatten(1, (rows, -1)).transpose(0, 1)


def expect_tensor(h: object) -> None:
    """Refuse what a trunk returns if it is no tensor."""
    if not isinstance(h, Tensor):
        raise TypeError(
            f"the trunk returns a {type(h).__name__}, not a tensor: end it in a module that takes h out of it, such as "
            "the last of a GRU's outputs"
        )


def expect(fits: bool, layer: nn.Module, x: Tensor) -> None:
    """Refuse activations that do not fit a layer, in the words of the layer the learner wrote."""
    if not x.is_floating_point():
        raise TypeError(f"{layer} takes real numbers, not {x.dtype}; tokens go through an nn.Embedding first")
    if not fits:
        hint = "; is an nn.Flatten() missing?" if x.dim() == 5 and isinstance(layer, nn.Linear) else ""
        missing = isinstance(layer, nn.Conv2d) and x.dim() == 4
        hint = "; is the axis of channels missing? x[:, None]" if missing else hint
        raise ValueError(f"{layer} cannot take activations of shape {tuple(x.shape[1:])} (examples, …){hint}")
