"""Makes train.png, test.png and SHA256SUMS from the public Fashion-MNIST files.

    python data/fashion_mnist/make.py                                               # downloads through torchvision
    python data/fashion_mnist/make.py --source /usr/share/datasets/fashion-mnist    # Debian: dataset-fashion-mnist

A sheet is an 8-bit grey PNG, 100 garments a row, without gaps. The garments stand in the order of their classes, the
same number of each, so the label of garment i of n is 10 * i // n and needs no file of its own.
"""

import argparse
import gzip
import hashlib
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
CLASSES, SIDE, COLUMNS = 10, 28, 100
PER_CLASS = {"train": 1200, "test": 300}
PUBLIC = {"train": "train", "test": "t10k"}  # what the public files are called
SEED = 20170828  # arbitrary, fixed for good: another one makes another subset


def read_public(source: Path, part: str) -> tuple[np.ndarray, np.ndarray]:
    """Pictures (n, 28, 28) and labels (n,), both uint8, from the two idx files of a part."""
    pictures = gzip.decompress((source / f"{PUBLIC[part]}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((source / f"{PUBLIC[part]}-labels-idx1-ubyte.gz").read_bytes())
    pictures = np.frombuffer(pictures, np.uint8, offset=16).reshape(-1, SIDE, SIDE)
    return pictures, np.frombuffer(labels, np.uint8, offset=8)


def choose(pictures: np.ndarray, labels: np.ndarray, per_class: int, seen: set, rng) -> np.ndarray:
    """Numbers of the chosen garments, in the order of their classes; takes no picture twice, nor one of ``seen``."""
    fresh = []
    for i in rng.permutation(len(pictures)):
        key = pictures[i].tobytes()
        if key not in seen:
            seen.add(key)
            fresh.append(i)
    fresh = np.array(fresh)
    return np.concatenate([fresh[labels[fresh] == c][:per_class] for c in range(CLASSES)])


def to_sheet(pictures: np.ndarray) -> np.ndarray:
    rows = len(pictures) // COLUMNS
    return pictures.reshape(rows, COLUMNS, SIDE, SIDE).swapaxes(1, 2).reshape(rows * SIDE, COLUMNS * SIDE)


def make(source: Path) -> None:
    rng, seen, sums = np.random.default_rng(SEED), set(), []
    for part in ("train", "test"):
        pictures, labels = read_public(source, part)
        chosen = choose(pictures, labels, PER_CLASS[part], seen, rng)
        assert (labels[chosen] == np.repeat(np.arange(CLASSES), PER_CLASS[part])).all(), "too few garments of a class"
        sheet, path = to_sheet(pictures[chosen]), HERE / f"{part}.png"
        Image.fromarray(sheet).save(path, optimize=True)
        assert (np.asarray(Image.open(path)) == sheet).all(), "the sheet did not survive"
        sums.append(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n")
        print(f"{path.name}: {len(chosen)} garments, {path.stat().st_size / 1e6:.2f} MB")
    (HERE / "SHA256SUMS").write_text("".join(sums), newline="\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled subset of Fashion-MNIST.")
    parser.add_argument("--source", type=Path, help="folder of the four public .gz files (default: download them)")
    source = parser.parse_args().source
    if source:
        make(source)
    else:
        from torchvision.datasets import FashionMNIST

        with tempfile.TemporaryDirectory() as folder:
            FashionMNIST(folder, download=True)
            make(Path(folder, "FashionMNIST", "raw"))
