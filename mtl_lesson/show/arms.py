"""What every arm of a comparison scores, task by task; and one difference beside the margin that was written down."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..inspection.contest import Contest
from ..inspection.margin import NOT_KNOWN, SHOWN, SHOWN_NOT, Decision
from ..inspection.without_sharing import LINEAR, MAJORITY
from .comparisons import VERDICTS
from .drawing import Drawing
from .sheets import paper
from .style import GREY, INK, PALE, PAPER, WIDTH, about, canvas, coarse, interval, percent, shortened, style

MEAN = "mean of tasks"
PANELS = 4  # of more tasks than this the mean is drawn, not each
OF_FLOORS = (MAJORITY, LINEAR)
AS_CLAIMS = {SHOWN: "supported", SHOWN_NOT: "contradicted", NOT_KNOWN: "undecided"}  # who has which colour and mark


def arms(contest: Contest, *, title: str | None = None) -> Drawing:
    """The test merit of every arm, a panel for each task and one for their mean: a dot a seed, their mean a diamond.

    Floors, which share nothing, are grey and stand below. Of more than four tasks only the mean is drawn.
    """
    names = [name for name in contest.arms if name not in OF_FLOORS] + [n for n in OF_FLOORS if n in contest.arms]
    tasks = [task.name for task in contest.tasks]
    panels = {MEAN: None} | ({name: name for name in tasks} if 1 < len(tasks) <= PANELS else {})
    with style():
        figure = canvas(WIDTH, 1.35 + 0.42 * len(names))
        axes = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for ax, (heading, task) in zip(axes, panels.items(), strict=True):
            draw_standings(ax, contest, names, task)
            ax.set_title(shortened(heading, WIDTH / len(panels) - 0.4, weight="bold"), loc="left")
        axes[0].set(yticks=range(len(names)), ylim=(len(names) - 0.4, -0.6))
        axes[0].set_yticklabels(names)
        figure.supxlabel(
            "merit on the test: accuracy, or the share of a number's variance that is explained", fontsize=12
        )
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold")
    said = [f"{name} {about(contest.of(name).mean(), '%')}" for name in names]
    return Drawing(figure, f"{title + '. ' if title else ''}Mean merit over tasks on the test: {', '.join(said)}.")


def draw_standings(ax: Axes, contest: Contest, names: list[str], task: str | None) -> None:
    """One panel: a row for each arm."""
    for row, name in enumerate(names):
        own, colour = contest.of(name, task), GREY if name in OF_FLOORS else INK
        ax.axhline(row, color=PALE, linewidth=0.8, zorder=0)
        ax.plot(own, [row] * len(own), "o", color=colour, alpha=0.35, markersize=5, zorder=2)
        mean, low, high = interval(own)
        ax.plot([low, high], [row, row], color=colour, linewidth=2, zorder=3)
        ax.plot([mean], [row], "D", color=colour, markersize=7, markeredgecolor=PAPER, zorder=4)
    ax.xaxis.set_major_locator(MaxNLocator(3))
    ax.xaxis.set_major_formatter(FuncFormatter(percent))
    ax.tick_params(axis="y", length=0)


def decision(found: Decision, *, title: str | None = None) -> Drawing:
    """A difference with its 95 % interval beside 0 and beside the margin, and the verdict in words."""
    one, (mark, colour) = found.claim, VERDICTS[AS_CLAIMS[found.verdict]]
    mean, low, high, margin = (100 * value for value in (one.mean, one.low, one.high, found.margin))
    reach = 1.15 * max(abs(low), abs(high), margin, 1e-9)
    with style():
        figure = canvas(WIDTH, 2.1 + 0.35 * bool(title), layout=None)
        page, height = paper(figure), 2.1 + 0.35 * bool(title)
        if title:
            page.text(0.12, 0.27, title, fontsize=14, fontweight="bold", va="center")
        page.text(
            0.12, height - 1.62, f"{mark} {found.verdict}", color=colour, fontweight="bold", fontsize=14, va="center"
        )
        ax = figure.add_axes((0.2, 0.75 / height, 0.76, 0.75 / height))
        ax.axvline(0, color=INK, linewidth=1.2, zorder=1)
        if margin:
            ax.axvline(margin, color=INK, linewidth=1.2, linestyle=(0, (4, 2)), zorder=1)
            ax.annotate(
                f"margin {margin:g}",
                (margin, 1),
                (3, 2),
                xycoords=("data", "axes fraction"),
                textcoords="offset points",
            )
        ax.plot([low, high], [0, 0], color=colour, linewidth=3, zorder=3)
        ax.plot([mean], [0], "D", color=colour, markersize=9, markeredgecolor=PAPER, zorder=4)
        ax.set(xlim=(-reach, reach), ylim=(-1, 1), yticks=[])
        ax.xaxis.set_major_locator(MaxNLocator(7, symmetric=True))
        ax.spines["left"].set_visible(False)
        ax.set_xlabel("difference in points: ◆ mean, ▬ 95 % interval over new test units and new seeds")
    said = f"{found.verdict}: {one.text}, ≈ {coarse(mean, sign=True)} points beside a margin of {margin:g}"
    return Drawing(figure, f"{title + '. ' if title else ''}{said}.")
