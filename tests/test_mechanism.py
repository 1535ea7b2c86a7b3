"""The one mechanism: many copies and streams at once compute what ordinary networks compute one by one."""

import itertools

import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.nets import Streams, layers_with_weights
from mtl_lesson.sharing import Sharing

TASKS = (
    mtl.Classification("garment", list("abcde")),
    mtl.Classification("colour", list("rgb")),
    mtl.Regression("weight"),
)
WAYS = [mtl.Separate, mtl.Hard]


class Branched(Sharing):
    """A plan no ready-made way has: a branch of its own for the last task, lower down than for the others."""

    def owners(self, depth):
        return [[0, 0, 0], [0, 0, 1], [0, 1, 2]][depth]


class PrivateBelow(Sharing):
    """Private below, shared above: one group of weights then serves several streams."""

    def owners(self, depth):
        return [[0, 1, 2], [0, 1, 1], [0, 0, 0]][depth]


def trunk():
    return mtl.nets.conv(width=3, features=7)


def picture(n=4, channels=3):
    return torch.rand(n, channels, 28, 28, dtype=torch.float64)


def close(a, b):
    torch.testing.assert_close(a, b, rtol=0, atol=1e-10)


@pytest.mark.parametrize("way", [*WAYS, Branched, PrivateBelow])
@pytest.mark.parametrize("own", [False, True], ids=["one input", "an input a task"])
def test_every_copy_and_task_computes_what_its_plain_network_computes(way, own):
    model = way(TASKS, trunk(), seeds=(0, 1, 5)).double()
    x = {task.name: picture() for task in TASKS} if own else picture()
    outputs = model(x)
    for task, copy in itertools.product(TASKS, range(3)):
        plain = model.plain(task.name, copy)
        close(outputs[task.name][copy], plain(x[task.name] if own else x))


@pytest.mark.parametrize("way", [*WAYS, Branched, PrivateBelow])
def test_gradients_are_those_of_a_plain_network(way):
    model = way(TASKS, trunk(), seeds=(3, 4)).double()
    x = picture()
    sum(y.square().sum() for y in model(x).values()).backward()
    conv1 = model.trunk["conv1"]
    for copy in range(2):
        total = torch.zeros_like(conv1.weight[copy])
        for t, task in enumerate(TASKS):
            plain = model.plain(task.name, copy)
            plain(x).square().sum().backward()
            total[model.trunk.plan["conv1"][t]] += plain.conv1.weight.grad
        close(conv1.weight.grad[copy], total)


def test_copies_with_data_of_their_own_see_their_own_data():
    """Two datasets, two copies each, as a sweep over settings × seeds has them."""
    model = mtl.Separate(TASKS, trunk(), seeds=(0, 0, 1, 1)).double()
    first, second = picture(), picture()
    outputs = model.outputs(torch.stack([first, second]), 2, (0, 0, 0))
    for task in TASKS:
        for copy, own in enumerate((first, first, second, second)):
            close(outputs[task.name][copy], model.plain(task.name, copy)(own))


class Swish(nn.Module):
    """A layer the mechanism has never heard of, with weights."""

    def __init__(self, channels):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(channels, 1, 1))
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.uniform_(self.scale)

    def forward(self, x):
        return x * torch.sigmoid(self.scale * x)


@pytest.mark.parametrize("way", [mtl.Separate, mtl.Hard, PrivateBelow])
@pytest.mark.parametrize("first", [False, True], ids=["inside", "first"])
def test_a_layer_the_mechanism_does_not_know_still_works(way, first):
    layers = [nn.Conv2d(3, 4, 3, padding=1), Swish(4), nn.Flatten(), nn.Linear(4 * 28 * 28, 6), nn.LayerNorm(6)]
    if way is PrivateBelow:
        layers = [*layers[:2], *layers[2:4]]
    if first:
        layers.insert(0, Swish(3))
        layers.pop() if way is not PrivateBelow else layers.__setitem__(2, nn.ReLU())
    model = way(TASKS, nn.Sequential(*layers), features=6, seeds=(0, 1)).double()
    x = picture(3)
    outputs = model(x)
    for task, copy in itertools.product(TASKS, range(2)):
        close(outputs[task.name][copy], model.plain(task.name, copy)(x))


def test_a_trunk_without_weights_or_without_layers():
    for network, x in ((nn.Sequential(nn.Flatten()), picture()), (nn.Sequential(), picture().flatten(1))):
        model = mtl.Separate(TASKS, network, features=3 * 28 * 28, seeds=(0, 1)).double()
        for task, copy in itertools.product(TASKS, range(2)):
            close(model(x)[task.name][copy], model.plain(task.name, copy)(x))


@pytest.mark.parametrize("way", [*WAYS, Branched])
@pytest.mark.parametrize("layer", ["conv1", "pool2", "linear", None])
def test_features_are_what_the_plain_trunk_returns(way, layer):
    model = way(TASKS, trunk(), seeds=(0, 2)).double()
    x = picture()
    h = model.features(x, layer)
    for task, copy in itertools.product(TASKS, range(2)):
        plain = model.plain(task.name, copy)
        names = list(dict(plain.named_children()))
        upto = names.index(layer) + 1 if layer else len(names) - 1
        close(h[task.name][copy], plain[:upto](x))


def test_weights_depend_on_seed_and_name_alone():
    alone = mtl.Hard(TASKS[:1], trunk(), seeds=(7,))
    among = mtl.Separate(TASKS[::-1], trunk(), seeds=(1, 7, 2))
    for mine, its in zip(alone.plain("garment").parameters(), among.plain("garment", 1).parameters(), strict=True):
        assert torch.equal(mine, its)
    other = mtl.Hard(TASKS[:1], trunk(), seeds=(8,)).plain("garment")
    assert not torch.equal(other.conv1.weight, alone.plain("garment").conv1.weight)


def test_tasks_start_with_one_trunk_and_heads_of_their_own():
    twins = [mtl.Binary("one"), mtl.Binary("two")]
    model = mtl.Separate(twins, trunk())
    one, two = model.plain("one"), model.plain("two")
    assert torch.equal(one.conv1.weight, two.conv1.weight)
    assert not torch.equal(one.head.weight, two.head.weight)


def test_drawing_weights_leaves_the_global_random_state_alone():
    layers = trunk()
    torch.manual_seed(0)
    expected = torch.rand(3)
    torch.manual_seed(0)
    mtl.Separate(TASKS, layers, seeds=range(3))
    assert torch.equal(torch.rand(3), expected)


def test_who_owns_what():
    sizes = {}
    for way in (mtl.Separate, mtl.Hard, Branched):
        model = way(TASKS, trunk(), seeds=(0, 1))
        shared = sum(value[0].numel() for value in model.shared_parameters().values())
        own = {t.name: sum(v[0].numel() for v in model.specific_parameters(t.name).values()) for t in TASKS}
        assert shared + sum(own.values()) == model.size()
        sizes[way] = shared, own["weight"]
    plain = sum(p.numel() for p in trunk().parameters())
    assert sizes[mtl.Separate] == (0, plain + 8)
    assert sizes[mtl.Hard] == (plain, 8)
    assert 0 < sizes[Branched][0] < plain


def test_one_copy_taken_out_computes_the_same():
    model = Branched(TASKS, trunk(), seeds=(0, 1, 2)).double()
    x = picture()
    one = model.copy(1)
    assert one.seeds == (1,)
    for name, y in one(x).items():
        close(y, model(x)[name][1])


def test_pooled_answers_all_tasks_with_one_head():
    twins = [mtl.Binary("one"), mtl.Binary("two")]
    model = mtl.Pooled(twins, trunk()).double()
    x = picture()
    assert torch.equal(model(x)["one"], model(x)["two"])
    with pytest.raises(ValueError, match="garment: 5, colour: 3"):
        mtl.Pooled(TASKS, trunk())


def test_the_essays_network_has_the_essays_layers():
    layers = mtl.nets.conv(32, features=128)
    assert layers_with_weights(layers) == ("conv1", "conv2", "linear")
    assert (layers.conv1.out_channels, layers.conv2.out_channels, layers.linear.out_features) == (32, 64, 128)


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: mtl.Hard([], trunk()), ValueError, "at least one task"),
        (lambda: mtl.Hard([TASKS[0], TASKS[0]], trunk()), ValueError, "'garment'"),
        (lambda: mtl.Hard(["garment"], trunk()), TypeError, "expected a Task"),
        (lambda: mtl.Hard(TASKS, mtl.nets.conv), TypeError, "nn.Sequential"),
        (lambda: mtl.Hard(TASKS, nn.Sequential(nn.Conv2d(3, 3, 3))), ValueError, "features="),
        (lambda: mtl.nets.conv(width=0), ValueError, "1 or more"),
        (lambda: mtl.Hard(TASKS, trunk())(torch.rand(2, 1, 28, 28)), ValueError, "Conv2d"),
        (lambda: mtl.Hard(TASKS, trunk())(torch.zeros(2, 3, 28, 28, dtype=torch.uint8)), TypeError, "uint8"),
        (lambda: mtl.Hard(TASKS, trunk())([1, 2]), TypeError, "list"),
        (lambda: mtl.Hard(TASKS, trunk())({"garment": torch.rand(2, 3, 28, 28)}), KeyError, "colour"),
        (lambda: mtl.Hard(TASKS, trunk()).features(torch.rand(2, 3, 28, 28), "conv9"), KeyError, "conv1"),
        (lambda: mtl.Hard(TASKS, trunk()).plain("taste"), KeyError, "garment"),
        (
            lambda: mtl.Hard(TASKS, nn.Sequential(nn.Conv2d(3, 2, 3), nn.Linear(9, 4)))(torch.rand(2, 3, 28, 28)),
            ValueError,
            "nn.Flatten",
        ),
    ],
)
def test_what_makes_no_sense_is_refused_in_words_that_help(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_a_plan_computes_what_is_equal_once():
    """Hard sharing runs its convolutions once however many tasks there are: the streams say so."""
    seen = {}
    for way in (mtl.Separate, mtl.Hard):
        model = way(TASKS, trunk())
        h, streams = model.trunk(*model.enter(torch.rand(2, 3, 28, 28)))
        seen[way] = len(h), streams
    assert seen[mtl.Separate] == (3, (0, 1, 2))
    assert seen[mtl.Hard] == (1, (0, 0, 0))
    assert isinstance(model.trunk, Streams)
