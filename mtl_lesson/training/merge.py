"""Sharing afterwards: networks that were trained apart from one start are merged into one trunk."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import pandas as pd
import torch
from torch import Tensor

from ..arguments import real
from ..data.world import Split, World
from ..nets.layers import Stacked
from ..sharing import Hard, Separate, Sharing
from .feed import Feed
from .loop import evaluate
from .runs import Run, began, placed, record
from .sweeps import Sweep

MERGED = "networks merged after training"
Weights = dict[tuple[str, str], Tensor]  # (layer, its weight) → values, the networks on axis 0


def merge(
    runs: Run | Sweep | Sequence[Run] | Sequence[Sweep],
    lam: float | Iterable[float] = 1.0,
    *,
    any_start: bool = False,
    test: bool = False,
) -> Run | Sweep:
    """One trunk for all tasks out of networks that began with the same weights: a Hard model that was not trained.

        θ = θ₀ + λ Σ_k τ_k,    τ_k = θ_k − θ₀,    ŷ_t = g_t(f(x; θ); φ_t)

    θ₀ is what the seed drew (the trunk's own weights with initial="template") and θ_k what a network came to; heads
    stay each task's own. λ = 0 is the untrained trunk below trained heads, λ = 1/K the mean of K networks, and one
    network with λ = 1 is itself. What was one network for several tasks while training has one τ. Ilharco et al. 2023,
    "Editing models with task arithmetic".

    ``runs``: a Run whose tasks have networks of their own (:class:`~mtl_lesson.Separate`), or several Runs of different
    tasks; a Sweep of such Runs, each merged by itself; or several Sweeps, merged place by place. ``lam``: λ from 0. For
    Runs and one λ it returns a Run, else a Sweep with the axis ``lam``, all λ computed at once, for ``mtl.explore``.
    ``test`` adds the test set to its table. ``any_start``: merge networks that began with different weights too; θ₀ is
    then the mean of where they began, and λ = 1/K still the mean of the networks.

    Raises TypeError for what is no Run or Sweep; ValueError for networks that did not start alike, or whose start is
    not known, for trunks that differ, tasks that two Runs answer, trunks that keep running statistics (of a merged one
    they are not known), ways whose tasks have no trunk of their own, and a λ that makes no sense.
    """
    axes, groups = grouped(runs)
    several = isinstance(lam, Iterable) and not isinstance(lam, str)
    lams = [real(one, "λ") for one in (lam if several else [lam])]
    if not lams or len(set(lams)) < len(lams):
        raise ValueError(f"λ must be given once each, and at least one; got {lams}")
    if "lam" in axes:
        raise ValueError("the sweep has an axis lam already: merge its runs one at a time, merge(sweep.run(…), lam=…)")
    for some in groups.values():
        check_merge(some, any_start)
    found = {}
    for key, some in groups.items():
        found[key] = merge_one(some, lams, dict(zip(axes, key, strict=True)), test)
    if not several and isinstance(first_of(runs), Run):
        return next(iter(found.values()))[0]
    merged = {(λ, *key): mine[n] for n, λ in enumerate(lams) for key, mine in found.items()}
    history = pd.concat([run.history for run in merged.values()], ignore_index=True)
    return Sweep(history.drop(columns="epoch"), history, merged, ("lam", *axes), MERGED)


@torch.no_grad()
def join(runs: Sequence[Run]) -> Separate:
    """The networks of several Runs as one model, each task with its own: for what looks at one model, such as
    :func:`~mtl_lesson.inspection.head_swap`. Raises what :func:`merge` does, but for networks that start apart."""
    check_merge(runs, any_start=True)
    model = alike(Separate, runs, 1)
    names = [task.name for task in model.tasks]
    for run in runs:
        for t, task in enumerate(run.model.tasks):
            for (layer, key), value in each_task(run.model, t):
                mine = model.trunk[layer]
                getattr(mine, mine.attributes[key])[:, names.index(task.name)] = value
    return model.eval()


# --- what is merged -------------------------------------------------------------------------------------------------


def first_of(runs: object) -> object:
    return runs[0] if isinstance(runs, list | tuple) and runs else runs


def grouped(runs: object) -> tuple[tuple[str, ...], dict[tuple, list[Run]]]:
    """What is merged with what: the names of the axes, and (the value on each) → Runs."""
    if isinstance(runs, Run | Sweep):
        runs = [runs]
    if not isinstance(runs, list | tuple) or not runs:
        raise TypeError(f"merge takes a Run, a Sweep, or a list of them, not {runs!r}")
    if all(isinstance(one, Run) for one in runs):
        return ("seed",), {(runs[0].seed,): list(runs)}
    if not all(isinstance(one, Sweep) for one in runs):
        kinds = ", ".join(sorted({type(one).__name__ for one in runs}))
        raise TypeError(f"merge takes Runs or Sweeps, all of one kind, not {kinds}")
    if len({len(one.runs) for one in runs}) > 1 or not runs[0].runs:
        sizes = ", ".join(str(len(one.runs)) for one in runs)
        raise ValueError(f"Sweeps are merged place by place, so each needs as many copies; they have {sizes}")
    places = zip(*(one.runs.values() for one in runs), strict=True)
    return runs[0].axes, {key: list(some) for key, some in zip(runs[0].runs, places, strict=True)}


def check_merge(runs: Sequence[Run], any_start: bool) -> None:
    """Refuse, in words, what cannot be merged."""
    names = [task.name for run in runs for task in run.model.tasks]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise ValueError(f"two of the runs answer {twice!r}: merge networks of different tasks")
    first, start = runs[0], None
    for run in runs:
        model, way = run.model, type(run.model).__name__
        if model.between is not None or len(model.trunks()) > 1:
            raise ValueError(f"in {way} no task has a trunk of its own to merge; take Separate, or Hard of one task")
        if run.began in (MERGED, began(model, model)):
            raise ValueError(
                f"the start of a network is not known ({run.began}): train it from its seed, or from the weights of "
                'its trunk, initial="template"'
            )
        if str(model.template[0]) != str(first.model.template[0]):
            raise ValueError("the trunks differ, and weights are added one by one: train the same trunk in all runs")
        its = weights_at_start(run)
        if start is not None and any(value.shape != its[name].shape for name, value in start.items()):
            raise ValueError("the trunks differ, and weights are added one by one: train the same trunk in all runs")
        if not any_start and start is not None and not same_weights(start, its):
            raise ValueError(
                f"the networks did not start alike (seeds {first.seed} and {run.seed}), so their changes are told in "
                "different coordinates and do not add up; train them from one seed, or ask for it: any_start=True"
            )
        start = its
        if statistics := moved_buffers(model):
            raise ValueError(
                f"layer {statistics!r} keeps running statistics, and those of a merged trunk are not known; take a "
                "trunk without them, such as one with nn.GroupNorm"
            )


def fresh(model: Sharing) -> Sharing:
    """The model as it began: the same seed draws the same weights."""
    return model.like(model.seeds).to(next(model.parameters()))


def each_task(model: Sharing, t: int) -> Iterator[tuple[tuple[str, str], Tensor]]:
    """The weights of one task's trunk: ((layer, weight), values (1, …))."""
    for name, owners in model.trunk.plan.items():
        for key, value in model.trunk[name].values(owners[t]).items():
            yield (name, key), value.detach()


def weights_at_start(run: Run) -> Weights:
    """θ₀, (1, …): all tasks of a model begin with the same."""
    return dict(each_task(fresh(run.model), 0))


def weights_at_end(model: Sharing) -> Weights:
    """The θ_k of each layer, (K, …): one for each group of weights in it."""
    found: dict[tuple[str, str], list[Tensor]] = {}
    for name, owners in model.trunk.plan.items():
        for group in range(max(owners) + 1):
            for key, value in model.trunk[name].values(group).items():
                found.setdefault((name, key), []).append(value.detach())
    return {name: torch.cat(values) for name, values in found.items()}


def same_weights(one: Weights, other: Weights) -> bool:
    """Whether all weights are the same, in whichever precision and on whichever device they are."""
    return all(torch.equal(value.double().cpu(), other[name].double().cpu()) for name, value in one.items())


def moved_buffers(model: Sharing) -> str | None:
    """The first layer of the trunk that remembers something of what it was trained on."""
    start = fresh(model)
    for name in model.trunk.plan:
        mine, its = model.trunk[name], start.trunk[name]
        keys = (mine.attributes[key] for key in mine.buffer_keys)
        if any(not torch.equal(getattr(mine, key), getattr(its, key)) for key in keys):
            return name
    return None


# --- merging --------------------------------------------------------------------------------------------------------


@torch.no_grad()
def merge_one(runs: Sequence[Run], lams: Sequence[float], point: Mapping[str, object], test: bool) -> list[Run]:
    """The merged model for each λ, as copies of one, each judged on the runs' world: a Run each."""
    began_at = time.perf_counter()
    model, world = alike(Hard, runs, len(lams)), common_world(runs)
    starts, ends = [weights_at_start(run) for run in runs], [weights_at_end(run.model) for run in runs]
    for layer, key in starts[0]:
        θ = [end[layer, key].to(ends[0][layer, key]) for end in ends]
        θ0 = [start[layer, key].to(one).expand_as(one) for start, one in zip(starts, θ, strict=True)]
        mine = model.trunk[layer]
        getattr(mine, mine.attributes[key])[:, 0] = task_arithmetic(torch.cat(θ0), torch.cat(θ), lams)
    rows: list[dict] = []
    for split in ("validation", *["test"] * test):
        weights = next(model.parameters())
        feed = Feed([getattr(world, split)], model.tasks, weights.device, weights.dtype)
        record(rows, model, 0, split, *evaluate(model, feed))
    history, seconds, seed = pd.DataFrame(rows), time.perf_counter() - began_at, model.seeds[0]
    found = []
    for number, λ in enumerate(lams):
        own = history[history.copy_number == number].drop(columns="copy_number").reset_index(drop=True)
        one = model.copy(number).eval()
        own = placed(own, {"lam": λ, **point})
        found.append(Run(one, world, own, seed, seconds, runs[0].precision, began=MERGED))
    return found


def task_arithmetic(θ0: Tensor, θ: Tensor, lams: Sequence[float]) -> Tensor:
    """θ₀ + λ Σ_k (θ_k − θ₀) for each λ, (λs, …); ``θ0`` and ``θ`` are (K, …), and of several θ₀ the mean counts.

    Since Σ_k (θ_k − θ₀) = K (θ̄ − θ₀) this is lerp(θ₀, θ̄, λK): at λ = 0 and 1/K, and where nothing has moved, exact.
    """
    start, mean = (one[0] + (one - one[0]).mean(0) for one in (θ0, θ))
    return torch.stack([torch.lerp(start, mean, λ * len(θ)) for λ in lams])


def alike(way: type[Sharing], runs: Sequence[Run], copies: int) -> Sharing:
    """A model of all tasks of the runs, with the heads and stems that these have learnt, in so many copies."""
    first = runs[0].model
    tasks = [task for run in runs for task in run.model.tasks]
    shapes, heads, stems = ({k: v for run in runs for k, v in part(run.model).items()} for part in PARTS)
    more = {name: value for name, value in (("heads", heads), ("stems", stems)) if value}
    model = way(
        tasks, first.template[0], features=shapes, seeds=(runs[0].seed,) * copies, initial=first.initial, **more
    )
    model.to(next(first.parameters()))
    for run in runs:
        for task in run.model.tasks:
            take(model.heads[model.head_of(task)], run.model.heads[run.model.head_of(task)])
        for key, stem in run.model.stems.items():
            for mine, its in zip(model.stems[key].layers, stem.layers, strict=True):
                take(mine, its)
    return model


PARTS = (lambda model: model.shapes, lambda model: model.heads_at, lambda model: model.stem_templates)


def take(mine: Stacked, its: Stacked) -> None:
    """What a layer of one copy has learnt, for all copies."""
    if isinstance(mine, Stacked):
        for key in mine.attributes.values():
            getattr(mine, key).copy_(getattr(its, key).expand_as(getattr(mine, key)))


def common_world(runs: Sequence[Run]) -> World:
    """The world that all runs were trained on; where each has its own, one that asks each task as its run's does."""
    first = runs[0].world
    if all(run.world is first for run in runs):
        return first
    asked = [(task, run.world) for run in runs for task in run.model.tasks]

    def split(name: str) -> Split:
        parts = {task.name: getattr(world, name) for task, world in asked}
        x = {task: part.inputs.get(task, part.inputs.get(None)) for task, part in parts.items()}
        return Split(x, {task: part.labels[task] for task, part in parts.items()})

    layouts = {t.name: w.layout.get(t.name) if isinstance(w.layout, Mapping) else w.layout for t, w in asked}
    layout = layouts if any(layouts.values()) else None
    splits = (split(name) for name in ("train", "validation", "test"))
    return World(first.name, tuple(task for task, _ in asked), *splits, dial=first.dial, layout=layout)
