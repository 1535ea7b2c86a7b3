"""How well tasks go together, by cheap scores: one signature for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from torch import nn

from ..data.world import World
from ..sharing import Hard, Separate, Sharing
from ..training import Run, fit
from .by_gradient import gradient_cosine, look_ahead
from .by_labels import label_association
from .by_solution import solution_closeness, swap_gain, trunk_similarity
from .features import sharing

EPOCHS = 20  # of training, where a World is given in place of a model


@dataclass(frozen=True)
class Score:
    """A score by its name: the function, the way of sharing that it looks at (None: no model at all), whether it needs
    the ``data``, and whether it takes them in ``batches`` that a seed draws."""

    function: Callable[..., pd.DataFrame]
    way: type[Sharing] | None
    data: bool = True
    batches: bool = False


SCORES = {
    "cosine": Score(gradient_cosine, Hard, batches=True),
    "look-ahead": Score(look_ahead, Hard, batches=True),
    "cka": Score(trunk_similarity, Separate),
    "swap": Score(swap_gain, Separate),
    "distance": Score(solution_closeness, Separate, data=False),
    "labels": Score(label_association, None),
}


def affinity(
    model: Sharing | Run | World,
    world: World | None = None,
    by: str = "cosine",
    *,
    trunk: nn.Module | None = None,
    epochs: int = EPOCHS,
    seed: int = 0,
    **options: object,
) -> pd.DataFrame:
    """How well tasks go together, by a cheap score: a square table, the row gives, the column receives.

    A larger number means that the two go together better; only numbers of one score can be compared. NaN on the
    diagonal. ``by``:

        "cosine"      of the tasks' gradients on the shared weights              Hard      :func:`gradient_cosine`
        "look-ahead"  share of j's loss that a step for i takes away, directed   Hard      :func:`look_ahead`
        "cka"         of what the two trunks make of the same examples           Separate  :func:`trunk_similarity`
        "swap"        score of j's head on i's trunk, less its own, directed     Separate  :func:`swap_gain`
        "distance"    minus the squared distance of the two trunks' weights      Separate  :func:`solution_closeness`
        "labels"      how much j's labels say of i's on common examples          none      :func:`label_association`

    ``model``: one that is trained, or partly, in a way that shares (Hard and its like) or that shares nothing
    (Separate), as the third column says, with its ``world``; or a Run, whose world is known; or a World with a
    ``trunk``, on which the right kind is trained here for so many ``epochs`` from ``seed``, which draws the batches of
    gradients, too. ``options`` are those of the function in the last column, such as split="validation". None of the
    scores is a measured gain: :func:`~mtl_lesson.inspection.transfer` is.

    Raises ValueError for another ``by``, for one task only and for a model of the wrong kind, TypeError for a model
    without its world, and what the function raises.
    """
    if by not in SCORES:
        raise ValueError(f"by must be one of {', '.join(map(repr, SCORES))}, not {by!r}")
    score = SCORES[by]
    if isinstance(model, World):
        if world is not None:
            raise TypeError("two Worlds were given; a World in place of a model is the only one")
        model, world = trained(score, by, model, trunk, epochs, seed), model
    elif trunk is not None:
        raise TypeError("trunk= is for a World in place of a model; the model has its own")
    world = model.world if world is None and isinstance(model, Run) else world
    options |= {"seed": seed} if score.batches else {}
    given = [] if score.way is None else [sharing(model)]
    return score.function(*given, *([data_for(world, by)] if score.data else []), **options)


def trained(score: Score, by: str, world: World, trunk: nn.Module | None, epochs: int, seed: int) -> Run | None:
    """A model of the kind that a score looks at, trained on the world; None where it looks at none."""
    if score.way is None:
        return None
    if len(world.tasks) < 2:
        raise ValueError(f"affinity is between tasks, and there is one only, {world.tasks[0].name!r}: give two or more")
    if trunk is None:
        raise TypeError(
            f"by={by!r} looks at a model: give a trunk, affinity(world, by={by!r}, trunk=…), and {score.way.__name__} "
            "is trained on it, or give a trained model and the world"
        )
    return fit(score.way(world, trunk), world, epochs=epochs, seed=seed, validate=False, progress=False)


def data_for(world: World | None, by: str) -> World:
    """The world, if there is one."""
    if not isinstance(world, World):
        raise TypeError(f"by={by!r} needs the data: give a Run, or the model and its World, not {type(world).__name__}")
    return world
