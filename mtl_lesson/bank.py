"""Stored results: experiments too long for a lesson, run once by ``make bank`` and kept as small tables.

Each result is ``data/bank/NAME.csv`` beside ``NAME.json``, which holds its settings and seeds, the SHA-256 of the table
and a hash of the code that made it. The experiments themselves stand in ``data/bank/make.py``.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tokenize
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from .data.files import PACKAGE, DataError, data_folder

#: what every experiment depends on; worlds and ways are named by the experiment
ALWAYS = ("tasks", "nets", "data/world", "sharing/base", "training/feed", "training/loop", "training/runs",
          "training/sweeps")  # fmt: skip
NOT_CODE = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING}


def load(name: str) -> pd.DataFrame:
    """The stored table ``name``, checked against its SHA-256. DataError says how to make it where it is not whole."""
    remedy = "Restore it with git checkout -- data/bank, or make it again with make bank."
    try:
        facts = about(name)
        content = path(name, "csv").read_bytes()
    except OSError:
        known = ", ".join(names()) or "none"
        raise DataError(f"there is no stored result {name!r}; there are {known}. {remedy}") from None
    if hashlib.sha256(content).hexdigest() != facts["sha256"]:
        raise DataError(f"the stored result {name!r} is damaged: its SHA-256 is not the one in {name}.json. {remedy}")
    return pd.read_csv(io.BytesIO(content))


def about(name: str) -> dict:
    """How a stored result was made: settings, seeds, command, hashes."""
    return json.loads(path(name, "json").read_text(encoding="utf-8"))


def save(name: str, table: pd.DataFrame, settings: Mapping[str, object], code: Iterable[str]) -> None:
    """Store a table with its ``settings`` and the hash of the ``code`` (such as "data/shops") that made it.

    Both files are written beside their place and moved there when whole.
    """
    content = table.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()
    facts = {"command": "make bank", "settings": dict(settings), "rows": len(table), "code": sorted(code)}
    facts |= {"code_hash": code_hash(code), "sha256": hashlib.sha256(content).hexdigest()}
    path(name, "csv").parent.mkdir(parents=True, exist_ok=True)
    for ending, data in (("csv", content), ("json", (json.dumps(facts, indent=1, default=str) + "\n").encode())):
        part = path(name, ending + ".part")
        part.write_bytes(data)
        os.replace(part, path(name, ending))


def names() -> list[str]:
    """The stored results."""
    return sorted(file.stem for file in (data_folder() / "bank").glob("*.json"))


def stale() -> list[str]:
    """The stored results whose code has changed since they were made."""
    return [name for name in names() if about(name)["code_hash"] != code_hash(about(name)["code"])]


def path(name: str, ending: str) -> Path:
    return data_folder() / "bank" / f"{name}.{ending}"


def code_hash(code: Iterable[str]) -> str:
    """A hash of what the files do: comments, docstrings and layout aside."""
    digest = hashlib.sha256()
    for module in sorted({*ALWAYS, *code}):
        digest.update(module.encode() + essence((PACKAGE / f"{module}.py").read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


def essence(source: str) -> str:
    """The tokens of a module without comments, docstrings and layout."""
    kept, starts_line = [], True
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        docstring = token.type == tokenize.STRING and starts_line
        if token.type not in NOT_CODE and not docstring:
            kept.append(token.string)
        if token.type != tokenize.NL and token.type != tokenize.COMMENT:
            starts_line = token.type in (tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING)
    return " ".join(kept)
