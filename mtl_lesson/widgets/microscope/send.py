"""What the browser is given: arrays as bytes, pictures as one sheet, colours, and a page that needs no kernel."""

from __future__ import annotations

import base64
import html
import io
import json
import math
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from ...show.style import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, VERMILLION, colours_of
from ...tasks import KINDS, Task, judged_as
from ...words import unit
from .frames import Frames, Groups
from .lesions import CERTAIN, Lesions

PALETTE = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, INK)
SHAPES = ("circle", "square", "triangle", "diamond")  # 4 and 7 have no common divisor: 28 different marks
# A class that is called by a colour has that colour, or a reader would see one and read another.
NAMED = {"red": VERMILLION, "yellow": ORANGE, "green": GREEN, "cyan": SKY, "blue": BLUE, "magenta": PURPLE}
LARGEST = 32767  # of int16
CELL, QUALITY = 32, 85  # pixels a picture has on the sheet: whole blocks of a JPEG, so that none runs into the next


def pack(arrays: Mapping[str, np.ndarray]) -> tuple[bytes, dict[str, list]]:
    """Arrays as one run of bytes, and name → [type, first byte, numbers]."""
    data, where = b"", {}
    for name, values in arrays.items():
        values = np.ascontiguousarray(values)
        values = values.astype("<i2" if values.dtype == np.int16 else "<i4" if values.dtype.kind == "i" else "<f4")
        where[name] = [{"<i2": "Int16Array", "<i4": "Int32Array", "<f4": "Float32Array"}[values.dtype.str], len(data),
                       values.size]  # fmt: skip
        data += values.tobytes() + b"\0" * (-values.nbytes % 4)
    return data, where


def whole_numbers(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Numbers as int16 and the step between two neighbouring ones: values ≈ int16 · step."""
    step = float(np.abs(values).max(initial=0)) / LARGEST or 1.0
    return np.rint(values / step).astype(np.int16), step


def marks(groups: Groups) -> list[dict]:
    """A colour and a shape for each class, and a small grey dot for points without a label."""
    named = all(name.lower() in NAMED for name in groups.classes)
    found = [{"name": name, "colour": NAMED[name.lower()] if named else PALETTE[i % len(PALETTE)],
              "shape": SHAPES[i % len(SHAPES)]} for i, name in enumerate(groups.classes)]  # fmt: skip
    return [*found, {"name": "no label", "colour": GREY, "shape": "circle"}]


def sheet(images: np.ndarray | None) -> tuple[bytes, dict | None]:
    """The pictures side by side as one JPEG, each shrunk to fit a cell and its edge repeated; and where they lie."""
    if images is None:
        return b"", None
    n, height, width = images.shape[:3]
    columns, share = math.ceil(math.sqrt(n)), min(1, CELL / max(height, width))
    tall, wide = max(1, round(height * share)), max(1, round(width * share))
    small = (255 * images + 0.5).astype(np.uint8)
    if share < 1:
        small = np.stack([np.asarray(Image.fromarray(one).resize((wide, tall), Image.Resampling.BOX)) for one in small])
    cells = np.pad(small, ((0, 0), (0, CELL - tall), (0, CELL - wide), (0, 0)), "edge")
    cells = np.pad(cells, ((0, columns * math.ceil(n / columns) - n), (0, 0), (0, 0), (0, 0)))
    whole = cells.reshape(-1, columns, CELL, CELL, 3).swapaxes(1, 2).reshape(-1, columns * CELL, 3)
    grey = (whole[..., :1] == whole).all()
    buffer = io.BytesIO()
    Image.fromarray(whole[..., 0] if grey else whole).save(buffer, "JPEG", quality=QUALITY, subsampling=0)
    return buffer.getvalue(), {"cell": CELL, "width": wide, "height": tall, "columns": columns}


def of_frames(frames: Frames) -> dict:
    """The traits of the microscope: ``facts`` for words, ``data`` for numbers, ``sprite`` for pictures."""
    coordinates, step = whole_numbers(frames.points)
    labels = [np.where(group.labels < 0, len(group.classes), group.labels) for group in frames.groups.values()]
    data, where = pack({"points": coordinates, "labels": np.array(labels, np.int16),
                        "numbers": frames.chosen})  # fmt: skip
    sprite, layout = sheet(frames.images)
    low, high = frames.points.min((0, 1, 2)), frames.points.max((0, 1, 2))
    shown = [{"title": title, "label": frames.label(f), "read": frames.read(f), "text": frames.sentence(f)}
             for f, title in enumerate(frames.titles)]  # fmt: skip
    facts = {"tasks": tasks_of(frames.tasks), "axis": frames.axis, "frames": shown, "split": frames.split, "step": step,
             "box": [*map(float, (low[0], high[0], low[1], high[1]))], "n": len(frames.chosen), "where": where,
             "colours": [{"name": name, "groups": marks(group)} for name, group in frames.groups.items()],
             "sprite": layout, "caption": sentences(frames.notes)}  # fmt: skip
    return {"facts": facts, "data": data, "sprite": sprite}


def of_lesions(lesions: Lesions) -> dict:
    """The traits of the lab. Features are int16 with a step a unit, their means and the intact answers are exact."""
    arrays, steps = {"rise": lesions.rise, "error": lesions.error, "orders": lesions.orders.astype(np.int16)}, {}
    kept: list = []  # features that several tasks have in common are sent once
    for t, task in enumerate(lesions.tasks):
        h = lesions.h[task.name].numpy()
        at = next((i for i, other in enumerate(kept) if np.array_equal(other, h)), len(kept))
        if at == len(kept):
            kept.append(h)
            step = np.maximum(np.abs(h).max(0), 1e-30) / LARGEST
            arrays |= {f"h{at}": np.rint(h / step).astype(np.int16), f"step{at}": step, f"mean{at}": h.mean(0)}
        steps[t] = at
        labels = getattr(lesions.world, lesions.split).labels[task.name].double().numpy()
        known = task.labelled(getattr(lesions.world, lesions.split).labels[task.name]).numpy()
        arrays |= {f"w{t}": lesions.weights[task.name].numpy(), f"z{t}": lesions.z[task.name].numpy(),
                   f"y{t}": np.where(known, labels, np.nan)}  # fmt: skip
    data, where = pack(arrays)
    tasks = [own | {"features": steps[t], "loss": kind_of(task), "unit": unit(task), "score": task.score_name}
             for t, (own, task) in enumerate(zip(tasks_of(lesions.tasks), lesions.tasks, strict=True))]  # fmt: skip
    facts = {"tasks": tasks, "d": lesions.d, "n": lesions.n, "where": where, "certain": CERTAIN,
             "stretch": stretch(lesions), "caption": sentences(lesions.notes)}  # fmt: skip
    return {"facts": facts, "data": data}


def stretch(lesions: Lesions) -> float:
    """The rise up to which the lab's axes are straight, and above it logarithmic: most are far below the largest."""
    spread = lesions.error[lesions.error > 0]
    return float(CERTAIN * np.median(spread)) if spread.size else 1.0


def kind_of(task: Task) -> str:
    """Which loss and score the browser computes; TypeError for a task that has others."""
    kind = judged_as(task)
    if kind is None:
        own = ", with a loss or score of its own" if isinstance(task, KINDS) else ""
        raise TypeError(f"the lab knows the loss of {', '.join(k.__name__ for k in KINDS)}; {task.name!r} is a "
                        f"{type(task).__name__}{own}: use mtl.inspection.lesion, which asks the task")  # fmt: skip
    return kind.__name__


def sentences(notes: Sequence[str]) -> str:
    return " ".join(f"{note[0].upper()}{note[1:]}." for note in notes)


def tasks_of(tasks: Sequence) -> list[dict]:
    colours = colours_of(task.name for task in tasks)
    return [{"name": task.name, "colour": colours[task.name]} for task in tasks]


PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
body {{ margin: 0 auto; max-width: 1240px; }}
{css}
</style>
</head>
<body>
<main></main>
<noscript><p>{alt}</p></noscript>
<script type="application/json" id="traits">{traits}</script>
<script type="module">
{esm}
const bytes = text => {{
  const letters = atob(text), found = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) found[i] = letters.charCodeAt(i);
  return new DataView(found.buffer);
}};
const read = (_, value) => value && value.bytes !== undefined ? bytes(value.bytes) : value;
const traits = JSON.parse(document.getElementById("traits").textContent, read), heard = {{}};
const model = {{
  get: name => traits[name],
  set(name, value) {{ traits[name] = value; (heard["change:" + name] ?? []).forEach(act => act()); }},
  on(name, act) {{ (heard[name] ??= []).push(act); }},
  off(name, act) {{ heard[name] = (heard[name] ?? []).filter(other => other !== act); }},
  save_changes() {{}}, send() {{}},
}};
render({{ model, el: document.querySelector("main") }});
</script>
</body>
</html>
"""


def page(title: str, alt: str, esm: str, css: str, traits: Mapping[str, object]) -> str:
    """A page of HTML in which the widget runs by itself: its module, its traits, and a stand-in for the kernel."""
    held = {name: {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
            for name, value in traits.items()}  # fmt: skip
    # "<" as an escape: no name from data can end the element it stands in
    told = json.dumps(held, ensure_ascii=False, allow_nan=False).replace("<", "\\u003c")
    return PAGE.format(title=html.escape(title), alt=html.escape(alt), css=css, esm=esm, traits=told)
