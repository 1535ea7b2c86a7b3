"""Ways of sharing, one file each, all with one contract (:class:`~mtl_lesson.sharing.base.Sharing`)."""

from .annealed import Annealed
from .attention import Attention
from .base import Sharing
from .contrastive import Contrastive
from .cross_stitch import CrossStitch
from .experts import Experts
from .hard import Hard
from .hierarchical import Hierarchical
from .learnt import Learnt
from .low_rank import LowRank
from .pooled import Pooled
from .separate import Separate
from .shared_private import SharedPrivate
from .soft import Soft

__all__ = [
    "Annealed",
    "Attention",
    "Contrastive",
    "CrossStitch",
    "Experts",
    "Hard",
    "Hierarchical",
    "Learnt",
    "LowRank",
    "Pooled",
    "Separate",
    "SharedPrivate",
    "Sharing",
    "Soft",
]
