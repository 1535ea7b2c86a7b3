"""Lesions at the last layer, where they are exact algebra: every unit alone, any group, and as many at random."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..chance import generator
from ..data.world import Split, World
from ..sharing import Sharing
from ..tasks import Task
from ..training import Run
from .features import examples, features, is_untrained, split_of
from .frames import bare, check_model, sample, two_tasks
from .lesion import lesion, means, rise_of_each, weights_of_head

GROUPS = 20  # random groups of units that a lesion is compared with
CERTAIN = 2.0  # a unit counts for a task if the loss rises by more than this many standard errors without it


@dataclass(frozen=True)
class Lesions:
    """The last layer of a model under its linear heads: d units, T tasks, n pictures.

    ``world``: with only the n pictures in ``split``, of ``total``. ``pair``: the two of ``tasks`` to compare first.
    ``h``: task → (n, d). ``weights``: task → (outputs, d). ``z``: task → (n, outputs), the intact answers. ``rise``,
    ``error`` (T, d): of each task's loss without each unit. ``orders`` (20, d): random orders of the units; the first m
    of each are a random group of m.
    """

    model: Sharing = field(repr=False)
    world: World = field(repr=False)
    split: str
    pair: tuple[Task, Task]
    tasks: tuple[Task, ...]
    h: Mapping[str, Tensor] = field(repr=False)
    weights: Mapping[str, Tensor] = field(repr=False)
    z: Mapping[str, Tensor] = field(repr=False)
    rise: np.ndarray = field(repr=False)
    error: np.ndarray = field(repr=False)
    orders: np.ndarray = field(repr=False)
    untrained: bool
    total: int

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        model: Sharing | Run,
        world: World,
        *,
        tasks: Sequence[str] | None = None,
        layer: str | None = None,
        split: str = "validation",
        pictures: int | None = 1000,
        seed: int = 0,
    ) -> Lesions:
        """Compute what is shown; the arguments and errors are those of :func:`~mtl_lesson.widgets.lesion_lab`."""
        model, pair = bare(model), two_tasks(world, tasks)
        check_model("the model", model, pair)
        if layer is not None and layer != model.trunk.names[-1]:
            raise ValueError(
                f"the lab answers at once at the last layer ({model.trunk.names[-1]!r}), under linear "
                f"heads; for another run mtl.inspection.lesion(…, layer={layer!r})"
            )
        held = split_of(world, split)
        chosen = sample(len(held), pictures, seed, "lesion lab")
        small = replace(world, **{split: Split(taken(held.x, chosen), taken(held.labels, chosen))})
        x, labels = examples(model, small, split)
        h = features(model, x)
        rises = [rise_of_each(model, task, h[task.name], labels[task.name]) for task in model.tasks]
        h = {name: values.double() for name, values in h.items()}
        heads = {task.name: weights_of_head(model, task) for task in model.tasks}
        d = h[pair[0].name].shape[1]
        orders = [torch.randperm(d, generator=generator(seed, "lesion lab", number)) for number in range(GROUPS)]
        return cls(
            model=model,
            world=small,
            split=split,
            pair=pair,
            tasks=model.tasks,
            h=h,
            weights={name: W for name, (W, _) in heads.items()},
            z={name: h[name] @ W.T + b for name, (W, b) in heads.items()},
            rise=np.stack([rise for rise, _ in rises]),
            error=np.stack([error for _, error in rises]),
            orders=torch.stack(orders).numpy(),
            untrained=is_untrained(model),
            total=len(held),
        )

    @property
    def d(self) -> int:
        return self.rise.shape[1]

    @property
    def n(self) -> int:
        return len(self.h[self.tasks[0].name])

    @cached_property
    def one_trunk(self) -> bool:
        """Whether all tasks look at the same h."""
        first = self.h[self.tasks[0].name]
        return all(h is first or torch.equal(h, first) for h in self.h.values())

    @cached_property
    def still(self) -> int:
        """How many units are the same for every picture, in every task's h."""
        return int(torch.stack([(h == h[:1]).all(0) for h in self.h.values()]).all(0).sum())

    def number(self, name: str) -> int:
        """The place of a task; KeyError if there is none of that name."""
        names = [task.name for task in self.tasks]
        if name not in names:
            raise KeyError(f"there is no task {name!r}; there are {', '.join(names)}")
        return names.index(name)

    @cached_property
    def counts(self) -> np.ndarray:
        """Whether each unit counts for each task, (T, d)."""
        return self.rise > CERTAIN * self.error

    def kinds(self, first: str, second: str) -> dict[str, list[int]]:
        """The four quadrants: the units that count for the first task only, the second only, both, and neither."""
        one, other = self.counts[self.number(first)], self.counts[self.number(second)]
        found = {
            f"{first} only": one & ~other,
            f"{second} only": other & ~one,
            "both": one & other,
            "idle": ~one & ~other,
        }
        return {name: np.flatnonzero(units).tolist() for name, units in found.items()}

    def most_important(self, name: str, count: int = 10) -> list[int]:
        """The ``count`` units whose absence raises the task's loss most, the first of them most."""
        return np.argsort(-self.rise[self.number(name)], kind="stable")[:count].tolist()

    def without(self, units: Sequence[int]) -> pd.DataFrame:
        """Each task's loss and score without ``units``, and intact: see :func:`~mtl_lesson.inspection.lesion`."""
        table = lesion(self.model, self.world, list(units) or [0], split=self.split)
        if not len(units):  # of which a lesion would say that there is nothing to remove
            table = table.assign(loss=table.intact_loss, score=table.intact_score)
        return table

    def algebra(self, name: str, units: Sequence[int]) -> tuple[float, float]:
        """The same for one task from h alone: z' = z − Σ_u (h_u − μ_u) w_u."""
        task, h, units = self.tasks[self.number(name)], self.h[name], list(units)
        z = self.z[name] - (h - means(h))[:, units] @ self.weights[name][:, units].T
        y = getattr(self.world, self.split).labels[name]
        y = y.double() if y.is_floating_point() else y
        return float(task.loss(z[None], y[None])), float(task.score(z[None], y[None]))

    def at_random(self, count: int) -> pd.DataFrame:
        """Each task without ``count`` units drawn at random, 20 times: mean, lowest and highest loss and score."""
        rows = []
        for task in self.tasks:
            found = np.array([self.algebra(task.name, order[:count]) for order in self.orders])
            rows.append(
                {
                    "task": task.name,
                    "loss": found[:, 0].mean(),
                    "loss_low": found[:, 0].min(),
                    "loss_high": found[:, 0].max(),
                    "score": found[:, 1].mean(),
                    "score_low": found[:, 1].min(),
                    "score_high": found[:, 1].max(),
                }
            )
        return pd.DataFrame(rows)


def taken(values: Tensor | Mapping[str, Tensor], rows: np.ndarray) -> Tensor | dict[str, Tensor]:
    """Some rows of a tensor, or of each of several."""
    rows = torch.as_tensor(rows)
    return {name: one[rows] for name, one in values.items()} if isinstance(values, Mapping) else values[rows]
