"""Makes google.png, twitter.png, emoji.csv and SHA256SUMS from two packages of npm.

npm pack emoji-datasource-google@16.0.0 emoji-datasource-twitter@16.0.0
python data/emoji/make.py                   (in the folder that now holds the two .tgz; or say where: --source FOLDER)

Each sheet is an RGB PNG, 50 pictures a row, without gaps, in the order of the rows of emoji.csv; the last row is filled
up with white.
"""

import argparse
import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

HERE = Path(__file__).parent
VERSION, DESIGNERS = "16.0.0", ("google", "twitter")
SIDE, COLUMNS = 28, 50
JOINED, SIGNS = "200D", {"200D", "FE0F", "2640", "2642", "27A1"}  # 27A1: "facing right"
SAME = {"1F468": "1F9D1", "1F469": "1F9D1", "1F466": "1F9D2", "1F467": "1F9D2"}  # man, woman: adult; boy, girl: child


def read_package(source: Path, designer: str) -> tuple[list[dict], dict[str, np.ndarray]]:
    """The list of emoji and the pictures, file name → (28, 28, 3), of a package."""
    pictures, folder = {}, f"package/img/{designer}/64/"
    with tarfile.open(source / f"emoji-datasource-{designer}-{VERSION}.tgz") as package:
        table = json.load(package.extractfile("package/emoji.json"))
        wanted = {folder + entry["image"] for entry in table}
        for member in package:
            if member.name in wanted:
                pictures[member.name.removeprefix(folder)] = small(package.extractfile(member).read())
    return table, pictures


def small(content: bytes) -> np.ndarray:
    """A picture on white, each of its new pixels the mean of the area that it covers."""
    with Image.open(io.BytesIO(content)) as image:
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        white.alpha_composite(image)
        return np.asarray(white.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX))


def to_sheet(pictures: np.ndarray) -> np.ndarray:
    rows = -(-len(pictures) // COLUMNS)
    full = np.full((rows * COLUMNS, SIDE, SIDE, 3), 255, np.uint8)
    full[: len(pictures)] = pictures
    return full.reshape(rows, COLUMNS, SIDE, SIDE, 3).swapaxes(1, 2).reshape(rows * SIDE, COLUMNS * SIDE, 3)


def subject(code: str) -> str:
    """What an emoji shows, apart from man, woman or neither, boy or girl, and the side it faces."""
    parts = code.split("-")
    if JOINED in parts:
        parts = [part for part in parts if part not in SIGNS]
    return "-".join(SAME.get(part, part) for part in parts)


def grouped(codes: list[str], sheets: list[np.ndarray]) -> list[int]:
    """For each emoji a number, equal for those of one subject and for those that a designer drew alike to the pixel."""
    group = list(range(len(codes)))
    keys = [[subject(code) for code in codes], *([p.tobytes() for p in pictures] for pictures in sheets)]
    for key in keys:
        first: dict = {}
        for i, one in enumerate(key):
            a, b = group[first.setdefault(one, i)], group[i]
            group = [a if g == b else g for g in group] if a != b else group
    order = {g: number for number, g in enumerate(dict.fromkeys(group))}
    return [order[g] for g in group]


def make(source: Path) -> None:
    (table, google), (other, twitter) = (read_package(source, designer) for designer in DESIGNERS)
    assert table == other, "the two packages list different emoji"
    # The five components are skin tones, which are no pictures of anything.
    table = sorted((e for e in table if e["category"] != "Component"), key=lambda e: e["sort_order"])
    assert len(table) == 1906, f"expected 1906 emoji, got {len(table)}"
    assert all(e[f"has_img_{designer}"] for e in table for designer in DESIGNERS)
    pictures = [np.stack([of[e["image"]] for e in table]) for of in (google, twitter)]
    frame = pd.DataFrame([{key: e[key] for key in ("unified", "name", "category", "subcategory")} for e in table])
    frame = frame.rename(columns={"unified": "code"})
    frame["group"] = grouped(list(frame.code), pictures)
    assert not frame.isna().any(axis=None)
    frame.to_csv(HERE / "emoji.csv", index=False, lineterminator="\n", encoding="utf-8")
    for designer, of in zip(DESIGNERS, pictures, strict=True):
        path, sheet = HERE / f"{designer}.png", to_sheet(of)
        Image.fromarray(sheet).save(path, optimize=True)
        assert (np.asarray(Image.open(path)) == sheet).all(), "the sheet did not survive"
    files = ["emoji.csv", *(f"{designer}.png" for designer in DESIGNERS)]
    sums = [f"{hashlib.sha256((HERE / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    (HERE / "SHA256SUMS").write_text("".join(sums), newline="\n")
    size = sum((HERE / name).stat().st_size for name in files) / 1e6
    print(f"{len(frame)} emoji in {frame.group.nunique()} groups, {size:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled emoji.")
    parser.add_argument("--source", type=Path, default=Path(), help="folder of the two .tgz files (default: this one)")
    make(parser.parse_args().source)
