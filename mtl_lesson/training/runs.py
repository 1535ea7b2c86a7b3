"""``fit`` trains one model and returns a Run. It is a sweep of one: both go through :func:`train_copies`."""

from __future__ import annotations

import math
import os
import threading
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module

import pandas as pd
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from tqdm.auto import tqdm

from ..data.world import World
from ..sharing import Sharing
from ..weighting import PerCopy, Sum, Weighting, as_weighting
from . import hardware
from .feed import Batch, Feed
from .loop import Settings, TrainingDiverged, evaluate, outputs_of, train
from .parts import can_be_cut, parts, parts_for

INTERRUPTED = "interrupted"


class Ticks:
    """Counts epochs on a progress bar, from any thread. After :meth:`stop` all training that counts here ends, before
    its next step."""

    def __init__(self, bar: tqdm):
        self.bar, self.lock, self.stopping = bar, threading.Lock(), False

    def update(self, epochs: int) -> None:
        with self.lock:
            self.bar.update(epochs)

    def check(self) -> None:
        """Raises KeyboardInterrupt once training is to stop, as Stop in a notebook does."""
        if self.stopping:
            raise KeyboardInterrupt

    def stop(self) -> None:
        self.stopping = True


@dataclass(frozen=True)
class Run:
    """One trained model.

    ``model``: the trained copy. ``history``: a row for each epoch, task and split with loss, score and gap (how far the
    task's trunk is from the mean of all tasks', :meth:`~mtl_lesson.sharing.base.Sharing.gap`). ``scores``: task →
    validation score after the last epoch. ``precision`` and ``threads``: what it was trained in and on how many of the
    CPU; what judges it is always in float32, or in float64 where that was trained. ``stopped``: "" or why training
    ended early. ``began``: with which weights training began.
    """

    model: Sharing
    world: World
    history: pd.DataFrame = field(repr=False)
    seed: int
    seconds: float = field(repr=False)
    precision: str
    stopped: str = ""
    threads: int = field(default=1, repr=False)
    began: str = field(default="weights drawn from the seed", repr=False)

    @property
    def scores(self) -> dict[str, float]:
        last = self.history[(self.history.split == "validation") & (self.history.epoch == self.history.epoch.max())]
        return dict(zip(last.task, last.score, strict=True))

    def test(self) -> dict[str, float]:
        """Task → test score. For reporting, once everything has been chosen on validation."""
        return self.evaluate("test")

    def evaluate(self, split: str) -> dict[str, float]:
        """Task → score on "train", "validation" or "test"."""
        if split not in ("train", "validation", "test"):
            raise ValueError(f"a world has train, validation and test, not {split!r}")
        weights = next(self.model.parameters())
        feed = Feed([getattr(self.world, split)], self.model.tasks, weights.device, weights.dtype)
        _, score = evaluate(self.model, feed)
        return {task.name: float(value) for task, value in zip(self.model.tasks, score[0], strict=True)}

    # What keeps a model or asks it decides nothing of what was learnt: named, not imported, it is no part of the code
    # that a stored result hangs on.

    def save(self, path: str | os.PathLike) -> None:
        """Keep the model in one file, without its data and without code; ``mtl.load(path)`` gives it back. Raises what
        :func:`.saved.save_run` does."""
        import_module(".saved", __package__).save_run(self, path)

    def predict(self, rows: object) -> pd.DataFrame:
        """What the model answers to new rows: inputs as the World's, or a table where it was made of tables. See
        :func:`.answers.answer_rows`."""
        answers = import_module(".answers", __package__)
        return answers.answer_rows(self.model, answers.intake_of(self.world, self.model.tasks), rows)


def fit(
    model: Sharing,
    world: World,
    *,
    epochs: int = 20,
    batch_size: int = 64,
    lr: float = 1e-3,
    seed: int = 0,
    optimiser: str = "adam",
    weight_decay: float = 0.0,
    precision: str | None = None,
    validate: bool | int = True,
    progress: bool = True,
    weighting: object = None,
    go_on: bool = False,
) -> Run:
    """Train a copy of ``model``, drawn from ``seed``, on ``world.train``; the model given is not changed.

    The one training step of the course stands in :func:`mtl_lesson.training.loop.step`, to be read with ``??``. It
    minimises Σ_t L_t plus the model's penalty plus ½ ``weight_decay`` ‖θ‖², with ``optimiser`` "adam", "sgd" or
    "momentum" (0.9, heavy ball). ``validate`` looks at the validation set after every epoch (a number: after every so
    many) rather than after the last one only. Interrupting (Stop, Ctrl-C) returns what has been learnt so far. A last
    batch of a single example is joined to the one before. On a CPU a step is cut into parts, by its size, that are
    computed side by side and added in one order: the same bits on any number of cores. What cannot be cut, since a
    layer looks at several examples at once or draws at random, is computed on one thread, or on all where a step is
    large (:data:`.hardware.TOGETHER`).

    ``weighting``: how the tasks' losses become one, of :mod:`mtl_lesson.weighting` or a scalarizer of torchjd; Σ_t L_t
    unless given. ``go_on``: begin with the weights that ``model`` has, as after another ``fit``, rather than with those
    that ``seed`` draws; ``run.began`` says which.

    Raises ValueError for settings that make no sense and for a model whose tasks are not the world's.
    """
    settings = Settings(epochs, batch_size, lr, optimiser, weight_decay, precision, validate)
    check_fit(model, world)
    if go_on and model.copies > 1:
        raise ValueError(f"the model holds {model.copies} copies; go on with one, such as model.copy(0)")
    with bar(settings.epochs, progress) as shown:
        run = train_copies(
            model,
            [world],
            [seed],
            [{}],
            Ticks(shown),
            settings,
            tell=warn,
            sizeable=True,
            weightings=[as_weighting(weighting)],
            given=model if go_on else None,
        )[0]
    if run.stopped == INTERRUPTED:
        done = int(run.history.epoch.max())
        kept = "what was learnt until then is kept" if done else "nothing was learnt yet; run the cell again"
        print(f"Stopped during epoch {done + 1} of {epochs}: {kept}.")
    return run


@torch.inference_mode(False)  # also where a learner has asked for no gradients
def train_copies(
    model: Sharing,
    worlds: Sequence[World],
    seeds: Sequence[int],
    points: Sequence[Mapping],
    ticks: Ticks,
    settings: Settings,
    changes: Mapping[str, object] | None = None,
    *,
    tell: Callable[[str], object] = lambda text: None,
    sizeable: bool = False,
    weightings: Sequence[Weighting] | None = None,
    given: Sharing | None = None,
) -> list[Run]:
    """Train copies of ``model`` side by side, one for each of ``seeds``; several may share one of the ``worlds``.

    The copies of one world stand together and have one seed. ``points`` name the rows of their histories; ``changes``
    are arguments of the model that differ between copies, a list each. ``tell`` hears of a copy that diverges.
    ``sizeable``: a large step may take all cores; otherwise one thread computes. ``weightings``: one a copy. ``given``:
    a model whose weights all copies begin with.
    """
    for world in worlds:
        check_fit(model, world)
    each = len(seeds) // len(worlds)
    where = str(hardware.device())
    settings = replace(settings, precision=settings.precision or str(hardware.precision(where)))
    dtype = hardware.DTYPES[settings.precision]
    exact = torch.float64 if dtype == torch.float64 else torch.float32  # of weights, and of what judges them
    copies = model.like(seeds, **(changes or {}))
    if given is not None:
        for mine, its in zip(copies.holders(), given.holders(), strict=True):
            mine.load_copy(its, 0)
    copies = copies.to(where, exact)
    recipes = list(weightings or [Sum()])
    weighting = (recipes[0] if len({*map(id, recipes)}) == 1 else PerCopy(recipes)).start(copies)
    splits = {"train": dtype, "validation": exact} | ({"test": exact} if settings.test else {})
    feeds = {
        name: Feed([getattr(world, name) for world in worlds], copies.tasks, where, kind)
        for name, kind in splits.items()
    }
    rows: list[dict] = []
    stopped, done, threads, start = [""] * len(seeds), 0, 1, time.perf_counter()

    def judge(split: str) -> None:
        record(rows, copies, done, split, *evaluate(copies, feeds[split]))

    try:
        hardware.prepare()
        count = 1
        if sizeable and torch.device(where).type == "cpu":
            batch = next(feeds["train"].in_order(settings.batch_size))
            examples, size = len(next(iter(batch.labels.values()))[0]), work(copies, batch)
            cuttable = can_be_cut(copies) and weighting.adds_up
            count = parts_for(size, examples) if cuttable else 1
            threads = min(count, hardware.cores()) if cuttable else hardware.threads_for(size, where)
        with hardware.threads(1 if count > 1 else threads), parts(count, threads) as cut:
            for epoch in train(copies, feeds["train"], seeds[::each], settings, tell, ticks.check, cut, weighting):
                done = epoch.number
                stopped = ["" if alive else f"diverged by epoch {done}" for alive in epoch.alive.tolist()]
                record(rows, copies, done, "train", epoch.train_loss, None, epoch.weights)
                if settings.judged(done) or not epoch.alive.any():
                    judge("validation")
                    if settings.test and settings.validate:
                        judge("test")
                ticks.update(len(seeds))
    except KeyboardInterrupt:
        stopped = [reason or INTERRUPTED for reason in stopped]
    with hardware.threads(threads):
        for split in ("validation", *["test"] * settings.test):
            if not any(row["split"] == split and row["epoch"] == done for row in reversed(rows)):
                judge(split)
    seconds, history = time.perf_counter() - start, pd.DataFrame(rows)
    runs = []
    for number, (seed, point) in enumerate(zip(seeds, points, strict=True)):
        own = history[history.copy_number == number].drop(columns="copy_number").reset_index(drop=True)
        one = copies.copy(number).eval()
        runs.append(
            Run(
                one,
                worlds[number // each],
                placed(own, point),
                seed,
                seconds,
                settings.precision,
                stopped[number],
                threads,
                began(copies, given),
            )
        )
    return runs


class Arithmetic(TorchDispatchMode):
    """Counts additions and multiplications in products and convolutions, by PyTorch's formulas, in this thread.

    (PyTorch's own counter watches the modules of all threads.)
    """

    def __init__(self):
        from torch.utils.flop_counter import flop_registry  # here, since it takes longer to load than a small model

        super().__init__()
        self.operations, self.formulas = 0, flop_registry

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if formula := self.formulas.get(func._overloadpacket):
            self.operations += formula(*args, **(kwargs or {}), out_val=result)
        return result


def work(model: Sharing, batch: Batch) -> float:
    """The multiply-adds of a training step: those of an answer, and twice as many for its gradients."""
    with Arithmetic() as counted:
        outputs_of(model, batch)
    return 3 * counted.operations / 2


def warn(text: str) -> None:
    warnings.warn(text, TrainingDiverged, stacklevel=5)


def began(model: Sharing, given: Sharing | None) -> str:
    """With which weights training began, in words."""
    if given is not None:
        return "the weights of the model given"
    return "weights drawn from the seed" if model.initial == "drawn" else "the template's weights"


def placed(history: pd.DataFrame, point: Mapping[str, object]) -> pd.DataFrame:
    """The history of a copy with the columns that say where in a grid it stands."""
    for place, (name, value) in enumerate(point.items()):
        history.insert(place, name, [value] * len(history))
    return history


def record(
    rows: list[dict],
    model: Sharing,
    epoch: int,
    split: str,
    loss: torch.Tensor,
    score: torch.Tensor | None,
    weights: torch.Tensor | None = None,
):
    """Append a row for each copy and task. On the training set, whose weights move meanwhile, neither score nor gap;
    but what each task's loss counted, where not each counts as it is."""
    gap = None if score is None else model.gap().tolist()
    loss, score = loss.tolist(), None if score is None else score.tolist()
    for number in range(model.copies):
        for t, task in enumerate(model.tasks):
            judged = {"score": math.nan, "gap": math.nan}
            if score is not None:
                judged = {"score": score[number][t], "gap": gap[number][t]}
            if weights is not None:
                judged["weight"] = weights[number][t].item()
            rows.append(
                {"copy_number": number, "epoch": epoch, "task": task.name, "split": split, "loss": loss[number][t]}
                | judged
                | {"higher_is_better": task.higher_is_better}
            )


def bar(total: int, progress: bool) -> tqdm:
    return tqdm(total=total, desc="training", unit="epoch", disable=not progress)


def check_fit(model: Sharing, world: World) -> None:
    """Refuse a model and a world that do not belong together, and say what each has."""
    if not isinstance(model, Sharing):
        raise TypeError(f"fit takes a model such as mtl.Hard(world.tasks, trunk), not {type(model).__name__}")
    if not isinstance(world, World):
        raise TypeError(f"fit takes a World such as mtl.data.questions(), not {type(world).__name__}")
    for task in model.tasks:
        same = next((other for other in world.tasks if other.name == task.name), None)
        if same != task:
            there = f"asks it as {same!r}" if same else f"asks {', '.join(other.name for other in world.tasks)}"
            raise ValueError(f"the model answers {task!r}, and the world {there}")
    kinds = {(tuple(x.shape[1:]), x.dtype) for x in world.train.inputs.values()}
    if len(kinds) > 1 and not model.stem_templates:
        seen = ", ".join(f"{name}: {tuple(x.shape[1:])}" for name, x in world.train.inputs.items())
        raise ValueError(
            f"the trunk cannot be alike for all tasks: their inputs differ in shape or kind ({seen}); give each task a "
            "module that makes them alike, stems={task: module}"
        )
