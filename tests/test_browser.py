"""The lessons in JupyterLab, as a learner sees them: laid out and opened by notebooks/desk.py, driven in Chromium.

Without Chromium these tests are skipped, and say so; where MTL_REQUIRE_BROWSER is set they fail instead.
"""

import os
import re
import socket
import subprocess
import threading
import time
from contextlib import contextmanager

import desk
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

pytestmark = pytest.mark.browser

TOKEN = "browser-tests"
PICTURE = ".jp-OutputArea .widget-html img"  # what a slider moves, in a widgets.HTML

# JupyterLab must be there, its session ready and the kernel awake, or nothing is run at all.
RUN_ALL = """async () => {
  const app = window.jupyterapp;
  await app.restored;
  const session = app.shell.currentWidget.sessionContext;
  await session.ready;
  await session.session.kernel.info;
  return await app.commands.execute('notebook:run-all-cells');
}"""
CELLS = """() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.toJSON().cells
  .filter(cell => cell.cell_type === 'code')"""


@contextmanager
def jupyterlab(home):
    """JupyterLab on learner's copies below ``home``, apart from this user's settings; yields address and page."""
    work = home / "work"
    desk.lay_out(work)
    own = ["JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR"]
    own.append("JUPYTERLAB_WORKSPACES_DIR")
    options = ["--no-browser", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0", f"--IdentityProvider.token={TOKEN}"]
    server = subprocess.Popen(
        [*desk.command(work), *options, "--expose-app-in-browser"],
        env=os.environ | {name: str(home / name) for name in own},
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    try:
        said = []
        for line in server.stderr:
            said.append(line)
            if address := re.search(r"(http://127\.0\.0\.1:\d+)(/lab\S*)\?token=", line):
                break
        else:
            pytest.fail("JupyterLab did not start:\n" + "".join(said))
        threading.Thread(target=server.stderr.read, daemon=True).start()  # a full pipe would stop the server
        wait_for(int(address[1].rpartition(":")[2]))
        yield address[1], address[2]
    finally:
        server.terminate()
        server.wait(30)
        server.stderr.close()


def wait_for(port, seconds=60):
    """Until something listens there: a busy machine may print an address before it answers at it."""
    end = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 5).close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


@contextmanager
def own_notebook(home, chromium, *cells):
    """A page of JupyterLab with a notebook of these cells; ``page.script_errors``: what its scripts complain of."""
    with jupyterlab(home) as (address, _):
        python = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = new_notebook(cells=[new_code_cell(cell) for cell in cells], metadata={"kernelspec": python})
        nbformat.write(book, home / "work" / "own.ipynb")
        page = chromium.new_page(viewport={"width": 1280, "height": 720})
        page.script_errors = []
        page.on("pageerror", lambda error: page.script_errors.append(str(error)))
        page.on("console", lambda said: said.type == "error" and page.script_errors.append(said.text))
        page.goto(f"{address}/lab/tree/own.ipynb?token={TOKEN}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
        yield page
        page.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory, chromium):  # asks for chromium first, so that nothing is started in vain
    with jupyterlab(tmp_path_factory.mktemp("lab")) as (address, opens):
        yield address, opens


@pytest.fixture
def open_lesson(lab, chromium):
    """A function that opens a lesson and returns its page; the page is closed after the test."""
    pages = []

    def open_it(path):
        page = chromium.new_page(viewport={"width": 1280, "height": 1000})
        pages.append(page)
        page.goto(f"{lab[0]}{path}?token={TOKEN}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
        return page

    yield open_it
    for page in pages:
        page.close()


def run_all(page, seconds=300):
    """Run all cells of the open notebook until the last has ended or one fails; returns the code cells as they are."""
    went_well = page.evaluate(RUN_ALL)
    end = time.monotonic() + seconds
    while went_well and time.monotonic() < end:  # the outputs may arrive after the answer
        cells = page.evaluate(CELLS)
        if all(cell["execution_count"] for cell in cells):
            return cells
        page.wait_for_timeout(100)
    return page.evaluate(CELLS)


def errors(page, cells):
    """Every error a learner would see: of Python, of a widget, of its callback; and each cell that has not run."""
    found = [output["evalue"] for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
    found += [f"not run: {cell['source']}" for cell in cells if not cell["execution_count"]]
    found += page.locator("[data-mime-type='application/vnd.jupyter.error']").all_inner_texts()
    found += page.locator("[data-mime-type='application/vnd.jupyter.stderr']").all_inner_texts()
    for words in ("javascript error", "Error displaying widget", "Error creating widget"):
        found += page.get_by_text(words).all_inner_texts()
    return found


def test_lab_opens_the_first_lesson(lab):
    """The address that JupyterLab prints leads to the lesson; this is what someone without a display copies."""
    assert lab[1] == f"/lab/tree/{desk.FIRST}"


def test_the_first_lesson_runs_and_its_slider_moves_its_picture(open_lesson, tmp_path, record_property):
    page = open_lesson(f"/lab/tree/{desk.FIRST}")
    assert errors(page, run_all(page)) == []
    handle = page.locator(".jp-OutputArea .noUi-handle").first
    picture = page.locator(PICTURE).first
    handle.scroll_into_view_if_needed()
    before = picture.get_attribute("alt")
    assert before, "the picture of the slider has no alt text"
    handle.focus()
    start = time.perf_counter()
    handle.press("ArrowRight")
    page.wait_for_function(
        "([picture, alt]) => document.querySelector(picture).alt !== alt", arg=[PICTURE, before], timeout=20_000
    )
    record_property("note", f"from the slider to its picture: {1e3 * (time.perf_counter() - start):.0f} ms")
    after = picture.get_attribute("alt")
    assert after
    assert after != before
    assert picture.evaluate("image => image.complete && image.naturalWidth > 0"), "the picture is broken"
    page.screenshot(path=tmp_path / "slider.png")
    assert errors(page, page.evaluate(CELLS)) == []
    assert page.locator(".Toastify__toast, .jp-Dialog").count() == 0  # no news, no questions
