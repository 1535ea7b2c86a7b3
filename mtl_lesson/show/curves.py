"""Learning curves: how score and loss move while a network trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from ..tasks import Task, choices
from .drawing import Drawing
from .style import (
    GREY,
    INK,
    PALE,
    WIDTH,
    about,
    canvas,
    colours_of,
    dashes_of,
    draw_band,
    draw_level,
    for_text,
    listed,
    markers_of,
    percent,
    shortened,
    style,
)

PANELS = 6  # with more tasks than this, one panel shows them all


def learning_curves(
    runs: object,
    *,
    tasks: Sequence[Task] = (),
    ceilings: Mapping[str, float] | None = None,
    loss: bool = True,
    title: str | None = None,
) -> Drawing:
    """A panel a task: the score on validation data after each epoch, and below it the losses.

    ``runs``: a Run, a list of Runs, or a history: a DataFrame with columns epoch, task, split, loss, score, and
    perhaps way and seed. Runs of one way of sharing are seeds: their mean, and its 95 % interval as a band (lowest to
    highest where there are fewer than 3). ``tasks`` are the Runs' own unless given; they say where chance is and
    whether a score is a share. ``ceilings``: task name → the best score there can be. ``loss``: draw the losses too.
    """
    history, tasks = as_history(runs, tasks)
    names, ways = list(dict.fromkeys(history.task)), list(dict.fromkeys(history.way))
    if len(names) > PANELS:
        return draw_many_tasks(history, tasks, title)
    colours, dashes, markers = colours_of(names), dashes_of(ways), markers_of(ways)
    rows, width = (2 if loss else 1), min(WIDTH, 1.2 + 2.95 * max(len(names), 2))
    legend_rows = (len(ways) > 1) + loss
    with style():
        figure = canvas(width, 0.45 * bool(title) + 2.5 * rows + 0.3 * legend_rows + 0.1)
        axes = figure.subplots(rows, len(names), squeeze=False, sharex=True, sharey="row")
        for column, name in enumerate(names):
            ax, own = axes[0, column], history[history.task == name]
            for way in ways:
                part = own[own.way == way]
                epochs, values = values_by_epoch(part, "validation", "score")
                draw_band(ax, epochs, values, colour=colours[name], dashes=dashes[way], marker=markers[way])
                if loss:
                    epochs, values = values_by_epoch(part, "train", "loss")
                    mean = values.mean(0) if len(epochs) else []
                    axes[1, column].plot(
                        epochs,
                        mean,
                        color=GREY,
                        linewidth=1.5,
                        zorder=2,
                        linestyle=dashes[way] if len(ways) > 1 else (0, (3, 1.5)),
                    )
                    epochs, values = values_by_epoch(part, "validation", "loss")
                    draw_band(
                        axes[1, column], epochs, values, colour=colours[name], dashes=dashes[way], marker=markers[way]
                    )
            ax.set_title(shortened(name, width / len(names) - 0.6, 13, "bold"), color=for_text(colours[name]))
            draw_levels(ax, name, tasks, ceilings)
            set_limits(ax, own, tasks.get(name))
            axes[-1, column].set_xlabel("epoch")
            axes[-1, column].xaxis.set_major_locator(MaxNLocator(4, integer=True, min_n_ticks=1))
        axes[0, 0].set_ylabel(f"{score_name(tasks, names)}\non validation")
        if loss:
            axes[1, 0].set_ylabel("loss")
            axes[1, 0].set_ylim(bottom=0)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=14, fontweight="bold")
        draw_legend(figure, ways, dashes, markers, loss)
    return Drawing(figure, say_curves(history, tasks, names, ways, title))


def as_history(runs: object, tasks: Sequence[Task]) -> tuple[pd.DataFrame, dict[str, Task]]:
    """One tidy table (way, seed, epoch, task, split, loss, score), and the tasks by name."""
    if isinstance(runs, pd.DataFrame):
        parts = [runs.copy()]
    else:
        runs = list(runs) if isinstance(runs, list | tuple) else [runs]
        parts = [run.history.assign(way=type(run.model).__name__, seed=number) for number, run in enumerate(runs)]
        tasks = tasks or [task for run in runs for task in run.model.tasks]
    if not parts or parts[0].empty:
        raise ValueError("there is no history to draw")
    history = pd.concat(parts, ignore_index=True)
    if missing := {"epoch", "task", "split", "loss", "score"} - set(history.columns):
        raise ValueError(f"a history has columns epoch, task, split, loss and score; missing: {sorted(missing)}")
    history["way"] = history["way"].astype(str) if "way" in history else ""
    history["seed"] = history.get("seed", 0)
    return history, {task.name: task for task in tasks}


def values_by_epoch(part: pd.DataFrame, split: str, value: str) -> tuple[np.ndarray, np.ndarray]:
    """Epochs, and the values at them, (seeds, epochs); an epoch that some seed lacks is left out."""
    wide = part[part.split == split].pivot_table(index="seed", columns="epoch", values=value, aggfunc="mean")
    wide = wide.dropna(axis=1)
    return wide.columns.to_numpy(float), wide.to_numpy(float)


def is_share(task: Task | None, values: pd.Series) -> bool:
    """True where the score is a share, to be written in per cent."""
    if task is not None:
        return task.score_name == "accuracy"
    return bool(values.dropna().between(0, 1).all())


def score_name(tasks: Mapping[str, Task], names: Sequence[str]) -> str:
    said = {tasks[name].score_name for name in names if name in tasks}
    return said.pop() if len(said) == 1 else "score"


def chance_level(task: Task | None) -> float | None:
    """The score of guessing, where classes are equally likely; None where the score is not the accuracy we know."""
    names = choices(task) if task is not None else ()
    return 1 / len(names) if names else None


def draw_levels(ax: Axes, name: str, tasks: Mapping[str, Task], ceilings: Mapping[str, float] | None) -> None:
    """The lines a score is held against: chance and the ceiling."""
    if (guess := chance_level(tasks.get(name))) is not None:
        draw_level(ax, guess, "chance", above=guess < 0.09)  # below the line, where no trained network is
    if ceilings and name in ceilings:
        draw_level(ax, ceilings[name], "ceiling", dashes=(0, (6, 2)))


def set_limits(ax: Axes, own: pd.DataFrame, task: Task | None) -> None:
    if is_share(task, own.score):
        ax.set_ylim(0, 1)
        ax.yaxis.set_major_formatter(FuncFormatter(percent))
    else:
        ax.set_ylim(bottom=min(0, own.score.min()) if own.score.notna().any() else 0)


def draw_legend(figure, ways: Sequence[str], dashes: Mapping, markers: Mapping, loss: bool) -> None:
    """One line below the panels that says which line is which."""
    handles = []
    if len(ways) > 1:
        handles += [
            Line2D([], [], color=INK, linestyle=dashes[way], marker=markers[way], markeredgecolor="w", label=way)
            for way in ways
        ]
    if loss:
        sign = "" if len(ways) > 1 else markers[ways[0]]
        handles += [
            Line2D([], [], color=INK, marker=sign, markeredgecolor="w", label="validation (in colour)"),
            Line2D(
                [],
                [],
                color=GREY,
                linewidth=1.5,
                linestyle="-" if len(ways) > 1 else (0, (3, 1.5)),
                label="training (thin, grey)",
            ),
        ]
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 5), handlelength=2.6)


def draw_many_tasks(history: pd.DataFrame, tasks: Mapping[str, Task], title: str | None) -> Drawing:
    """One panel for many tasks: a thin line each, a thick one for their mean."""
    own = history[history.split == "validation"]
    wide = own.pivot_table(index="task", columns="epoch", values="score", aggfunc="mean")
    names, epochs = list(wide.index), wide.columns.to_numpy(float)
    with style():
        figure = canvas(7.0, 4.2)
        ax = figure.subplots()
        ax.plot(epochs, wide.to_numpy().T, color=PALE, linewidth=1)
        mean = wide.mean().to_numpy()
        ax.plot(epochs, mean, color=INK, marker="o", markevery=[-1])
        ax.annotate("mean", (epochs[-1], mean[-1]), (0, 7), textcoords="offset points", ha="right", fontweight="bold")
        ax.set(
            title=title or f"{len(names)} tasks, a thin line each",
            xlabel="epoch",
            ylabel=f"{score_name(tasks, names)} on validation",
        )
        ax.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        set_limits(ax, own, next(iter(tasks.values()), None))
    return Drawing(figure, say_curves(history, tasks, names, list(dict.fromkeys(history.way)), title))


def say_curves(
    history: pd.DataFrame, tasks: Mapping[str, Task], names: list[str], ways: list[str], title: str | None
) -> str:
    """The alt text: for each way of sharing, where every task starts and ends, in the order of the panels."""
    own = history[(history.split == "validation") & history.score.notna()]
    epochs = int(history.epoch.max())
    text = [
        f"{title + '. ' if title else ''}Learning curves of {listed(names)} over {epochs} "
        f"epoch{'s' * (epochs != 1)}{f', for {listed(ways)}' if len(ways) > 1 else ''}."
    ]
    if own.empty:
        return text[0]
    for way in ways[:3]:
        part = own[own.way == way]
        mean = part.groupby(["task", "epoch"], sort=False).score.mean().unstack()
        first, last = mean.bfill(axis=1).iloc[:, 0], mean.ffill(axis=1).iloc[:, -1]
        unit = {name: "%" if is_share(tasks.get(name), own[own.task == name].score) else "" for name in last.index}
        said = [f"{n} from {about(first[n], unit[n])} to {about(last[n], unit[n])}" for n in last.index]
        text.append(f"{way if len(ways) > 1 else 'On validation'}: {'; '.join(said)}.")
    return " ".join(text)
