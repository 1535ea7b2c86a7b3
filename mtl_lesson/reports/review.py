"""What a good reviewer would say of a finished comparison: each a :class:`Finding`, with its line of reasoning."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..data.grouped import Grouped
from ..data.quoting import all_quoted, quoted
from ..data.world import World
from ..inspection.contest import Arm, Contest, Training, as_words
from ..inspection.findings import FINE, SERIOUS, WORTH_A_LOOK, Finding, counted
from ..inspection.without_sharing import LINEAR, MAJORITY
from .protocol import Protocol

FEW_SEEDS = 5
FEW_UNITS = 30
CLEARLY = 0.05  # a network that is so much above a floor has learnt something, shown or not


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
        asked = [task.name for task in contest.tasks if (floor, task.name) in contest.merits and floor != protocol.way]
        claims = {name: contest.beats(protocol.way, floor, task=name) for name in asked}
        not_beaten = [name for name, one in claims.items() if one.verdict != "supported"]
        if not_beaten and min(claims[name].mean for name in not_beaten) > CLEARLY:
            weight = WORTH_A_LOOK  # it seems to learn; there are too few units to say so
        if not_beaten:
            text = f"{protocol.way} is not shown to beat {words} on {all_quoted(not_beaten)}."
            advice = "Look for better features or more rows first; then compare ways of sharing."
            if floor == MAJORITY:
                advice += " Where one answer is common accuracy may be blind: take the task out of the claim (task=…)."
            yield Finding("floor", weight, text, why, advice, tuple(not_beaten))
        elif asked:
            yield Finding("floor", FINE, f"{protocol.way} beats {words} on every task.", why, "")


def about_losers(contest: Contest, protocol: Protocol) -> Iterator[Finding]:
    """Tasks that may lose where the mean is looked at."""
    if len(contest.tasks) == 1 or protocol.task is not None:
        return
    why = (
        f"A mean hides who pays. But these are {len(contest.tasks)} looks that nobody announced, and each may be "
        "wrong 1 time in 20."
    )
    names = [task.name for task in contest.tasks]
    below = [name for name in names if contest.beats(protocol.way, protocol.against, task=name).high < 0]
    if below:
        text = f"The interval of {protocol.way} minus {protocol.against} lies below 0 on {all_quoted(below)}."
        advice = "Make it the claim of a new comparison, task=…, on fresh rows."
        yield Finding("loser", WORTH_A_LOOK, text, why, advice, tuple(below))
    else:
        text = f"On no task the interval of {protocol.way} minus {protocol.against} lies below 0."
        yield Finding("loser", FINE, text, why, "")


def about_edges(contest: Contest, training: Training, arms: Mapping[str, Arm]) -> Iterator[Finding]:
    """Arms that were best after the last epoch, or at an end of their trials, for most seeds."""
    late, edge = [], []
    for name, arm in arms.items():
        mine = contest.chosen[contest.chosen.arm == name]  # of each seed and task
        late += [name] * bool((mine.epochs == training.epochs).mean() > 0.5)
        for end in outermost(arm):
            edge += [f"{name} ({end})"] * bool((mine.trial == end).mean() > 0.5)
    if late:
        text = f"Best after the last of {training.epochs} epochs for most seeds: {', '.join(late)}."
        why = "Ways learn at different speed: one that was stopped early looks worse than it is."
        yield Finding("short", WORTH_A_LOOK, text, why, f"Train longer: epochs={2 * training.epochs}.", tuple(late))
    if edge:
        text = f"Of its trials one at the end of the row was chosen for most seeds: {', '.join(edge)}."
        why = "Where the best setting lies at the end of the row, a better one may lie beyond it."
        advice = "Give each arm trials that go further, all of them as many: arms=."
        yield Finding("edge", WORTH_A_LOOK, text, why, advice, tuple(edge))


def outermost(arm: Arm) -> list[str]:
    """The trials beyond which there might be a better one: the last, and the first unless it is 0."""
    ends = [arm.trials[-1]] if len(arm.trials) > 1 else []
    if len(arm.trials) > 1 and all(value for value in arm.trials[0].values()):
        ends.append(arm.trials[0])
    return [as_words(one) for one in ends]


def about_reach(contest: Contest, protocol: Protocol, world: World) -> Iterator[Finding]:
    """What the interval covers, and what it does not."""
    names = [task.name for task in contest.tasks] if protocol.task is None else [protocol.task]
    counts = {name: contest.by_unit(protocol.way, name).shape[1] for name in names}
    units, rarest = min((count, name) for name, count in counts.items())
    text = f"The interval runs over {counted(units, contest.unit)} of the test and {protocol.seeds} seeds"
    text += f" (of {quoted(rarest)}, which has the fewest)." if len({*counts.values()}) > 1 else "."
    few = [counted(units, contest.unit)] * (units < FEW_UNITS) + [f"{protocol.seeds} seeds"] * (
        protocol.seeds < FEW_SEEDS
    )
    why = "From few cases it is badly known how much they vary, so that the interval is a rough one."
    if few:
        yield Finding("reach", WORTH_A_LOOK, f"{text} {' and '.join(few)} are few.", why, "Take more of them.")
    else:
        yield Finding("reach", FINE, text, why, "")
    if hasattr(world, "draw"):
        text = "Each seed draws its training rows from this one table, so the seeds share many of them."
        why = (
            "The interval is of new test units and new draws from *this* table. Between two tables results differ "
            "more, and it does not say by how much."
        )
        yield Finding("sample", FINE, text, why, "")
    else:
        text = "All seeds train on the same rows: of training only first weights and batches vary."
        advice = "Give a world that can be drawn anew, as mtl.data.table does."
        yield Finding("sample", WORTH_A_LOOK, text, "The interval says nothing of other training rows.", advice)
    if not isinstance(world, Grouped) or world.group in ("row", "example"):
        text = (
            "Each row counts as a unit. If rows belong together (a person, a place, a day), the interval is too "
            "narrow, and the split may leak."
        )
        why = "Rows of one group err together: n of them are not n witnesses."
        yield Finding("unit", WORTH_A_LOOK, text, why, "Say group= where there are any.")


def about_others(contest: Contest, protocol: Protocol) -> Iterator[Finding]:
    """Comparisons that nobody announced."""
    rest = [name for name in contest.arms if name not in (protocol.way, protocol.against, MAJORITY, LINEAR)]
    if rest:
        text = f"{', '.join(rest)} {'are' if len(rest) > 1 else 'is'} shown beside the claim, without a verdict."
        why = (
            "Of twenty comparisons of equals one comes out by chance. What is picked after the fact has to be "
            "confirmed on fresh seeds and a fresh test."
        )
        yield Finding("others", FINE, text, why, "")
