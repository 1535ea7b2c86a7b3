"""Names of other people's columns and tasks in a sentence: in quotation marks, as they are, a long one cut."""

from __future__ import annotations

from collections.abc import Iterable

LONGEST = 40  # letters of a name in a sentence
NAMED = 6  # of more things than this a sentence names the first few


def quoted(name: object) -> str:
    """A name in quotation marks, as it is; a very long one is cut."""
    name = str(name)
    return f"'{name if len(name) <= LONGEST else name[: LONGEST - 1] + '…'}'"


def listed(parts: Iterable[object], most: int = NAMED) -> str:
    """ "a, b and c"; of a long list the first few, and how many more there are."""
    parts = list(map(str, parts))
    if len(parts) > most:
        parts = [*parts[: most - 1], f"{len(parts) - most + 1} more"]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def all_quoted(things: Iterable[object]) -> str:
    """Several names in quotation marks, as :func:`listed`."""
    return listed(map(quoted, things))
