"""Whether tasks pull the weights that they share in different directions: the angles and sizes of their gradients."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, islice

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ..arguments import whole
from ..data.world import Split, World
from ..sharing import Sharing
from ..training import Run, TrainingDiverged, hardware
from ..training.feed import Batch, Feed
from ..training.loop import Settings, evaluate, train
from ..training.parts import cut_batch
from ..training.sweeps import Plan, Sweep, check_seeds
from ..weighting import Fixed, Sum, as_weighting
from ..weighting.aggregate import Place, gradients, of_group, shared_places
from .features import evaluating, examples, sharing, split_of


@torch.inference_mode(False)  # also where a learner has asked for no gradients
def conflict(
    model: Sharing | Run,
    world: World,
    *,
    layer: str | None = None,
    split: str = "train",
    batch_size: int = 64,
    batches: int = 8,
    seed: int = 0,
) -> pd.DataFrame:
    """The angle between the tasks' gradients on the weights they share, and how the gradients differ in size.

        g_t = ∇L_t on a batch,      cosine = g_i·g_j / (‖g_i‖ ‖g_j‖),      ratio = smaller ‖g‖ / larger ‖g‖

    L_t is the task's own loss, before any weighting, and g_t a vector over all weights that more than one task uses and
    that learn. A row for each pair of tasks, ``first`` and ``second``, with ``cosine``, ``ratio`` and the two sizes,
    ``size_first`` and ``size_second``; each is the mean over batches of the batch's value. A row with first = second is
    the **ceiling**: the same task on two batches of other examples. Gradients of one task disagree too, for no other
    reason than that a batch is a sample, and no pair can be expected to agree better than that. With several copies in
    the model the column ``seed`` comes first, and no copy has any part in another's numbers.

    ``layer``: the weights of one layer of the trunk alone, to see where tasks part: a network may branch there.

    ``batches``: so many times, 2 · ``batch_size`` examples of the ``split`` are drawn by ``seed``, none twice and at
    most as many as there are; they are cut into two batches. On each, pairs are compared, so both tasks see the same
    examples where they share them, as in a step of training; between the two is the ceiling. The model is in evaluation
    mode and is not changed. Cost: a pass backwards for each batch and task.

    A cosine is NaN where a gradient is 0 (its size says so), a size is NaN too where a task has no label in any batch.
    The other measure of size in the literature, Φ = 2‖g_i‖‖g_j‖ / (‖g_i‖² + ‖g_j‖²), is 2r / (1 + r²) of a batch's
    ratio r. Yu et al. 2020, "Gradient surgery for multi-task learning"; Elich et al. 2023, "Examining common paradigms
    in multi-task learning", who find angles between tasks no worse than those within one, and sizes worse.

    Raises ValueError for a model of one task, one in which no weight (of the ``layer``) is shared or all of those are
    frozen, fewer than two examples, and a gradient that is not a number; KeyError for a layer that is not there;
    TypeError, ValueError or KeyError for a model and a world that do not belong together, for a split that is not
    there, and for numbers that are out of range.
    """
    model = sharing(model)
    check_conflict(model, layer)
    weights = next(model.parameters())
    feed = Feed([Split(*examples(model, world, split))], model.tasks, str(weights.device), weights.dtype)
    batch_size, batches, seed = whole(batch_size, "batch_size"), whole(batches, "batches"), whole(seed, "seed", least=0)
    rows = table_rows(model, feed, [seed], batch_size, batches, layer)
    table = pd.concat([pd.DataFrame(own) for own in rows], ignore_index=True)
    if endless := sorted(table["first"][table.size_first.isin([torch.inf])].unique()):
        raise ValueError(
            f"the gradient of {endless[0]!r} is not a finite number: the model has diverged, so train it with a lower "
            "learning rate, or the task's labels are too large"
        )
    if model.copies > 1:
        table.insert(0, "seed", [one for one, own in zip(model.seeds, rows, strict=True) for _ in own])
    return table


@torch.inference_mode(False)
def conflict_path(
    way: type[Sharing],
    world: World | Callable[..., World],
    *,
    trunk: nn.Module | Callable[..., nn.Module],
    seeds: Iterable[int] = range(5),
    epochs: int = 20,
    every: int = 1,
    batches: int = 8,
    batch_size: int = 64,
    lr: float = 1e-3,
    optimiser: str = "adam",
    weight_decay: float = 0.0,
    precision: str | None = None,
    weighting: object = None,
    scored: str = "validation",
    **axes: object,
) -> pd.DataFrame:
    """:func:`conflict` while a network learns: before training (``epoch`` 0), every ``every`` epochs, at the end.

    The table of :func:`conflict` with a column for each axis, ``seed`` and ``epoch`` in front, and the scores of both
    tasks on the split ``scored`` behind, ``score_first`` and ``score_second``. The training is that of
    :func:`~mtl_lesson.sweep`, whose arguments these are: a world *function* is drawn for each seed, a list is a grid,
    and seeds train side by side. To measure changes nothing in it, and uses the same batches at every epoch, so that a
    path shows how the network changes and not the sample.

    Example: ``conflict_path(mtl.Hard, mtl.data.questions, trunk=mtl.nets.conv(8), seeds=range(4), every=5)``.
    Raises what ``sweep`` and :func:`conflict` raise, before anything is trained. A seed that diverges meanwhile is told
    of and stays where it was; the size of a gradient that is no longer finite is infinite, and its cosine NaN.
    """
    settings = Settings(epochs, batch_size, lr, optimiser, weight_decay, precision)
    settings = replace(settings, precision=precision or str(hardware.precision(str(hardware.device()))))
    every, batches = whole(every, "every"), whole(batches, "batches")
    if weighting is not None:
        several = isinstance(weighting, list | tuple)
        axes["weighting"] = [as_weighting(one) for one in weighting] if several else as_weighting(weighting)
    plan = Plan(way, world, trunk, axes, check_seeds(seeds))
    groups = [
        [dataset | setting for dataset in job.datasets] for job in plan.jobs(batch_size) for setting in job.settings
    ]
    for points in groups:
        drawn = plan.draw(points[0])
        check_conflict(plan.model(points[0], drawn))
        split_of(drawn, scored)
    hardware.prepare()
    with hardware.threads(1):
        tables = [table for points in groups for table in watched(plan, points, settings, every, batches, scored)]
    return pd.concat(tables, ignore_index=True)


def along_front(sweep: Sweep) -> dict[str, np.ndarray]:
    """What a sweep over fixed weights of two tasks says of their front, means over seeds, for ``mtl.arrows(front=…)``.

    ``weights`` (W, 2) of the tasks, in order of the first; ``scores`` (W, 2) on validation at the end, ``curves``
    (W, E, 2) after each epoch that was judged; ``angles`` (W,) in degrees, of the mean cosine, and ``sizes`` (W, 2) of
    the gradients at the end (:func:`conflict`); an angle is NaN where a gradient is 0.

    Raises ValueError for other than two tasks, for weights that are not fixed, for a sweep with another axis, or that
    was stopped, and for a copy that diverged.
    """
    runs = list(sweep.runs.values())
    names = [task.name for task in runs[0].model.tasks] if runs else []
    check_front(sweep, names)
    rows = []
    for run in runs:
        judged = run.history[run.history.split == "validation"].pivot(index="epoch", columns="task", values="score")
        weights = run.history[run.history.split == "train"].groupby("task").weight.last()
        pair = conflict(run, run.world).iloc[0]
        measured = (judged[names].to_numpy(), pair.cosine, pair[["size_first", "size_second"]].to_numpy(float))
        rows.append((tuple(weights[names]), *measured))
    points = sorted({weights for weights, *_ in rows})
    means = [[np.mean([row[at] for row in rows if row[0] == point], 0) for point in points] for at in (1, 2, 3)]
    curves, cosines, sizes = map(np.stack, means)
    angles = np.degrees(np.arccos(cosines))
    return {"weights": np.array(points), "scores": curves[:, -1], "curves": curves, "angles": angles, "sizes": sizes}


def check_front(sweep: Sweep, names: Sequence[str]) -> None:
    """Refuse a sweep that is not one front, seen at every seed."""
    axes = [axis for axis in sweep.axes if axis != "seed"]
    places = [*sweep.plan.datasets, *sweep.plan.settings] if sweep.plan else []
    recipes = [place["weighting"] for place in places if "weighting" in place]
    if len(names) != 2 or not recipes or not all(isinstance(one, Fixed) for one in recipes):
        raise ValueError("a front is drawn by a sweep of two tasks over weighting=[mtl.weighting.Fixed(…), …]")
    if more := [axis for axis in axes if axis != "weighting" and sweep.table[axis].astype(str).nunique() > 1]:
        raise ValueError(f"this sweep has the axis {more[0]!r} too, and each of its values a front of its own")
    if len(sweep.runs) < len(sweep.plan.keys):
        raise ValueError("the sweep was stopped, and a front is the mean over the same seeds everywhere: run it again")
    for run in sweep.runs.values():
        if run.stopped:
            raise ValueError(f"the front has no end at seed {run.seed}, which {run.stopped}: lower the learning rate")


def check_conflict(model: Sharing, layer: str | None = None) -> None:
    """Refuse a model in which there are no two gradients to compare, and say why."""
    name = type(model).__name__
    if len(model.tasks) < 2:
        raise ValueError(f"conflict is between two tasks, and the model has one, {model.tasks[0].name!r}")
    if not model.shared_parameters():
        raise ValueError(
            f"conflict is undefined: in {name} no weight is shared; take one that shares, such as mtl.Hard"
        )
    if next(model.parameters()).is_inference():
        raise ValueError("the model was made under torch.inference_mode(), so it has no gradients: make it outside")
    if not any(shared_places(model)):
        raise ValueError(f"conflict is undefined: all weights that the tasks of this {name} share are frozen")
    if layer is not None and not list(places_in(model, layer)):
        raise ValueError(f"conflict is undefined: no weight of layer {layer!r} is shared and learns")


def watched(
    plan: Plan, points: Sequence[Mapping], settings: Settings, every: int, batches: int, scored: str
) -> list[pd.DataFrame]:
    """Train the seeds of one place on the axes together, and look at them from time to time."""
    worlds, seeds = [plan.draw(point) for point in points], [point["seed"] for point in points]
    device, dtype = str(hardware.device()), hardware.DTYPES[settings.precision]
    exact = torch.float64 if dtype == torch.float64 else torch.float32
    model = plan.model(points[0], worlds[0]).like(seeds).to(device, exact)
    feed = Feed([one.train for one in worlds], model.tasks, device, dtype)
    judged = Feed([split_of(one, scored) for one in worlds], model.tasks, device, exact)
    measured = Feed([one.train for one in worlds], model.tasks, device, exact)  # never in a faster precision
    tables = []

    def look(epoch: int) -> None:
        names, scores = [task.name for task in model.tasks], evaluate(model, judged)[1].tolist()
        every_row = table_rows(model, measured, seeds, settings.batch_size, batches)
        for point, rows, own in zip(points, every_row, scores, strict=True):
            table = pd.DataFrame(rows)
            for place, (name, value) in enumerate((plan.cells(point) | {"epoch": epoch}).items()):
                table.insert(place, name, value)
            for which in ("first", "second"):
                table[f"score_{which}"] = table[which].map(dict(zip(names, own, strict=True)))
            tables.append(table)

    look(0)
    weighting = (points[0].get("weighting") or Sum()).start(model)
    for epoch in train(model, feed, seeds, settings, diverging, weighting=weighting):
        if epoch.number % every == 0 or epoch.number == settings.epochs or not epoch.alive.any():
            look(epoch.number)
    return tables


def diverging(text: str) -> None:
    warnings.warn(text, TrainingDiverged, stacklevel=4)


def places_in(model: Sharing, layer: str | None = None) -> Iterator[Place]:
    """The shared weights that learn, of one layer of the trunk or of all; KeyError for a layer that is not there."""
    if layer is None:
        yield from shared_places(model)
        return
    trunks = [trunk for trunk in model.trunks().values() if layer in trunk.plan]
    if not trunks:
        raise KeyError(f"the trunk has no layer {layer!r} with weights; it has {', '.join(model.trunk.plan)}")
    inside = {id(weight) for trunk in trunks for weight in trunk[layer].parameters()}
    yield from (place for place in shared_places(model) if id(place[0]) in inside)


def table_rows(
    model: Sharing, feed: Feed, seeds: Sequence[int], batch_size: int, batches: int, layer: str | None = None
) -> list[list[dict]]:
    """For each copy the rows of its table; ``seeds`` draw the examples of each dataset of ``feed``."""
    if feed.n < 2:
        raise ValueError("conflict needs two examples or more, to compare a task with itself")
    whole_ones = (b for b in feed.shuffled(seeds, 0, 2 * batch_size) if len(b) >= min(2 * batch_size, feed.n))
    with evaluating(model):
        found = [angles_and_sizes(model, batch, layer) for batch in islice(whole_ones, batches)]
    cosines, ratios, sizes = (torch.stack(values).nanmean(0).tolist() for values in zip(*found, strict=True))
    numbers = range(len(model.tasks))
    pairs = [*combinations(numbers, 2), *((t, t) for t in numbers)]
    return [
        [
            {
                "first": model.tasks[i].name,
                "second": model.tasks[j].name,
                "cosine": cosines[copy][i][j],
                "ratio": ratios[copy][i][j],
                "size_first": sizes[copy][i],
                "size_second": sizes[copy][j],
            }
            for i, j in pairs
        ]
        for copy in range(model.copies)
    ]


def angles_and_sizes(model: Sharing, batch: Batch, layer: str | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """Of every copy: cosines (C, T, T) and ratios of the tasks' gradients on each half of a batch, on the diagonal
    between its halves, and the gradients' sizes (C, T)."""
    one, other = (shared_gradients(model, half, layer) for half in cut_batch(batch, 2))
    sizes = torch.stack([one.norm(dim=2), other.norm(dim=2)])
    itself = torch.eye(len(model.tasks), dtype=torch.bool, device=one.device)

    def put(measure: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
        within = torch.stack([measure(one, one), measure(other, other)]).nanmean(0)
        return measure(one, other).where(itself, within)

    return put(cosine_matrix), put(ratio_matrix), sizes.nanmean(0)


def cosine_matrix(a: Tensor, b: Tensor) -> Tensor:
    """Cosines (C, T, T) of gradients (C, T, P)."""
    return (a @ b.mT / (a.norm(dim=2)[:, :, None] * b.norm(dim=2)[:, None, :])).clamp(-1, 1)


def ratio_matrix(a: Tensor, b: Tensor) -> Tensor:
    """The smaller size over the larger, (C, T, T)."""
    p, q = a.norm(dim=2)[:, :, None], b.norm(dim=2)[:, None, :]
    return torch.minimum(p, q) / torch.maximum(p, q)


def shared_gradients(model: Sharing, batch: Batch, layer: str | None = None) -> Tensor:
    """∇L_t on a batch with respect to the shared weights that learn (:func:`places_in`), in float64: (C, T, P). NaN
    where a task has no label in the batch, infinite where it is not finite."""
    outputs = model.outputs(batch.as_type(next(model.parameters()).dtype), batch.inputs, batch.streams)
    labels = {name: known.repeat_interleave(model.copies // batch.inputs, 0) for name, known in batch.labels.items()}
    losses = [task.loss(outputs[task.name], labels[task.name]) for task in model.tasks]  # no stack: 0 · NaN is NaN
    places = list(places_in(model, layer))
    weights = list({id(weight): weight for weight, _ in places}.values())
    number = {id(weight): at for at, weight in enumerate(weights)}
    rows = [gradients(loss.sum(), weights) for loss in losses]
    found = torch.stack([torch.cat([of_group(row, number, place) for place in places], 1) for row in rows], 1).double()
    found = found.where(found.isfinite().all(2, keepdim=True), torch.inf)
    known = torch.stack([task.labelled(labels[task.name]).flatten(1).any(1) for task in model.tasks], 1)
    return found.where(known[:, :, None], torch.nan)
