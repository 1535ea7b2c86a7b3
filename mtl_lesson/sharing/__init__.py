"""Ways of sharing, one file each, all with one contract (:class:`~mtl_lesson.sharing.base.Sharing`)."""

from .attention import Attention
from .base import Sharing
from .cross_stitch import CrossStitch
from .experts import Experts
from .hard import Hard
from .hierarchical import Hierarchical
from .pooled import Pooled
from .separate import Separate
from .shared_private import SharedPrivate
from .soft import Soft

__all__ = [
    "Attention",
    "CrossStitch",
    "Experts",
    "Hard",
    "Hierarchical",
    "Pooled",
    "Separate",
    "SharedPrivate",
    "Sharing",
    "Soft",
]
