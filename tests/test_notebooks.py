"""No notebook escapes comparison, and the comparison fails when it should.

The comparison itself is nbval's (`make test` runs it on the notebooks). Here: a guard on what the notebooks hold, the
canaries in tests/canaries, and the rules by which notebooks are built.
"""

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import build
import nbformat
import pytest
import stated
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

import mtl_lesson as mtl

ROOT = Path(__file__).resolve().parents[1]
LESSONS = sorted([*(ROOT / "notebooks").glob("*.ipynb"), *(ROOT / "notebooks").glob("extra/*.ipynb")])
NBVAL = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--color=no", "--nbval", "--nbval-current-env"]
NBVAL += ["--nbval-sanitize-with", "tests/notebook_sanitize.cfg", "--nbval-cell-timeout", "120"]


def nbval(*arguments):
    """Run pytest with nbval in its own process, as `make test` does."""
    return subprocess.run(
        [*NBVAL, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True, encoding="utf-8", timeout=600
    )


# The notebooks


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_notebook_can_be_compared_and_reads_well(path):
    assert build.faults(nbformat.read(path, as_version=4)) == []


def test_notebooks_are_what_their_text_twins_say():
    assert build.stale() == []


def test_every_code_cell_is_compared(record_property):
    cells = {
        path.relative_to(ROOT / "notebooks").as_posix(): len(build.code_cells(nbformat.read(path, as_version=4)))
        for path in LESSONS
    }
    listed = nbval("--collect-only", "-q", "notebooks").stdout
    collected = {name: len(re.findall(rf"^notebooks/{re.escape(name)}::Cell \d+$", listed, re.M)) for name in cells}
    assert sum(cells.values()) > 0, "there are no notebooks: run make notebooks"
    assert collected == cells
    assert listed.count("::") == sum(cells.values())  # and nothing else is collected there
    record_property("note", f"nbval compares {sum(cells.values())} cells of {len(cells)} notebooks")


# The canaries: notebooks that nbval must fail


@pytest.fixture(scope="module")
def canaries(tmp_path_factory):
    """What nbval says of each canary: {(notebook, cell number): message, None where the cell passed}."""
    report = tmp_path_factory.mktemp("canaries") / "report.xml"
    nbval("tests/canaries", f"--junitxml={report}")
    return {
        (case.get("classname").split(".")[-2], int(case.get("name").split()[-1])): (
            None if len(case) == 0 or case[0].tag == "system-out" else case[0].text
        )
        for case in ElementTree.parse(report).iter("testcase")
    }


@pytest.mark.parametrize(
    ("name", "failing", "because"),
    [
        ("good", None, None),  # its stored numbers after ≈ and its stored picture are not what the cells now give
        ("wrong_output", 1, "Cell outputs differ"),
        ("wrong_verdict", 0, "supported"),
        ("raising_callback", 1, "ZeroDivisionError"),
    ],
)
def test_nbval_fails_exactly_where_it_should(canaries, name, failing, because):
    outcomes = {cell: message for (notebook, cell), message in canaries.items() if notebook == name}
    code = build.code_cells(nbformat.read(ROOT / "tests" / "canaries" / f"{name}.ipynb", as_version=4))
    assert sorted(outcomes) == list(range(len(code)))
    assert [cell for cell, message in outcomes.items() if message is not None] == ([] if failing is None else [failing])
    if failing is not None:
        assert because in outcomes[failing]


def test_a_failing_notebook_fails_the_command():
    assert nbval("tests/canaries/good.ipynb").returncode == 0
    assert nbval("tests/canaries/wrong_verdict.ipynb").returncode == 1


# What is masked, and what is not


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("garment ≈ 64 %", "garment ≈ 5.25 %"),
        ("gap ≈ −0.31 points", "gap ≈ 1,024 points"),
        ("took ≈ 900 ms.", "took ≈ 1.1 s."),
        ("  score\n0  ≈ 9 %\n1  ≈ 8 % ", "   score\n0   ≈ 9 %\n1  ≈ 28 %"),
        ("<Figure at 0x7f00deadbeef>", "<Figure at 0x10>"),
        ('<img alt="a" src="data:image/png;base64,AAAA/+==">', '<img alt="a" src="data:image/png;base64,BB">'),
    ],
)
def test_the_sanitizer_masks_what_machines_differ_in(one, other):
    assert one != other
    assert build.sanitized(one) == build.sanitized(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("≈ 3 %: supported", "≈ 3 %: contradicted"),
        ("≈ 3 schools", "≈ 3 pupils"),
        ("≈ 3 schools", "≈ 3 s"),
        ("64 %", "65 %"),
        ("≈ 3 to 5", "≈ 3 to 6"),
        ("≈ nan", "≈ 3"),
        ("≈ 3 %\nsupported", "≈ 3 % supported"),
        ('<img alt="up" src="data:image/png;base64,AA">', '<img alt="down" src="data:image/png;base64,AA">'),
    ],
)
def test_the_sanitizer_hides_no_difference_that_matters(one, other):
    assert build.sanitized(one) != build.sanitized(other)


def test_the_sanitizer_keeps_every_word():
    text = "one trunk scores ≈ 3.2 % higher than ≈ 5 networks ≈ −4 of ≈ 7, undecided ≈ 1e-5 sharing ≈ 2 minutes"
    assert re.findall(r"[a-z]{2,}", build.sanitized(text)) == re.findall(r"[a-z]{2,}", text)


# The guard finds what it is there for


def sound_notebook():
    """A small notebook without faults."""
    first = new_code_cell("print(1)", execution_count=1, outputs=[new_output("stream", name="stdout", text="≈ 0.12\n")])
    picture = {"text/html": '<img src="data:image/png;base64,A1.2345" alt="a curve">', "text/plain": "<HTML object>"}
    second = new_code_cell("show()", execution_count=2, outputs=[new_output("display_data", data=picture)])
    return new_notebook(cells=[new_markdown_cell("![a curve](curve.png), 1/2/3 and/or"), first, second])


def test_the_guard_passes_a_sound_notebook():
    assert build.faults(sound_notebook()) == []


def alter(cell=1, output=None, metadata=None, **changes):
    """A change to one cell of a notebook: attributes of the cell, a further output, metadata of the notebook."""

    def change(book):
        book.cells[cell].update(changes)
        book.metadata.update(metadata or {})
        if output is not None:
            book.cells[cell].outputs.append(new_output(**output))

    return change


STREAM = {"output_type": "stream", "name": "stdout"}
HTML = {"output_type": "display_data"}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (alter(execution_count=None), "numbered 1 to 2"),
        (alter(execution_count=3), "numbered 1 to 2"),
        (alter(source="# NBVAL_IGNORE_OUTPUT\nprint(1)"), "asks nbval not to compare"),
        (alter(metadata={"widgets": {}}), "widget state"),
        (alter(output={"output_type": "error", "ename": "KeyError", "evalue": "'x'"}), "KeyError"),
        (alter(output={"output_type": "stream", "name": "stderr", "text": "a warning"}), "stderr"),
        (alter(output=STREAM | {"text": "saved to /srv/ada/course/x.png"}), "/srv/ada/course/x.png"),
        (alter(output=STREAM | {"text": r"saved to C:\Users\ada"}), "path of this machine"),
        (alter(output=STREAM | {"text": "loss 0.12345"}), "0.12345"),
        (alter(output=HTML | {"data": {"text/html": "<td>0.12345</td>"}}), "0.12345"),
        (alter(output=HTML | {"data": {"text/html": '<img src="x.png">'}}), "alt text"),
        (alter(output=HTML | {"data": {"text/html": '<img alt="" src="x.png">'}}), "alt text"),
        (alter(cell=0, source="![](curve.png)"), "alt text"),
    ],
)
def test_the_guard_finds_a_fault(change, fault):
    book = sound_notebook()
    change(book)
    found = build.faults(book)
    assert len(found) == 1
    assert fault in found[0]


def test_the_guard_finds_a_tag_that_skips_a_cell():
    book = sound_notebook()
    book.cells[1].metadata.tags = ["nbval-skip"]
    assert len(build.faults(book)) == 1


# Building


@pytest.fixture
def desk(tmp_path, monkeypatch):
    """An empty notebooks folder to build in; returns a function that writes a text twin there."""
    (tmp_path / "text").mkdir()
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)

    def write(code, name="07_a_lesson"):
        twin = tmp_path / "text" / f"{name}.py"
        twin.write_text(f"# %% [markdown]\n# # A lesson\n\n# %%\n{code}\n", encoding="utf-8")
        return twin

    return write


PRECISION = "import os\nprecision = os.environ.get('MTL_PRECISION', 'any')\n"


def test_a_lesson_is_built_from_its_first_run(desk):
    twin = desk(PRECISION + "print('gap ≈', 1.25 if precision == 'any' else 1.5, 'supported')")
    assert build.stale() == ["07_a_lesson.ipynb is not built"]
    assert build.build(twin) == []
    book = nbformat.read(build.built(twin), as_version=4)
    assert book.cells[1].outputs[0].text == "gap ≈ 1.25 supported\n"
    assert build.faults(book) == []
    assert set(book.metadata) == {"kernelspec", "language_info"}
    assert "version" not in book.metadata.language_info
    assert build.stale() == []
    desk("print(2)")
    assert build.stale() == ["07_a_lesson.ipynb is older than text/07_a_lesson.py"]
    twin.unlink()
    assert build.stale() == ["07_a_lesson.ipynb has no text twin"]


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (PRECISION + "print('supported' if precision == 'any' else 'undecided')", "-cell 1, stdout: supported"),
        (PRECISION + "print(precision, os.environ.get('OMP_NUM_THREADS'))", "+cell 1, stdout: bfloat16 1"),
        ("import sys; print('careful', file=sys.stderr)", "stderr"),
        ("1 / 0", "ZeroDivisionError"),
    ],
)
def test_a_lesson_that_must_not_be_published_is_not_written(desk, monkeypatch, code, reason):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    twin = desk("print(1)")
    old = build.built(twin)
    old.write_text("the notebook as it was", encoding="utf-8")
    assert reason in "\n".join(build.build(desk(code)))
    assert old.read_text(encoding="utf-8") == "the notebook as it was"
    assert not list(old.parent.glob("*.part"))


def test_an_unknown_lesson_is_named(desk):
    desk("print(1)")
    with pytest.raises(ValueError, match="lesson 03; there are 07"):
        build.twins(["3"])


def test_a_change_to_one_cell_leaves_the_ids_of_the_others(desk):
    before = build.convert(desk("print(1)\n\n# %%\nprint(1)\n\n# %%\nprint(3)"))
    after = build.convert(desk("print(1)\n\n# %%\nprint(1)\n\n# %%\nx = 2\n\n# %%\nprint(3)"))
    ids = [cell.id for cell in before.cells]
    assert len(set(ids)) == len(ids) == 4
    assert [cell.id for cell in after.cells if cell.source != "x = 2"] == ids


def test_check_says_which_notebook_is_stale():
    done = subprocess.run([sys.executable, "notebooks/build.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == bool(build.stale()), done.stdout + done.stderr
    assert all(line in done.stdout for line in build.stale())


# What a lesson states is what its cells have found


def claimed(differences, unit="%"):
    return mtl.claim("three networks win", differences, [0.0] * len(differences), unit=unit)


NAMES = {"won": claimed([0.09, 0.1, 0.101]), "tied": claimed([0.1, -0.1, 0.05]), "raw": claimed([3.1, 3.2, 3.3], "")}
NAMES |= {"share": 0.624, "rows": [NAMES["won"]], "mtl": mtl}


@pytest.mark.parametrize(
    "comment",
    [
        "won supported",
        "won supported +9.7",
        "won supported 10",
        "won supported +9.6",  # off by one in the last digit
        "tied undecided",
        "raw supported 3.2",
        "share = 0.62",
        "rows[0] supported",
        "100*share = 62",
        "-won.mean = −0.097",
    ],
)
def test_what_was_found_may_be_stated(comment):
    assert stated.faults(f"They won. <!-- stated: {comment} -->", NAMES) == []


@pytest.mark.parametrize(
    ("comment", "words"),
    [
        ("won contradicted", "is stated to be contradicted, and is supported"),
        ("won supported +9.4", "is stated to be +9.4"),
        ("won supported -9.7", "is stated to be -9.7"),
        ("tied supported", "and is undecided"),
        ("share = 0.64", "0.64"),
        ("share supported", "is no claim but 0.624"),
        ("lost supported", "cannot be looked up: NameError"),
        ("rows = 3", "is stated to be 3"),
        ("won supported 9.5", "is stated to be 9.5, and is 9.7"),
    ],
)
def test_what_was_not_found_may_not_be_stated(comment, words):
    (because,) = stated.faults(f"Not this. They *won* by 9.5.\n\n<!-- stated: {comment} -->", NAMES)
    assert words in because
    assert "“They *won* by 9.5.”" in because  # the sentence that would be wrong is named


@pytest.mark.parametrize(
    "comment", ["", "won", "won supported by ten", "three networks won", "won = many", "won was 3"]
)
def test_a_comment_that_states_nothing_is_refused(comment):
    with pytest.raises(ValueError, match="states nothing"):
        stated.statements(f"They won. <!-- stated: {comment} -->")


@pytest.mark.parametrize(
    "slip", ["<!-- Stated: won supported -->", "<!-- it is stated: won supported -->", "<!-- stated: won supported"]
)
def test_a_slip_of_the_pen_leaves_no_sentence_unheld(slip):
    with pytest.raises(ValueError, match="states nothing"):
        stated.statements(f"They won. {slip}")
    assert stated.statements("They won, as stated: by far. <!-- a note -->") == []


def test_a_comment_may_not_break_a_paragraph():
    won, tied = "<!-- stated: won supported -->", "<!-- stated: tied undecided -->"
    for broken in (
        f"They won\n{won} by far.",
        f"They won {won}\n{tied} by far.",
        f"{won} They won.",
        f"{won}\nThey won.",
    ):
        with pytest.raises(ValueError, match="would end its paragraph"):
            stated.statements(broken)
    apart = "They won.\n\n<!-- stated: won supported -->\n<!-- stated: tied undecided -->\n"
    assert len(stated.statements(apart)) == 2


@pytest.mark.parametrize("twin", build.twins(), ids=build.name_of)
def test_every_statement_of_a_lesson_can_be_read(twin):
    for cell in build.convert(twin).cells:
        held = re.findall(r"(?i)<!--[^>]*stated", cell.source)
        assert len(held) == len(stated.statements(cell.source))
        if cell.cell_type == "code":
            assert "<!--" not in cell.source


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """Builds one small lesson of two cells and a statement; returns what build() says and where it is written."""
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    (tmp_path / "stated.py").write_text((ROOT / "notebooks" / "stated.py").read_text())

    def make(statement, name="extra/09_small"):
        twin = tmp_path / "text" / f"{name}.py"
        twin.parent.mkdir(parents=True, exist_ok=True)
        text = f"# %% [markdown]\n# Before.\n\n# %%\nshare = 0.62\nshare\n\n# %% [markdown]\n# It is {statement}.\n"
        twin.write_text(text + "\n# %%\nprint('the end')\n")
        return build.build(twin), build.built(twin)

    return make


def test_a_lesson_that_states_what_it_found_is_written_without_its_checks(lesson):
    said, target = lesson("more than half <!-- stated: share = 0.62 -->")
    assert said == []
    book = nbformat.read(target, as_version=4)
    assert [cell.cell_type for cell in book.cells] == ["markdown", "code", "markdown", "code"]
    assert "<!-- stated: share = 0.62 -->" in book.cells[2].source
    assert [cell.execution_count for cell in build.code_cells(book)] == [1, 2]
    assert book.cells[1].outputs[0].execution_count == 1
    assert build.stale() == []
    assert build.twins(["extra/09_small"]) == build.twins()
    target.with_name("orphan.ipynb").write_text("{}")
    assert build.stale() == ["extra/orphan.ipynb has no text twin"]


@pytest.mark.parametrize("statement", ["all <!-- stated: share = 0.99 -->", "it <!-- stated: it is so -->"])
def test_a_lesson_that_states_what_it_did_not_find_is_not_written(lesson, statement):
    said, target = lesson(statement)
    assert said[0].startswith("it states what was not found")
    assert ("“It is all" in said[1]) == ("0.99" in statement)
    assert not target.exists()


def test_a_check_leaves_no_name_in_the_lesson_and_takes_none(lesson):
    said, target = lesson(
        "more. <!-- stated: share = 0.62 -->\n\n"
        "# %%\nprint({'sys', 'stated', 'because'} & globals().keys())\nstated = 3\n\n"
        "# %% [markdown]\n# Three. <!-- stated: stated = 3 -->\n\n# %%\nprint(stated)  # "
    )
    assert said == []
    printed = [cell.outputs[0].text for cell in build.code_cells(nbformat.read(target, as_version=4))[1:3]]
    assert printed == ["set()\n", "3\n"]


def test_extras_are_named_by_how_they_begin(lesson):
    texts = [build.NOTEBOOKS / "text" / name for name in ("09_a.py", "extra/09_b.py", "extra/10_c.py")]
    for text in texts:
        text.parent.mkdir(parents=True, exist_ok=True)
        text.write_text("# %%\n1\n")
    assert build.twins() == texts
    assert build.twins(["9"]) == texts[:1]
    assert build.twins(["extra/10_c", "extra/09"]) == [texts[2], texts[1]]
    assert build.twins(["extra/", "extra/10"]) == texts[1:]
    for unknown in ("extra/11", "0", "1", "ext"):
        with pytest.raises(ValueError, match="there is no text twin of lesson"):
            build.twins([unknown])
