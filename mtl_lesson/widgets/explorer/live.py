"""Training one point of a Path again, now: how, with which seed, how far it is and how to stop it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import nn

from ... import data, nets, sharing
from ...data.world import World
from ...linear import closed_form
from ...sharing import Sharing
from ...training import Sweep
from ...training.loop import Settings
from ...training.runs import INTERRUPTED, train_copies
from ...training.sweeps import Plan

SETTINGS = ("epochs", "batch_size", "lr", "optimiser", "weight_decay", "precision")


class Stopped(Exception):
    """The learner pressed Stop; the message says how far it got."""


class Ticks:
    """Counts epochs, for a progress bar; ``stop()`` from another thread ends the training after the present epoch."""

    def __init__(self, epochs: int, tell: Callable[[int, float], None]):
        self.epochs, self.tell, self.done, self.stopping = epochs, tell, 0, False
        self.start = time.perf_counter()

    def update(self, _: int) -> None:
        self.done += 1
        if self.stopping and self.done < self.epochs:
            raise KeyboardInterrupt  # as Stop in a notebook would: train_copies takes it as that
        self.tell(self.done, (time.perf_counter() - self.start) / self.done * (self.epochs - self.done))

    def check(self) -> None:
        """Nothing ends before its epoch does."""

    def stop(self) -> None:
        self.stopping = True


class Live:
    """What a Path needs to train a point again: ``epochs``, the ``seconds`` it will take (None: not known), whether the
    point is ``solved`` rather than trained, and

    ``seed(seeds)``: a seed that is not among ``seeds``, or one that is where the world cannot be drawn anew;
    ``train(point, split, ticks)``: task → score on ``split``. ``point``: lam, the dials and the seed.
    """

    epochs: int = 1
    seconds: float | None = None
    solved = False

    def seed(self, seeds: Sequence[int]) -> int:
        return max(seeds) + 1

    def train(self, point: Mapping[str, object], split: str, ticks: Ticks) -> dict[str, float]:
        raise NotImplementedError


@dataclass(frozen=True)
class Train(Live):
    """A network: the ``way``, ``world`` and ``trunk`` that were given to ``sweep``, and its ``training`` settings.

    ``trunk`` may be written as ("conv", {"width": 8}), the name of one in ``mtl.nets`` and its arguments, which can be
    stored. ``seconds``: what one point has taken, to say so beforehand.
    """

    way: type[Sharing]
    world: World | Callable[..., World]
    trunk: nn.Sequential | Callable[..., nn.Sequential] | tuple[str, Mapping]
    training: Mapping[str, object] = field(default_factory=dict)
    seconds: float | None = None

    def __post_init__(self):
        if unknown := sorted(set(self.training) - set(SETTINGS)):
            raise TypeError(f"a point is not trained with {unknown[0]!r}; its settings are {', '.join(SETTINGS)}")
        Settings(**self.training)  # refuses what makes no sense

    @classmethod
    def of(cls, sweep: Sweep) -> Train | None:
        """As a Sweep was trained; None where it does not say how (one put together by hand)."""
        if sweep.plan is None or sweep.settings is None:
            return None
        kept = {name: getattr(sweep.settings, name) for name in SETTINGS}
        return cls(sweep.plan.way, sweep.plan.world, sweep.plan.trunk, kept)

    @classmethod
    def from_facts(cls, facts: Mapping) -> Train:
        """What :meth:`facts` wrote."""
        name, arguments = facts["trunk"]
        return cls(getattr(sharing, facts["way"]), getattr(data, facts["world"]), (name, arguments), facts["training"],
                   facts["seconds"])  # fmt: skip

    def facts(self) -> dict[str, object]:
        """The same in words, to store. Raises ValueError for a world or trunk that has no name in the course."""
        way, world = self.way.__name__, getattr(self.world, "__name__", "")
        if getattr(sharing, way, None) is not self.way or getattr(data, world, None) is not self.world:
            raise ValueError(f"only the course's own ways and worlds can be stored, not {way} on {world or self.world}")
        if not isinstance(self.trunk, tuple):
            raise ValueError("a stored trunk is written as its name and arguments, such as ('conv', {'width': 8})")
        trunk = [self.trunk[0], dict(self.trunk[1])]
        return {"way": way, "world": world, "trunk": trunk, "training": dict(self.training), "seconds": self.seconds}

    @property
    def epochs(self) -> int:
        return self.training.get("epochs", Settings.epochs)

    def train(self, point, split, ticks):
        trunk = self.trunk
        if isinstance(trunk, tuple):
            trunk = functools.partial(getattr(nets, trunk[0]), **trunk[1])
        seed, axes = point["seed"], {name: value for name, value in point.items() if name != "seed"}
        plan = Plan(self.way, self.world, trunk, axes, [seed])
        world = plan.draw(point)
        settings = replace(Settings(**self.training), validate=False)
        run = train_copies(plan.model(point, world), [world], [seed], [{}], ticks, settings, sizeable=True)[0]
        if run.stopped == INTERRUPTED:
            raise Stopped(f"stopped after epoch {ticks.done} of {ticks.epochs}; nothing was drawn")
        if run.stopped:
            raise ArithmeticError(f"training {run.stopped}; lower the learning rate")
        return run.evaluate(split)


@dataclass(frozen=True)
class Solve(Live):
    """Linear models, solved exactly: a point is a fresh draw of ``world``, a function of the dials and a seed."""

    world: Callable[..., World]
    seconds: float | None = None
    solved = True

    def train(self, point, split, ticks):
        point = dict(point)
        lam = point.pop("lam")
        world = self.world(**point)
        error = closed_form.errors(world, closed_form.solve(world, lam), split)
        ticks.update(1)
        return {task.name: float(value) for task, value in zip(world.tasks, error, strict=True)}
