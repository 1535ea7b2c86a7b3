"""Who belongs together, for lesson 09: gains as measured, cheap scores of the same tasks, and groups of all sizes.

Two worlds have a known company: six shoppers of two tastes, and eight planted tasks in two subspaces. A *score* is
stored as it was found, a row for each giver, receiver and seed; whom it puts together is worked out in the lesson.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

import mtl_lesson as mtl
from mtl_lesson import inspection
from mtl_lesson.data.garments import garments
from mtl_lesson.data.shoppers import MOOD
from mtl_lesson.data.shops import deal
from mtl_lesson.linear import closed_form
from mtl_lesson.provenance import roots_of

SEEDS = range(100, 108)
PEOPLE = tuple(mtl.data.tastes().index)
COMPANIES = (PEOPLE[:3], PEOPLE[3:])

#: six people of two tastes; their small trunk has so many features, and every run as many steps
TASTES = {"company": 3.0, "delta": 0.5}
SMALL, LARGE = 3, 32
RATINGS, MORE = 50, 150
SETTINGS = ((SMALL, RATINGS), (LARGE, RATINGS), (SMALL, MORE))
STEPS, RATE = 60, 0.02  # all ratings in a batch
FEW, NOBODY = 15, "nobody"  # ratings of the one that has few, beside one that has more; and where nobody has

#: eight linear tasks in two subspaces of two dimensions, and a linear trunk of as many
PLANTED = {"T": 8, "groups": 2, "rank": 2, "n": 30}
WIDTH, ROUNDS = 2, 60

#: how the models that cheap scores look at are trained, and after how many epochs they look
TRAINED = {"batch_size": 30, "lr": 0.01, "progress": False}
STAGES = {"early": 5, "late": 60}
OF_SHARED, OF_SEPARATE = ("cosine", "look-ahead"), ("cka", "swap", "distance")
SHARES = (0.0, 0.1, 0.3, 1.0)  # of the samples that all tasks have in common


def small(features: int) -> nn.Sequential:
    """A trunk for grey pictures: shrunk to 7 × 7, one layer of ``features`` units."""
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, features), nn.Tanh())


Swept = Callable[..., mtl.Sweep]
Stored = Iterator[tuple[str, pd.DataFrame, dict, list[str]]]


def tables(folder: object, some: bool = False) -> Stored:
    """(name, table, settings, code) of each result. ``folder``: where finished copies are kept. ``some``: a part of
    each table, as it is in the whole."""
    train, facts = TRAINED | {"folder": folder}, {"seeds": SEEDS} | TASTES
    measured = facts | {"steps": STEPS, "lr": RATE, "features and n": SETTINGS, "few": FEW}
    people, planted = roots_of(mtl.data.shoppers, mtl.Hard), roots_of(mtl.data.planted)
    yield "company_groups", of_groups(some), measured, [*people, "bank/company.py"]
    scores = [*people, *planted, *roots_of(mtl.Separate), "training/sweeps", "inspection/affinity", "bank/company.py"]
    yield "company_scores", of_scores(train, some), facts | TRAINED | PLANTED | {"stages": STAGES}, scores
    yield "company_overlap", of_overlap(train, some), facts | TRAINED | {"shares": SHARES}, scores
    solved = PLANTED | {"width": WIDTH, "rounds": ROUNDS, "seeds": SEEDS}
    yield "company_planted", of_planted(some), solved, [*planted, "linear/closed_form", "bank/company.py"]


# --- measured: every group of six ------------------------------------------------------------------------------------


def of_groups(some: bool) -> pd.DataFrame:
    """The rows of ``inspection.train_groups`` for all 63 groups of the six, at each number of features and of ratings
    (with many features single people, pairs, the companies and all); for the pairs of a company also where one of the
    two, ``few``, has but :data:`FEW` ratings."""
    groups = [group for size in range(1, 7) for group in itertools.combinations(PEOPLE, size)]
    few_groups = [group for group in groups if len(group) < 3 or group in (*COMPANIES, PEOPLE)]
    found = []
    for features, n in SETTINGS[: 1 if some else None]:
        worlds = [mtl.data.shoppers(n=n, seed=seed, **TASTES) for seed in SEEDS]
        rows = train_at_once(worlds, (groups if features == SMALL else few_groups)[:: 20 if some else 1], features)
        found.append(rows.assign(features=features, n=n, few=NOBODY))
    for company in COMPANIES[: 0 if some else 2]:
        for one, other in zip(company, company[1:] + company[:1], strict=True):
            worlds = [mtl.data.shoppers(n=MORE, seed=seed, **TASTES) for seed in SEEDS]
            worlds = [
                mtl.data.hide_labels(world, one, FEW, seed=seed) for seed, world in zip(SEEDS, worlds, strict=True)
            ]
            rows = train_at_once(worlds, [(one,), (one, other)], SMALL)
            found.append(rows.assign(features=SMALL, n=MORE, few=one))
    return pd.concat(found, ignore_index=True)


def train_at_once(worlds: Sequence[mtl.data.World], groups: Sequence[Sequence[str]], features: int) -> pd.DataFrame:
    """Train every group on every world at once, what ``inspection.train_groups`` does one after the other: Hard sharing
    from the same first weights, Adam on the sum of the tasks' mean losses, all examples in a batch. In float64.
    """
    members = torch.tensor([[name in group for name in PEOPLE] for group in groups], dtype=torch.float64)
    x, y = (torch.stack(parts) for parts in zip(*(as_stacks(world.train) for world in worlds), strict=True))
    first = [first_weights(world, features, seed) for seed, world in zip(SEEDS, worlds, strict=True)]
    weights = [
        torch.stack(parts).repeat(len(groups), *([1] * (parts[0].dim() + 1))) for parts in zip(*first, strict=True)
    ]
    weights = [weight.requires_grad_() for weight in weights]
    optimiser = torch.optim.Adam(weights, lr=RATE)
    for _ in range(STEPS):
        optimiser.zero_grad()
        (losses_of(weights, x, y) * members[:, None]).sum().backward()
        optimiser.step()
    with torch.no_grad():
        return pd.concat(
            [judged_at(weights, worlds, groups, number) for number in range(len(worlds))], ignore_index=True
        )


def first_weights(world: mtl.data.World, features: int, seed: int) -> list[Tensor]:
    """Of the trunk W (49, features) and b (1, features), of the heads v (tasks, features) and c (tasks, 1)."""
    drawn = mtl.Hard(world, small(features)).like((seed,))
    networks = [drawn.plain(name) for name in PEOPLE]
    trunk = next(layer for layer in networks[0] if isinstance(layer, nn.Linear))
    heads = [network.head for network in networks]
    found = [
        trunk.weight.T,
        trunk.bias[None],
        torch.cat([h.weight for h in heads]),
        torch.stack([h.bias for h in heads]),
    ]
    return [weight.detach().double() for weight in found]


def as_stacks(split: mtl.data.Split) -> tuple[Tensor, Tensor]:
    """Pictures of 7 × 7 in a row (tasks, n, 49), and labels (tasks, n), NaN where there is none."""
    shrink = nn.Sequential(nn.AvgPool2d(4), nn.Flatten())
    x = torch.stack([shrink(split.x[name].double()) for name in PEOPLE])
    y = torch.stack([split.labels[name].double() for name in PEOPLE])
    return x, y.where(y >= 0, torch.nan)


def logits_of(weights: Sequence[Tensor], x: Tensor) -> Tensor:
    """(groups, worlds, tasks, n) from x (worlds, tasks, n, 49)."""
    W, b, v, c = weights
    h = torch.tanh(torch.einsum("stni,gsif->gstnf", x, W) + b[:, :, None])
    return torch.einsum("gstnf,gstf->gstn", h, v) + c


def losses_of(weights: Sequence[Tensor], x: Tensor, y: Tensor) -> Tensor:
    """The mean cross-entropy of each group, world and task."""
    logits, known = logits_of(weights, x), y.isfinite()
    each = nn.functional.binary_cross_entropy_with_logits(logits, y.nan_to_num().expand_as(logits), reduction="none")
    return (each * known).sum(-1) / known.sum(-1)


def judged_at(
    weights: Sequence[Tensor], worlds: Sequence[mtl.data.World], groups: Sequence[Sequence[str]], number: int
) -> pd.DataFrame:
    """The rows of one world's groups."""
    own = [weight[:, number : number + 1] for weight in weights]
    seen = {split: as_stacks(getattr(worlds[number], split)) for split in ("validation", "test")}
    right = {
        split: ((logits_of(own, x[None])[:, 0] > 0) == (y > 0)).double().mean(-1) for split, (x, y) in seen.items()
    }
    loss = losses_of(own, *(part[None] for part in seen["validation"]))[:, 0]
    rows = []
    for place, group in enumerate(groups):
        for name in group:
            at = place, PEOPLE.index(name)
            numbers = {"validation": float(right["validation"][at]), "score": float(right["test"][at])}
            row = {"group": " + ".join(group), "seed": SEEDS[number], "task": name}
            rows.append(row | numbers | {"loss": float(loss[at])})
    return pd.DataFrame(rows)


# --- cheap scores ----------------------------------------------------------------------------------------------------


def of_scores(train: Mapping, some: bool) -> pd.DataFrame:
    """A row for each world, stage of training, score, seed, giver and receiver."""
    worlds = {
        "shoppers": (functools.partial(mtl.data.shoppers, n=RATINGS, **TASTES), small(SMALL)),
        "planted": (functools.partial(mtl.data.planted, **PLANTED), mtl.nets.linear(10, WIDTH)),
    }
    found = []
    for name, (world, trunk) in list(worlds.items())[: 1 if some else None]:
        for stage, epochs in STAGES.items():
            for way, scores in ((mtl.Hard, OF_SHARED), (mtl.Separate, OF_SEPARATE)):
                sweep = mtl.sweep(way, world, trunk=trunk, seeds=SEEDS, epochs=epochs, **train)
                found += scored(sweep, scores, {"world": name, "stage": stage})
    return pd.concat(found, ignore_index=True)


def scored(sweep: mtl.Sweep, scores: Sequence[str], place: Mapping) -> Iterator[pd.DataFrame]:
    """The scores of each model of a sweep, as rows; those of gradients over all of the training examples at once."""
    for run in sweep.runs.values():
        for by in scores:
            options = {"batch_size": len(run.world.train)} if by in OF_SHARED else {}
            yield as_rows(inspection.affinity(run, by=by, **options)).assign(**place, by=by, seed=run.seed)


def as_rows(score: pd.DataFrame) -> pd.DataFrame:
    """A square table as rows: giver, receiver and value."""
    return score.stack().rename("value").reset_index()


# --- samples in common -----------------------------------------------------------------------------------------------


def of_overlap(train: Mapping, some: bool) -> pd.DataFrame:
    """A row for each share of common samples, score, seed, giver and receiver."""
    found = []
    for share in SHARES[-1:] if some else SHARES:
        world = functools.partial(overlapping, share=share)
        sweep = mtl.sweep(mtl.Hard, world, trunk=small(SMALL), seeds=SEEDS, epochs=8, **(train | {"batch_size": 64}))
        found += scored(sweep, ("cosine", "labels") if share else ("cosine",), {"share": share})
    return pd.concat(found, ignore_index=True)


def overlapping(share: float, seed: int) -> mtl.data.World:
    """Six people of two tastes, 50 ratings each, a ``share`` of them on garments that all six have rated."""
    return mtl.data.overlap(same_garments(seed), RATINGS, share, seed=seed)


def same_garments(seed: int) -> mtl.data.World:
    """Six people of two tastes who have all rated the same 600 garments, in the same moods as ever."""
    source = garments()
    which = deal(source.train_labels, 1, np.random.default_rng([9, seed]))[0, :600]
    taste = torch.tensor(mtl.data.tastes(**TASTES).to_numpy())[:, source.train_labels[which]]
    felt = taste + MOOD * torch.tensor(np.random.default_rng([10, seed]).standard_normal(taste.shape))
    split = mtl.data.Split(source.train[which][:, None] / 255, dict(zip(PEOPLE, (felt > 0).long(), strict=True)))
    return mtl.data.World("same garments", tuple(map(mtl.Binary, PEOPLE)), split, split, split)


# --- every group of eight --------------------------------------------------------------------------------------------


def of_planted(some: bool) -> pd.DataFrame:
    """All 255 groups of the planted tasks through one linear trunk, solved: a row for each group, seed and task, with
    the errors on validation and on test. ``group``: the tasks' numbers in a row, such as 125."""
    T = PLANTED["T"]
    groups = [group for size in range(1, T + 1) for group in itertools.combinations(range(T), size)]
    groups = groups[:: 50 if some else 1]
    members = torch.zeros(len(groups), T, dtype=torch.float64)
    for number, group in enumerate(groups):
        members[number, list(group)] = 1
    found = []
    for seed in SEEDS:
        world = mtl.data.planted(seed=seed, **PLANTED)
        theta = shared_trunk(*closed_form.moments(world.train, world), members, WIDTH)
        errors = [closed_form.errors(world, theta, split) for split in ("validation", "test")]
        for number, group in enumerate(groups):
            place = {"group": "".join(str(one + 1) for one in group), "seed": seed}
            for task in group:
                validation, test = (float(error[number, task]) for error in errors)
                found.append(place | {"task": f"task {task + 1}", "validation": validation, "score": test})
    return pd.DataFrame(found)


def shared_trunk(A: Tensor, b: Tensor, members: Tensor, width: int, rounds: int = ROUNDS) -> Tensor:
    """θ (groups, T, d) of each group of tasks through a linear trunk B (d, width) of its own: θ_t = B a_t.

    Least squares, by turns for all a_t and for B, from the best subspace for the θ of the tasks alone; ``members``
    (groups, T) is 1 for the tasks of a group. ``A`` (T, d, d) and ``b`` (T, d): their moments. Heads of tasks outside
    the group are of no meaning.
    """
    d = A.shape[-1]
    tiny = 1e-9 * float(A.diagonal(dim1=1, dim2=2).mean())  # for a direction that nobody in the group looks at
    alone = torch.linalg.solve(A, b[..., None]).squeeze(-1)
    B = torch.linalg.svd(members[..., None] * alone, full_matrices=False)[2][:, :width].mT

    def heads(B: Tensor) -> Tensor:
        inner = B.mT[:, None] @ A @ B[:, None] + tiny * torch.eye(width, dtype=A.dtype)
        return torch.linalg.solve(inner, B.mT[:, None] @ b[..., None]).squeeze(-1)

    for _ in range(rounds):
        a = heads(B) * members[..., None]
        inner = torch.einsum("tij,gtu,gtv->giujv", A, a, a).reshape(len(B), d * width, d * width)
        outer = torch.einsum("ti,gtu->giu", b, a).reshape(len(B), d * width, 1)
        B = torch.linalg.solve(inner + tiny * torch.eye(d * width, dtype=A.dtype), outer).reshape(len(B), d, width)
        B = torch.linalg.qr(B).Q
    return torch.einsum("gdu,gtu->gtd", B, heads(B))
