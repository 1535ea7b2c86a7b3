"""A network a task: the honest baseline."""

from .base import Sharing


class Separate(Sharing):
    """Every task keeps a network of its own; nothing is shared.

        h_t = f(x; θ_t),   ŷ_t = g_t(h_t; φ_t),   L = Σ_t L_t(θ_t, φ_t)

    The sum falls apart into T problems, so training them together is training them one by one.
    """

    def owners(self, depth):
        return list(range(len(self.tasks)))
