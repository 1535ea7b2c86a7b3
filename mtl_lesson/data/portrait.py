"""The world ``portrait`` and the network ``onet``: a deployed network of three tasks, and pictures to ask it about."""

from __future__ import annotations

from collections import OrderedDict
from functools import cache

import numpy as np
import torch
from PIL import Image
from torch import nn

from ..arguments import whole
from ..tasks import Box, Classification, Regression
from .files import verified
from .world import Split, World

SIDE = 48  # pixels of a crop
FACE = (90.0, 31.0, 136.0, 89.5)  # left, top, right, bottom in the picture of 256×256, from hairline to chin
POINTS = ((101.5, 50.5), (123.25, 51.5), (112.0, 63.0), (102.5, 70.0), (122.5, 70.5))
LANDMARKS = ("left eye", "right eye", "nose", "left corner of the mouth", "right corner")  # as one looks at it
MIRRORED = [1, 0, 2, 4, 3]  # which landmark is which in a mirror
CLOSE = (0.9, 1.4)  # sides of a crop, in heights of the face
AWAY = 0.15  # how far a face may lie from the middle of its crop, in sides
LIGHT = (0.7, 1.15)  # what every pixel is multiplied by
TRAIN, VALIDATION, TEST = 1, 2, 3  # streams of random numbers; the first two are joined by a seed


def onet() -> tuple[nn.Sequential, dict[str, nn.Linear]]:
    """O-Net, the last of three networks of the face detector MTCNN, as it is used: a trunk, and a head for each task.

    The trunk makes 256 features h of a crop (n, 3, 48, 48), its pixels from −1 to 1; all three heads are linear on the
    same h: ``face`` (no, yes), ``box`` (left, top, right, bottom) and ``landmarks`` (five x, then five y), both in
    shares of the crop. That is hard sharing: ``mtl.Hard(tasks, trunk, features=256, initial="template")``.

    Zhang et al. 2016, "Joint face detection and alignment using multitask cascaded convolutional networks"; the weights
    are those of the package facenet-pytorch 2.6.0 (MIT licence), see data/onet/README.md. They were trained on pictures
    of WIDER FACE and CelebA, which are not here. Raises DataError if the file is missing or damaged.
    """
    relu, pool = nn.PReLU, nn.MaxPool2d
    trunk = nn.Sequential(
        OrderedDict(
            conv1=nn.Conv2d(3, 32, 3),
            prelu1=relu(32),
            pool1=pool(3, 2, ceil_mode=True),
            conv2=nn.Conv2d(32, 64, 3),
            prelu2=relu(64),
            pool2=pool(3, 2, ceil_mode=True),
            conv3=nn.Conv2d(64, 64, 3),
            prelu3=relu(64),
            pool3=pool(2, 2, ceil_mode=True),
            conv4=nn.Conv2d(64, 128, 2),
            prelu4=relu(128),
            flatten=nn.Flatten(),
            dense5=nn.Linear(3 * 3 * 128, 256),
            prelu5=relu(256),
        )
    )
    heads = {"face": nn.Linear(256, 2), "box": nn.Linear(256, 4), "landmarks": nn.Linear(256, 10)}
    with np.load(verified("onet/onet.npz"), allow_pickle=False) as held:
        weights = {name: torch.tensor(held[name]) for name in held.files}
    for name, head in heads.items():
        head.load_state_dict({key: weights.pop(f"{name}.{key}") for key in ("weight", "bias")})
    trunk.load_state_dict(weights)
    return trunk, heads


def portrait(n_train: int = 200, n_validation: int = 200, n_test: int = 200, seed: int = 0) -> World:
    """Crops of one photograph: is this the face, where is it, where are eyes, nose and the corners of the mouth?

    Eileen Collins, astronaut, photographed by NASA (public domain). An example is a square crop, x (3, 48, 48) from −1
    to 1: every other one holds the face, nearer or farther, off the middle, mirrored or not, lighter or darker; the
    others are from where there is no part of it. Tasks: ``face`` (no, yes); ``box`` and ``landmarks``
    (:data:`LANDMARKS`: five x, then five y) in shares of the crop, missing where there is no face. Box and landmarks
    were marked once, by hand, for this course.

    There is one face here, so nothing that is found on these crops is a fact about faces, and none about the network's
    quality; they show what the heads of :func:`onet` rest on when all three have work to do. There is no dial. ``seed``
    draws crops for training and validation; the test crops are the same for every seed, and those at a small n are the
    first of those at a larger one.

    Raises TypeError or ValueError for a number that is not whole or is less than 2, DataError where the picture is
    missing or damaged.
    """
    numbers = {"n_train": n_train, "n_validation": n_validation, "n_test": n_test}
    sizes = [whole(n, name, least=2) for name, n in numbers.items()]
    seed = whole(seed, "seed", least=0)
    streams = [[TRAIN, seed], [VALIDATION, seed], [TEST]]
    splits = [_crops(n, np.random.default_rng(stream)) for n, stream in zip(sizes, streams, strict=True)]
    tasks = (Classification("face", ["no", "yes"]), Box("box"), Regression("landmarks", outputs=10))
    return World("portrait", tasks, *splits)


@cache
def _picture() -> Image.Image:
    with Image.open(verified("onet/astronaut.png")) as image:
        return image.convert("RGB")


def _crops(n: int, rng: np.random.Generator) -> Split:
    """Crops, every other one of the face."""
    x, box, points = map(np.stack, zip(*[_crop(rng, i % 2 == 1) for i in range(n)], strict=True))
    labels = {"face": torch.arange(n) % 2, "box": torch.tensor(box), "landmarks": torch.tensor(points)}
    return Split(torch.tensor(x), labels)


def _crop(rng: np.random.Generator, is_face: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A crop (3, 48, 48), and where in it are the face (4,) and its landmarks (10,); NaN where there is none."""
    left, top, side = _around_face(rng) if is_face else _elsewhere(rng)
    mirrored, light = rng.random() < 0.5, rng.uniform(*LIGHT)
    image = _picture().resize((SIDE, SIDE), Image.Resampling.BILINEAR, box=(left, top, left + side, top + side))
    pixels = ((np.asarray(image) * light).clip(0, 255) - 127.5) / 128
    marks = (np.array([FACE[:2], FACE[2:], *POINTS]) - (left, top)) / side
    if mirrored:
        pixels, marks[:, 0] = pixels[:, ::-1], 1 - marks[:, 0]
        marks[:2, 0], marks[2:] = marks[1::-1, 0].copy(), marks[2:][MIRRORED]
    marks = (marks if is_face else np.full_like(marks, np.nan)).astype(np.float32)
    return pixels.transpose(2, 0, 1).astype(np.float32), marks[:2].ravel(), marks[2:].T.ravel()


def _around_face(rng: np.random.Generator) -> tuple[float, float, float]:
    """Left, top and side of a square with the face in it."""
    side = (FACE[3] - FACE[1]) * rng.uniform(*CLOSE)
    middle = np.array([FACE[0] + FACE[2], FACE[1] + FACE[3]]) / 2 + side * rng.uniform(-AWAY, AWAY, 2)
    return (*(middle - side / 2), side)


def _elsewhere(rng: np.random.Generator) -> tuple[float, float, float]:
    """Left, top and side of a square as large that holds no part of the face."""
    while True:
        side = (FACE[3] - FACE[1]) * rng.uniform(*CLOSE)
        left, top = rng.uniform(0, _picture().width - side, 2)
        if left >= FACE[2] or left + side <= FACE[0] or top >= FACE[3] or top + side <= FACE[1]:
            return left, top, side
