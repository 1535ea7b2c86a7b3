"""Who belongs together, for lesson 09: gains as they were measured, cheap scores of the same tasks, groups of all sizes.

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
SMALL, LARGE = 4, 32
RATINGS, MORE = 50, 150
SETTINGS = ((SMALL, RATINGS), (LARGE, RATINGS), (SMALL, MORE))
STEPS, BATCH, RATE = 120, 30, 0.01
FEW, NOBODY = 15, "nobody"  # ratings of the one that has few, beside one that has more; and where nobody has

#: eight linear tasks in two subspaces of two dimensions, and a linear trunk of as many
PLANTED = {"T": 8, "groups": 2, "rank": 2, "n": 30}
WIDTH, ROUNDS = 2, 60

EARLY, LATE = 10, STEPS  # steps after which cheap scores look at a model
OF_SHARED, OF_SEPARATE = ("cosine", "look-ahead"), ("cka", "swap", "distance")
SHARES = (0.0, 0.1, 0.3, 0.6, 1.0)  # of the samples that any two tasks have in common
DRAWS = 2  # of the samples, for each seed, to see what a score says of another sample


def small(features: int) -> nn.Sequential:
    """A trunk for grey pictures: shrunk to 7 × 7, one layer of ``features`` units."""
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, features), nn.Tanh())


def epochs(steps: int, n: int) -> int:
    """Passes over ``n`` examples that take so many steps."""
    return max(1, round(steps / -(-n // BATCH)))


Swept = Callable[..., mtl.Sweep]
Stored = Iterator[tuple[str, pd.DataFrame, dict, list[str]]]


def tables(folder: object, some: bool = False) -> Stored:
    """(name, table, settings, code) of each result. ``folder``: where finished copies are kept. ``some``: a part of
    each table, as it is in the whole."""
    train = {"folder": folder, "progress": False, "lr": RATE, "batch_size": BATCH}
    code = [*roots_of(mtl.data.shoppers, mtl.Hard, mtl.Separate), "training/sweeps", "bank/company.py"]
    facts = {"seeds": SEEDS, "steps": STEPS, "batch_size": BATCH, "lr": RATE} | TASTES
    yield (
        "company_transfer",
        of_pairs(train, some),
        facts | {"features and n": SETTINGS, "few": FEW},
        [*code, "inspection/transfer"],
    )
    code += ["inspection/affinity", *roots_of(mtl.data.planted)]
    yield "company_scores", of_scores(train, some), facts | PLANTED | {"early": EARLY, "width": WIDTH}, code
    yield "company_overlap", of_overlap(train, some), facts | {"shares": SHARES, "draws": DRAWS}, code
    code = [*roots_of(mtl.data.planted), "linear/closed_form", "bank/company.py"]
    yield "company_planted", of_planted(some), PLANTED | {"width": WIDTH, "rounds": ROUNDS, "seeds": SEEDS}, code


# --- measured: every person alone, every pair, both companies, all ---------------------------------------------------


def of_pairs(train: Mapping, some: bool) -> pd.DataFrame:
    """The rows of ``inspection.train_groups`` for each number of features and of ratings. ``few``: the person who has
    but :data:`FEW` ratings."""
    found = []
    groups = [*((one,) for one in PEOPLE), *itertools.combinations(PEOPLE, 2), *COMPANIES, PEOPLE]
    for features, n in SETTINGS[: 1 if some else None]:
        world = functools.partial(mtl.data.shoppers, n=n, **TASTES)
        rows = trained(world, groups[:: 12 if some else 1], features, n, train)
        found.append(rows.assign(features=features, n=n, few=NOBODY))
    for company in COMPANIES[: 0 if some else 2]:
        for one, other in zip(company, company[1:] + company[:1], strict=True):
            world = functools.partial(with_few, one=one)
            rows = trained(world, [(one,), (one, other)], SMALL, MORE, train)
            found.append(rows.assign(features=SMALL, n=MORE, few=one))
    return pd.concat(found, ignore_index=True)


def trained(world: Callable, groups: Sequence[Sequence[str]], features: int, n: int, train: Mapping) -> pd.DataFrame:
    rows = inspection.train_groups(world, groups, trunk=small(features), seeds=SEEDS, epochs=epochs(STEPS, n), **train)
    return rows.drop(columns="higher_is_better")


def with_few(one: str, seed: int) -> mtl.data.World:
    """Six shoppers of two tastes, of whom ``one`` has few ratings."""
    return mtl.data.hide_labels(mtl.data.shoppers(n=MORE, seed=seed, **TASTES), one, FEW, seed=seed)


# --- cheap scores ----------------------------------------------------------------------------------------------------


def of_scores(train: Mapping, some: bool) -> pd.DataFrame:
    """A row for each world, stage of training, score, seed, giver and receiver."""
    people = functools.partial(mtl.data.shoppers, n=RATINGS, **TASTES)
    planted = functools.partial(mtl.data.planted, **PLANTED)
    worlds = {
        "shoppers": (people, small(SMALL), RATINGS),
        "planted": (planted, mtl.nets.linear(10, WIDTH), PLANTED["n"]),
    }
    found = []
    for name, (world, trunk, n) in list(worlds.items())[: 1 if some else 2]:
        for stage, steps in {"early": EARLY, "late": LATE}.items():
            for way, scores in ((mtl.Hard, OF_SHARED), (mtl.Separate, OF_SEPARATE)):
                sweep = mtl.sweep(way, world, trunk=trunk, seeds=SEEDS, epochs=epochs(steps, n), **train)
                place = {"world": name, "stage": stage}
                found += scored(sweep, scores, place)
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
    """A row for each share of common samples, draw of the samples, score, seed, giver and receiver."""
    found = []
    for share in SHARES[: 1 if some else None]:
        for draw in range(DRAWS):
            world = functools.partial(overlapping, share=share, draw=draw)
            sweep = mtl.sweep(
                mtl.Hard, world, trunk=small(LARGE), seeds=SEEDS, epochs=1, **(train | {"batch_size": 64})
            )
            place = {"share": share, "draw": draw}
            found += scored(sweep, ("cosine", *(["labels"] if share else [])), place)
    return pd.concat(found, ignore_index=True)


def overlapping(share: float, draw: int, seed: int) -> mtl.data.World:
    """Six people of two tastes, 50 ratings each, a ``share`` of them on garments that all six have rated."""
    return mtl.data.overlap(same_garments(seed), RATINGS, share, seed=2 * seed + draw)


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
