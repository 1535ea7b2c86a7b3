"""The λ microscope and the lesion lab in the browser: as pages without a kernel, and once in real JupyterLab.

Without Chromium these tests are skipped, and say so; where MTL_REQUIRE_BROWSER is set they fail instead.
"""

import ast
import base64
import inspect
import json
import random
import textwrap

import numpy as np
import pytest
from test_browser import errors, own_notebook, run_all
from test_explorer_browser import FRAME, MODEL
from test_microscope import HOSTILE, LAMS, TRAINING, boxes, people, trunk

import mtl_lesson as mtl
from mtl_lesson.inspection import Frames, Lesions
from mtl_lesson.show.microscope import label, read_off, say_frame
from mtl_lesson.show.sheets import as_images
from mtl_lesson.show.style import rounded
from mtl_lesson.widgets import LambdaExplorer, LesionLab, Microscope, lesion_lab

pytestmark = pytest.mark.browser

# The module as anywidget loads it, with a stand-in for the kernel that tells what it was asked.
SHOW = """async ([model, source, traits]) => {
  for (const [name, value] of Object.entries(traits))
    if (value?.bytes !== undefined) traits[name] = new DataView(Uint8Array.from(atob(value.bytes), one => one.charCodeAt(0)).buffer);
  window.part = await import(URL.createObjectURL(new Blob([source], { type: "text/javascript" })));
  window.model = new (eval("(" + model + ")"))(traits);
  window.close_it = part.default.render({ model: window.model, el: document.querySelector("main") });
}"""  # noqa: E501
STILL = """() => new Promise((done, fail) => {
  const wait = () => document.querySelector('.mtl-between')?.textContent ? requestAnimationFrame(wait) : done();
  requestAnimationFrame(() => requestAnimationFrame(wait));
  setTimeout(() => fail(new Error("the points never came to rest")), 10000);
})"""


@pytest.fixture(scope="module")
def world():
    return boxes()


@pytest.fixture(scope="module")
def frames(world):
    return Frames.of(mtl.sweep(mtl.Soft, world, trunk=trunk(), lam=LAMS, seeds=[0], **TRAINING), world)


@pytest.fixture(scope="module")
def lesions(world):
    return Lesions.of(mtl.fit(mtl.Hard(world.tasks, trunk(features=8)), world, **TRAINING), world)


class Shown:
    """A widget in a page. ``trouble``: every script error, every dialog that opened, every request."""

    def __init__(self, context, widget, address=None, beside=()):
        self.widget, self.trouble = widget, []
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.trouble.append(str(error)))
        self.page.on("console", lambda said: said.type == "error" and self.trouble.append(said.text))
        self.page.on("dialog", lambda dialog: (self.trouble.append(dialog.message), dialog.dismiss()))
        if address:  # as a page of its own
            self.page.on("request", lambda asked: self.trouble.append(asked.url) if asked.url[:4] == "http" else None)
            self.page.goto(address)
        else:
            sheets = "".join(f"<style>{one._css}</style>" for one in (widget, *beside))
            self.page.set_content(f"{sheets}<main></main>")
            traits = {name: getattr(widget, name) for name in widget.sent}
            traits = {
                name: {"bytes": base64.b64encode(value).decode()} if isinstance(value, bytes) else value
                for name, value in traits.items()
            }
            self.page.evaluate(SHOW, [MODEL, str(widget._esm), traits])
        self.page.evaluate(STILL)
        self.slider = self.find("input[type=range]")

    def find(self, selector):
        return self.page.locator(f".mtl-scope {selector}")

    def text(self, selector=".mtl-status"):
        self.page.evaluate(STILL)
        return self.find(selector).first.inner_text()

    def told(self):
        """What the status line says; Python, told the same state, must say the same."""
        text = self.text()
        for name in self.widget.sent[2:]:
            if name != "sprite":
                setattr(self.widget, name, self.page.evaluate("name => model.get(name)", name))
        assert text == self.widget.text
        return text

    def alt(self, number=0):
        self.page.evaluate(STILL)
        return self.find("figure canvas").nth(number).get_attribute("aria-label")

    def press(self, *keys):
        self.slider.focus()
        for key in keys:
            self.slider.press(key)
        return self

    def pixel(self, x, y, number=0):
        """Where a share of a canvas lies on the page."""
        box = self.find("figure canvas").nth(number).bounding_box()
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    def lasso(self, corners, number=0):
        self.page.mouse.move(*self.pixel(*corners[0], number))
        self.page.mouse.down()
        for corner in [*corners[1:], corners[0]]:
            self.page.mouse.move(*self.pixel(*corner, number), steps=6)
        self.page.mouse.up()
        return self

    def where(self, row, frame, number):
        """Where on a canvas of the microscope a point belongs: one scale for both axes, 12 pixels from the edge."""
        canvas, (x0, x1, y0, y1) = self.find("figure canvas").nth(number), self.widget.facts["box"]
        width, height = canvas.evaluate("one => [one.clientWidth, one.clientHeight]")
        scale = min((width - 24) / (x1 - x0), (height - 24) / (y1 - y0))
        x, y = map(float, self.widget.frames.points[frame, number, row])
        return [width / 2 + scale * (x - (x0 + x1) / 2), height / 2 - scale * (y - (y0 + y1) / 2)]

    def dots(self, number=0):
        """The numbers of a canvas's coloured pixels."""
        return self.page.evaluate(
            """number => {
              const canvas = document.querySelectorAll('.mtl-scope figure canvas')[number];
              const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
              return [...Array(canvas.width * canvas.height).keys()].filter(k => data[4 * k + 3] &&
                Math.max(...data.slice(4 * k, 4 * k + 3)) - Math.min(...data.slice(4 * k, 4 * k + 3)) > 60);
            }""",
            number,
        )


EVERYWHERE = [(0.01, 0.01), (0.99, 0.01), (0.99, 0.99), (0.01, 0.99)]
CORNER = [(0.01, 0.01), (0.03, 0.01), (0.03, 0.03), (0.01, 0.03)]


@pytest.fixture
def show(chromium):
    shown, contexts = [], []

    def show_it(widget, address=None, width=1280, height=720, beside=(), **options):
        contexts.append(chromium.new_context(viewport={"width": width, "height": height}, **options))
        shown.append(Shown(contexts[-1], widget, address, beside))
        return shown[-1]

    yield show_it
    for one in shown:
        assert one.trouble == []
    for context in contexts:
        context.close()


@pytest.fixture
def scope(show, frames):
    return show(Microscope(frames))


@pytest.fixture
def lab(show, lesions):
    return show(LesionLab(lesions))


# --- the microscope ------------------------------------------------------------------------------------------------


def test_the_keyboard_reaches_every_lambda(scope, frames):
    scope.press("Home")
    seen = []
    for f, _ in enumerate(LAMS):
        seen.append(scope.told())
        assert seen[-1] == f"{say_frame(frames, f)}. nothing selected"
        assert scope.slider.get_attribute("aria-valuetext") == label(frames, f)
        assert scope.find(".mtl-letter").inner_text() == label(frames, f)
        for number, task in enumerate(frames.tasks):
            assert scope.alt(number) == (
                f"Map of the features of {task.name}: 80 test pictures, coloured by kind. {seen[-1]}."
            )
        read = scope.find(".mtl-readout").inner_text()
        assert all(value in read for _, value, _ in read_off(frames, f))
        scope.press("ArrowRight")
    assert len(set(seen)) == len(LAMS)
    assert scope.told() == seen[-1]  # there is nothing beyond ∞
    assert scope.press("ArrowLeft").told().startswith("λ = 1:")


def test_the_points_are_drawn_where_python_has_them(show, frames):
    widget = Microscope(frames).move("∞").colour("colour").select([40])  # one point alone has a colour
    page = show(widget)
    for number in (0, 1):
        pixels = np.array(page.dots(number))
        width = page.find("figure canvas").nth(number).evaluate("one => one.width")
        assert width > 300
        assert 10 < len(pixels) < 100
        middle = [(pixels % width).mean(), (pixels // width).mean()]
        assert middle == pytest.approx(page.where(40, -1, number), abs=1.5)


def test_a_glide_says_that_it_is_interpolated_and_ends_at_the_frame(scope, frames):
    notes = """() => {
      window.notes = [];
      const note = document.querySelector('.mtl-between');
      new MutationObserver(() => window.notes.push(note.textContent)).observe(note, { childList: true, characterData: true, subtree: true });
    }"""  # noqa: E501
    scope.page.evaluate(notes)
    before = scope.dots(1)
    scope.press("End").told()
    said = scope.page.evaluate("window.notes")
    assert "interpolated" in said
    assert said[-1] == ""
    assert scope.dots(1) != before
    assert scope.dots(0) == scope.dots(1)  # at λ = ∞ there is one map
    after = scope.dots(0)
    assert scope.press("Home").press("End").told().startswith("λ = ∞")
    assert scope.dots(0) == after


def test_whoever_wants_no_motion_sees_none(show, frames):
    page = show(Microscope(frames), reduced_motion="reduce")
    page.press("End")
    page.page.evaluate("""() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))""")
    assert page.find(".mtl-between").inner_text() == ""
    assert page.dots(0) == page.dots(1)


def test_a_lasso_selects_in_both_maps_and_is_counted(scope, frames):
    scope.press("End").lasso(EVERYWHERE)
    assert "80 pictures: " in scope.told()
    assert scope.widget.selected == list(range(80))
    everything = scope.dots(1)
    scope.lasso(CORNER)
    assert scope.told().endswith("nothing selected")
    scope.lasso([(0.01, 0.01), (0.5, 0.01), (0.5, 0.99), (0.01, 0.99)])
    x = frames.points[-1, 0, :, 0]
    middle = sum(scope.widget.facts["box"][:2]) / 2
    assert "pictures: " in scope.told()
    assert scope.widget.selected == [i for i in range(80) if x[i] < middle]
    assert 0 < len(scope.widget.selected) < 80
    assert scope.text(".mtl-chosen") in scope.told()
    linked = scope.dots(1)
    assert 0 < len(linked) < len(everything)  # the others have become grey in the other map too
    assert scope.alt(1).endswith(f"{scope.text('.mtl-chosen')}.")
    scope.press("Home")
    assert scope.text(".mtl-chosen") in scope.told()  # the selection stays while λ moves


def test_a_lasso_may_have_any_shape(scope):
    scope.lasso([(0.02, 0.02), (0.98, 0.02), (0.02, 0.98)], 1)  # a triangle: above a diagonal
    scope.told()
    width, height = scope.find("figure canvas").nth(1).evaluate("one => [one.clientWidth, one.clientHeight]")
    places = [scope.where(row, 0, 1) for row in range(80)]
    above = [x / width + y / height for x, y in places]
    assert {row for row in range(80) if above[row] < 0.98} <= set(scope.widget.selected)
    assert set(scope.widget.selected) <= {row for row in range(80) if above[row] < 1.02}
    assert 0 < len(scope.widget.selected) < 80


def test_a_click_selects_a_picture_and_pointing_shows_it(scope, frames):
    scope.press("Home")
    scope.page.evaluate(STILL)
    far = np.square(frames.points[0, 1][:, None] - frames.points[0, 1]).sum(2) + 1e9 * np.eye(80)
    row = int(far.min(1).argmax())  # the point that is farthest from all others
    x, y = scope.where(row, 0, 1)
    corner = scope.pixel(0, 0, 1)
    place = [corner[0] + 1 + x, corner[1] + 1 + y]  # the border is a pixel wide
    scope.page.mouse.move(*place)
    card = scope.find(".mtl-card")
    assert card.is_visible()
    labels = {name: group.labels[row] for name, group in frames.groups.items()}
    kind = frames.groups["kind"].classes[labels["kind"]] if labels["kind"] >= 0 else "no label"
    words = card.inner_text().replace("\n", " ")
    assert f"picture {row}" in words
    assert f"kind: {kind}" in words
    assert f"colour: {('red', 'green', 'blue')[labels['colour']]}" in words
    drawn = card.locator("canvas").evaluate(
        "one => [...one.getContext('2d').getImageData(0, 0, one.width, one.height).data]"
    )
    shown = np.reshape(drawn, (-1, 4)).mean(0)[:3] / 255
    assert shown == pytest.approx(as_images(frames.pictures)[row].mean((0, 1)), abs=0.05)
    scope.page.mouse.click(*place)
    assert ". 1 picture: " in scope.told()
    assert scope.widget.selected == [row]
    scope.page.mouse.move(2, 2)
    assert not card.is_visible()


def test_groups_are_buttons_in_tab_order_and_escape_clears(scope, frames):
    scope.slider.focus()
    for _ in range(2):  # the select, then the first group
        scope.page.keyboard.press("Tab")
    scope.page.keyboard.press("Tab")
    scope.page.keyboard.press("Enter")
    tall = [i for i, label in enumerate(frames.groups["kind"].labels) if label == 1]
    assert scope.told().endswith(f"{len(tall)} pictures: tall {len(tall)}")
    assert scope.widget.selected == tall
    pressed = scope.find(".mtl-legend button").evaluate_all("all => all.map(one => one.getAttribute('aria-pressed'))")
    assert pressed == ["false", "true", "false", "false"]
    scope.page.keyboard.press("Shift+Tab")  # the focus stayed on the button
    scope.page.keyboard.press("Enter")
    both = sum(label in (0, 1) for label in frames.groups["kind"].labels)
    assert f"{both} pictures: " in scope.told()
    scope.page.keyboard.press("Enter")  # off again
    assert scope.told().endswith(f"{len(tall)} pictures: tall {len(tall)}")
    scope.page.keyboard.press("Escape")
    assert scope.told().endswith("nothing selected")
    scope.find(".mtl-legend button").nth(3).click()
    assert scope.told().endswith("2 pictures: no label 2")
    scope.find(".mtl-clear").click()
    assert scope.told().endswith("nothing selected")


def test_another_colouring_recounts_the_selection(scope, frames):
    scope.lasso(EVERYWHERE)
    first, before = scope.told(), scope.dots()
    scope.find("select").select_option(index=1)
    assert scope.told() != first
    names = [text.split("\n")[0] for text in scope.find(".mtl-legend button").all_inner_texts()]
    assert names == ["red", "green", "blue"]
    assert scope.dots() != before
    assert "coloured by colour" in scope.alt()


def test_what_python_changes_is_shown(scope, frames):
    scope.page.evaluate("model.set('selected', [3, 4])")
    scope.page.evaluate("model.set('at', { frame: 2, colour: 1 })")
    assert scope.told().startswith("λ = 0.1: ")
    assert scope.text(".mtl-chosen").startswith("2 pictures: ")


def test_one_frame_and_no_classes(show, world):
    one = mtl.Separate(world.tasks, trunk())
    page = show(mtl.widgets.microscope({HOSTILE: one}, world))
    assert page.slider.is_disabled()
    assert page.told().startswith(f"{HOSTILE} (untrained): gap ≈ 0 %")
    assert page.page.evaluate("document.querySelectorAll('img, script').length") == 0
    planted = mtl.data.planted(n=10, n_test=50)
    page = show(mtl.widgets.microscope({"x": mtl.Separate(planted.tasks, mtl.nets.linear(10, 3))}, planted))
    assert page.lasso(EVERYWHERE).told().endswith("50 pictures")
    assert page.find("select").count() == 0
    page.page.mouse.move(*page.pixel(0.5, 0.5))


# --- the lesion lab ------------------------------------------------------------------------------------------------


def agree(page):
    """What the browser computes is what Python does: by the lesion itself, and for the random groups."""
    page.told()
    results, chance = page.widget.results.set_index("task"), page.widget.at_random.set_index("task")
    strips = page.find(".mtl-strip").evaluate_all("all => all.map(one => ({ ...one.dataset }))")
    assert [(one["task"], one["what"]) for one in strips] == [
        (task.name, what) for task in page.widget.compared for what in ("loss", "score")
    ]
    for one in strips:
        assert float(one["now"]) == pytest.approx(results.loc[one["task"], one["what"]], rel=1e-3, abs=1e-3)
        if page.widget.removed:
            assert float(one["random"]) == pytest.approx(chance.loc[one["task"], one["what"]], rel=1e-3, abs=1e-3)
    return {(one["task"], one["what"]): float(one["now"]) for one in strips}


def test_both_scores_answer_as_pythons_lesion_does(lab):
    intact = agree(lab)
    lab.find(".mtl-most").nth(1).click()
    assert lab.told().startswith("8 of 8 units removed")
    agree(lab)
    lab.find(".mtl-restore").click()
    assert agree(lab) == intact
    for name, units in lab.widget.quadrants.items():  # each quadrant is a button
        button = lab.find(".mtl-legend button").filter(has_text=name)
        assert button.inner_text().split("\n")[-1] == str(len(units))
        assert button.is_disabled() == (not units)
        if units:
            button.click()
            lab.told()
            assert lab.widget.removed == units
            assert agree(lab) != intact or len(units) == 0
            button.click()
            assert lab.told().startswith("all 8 units in place")


@pytest.mark.parametrize("pair", [(1, 2), (3, 0), (2, 3)])
def test_every_kind_of_task_can_be_compared(lab, pair):
    for side, name in ((1, "upwards"), (0, "across"), (1, "upwards")):  # no task can be compared with itself
        select = lab.find(f"select[aria-label='task {name}']")
        names = select.locator("option").all_inner_texts()
        wanted = lab.widget.lesions.tasks[pair[side]].name
        if wanted in names:
            select.select_option(index=names.index(wanted))
            lab.page.evaluate(STILL)  # the other side offers what is left once this one is drawn
    lab.page.evaluate("model.set('removed', [1, 2, 5])")
    lab.told()
    assert lab.widget.pair == list(pair)
    agree(lab)


def test_inputs_and_trunks_of_their_own(show):
    world = people()
    run = mtl.fit(mtl.Separate(world.tasks, trunk(6)), world, **TRAINING)
    page = show(lesion_lab(run, world, tasks=("Bao", "Chidi")).remove([0, 3]))
    agree(page)


def test_a_lasso_removes_and_a_click_restores(lab):
    lab.lasso(EVERYWHERE)
    assert lab.told().startswith("8 of 8 units removed")
    lab.page.keyboard.press("Escape")
    lab.find("figure canvas").focus()
    lab.page.keyboard.press("Escape")
    assert lab.told().startswith("all 8 units in place")
    assert lab.lasso(CORNER).told().startswith("all 8 units in place")
    lab.lasso([(0.01, 0.01), (0.6, 0.01), (0.6, 0.99), (0.01, 0.99)])
    lab.told()
    removed = lab.widget.removed
    assert 0 < len(removed) < 8
    agree(lab)


def test_units_are_reached_by_the_keyboard(lab):
    canvas, lesions = lab.find("figure canvas"), lab.widget.lesions
    canvas.focus()
    canvas.press("ArrowRight")
    order = sorted(range(8), key=lambda unit: lesions.rise[0, unit])
    assert lab.text(".mtl-unit").startswith(f"unit {order[-1]}, rise of the loss without it: kind ≈ ")
    canvas.press("Enter")
    assert lab.told().startswith("1 of 8 units removed")
    assert lab.widget.removed == [order[-1]]
    assert lab.text(".mtl-unit").endswith("removed")
    canvas.press("ArrowLeft")
    assert lab.text(".mtl-unit").startswith(f"unit {order[-2]}, ")
    canvas.press("Enter")
    agree(lab)
    canvas.press("Enter")
    assert lab.told().startswith("1 of 8 units removed")
    for unit in sorted(range(8), key=lambda unit: lesions.rise[1, unit])[:1]:
        for _ in range(8):
            canvas.press("ArrowDown")
        assert lab.text(".mtl-unit").startswith(f"unit {unit}, ")


def test_a_choice_keeps_the_focus(lab):
    for name in ("task across", "task upwards"):
        select = lab.find(f"select[aria-label='{name}']")
        select.focus()
        select.select_option(index=2)
        lab.told()
        assert lab.page.evaluate("document.activeElement.getAttribute('aria-label')") == name


# --- both ----------------------------------------------------------------------------------------------------------


def test_numbers_are_written_as_in_every_figure(lab):
    draw = random.Random(0)
    values = [0, 0.745, 0.125, 0.375, 2.5, 12.25, 0.005, 0.00499, 1e-9, -0.004, -3.14159, 123456.5, 0.995]
    values += [float(f"{draw.choice((1, -1)) * 10 ** draw.uniform(-7, 5):.6g}") for _ in range(200)]
    for unit in ("", "%"):
        written = lab.page.evaluate("([values, unit]) => values.map(v => part.rounded(v, unit))", [values, unit])
        assert written == [rounded(value, unit) for value in values]


def test_an_error_in_a_callback_is_shown_in_place(scope):
    scope.page.evaluate("model.set('at', { frame: 99, colour: 0 })")
    scope.page.evaluate(FRAME)
    assert "That did not work" in scope.find("[role=alert]").inner_text()
    assert len(scope.trouble) == 1  # and in the console
    scope.trouble.clear()
    scope.page.evaluate("model.set('at', { frame: 0, colour: 0 })")
    scope.find(".mtl-clear").click()
    assert scope.find("[role=alert]").inner_text() == ""
    scope.page.evaluate("model.set('trouble', 'Python could not')")
    assert scope.find("[role=alert]").inner_text() == "Python could not"


def test_a_closed_view_hears_no_more(scope, lab):
    for one in (scope, lab):
        one.page.evaluate("close_it()")
        assert one.page.evaluate("Object.values(model.heard).flat().length") == 0


TEXTS = """() => [...document.querySelectorAll('.mtl-scope *')]
  .filter(node => node.textContent.trim() && node.getBoundingClientRect().width > 1)
  .map(node => parseFloat(getComputedStyle(node).fontSize))"""


@pytest.mark.parametrize(("width", "lefts"), [(1280, 2), (800, 2), (375, 1)])
def test_they_fit_and_can_be_read(show, frames, lesions, width, lefts):
    for widget in (Microscope(frames), LesionLab(lesions).remove([0, 1])):
        page = show(widget, width=width)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        assert min(page.page.evaluate(TEXTS)) >= 12
        if isinstance(widget, Microscope):
            assert len({round(one.bounding_box()["x"]) for one in page.find("figure").all()}) == lefts
        if width == 1280:  # on a projector all of it is seen at once, below JupyterLab's bars
            assert page.find("").first.bounding_box()["height"] <= 600
            before = page.find("figure canvas").first.evaluate("one => one.width")
            page.page.set_viewport_size({"width": 700, "height": 720})
            page.page.evaluate(STILL)
            page.page.evaluate(FRAME)
            assert page.find("figure canvas").first.evaluate("one => one.width") != before
            assert page.find("figure canvas").first.evaluate("one => one.width === Math.round(one.clientWidth)")


BOXES = """() => [...document.querySelectorAll('.mtl-scope *')].map(one => {
  const { x, y, width, height } = one.getBoundingClientRect();
  return [x, y, width, height].map(Math.round);
})"""


@pytest.mark.parametrize("width", [1280, 800, 375])
def test_neither_is_moved_by_the_others_style_sheet(show, frames, lesions, width):
    """In a notebook a widget's style sheet is the whole page's."""
    both = Microscope(frames), LesionLab(lesions).remove([0, 1])
    for widget, other in (both, both[::-1]):
        alone, beside = (show(widget, width=width, beside=sheets) for sheets in ((), (other, LambdaExplorer)))
        assert beside.page.evaluate(BOXES) == alone.page.evaluate(BOXES)


def test_the_pages_work_without_a_kernel(show, frames, lesions, tmp_path):
    scope, lab = Microscope(frames), LesionLab(lesions)
    for name, widget in (("scope", scope), ("lab", lab)):
        widget.save(tmp_path / f"{name}.html")
    page = show(scope, (tmp_path / "scope.html").as_uri(), offline=True)
    assert page.text() == scope.text
    page.press("ArrowRight", "ArrowRight")
    assert page.text() == scope.move(0.1).text
    page.find("select").select_option(index=2)
    page.find(".mtl-legend button").nth(1).click()
    assert page.text() == scope.colour("bright").highlight("yes").text
    page.page.mouse.move(*page.pixel(0.5, 0.5))
    page.find("figure canvas").first.press("Escape")
    page = show(lab, (tmp_path / "lab.html").as_uri(), offline=True)
    assert page.text() == lab.text
    page.find(".mtl-legend button:enabled").first.click()
    assert page.text() == lab.remove(next(units for units in lab.quadrants.values() if units)).text


# --- JupyterLab ----------------------------------------------------------------------------------------------------

SOURCE = f"""
import math, torch
from collections import OrderedDict
from torch import nn
import mtl_lesson as mtl
from mtl_lesson.data.world import Split, World
from mtl_lesson.widgets import lesion_lab, microscope

HOSTILE, LAMS, TRAINING = {HOSTILE!r}, [0, 0.01, 0.1, 1, math.inf], {TRAINING!r}

{inspect.getsource(boxes)}

{inspect.getsource(trunk)}

world = boxes()
sweep = mtl.sweep(mtl.Soft, world, trunk=trunk(features=8), lam=LAMS, seeds=[0], **TRAINING)
scope, lab = microscope(sweep, world), lesion_lab(sweep.run(lam=math.inf, seed=0), world)
scope
"""


@pytest.fixture
def notebook(tmp_path, chromium):
    """A page of JupyterLab with a notebook of our own."""
    with own_notebook(tmp_path, chromium, textwrap.dedent(SOURCE), "lab") as page:
        yield page


def in_python(page, expression):
    """What an expression is in the notebook's kernel."""
    ask = """async code => {
      const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
      await kernel.requestExecute({ code: "", silent: true }).done; // a change waits for the one before it to arrive
      const reply = await kernel.requestExecute({ code: "", silent: true, user_expressions: { it: code } }).done;
      return reply.content.user_expressions.it.data["text/plain"];
    }"""
    return json.loads(ast.literal_eval(page.evaluate(ask, f"__import__('json').dumps({expression})")))


def test_in_jupyterlab_both_answer(notebook, tmp_path):
    cells = run_all(notebook)
    assert errors(notebook, cells) == []
    stored = "".join(next(o for o in cells[0]["outputs"] if o["output_type"] == "execute_result")["data"]["text/plain"])
    assert stored.startswith("Microscope(kind and colour, λ = 0: gap ≈ ")
    scope, lab = (notebook.locator(".jp-OutputArea .mtl-scope").nth(number) for number in (0, 1))
    lab.wait_for(timeout=60_000)
    slider, status = scope.locator("input[type=range]"), scope.locator(".mtl-status")
    canvas = scope.locator("figure canvas")
    slider.focus()
    slider.press("ArrowRight")
    slider.press("ArrowRight")
    slider.press("b")  # which would insert a cell, if JupyterLab heard it
    notebook.evaluate(STILL)
    assert status.inner_text().startswith("λ = 0.1: gap ≈ ")
    assert in_python(notebook, "scope.text") == status.inner_text()
    before, read = status.inner_text(), scope.locator(".mtl-readout").inner_text()
    slider.press("End")
    notebook.evaluate(STILL)
    assert scope.locator(".mtl-readout").inner_text() != read
    canvas.first.scroll_into_view_if_needed()
    box = canvas.first.bounding_box()
    notebook.mouse.move(box["x"] + 2, box["y"] + 2)
    notebook.mouse.down()
    for x, y in ((0.55, 0.01), (0.55, 0.99), (0.01, 0.99), (0.01, 0.01)):
        notebook.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=6)
    notebook.mouse.up()
    notebook.evaluate(STILL)
    chosen = scope.locator(".mtl-chosen").inner_text()
    assert "pictures: " in chosen
    assert status.inner_text() == in_python(notebook, "scope.text") != before
    assert chosen in canvas.nth(1).get_attribute("aria-label")
    assert 0 < len(in_python(notebook, "scope.selected")) < 80
    scope.locator("select").select_option(index=1)
    notebook.evaluate(STILL)
    assert scope.locator(".mtl-chosen").inner_text() != chosen
    assert in_python(notebook, "scope.text") == status.inner_text()
    notebook.screenshot(path=tmp_path / "microscope.png")

    lab.scroll_into_view_if_needed()
    intact = lab.locator(".mtl-strip").first.get_attribute("data-now")
    lab.locator("figure canvas").focus()
    for key in ("ArrowRight", "Enter", "ArrowLeft", "Enter", "ArrowUp"):
        notebook.keyboard.press(key)
    notebook.evaluate(FRAME)
    removed = in_python(notebook, "lab.removed")
    assert len(removed) == 2
    assert lab.locator(".mtl-strip").first.get_attribute("data-now") != intact
    results = in_python(notebook, "lab.results.set_index('task')[['loss', 'score']].to_dict('index')")
    for strip in lab.locator(".mtl-strip").all():
        task, what, now = (strip.get_attribute(f"data-{name}") for name in ("task", "what", "now"))
        assert float(now) == pytest.approx(results[task][what], rel=1e-3, abs=1e-3)
    lab.locator(".mtl-restore").click()
    notebook.evaluate(FRAME)
    assert in_python(notebook, "lab.removed") == []
    assert lab.locator(".mtl-strip").first.get_attribute("data-now") == intact
    notebook.screenshot(path=tmp_path / "lab.png")
    assert notebook.locator(".jp-Notebook .jp-CodeCell").count() == 2
    assert errors(notebook, cells) == []
    assert [error for error in notebook.script_errors if "favicon" not in error] == []
    assert notebook.locator(".Toastify__toast, .jp-Dialog").count() == 0
