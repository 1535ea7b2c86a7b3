"""What a good reviewer would say of a finished comparison: each a :class:`Finding`, with its line of reasoning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..data.grouped import Grouped
from ..data.quoting import all_quoted
from ..data.world import World
from ..inspection.contest import Arm, Contest, Training, as_words
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
        *about_floors(contest, protocol),
        *about_losers(contest, protocol),
        *about_edges(contest, training, arms),
        *about_reach(contest, protocol, world),
        *about_others(contest, protocol),
    ]
    return sorted(found, key=lambda one: (SERIOUS, WORTH_A_LOOK, FINE).index(one.weight))


def about_floors(contest: Contest, protocol: Protocol) -> Iterator[Finding]:
    """Whether the networks are shown to beat what knows nothing of sharing."""
    why = (
        "A way of sharing is worth its network only where a network is worth it. Two ways may differ, and both be "
        "worse than a model without a hidden layer."
    )
    for floor, words, weight in ((MAJORITY, "one answer for all", SERIOUS), (LINEAR, "a linear model", WORTH_A_LOOK)):
        asked = [task.name for task in contest.tasks if (floor, task.name) in contest.merits]
        not_beaten = [name for name in asked if contest.beats(protocol.way, floor, task=name).verdict != "supported"]
        if not_beaten:
            text = f"{protocol.way} is not shown to beat {words} on {all_quoted(not_beaten)}."
            advice = "Look for better features or more rows first; then compare ways of sharing."
            yield Finding("floor", weight, text, why, advice, tuple(not_beaten))
        elif asked:
            yield Finding("floor", FINE, f"{protocol.way} beats {words} on every task.", why, "")


def about_losers(contest: Contest, protocol: Protocol) -> Iterator[Finding]:
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
        text = f"{protocol.way} is worse than {protocol.against} on {all_quoted(lost)}."
        yield Finding("loser", WORTH_A_LOOK, text, why, "Let these tasks keep a network of their own.", tuple(lost))
    else:
        yield Finding("loser", FINE, f"No task is shown to lose by {protocol.way}.", why, "")


def about_edges(contest: Contest, training: Training, arms: Mapping[str, Arm]) -> Iterator[Finding]:
    """Arms that were best after the last epoch, or at the last of their trials, for most seeds."""
    chosen = contest.chosen.drop_duplicates(["arm", "seed"])
    late, edge = [], []
    for name, arm in arms.items():
        mine = chosen[chosen.arm == name]
        last = as_words(arm.trials[-1])
        late += [name] * bool((mine.epochs == training.epochs).mean() > 0.5)
        edge += [f"{name} ({last})"] * bool(len(arm.trials) > 1 and (mine.trial == last).mean() > 0.5)
    if late:
        text = f"Best after the last of {training.epochs} epochs for most seeds: {', '.join(late)}."
        why = "Ways learn at different speed: one that was stopped early looks worse than it is."
        yield Finding("short", WORTH_A_LOOK, text, why, f"Train longer: epochs={2 * training.epochs}.", tuple(late))
    if edge:
        text = f"Of its trials the last was chosen for most seeds: {', '.join(edge)}."
        why = "Where the best setting lies at the end of the row, a better one may lie beyond it."
        advice = "Give each arm trials that go further, all of them as many: arms=."
        yield Finding("edge", WORTH_A_LOOK, text, why, advice, tuple(edge))


def about_reach(contest: Contest, protocol: Protocol, world: World) -> Iterator[Finding]:
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
        text = "Each row counts as a unit: if rows belong together (a person, a place, a day), it is too narrow."
        advice = "Say group= where there are any."
        yield Finding(
            "unit", WORTH_A_LOOK, text, "Rows of one group err together; n of them are not n witnesses.", advice
        )


def about_others(contest: Contest, protocol: Protocol) -> Iterator[Finding]:
    """Comparisons that nobody announced."""
    rest = [name for name in contest.arms if name not in (protocol.way, protocol.against, MAJORITY, LINEAR)]
    if rest:
        text = f"{', '.join(rest)} are shown beside the claim, without a verdict."
        why = (
            "Of twenty comparisons of equals one comes out by chance. What is picked after the fact has to be "
            "confirmed on fresh seeds and a fresh test."
        )
        yield Finding("others", FINE, text, why, "")
