"""A report: its protocol comes first, it can be lost, and its page holds what it says, whatever the names are."""

import errno
import html.parser
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_table import frame_of

import mtl_lesson as mtl
from mtl_lesson.inspection.contest import Arm, Contest, Training
from mtl_lesson.reports import command
from mtl_lesson.reports.protocol import Protocol
from mtl_lesson.reports.report import Report, announced, what_would_decide
from mtl_lesson.reports.review import review

TASKS = {"passed": "binary", "mark": "number"}
FEW = {"seeds": 3, "epochs": 2, "quiet": True}
module = sys.modules["mtl_lesson.reports.report"]


@pytest.fixture(scope="module")
def world():
    return mtl.data.table(frame_of(150), TASKS, group="school", quiet=True)


@pytest.fixture(scope="module")
def found(world):
    return mtl.report(world, **FEW)


class Page(html.parser.HTMLParser):
    """The words, the pictures and the tags of a page; every tag is closed."""

    EMPTY = ("meta", "img", "br")

    def __init__(self, content):
        super().__init__()
        self.open, self.tags, self.words, self.pictures = [], set(), [], []
        self.feed(content)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        if tag == "img":
            self.pictures.append(dict(attributes))
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)


def test_a_report_answers_one_question(found):
    assert found.verdict in ("shown", "shown not", "not known")
    assert found.sentence().lower().startswith(found.verdict)
    assert "Hard gains at least 2 points over Separate" in repr(found)
    assert bool(found.more()) == (found.verdict == "not known")
    assert list(found.table.index) == ["Separate", "Hard", "Soft", "Hierarchical", "majority", "linear"]
    assert list(found.table) == ["passed", "mark", "mean of tasks"]
    np.testing.assert_allclose(found.table["mean of tasks"], found.table[["passed", "mark"]].mean(axis=1))


def test_the_page_stands_alone_and_every_picture_has_words(found, tmp_path):
    found.save(tmp_path / "a.html")
    content = (tmp_path / "a.html").read_text(encoding="utf-8")
    page = Page(content)
    assert "script" not in page.tags
    assert "link" not in page.tags
    assert 'src="http' not in content
    assert len(page.pictures) == 2
    for picture in page.pictures:
        assert picture["src"].startswith("data:image/png;base64,")
        assert len(picture["alt"]) > 20
    words = " ".join(page.words)
    for one in (*found.protocol.sentences(), *found.world.decisions):
        assert one[1:].rstrip(".") in words
    assert "mtl.report(world, margin=0.02, way='Hard', against='Separate', task=None, seeds=" in words
    for finding in found.findings:
        assert finding.text[1:].rstrip(".") in words
        if finding.weight != "fine":
            assert finding.why in words
            assert finding.what_to_do in words


@pytest.mark.filterwarnings("ignore:no font here")
@pytest.mark.parametrize("name", ["<script>alert('x')</script>", "a & b", "$x^2$", "中文", "two\nlines", "x" * 200])
def test_names_are_shown_as_they_are_and_never_run(name):
    frame = frame_of(120, gaps=False).rename(columns={"mark": name, "age": f"{name} too"})
    frame["passed"] = np.where(frame.passed == "yes", name, "no")
    world = mtl.data.table(frame, {name: "number", "passed": "binary"}, quiet=True)
    arms = {"Hard": Arm(mtl.Hard, ({"weight_decay": 0.0},)), "Separate": Arm(mtl.Separate, ({"weight_decay": 0.0},))}
    page = Page(mtl.report(world, arms=arms, **FEW).html)
    assert "script" not in page.tags
    assert name[:30].split("\n")[0] in "".join(page.words)


def test_the_protocol_is_printed_before_anything_is_trained(world, monkeypatch, capsys):
    def stop(*arguments, **asked):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "contest", stop)
    with pytest.raises(KeyboardInterrupt):
        mtl.report(world, margin=0.05, seeds=7)
    said = capsys.readouterr().out
    for words in ("Hard gains at least 5 points over Separate", "7 seeds", "The audit", "This takes ≈"):
        assert words in said


def test_what_cannot_be_claimed_is_refused_before_anything_is_trained(world, monkeypatch):
    for name in ("contest", "audit", "expected_seconds"):
        monkeypatch.setattr(module, name, None)
    for asked, kind, words in (
        ({"margin": -0.1}, ValueError, "margin"),
        ({"margin": 2}, ValueError, "margin"),
        ({"margin": "2"}, TypeError, "margin"),
        ({"seeds": 2}, ValueError, "3 seeds or more"),
        ({"seeds": 2.5}, TypeError, "seeds"),
        ({"way": "Pooled"}, ValueError, "there is no way 'Pooled' here"),
        ({"against": "Hard"}, ValueError, "compared with itself"),
        ({"task": "points"}, KeyError, "points"),
    ):
        with pytest.raises(kind, match=words):
            mtl.report(world, **asked)
    with pytest.raises(TypeError, match="takes a World"):
        mtl.report("pupils.csv")
    with pytest.raises(ValueError, match="none to share with"):
        mtl.report(mtl.data.only(world, ["mark"]))


def test_a_test_of_two_groups_carries_no_claim():
    frame = frame_of(60, gaps=False).assign(school=np.repeat(np.arange(6), 10))
    world = mtl.data.table(frame, TASKS, group="school", test=0.3, quiet=True)
    assert world.groups["test"].unique().numel() == 2
    with pytest.raises(ValueError, match="the test has 2 schools with a label"):
        mtl.report(world, **FEW)


def test_a_full_disk_leaves_the_old_page(found, tmp_path, monkeypatch):
    path = tmp_path / "a.html"
    path.write_text("the old one")

    def full(self, content, **asked):
        self.write_bytes(content[:100].encode())
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left on device"):
        found.save(path)
    assert path.read_text() == "the old one"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_named(found, tmp_path):
    with pytest.raises(OSError, match="cannot write"):
        found.save(tmp_path / "nowhere" / "a.html")


# the review


def contest_of(hard, separate, majority=0.5, linear=0.5, tasks=("a", "b"), units=60, seeds=range(100, 108)):
    """A Contest whose merits are these, but for noise; ``hard``: one for each task."""
    rng, merits, rows = np.random.default_rng(0), {}, []
    for arm, values in {"Hard": hard, "Separate": separate, "majority": majority, "linear": linear}.items():
        for t, task in enumerate(tasks):
            mean = values[t] if isinstance(values, tuple) else values
            noise = 0.002 * rng.standard_normal((len(seeds), units))
            merits[arm, task] = pd.DataFrame(mean + noise, list(seeds), range(units))
            rows += [
                {"arm": arm, "seed": s, "task": task, "validation": mean, "trial": "weight_decay=0.1", "epochs": 30}
                for s in seeds
            ]
    return Contest(merits, pd.DataFrame(rows), tuple(map(mtl.Binary, tasks)), "row")


ARMS = {name: Arm(mtl.Hard, ({"weight_decay": 0.0}, {"weight_decay": 0.1})) for name in ("Hard", "Separate")}


def reviewed(contest, world, **protocol):
    training = Training(tuple(range(100, 108)), 30)
    return {one.kind: one for one in reversed(review(contest, Protocol(**protocol), world, training, ARMS))}


def test_a_reviewer_names_the_floor_that_is_not_beaten(world):
    said = reviewed(contest_of(0.7, 0.7, majority=0.7), world)["floor"]
    assert said.weight == "serious"
    assert "not shown to beat one answer for all on 'a' and 'b'" in said.text
    said = reviewed(contest_of(0.7, 0.7, linear=(0.5, 0.8)), world)["floor"]
    assert said.weight == "worth a look"
    assert "a linear model on 'b'" in said.text
    assert reviewed(contest_of(0.7, 0.7), world)["floor"].weight == "fine"


def test_a_floor_is_not_compared_with_itself(world):
    said = review(contest_of(0.7, 0.7), Protocol(way="linear"), world, Training((100, 101, 102)), ARMS)
    floors = [one.text for one in said if one.kind == "floor"]
    assert floors == ["linear is not shown to beat one answer for all on 'a' and 'b'."]


def test_a_reviewer_names_who_pays_for_the_mean(world):
    said = reviewed(contest_of((0.9, 0.6), (0.7, 0.7)), world)["loser"]
    assert said.text == "The interval of Hard minus Separate lies below 0 on 'b'."
    assert reviewed(contest_of(0.9, 0.7), world)["loser"].weight == "fine"
    by_chance = contest_of(0.7, (0.7, 0.7000001), seeds=range(100, 103), units=10)
    assert min(by_chance.beats("Hard", "Separate", task=name).mean for name in "ab") < 0
    assert reviewed(by_chance, world)["loser"].weight == "fine"


@pytest.mark.parametrize(
    ("more", "said"), [(["Soft"], "Soft is shown"), (["Soft", "Pooled"], "Soft, Pooled are shown")]
)
def test_what_nobody_announced_is_shown_beside(world, more, said):
    contest = contest_of(0.9, 0.7)
    beside = {(arm, task): contest.merits["Hard", task] for arm in more for task in "ab"}
    contest = Contest(contest.merits | beside, contest.chosen, contest.tasks, contest.unit)
    assert reviewed(contest, world)["others"].text.startswith(said)


def test_a_reviewer_sees_the_end_of_the_row(world):
    said = reviewed(contest_of(0.9, 0.7), world)
    assert "weight_decay=0.1" in said["edge"].text
    assert "epochs=60" in said["short"].what_to_do
    once = contest_of(0.9, 0.7)  # of one seed of eight
    rows = once.chosen.assign(epochs=np.where(once.chosen.seed == 100, 30, 10))
    assert "short" not in reviewed(Contest(once.merits, rows, once.tasks, once.unit), world)
    early = contest_of(0.9, 0.7)
    early = Contest(early.merits, early.chosen.assign(epochs=10, trial="weight_decay=0.0"), early.tasks, early.unit)
    assert not {"edge", "short"} & set(reviewed(early, world))


def test_a_reviewer_counts_units_and_seeds(world):
    enough = reviewed(contest_of(0.9, 0.7), world)["reach"]
    assert enough.weight == "fine"
    assert "fewest" not in enough.text  # all tasks have as many
    few = contest_of(0.9, 0.7, units=12, seeds=range(100, 104))
    said = reviewed(few, world, seeds=4)["reach"]
    assert said.weight == "worth a look"
    assert "12 rows and 4 seeds are few" in said.text
    plain = mtl.data.questions(n_train=40)
    said = reviewed(contest_of(0.9, 0.7), plain)
    assert said["sample"].text.startswith("All seeds train on the same rows")
    assert said["unit"].weight == "worth a look"
    said = reviewed(contest_of(0.9, 0.7), world)
    assert "from this one table" in said["sample"].text
    assert "unit" not in said
    rare = contest_of(0.9, 0.7)
    few = Contest(
        {key: own.iloc[:, :9] if key[1] == "b" else own for key, own in rare.merits.items()},
        *[rare.chosen, rare.tasks, "row"],
    )
    assert "9 rows of the test and 8 seeds (of 'b'" in reviewed(few, world)["reach"].text


@pytest.mark.parametrize(
    ("hard", "margin", "verdict", "worse"),
    [
        (0.8, 0.02, "shown", False),
        (0.7, 0.02, "shown not", False),
        (0.6, 0.02, "shown not", True),
        (0.72, 0.02, "not known", False),
    ],
)
def test_a_verdict_says_whether_it_is_worse_and_what_would_decide(world, hard, margin, verdict, worse):
    contest = contest_of(hard, 0.7)
    wide = {
        place: own - own.mean().mean() + (hard if place[0] == "Hard" else 0.7) for place, own in contest.merits.items()
    }
    contest = Contest(wide, contest.chosen, contest.tasks, contest.unit)
    decided = contest.decide("Hard", "Separate", margin)
    made = Report(world, Protocol(margin=margin), Training((100,)), (), contest, decided)
    assert made.verdict == verdict
    assert ("Hard does worse." in made.sentence()) == worse
    assert bool(made.more()) == (verdict == "not known")
    assert made.more() in repr(made)


def test_what_would_decide_is_said():
    rng = np.random.default_rng(0)
    noisy = contest_of(0.71, 0.7)
    wide = {place: own + 0.2 * rng.standard_normal(60) * (place[0] == "Hard") for place, own in noisy.merits.items()}
    decided = Contest(wide, noisy.chosen, noisy.tasks, "school").decide("Hard", "Separate", 0.0)
    assert decided.verdict == "not known"
    said = what_would_decide(decided, "school")
    assert "more schools in the test" in said or "Neither more seeds" in said
    assert announced(42) == "This takes ≈ 40 s."
    assert announced(600) == "This takes ≈ 10 min."
    assert "n_train=" in announced(7200)


def test_as_many_seeds_as_were_written_down_and_none_that_settings_were_tried_on():
    for seeds in (3, 8, 40):
        protocol = Protocol(seeds=seeds)
        assert list(protocol.numbers) == list(range(100, 100 + seeds))
        assert f"{seeds} seeds" in " ".join(protocol.sentences())


def test_what_a_folder_keeps_need_not_be_waited_for(tmp_path):
    assert announced(42, tmp_path) == announced(42, tmp_path / "new") == announced(42)
    (tmp_path / "a.pt").touch()
    assert announced(42, tmp_path) == f"This takes ≈ 40 s, less what {tmp_path} keeps of it."


# the command line


@pytest.fixture
def small(monkeypatch):
    """Reports of a few epochs."""
    true = module.report
    monkeypatch.setattr(module, "report", lambda world, *a, **k: true(world, *a, **(k | {"epochs": 2})))


def test_a_page_from_the_command_line(tmp_path, small, capsys):
    frame_of(150).to_csv(tmp_path / "pupils.csv", index=False)
    asked = ["report", str(tmp_path / "pupils.csv"), "--tasks", "passed=binary", "mark=number", "--group", "school"]
    asked += ["--seeds", "3", "--out", str(tmp_path / "page.html"), "--margin", "0.05", "--leave", "track"]
    assert command.main(asked) == 0
    assert "Hard gains at least 5 points over Separate" in (tmp_path / "page.html").read_text(encoding="utf-8")
    assert str(tmp_path / "page.html") in capsys.readouterr().out
    assert list((tmp_path / "page.parts").glob("*.pt"))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        (["nowhere.csv", "--tasks", "a=binary"], "there is no file"),
        (["{csv}", "--tasks", "passed"], "takes column=kind"),
        (["{csv}", "--tasks", "passed=yes"], "there is no kind"),
        (["{csv}", "--tasks", "points=number"], "no column 'points'"),
        (["{csv}"], "say which columns are tasks"),
        (["{csv}", "--tasks", "mark=number", "--out", "/nowhere/at/all.html"], "no folder /nowhere/at"),
        (["{csv}", "--tasks", "mark=number", "passed=binary", "--margin", "-1"], "margin"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_no_traceback(tmp_path, capsys, asked, words):
    frame_of(60, gaps=False).to_csv(tmp_path / "a.csv", index=False)
    asked = [one.replace("{csv}", str(tmp_path / "a.csv")) for one in asked]
    assert command.main(["report", *asked]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert len(said.splitlines()) == 1


OF_TABLES = {
    "--leave": ("leave", ["a", "b"]),
    "--categories": ("categories", ["a", "b"]),
    "--dates": ("dates", ["a"]),
    "--missing": ("missing", ["k.A."]),
    "--decimal": ("decimal", ","),
}
OF_BOTH = {
    "--tasks": ("tasks", ["y=z=class"]),
    "--task": ("task", "town"),
    "--group": ("group", "school"),
    "--test": ("test", 0.4),
    "--rows": ("n_train", 500),
    "--encoding": ("encoding", "cp1252"),
}
OF_REPORTS = {
    "--margin": ("margin", 0.1),
    "--way": ("way", "Soft"),
    "--against": ("against", "linear"),
    "--on": ("task", "mark"),
    "--seeds": ("seeds", 5),
    "--epochs": ("epochs", 7),
    "--folder": ("folder", Path("kept")),
}
ELSEWHERE = {"--labels", "--out", "-h", "--help"}  # tested below and above


@pytest.mark.parametrize("kind", ["tables", "folders"])
def test_whatever_is_asked_for_on_the_command_line_is_done_or_refused(tmp_path, monkeypatch, capsys, kind):
    source, made = tmp_path / "a.csv", {}
    source.mkdir() if kind == "folders" else source.touch()

    def world(_, tasks=None, **asked):
        made.update({"world": {"tasks": tasks} | asked})

    class Made:
        def __init__(self, _, margin, **asked):
            made["report"] = {"margin": margin} | asked

        def save(self, page):
            made["page"] = page

    monkeypatch.setattr(sys.modules[f"mtl_lesson.data.{kind}"], kind.removesuffix("s"), world)
    monkeypatch.setattr(module, "report", Made)
    flags = {*command.parser()._subparsers._group_actions[0].choices["report"]._option_string_actions}
    assert flags == {*OF_TABLES, *OF_BOTH, *OF_REPORTS, *ELSEWHERE}
    for flag, (name, value) in {**OF_TABLES, **OF_BOTH, **OF_REPORTS}.items():
        words = [str(one) for one in (value if isinstance(value, list) else [value])]
        status = command.main(["report", str(source), flag, *words, "--out", str(tmp_path / "a.html")])
        if kind == "folders" and flag in OF_TABLES:
            assert status == 2
            assert f"{flag} belongs to a table" in capsys.readouterr().err
        else:
            expected = {"y=z": "class"} if flag == "--tasks" else value
            assert (status, made["report" if flag in OF_REPORTS else "world"][name]) == (0, expected)
            assert made["page"] == tmp_path / "a.html"


def test_stopped_it_says_how_to_go_on(tmp_path, capsys, monkeypatch):
    frame_of(60, gaps=False).to_csv(tmp_path / "a.csv", index=False)

    def stop(*arguments, **asked):
        raise KeyboardInterrupt

    monkeypatch.setattr(module, "report", stop)
    asked = ["report", str(tmp_path / "a.csv"), "--tasks", "mark=number", "--out", str(tmp_path / "a.html")]
    assert command.main(asked) == 130
    assert "Stopped. Nothing is kept yet." in capsys.readouterr().err


def test_a_report_is_a_page(found, tmp_path):
    with pytest.raises(ValueError, match="a report is a page"):
        found.save(tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []


def test_labels_are_of_a_folder(tmp_path, capsys):
    frame_of(60, gaps=False).to_csv(tmp_path / "a.csv", index=False)
    assert command.main(["report", str(tmp_path / "a.csv"), "--tasks", "mark=number", "--labels", "b.csv"]) == 2
    assert "--labels belongs to a folder" in capsys.readouterr().err
