"""Stored results: whole, not stale, and what the code computes today."""

import json
import shutil

import pandas as pd
import pytest

import mtl_lesson as mtl
from mtl_lesson import bank
from mtl_lesson.data import DataError

#: columns that were measured; a "value" may be negative
MEASURED = ("score", "validation", "loss", "gap", "count", "value")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A bank of our own, to damage."""
    shutil.copytree(bank.data_folder() / "bank", tmp_path / "bank")
    monkeypatch.setattr(bank, "data_folder", lambda: tmp_path)
    return tmp_path / "bank"


def test_no_stored_result_is_stale():
    assert bank.names()
    assert not bank.stale(), f"the code behind {bank.stale()} has changed: run make bank"


@pytest.mark.parametrize("name", bank.names())
def test_every_stored_result_is_whole(name):
    table = bank.load(name)
    assert len(table) == bank.about(name)["rows"]
    measured = [column for column in MEASURED if column in table]
    assert measured
    assert not table[measured].isna().any().any()
    for column in ("score", "validation"):
        assert table.get(column, pd.Series([0.0])).between(0, 1).all()
    assert (table[[column for column in measured if column != "value"]] >= 0).all().all()


@pytest.mark.parametrize("name", [name for name in bank.names() if "seed" in bank.load(name)])
def test_every_place_has_the_same_first_seeds_and_enough_of_them(name):
    """Paired: what is compared was drawn and trained with the same seeds, and with none that was picked."""
    table = bank.load(name)
    place = [c for c in table.columns if c not in ("seed", "weights", *MEASURED)]
    for _, seeds in table.groupby(place, dropna=False).seed:
        assert sorted(seeds) == list(range(len(seeds)))
        assert len(seeds) >= 5


def test_the_bank_is_small():
    files = list((bank.data_folder() / "bank").iterdir())
    assert sum(file.stat().st_size for file in files) < 10e6
    assert {file.suffix for file in files if file.is_file()} <= {".csv", ".json", ".py"}


def test_a_stored_point_is_what_the_code_computes_today():
    """The same seed on another machine rounds otherwise, and training amplifies it: a few points may differ."""
    stored = bank.load("width_labels").query("way == 'Hard' and width == 4 and labels == 1000 and seed == 0")
    epochs = bank.about("width_labels")["settings"]["epochs"]
    sweep = mtl.sweep(mtl.Hard, mtl.data.questions, trunk=mtl.nets.conv, width=4, labels=1000, seeds=[0], epochs=epochs,
                      progress=False)  # fmt: skip
    now = sweep.run(width=4, labels=1000, seed=0).test()
    for task, score in stored.set_index("task").score.items():
        assert now[task] == pytest.approx(score, abs=0.08)
    assert stored.score.mean() == pytest.approx(sum(now.values()) / 3, abs=0.05)


@pytest.mark.parametrize("damage", [lambda b: b[:-20], lambda b: b.replace(b"0.", b"1.", 1), lambda b: b""])
def test_a_damaged_table_is_refused(elsewhere, damage):
    name = bank.names()[0]
    file = elsewhere / f"{name}.csv"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match="make bank"):
        bank.load(name)


def test_a_missing_table_is_named(elsewhere):
    with pytest.raises(DataError, match="width_labels"):
        bank.load("width_of_labels")


def test_what_is_saved_is_loaded(elsewhere):
    table = pd.DataFrame({"seed": [0, 1], "score": [0.5, 0.25]})
    bank.save("mine", table, {"epochs": 3}, ["data/shops"])
    pd.testing.assert_frame_equal(bank.load("mine"), table)
    assert bank.about("mine")["settings"] == {"epochs": 3}
    assert "mine" not in bank.stale()
    assert not list(elsewhere.glob("*.part"))


def test_changed_code_makes_a_result_stale(elsewhere):
    name = bank.names()[0]
    facts = bank.about(name) | {"code_hash": "of other code"}
    (elsewhere / f"{name}.json").write_text(json.dumps(facts))
    assert bank.stale() == [name]


def test_words_do_not_make_a_result_stale_and_code_does():
    code = '"""A docstring."""\n\ndef f(x):\n    """Another."""\n    return x + 1  # why\n'
    reworded = '"""Other words."""\n# more\ndef f(x):\n    """More\n    words."""\n\n    return x + 1\n'
    assert bank.essence(code) == bank.essence(reworded)
    assert bank.essence(code) != bank.essence(code.replace("+ 1", "+ 2"))
    assert bank.essence('x = "text"\n') != bank.essence('x = "other"\n')
