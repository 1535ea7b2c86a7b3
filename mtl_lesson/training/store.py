"""A folder in which a sweep keeps its finished copies, a file each, so that it can go on where it was cut."""

from __future__ import annotations

import hashlib
import json
import os
import threading
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from ..data.world import World
from ..provenance import Description, content, course
from ..sharing import Sharing
from .hardware import device
from .loop import Settings
from .runs import Run, placed


class Store:
    """Finished copies in ``folder``. A copy is found again only by whoever would train the very same one.

    The name of its file is a hash of everything that decides the result: the way of sharing with its parents, the trunk
    with all that its layers hold and do, the tasks, the settings, the point of the grid, the data, the loop, the
    versions. Of code the bytecode counts, an edited cell's too. Weights are plain tensors, read without unpickling any
    code.

    Raises OSError where the folder cannot be written, before anything is trained.
    """

    def __init__(self, folder: str | os.PathLike, settings: Settings):
        self.folder, self.settings, self.writes = Path(folder), settings, True
        self.seen, self.digest = None, ""  # the copies of one world come one after the other: it is hashed once
        self.unknown: list[str] = []  # what a copy holds that cannot be described
        self.lock = threading.Lock()  # chunks that train side by side ask for their files
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            probe = self.folder / "can-be-written.part"
            probe.write_bytes(b"")
            probe.unlink()
        except OSError as error:
            raise type(error)(
                f"cannot write to {self.folder.absolute()} ({error.strerror}); nothing was trained yet: "
                "choose another folder=…"
            ) from None

    def file(self, model: Sharing, point: Mapping[str, object], world: World) -> Path:
        """Where the copy of ``model`` at this point of the grid is kept."""
        modules = [model.template[0], *model.stem_templates.values(), *(getattr(model, name) for name in model.options)]
        redrawn = [weights for one in modules if isinstance(one, nn.Module) for weights in one.parameters()]
        description = Description(shapes=redrawn)  # what is drawn anew has no say: its first values have, as drawn
        with self.lock:
            if world is not self.seen:
                self.seen, self.digest = world, data_digest(world)
            versions = course(__package__ + ".sweeps"), torch.__version__, np.__version__
            asked = [type(model), modules, [*model.stem_templates], model.shapes, model.heads_at, model.initial]
            what = [
                *asked,
                model.tasks,
                self.settings,
                dict(point),
                self.digest,
                versions,
                device().name.split(":")[0],
                model.state_dict(),
            ]
            name = hashlib.sha256(description.of(what).encode()).hexdigest()[:24]
            self.unknown = description.unknown
        return self.folder / f"{name}.pt"

    def load(self, model: Sharing, point: Mapping[str, object], world: World) -> Run | None:
        """The stored Run, or None where there is none. A damaged file counts as none."""
        file = self.file(model, point, world)
        if not file.exists():
            return None
        try:
            found = torch.load(file, map_location="cpu", weights_only=True)
            history = pd.DataFrame(json.loads(found["history"]))
            one = model.double() if found["precision"] == "float64" else model
            one.load_state_dict(found["weights"])
            return Run(
                one.eval(),
                world,
                placed(history, point),
                found["seed"],
                found["seconds"],
                found["precision"],
                found["stopped"],
            )
        except Exception:  # whatever a file holds that is none of ours, or half of one
            return None

    def save(self, run: Run, model: Sharing, point: Mapping[str, object]) -> None:
        """Keep a copy: written beside its place and moved there when whole. Says once where writing has failed."""
        if not self.writes:
            return
        weights = {
            name: value.cpu() if isinstance(value, torch.Tensor) else value  # a layer may keep what it likes
            for name, value in run.model.state_dict().items()
        }
        found = {
            "weights": weights,
            "seed": run.seed,
            "history": json.dumps(run.history.drop(columns=list(point)).to_dict("list")),
            "seconds": run.seconds,
            "precision": run.precision,
            "stopped": run.stopped,
        }
        file = self.file(model, point, run.world)
        if self.unknown:  # it would never be found again
            self.writes = False
            warnings.warn(
                f"the folder {self.folder.absolute()} is not used: a {self.unknown[0]} that the model or its "
                "tasks hold cannot be told from another one",
                stacklevel=3,
            )
            return
        part = file.with_suffix(".part")
        try:
            torch.save(found, part)
            os.replace(part, file)
        except Exception as error:  # a full disk, or what cannot be pickled: the copy in memory is worth more
            self.writes = False
            warnings.warn(
                f"cannot write to {self.folder.absolute()} any more ({error}). All finished copies are in the Sweep "
                "that is returned; those written before are in the folder.",
                stacklevel=3,
            )


def data_digest(world: World) -> str:
    """A hash of everything a copy sees: inputs and labels of the three splits, and which tasks have which."""
    digest = hashlib.sha256()
    for split in (world.train, world.validation, world.test):
        for values in (split.inputs, split.labels):
            for name, value in values.items():
                digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode() + content(value))
    return digest.hexdigest()
