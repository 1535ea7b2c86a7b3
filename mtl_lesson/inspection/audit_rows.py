"""What an audit looks for in rows, columns, groups and splits: copies, groups on two sides, sizes, shift."""

from __future__ import annotations

import numpy as np

from ..data.grouped import PARTS, Grouped
from ..data.quoting import all_quoted, listed, quoted
from .arrays import Arrays, drawn_from, drawn_rows
from .findings import FINE, SERIOUS, WORTH_A_LOOK, Finding, as_percent, counted, noted
from .foretold import in_units, shallow_tree

SIDES = (("train", "validation"), ("train", "test"), ("validation", "test"))
MANY_ROWS = 0.01  # the share of rows from which copies matter
AGREED = 0.8  # how far beyond chance labels of equal inputs agree, for them to be one row
FEW_ROWS = 5
ROWS = ("row", "example")  # what a unit is called where each row is one
FEW_TEST_ROWS = 50
FEW_GROUPS, NO_INTERVAL = 10, 3
ID_ROWS = 20  # from so many rows on it is no accident that a column counts them
REPEATS = 10  # so many values would come twice by chance in a column that repeats none
TOLD_APART = 0.6  # area under the curve
SHIFT_ROWS, SHIFT_MOST, SHIFT_COLUMNS, SHIFT_SOURCES = 100, 5000, 100, 10

# --- copies ----------------------------------------------------------------------------------------------------------


def find_duplicates(arrays: Arrays) -> list[Finding]:
    """Inputs that stand on two sides of the split, and whether their labels are equal there."""
    return [compare_sides(arrays, one, other) for one, other in SIDES]


def compare_sides(arrays: Arrays, one: str, other: str) -> Finding:
    """Rows of the split ``other`` whose input stands in the split ``one``, of one source."""
    same = differ = seen = total = by_chance = 0
    for source in arrays.sources:
        numbers = arrays.equal[source, other][rows := arrays.rows(source, other)]
        there = np.isin(numbers, arrays.equal[source, one][arrays.rows(source, one)])
        total, seen, rows, numbers = total + len(rows), seen + int(there.sum()), rows[there], numbers[there]
        found_here = count_agreeing(arrays, source, (one, other), rows, numbers)
        same, differ = same + found_here[0], differ + found_here[1]
        shuffled = np.random.default_rng(0).permutation(numbers)
        by_chance += count_agreeing(arrays, source, (one, other), rows, shuffled)[0]
    if not seen:
        text = f"no input of {other} stands in {one}, too (exact copies only; near ones were not looked for)"
        return noted("duplicates", FINE, text, (one, other))
    told = same + differ
    beyond = (same - by_chance) / (told - by_chance) if told > by_chance else 0
    is_leak = same >= max(FEW_ROWS, MANY_ROWS * total) and beyond > AGREED
    like = "" if beyond > AGREED or not told else "; labels are equal hardly more often than by chance"
    text = (
        f"{counted(seen, 'row')} of {total:,} in {other} ({as_percent(seen / total)}) have an input that {one} has, "
        f"too: {same:,} with the same labels{' (a leak)' * is_leak}, {differ:,} with other labels (noise), "
        f"{seen - told:,} without a label to compare{like} (exact copies only; near ones were not looked for)"
    )
    return noted("duplicates", SERIOUS if is_leak else WORTH_A_LOOK, text, (one, other))


def count_agreeing(
    arrays: Arrays, source: str | None, sides: tuple[str, str], rows: np.ndarray, numbers: np.ndarray
) -> tuple[int, int]:
    """Of ``rows`` of the second side, how many have the labels of all the first side's rows with the input ``numbers``,
    and how many have others. Labels that one of the two does not tell are not compared."""
    one, other = sides
    told, equal = np.zeros(len(rows), bool), np.ones(len(rows), bool)
    for task in arrays.sources[source]:
        known = np.flatnonzero(arrays.is_known(task, one))
        before, label = arrays.equal[source, one][known], arrays.alike[task.name, one][known]
        own = arrays.alike[task.name, other][rows]
        compared = arrays.is_known(task, other)[rows] & np.isin(numbers, before)
        told |= compared
        width = 1 + max(label.max(initial=0), own.max(initial=0))
        pairs = np.unique(before * width + label)
        inputs, answers = np.unique(pairs // width, return_counts=True)
        sure = np.isin(numbers, inputs[answers == 1])  # many rows of one input have some label in common by chance
        equal &= ~compared | (sure & np.isin(numbers * width + own, pairs))
    return int((told & equal).sum()), int((told & ~equal).sum())


def find_elsewhere(arrays: Arrays) -> list[Finding]:
    """Test inputs of one task that another task trains on, where each has inputs of its own."""
    if len(arrays.sources) < 2:
        return []
    trained = {name: arrays.equal[name, "train"][arrays.rows(name, "train")] for name in arrays.sources}
    every = np.concatenate(list(trained.values()))
    touched, seen, total = [], 0, 0
    for name in arrays.sources:
        own = arrays.equal[name, "test"][arrays.rows(name, "test")]
        elsewhere = np.isin(own, every) & ~np.isin(own, trained[name])
        total, seen = total + len(own), seen + int(elsewhere.sum())
        touched += [name] * bool(elsewhere.any())
    if not seen:
        return [noted("elsewhere", FINE, "no test input of one task is trained on by another", ("train", "test"))]
    text = (
        f"{counted(seen, 'test row')} of {total:,} ({as_percent(seen / total)}) have an input that another task trains "
        f"on, of {all_quoted(touched)}"
    )
    return [noted("elsewhere", WORTH_A_LOOK, text, (*touched, "train", "test"))]


def find_repeats(arrays: Arrays) -> list[Finding]:
    """Inputs that stand several times in one split."""
    findings, clean = [], []
    for part in PARTS:
        again = total = 0
        for source in arrays.sources:
            numbers = arrays.equal[source, part][arrays.rows(source, part)]
            total, again = total + len(numbers), again + len(numbers) - len(np.unique(numbers))
        if again:
            text = (
                f"{counted(again, 'row')} of {total:,} in {part} ({as_percent(again / total)}) repeat an earlier input"
            )
            weight = WORTH_A_LOOK if again >= MANY_ROWS * total else FINE
            findings.append(noted("repeats", weight, text, (part,)))
        else:
            clean.append(part)
    if clean:
        findings.append(noted("repeats", FINE, f"no input stands twice in {listed(clean)}", clean))
    return findings


def find_contradictions(arrays: Arrays) -> list[Finding]:
    """Equal inputs with different labels of one task, anywhere."""
    rows, findings = {}, []
    for source, tasks in arrays.sources.items():
        for task in tasks:
            pairs = []
            for part in PARTS:
                known = np.flatnonzero(arrays.is_known(task, part))
                pairs.append(np.stack([arrays.equal[source, part][known], arrays.alike[task.name, part][known]]))
            numbers, labels = np.concatenate(pairs, 1)
            inputs, answers = np.unique(np.unique([numbers, labels], axis=1)[0], return_counts=True)
            torn = np.isin(numbers, inputs[answers > 1])
            rows[task.name] = int(torn.sum()), len(torn)
    torn = {name: counts for name, counts in rows.items() if counts[0]}
    if not torn:
        text = "no two equal inputs have different labels of one task"
        return [noted("contradictions", FINE, text, [task.name for task in arrays.tasks])]
    said = [f"{n:,} of {total:,} of {quoted(name)}" for name, (n, total) in torn.items()]
    weight = WORTH_A_LOOK if any(n >= MANY_ROWS * total for n, total in torn.values()) else FINE
    text = f"rows whose input stands elsewhere with another label: {listed(said)}"
    findings.append(noted("contradictions", weight, text, torn))
    return findings


# --- groups ----------------------------------------------------------------------------------------------------------


def find_groups(arrays: Arrays) -> list[Finding]:
    """Groups on two sides of the split, and whether there are enough of them to claim from."""
    world = arrays.world
    if not isinstance(world, Grouped) or world.group in ROWS:
        text = "no groups are named, so rows that belong together were not looked for (group= in mtl.data.table)"
        return [noted("shared groups", FINE, text)]
    groups = {part: world.groups[part].cpu().numpy() for part in PARTS}
    return [share_groups(world, groups, *sides) for sides in SIDES] + [size_groups(world, groups)]


def share_groups(world: Grouped, groups: dict[str, np.ndarray], one: str, other: str) -> Finding:
    """Whether groups of the split ``other`` stand in ``one``, too."""
    both, every = np.intersect1d(groups[one], groups[other]), np.unique(groups[other])
    if not len(both):
        text = f"no {quoted(world.group)} of {other} stands in {one}, too"
        return noted("shared groups", FINE, text, (one, other))
    names = [world.group_names[number] if world.group_names else number for number in both[:NO_INTERVAL].tolist()]
    rows = int(np.isin(groups[other], both).sum())
    text = (
        f"{len(both):,} of {len(every):,} groups ({quoted(world.group)}) of {other} stand in {one}, too, such as "
        f"{all_quoted(names)}: {counted(rows, 'row')} of {len(groups[other]):,}"
    )
    return noted("shared groups", SERIOUS if (one, other) == ("train", "test") else WORTH_A_LOOK, text, (one, other))


def size_groups(world: Grouped, groups: dict[str, np.ndarray]) -> Finding:
    """How many groups there are in each split, and how large they are."""
    said, counts = [], {part: np.unique(own, return_counts=True)[1] for part, own in groups.items()}
    for part, sizes in counts.items():
        largest, single = as_percent(sizes.max() / sizes.sum()), int((sizes == 1).sum())
        said.append(f"{part} {len(sizes):,} (the largest has {largest} of the rows, {single:,} have one row)")
    tested = counts["test"]
    weight = SERIOUS if len(tested) < NO_INTERVAL else WORTH_A_LOOK if len(tested) < FEW_GROUPS else FINE
    if weight == FINE and tested.max() > tested.sum() / 2:
        weight = WORTH_A_LOOK
    return noted("few groups", weight, f"groups ({quoted(world.group)}): {listed(said)}", PARTS)


# --- sizes and columns -----------------------------------------------------------------------------------------------


def find_sizes(arrays: Arrays) -> list[Finding]:
    """Few labelled test rows, and more columns than rows."""
    rows = {task.name: int(arrays.is_known(task, "test").sum()) for task in arrays.tasks}
    few = {name: n for name, n in rows.items() if n < FEW_TEST_ROWS}
    if few:
        said = listed(f"{quoted(name)} {n}" for name, n in few.items())
        text = f"fewer than {FEW_TEST_ROWS} labelled test rows: {said}"
        findings = [noted("size", WORTH_A_LOOK, text, (*few, "test"))]
    else:
        text = f"every task has {FEW_TEST_ROWS} labelled test rows or more, the fewest {min(rows.values()):,}"
        findings = [noted("size", FINE, text, (*rows, "test"))]
    wide = {}
    for source in arrays.vectors:
        n, width = len(arrays.rows(source, "train")), arrays.x(source, "train").shape[1]
        if width > n:
            wide[source] = f"{counted(width, 'column')} and {counted(n, 'training row')}{of_source(source)}"
    if wide:
        findings.append(noted("wide", WORTH_A_LOOK, f"more columns than rows: {listed(wide.values())}", ("train",)))
    elif arrays.vectors:
        findings.append(noted("wide", FINE, "there are more training rows than columns", ("train",)))
    return findings


def find_columns(arrays: Arrays) -> list[Finding]:
    """Columns that are constant in training, and columns that number the rows."""
    if not arrays.vectors:
        return [noted("row numbers", FINE, "inputs are no vectors, so single columns were not looked at")]
    constant, counting = [], []
    for source in arrays.vectors:
        names, x = arrays.columns(source), {part: arrays.values(source, part) for part in PARTS}
        every = np.concatenate(list(x.values()))
        for at, name in enumerate(names):
            if x["train"][:, at].min() == x["train"][:, at].max():
                constant.append((source, name))
            elif why := numbers_rows(x["train"][:, at], every[:, at]):
                counting.append((source, name, why))
    findings = []
    if constant:
        text = f"one value in all training rows: {listed(quoted(name) + of_source(own) for own, name in constant)}"
        findings.append(noted("constant columns", WORTH_A_LOOK, text, [name for _, name in constant]))
    else:
        findings.append(noted("constant columns", FINE, "no column has one value in all training rows", ("train",)))
    if counting:
        said = listed(f"{quoted(name)}{of_source(own)} ({why})" for own, name, why in counting)
        text = f"columns like a row's number: {said}"
        findings.append(noted("row numbers", WORTH_A_LOOK, text, [name for _, name, _ in counting]))
    else:
        findings.append(noted("row numbers", FINE, "no column is like a row's number", PARTS))
    return findings


def numbers_rows(train: np.ndarray, every: np.ndarray) -> str:
    """Why a column looks like the number of a row; empty where it does not.

    A measured number may well differ in every row. One that only whole numbers fit repeats some of them by chance: n
    numbers drawn out of R at least n (n − 1) / 2R times in the mean.
    """
    steps = np.sign(train[1:] - train[:-1].astype(np.float64))
    if len(train) >= ID_ROWS and abs(steps.sum()) == len(steps):
        return "goes one way with the order of training rows"
    ordered = np.unique(every.astype(np.float64))  # a few rows may stand there twice
    gaps, n, again = np.diff(ordered), len(ordered), len(every) - len(np.unique(every))
    if n < ID_ROWS or again > n / 10:
        return ""
    if gaps.max() < 1.5 * gaps.min():
        return "evenly spaced, another in every row"
    whole_numbers, spread = bool((ordered == np.round(ordered)).all()), ordered[-1] - ordered[0] + 1
    if whole_numbers and n * (n - 1) / (2 * spread) > REPEATS + 3 * again:
        return "a whole number, another in every row"
    return ""


def of_source(source: str | None) -> str:
    """ " of 'task'" where a task has inputs of its own."""
    return "" if source is None else f" of {quoted(source)}"


# --- shift -----------------------------------------------------------------------------------------------------------


def find_shift(arrays: Arrays) -> list[Finding]:
    """Whether a shallow tree tells training rows from test rows, judged on rows that it was not fitted on."""
    sources = [source for source in arrays.sources if arrays.x(source, "train").is_floating_point()]
    large = [source for source in sources if min(side_rows(arrays, source)) >= SHIFT_ROWS]
    if not large:
        reason = f"there are fewer than {SHIFT_ROWS} rows on a side" if sources else "inputs are tokens, not numbers"
        text = f"whether training rows can be told from test rows was not looked for: {reason}"
        return [noted("shift", FINE, text, ("train", "test"))]
    looked = drawn_from(large, SHIFT_SOURCES)
    apart = {source: tell_apart(arrays, source) for source in looked}
    how = f"judged on rows it was not fitted on, at most {SHIFT_MOST:,} a side"
    if len(looked) < len(arrays.sources):
        how += f"; looked for in the inputs of {len(looked)} tasks of {len(arrays.sources)}"
    shifted = {source: told for source, told in apart.items() if told[1]}
    if not shifted:
        most = max(area for area, _, _ in apart.values())
        text = f"a shallow tree does not tell training rows from test rows (area under the curve {most:.2f}, {how})"
        return [noted("shift", FINE, text, ("train", "test"))]
    said = [f"{area:.2f}{of_source(source)}{by}" for source, (area, _, by) in shifted.items()]
    text = f"a shallow tree tells training rows from test rows, area under the curve {listed(said)} ({how})"
    return [noted("shift", WORTH_A_LOOK, text, ("train", "test"))]


def side_rows(arrays: Arrays, source: str | None) -> list[int]:
    return [len(arrays.rows(source, part)) for part in ("train", "test")]


def tell_apart(arrays: Arrays, source: str | None) -> tuple[float, bool, str]:
    """The area under the curve of a shallow tree, two-fold; whether it is more than chance; and by which column."""
    from sklearn.metrics import roc_auc_score
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    n = min(SHIFT_MOST, *side_rows(arrays, source))
    sides = []
    for part in ("train", "test"):
        rows = arrays.rows(source, part)
        sides.append(arrays.x(source, part)[rows[drawn_rows(len(rows), n)]].flatten(1).detach().cpu().numpy())
    columns = drawn_rows(sides[0].shape[1], SHIFT_COLUMNS)
    (x,), y = in_units((np.concatenate(sides)[:, columns],)), np.repeat([0, 1], n)
    tree = shallow_tree(x, y, classes=True)  # cross_val_predict fits copies of it
    folds = StratifiedKFold(2, shuffle=True, random_state=0)
    area = roc_auc_score(y, cross_val_predict(tree, x, y, cv=folds, method="predict_proba")[:, 1])
    chance = np.sqrt((2 * n + 1) / (12 * n * n))  # standard deviation of the area where nothing tells them apart
    by = ""
    if source in arrays.vectors:
        by = f", most by {quoted(arrays.columns(source)[columns[tree.feature_importances_.argmax()]])}"
    return float(area), bool(area > max(TOLD_APART, 0.5 + 4 * chance)), by
