"""The λ microscope in headless Chromium: how long a frame takes to draw, how long it takes to open, and its size.

    python benchmarks/microscope.py [--moves 12] [--cores 1]

Numbers are made up, of the size of a path: 11 λ × 2 maps of 2,000 points with the pictures of ``questions``, and of
10,000 points. A glide is drawn frame by frame as in use; each frame is timed in the page, from the call of its
requestAnimationFrame until the canvases hold the points (one of their pixels is read back, which waits for that). The
page, which needs no kernel, is timed from its request to its first drawing; the widget in JupyterLab from the run of
its cell to the same. The goals are 16 ms or less for a frame of 2,000 points and 33 ms or less for one of 10,000, 2 s
or less to open, and 3 MB for 2,000 points.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "notebooks")]

from conftest import BROWSERS, OFFLINE  # noqa: E402
from test_browser import TOKEN, jupyterlab, run_all  # noqa: E402

SOURCE = """
import numpy as np
import mtl_lesson as mtl
from mtl_lesson.inspection.frames import Frames, Groups
from mtl_lesson.widgets import Microscope

def made_up(n, frames=11):
    world, draw = mtl.data.questions(n_train=10, n_validation=10), np.random.default_rng(0)
    again = np.arange(n) % len(world.test)
    points = draw.normal(size=(1, 2, n, 2)) + np.cumsum(draw.normal(size=(frames, 2, n, 2)), 0)
    groups = {task.name: Groups(task.name, task.classes, world.test.labels[task.name].numpy()[again])
              for task in world.tasks}
    some = np.ones(frames)
    lams = tuple(10.0 ** k for k in range(frames))
    read_off = {"gap": some, "residual": some, "own": np.ones((frames, 2)), "swapped": np.ones((frames, 2))}
    return Microscope(Frames(tasks=world.tasks[:2], axis="lam", values=lams, points=points.astype("f4"), share=0.5,
                             chosen=np.arange(n), total=n, groups=groups, untrained=(False,) * frames,
                             pictures=world.test.x[again], **read_off))
"""
# Times what each animation frame does, canvases included; and the first drawing of all.
WATCH = """() => {
  const ask = window.requestAnimationFrame.bind(window);
  window.frames_ms = []; window.watching = false; window.drawn = null;
  window.requestAnimationFrame = act => ask(time => {
    const start = performance.now();
    act(time);
    const canvases = document.querySelectorAll('.mtl-scope figure canvas');
    if (!window.watching) return;
    canvases.forEach(canvas => canvas.getContext('2d').getImageData(0, 0, 1, 1));
    window.frames_ms.push(performance.now() - start);
  });
  const wait = () => document.querySelector('.mtl-scope figure canvas')?.getAttribute('aria-label')
    ? ask(() => { window.drawn = performance.now(); }) : ask(wait);
  ask(wait);
}"""
OPEN = """async () => {
  const start = performance.now(), app = window.jupyterapp;
  const notebook = app.shell.currentWidget.content;
  notebook.activeCellIndex = 1;
  app.commands.execute('notebook:run-cell');
  const frame = () => new Promise(done => requestAnimationFrame(done));
  while (!document.querySelector('.jp-OutputArea .mtl-scope figure canvas')?.getAttribute('aria-label')) await frame();
  await frame();
  return performance.now() - start;
}"""


def glides(page: Page, moves: int) -> list[float]:
    """Milliseconds that each frame of some glides took to draw."""
    slider = page.locator("input[type=range]")
    slider.press("Home")
    page.wait_for_timeout(600)
    page.evaluate("window.frames_ms = []; window.watching = true")
    for _ in range(moves):
        slider.press("End" if float(slider.input_value()) == 0 else "Home")
        page.wait_for_timeout(500)
    return page.evaluate("window.frames_ms")


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the λ microscope.")
    parser.add_argument("--moves", type=int, default=12)
    parser.add_argument("--cores", type=int, default=1)
    arguments = parser.parse_args()
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        sys.exit("No Chromium or Chrome was found: install chromium to measure the microscope.")
    if hasattr(os, "sched_setaffinity"):  # inherited by all that is started from here
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    made: dict = {}
    exec(SOURCE, made)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=OFFLINE)
        for n in (2000, 10_000):
            scope = made["made_up"](n)
            size = sum(len(part) for part in (scope.data, scope.sprite, json.dumps(scope.facts).encode()))
            file = Path(home) / "page.html"
            scope.save(file)
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.add_init_script(f"({WATCH})()")
            page.goto(file.as_uri())
            page.wait_for_function("window.drawn !== null")
            times = glides(page, arguments.moves)
            print(
                f"{n:,} points: {size / 1e6:.2f} MB to the browser; the page draws after "
                f"{page.evaluate('window.drawn'):.0f} ms; {len(times)} frames of {arguments.moves} glides: median "
                f"{statistics.median(times):.1f} ms, p90 {statistics.quantiles(times, n=10)[-1]:.1f} ms, slowest "
                f"{max(times):.1f} ms",
                flush=True,
            )
            page.close()
        with jupyterlab(Path(home)) as (address, _):
            python = {"name": "python3", "display_name": "Python 3", "language": "python"}
            cells = [new_code_cell(SOURCE + "scope = made_up(2000)"), new_code_cell("scope")]
            book = new_notebook(cells=cells, metadata={"kernelspec": python})
            nbformat.write(book, Path(home) / "work" / "scope.ipynb")
            page = browser.new_page(viewport={"width": 1280, "height": 720})
            page.goto(f"{address}/lab/tree/scope.ipynb?token={TOKEN}&reset")
            page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
            wrong = [
                output["evalue"]
                for cell in run_all(page)
                for output in cell["outputs"]
                if output["output_type"] == "error"
            ]
            if wrong:
                sys.exit(json.dumps(wrong))
            page.wait_for_selector(".jp-OutputArea .mtl-scope", timeout=60_000)
            first = []
            for _ in range(3):
                page.evaluate("document.querySelector('.jp-OutputArea .mtl-scope').remove()")
                first.append(page.evaluate(OPEN))
                page.wait_for_timeout(500)
            print(
                f"2,000 points in JupyterLab: from running its cell to the first drawing, {len(first)} times: "
                f"{', '.join(f'{ms:.0f}' for ms in first)} ms"
            )
        browser.close()


if __name__ == "__main__":
    main()
