"""The arrows in the browser: on a bare page with a stand-in for the kernel, as a page, and once in real JupyterLab.

Without Chromium these tests are skipped, and say so; where MTL_REQUIRE_BROWSER is set they fail instead.
"""

import inspect
import textwrap

import numpy as np
import pytest
from test_arrows import HOSTILE, a_front
from test_browser import errors, own_notebook, run_all
from test_explorer_browser import FRAME
from test_microscope_browser import TEXTS, in_python, show  # noqa: F401  show is a fixture

import mtl_lesson as mtl
from mtl_lesson.weighting.plane import METHODS, answer_of, at_angle, helped
from mtl_lesson.widgets import LambdaExplorer

pytestmark = pytest.mark.browser


@pytest.fixture
def plane(show):  # noqa: F811
    return show(mtl.arrows())


@pytest.fixture
def along(show):  # noqa: F811
    return show(mtl.arrows(names=("garment", "colour"), front=a_front(), methods=METHODS))


def pixels(page, tip):
    """Where a tip lies on the page."""
    box = page.find(".mtl-plane").bounding_box()
    scale = (min(box["width"], box["height"]) / 2 - 14) / page.widget.longest
    return box["x"] + box["width"] / 2 + scale * tip[0], box["y"] + box["height"] / 2 - scale * tip[1]


def drag(page, start, *places):
    page.page.mouse.move(*pixels(page, start))
    page.page.mouse.down()
    for place in places:
        page.page.mouse.move(*pixels(page, place), steps=4)
    page.page.mouse.up()


def fill(page, label, text):
    box = page.find(f"input[aria-label='{label}']")
    box.fill(text)
    box.press("Enter")
    return page


def test_the_browser_answers_as_torchjd_does(plane):
    chance = np.random.default_rng(0)
    angles = [0, 180, 90, 1e-6, 180 - 1e-6, *chance.uniform(0, 180, 40)]
    pairs = [at_angle(angle, np.exp(chance.uniform(-2, 2, 2))).tolist() for angle in angles]
    pairs = [
        (np.array(pair)[:: chance.choice([1, -1])] @ np.linalg.qr(chance.normal(size=(2, 2)))[0]) for pair in pairs
    ]
    weights = chance.uniform(0, 5, (len(pairs), 2))
    asked = [[name, *G.tolist(), w.tolist()] for G, w in zip(pairs, weights, strict=True) for name in METHODS]
    ask = """asked => asked.map(([name, g1, g2, w]) => {
      const answer = part.answerOf(name, g1, g2, w);
      return [answer, part.helped(answer, [g1, g2])];
    })"""
    for (name, g1, g2, w), (answer, effects) in zip(asked, plane.page.evaluate(ask, asked), strict=True):
        long = max(np.hypot(*g1), np.hypot(*g2))
        expected = answer_of(name, g1, g2, w)
        np.testing.assert_allclose(answer, expected, rtol=1e-4, atol=1e-4 * long, err_msg=f"{name} {g1} {g2}")
        along = np.abs(np.array([g1, g2]) @ expected / np.linalg.norm([g1, g2], axis=1)) / long
        if not ((along > 5e-4) & (along < 2e-3)).any():  # at the limit below which nothing counts
            assert effects == helped(expected, g1, g2).tolist(), (name, g1, g2)


def test_a_tip_is_dragged_and_the_answers_follow(plane):
    g1, _ = plane.widget.gradients
    before = plane.told()
    drag(plane, g1, (0.2, 0.2), (-0.6, 0.4))
    text = plane.told()
    assert text != before
    np.testing.assert_allclose(plane.widget.gradients[0], (-0.6, 0.4), atol=0.02)
    assert plane.find(".mtl-plane").get_attribute("aria-label") == plane.widget.alt
    drag(plane, plane.widget.gradients[0], (9, 9))  # beyond the edge it is as long as it may be
    plane.told()
    assert np.hypot(*plane.widget.gradients[0]) == pytest.approx(plane.widget.longest)
    drag(plane, plane.widget.gradients[0], (0, 0))
    plane.told()
    assert np.hypot(*plane.widget.gradients[0]) >= plane.widget.least * 0.999
    plane.find(".mtl-restore").click()
    assert plane.told() == before


def test_a_drag_with_nothing_held_moves_nothing(plane):
    before = plane.told()
    drag(plane, (0, -0.8), (0.5, 0.5), (-0.5, 0.5))
    plane.page.mouse.move(*pixels(plane, plane.widget.gradients[0]))
    assert plane.told() == before


def test_the_keys_turn_and_stretch_the_arrow_that_has_the_focus(plane):
    tip = plane.find(".mtl-tip").nth(1)
    tip.focus()
    for key, angle in (("ArrowRight", 115), ("ArrowRight", 110), ("ArrowLeft", 115), ("Shift+ArrowLeft", 116)):
        tip.press(key)
        assert f"angle ≈ {angle}°" in plane.told()
        assert tip.get_attribute("aria-valuetext").startswith(f"{angle}° from the other, size ≈ 0.50")
    for _ in range(40):
        tip.press("ArrowUp")
    plane.told()
    assert np.hypot(*plane.widget.gradients[1]) == pytest.approx(plane.widget.longest)
    for _ in range(60):
        tip.press("ArrowDown")
    plane.told()
    assert np.hypot(*plane.widget.gradients[1]) == pytest.approx(plane.widget.least)
    assert plane.page.evaluate("document.activeElement.classList.contains('mtl-tip')")
    tip.press("Escape")
    assert "angle ≈ 120°" in plane.told()


def test_numbers_can_be_typed(plane):
    assert "angle ≈ 180°" in fill(plane, "angle", "180").told()
    assert "stands still" in plane.told()
    assert "angle ≈ 60°" in fill(plane, "angle", "60").told()
    assert "sizes ≈ 1.00 and ≈ 0.75" in fill(plane, "size of task 2", "0,75").told()
    assert "weighted sum (1 : 3)" in fill(plane, "weight of task 2", "3").told()
    assert plane.find(".mtl-answers button").first.inner_text() == "weighted sum (1 : 3)"


@pytest.mark.parametrize("text", ["", "fast", "-1", "181", "1e999", "NaN", "<b>1</b>"])
def test_nonsense_is_answered_in_place_and_nothing_moves(plane, text):
    before = plane.told()
    fill(plane, "angle", text)
    assert plane.told() == before
    said = plane.find("[role=alert]").inner_text()
    assert said == f"angle must be a number from 0 to 180, not '{text}'"
    assert plane.find("input[aria-label=angle]").input_value() == "120"
    fill(plane, "angle", "90")
    assert plane.find("[role=alert]").inner_text() == ""
    fill(plane, "weight of task 1", "0")
    fill(plane, "weight of task 2", "0")
    assert plane.find("[role=alert]").inner_text() == "the weights cannot both be 0"


def test_answers_are_chosen(plane):
    for number, name in enumerate(METHODS):
        button = plane.find(".mtl-answers button").nth(number)
        pressed = button.get_attribute("aria-pressed") == "true"
        button.click()
        text = plane.told()
        assert (f"{name} " in text) != pressed
        assert button.get_attribute("aria-pressed") == str(not pressed).lower()
    for number in (2, 3, 4, 5):
        plane.find(".mtl-answers button").nth(number).click()
    assert plane.told().endswith("no answer is shown")


def test_moving_along_the_front_shows_what_was_measured_there(along):
    front = along.widget.front
    seen = []
    along.press("Home")
    for at in range(len(front["angles"])):
        text = along.told()
        seen.append(text)
        assert along.widget.at == at
        assert f"angle ≈ {front['angles'][at]:.0f}°" in text
        assert along.slider.get_attribute("aria-valuetext") == along.widget.place
        assert f"Here: {along.widget.place}." in along.find(".mtl-front").get_attribute("aria-label")
        assert "over 6 epochs at weights" in along.find(".mtl-curves").get_attribute("aria-label")
        along.press("ArrowRight")
    assert len(set(seen)) == len(seen)
    assert along.told() == seen[-1]
    fill(along, "angle", "20")
    assert "(arrows moved by hand)" in along.told()
    assert along.find(".mtl-where").inner_text() == along.widget.place
    along.press("ArrowLeft")
    assert along.told() == seen[-2]


def test_it_answers_within_a_frame(along):
    tip = along.find(".mtl-tip").first
    tip.focus()
    slow = along.page.evaluate("""async () => {
      const times = [];
      for (let k = 0; k < 30; k++) {
        const start = performance.now();
        model.set("at", k % 5);
        await new Promise(done => requestAnimationFrame(() => setTimeout(done)));
        times.push(performance.now() - start);
      }
      return times.sort((a, b) => a - b)[15];
    }""")
    assert slow < 100  # on a busy machine; 17 ms are a frame


def test_names_from_data_are_text(show):  # noqa: F811
    page = show(mtl.arrows(names=(HOSTILE, "</script>"), front=a_front()))
    assert HOSTILE in page.told()
    assert page.page.evaluate("document.querySelectorAll('img, script').length") == 0


def test_what_python_changes_is_shown(plane):
    plane.page.evaluate("model.set('tips', [[1, 0], [0, 1]])")
    assert "angle ≈ 90°" in plane.told()
    plane.page.evaluate("model.set('trouble', 'Python could not')")
    assert plane.find("[role=alert]").inner_text() == "Python could not"


def test_a_closed_view_hears_no_more(plane):
    plane.page.evaluate("close_it()")
    assert plane.page.evaluate("Object.values(model.heard).flat().length") == 0


@pytest.mark.parametrize("width", [1280, 800, 375])
def test_it_fits_and_can_be_read(show, width):  # noqa: F811
    for widget in (mtl.arrows(), mtl.arrows(names=("garment", "colour"), front=a_front(), methods=METHODS)):
        page = show(widget, width=width)
        assert page.page.evaluate("document.documentElement.scrollWidth") <= width
        assert min(page.page.evaluate(TEXTS)) >= 12
        if width == 1280:
            assert page.find("").first.bounding_box()["height"] <= 620
        beside = show(widget, width=width, beside=(LambdaExplorer,))
        box = ".mtl-plane"
        assert page.find(box).bounding_box() == beside.find(box).bounding_box()


def test_the_page_works_without_a_kernel(show, tmp_path):  # noqa: F811
    widget = mtl.arrows(names=("garment", "colour"), front=a_front())
    widget.save(tmp_path / "arrows.html")
    page = show(widget, (tmp_path / "arrows.html").as_uri(), offline=True)
    assert page.text() == widget.text
    page.press("ArrowRight", "ArrowRight")
    assert page.text() == widget.move(2).text
    fill(page, "angle", "180")
    assert page.text() == widget.put(angle=180).text


# --- JupyterLab ------------------------------------------------------------------------------------------------------

SOURCE = f"""
import numpy as np
import mtl_lesson as mtl

{inspect.getsource(a_front)}

arrows = mtl.arrows(names=("garment", "colour"), front=a_front())
arrows
"""


@pytest.fixture
def notebook(tmp_path, chromium):
    """A page of JupyterLab with a notebook of our own."""
    with own_notebook(tmp_path, chromium, textwrap.dedent(SOURCE), "1 + 1") as page:
        yield page


def test_in_jupyterlab_it_answers(notebook, tmp_path):
    cells = run_all(notebook)
    assert errors(notebook, cells) == []
    stored = "".join(next(o for o in cells[0]["outputs"] if o["output_type"] == "execute_result")["data"]["text/plain"])
    assert stored.startswith("Arrows(weights 0.1 : 10, garment ≈ ")
    root = notebook.locator(".jp-OutputArea .mtl-arrows")
    root.wait_for(timeout=60_000)
    status, tip = root.locator(".mtl-status"), root.locator(".mtl-tip").first
    slider = root.locator("input[type=range]")
    slider.focus()
    slider.press("ArrowRight")
    slider.press("b")  # which would insert a cell, if JupyterLab heard it
    tip.focus()
    tip.press("ArrowLeft")
    tip.press("a")
    notebook.evaluate(FRAME)
    assert "(arrows moved by hand)" in status.inner_text()
    assert in_python(notebook, "arrows.text") == status.inner_text()
    box = root.locator("input[aria-label=angle]")
    box.fill("x")
    box.press("Enter")
    assert "angle must be a number" in root.locator("[role=alert]").inner_text()
    box.fill("175")
    box.press("Enter")
    notebook.evaluate(FRAME)
    assert "angle ≈ 175°" in status.inner_text()
    assert in_python(notebook, "arrows.text") == status.inner_text()
    notebook.screenshot(path=tmp_path / "arrows.png")
    assert notebook.locator(".jp-Notebook .jp-CodeCell").count() == 2
    assert errors(notebook, cells) == []
    assert [error for error in notebook.script_errors if "favicon" not in error] == []
