"""Probes: chance where there is nothing, everything where it is planted, and never a look at the test labels."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

import mtl_lesson as mtl
from mtl_lesson import inspection
from mtl_lesson.data import Split, World, questions
from mtl_lesson.inspection import fit_probe, floors, probe, probe_matrix
from mtl_lesson.tasks import Binary, Classification, Regression

COLUMNS = ["model", "trained_on", "layer", "probed_for", "score"]
CLASSES = 5


def planted(n=400, classes=CLASSES, noise=0.1, seed=0):
    """Features (n, 12) in which every class has its own corner, and the labels (n,)."""
    rng = np.random.default_rng(seed)
    y = rng.integers(classes, size=n)
    corners = np.eye(12)[:classes]
    return corners[y] + noise * rng.normal(size=(n, 12)), y


def at_chance(score, n, classes):
    """Within four binomial standard errors of one in ``classes``."""
    chance = 1 / classes
    return abs(score - chance) < 4 * math.sqrt(chance * (1 - chance) / n)


@pytest.fixture(scope="module")
def world():
    return questions(n_train=64, n_validation=200, n_test=400)


@pytest.fixture(scope="module")
def table(world):
    return floors(world, mtl.nets.conv(4), seed=1)


# --- one probe ---


def test_planted_classes_are_read_off_completely():
    (h, y), (test_h, test_y) = planted(), planted(seed=1)
    assert probe(h, y, test_h, test_y) == 1.0
    assert probe(torch.tensor(h), torch.tensor(y), torch.tensor(test_h), torch.tensor(test_y)) == 1.0
    assert probe(h, y == 2, test_h, test_y == 2) == 1.0  # two classes


def test_a_linear_answer_is_read_off_and_scored_as_r2():
    rng = np.random.default_rng(0)
    h, w = rng.normal(size=(500, 6)), rng.normal(size=6)
    y = h @ w + 3
    assert probe(h[:300], y[:300], h[300:], y[300:]) == pytest.approx(1, abs=1e-4)
    assert probe(h[:300], rng.normal(size=300), h[300:], y[300:]) == pytest.approx(-9 / y.var(), rel=0.6)
    noise = rng.normal(size=500)
    assert abs(probe(h[:300], noise[:300], h[300:], noise[300:])) < 0.1


def test_noise_and_shuffled_labels_score_at_chance():
    rng = np.random.default_rng(2)
    n = 2000
    noise, y = rng.normal(size=(2 * n, 30)), rng.integers(CLASSES, size=2 * n)
    assert at_chance(probe(noise[:n], y[:n], noise[n:], y[n:]), n, CLASSES)
    assert at_chance(probe(noise[:n], rng.permutation(y[:n]), noise[n:], y[n:]), n, CLASSES)


def test_shuffled_labels_are_at_chance_on_average_where_features_are_clustered():
    """A cluster is guessed as a whole, so one shuffle is five guesses, not hundreds: only a mean can be relied on."""
    rng = np.random.default_rng(3)
    (h, y), (test_h, test_y) = planted(), planted(seed=4)
    scores = [probe(h, rng.permutation(y), test_h, test_y, ridge=1e-3) for _ in range(80)]
    assert np.std(scores) > 2 * math.sqrt(0.2 * 0.8 / len(test_y))  # what independent guesses would give, twice
    assert at_chance(np.mean(scores), 80 * CLASSES, CLASSES)


def test_turning_and_scaling_the_features_changes_nothing():
    rng = np.random.default_rng(5)
    (h, y), (test_h, _) = planted(noise=0.7), planted(noise=0.7, seed=6)
    h, test_h = h * np.linspace(0.1, 3, 12), test_h * np.linspace(0.1, 3, 12)  # directions of unequal size
    turn = np.linalg.qr(rng.normal(size=(12, 12)))[0]
    base = fit_probe(h, y).decide(test_h)
    assert np.ptp(base) > 0.5
    for change in (lambda a: a @ turn, lambda a: 1e-4 * a, lambda a: 1e4 * a, lambda a: a + 7):
        np.testing.assert_allclose(fit_probe(change(h), y).decide(change(test_h)), base, atol=1e-6)


def test_the_order_of_the_training_examples_changes_nothing():
    (h, y), (test_h, _) = planted(noise=0.7), planted(noise=0.7, seed=6)
    order = np.random.default_rng(0).permutation(len(y))
    base = fit_probe(h, y).decide(test_h)
    np.testing.assert_allclose(fit_probe(h[order], y[order]).decide(test_h), base, atol=1e-6)


def test_the_test_labels_are_never_seen():
    """Whatever the test labels are, the fit is the same, so each labelling is scored by one set of predictions."""
    (h, y), (test_h, _) = planted(noise=1.0), planted(noise=1.0, seed=7)
    scores = [probe(h, y, test_h, np.full(len(test_h), label)) for label in range(CLASSES)]
    predicted = fit_probe(h, y).predict(test_h)
    assert scores == [np.mean(predicted == label) for label in range(CLASSES)]
    assert sum(scores) == pytest.approx(1)


def test_the_strength_suits_the_training_data():
    """Many weak directions of noise ask for a strong penalty; a clean answer asks for a weak one."""
    rng = np.random.default_rng(8)
    h = rng.normal(size=(60, 50))
    clean = fit_probe(h, h @ rng.normal(size=50))
    noisy = fit_probe(h, 0.1 * h[:, 0] + rng.normal(size=60))
    assert clean.strength < noisy.strength
    assert fit_probe(h, h[:, 0], ridge=2.0).strength == pytest.approx(2.0 * h.var(0).mean())


def test_missing_labels_are_left_out():
    (h, y), (test_h, test_y) = planted(noise=0.7), planted(noise=0.7, seed=9)
    kept = np.arange(len(y)) % 3 > 0
    holes, test_holes = np.where(kept, y, -1), np.where(kept, test_y, -1)
    assert probe(h, holes, test_h, test_holes) == probe(h[kept], y[kept], test_h[kept], test_y[kept])
    z = h @ np.arange(12.0)
    assert probe(h, np.where(kept, z, np.nan), test_h, test_h @ np.arange(12.0)) > 0.99


def test_features_without_variation_are_harmless():
    (h, y), (test_h, test_y) = planted(), planted(seed=1)
    assert probe(np.c_[h, np.ones(len(h))], y, np.c_[test_h, np.ones(len(h))], test_y) == 1.0
    most = np.bincount(y).argmax()
    for value in (0.0, 0.1):
        nothing = np.full((len(y), 4), value)
        assert probe(nothing, y, nothing, test_y) == np.mean(test_y == most)


def test_maps_are_flattened_and_more_features_than_examples_are_welcome():
    (h, y), (test_h, test_y) = planted(60), planted(60, seed=1)
    wide = [np.repeat(a, 20, axis=1).reshape(60, 12, 4, 5) for a in (h, test_h)]
    assert probe(wide[0], y, wide[1], test_y) == 1.0


H, Y = planted(20)


@pytest.mark.parametrize(
    ("train", "test", "error", "message"),
    [
        ((H, np.zeros(20, int)), (H, Y), ValueError, "all training labels are 0; a probe needs two or more classes"),
        ((H, np.where(np.arange(20) < 15, -1, 3)), (H, Y), ValueError, "all training labels are 3"),
        ((H[:1], Y[:1]), (H, Y), ValueError, "train: 1 of 1 examples have a label"),
        ((H, np.full(20, -1)), (H, Y), ValueError, "train: 0 of 20 examples have a label"),
        ((H, Y), (H, np.full(20, -1)), ValueError, "test: 0 of 20 examples have a label"),
        ((np.where(np.arange(20)[:, None] == 3, np.nan, H), Y), (H, Y), ValueError, "train: .* first in example 3"),
        ((H, Y), (np.where(H > 0.9, np.inf, H), Y), ValueError, "test: the features hold NaN or infinity"),
        ((H, Y[:-1]), (H, Y), ValueError, r"train: expected features \(n, …\) and labels \(n,\)"),
        ((H[:, 0], Y), (H, Y), ValueError, r"got \(20,\) and \(20,\)"),
        ((H, Y), (H[:, :5], Y), ValueError, "have 12 features, the test pictures 5"),
        ((H, Y), (H, Y.astype(float)), TypeError, "of one kind"),
        ((H, Y.astype(str)), (H, Y), TypeError, "must be numbers"),
    ],
)
def test_what_cannot_be_probed_is_refused(train, test, error, message):
    with pytest.raises(error, match=message):
        probe(*train, *test)


@pytest.mark.parametrize("ridge", [0, -1.0, math.nan, math.inf, []])
def test_ridge_must_be_positive(ridge):
    with pytest.raises(ValueError, match="ridge must be a positive number"):
        probe(H, Y, H, Y, ridge=ridge)


# --- models and floors ---


class Planted(mtl.Hard):
    """A model whose features are given: the garment's class for the task garment, nothing for the others."""

    def features(self, x, layer=None):
        corners = torch.eye(10)[(x.flatten(1)[:, 0] * 10).round().long()]
        return {task.name: corners if task.name == "garment" else torch.zeros(len(x), 10) for task in self.tasks}


@pytest.fixture(scope="module")
def marked(world):
    """The world with each picture's garment written into its first pixel, for ``Planted`` to read."""
    splits = {}
    for part in ("train", "validation", "test"):
        split = getattr(world, part)
        x = split.x.clone()
        x[:, 0, 0, 0] = split.labels["garment"] / 10
        splits[part] = Split(x, split.labels)
    return replace(world, **splits)


def test_each_task_of_a_model_is_probed_for_each_task_of_the_world(marked):
    got = probe_matrix({"planted": Planted(marked.tasks, mtl.nets.conv(2))}, marked)
    assert list(got) == COLUMNS
    score = got.set_index(["trained_on", "probed_for"]).score
    assert score["garment", "garment"] == 1.0
    for task, classes in (("colour", 6), ("way up", 4)):  # independent of the garment
        assert at_chance(score["garment", task], len(marked.test), classes)
    # Features that are alike stand once, named after all whose they are.
    assert list(dict.fromkeys(got.trained_on)) == ["garment", "colour + way up"]


def test_rows_tell_whose_features_they_are(world):
    trunk = mtl.nets.conv(2)
    apart = mtl.Separate(world.tasks, trunk)
    with torch.no_grad():
        for parameter in apart.trunk.parameters():
            parameter += 0.01 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(0))
    models = {"separate": apart, "hard": mtl.Hard(world.tasks, trunk), "one": mtl.Hard(world.tasks[:1], trunk)}
    got = probe_matrix(models, world)
    rows = list(dict.fromkeys(zip(got.model, got.trained_on, strict=True)))
    assert rows == [
        ("separate", "garment"),
        ("separate", "colour"),
        ("separate", "way up"),
        ("hard", "all tasks"),
        ("one", "garment"),
    ]
    assert list(got.probed_for) == ["garment", "colour", "way up"] * 5
    assert got.score.between(0, 1).all()
    h = [apart.features(split.x)["colour"].detach() for split in (world.validation, world.test)]
    direct = probe(h[0], world.validation.labels["way up"], h[1], world.test.labels["way up"])
    mine = got[(got.trained_on == "colour") & (got.probed_for == "way up")].score
    assert mine.item() == pytest.approx(direct, abs=0.01)


def test_a_run_stands_for_its_model_and_training_is_left_alone(world):
    run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(2)), world, epochs=1, progress=False)
    before = {key: value.clone() for key, value in run.model.state_dict().items()}
    got = probe_matrix({"x": run}, world, layer="pool2")
    assert got.equals(probe_matrix({"x": run.model}, world, layer="pool2"))
    assert set(got.layer) == {"pool2"}
    assert all(torch.equal(value, before[key]) for key, value in run.model.state_dict().items())
    for mode in (True, False):
        probe_matrix({"x": run.model.train(mode)}, world)
        assert run.model.training is mode


def test_floors_have_their_rows_and_shuffled_labels_are_chance(world, table):
    assert list(table) == COLUMNS
    assert list(dict.fromkeys(table.model)) == ["pixels", "untrained", "shuffled labels"]
    assert set(table.trained_on) == {"nothing"}
    score = table.set_index(["model", "probed_for"]).score
    for task in world.tasks:
        assert at_chance(score["shuffled labels", task.name], len(world.test), task.outputs)
        assert score["untrained", task.name] > score["shuffled labels", task.name]
        assert score["pixels", task.name] > 1.5 / task.outputs


def test_a_planted_representation_beats_the_pixels(marked):
    pixels = floors(marked, mtl.nets.conv(2))
    pixels = pixels[(pixels.model == "pixels") & (pixels.probed_for == "garment")].score.item()
    got = probe_matrix({"planted": Planted(marked.tasks, mtl.nets.conv(2))}, marked)
    assert pixels < got.score.iloc[0] == 1.0


def test_floors_depend_on_the_seed_alone(world, table):
    torch.manual_seed(123)
    assert floors(world, mtl.nets.conv(4), seed=1).equals(table)
    other = floors(world, mtl.nets.conv(4), seed=2)
    changed = other.score != table.score
    assert changed[table.model == "untrained"].any()
    assert not changed[table.model == "pixels"].any()


def test_training_pictures_take_no_part(world):
    """Probes are fitted on validation and scored on test: the training split may hold anything."""
    model = mtl.Hard(world.tasks, mtl.nets.conv(2))
    other = questions(n_train=80, n_validation=200, n_test=400, labels=10)
    assert probe_matrix({"x": model}, world).equals(probe_matrix({"x": model}, replace(world, train=other.train)))


def test_tasks_with_their_own_inputs_and_every_kind_of_answer():
    """A trunk is probed for a task on that task's own inputs."""
    rng = np.random.default_rng(0)
    tasks = (Classification("kind", ("a", "b", "c")), Binary("yes"), Regression("much"))
    x = {task.name: torch.tensor(rng.normal(size=(300, 4)), dtype=torch.float32) for task in tasks}
    labels = {"kind": x["kind"][:, :3].argmax(1), "yes": (x["yes"][:, 0] > 0).float(), "much": x["much"].sum(1)}
    split = Split(x, labels)
    world = World("toy", tasks, split, split, split)
    trunk = mtl.nets.linear(4, 4)
    got = probe_matrix({"hard": mtl.Hard(tasks, trunk)}, world).set_index("probed_for").score
    assert got["kind"] > 0.85
    assert got["yes"] > 0.9
    assert got["much"] == pytest.approx(1, abs=1e-3)
    assert set(floors(world, trunk).probed_for) == {"kind", "yes", "much"}


class Dead(mtl.Hard):
    def features(self, x, layer=None):
        return {task.name: torch.full((len(x), 3), torch.nan) for task in self.tasks}


def test_errors_say_where(world):
    trunk = mtl.nets.conv(2)
    with pytest.raises(ValueError, match=r"dead, trained on all tasks, layer h, probed for garment: train: .* NaN"):
        probe_matrix({"dead": Dead(world.tasks, trunk)}, world)
    one_class = {task.name: torch.zeros_like(world.validation.labels[task.name]) for task in world.tasks}
    flat = replace(world, validation=Split(world.validation.x, one_class))
    with pytest.raises(ValueError, match="hard, trained on all tasks, layer h, probed for garment: all train"):
        probe_matrix({"hard": mtl.Hard(world.tasks, trunk)}, flat)
    with pytest.raises(KeyError, match="no layer 'conv9'"):
        probe_matrix({"hard": mtl.Hard(world.tasks, trunk)}, world, layer="conv9")
    with pytest.raises(ValueError, match="'many' holds 2 copies"):
        probe_matrix({"many": mtl.Hard(world.tasks, trunk, seeds=(0, 1))}, world)
    with pytest.raises(TypeError, match="'plain' must be a model"):
        probe_matrix({"plain": nn.Linear(2, 2)}, world)


def test_tasks_that_know_other_examples_are_read_from_those():
    """As many labels a task, but of other pictures: one decomposition of the features must not serve both."""
    world = mtl.data.questions(n_train=20, n_validation=200, n_test=200, seed=0)
    labels = {name: y.clone() for name, y in world.validation.labels.items()}
    labels["garment"][::2] = -1
    labels["colour"][1::2] = -1
    world = replace(world, validation=Split(world.validation.x, labels))
    model = mtl.Hard(world.tasks, mtl.nets.conv(2))
    table = probe_matrix({"Hard": model}, world).set_index("probed_for").score
    h, test_h = (inspection.features(model, part.x)["garment"] for part in (world.validation, world.test))
    for task in world.tasks:
        alone = probe(h, labels[task.name], test_h, world.test.labels[task.name])
        assert table[task.name] == pytest.approx(alone)
