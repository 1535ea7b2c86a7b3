"""What the lesion lab shows: how much each task's loss rises without each unit of h, and what several do together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ...chance import generator
from ...data.world import Split, World
from ...inspection.features import examples, features, is_untrained
from ...inspection.lesion import importance, lesion
from ...sharing import Sharing
from ...show.style import about
from ...tasks import Task
from ...training import Run
from ...words import unit
from .frames import bare, check_model, sample, split_of, two_tasks

GROUPS = 20  # random groups of units that a lesion is compared with
CERTAIN = 2.0  # a unit counts for a task if the loss rises by more than this many standard errors without it


@dataclass(frozen=True)
class Lesions:
    """The last layer of a model under its linear heads: d units, T tasks, n pictures.

    ``world``: with only the n pictures in ``split``. ``h``: task → (n, d). ``weights``: task → (outputs, d).
    ``z``: task → (n, outputs), the intact answers. ``rise``, ``error`` (T, d): of each task's loss without each unit.
    ``orders`` (20, d): random orders of the units; the first m of each are a random group of m. ``one_trunk``: whether
    all tasks look at the same h.
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
    def of(cls, model: Sharing | Run, world: World, *, tasks: Sequence[str] | None = None, layer: str | None = None,
           split: str = "validation", pictures: int | None = 1000, seed: int = 0) -> Lesions:  # fmt: skip
        """Compute what is shown; the arguments and errors are those of :func:`~.control.lesion_lab`."""
        model, pair = bare(model), two_tasks(world, tasks)
        check_model("the model", model, pair)
        if layer is not None and layer != model.trunk.names[-1]:
            raise ValueError(f"the lab answers at once at the last layer ({model.trunk.names[-1]!r}), under linear "
                             f"heads; for another run mtl.inspection.lesion(…, layer={layer!r})")  # fmt: skip
        held = split_of(world, split)
        chosen = sample(len(held), pictures, seed, "lesion lab")
        small = replace(world, **{split: Split(taken(held.x, chosen), taken(held.labels, chosen))})
        x, _ = examples(model, small, split)
        table, h = importance(model, small, split=split), features(model, x)
        h = {name: values.double() for name, values in h.items()}
        heads = {task.name: model.heads[model.head_of(task)].plain(0, 0).cpu().double() for task in model.tasks}
        with torch.no_grad():
            z = {name: head(h[name]) for name, head in heads.items()}
        rise, error = (table.pivot(index="task", columns="unit", values=name).loc[list(h)].to_numpy()
                       for name in ("rise", "error"))  # fmt: skip
        d = h[pair[0].name].shape[1]
        orders = [torch.randperm(d, generator=generator(seed, "lesion lab", number)) for number in range(GROUPS)]
        weights = {name: head.weight.detach() for name, head in heads.items()}
        return cls(model, small, split, pair, model.tasks, h, weights, z, rise, error, torch.stack(orders).numpy(),
                   is_untrained(model), len(held))  # fmt: skip

    @property
    def d(self) -> int:
        return self.rise.shape[1]

    @property
    def n(self) -> int:
        return len(self.h[self.tasks[0].name])

    @cached_property
    def one_trunk(self) -> bool:
        first = self.h[self.tasks[0].name]
        return all(h is first or torch.equal(h, first) for h in self.h.values())

    def number(self, name: str) -> int:
        """The place of a task; KeyError if there is none of that name."""
        names = [task.name for task in self.tasks]
        if name not in names:
            raise KeyError(f"there is no task {name!r}; there are {', '.join(names)}")
        return names.index(name)

    def kinds(self, first: str, second: str) -> dict[str, list[int]]:
        """The four quadrants: the units that count for the first task only, the second only, both, and neither."""
        one, other = (self.rise[t] > CERTAIN * self.error[t] for t in (self.number(first), self.number(second)))
        found = {f"{first} only": one & ~other, f"{second} only": other & ~one, "both": one & other,
                 "idle": ~one & ~other}  # fmt: skip
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
        z = self.z[name] - (h[:, units] - h[:, units].mean(0)) @ self.weights[name][:, units].T
        y = getattr(self.world, self.split).labels[name]
        y = y.double() if y.is_floating_point() else y
        return float(task.loss(z[None], y[None])), float(task.score(z[None], y[None]))

    def at_random(self, count: int) -> pd.DataFrame:
        """Each task without ``count`` units drawn at random, 20 times: mean, lowest and highest loss and score."""
        rows = []
        for task in self.tasks:
            found = np.array([self.algebra(task.name, order[:count]) for order in self.orders])
            rows.append({"task": task.name, "loss": found[:, 0].mean(), "loss_low": found[:, 0].min(),
                         "loss_high": found[:, 0].max(), "score": found[:, 1].mean(), "score_low": found[:, 1].min(),
                         "score_high": found[:, 1].max()})  # fmt: skip
        return pd.DataFrame(rows)

    def sentence(self, pair: Sequence[Task], units: Sequence[int]) -> str:
        """What is removed, and what that does to two tasks, in words."""
        table = self.without(units).set_index("task")
        chance = self.at_random(len(units)).set_index("task") if len(units) else None
        said = []
        for task in pair:
            now, name = table.loc[task.name], task.name
            loss, score = f"{name} loss {about(now.loss)}", f"{task.score_name} {about(now.score, unit(task))}"
            if chance is not None:
                loss += f" (intact {about(now.intact_loss)}, as many at random {about(chance.loss[name])})"
                score += f" (intact {about(now.intact_score, unit(task))})"
            said.append(f"{loss}, {score}")
        start = f"{len(units)} of {self.d} units removed" if len(units) else f"all {self.d} units in place"
        return f"{start}: {'; '.join(said)}"

    @property
    def notes(self) -> list[str]:
        held = f"{self.total:,} {self.split} pictures"
        told = [f"computed on a sample of {self.n:,} from {held}" if self.n < self.total else f"computed on all {held}"]
        if self.untrained:
            told.append("this model was never trained")
        told.append("a removed unit is set to its mean; it counts for a task if the loss rises by more than "
                    f"{CERTAIN:g} standard errors over pictures, of which a bar shows one")  # fmt: skip
        still = sum((h == h[:1]).all(0).int() for h in self.h.values()) == len(self.h)
        if still.any():
            told.append(f"≈ {int(still.sum())} units are the same for every picture: nothing is lost with them")
        if not self.one_trunk:
            told.append("the tasks have features of their own: one number stands for a unit in each trunk, and both go")
        return told


def taken(values: Tensor | Mapping[str, Tensor], rows: np.ndarray) -> Tensor | dict[str, Tensor]:
    """Some rows of a tensor, or of each of several."""
    rows = torch.as_tensor(rows)
    return {name: one[rows] for name, one in values.items()} if isinstance(values, Mapping) else values[rows]
