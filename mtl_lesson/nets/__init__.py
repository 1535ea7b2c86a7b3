"""Any module as a trunk, and the one mechanism that runs many copies of it at once.

A trunk is an ordinary ``nn.Sequential``, or any other module, which then is one layer. To compare ways of sharing one
needs many of them: one a task, one a seed, one a λ. Run one after another they leave a machine idle, so here each layer
holds the weights of them all:

* C **copies** of the experiment (seeds × settings), which never touch each other,
* G **groups** of weights in each copy: θ has shape (C, G, …), so axis 1 is the tasks axis of the lesson's formulas,
* S **streams**: the activations being computed in one copy. ``owners`` names the group that each task uses.

A way of sharing is then a plan, a row of owners for each layer, here for three tasks::

    Separate      [0 1 2] [0 1 2] [0 1 2]     a group a task, all the way up
    Hard          [0 0 0] [0 0 0] [0 0 0]     one group for all
    Hierarchical  [0 0 0] [0 1 2] [0 1 2]     one group below the branch

Tasks that still see the same input through the same weights share a stream: what is equal is computed once. Between
layers, the activations of R = C·S streams are (R, examples, …). Convolution runs all streams as groups of one grouped
convolution; a linear layer is one batched product of matrices; any other layer runs under ``torch.func.vmap``, or
stream by stream where that cannot be.

``trunks``: ordinary networks, and what is read off one. ``layers``: the weights of many copies. ``streams``: the run.
"""

from .embedding import MeanEmbedding
from .layers import Conv2d, Flatten, Linear, hold, looks_at_one_example
from .streams import Streams
from .trunks import conv, features_of, hidden, layers_of, layers_with_weights, linear, materialize, shapes_of

__all__ = [
    "Conv2d",
    "Flatten",
    "Linear",
    "MeanEmbedding",
    "Streams",
    "conv",
    "features_of",
    "hidden",
    "hold",
    "layers_of",
    "layers_with_weights",
    "linear",
    "looks_at_one_example",
    "materialize",
    "shapes_of",
]
