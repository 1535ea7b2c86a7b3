"""What a learner hands over, as a world keeps it: tables, arrays, lists become tensors once, or are refused in words.

Nothing is guessed that could be meant otherwise: whole numbers may be measurements or words, and a picture without an
axis of channels may be a sequence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from ..tasks import MISSING, Task, is_missing

#: what inputs of a kind look like, and of how many axes they are
LAYOUTS = {
    "vectors": ("(n, d)", 2),
    "maps": ("(n, channels, height, width)", 4),
    "sequences": ("(n, length, d)", 3),
    "tokens": ("(n, length), whole numbers", 2),
}


def as_inputs(x: object, layout: str | None, what: str) -> Tensor:
    """Inputs (n, …) as real numbers, float32 unless they came in double precision, or for tokens as torch.long.

    ``layout``: one of :data:`LAYOUTS`; None for real numbers that are vectors or maps. ``what``: how errors call them.
    Raises TypeError or ValueError, which say what to do, for anything else.
    """
    if layout is not None and layout not in LAYOUTS:
        raise ValueError(f"{what}: there is no layout {layout!r}; there are {', '.join(LAYOUTS)}")
    table = isinstance(x, pd.DataFrame)
    x = numbers_of(x, what)
    whole = not x.is_floating_point()
    if layout == "tokens" and not whole:
        raise TypeError(f"{what} must be whole numbers to be tokens, not {x.dtype}")
    if layout is None and x.dim() not in (2, 4):
        hint = {
            1: "missing axis? x[:, None] for one number an example",
            3: "missing channel axis? x[:, None] for maps; or say layout='sequences' for (n, length, d)",
        }.get(x.dim(), f"say which it is, layout= one of {', '.join(LAYOUTS)}")
        raise ValueError(f"{what} has shape {tuple(x.shape)}: {hint}")
    if layout is not None and x.dim() != LAYOUTS[layout][1]:
        hint = "; missing channel axis? x[:, None]" if layout == "maps" and x.dim() == 3 else ""
        raise ValueError(f"{what} has shape {tuple(x.shape)}, and {layout} are {LAYOUTS[layout][0]}{hint}")
    if whole and layout is None and x.dim() == 2 and not table and x.dtype != torch.bool:
        raise TypeError(
            f"{what} must be a floating-point tensor, not {x.dtype}: x.float() where these are measurements; "
            "layout='tokens' where they are words"
        )
    if layout == "tokens":
        if x.min() < 0:
            raise ValueError(f"{what} holds the token {int(x.min())}; tokens count from 0")
        return x.long()
    return x if x.dtype in (torch.float32, torch.float64) else x.float()


def as_labels(y: object, task: Task, what: str) -> Tensor:
    """Labels as ``task`` takes them: class numbers as torch.long, measured numbers as floats; names of classes, a
    pandas Series of them too, become their numbers, and what is missing there (None, NaN) the label for missing.

    Raises TypeError or ValueError for what cannot be labels of the task.
    """
    if isinstance(y, Tensor):
        y = y.detach()
    else:
        y = of_series(y) if isinstance(y, pd.Series) else np.asarray(y)
        if y.dtype.kind in "OUS":
            y = by_name(y, task) if task.answers else objects(y, what)
        if y.dtype.kind == "f" and not task.numeric:  # pandas makes floats of codes where one is missing
            there = ~np.isnan(y)
            if (y[there] != np.round(y[there])).any():
                raise TypeError(f"{what} must be whole numbers, found {y[there][y[there] != np.round(y[there])][0]}")
            y = np.where(there, y, MISSING).astype(np.int64)
        y = torch.tensor(y)
    if task.numeric:
        return y if y.dtype in (torch.float32, torch.float64) else y.float()
    return y if y.is_floating_point() else y.long()


def of_series(y: pd.Series) -> np.ndarray:
    """A column as an array: numbers where it holds some, with NaN for what is missing, else Python's objects."""
    if not pd.api.types.is_numeric_dtype(y):
        return y.to_numpy(dtype=object)
    return y.to_numpy(dtype=np.float64, na_value=np.nan)


def numbers_of(x: object, what: str) -> Tensor:
    """A table, an array or a list as a tensor, without its graph."""
    if isinstance(x, Tensor):
        return x.detach() if x.requires_grad else x
    if isinstance(x, pd.DataFrame):
        for column in x.columns:
            if not pd.api.types.is_numeric_dtype(x[column]):
                raise TypeError(
                    f"{what}: the column {column!r} holds {x[column].dtype}, not numbers: leave it out, or "
                    f"encode it, such as pandas.get_dummies(table, columns=[{column!r}])"
                )
        return torch.tensor(x.to_numpy(dtype=np.float64, na_value=np.nan)).float()
    if isinstance(x, Mapping | str) or not isinstance(x, Iterable):
        raise TypeError(f"{what} must be a tensor, an array or a table of numbers, not {type(x).__name__}")
    if isinstance(x, Sequence) and len({len(row) for row in x if hasattr(row, "__len__")}) > 1:
        raise ValueError(f"{what} has rows of several lengths: make them one with mtl.data.padded(x)")
    array = np.asarray(x)
    return torch.tensor(objects(array, what) if array.dtype.kind in "OUS" else array)


def objects(values: np.ndarray, what: str) -> np.ndarray:
    """Python's numbers as an array of floats."""
    try:
        return values.astype(np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{what} must be numbers; found {values.flatten()[0]!r}") from None


def by_name(values: np.ndarray, task: Task) -> np.ndarray:
    """Names of classes as their numbers."""
    numbers = {name: number for number, name in enumerate(task.answers)}
    found = [MISSING if value is None or is_missing(value) else numbers.get(str(value)) for value in values.flatten()]
    if None in found:
        value = values.flatten()[found.index(None)]
        raise ValueError(f"task {task.name!r} has no class {str(value)!r}; it has {', '.join(task.answers)}")
    return np.array(found).reshape(values.shape)


def padded(sequences: Iterable[Sequence], filler: float = 0) -> Tensor:
    """Sequences of several lengths as one tensor (n, longest, …), each filled up at its end with ``filler``: for words
    a token that stands for no word, which a trunk can tell from the others (``nn.Embedding(…, padding_idx=0)``)."""
    rows = [torch.as_tensor(np.asarray(row)) for row in sequences]
    return torch.nn.utils.rnn.pad_sequence(rows, batch_first=True, padding_value=filler)


def filled_up(values: Tensor, n: int, filler: float | None = None) -> Tensor:
    """The first axis made n long: with ``filler``, or by beginning again."""
    if len(values) == n:
        return values
    if filler is None:
        return values[torch.arange(n) % len(values)]
    return torch.cat([values, values.new_full((n - len(values), *values.shape[1:]), filler)])
