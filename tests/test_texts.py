"""The world texts: whole files, tokens and labels in step, splits by phrase, a vocabulary of training alone."""

import gzip
import importlib
import importlib.util
import json
import zipfile

import pandas as pd
import pytest
import torch
from bundled import HARMS, copy_data, load_maker
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import CHARACTERS, DataError, Texts, files, inventory, text_table, texts

module = importlib.import_module("mtl_lesson.data.texts")  # the package's attribute is the function
PARTS = ("train", "validation", "test")
SMALL = {"n_train": 300, "n_validation": 100, "n_test": 120}
few = settings(max_examples=10, deadline=None)
seeds = st.integers(0, 10**6)


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A copy of the bundled data that the package takes for its own."""
    return copy_data("kaomoji", tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def maker():
    """data/kaomoji/make.py."""
    return load_maker("kaomoji")


# --- the files -------------------------------------------------------------------------------------------------------


def test_the_files_are_whole_small_and_say_whose_they_are():
    folder = files.data_folder() / "kaomoji"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 0.6e6
    assert files.verified("kaomoji/texts.csv") == folder / "texts.csv"
    assert "kaomoji" in inventory.FOLDERS
    readme = (folder / "README.md").read_text(encoding="utf-8")
    for words in ("**Source.**", "https://fontvibe.ai/tools/kaomoji", "CC BY 4.0", "LICENSE-kaomoji", "NOTICE-kaomoji"):
        assert words in readme
    assert (folder / "LICENSE-kaomoji").read_text(encoding="utf-8").startswith("Attribution 4.0 International")
    assert "Copyright (c) mtripg6666tdr" in (folder / "NOTICE-kaomoji").read_text(encoding="utf-8")


@HARMS
def test_damage_is_refused_and_the_message_says_how_to_repair_it(copied_data, harm):
    harm(copied_data / "texts.csv")
    with pytest.raises(DataError, match=r"texts\.csv") as caught:  # past the cache
        module._all_texts.__wrapped__()
    assert "git checkout -- data/kaomoji" in str(caught.value)


def test_the_table_is_the_known_one():
    table = text_table()
    assert list(table.columns) == ["id", "text", "phrase", "group", "script", "task", "answer", *module.QUESTIONS]
    assert len(table) == table.id.nunique() == table.text.nunique() == 4169
    assert (table.group.nunique(), table.answer.nunique()) == (2083, 19)
    assert set(table.script) == set(module.SCRIPTS)
    assert table.text.str.len().between(3, 30).all()
    assert (table[["id", "text", "phrase", "answer"]] != "").all(axis=None)
    assert (table.groupby("phrase").group.nunique() == 1).all()
    assert table.groupby(["group", "script"]).size().max() == 2
    for row in table.sample(200, random_state=0).to_dict("records"):
        assert row[row["task"]] == row["answer"]
    table["answer"] = ""
    assert text_table().answer.iloc[0] != ""


# --- how they were made ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "phrase"),
    [
        ("(^^)ﾉ ﾊﾞｲﾊﾞｰｲ!!", "ばいばい"),
        ("ヾ(^0^)ノばいばぁ～い♪", "ばいばい"),
        ("(=￣ω￣)ノシ バイバイ", "ばいばい"),
        ("ヽ(*ﾟДﾟ)ﾉ ｳﾏｰｰｰｲ", "うまい"),
        ("(T_T)", ""),
        ("川 ・皿・川 グスン", "ぐすん"),
    ],
)
def test_a_phrase_is_what_is_said_however_it_is_written(maker, text, phrase):
    assert maker.phrase(text) == phrase


def test_a_phrase_belongs_to_the_shorter_one_that_it_begins_with(maker):
    stems = maker.stems(["おはよ", "おはようございます", "おは", "おはよねむい", "ばい", "ばいばい"])
    assert stems["おはようございます"] == stems["おはよねむい"] == stems["おはよ"] == "おはよ"
    assert stems["ばいばい"] == "ばいばい"  # two letters are too few to tell
    assert stems["おは"] == "おは"


def test_the_bundled_phrases_and_scripts_are_those_that_the_maker_tells(maker):
    table = text_table()
    assert table.phrase.tolist() == list(map(maker.phrase, table.text))
    assert table.script.tolist() == list(map(maker.script_of, table.text))
    assert not any(maker.UNFIT.search(phrase) for phrase in table.phrase)
    own = {answer for names in maker.ABOUT.values() for answer in names.values()} | {"goodbye"}
    assert set(table.answer) == own


@pytest.mark.parametrize("packed", [True, False])
def test_the_source_is_read_from_the_wheel_or_its_folder(maker, tmp_path, packed):
    entries = [{"id": "kao_1", "text": "(T_T)ぐすん"}]
    content = gzip.compress("\n".join(json.dumps(one) for one in entries).encode())
    if packed:
        with zipfile.ZipFile(tmp_path / f"{maker.NAME}-py3-none-any.whl", "w") as wheel:
            wheel.writestr(maker.INSIDE, content)
    else:
        (tmp_path / maker.INSIDE).parent.mkdir(parents=True)
        (tmp_path / maker.INSIDE).write_bytes(content)
    assert maker.read(tmp_path) == entries


def test_what_is_kept_of_a_text_and_what_is_left_out(maker):
    bye = {"emotion": ["happy"], "intent": ["greeting", "hello", "goodbye"], "subject": []}
    entry = {"id": "kao_1", "text": "(^^)ﾉﾊﾞｲﾊﾞｲ", "category": "greeting", **bye}
    row = maker.to_row(entry)
    assert (row["task"], row["answer"], row["emotion"], row["subject"]) == ("intent", "goodbye", "happy", "")
    assert row["script"] == "half width"
    for change in (
        {"category": "special"},
        {"text": "(^^)ﾉ"},
        {"text": "(^^)ﾉ" + "ﾊﾞｲ" * 15},
        {"text": "(^^)エロ"},
        {"intent": ["greeting", "thanks"]},
    ):
        assert maker.to_row(entry | change) is None


def test_no_more_than_two_of_a_group_in_a_script_and_so_many_of_an_answer(maker, monkeypatch):
    monkeypatch.setattr(maker, "MOST_OF_AN_ANSWER", 30)
    rows = [(f"{i:03}", f"stem {i % 40}", "hiragana" if i % 3 else "katakana", "sad") for i in range(300)]
    frame = pd.DataFrame(rows, columns=["id", "stem", "script", "answer"])
    kept = maker.balanced(frame)
    assert kept.groupby(["stem", "script"]).size().max() == 2
    assert kept.groupby("script").size().to_dict() == {"hiragana": 30, "katakana": 30}
    assert kept.equals(maker.balanced(frame))
    assert kept.id.is_monotonic_increasing


# --- tokens and labels in step ---------------------------------------------------------------------------------------


@few
@given(seeds, st.sampled_from(module.LETTERS), st.sampled_from(["scripts", "questions"]))
def test_tokens_and_labels_are_those_of_the_text(seed, letters, ask):
    world, table = texts(**SMALL, seed=seed, letters=letters, ask=ask), text_table()
    kind = {"scripts": "script", "questions": "task"}[ask]
    for part in PARTS:
        split, rows = getattr(world, part), table.iloc[world.rows[part].numpy()]
        assert world.written(part) == rows.text.tolist()
        assert world.groups[part].tolist() == rows.group.tolist()
        for i, (text, row) in enumerate(zip(rows.text, rows.to_dict("records"), strict=True)):
            spelled = module.sounded(text) if letters == "sounded" else text
            known = [one if one in world.vocabulary else "�" for one in spelled]
            assert [world.vocabulary[token] for token in split.x[i].tolist()][: len(known)] == known
            assert (split.x[i, len(known) :] == module.NO_LETTER).all()
            told = {task.name: split.labels[task.name][i].item() for task in world.tasks}
            assert {name for name, label in told.items() if label >= 0} == {row[kind]}  # a text is one task's
            assert world.task(row[kind]).classes[told[row[kind]]] == row["answer"]


@few
@given(seeds, st.integers(40, 400), st.sampled_from(module.LETTERS))
def test_the_vocabulary_is_of_training_texts_only(seed, n, letters):
    """Else tokens would tell which characters the test will show."""
    world = texts(n, 100, 120, seed, letters=letters)
    spelled = world.written("train") if letters == "written" else map(module.sounded, world.written("train"))
    assert set(world.vocabulary[2:]) == set("".join(spelled))
    assert len(set(world.vocabulary)) == len(world.vocabulary) <= CHARACTERS
    assert (world.train.x != module.UNKNOWN_LETTER).all()
    assert (world.test.x == module.UNKNOWN_LETTER).any()
    again = texts(n, 90, 120, seed, letters=letters)  # other texts to choose by: the same tokens
    assert again.vocabulary == world.vocabulary
    assert torch.equal(again.train.x, world.train.x)


def test_every_token_is_below_the_number_that_a_trunk_is_made_for():
    for letters in module.LETTERS:
        assert len(set("".join(module._spelled(letters)))) + 2 <= CHARACTERS


@few
@given(seeds)
def test_the_mistaken_vocabulary_knows_the_test_and_changes_nothing_else(seed):
    right, wrong = (texts(**SMALL, seed=seed, vocabulary=which) for which in module.VOCABULARIES)
    assert set(wrong.vocabulary) > set(right.vocabulary)
    assert (wrong.test.x != module.UNKNOWN_LETTER).all()
    for part in PARTS:
        assert torch.equal(right.rows[part], wrong.rows[part])
        for name, labels in getattr(right, part).labels.items():
            assert torch.equal(labels, getattr(wrong, part).labels[name])


def test_what_sounds_alike_is_one_token_where_letters_are_sounded():
    assert module.sounded("ﾊﾞｲﾊﾞｲ(＾＾)") == module.sounded("バイバイ(^^)") == "ばいばい(^^)"
    sizes = {letters: len(texts(**SMALL, letters=letters).vocabulary) for letters in module.LETTERS}
    assert sizes["sounded"] < sizes["written"] - 50


def test_published_labels_are_more_and_in_training_alone():
    own, published = (texts(1000, 200, 200, ask="questions", labelled=which) for which in module.LABELLED)
    for name, labels in own.train.labels.items():
        there, more = labels >= 0, published.train.labels[name]
        assert torch.equal(more[there], labels[there])
        assert all(torch.equal(own.test.labels[n], published.test.labels[n]) for n in own.test.labels)
    assert (published.train.labels["emotion"] >= 0).sum() > (own.train.labels["emotion"] >= 0).sum() + 200


# --- the split -------------------------------------------------------------------------------------------------------


@few
@given(seeds, st.sampled_from([(300, 100, 120), (1800, 500, 1200), (2000, 500, 900)]))
def test_no_phrase_is_in_two_splits_whatever_its_script(seed, sizes):
    world = texts(*sizes, seed)
    assert (len(world.train), len(world.validation)) == sizes[:2]
    assert sizes[2] - 6 < len(world.test) <= sizes[2]
    phrases = [set(text_table().phrase.iloc[world.rows[part].numpy()]) for part in PARTS]
    assert sum(map(len, phrases)) == len(set.union(*phrases))
    groups = [set(world.groups[part].tolist()) for part in PARTS]
    assert sum(map(len, groups)) == len(set.union(*groups))


@few
@given(seeds)
def test_a_random_split_has_the_same_test_and_knows_its_phrases(seed):
    fair, random = (texts(1800, 500, 1200, seed, split_by=unit) for unit in ("group", "row"))
    assert torch.equal(fair.rows["test"], random.rows["test"])
    known = torch.isin(random.groups["test"], random.groups["train"])
    assert known.float().mean() > 0.2
    assert not torch.isin(fair.groups["test"], fair.groups["train"]).any()
    rows = [set(random.rows[part].tolist()) for part in PARTS]
    assert sum(map(len, rows)) == len(set.union(*rows))


@few
@given(seeds)
def test_a_seed_draws_all_but_the_test_and_a_small_world_is_part_of_a_large_one(seed):
    small, large, other = texts(**SMALL, seed=seed), texts(500, 100, 120, seed), texts(**SMALL, seed=seed + 1)
    assert torch.equal(small.rows["train"], large.rows["train"][:300])
    assert torch.equal(small.rows["test"], texts(500, 100, 200, seed).rows["test"][: len(small.test)])
    assert torch.equal(small.rows["test"], other.rows["test"])
    assert not torch.equal(small.rows["train"], other.rows["train"])


@few
@given(seeds, st.integers(1, 30), st.sampled_from(["scripts", "questions"]))
def test_the_dial_hides_labels_of_the_starved_task_alone(seed, labels, ask):
    starved = module.STARVED[ask]
    few_labels, all_of_them = (texts(**SMALL, seed=seed, ask=ask, labels=n) for n in (labels, None))
    assert isinstance(few_labels, Texts)
    assert (few_labels.train.labels[starved] >= 0).sum() == labels
    for task in all_of_them.tasks:
        for part in PARTS:
            if (part, task.name) != ("train", starved):
                ours, theirs = (getattr(w, part).labels[task.name] for w in (few_labels, all_of_them))
                assert torch.equal(ours, theirs)
    more = texts(**SMALL, seed=seed, ask=ask, labels=labels + 5).train.labels[starved]
    kept = few_labels.train.labels[starved] >= 0
    assert torch.equal(more[kept], few_labels.train.labels[starved][kept])
    assert few_labels.dial["labels"] == labels


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"ask": "sounds"}, ValueError, "ask is one of 'scripts', 'questions', not 'sounds'"),
        ({"letters": "kana"}, ValueError, "letters is one of"),
        ({"vocabulary": "test"}, ValueError, "vocabulary is one of 'training', 'all'"),
        ({"labelled": "all"}, ValueError, "labelled is one of"),
        ({"labelled": "published"}, ValueError, 'is for ask="questions"'),
        ({"split_by": "face"}, ValueError, "split_by is one of"),
        ({"labels": 0}, ValueError, "keep"),
        ({"labels": 10**6}, ValueError, "the labels of 'half width'"),
        ({"labels": 1.5}, TypeError, "keep"),
        ({"n_train": 4000}, ValueError, "too much"),
        ({"n_train": 2}, ValueError, "answers; take a larger n"),
        ({"n_train": 2.5}, TypeError, "n_train must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_texts_says_what_is_wrong(given, error, message):
    with pytest.raises(error, match=message):
        texts(**SMALL | given)


# --- training --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", [mtl.Separate, mtl.Hard, mtl.Soft, mtl.Pooled])
def test_every_way_of_sharing_learns_from_scripts_and_is_judged_by_phrase(way):
    trunk = nn.Sequential(mtl.nets.MeanEmbedding(CHARACTERS, 8), nn.Linear(8, 16), nn.ReLU())
    sweep = mtl.sweep(way, texts, trunk=trunk, seeds=[0], epochs=12, lr=0.01, labels=30, progress=False, **SMALL)
    run = sweep.run(seed=0)
    loss = run.history[run.history.split == "train"].groupby("epoch").loss.mean()
    assert loss.iloc[-1] < loss.iloc[0] - 0.1
    found = mtl.inspection.by_group(run)
    assert set(found.columns) == {"phrase", "task", "loss", "score", "count"}
    assert found["count"].sum() == len(run.world.test)


def test_three_questions_are_learnt_as_well():
    trunk = nn.Sequential(mtl.nets.MeanEmbedding(CHARACTERS, 8), nn.Linear(8, 16), nn.ReLU())
    world = texts(**SMALL, ask="questions", labels=20)
    assert [task.outputs for task in world.tasks] == [10, 4, 5]
    run = mtl.fit(mtl.Hard(world.tasks, trunk), world, epochs=2, progress=False)
    assert set(run.scores) == set(module.QUESTIONS)
