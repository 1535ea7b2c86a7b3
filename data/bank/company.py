"""Who belongs together, for lesson 09: gains as measured, cheap scores of the same tasks, and groups of all sizes.

Two worlds have a known company: six shoppers of two tastes, and eight planted tasks in two subspaces.
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
EIGHT = tuple(f"task {number}" for number in range(1, 9))
FOURS = [(four, tuple(name for name in EIGHT if name not in four)) for four in itertools.combinations(EIGHT, 4)][:35]
COMPANY_OF = {
    "shoppers": {name: number for number, group in enumerate(COMPANIES) for name in group},
    "planted": {name: number // 4 for number, name in enumerate(EIGHT)},
}

#: how the models that cheap scores look at are trained, and after how many epochs they look
TRAINED = {"batch_size": 30, "lr": 0.01, "progress": False}
STAGES = {"early": 5, "late": 60}
OF_SHARED, OF_SEPARATE = ("cosine", "look-ahead"), ("cka", "swap", "distance")
NUMBERS = (10, 20, 40, 70)  # of random groups of four; there are 70
SHARES = (0.0, 0.1, 0.3, 1.0)  # of the samples that all tasks have in common
PERMUTED = 1000  # times the tasks of every seed are put into another order


def small(features: int) -> nn.Sequential:
    """A trunk for grey pictures: shrunk to 7 × 7, one layer of ``features`` units."""
    return nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(49, features), nn.Tanh())


Swept = Callable[..., mtl.Sweep]
Stored = Iterator[tuple[str, pd.DataFrame, dict, list[str]]]


def tables(folder: object, some: bool = False) -> Stored:
    """(name, table, settings, code) of each result. ``folder``: where finished copies are kept. ``some``: a part of
    each table, as it is in the whole."""
    train, facts = TRAINED | {"folder": folder}, {"seeds": SEEDS} | TASTES
    people, solved = [*roots_of(mtl.data.shoppers, mtl.Hard), "bank/company.py"], roots_of(mtl.data.planted)
    solved += ["linear/closed_form", "inspection/groups"]
    groups, planted = of_groups(some), of_planted()
    measured = facts | {"steps": STEPS, "lr": RATE, "features and n": SETTINGS, "few": FEW, "planted": PLANTED}
    yield "company_gains", gains(groups, planted), measured, [*people, *solved]
    scores = [*people, *solved, *roots_of(mtl.Separate), "training/sweeps", "inspection/affinity"]
    facts |= TRAINED | {"permuted": PERMUTED}
    found = judged(of_scores(train, some), ["world", "stage"], groups)
    yield "company_scores", found, facts | PLANTED | {"stages": STAGES}, scores
    yield "company_overlap", judged(of_overlap(train, some), ["share"]), facts | {"shares": SHARES}, scores
    facts = PLANTED | {"width": WIDTH, "rounds": ROUNDS, "seeds": SEEDS, "numbers": NUMBERS}
    yield "company_learnt", learnt(planted), facts | {"permuted": PERMUTED}, [*people, *solved]
    yield "company_cuts", cuts(groups, planted), facts, [*people, *solved]


# --- what is made of it: whom a score puts together ------------------------------------------------------------------


def gains(groups: pd.DataFrame, planted: pd.DataFrame) -> pd.DataFrame:
    """What each task gains from each other one: a row for each world, number of features and of examples, giver,
    receiver and seed. ``company``: "own" or "other". ``few``: who of the two has few ratings, giver or receiver."""
    alone = groups[groups.few == NOBODY]
    found = [pairs.assign(features=f, n=n, few=NOBODY) for (f, n), pairs in gains_by(alone, ["features", "n"])]
    single = alone[(alone.n == MORE) & (alone.features == SMALL) & alone.task.eq(alone.group)]
    for few, part in groups[groups.few != NOBODY].groupby("few", sort=False):
        pairs = inspection.gains_of_pairs(pd.concat([part, single[single.task != few]]).assign(higher_is_better=True))
        pairs["few"] = np.where(pairs.giver == few, "giver", "receiver")
        found.append(pairs.assign(features=SMALL, n=MORE))
    small = planted[planted.group.str.len() <= 2].assign(higher_is_better=False)
    linear = inspection.gains_of_pairs(small).assign(features=WIDTH, n=PLANTED["n"], few=NOBODY)
    table = pd.concat([pd.concat(found).assign(world="shoppers"), linear.assign(world="planted")], ignore_index=True)
    company = COMPANY_OF["shoppers"] | COMPANY_OF["planted"]
    table["company"] = np.where(table.giver.map(company) == table.receiver.map(company), "own", "other")
    table["gain"] = table.gain.round(6) + 0.0  # what is 0 but for rounding is 0, and not −0
    return table.drop(columns="validation")


def gains_by(groups: pd.DataFrame, by: Sequence[str]) -> Iterator[tuple]:
    for place, part in groups.groupby(by, sort=False):
        yield place, inspection.gains_of_pairs(part.assign(higher_is_better=True))


def judged(scores: pd.DataFrame, at: Sequence[str], groups: pd.DataFrame | None = None) -> pd.DataFrame:
    """How far each score names the company (``auc``), what permuted groups reach (``permuted``, see
    :func:`reach_permuted`), and how its ranks go with those of the gains that were measured among the shoppers
    (``gains``, Spearman; NaN in another world)."""
    found = []
    for place, part in scores.groupby([*at, "by"], sort=False):
        here = dict(zip([*at, "measure"], place, strict=True))
        world = here.get("world", "shoppers")
        tables = {seed: square(one) for seed, one in part.groupby("seed", sort=False)}
        here["permuted"] = reach_permuted(tables, COMPANY_OF[world])
        for seed, table in tables.items():
            row = here | {"seed": seed, "auc": inspection.agreement(table, COMPANY_OF[world])}
            if groups is not None:
                own = groups[(groups.features == SMALL) & (groups.n == RATINGS) & (groups.seed == seed)]
                known = inspection.transfer_matrix(inspection.gains_of_pairs(own.assign(higher_is_better=True)))
                names = list(table.columns)
                row["gains"] = inspection.agreement(table, known.loc[names, names]) if world == "shoppers" else np.nan
            found.append(row)
    return pd.DataFrame(found)


def reach_permuted(tables: Mapping[int, pd.DataFrame], company: Mapping[str, int]) -> float:
    """What the mean AUC over seeds reaches once in 40 times if the tasks are dealt to the groups anew, in every seed by
    itself: the upper end of the middle 95 %.

    ``tables``: seed → score. Of one seed alone it would say little: six tasks can be cut into two threes in ten ways,
    so that a tenth of all orders are the company itself.
    """
    drawn = [inspection.permuted(table, company, PERMUTED, seed=seed) for seed, table in tables.items()]
    return float(np.quantile(np.mean(drawn, axis=0), 0.975))


def square(rows: pd.DataFrame) -> pd.DataFrame:
    """The opposite of :func:`as_rows`."""
    return rows.pivot(index="giver", columns="receiver", values="value")


def regressed(planted: pd.DataFrame, seed: int, number: int) -> pd.DataFrame:
    """β, learnt on validation from so many groups of four that ``seed`` draws."""
    drawn = {"".join(name[-1] for name in group) for group in inspection.sample_groups(EIGHT, 4, number, seed=seed)}
    rows = planted[(planted.seed == seed) & planted.group.isin(drawn)]
    return inspection.regress_groups(rows.assign(higher_is_better=False), "validation")


def learnt(planted: pd.DataFrame) -> pd.DataFrame:
    """How far β names the company, for each number of groups and seed, and what permuted groups reach."""
    found, company = [], COMPANY_OF["planted"]
    for number in NUMBERS:
        tables = {seed: regressed(planted, seed, number) for seed in SEEDS}
        place = {"groups": number, "permuted": reach_permuted(tables, company)}
        found += [place | {"seed": seed, "auc": inspection.agreement(beta, company)} for seed, beta in tables.items()]
    return pd.DataFrame(found)


def cuts(groups: pd.DataFrame, planted: pd.DataFrame) -> pd.DataFrame:
    """What tasks reach on test that were cut into groups, a row for each world, number of features, cut and seed: the
    shoppers' agreement, the planted tasks' error. "at random" is the mean of all cuts into two fours, "learnt" is by β
    from 40 groups, "tried" by the validation error of every cut into two."""
    found = []
    for (features, seed), rows in groups[(groups.n == RATINGS)].groupby(["features", "seed"], sort=False):
        ways = {"all together": [[PEOPLE]], "all apart": [[(name,) for name in PEOPLE]], "the truth": [COMPANIES]}
        found += reached("shoppers", features, seed, rows.assign(higher_is_better=True), ways)
    for seed, rows in planted.assign(higher_is_better=False).groupby("seed"):
        ways = {
            "all together": [[EIGHT]],
            "all apart": [[(name,) for name in EIGHT]],
            "two at random": FOURS,
            "two, learnt": [inspection.choose_groups(regressed(planted, seed, 40), 2, combine="sum")],
            "two, tried": [inspection.choose_groups(rows, 2)],
            "the truth": [[EIGHT[:4], EIGHT[4:]]],
        }
        found += reached("planted", WIDTH, seed, rows, ways)
    return pd.DataFrame(found)


def reached(world: str, features: int, seed: int, rows: pd.DataFrame, ways: Mapping[str, Sequence]) -> Iterator[dict]:
    """The rows of ways to cut the tasks, each one cut or several, whose mean score counts."""
    for way, several in ways.items():
        score = np.mean([inspection.score_groups(rows, cut).iloc[0] for cut in several])
        yield {"world": world, "features": features, "cut": way, "seed": seed, "score": score}


# --- measured: groups of six ------------------------------------------------------------------------------------------


def of_groups(some: bool) -> pd.DataFrame:
    """The rows of ``inspection.train_groups`` at each number of features and of ratings: each of the six alone, the
    pairs, the companies and all; for some pairs of a company also where one of the two, ``few``, has but :data:`FEW`
    ratings."""
    groups = [*((name,) for name in PEOPLE), *itertools.combinations(PEOPLE, 2), *COMPANIES, PEOPLE]
    found = []
    for features, n in SETTINGS[: 1 if some else None]:
        worlds = [mtl.data.shoppers(n=n, seed=seed, **TASTES) for seed in SEEDS]
        found.append(train_at_once(worlds, groups, features).assign(features=features, n=n, few=NOBODY))
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


def of_planted() -> pd.DataFrame:
    """All 255 groups of the planted tasks through one linear trunk, solved: a row for each group, seed and task, with
    the errors on validation and on test. ``group``: the tasks' numbers in a row, such as 125."""
    T = PLANTED["T"]
    groups = [group for size in range(1, T + 1) for group in itertools.combinations(range(T), size)]
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
