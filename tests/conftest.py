"""What all tests share: the tools in notebooks/ can be imported, and a test can leave a line for the summary."""

import os
import shutil
import signal
import sys
from pathlib import Path

import hypothesis
import pytest
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "notebooks"))  # build.py and desk.py
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in what a shell runs in the background
    signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("MPLBACKEND", "agg")  # figures are drawn without a display
hypothesis.settings.register_profile("any machine", deadline=None)  # a busy one is slow, not wrong
hypothesis.settings.load_profile("any machine")


def pytest_terminal_summary(terminalreporter):
    """Print what tests recorded with ``record_property("note", …)``; a captured print would not be seen."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "note":
                terminalreporter.write_line(str(value))


BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"]
BROWSERS += [f"/Applications/{name}.app/Contents/MacOS/{name}" for name in ("Google Chrome", "Chromium")]
OFFLINE = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"]
OFFLINE += ["--disable-background-networking", "--disable-component-update"]


@pytest.fixture(scope="session")
def chromium():
    """A headless browser that talks to nothing but JupyterLab."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        reason = "no Chromium or Chrome found: install chromium to run the browser tests"
        (pytest.fail if os.environ.get("MTL_REQUIRE_BROWSER") else pytest.skip)(reason)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=OFFLINE)
        yield browser
        browser.close()
