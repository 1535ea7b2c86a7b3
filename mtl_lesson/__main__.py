"""``python -m mtl_lesson report table.csv --tasks passed=binary score=number``: the package from the command line."""

from __future__ import annotations

import sys

from .reports.command import main

if __name__ == "__main__":
    sys.exit(main())
