"""Hard parameter sharing: one trunk, an output layer a task."""

from .base import Sharing


class Hard(Sharing):
    """All tasks share the trunk and keep their own output layers.

        h = f(x; θ),   ŷ_t = g_t(h; φ_t),   L(θ, φ) = Σ_t L_t(θ, φ_t)

    Every task's gradient reaches θ; only its own reaches φ_t. Caruana 1997, "Multitask learning", Machine Learning 28.
    """

    def owners(self, depth):
        return [0] * len(self.tasks)
