"""For tests that go through every way of sharing: tasks of every kind, models whose tasks differ, noise to look at."""

import torch

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.nets import layers_with_weights

TASKS = (mtl.Classification("kind", ("a", "b", "c")), mtl.Binary("yes"), mtl.Regression("much"))
SAME = tuple(mtl.Binary(name) for name in ("ana", "bo", "chidi"))  # Pooled asks all tasks the same question
WAYS = {
    "separate": lambda trunk: mtl.Separate(TASKS, trunk),
    "soft": lambda trunk: mtl.Soft(TASKS, trunk, lam=0.1),
    "annealed": lambda trunk: mtl.Annealed(TASKS, trunk, lam=0.1, half_life=3.0),
    "learnt": lambda trunk: mtl.Learnt(TASKS, trunk, lam=0.1),
    "hard": lambda trunk: mtl.Hard(TASKS, trunk),
    "hierarchical": lambda trunk: mtl.Hierarchical(TASKS, trunk, branch=layers_with_weights(trunk)[-1]),
    "pooled": lambda trunk: mtl.Pooled(SAME, trunk),
    "low rank": lambda trunk: mtl.LowRank(TASKS, trunk, rank=2),
    "shared and private": lambda trunk: mtl.SharedPrivate(TASKS, trunk),
    "experts": lambda trunk: mtl.Experts(TASKS, trunk, experts=2, private=1, gate="constant"),
    "attention": lambda trunk: mtl.Attention(TASKS, trunk),
}


def moved(model, by=0.3):
    """The model with every weight moved, so that tasks differ as after training."""
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(by * torch.randn(parameter.shape, generator=draw))
    return model


def noise(tasks, shape, own, n):
    """A world of noise of this shape, with every kind of label; a third of them missing."""
    draw = torch.Generator().manual_seed(0)
    x = {task.name: torch.randn(n, *shape, generator=draw) for task in tasks}
    labels = {}
    for task in tasks:
        if isinstance(task, mtl.Regression):
            y, missing = torch.randn(n, generator=draw), torch.nan
        else:
            y, missing = torch.randint(max(task.outputs, 2), (n,), generator=draw), -1
        labels[task.name] = y.where(torch.rand(n, generator=draw) > 1 / 3, missing)
    split = Split(x if own else x[tasks[0].name], labels)
    return World("toy", tasks, split, split, split)
