"""How long the lessons are: words, lines of code, verdicts, figures and minutes, by count; and what they may be.

``python notebooks/length.py`` prints the table. Counted is what a learner meets: words of the text (a formula is one),
not those of a folded solution; lines of code that are neither empty nor a comment; claims that are shown; pictures and
widgets; and the exercises' own minutes.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

import build
import nbformat
from nbformat import NotebookNode

#: what a lesson may have at most
MOST = {"words": 1400, "lines": 90, "verdicts": 8, "figures": 7, "minutes": 45}
WORDS, LINES, VERDICTS, FIGURES = 150, 15, 3, 1  # of each in a minute

FOLDED = re.compile(r"<details>.*?</details>|<!--.*?-->|```.*?```", re.DOTALL)
FORMULA = re.compile(r"\$\$.*?\$\$|\$[^$\n]+\$", re.DOTALL)
EXERCISE = re.compile(r"^### Exercise.*?(\d+) minutes?\)", re.MULTILINE)
STATED = re.compile(r"\*(\d+) minutes of work")
VERDICT = re.compile(r"^(?:supported|contradicted|undecided): ", re.MULTILINE)


@dataclass(frozen=True)
class Length:
    """``exercises``: their minutes together; ``stated``: what the lesson says of itself, 0 where it says nothing."""

    words: int
    lines: int
    verdicts: int
    figures: int
    exercises: int
    stated: int

    @property
    def minutes(self) -> float:
        """By count: reading, code, verdicts at twenty seconds, figures at a minute, exercises as stated."""
        read = self.words / WORDS + self.lines / LINES + self.verdicts / VERDICTS + self.figures / FIGURES
        return read + self.exercises

    def over(self) -> list[str]:
        """What there is more of than a lesson may have."""
        return [
            f"{name} {getattr(self, name):.4g} > {most}" for name, most in MOST.items() if getattr(self, name) > most
        ]


def count(book: NotebookNode) -> Length:
    """The length of a notebook with its outputs."""
    text = "\n\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")
    code = [line.strip() for cell in build.code_cells(book) for line in cell.source.splitlines()]
    outputs = [output for cell in build.code_cells(book) for output in cell.outputs]
    said = [build.texts(output) for output in outputs]
    plain = [texts.get("text/plain", texts.get("stdout", "")) for texts in said]
    return Length(
        words=len(re.findall(r"\w[\w'’-]*", FORMULA.sub(" formula ", FOLDED.sub(" ", text)))),
        lines=sum(bool(line) and not line.startswith("#") for line in code),
        verdicts=sum(len(VERDICT.findall(one)) for one in plain),
        figures=sum(map(is_figure, outputs)),
        exercises=sum(map(int, EXERCISE.findall(text))),
        stated=int(found[1]) if (found := STATED.search(text)) else 0,
    )


def is_figure(output: NotebookNode) -> bool:
    """Whether it is a picture or a widget, which a learner looks at; a table of verdicts or an exercise's is none."""
    kinds = output.get("data", {})
    return "image/png" in kinds or "<img" in kinds.get("text/html", "") or "Prediction(" in kinds.get("text/plain", "")


def lessons() -> dict[str, Length]:
    """The length of every built lesson; extras have none to keep."""
    return {
        path.stem: count(nbformat.read(path, as_version=4)) for path in sorted(build.NOTEBOOKS.glob("[0-9]*.ipynb"))
    }


def table(found: dict[str, Length]) -> str:
    """The lengths as text, a line a lesson; what is over its ceiling has a !"""
    names = [*MOST, "exercises", "stated"]
    lines = ["lesson".ljust(34) + "".join(name.rjust(11) for name in names)]
    for lesson, one in found.items():
        marks = ["!" * (name in MOST and getattr(one, name) > MOST[name]) for name in names]
        numbers = [f"{getattr(one, name):.0f}{mark}" for name, mark in zip(names, marks, strict=True)]
        lines.append(lesson.ljust(34) + "".join(number.rjust(11) for number in numbers))
    return "\n".join(lines)


if __name__ == "__main__":
    found = lessons() if len(sys.argv) == 1 else {name: count(nbformat.read(Path(name), 4)) for name in sys.argv[1:]}
    print(table(found))
