"""A report as one HTML file with its pictures in it: to be read on a screen, heard, sent, printed. No script in it."""

from __future__ import annotations

import html
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from .. import show
from ..inspection.findings import FINE, Finding
from ..show.verdicts import safe
from ..training import machine
from ..words import about

if TYPE_CHECKING:
    from .report import Report

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff }
body { max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1, h2 { line-height: 1.2 } h2 { margin-top: 2.2rem; border-top: 1px solid #d8d8d8; padding-top: 1rem }
table { border-collapse: collapse; width: 100% } th, td { text-align: left; vertical-align: top; padding: .3rem .6rem }
tr { border-top: 1px solid #d8d8d8 } td.number, th.number { text-align: right } td.number { white-space: nowrap }
img { max-width: 100%; height: auto } td, th { overflow-wrap: anywhere } .verdict { font-size: 1.25rem }
.serious { color: #a3003f; font-weight: 600 } .look { color: #7a4b00; font-weight: 600 } .fine { color: #00694d }
small, .why { color: #5f5f5f } li { margin: .2rem 0 }
@media print { body { margin: 0; max-width: none; font-size: 11pt } h2, tr, img { break-inside: avoid } }
"""
MARKS = {"serious": ("serious", "✗"), "worth a look": ("look", "!"), FINE: ("fine", "✓")}


def page(report: Report) -> str:
    """The whole report as HTML."""
    title = f"{report.protocol.claim}: {report.verdict}"
    body = "\n".join(
        [
            f"<h1>{safe(title)}</h1>",
            verdict(report),
            section("What was written down before anything was trained", items(report.protocol.sentences())),
            section("What every way scores", scores(report)),
            section("What a reviewer would say", findings(report.findings)),
            section(
                "What was decided on the way", items(getattr(report.world, "decisions", ()) or [repr(report.world)])
            ),
            section("How to do it again", again(report)),
        ]
    )
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title><style>{STYLE}</style>'
    view = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}{view}</head><body>\n{body}\n</body></html>\n'


def summary(report: Report) -> str:
    """The verdict alone, as a notebook shows it."""
    serious = "".join(f"<p>{finding_words(one)}</p>" for one in report.serious())
    return f"<div>{verdict(report)}{serious}</div>"


def verdict(report: Report) -> str:
    """The verdict in a sentence, and its picture."""
    more = f" {safe(report.more())}" if report.more() else ""
    sentence = f'<p class="verdict"><strong>{safe(report.sentence())}</strong>{more}</p>'
    return sentence + picture(show.decision(report.decision))


def scores(report: Report) -> str:
    """The arms as a picture, and as a table of means."""
    found = report.table
    heads = "".join(f'<th scope="col" class="number">{safe(name)}</th>' for name in found.columns)
    rows = "".join(
        f'<tr><th scope="row">{safe(arm)}</th>'
        + "".join(f'<td class="number">{about(value, "%")}</td>' for value in values)
        + "</tr>"
        for arm, values in zip(found.index, found.to_numpy(), strict=True)
    )
    words = (
        "Merit on the test, the mean over seeds: accuracy, or of a number the share of its variance outside the test "
        "that is explained (the mean alone may be above or below 0). majority: one answer for all. linear: ridge or "
        "logistic regression, a task alone. Separate: a network a task, shrunk as validation likes."
    )
    table = f'<table><thead><tr><th scope="col">way</th>{heads}</tr></thead><tbody>{rows}</tbody></table>'
    return picture(show.arms(report.contest)) + table + f"<p><small>{safe(words)}</small></p>"


def findings(found: Iterable[Finding]) -> str:
    """The findings as a table: those that say something first, what was looked for and not found below."""
    found = list(found)
    order = list(MARKS)
    told = sorted((one for one in found if one.weight != FINE), key=lambda one: order.index(one.weight))
    rows = "".join(f"<tr><td>{finding_words(one)}</td></tr>" for one in told)
    rest = items(one.text for one in found if one.weight == FINE)
    nothing = "<p>Nothing.</p>" if not told else f"<table><tbody>{rows}</tbody></table>"
    return f"{nothing}<details open><summary>Fine, not found, or not looked for</summary>{rest}</details>"


def finding_words(one: Finding) -> str:
    """A finding: its weight, what was found, why it matters, what to do."""
    kind, mark = MARKS[one.weight]
    todo = f" {safe(one.what_to_do)}" if one.what_to_do else ""
    why = f'<br><span class="why">{safe(one.why)}{todo}</span>'
    return f'<span class="{kind}">{mark} {safe(one.weight)}</span>: {as_sentence(one.text)}{why}'


def again(report: Report) -> str:
    """Settings and versions."""
    chosen = report.contest.chosen.groupby("arm", sort=False)
    picked = [f"{arm}: {'; '.join(dict.fromkeys(map(str, own.trial)))}" for arm, own in chosen]
    training, asked = report.training, report.protocol
    settings = {name: getattr(asked, name) for name in ("margin", "way", "against", "task", "seeds")}
    call = ", ".join(f"{name}={value!r}" for name, value in (*settings.items(), ("epochs", training.epochs)))
    facts = [f"The call: mtl.report(world, {call})"]
    facts += [f"{name}: {value}" for name, value in machine().items()]
    facts.append(f"Adam, rate {training.lr:g}, batches of {training.batch_size}, at most {training.epochs} epochs")
    facts.append(f"Seeds {training.seeds[0]} to {training.seeds[-1]}; test rows are the same for all")
    return items(facts) + f"<details><summary>Trials that were chosen</summary>{items(picked)}</details>"


def section(title: str, content: str) -> str:
    return f"<h2>{safe(title)}</h2>\n{content}"


def items(texts: Iterable[str]) -> str:
    """Sentences as a list: each begins with a capital and ends with a stop."""
    return "<ul>" + "".join(f"<li>{as_sentence(text)}</li>" for text in texts) + "</ul>"


def as_sentence(text: str) -> str:
    """A text that begins with a capital and ends with a stop, for HTML."""
    return f"{safe(text[0].upper() + text[1:].rstrip('.'))}."


def picture(drawing: show.Drawing) -> str:
    return f"<p>{drawing._repr_html_()}</p>"


def write(content: str, path: str | os.PathLike) -> None:
    """Write a file whole or not at all. OSError, in words, where it cannot be; ValueError for another ending."""
    path = Path(path).expanduser()
    if path.suffix.lower() not in (".html", ".htm"):
        raise ValueError(f"a report is a page, such as report.html, not {path.name}; a browser prints it as PDF")
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_text(content, encoding="utf-8")
        os.replace(part, path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise type(error)(f"cannot write {path.absolute()} ({error.strerror}); choose another place") from None
