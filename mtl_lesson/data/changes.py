"""Changes to a world: fewer tasks, wrong labels, missing labels, labels on the same examples or on others.

Each function takes a world and returns another one; the world given is as it was. Name and dial are those of the world
given, and its test set is left alone: whatever is done to the labels that a network learns from, it is judged by the
same answers to the same questions.

A sweep draws a world for each seed from a *function* of the seed, and a change is made within it. A name that the
function takes beside ``seed`` is an axis of the sweep::

    def noisy(share, seed):
        return mtl.data.flip_labels(mtl.data.questions(n_train=200, seed=seed), "colour", share, seed=seed)

    mtl.sweep(mtl.Hard, noisy, trunk=mtl.nets.conv(), share=[0, 0.2, 0.4], seeds=range(8))
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from ..arguments import real, whole
from ..chance import generator
from ..tasks import Task, choices, find_task
from .planted import Planted
from .world import Split, World


def only(world: World, tasks: Iterable[str]) -> World:
    """The world with some of its tasks alone, in the order given: ``only(world, ["colour", "garment"])``.

    ``tasks``: names, or one name. In all three splits the other tasks' labels go, and so do their inputs where each
    task has its own. Where all look at the same input every example stays, so that a step, an epoch and the order of
    the batches are the same for any choice of tasks. Of a :class:`.Planted` world the truth goes with the tasks.

    In a sweep: ``mtl.sweep(mtl.Hard, lambda seed: mtl.data.only(mtl.data.questions(seed=seed), ["garment", "colour"]),
    …)``. Raises KeyError, which lists the tasks, for a name that is not among them; ValueError for no name or one given
    twice.
    """
    names = [tasks] if isinstance(tasks, str) else list(tasks)
    kept = tuple(find_task(world.tasks, name) for name in names)

    def part(split: Split) -> Split:
        x = {name: split.x[name] for name in names} if isinstance(split.x, Mapping) else split.x
        return Split(x, {name: split.labels[name] for name in names})

    layout = world.layout
    if isinstance(layout, Mapping):  # which may name some tasks only
        layout = {name: kind for name, kind in layout.items() if name in names}
    if not kept:
        raise ValueError(f"no task is left; name one or more of {', '.join(task.name for task in world.tasks)}")
    truth = {}
    if isinstance(world, Planted):
        numbers = [world.tasks.index(task) for task in kept]
        truth = {what: getattr(world, what)[numbers] for what in ("theta", "group", "bases", "private", "covariance")}
    splits = {which: part(getattr(world, which)) for which in ("train", "validation", "test")}
    return replace(world, tasks=kept, layout=layout, **splits, **truth)


def flip_labels(world: World, task: str, share: float, seed: int = 0) -> World:
    """The world with a ``share`` of one task's labels, in training and validation, turned into another class.

    So many labels are drawn, rounded to a whole number in each of the two, and each becomes one of the other classes,
    any as likely as any other. Training and validation are noisy alike, as they are where somebody labels carelessly;
    the test stays clean. ``seed`` draws which labels, and which classes; those that are wrong at a small share are
    wrong, in the same way, at a larger one.

    Raises KeyError for an unknown task, TypeError for one whose labels are not classes or yes and no, TypeError or
    ValueError for a share that is no number from 0 to 1.
    """
    asked = find_task(world.tasks, task)
    share, seed = real(share, "share", most=1), whole(seed, "seed", least=0)
    classes = len(choices(asked))
    if not classes:
        raise TypeError(
            f"labels of {task!r} cannot be flipped: a {type(asked).__name__} has no other class to take; "
            "this is for Classification and Binary"
        )

    def flipped(which: str) -> Split:
        split = getattr(world, which)
        labels, drawn = split.labels[task].clone(), generator(seed, "flip_labels", task, which)
        there = _examples_with(asked, labels)
        order, further = (
            torch.randperm(len(there), generator=drawn),
            torch.randint(1, classes, (len(there),), generator=drawn),
        )
        wrong = order[: round(share * len(there))]
        labels[there[wrong]] = (labels[there[wrong]] + further[wrong]) % classes
        return _labelled(split, {task: labels})

    return replace(world, train=flipped("train"), validation=flipped("validation"))


def hide_labels(world: World, task: str, keep: int, seed: int = 0) -> World:
    """The world with all but ``keep`` of one task's training labels missing; validation and test keep theirs.

    ``seed`` draws which examples keep their label; those that do at a small ``keep`` do at a larger one. Raises
    KeyError for an unknown task, TypeError or ValueError for a number that is not whole, or not from 1 to the number of
    examples that have a label.
    """
    asked = find_task(world.tasks, task)
    labels, seed = world.train.labels[task], whole(seed, "seed", least=0)
    there = _examples_with(asked, labels)
    keep = whole(keep, "keep", most=len(there), most_name=f"the labels of {task!r}")
    kept = there[torch.randperm(len(there), generator=generator(seed, "hide_labels", task))[:keep]]
    return replace(world, train=_labelled(world.train, {task: _left(asked, labels, kept)}))


def overlap(world: World, n: int, share: float, seed: int = 0) -> World:
    """The world with ``n`` training labels a task, of which a ``share`` are on examples that all tasks have labels on.

    This is the dial *share of the samples that two tasks have in common*: with k = ``share``·n, rounded, k examples are
    labelled for every one of the T tasks, and each task has n − k more for itself, on which no other has a label. All
    else is missing. Every task has n labels whatever the share, and every example stays, so that an epoch is as many
    steps; validation and test keep their labels. ``seed`` draws which examples.

    Takes k + T·(n − k) examples that are labelled for all tasks. Raises ValueError where there are fewer, and for a
    world of one task, or whose tasks have inputs of their own; TypeError or ValueError for numbers out of range.
    """
    n, share, seed = whole(n, "n"), real(share, "share", most=1), whole(seed, "seed", least=0)
    if len(world.tasks) < 2 or isinstance(world.train.x, Mapping):
        why = "there is one task" if len(world.tasks) < 2 else "each task has inputs of its own"
        raise ValueError(f"overlap is about examples that several tasks look at; in {world.name} {why}")
    k, T = round(share * n), len(world.tasks)
    known = [set(_examples_with(task, world.train.labels[task.name]).tolist()) for task in world.tasks]
    there = torch.tensor(sorted(set.intersection(*known)))
    if (takes := k + T * (n - k)) > len(there):
        raise ValueError(
            f"{n} labels for each of {T} tasks, {k} of them on common examples, take {k} + {T}·{n - k} = {takes} "
            f"examples labelled for all tasks, and there are {len(there)}; take a smaller n, a larger share or a "
            "larger world"
        )
    drawn = there[torch.randperm(len(there), generator=generator(seed, "overlap"))]
    common, own = drawn[:k], drawn[k:takes].view(T, n - k)
    labels = {
        task.name: _left(task, world.train.labels[task.name], torch.cat([common, mine]))
        for task, mine in zip(world.tasks, own, strict=True)
    }
    return replace(world, train=_labelled(world.train, labels))


def _examples_with(task: Task, labels: Tensor) -> Tensor:
    """The numbers of the examples that have a label, or some of several."""
    return task.labelled(labels).reshape(len(labels), -1).any(1).nonzero().flatten()


def _left(task: Task, labels: Tensor, kept: Tensor) -> Tensor:
    """The labels of the examples ``kept``, and missing ones for all others."""
    left = torch.full_like(labels, task.missing)
    left[kept] = labels[kept]
    return left


def _labelled(split: Split, labels: Mapping[str, Tensor]) -> Split:
    """A split with other labels for some tasks."""
    return Split(split.x, {**split.labels, **labels})
