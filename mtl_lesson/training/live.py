"""Training one point of a path along λ again, now: how, with which seed, how far it is and how to stop it."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from torch import nn

from .. import nets
from ..data.world import World
from ..sharing import Sharing
from .loop import Settings
from .runs import INTERRUPTED, train_copies
from .sweeps import Plan, Sweep

SETTINGS = ("epochs", "batch_size", "lr", "optimiser", "weight_decay", "precision")


class Stopped(Exception):
    """The learner pressed Stop; the message says how far it got."""


class Countdown:
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


@dataclass(frozen=True)
class Train:
    """How a point is trained: the ``way``, ``world`` and ``trunk`` given to ``sweep``, and the ``training`` settings.

    ``trunk`` may be written as ("conv", {"width": 8}), the name of one in ``mtl.nets`` and its arguments, which can be
    stored (:func:`mtl_lesson.bank.load_path`). ``seconds``: what one point has taken, to say so beforehand; None where
    that is not known.
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

    @property
    def epochs(self) -> int:
        return self.training.get("epochs", Settings.epochs)

    def seed(self, seeds: Sequence[int]) -> int:
        """A seed that is not among ``seeds``."""
        return max(seeds) + 1

    def train(self, point: Mapping[str, object], split: str, ticks: Countdown) -> dict[str, float]:
        """Task → score on ``split``. ``point``: lam, the dials and the seed.

        Raises :class:`Stopped` where ``ticks`` were told to stop, ArithmeticError where the training diverged.
        """
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
