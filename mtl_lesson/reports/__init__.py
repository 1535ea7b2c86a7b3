"""A world in, a page out: audit, floors, a fair comparison of ways of sharing, one verdict.

``protocol``: what is written down before anything is trained. ``report``: the whole. ``page``: as HTML.
"""

from .protocol import Protocol
from .report import Report, report

__all__ = ["Protocol", "Report", "report"]
