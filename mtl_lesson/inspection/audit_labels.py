"""What an audit looks for in labels: tasks that give one another, columns that give a task away, labels that lack."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from ..data.grouped import PARTS
from ..data.quoting import NAMED, all_quoted, listed, quoted
from ..tasks import MultiLabel, Task
from .arrays import MOST_ROWS, Arrays, drawn_from, drawn_rows, label_kind
from .findings import FINE, SERIOUS, WORTH_A_LOOK, Finding, as_percent, counted, noted
from .foretold import FEWEST, foretold, foretold_by_class, in_units, shallow_tree

GIVEN, NEARLY = 0.95, 0.8  # shares of what chance leaves, in words:
AVOIDED = "of the errors of the best single answer avoided"
AHEAD = 3  # times as much as any other column
SOME, MANY_COLUMNS, JUDGED_ON = 0.35, 5, 100  # a column far ahead says so much, among so many, judged on so many rows
TOGETHER, LARGER = 0.7, 32  # what columns together give, by a tree of so many leaves
MOST_PAIRS = 200  # of tasks
FITS, FITTED_ROWS, MOST_FITS = 200, 2000, 2000  # more than FITS trees: fewer rows each; never more than MOST_FITS
MOST_TASKS, MOST_COLUMNS, FEW_COLUMNS, TREE_ROWS = 10, 100, 4, 4000  # for trees of all columns
RARE, ALWAYS = 5, 0.95
UNSURE, SPREAD = 0.001, 0.05  # chance of being wrong, over all tests made; and the least difference worth a word

# --- tasks -----------------------------------------------------------------------------------------------------------


def find_given(arrays: Arrays) -> list[Finding]:
    """Tasks whose label gives another's."""
    kinds = {task: kind for task in arrays.tasks if (kind := label_kind(task, arrays))}
    every = list(combinations(kinds, 2))
    if not every:
        text = "fewer than two tasks have one label an example, so none was foretold from another"
        return [noted("tasks", FINE, text)]
    looked = drawn_from(every, MOST_PAIRS)
    judged = {pair: both_ways(arrays, kinds, *pair) for pair in looked}
    told = {pair: ways for pair, ways in judged.items() if not np.isnan(ways).all()}
    scope = f"{len(told):,} of {counted(len(every), 'pair')} of tasks judged on common validation rows"
    if len(looked) < len(every):
        scope += f", {len(looked):,} of them drawn to be looked at"
    if not told:
        text = (
            f"no two tasks have {FEWEST} labelled rows in common to fit and to judge on: none was foretold from another"
        )
        return [noted("tasks", FINE, text, [task.name for task in kinds])]
    close = sorted((pair for pair in told if np.nanmax(told[pair]) > NEARLY), key=lambda pair: -np.nanmax(told[pair]))
    findings = [say_given(arrays, pair, told[pair], kinds) for pair in close[:NAMED]]
    if more := close[NAMED:]:
        names = list(dict.fromkeys(task.name for pair in more for task in pair))
        weight = SERIOUS if np.nanmax(told[more[0]]) > GIVEN else WORTH_A_LOOK
        text = f"{counted(len(more), 'more pair')} of tasks give one another, among {all_quoted(names)}"
        findings.append(noted("tasks", weight, text, names))
    if not close:
        most = max(np.nanmax(ways) for ways in told.values())
        text = f"no task gives another: at most {as_percent(max(0, most))} {AVOIDED} ({scope})"
        findings.append(noted("tasks", FINE, text, [task.name for task in kinds]))
    return findings


def both_ways(arrays: Arrays, kinds: dict[Task, str], one: Task, other: Task) -> tuple[float, float]:
    """How well the first label foretells the second, and the second the first."""
    pairs = [arrays.common(one, other, part) for part in ("train", "validation")]
    pairs = [tuple(labels[drawn_rows(len(labels))] for labels in pair) for pair in pairs]
    first, second = zip(*pairs, strict=True)
    return foretell_label(first, second, kinds[one], kinds[other]), foretell_label(
        second, first, kinds[other], kinds[one]
    )


def foretell_label(x: tuple, y: tuple, kind_x: str, kind_y: str) -> float:
    """One label from another; each as (fitted on, judged on)."""
    if kind_x == "classes":
        return foretold_by_class(x, y, kind_y == "classes")
    return foretold(tuple(part[:, None] for part in x), y, kind_y == "classes")


def say_given(arrays: Arrays, pair: tuple[Task, Task], ways: tuple[float, float], kinds: dict[Task, str]) -> Finding:
    """The finding about two tasks that give one another."""
    one, other = (quoted(task.name) for task in pair)
    weight = SERIOUS if np.nanmax(ways) > GIVEN else WORTH_A_LOOK
    said = [
        f"{a} gives {b} ({as_percent(share)} {AVOIDED})"
        for a, b, share in ((one, other, ways[0]), (other, one, ways[1]))
        if share > NEARLY
    ]
    text = f"{' and '.join(said)}, judged on common validation rows, at most {MOST_ROWS:,}"
    if copy := copied(*arrays.common(*pair, "train"), {kinds[task] for task in pair}):
        text = f"{other} is {copy} of {one} in all common training rows; {text}"
    return noted("tasks", weight, text, (pair[0].name, pair[1].name))


def copied(one: np.ndarray, other: np.ndarray, kinds: set[str]) -> str:
    """Whether labels are "a copy", "a renaming" of classes, or "a rescaling" of numbers; empty where they are not."""
    if len(kinds) > 1:
        return ""
    if np.array_equal(one, other):
        return "a copy"
    if kinds == {"classes"}:
        pairs = np.unique([one, other], axis=1)
        return "a renaming" if len({*pairs[0]}) == len({*pairs[1]}) == pairs.shape[1] else ""
    a, b = (values - values.mean() for (values,) in (in_units((one,)), in_units((other,))))
    squares = np.square(a).sum() * np.square(b).sum()
    return "a rescaling" if squares > 0 and np.square(a @ b) / squares > 1 - 1e-9 else ""


# --- columns ---------------------------------------------------------------------------------------------------------


def find_leaks(arrays: Arrays) -> list[Finding]:
    """Columns that give a task's label away, each alone, and a few together."""
    tasks = [(source, task) for source in arrays.vectors for task in arrays.sources[source] if label_kind(task, arrays)]
    names = [task.name for _, task in tasks]
    if not tasks:
        text = (
            "columns that give a label away were not looked for: inputs are no vectors, or no task has one label a row"
        )
        return [noted("leak", FINE, text)]
    scores, scope = foretell_from_columns(arrays, tasks)
    told = [share for own in scores.values() for share in own.values() if not np.isnan(share)]
    if not told:
        text = f"columns that give a label away were not looked for: no task has {FEWEST} labelled rows to judge on"
        return [noted("leak", FINE, text, names)]
    findings = [one for (source, task), own in scores.items() for one in say_columns(arrays, source, task, own, scope)]
    findings += find_together(arrays, scores, {one.where[0] for one in findings if one.weight == SERIOUS})
    if findings:
        return findings
    text = f"no column gives a label away: at most {as_percent(max(0, *told))} {AVOIDED} ({scope})"
    return [noted("leak", FINE, text, names)]


def foretell_from_columns(arrays: Arrays, tasks: list) -> tuple[dict, str]:
    """(source, task) → {column number: share of what chance leaves}; and how it was found, in words."""
    every = [(source, task, at) for source, task in tasks for at in range(len(arrays.columns(source)))]
    looked, most = drawn_from(every, MOST_FITS), MOST_ROWS if len(every) <= FITS else FITTED_ROWS
    scores: dict = {key: {} for key in tasks}
    for source, task in tasks:
        columns = [at for *key, at in looked if key == [source, task]]
        x, y = fitting_rows(arrays, source, task, most)
        for at in columns:
            column = tuple(part[:, [at]] for part in x)
            scores[source, task][at] = foretold(column, y, label_kind(task, arrays) == "classes")
    scope = f"a shallow tree of each column, fitted on training rows and judged on validation rows, at most {most:,}"
    if len(looked) < len(every):
        scope += f"; {len(looked):,} of {len(every):,} pairs of a column and a task, drawn"
    return scores, scope


def fitting_rows(arrays: Arrays, source: str | None, task: Task, most: int) -> tuple[tuple, tuple]:
    """Inputs and labels, each as (training, validation), of at most so many labelled rows."""
    x, y = [], []
    for part in ("train", "validation"):
        known = np.flatnonzero(arrays.is_known(task, part))
        known = known[drawn_rows(len(known), most)]
        x.append(arrays.x(source, part).detach().cpu().numpy()[known])
        y.append(arrays.labels(task, part)[known])
    return tuple(x), tuple(y)


def say_columns(arrays: Arrays, source: str | None, task: Task, told: dict[int, float], scope: str) -> list[Finding]:
    """Findings about single columns of one task."""
    names = arrays.columns(source)
    ranked = sorted((at for at in told if not np.isnan(told[at])), key=lambda at: -told[at])
    if not ranked:
        return []
    best, second = told[ranked[0]], max(0.0, told[ranked[1]]) if len(ranked) > 1 else 0.0
    judged_on = int(arrays.is_known(task, "validation").sum())
    ahead = len(ranked) >= MANY_COLUMNS and judged_on >= JUDGED_ON and best > max(SOME, AHEAD * second)
    findings = []
    for at in [at for at in ranked if told[at] > NEARLY or (ahead and at == ranked[0])][:NAMED]:
        far = ahead and at == ranked[0]
        weight = SERIOUS if told[at] > GIVEN or (far and best > NEARLY) else WORTH_A_LOOK
        text = f"{quoted(names[at])} alone gives {quoted(task.name)}: {as_percent(told[at])} {AVOIDED}"
        text += f", far ahead of the next column, {as_percent(second)}" * far
        findings.append(noted("leak", weight, f"{text} ({scope})", (task.name, names[at])))
    return findings


def find_together(arrays: Arrays, scores: dict, given: set[str]) -> list[Finding]:
    """Tasks that a few columns give together: a leak often needs two. ``given``: tasks to skip."""
    left = [key for key, told in scores.items() if key[1].name not in given and not all(map(np.isnan, told.values()))]
    findings = []
    for source, task in drawn_from(left, MOST_TASKS):
        told, names = scores[source, task], arrays.columns(source)
        tried = sorted(told, key=lambda at: -np.nan_to_num(told[at]))[:MOST_COLUMNS]
        share, few = fewest_columns(
            *fitting_rows(arrays, source, task, TREE_ROWS), tried, label_kind(task, arrays) == "classes"
        )
        if few:
            text = (
                f"{counted(len(few), 'column')} together give {quoted(task.name)}, {as_percent(share)} {AVOIDED}: "
                f"{all_quoted(names[at] for at in few)} (a tree, judged on at most "
                f"{TREE_ROWS:,} validation rows; it may be an easy task)"
            )
            findings.append(noted("leak", WORTH_A_LOOK, text, (task.name, *(names[at] for at in few))))
    return findings


def fewest_columns(x: tuple, y: tuple, tried: list[int], classes: bool) -> tuple[float, list[int]]:
    """The first few columns of a tree, by importance, that give as much as TOGETHER; none where they do not."""
    x, y = in_units(tuple(part[:, tried] for part in x)), y if classes else in_units(y)
    weights = shallow_tree(x[0], y[0], classes, LARGER).feature_importances_
    ranked = np.argsort(-weights, kind="stable")
    for count in range(2, min(FEW_COLUMNS, len(ranked)) + 1):
        share = foretold(tuple(part[:, ranked[:count]] for part in x), y, classes, LARGER)
        if share > TOGETHER:
            return share, [tried[at] for at in ranked[:count]]
    return 0.0, []


# --- labels that lack ------------------------------------------------------------------------------------------------


def find_missing(arrays: Arrays) -> list[Finding]:
    """How many labels lack, whether something foretells which, and tasks that have no row in common."""
    if None not in arrays.sources:
        rows = {name: [len(arrays.rows(name, part)) for part in PARTS] for name in arrays.sources}
        said = listed(f"{quoted(name)} {' / '.join(map('{:,}'.format, n))}" for name, n in rows.items())
        text = f"each task has inputs of its own; of those, labelled in {' / '.join(PARTS)}: {said}"
        return [noted("missing labels", FINE, text, rows)]
    lacks = {task: [(~arrays.is_known(task, part)).mean() for part in PARTS] for task in arrays.tasks}
    some = {task: shares for task, shares in lacks.items() if max(shares) > 0}
    if not some:
        return [noted("missing labels", FINE, "every row has a label of every task", PARTS)]
    said = listed(f"{quoted(task.name)} {' / '.join(map(as_percent, shares))}" for task, shares in some.items())
    text = f"labels that lack in {' / '.join(PARTS)}: {said}"
    weight = WORTH_A_LOOK if max(map(max, some.values())) > SPREAD else FINE
    findings = [noted("missing labels", weight, text, [task.name for task in some])]
    return findings + find_reasons(arrays, list(some)) + find_disjoint(arrays)


def find_reasons(arrays: Arrays, tasks: list[Task]) -> list[Finding]:
    """Whether the split or another task's label foretells which labels lack."""
    pairs = [(task, other) for task in tasks for other in arrays.tasks if other != task and label_kind(other, arrays)]
    looked = drawn_from(pairs, MOST_PAIRS)
    tests = len(tasks) + len(looked)
    findings = []
    for task in tasks:
        known = [arrays.is_known(task, part) for part in PARTS]
        shares = lacking_by(np.repeat(np.arange(3), list(map(len, known))), ~np.concatenate(known), tests)
        if shares:
            span = f"{as_percent(min(shares))} to {as_percent(max(shares))}"
            text = f"labels of {quoted(task.name)} lack in {span} of rows according to the split"
            findings.append(noted("missing by", WORTH_A_LOOK, text, (task.name, *PARTS)))
    for task, other in looked:
        there = arrays.is_known(other, "train")
        labels, lacks = arrays.labels(other, "train")[there], ~arrays.is_known(task, "train")[there]
        if shares := lacking_by(quarters(labels) if labels.dtype.kind == "f" else labels, lacks, tests):
            span = f"{as_percent(min(shares))} to {as_percent(max(shares))}"
            text = f"labels of {quoted(task.name)} lack in {span} of training rows according to {quoted(other.name)}"
            findings.append(noted("missing by", WORTH_A_LOOK, text, (task.name, other.name)))
    if findings:
        return findings
    drawn = f"; {len(looked)} of {len(pairs)} pairs of tasks, drawn" if len(looked) < len(pairs) else ""
    text = f"neither the split nor another label foretells which labels lack (χ² tests{drawn})"
    return [noted("missing by", FINE, text, [task.name for task in tasks])]


def quarters(values: np.ndarray) -> np.ndarray:
    """The quarter of the values that each belongs to, 0 to 3."""
    (values,) = in_units((values,))
    return np.searchsorted(np.quantile(values, [0.25, 0.5, 0.75]), values)


def lacking_by(classes: np.ndarray, lacks: np.ndarray, tests: int) -> list[float]:
    """The share that lacks in each class of FEWEST rows or more, where it differs by more than SPREAD and more than by
    chance (χ², Bonferroni's for so many tests); else nothing."""
    from scipy.stats import chi2_contingency

    _, numbers, counts = np.unique(classes, return_inverse=True, return_counts=True)
    table = np.stack([np.bincount(numbers, ~lacks), np.bincount(numbers, lacks)])[:, counts >= FEWEST]
    if table.shape[1] < 2 or not table.sum(1).all():
        return []
    shares = table[1] / table.sum(0)
    if np.ptp(shares) <= SPREAD or chi2_contingency(table).pvalue * tests > UNSURE:
        return []
    return shares.tolist()


def find_disjoint(arrays: Arrays) -> list[Finding]:
    """Tasks that share their inputs, and label no training row in common."""
    known = np.array([arrays.is_known(task, "train") for task in arrays.tasks]).astype(np.int64)
    both = known @ known.T
    apart = [(a, b) for a, b in combinations(range(len(known)), 2) if not both[a, b]]
    if not apart:
        return [noted("disjoint", FINE, "any two tasks have labelled training rows in common", ("train",))]
    pairs = [[arrays.tasks[at].name for at in pair] for pair in apart]
    text = f"no training row has a label of both: {listed(' and '.join(map(quoted, pair)) for pair in pairs)}"
    names = list(dict.fromkeys(name for pair in pairs for name in pair))
    return [noted("disjoint", WORTH_A_LOOK, text, (*names, "train"))]


# --- answers ---------------------------------------------------------------------------------------------------------


def find_answers(arrays: Arrays) -> list[Finding]:
    """Rare classes, tasks with one answer, and tasks with nearly one."""
    rare, constant, common = [], [], []
    for task in arrays.tasks:
        constant += [(task, part) for part in PARTS if is_constant(arrays, task, part)]
        counts = {part: count_answers(arrays, task, part) for part in PARTS}
        for name in counts["train"]:
            n = {part: counts[part][name] for part in PARTS}
            if n["train"] < RARE or n["test"] == 0:
                rare.append((task.name, f"{quoted(name)} of {quoted(task.name)} {n['train']} / {n['test']}"))
        for part in ("train", "test"):
            share = share_of_commonest(arrays, task, part)
            if ALWAYS < share < 1:
                common.append((task.name, f"{quoted(task.name)} {as_percent(share)} in {part}"))
    return [
        *say_constant(constant),
        say_some(
            "rare classes", f"classes with fewer than {RARE} labels in training or none in test (training / test)", rare
        )
        or noted("rare classes", FINE, f"every class has {RARE} labels in training or more, and some in test"),
        say_some("one answer", "one answer is right nearly always", common)
        or noted("one answer", FINE, f"no answer is right for more than {as_percent(ALWAYS)}"),
    ]


def say_some(kind: str, what: str, said: list[tuple[str, str]]) -> Finding | None:
    """A finding about some tasks; None where there are none."""
    if not said:
        return None
    return noted(
        kind, WORTH_A_LOOK, f"{what}: {listed(text for _, text in said)}", dict.fromkeys(name for name, _ in said)
    )


def say_constant(constant: list[tuple[Task, str]]) -> list[Finding]:
    """Tasks with one answer in a split: serious in training and test."""
    findings = []
    for weight, parts in ((SERIOUS, ("train", "test")), (WORTH_A_LOOK, ("validation",))):
        said = [(task.name, part) for task, part in constant if part in parts]
        if said:
            text = f"all labels are equal: {listed(f'{quoted(name)} in {part}' for name, part in said)}"
            findings.append(noted("constant task", weight, text, dict.fromkeys(one for pair in said for one in pair)))
    return findings or [noted("constant task", FINE, "no task has one answer only, in any split", PARTS)]


def is_constant(arrays: Arrays, task: Task, part: str) -> bool:
    """Whether all labels of a split are equal, in each place where there are several for an example."""
    labels, known = arrays.labels(task, part), arrays.is_told(task, part)
    if task.label_shape is None:  # a class for each pixel: no pixel is a place of its own
        return len(np.unique(labels[known])) <= 1
    places = zip(labels.reshape(len(labels), -1).T, known.reshape(len(labels), -1).T, strict=True)
    return all(len(np.unique(values[told])) <= 1 for values, told in places)


def count_answers(arrays: Arrays, task: Task, part: str) -> dict[str, int]:
    """Answer → how many examples have it: of pixels, how many pictures show it. None for a task without answers."""
    labels = arrays.labels(task, part)
    if isinstance(task, MultiLabel):
        return dict(zip(task.names, (labels == 1).sum(0).tolist(), strict=True))
    return {name: int((labels == at).reshape(len(labels), -1).any(1).sum()) for at, name in enumerate(task.answers)}


def share_of_commonest(arrays: Arrays, task: Task, part: str) -> float:
    """The share of labels that the commonest answer is; NaN for a task without answers to choose from."""
    if not task.answers:
        return np.nan
    _, counts = np.unique(arrays.labels(task, part)[arrays.is_told(task, part)], return_counts=True)
    return counts.max() / counts.sum()
