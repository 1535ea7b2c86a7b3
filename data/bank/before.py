"""The code that stored a table beside the code of today: do both make the same of a short training, on this machine?

Training amplifies rounding, so another processor does not find a stored table again, whatever the code. Both codes on
one processor do, bit for bit, where a change has changed no result. Each trains a chunk of the experiment for
two epochs at most; what a change does later in a training alone, this does not see.
"""

from __future__ import annotations

import pickle
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

TREE = Path(__file__).resolve().parents[2]
EPOCHS = 2


def difference(name: str, tables: Iterable[str]) -> str:
    """What speaks against today's code making the ``tables`` of the experiment ``name``, in words; nothing: ""."""
    stamps = [f"data/bank/{table}.json" for table in tables]
    commit = git("log", "-1", "--format=%H", "--", *stamps)
    if not commit or git("status", "--porcelain", "--", *stamps):
        return "and git does not hold the code that stored it"
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder, "then")
        git("worktree", "add", "--detach", str(tree), commit)
        try:
            then, now = (short(one, name, Path(folder, "made")) for one in (tree, TREE))
        finally:
            git("worktree", "remove", "--force", str(tree))
    return compared(then, now, commit[:7])


def compared(then: dict, now: dict, commit: str) -> str:
    """What differs between the tables that two trees make (name → table), and the code stamped there is another's."""
    if stale := sorted(set(then.pop("stale")) & set(then)):
        return f"and the code of {commit} did not store {stale[0]} either"
    if other := [table for table in now if table != "stale" and not now[table].equals(then.get(table))]:
        return f"nor do the code that stored it ({commit}) and today's make the same {other[0]} in {EPOCHS} epochs"
    return ""


def git(*words: str) -> str:
    """What git answers; nothing where there is no git, or no repository."""
    try:
        return subprocess.run(
            ["git", "-C", str(TREE), *words], capture_output=True, text=True, check=True
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def short(tree: Path, name: str, file: Path) -> dict:
    """The tables of a chunk of ``name`` after two epochs, made by the code in ``tree``, and what is stale there."""
    script = [sys.executable, str(Path(__file__).resolve()), str(tree), name, str(file)]
    done = subprocess.run(script, cwd=tree, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{name} could not be computed by the code in {tree}:\n{done.stderr[-2000:]}")
    return pickle.loads(file.read_bytes())


def main(tree: str, name: str, file: str) -> None:
    """In a process of its own, which has nothing else of the course: make and store what :func:`short` returns."""
    sys.path[:1] = [str(Path(tree, "data", "bank")), tree]
    import experiments
    import make

    from mtl_lesson import bank

    make.one_thread()
    experiments.train_job = cut(experiments.train_job)
    found = {table: made for table, made, *_ in make.results(name, some=True)}
    Path(file).write_bytes(pickle.dumps(found | {"stale": bank.stale()}))


def cut(train_job: Callable) -> Callable:
    """``train_job`` for two epochs at most, all of which are judged where any was."""

    def train_briefly(plan: object, folder: object, training: object, *rest: object) -> object:
        few = {"epochs": min(training.epochs, EPOCHS), "validate": bool(training.validate) and 1}
        return train_job(plan, folder, replace(training, **few), *rest)

    return train_briefly


if __name__ == "__main__":
    main(*sys.argv[1:])
