"""Ways of sharing, one file each, all with one contract (:class:`~mtl_lesson.sharing.base.Sharing`)."""

from . import closed_form
from .base import Sharing
from .hard import Hard
from .pooled import Pooled
from .separate import Separate

__all__ = ["Hard", "Pooled", "Separate", "Sharing", "closed_form"]
