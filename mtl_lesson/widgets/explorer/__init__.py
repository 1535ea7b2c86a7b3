"""The λ explorer: one λ, linked views. ``paths`` computes, ``draw`` and ``explorer.js`` draw, ``control`` steers."""

from .control import LambdaExplorer, explore
from .live import Live, Solve, Train
from .paths import Path, Slice

__all__ = ["LambdaExplorer", "Live", "Path", "Slice", "Solve", "Train", "explore"]
