"""Picture files become numbers: upright, on white, of one size; or are refused in words."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from tqdm.auto import tqdm

#: what is read, and how its files end. No others: Pillow would run another program for some
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
ENDINGS = (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm")
FITS = ("pad", "crop")
CHANNELS = {1: ("grey",), 3: ("red", "green", "blue")}
DEEP = ("I;16", "I;16L", "I;16B", "I;16N")  # Pillow's names for grey in 16 bits
CLEAR = ("RGBA", "LA", "PA")  # and for what has an alpha channel
GREY = ("1", "L", "LA")
ORIENTATION = 0x0112  # the number of the note in EXIF
#: what may be found in a picture, and what is said of it
NOTES = {
    "turned": "turned upright, as the camera noted (EXIF)",
    "clear": "partly transparent: laid on white",
    "deep": "of 16 bits: 65,535 is white",
    "print": "in the colours of print (CMYK): turned into red, green and blue without a colour profile",
}
PATIENCE = 2.0  # seconds until a bar of progress is shown


@dataclass(frozen=True)
class Seen:
    """What a file held: ``size``, (width, height) in pixels, and ``notes``, of :data:`NOTES` and "grey"."""

    size: tuple[int, int]
    notes: frozenset[str]


@dataclass(frozen=True)
class PictureShape:
    """What every picture becomes: ``channels`` (3, or 1 for grey) × ``size`` × ``size``. ``fit``: "pad" puts what is
    not square on white, "crop" cuts its middle out. Raises TypeError or ValueError for another."""

    size: int = 28
    channels: int = 3
    fit: str = "pad"

    def __post_init__(self):
        if isinstance(self.size, bool) or not isinstance(self.size, int):
            raise TypeError(f"size is a whole number of pixels, such as 28, not {self.size!r}")
        if not 1 <= self.size <= 1024:
            raise ValueError(f"size is from 1 to 1024 pixels, not {self.size}; such as 28")
        if self.channels not in CHANNELS:
            raise ValueError(f"channels is 3 (red, green, blue) or 1 (grey), not {self.channels!r}")
        if self.fit not in FITS:
            raise ValueError(f"fit is 'pad' (on white) or 'crop' (the middle), not {self.fit!r}")


@dataclass(frozen=True)
class Pictures:
    """What was read. ``values``: (n, channels, size, size), uint8. ``seen``: what each of the n files held. ``bad``:
    number of a file that could not be read → why; its values are 0."""

    values: np.ndarray = field(repr=False)
    seen: Sequence[Seen | None] = field(repr=False)
    bad: dict[int, str]


def read_pictures(paths: Sequence[Path], shape: PictureShape, progress: bool = True) -> Pictures:
    """Read all files; shows a bar after two seconds. Stop (KeyboardInterrupt) ends it at any time."""
    values = np.zeros((len(paths), shape.channels, shape.size, shape.size), np.uint8)
    seen: list[Seen | None] = [None] * len(paths)
    bad = {}
    bar = tqdm(paths, desc="reading", unit=" pictures", delay=PATIENCE, leave=False, disable=not progress)
    for number, path in enumerate(bar):
        try:
            values[number], seen[number] = read_picture(path, shape)
        except ValueError as error:
            bad[number] = str(error)
    return Pictures(values, seen, bad)


def read_picture(path: Path, shape: PictureShape) -> tuple[np.ndarray, Seen]:
    """One file as (channels, size, size), uint8, and what it held. ValueError says why it cannot be read."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of notes in a file that are damaged, and matter to no pixel
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                check_frames(image)
                size = image.size
                image.draft(None, (4 * shape.size, 4 * shape.size))  # a large JPEG is not unpacked to its full size
                upright, notes = on_white(image)
                return as_values(upright, shape), Seen(size, notes)
    except Exception as error:  # a damaged file makes Pillow raise whatever there is
        raise ValueError(why(error, path)) from None


def check_frames(image: Image.Image) -> None:
    """Refuse what is several pictures; but a telephone's MPO is one, with a small copy beside it."""
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise Refused(f"it is {frames} pictures in one file: save the one that is meant")


def on_white(image: Image.Image) -> tuple[Image.Image, frozenset[str]]:
    """The picture upright and without transparency, in mode L or RGB, and what there was to note."""
    kind, notes = image.format, set()
    if image.getexif().get(ORIENTATION, 1) in range(2, 9):
        notes.add("turned")
    image = ImageOps.exif_transpose(image)
    if image.mode in DEEP or (image.mode == "I" and kind == "PNG"):  # as older versions of Pillow call it
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        notes.add("deep")
    elif image.mode in ("I", "F"):
        raise Refused("its numbers have 32 bits, and which of them is white is not said: save it with 8 or 16")
    if image.mode == "CMYK":
        notes.add("print")
    mode = "L" if image.mode in GREY else "RGB"
    if mode == "L":
        notes.add("grey")
    if image.mode in CLEAR or "transparency" in image.info:
        layers = image.convert("RGBA")
        if layers.getextrema()[3][0] < 255:
            notes.add("clear")
        image = Image.alpha_composite(Image.new("RGBA", layers.size, "white"), layers)
    return image.convert(mode), frozenset(notes)


def as_values(image: Image.Image, shape: PictureShape) -> np.ndarray:
    """A picture of mode L or RGB as (channels, size, size), uint8."""
    mode, side = "L" if shape.channels == 1 else "RGB", (shape.size, shape.size)
    image = image.convert(mode)
    if image.size != side and shape.fit == "crop":
        image = ImageOps.fit(image, side, Image.Resampling.BILINEAR)
    elif image.size != side:
        image = padded_out(image, shape.size)
    return np.asarray(image, np.uint8).reshape(*side, shape.channels).transpose(2, 0, 1)


def padded_out(image: Image.Image, size: int) -> Image.Image:
    """The whole picture, its longer side ``size``, in the middle of a white square."""
    width, height = (max(1, round(side * size / max(image.size))) for side in image.size)
    square = Image.new(image.mode, (size, size), "white")
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0)
    square.paste(small, ((size - width) // 2, (size - height) // 2))
    return square


class Refused(Exception):
    """A picture that could be read and is refused; the message says why."""


def why(error: Exception, path: Path) -> str:
    """Why a file cannot be read as a picture, in words."""
    if isinstance(error, Refused):
        return str(error)
    if isinstance(error, Image.DecompressionBombWarning | Image.DecompressionBombError):
        return f"it has more than {Image.MAX_IMAGE_PIXELS:,} pixels, which may fill the memory: make it smaller"
    if isinstance(error, FileNotFoundError):
        return "there is no such file"
    if path.is_file() and os.access(path, os.R_OK) and path.stat().st_size == 0:
        return "it is empty"
    if isinstance(error, UnidentifiedImageError):
        return f"it is no picture that can be read, {', '.join(FORMATS[:-1])} or {FORMATS[-1]}"
    said = " ".join(str(error).split())
    return f"it is damaged, or cannot be opened ({type(error).__name__}: {said[:80]})"


# --- in words -------------------------------------------------------------------------------------------------------


def sentences_about(seen: Iterable[Seen], shape: PictureShape) -> list[str]:
    """What was done to the pictures, a sentence each."""
    seen = [*seen]
    colours = "red, green and blue" if shape.channels == 3 else "grey"
    said = [f"{len(seen):,} pictures become {shape.size} × {shape.size} pixels, {colours}, from 0, black, to 1, white"]
    said += sentences_about_sizes([one.size for one in seen], shape)
    counts = Counter(note for one in seen for note in one.notes)
    said += [f"{so_many(counts[note])} {text}" for note, text in NOTES.items() if counts[note]]
    grey = counts["grey"]
    if shape.channels == 3 and grey == len(seen):
        said.append("All pictures are grey: their three channels are equal, and channels=1 says as much")
    elif grey and shape.channels == 3:
        said.append(
            f"{so_many(grey)} stored in grey, others are not: if they are of other classes, that gives them away"
        )
    elif grey < len(seen) and shape.channels == 1:
        said.append(f"{so_many(len(seen) - grey)} not stored in grey: turned grey")
    return said


def sentences_about_sizes(sizes: Sequence[tuple[int, int]], shape: PictureShape) -> list[str]:
    """Which sizes there were, and what became of those that are not square or too small."""
    kinds = sorted(set(sizes), key=lambda one: (one[0] * one[1], one))
    if kinds == [(shape.size, shape.size)]:
        return []
    first, last = (f"{width} × {height}" for width, height in (kinds[0], kinds[-1]))
    said = [
        f"They had {len(kinds):,} sizes, from {first} to {last}: all are resized"
        if len(kinds) > 1
        else f"They were {first}: all are resized"
    ]
    oblong = sum(width != height for width, height in sizes)
    if oblong:
        done = "padded with white" if shape.fit == "pad" else "what is beside their middle is cut off"
        other = "'crop' would cut" if shape.fit == "pad" else "'pad' would keep it"
        said.append(f"{so_many(oblong)} not square: {done} (fit={other})")
    small = sum((max if shape.fit == "pad" else min)(size) < shape.size for size in sizes)
    if small:
        said.append(f"{so_many(small)} smaller than {shape.size} pixels, and enlarged")
    return said


def so_many(number: int) -> str:
    return "1 picture is" if number == 1 else f"{number:,} pictures are"
