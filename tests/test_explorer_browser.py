"""The λ explorer's half in the browser: on a bare page with a stand-in for the kernel, and once in real JupyterLab.

Without Chromium these tests are skipped, and say so; where MTL_REQUIRE_BROWSER is set they fail instead.
"""

import inspect
import json
import math
import re
import textwrap

import pytest
from test_browser import errors, own_notebook, run_all
from test_explorer import HOSTILE, LAMS, TRAINING, many_schools, table_of, tiny, trunk

import mtl_lesson as mtl
from mtl_lesson.show import spoken
from mtl_lesson.show.explorer import ALONE
from mtl_lesson.widgets import LambdaExplorer, LesionLab, Microscope, explore
from mtl_lesson.widgets.explorer import result
from mtl_lesson.words import about, rounded, written

pytestmark = pytest.mark.browser

# What anywidget hands to render(): a model that keeps its traits, here without a kernel behind it.
MODEL = """class {
  constructor(traits) { Object.assign(this, { traits, heard: {}, sent: [], saves: 0 }); }
  get(name) { return this.traits[name]; }
  set(name, value) { this.traits[name] = value; (this.heard["change:" + name] ?? []).forEach(act => act()); }
  on(name, act) { (this.heard[name] ??= []).push(act); }
  off(name, act) { this.heard[name] = this.heard[name].filter(other => other !== act); }
  save_changes() { this.saves += 1; }
  send(message) { this.sent.push(message); }
}"""
SHOW = """async ([model, source, traits]) => {
  const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  window.part = await import(url);
  window.model = new (eval("(" + model + ")"))(traits);
  window.close_it = part.default.render({ model: window.model, el: document.body.firstElementChild });
}"""
FRAME = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


@pytest.fixture(scope="module")
def sweep():
    return mtl.sweep(
        mtl.Soft, tiny, trunk=trunk(), lam=LAMS, delta=[0.2, 2.0], seeds=range(3), progress=False, **TRAINING
    )


@pytest.fixture(scope="module")
def exam():
    return many_schools([5, 20], range(3), [0, 1e-4, 0.02, 1, math.inf])


class Page:
    """An explorer on a bare page, beside other style sheets, or on the page at an ``address``, without a network.

    ``trouble``: every script error, every dialog that opened and, at an address, every request over the network.
    """

    def __init__(self, browser, explorer, width=1000, height=720, beside=(), address=None):
        self.explorer, self.trouble = explorer, []
        self.page = browser.new_page(viewport={"width": width, "height": height}, offline=bool(address))
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.trouble.append(said.text))
        self.page.on("dialog", lambda dialog: (self.trouble.append(dialog.message), dialog.dismiss()))
        if address:
            self.page.on("request", lambda asked: self.trouble.append(asked.url) if asked.url[:4] == "http" else None)
            self.page.goto(address)
        else:
            sheets = "".join(f"<style>{one._css}</style>" for one in (LambdaExplorer, *beside))
            self.page.set_content(f"{sheets}<div></div>")
            traits = {name: getattr(explorer, name) for name in (*explorer.sent, "trouble")}
            self.page.evaluate(SHOW, [MODEL, str(LambdaExplorer._esm), traits])
        self.slider = self.find("input[type=range]")
        self.box = self.find("input[type=text]")

    def find(self, selector):
        return self.page.locator(f".mtl-explorer {selector}")

    def drawn(self):
        self.page.evaluate(FRAME)
        return self

    def status(self):
        """What the status line says, once drawn; Python, told the same state, must say the same."""
        self.drawn()
        self.explorer.at = self.page.evaluate("model.get('at')")
        text = self.find(".mtl-status").inner_text()
        assert text == self.explorer.text
        return text

    def alt(self, name):
        return self.drawn().find(f".mtl-{name} > svg").get_attribute("aria-label")

    def press(self, *keys):
        self.slider.focus()
        for key in keys:
            self.slider.press(key)
        return self

    def type(self, text):
        self.box.fill(text)
        self.box.press("Enter")
        return self.drawn()

    def choose(self, label, index):
        self.find(f"select[aria-label='{label}']").select_option(index=index)
        return self.drawn()

    def tell(self, name, value):
        self.page.evaluate("([name, value]) => model.set(name, value)", [name, value])
        return self.drawn()


@pytest.fixture
def show(chromium):
    pages = []

    def show_it(explorer, **size):
        pages.append(Page(chromium, explorer, **size))
        return pages[-1]

    yield show_it
    for one in pages:
        assert one.trouble == []
        one.page.close()


@pytest.fixture
def shown(show, sweep):
    return show(explore(sweep, predict=False))


# --- numbers and text ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("dial", [0, 1])
def test_every_lambda_shows_its_numbers(shown, seed, dial):
    shown.choose("δ", dial).choose("seeds", 2 * seed)  # the mean, and one of the seeds
    shown.press("Home")
    texts = []
    for _ in LAMS:
        texts.append(shown.status())
        lam, score = re.match(r"λ = (\S+?)(?: \(seed 1\))?: Ana (≈ \d+ %)", texts[-1]).groups()
        assert shown.slider.get_attribute("aria-valuetext") == f"λ = {lam}"
        assert shown.find(".mtl-lam").inner_text() == lam
        assert score in shown.find(".mtl-readout li").first.inner_text()
        assert f"At λ = {lam}: Ana {score}" in shown.alt("scores")
        assert f"At λ = {lam}: Ana {score}" in shown.alt("pareto")
        assert f"at λ = {lam}. first: Ana ≈ " in shown.alt("gaps")
        assert f"Answers of Ana at λ = {lam} on validation" in shown.alt("confusion")
        assert ("one for all tasks" in shown.alt("model")) == (lam == "∞")
        shown.press("ArrowRight")
    assert len(set(texts)) == len(LAMS)
    assert shown.status() == texts[-1]  # there is nothing beyond ∞
    assert shown.explorer.lam == math.inf


def test_the_pictures_say_what_python_computed(shown):
    shown.choose("δ", 1).press("Home", "ArrowRight", "ArrowRight")
    found, i = shown.explorer.path.at(2.0), 2
    for t, task in enumerate(found.tasks):
        mean, low, high = (rounded(part[i, t], "%") for part in found.band)
        said = f"{task.name} ≈ {mean} (from ≈ {low} to ≈ {high})"
        assert said in shown.alt("scores")
        assert f"{task.name} ≈ {rounded(found.gaps[:, i, 1, t].mean())}" in shown.alt("gaps").split("second:")[1]
    assert f"λ = {written(found.lams[found.best])}" in shown.find(".mtl-verdict").inner_text()
    tied = found.ties[:, i, 0].mean()
    assert f"first: ≈ {rounded(tied, '%')} tied" in shown.alt("model")
    shown.choose("task whose answers are shown", 1)
    counts = found.confusions["Bao"][i]
    right = counts[1, 1] / counts[1].sum()
    assert f"middle ≈ {rounded(right, '%')} right" in shown.alt("confusion")


@pytest.mark.parametrize("who", [0, 2])
def test_every_alt_text_is_the_one_that_python_says(shown, who):
    shown.choose("δ", 1).choose("seeds", who).press("Home")
    found, seed = shown.explorer.path.at(2.0), (None, 0, 1, 2)[who]
    told, lams = spoken.say_everything(found, "validation"), [written(lam) for lam in found.lams]
    worth = [[about(value, "%") for value in row[:2]] for row in found.scores_of(seed).tolist()]
    ends = {"first": lams[0], "last": lams[-1]}
    for end, i in (("first", 0), ("last", -1)):
        ends |= {f"x {end}": worth[i][0], f"y {end}": worth[i][1]}
    for i, (lam, (x, y)) in enumerate(zip(lams, worth, strict=True)):
        for name in ("scores", "gaps", "model"):
            assert shown.alt(name) == told[name][who][i]
        assert shown.alt("confusion") == spoken.say_confusion(found, "Ana", i, "validation")
        parts = {"right": "Ana", "up": "Bao", "lam": lam, "x": x, "y": y} | ends
        assert shown.alt("pareto") == spoken.PHRASES["pareto"].format(**parts)
        shown.press("ArrowRight")


# --- controls ------------------------------------------------------------------------------------------------------


def test_the_keyboard_reaches_every_lambda(shown):
    assert shown.press("End").status().startswith("λ = ∞")
    assert shown.press("ArrowLeft").status().startswith("λ = 1:")
    assert shown.press("PageDown", "ArrowDown").status().startswith("λ = 0.01")
    assert shown.press("ArrowUp", "PageUp").status().startswith("λ = 1:")
    assert shown.press("Home", "ArrowLeft").status().startswith("λ = 0:")


def test_the_slider_is_logarithmic_and_snaps(shown):
    place = shown.slider.bounding_box()
    for share, lam in ((0.5, "0.1"), (0.98, "∞"), (0.02, "0"), (0.33, "0.01")):
        shown.page.mouse.click(place["x"] + share * place["width"], place["y"] + place["height"] / 2)
        assert shown.status().startswith(f"λ = {lam}:")
        assert float(shown.slider.input_value()) in shown.explorer.worlds[0]["slices"]["0"]["places"]


def test_a_drag_ends_where_it_ends(shown):
    shown.press("Home")
    place = shown.slider.bounding_box()
    y = place["y"] + place["height"] / 2
    shown.page.mouse.move(place["x"] + 8, y)
    shown.page.mouse.down()
    for step in range(40):
        shown.page.mouse.move(place["x"] + 8 + (place["width"] - 16) * step / 39, y)
    shown.page.mouse.up()
    assert shown.status().startswith("λ = ∞:")


def test_the_picture_of_the_scores_can_be_pressed(shown):
    place = shown.find(".mtl-scores > svg").bounding_box()
    for share, lam in ((0.97, "∞"), (0.5, "0.1"), (0.12, "0")):
        shown.page.mouse.click(place["x"] + share * place["width"], place["y"] + 60)
        assert shown.status().startswith(f"λ = {lam}:")


@pytest.mark.parametrize(
    ("typed", "lam"),
    [("0", "0"), ("0,1", "0.1"), ("inf", "∞"), ("∞", "∞"), ("1e9", "1"), ("1e-9", "0.01"), (".04", "0.1")],
)
def test_a_typed_lambda_is_gone_to(shown, typed, lam):
    shown.press("ArrowRight", "ArrowRight", "ArrowRight")
    assert shown.type(typed).status().startswith(f"λ = {lam}:")
    assert shown.box.input_value() == lam
    near = shown.find(".mtl-note").inner_text()
    there = typed in ("0", "0,1", "∞", "inf")
    assert near == ("" if there else f"The λ nearest to {typed} among the results is {lam}.")
    assert shown.find(".mtl-trouble").inner_text() == ""
    shown.slider.focus()  # leaving the box changes nothing
    assert shown.drawn().find(".mtl-note").inner_text() == near


@pytest.mark.parametrize("typed", ["nonsense", "-1", "NaN", "", "0x", HOSTILE])
def test_nonsense_is_answered_in_place_and_nothing_moves(shown, typed):
    before = shown.press("ArrowRight").status()
    shown.type(typed)
    assert "λ must be a number of 0 or more, or ∞" in shown.find("[role=alert]").inner_text()
    assert typed.strip() in shown.find("[role=alert]").inner_text()
    assert shown.status() == before
    shown.press("ArrowRight").drawn()
    assert shown.find("[role=alert]").inner_text() == ""


def test_names_from_data_are_text(show, sweep):
    page = show(explore({HOSTILE: sweep, "other": sweep}, predict=False))
    assert page.find("img").count() == 0
    assert HOSTILE in page.find(".mtl-readout").inner_text().replace("\n", " ")
    assert HOSTILE in page.status()
    page.choose("task upwards", 2).choose("task whose answers are shown", 2)
    assert f"{HOSTILE} against Ana" in page.alt("pareto")
    assert page.page.evaluate("document.querySelectorAll('img, script').length") == 0


def test_selectors_change_what_is_shown(show, sweep, exam):
    page = show(explore({"people": sweep, "exam": exam}, predict=False))
    page.press("End", "ArrowLeft")
    first = page.status()
    page.choose("δ", 1)
    assert page.status() != first
    assert page.choose("seeds", 3).status().startswith("λ = 1 (seed 2): Ana")
    assert "95 % interval over 3 seeds" in page.alt("scores")
    page.choose("world", 1)
    assert re.fullmatch(r"λ = 1 \(seed 2\): mean squared error ≈ \d\.\d\d, mean of \d\d tasks", page.status())
    assert not page.find(".mtl-confusion").is_visible()  # nothing to confuse
    assert page.alt("confusion") == ""
    assert "line: ≈ 9" in page.alt("model")
    schools = page.choose("n", 1).find("select[aria-label='task to the right'] option").count()
    assert schools == len(exam.at(20).tasks)
    page.choose("task to the right", 5)
    assert f"against {exam.at(20).tasks[5].name} along λ" in page.alt("pareto")
    assert page.choose("world", 0).status().startswith("λ = 1")


def test_a_task_alone_and_scores_of_different_kinds_are_shown(show):
    for tasks in ([mtl.Binary("a")], [mtl.Binary("a"), mtl.Regression("b")]):
        scores = {
            (split, seed, lam, task.name): 0.3 + lam + seed / 10
            for split in ("validation", "test")
            for seed in range(2)
            for lam in (0.0, 0.5)
            for task in tasks
        }
        page = show(explore(table_of(scores, tasks), predict=False))
        assert page.press("ArrowRight").status().startswith("λ = 0.5: a ≈ 85 %")
        assert page.find(".mtl-pareto").is_visible() == (len(tasks) > 1)


def test_a_choice_keeps_the_focus(shown):
    for label in ("δ", "seeds"):
        shown.find(f"select[aria-label='{label}']").focus()
        shown.choose(label, 1)
        assert shown.page.evaluate("document.activeElement.getAttribute('aria-label')") == label


def test_predict_then_reveal(show, sweep):
    page = show(explore(sweep))
    page.press("ArrowRight", "ArrowRight")
    assert page.status() == "λ = 0.1: the scores are hidden until you reveal them"
    everything = " ".join([page.find(".mtl-bars").inner_text(), *map(page.alt, ("scores", "pareto", "confusion"))])
    assert "≈" not in everything
    assert "≈" in page.alt("gaps")  # what λ does can be seen
    assert page.find(".mtl-train").is_disabled()
    page.find(".mtl-mark").click()
    assert "You marked 0.1." in page.drawn().find(".mtl-verdict").inner_text()
    page.press("ArrowRight")
    page.find(".mtl-reveal").click()
    assert page.status().startswith("λ = 1: Ana ≈")
    found, verdict = page.explorer.slice, page.find(".mtl-verdict").inner_text()
    assert f"Best on validation (accuracy, mean over tasks): λ = {written(found.lams[found.best])}" in verdict
    assert verdict.endswith("You marked 0.1.")
    assert page.alt("scores").endswith("Your mark: λ = 0.1.")
    assert page.find(".mtl-scores > svg text").filter(has_text="your mark").count() == 1
    page.choose("δ", 1)
    assert "You marked" not in page.find(".mtl-verdict").inner_text()  # the mark belongs to where it was made
    page.find(".mtl-again").click()
    assert "hidden" in page.status()


def test_training_is_asked_for_told_and_laid_on_the_band(show, sweep):
    page = show(explore(sweep, predict=False))
    assert page.find(".mtl-told").inner_text() == "2 epochs"
    page.find(".mtl-train").click()
    assert page.page.evaluate("model.sent") == [{"do": "train"}]
    page.tell("training", {"state": "running", "text": "epoch 1 of 2", "done": 0.5, "world": 0})
    assert not page.find(".mtl-train").is_visible()
    assert page.find(".mtl-told").inner_text() == "epoch 1 of 2"
    assert page.find("progress").evaluate("bar => bar.value") == 0.5
    assert page.press("ArrowRight").status().startswith("λ = 0.01")  # the slider does not wait
    page.find(".mtl-stop").click()
    assert page.page.evaluate("model.sent[1]") == {"do": "stop"}
    marks = page.find(".mtl-scores > svg path").count()
    scores = {"Ana": 0.5, "Bao": 0.25, HOSTILE: 0.75}
    page.tell("results", [result(page.explorer.path, page.explorer.at, 7, scores)])
    page.tell("training", {"state": "done", "text": "★ Trained now", "world": 0})
    assert page.find(".mtl-train").is_visible()
    assert page.find(".mtl-scores > svg path").count() == marks + 3
    assert f"Trained now at λ = 0.01, seed 7: Ana ≈ 50 %, Bao ≈ 25 %, {HOSTILE} ≈ 75 %." in page.alt("scores")
    page.choose("δ", 1)
    assert "Trained now" not in page.alt("scores")
    page.tell("trouble", "No <b>luck</b>.")
    assert page.find("[role=alert]").inner_text() == "No <b>luck</b>."


def test_what_cannot_be_trained_says_why(show, exam):
    page = show(explore(exam, predict=False))
    assert page.find(".mtl-train").is_disabled()
    assert page.find(".mtl-told").inner_text() == "Not possible here: how it was trained is not known."


def test_an_error_in_a_callback_is_shown_in_place(show, sweep):
    page = show(explore(sweep, predict=False))
    page.tell("at", {**page.explorer.at, "index": 99})
    assert "That did not work" in page.find("[role=alert]").inner_text()
    assert len(page.trouble) == 1  # and in the console
    page.trouble.clear()
    page.tell("at", page.explorer.at)
    assert page.press("ArrowRight").status().startswith("λ = 0.01")
    assert page.find("[role=alert]").inner_text() == ""


def test_a_closed_view_hears_no_more(shown):
    shown.page.evaluate("close_it()")
    assert shown.page.evaluate("Object.values(model.heard).flat().length") == 0


# --- looks ---------------------------------------------------------------------------------------------------------

TEXTS = """() => [...document.querySelectorAll('.mtl-explorer *')]
  .filter(node => node.textContent.trim() && (node.getBoundingClientRect().width > 1))
  .map(node => parseFloat(getComputedStyle(node).fontSize))"""


@pytest.mark.parametrize(("width", "columns"), [(1280, 3), (870, 3), (640, 2), (375, 1)])
def test_it_fits_and_can_be_read(show, sweep, exam, width, columns):
    page = show(explore({"people": sweep, "exam": exam}, predict=False), width=width)
    for world in (0, 1):
        page.choose("world", world)
        lefts = {round(view.bounding_box()["x"]) for view in page.find(".mtl-view").all() if view.is_visible()}
        assert len(lefts) >= min(columns, 2)
        assert columns > 1 or len(lefts) == 1
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        assert min(page.page.evaluate(TEXTS)) >= 12
        if width >= 870:  # on a projector all of it is seen at once, below JupyterLab's bars
            assert page.find("").bounding_box()["height"] <= 600


def test_it_is_drawn_anew_when_its_room_changes(shown):
    wide = shown.find(".mtl-scores > svg line").first.get_attribute("x2")
    shown.page.set_viewport_size({"width": 500, "height": 700})
    assert float(shown.drawn().find(".mtl-scores > svg line").first.get_attribute("x2")) < float(wide)


BOXES = """() => [...document.querySelectorAll('.mtl-scope *')].map(one => {
  const { x, y, width, height } = one.getBoundingClientRect();
  return [x, y, width, height].map(Math.round);
})"""


@pytest.mark.parametrize("width", [1280, 640, 375])
def test_it_is_not_moved_by_the_style_sheets_of_others(show, sweep, width):
    """In a notebook a widget's style sheet is the whole page's."""
    alone, beside = (show(explore(sweep), width=width, beside=sheets) for sheets in ((), (Microscope, LesionLab)))
    assert beside.drawn().page.evaluate(BOXES) == alone.drawn().page.evaluate(BOXES)


# --- a page of its own ---------------------------------------------------------------------------------------------


def test_the_page_works_without_a_kernel(show, sweep, exam, tmp_path):
    explorer = explore({HOSTILE: sweep, "exam": exam}).move(0.1)
    explorer.save(tmp_path / "explorer.html")
    page = show(explorer, address=(tmp_path / "explorer.html").as_uri(), width=1280)
    assert page.page.title() == f"λ explorer: {HOSTILE}, exam"
    told = page.find(".mtl-status")
    assert told.inner_text() == explorer.text == "λ = 0.1: the scores are hidden until you reveal them"
    assert page.find(".mtl-train").is_disabled()
    assert page.find(".mtl-told").inner_text() == page.find(".mtl-train").get_attribute("title") == ALONE
    page.find(".mtl-mark").click()
    page.press("ArrowRight")
    page.find(".mtl-reveal").click()
    explorer.mark().move(1).reveal()
    assert page.drawn().find(".mtl-status").inner_text() == explorer.text
    assert page.find(".mtl-verdict").inner_text().endswith("You marked 0.1.")
    assert page.alt("scores").endswith("Your mark: λ = 0.1.")
    page.choose("δ", 1).choose("seeds", 2).type("inf")
    explorer.move(math.inf, delta=2.0, seed=1)
    assert told.inner_text() == explorer.text
    page.choose("world", 1)
    assert told.inner_text() == explorer.move(world="exam").text
    assert page.find(".mtl-told").inner_text() == "Not possible here: how it was trained is not known."
    assert page.find("img").count() == 0


def test_a_good_lambda_is_shown_with_its_reasons(show, sweep):
    explorer = explore(sweep)
    page = show(explorer)
    assert not page.find(".mtl-good").is_visible()  # it would give the answer away
    page.find(".mtl-reveal").click()
    page.drawn().press("End").find(".mtl-good").click()
    page.drawn()
    explorer.reveal()
    assert page.find(".mtl-big, .mtl-lam").first.inner_text() == written(explorer.slice.lams[explorer.slice.best])
    assert page.find(".mtl-note").inner_text() == spoken.say_good(explorer.slice, explorer.path.split)
    page.press("Home")
    assert page.drawn().find(".mtl-note").inner_text() == ""  # of another λ it is not said


def test_a_link_carries_the_setting(show, sweep, exam, tmp_path):
    explorer = explore({HOSTILE: sweep, "exam": exam}, predict=False)
    explorer.save(tmp_path / "explorer.html")
    address = (tmp_path / "explorer.html").as_uri()
    page = show(explorer, address=address)
    page.choose("δ", 1).choose("seeds", 2).type("1")
    page.find(".mtl-link").click()
    explorer.move(1, delta=2.0, seed=1)
    linked = page.page.url
    assert linked.startswith(f"{address}#world=")
    again = show(explorer, address=linked)
    assert again.drawn().find(".mtl-status").inner_text() == explorer.text
    for wrong, words in (
        ("#world=nowhere", "world = nowhere"),
        ("#δ=9", "δ = 9"),
        ("#λ=much", "λ = much"),
        ("#seed=77", "seed = 77"),
    ):
        lost = show(explorer, address=address + wrong)
        assert words in lost.drawn().find(".mtl-trouble").inner_text()
    assert not show(explore(sweep)).find(".mtl-link").is_visible()  # a notebook's address is its own


# --- JupyterLab ----------------------------------------------------------------------------------------------------

SOURCE = f"""
import math, torch
from collections import OrderedDict
from torch import nn
import mtl_lesson as mtl
from mtl_lesson.data.world import Split, World
from mtl_lesson.widgets import explore

HOSTILE, LAMS, TRAINING = {HOSTILE!r}, [0, 0.01, 0.1, 1, math.inf], {TRAINING!r}

{inspect.getsource(tiny)}

{inspect.getsource(trunk)}

explorer = explore(mtl.sweep(mtl.Soft, tiny, trunk=trunk(), lam=LAMS, seeds=range(2), progress=False, **TRAINING))
explorer
"""


@pytest.fixture
def notebook(tmp_path, chromium):
    """A page of JupyterLab with a notebook of our own."""
    with own_notebook(tmp_path, chromium, textwrap.dedent(SOURCE), "1 + 1") as page:
        yield page


def test_in_jupyterlab_it_moves_reveals_and_trains(notebook, tmp_path):
    cells = run_all(notebook)
    assert errors(notebook, cells) == []
    stored = "".join(next(o for o in cells[0]["outputs"] if o["output_type"] == "execute_result")["data"]["text/plain"])
    assert stored.startswith("LambdaExplorer(tiny, λ = 0: Ana ≈ ")
    root = notebook.locator(".jp-OutputArea .mtl-explorer")
    root.wait_for(timeout=60_000)
    status, slider = root.locator(".mtl-status"), root.locator("input[type=range]")
    assert status.inner_text() == "λ = 0: the scores are hidden until you reveal them"
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowUp")
    slider.press("b")  # which would insert a cell, if JupyterLab heard it
    notebook.evaluate(FRAME)
    assert slider.get_attribute("aria-valuetext") == "λ = 0.1"
    assert notebook.locator(".jp-Notebook .jp-CodeCell").count() == 2
    root.locator(".mtl-mark").click()
    root.locator(".mtl-reveal").click()
    notebook.evaluate(FRAME)
    assert status.inner_text().startswith("λ = 0.1: Ana ≈ ")
    alt = root.locator(".mtl-scores > svg").get_attribute("aria-label")
    assert "At λ = 0.1: Ana ≈ " in alt
    assert alt.endswith("Your mark: λ = 0.1.")
    root.locator(".mtl-train").click()
    notebook.wait_for_function("document.querySelector('.mtl-told').textContent.startsWith('★')", timeout=120_000)
    assert "★ Trained now, λ = 0.1, fresh seed 2: Ana ≈ " in root.locator(".mtl-told").inner_text()
    assert "Trained now at λ = 0.1, seed 2: Ana ≈ " in root.locator(".mtl-scores > svg").get_attribute("aria-label")
    slider.focus()
    slider.press("End")
    notebook.evaluate(FRAME)
    assert status.inner_text().startswith("λ = ∞: Ana ≈ ")
    assert in_python(notebook, "explorer.text") == status.inner_text()
    assert root.locator("img").count() == 0
    notebook.screenshot(path=tmp_path / "explorer.png")
    assert errors(notebook, cells) == []
    assert [error for error in notebook.script_errors if "favicon" not in error] == []
    assert notebook.locator(".Toastify__toast, .jp-Dialog").count() == 0


def in_python(page, expression):
    """What an expression is in the notebook's kernel."""
    ask = """async code => {
      const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
      await kernel.requestExecute({ code: "", silent: true }).done; // a change waits for the one before it to arrive
      const reply = await kernel.requestExecute({ code: "", silent: true, user_expressions: { it: code } }).done;
      return reply.content.user_expressions.it.data["text/plain"];
    }"""
    return json.loads(page.evaluate(ask, f"__import__('json').dumps({expression})").strip("'").replace("\\\\", "\\"))
