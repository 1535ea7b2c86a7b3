"""The λ explorer in JupyterLab: from a key press to the changed picture, and how a drag settles.

    python benchmarks/explorer.py [--presses 60] [--cores 1]

Headless Chromium, the server and the kernel share the given number of cores. Times are taken in the page: from the
event that the browser dates to the frame in which the changed picture has been painted. Numbers are made up, of the
size of a stored path: 6 tasks with 10 classes, 9 λ, 5 seeds, 3 layers, 3 settings of a dial; and schools, 63 tasks and
23 λ. The goals are a median of 60 ms or less, a ninth decile of 100 ms or less, and a drag of 40 steps that has settled
within 250 ms.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "notebooks")]

from conftest import BROWSERS, OFFLINE  # noqa: E402
from test_browser import TOKEN, jupyterlab, run_all  # noqa: E402

SOURCE = """
import numpy as np, pandas as pd, itertools, math
import mtl_lesson as mtl
from mtl_lesson.inspection import Path
from mtl_lesson.widgets import explore

draw = np.random.default_rng(0)
lams, seeds, deltas, names = [0, .001, .01, .03, .1, .3, 1, 10, math.inf], range(5), (0.3, 0.7, 1.5), "ABCDEF"
classes = tuple(f"class {i}" for i in range(10))
place = ["lam", "delta", "seed", "task"]
points = list(itertools.product(lams, deltas, seeds, names))
scores = pd.DataFrame(points, columns=place).assign(split="validation", score=draw.random(len(points)), loss=1.0)
gaps = pd.concat([pd.DataFrame(points, columns=place).assign(layer=layer, gap=draw.random(len(points)))
                  for layer in ("conv1", "conv2", "linear")])
pairs = list(itertools.product(lams, deltas, names, classes, classes))
confusions = pd.DataFrame(pairs, columns=["lam", "delta", "task", "label", "answer"])
confusions["count"] = draw.integers(0, 50, len(pairs))
tasks = tuple(mtl.Classification(name, classes) for name in names)
path = Path("made up", tasks, {"delta": deltas}, scores, gaps, confusions)

lams, names = [0, *np.geomspace(1e-4, 10, 21), math.inf], [f"school {i}" for i in range(63)]
points = list(itertools.product(lams, (5, 10, 20), seeds, names))
place = ["lam", "n", "seed", "task"]
scores = pd.DataFrame(points, columns=place).assign(split="validation", score=draw.random(len(points)), loss=1.0)
gaps = pd.DataFrame(points, columns=place).assign(layer="line", gap=draw.random(len(points)))
nothing = pd.DataFrame(columns=["lam", "n", "task", "label", "answer", "count"])
schools = Path("schools", tuple(map(mtl.Regression, names)), {"n": (5, 10, 20)}, scores, gaps, nothing)
explorer = explore({"networks": path, "schools": schools}, predict=False)
explorer
"""
# Dates every key press, and the frame in which the picture that followed had been painted.
WATCH = """() => {
  const root = document.querySelector('.mtl-explorer'), slider = root.querySelector('input[type=range]');
  window.pressed = null; window.times = []; window.painted = 0; window.waiting = false;
  const date = event => { window.pressed ??= event.timeStamp; };
  slider.addEventListener('keydown', date, true);
  new MutationObserver(() => {
    if (window.waiting) return;
    window.waiting = true;
    const after = () => {
      window.waiting = false; window.painted = performance.now();
      if (window.pressed !== null) window.times.push(window.painted - window.pressed);
      window.pressed = null;
    };
    requestAnimationFrame(() => { const channel = new MessageChannel(); channel.port1.onmessage = after; channel.port2.postMessage(0); });
  }).observe(root.querySelector('.mtl-scores > svg'), { subtree: true, childList: true, attributes: true });
}"""  # noqa: E501
# Forty steps to and fro, each to another λ, 5 ms apart: faster than any hand or screen. The last is to λ = ∞.
DRAG = """async places => {
  const slider = document.querySelector('.mtl-explorer input[type=range]'), last = places.length - 1;
  const wait = ms => new Promise(done => setTimeout(done, ms));
  let moved;
  for (let step = 39; step >= 0; step--) {
    slider.value = places[Math.abs(last - step % (2 * last))];
    moved = performance.now();
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    await wait(5);
  }
  await wait(600);
  return window.painted - moved;
}"""
ASK = """async code => {
  const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
  const reply = await kernel.requestExecute({ code: "", silent: true, user_expressions: { it: code } }).done;
  return reply.content.user_expressions.it.data["text/plain"];
}"""
PLACES = "explorer.worlds[explorer.at['world']]['slices'][','.join(map(str, explorer.at['dials']))]['places']"


def presses(page: Page, count: int) -> list[float]:
    """Milliseconds from each of ``count`` key presses to the picture it led to."""
    slider = page.locator(".mtl-explorer input[type=range]")
    slider.focus()
    slider.press("Home")
    page.wait_for_timeout(200)
    page.evaluate("window.times = []")
    for number in range(count):
        slider.press("ArrowRight" if number // 8 % 2 == 0 else "ArrowLeft")
        page.wait_for_timeout(80)
    return page.evaluate("window.times")


def drag(page: Page) -> tuple[float, float]:
    """Milliseconds from the last step of a drag to the last picture, and until Python knew where it ended."""
    settled = page.evaluate(DRAG, json.loads(page.evaluate(ASK, PLACES)))
    start = time.perf_counter()
    if page.evaluate(ASK, "explorer.lam") != "inf":
        sys.exit("Python was told of another λ than the drag ended at")
    return settled, 1e3 * (time.perf_counter() - start)


def measure(page: Page, count: int, what: str) -> None:
    presses(page, 8)  # warm
    times = presses(page, count)
    settled = [drag(page) for _ in range(5)]
    deciles = statistics.quantiles(times, n=10)
    print(
        f"{what}: key press to changed picture, {len(times)} presses: median {statistics.median(times):.0f} ms, "
        f"p90 {deciles[-1]:.0f} ms, slowest {max(times):.0f} ms"
    )
    slowest, told = (max(column) for column in zip(*settled, strict=True))
    print(
        f"{what}: drag of 40 steps, settled within {slowest:.0f} ms; Python answers where it ended "
        f"{told:.0f} ms after that (slowest of {len(settled)} drags)",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the λ explorer in JupyterLab.")
    parser.add_argument("--presses", type=int, default=60)
    parser.add_argument("--cores", type=int, default=1)
    arguments = parser.parse_args()
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        sys.exit("No Chromium or Chrome was found: install chromium to measure the explorer.")
    if hasattr(os, "sched_setaffinity"):  # inherited by all that is started from here
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.cores])
    with tempfile.TemporaryDirectory() as home, jupyterlab(Path(home)) as (address, _), sync_playwright() as playwright:
        python = {"name": "python3", "display_name": "Python 3", "language": "python"}
        book = new_notebook(cells=[new_code_cell(SOURCE)], metadata={"kernelspec": python})
        nbformat.write(book, Path(home) / "work" / "explorer.ipynb")
        browser = playwright.chromium.launch(executable_path=found, args=OFFLINE)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(f"{address}/lab/tree/explorer.ipynb?token={TOKEN}&reset")
        page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=120_000)
        cells = run_all(page)
        wrong = [output["evalue"] for cell in cells for output in cell["outputs"] if output["output_type"] == "error"]
        if wrong:
            sys.exit(json.dumps(wrong))
        page.wait_for_selector(".mtl-explorer")
        page.locator(".mtl-explorer").evaluate("explorer => explorer.scrollIntoView()")
        page.wait_for_timeout(3000)
        page.evaluate(WATCH)
        measure(page, arguments.presses, "networks")
        page.locator("select[aria-label=world]").select_option(index=1)
        page.wait_for_timeout(500)
        measure(page, arguments.presses, "schools")
        browser.close()


if __name__ == "__main__":
    main()
