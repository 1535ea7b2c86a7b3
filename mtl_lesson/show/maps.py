"""Tables as colour: what features hold, and where one way of sharing wins."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.patches import Rectangle

from ..evidence import Claim
from .drawing import Drawing
from .sheets import LINE, paper
from .style import (
    BLUE,
    GREY,
    INK,
    VERMILLION,
    WIDTH,
    about,
    breadth,
    canvas,
    coarse,
    colours_of,
    for_text,
    ink_on,
    listed,
    rounded,
    shortened,
    style,
    wrapped,
)

SHADES = LinearSegmentedColormap.from_list("shades", ["#F7FAFC", "#BFDDEE", "#74B4DA", "#1273AD", "#00507F"])
SIGNS = LinearSegmentedColormap.from_list("signs", [VERMILLION, "#F4B183", "#FAFAFA", "#8DC4E8", BLUE])


def probe_matrix(
    values,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    *,
    intervals=None,
    floors: Mapping[str, object] | None = None,
    apart: Sequence[str] = ("untrained",),
    unit: str = "%",
    title: str | None = None,
) -> Drawing:
    """What features hold: a row for what they were trained on, a column for what they were probed for.

    ``values``: (rows, columns), or a DataFrame whose index and columns are the names, or the tidy table of
    ``inspection.probe_matrix``. ``intervals``: half widths (rows, columns), or (2, rows, columns), low and high.
    ``floors``: name → a value for each column, drawn below the rest, as are rows named in ``apart``. NaN is left empty.
    """
    values, rows, columns = as_table(values, rows, columns)
    half = half_widths(intervals, values)
    floors = {name: per_column(floor, columns) for name, floor in (floors or {}).items()}
    low = [row for row in rows if row in apart or row.startswith("untrained")]
    order = [row for row in rows if row not in low]
    lines = [
        (row, values[rows.index(row)], None if half is None else half[rows.index(row)], row in low)
        for row in [*order, *low]
    ]
    lines += [(name, floor, None, True) for name, floor in floors.items()]
    names = [wrapped(name, 2.3, 2) for name, *_ in lines]
    left = max(0.9, 0.3 + max(breadth(line) for lines_ in names for line in lines_), breadth("trained on") + 0.3)
    cell = min(1.75, (WIDTH - left - 0.1) / len(columns))
    tall, gap, head = 0.72, 0.24 * any(line[3] for line in lines), 0.82 + 0.45 * bool(title)
    width = max(left + cell * len(columns) + 0.1, 0.2 + breadth(title or "", 14, "bold"))
    colours = colours_of(columns)
    top = np.nan_to_num(np.abs([line[1] for line in lines])).max() or 1.0
    with style():
        figure = canvas(width, head + tall * len(lines) + gap + 0.1, layout=None)
        ax = paper(figure)
        if title:
            ax.text(0.1, 0.27, title, fontsize=14, fontweight="bold", va="center")
        ax.text(left - 0.12, head - 0.2, "trained on", color=GREY, ha="right", va="center")
        ax.text(left, head - 0.55, "probed for", color=GREY, va="center")
        for column, name in enumerate(columns):
            ax.text(
                left + cell * (column + 0.5),
                head - 0.2,
                shortened(name, cell - 0.1, weight="bold"),
                ha="center",
                va="center",
                color=for_text(colours[name]),
                fontweight="bold",
            )
        y, below = head, False
        for (name, numbers, widths, is_floor), label in zip(lines, names, strict=True):
            y, below = y + gap * (is_floor and not below), below or is_floor
            ax.text(
                left - 0.12,
                y + tall / 2,
                "\n".join(label),
                ha="right",
                linespacing=1.2,
                va="center_baseline" if len(label) == 1 else "center",
                color=GREY if is_floor else INK,
            )
            for column, value in enumerate(numbers):
                own = name == columns[column]
                paint(
                    ax,
                    left + cell * column,
                    y,
                    cell,
                    tall,
                    to_hex(SHADES(max(0.0, value) / top)),
                    value,
                    None if widths is None else widths[column],
                    unit,
                    framed=own,
                )
            y += tall
    return Drawing(figure, say_probes(lines, columns, unit, title))


def say_probes(lines: list, columns: list[str], unit: str, title: str | None) -> str:
    """The alt text of :func:`probe_matrix`: where most and least is found, and whether less than without training."""
    cells = [
        (value, name, column)
        for name, numbers, _, is_floor in lines
        if not is_floor
        for value, column in zip(numbers, columns, strict=True)
        if np.isfinite(value)
    ]
    floors = {name: dict(zip(columns, numbers, strict=True)) for name, numbers, _, is_floor in lines if is_floor}
    trained = [name for name, _, _, is_floor in lines if not is_floor]
    start = (
        f"{title + '. ' if title else ''}How well {listed(columns)} can be read from features trained on "
        f"{listed(trained) if trained else 'nothing'}."
    )
    if not cells:
        return start
    best, worst = max(cells), min(cells)
    text = [
        start,
        f"Most: {best[2]} from {best[1]}, {about(best[0], unit)}; least: {worst[2]} from {worst[1]}, "
        f"{about(worst[0], unit)}.",
    ]
    reached = {name: of[worst[2]] for name, of in floors.items() if np.isfinite(of[worst[2]])}
    if compared := [f"{about(value, unit)} ({name})" for name, value in reached.items()]:
        text.append(f"Without that training, {worst[2]} reaches {listed(compared)}.")
    return " ".join(text)


def map_of_differences(
    values,
    rows: Sequence,
    columns: Sequence,
    intervals=None,
    row_name: str = "",
    column_name: str = "",
    *,
    unit: str = "%",
    positive: str = "better",
    negative: str = "worse",
    title: str | None = None,
    largest: float | None = None,
    framed: Sequence[tuple[range, range]] = (),
) -> Drawing:
    """Where something gains and where it loses: ``values`` (rows, columns) are differences, the first row is lowest.

    ``intervals``: half widths (rows, columns), or (2, rows, columns), low and high; a cell whose interval holds 0 is
    hatched. ``unit`` "%": fractions, written as percentage points. ``positive``, ``negative``: what a sign means.
    ``largest``: the difference that has the full colour, for maps that stand side by side; the largest there is unless
    given. ``framed``: blocks of cells with a line around them, each the numbers of its rows and of its columns.
    """
    values, rows, columns = as_table(values, [str(r) for r in rows], [str(c) for c in columns])
    ends = low_and_high(intervals, values)
    undecided = np.zeros(values.shape, bool) if ends is None else (ends[0] <= 0) & (ends[1] >= 0)
    top = np.nan_to_num(np.abs(values)).max()
    full = top if largest is None else largest
    digits = 1 if top * (100 if unit == "%" else 1) >= 0.95 else 2
    left = 0.65 + max(breadth(row) for row in rows)
    cell, tall = min(1.5, (WIDTH - left - 0.2) / len(columns)), 0.7
    head, said = 0.15 + 0.45 * bool(title), f"{'percentage points' if unit == '%' else unit}"
    signs = {1: (BLUE, "", f"+ {positive}"), -1: (VERMILLION, "", f"− {negative}")}
    notes = [note for sign, note in signs.items() if (sign * values > 0).any()] or [*signs.values()]
    notes += [("#E4E4E4", "////", "undecided: the interval holds 0")] * bool(undecided.any())
    notes += [("", "", f"numbers in {said}")] * bool(said)
    width = max(
        left + cell * len(columns) + 0.2,
        0.25 + breadth(title or "", 14, "bold"),
        0.2 + max(0.4 + breadth(note) for *_, note in notes),
        3.0,
    )
    flow = flowing([0.6 + breadth(note) for *_, note in notes], width - 0.2)
    height = head + tall * len(rows) + 0.75 + LINE * 1.25 * (flow[-1][1] + 1) + 0.15 + 0.1
    with style():
        figure = canvas(width, height, layout=None)
        ax = paper(figure)
        if title:
            ax.text(0.1, 0.27, title, fontsize=14, fontweight="bold", va="center")
        ax.text(0.2, head + tall * len(rows) / 2, row_name, rotation=90, ha="center", va="center")
        for r, row in enumerate(rows):
            y = head + tall * (len(rows) - 1 - r)
            ax.text(left - 0.12, y + tall / 2, row, ha="right", va="center_baseline")
            for c in range(len(columns)):
                value = values[r, c]
                colour = to_hex(SIGNS(0.5 + 0.5 * (value / full if full and np.isfinite(value) else 0)))
                paint(
                    ax, left + cell * c, y, cell, tall, colour, value, None, unit, digits=digits, hatch=undecided[r, c]
                )
        for block_rows, block_columns in framed:
            corner = left + cell * block_columns[0], head + tall * (len(rows) - 1 - block_rows[-1])
            size = cell * len(block_columns), tall * len(block_rows)
            ax.add_patch(Rectangle(corner, *size, fill=False, edgecolor=INK, linewidth=2.2, zorder=3))
        y = head + tall * len(rows)
        for c, column in enumerate(columns):
            ax.text(left + cell * (c + 0.5), y + 0.17, shortened(column, cell - 0.04), ha="center", va="center")
        ax.text(left + cell * len(columns) / 2, y + 0.45, column_name, ha="center", va="center")
        for (colour, hatch, note), (x, line) in zip(notes, flow, strict=True):
            at = y + 0.8 + LINE * 1.25 * line
            if colour:
                swatch = {"facecolor": colour, "hatch": hatch, "edgecolor": GREY, "linewidth": 0}
                ax.add_patch(Rectangle((0.1 + x, at), 0.28, 0.17, **swatch))
            ax.text(0.1 + x + 0.36 * bool(colour), at + 0.085, note, va="center", color=INK if colour else GREY)
    alt = say_differences(
        values, rows, columns, undecided, row_name, column_name, said, unit, positive, negative, title
    )
    return Drawing(figure, alt)


def affinity_map(
    table: pd.DataFrame,
    blocks: Mapping[str, object] | None = None,
    *,
    intervals: pd.DataFrame | None = None,
    largest: float | None = None,
    unit: str = "",
    positive: str = "helps",
    negative: str = "harms",
    giver: str | None = None,
    receiver: str | None = None,
    title: str | None = None,
) -> Drawing:
    """What each task does to each other one: a row a giver, a column a receiver, unless the table is symmetric.

        mtl.show.affinity_map(table, blocks={"Ana": "A", "Bao": "A", "Chidi": "B"}, largest=0.5)

    ``table``: tasks × tasks, index and columns with the same names. The diagonal is left blank. ``blocks``: task → its
    known company: tasks are put beside their companions, and a line is drawn around each company. ``intervals``: half
    widths, a table like the first; hatched where one holds 0. The rest as in :func:`map_of_differences`, but the first
    row is highest.

    Raises ValueError for fewer than two tasks, and where rows, columns, intervals or blocks have other tasks.
    """
    names = check_affinity(table, blocks, intervals)
    if blocks is not None:
        companies = list(dict.fromkeys(blocks[name] for name in names))
        names = sorted(names, key=lambda name: companies.index(blocks[name]))  # otherwise as they were
    values = table.loc[names, names].to_numpy(float, copy=True)
    np.fill_diagonal(values, np.nan)
    if giver is None and receiver is None and np.allclose(values, values.T, rtol=1e-5, atol=0, equal_nan=True):
        giver = receiver = ""  # nobody gives
    giver, receiver = "giver" if giver is None else giver, "receiver" if receiver is None else receiver
    half = None if intervals is None else intervals.loc[names, names].to_numpy(float)[::-1]
    n, frames = len(names), []
    for company in {} if blocks is None else dict.fromkeys(blocks[name] for name in names):
        at = [number for number, name in enumerate(names) if blocks[name] == company]
        frames.append((range(n - 1 - at[-1], n - at[0]), range(at[0], at[-1] + 1)))
    drawn = map_of_differences(
        values[::-1],
        names[::-1],
        names,
        half,
        giver,
        receiver,
        unit=unit,
        positive=positive,
        negative=negative,
        title=title,
        largest=largest,
        framed=frames,
    )
    return Drawing(
        drawn.figure, say_affinity(values, names, blocks, unit, (giver, receiver), (positive, negative), title)
    )


def check_affinity(table: pd.DataFrame, blocks: Mapping | None, intervals: pd.DataFrame | None) -> list[str]:
    """The tasks of a square table; ValueError where something speaks of others."""
    names = list(table.index)
    if (
        len(names) < 2
        or set(names) != set(table.columns)
        or len(set(names)) < len(names)
        or len(table.columns) != len(names)
    ):
        raise ValueError("an affinity map needs a row and a column for each of two tasks or more, with the same names")
    if intervals is not None and (set(intervals.index) != set(names) or set(intervals.columns) != set(names)):
        raise ValueError("the intervals need the rows and columns of the table")
    if blocks is not None and (missing := [name for name in names if name not in blocks]):
        raise ValueError(f"blocks must say the company of every task; {missing[0]!r} has none")
    return names


def say_affinity(
    values: np.ndarray,
    names: list[str],
    blocks: Mapping | None,
    unit: str,
    ends: tuple[str, str],
    signs: tuple[str, str],
    title: str | None,
) -> str:
    """The alt text of :func:`affinity_map`: the largest pairs either way, the most one-sided, and the companies."""

    def pair(place: int) -> str:
        r, c = np.unravel_index(place, values.shape)
        size = coarse(values[r, c] * (100 if unit == "%" else 1), True)
        return f"{names[r]} to {names[c]} ≈ {size}{' points' if unit == '%' else ' ' * bool(unit) + unit}"

    known = np.where(np.isfinite(values), values, 0)
    largest = np.abs(known).max() or 1.0
    known = np.round(known / largest, 6) * largest  # what differs by rounding has no order
    order = known.argsort(axis=None, kind="stable")
    said = f"rows {ends[0]}, columns {ends[1]}" if any(ends) else "the same either way"
    text = [f"{title or 'Affinity'}: {len(names)} tasks, {said}."]
    for sign, places in zip(signs, (order[::-1][:3], order[:3]), strict=True):
        found = [pair(place) for place in places if (known.flat[place] > 0) == (sign == signs[0]) and known.flat[place]]
        if found:
            text.append(f"{sign[0].upper()}{sign[1:]} most: {', '.join(found)}.")
    apart = np.abs(known - known.T)
    if apart.max() > 1e-5 * largest:
        r, c = np.unravel_index(apart.argmax(), apart.shape)
        text.append(f"Most one-sided: {pair(r * len(names) + c)}, back {pair(c * len(names) + r)}.")
    if blocks is not None:
        members = {company: [name for name in names if blocks[name] == company] for company in blocks.values()}
        text.append(f"Framed companies: {'; '.join(listed(group, 8) for group in members.values() if group)}.")
    return " ".join(text)


def say_differences(values, rows, columns, undecided, row_name, column_name, said, unit, positive, negative, title):
    """The alt text of :func:`map_of_differences`: the largest gain, the largest loss, and how much is undecided."""

    def at(place: int) -> str:
        r, c = np.unravel_index(place, values.shape)
        size = coarse(abs(values[r, c]) * (100 if unit == "%" else 1))
        return f"≈ {size} {said} at {row_name} {rows[r]}, {column_name} {columns[c]}".replace("  ", " ")

    start = f"{title or 'Differences'}: {len(rows)} values of {row_name} by {len(columns)} of {column_name}."
    known = np.where(np.isfinite(values), values, 0)
    parts = []
    if known.max() > 0:
        parts.append(f"Largest gain ({positive}): {at(known.argmax())}.")
    if known.min() < 0:
        parts.append(f"Largest loss ({negative}): {at(known.argmin())}.")
    parts.append(f"Undecided: ≈ {int(undecided.sum())} of {np.isfinite(values).sum()} cells.")
    return " ".join([start, *parts])


# --- parts ---------------------------------------------------------------------------------------------------------


def paint(
    ax: Axes,
    x: float,
    y: float,
    width: float,
    height: float,
    colour: str,
    value: float,
    half: float | None,
    unit: str,
    *,
    digits: int | None = None,
    hatch: bool = False,
    framed: bool = False,
) -> None:
    """One cell with its number; ``half`` is written below it."""
    known = np.isfinite(value)
    face = colour if known else "#F0F0F0"
    ink = ink_on(face)
    ax.add_patch(
        Rectangle(
            (x + 0.02, y + 0.02),
            width - 0.04,
            height - 0.04,
            facecolor=face,
            linewidth=0,
            hatch="////" if hatch and known else None,
            edgecolor="#8A8A8A",
        )
    )
    if framed:
        inner = (x + 0.06, y + 0.06), width - 0.12, height - 0.12
        ax.add_patch(Rectangle(*inner, fill=False, edgecolor=ink, linewidth=1.4))
    if not known:
        ax.text(x + width / 2, y + height / 2, "–", ha="center", va="center", color=GREY)
        return
    text = rounded(value, unit) if digits is None else coarse(value * (100 if unit == "%" else 1), True, digits)
    box = {"facecolor": face, "edgecolor": "none", "pad": 1.5} if hatch else None
    has_half = half is not None and np.isfinite(half)
    ax.text(
        x + width / 2,
        y + height / 2 - 0.12 * has_half,
        text,
        ha="center",
        va="center",
        color=ink,
        fontsize=14,
        fontweight="bold",
        bbox=box,
    )
    if has_half:
        ax.text(
            x + width / 2,
            y + height / 2 + 0.15,
            f"± {coarse(half * (100 if unit == '%' else 1))}",
            ha="center",
            va="center",
            color=ink,
        )


def flowing(widths: Sequence[float], room: float) -> list[tuple[float, int]]:
    """Where things of these widths stand in lines of ``room``: (x, line) of each."""
    at, line, places = 0.0, 0, []
    for width in widths:
        if at and at + width > room + 0.25:
            at, line = 0.0, line + 1
        places.append((at, line))
        at += width
    return places


def as_table(values, rows: Sequence[str], columns: Sequence[str]) -> tuple[np.ndarray, list[str], list[str]]:
    """Numbers (rows, columns) with the names of both."""
    if isinstance(values, pd.DataFrame) and {"trained_on", "probed_for", "score"} <= set(values.columns):
        tidy = values.copy()
        if tidy.groupby(["trained_on", "probed_for"]).size().max() > 1:
            tidy["trained_on"] = tidy["model"] + ": " + tidy["trained_on"]
        values = tidy.pivot_table(index="trained_on", columns="probed_for", values="score", sort=False)
    if isinstance(values, pd.DataFrame):
        rows, columns = rows or list(values.index), columns or list(values.columns)
    values = np.asarray(values, float)
    rows, columns = [str(row) for row in rows], [str(column) for column in columns]
    if values.ndim != 2 or values.shape != (len(rows), len(columns)) or values.size == 0:
        raise ValueError(
            f"expected values of shape ({len(rows)}, {len(columns)}), a row and a column a name; got {values.shape}"
        )
    return values, rows, columns


def per_column(floor, columns: Sequence[str]) -> np.ndarray:
    floor = [floor[name] for name in columns] if isinstance(floor, Mapping | pd.Series) else floor
    return np.broadcast_to(np.asarray(floor, float), (len(columns),))


def map_of_claims(claims: Mapping[tuple, Claim], row_name: str = "", column_name: str = "", **words: object) -> Drawing:
    """Claims (row, column) → claim as a map: the mean difference of each, hatched where the claim is undecided.

    Rows and columns stand in the order in which they occur first, the first row lowest; a place without a claim is
    left empty. ``words``: positive, negative, title and largest of :func:`map_of_differences`. The sign is that of the
    difference, whichever way was claimed. Raises ValueError for no claims, and for claims of several units.
    """
    units = {one.unit for one in claims.values()}
    if len(units) != 1:
        raise ValueError(
            f"a map needs claims of one unit; these have {sorted(units) or 'none, for there are no claims'}"
        )
    rows, columns = (list(dict.fromkeys(place[axis] for place in claims)) for axis in (0, 1))
    cells = np.full((3, len(rows), len(columns)), np.nan)
    for (row, column), one in claims.items():
        cells[:, rows.index(row), columns.index(column)] = one.mean, one.low, one.high
    mean, *ends = cells
    return map_of_differences(
        mean, rows, columns, np.stack(ends), row_name=row_name, column_name=column_name, unit=units.pop(), **words
    )


def low_and_high(intervals, values: np.ndarray) -> np.ndarray | None:
    """Intervals as (2, rows, columns)."""
    if intervals is None:
        return None
    intervals = np.asarray(intervals, float)
    if intervals.shape == values.shape:
        return np.stack([values - intervals, values + intervals])
    if intervals.shape == (2, *values.shape):
        return intervals
    raise ValueError(f"intervals must be {values.shape} or {(2, *values.shape)}, not {intervals.shape}")


def half_widths(intervals, values: np.ndarray) -> np.ndarray | None:
    ends = low_and_high(intervals, values)
    return None if ends is None else (ends[1] - ends[0]) / 2
