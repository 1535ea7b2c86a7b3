"""What a good reviewer would say of a finished comparison: each a :class:`Finding`, with its line of reasoning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..data.grouped import Grouped
from ..data.world import World
from ..inspection.contest import Arm, Contest, Training
from ..inspection.findings import FINE, SERIOUS, WORTH_A_LOOK, Finding
from ..inspection.without_sharing import LINEAR, MAJORITY
from .protocol import Protocol

FEW_SEEDS = 5
FEW_UNITS = 30


def review(
    contest: Contest, protocol: Protocol, world: World, training: Training, arms: Mapping[str, Arm]
) -> list[Finding]:
    """The findings, the serious ones first."""
    found = [
        *floors(contest, protocol),
        *losses(contest, protocol),
        *edges(contest, training, arms),
        *reach(contest, protocol, world),
        *others(contest, protocol),
    ]
    return sorted(found, key=lambda one: (SERIOUS, WORTH_A_LOOK, FINE).index(one.weight))


def floors(contest: Contest, protocol: Protocol) -> Iterator[Finding]:
    """Whether the networks are shown to beat what knows nothing of sharing."""
    why = (
        "A way of sharing is worth its network only where a network is worth it. Two ways may differ, and both be worse "
        "than a model without a hidden layer."
    )
    for floor, words, weight in ((MAJORITY, "one answer for all", SERIOUS), (LINEAR, "a linear model", WORTH_A_LOOK)):
        for task in contest.tasks:
            if (floor, task.name) not in contest.merits:
                continue
            one = contest.beats(protocol.way, floor, task=task.name)
            if one.verdict != "supported":
                how = "is worse than" if one.verdict == "contradicted" else "is not shown to beat"
                text = f"On {task.name!r} {protocol.way} {how} {words} ({one.numbers})."
                advice = "Look for better features or more rows first; then compare ways of sharing."
                yield Finding("floor", weight, text, why, advice, (task.name,))
            else:
                yield Finding("floor", FINE, f"On {task.name!r} {protocol.way} beats {words}.", why, "", (task.name,))


def losses(contest: Contest, protocol: Protocol) -> Iterator[Finding]:
    """Tasks that lose where the mean is looked at."""
    why = "A mean over tasks hides who pays: a task may lose what another gains."
    if len(contest.tasks) == 1 or protocol.against not in contest.arms:
        return
    lost = [
        task.name
        for task in contest.tasks
        if contest.beats(protocol.way, protocol.against, task=task.name).verdict == "contradicted"
    ]
    if lost:
        text = f"{protocol.way} is worse than {protocol.against} on {', '.join(map(repr, lost))}."
        yield Finding("loser", WORTH_A_LOOK, text, why, "Let these tasks keep a network of their own.", tuple(lost))
    else:
        yield Finding("loser", FINE, f"No task is shown to lose by {protocol.way}.", why, "")


def edges(contest: Contest, training: Training, arms: Mapping[str, Arm]) -> Iterator[Finding]:
    """Trials that were chosen at the end of their row, and epochs at the last."""
    chosen = contest.chosen.drop_duplicates(["arm", "seed"])
    for name, arm in arms.items():
        mine = chosen[chosen.arm == name]
        last = ", ".join(f"{key}={value}" for key, value in arm.trials[-1].items())
        late, edge = (mine.epochs == training.epochs).mean(), (mine.trial == last).mean()
        if late > 0.5:
            yield Finding(
                "short",
                WORTH_A_LOOK,
                f"{name} was best after the last of {training.epochs} epochs for most seeds: it may not be done.",
                "Ways learn at different speed: a way that was stopped early looks worse than it is.",
                f"Train longer: epochs={2 * training.epochs}.",
                (name,),
            )
        if edge > 0.5 and len(arm.trials) > 1:
            yield Finding(
                "edge",
                WORTH_A_LOOK,
                f"Of {name}'s trials the last, {last}, was chosen for most seeds.",
                "Where the best setting lies at the end of the row, a better one may lie beyond it.",
                "Give this arm trials that go further, and every other arm as many: arms=.",
                (name,),
            )


def reach(contest: Contest, protocol: Protocol, world: World) -> Iterator[Finding]:
    """What the interval covers, and what it does not."""
    units = contest.by_unit(protocol.way, protocol.task).shape[1]
    text = f"The interval runs over {units:,} {contest.unit}s of the test and {protocol.seeds} seeds."
    few = [f"{units} {contest.unit}s"] * (units < FEW_UNITS) + [f"{protocol.seeds} seeds"] * (
        protocol.seeds < FEW_SEEDS
    )
    why = (
        "What varies little in a few cases may vary much in many; an interval over few is wide, and trusts its spread."
    )
    if few:
        yield Finding("reach", WORTH_A_LOOK, f"{text} {' and '.join(few)} are few.", why, "Take more of them.")
    else:
        yield Finding("reach", FINE, text, why, "")
    why = "The interval covers new test units and new draws of training rows *from this table*, not another table."
    if not hasattr(world, "draw"):
        text = "All seeds train on the same rows: of training only first weights and batches vary."
        yield Finding("sample", WORTH_A_LOOK, text, why, "Give a world that can be drawn anew, as mtl.data.table does.")
    if not isinstance(world, Grouped) or world.group in ("row", "example"):
        text = "Each row counts as a unit of its own: if rows belong together (a person, a place, a day), it is too narrow."
        advice = "Say group= where there are any."
        yield Finding(
            "unit", WORTH_A_LOOK, text, "Rows of one group err together; n of them are not n witnesses.", advice
        )


def others(contest: Contest, protocol: Protocol) -> Iterator[Finding]:
    """Comparisons that nobody announced."""
    rest = [name for name in contest.arms if name not in (protocol.way, protocol.against, MAJORITY, LINEAR)]
    if rest:
        text = f"{', '.join(rest)} are shown beside the claim, without a verdict."
        why = (
            "Of twenty comparisons of equals one comes out by chance. What is picked after the fact has to be confirmed "
            "on fresh seeds and a fresh test."
        )
        yield Finding("others", FINE, text, why, "")
