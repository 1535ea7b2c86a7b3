"""Keras and Lightning against the course: equal answers, equal losses, equal training.

Both are optional (``make test-tools`` installs them). Where they are missing the tests are skipped, and fail where
MTL_REQUIRE_TOOLS is set.
"""

import importlib.util
import os
import warnings

import build
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.sharing.layouts import for_keras

MISSING = [name for name in ("keras", "lightning") if importlib.util.find_spec(name) is None]
needs_tools = pytest.mark.skipif(
    bool(MISSING) and not os.environ.get("MTL_REQUIRE_TOOLS"), reason="needs keras and lightning: make tools"
)
FEW = settings(deadline=None, max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def keras(tmp_path_factory):
    """Keras on top of PyTorch, its settings in a folder of the test's own."""
    if MISSING:
        pytest.fail(f"{', '.join(MISSING)} not installed")
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.setenv("KERAS_BACKEND", "torch")
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras")))
        import keras

        assert keras.backend.backend() == "torch"
        yield keras


def drawn(seed, *shape):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def from_twin(*names):
    """Functions and classes of the notebook, as its text twin has them."""
    import lightning

    space = {"torch": torch, "lightning": lightning, "mtl": mtl}
    (twin,) = build.twins(["extra/keras_and_lightning"])
    for cell in build.code_cells(build.convert(twin)):
        if any(f"def {name}(" in cell.source or f"class {name}(" in cell.source for name in names):
            exec(cell.source, space)
    return [space[name] for name in names]


# The order of weights needs no Keras


def test_only_layers_whose_order_is_known_are_taken():
    with pytest.raises(TypeError, match=r"Conv2d \(without groups\) and Linear"):
        for_keras(nn.Conv2d(4, 4, 3, groups=2))
    with pytest.raises(TypeError, match="BatchNorm2d"):
        for_keras(nn.BatchNorm2d(4))
    with pytest.raises(TypeError, match="Conv2d"):
        for_keras(nn.Conv2d(4, 4, 3), (4, 1, 1))
    with pytest.raises(ValueError, match="12 numbers, and the layer takes 8"):
        for_keras(nn.Linear(8, 2), (3, 2, 2))


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4), st.integers(1, 5), st.booleans())
def test_the_rows_behind_a_flatten_are_those_of_the_maps_channels_last(c, h, w, out, bias):
    layer, maps = nn.Linear(c * h * w, out, bias=bias), drawn(1, 6, c, h, w)
    kernel, *rest = for_keras(layer, (c, h, w))
    last = maps.permute(0, 2, 3, 1).flatten(1).numpy() @ kernel + (rest[0] if bias else 0)
    np.testing.assert_allclose(last, layer(maps.flatten(1)).detach().numpy(), atol=1e-5)


# Keras


@needs_tools
@FEW
@given(
    channels=st.integers(1, 3),
    width=st.integers(1, 4),
    size=st.sampled_from([(6, 8), (8, 8), (7, 9)]),
    outputs=st.lists(st.integers(2, 4), min_size=1, max_size=3),
    weights=st.lists(st.floats(0.1, 4), min_size=3, max_size=3),
    seed=st.integers(0, 1000),
)
def test_a_network_carried_over_to_keras_has_the_same_answers_and_losses(
    keras, channels, width, size, outputs, weights, seed
):
    height, across = size
    maps = (2 * width, height // 2, across // 2)
    trunk = nn.Sequential()
    for name, layer in {
        "conv": nn.Conv2d(channels, 2 * width, 3, padding=1),
        "relu": nn.ReLU(),
        "pool": nn.MaxPool2d(2),
        "flatten": nn.Flatten(),
        "linear": nn.Linear(int(np.prod(maps)), 5),
        "last": nn.ReLU(),
    }.items():
        trunk.add_module(name, layer)
    tasks = [mtl.Classification(f"task {t}", k) for t, k in enumerate(outputs)]
    model = mtl.Hard(tasks, trunk, seeds=(seed,))
    x = keras.Input((height, across, channels))
    conv = keras.layers.Conv2D(2 * width, 3, padding="same", activation="relu")
    linear = keras.layers.Dense(5, activation="relu")
    h = linear(keras.layers.Flatten()(keras.layers.MaxPooling2D()(conv(x))))
    heads = {task.name: keras.layers.Dense(task.outputs, name=task.name) for task in tasks}
    network = keras.Model(x, {name: head(h) for name, head in heads.items()})
    for task in tasks:
        plain = model.plain(task.name)
        conv.set_weights(for_keras(plain.conv))
        linear.set_weights(for_keras(plain.linear, maps))
        heads[task.name].set_weights(for_keras(plain.head))
    inputs = drawn(seed, 9, channels, height, across)
    labels = {task.name: torch.arange(9) % task.outputs for task in tasks}
    ours, theirs = model(inputs), network(inputs.permute(0, 2, 3, 1))
    for task in tasks:
        torch.testing.assert_close(theirs[task.name].detach(), ours[task.name].detach(), atol=1e-5, rtol=0)
    w = dict(zip(heads, weights, strict=False))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(loss=dict.fromkeys(w, loss), loss_weights=w)
    rows = {name: y.numpy() for name, y in labels.items()}
    last = inputs.permute(0, 2, 3, 1).numpy()
    told = network.evaluate(last, rows, batch_size=9, return_dict=True, verbose=0)
    losses = torch.stack([task.loss(ours[task.name][None], labels[task.name][None]) for task in tasks], 1)
    assert told["loss"] == pytest.approx(mtl.weighting.Fixed(w).start(model)(losses).item(), abs=1e-5)


@needs_tools
def test_a_sample_weight_of_0_hides_a_label_and_divides_by_all(keras):
    """What the notebook says of missing labels."""
    z, y, there = drawn(2, 8, 3), torch.arange(8) % 3, torch.arange(8) < 6
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    told = float(loss(y.numpy(), z.numpy(), sample_weight=there.numpy().astype(np.float32)))
    ours = mtl.Classification("a", 3).loss(z[None], y.where(there, -1)[None]).item()
    assert told == pytest.approx(ours * 6 / 8, abs=1e-6)


# Lightning


@needs_tools
@pytest.mark.parametrize(("way", "arguments"), [(mtl.Hard, {}), (mtl.Soft, {"lam": 0.5}), (mtl.Soft, {"lam": 1e9})])
@pytest.mark.parametrize("seed", [0, 3])
def test_a_model_trains_in_lightning_as_in_fit(keras, way, arguments, seed):
    (fit_in_lightning, _) = from_twin("fit_in_lightning", "Ours")
    world = mtl.data.questions(n_train=40, n_validation=20, n_test=30, seed=seed)
    model = way(world.tasks, mtl.nets.conv(2), **arguments)
    run = mtl.fit(
        model, world, epochs=6, batch_size=40, lr=0.05, optimiser="sgd", seed=seed, precision="float32", progress=False
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = fit_in_lightning(model.like(seeds=(seed,)), world, epochs=6)
    fresh = model.like(seeds=(seed,)).eval()
    for task in world.tasks:
        ours, other, before = (one(world.test.x)[task.name].detach() for one in (run.model.eval(), theirs, fresh))
        torch.testing.assert_close(other, ours, atol=1e-5, rtol=0)
        assert (ours - before).abs().max() > 1e-3  # something was learnt
