"""Stored results: whole, not stale, and what the code computes today."""

import importlib
import json
import re
import shutil

import numpy as np
import pandas as pd
import pytest

import mtl_lesson as mtl
from mtl_lesson import bank, provenance
from mtl_lesson.data import DataError
from mtl_lesson.training.loop import Settings

#: columns that were measured, and which of them may be negative
MEASURED = ("score", "validation", "loss", "gap", "count", "value", "gain", "gains", "auc", "permuted")
MEASURED += ("cosine", "ratio", "size_first", "size_second", "lost")
SIGNED = {"value", "gain", "gains", "cosine", "lost"}
#: tables with an error, which knows no upper end, among the scores
ERRORS = {"company_cuts"}
#: of lessons 08 to 11, whose claims are over eight seeds; and the eight after them, where a claim asked for more
EIGHT = ("across", "company_", "conflicts", "cured", "dials", "few_", "fronts", "light", "moving", "noisy")
EIGHT_MORE = ("closer",)


def is_field(name):
    """Whether a table is of lesson 12, where scores, some of which are errors, and losses stand in one column."""
    return name.startswith("field_")


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    """A bank of our own, to damage."""
    for folder in bank.data_folder().iterdir():
        if folder.is_dir():
            shutil.copytree(folder, tmp_path / folder.name)
    monkeypatch.setattr(bank, "data_folder", lambda: tmp_path)
    monkeypatch.setattr("mtl_lesson.data.files.data_folder", lambda: tmp_path)
    return tmp_path / "bank"


def test_no_stored_result_is_stale():
    assert bank.names()
    assert not bank.stale(), f"the code behind {bank.stale()} has changed: run make bank"


@pytest.mark.parametrize("name", bank.names())
def test_every_stored_result_is_whole(name):
    table = bank.load(name)
    assert len(table) == bank.read_facts(name)["rows"]
    measured = [column for column in MEASURED if column in table]
    units = [column for column in table if column.startswith("unit ")]
    assert measured or units
    assert not table[units].isna().any().any()
    known = table[table.world == "shoppers"] if "gains" in table else table  # no gains were measured elsewhere
    assert not known[measured].isna().any().any()
    of_measures = is_field(name) and "measure" in table
    shares = table[(table.measure == "score") & table.get("higher_is_better", False)] if of_measures else table
    for column in {"score", "validation"} if name not in ERRORS else ():
        assert shares.get(column, pd.Series([0.0])).between(0, 1).all()
    assert (table[[column for column in measured if column not in SIGNED]] >= 0).all().all()


def test_ways_side_by_side_are_different_models_over_the_same_seeds():
    ways = bank.gather_ways()
    assert {"Separate", "Alone, shrunk", "Hard", "Hard, room", "Soft", "Two trunks"} <= set(ways)
    for way in ways.values():
        assert sorted(way.scores.index) == list(range(100, 110))
        assert {"colour", "garment", "way up", "mean"} < set(way.scores)
    assert ways["Soft"].scores.lam.min() > 0
    assert ways["Soft"].scores.lam.max() < float("inf")
    assert set(ways["Hierarchical"].scores.branch) <= {"conv2", "linear"}
    assert ways["Alone, shrunk"].scores.weight_decay.min() > 0
    assert (ways["Soft"].tried, ways["Separate"].tried) == (7, 1)
    assert ways["Hard"].weights < ways["Two trunks"].weights < ways["Separate"].weights < ways["Hard, room"].weights
    one = mtl.pick(bank.load("budgets"), way="Separate", epoch=20, task="garment")
    assert ways["Separate"].scores.garment.to_dict() == one.to_dict()


@pytest.mark.parametrize("name", [name for name in bank.names() if "seed" in bank.load(name)])
def test_every_place_has_the_same_first_seeds_and_enough_of_them(name):
    """Paired: what is compared was drawn and trained with the same seeds, and with none that was picked."""
    table = bank.load(name)
    place = [
        c for c in table.columns if c not in ("seed", "weights", "parted", *MEASURED) and not c.startswith("unit ")
    ]
    if is_field(name) or name.startswith("own_"):  # some asked for more seeds than others
        first, end = map(int, re.findall(r"\d+", bank.read_facts(name)["settings"]["seeds"]))
        assert (first, end >= 108) == (100, True)
    else:
        first, end = (108, 116) if name.startswith(EIGHT_MORE) else (100, 108 if name.startswith(EIGHT) else 110)
    for _, seeds in table.groupby(place, dropna=False).seed:
        assert sorted(seeds) == list(range(first, end))  # settings: seeds 0 to 9


def test_the_bank_is_small():
    files = list((bank.data_folder() / "bank").iterdir())
    assert sum(file.stat().st_size for file in files) < 10e6
    assert {file.suffix for file in files if file.is_file()} <= {".csv", ".json", ".py"}


def test_a_stored_point_is_what_the_code_computes_today():
    """The same seed on another machine rounds otherwise, and training amplifies it: a few points may differ."""
    stored = bank.load("width_labels").query("way == 'Hard' and width == 4 and labels == 1000 and seed == 100")
    epochs = bank.read_facts("width_labels")["settings"]["epochs"]
    sweep = mtl.sweep(
        mtl.Hard,
        mtl.data.questions,
        trunk=mtl.nets.conv,
        width=4,
        labels=1000,
        seeds=[100],
        epochs=epochs,
        progress=False,
    )
    now = sweep.run(width=4, labels=1000, seed=100).test()
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
    assert bank.read_facts("mine")["settings"] == {"epochs": 3}
    assert "mine" not in bank.stale()
    assert not list(elsewhere.glob("*.part"))


def test_changed_code_makes_a_result_stale(elsewhere):
    name = bank.names()[0]
    facts = bank.read_facts(name) | {"code_hash": "of other code"}
    (elsewhere / f"{name}.json").write_text(json.dumps(facts))
    assert bank.stale() == [name]


def test_a_table_with_other_line_ends_is_the_same(elsewhere):
    name = bank.names()[0]
    file = elsewhere / f"{name}.csv"
    before = bank.load(name)
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    pd.testing.assert_frame_equal(bank.load(name), before)


def test_a_damaged_description_is_refused(elsewhere):
    name = bank.names()[0]
    for content in (b"", b"{}", b"[1]", b'{"sha256"'):
        (elsewhere / f"{name}.json").write_bytes(content)
        with pytest.raises(DataError, match=f"make bank NAME={name}"):
            bank.load(name)


def test_every_table_with_scores_says_which_way_is_better():
    for name in bank.names():
        table = bank.load(name)
        if "score" in table and "task" in table:
            assert table.higher_is_better.dtype == bool


# what makes a result stale


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package's files, to edit, in which the bank looks for what made its results."""
    shutil.copytree(provenance.PACKAGE, tmp_path / "mtl_lesson", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(bank.data_folder(), tmp_path / "data")
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "mtl_lesson")
    monkeypatch.setattr(provenance, "data_folder", lambda: tmp_path / "data")

    def edit(file, old, new):
        path = tmp_path / file
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return edit


def using(*modules):
    """The stored results that one of the modules has had a part in, by the settings they name."""
    return [name for name in bank.names() if {*modules} & {*bank.read_facts(name)["code"]}]


def of_garments():
    """The stored results that hang on pictures of garments: all but those of other worlds."""
    others = using("data/emoji", "data/texts", "data/voices", "data/patients", "data/loans", "data/two_tables")
    return [name for name in bank.names() if name not in others]


def test_garments_turned_round_make_every_result_of_garments_stale(package):
    assert "small" not in bank.stale()
    package(
        "mtl_lesson/data/garments.py",
        "return torch.tensor(pictures), labels",
        "return 255 - torch.tensor(pictures), labels",
    )
    assert bank.stale() == of_garments()


@pytest.mark.parametrize(
    ("file", "old", "new", "stale"),
    [
        (
            "mtl_lesson/sharing/separate.py",
            "list(range(len(self.tasks)))",
            "[0] * len(self.tasks)",
            lambda: using("sharing/separate", "sharing/soft"),
        ),  # Soft is a Separate
        (
            "mtl_lesson/sharing/pooled.py",
            "all tasks",
            "all the tasks",
            lambda: using("sharing/pooled", "inspection/contest"),
        ),
        ("mtl_lesson/data/shoppers.py", "MOOD = 0.65", "MOOD = 0.66", lambda: using("data/shoppers")),
        ("mtl_lesson/training/loop.py", "momentum=0.9", "momentum=0.8", bank.names),
        ("mtl_lesson/chance.py", "digest[:7]", "digest[:6]", bank.names),
        ("mtl_lesson/inspection/ridge.py", "1e-13", "1e-12", lambda: using("inspection/probe", "inspection/retrieval")),
        ("data/bank/inside.py", "REMOVED = 10", "REMOVED = 11", lambda: using("bank/inside.py")),
        ("data/bank/experiments.py", "steps / math.ceil", "steps // math.ceil", lambda: using("bank/experiments.py")),
        ("data/fashion_mnist/SHA256SUMS", "train.png", "train2.png", of_garments),
        ("data/schools/SHA256SUMS", "exam.csv", "exam2.csv", list),
        ("mtl_lesson/show/style.py", "DPI, SIZE = 10.0, 100, 12", "DPI, SIZE = 10.0, 100, 13", list),
        ("mtl_lesson/training/loop.py", "Train and hand over after every epoch", "Hand over", list),
        ("mtl_lesson/nets/layers.py", "# yᵀ = W xᵀ rather", "# rather", list),
    ],
)
def test_a_result_is_stale_once_what_made_it_has_changed_and_not_before(package, file, old, new, stale):
    package(file, old, new)
    assert bank.stale() == stale()
    assert stale() is not None


# make bank CHECK=1


@pytest.fixture
def maker(elsewhere, monkeypatch):
    monkeypatch.syspath_prepend(str(provenance.PACKAGE.parent / "data" / "bank"))
    return importlib.import_module("make")


@pytest.fixture
def tables(maker):
    return importlib.import_module("experiments").TABLES


def test_a_result_that_is_found_again_is_stamped_again(maker, tables, elsewhere, monkeypatch):
    """One table in a bank of our own: stale by another stamp, found again, and not where a score has changed."""
    monkeypatch.setitem(
        tables,
        "small",
        (
            [(mtl.Hard, {"width": [2, 3]}), (mtl.Separate, {"width": [2]})],
            mtl.data.questions,
            mtl.nets.conv,
            {"n_train": 40, "n_validation": 30, "n_test": 30, "seeds": range(2), "epochs": 1},
        ),
    )
    assert maker.make("small")[0]
    stored = bank.load("small")
    assert len(stored) == 3 * 2 * 3
    assert stored.higher_is_better.all()
    old = bank.read_facts("small") | {"code_hash": "of other code"}
    (elsewhere / "small.json").write_text(json.dumps(old))
    assert "small" in bank.stale()
    good, said = maker.check("small")
    assert good, said
    assert "small" not in bank.stale()
    monkeypatch.setitem(tables, "small", (*tables["small"][:3], tables["small"][3] | {"epochs": 2}))
    (elsewhere / "small.json").write_text(json.dumps(old))
    good, said = maker.check("small")
    assert not good
    assert "other settings; run make bank NAME=small" in said
    assert "small" in bank.stale()


def test_what_is_not_found_again_is_stamped_only_if_the_code_before_makes_the_same(maker, elsewhere, monkeypatch):
    """As on another processor; the code before is asked for here."""
    name = "shrunk_shoppers"
    table, facts, roots = bank.load(name).head(6), bank.read_facts(name)["settings"], bank.read_facts(name)["code"]
    table["score"] += 0.01
    monkeypatch.setattr(maker, "results", lambda name, some: iter([(name, table, facts, roots)]))
    old = bank.read_facts(name) | {"code_hash": "of other code"}
    (elsewhere / f"{name}.json").write_text(json.dumps(old))
    for against in ("and git does not hold the code", ""):  # a table that git does not have, and one of another machine
        monkeypatch.setattr(maker.before, "difference", lambda *arguments, against=against: against)
        good, said = maker.check(name)
        assert good == (not against)
        assert (f"make bank NAME={name}" in said) == ("git does not hold" in said) == bool(against)
        assert (name in bank.stale()) == bool(against)


def test_the_code_before_must_make_the_same_of_a_short_training(maker):
    table = pd.DataFrame({"task": ["a", "b"], "score": [0.1, 0.2]})
    then = {"small": table, "stale": ["another"]}
    assert maker.before.compared(dict(then), dict(then), "abc") == ""
    other = maker.before.compared(dict(then), {"small": table.assign(score=[0.1, 0.2 + 1e-16])}, "abc")
    assert "nor do" in other
    assert "(abc)" in other
    assert "small" in maker.before.compared(then | {"stale": ["small"]}, dict(then), "abc")
    assert "small" in maker.before.compared({"stale": []}, {"small": table, "stale": []}, "abc")


def test_a_short_training_is_that_of_the_experiment_cut(maker):
    """All settings but the length, all of which is judged; what is not judged stays so."""
    asked = []
    train = maker.before.cut(lambda plan, folder, training, *rest: asked.append(training))
    for settings in ({"epochs": 20, "validate": 5, "lr": 0.1}, {"epochs": 1, "validate": False}):
        train(None, None, Settings(**settings))
    assert [(one.epochs, int(one.validate), one.lr) for one in asked] == [(2, 1, 0.1), (1, 0, Settings().lr)]


def test_a_table_that_git_does_not_hold_is_not_vouched_for(maker, tmp_path, monkeypatch):
    monkeypatch.setattr(maker.before, "TREE", tmp_path)
    assert "git does not hold" in maker.before.difference("small", ["small"])


def test_what_permuted_groups_reach_is_the_best_cut_for_one_seed_and_less_for_the_mean_of_many(maker):
    names, company = list("abcd"), {"a": 0, "b": 0, "c": 1, "d": 1}
    draw = np.random.default_rng(0)
    tables = {seed: pd.DataFrame(draw.normal(size=(4, 4)), names, names) for seed in range(8)}
    reach = importlib.import_module("company").reach_permuted
    cuts = [[["a", other], [one for one in "bcd" if one != other]] for other in "bcd"]
    best = {seed: max(mtl.inspection.agreement(table, cut) for cut in cuts) for seed, table in tables.items()}
    for seed, table in tables.items():  # a third of all orders are the best of three cuts
        assert reach({seed: table}, company) == pytest.approx(best[seed])
    assert 0.5 < reach(tables, company) < np.mean([*best.values()])


@pytest.mark.parametrize(
    ("name", "place"),
    [("scores", ["world", "stage", "measure"]), ("overlap", ["share", "measure"]), ("learnt", ["groups"])],
)
def test_what_permuted_groups_reach_is_stored_beside_every_auc(name, place):
    table = bank.load(f"company_{name}")
    assert (table.groupby(place).permuted.nunique() == 1).all()
    assert table.permuted.between(0.5, 0.7).all()


def test_a_difference_is_seen_in_the_sixth_digit_and_a_missing_place_is_one(maker):
    table = pd.DataFrame({"lam": [0.1, float("inf")], "task": ["a", "a"], "score": [0.123456, 0.5]})
    assert maker.difference(table, table) == 0
    assert maker.difference(table.assign(score=[0.123457, 0.5]), table) == pytest.approx(1e-6)
    assert maker.difference(table.assign(lam=[0.2, 0.3]), table) == float("inf")


def test_every_table_is_made_by_the_name_that_a_message_gives(maker):
    assert {maker.experiment(name) for name in bank.names()} <= {*maker.EXPERIMENTS}


def test_other_settings_are_never_stamped(maker):
    name, settings = "questions_path", maker.PATHS["questions_path"][2]
    facts = bank.read_facts(name)["settings"]
    assert maker.told(facts | {"seeds": "range(0, 7)"}) != maker.told(facts)
    facts["path"]["live"]["seconds"] += 1
    assert maker.told(facts) == maker.told(bank.read_facts(name)["settings"])
    assert maker.told(settings)["seeds"] == facts["seeds"]


@pytest.mark.parametrize("name", bank.names())
def test_stored_settings_are_the_same_in_every_process(name):
    assert " at 0x" not in json.dumps(bank.read_facts(name))
