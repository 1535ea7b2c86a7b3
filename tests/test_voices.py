"""The world voices: whole files, pictures and labels in step, splits by prompt and by voice that tell nothing away."""

import importlib
import importlib.util
import wave

import numpy as np
import pytest
import torch
from bundled import HARMS, copy_data, load_maker
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.data import DataError, Voices, clip_table, files, inventory, voices

module = importlib.import_module("mtl_lesson.data.voices")  # the package's attribute is the function
PARTS = ("train", "validation", "test")
SMALL = {"n_train": 60, "n_validation": 40, "n_test": 30}
few = settings(max_examples=15, deadline=None)
dials = st.sampled_from([None, *module.SPEAKERS])


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A copy of the bundled data that the package takes for its own."""
    return copy_data("voices", tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def maker():
    """data/voices/make.py."""
    return load_maker("voices")


# --- the files -------------------------------------------------------------------------------------------------------


def test_the_files_are_whole_small_and_say_whose_they_are():
    folder = files.data_folder() / "voices"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 1e6
    for name in ("clips.csv", "clips.png"):
        assert files.verified(f"voices/{name}") == folder / name
    assert "voices" in inventory.FOLDERS
    readme, licence = ((folder / name).read_text(encoding="utf-8") for name in ("README.md", "LICENSE"))
    assert "**Source.**" in readme
    for owner in ("Allison Smith", "June Wallack", "Carlo Flora", "Maxim Topal"):
        assert owner in readme
        assert owner in licence
    for terms in ("CC-BY-SA-3.0", "CC-BY-3.0"):
        assert f"License: {terms}\n" in licence
    assert "CC BY-SA 3.0" in readme
    for (voice, language), clips in clip_table().groupby(["voice", "language"]).size().items():
        assert f"| {voice} | {language}" in readme
        assert f"| {clips} |" in readme


@pytest.mark.parametrize("name", ["clips.csv", "clips.png"])
@HARMS
def test_damage_is_refused_and_the_message_says_how_to_repair_it(copied_data, name, harm):
    harm(copied_data / name)
    with pytest.raises(DataError, match=name) as caught:  # past the cache
        {"clips.csv": module._clips, "clips.png": module._spectra}[name].__wrapped__()
    assert "git checkout -- data/voices" in str(caught.value)


def test_the_table_is_the_known_one():
    table = clip_table()
    assert list(table.columns) == ["voice", "language", "name", "prompt", "kind", "seconds"]
    assert (len(table), table.prompt.nunique()) == (1480, 394)
    assert not table.isna().any(axis=None)
    assert not table.duplicated(["language", "name"]).any()
    for task, column in module.COLUMN.items():
        assert set(table[column]) == set(module.ANSWERS[task])
    assert table.groupby("voice").language.nunique().to_dict() == {"Allison": 2, "Carlo": 1, "Ivrvoice": 1, "June": 1}
    assert table.seconds.between(0.2, 1.5).all()
    assert not table.name.str.contains("silence|beep|2tone").any()
    assert table.prompt[table.name.isin(["goodbye", "vm-goodbye"])].nunique() == 1
    table["kind"] = ""
    assert clip_table().kind.iloc[0] in module.ANSWERS["kind"]


def test_pictures_belong_to_their_rows():
    """A long clip fills its picture and a short one leaves silence; a sheet out of step by one would fail."""
    table, x = clip_table(), module._spectra().float()
    assert x.shape == (1480, 1, 28, 28)
    assert (x.amax((1, 2, 3)) == 255).all()  # the clip's loudest spot
    filled = (x[:, 0].amax(1) > 0).sum(1).numpy() * 0.0525
    assert np.corrcoef(filled, table.seconds)[0, 1] > 0.9
    assert np.corrcoef(np.roll(filled, 1), table.seconds)[0, 1] < 0.7
    assert (filled < table.seconds + 0.12).all()  # windows of 64 ms


# --- how they were made ----------------------------------------------------------------------------------------------


def hum(hz, seconds, silence=0.0):
    t = np.arange(int(8000 * seconds)) / 8000
    return np.r_[np.zeros(int(8000 * silence)), 10000 * np.sin(2 * np.pi * hz * t)]


def test_the_bands_cover_what_is_heard_once(maker):
    bands = maker.mel_bands()
    assert bands.shape == (28, 257)
    assert bands.sum(1) == pytest.approx(np.ones(28))
    centres = (bands * np.fft.rfftfreq(maker.WINDOW, 1 / maker.RATE)).sum(1)
    assert (np.diff(centres) > 0).all()
    assert 100 < centres[0] < 300
    assert 3400 < centres[-1] < 3900


@pytest.mark.parametrize(("hz", "row"), [(250, 25), (1000, 15), (3000, 3)])
def test_a_hum_is_a_line_at_its_height_from_the_first_moment_on(maker, hz, row):
    """Low tones lie at the bottom, the silence before and after is none of the clip."""
    picture = maker.picture_of(hum(hz, 0.7, silence=0.4), maker.mel_bands())
    assert picture.shape == (28, 28)
    assert abs(int(picture[:, 5].argmax()) - row) <= 1
    assert picture[:, 1].max() > 240
    assert (picture[:, :13].max(0) > 200).all()
    assert (picture[:, 16:] == 0).all()


@few
@given(gain=st.floats(0.1, 3))
def test_loudness_is_not_told(maker, gain):
    bands, clip = maker.mel_bands(), hum(440, 0.5) + hum(1800, 0.5)
    a, b = (maker.picture_of(one, bands).astype(int) for one in (clip, gain * clip))
    assert np.abs(a - b).max() <= 1


def test_a_folder_of_clips_becomes_a_table_and_a_sheet(maker, tmp_path):
    """What is too short or long, and what is no speech, is left out; the sheet is in the table's order."""
    clips = {"en_US_f_Allison/digits/1": 0.5, "en_US_f_Allison/vm-goodbye": 0.8, "en_US_f_Allison/beep": 0.5}
    clips |= {"es_MX_f_Allison/goodbye": 1.6, "it_IT_m_Carlo/letters/a": 0.2, "it_IT_m_Carlo/phonetic/a_p": 0.21}
    for number, (name, seconds) in enumerate(clips.items()):
        path = tmp_path / maker.ROOT / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        with wave.open(str(path), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(8000)
            file.writeframes(hum(300 + 200 * number, seconds).astype("<i2").tobytes())
    table, pictures = maker.read_clips(tmp_path)
    assert table.name.tolist() == ["digits/1", "vm-goodbye", "phonetic/a_p"]
    assert table.prompt.tolist() == ["1", "goodbye", "a_p"]
    assert table.kind.tolist() == ["number", "phrase", "spelling word"]
    assert table.voice.tolist() == ["Allison", "Allison", "Carlo"]
    sheet = maker.to_sheet(pictures)
    assert sheet.shape == (28, 28 * maker.COLUMNS)
    assert (sheet[:, 28:56] == pictures[1]).all()
    assert (sheet[:, 84:] == 0).all()


# --- labels ----------------------------------------------------------------------------------------------------------


@few
@given(seed=st.integers(0, 10**6), held_out=dials)
def test_labels_are_those_of_the_table(seed, held_out):
    world = voices(**SMALL, seed=seed, held_out=held_out)
    assert isinstance(world, Voices)
    for part in PARTS:
        split, told = getattr(world, part), world.clips(part)
        assert torch.equal(split.x, module._spectra()[world.rows[part]] / 255)
        for task, column in module.COLUMN.items():
            names = [world.task(task).answers[label] for label in split.labels[task].tolist()]
            assert names == told[column].tolist()
        group = told["prompt" if held_out is None else "voice"]
        numbers = world.groups[part].numpy()
        assert len(set(zip(group, numbers, strict=True))) == group.nunique() == len(set(numbers))


def test_some_questions_alone_are_the_same_questions():
    world, one = voices(**SMALL), voices(**SMALL, ask="kind")
    assert [task.name for task in one.tasks] == ["kind"]
    assert torch.equal(world.train.x, one.train.x)
    assert torch.equal(world.train.labels["kind"], one.train.labels["kind"])
    assert repr(one).startswith("World(voices, n_train=60, held_out=None, split_by='group': kind (4); 60 train")


# --- the splits ------------------------------------------------------------------------------------------------------


@few
@given(seed=st.integers(0, 10**6), sizes=st.sampled_from([(60, 40, 30), (700, 150, 200), (1, 1, 3)]))
def test_by_prompt_no_prompt_is_in_two_splits(seed, sizes):
    world = voices(*sizes, seed=seed)
    prompts = [set(world.clips(part).prompt) for part in PARTS]
    assert sum(map(len, prompts)) == len(set.union(*prompts))
    assert [len(world.rows[part]) for part in PARTS[:2]] == list(sizes[:2])
    assert len(world.rows["test"]) <= sizes[2]
    assert world.group == "prompt"


@few
@given(seed=st.integers(0, 10**6), voice=st.sampled_from(module.SPEAKERS), split_by=st.sampled_from(["group", "row"]))
def test_a_voice_that_is_held_out_is_tested_on_alone(seed, voice, split_by):
    world = voices(400, 100, 400, seed, held_out=voice, split_by=split_by)
    train, validation, test = (world.clips(part) for part in PARTS)
    assert set(test.voice) == {voice}
    assert (voice in set(train.voice)) == (split_by == "row")
    assert (voice in set(validation.voice)) == (split_by == "row")
    assert not set(train.prompt) & set(validation.prompt)
    for known in (train, validation):  # of this voice other prompts than are tested on, in either of its languages
        assert not set(known.prompt[known.voice == voice]) & set(test.prompt)
    assert len(train) == 400
    assert len(validation) == 100
    assert len(set(torch.cat(list(world.rows.values())).tolist())) == sum(map(len, world.rows.values()))
    assert world.group == "voice"


@few
@given(seed=st.integers(0, 10**6), held_out=dials, split_by=st.sampled_from(["group", "row"]))
def test_a_seed_draws_all_but_the_test_and_a_small_world_is_part_of_a_large_one(seed, held_out, split_by):
    def rows(n_train, n_test, seed, split_by):
        return voices(n_train, 10, n_test, seed, held_out=held_out, split_by=split_by).rows

    small, large, other = rows(20, 50, seed, split_by), rows(50, 50, seed, split_by), rows(20, 50, seed + 1, split_by)
    assert torch.equal(small["train"], large["train"][:20])
    assert not torch.equal(small["train"], other["train"])
    n = len(small["test"])
    for same in (large, other, rows(20, 50, seed, "row"), rows(20, 80, seed, split_by)):
        assert torch.equal(small["test"], same["test"][:n])


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"ask": ["accent"]}, ValueError, "ask: there are 'speaker', 'language', 'kind'"),
        ({"ask": []}, ValueError, "ask"),
        ({"ask": ["kind", "kind"]}, ValueError, "each to be named once"),
        ({"held_out": "Alison"}, ValueError, "the voices are 'Allison', 'Carlo', 'Ivrvoice', 'June', not 'Alison'"),
        ({"held_out": ""}, ValueError, "the voices are"),
        ({"split_by": "voice"}, ValueError, "split_by is one of 'group', 'row'"),
        ({"split_by": "voice", "held_out": "June"}, ValueError, "split_by is one of 'group', 'row'"),
        ({"n_train": 1300}, ValueError, "is too much"),
        ({"n_train": 900, "held_out": "Allison"}, ValueError, "is too much: beside the test there are 940"),
        ({"n_train": 2.5}, TypeError, "n_train must be a whole number"),
        ({"n_train": 0, "held_out": "June"}, ValueError, "n_train must be 1 or more"),
        ({"n_test": 0, "held_out": "June"}, ValueError, "n_test must be 1 or more"),
        ({"n_validation": True, "held_out": "June"}, TypeError, "n_validation must be a whole number"),
        ({"n_test": 1}, ValueError, "n_test=1 is less than half of a group"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
        ({"seed": -1, "held_out": "June"}, ValueError, "seed must be 0 or more"),
    ],
)
def test_voices_says_what_is_wrong(settings, error, message):
    with pytest.raises(error, match=message):
        voices(**settings)


# --- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("held_out", [None, "Allison"])
@pytest.mark.parametrize("way", [mtl.Separate, mtl.Hard, mtl.Soft])
def test_every_way_learns_from_it(way, held_out):
    """Of a held-out voice nobody was told the name, so no network can say it."""
    world = voices(200, 40, 60, held_out=held_out)
    run = mtl.fit(way(world.tasks, mtl.nets.hidden(32, 784)), world, epochs=10, lr=0.003, batch_size=32, progress=False)
    train = run.history[run.history.split == "train"]
    for task in world.tasks:
        losses = train[train.task == task.name].loss
        assert losses.iloc[-1] < losses.iloc[0]
    found = mtl.inspection.by_group(run)
    assert set(found.task) == set(module.ANSWERS)
    if held_out:
        assert run.test()["speaker"] == 0
        assert found.voice.nunique() == 1
    else:
        assert run.test()["speaker"] > 0.4


def test_a_kind_that_training_never_shows_is_no_error():
    """Of a few clips some kinds are missing; all four answers are there all the same."""
    world = voices(3, 3, 30, held_out="June")
    assert world.train.labels["kind"].unique().numel() < 4
    run = mtl.fit(mtl.Hard(world.tasks, mtl.nets.conv(2, channels=1)), world, epochs=1, progress=False)
    assert 0 <= run.test()["kind"] <= 1
