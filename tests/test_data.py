"""The bundled data: whole, small, balanced, and loud about damage."""

import gzip
import importlib
import shutil
import urllib.error
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression
from torchvision.datasets import FashionMNIST

from mtl_lesson.data import DataError, exam_table, files, garments

garments_module = importlib.import_module("mtl_lesson.data.garments")  # the package's attribute is the function
BUNDLED = ("fashion_mnist/train.png", "fashion_mnist/test.png", "schools/exam.csv")


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A copy of the bundled data that the package takes for its own."""
    for name in ("fashion_mnist", "schools"):
        shutil.copytree(files.data_folder() / name, tmp_path / "data" / name)
    monkeypatch.setattr(files, "PACKAGE", tmp_path / "mtl_lesson")
    return tmp_path / "data"


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def alter(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.parametrize(("harm", "word"), [(Path.unlink, "missing"), (truncate, "truncated"), (alter, "altered")])
def test_damage_is_noticed_and_the_message_says_how_to_repair_it(copied_data, name, harm, word):
    path = copied_data / name
    whole = path.read_bytes()
    harm(path)
    with pytest.raises(DataError, match=word) as caught:
        files.verified(name)
    assert str(path) in str(caught.value)
    assert f"git checkout -- data/{Path(name).parent}" in str(caught.value)
    path.write_bytes(whole)  # restored: found without a new process
    assert files.verified(name) == path


@pytest.mark.parametrize("sums", [None, "", "not a checksum\n", "0" * 64 + "  other.csv\n"])
def test_lost_checksums_are_noticed(copied_data, sums):
    path = copied_data / "schools" / "SHA256SUMS"
    if sums is None:
        path.unlink()
    else:
        path.write_text(sums)
    with pytest.raises(DataError, match="SHA256SUMS"):
        files.verified("schools/exam.csv")


def test_the_loaders_refuse_a_damaged_file(copied_data):
    alter(copied_data / "fashion_mnist" / "test.png")
    with pytest.raises(DataError, match=r"test\.png"):
        garments.__wrapped__()  # past the cache
    alter(copied_data / "schools" / "exam.csv")
    with pytest.raises(DataError, match=r"exam\.csv"):
        importlib.import_module("mtl_lesson.data.schools")._table.__wrapped__()


def test_a_file_is_read_for_its_checksum_once(copied_data, monkeypatch):
    files.verified("schools/exam.csv")
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("read again"))
    files.verified("schools/exam.csv")


def test_an_installed_package_uses_the_data_inside_it(copied_data):
    (copied_data.parent / "mtl_lesson").mkdir()
    shutil.copytree(copied_data, copied_data.parent / "mtl_lesson" / "bundled")
    shutil.rmtree(copied_data)
    path = files.verified("schools/exam.csv")
    assert path == files.PACKAGE / "bundled" / "schools" / "exam.csv"
    path.unlink()
    files._check.cache_clear()
    with pytest.raises(DataError, match="pip install --force-reinstall"):
        files.verified("schools/exam.csv")


def test_the_data_is_small_and_says_where_it_is_from():
    folder = files.data_folder() / "fashion_mnist"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 8e6
    assert "Zalando SE" in (folder / "LICENSE").read_text(encoding="utf-8")
    for name in ("fashion_mnist", "schools"):
        assert "**Source.**" in (files.data_folder() / name / "README.md").read_text(encoding="utf-8")


def test_garments_are_balanced_and_typed():
    g = garments()
    for pictures, labels, each in ((g.train, g.train_labels, 1200), (g.test, g.test_labels, 300)):
        assert pictures.shape == (10 * each, 28, 28)
        assert pictures.dtype == torch.uint8
        assert labels.dtype == torch.long
        assert labels.bincount().tolist() == [each] * 10
    assert garments() is g


def test_no_picture_occurs_twice():
    g = garments()
    pictures = torch.cat([g.train, g.test]).flatten(1).numpy()
    assert len({picture.tobytes() for picture in pictures}) == 15_000


def test_labels_belong_to_their_pictures():
    """A picture is mostly nearest to the mean of its own class; rows or classes out of step would end near chance."""
    g = garments()
    train, test = g.train.flatten(1).float(), g.test.flatten(1).float()
    means = torch.stack([train[g.train_labels == c].mean(0) for c in range(10)])
    right = torch.cdist(test, means).argmin(1) == g.test_labels
    assert right.float().mean() > 0.6
    trousers = g.train[g.train_labels == g.classes.index("trousers")].float().mean(0)
    sneaker = g.train[g.train_labels == g.classes.index("sneaker")].float().mean(0)
    assert trousers[:4].mean() > 5 * sneaker[:4].mean()  # trousers reach the top of the picture, sneakers do not


def test_the_full_set_without_a_network(tmp_path, monkeypatch):
    def offline(self):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr(FashionMNIST, "download", offline)
    monkeypatch.setattr(garments_module, "cache_folder", lambda: tmp_path)
    with pytest.raises(DataError, match=r"(?s)no route to host.*internet.*work offline"):
        garments(full=True)


def write_idx(path: Path, array: np.ndarray) -> None:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
    path.write_bytes(head + array.tobytes())


def test_the_full_set_from_the_cache_folder(tmp_path, monkeypatch):
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for part, n in (("train", 20), ("t10k", 10)):
        write_idx(raw / f"{part}-images-idx3-ubyte", rng.integers(256, size=(n, 28, 28), dtype=np.uint8))
        write_idx(raw / f"{part}-labels-idx1-ubyte", np.arange(n, dtype=np.uint8) % 10)
    monkeypatch.setattr(garments_module, "cache_folder", lambda: tmp_path)
    g = garments.__wrapped__(full=True)
    assert g.train.shape == (20, 28, 28)
    assert g.test_labels.tolist() == list(range(10))
    assert g.train.dtype == torch.uint8
    assert g.train_labels.dtype == torch.long
    truncate(raw / "t10k-images-idx3-ubyte")
    with pytest.raises(DataError, match="delete"):
        garments.__wrapped__(full=True)


def test_the_sheets_hold_the_public_pictures_unchanged():
    """Only where Debian's dataset-fashion-mnist is installed."""
    source = Path("/usr/share/datasets/fashion-mnist")
    if not source.is_dir():
        pytest.skip("the public files are not on this machine")
    g = garments()
    for pictures, labels, part in ((g.train, g.train_labels, "train"), (g.test, g.test_labels, "t10k")):
        images = gzip.decompress((source / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
        classes = gzip.decompress((source / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
        public = {images[784 * i : 784 * (i + 1)]: c for i, c in enumerate(classes)}
        assert [public.get(p.tobytes()) for p in pictures.numpy()] == labels.tolist()


def test_the_exam_table_is_the_known_one():
    table = exam_table()
    assert list(table.columns) == ["school", "normexam", "standLRT", "sex", "schgend"]
    assert table.shape == (4059, 5)
    assert sorted(table["school"].unique()) == list(range(1, 66))
    assert not table.isna().any(axis=None)
    slope = LinearRegression().fit(table[["standLRT"]], table["normexam"]).coef_[0]
    assert slope == pytest.approx(0.595, abs=0.001)  # as printed in the textbooks that use these pupils


def test_changing_the_table_one_was_given_changes_no_other():
    table = exam_table()
    table["normexam"] = 0.0
    assert exam_table()["normexam"].std() > 0.9
