"""A trained model in one file: what is loaded answers as what was saved, bit for bit, or is refused in words."""

import errno
import io
import json
import math
import os
import pickle
import re
import warnings

import numpy as np
import pandas as pd
import pytest
import tiny
import torch
import zoo
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import Split, World
from mtl_lesson.training import Saved, answers, blueprints, saved
from mtl_lesson.training.blueprints import blueprint_of, built, strangers

FEW = settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
SAME = tuple(mtl.Binary(name) for name in ("ana", "bo", "chidi"))


def fit(model, world, **more):
    return mtl.fit(model, world, **({"epochs": 1, "batch_size": 8, "progress": False} | more))


def there_and_back(run, path, **given):
    run.save(path)
    return mtl.load(path, **given)


@pytest.fixture(scope="module")
def run():
    """A small trained model."""
    world = tiny.world()
    return fit(mtl.Soft(world.tasks, tiny.trunk(), lam=0.1), world)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.mtl"


# --- layers as JSON -------------------------------------------------------------------------------------------------

NOTHING, PLACE = {}, {"inplace": st.booleans()}
ALONG, CHANCE = {"dim": st.sampled_from([1, -1])}, {"p": st.floats(0, 0.9), **PLACE}
ACTIVATIONS = {
    **{name: NOTHING for name in ("Tanh", "Sigmoid", "Softsign", "LogSigmoid", "Tanhshrink", "Identity")},
    **{name: PLACE for name in ("ReLU", "ReLU6", "SELU", "SiLU", "Mish", "Hardsigmoid", "Hardswish")},
    "LeakyReLU": {"negative_slope": st.floats(0, 1), "inplace": st.booleans()},
    "ELU": {"alpha": st.floats(0.1, 3), "inplace": st.booleans()},
    "CELU": {"alpha": st.floats(0.1, 3), "inplace": st.booleans()},
    "GELU": {"approximate": st.sampled_from(["none", "tanh"])},
    "GLU": {"dim": st.sampled_from([-1, 1])},
    "PReLU": {"num_parameters": st.sampled_from([1, 4]), "init": st.floats(0, 1)},
    "Softplus": {"beta": st.floats(0.5, 3), "threshold": st.floats(1, 30)},
    "Hardtanh": {"min_val": st.floats(-3, 0), "max_val": st.floats(0.1, 3), "inplace": st.booleans()},
    "Hardshrink": {"lambd": st.floats(0, 2)},
    "Softshrink": {"lambd": st.floats(0, 2)},
    "Threshold": {"threshold": st.floats(-1, 1), "value": st.floats(-9, 9), "inplace": st.booleans()},
    **{name: ALONG for name in ("Softmax", "Softmin", "LogSoftmax")},
    **{name: CHANCE for name in ("Dropout", "AlphaDropout")},
    "Linear": {"in_features": st.just(4), "out_features": st.integers(1, 5), "bias": st.booleans()},
    "LayerNorm": {
        "normalized_shape": st.sampled_from([4, (4,)]),
        "eps": st.floats(1e-6, 0.1),
        "elementwise_affine": st.booleans(),
        "bias": st.booleans(),
    },
    "RMSNorm": {
        "normalized_shape": st.just(4),
        "eps": st.none() | st.floats(1e-6, 0.1),
        "elementwise_affine": st.booleans(),
    },
}
TOKENS = {
    "Embedding": {
        "num_embeddings": st.just(7),
        "embedding_dim": st.integers(1, 4),
        "padding_idx": st.none() | st.integers(0, 6),
        "max_norm": st.none() | st.floats(0.1, 2),
        "norm_type": st.sampled_from([1.0, 2.0]),
    },
    "EmbeddingBag": {
        "num_embeddings": st.just(7),
        "embedding_dim": st.integers(1, 4),
        "mode": st.sampled_from(["sum", "mean", "max"]),
        "padding_idx": st.none() | st.integers(0, 6),
    },
    "MeanEmbedding": {"tokens": st.just(7), "features": st.integers(1, 4)},
    "GraphNetwork": {"width": st.integers(1, 4), "rounds": st.integers(1, 3)},
}
RECURRENT = {
    "input_size": st.just(4),
    "hidden_size": st.integers(3, 5),
    "num_layers": st.integers(1, 2),
    "bias": st.booleans(),
    "batch_first": st.booleans(),
    "dropout": st.just(0.0),
    "bidirectional": st.booleans(),
}
STEPS = {
    "RNN": RECURRENT | {"nonlinearity": st.sampled_from(["tanh", "relu"])},
    "GRU": RECURRENT,
    "LSTM": RECURRENT | {"proj_size": st.integers(0, 2)},
    "TransformerEncoderLayer": {
        "d_model": st.just(4),
        "nhead": st.sampled_from([1, 2]),
        "dim_feedforward": st.integers(2, 6),
        "dropout": st.floats(0, 0.5),
        "activation": st.sampled_from(["relu", "gelu"]),
        "layer_norm_eps": st.floats(1e-6, 0.1),
        "batch_first": st.booleans(),
        "norm_first": st.booleans(),
        "bias": st.booleans(),
    },
}


def sizes(dims, low, high):
    """One number for all axes of a map, or one for each."""
    return st.integers(low, high) | st.tuples(*[st.integers(low, high)] * dims)


def maps_of(name):
    """(arguments, axes of the maps) of a layer for maps, of 4 channels and 8 places an axis."""
    dims = int(name[-2]) if name[-2:-1].isdigit() else 2
    common = {"in_channels": st.just(4), "out_channels": st.sampled_from([4, 8]), "bias": st.booleans()}
    common |= {"kernel_size": sizes(dims, 1, 3), "stride": sizes(dims, 1, 2), "dilation": sizes(dims, 1, 2)}
    padded = {"padding": st.integers(1, 3) | st.tuples(*[st.integers(1, 3)] * 2 * dims)}
    pool = {"kernel_size": sizes(dims, 2, 3), "stride": st.none() | sizes(dims, 1, 2), "ceil_mode": st.booleans()}
    normal = {"eps": st.floats(1e-6, 0.1), "momentum": st.none() | st.floats(0, 1), "affine": st.booleans()}
    found = {
        "Conv": common
        | {
            "groups": st.sampled_from([1, 2, 4]),
            "padding": sizes(dims, 0, 2) | st.just("valid"),
            "padding_mode": st.sampled_from(["zeros", "circular", "replicate"]),
        },
        "ConvTranspose": common | {"groups": st.sampled_from([1, 2, 4]), "padding": sizes(dims, 0, 1)},
        "MaxPool": pool | {"padding": sizes(dims, 0, 1), "dilation": st.just(1), "return_indices": st.booleans()},
        "AvgPool": pool
        | {"padding": sizes(dims, 0, 1), "count_include_pad": st.booleans()}
        | ({"divisor_override": st.none() | st.integers(1, 9)} if dims > 1 else {}),
        "LPPool": {"norm_type": st.sampled_from([1.0, 2.0]), **pool},
        "AdaptiveAvgPool": {"output_size": sizes(dims, 1, 3)},
        "AdaptiveMaxPool": {"output_size": sizes(dims, 1, 3), "return_indices": st.booleans()},
        "BatchNorm": {"num_features": st.just(4), "track_running_stats": st.booleans(), **normal},
        "InstanceNorm": {"num_features": st.just(4), "track_running_stats": st.booleans(), **normal}
        | {"momentum": st.floats(0, 1)},
        "GroupNorm": {
            "num_groups": st.sampled_from([1, 2, 4]),
            "num_channels": st.just(4),
            "eps": st.floats(1e-6, 0.1),
            "affine": st.booleans(),
        },
        "LocalResponseNorm": {
            "size": st.integers(1, 3),
            "alpha": st.floats(0, 1),
            "beta": st.floats(0, 1),
            "k": st.floats(0.5, 2),
        },
        "Dropout": {"p": st.floats(0, 0.9), "inplace": st.booleans()},
        "FeatureAlphaDropout": {"p": st.floats(0, 0.9), "inplace": st.booleans()},
        "Flatten": {"start_dim": st.integers(0, 2), "end_dim": st.sampled_from([2, -1])},
        "Unflatten": {"dim": st.sampled_from([1]), "unflattened_size": st.sampled_from([(2, 2), (4, -1), (1, 4)])},
        "Upsample": {
            "size": st.none(),
            "scale_factor": st.sampled_from([1.5, 2, (2.0, 1.0)]),
            "mode": st.sampled_from(["nearest", "bilinear"]),
        },
        "PixelShuffle": {"upscale_factor": st.sampled_from([1, 2])},
        "PixelUnshuffle": {"downscale_factor": st.sampled_from([1, 2, 4])},
        "ZeroPad": padded,
        "ReflectionPad": padded,
        "ReplicationPad": padded,
        "ConstantPad": padded | {"value": st.floats(-9, 9)},
    }
    return found[re.sub(r"\dd$", "", name)], dims


@st.composite
def layers(draw, name):
    """A layer of this class, with generated arguments and moved weights, and an input for it."""
    seed = torch.Generator().manual_seed(draw(st.integers(0, 99)))
    if name in TOKENS:
        arguments, x = TOKENS[name], torch.randint(0, 7, (3, 5), generator=seed)
    elif name in STEPS:
        arguments, x = STEPS[name], torch.randn(3, 5, 4, generator=seed)
    elif name in ACTIVATIONS:
        arguments, x = ACTIVATIONS[name], torch.randn(3, 4, generator=seed)
    else:
        arguments, dims = maps_of(name)
        x = torch.randn(2, 4, *[8] * dims, generator=seed)
    chosen = {key: draw(value) for key, value in arguments.items()}
    if name == "GraphNetwork":
        layer = mtl.nets.graph.graph(torch.ones(7, 7) - torch.eye(7), **chosen)
    else:
        layer = getattr(mtl.nets if name == "MeanEmbedding" else nn, name)(**chosen)
    with torch.no_grad():
        for value in layer.parameters():
            value.add_(torch.randn(value.shape, generator=seed))
    for value in layer.parameters():
        value.requires_grad_(draw(st.booleans()))
    return layer, x


def computed(layer, x):
    """What a layer returns while training, with one draw of chance, and then in evaluation."""
    found = []
    for training in (True, False):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            y = layer.train(training)(x.clone())
        found += torch.utils._pytree.tree_leaves(y)
    return found


@pytest.mark.filterwarnings("ignore:LSTM with projections")
@pytest.mark.parametrize("name", blueprints.MAKERS)
@settings(max_examples=12)
@given(data=st.data())
def test_a_layer_made_again_computes_the_same(name, data):
    layer, x = data.draw(layers(name))
    blueprint = json.loads(json.dumps(blueprint_of(layer)))
    assert not list(strangers(blueprint))
    again = built(blueprint)
    again.load_state_dict(layer.state_dict())
    assert repr(again) == repr(layer)
    assert [one.requires_grad for one in again.parameters()] == [one.requires_grad for one in layer.parameters()]
    assert blueprint_of(again) == blueprint
    try:
        expected = computed(layer, x)
    except (RuntimeError, ValueError, TypeError, AssertionError):  # what no input of this size goes through
        assume(False)
    for y, z in zip(computed(again, x), expected, strict=True):
        torch.testing.assert_close(y, z, rtol=0, atol=0, equal_nan=True)


class OwnLinear(nn.Linear):
    pass


def hooked():
    layer = nn.Linear(4, 5)
    layer.register_forward_hook(lambda layer, x, y: 2 * y)
    return layer


def changed():
    layer = nn.Linear(4, 5)
    layer.forward = lambda x: x
    return layer


def put_in():
    layer = nn.TransformerEncoderLayer(4, 1, 6, batch_first=True)
    layer.linear1 = nn.Sequential(nn.Linear(4, 6), nn.ReLU())
    return layer


def other_size():
    layer = nn.Linear(4, 5)
    layer.weight = nn.Parameter(torch.zeros(5, 3))
    return layer


def tied():
    layer = nn.TransformerEncoderLayer(4, 1, 4, batch_first=True)
    layer.linear2.weight = layer.linear1.weight
    return layer


class OwnNorm(nn.LayerNorm):
    def forward(self, x):
        return -super().forward(x)


def part_of_ones_own():
    layer = nn.TransformerEncoderLayer(4, 1, 6, batch_first=True)
    layer.norm1 = OwnNorm(4)
    return layer


class OwnSequential(nn.Sequential):
    def forward(self, x):
        return -super().forward(x)


def named_sequential():
    module = nn.Sequential(nn.Linear(4, 5))
    module.register_forward_pre_hook(lambda module, x: None)
    return module


@pytest.mark.parametrize(
    "make",
    [
        lambda: OwnLinear(4, 5),
        hooked,
        changed,
        put_in,
        other_size,
        tied,
        part_of_ones_own,
        lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 5)),
        lambda: nn.TransformerEncoderLayer(4, 1, activation=torch.tanh),
        lambda: OwnSequential(nn.Linear(4, 5)),
        named_sequential,
        lambda: nn.Bilinear(4, 4, 5),
        lambda: nn.ModuleList([nn.Linear(4, 5)]),
    ],
)
def test_what_arguments_do_not_make_again_is_a_stranger(make):
    module = make()
    assert list(strangers(blueprint_of(module))) == [("", type(module).__name__)]
    assert list(strangers(blueprint_of(nn.Sequential(nn.ReLU(), nn.Sequential(module))))) == [
        ("1.0", type(module).__name__)
    ]


def test_a_layer_at_two_places_is_one_layer_again():
    trunk = zoo.repeated()
    again = built(json.loads(json.dumps(blueprint_of(trunk))))
    assert again[2] is again[4]
    assert again[1] is again[3]
    assert [*again._modules] == [*trunk._modules]


# --- what is loaded answers as what was saved -----------------------------------------------------------------------

ORDINARY = [
    animal for animal in zoo.ZOO if animal.name not in ("lazy",) and not [*strangers(blueprint_of(animal.make()))]
]


def assert_same_model(one, other, x):
    """The same weights, and the same answers to the last bit."""
    assert type(one) is type(other)
    assert one.size() == other.size()
    assert one.tasks == other.tasks
    assert {name: getattr(one, name) for name in one.options if name != "private"} == {
        name: getattr(other, name) for name in other.options if name != "private"
    }
    mine, its = one.state_dict(), other.state_dict()
    assert [*mine] == [*its]
    assert [value.dtype for value in one.buffers()] == [value.dtype for value in other.buffers()]
    for name, value in mine.items():
        assert value.dtype == its[name].dtype, name
        assert torch.equal(value, its[name]) or (value.isnan() == its[name].isnan()).all(), name
    with torch.no_grad():
        for name, y in one(x).items():
            assert torch.equal(y, other(x)[name]), name
    assert torch.equal(one.gap(), other.gap())


@FEW
@given(
    way=st.sampled_from(sorted(zoo.WAYS)),
    animal=st.sampled_from(ORDINARY),
    own=st.booleans(),
    precision=st.sampled_from(["float32", "float64", "bfloat16"]),
    initial=st.sampled_from(["drawn", "template"]),
    seed=st.integers(0, 99),
)
def test_it_answers_bit_for_bit_whatever_the_way_and_the_trunk(way, animal, own, precision, initial, seed, tmp_path):
    world = zoo.world(animal, own)
    try:
        model = zoo.WAYS[way](world, animal.make(), initial=initial)
        run = fit(model, world, precision=precision, seed=seed)
    except (ValueError, TypeError, KeyError):  # a trunk without weights, experts that would start equal
        assume(False)
    kept = there_and_back(run, tmp_path / "model.mtl")
    assert_same_model(run.model, kept.model, world.test.x)
    assert not kept.model.training
    assert_same_model(run.model.like((7,)), kept.model.like((7,)), world.test.x)  # drawn anew it is the same too
    pd.testing.assert_frame_equal(run.predict(world.test.x), kept.predict(world.test.x), check_exact=True)
    assert kept.about["seed"] == seed
    assert kept.about["precision"] == precision
    assert kept.about["scores"] == pytest.approx(run.scores, nan_ok=True)


LAMBDAS = [0, 0.5, math.inf, {"0": 0.1, "2": math.inf}, {("ana", "bo"): 2.0, ("bo", "chidi"): math.inf}, np.float64(3)]
OPTIONS = [
    *((mtl.Soft, {"lam": lam, "tie": tie}) for lam in LAMBDAS for tie in ("trunk", "all")),
    (mtl.Soft, {"lam": 1e-9, "exact": False}),
    (mtl.Annealed, {"lam": 0.1, "half_life": -3.5}),
    (mtl.Annealed, {"lam": math.inf}),
    (mtl.Learnt, {"lam": 0.2, "rate": 0.3}),
    (mtl.Hierarchical, {"branch": "2"}),
    (mtl.Hierarchical, {"branch": {"ana": "0", "bo": "heads"}}),
    (mtl.Pooled, {}),
    (mtl.LowRank, {"rank": math.inf}),
    (mtl.LowRank, {"rank": {"0": 2}}),
    (mtl.SharedPrivate, {"gamma": 0.3}),
    (mtl.SharedPrivate, {"private": nn.Sequential(nn.Linear(4, 3), nn.Tanh())}),
    (mtl.Experts, {"experts": 0, "private": 2}),
    (mtl.Experts, {"experts": 3, "gate": "constant"}),
    (mtl.CrossStitch, {}),
    (mtl.CrossStitch, {"after": ["0"]}),
    (mtl.Attention, {"after": "2", "mask": "constant"}),
    (mtl.Attention, {"after": ("0", "2"), "mask": "random halves"}),
    (mtl.Hard, {"heads": {"ana": "1"}}),
    (mtl.Soft, {"lam": math.inf, "heads": {"bo": "0"}}),
    (mtl.Hard, {"stems": {task.name: nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4)) for task in SAME}}),
]


@pytest.mark.parametrize(("way", "options"), OPTIONS, ids=lambda one: getattr(one, "__name__", str(one)[:60]))
def test_it_keeps_every_option(way, options, path):
    start = tiny.world()
    parts = [Split(split.x, dict.fromkeys(("ana", "bo", "chidi"), split.labels["ana"])) for split in (start.train,) * 3]
    world = World("same", SAME, *parts)
    trunk = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 5))
    run = fit(way(world, trunk, **options), world, epochs=2, precision="float64")
    kept = there_and_back(run, path)
    assert_same_model(run.model, kept.model, world.test.x)
    again = [fit(model, world, go_on=True, precision=run.precision).model for model in (run.model, kept.model)]
    assert_same_model(*again, world.test.x)
    if way in (mtl.Annealed, mtl.Learnt):
        for λ, same in zip(run.model.strengths.values(), kept.model.strengths.values(), strict=True):
            assert torch.equal(λ, same)
        assert run.model.copy(0).strengths.keys() == kept.model.copy(0).strengths.keys()
    if way is mtl.Learnt:
        assert torch.equal(run.model.path, kept.model.path)
        assert len(run.model.path) > 0


def test_every_way_of_sharing_is_gone_through():
    seen = {way.__name__ for way, _ in OPTIONS} | {"Contrastive", "Separate"}  # the latter among zoo.WAYS
    assert seen == set(saved.WAYS)


def test_it_keeps_a_way_whose_tasks_see_the_same_in_different_ways(path):
    animal = zoo.Animal("mlp", "vectors", zoo.VECTORS["mlp"])
    world = zoo.world(animal, own=True)
    run = fit(mtl.Contrastive(world, animal.make(), beta=0.5, temperature=0.2), world)
    assert_same_model(run.model, there_and_back(run, path).model, world.test.x)


def test_it_keeps_running_statistics_of_tasks_with_inputs_of_their_own(path):
    animal = zoo.Animal("batch norm", "vectors", zoo.VECTORS["batch norm"])
    world = zoo.world(animal, own=True)
    run = fit(mtl.Hard(world, animal.make()), world, epochs=3)
    kept = there_and_back(run, path).model
    held = kept.trunk["1"]
    assert held.apart
    assert not torch.equal(held.running_mean[:, 0], held.running_mean[:, 1])
    assert_same_model(run.model, kept, world.test.x)


def test_a_point_of_a_sweep_and_a_merged_model_are_kept(path):
    world = tiny.world()
    sweep = mtl.sweep(mtl.Soft, world, trunk=tiny.trunk(), lam=[0.0, math.inf], seeds=[3], epochs=1, progress=False)
    run = sweep.run(lam=math.inf, seed=3)
    kept = there_and_back(run, path)
    assert kept.about["point"] == {"lam": math.inf, "seed": 3}
    assert_same_model(run.model, kept.model, world.test.x)
    merged = mtl.merge(sweep.run(lam=0.0, seed=3), 0.5)
    assert_same_model(merged.model, there_and_back(merged, path).model, world.test.x)


# --- tasks of every kind, and what is answered ----------------------------------------------------------------------

EVERY = (
    mtl.Binary("yes. or % no"),
    mtl.Classification("kind", ("a", "b", "c")),
    mtl.Regression("much"),
    mtl.Regression("both", outputs=2),
    mtl.MultiLabel("tags", ("red", "blue")),
    mtl.Box("where"),
)


def every_kind(n=30, seed=0):
    draw = torch.Generator().manual_seed(seed)
    corner = torch.rand(n, 2, generator=draw)
    labels = {
        "yes. or % no": torch.randint(2, (n,), generator=draw),
        "kind": torch.randint(3, (n,), generator=draw),
        "much": torch.randn(n, generator=draw),
        "both": torch.randn(n, 2, generator=draw),
        "tags": torch.randint(2, (n, 2), generator=draw),
        "where": torch.cat([corner, corner + 1], 1),
    }
    split = Split(torch.randn(n, 4, generator=draw), labels)
    return World("every kind", EVERY, split, split, split)


def test_answers_are_the_models_own_in_words(path):
    world = every_kind()
    run = fit(mtl.Hard(EVERY, tiny.trunk()), world, epochs=60, lr=0.02)
    table = there_and_back(run, path).predict(world.test.x)
    with torch.no_grad():
        y = run.model(world.test.x)
    assert [*table.columns] == [
        *("yes. or % no", "yes. or % no: chance", "kind", "kind: chance", "much", "both: 1", "both: 2"),
        *("tags: red", "tags: red: chance", "tags: blue", "tags: blue: chance"),
        *("where: left", "where: top", "where: right", "where: bottom"),
    ]
    says_yes = y["yes. or % no"][:, 0] > 0
    assert table["yes. or % no"].tolist() == ["yes" if one else "no" for one in says_yes]
    chance = torch.sigmoid(y["yes. or % no"][:, 0])
    np.testing.assert_allclose(table["yes. or % no: chance"], chance.where(says_yes, 1 - chance), rtol=1e-5)
    best = y["kind"].softmax(1).max(1)
    assert table["kind"].tolist() == ["abc"[number] for number in best.indices]
    np.testing.assert_allclose(table["kind: chance"], best.values, rtol=1e-6)
    np.testing.assert_array_equal(table["much"], y["much"][:, 0])
    np.testing.assert_array_equal(table[["both: 1", "both: 2"]], y["both"])
    np.testing.assert_array_equal(table[["where: left", "where: top", "where: right", "where: bottom"]], y["where"])
    for number, tag in enumerate(("red", "blue")):
        says_yes, chance = y["tags"][:, number] > 0, torch.sigmoid(y["tags"][:, number])
        assert table[f"tags: {tag}"].tolist() == ["yes" if one else "no" for one in says_yes]
        np.testing.assert_allclose(table[f"tags: {tag}: chance"], chance.where(says_yes, 1 - chance), rtol=1e-5)
    for name in ("yes. or % no", "tags: red", "kind"):
        assert table[name].nunique() > 1  # else a part of the above would say nothing


def test_a_class_for_each_pixel_is_kept_and_is_no_table(path):
    task = mtl.Segmentation("parts", ("sky", "sea"))
    x = torch.rand(9, 3, zoo.SIDE, zoo.SIDE)
    split = Split(x, {"parts": torch.randint(2, (9, zoo.SIDE, zoo.SIDE))})
    world = World("pixels", (task,), split, split, split)
    run = fit(mtl.Hard(world, zoo.MAPS["maps all the way"]()), world)
    kept = there_and_back(run, path)
    assert_same_model(run.model, kept.model, x)
    with pytest.raises(ValueError, match="'parts' answers with a class for each pixel"):
        kept.predict(x)


def test_rows_are_answered_in_parts_and_alone_alike(run, monkeypatch):
    x = tiny.world(seed=1).test.x
    whole = run.predict(x)
    monkeypatch.setattr(answers, "AT_A_TIME", 5)
    cut = run.predict(x)
    assert [*cut.index] == [*range(len(x))]
    np.testing.assert_allclose(cut["chidi"], whole["chidi"], rtol=1e-5, atol=1e-6)
    assert cut["bo"].tolist() == whole["bo"].tolist()


def test_a_table_an_array_and_a_mapping_are_rows_too(run):
    x = tiny.world(seed=1).test.x[:4]
    whole = run.predict(x)
    pd.testing.assert_frame_equal(run.predict(x.numpy()), whole)
    pd.testing.assert_frame_equal(run.predict({task.name: x for task in tiny.TASKS}), whole)
    index = pd.Index(["a", "c", "b", "d"], name="who")
    pd.testing.assert_frame_equal(run.predict(pd.DataFrame(x.numpy(), index=index)), whole.set_index(index))


def test_answering_leaves_the_model_as_it_was(run):
    run.model.train()
    try:
        run.predict(tiny.world().test.x)
        assert all(module.training for module in run.model.modules())
    finally:
        run.model.eval()


class Counting(nn.Module):
    """A layer that remembers how many examples it has seen, even in evaluation mode."""

    def __init__(self):
        super().__init__()
        self.register_buffer("seen", torch.tensor(0))

    def forward(self, x):
        self.seen += len(x)
        return x


def test_what_a_layer_remembers_is_not_changed_by_asking():
    world = tiny.world()
    run = mtl.fit(mtl.Hard(world, nn.Sequential(Counting(), nn.Linear(4, 3))), world, epochs=1, progress=False)
    before = {name: value.clone() for name, value in run.model.named_buffers()}
    assert before
    run.predict(world.test.x)
    for name, value in run.model.named_buffers():
        assert torch.equal(value, before[name])


NAN = torch.tensor([[0.0, 0, 0, 0], [0, torch.nan, 0, 0]])


@pytest.mark.parametrize(
    ("rows", "error", "words"),
    [
        (torch.zeros(3, 5), ValueError, "has shape (3, 5), and the model was trained on (n, 4)"),
        (torch.zeros(4), ValueError, "missing axis"),
        (torch.zeros(2, 4, dtype=torch.long), TypeError, "must be a floating-point tensor"),
        (NAN, ValueError, "holds NaN or infinity, first in row 1"),
        (torch.zeros(0, 4), ValueError, "is empty"),
        ({"ana": torch.zeros(2, 4)}, KeyError, "no rows for task 'bo'"),
        ({"ana": torch.zeros(2, 4), "bo": torch.zeros(2, 4), "chidi": torch.zeros(3, 4)}, ValueError, "as many rows"),
        (pd.DataFrame({"a": ["x"], "b": [1], "c": [1], "d": [1]}), TypeError, "the column 'a'"),
        ("rows", TypeError, "must be a tensor, an array or a table of numbers"),
    ],
)
def test_rows_that_do_not_fit_are_refused_in_words(run, rows, error, words):
    with pytest.raises(error, match=re.escape(words)):
        run.predict(rows)


def test_words_beyond_the_embedding_are_refused(path):
    animal = next(animal for animal in ORDINARY if animal.name == "embedding")
    world = zoo.world(animal)
    kept = there_and_back(fit(mtl.Hard(world, animal.make()), world), path)
    x = world.test.x.clone()
    x[2, 1] = zoo.WORDS
    with pytest.raises(ValueError, match="holds the token 11, and the model has vectors for 0 to 10"):
        kept.predict(x)
    with pytest.raises(TypeError, match="whole numbers"):
        kept.predict(x.float())


def test_two_answers_never_share_a_column():
    tasks = mtl.Binary("a"), mtl.Regression("a: chance")
    x = torch.randn(8, 4)
    split = Split(x, {"a": torch.randint(2, (8,)), "a: chance": torch.randn(8)})
    world = World("named alike", tasks, split, split, split)
    with pytest.raises(ValueError, match="'a: chance'"):
        fit(mtl.Hard(tasks, tiny.trunk()), world).predict(x)


# --- tables ---------------------------------------------------------------------------------------------------------


def people(n=90, seed=0):
    draw = np.random.default_rng(seed)
    table = pd.DataFrame({"age": draw.normal(40, 9, n), "town": draw.choice(["Bonn", "Köln"], n)})
    table["price"] = 1000 + 50 * draw.normal(size=n) + table.age
    return table.assign(buys=draw.choice(["yes", "no"], n), kind=draw.choice(list("abc"), n))


def test_a_table_is_answered_in_its_own_units_and_by_name(path):
    table = people()
    world = mtl.data.table(table, {"price": "number", "buys": "binary", "kind": "class"}, quiet=True)
    run = fit(mtl.Hard(world, nn.Sequential(nn.LazyLinear(6), nn.ReLU())), world, epochs=5)
    kept = there_and_back(run, path)
    new = people(5, seed=1).set_index(pd.Index(list("vwxyz")))[["town", "age"]]  # in another order
    found = kept.predict(new)
    pd.testing.assert_frame_equal(found, run.predict(new), check_exact=True)
    assert [*found.index] == list("vwxyz")
    with torch.no_grad():
        outputs = run.model(world.encoder.encode(new))
    unit = world.encoder.labels["price"].unit
    np.testing.assert_allclose(found.price, outputs["price"][:, 0] * unit + world.encoder.labels["price"].middle)
    assert found.price.between(800, 1300).all()
    assert set(found.buys) <= {"yes", "no"}
    assert set(found.kind) <= set("abc")
    pd.testing.assert_frame_equal(kept.predict(kept.intake.encoder.encode(new)).set_index(new.index), found)
    with pytest.raises(KeyError, match="lacks 'age'"):
        kept.predict(new.drop(columns="age"))
    with pytest.raises(ValueError, match="'Ulm', which no training row has"):
        kept.predict(new.assign(town="Ulm"))


def test_no_row_of_the_data_is_in_the_file(path):
    table = people().assign(town=[f"town {number % 7}" for number in range(90)], secret="a very private word")
    world = mtl.data.table(table, {"price": "number"}, leave=["secret"], quiet=True)
    run = fit(mtl.Hard(world, nn.Sequential(nn.LazyLinear(6))), world)
    run.save(path)
    content = path.read_bytes()
    assert b"very private" not in content
    tensors = torch.load(io.BytesIO(content.partition(b"\n")[2]), weights_only=True)
    rows = len(world.train)
    assert all(rows not in value.shape for part in ("weights", "templates", "look") for value in tensors[part].values())


# --- modules that JSON cannot tell ----------------------------------------------------------------------------------


class MyNet(nn.Module):
    def __init__(self, size=6, act=torch.tanh):
        super().__init__()
        self.linear, self.act = nn.Linear(4, size), act

    def forward(self, x):
        return self.act(self.linear(x))


def test_a_trunk_of_ones_own_is_asked_for_and_fits(path):
    world = tiny.world()
    run = fit(mtl.Soft(world, MyNet(), lam=0.2), world)
    run.save(path)
    words = re.escape("this was saved with a trunk of class MyNet: give it, mtl.load(path, trunk=MyNet(…))")
    with pytest.raises(ValueError, match=words):
        mtl.load(path)
    assert_same_model(run.model, mtl.load(path, trunk=MyNet()).model, world.test.x)
    with pytest.raises(ValueError, match="the weights do not fit"):
        mtl.load(path, trunk=MyNet(size=7))
    with pytest.raises(ValueError, match="the weights do not fit"):
        mtl.load(path, trunk=nn.Sequential(nn.Linear(4, 6, bias=False)))
    with pytest.raises(ValueError, match="computes something else than what was trained"):
        mtl.load(path, trunk=MyNet(act=torch.relu))
    with pytest.raises(ValueError, match="lazy layers"):
        mtl.load(path, trunk=nn.Sequential(nn.LazyLinear(6)))
    with pytest.raises(TypeError, match="the trunk is a module"):
        mtl.load(path, trunk=MyNet)
    with pytest.raises(ValueError, match="the model has no private; it has trunk"):
        mtl.load(path, trunk=MyNet(), private=MyNet())


def test_a_layer_of_ones_own_within_a_trunk_is_told_by_its_place(path):
    world = tiny.world()
    trunk = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), MyNet()))
    run = fit(mtl.Hard(world, trunk), world)
    run.save(path)
    with pytest.raises(
        ValueError, match=r"layer '1\.1' is of class MyNet, .* the whole trunk, mtl\.load\(path, trunk=…\)"
    ):
        mtl.load(path)
    again = nn.Sequential(nn.Linear(4, 4), nn.Sequential(nn.ReLU(), MyNet()))
    assert_same_model(run.model, mtl.load(path, trunk=again).model, world.test.x)


def test_stems_and_a_private_trunk_of_ones_own_are_asked_for(path):
    world = tiny.world()
    run = fit(mtl.Hard(world, nn.Sequential(nn.Linear(6, 5)), stems={task.name: MyNet() for task in tiny.TASKS}), world)
    run.save(path)
    with pytest.raises(ValueError, match=r"stem of ana of class MyNet.*stems=\{'ana': MyNet\(…\)\}"):
        mtl.load(path)
    given = {task.name: MyNet() for task in tiny.TASKS}
    assert_same_model(run.model, mtl.load(path, stems=given).model, world.test.x)
    run = fit(mtl.SharedPrivate(world, nn.Sequential(nn.Linear(4, 5)), private=MyNet()), world)
    run.save(path)
    with pytest.raises(ValueError, match=r"private of class MyNet.*private=MyNet\(…\)"):
        mtl.load(path)
    assert_same_model(run.model, mtl.load(path, private=MyNet()).model, world.test.x)
    run = fit(mtl.SharedPrivate(world, MyNet()), world)  # the private trunk is like the shared one
    run.save(path)
    assert_same_model(run.model, mtl.load(path, trunk=MyNet()).model, world.test.x)


def test_what_a_file_cannot_keep_is_refused_when_it_is_saved(run, path):
    class Focal(mtl.Binary):
        pass

    class Mine(mtl.Hard):
        pass

    world = tiny.world()
    with pytest.raises(ValueError, match="Mine is a way of sharing of your own"):
        fit(Mine(world, tiny.trunk()), world).save(path)
    task = Focal("ana")
    split = Split(world.train.x, {"ana": world.train.labels["ana"]})
    own = World("own", (task,), split, split, split)
    with pytest.raises(ValueError, match="task 'ana' is of a class of your own, Focal"):
        fit(mtl.Hard(own, tiny.trunk()), own).save(path)
    assert not path.exists()


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def content(run, tmp_path_factory):
    path = tmp_path_factory.mktemp("kept") / "model.mtl"
    run.save(path)
    return path.read_bytes()


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_refused_in_words(content, run, tmp_path, data):
    start = st.integers(0, 120) | st.integers(0, len(content) - 1)  # the first line as often as all the rest
    if data.draw(st.booleans()):
        broken = content[: data.draw(start)]
    else:
        broken = bytearray(content)
        for place in data.draw(st.lists(start, min_size=1, max_size=4, unique=True)):
            broken[place] ^= data.draw(st.integers(1, 255))
    path = tmp_path / "broken.mtl"
    path.write_bytes(bytes(broken))
    with pytest.raises(ValueError, match=r"damaged|is no model that run\.save|is of format"):
        mtl.load(path)


def changed_facts(content, change):
    """A file whose facts were changed by someone who knows how to seal it."""
    kept = torch.load(io.BytesIO(content.partition(b"\n")[2]), weights_only=True)
    facts = json.loads(kept["facts"])
    change(facts, kept)
    buffer = io.BytesIO()
    torch.save(kept | {"facts": json.dumps(facts)}, buffer)
    return saved.sealed(buffer.getvalue())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda facts, kept: facts.update(way="Osmosis"), "shares by Osmosis, which this version does not know"),
        (lambda facts, kept: facts.update(way="Sharing"), "which this version does not know"),
        (lambda facts, kept: facts["tasks"][0].update(task="Ranking"), "a task of class Ranking"),
        (
            lambda facts, kept: facts["modules"]["trunk"]["parts"][0][1].update(layer="Fold"),
            "a layer of class Fold, which this version does not know",
        ),
        (lambda facts, kept: facts["modules"]["trunk"]["parts"][0][1]["arguments"].update(in_features=3), "do not fit"),
        (lambda facts, kept: facts["modules"]["trunk"]["parts"][1][1].update(layer="Tanh", arguments={}), "otherwise"),
        (lambda facts, kept: facts["modules"].clear(), "no model that this version can make"),
        (lambda facts, kept: facts["options"].update(lam=-1), "from 0 to ∞"),
        (lambda facts, kept: facts["options"].update(wisdom=1), "no model that this version can make"),
        (lambda facts, kept: facts.update(about={}), "what made it"),
        (lambda facts, kept: facts.pop("shapes"), "no model that this version can make"),
        (lambda facts, kept: kept["weights"].popitem(), "do not fit"),
        (lambda facts, kept: kept.pop("weights"), "no model that this version can make"),
        (lambda facts, kept: kept.update(encoder=b"nonsense"), "not the transformers of a table"),
    ],
)
def test_a_file_that_is_made_up_is_refused_in_words(content, path, change, words):
    path.write_bytes(changed_facts(content, change))
    with pytest.raises(ValueError, match=re.escape(words)) as refused:
        mtl.load(path)
    assert str(path) in str(refused.value)


def test_what_none_of_ours_has_written_is_refused(path, content):
    for other in (b"", b"a,b\n1,2\n", pickle.dumps({"weights": 1}), content.partition(b"\n")[2]):
        path.write_bytes(other)
        with pytest.raises(ValueError, match=r"is no model that run\.save\(path\) has written"):
            mtl.load(path)
    with pytest.raises(OSError, match=r"cannot read .*nowhere"):
        mtl.load(path.with_name("nowhere"))


def test_a_later_format_asks_for_a_later_version(path, content):
    path.write_bytes(content.replace(b"format 1,", b"format 2,", 1))
    with pytest.raises(ValueError, match="is of format 2, and this version of mtl_lesson reads formats up to 1"):
        mtl.load(path)


class Malice:
    """What runs a command when it is unpickled."""

    def __init__(self, target):
        self.target = target

    def __reduce__(self):
        return os.mkdir, (str(self.target),)


def test_code_in_a_file_is_never_run(path, tmp_path):
    target = tmp_path / "ran"
    buffer = io.BytesIO()
    torch.save({"facts": Malice(target), "weights": {}}, buffer)
    for attack in (buffer.getvalue(), pickle.dumps(Malice(target))):
        path.write_bytes(saved.sealed(attack))
        with pytest.raises(ValueError, match="holds something else than tensors and text"):
            mtl.load(path)
    assert not target.exists()
    torch.load(io.BytesIO(buffer.getvalue()), weights_only=False)
    assert target.exists()  # the attack is one


def test_another_major_version_is_said(content, path):
    path.write_bytes(changed_facts(content, lambda facts, kept: facts["about"].update(torch="1.13.1")))
    with pytest.warns(UserWarning, match=r"saved with PyTorch 1\.13\.1, and this is"):
        mtl.load(path)
    minor = str(torch.__version__).split(".")[0] + ".999"
    path.write_bytes(changed_facts(content, lambda facts, kept: facts["about"].update(torch=minor)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        mtl.load(path)


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("at", ["fsync", "replace"])
def test_a_full_disk_leaves_what_was_there(run, path, content, monkeypatch, at):
    path.write_bytes(content)
    monkeypatch.setattr(os, at, full)
    with pytest.raises(OSError, match=r"cannot write .*No space left on device.*what was there is unchanged"):
        run.save(path)
    monkeypatch.undo()
    assert path.read_bytes() == content
    assert [*path.parent.iterdir()] == [path]


def test_stop_while_writing_leaves_what_was_there(run, path, content, monkeypatch):
    path.write_bytes(content)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stop)
    with pytest.raises(KeyboardInterrupt):
        run.save(path)
    assert path.read_bytes() == content
    assert [*path.parent.iterdir()] == [path]


def test_a_place_that_cannot_be_written_is_told(run, tmp_path):
    with pytest.raises(OSError, match=r"cannot write .*nowhere.*give another path"):
        run.save(tmp_path / "nowhere" / "model.mtl")
    with pytest.raises(OSError, match=r"is a folder: add the name of a file, such as .*model\.mtl"):
        run.save(tmp_path)
    if os.geteuid():
        (tmp_path / "closed").mkdir(mode=0o500)
        with pytest.raises(PermissionError, match="cannot write"):
            run.save(tmp_path / "closed" / "model.mtl")
    assert not [*tmp_path.glob("*.part")]


def test_a_file_is_replaced_and_its_first_line_can_be_read(run, path):
    path.write_bytes(b"an older one")
    run.save(str(path))
    assert path.read_bytes().startswith(b"mtl_lesson model, format 1, sha256 ")
    kept = mtl.load(str(path))
    assert isinstance(kept, Saved)
    assert kept.tasks == tiny.TASKS
    assert repr(kept).startswith("Saved(Soft(ana, bo, chidi, lam=0.1")
    assert "\n" not in repr(kept)
    assert {"mtl_lesson", "torch", "scikit-learn", "seed", "precision", "point"} <= set(kept.about)
    with pytest.raises(AttributeError):
        kept.model = None


def test_answers_of_a_table_stand_as_its_cells_do():
    frame = pd.DataFrame({"x": range(40), "passed": ["lost", "won"] * 20, "kind": [1, 2, 3, 4] * 10})
    world = mtl.data.table(frame, {"passed": "binary", "kind": "class"}, quiet=True)
    run = mtl.fit(mtl.Hard(world, nn.Sequential(nn.LazyLinear(4))), world, epochs=1, progress=False)
    answers = run.predict(frame)
    assert set(answers.passed) <= {"lost", "won"}
    assert set(answers.kind) <= {"1", "2", "3", "4"}
    assert (answers["passed: chance"] >= 0.5).all()


@pytest.mark.parametrize("rows", ["new.csv", pd.Series([1, 2]), {"x": 3}])
def test_new_rows_of_a_table_are_a_frame(rows):
    frame = pd.DataFrame({"x": range(40), "a": ["n", "y"] * 20, "b": [1.0, 2.0] * 20})
    world = mtl.data.table(frame, {"a": "binary", "b": "number"}, quiet=True)
    run = mtl.fit(mtl.Hard(world, nn.Sequential(nn.LazyLinear(4))), world, epochs=1, progress=False)
    with pytest.raises(TypeError, match="new rows of a table are a DataFrame"):
        run.predict(rows)
    with pytest.raises(ValueError, match="there is nothing to encode"):
        run.predict(frame.iloc[:0])
