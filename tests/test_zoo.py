"""Properties of the one mechanism, over the zoo: trunks × ways of sharing × kinds of input × kinds of task."""

import copy
import itertools

import pytest
import torch
import zoo
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.nets import layers_of, layers_with_weights

FIT = {"epochs": 2, "batch_size": 7, "precision": "float64", "progress": False}


def animals(*without):
    chosen = [animal for animal in zoo.ZOO if animal.name not in without]
    return pytest.mark.parametrize("animal", chosen, ids=map(repr, chosen))


every_way = pytest.mark.parametrize("way", zoo.WAYS.values(), ids=zoo.WAYS)
both = pytest.mark.parametrize("own", [False, True], ids=["one input", "an input a task"])


def double(x):
    if isinstance(x, dict):
        return {name: double(part) for name, part in x.items()}
    return x.double() if x.is_floating_point() else x


def own_of(x, task):
    return x[task.name] if isinstance(x, dict) else x


def close(a, b, atol=1e-9):
    torch.testing.assert_close(a, b, rtol=0, atol=atol)


# --- one copy computes what its plain network computes --------------------------------------------------------------


@both
@every_way
@animals()
def test_every_copy_and_task_computes_what_its_plain_network_computes(animal, way, own):
    world = zoo.world(animal, own)
    model, x = way(world, animal.make(), seeds=(0, 3)).double(), double(world.train.x)
    for mode in (True, False):
        model.train(mode)
        plain = {(task, number): model.plain(task.name, number) for task in zoo.TASKS for number in range(2)}
        outputs = model(x)
        for (task, number), network in plain.items():
            close(outputs[task.name][number], network(own_of(x, task)))


@every_way
def test_a_resnet_is_a_trunk(way):
    """torchvision's ResNet-18 at 28×28, in single precision."""
    x = torch.randn(4, 3, 28, 28)
    split = Split(x, zoo.labels(4) | {"yes": torch.tensor([0, 1, 0, 1]), "kind": torch.tensor([0, 1, 2, 0])})
    split = Split(x, split.labels | {"much": torch.randn(4)})
    world = World("few", zoo.TASKS, split, split, split)
    model = way(world, zoo.resnet(), features=512).eval()
    for task in zoo.TASKS:
        close(model(x)[task.name], model.plain(task.name)(x), atol=1e-5)


@animals()
def test_a_copy_with_the_templates_weights_computes_what_the_template_computes(animal):
    world = zoo.world(animal)
    trunk = mtl.nets.materialize(animal.make(), world.train.x[:2]).double()
    for way in (mtl.Separate, mtl.Hard):
        model = way(world, trunk, seeds=(0, 1), initial="template").double().eval()
        x = double(world.test.x)
        for h in model.features(x).values():
            for number in range(2):
                close(h[number], trunk.eval()(x))


@animals("no layers")
def test_what_is_frozen_keeps_its_values(animal):
    world = zoo.world(animal)
    trunk = mtl.nets.materialize(animal.make(), world.train.x[:2])
    name = layers_with_weights(trunk)[0]
    frozen = layers_of(trunk)[name].requires_grad_(False)
    for way in (mtl.Separate, mtl.Soft, mtl.Hard):
        run = mtl.fit(way(world, trunk), world, **FIT | {"epochs": 1})
        for key, value in frozen.named_parameters():
            for group in range(run.model.trunk[name].groups):
                assert torch.equal(run.model.trunk[name].values(group)[key][0].float(), value)


def test_a_weight_that_is_frozen_inside_a_layer_keeps_its_value_and_the_others_learn():
    trunk = nn.Sequential(nn.Linear(4, 6), nn.Tanh(), nn.Linear(6, 5))
    trunk[0].bias.requires_grad_(False)
    world = zoo.world(zoo.ZOO[0])
    for way in (mtl.Separate, mtl.Hard):
        held = mtl.fit(way(world, trunk), world, **FIT).model.trunk["0"]
        assert torch.equal(held.bias[0, 0].float(), trunk[0].bias)
        assert not torch.equal(held.weight[0, 0].float(), trunk[0].weight)


# --- training is a textbook's loop ---------------------------------------------------------------------------------


def order(n, seed, epoch):
    return torch.randperm(n, generator=mtl.chance.generator(seed, "order", epoch))


@animals("own names")  # whose constant is no buffer of a plain copy's optimiser
@both
def test_training_is_a_loop_over_plain_networks(animal, own):
    world = zoo.world(animal, own)
    model = mtl.Separate(world, animal.make())
    run = mtl.fit(model, world, seed=3, **FIT)
    start = model.like((3,)).double()
    for task in zoo.TASKS:
        network = start.plain(task.name).train()
        optimiser = torch.optim.Adam([p for p in network.parameters() if p.requires_grad], lr=1e-3)
        x, y = double(own_of(world.train.x, task)), world.train.labels[task.name]
        y = y.double() if y.is_floating_point() else y
        for epoch in range(1, FIT["epochs"] + 1):
            for rows in order(len(y), 3, epoch).split(FIT["batch_size"]):
                optimiser.zero_grad()
                task.loss(network(x[rows])[None], y[rows][None]).sum().backward()
                optimiser.step()
        trained = run.model.plain(task.name)
        for (name, mine), its in zip(network.named_parameters(), trained.parameters(), strict=True):
            close(mine, its, 1e-8), name
        for mine, its in zip(network.buffers(), trained.buffers(), strict=True):
            close(mine, its, 1e-8)


# --- soft sharing reaches every layer ------------------------------------------------------------------------------


@animals("no layers")
def test_soft_sharing_goes_from_separate_to_one_network_in_every_layer(animal):
    world = zoo.world(animal)
    trunk = mtl.nets.materialize(animal.make(), world.train.x[:2])
    layers = layers_of(trunk)
    learns = [n for n in layers_with_weights(trunk) if any(p.requires_grad for p in layers[n].parameters())]
    separate = mtl.fit(mtl.Separate(world, trunk), world, **FIT)
    zero = mtl.fit(mtl.Soft(world, trunk, lam=0.0), world, **FIT)
    for (name, a), b in zip(separate.model.state_dict().items(), zero.model.state_dict().values(), strict=True):
        assert torch.equal(a, b), name
    runs = [mtl.fit(mtl.Soft(world, trunk, lam=lam), world, **FIT) for lam in (0.0, 1.0, 30.0, float("inf"))]
    for name in learns:
        gaps = [run.model.gap(name).sum().item() for run in runs]
        assert gaps[-1] == 0, name
        assert all(a > b for a, b in itertools.pairwise(gaps)), (name, gaps)
    h = list(runs[-1].model.eval().features(double(world.test.x)).values())
    close(h[0], h[1], 1e-12)  # the same weights, in another place of a product
    close(h[0], h[2], 1e-12)


# --- many are as one -----------------------------------------------------------------------------------------------


@animals()
def test_a_sweep_is_a_loop_of_fits(animal):
    world = zoo.world(animal)
    trunk = animal.make()
    sweep = mtl.sweep(mtl.Soft, world, trunk=trunk, lam=[0.0, 0.1], seeds=[1, 2], **FIT)
    for lam, seed in itertools.product([0.0, 0.1], [1, 2]):
        alone = mtl.fit(mtl.Soft(world, trunk, lam=lam), world, seed=seed, **FIT)
        among = sweep.run(lam=lam, seed=seed)
        for (name, a), b in zip(alone.model.state_dict().items(), among.model.state_dict().values(), strict=True):
            close(a.double(), b.double(), 1e-8), name
        assert alone.scores == pytest.approx(among.scores, abs=1e-8)


@both
@every_way
@animals()
def test_copies_saved_loaded_and_taken_out_compute_the_same(animal, way, own, tmp_path):
    world = zoo.world(animal, own)
    run = mtl.fit(way(world, animal.make()), world, **FIT | {"epochs": 1})
    x, model = double(world.test.x), run.model.eval()
    torch.save(model.state_dict(), tmp_path / "weights.pt")
    loaded = model.like(model.seeds).double().eval()
    loaded.load_state_dict(torch.load(tmp_path / "weights.pt", weights_only=True))
    for other in (loaded, copy.deepcopy(model), model.copy(0).eval()):
        for name, y in model(x).items():
            assert torch.equal(other(x)[name], y)


@animals()
def test_training_goes_on_from_a_trained_model(animal):
    world = zoo.world(animal)
    model = mtl.Hard(world, animal.make())
    options = FIT | {"optimiser": "sgd", "batch_size": zoo.N}  # without memory, and every batch is all
    once = mtl.fit(model, world, seed=1, **options | {"epochs": 4})
    half = mtl.fit(model, world, seed=1, **options)
    more = mtl.fit(half.model, world, seed=1, go_on=True, **options)
    assert (half.began, more.began) == ("weights drawn from the seed", "the weights of the model given")
    for a, b in zip(once.model.parameters(), more.model.parameters(), strict=True):
        close(a, b, 1e-8)
    with pytest.raises(ValueError, match="go on with one"):
        mtl.fit(model.like((0, 1)), world, go_on=True, **options)


# --- looking inside ------------------------------------------------------------------------------------------------


@every_way
@animals()
def test_every_look_inside_opens_or_refuses_in_words(animal, way):
    world = zoo.world(animal)
    run = mtl.fit(way(world, animal.make()), world, epochs=1, progress=False)
    last = run.model.trunk.names[-1] if run.model.trunk.names else None
    inspection = mtl.inspection
    looks = {
        "features": lambda: inspection.features(run, world.test.x, last),
        "probe": lambda: inspection.probe_matrix({"one": run}, world, layer=last),
        "similarity": lambda: inspection.head_swap(run, world),
        "importance": lambda: inspection.importance(run, world),
        "lesion": lambda: inspection.lesion(run, world, [0]),
        "lesion at a layer": lambda: inspection.lesion(run, world, [0], layer=last),
        "lab": lambda: mtl.lesion_lab(run, world),
        "microscope": lambda: mtl.microscope({"one": run, "two": run}, world),
    }
    for name, look in looks.items():
        said = saying(look)
        words = ("maps", "vectors", "features", "layer", "units", "pictures")
        assert not said or any(word in said for word in words), (name, said)


def saying(look):
    """ "" where the look opens, else the words in which it refuses."""
    said = ""
    try:
        look()
    except (ValueError, TypeError, KeyError) as error:
        said = str(error)
    assert "argument" not in said, said  # a wrong call
    return said


@animals()
def test_the_explorer_opens_on_a_path_of_every_trunk(animal):
    path = mtl.sweep(
        mtl.Soft, zoo.world(animal), trunk=animal.make(), lam=[0.0, 1.0], seeds=[0, 1], epochs=1, progress=False
    )
    assert mtl.explore(path).move(1.0).lam == 1.0


KINDS = {
    "several numbers": (mtl.Regression("y", outputs=2), torch.randn(zoo.N, 2)),
    "several labels": (mtl.MultiLabel("y", 3), torch.arange(3 * zoo.N).view(-1, 3) % 2),
    "pixels": (mtl.Segmentation("y", 2), (torch.rand(zoo.N, zoo.SIDE, zoo.SIDE) > 0.5).long()),
}


@pytest.mark.parametrize(("task", "labels"), KINDS.values(), ids=KINDS)
@pytest.mark.parametrize(
    "way",
    [mtl.Separate, mtl.Soft, mtl.Hard, mtl.CrossStitch, mtl.Attention, mtl.Experts],
    ids=lambda way: way.__name__,
)
def test_every_kind_of_task_trains_sweeps_and_is_looked_into(way, task, labels):
    x = zoo.inputs("maps")
    other = mtl.Binary("bright")
    split = Split(x, {"y": labels, "bright": (x.mean((1, 2, 3)) > 0.5).long()})
    world = World("kinds", (task, other), split, split, split)
    trunk = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
    run = mtl.fit(way(world, trunk), world, **FIT)
    sweep = mtl.sweep(way, world, trunk=trunk, seeds=[0, 1], **FIT)
    assert run.scores == pytest.approx(sweep.run(seed=0).scores)
    assert set(run.test()) == {"y", "bright"}
    inspection = mtl.inspection
    assert inspection.features(run, x)["y"].shape == (zoo.N, 4, zoo.SIDE, zoo.SIDE)
    assert len(inspection.importance(run, world)) == 8
    assert inspection.lesion(run, world, [1]).loss.notna().all()
    assert len(inspection.head_swap(run, world)) == 4
    for look in (lambda: inspection.probe_matrix({"one": run}, world), lambda: mtl.lesion_lab(run, world)):
        assert "'y'" in saying(look)
    assert "24 pictures are too few to align 144 features" in saying(lambda: mtl.microscope({"one": run}, world))


# --- inputs, stems, heads ------------------------------------------------------------------------------------------


def test_tasks_with_inputs_of_different_kinds_meet_behind_their_stems():
    tasks = (mtl.Binary("word"), mtl.Binary("picture"), mtl.Binary("table"))
    x = {"word": zoo.inputs("tokens"), "picture": zoo.inputs("maps"), "table": zoo.inputs("vectors")}
    labels = {task.name: torch.arange(zoo.N) % 2 for task in tasks}
    split = Split(x, labels)
    world = World("mixed", tasks, split, split, split, layout={"word": "tokens"})
    stems = {
        "word": nn.Sequential(zoo.Tokens(4)),
        "picture": nn.Sequential(nn.Flatten(), nn.LazyLinear(4)),
    }
    trunk = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5))
    with pytest.raises(ValueError, match="stems="):
        mtl.fit(mtl.Hard(tasks, trunk), world, progress=False)
    for way in zoo.WAYS.values():
        model = way(world, trunk, stems=stems, seeds=(0, 1)).double()
        for task in tasks:
            for number in range(2):
                close(model(double(x))[task.name][number], model.plain(task.name, number)(double(x[task.name])))
        run = mtl.fit(way(world, trunk, stems=stems), world, **FIT)
        assert any("stems.word" in name for name in run.model.specific_parameters("word"))
    sweep = mtl.sweep(mtl.Hard, world, trunk=trunk, stems=stems, seeds=[0, 1], **FIT)
    alone = mtl.fit(mtl.Hard(world, trunk, stems=stems), world, seed=1, **FIT)
    assert alone.scores == pytest.approx(sweep.run(seed=1).scores)


@pytest.mark.parametrize("way", [mtl.Separate, mtl.Hard, mtl.Soft], ids=lambda way: way.__name__)
def test_a_task_answers_from_a_lower_layer(way):
    animal = next(one for one in zoo.ZOO if one.name == "conv")
    world = zoo.world(animal)
    model = way(world, animal.make(), heads={"yes": "0"}, seeds=(0, 1)).double()
    x = double(world.train.x)
    for task in zoo.TASKS:
        for number in range(2):
            network = model.plain(task.name, number)
            close(model(x)[task.name][number], network(x))
            assert len(network) == (3 if task.name == "yes" else 6)
    run = mtl.fit(way(world, animal.make(), heads={"yes": "0"}), world, **FIT)
    assert set(run.model.copy(0).heads_at) == {"yes"}
    with pytest.raises(ValueError, match="cannot be swapped"):
        mtl.inspection.head_swap(run, world)
    with pytest.raises(KeyError, match="no layer 'conv9' to answer from"):
        way(world, animal.make(), heads={"yes": "conv9"})
    with pytest.raises(ValueError, match="World in place of the tasks"):
        way(zoo.TASKS, animal.make(), heads={"yes": "0"})


def test_what_has_no_order_of_layers_is_one_layer_and_hierarchical_says_so():
    with pytest.raises(KeyError, match=r"OwnForward is one layer: write it as an nn\.Sequential"):
        mtl.Hierarchical(zoo.TASKS, zoo.OwnForward(), branch="one", features=5)
    assert layers_with_weights(zoo.OwnForward()) == ("trunk",)


def test_layers_with_a_weight_in_common_are_refused_by_name():
    one, two = nn.Linear(4, 4), nn.Linear(4, 4)
    two.weight = one.weight
    with pytest.raises(ValueError, match="'0' and '1' have the weight 'weight' in common"):
        mtl.Hard(zoo.TASKS, nn.Sequential(one, two))


# --- any plan, any row of layers -----------------------------------------------------------------------------------

LAYERS = {
    "linear": lambda: nn.Linear(4, 4),
    "norm": lambda: nn.BatchNorm1d(4),
    "layer norm": lambda: nn.LayerNorm(4),
    "prelu": lambda: nn.PReLU(4),
    "tanh": nn.Tanh,
    "softmax": lambda: nn.Softmax(-1),
    "own": lambda: zoo.Scaled(4),
    "nested": lambda: nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.GELU(), nn.Linear(4, 4))),
    "still": lambda: nn.Linear(4, 4).requires_grad_(False),
}


@st.composite
def plans(draw):
    """A row of layers, one of which may stand at two places, and owners for each layer with weights."""
    layers = [LAYERS[name]() for name in draw(st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=5))]
    if draw(st.booleans()):
        layers.append(layers[draw(st.integers(0, len(layers) - 1))])
    trunk = nn.Sequential(*layers)
    owners = []
    for _ in layers_with_weights(trunk):
        raw = draw(st.lists(st.integers(0, 2), min_size=3, max_size=3))
        order = list(dict.fromkeys(raw))
        owners.append([order.index(one) for one in raw])
    return trunk, owners


class Planned(mtl.Sharing):
    """A way of sharing that is whatever the plan says."""

    options = ("plan",)

    def __init__(self, tasks, trunk, plan, **arguments):
        self.plan = plan
        super().__init__(tasks, trunk, **arguments)

    def owners(self, depth):
        return self.plan[depth]


@settings(max_examples=60, deadline=None)
@given(plans(), st.booleans(), st.booleans(), st.sampled_from([(0,), (3, 1), (2, 2, 5)]))
def test_any_plan_of_any_layers_computes_what_plain_networks_compute(planned, own, training, seeds):
    trunk, plan = planned
    model = Planned(zoo.TASKS, trunk, plan, features=4, seeds=seeds).double().train(training)
    x = {task.name: torch.randn(6, 4).double() for task in zoo.TASKS} if own else torch.randn(6, 4).double()
    plain = {(task, number): model.plain(task.name, number) for task in zoo.TASKS for number in range(len(seeds))}
    outputs = model(x)
    for (task, number), network in plain.items():
        y = outputs[task.name] if len(seeds) == 1 else outputs[task.name][number]
        close(y, network(own_of(x, task)))
        one = model.copy(number).train(training)
        if not training:
            close(one(x)[task.name], y)


# --- what streams see of each other --------------------------------------------------------------------------------


@both
def test_cross_stitch_starts_as_separate_and_learns(own):
    animal = next(one for one in zoo.ZOO if one.name == "conv")
    world = zoo.world(animal, own)
    x = double(world.test.x)
    for seeds in ((0,), (0, 4)):
        ways = mtl.CrossStitch, mtl.Separate
        stitched, separate = (way(world, animal.make(), seeds=seeds).double() for way in ways)
        for name, y in separate(x).items():
            assert torch.equal(stitched(x)[name], y)
    run = mtl.fit(mtl.CrossStitch(world, animal.make()), world, **FIT)
    for layer in run.model.where:
        assert not torch.equal(run.model.α(layer)[0], torch.eye(3).double())
    for name, y in run.model(x).items():
        assert torch.equal(run.model.copy(0)(x)[name], y)
    sweep = mtl.sweep(mtl.CrossStitch, world, trunk=animal.make(), seeds=[0, 1], **FIT)
    for a, b in zip(run.model.parameters(), sweep.run(seed=0).model.parameters(), strict=True):
        close(a, b, 1e-8)
    with pytest.raises(TypeError, match="see one another"):
        run.model.plain("kind")
    with pytest.raises(TypeError, match="see one another"):
        mtl.inspection.lesion(run, world, [0], layer="0")
    with pytest.raises(KeyError, match="no layer 'conv9' to mix after"):
        mtl.CrossStitch(world, animal.make(), after=["conv9"])


def test_a_stitched_network_is_the_one_of_the_paper():
    """By hand: two networks, α of our own."""
    tasks = (mtl.Binary("a"), mtl.Binary("b"))
    model = mtl.CrossStitch(tasks, nn.Sequential(nn.Linear(4, 3), nn.Tanh(), nn.Linear(3, 2)), after=["1"]).double()
    with torch.no_grad():
        model.units[0].α[0, 0] = torch.tensor([[0.9, 0.1], [0.3, 0.7]], dtype=torch.float64)
        for parameter in model.trunk.parameters():
            parameter.add_(torch.randn_like(parameter))
    x = torch.randn(5, 4).double()
    a, b = (model.trunk.plain(t, 0) for t in range(2))
    one, two = a[:2](x), b[:2](x)
    heads = [model.heads[model.head_of(task)].plain(0, 0) for task in tasks]
    close(model(x)["a"], heads[0](a[2](0.9 * one + 0.1 * two)))
    close(model(x)["b"], heads[1](b[2](0.3 * one + 0.7 * two)))


@pytest.mark.parametrize(
    ("trunk", "animal", "error", "words"),
    [
        (lambda: nn.Sequential(nn.GRU(3, 4, batch_first=True)), "gru", TypeError, "returns a tuple, not a tensor"),
        (mtl.nets.conv, "mlp", ValueError, r"layer 'conv1', Conv2d.* cannot take what comes to it, torch\.float32"),
        (lambda: nn.Sequential(nn.Linear(5, 3)), "embedding", ValueError, r"layer '0'.*torch\.int64"),
        (lambda: nn.Sequential(nn.Embedding(5, 3), nn.Flatten()), "mlp", ValueError, "layer '0', Embedding"),
    ],
)
def test_a_trunk_that_does_not_fit_the_world_is_refused_by_layer(trunk, animal, error, words):
    world = zoo.world(next(one for one in zoo.ZOO if one.name == animal))
    with pytest.raises(error, match=words):
        mtl.Hard(world, trunk())
