"""A tiny world of three tasks with numbers or maps, and trunks for it: for the tests of single ways of sharing."""

import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World

TASKS = (mtl.Binary("ana"), mtl.Classification("bo", ("x", "y", "z")), mtl.Regression("chidi"))
FIT = {"epochs": 2, "batch_size": 7, "precision": "float64", "progress": False}
CLOSE = {"rtol": 0, "atol": 1e-10}


def trunk():
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5), nn.ReLU())


def small():
    layers = nn.Conv2d(2, 4, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 6), nn.ReLU()
    return nn.Sequential(*layers)


def world(seed=0, n=24, shape=(4,)):
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(n, *shape, generator=draw)
    labels = {"ana": torch.randint(2, (n,), generator=draw), "bo": torch.randint(3, (n,), generator=draw)}
    split = Split(x, labels | {"chidi": torch.randn(n, generator=draw)})
    return World("tiny", TASKS, split, split, split)
