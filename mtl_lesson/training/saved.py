"""A trained model in one file, without its data and without code: ``run.save(path)``, ``mtl.load(path)``.

The first line of the file says what it is, in which format, and what the rest hashes to. The rest is what
``torch.save`` makes of tensors and one text: the weights, the bytes of the World's encoder where it has one, and in
JSON everything else, the tasks, the way of sharing with its options, the layers. Nothing in it is run when it is read
(``weights_only=True``), so a file from a stranger can do no more than be refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import inspect
import io
import json
import os
import re
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module, metadata
from math import prod
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from .. import __version__, sharing
from .. import tasks as questions
from ..chance import generator
from ..sharing import Sharing
from ..tasks import Task
from .answers import Intake, NewRows, answer_rows, intake_of, outputs_in_parts
from .blueprints import blueprint_of, built, strangers
from .hardware import device
from .runs import Run
from .sweeps import COLUMNS

FORMAT = 1
MAGIC = b"mtl_lesson model, format "
FIRST_LINE = re.compile(rb"mtl_lesson model, format (\d{1,9}), sha256 ([0-9a-f]{64})")
TASKS = ("Binary", "Box", "Classification", "MultiLabel", "Regression", "Segmentation")
WAYS = tuple(name for name in sharing.__all__ if name != "Sharing")
STEM = "stem of "  # put before the name of a task
NEAR = 1e-3  # what two machines' outputs may differ by, as a share of the largest


@dataclass(frozen=True)
class Saved:
    """A trained model that was kept in a file.

    ``model``: in evaluation mode, on the device that would train here. ``about``: what is known of it: versions, the
    way of sharing, seed, precision, where in a sweep it stood, validation scores. ``intake``: how rows become inputs.
    """

    model: Sharing
    about: dict[str, object]
    intake: Intake = field(repr=False)

    @property
    def tasks(self) -> tuple[Task, ...]:
        return self.model.tasks

    def predict(self, rows: NewRows) -> pd.DataFrame:
        """What the model answers to new rows: see :func:`.answers.answer_rows`."""
        return answer_rows(self.model, self.intake, rows)

    def __repr__(self) -> str:
        return f"Saved({self.model!r}, seed {self.about['seed']}, PyTorch {self.about['torch']})"


# --- saving ---------------------------------------------------------------------------------------------------------


def save_run(run: Run, path: str | os.PathLike) -> None:
    """Keep a trained model in one file, in place of what was there.

    Raises ValueError for tasks and ways of sharing of one's own, whose code a file does not keep; OSError where the
    file cannot be written: what was there then stays as it was.
    """
    facts, buffer = run_as_json(run), io.BytesIO()
    torch.save({"facts": json.dumps(facts), **tensors_of(run)}, buffer)
    put_in_place(Path(path), sealed(buffer.getvalue()))


def sealed(content: bytes) -> bytes:
    """The content of a file behind its first line."""
    return MAGIC + f"{FORMAT}, sha256 {hashlib.sha256(content).hexdigest()}\n".encode() + content


def put_in_place(path: Path, content: bytes) -> None:
    """Write a file beside its place, and move it there once it is whole."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder: add the name of a file, such as {path / 'model.mtl'}")
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError as error:
        before = "what was there is unchanged; " if path.is_file() else ""
        raise type(error)(f"cannot write {path.absolute()} ({error.strerror}): {before}give another path") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def run_as_json(run: Run) -> dict[str, object]:
    """All that is kept of a run beside tensors, as JSON has it."""
    model, intake = run.model, intake_of(run.world, run.model.tasks)
    name = type(model).__name__
    if name not in WAYS or type(model) is not getattr(sharing, name):
        raise ValueError(
            f"{name} is a way of sharing of your own, and a file keeps no code: keep run.model.state_dict(), and the "
            "class by yourself"
        )
    options = {name: getattr(model, name) for name in model.options}
    return {
        "about": told_of(run),
        "tasks": [task_as_json(task) for task in model.tasks],
        "way": name,
        "options": {name: tagged(value) for name, value in options.items() if not isinstance(value, nn.Module)},
        "modules": {name: blueprint_of(module) for name, module in modules_of(model).items()},
        "heads": model.heads_at,
        "initial": model.initial,
        "seeds": tagged(model.seeds),
        "shapes": tagged(model.shapes),
        "layout": tagged(intake.layout),
        "inputs": tagged(intake.shapes),
        "tokens": tagged(intake.tokens),
    }


def told_of(run: Run) -> dict[str, object]:
    """What a reader wants to know of a run."""
    point = run.history.drop(columns=[name for name in COLUMNS if name in run.history]).iloc[:1].to_dict("records")
    return {
        "mtl_lesson": __version__,
        "torch": str(torch.__version__),
        "scikit-learn": metadata.version("scikit-learn"),
        "model": repr(run.model),
        "seed": plainly(run.seed),
        "precision": run.precision,
        "point": {name: plainly(value) for one in point for name, value in one.items()},
        "scores": {name: plainly(value) for name, value in run.scores.items()},
        "began": run.began,
        "stopped": run.stopped,
    }


def plainly(value: object) -> object:
    """A number or a text as JSON has it, anything else as a text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if value is None or type(value) in (bool, int, float, str) else str(value)


def modules_of(model: Sharing) -> dict[str, nn.Module]:
    """The templates that a model is made of: its trunk, its stems, and options that are modules other than the trunk's
    own (which is what they are unless given)."""
    found = {"trunk": model.template[0]}
    found |= {STEM + task: stem for task, stem in model.stem_templates.items()}
    options = {name: getattr(model, name) for name in model.options}
    own = {name: one for name, one in options.items() if isinstance(one, nn.Module) and one is not found["trunk"]}
    return found | own


def task_as_json(task: Task) -> dict[str, object]:
    """A task by its class and fields; ValueError for one of a class of one's own."""
    name = type(task).__name__
    if name not in TASKS or type(task) is not getattr(questions, name):
        raise ValueError(
            f"task {task.name!r} is of a class of your own, {name}, and a file keeps no code: keep "
            "run.model.state_dict(), and the class by yourself"
        )
    takes = inspect.signature(type(task)).parameters
    fields = [one.name for one in dataclasses.fields(task) if one.name in takes]
    return {"task": name, "arguments": {name: tagged(getattr(task, name)) for name in fields}}


def tensors_of(run: Run) -> dict[str, object]:
    """The tensors that are kept: weights, what templates hold that is not drawn, a look at the answers; and the bytes
    of the encoder."""
    model, intake = run.model, intake_of(run.world, run.model.tasks)
    everything = model.initial == "template"
    found = {
        "weights": {name: value.detach().cpu().clone() for name, value in model.state_dict().items()},
        "templates": {
            f"{place}/{name}": value.detach().cpu().clone()
            for place, module in modules_of(model).items()
            for name, value in (*module.named_parameters(), *module.named_buffers())
            if everything or not value.requires_grad
        },
        "look": look(model, intake),
    }
    return found | ({} if intake.encoder is None else {"encoder": bytes(intake.encoder.to_bytes())})


def look(model: Sharing, intake: Intake) -> dict[str, Tensor]:
    """What a model answers to two examples of noise on a CPU: it tells whether a network that is made again, or given,
    computes the same. Nothing, where its layers cannot take noise."""
    one = model if next(model.parameters()).device.type == "cpu" else model.copy(0).cpu().eval()
    x: dict[str | None, Tensor] = {}
    for name, shape in intake.shapes.items():
        if name in intake.tokens:
            x[name] = (torch.arange(2 * prod(shape)) % intake.tokens[name]).view(2, *shape)
        else:
            x[name] = torch.randn(2, *shape, generator=generator("a look at the answers", name))
    try:
        return outputs_in_parts(one, x.get(None, x))
    except Exception:  # a learner's own layer may refuse what it likes
        return {}


# --- values that JSON has not ---------------------------------------------------------------------------------------


def tagged(value: object) -> object:
    """An option as JSON has it, with mappings and tuples by name. Raises ValueError for what cannot be kept."""
    if isinstance(value, np.generic | Tensor) and np.ndim(value) == 0:
        value = value.item()
    if value is None or type(value) in (bool, int, float, str):
        return value
    if isinstance(value, Mapping):
        return {"mapping": [[tagged(key), tagged(one)] for key, one in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [tagged(one) for one in value]}
    if isinstance(value, list):
        return [tagged(one) for one in value]
    raise ValueError(f"an option holds {value!r}, a {type(value).__name__}, which a file does not keep")


def untagged(value: object) -> object:
    """The option that :func:`tagged` has written."""
    if isinstance(value, dict):
        (kind, parts), *_ = value.items()
        if kind == "mapping":
            return {untagged(key): untagged(one) for key, one in parts}
        return tuple(untagged(one) for one in parts)
    return [untagged(one) for one in value] if isinstance(value, list) else value


# --- loading --------------------------------------------------------------------------------------------------------


def load(
    path: str | os.PathLike,
    *,
    trunk: nn.Module | None = None,
    stems: Mapping[str, nn.Module] | None = None,
    private: nn.Module | None = None,
) -> Saved:
    """The trained model that ``run.save(path)`` has kept.

        saved = mtl.load("tastes.mtl")
        saved.predict(rows)

    ``trunk``: where the model has a trunk of a class of your own (or of another library), which a file does not keep:
    one made as it was then; its weights come from the file. ``stems`` {task: module} and ``private``, of SharedPrivate,
    likewise. What is given is held to the weights, and to what the model answered when it was saved. Warns where
    PyTorch's major version is another.

    Raises ValueError for a file that is none of ours, is damaged, is of a later format or holds what this version does
    not know, for a module that is missing, and for one that does not fit; TypeError for what is no module; OSError
    for a file that cannot be read.
    """
    given = {"trunk": trunk, "private": private} | {STEM + task: stem for task, stem in (stems or {}).items()}
    given = {place: module for place, module in given.items() if module is not None}
    for place, module in given.items():
        if not isinstance(module, nn.Module):
            raise TypeError(f"the {place} is a module made as it was when the model was saved, not {module!r}")
    kept = read_whole(Path(path))
    try:
        saved = made_again(kept, given)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    except Exception as error:
        raise ValueError(f"{path} holds no model that this version can make ({error!r})") from error
    warn_of_versions(saved.about)
    return saved


def read_whole(path: Path) -> dict[str, object]:
    """What a file holds. Raises ValueError, in words, for one that is none of ours or not as it was written."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise type(error)(f"cannot read {path.absolute()} ({error.strerror})") from None
    first, _, content = data.partition(b"\n")
    found = FIRST_LINE.fullmatch(first)
    if not found and not first.startswith(MAGIC):
        raise ValueError(f"{path} is no model that run.save(path) has written, or its beginning is damaged")
    if found and int(found[1]) > FORMAT:
        raise ValueError(
            f"{path} is of format {int(found[1])}, and this version of mtl_lesson reads formats up to {FORMAT}: take a "
            "newer one"
        )
    if not found or sealed(content) != data:
        raise ValueError(f"{path} is damaged: it is not as it was written; take another copy of it, or save it again")
    try:
        kept = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return dict(kept) | {"facts": json.loads(kept["facts"])}
    except Exception as error:  # code, above all, which is never run
        raise ValueError(f"{path} holds something else than tensors and text, and was not read") from error


def made_again(kept: Mapping[str, object], given: Mapping[str, nn.Module]) -> Saved:
    """The model of a file's content, checked. Raises ValueError, and for a file that is made up anything."""
    facts = kept["facts"]
    if not {"seed", "torch"} <= set(facts["about"]):
        raise ValueError("it does not say what made it")
    if facts["way"] not in WAYS:
        raise ValueError(f"it shares by {facts['way']}, which this version does not know")
    modules = modules_again(facts["modules"], kept["templates"], given)
    options = {name: untagged(value) for name, value in facts["options"].items()}
    options |= {name: module for name, module in modules.items() if name != "trunk" and not name.startswith(STEM)}
    stems = {name.removeprefix(STEM): module for name, module in modules.items() if name.startswith(STEM)}
    more = {name: value for name, value in (("heads", facts["heads"]), ("stems", stems)) if value}
    model = getattr(sharing, facts["way"])(
        [task_again(task) for task in facts["tasks"]],
        modules["trunk"],
        features=untagged(facts["shapes"]),
        seeds=untagged(facts["seeds"]),
        initial=facts["initial"],
        **options,
        **more,
    )
    put_weights(model, kept["weights"])
    encoder = encoder_again(kept["encoder"]) if "encoder" in kept else None
    intake = Intake(*(untagged(facts[name]) for name in ("layout", "inputs", "tokens")), encoder)
    check_look(model, intake, kept["look"], facts["about"], given)
    return Saved(model.to(place_for(model)), facts["about"], intake)


def warn_of_versions(about: Mapping[str, object]) -> None:
    """Say so where PyTorch's major version is not the one that the model was saved with."""
    then, now = str(about["torch"]), str(torch.__version__)
    if then.split(".")[0] != now.split(".")[0]:
        warnings.warn(
            f"the model was saved with PyTorch {then}, and this is {now}: a layer may compute otherwise",
            stacklevel=3,
        )


def task_again(described: Mapping[str, object]) -> Task:
    """A task by its class and fields. Raises ValueError for a class that is not known."""
    if described["task"] not in TASKS:
        raise ValueError(f"it has a task of class {described['task']}, which this version does not know")
    arguments = {name: untagged(value) for name, value in described["arguments"].items()}
    return getattr(questions, described["task"])(**arguments)


def modules_again(
    blueprints: Mapping[str, dict], values: Mapping[str, Tensor], given: Mapping[str, nn.Module]
) -> dict[str, nn.Module]:
    """The templates of a model, those that are given among them. Raises ValueError for one that is not and must be, or
    that the model has no place for, or whose sizes are not known."""
    if unknown := [place for place in given if place not in blueprints]:
        raise ValueError(f"the model has no {unknown[0]}; it has {', '.join(blueprints)}")
    found = {}
    for place, blueprint in blueprints.items():
        found[place] = given.get(place)
        if found[place] is None:
            check_known(place, blueprint)
            found[place] = built(blueprint)
            own = {**dict(found[place].named_parameters()), **dict(found[place].named_buffers())}
            for name in own:
                if f"{place}/{name}" in values:
                    own[name].data = values[f"{place}/{name}"].clone()
        elif any(map(is_lazy, (*found[place].parameters(), *found[place].buffers()))):
            raise ValueError(f"the {place} has lazy layers: give it with its sizes, in ordinary ones")
    return found


def check_known(place: str, blueprint: Mapping[str, object]) -> None:
    """Refuse a module of a class that JSON cannot tell, and say how to give it."""
    for layer, kind in strangers(blueprint):
        task = place.removeprefix(STEM)
        how = f"{place}=" if task == place else f"stems={{{task!r}: …}}"
        if not layer:
            how = f"{place}={kind}(…)" if task == place else f"stems={{{task!r}: {kind}(…)}}"
            raise ValueError(f"this was saved with a {place} of class {kind}: give it, mtl.load(path, {how})")
        how = how if task != place else f"{place}=…"
        raise ValueError(
            f"this was saved with a {place} whose layer {layer!r} is of class {kind}, which a file does not keep: give "
            f"the whole {place}, mtl.load(path, {how})"
        )


@torch.no_grad()
def put_weights(model: Sharing, weights: Mapping[str, Tensor]) -> None:
    """Give a model all that it has learnt; ValueError where it has no place for it."""
    own = model.state_dict(keep_vars=True)
    if apart := sorted(set(own) ^ set(weights)):
        whose = "model" if apart[0] in own else "file"
        raise ValueError(f"the weights do not fit: {apart[0]!r} is in the {whose} alone; was a module made otherwise?")
    for name, value in own.items():
        if name == "_extra_state":
            continue
        if value.shape != weights[name].shape or value.is_floating_point() != weights[name].is_floating_point():
            shapes = f"{tuple(value.shape)} in the model and {tuple(weights[name].shape)} in the file"
            raise ValueError(f"the weights do not fit: {name!r} is {shapes}; was a module made otherwise?")
    model.to(next(value.dtype for value in weights.values() if value.is_floating_point()))
    for name, value in model.state_dict(keep_vars=True).items():
        if name != "_extra_state":
            value.data = weights[name].clone()  # as it lay in memory, which the last bit of a product may hang on
    if "_extra_state" in own:
        model.set_extra_state(weights["_extra_state"])
    model.eval()


def check_look(
    model: Sharing, intake: Intake, then: Mapping[str, Tensor], about: Mapping, given: Mapping[str, nn.Module]
) -> None:
    """Refuse a model that answers otherwise than it did when it was saved."""
    now = look(model, intake)
    for name, value in then.items():
        close = NEAR * value.nan_to_num(0, 0, 0).abs().max().item()
        if name in now and torch.allclose(now[name], value, rtol=0, atol=close, equal_nan=True):
            continue
        if given:
            raise ValueError(
                f"the {' or the '.join(given)} given has room for the weights, and computes something else than what "
                "was trained: make it as it was then"
            )
        raise ValueError(f"with PyTorch {torch.__version__} it answers otherwise than with {about['torch']}")


def encoder_again(kept: bytes) -> object:
    """What makes numbers of tables, or of pictures."""
    return import_module(f"{__package__.rpartition('.')[0]}.data.folders").encoder_from(kept)


def place_for(model: Sharing) -> str:
    """The device that would train here, or the CPU where that has not the precision of the model."""
    where, double = str(device()), next(model.parameters()).dtype == torch.float64
    return "cpu" if double and where.startswith("mps") else where
