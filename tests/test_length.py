"""No lesson is longer than it says, nor than a lesson may be; and the counting counts what a learner meets."""

import re

import build
import length
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


@pytest.mark.parametrize(
    ("lesson", "found"), length.lessons().items(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_lesson_keeps_to_its_length(lesson, found, record_property):
    print(length.table({lesson: found}))
    record_property("length", length.table({lesson: found}))
    assert found.over() == []
    assert found.stated >= found.minutes  # by its own word it takes no less than by count


@pytest.mark.parametrize("twin", build.twins(), ids=build.name_of)
def test_every_exercise_says_its_minutes(twin):
    """One that does not would count as none."""
    for cell in build.convert(twin).cells:
        assert len(re.findall(r"^#+ Exercise", cell.source, re.MULTILINE)) == len(length.EXERCISE.findall(cell.source))


def output(**data):
    return new_output("execute_result", {key.replace("_", "/"): text for key, text in data.items()}, execution_count=1)


def test_what_is_counted():
    text = """# Two words

*40 minutes of work*

One formula $a + b$, and $$c = d,$$ counts one each. <!-- stated: x supported -->

### Exercise 1 · Count  (difficulty ●○○, importance ●●●, 7 minutes)

<details><summary>Solution</summary>
none of this
</details>
"""
    code = new_code_cell("# a comment\n\nx = 1\nx  # two", execution_count=1)
    code.outputs = [
        output(text_plain="supported: one trunk wins (≈ 3)\nundecided: two (≈ 0)", text_html="<table></table>"),
        new_output("stream", text="contradicted: three (≈ −1)\nnot supported: a word within a line\n"),
        output(text_plain="Drawing: a curve", text_html='<img alt="a curve" src="data:,">'),
        output(text_plain="Prediction(where?)"),
    ]
    found = length.count(new_notebook(cells=[new_markdown_cell(text), code]))
    assert (found.lines, found.verdicts, found.figures, found.exercises, found.stated) == (2, 3, 2, 7, 40)
    words = "Two words 40 minutes of work One formula X and X counts one each"
    heading = "Exercise 1 Count difficulty importance 7 minutes"
    assert found.words == len(f"{words} {heading}".split())
    assert found.minutes == pytest.approx(found.words / 150 + 2 / 15 + 1 + 2 + 7)
    assert found.over() == []


def test_what_is_over_is_named():
    found = length.Length(words=1401, lines=90, verdicts=9, figures=7, exercises=10, stated=45)
    assert found.over() == ["words 1401 > 1400", "verdicts 9 > 8"]
    assert length.Length(150, 15, 3, 1, 39, 45).over() == []  # 43 minutes
    assert length.Length(150, 15, 3, 3, 39, 45).over() == []  # 45, no more
    assert length.Length(180, 15, 3, 3, 39, 45).over() == ["minutes 45.2 > 45"]
    assert "1401!" in length.table({"lesson": found})
    assert "90!" not in length.table({"lesson": found})
