"""The chunks of a sweep in other processes or on other machines: ``sweep(…, backend="joblib")``.

Who does the work is joblib's to say: ``with joblib.parallel_config("loky")`` the processes of this machine, with "dask"
a cluster, with the backends that Ray and Spark register theirs. One way goes the plan and a chunk, the other way what
was trained, without its data: a world is drawn where it is used, or is the one given, which every worker gets. So the
same versions must be installed everywhere, and a world function must draw the same from a seed on every machine.

Decided here, and sent: the precision, the chunks and all settings. A worker's own are its device and its environment,
``MTL_DEVICE`` with it; what this process has set since it began (PyTorch's default type, say) stays here. Stop keeps
what has finished, and ends the workers of loky; one of Dask first finishes its chunk, for nobody.
"""

from __future__ import annotations

import pickle
import platform
import threading
import uuid
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import BrokenExecutor, CancelledError
from dataclasses import replace
from functools import lru_cache

import numpy as np
import torch

from ..provenance import course
from . import hardware
from .loop import Settings
from .runs import Ticks, bar, placed
from .store import Store, data_digest
from .sweeps import Done, Job, Plan, shape_of, train_group

#: how often a sweep goes on after workers have died; Dask's scheduler counts for itself, and gives a chunk up after 4
TIMES = 3

OPENING = threading.Lock()  # threads of one worker take turns at opening a plan, and then share it


def train_elsewhere(
    plan: Plan, store: Store | None, settings: Settings, ticks: Ticks, jobs: Sequence[Job]
) -> Iterator[Done]:
    """Give the jobs to joblib, and what comes back on, in any order; what the folder has is not sent.

    Raises TypeError for a plan that cannot be pickled and ValueError for workers that are not alike, before anything is
    trained; RuntimeError once workers have died too often.
    """
    from joblib.parallel import get_active_backend

    order = pack_plan(plan, settings)
    alike = versions() | ({"folder": kind()} if store else {})
    left: dict[int, Job] = {}
    for job in jobs:
        found, missing = look_up(plan, store, job)
        left |= enumerate(missing, len(left))
        ticks.update(settings.epochs * len(found.loaded))
        yield found
    backend, workers = get_active_backend()
    of_dask = type(backend).__name__ == "DaskDistributedBackend"
    deaths = 0
    while left:
        calls = {number: (pack(job), alike) for number, job in left.items()}
        try:
            for number, answer in over_dask(backend, order, calls) if of_dask else over_joblib(workers, order, calls):
                done = read_answer(plan, job := left.pop(number), answer)
                ticks.update(settings.epochs * points_of(job))
                yield done
        except BrokenExecutor as error:
            deaths, why = deaths + 1, str(error).partition("\n")[0].rstrip(".")
            if of_dask or deaths > TIMES:
                raise RuntimeError(f"workers have died ({why}): {account(plan, store, left.values())}") from error
            warnings.warn(f"a worker has died ({why}): the sweep goes on with what is left", stacklevel=3)


def over_joblib(workers: int | None, order: bytes, calls: Mapping[int, tuple]) -> Iterator[tuple[int, bytes]]:
    """The answers to ``calls`` of :func:`train_away`, each with its number, as they come from joblib's workers: as many
    as it was told, or as it can have. Raises BrokenExecutor for one that died."""
    from joblib import Parallel, delayed

    options = {"n_jobs": -1 if workers is None else workers, "batch_size": 1}
    try:
        parallel = Parallel(return_as="generator_unordered", **options)
    except ValueError:
        warnings.warn(
            "this backend of joblib hands everything over at the end: only then the progress bar moves, and only then "
            "something is kept",
            stacklevel=4,
        )
        parallel = Parallel(**options)
    answers = parallel(delayed(with_number)(number, train_away, order, *call) for number, call in calls.items())
    try:
        for number, answer in answers:  # noqa: UP028 (it is closed below)
            yield number, answer
    finally:
        with warnings.catch_warnings():  # joblib advises who stops early to ask for less
            warnings.simplefilter("ignore")
            if parallel.return_generator:
                answers.close()


def over_dask(backend: object, order: bytes, calls: Mapping[int, tuple]) -> Iterator[tuple[int, bytes]]:
    """The same on the Dask cluster that joblib's ``backend`` knows, by the cluster's own client.

    Through joblib (1.6) a chunk whose workers die would be waited for for ever, a single worker would stay idle while
    this process computes, and what was stopped would stay in the queue.
    """
    from distributed import KilledWorker, as_completed

    backend.effective_n_jobs(-1)  # waits for a worker to come, and says so where none does
    send, options, numbers = backend.client.submit, {"pure": False, **backend.submit_kwargs}, {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sending large graph")  # the plan is in it, once
        held = send(bytes, order, **options)  # workers hand it on, and the scheduler can make it again
        for number, call in calls.items():
            numbers[send(train_away, held, *call, **options)] = number
    try:
        for future in as_completed(list(numbers), loop=backend.client.loop):
            answer = future.result()
            yield numbers.pop(future), answer
    except (KilledWorker, CancelledError) as error:
        raise BrokenExecutor(str(error)) from error
    finally:
        backend.client.cancel([held, *numbers])


def with_number(number: int, act: Callable[..., bytes], *arguments: object) -> tuple[int, bytes]:
    return number, act(*arguments)


# --- at a worker -----------------------------------------------------------------------------------------------------


def train_away(order: bytes, job: bytes, alike: Mapping[str, str]) -> bytes:
    """Train a packed job of a packed plan; returns, packed, what is to be told and its Runs, each with its place in the
    job and a digest of its world in place of the world."""
    check_alike(alike)
    with OPENING:
        plan, settings = open_plan(order)
    job, groups, done = pickle.loads(job), {}, Done()
    for place, dataset in enumerate(job.datasets):
        drawn = plan.draw(dataset)
        groups.setdefault(repr(shape_of(drawn)), {})[place] = dataset, drawn, job.settings
    for group in groups.values():
        train_group(plan, settings, Ticks(bar(0, False)), [*group.values()], done)
    places = [(place, n) for group in groups.values() for place in group for n in range(len(job.settings))]
    digests = {place: data_digest(drawn) for group in groups.values() for place, (_, drawn, _) in group.items()}
    runs = {
        place: replace(
            run,
            model=run.model.cpu(),
            world=digests[place[0]],
            history=run.history.drop(columns=list(plan.names)),  # of values that would come back as others
        )
        for place, (_, run) in zip(places, done.trained, strict=True)
    }
    return pack((done.told, runs))


@lru_cache(maxsize=1)
def open_plan(order: bytes) -> tuple[Plan, Settings]:
    """The plan of a sweep and its settings, one for all its jobs at a worker, so that a world is drawn there once."""
    try:
        _, plan, settings = pickle.loads(order)
    except ImportError as error:
        raise ImportError(
            f"a worker cannot import what the sweep needs ({error}): a module of your own must be on every machine"
        ) from error
    return plan, settings


def check_alike(wanted: Mapping[str, str]) -> None:
    """Refuse to train where another result might come out, or one that would be kept under another's name."""
    for name, version in versions().items():
        if version != wanted[name]:
            raise ValueError(
                f"a worker has {name} {version}, and the sweep was started with {wanted[name]}: install the same "
                "versions on all machines"
            )
    if wanted.get("folder", kind()) != kind():
        raise ValueError(
            f"a worker trains on {kind()}, and the folder is for what was trained on {wanted['folder']}: set "
            "MTL_DEVICE to one kind of device everywhere, or leave out folder=…"
        )


# --- what travels ----------------------------------------------------------------------------------------------------


def pack(value: object) -> bytes:
    """A value as bytes, functions and classes of a notebook's cells with their code."""
    try:
        import cloudpickle  # whose register_pickle_by_value a learner may have called
    except ImportError:
        from joblib.externals import cloudpickle
    return cloudpickle.dumps(value)


def pack_plan(plan: Plan, settings: Settings) -> bytes:
    """A plan as bytes; TypeError, which says what of it, where that cannot be. Never the same twice: another sweep is
    to draw its worlds anew."""
    try:
        return pack((uuid.uuid4().hex, plan, settings))
    except Exception as reason:
        error = reason  # pickling fails in many ways
    parts = {"the way of sharing": plan.way, "the world": plan.world, "the trunk": plan.trunk}
    what = next((name for name, part in parts.items() if not can_be_packed(part)), "an axis")
    raise TypeError(
        f"{what} cannot be sent to other processes ({error}); open files, locks and the like in the function that uses "
        "them"
    ) from error


def can_be_packed(value: object) -> bool:
    try:
        return bool(pack(value))
    except Exception:
        return False


def versions() -> dict[str, str]:
    """What must be the same at every worker."""
    python = ".".join(platform.python_version_tuple()[:2])
    code = course(f"{__package__}.sweeps")
    return {"Python": python, "PyTorch": torch.__version__, "NumPy": np.__version__, "mtl_lesson of stamp": code}


def kind() -> str:
    """The kind of device this process trains on: "cpu", "cuda", "mps"."""
    return hardware.device().name.split(":")[0]


# --- what comes back -------------------------------------------------------------------------------------------------


def look_up(plan: Plan, store: Store | None, job: Job) -> tuple[Done, list[Job]]:
    """What the folder has of a job, and the rest of it as jobs of their own, cut as a local sweep would train them."""
    done, left = Done(), {}
    if store is None or not any(store.folder.glob("*.pt")):  # no world need be drawn to know that
        return done, [job]
    for dataset in job.datasets:
        drawn, missing = plan.draw(dataset), []
        for setting in job.settings:
            point = dataset | setting
            if run := store.load(plan.model(point, drawn), plan.cells(point), drawn):
                done.loaded.append((point, run))
            else:
                missing.append(setting)
        if missing:
            left.setdefault(repr(missing), ([], missing))[0].append(dataset)
    return done, [Job(datasets, settings) for datasets, settings in left.values()]


def read_answer(plan: Plan, job: Job, answer: bytes) -> Done:
    """What a worker has answered, with the worlds drawn again here; says where one is another."""
    texts, runs = pickle.loads(answer)
    done, digests = Done(told=texts), {}
    for (d, s), run in runs.items():
        point = job.datasets[d] | job.settings[s]
        world = plan.draw(point)
        digests[d] = digests.get(d) or data_digest(world)
        if run.world != digests[d]:
            warnings.warn(
                "a world drawn here is not the one a worker drew and trained on: a world function must draw the same "
                "from a seed, and only processors that round alike make it the same to the last bit",
                stacklevel=4,
            )
        model = run.model.to(str(hardware.device()))
        history = placed(run.history, plan.cells(point))
        done.trained.append((point, replace(run, model=model, world=world, history=history)))
    return done


def points_of(job: Job) -> int:
    return len(job.datasets) * len(job.settings)


def account(plan: Plan, store: Store | None, left: Sequence[Job]) -> str:
    """How far a sweep has come, and what of it is kept."""
    total = len(plan.keys)
    finished = f"{total - sum(map(points_of, left))} of {total} points are finished"
    if store is None:
        return f"{finished}, and not kept; with folder=… the same line would go on with the others"
    return f"{finished} and kept in {store.folder.absolute()}: the same line goes on with the others"
