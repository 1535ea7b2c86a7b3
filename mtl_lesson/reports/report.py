"""``report``: from a world to one verdict, in the order in which a careful person would go."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
from torch import nn

from ..data.world import World
from ..inspection.audit import audit
from ..inspection.contest import Arm, Contest, Training, arms_of, as_grouped, contest, expected_seconds, ordinary_trunk
from ..inspection.findings import Finding, counted
from ..inspection.margin import MOST, NOT_KNOWN, SHOWN_NOT, Decision
from ..inspection.without_sharing import LINEAR
from ..tasks import Binary, Classification, Regression
from ..words import about
from .protocol import Protocol
from .review import review

STOPPED = "Stopped: nothing is kept; with folder=… the same line could go on."
LONG = 20 * 60  # seconds from which on it is said how to make a report shorter


@dataclass(frozen=True, repr=False)
class Report:
    """What came of a world: ``protocol``, ``findings`` (of the audit, then of the review), ``contest``, ``decision``.

    A notebook shows the verdict; ``save("report.html")`` writes the whole page, ``table`` is all scores.
    """

    world: World
    protocol: Protocol
    training: Training
    findings: tuple[Finding, ...]
    contest: Contest
    decision: Decision

    @property
    def verdict(self) -> str:
        """ "shown", "shown not" or "not known"."""
        return self.decision.verdict

    @property
    def table(self) -> pd.DataFrame:
        """Test merit, the mean over seeds: a row for each arm and floor, a column for each task and their mean."""
        names = [task.name for task in self.world.tasks]
        columns = {name: {arm: self.contest.of(arm, name).mean() for arm in self.contest.arms} for name in names}
        mean = {arm: self.contest.of(arm).mean() for arm in self.contest.arms}
        return pd.DataFrame(columns | {"mean of tasks": mean}).rename_axis("arm")

    def sentence(self) -> str:
        """The verdict in a sentence."""
        found = self.decision.claim
        worse = f" {self.protocol.way} does worse." * (self.verdict == SHOWN_NOT and found.high < 0)
        return f"{self.verdict[0].upper()}{self.verdict[1:]}: {self.protocol.claim} ({found.numbers}).{worse}"

    def more(self) -> str:
        """What would decide where the verdict is "not known"; empty elsewhere."""
        return what_would_decide(self.decision, self.contest.unit) if self.verdict == NOT_KNOWN else ""

    def serious(self) -> list[Finding]:
        """The findings that stand between the verdict and its reader."""
        return [finding for finding in self.findings if finding.weight == "serious"]

    @cached_property
    def html(self) -> str:
        """The page: one file with its pictures, to be read, sent or printed."""
        from .page import page

        return page(self)

    def save(self, path: str | os.PathLike) -> None:
        """Write the page. OSError, in words, where it cannot be; a page that was there then stays as it was."""
        from .page import write

        write(self.html, path)

    def __repr__(self) -> str:
        warned = "".join(f"\nSerious: {one.text.rstrip('.')}." for one in self.serious())
        return f"{self.sentence()}{' ' + self.more() if self.more() else ''}{warned}"

    def _repr_html_(self) -> str:
        from .page import summary

        return summary(self)


def report(
    world: World,
    margin: float = 0.02,
    *,
    way: str = "Hard",
    against: str = "Separate",
    task: str | None = None,
    seeds: int = 8,
    trunk: nn.Module | None = None,
    arms: Mapping[str, Arm] | None = None,
    epochs: int = 30,
    folder: str | os.PathLike | None = None,
    quiet: bool = False,
) -> Report:
    """Is sharing worth it here? ``report(mtl.data.table("pupils.csv", tasks={…}), margin=0.02).save("report.html")``.

    The protocol is printed first: one primary claim, that ``way`` gains at least ``margin`` (a share: 0.02 is two
    points) over ``against``, on ``task`` or on the mean over tasks. Then an audit of the world; the floors (one answer
    for all, a linear model of each task alone); Separate, Hard, Soft, Hierarchical, and Pooled where it can be, three
    trials each, epochs chosen on validation (:mod:`mtl_lesson.inspection.contest`); and the verdict, *shown*, *shown
    not* or *not known* with about how many more seeds or test units would decide. The interval runs over the test's
    units and the seeds; with a table, each seed draws training and validation rows anew.

    ``trunk``: an ordinary small one unless given; ``arms`` likewise. It says how long it will take. Stop ends it at any
    time; with a ``folder`` the same line then goes on where it was. ``quiet``: prints nothing, shows no bar.

    Raises TypeError or ValueError, in words and before anything is trained, for what cannot be compared.
    """
    if not isinstance(world, World):
        raise TypeError(f"report takes a World, such as mtl.data.table(…) makes, not {type(world).__name__}")
    if len(world.tasks) < 2:
        raise ValueError(f"{world.tasks[0].name!r} is one task, and has none to share with; give two or more")
    unit = as_grouped(world).group
    protocol = Protocol(way, against, margin, task, unit, seeds)
    trunk = trunk if trunk is not None else ordinary_trunk(world)
    arms = dict(arms or arms_of(world, trunk))
    check(protocol, world, arms)
    training = Training(tuple(protocol.numbers), epochs, folder=folder)
    findings = audit(world)
    if not quiet:
        print("\n".join(f"{one}." for one in protocol.sentences()))
        serious = [one.text for one in findings if one.weight == "serious"]
        print("\n".join(["The audit:", *serious] if serious else ["The audit found nothing serious."]))
        if look := sum(one.weight == "worth a look" for one in findings):
            print(f"Worth a look: {counted(look, 'finding')} more; they are on the page, and in report.findings.")
        print(announced(expected_seconds(world, trunk, training, arms), folder))
    try:
        found = contest(world, trunk, training, arms, progress=not quiet)
    except KeyboardInterrupt:
        if not quiet:
            print(f"Stopped: the same line goes on from what is kept in {folder}." if folder else STOPPED)
        raise
    decided = found.decide(way, against, margin, protocol.claim, task)
    findings += review(found, protocol, world, training, arms)
    return Report(world, protocol, training, tuple(findings), found, decided)


def check(protocol: Protocol, world: World, arms: Mapping[str, Arm]) -> None:
    """Refuse a claim about what does not compete, and a test without the three units that an interval needs."""
    there = [*arms, "linear", "majority"]
    for name in (protocol.way, protocol.against):
        if name not in there:
            raise ValueError(f"there is no way {name!r} here; there are {', '.join(there)}")
    if protocol.task is not None:
        world.task(protocol.task)
    for one in world.tasks if protocol.task is None else [world.task(protocol.task)]:
        labelled = one.labelled(world.test.labels[one.name]).reshape(len(world.test), -1).any(1)
        units = as_grouped(world).groups["test"][labelled].unique().numel()
        if units < 3:
            raise ValueError(
                f"the test has {units} {protocol.unit}s with a label of {one.name!r}; it needs 3, better 30"
            )
    floors = {protocol.way, protocol.against} & {LINEAR}
    if floors and not all(isinstance(one, Binary | Classification | Regression) for one in world.tasks):
        raise ValueError("some tasks have no linear model to compare with: take another way")


def announced(seconds: float, folder: str | os.PathLike | None = None) -> str:
    """How long it will take, in words; less where the ``folder`` keeps a part of it."""
    said = (
        f"This takes ≈ {max(5, round(seconds, -1)):.0f} s" if seconds < 90 else f"This takes ≈ {seconds / 60:.0f} min"
    )
    if folder is not None and any(Path(folder).glob("*.pt")):
        said += f", less what {folder} keeps of it"
    if seconds > LONG:
        return f"{said}. Fewer rows, mtl.data.table(…, n_train=5000), or seeds make it shorter; folder= lets it go on."
    return f"{said}."


def what_would_decide(decision: Decision, unit: str) -> str:
    """In words: about how many more seeds, or units of the test."""
    ways = [f"{counted(decision.seeds, 'more seed')}"] if decision.seeds else []
    ways += [f"{counted(decision.units, f'more {unit}')} in the test"] if decision.units else []
    if not ways:
        half = 100 * (decision.claim.high - decision.claim.low) / 2
        return (
            f"Neither more seeds alone nor more {unit}s alone, up to {MOST} times as many, would make an interval of "
            f"± {about(half).removeprefix('≈ ')} points short enough."
        )
    return (
        f"A fresh comparison with about {' or '.join(ways)} would have an even chance to decide, if the true "
        "difference is the one found here; added to these results it would be a second look."
    )
