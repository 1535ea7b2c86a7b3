"""A table of one's own as a world: what is read, learnt from training rows alone, split, and refused in words."""

import csv
import io

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import mtl_lesson as mtl
from mtl_lesson.data import columns as cols
from mtl_lesson.data.reading import cells_of
from mtl_lesson.data.tables import cut_groups
from mtl_lesson.reports.page import as_sentence

TASKS = {"passed": "binary", "mark": "number", "track": "class"}


def frame_of(n=120, seed=0, groups=20, gaps=True):
    """A table with every kind of column; with gaps in features and labels."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "age": rng.normal(40, 12, n).round(1),
            "income": np.exp(rng.normal(8, 1, n)).round(2),
            "town": rng.choice(["Bonn", "Köln", "Trier"], n),
            "sport": rng.choice([True, False], n),
            "school": rng.integers(groups, size=n),
            "passed": rng.choice(["yes", "no"], n),
            "mark": rng.normal(3, 1, n).round(2),
            "track": rng.choice(["a", "b", "c"], n),
        }
    )
    if gaps:
        for name in ("age", "town", "passed", "mark", "track"):
            frame.loc[rng.random(n) < 0.1, name] = np.nan
    return frame


def world_of(frame, tasks=None, **settings):
    return mtl.data.table(frame, tasks or TASKS, quiet=True, **settings)


def same_world(one, other):
    for part in ("train", "validation", "test"):
        a, b = getattr(one, part), getattr(other, part)
        torch.testing.assert_close(a.x, b.x)
        for task in one.tasks:
            torch.testing.assert_close(a.labels[task.name], b.labels[task.name], equal_nan=True)


# reading


@given(
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    st.booleans(),
    st.integers(0, 10**6),
)
@settings(max_examples=25)
def test_a_table_is_the_same_whatever_separates_and_encodes_it(tmp_path_factory, separator, encoding, comma, seed):
    frame = frame_of(60, seed)
    path = tmp_path_factory.mktemp("table") / "a.csv"
    comma = comma and separator != ","
    frame.to_csv(path, sep=separator, encoding=encoding, index=bool(seed % 2), decimal="," if comma else ".")
    asked = {"encoding": "cp1252"} if encoding == "cp1252" else {}
    same_world(world_of(frame), world_of(path, **asked))


CELL = st.text(st.characters(exclude_categories=["Cs", "Cc"], include_characters="\n\t"), max_size=5).map(
    lambda text: f"a{text}b"  # spaces around a cell do not count
)


@given(
    st.integers(2, 4).flatmap(lambda n: st.lists(st.lists(CELL, min_size=n, max_size=n), min_size=2, max_size=6)),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["\n", "\r\n", "\r"]),
    st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    st.lists(st.tuples(st.integers(0, 6), st.sampled_from(["", "  ", "{0}", "{0}{0}"])), max_size=3),
)
def test_every_cell_is_read_as_it_was_written(rows, separator, end, quoting, blank):
    """Whatever stands in cells, and wherever lines stand in which nothing does."""
    quoting = csv.QUOTE_ALL if end == "\r" else quoting  # csv.writer then leaves a line break in a cell unquoted
    lines = []
    for row in rows:
        lines.append(io.StringIO())
        csv.writer(lines[-1], delimiter=separator, lineterminator=end, quoting=quoting).writerow(row)
    lines = [line.getvalue() for line in lines]
    for place, nothing in blank:
        lines.insert(place, nothing.format(separator) + end)
    names, table = cells_of("".join(lines), separator, "a.csv")
    assert [names, *table.to_numpy().tolist()] == rows


def test_spaces_before_a_quotation_mark_do_not_count():
    names, table = cells_of('x, "y"\n1, "a, b"\n', ",", "a.csv")
    assert [names, *table.to_numpy().tolist()] == [["x", "y"], ["1", "a, b"]]


def test_a_line_that_is_no_row_is_named_by_its_number(tmp_path):
    rows = [f"{n},{n % 2}\n" for n in range(40)]
    for extra, line in (
        ("1,2,3\n", 13),
        ('"1\n1",2,3\n', 13),
        ("source: me\n", 13),
        ('\n"x', 14),
        ('"a\nb",1\n1\n', 15),
    ):
        with pytest.raises(ValueError, match=f"line {line} has"):
            world_of(written(tmp_path, "x,y\n\n" + "".join([*rows[:10], extra, *rows[10:]])), {"y": "binary"})
    long = "x,y\n" + "".join(rows) + '"' + "1,2\n" * 50_000
    with pytest.raises(ValueError, match="line 42 cannot be read"):
        world_of(written(tmp_path, long), {"y": "binary"})
    for empty in (",,\n", "\n \n", "sep=;\n;;\n"):
        with pytest.raises(ValueError, match="is empty"):
            world_of(written(tmp_path, empty), {"y": "binary"})


def test_a_parquet_file_is_the_same_table(tmp_path):
    frame = frame_of()
    frame.to_parquet(tmp_path / "a.parquet")
    same_world(world_of(frame), world_of(tmp_path / "a.parquet"))


def written(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


NO_TABLE = {
    "nothing": (b"", "is empty"),
    "spaces": (b"  \n\n", "is empty"),
    "only names": (b"a,b\n", "no rows"),
    "prose": (b"It was a dark night.\nThe rain fell\n", "one column"),
    "a spreadsheet": (b"PK\x03\x04 and so on", "spreadsheet"),
    "packed": (b"\x1f\x8b\x08", "gzip"),
    "a picture": (b"\x89PNG\r\n", "a picture"),
    "bytes": (b"a,b\n1,\x00\x00\n", "no text has"),
    "twice": (b"a,b,a\n1,2,3\n", "'a' is there 2 times"),
    "twice but for a space": (b"a,b, a\n1,2,3\n", "'a' is there 2 times"),
    "no name": (b"a,,b\n1,2,3\n", "column 2 has no name"),
    "a longer line": (b"a,b\n1,2\n1,2,3,4\n", "no table"),
    "another encoding": ("a,b\nK\u00f6ln,1\n".encode("cp1252"), "line 2: say its encoding"),
}


@pytest.mark.parametrize("what", NO_TABLE)
def test_what_is_no_table_is_refused_in_words(tmp_path, what):
    content, words = NO_TABLE[what]
    with pytest.raises(ValueError, match=words):
        world_of(written(tmp_path, content))


def test_where_there_is_no_file_the_place_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv"):
        world_of(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match="is a folder"):
        world_of(tmp_path)
    with pytest.raises(TypeError, match="DataFrame or the name of a file"):
        world_of([[1, 2]])
    with pytest.raises(ValueError, match="no encoding"):
        world_of(written(tmp_path, b"a,b\n1,2\n"), encoding="klingon")
    with pytest.raises(ValueError, match="cannot be read as Parquet"):
        world_of(written(tmp_path, b"nothing of the kind", "a.parquet"))


# what is learnt from training rows alone


@given(st.integers(0, 10**6), st.booleans())
@settings(max_examples=20)
def test_nothing_of_the_other_rows_reaches_the_training_features(seed, grouped):
    frame = frame_of(150, seed)
    group = {"group": "school"} if grouped else {}
    world = world_of(frame, **group)
    changed, outside = frame.copy(), np.setdiff1d(np.arange(len(frame)), world.rows["train"])
    changed.loc[outside, "age"] = 1e6
    changed.loc[outside, "town"] = "Ulm"
    other = world_of(changed, **group)
    assert np.array_equal(other.rows["train"], world.rows["train"])
    assert torch.equal(world.train.x, other.train.x)
    assert not [name for name in other.columns if "Ulm" in name]


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_features_are_what_scikit_learn_makes_of_the_training_rows(seed):
    frame = frame_of(100, seed)
    world = world_of(frame, group="school")
    x, at = world.train.x.double().numpy(), list(world.columns).index
    own = frame.iloc[world.rows["train"]]
    age = own.age.fillna(own.age.mean())
    expected = ((age - age.mean()) / age.std(ddof=0)).clip(-cols.FARTHEST, cols.FARTHEST)
    np.testing.assert_allclose(x[:, at("age")], expected, atol=1e-5)
    np.testing.assert_array_equal(x[:, at("town: Bonn")], own.town == "Bonn")
    if own.town.isna().any():
        np.testing.assert_array_equal(x[:, at("town: missing")], own.town.isna())
    if own.age.isna().any():
        assert len(np.unique(x[own.age.isna().to_numpy(), at("age missing")])) == 1
    assert len(world.columns) == x.shape[1]


def test_a_number_far_from_all_others_is_cut_off():
    frame = frame_of(100, gaps=False)
    world = world_of(frame)
    frame.loc[world.rows["test"][:2], "age"] = 1e6, -1e6
    far, age = world_of(frame), list(world.columns).index("age")
    assert far.test.x[:2, age].tolist() == [cols.FARTHEST, -cols.FARTHEST]
    assert torch.equal(far.test.x[2:], world.test.x[2:])
    rows = frame.iloc[world.rows["test"][:2]]
    assert torch.equal(far.encoder.encode(rows), far.test.x[:2])


@given(st.integers(0, 10**6))
@settings(max_examples=20)
def test_labels_are_the_cells_and_missing_ones_are_masked(seed):
    frame = frame_of(100, seed)
    world = world_of(frame)
    for part in ("train", "validation", "test"):
        own, labels = frame.iloc[world.rows[part]], getattr(world, part).labels
        mark = world.encoder.decode("mark", labels["mark"].double())
        np.testing.assert_allclose(mark, own.mark, atol=1e-5)
        for name in ("passed", "track"):
            said = [None if n < 0 else world.encoder.answer(name, int(n)) for n in labels[name]]
            assert said == [None if cell is None or cell != cell else cell for cell in own[name]]
    rest = np.concatenate([world.rows["train"], world.rows["validation"]])
    numbers = (frame.mark.iloc[rest] - world.encoder.labels["mark"].middle) / world.encoder.labels["mark"].unit
    assert abs(numbers.mean()) < 1e-6
    assert abs(numbers.std(ddof=0) - 1) < 1e-6


@given(st.integers(0, 10**6))
@settings(max_examples=15)
def test_new_rows_are_encoded_as_the_worlds_were(seed):
    frame = frame_of(120, seed)
    world = world_of(frame)
    rows = frame.iloc[world.rows["test"]]
    known = set(frame.town.iloc[world.rows["train"]].fillna("missing"))
    rows_known = rows.town.fillna("missing").isin(known).to_numpy()
    other_order = rows[rows.columns[::-1]].drop(columns=[*TASKS]).assign(more=1)
    torch.testing.assert_close(world.encoder.encode(other_order[rows_known]), world.test.x[torch.tensor(rows_known)])
    again = cols.Encoder.from_bytes(world.encoder.to_bytes())
    assert torch.equal(again.encode(rows[rows_known]), world.encoder.encode(rows[rows_known]))
    assert again.columns == world.encoder.columns
    assert [own.task for own in again.labels.values()] == [own.task for own in world.encoder.labels.values()]


def test_new_rows_that_are_unlike_are_refused_in_words():
    world = world_of(frame_of())
    rows = frame_of(5, 1, gaps=False)
    with pytest.raises(KeyError, match=r"lacks 'age' and 'town'"):
        world.encoder.encode(rows.drop(columns=["age", "town"]))
    with pytest.raises(ValueError, match=r"'town' holds 'Ulm', which no training row has"):
        world.encoder.encode(rows.assign(town="Ulm"))
    with pytest.raises(ValueError, match=r"'age' holds 'old', which is no number"):
        world.encoder.encode(rows.assign(age="old"))
    with pytest.raises(ValueError, match=r"'age' holds 'inf'"):
        world.encoder.encode(rows.assign(age=np.inf))
    for content in (b"", b"nothing", world.encoder.to_bytes()[:-40]):
        with pytest.raises(ValueError, match="not the transformers"):
            cols.Encoder.from_bytes(content)


# the split


@given(st.integers(1, 40), st.integers(0, 10**6), st.floats(0.1, 0.5), st.integers(0, 3))
@settings(max_examples=40)
def test_groups_stay_whole_and_the_test_stays(extra, seed, part, draw):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 12, size=5 + extra)
    school = np.repeat(np.arange(len(sizes)), sizes)
    frame = frame_of(len(school), seed, gaps=False).assign(school=rng.permutation(school))
    if len(frame) < 30:
        return
    world = world_of(frame, {"mark": "number"}, group="school", test=part)
    other = world.draw(draw)
    assert np.array_equal(world.rows["test"], other.rows["test"])
    for one in (world, other):
        parts = [set(one.groups[name].tolist()) for name in ("train", "validation", "test")]
        assert sum(map(len, parts)) == len(set.union(*parts))
        assert min(map(len, parts)) >= 2
        assert sorted(np.concatenate([*one.rows.values()])) == list(range(len(frame)))


@given(st.lists(st.integers(1, 30), min_size=6, max_size=60), st.floats(0.1, 0.6), st.integers(0, 99))
def test_whole_groups_come_as_near_to_a_share_of_the_rows_as_their_order_lets_them(sizes, part, seed):
    units = np.repeat(np.arange(len(sizes)), sizes)
    first, second = cut_groups(np.arange(len(units)), units, part, np.random.default_rng(seed))
    assert sorted([*first, *second]) == list(range(len(units)))
    assert not set(units[first]) & set(units[second])
    taken = len(set(units[second]))
    assert 2 <= taken <= len(sizes) - 2
    if 2 < taken < len(sizes) - 2:
        assert abs(len(second) / len(units) - part) <= max(sizes) / len(units)


@given(st.integers(0, 10**6), st.floats(0.05, 0.5))
@settings(max_examples=20)
def test_rare_classes_have_the_same_share_in_every_part(seed, rare):
    rng = np.random.default_rng(seed)
    frame = frame_of(400, seed, gaps=False)
    frame["passed"] = np.where(rng.random(400) < rare, "yes", "no")
    world = world_of(frame, {"passed": "binary", "mark": "number"})
    whole = (frame.passed == "yes").mean()
    for part in ("train", "validation", "test"):
        own = (frame.passed.iloc[world.rows[part]] == "yes").mean()
        assert abs(own - whole) <= 2 / len(world.rows[part])


def test_a_seed_draws_training_and_validation_and_nothing_else():
    frame = frame_of(200)
    world, again = world_of(frame, seed=3), world_of(frame, seed=3)
    same_world(world, again)
    same_world(world.draw(5), world_of(frame, seed=5))
    assert not np.array_equal(world.rows["train"], world.draw(4).rows["train"])
    few = world_of(frame, n_train=20)
    assert len(few.train) == 20
    assert set(few.rows["train"]) <= set(world_of(frame).rows["train"])


def test_by_row_groups_stand_on_both_sides_and_it_is_said():
    world = world_of(frame_of(200), group="school", split_by="row")
    by_group = world_of(frame_of(200), group="school")
    half = world_of(frame_of(200), group="school", split_by="half")
    assert np.array_equal(half.rows["test"], world.rows["test"])
    assert (len(half.train), len(half.validation)) == (len(world.train), len(world.validation))
    assert not set(half.groups["train"].tolist()) & set(half.groups["test"].tolist())
    assert half.encoder.labels["mark"] == world.encoder.labels["mark"]  # an error means the same in both
    assert set(world.groups["test"].tolist()) == set(by_group.groups["test"].tolist())
    assert set(world.rows["test"]) < set(by_group.rows["test"])
    assert len(world.train) == len(by_group.train)
    assert set(world.groups["train"].tolist()) & set(world.groups["test"].tolist())
    assert any("to compare, not to use" in sentence for sentence in world.decisions)
    assert world.group == "school"


# a task for each group


@given(st.integers(0, 10**6))
@settings(max_examples=15)
def test_a_task_a_group_asks_each_of_its_own_rows(seed):
    frame = frame_of(200, seed, groups=6).eval("school = 3 * school")  # 0 to 15
    world = mtl.data.table(frame, {"mark": "number"}, task="school", quiet=True)
    labelled = frame.dropna(subset="mark")
    for part in ("train", "validation", "test"):
        split = getattr(world, part)
        for task in world.tasks:
            labels = split.labels[task.name]
            there = ~labels.isnan()
            own = labelled[labelled.school == int(task.name)].mark
            assert set(np.round(world.encoder.decode(task.name, labels[there].double()), 2)) <= set(own)
    assert [task.name for task in world.tasks] == sorted((task.name for task in world.tasks), key=int)
    counts = [
        sum(int((~getattr(world, p).labels[t.name].isnan()).sum()) for p in ("train", "validation", "test"))
        for t in world.tasks
    ]
    assert counts == [int((labelled.school == int(task.name)).sum()) for task in world.tasks]
    assert "school" not in " ".join(world.columns)


def test_groups_with_few_labels_are_no_tasks_and_that_is_said():
    frame = frame_of(120, groups=4, gaps=False)
    frame.loc[:5, "school"] = 99
    world = mtl.data.table(frame, {"mark": "number"}, task="school", quiet=True)
    assert "99" not in [task.name for task in world.tasks]
    assert any("'99' have fewer than" in sentence for sentence in world.decisions)


# what is decided and what is refused

REFUSED = {
    "no tasks": ({}, {}, "say which columns are tasks"),
    "another kind": ({"mark": "float"}, {}, "there is no kind"),
    "too many answers": ({"track": "binary"}, {}, "has 3 answers"),
    "text for a number": ({"track": "number"}, {}, "which is no number"),
    "a group that is a task": ({"mark": "number"}, {"group": "mark"}, "cannot be group=, too"),
    "task and group": ({"mark": "number"}, {"group": "school", "task": "town"}, "either task= or group="),
    "two questions": ({"mark": "number", "track": "class"}, {"task": "school"}, "give one column"),
    "few groups": ({"mark": "number"}, {"group": "track3"}, "has 3 groups"),
    "no group": ({"mark": "number"}, {"group": "gap"}, "row 4 has no 'gap'"),
    "another split": ({"mark": "number"}, {"split_by": "day"}, "split_by is one of"),
    "a share of two": ({"mark": "number"}, {"test": 2}, "between 0 and 0.9"),
    "dates": ({"mark": "number"}, {"with_": "date"}, "dates=\\['born'\\]"),
    "infinity": ({"mark": "number"}, {"with_": "infinity"}, "holds infinity"),
    "12 rows": ({"mark": "number"}, {"with_": "few"}, "12 rows are too few"),
    "no label": ({"empty": "number"}, {}, "all labels are missing"),
    "one answer": ({"one": "class"}, {}, "has one answer in all rows, 'a'"),
    "one number": ({"seven": "number"}, {}, "has one answer in all rows, 7"),
    "a name a row": ({"name": "class"}, {}, "classes among"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_asked_is_refused_in_words(what):
    tasks, asked, words = REFUSED[what]
    frame = frame_of(gaps=False).assign(one="a", seven=7.0, empty=np.nan, track3=lambda f: f.track)
    frame["name"] = [f"somebody {n}" for n in range(len(frame))]
    frame["gap"] = frame.school.astype(float).where(frame.index != 3)
    asked = dict(asked)
    extra = asked.pop("with_", None)
    if extra == "date":
        frame["born"] = "2001-02-03"
    if extra == "infinity":
        frame.loc[3, "age"] = np.inf
    if extra == "few":
        frame = frame.head(12)
    with pytest.raises(ValueError, match=words):
        mtl.data.table(frame, tasks, quiet=True, **asked)


def test_a_column_that_is_not_there_is_named():
    for asked in ({"group": "class"}, {"leave": ["class"]}, {"dates": ["class"]}, {"task": "class"}):
        with pytest.raises(KeyError, match="no column 'class'"):
            world_of(frame_of(), {"mark": "number"}, **asked)
    with pytest.raises(KeyError, match="no column 'points'"):
        world_of(frame_of(), {"points": "number"})


def test_a_file_keeps_its_name_in_a_sentence(tmp_path):
    frame_of(100).to_csv(tmp_path / "marks.csv", index=False)
    said = mtl.data.table(tmp_path / "marks.csv", TASKS, quiet=True).decisions[0]
    assert as_sentence(said).startswith("The file marks.csv: 100 rows")


def test_every_decision_is_a_sentence_and_is_printed_once(capsys):
    frame = frame_of(100).assign(empty=np.nan, born="2001-02-03", remark=[f"no {n}" for n in range(100)])
    world = mtl.data.table(frame, TASKS, dates=["born"], leave=["sport"])
    printed = capsys.readouterr().out.splitlines()
    assert printed == [f"{sentence}." for sentence in world.decisions]
    sizes = [len(world.rows[part]) for part in ("train", "validation", "test")]
    assert printed[-1] == "{} rows to train on, {} rows to choose by and {} rows to test on.".format(*sizes)
    said = " ".join(printed)
    for words in (
        "'passed' is a yes or no: 'yes' is yes and 'no' is no",
        "Left out, as you said: 'sport'",
        "100 different texts are no categories (if these are numbers, make them numbers first): 'remark'",
        "all its cells are empty: 'empty'",
        "Dates become years since 2000: 'born'",
        "Missing labels are masked",
        "Where cells of 'town' are empty, that is a category",
    ):
        assert words in said, words
    world.draw(1)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("values", "yes"),
    [((0, 1), "1"), ((True, False), "True"), (("N", "y"), "y"), (("false", "TRUE"), "TRUE"), (("lost", "won"), "won")],
)
def test_which_answer_is_yes(values, yes):
    frame = frame_of(60, gaps=False)
    frame["passed"] = np.array(values, object)[np.arange(60) % 2]
    world = world_of(frame, {"passed": "binary"})
    assert world.encoder.answer("passed", 1) == yes


def test_codes_are_numbers_unless_they_are_called_categories():
    frame = frame_of(60, gaps=False).assign(code=np.arange(60) % 3)
    assert "code" in world_of(frame).columns
    assert "code: 2" in world_of(frame, categories=["code"]).columns


def test_dates_are_years():
    frame = frame_of(60, gaps=False).assign(born=pd.date_range("2000-01-01", periods=60, freq="366D").astype(str))
    years = cols.as_years(frame.born)
    assert years[0] == 0
    assert abs(years[1] - 366 / 365.25) < 1e-9
    with pytest.raises(ValueError, match="which is no date"):
        world_of(frame.assign(born="yesterday"), dates=["born"])


def test_a_group_called_like_a_result_is_not_taken_for_one():
    frame = frame_of(120, gaps=False).rename(columns={"school": "score"})
    world = world_of(frame, {"mark": "number"}, group="score")
    run = mtl.fit(mtl.Hard(world, mtl.nets.hidden(4, len(world.columns))), world, epochs=1, progress=False)
    table = mtl.inspection.by_group(run)
    assert set(table) == {"score group", "task", "loss", "score", "count"}


NAMES = ["$x^2$", "<script>alert(1)</script>", "中文", "a, b", "two\nlines", "x" * 300, " spaces "]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_will_do(name):
    frame = frame_of(80, gaps=False).rename(columns={"mark": name, "town": f"{name}2"})
    frame["track"] = frame.track.replace("a", name.strip())
    world = world_of(frame, {name: "number", "track": "class"})
    assert world.tasks[0].name == name
    run = mtl.fit(mtl.Hard(world, mtl.nets.hidden(4, len(world.columns))), world, epochs=1, progress=False)
    assert set(run.scores) == {name, "track"}


def test_many_columns_and_a_wide_table_are_fine():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.standard_normal((100, 2000)), columns=[f"c{n}" for n in range(2000)]).assign(
        y=rng.normal(size=100)
    )
    world = world_of(frame, {"y": "number"})
    assert world.train.x.shape[1] == 2000


def test_tasks_may_be_given_whole_and_then_order_their_answers():
    frame = frame_of(80, gaps=False)
    task = mtl.Classification("track", ["c", "b", "a"])
    world = world_of(frame, {"track": task})
    assert world.tasks == (task,)
    assert world.encoder.answer("track", 0) == "c"
    with pytest.raises(ValueError, match="was given the task 'way'"):
        world_of(frame, {"track": mtl.Classification("way", ["c", "b", "a"])})


def test_a_file_that_was_read_is_closed_and_unchanged(tmp_path):
    text = frame_of(60).to_csv(index=False)
    path = written(tmp_path, text)
    world_of(path)
    assert pd.read_csv(io.StringIO(path.read_text())).equals(pd.read_csv(io.StringIO(text)))


# cells as people write them


def read(tmp_path, text, tasks=None, **asked):
    """The table of a file whose last two columns are a yes or no and a number."""
    lines = text.strip().split("\n")
    separator = ";" if ";" in lines[0] else ","
    rows = [f"{line}{separator}{'Ja' if n % 3 else 'Nein'}{separator}{n}" for n, line in enumerate(lines[1:] * 40)]
    path = written(tmp_path, "\n".join([f"{lines[0]}{separator}yes{separator}much", *rows]))
    return world_of(path, tasks or {"much": "number"}, **asked)


def numbers_of(world, name):
    """The numbers of a column, as read, in the order of the rows."""
    return world.known.frame[name].tolist()


@pytest.mark.parametrize(
    ("cells", "asked", "numbers", "words"),
    [
        ("x;y\n957;1,5\n1.234;2,5", {}, [957, 1234], "a point stands between thousands"),
        ("x;y\n1.234,5;1\n7;2", {}, [1234.5, 7], "a comma stands before the decimals"),
        ("x;y\n957;1.5\n1.234;2.5", {}, [957, 1.234], None),
        ("x;y\n957;a\n1.234;b", {"decimal": ","}, [957, 1234], "a point stands between thousands"),
        ("x;y\n957;a\n1.234;b", {"decimal": "."}, [957, 1.234], None),
        ('x,y\n957,a\n"1,234",b', {}, [957, 1234], "a comma stands between thousands"),
        ('x,y\n7,a\n"7,5",b', {}, [7, 7.5], "a comma stands before the decimals"),
        ("x,y\n0.125,a\n1.375,b", {}, [0.125, 1.375], None),
        ("x,y\n12 %,a\n7.5 %,b", {}, [12, 7.5], "the sign % is taken off"),
        ("x,y\n€ 5,a\n€ 7,b", {}, [5, 7], "the sign € is taken off"),
        ("x,y\n1e3,a\n-2.5E-1,b", {}, [1000, -0.25], None),
    ],
)
def test_numbers_as_people_write_them(tmp_path, cells, asked, numbers, words):
    world = read(tmp_path, cells, **asked)
    assert numbers_of(world, "x")[:2] == numbers
    said = [sentence for sentence in world.decisions if sentence.startswith("In 'x'")]
    assert bool(said) == (words is not None)
    assert words is None or any(words in sentence for sentence in said)


@pytest.mark.parametrize(
    ("cells", "asked", "words"),
    [
        ("x;y\n957;a\n1.234;b", {}, "'1.234': are these thousands, or three decimals"),
        ("x;y\n957;a\n1,234;b", {}, "'1,234': are these thousands, or three decimals"),
        ("x;y;z\n957;1,5;2.5\n1.234;2,5;3.5", {}, "'1.234': are these thousands, or three decimals"),
        ("x,y\n1,a\n2,b\n3,c\n4,a\n5,a\n6,a\n7,a\n8,a\n9,a\n-,b", {}, "but for '-' \\(40\\): missing=\\['-'\\]"),
        ("x,y\n1,a\n2,b", {"decimal": "dot"}, "decimal is"),
        ("x,y\n2019,a\n2020,b", {"dates": "x"}, "holds numbers, not dates: take it out of dates="),
        ("x,y\n05/06/2020,a\n07/06/2020,b", {"dates": ["x"]}, "day or month first"),
        ("x,y\n25/06/2020,a\n07/26/2020,b", {"dates": ["x"]}, "two orders"),
        ("x,y\n25/06/2020,a\n07/06/2020,b", {"dates": {"x": "month first"}}, "two orders"),
        ("x,y\n25/06/2020,a\n-,b", {"dates": ["x"]}, "missing=\\['-'\\]"),
        ("x,y\n1,a\n2,b", {"leave": ["x"], "categories": ["x"]}, "one of them"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused_with_the_word_that_decides_it(tmp_path, cells, asked, words):
    with pytest.raises(ValueError, match=words):
        read(tmp_path, cells, **asked)


def test_words_for_nothing_are_empty_cells_and_said(tmp_path):
    world = read(tmp_path, "x,y\n1,a\n2,b\n3,c\n-,k.A.\nNA,d", missing=["-", "k.A."])
    assert np.isnan(numbers_of(world, "x")[3])
    assert np.isnan(numbers_of(world, "x")[4])
    assert world.known.frame.y[3] is None or world.known.frame.y[3] != world.known.frame.y[3]
    said = " ".join(world.decisions)
    assert "Empty cells of 'x', by what is written there: '-' (40) and 'NA' (40)" in said
    assert "Empty cells of 'y', by what is written there: 'k.A.' (40)" in said


def test_true_and_false_are_a_number_but_beside_empty_cells(tmp_path):
    whole, gap = (read(tmp_path, f"x,y\nTrue,1\nFalse,2{row}") for row in ("", "\n,3"))
    assert [name for name in whole.columns if name[0] == "x"] == ["x"]
    assert numbers_of(whole, "x")[:2] == [True, False]
    assert {name for name in gap.columns if name[0] == "x"} == {"x: True", "x: False", "x: missing"}


def test_a_sign_is_taken_off_where_all_cells_have_it(tmp_path):
    world = read(tmp_path, "x,y\n12 %,1\n7,2\nabout a third,3")
    assert {"x: 12 %", "x: 7", "x: about a third"} <= set(world.columns)
    with pytest.raises(ValueError, match="but for '7 %'"):
        read(tmp_path, "x,y\n" + "".join(f"{n},1\n" for n in range(9)) + "7 %,2")


def test_whole_numbers_that_are_answers_are_written_whole():
    frame = frame_of(100, gaps=False).assign(kind=[1.0, 2.0, 3.0, np.nan] * 25)  # as pandas reads them beside a gap
    world = world_of(frame, {"kind": "class", "mark": "number"})
    assert world.task("kind").classes == ("1", "2", "3")
    assert world.encoder.answer("kind", 0) == "1"


def test_codes_stay_texts(tmp_path):
    world = read(tmp_path, "x,y\n01069,1\n10115,2")
    assert {"x: 01069", "x: 10115"} <= set(world.columns)


@pytest.mark.parametrize(
    ("written_as", "asked", "day"),
    [
        ("07.04.2022", ["d"], (2022, 4, 7)),
        ("13/04/2022", ["d"], (2022, 4, 13)),
        ("04/13/2022", ["d"], (2022, 4, 13)),
        ("2022-04-07", ["d"], (2022, 4, 7)),
        ("07/04/2022", {"d": "day first"}, (2022, 4, 7)),
        ("07/04/2022", {"d": "month first"}, (2022, 7, 4)),
    ],
)
def test_dates_are_read_in_one_order(tmp_path, written_as, asked, day):
    world = read(tmp_path, f"d,y\n{written_as},1\n{written_as},2", dates=asked)
    years = (pd.Timestamp(*day) - cols.ORIGIN).days / cols.DAYS
    assert abs(world.known.x["d"].iloc[0] - years) < 1e-9
    again = cols.Encoder.from_bytes(world.encoder.to_bytes())
    assert again.features.day_first == world.encoder.features.day_first


@given(st.integers(0, 10**6), st.sampled_from(["%d.%m.%Y", "%Y-%m-%d", "%d.%m.%Y %H:%M"]))
@settings(max_examples=15)
def test_dates_of_any_days_are_years_exactly(tmp_path_factory, seed, written_as):
    rng = np.random.default_rng(seed)
    days = pd.Timestamp("2015-01-01") + pd.to_timedelta(rng.integers(0, 3000, 60), "D")
    frame = pd.DataFrame({"d": days.strftime(written_as), "y": rng.normal(size=60)})
    world = world_of(frame, {"y": "number"}, dates=["d"])
    np.testing.assert_allclose(world.known.x["d"], (days - cols.ORIGIN).days / cols.DAYS)


@pytest.mark.parametrize(("kind", "yes"), [("binary", "Ja"), ("binary:Nein", "Nein")])
def test_yes_in_other_words(tmp_path, kind, yes):
    world = read(tmp_path, "x,y\n1,a\n2,b", {"yes": kind})
    assert world.encoder.answer("yes", 1) == yes
    with pytest.raises(ValueError, match="has no answer 'Yes' to be yes"):
        read(tmp_path, "x,y\n1,a\n2,b", {"yes": "binary:Yes"})


def test_a_word_for_nothing_is_no_answer():
    frame = frame_of(60, gaps=False)
    frame.loc[:4, "track"] = "k.A."
    with pytest.raises(ValueError, match=r"has the answer 'k.A.': if it means an empty cell, missing=\['k.A.'\]"):
        world_of(frame, {"track": "class"})
    assert "k.A." not in world_of(frame, {"track": "class"}, missing="k.A.").tasks[0].classes
    with pytest.raises(ValueError, match="no column is left to foretell the tasks by: all columns are tasks"):
        world_of(frame[["mark", "passed"]], {"mark": "number", "passed": "binary"})


def test_files_of_excel_are_read(tmp_path):
    rows = "".join(f"{n},5;{n % 2};\n" for n in range(40))
    world = world_of(written(tmp_path, f"sep=;\nx;y;\n{rows}"), {"y": "binary"})
    assert world.columns == ("x",)
    with pytest.raises(ValueError, match=r"line 2 has 2 cells and the first 1|has one column"):
        world_of(written(tmp_path, f"My report\nx;y\n{rows}"), {"y": "binary"})
