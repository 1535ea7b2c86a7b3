"""Stored results: experiments too long for a lesson, run once by ``make bank`` and kept as small tables.

Each result is ``data/bank/NAME.csv`` beside ``NAME.json``, which holds its settings and seeds, the SHA-256 of the table
and a stamp of all the code and data that made it. The experiments themselves stand in ``data/bank/make.py``.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from .data.files import DataError, content_of, data_folder, remedy
from .provenance import stamp


def load(name: str) -> pd.DataFrame:
    """The stored table ``name``, checked against its SHA-256. DataError says how to make it where it is not whole."""
    way_out = remedy(data_folder() / "bank")
    if "Reinstall" not in way_out:
        way_out += f", or make it again: make bank NAME={name}"
    if not any(path(name, ending).exists() for ending in ("csv", "json")):
        raise DataError(f"there is no stored result {name!r}; there are {', '.join(names()) or 'none'}.")
    try:
        facts = about(name)
        content = content_of(path(name, "csv"))
        expected = facts["sha256"]
    except OSError:
        raise DataError(f"the stored result {name!r} lacks its {name}.csv or {name}.json. {way_out}") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"the stored result {name!r} is damaged: {name}.json cannot be read. {way_out}") from None
    if hashlib.sha256(content).hexdigest() != expected:
        raise DataError(f"the stored result {name!r} is damaged: its SHA-256 is not the one in {name}.json. {way_out}")
    return pd.read_csv(io.BytesIO(content))


def about(name: str) -> dict:
    """How a stored result was made: settings, seeds, command, hashes."""
    return json.loads(path(name, "json").read_text(encoding="utf-8"))


def save(name: str, table: pd.DataFrame, settings: Mapping[str, object], code: Iterable[str]) -> None:
    """Store a table with its ``settings`` and the stamp of the ``code`` that made it.

    ``code``: modules with all that they import ("data/shops"), or single files ("bank/make.py"), see
    :func:`~mtl_lesson.provenance.stamp`. Both files are written beside their place and moved there when whole.
    """
    content = as_stored(table)
    facts = {"command": "make bank", "settings": dict(settings), "rows": len(table), "code": sorted(set(code))}
    facts |= {"code_hash": stamp(code), "sha256": hashlib.sha256(content).hexdigest()}
    path(name, "csv").parent.mkdir(parents=True, exist_ok=True)
    write(path(name, "csv"), content)
    write(path(name, "json"), as_text(facts))


def as_stored(table: pd.DataFrame) -> bytes:
    """A table as it is written: six digits of every number."""
    return table.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()


def as_text(facts: Mapping[str, object]) -> bytes:
    return (json.dumps(facts, indent=1, default=str) + "\n").encode()


def write(file: Path, content: bytes) -> None:
    part = file.with_name(f"{file.name}.part")
    part.write_bytes(content)
    os.replace(part, file)


def restamp(name: str, code: Iterable[str]) -> None:
    """Say that the code of today makes the stored result: for whoever has computed some of it again, and found it."""
    write(path(name, "json"), as_text(about(name) | {"code": sorted(set(code)), "code_hash": stamp(code)}))


def names() -> list[str]:
    """The stored results."""
    return sorted(file.stem for file in (data_folder() / "bank").glob("*.json"))


def stale() -> list[str]:
    """The stored results that other code or data would be needed to make than they were made with."""
    return [name for name in names() if about(name)["code_hash"] != stamp(about(name)["code"])]


def path(name: str, ending: str) -> Path:
    return data_folder() / "bank" / f"{name}.{ending}"
