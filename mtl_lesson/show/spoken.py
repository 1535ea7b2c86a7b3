"""What the λ explorer says: the alt text of each view, and all else that the browser is sent beside the numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from ..evidence import FEWEST
from ..inspection.paths import Path, Slice, as_shares
from ..training.live import Train
from ..words import MANY, NO_LAMBDA, about, listed, rounded, scored, sentence, unit, written

#: what the browser fills in: two tasks may be chosen, and anything may be typed
PHRASES = {
    "pareto": "{up} against {right} along λ. At λ = {lam}: {right} {x}, {up} {y}. The path runs from λ = {first} "
    "({right} {x first}, {up} {y first}) to λ = {last} ({right} {x last}, {up} {y last}).",
    "no_lambda": NO_LAMBDA,
    "nearest": "The λ nearest to {text} among the results is {lam}.",
    "no_combination": "There are no results for that combination; this is one that has some.",
    "what_now": "Press Reveal, or move λ and mark again.",
    "reveal_first": "after you have revealed the curve",
    "no_place": "The link asks for {text}, which is not here.",
    "copied": "The address of this page now leads to this setting.",
}


def say_everything(found: Slice, split: str) -> dict[str, object]:
    """What is said of a slice, ready to be shown: for each λ, or for all seeds and then each of them at each λ."""
    who, each = (None, *found.seeds), range(len(found.lams))
    task, n = found.tasks[0], len(found.seeds)

    def everywhere(told: Callable[[int, int | None], object]) -> list[list]:
        return [[told(index, seed) for index in each] for seed in who]

    def score(index: int, seed: int | None) -> list[str]:
        values = found.scores_of(seed)[index].tolist()
        return [about(value, unit(task)) for task, value in zip(found.tasks, values, strict=True)]

    axis = f"{task.score_name}{'' if task.higher_is_better else ' (less is better)'}"
    return {
        "seeds": [f"all {n}: mean and band" if n > 1 else "the only one", *(f"seed {seed}" for seed in found.seeds)],
        "note": [", ".join([split, *([f"seed {seed}"] if seed is not None else []), say_band(found)]) for seed in who],
        "axis": axis if found.alike else "each task from its worst to its best",
        "mean": f"mean of {len(found.tasks)} tasks",
        "best": say_best(found),
        "good": say_good(found, split),
        "mark": [f"Your mark: λ = {written(lam)}." for lam in found.lams],
        "marked": [f"You marked {written(lam)}." for lam in found.lams],
        "hidden": {
            "status": [sentence(found, index, hidden=True) for index in each],
            "scores": [
                f"The scores against λ are hidden until you reveal them. λ is {written(lam)}." for lam in found.lams
            ],
            "view": [f"Hidden until you reveal it, at λ = {written(lam)}." for lam in found.lams],
        },
        "status": everywhere(lambda index, seed: sentence(found, index, seed)),
        "scores": everywhere(lambda index, seed: say_scores(found, index, seed, split)),
        "gaps": everywhere(lambda index, seed: say_gaps(found, index, seed)),
        "model": everywhere(lambda index, seed: say_model(found, index, seed)),
        "tied": everywhere(
            lambda index, seed: [say_tie_briefly(tight) for tight in found.ties_of(seed)[index].tolist()]
        ),
        "score": everywhere(score),
        "pooled": everywhere(lambda index, seed: about(found.pooled_of(seed)[index], unit(task))),
    }


def say_band(found: Slice) -> str:
    """What the band around a line is."""
    n = len(found.seeds)
    return "one seed" if n == 1 else f"lowest to highest of {n} seeds" if n < 3 else f"95 % interval over {n} seeds"


def say_best(found: Slice) -> str:
    """Where the best λ is, and how far chance moves it."""
    first, last = (written(found.lams[end(found.bests)]) for end in (min, max))
    apart = f"; for single seeds from {first} to {last}" if first != last else ", and there for every single seed"
    apart = apart if len(found.seeds) > 1 else ""
    return f"Best on validation ({found.merit_name}): λ = {written(found.lams[found.best])}{apart}."


def say_good(found: Slice, split: str) -> str:
    """Which λ to take, and why: the best on validation, what is as good, and what it gains over either end."""
    lams, best, n = found.lams, found.best, len(found.seeds)
    why = f"of {len(lams)} it is best on validation ({found.merit_name})"
    said = [f"λ = {written(lams[best])} is a good choice: {why}"]
    others = [written(lams[number]) for number in found.as_good if number != best]
    seeds = f"{n} seeds" if n > 1 else "One seed"
    if others:
        said.append(f"{seeds} do{'es' * (n == 1)} not tell {listed(others)} from it")
    elif len(lams) > 1:
        said.append(f"{seeds} tell it from every other")
    pulled = np.nanmax(found.gaps, initial=0) > 0  # else λ is no pull: one trunk at every λ
    for end, words in ((0, "the least pull" if pulled else "the least"), (len(lams) - 1, "the strongest")):
        if end == best or not found.alike:
            continue
        mean, low, high = (say_gain(value, unit(found.tasks[0])) for value in found.gain_over(end))
        between = f" (95 % interval {low} to {high})" if n >= FEWEST else ""
        said.append(f"On {split} it gains {mean}{between} over λ = {written(lams[end])}, {words}")
    if pulled and 0 in found.as_good and lams[0] == 0 and best != 0:
        said.append("So nothing here shows that a pull is needed")
    return ". ".join(said) + "."


def say_gain(value: float, kind: str) -> str:
    """A difference of scores: of shares in percentage points."""
    if kind == "%" and np.isfinite(value):
        return f"≈ {100 * value:+.1f} points".replace("-", "−")
    return about(value, kind)


def say_scores(found: Slice, index: int, seed: int | None, split: str) -> str:
    """The view of the scores: each task's at this λ with its band; of many tasks their mean."""

    def ranged(name: str, kind: str, values: np.ndarray, low: np.ndarray, high: np.ndarray) -> str:
        return f"{name} {about(values, kind)} (from {about(low, kind)} to {about(high, kind)})"

    if len(found.tasks) > MANY and found.alike:
        _, low, high = found.pooled_band
        name, kind = f"the mean of {len(found.tasks)} tasks is", unit(found.tasks[0])
        each = ranged(name, kind, found.pooled_of(seed)[index], low[index], high[index])
    else:
        _, low, high = found.band
        rows = zip(found.tasks, found.scores_of(seed)[index], low[index], high[index], strict=True)
        each = ", ".join(ranged(task.name, unit(task), *numbers) for task, *numbers in rows)
    return (
        f"Score against λ on {split}, {say_band(found)}. At λ = {written(found.lams[index])}: {each}. {say_best(found)}"
    )


def say_gaps(found: Slice, index: int, seed: int | None) -> str:
    """The view of the distances from the mean, layer by layer."""
    names = [task.name for task in found.tasks]

    def layer(values: np.ndarray) -> str:
        known = values[np.isfinite(values)]
        if len(names) <= MANY or not len(known):
            return ", ".join(f"{name} {about(value)}" for name, value in zip(names, values, strict=True))
        return f"mean of {len(names)} tasks {about(known.mean())} (from {about(known.min())} to {about(known.max())})"

    said = [f"{name}: {layer(row)}" for name, row in zip(found.layers, found.gaps_of(seed)[index], strict=True)]
    return (
        f"How far each task's weights are from the mean of all tasks, at λ = {written(found.lams[index])}. "
        f"{'; '.join(said)}."
    )


def say_model(found: Slice, index: int, seed: int | None) -> str:
    """The view of the model: how tightly the tasks are tied in each layer, and in their heads."""
    ties = dict(zip(found.layers, found.ties_of(seed)[index], strict=True))
    answers = ties.pop("heads", 0)
    said = [f"{name}: {say_tie(tight)}" for name, tight in ties.items()]
    said.append(f"answers: {say_tie(answers) if answers else 'one for each task'}")
    return (
        f"The model at λ = {written(found.lams[index])}, layer by layer, {len(found.tasks)} tasks wide. "
        f"{'; '.join(said)}. Tied: 1 − gap / the largest gap of the layer along λ."
    )


def say_tie(tight: float) -> str:
    return "one for all tasks" if tight >= 1 else f"{about(tight, '%')} tied"


def say_tie_briefly(tight: float) -> str:
    """How tightly a layer is tied, beside it."""
    return "one for all" if tight >= 1 else "> 99 % tied" if tight > 0.994 else f"{rounded(tight, '%')} tied"


def say_confusion(found: Slice, name: str, index: int, split: str) -> str:
    """The view of one task's answers: how much of each class is right, and what it is most often taken for."""
    classes, said = found.classes[name], []
    for i, row in enumerate(as_shares(found.confusions[name][index])):
        if np.isnan(row).any():
            continue
        wrong = np.where(np.arange(len(row)) == i, -1, row)
        most = int(wrong.argmax())
        taken = f", most often taken for {classes[most]} ({about(wrong[most], '%')})" if wrong[most] > 0 else ""
        said.append(f"{classes[i]} {about(row[i], '%')} right{taken}")
    return f"Answers of {name} at λ = {written(found.lams[index])} on {split}, all seeds together. {'; '.join(said)}."


def say_trained(found: Slice, index: int, seed: int, scores: Mapping[str, float]) -> str:
    """A point that was trained just now."""
    tasks = [task for task in found.tasks if task.name in scores]
    values = [scores[task.name] for task in tasks]
    mean = f"{about(np.mean(values), unit(tasks[0]))} (mean)"
    said = scored(tasks, values) if len(tasks) <= MANY else mean
    return f"Trained now at λ = {written(found.lams[index])}, seed {seed}: {said}."


def say_duration(live: Train) -> str:
    """How long a point will train."""
    seconds = f", ≈ {max(1, live.seconds):.0f} s" if live.seconds else ""
    return f"{live.epochs} epoch{'s' * (live.epochs != 1)}{seconds}"


def say_why_not(path: Path) -> str:
    """Why no point can be trained."""
    return f"Not possible here: {path.why_not}."
