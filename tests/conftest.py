"""What all tests share: the tools in notebooks/ can be imported, and a test can leave a line for the summary."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "notebooks"))  # build.py and desk.py
os.environ.setdefault("MPLBACKEND", "agg")  # figures are drawn without a display


def pytest_terminal_summary(terminalreporter):
    """Print what tests recorded with ``record_property("note", …)``; a captured print would not be seen."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            if name == "note":
                terminalreporter.write_line(str(value))
