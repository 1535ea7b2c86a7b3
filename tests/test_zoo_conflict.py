"""Conflict, affinity, transfer, pairs of pulls and weightings, held against the zoo: right, or refused in words."""

import functools
import itertools
import random
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
import zoo
from every_way import moved
from torch import nn
from torchjd import aggregation, scalarization

import mtl_lesson as mtl
from mtl_lesson.chance import generator
from mtl_lesson.data import Split, World, only
from mtl_lesson.inspection import (
    affinity,
    along_front,
    choose_groups,
    cka,
    conflict,
    conflict_path,
    gains_of_pairs,
    regress_groups,
    train_groups,
    transfer,
    transfer_matrix,
)
from mtl_lesson.inspection.affinity import SCORES

FIT = {"epochs": 1, "batch_size": 12, "precision": "float64", "progress": False}
SGD = FIT | {"optimiser": "sgd", "lr": 0.05}  # Adam makes a step of what rounding leaves of a gradient of 0
NAMES = [task.name for task in zoo.TASKS]
MEASURES = ["cosine", "ratio", "size_first", "size_second"]
OF_GRADIENTS, OF_SOLUTIONS = ("cosine", "look-ahead"), ("cka", "swap", "distance")
LEARNS = [animal for animal in zoo.ZOO if animal.name != "no layers"]
MLP, NO_LAYERS = (next(one for one in zoo.ZOO if one.name == name) for name in ("mlp", "no layers"))


class Remembers(nn.Module):
    """Of a learner's own: it counts what it has seen, whether it learns or is asked."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.zeros(()))

    def forward(self, x):
        self.seen += len(x)
        return x


class Unused(nn.Module):
    """Holds a weight that no answer needs."""

    def __init__(self):
        super().__init__()
        self.used, self.spare = nn.Linear(4, 5), nn.Linear(4, 5)

    def forward(self, x):
        return self.used(x)


MORE = [
    zoo.Animal("dropout", "vectors", lambda: nn.Sequential(nn.Linear(4, 6), nn.Dropout(0.5), nn.Linear(6, 5))),
    zoo.Animal("remembers", "vectors", lambda: nn.Sequential(nn.Linear(4, 5), Remembers())),
    zoo.Animal("unused", "vectors", lambda: nn.Sequential(Unused(), nn.Linear(5, 5))),
]


def animals(chosen):
    return pytest.mark.parametrize("animal", chosen, ids=map(repr, chosen))


NAMED = ("mlp", "nested", "own forward", "batch norm", "frozen", "residual", "gru", "attention", "padding token")
SOME = [*(one for one in LEARNS if one.name in NAMED), *MORE]  # one of each kind, where a look takes longer
every, some = animals([*LEARNS, *MORE]), animals(SOME)
both = pytest.mark.parametrize("own", [False, True], ids=["one input", "an input a task"])


trunk_of_animal = functools.cache(lambda animal: animal.make())  # a frozen one is drawn once


@functools.cache
def trained(animal, way, own=False, order=(0, 1, 2)):
    """A run of one epoch, in float64, on the animal's noise with the tasks in this order."""
    world = only(zoo.world(animal, own), [NAMES[place] for place in order])
    return mtl.fit(way(world, trunk_of_animal(animal)), world, **FIT)


def double(x):
    return x.double() if x.is_floating_point() else x


def own_of(x, task):
    return double(x[task.name] if isinstance(x, dict) else x)


# --- by hand, from plain networks ----------------------------------------------------------------------------------


def loss_and_weights(model, world, task, rows, shared):
    """A task's loss on some examples in a plain network, and the weights of it that are shared and learn."""
    network = model.plain(task.name).double().eval()
    weights = [p for name, p in network.named_parameters() if shared(name) and p.requires_grad]
    labels = double(world.train.labels[task.name][rows])
    return lambda: task.loss(network(own_of(world.train.x, task)[rows])[None], labels[None])[0], weights


def gradients(model, world, rows, shared):
    """The tasks' gradients (T, P) on some examples; NaN without a label."""
    found = []
    for task in model.tasks:
        loss, weights = loss_and_weights(model, world, task, rows, shared)
        g = torch.autograd.grad(loss(), weights, allow_unused=True)
        g = torch.cat(
            [(torch.zeros_like(w) if own is None else own).flatten() for own, w in zip(g, weights, strict=True)]
        )
        known = task.labelled(world.train.labels[task.name][rows]).any()
        found.append(g if known else g * torch.nan)
    return torch.stack(found)


def cosines(a, b):
    return (a @ b.T / (a.norm(dim=1)[:, None] * b.norm(dim=1))).numpy()


def check_conflict(model, world, shared):
    """``conflict`` on one draw of all examples, against plain networks."""
    table = conflict(model, world, batch_size=zoo.N // 2, seed=5)
    halves = torch.randperm(zoo.N, generator=generator(5, "order", 0)).tensor_split(2)
    a, b = (gradients(model, world, rows, shared) for rows in halves)
    within = np.nanmean([cosines(a, a), cosines(b, b)], 0)
    sizes = torch.stack([a.norm(dim=1), b.norm(dim=1)]).nanmean(0).numpy()
    between, names = cosines(a, b), [task.name for task in model.tasks]
    for row in table.itertuples():
        i, j = names.index(row.first), names.index(row.second)
        assert row.cosine == pytest.approx(between[i, i] if i == j else within[i, j], abs=1e-6, nan_ok=True)
        assert [row.size_first, row.size_second] == pytest.approx([sizes[i], sizes[j]], abs=1e-6)


@both
@every
def test_gradients_are_those_of_autograd_on_the_network_given(animal, own):
    """Also with labels missing, a layer frozen, dropout, running statistics, and where a task's are its own."""
    run = trained(animal, mtl.Hard, own)
    check_conflict(run.model, run.world, lambda name: not name.startswith("head."))


@some
def test_what_some_share_is_what_counts(animal):
    """The shared of two trunks; the layers below a branch, if there are any."""
    run = trained(animal, mtl.SharedPrivate)
    check_conflict(run.model, run.world, lambda name: name.startswith("both.0."))
    world = zoo.world(animal)
    model = zoo.WAYS["hierarchical"](world, animal.make())
    layers = [name for name, owners in model.trunk.plan.items() if len(set(owners)) == 1]
    if layers and any(p.requires_grad for name in layers for p in model.trunk[name].parameters()):
        moved(model)
        check_conflict(model.double(), world, lambda name: name.startswith(tuple(f"{layer}." for layer in layers)))
    else:
        with pytest.raises(ValueError, match="conflict is undefined"):
            conflict(model, world)


def test_a_layer_that_one_task_alone_goes_through_is_not_shared():
    """The others answer from a lower one."""
    animal = next(one for one in zoo.ZOO if one.name == "conv")
    world = zoo.world(animal)
    heads = {"yes": "0", "kind": "0"}
    model = moved(mtl.Hard(world, animal.make(), heads=heads)).double()
    check_conflict(model, world, lambda name: name.startswith("0."))
    assert set(model.shared_parameters()) == {"0.weight", "0.bias"}
    assert {"4.weight", "4.bias"} < set(model.specific_parameters("much"))
    start = mtl.Hard(world, animal.make(), heads={name: "0" for name in NAMES})
    check_equal(start, world, mtl.weighting.Aggregate(aggregation.Sum()), None)


@every
def test_affinity_by_gradients_is_that_of_plain_networks(animal):
    run, lr = trained(animal, mtl.Hard), 0.05
    rows, shared = torch.arange(zoo.N), lambda name: not name.startswith("head.")
    J = gradients(run.model, run.world, rows, shared)
    cosine = affinity(run, batch_size=zoo.N)
    ahead = affinity(run, by="look-ahead", batch_size=zoo.N, lr=lr)
    for j, task in enumerate(zoo.TASKS):
        loss, weights = loss_and_weights(run.model, run.world, task, rows, shared)
        before = loss().item()
        for i in {0, 1, 2} - {j}:
            assert cosine.iloc[i, j] == pytest.approx(cosines(J, J)[i, j], abs=1e-6)
            parts = [part.view_as(w) for part, w in zip(J[i].split([w.numel() for w in weights]), weights, strict=True)]
            with torch.no_grad():
                for weight, part in zip(weights, parts, strict=True):
                    weight -= lr * part
                after = loss().item()
                for weight, part in zip(weights, parts, strict=True):
                    weight += lr * part
            assert ahead.iloc[i, j] == pytest.approx(1 - after / before, abs=1e-6)


def below(network, x):
    """What comes to the head of a plain network."""
    for name, layer in network._modules.items():
        if name == "head":
            return x.detach()
        x = layer(x)


@both
@every
def test_affinity_by_solutions_is_that_of_plain_networks(animal, own):
    run = trained(animal, mtl.Separate, own)
    nets = {name: run.model.plain(name).eval() for name in NAMES}
    split = run.world.validation
    x = torch.cat([own_of(split.x, task) for task in zoo.TASKS]) if own else double(split.x)
    h = {name: below(net, x) for name, net in nets.items()}
    alike, far, swap = (affinity(run, by=by) for by in ("cka", "distance", "swap"))
    for i, j in itertools.permutations(NAMES, 2):
        trunk = [[p for name, p in nets[k].named_parameters() if not name.startswith("head.")] for k in (i, j)]
        assert far.loc[i, j] == pytest.approx(-sum((p - q).square().sum().item() for p, q in zip(*trunk, strict=True)))
        assert alike.loc[i, j] == pytest.approx(cka(h[i].float(), h[j].float()), abs=1e-6)
        task, scores = run.world.task(j), []
        for k in (i, j):
            kept = below(nets[k], own_of(split.x, task)).flatten(1).float().double()  # features are kept as float32
            y = nets[j].head(kept)
            scores.append(task.score(y[None], split.labels[j][None]).item())
        assert swap.loc[i, j] == pytest.approx((scores[0] - scores[1]) * (1 if task.higher_is_better else -1), abs=1e-5)


def test_a_trunk_may_call_its_layers_as_it_likes():
    world, found = zoo.world(MLP), []
    for names in (("one", "two"), ("heads", "stems")):
        trunk = nn.Sequential()
        for name, layer in zip(names, (nn.Linear(4, 6), nn.Linear(6, 5)), strict=True):
            trunk.add_module(name, layer)
        run = mtl.fit(mtl.Separate(world, trunk, initial="template"), world, **FIT)
        kept = {name: torch.stack([one[name] for one in map(trunk_of, [run] * 3, NAMES)]) for name in names}
        far = affinity(run, by="distance")
        for i, j in itertools.permutations(range(3), 2):
            wanted = -sum((θ[i] - θ[j]).square().sum().item() for θ in kept.values())
            assert far.iloc[i, j] == pytest.approx(wanted)
        found.append(far)


def trunk_of(run, task):
    """Layer → all its weights in a row, in the plain network of a task."""
    layers = run.model.plain(task)._modules.items()
    rows = {name: [p.detach().flatten() for p in layer.parameters()] for name, layer in layers}
    return {name: torch.cat(parts) for name, parts in rows.items() if parts}


# --- a look changes nothing ----------------------------------------------------------------------------------------


def looks(animal):
    """Name → (a run, a look at it)."""
    shared, apart = trained(animal, mtl.Hard), trained(animal, mtl.Separate)
    found = {"conflict": (shared, lambda: conflict(shared, shared.world, batch_size=7))}
    for by in (*OF_GRADIENTS, *OF_SOLUTIONS):
        run = shared if by in OF_GRADIENTS else apart
        found[by] = run, functools.partial(affinity, run, by=by)
    return found


def chance():
    """Where every generator of the process stands."""
    return torch.get_rng_state().tolist(), np.random.get_state()[1].tolist(), random.getstate()  # noqa: NPY002


@some
def test_a_look_changes_nothing_and_is_the_same_again_and_without_gradients(animal):
    for name, (run, look) in looks(animal).items():
        model = run.model.train()
        model.trunk.layers[0].eval()
        before = {key: value.clone() for key, value in model.state_dict().items()}
        modes, drawn = [part.training for part in model.modules()], chance()
        first = look()
        assert modes == [part.training for part in model.modules()], name
        assert drawn == chance(), name
        assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items()), name
        assert all(weight.grad is None for weight in model.parameters()), name
        with torch.no_grad():
            pd.testing.assert_frame_equal(first, look())
        with torch.inference_mode():
            pd.testing.assert_frame_equal(first, look())


def test_what_trains_within_a_look_trains_where_no_gradients_were_asked_for():
    world, trunk = zoo.world(MLP), MLP.make()
    acts = {
        "fit": lambda: mtl.fit(mtl.Hard(world, trunk), world, **FIT).scores,
        "path": lambda: conflict_path(mtl.Hard, world, trunk=trunk, seeds=[0], epochs=1).to_numpy().tolist(),
        "affinity": lambda: affinity(world, trunk=trunk, epochs=1).fillna(0).to_numpy().tolist(),
        "transfer": lambda: transfer(world, trunk, seeds=[0], **FIT).gain.tolist(),
    }
    for name, act in acts.items():
        wanted, drawn = act(), chance()
        for without in (torch.no_grad, torch.inference_mode):
            with without():
                assert act() == wanted, name
        assert chance() == drawn, name
    with torch.inference_mode():
        model = mtl.Hard(world, trunk)
    with pytest.raises(ValueError, match=r"made under torch\.inference_mode"):
        conflict(model, world)


# --- what must not matter ------------------------------------------------------------------------------------------


@animals([one for one in SOME if one.name != "dropout"])  # what dropout draws for a task depends on the tasks before it
def test_the_order_of_tasks_permutes_the_answers(animal):
    for by in ("conflict", *OF_GRADIENTS, *OF_SOLUTIONS, "labels"):
        tables = []
        for order in ((0, 1, 2), (2, 0, 1)):
            run = trained(animal, SCORES[by].way or mtl.Hard if by in SCORES else mtl.Hard, order=order)
            options = {"batch_size": zoo.N} if by in OF_GRADIENTS else {}
            if by == "conflict":
                table = conflict(run, run.world, batch_size=zoo.N)
                pairs = [*zip(table["first"], table.second, table.cosine, strict=True)]
                table = pd.DataFrame({frozenset((i, j)): [cosine] for i, j, cosine in pairs})
                table = pd.DataFrame([[table[frozenset((i, j))][0] for j in NAMES] for i in NAMES])
            else:
                table = affinity(run.world if by == "labels" else run, by=by, **options)
                assert list(table.columns) == list(table.index) == [NAMES[place] for place in order]
                table = table.loc[NAMES, NAMES]
            tables.append(table)
        pd.testing.assert_frame_equal(*tables, rtol=0, atol=1e-5)
        if by not in ("look-ahead", "swap"):
            np.testing.assert_array_equal(tables[0].to_numpy(), tables[0].to_numpy().T)


AWKWARD = ("a task. 1", "50 % of 中文", "group", "heads.x")


def awkward():
    tasks = (*map(mtl.Binary, AWKWARD[:2]), mtl.Classification(AWKWARD[2], 3), mtl.Regression(AWKWARD[3]))
    draw, parts = torch.Generator().manual_seed(0), []
    for part in range(3):
        labels = {task.name: torch.randint(2, (zoo.N,), generator=draw) for task in tasks[:3]}
        parts.append(Split(zoo.inputs("vectors", seed=part), labels | {AWKWARD[3]: torch.randn(zoo.N, generator=draw)}))
    return World("awkward", tasks, *parts)


def test_a_task_may_be_called_anything():
    world, trunk = awkward(), MLP.make()
    table = conflict(mtl.Hard(world, trunk), world)
    assert list(dict.fromkeys([*table["first"], *table.second])) == list(AWKWARD)
    path = conflict_path(mtl.Hard, world, trunk=trunk, seeds=[0], epochs=1)
    for found in (table, path):
        assert np.isfinite(found[MEASURES]).all(axis=None)
    for by in SCORES:
        table = affinity(world, by=by, trunk=SCORES[by].way and trunk, epochs=1)
        assert list(table.columns) == list(table.index) == list(AWKWARD)
        assert np.isfinite(table.to_numpy()[~np.eye(4, dtype=bool)]).all(), by
    gains = transfer_matrix(transfer(world, trunk, seeds=[0], **FIT))
    assert list(gains.columns) == list(AWKWARD)
    assert sorted(itertools.chain(*choose_groups(gains, 2))) == sorted(AWKWARD)
    pulled = mtl.fit(mtl.Soft(world, trunk, lam={AWKWARD[:2]: float("inf"), AWKWARD[2:]: 1.0}), world, **FIT)
    one, two, three, four = (trunk_of(pulled, name)["0"] for name in AWKWARD)
    assert torch.equal(one, two)
    assert not torch.equal(three, four)
    fixed = [mtl.weighting.Fixed({AWKWARD[0]: w, AWKWARD[3]: 2 - w}) for w in (0.5, 1.5)]
    two = only(world, [AWKWARD[0], AWKWARD[3]])
    front = along_front(mtl.sweep(mtl.Hard, two, trunk=trunk, weighting=fixed, seeds=[0], **FIT))
    assert front["weights"].tolist() == [[0.5, 1.5], [1.5, 0.5]]


def test_a_table_of_a_learners_own_is_the_world_of_its_tensors():
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(zoo.N, 4)).astype("float32"), columns=[*"abcd"])
    kinds = pd.Series(rng.choice(["a", "b", "c"], zoo.N)).where(rng.random(zoo.N) > 0.3)
    much = pd.Series(rng.normal(size=zoo.N)).where(rng.random(zoo.N) > 0.3)
    codes = torch.tensor([-1 if value not in ("a", "b", "c") else "abc".index(value) for value in kinds])
    learners = Split(table, {"kind": kinds, "much": much})
    ours = Split(torch.tensor(table.to_numpy()), {"kind": codes, "much": torch.tensor(much.to_numpy())})
    tasks, found = (zoo.TASKS[0], zoo.TASKS[2]), []
    for split in (learners, ours):
        world = World("table", tasks, split, split, split)
        model = moved(mtl.Hard(world, MLP.make()))
        tables = [conflict(model, world)[MEASURES], affinity(model, world, "look-ahead"), affinity(world, by="labels")]
        found.append([*tables, transfer(world, MLP.make(), seeds=[0], **FIT).drop(columns=["giver", "receiver"])])
    for one, other in zip(*found, strict=True):
        pd.testing.assert_frame_equal(one, other)


@some
def test_another_unit_changes_no_angle(animal):
    """Labels and head times a thousand: the gradients of the task are a million times as long."""
    run, unit = trained(animal, mtl.Hard), 1000
    model = run.model.copy(0).double()
    head = model.heads[model.head_of(zoo.TASKS[2])]
    with torch.no_grad():
        for weight in head.parameters():
            weight *= unit
    labels = run.world.train.labels | {"much": run.world.train.labels["much"].double() * unit}
    other = replace(run.world, train=Split(run.world.train.x, labels))
    one, two = (conflict(*of).set_index(["first", "second"]) for of in ((run, run.world), (model, other)))
    np.testing.assert_allclose(two.cosine, one.cosine, atol=1e-9)
    assert two.size_second["kind", "much"] == pytest.approx(unit**2 * one.size_second["kind", "much"], rel=1e-6)
    np.testing.assert_allclose(affinity(model, other), affinity(run), atol=1e-9)


class Wrong(mtl.Classification):
    """The same question, scored by the share of wrong answers."""

    score_name, higher_is_better = "error", False

    def score(self, outputs, labels):
        return 1 - super().score(outputs, labels)


def test_a_gain_above_0_is_better_whichever_way_the_score_counts():
    found = []
    for kind in (mtl.Classification, Wrong):
        world = zoo.world(MLP, tasks=(kind("kind", ("a", "b", "c")), *zoo.TASKS[1:]))
        groups = [[name] for name in NAMES] + [[*pair] for pair in itertools.combinations(NAMES, 2)]
        results = train_groups(
            world, groups, trunk=MLP.make(), seeds=[0], **FIT | {"lr": 0.1, "epochs": 8, "batch_size": 7}
        )
        swap = affinity(mtl.fit(mtl.Separate(world, MLP.make()), world, **FIT | {"epochs": 8, "lr": 0.1}), by="swap")
        gains = transfer_matrix(gains_of_pairs(results))
        found.append([gains, swap, regress_groups(results, "score")])
    for one, other in zip(*found, strict=True):
        pd.testing.assert_frame_equal(one, other, atol=1e-9)
    assert found[0][0]["kind"].abs().max() > 0


# --- groups ----------------------------------------------------------------------------------------------------------


def kinds():
    """Three tasks that look at words, pictures and numbers, and what stands before one trunk."""
    tasks = (mtl.Binary("word"), mtl.Binary("picture"), mtl.Binary("table"))
    x = {"word": zoo.inputs("tokens"), "picture": zoo.inputs("maps"), "table": zoo.inputs("vectors")}
    split = Split(x, {task.name: torch.arange(zoo.N) % 2 for task in tasks})
    stems = {"word": nn.Sequential(zoo.Tokens(4)), "picture": nn.Sequential(nn.Flatten(), nn.LazyLinear(4))}
    return World("mixed", tasks, split, split, split, layout={"word": "tokens"}), stems


def test_tasks_of_different_kinds_conflict_and_transfer_behind_their_stems():
    world, stems = kinds()
    model = moved(mtl.Hard(world, MLP.make(), stems=stems)).double()
    check_conflict(model, world, lambda name: not name.startswith(("head.", "stem.")))
    path = conflict_path(mtl.Hard, world, trunk=MLP.make(), stems=stems, seeds=[0], epochs=1)
    assert np.isfinite(path[MEASURES]).all(axis=None)
    gains = transfer(world, MLP.make(), stems=stems, heads={"word": "0"}, seeds=[0], **FIT)
    groups = [["word"], ["word", "table"]]
    table = train_groups(world, groups, trunk=MLP.make(), stems=stems, heads={"word": "0"}, seeds=[0], **FIT)
    for group, rows in table.groupby("group", sort=False):
        names = group.split(" + ")
        own = only(world, names)
        kept = {name: stem for name, stem in stems.items() if name in names}
        run = mtl.fit(mtl.Hard(own, MLP.make(), stems=kept, heads={"word": "0"}), own, **FIT)
        assert dict(zip(rows.task, rows.validation, strict=True)) == pytest.approx(run.scores)
    both, alone = (
        table[(table.group == group) & (table.task == "word")].score.item() for group in table.group.unique()[::-1]
    )
    assert gains[(gains.giver == "table") & (gains.receiver == "word")].gain.item() == pytest.approx(both - alone)
    with pytest.raises(TypeError, match="no trunk can look at another task's examples"):
        affinity(mtl.Separate(world, MLP.make(), stems=stems), world, "cka")


def test_a_group_takes_what_is_said_of_its_tasks():
    world, trunk = zoo.world(MLP), MLP.make()
    weights, lam = {"kind": 3.0, "much": 0.5}, {("kind", "yes"): 5.0, ("yes", "much"): float("inf")}
    settings = {"weighting": mtl.weighting.Fixed(weights), "lam": lam, "way": mtl.Soft, "seeds": [0]}
    table = train_groups(world, [["kind"], ["yes", "much"]], trunk=trunk, **settings, **FIT)
    alone, pair = only(world, ["kind"]), only(world, ["yes", "much"])
    one = mtl.fit(mtl.Separate(alone, trunk), alone, weighting=mtl.weighting.Fixed({"kind": 3.0}), **FIT)
    two = mtl.Soft(pair, trunk, lam=float("inf"))
    two = mtl.fit(two, pair, weighting=mtl.weighting.Fixed({"much": 0.5}), **FIT)
    assert dict(zip(table.task, table.validation, strict=True)) == pytest.approx(one.scores | two.scores)


@pytest.mark.parametrize(
    ("settings", "error", "says"),
    [
        ({"lam": [0.0, 1.0], "way": mtl.Soft}, ValueError, r"lam=\[0\.0, 1\.0\] is a grid"),
        ({"weighting": [mtl.weighting.Sum(), mtl.weighting.Uncertainty()]}, ValueError, "weighting=.* is a grid"),
        ({"weighting": mtl.weighting.Fixed({"maybe": 2})}, KeyError, "there is no task 'maybe'"),
        ({"lam": {("kind", "maybe"): 1}, "way": mtl.Soft}, KeyError, "there is no task 'maybe'"),
        ({"heads": {"maybe": "0"}}, KeyError, "there is no task 'maybe'"),
        ({"way.stems": {"maybe": nn.Linear(4, 4)}}, KeyError, "there is no task 'maybe'"),
        ({"weighting": mtl.weighting.Aggregate(aggregation.UPGrad())}, ValueError, "one task has nobody to disagree"),
        ({"weighting": scalarization.FAMO(2)}, ValueError, "cannot combine 1 tasks"),
        ({"depth": 3}, TypeError, "nothing here takes 'depth'"),
    ],
)
def test_what_groups_cannot_be_trained_with_is_refused_in_words(settings, error, says):
    with pytest.raises(error, match=says):
        transfer(zoo.world(MLP), MLP.make(), seeds=[0], **FIT, **settings)


def test_groups_that_would_be_called_the_same_are_refused():
    tasks = [mtl.Binary(name) for name in ("a", "b", "a + b")]
    split = Split(zoo.inputs("vectors"), {task.name: torch.arange(zoo.N) % 2 for task in tasks})
    world = World("sums", tasks, split, split, split)
    with pytest.raises(ValueError, match=r"two groups would be called 'a \+ b'"):
        transfer(world, MLP.make(), seeds=[0], **FIT)
    table = train_groups(world, [["a", "a + b"]], trunk=MLP.make(), seeds=[0], **FIT)
    assert list(table.task) == ["a", "a + b"]


# --- a front ---------------------------------------------------------------------------------------------------------

FIXED = [mtl.weighting.Fixed({"kind": w, "much": 2 - w}) for w in (1.5, 0.5)]


@some
def test_a_front_is_measured_on_every_trunk(animal):
    two = only(zoo.world(animal), ["kind", "much"])
    sweep = mtl.sweep(mtl.Hard, two, trunk=animal.make(), weighting=FIXED, seeds=[0, 1], **FIT)
    front = along_front(sweep)
    assert front["weights"].tolist() == [[0.5, 1.5], [1.5, 0.5]]
    for place, weighting in enumerate(FIXED[::-1]):
        pairs = [conflict(run, two).iloc[0] for run in (sweep.run(weighting=weighting, seed=seed) for seed in (0, 1))]
        assert np.cos(np.radians(front["angles"][place])) == pytest.approx(np.mean([one.cosine for one in pairs]))
        assert front["sizes"][place, 0] == pytest.approx(np.mean([one.size_first for one in pairs]))


def loud(seed):
    """The second seed's labels are too large for any rate."""
    world = only(zoo.world(MLP), ["kind", "much"])
    labels = world.train.labels | {"much": world.train.labels["much"] * (1e30 if seed else 1)}
    return World("loud", world.tasks, Split(world.train.x, labels), world.validation, world.test)


def drawn(n, seed):
    return only(zoo.world(MLP), ["kind", "much"])


@pytest.mark.filterwarnings("ignore::mtl_lesson.TrainingDiverged")
@pytest.mark.parametrize(
    ("way", "world", "settings", "says"),
    [
        (mtl.Hard, zoo.world(MLP), {"weighting": FIXED[:1]}, "a sweep of two tasks over weighting="),
        (mtl.Hard, loud, {"weighting": mtl.weighting.Uncertainty(), "seeds": [0]}, "a sweep of two tasks over"),
        (mtl.Hard, drawn, {"weighting": FIXED, "n": [1, 2]}, "has the axis 'n' too"),
        (mtl.Separate, loud, {"weighting": FIXED, "seeds": [0]}, "in Separate no weight is shared"),
        (
            mtl.Hard,
            loud,
            {"weighting": FIXED, "optimiser": "sgd", "precision": "float32", "epochs": 3, "validate": True},
            r"at seed 1, which diverged .*: lower the learning rate",
        ),
    ],
    ids=["three tasks", "learnt weights", "another axis", "nothing shared", "diverged"],
)
def test_what_is_no_front_is_refused(way, world, settings, says):
    sweep = mtl.sweep(way, world, trunk=MLP.make(), **FIT | {"seeds": [0, 1], "lr": 0.1} | settings)
    with pytest.raises(ValueError, match=says):
        along_front(sweep)


# --- pulls of pairs --------------------------------------------------------------------------------------------------


@every
def test_equal_pulls_of_all_pairs_are_one_pull_and_one_pair_leaves_the_third_alone(animal):
    world, trunk, pairs = zoo.world(animal), trunk_of_animal(animal), list(itertools.combinations(NAMES, 2))
    options = FIT | {"optimiser": "momentum" if animal.layout == "maps" else "adam"}
    for λ in (0.3, float("inf")):
        models = [mtl.Soft(world, trunk, lam=lam) for lam in (dict.fromkeys(pairs, λ), λ)]
        found = [mtl.fit(model, world, **options).model.state_dict().values() for model in models]
        for a, b in zip(*found, strict=True):
            torch.testing.assert_close(a, b, rtol=0, atol=1e-9)
    one = mtl.fit(mtl.Soft(world, trunk, lam={("much", "kind"): float("inf")}), world, **options)
    alone = mtl.fit(mtl.Separate(world, trunk), world, **options)
    kind, much, yes = (trunk_of(one, name) for name in ("kind", "much", "yes"))
    assert all(torch.equal(kind[name], much[name]) for name in kind if name != "head")
    for name, wanted in trunk_of(alone, "yes").items():
        assert torch.equal(yes[name], wanted)
    assert any(not torch.equal(wanted, kind[name]) for name, wanted in trunk_of(alone, "kind").items())


# --- weightings ------------------------------------------------------------------------------------------------------


def check_equal(model, world, one, other, atol=1e-9):
    """Two weightings are one: the same weights after training."""
    runs = [mtl.fit(model, world, weighting=weighting, **SGD) for weighting in (one, other)]
    for a, b in zip(*(run.model.state_dict().values() for run in runs), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=atol)


@every
def test_gradients_added_up_are_the_gradient_of_the_sum(animal):
    world, way = zoo.world(animal), mtl.SharedPrivate if animal.layout == "vectors" else mtl.Hard
    w = torch.tensor([2.0, 1.0, 0.5])
    aggregate = mtl.weighting.Aggregate(aggregation.Constant(w))
    model = way(world, trunk_of_animal(animal))
    fixed = mtl.fit(model, world, weighting=mtl.weighting.Fixed(dict(zip(NAMES, w.tolist(), strict=True))), **FIT)
    run = mtl.fit(model, world, weighting=aggregate, **FIT)
    for (name, a), b in zip(fixed.model.trunk.state_dict().items(), run.model.trunk.state_dict().values(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-6, msg=name)  # heads too move as far, by Adam
    check_equal(model, world, mtl.weighting.Aggregate(aggregation.Sum()), None)


METHODS = {
    "DWA": scalarization.DWA,
    "FAMO": lambda: scalarization.FAMO(3),
    "IMTLL": lambda: scalarization.IMTLL(3),
    "Uncertainty": mtl.weighting.Uncertainty,
} | {
    name: lambda name=name: mtl.weighting.Aggregate(getattr(aggregation, name)())
    for name in ("AlignedMTL", "IMTLG", "MGDA", "PCGrad", "UPGrad")
}


@pytest.mark.parametrize("make", METHODS.values(), ids=METHODS)
def test_a_method_takes_any_trunk_and_a_task_with_one_label(make):
    """In all batches but one the task is silent: nothing becomes NaN, and no generator of the process is drawn from."""
    names = ("mlp", "batch norm", "gru", "padding token", "frozen", "unused", "dropout")
    trunks = {animal: trunk_of_animal(animal) for animal in (*zoo.ZOO, *MORE) if animal.name in names}
    before = chance()
    for animal, trunk in trunks.items():
        world = zoo.world(animal)
        much = torch.full((zoo.N,), torch.nan)
        much[3] = 1.0
        train = Split(world.train.x, world.train.labels | {"much": much})
        world = replace(world, train=train)
        run = mtl.fit(mtl.Hard(world, trunk), world, weighting=make(), **FIT | {"batch_size": 6})
        assert run.stopped == ""
        assert all(value.isfinite().all() for value in run.model.state_dict().values())
    assert chance() == before


# --- right, or refused in words ------------------------------------------------------------------------------------


def answered(act):
    """What an act returns, or the words in which it refuses."""
    try:
        return act()
    except (ValueError, TypeError, KeyError) as error:
        words = str(error)
        assert any(word in words for word in ("share", "task", "trunk", "labels are compared", "features")), words
        assert not any(word in words for word in ("argument", "NoneType", "reshape", "dimension")), words
        return words


def check_square(table, names):
    if isinstance(table, str):
        return
    assert list(table.columns) == list(table.index) == list(names)
    values = table.to_numpy()[~np.eye(len(names), dtype=bool)]
    assert np.isfinite(values).all()


@pytest.mark.parametrize("way", zoo.WAYS.values(), ids=zoo.WAYS)
@animals([NO_LAYERS, *SOME])
def test_every_score_answers_or_refuses_in_words(animal, way):
    world = zoo.world(animal)
    model = moved(way(world, animal.make())).double()
    table = answered(lambda: conflict(model, world))
    assert isinstance(table, str) or np.isfinite(table[MEASURES]).all(axis=None)
    tables = {by: answered(lambda by=by: affinity(model, world, by)) for by in SCORES}
    opened = [by for by, found in tables.items() if not isinstance(found, str)]
    for found in tables.values():
        check_square(found, NAMES)
    shares = not isinstance(table, str)
    assert [by in opened for by in OF_GRADIENTS] == [shares] * 2
    weights = animal is not NO_LAYERS
    assert [by in opened for by in OF_SOLUTIONS] == [not shares, not shares, not shares and weights]
    assert "labels" in opened


class Shifted(mtl.Regression):
    """A loss of a learner's own, which may be below 0."""

    def losses(self, outputs, labels):
        return super().losses(outputs, labels) - 5


OTHERS = {
    "several numbers": (mtl.Regression("y", outputs=2), torch.randn(zoo.N, 2)),
    "several labels": (mtl.MultiLabel("y", 3), torch.arange(3 * zoo.N).view(-1, 3) % 2),
    "pixels": (mtl.Segmentation("y", 2), (torch.rand(zoo.N, zoo.SIDE, zoo.SIDE) > 0.5).long()),
    "a loss below 0": (Shifted("y"), torch.randn(zoo.N)),
}


@pytest.mark.parametrize(("task", "labels"), OTHERS.values(), ids=OTHERS)
def test_every_kind_of_task_conflicts_transfers_and_is_weighed(task, labels):
    x = zoo.inputs("maps")
    split = Split(x, {"y": labels, "bright": (x.mean((1, 2, 3)) > 0.5).long()})
    world = World("kinds", (task, mtl.Binary("bright")), split, split, split)
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
    model = moved(mtl.Hard(world, trunk)).double()
    check_conflict(model, world, lambda name: not name.startswith("head."))
    for by, score in SCORES.items():
        check_square(
            answered(lambda by=by, score=score: affinity(world, by=by, trunk=score.way and trunk)), ["y", "bright"]
        )
    if isinstance(task, Shifted):
        with pytest.raises(ValueError, match="is below 0, which has no shares"):
            affinity(mtl.Hard(world, trunk), world, "look-ahead")
    assert transfer(world, trunk, seeds=[0], **FIT).gain.notna().all()
    check_equal(mtl.Hard(world, trunk), world, mtl.weighting.Aggregate(aggregation.Sum()), None)
    pairs = {("bright", "y"): 0.3}
    runs = [mtl.fit(mtl.Soft(world, trunk, lam=lam), world, **FIT) for lam in (pairs, 0.3)]
    for a, b in zip(*(run.model.state_dict().values() for run in runs), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=1e-9)
