"""The world emoji: whole files, a split that tells nothing away, words that training knows, pictures and names in
step; and tasks with stems of their own in one trunk, drawn together or not."""

import importlib

import numpy as np
import pytest
import torch
from bundled import HARMS, copy_data
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import mtl_lesson as mtl
from mtl_lesson.data import DataError, Emoji, emoji, emoji_table, files, inventory
from mtl_lesson.sharing.contrastive import mismatch

module = importlib.import_module("mtl_lesson.data.emoji")  # the package's attribute is the function
PARTS = ("train", "validation", "test")
SMALL = {"n_train": 60, "n_validation": 40, "n_test": 30}
few = settings(max_examples=15, deadline=None)


@pytest.fixture
def copied_data(tmp_path, monkeypatch):
    """A copy of the bundled data that the package takes for its own."""
    return copy_data("emoji", tmp_path, monkeypatch)


def stems(width=2, features=8):
    pictures = {name: mtl.nets.conv(width, features=features) for name in module.DESIGNERS}
    return {**pictures, "word": mtl.nets.MeanEmbedding(mtl.data.TOKENS, features)}


# --- the files -----------------------------------------------------------------------------------------------------


def test_the_files_are_whole_small_and_say_whose_they_are():
    folder = files.data_folder() / "emoji"
    assert sum(path.stat().st_size for path in folder.iterdir()) < 3.5e6
    for name in ("emoji.csv", "google.png", "twitter.png"):
        assert files.verified(f"emoji/{name}") == folder / name
    assert "emoji" in inventory.FOLDERS
    readme = (folder / "README.md").read_text(encoding="utf-8")
    assert "**Source.**" in readme
    for file, words in (
        ("google", ("Apache License", "Version 2.0")),
        ("twitter", ("Creative Commons Attribution 4.0", "Twitter", "Changes made")),
        ("table", ("MIT License", "Cal Henderson")),
    ):
        licence = (folder / f"LICENSE-{file}").read_text(encoding="utf-8")
        assert all(word in licence for word in words)
        assert f"LICENSE-{file}" in readme


@pytest.mark.parametrize("name", ["emoji.csv", "google.png", "twitter.png"])
@HARMS
def test_damage_is_refused_and_the_message_says_how_to_repair_it(copied_data, name, harm):
    harm(copied_data / name)
    with pytest.raises(DataError, match=name) as caught:  # past the cache
        module._listed.__wrapped__() if name == "emoji.csv" else module._drawn_by.__wrapped__(name.removesuffix(".png"))
    assert "git checkout -- data/emoji" in str(caught.value)


def test_the_table_is_the_known_one():
    table = emoji_table()
    assert list(table.columns) == ["code", "name", "category", "subcategory", "group"]
    assert len(table) == table.code.nunique() == 1906
    assert (table.category.nunique(), table.subcategory.nunique(), table.group.nunique()) == (9, 98, 1699)
    assert not table.isna().any(axis=None)
    assert (table.groupby("subcategory").category.nunique() == 1).all()
    table["name"] = ""
    assert emoji_table().name.iloc[0] == "GRINNING FACE"


def test_emoji_that_are_drawn_alike_are_of_one_group_and_so_are_man_woman_and_neither():
    table = emoji_table()
    for designer in module.DESIGNERS:
        group: dict[bytes, int] = {}
        for picture, number in zip(module._drawn_by(designer), table.group, strict=True):
            assert group.setdefault(picture.numpy().tobytes(), number) == number
    group = table.set_index("code").group
    for code in table.code[table.code.str.endswith("-200D-2640-FE0F")]:  # the woman's form of a figure
        assert group[code] == group[code.replace("2640", "2642")]
    farmers = [group[f"{person}-200D-1F33E"] for person in ("1F9D1", "1F468", "1F469")]
    assert len(set(farmers)) == 1
    assert table.group[table.name == "GRINNING FACE"].item() != table.group[table.name == "WINKING FACE"].item()


# --- names, pictures and labels in step ------------------------------------------------------------------------------


def test_pictures_belong_to_their_names():
    """What a name says of a colour is seen in both pictures; a sheet out of step by one would fail."""
    table = emoji_table()
    seen = {designer: module._drawn_by(designer).float() for designer in module.DESIGNERS}
    for name, strong, weak in (
        ("LARGE RED CIRCLE", 0, 2),
        ("LARGE BLUE CIRCLE", 2, 0),
        ("LARGE GREEN CIRCLE", 1, 0),
        ("LARGE BLUE SQUARE", 2, 0),
        ("LARGE RED SQUARE", 0, 1),
        ("GREEN HEART", 1, 0),
        ("BLUE HEART", 2, 0),
    ):
        row = int(np.flatnonzero(table.name == name)[0])
        for pictures in seen.values():
            middle = pictures[row, :, 10:18, 10:18].mean((1, 2))
            assert middle[strong] > middle[weak] + 40, name
    # Both designers drew the same thing: a picture is nearer to its partner's than most others are.
    a, b = (pictures.flatten(1) for pictures in seen.values())
    d = torch.cdist(a, b)
    assert ((d < d.diagonal()[:, None]).float().mean(1)).median() < 0.1


@few
@given(seed=st.integers(0, 10**6), ask=st.sampled_from(["category", "subcategory"]))
def test_both_views_show_the_same_emoji_with_the_labels_of_the_table(seed, ask):
    pictures, words = (emoji(**SMALL, seed=seed, ask=ask, view=view) for view in ("pictures", "words"))
    table = emoji_table()
    for part in PARTS:
        p, w, rows = getattr(pictures, part), getattr(words, part), words.rows[part]
        assert torch.equal(pictures.rows[part], rows.repeat_interleave(2))
        assert words.names(part) == table.name.iloc[rows.numpy()].tolist()
        for number, designer in enumerate(module.DESIGNERS):
            assert torch.equal(w.x[designer], module._drawn_by(designer)[rows] / 255)
            assert torch.equal(p.x[number::2], w.x[designer])
            assert (p.labels["designer"][number::2] == number).all()
        told = [pictures.task(ask).answers[label] for label in p.labels[ask][::2].tolist()]
        assert told == table[ask].iloc[rows.numpy()].tolist()
        assert all(torch.equal(y, p.labels[ask][::2]) for y in w.labels.values())
        for name, tokens in zip(words.names(part), w.x["word"].tolist(), strict=True):
            known = [word if word in words.vocabulary else "?" for word in module.words_of(name)]
            assert [words.vocabulary[token] for token in tokens] == known + [""] * (len(tokens) - len(known))


# --- the split -------------------------------------------------------------------------------------------------------


@few
@given(
    seed=st.integers(0, 10**6), sizes=st.sampled_from([(60, 40, 30), (1000, 300, 500), (1387, 5, 500), (1, 1391, 1)])
)
def test_no_emoji_and_nothing_alike_is_in_two_splits(seed, sizes):
    rows, group = module._rows(*sizes, seed), emoji_table().group
    assert [len(rows[part]) for part in PARTS] == list(sizes)
    groups = [set(group.iloc[rows[part].numpy()]) for part in PARTS]
    assert all(len(rows[part].unique()) == len(rows[part]) for part in PARTS)
    assert sum(map(len, groups)) == len(set.union(*groups))


@few
@given(seed=st.integers(0, 10**6))
def test_a_seed_draws_all_but_the_test_and_a_small_world_is_part_of_a_large_one(seed):
    small, large, other = (
        module._rows(20, 10, 15, seed),
        module._rows(50, 30, 40, seed),
        module._rows(20, 10, 15, seed + 1),
    )
    assert torch.equal(small["train"], large["train"][:20])
    assert torch.equal(small["validation"], large["validation"][-10:])
    assert torch.equal(small["test"], large["test"][:15])
    assert torch.equal(small["test"], other["test"])
    assert not torch.equal(small["train"], other["train"])


@few
@given(seed=st.integers(0, 10**6), n=st.integers(1, 200))
def test_the_vocabulary_is_of_training_names_only(seed, n):
    world = emoji(n, 40, 30, seed, view="words")
    trained = {word for name in world.names("train") for word in module.words_of(name)}
    assert set(world.vocabulary[2:]) == trained
    assert len(set(world.vocabulary)) == len(world.vocabulary) <= mtl.data.TOKENS
    assert (world.train.x["word"] != module.UNKNOWN).all()
    assert world.test.x["word"].max() < len(world.vocabulary)
    again = emoji(n, 9, 7, seed, view="words")  # other names to be tested on: the same tokens
    assert again.vocabulary == world.vocabulary
    assert torch.equal(again.train.x["word"], world.train.x["word"])


def test_every_token_is_below_the_number_that_a_stem_is_made_for():
    words = {word for name in emoji_table().name for word in module.words_of(name)}
    assert len(words) + 2 <= mtl.data.TOKENS


def test_one_designer_asks_no_question_about_the_designer():
    world = emoji(**SMALL, designers=["twitter"])
    assert [task.name for task in world.tasks] == ["category"]
    assert world.train.x.shape == (60, 3, 28, 28)
    assert [task.name for task in emoji(**SMALL, designers="google", view="words").tasks] == ["google", "word"]
    assert repr(world).startswith("World(emoji, n_train=60, view='pictures', ask='category': category (9); 60 train")


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"view": "sounds"}, ValueError, "view: there are 'pictures', 'words'"),
        ({"ask": "colour"}, ValueError, "ask: there are 'category', 'subcategory'"),
        ({"designers": ["apple"]}, ValueError, "designers: there are 'google', 'twitter'"),
        ({"designers": []}, ValueError, "designers"),
        ({"designers": ["google", "google"]}, ValueError, "each to be named once"),
        ({"n_train": 1300, "n_validation": 300}, ValueError, r"at most \d+ of the 1906 emoji"),
        ({"n_test": 501}, ValueError, "n_test can be at most 500"),
        ({"n_train": 2.5}, TypeError, "n_train must be a whole number"),
        ({"seed": -1}, ValueError, "seed must be 0 or more"),
    ],
)
def test_emoji_says_what_is_wrong(settings, error, message):
    with pytest.raises(error, match=message):
        emoji(**settings)


# --- two stems, one trunk --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def world():
    return emoji(120, 60, 50, view="words")


def test_pictures_and_words_learn_the_same_labels_behind_stems_of_their_own(world):
    trunk = nn.Sequential(nn.Linear(32, 16))
    some = dict.fromkeys(module.DESIGNERS, mtl.nets.hidden(32)) | {"word": mtl.nets.MeanEmbedding(mtl.data.TOKENS, 32)}
    for way in (mtl.Hard, mtl.Pooled, mtl.Contrastive):
        run = mtl.fit(way(world, trunk, stems=some), world, epochs=20, lr=0.003, progress=False)
        for task in world.tasks:
            losses = run.history[(run.history.task == task.name) & (run.history.split == "train")].loss
            assert losses.iloc[-1] < losses.iloc[0] - 0.1
        h = mtl.inspection.features(run, world.test.x)
        assert {values.shape for values in h.values()} == {(50, 16)}


def test_a_change_keeps_what_the_world_knows_of_its_emoji(world):
    two = mtl.data.only(world, ["google", "word"])
    assert isinstance(two, Emoji)
    assert two.names("test") == world.names("test")
    assert list(two.test.x) == ["google", "word"]


def test_a_missing_word_is_masked_whatever_stands_in_its_place(world):
    """Of half of the emoji the word is missing: what its tokens say changes neither loss nor weights."""
    few_words = mtl.data.hide_labels(mtl.data.only(world, ["google", "word"]), "word", 60)
    missing = few_words.train.labels["word"] == -1
    assert missing.sum() == 60
    x = dict(few_words.train.x)
    x["word"] = x["word"].clone()
    x["word"][missing] = 7
    other = mtl.data.World(
        "other",
        few_words.tasks,
        mtl.data.Split(x, few_words.train.labels),
        few_words.validation,
        few_words.test,
        layout=few_words.layout,
    )
    some = {name: stem for name, stem in stems().items() if name != "twitter"}
    runs = [
        mtl.fit(mtl.Hard(w, nn.Sequential(nn.Linear(8, 8)), stems=some), w, epochs=2, progress=False)
        for w in (few_words, other)
    ]
    for a, b in zip(*(run.model.parameters() for run in runs), strict=True):
        assert torch.equal(a, b)


@few
@given(st.integers(0, 10**6))
def test_an_embedding_is_the_mean_of_the_words_that_are_there(seed):
    draw = torch.Generator().manual_seed(seed)
    stem = mtl.nets.MeanEmbedding(9, 4)
    words = torch.randint(1, 9, (5,), generator=draw)
    mean = stem.embedding.weight[words].mean(0)
    order = torch.randperm(5, generator=draw)
    padded = torch.cat([words[order], torch.zeros(3, dtype=torch.long)])
    assert stem(padded[None])[0].detach().numpy() == pytest.approx(mean.detach().numpy(), abs=1e-6)
    assert (stem(torch.zeros(2, 3, dtype=torch.long)) == 0).all()


# --- drawn together --------------------------------------------------------------------------------------------------


def test_without_the_pull_contrastive_is_hard_bit_for_bit(world):
    trunk, settings = nn.Sequential(nn.Linear(8, 8)), {"epochs": 2, "progress": False}
    hard = mtl.fit(mtl.Hard(world, trunk, stems=stems()), world, **settings)
    free = mtl.fit(mtl.Contrastive(world, trunk, beta=0.0, stems=stems()), world, **settings)
    for a, b in zip(hard.model.parameters(), free.model.parameters(), strict=True):
        assert torch.equal(a, b)


@few
@given(st.integers(0, 10**6), st.integers(2, 12), st.floats(0.05, 2))
def test_the_mismatch_is_cross_entropy_both_ways(seed, n, temperature):
    draw = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 3, n, 5, generator=draw, dtype=torch.float64)
    R = mismatch(a, b, temperature)
    for copy in range(3):
        S = nn.functional.cosine_similarity(a[copy, :, None], b[copy, None], dim=2) / temperature
        own = torch.arange(n)
        both = nn.functional.cross_entropy(S, own) + nn.functional.cross_entropy(S.T, own)
        assert R[copy].item() == pytest.approx(both.item() / 2, abs=1e-9)
    order = torch.randperm(n, generator=draw)
    assert mismatch(a[:, order], 3 * b[:, order], temperature).numpy() == pytest.approx(R.numpy(), abs=1e-9)
    assert mismatch(b, a, temperature).numpy() == pytest.approx(R.numpy(), abs=1e-9)
    same = torch.ones(1, n, 5)
    assert mismatch(same, same, temperature).item() == pytest.approx(np.log(n), abs=1e-5)  # nothing is told apart


@few
@given(st.integers(0, 10**6), st.integers(1, 12), st.floats(0.05, 2), st.integers(0, 12))
def test_the_mismatch_of_some_pairs_is_that_of_a_batch_of_these_alone(seed, n, temperature, keep):
    draw = torch.Generator().manual_seed(seed)
    a, b = torch.randn(2, 3, n, 5, generator=draw, dtype=torch.float64).requires_grad_()
    pairs = torch.zeros(3, n, dtype=torch.bool)
    kept = torch.randperm(n, generator=draw)[:keep].sort().values
    pairs[:, kept], pairs[2] = True, False  # the last copy has none
    R = mismatch(a, b, temperature, pairs)
    assert R[2].item() == 0
    if len(kept):
        alone = mismatch(a[:, kept], b[:, kept], temperature)
        assert R[:2].tolist() == pytest.approx(alone[:2].tolist(), abs=1e-9)
    for gradient in torch.autograd.grad(R.sum(), (a, b)):
        assert gradient.isfinite().all()
        assert (gradient[~pairs] == 0).all()


def without(world, missing, noise=False, drop=False):
    """The two-task world whose words are missing for some training examples, none of them with a label; ``noise``:
    with other pictures there; ``drop``: without these examples."""
    two = mtl.data.only(world, ["google", "word"])
    x = {name: part.clone() for name, part in two.train.x.items()}
    labels = {name: part.clone() for name, part in two.train.labels.items()}
    for name in labels:
        labels[name][missing] = -1
    x["word"][missing] = module.NO_WORD
    if noise:
        x["google"][missing] = torch.rand(len(missing), 3, 28, 28, generator=torch.Generator().manual_seed(0))
    if drop:
        kept = [i for i in range(len(two.train)) if i not in missing]
        x, labels = ({name: part[kept] for name, part in parts.items()} for parts in (x, labels))
    return mtl.data.World("some", two.tasks, mtl.data.Split(x, labels), two.validation, two.test, layout=two.layout)


def test_a_pair_that_lacks_its_word_is_left_out(world):
    """In one batch a step: what a picture without its word shows changes nothing, nor does it that it is there."""
    some = {name: stem for name, stem in stems().items() if name != "twitter"}
    trunk, missing = nn.Sequential(nn.Linear(8, 8)), list(range(0, 120, 3))
    settings = {"epochs": 6, "batch_size": 120, "lr": 0.003, "precision": "float32", "progress": False}
    runs = [
        mtl.fit(mtl.Contrastive(w, trunk, beta=3.0, stems=some), w, **settings)
        for w in (without(world, missing, **how) for how in ({}, {"noise": True}, {"drop": True}))
    ]
    there, noise, dropped = ([p.detach() for p in run.model.parameters()] for run in runs)
    assert all(torch.equal(a, b) for a, b in zip(there, noise, strict=True))
    assert max((a - b).abs().max() for a, b in zip(there, dropped, strict=True)) < 1e-4
    assert max((a - b).abs().max() for a, b in zip(there, runs[0].model.like((0,)).parameters(), strict=True)) > 0.01


def test_of_three_what_the_other_two_saw_still_is_a_pair(world):
    """Vectors, which all tasks' inputs are: the batch holds them side by side."""
    x = {name: torch.randn(40, 4, generator=torch.Generator().manual_seed(i)) for i, name in enumerate("abc")}
    x["b"][:20] = 0
    y = torch.arange(40) % 2
    split = mtl.data.Split(x, dict.fromkeys(x, y))
    vectors = mtl.data.World("vectors", tuple(map(mtl.Binary, "abc")), split, split, split)
    model = mtl.Contrastive(vectors, nn.Sequential(nn.Linear(4, 4)), temperature=0.5)
    h = {name: part[None] for name, part in model.features(vectors.train.x).items()}
    seen = torch.arange(40) >= 20
    parts = [mismatch(h[a], h[b], 0.5, None if "b" not in (a, b) else seen[None]) for a, b in ("ab", "ac", "bc")]
    assert model.regulariser(h).item() == pytest.approx(sum(parts).item(), abs=1e-6)


def test_copies_of_several_betas_are_what_each_is_alone(world):
    trunk, settings = nn.Sequential(nn.Linear(8, 8)), {"epochs": 2, "progress": False}
    sweep = mtl.sweep(mtl.Contrastive, world, trunk=trunk, stems=stems(), beta=[0.0, 2.0], seeds=[0, 1], **settings)
    alone = mtl.fit(mtl.Contrastive(world, trunk, beta=2.0, stems=stems()), world, seed=1, **settings)
    assert alone.scores == pytest.approx(sweep.run(beta=2.0, seed=1).scores)


def test_drawn_together_a_picture_finds_its_partner_among_those_trained_on(world):
    trunk, found = nn.Sequential(nn.Linear(32, 16)), {}
    two = mtl.data.only(world, ["google", "twitter"])
    some = {name: mtl.nets.hidden(32) for name in module.DESIGNERS}
    for beta in (0.0, 1.0):
        run = mtl.fit(mtl.Contrastive(two, trunk, beta, stems=some), two, epochs=40, lr=0.003, progress=False)
        h = mtl.inspection.features(run, two.train.x)
        found[beta] = mtl.inspection.retrieval(h["google"], h["twitter"])
    assert min(found[1.0][["there", "back"]]) > max(0.3, 2 * max(found[0.0][["there", "back"]]))


def test_contrastive_says_what_is_wrong(world):
    trunk = nn.Sequential(nn.Linear(8, 8))
    for wrong, message in (
        ({"beta": -1.0}, "β must be"),
        ({"beta": float("nan")}, "β must be"),
        ({"temperature": 0}, "more than 0"),
        ({"beta": [1.0, 2.0]}, "1 copies and 2 values"),
    ):
        with pytest.raises(ValueError, match=message):
            mtl.Contrastive(world, trunk, stems=stems(), **wrong)
    pictures = emoji(**SMALL)
    with pytest.raises(ValueError, match="look at one input"):
        mtl.fit(mtl.Contrastive(pictures, mtl.nets.conv(2)), pictures, epochs=1, progress=False)
