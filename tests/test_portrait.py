"""O-Net answers as it was published, and the crops it is asked about are what they say."""

import importlib
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.data import DataError, files, onet, portrait
from mtl_lesson.sharing.given import put_heads

module = importlib.import_module("mtl_lesson.data.portrait")  # the package's attribute is the function
PARTS = ("train", "validation", "test")
few = settings(deadline=None, max_examples=10)


@pytest.fixture(scope="module")
def world():
    return portrait()


@pytest.fixture(scope="module")
def deployed(world):
    trunk, heads = onet()
    return put_heads(mtl.Hard(world.tasks, trunk, features=256, initial="template"), heads)


def waves():
    """Two inputs (2, 3, 48, 48) that anybody can make again."""
    i = torch.arange(48.0)
    x = torch.stack([torch.outer(torch.sin(i / (3 + c)), torch.cos(i / (5 + 2 * c))) for c in range(3)])[None]
    return torch.cat([x, -x.flip(3)])


# What the package facenet-pytorch 2.6.0 answered about them: the probability of a face, how far each edge lies from the
# crop's own, and the landmarks.
FACE = [0.02639, 0.14552]
BOX = [[-0.00729, -0.02075, -0.08496, 0.01805], [0.05931, -0.00288, 0.04463, 0.03287]]
LANDMARKS = [
    [0.33903, 0.67449, 0.52354, 0.39328, 0.65371, 0.34997, 0.28941, 0.53433, 0.78422, 0.74594],
    [0.36099, 0.68364, 0.54252, 0.44931, 0.73429, 0.39569, 0.28086, 0.58616, 0.82184, 0.73977],
]


def test_the_network_answers_as_it_was_published(deployed):
    with torch.no_grad():
        answers = deployed(waves())
    np.testing.assert_allclose(answers["face"].softmax(1)[:, 1], FACE, atol=2e-5)
    np.testing.assert_allclose(answers["box"] - torch.tensor([0, 0, 1, 1]), BOX, atol=2e-5)
    np.testing.assert_allclose(answers["landmarks"], LANDMARKS, atol=2e-5)


def test_it_knows_this_face(deployed, world):
    """Far better than chance on each task: marks, their order and the mirror are what the network means by them."""
    with torch.no_grad():
        answers = deployed(world.test.x)
    score = {
        task.name: float(task.score(answers[task.name][None], world.test.labels[task.name][None]))
        for task in world.tasks
    }
    assert score["face"] > 0.97
    assert score["box"] > 0.8 > world.task("box").chance(world.test.labels["box"])
    assert score["landmarks"] < world.task("landmarks").chance(world.test.labels["landmarks"]) / 5


def test_what_the_course_looks_inside_with_works_on_it(deployed, world):
    assert not mtl.inspection.features(deployed, world.test.x)["box"].isnan().any()
    rises = mtl.inspection.importance(deployed, world)
    assert len(rises) == 3 * 256
    by_layer = mtl.inspection.lesion(deployed, world, [0, 1], layer="conv4")
    assert list(by_layer.task) == ["face", "box", "landmarks"]


def test_each_head_leans_most_on_units_of_its_own(deployed):
    """The table of the notebook, for units chosen on other crops."""
    for seed in (1, 2):
        world = portrait(seed=seed)
        rises = mtl.inspection.importance(deployed, world).pivot(index="unit", columns="task", values="rise")
        for name in rises:
            units = rises[name].nlargest(40).index.tolist()
            table = mtl.inspection.lesion(deployed, world, units, split="test").set_index("task")
            assert (table.loss / table.intact_loss).idxmax() == name


def test_it_can_be_trained_further(world):
    trunk, _ = onet()
    small = portrait(n_train=8, n_validation=4, n_test=4)
    run = mtl.fit(
        mtl.Hard(small.tasks, trunk, features=256, initial="template"), small, epochs=1, batch_size=4, progress=False
    )
    assert np.isfinite(list(run.scores.values())).all()


# The crops


@few
@given(st.integers(2, 30), st.integers(2, 30), st.integers(0, 1000))
def test_a_smaller_world_is_the_beginning_of_a_larger_one_and_tests_are_common(n, more, seed):
    one, other = portrait(n, n, n, seed=seed), portrait(n + more, n + more, n + more, seed=seed)
    for part in PARTS:
        small, large = getattr(one, part), getattr(other, part)
        assert torch.equal(small.x, large.x[:n])
        assert all(torch.equal(small.labels[k].nan_to_num(), large.labels[k][:n].nan_to_num()) for k in small.labels)
    again = portrait(n, n, n, seed=seed + 1)
    assert torch.equal(again.test.x, one.test.x)
    assert not torch.equal(again.train.x, one.train.x)
    assert not torch.equal(one.train.x, one.validation.x)


def test_a_crop_is_what_its_labels_say(world):
    for part in PARTS:
        x, labels = getattr(world, part).x, getattr(world, part).labels
        assert x.shape == (200, 3, 48, 48)
        assert x.min() >= -1
        assert x.max() <= 1
        is_face = labels["face"] == 1
        assert is_face.float().mean() == 0.5
        for name in ("box", "landmarks"):
            assert labels[name][~is_face].isnan().all()
            assert not labels[name][is_face].isnan().any()
        box, points = labels["box"][is_face], labels["landmarks"][is_face]
        across, down = points[:, :5], points[:, 5:]
        assert ((across > box[:, :1]) & (across < box[:, 2:3]) & (down > box[:, 1:2]) & (down < box[:, 3:])).all()
        assert (across[:, 0] < across[:, 1]).all()  # also in a mirror the left eye is the one on the left
        assert (across[:, 3] < across[:, 4]).all()
        assert (down[:, :2].max(1)[0] < down[:, 2]).all()


def test_some_crops_are_mirrored_and_the_face_is_where_the_label_says(world):
    """The picture is darker at the eyes than beside them, in whichever half of the crop they are."""
    grey = world.test.x.mean(1)
    is_face = (world.test.labels["face"] == 1).nonzero().flatten()
    darker = []
    for i in is_face.tolist():
        for k in (0, 1):
            column, row = (int(48 * world.test.labels["landmarks"][i, j]) for j in (k, 5 + k))
            around = grey[i, max(0, row - 4) : row + 9, max(0, column - 4) : column + 5]
            darker.append(grey[i, row - 1 : row + 2, column - 1 : column + 2].min() <= around.quantile(0.25))
    assert np.mean(darker) > 0.9
    middle = world.test.labels["landmarks"][is_face, 2] - world.test.labels["box"][is_face][:, [0, 2]].mean(1)
    assert (
        0.2 < float((middle > 0).float().mean()) < 0.8
    )  # the nose lies a little to one side: to the other in a mirror


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"n_train": 1}, ValueError, "n_train must be 2 or more"),
        ({"n_test": 2.5}, TypeError, "n_test must be a whole number"),
        ({"n_validation": True}, TypeError, "n_validation must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_nonsense_is_refused(arguments, error, words):
    with pytest.raises(error, match=words):
        portrait(**arguments)


HARMS = {"missing": Path.unlink, "truncated": lambda path: path.write_bytes(path.read_bytes()[:-9])}


@pytest.mark.parametrize("harm", HARMS)
@pytest.mark.parametrize("name", ["onet.npz", "astronaut.png"])
def test_damage_is_refused_and_the_message_says_how_to_repair_it(name, harm, tmp_path, monkeypatch):
    shutil.copytree(files.data_folder() / "onet", tmp_path / "data" / "onet")
    monkeypatch.setattr(files, "data_folder", lambda: tmp_path / "data")
    HARMS[harm](tmp_path / "data" / "onet" / name)
    with pytest.raises(DataError, match=name) as caught:
        onet() if name == "onet.npz" else module._picture.__wrapped__()
    assert "git checkout -- data/onet" in str(caught.value)


def test_the_licences_are_there():
    folder = files.data_folder() / "onet"
    assert "Timothy Esler" in (folder / "LICENSE-network").read_text(encoding="utf-8")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert all(
        word in readme for word in ("MIT", "public domain", "LICENSE-network", "facenet-pytorch", "scikit-image")
    )


def test_no_pickle_is_loaded():
    with np.load(files.verified("onet/onet.npz"), allow_pickle=False) as held:
        assert all(held[name].dtype == np.float32 for name in held.files)
        assert sum(held[name].size for name in held.files) == 389_040
