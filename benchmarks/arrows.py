"""The arrows of lesson 08: how long one dragged arrow takes to answer, beside a frame of 16.7 ms.

    python benchmarks/arrows.py [--rounds 60]

All six methods are on show. In Python, where torchjd answers, from the arrow's new place until the answers and the
status line are there. In headless Chromium, on the page that needs no kernel, what a turn of an arrow takes until the
plane is drawn and laid out again; without Chromium that is left out, and said.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import sync_playwright
from turns import taking_turns

import mtl_lesson as mtl
from mtl_lesson.weighting.plane import METHODS

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))
from conftest import BROWSERS, OFFLINE

FRAME = 1000 / 60
# The widget draws in the next animation frame: what stands between a mark set before its own and one set after it.
TURN = """async rounds => {
  const frame = act => new Promise(done => requestAnimationFrame(() => done(act())));
  const tip = document.querySelector('.mtl-tip'), times = [];
  for (let round = 0; round < rounds; round++) {
    const before = frame(() => performance.now()), start = performance.now();
    tip.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true, cancelable: true }));
    const told = performance.now() - start;
    const after = frame(() => { tip.getBoundingClientRect(); return performance.now(); });
    times.push(told + await after - await before);
  }
  return times;
}"""


def in_python(rounds: int) -> list[float]:
    """Milliseconds of each of so many places of an arrow, from agreeing to opposed gradients."""
    widget, angles = mtl.arrows(methods=METHODS), iter(np.linspace(0, 180, rounds + 1))

    def drag() -> str:
        widget.put(angle=next(angles))
        return widget.text

    return [1000 * seconds for seconds in taking_turns({"drag": drag}, rounds)["drag"]]


def in_the_browser(chromium: str, rounds: int) -> list[float]:
    """Milliseconds of each of so many turns of an arrow on the page."""
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        file = Path(home) / "arrows.html"
        mtl.arrows(methods=METHODS).save(file)
        browser = playwright.chromium.launch(executable_path=chromium, args=OFFLINE)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        page.goto(file.as_uri())
        page.wait_for_selector(".mtl-tip")
        times = page.evaluate(TURN, rounds + 1)[1:]  # the first is not counted
        browser.close()
    return times


def told(what: str, times: list[float]) -> None:
    print(
        f"{what}, {len(times)} times: least {min(times):.1f} ms, median {median(times):.1f} ms, slowest "
        f"{max(times):.1f} ms; the median is {median(times) / FRAME:.2f} of a frame"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=60)
    rounds = parser.parse_args().rounds
    told("one dragged arrow, answered in Python", in_python(rounds))
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        print("no Chromium or Chrome was found: the page is not measured")
        return
    told("one turned arrow, drawn on the page", in_the_browser(found, rounds))


if __name__ == "__main__":
    main()
