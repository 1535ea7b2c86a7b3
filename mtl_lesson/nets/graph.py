"""A trunk whose examples are the nodes of a graph: they pass messages, and each is answered by what has reached it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..arguments import whole


class GraphNetwork(nn.Module):
    """A graph convolutional network: H ← ReLU(Â H W), a few rounds, Â = D^(−½) (A + I) D^(−½).

    x (n, k), numbers of nodes, → (n, k·width): the features of the k nodes (mostly one) that an example is about. In
    the first round H = I, which makes of H W a learnt vector for each node. A node that training never asks for learns
    all the same, from the messages that it passes to those asked for. Where A = 0 there are none, and it keeps the
    vector it was drawn with. Kipf & Welling 2017, "Semi-supervised classification with graph convolutional networks".
    """

    def __init__(self, ties: Tensor, width: int = 8, rounds: int = 2):
        super().__init__()
        width, rounds = whole(width, "width"), whole(rounds, "rounds")
        self.register_buffer("messages", normalised(ties))
        self.own = nn.Embedding(len(ties), width)
        self.linears = nn.ModuleList(nn.Linear(width, width) for _ in range(rounds - 1))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.relu(self.messages @ self.own.weight)
        for linear in self.linears:
            h = torch.relu(self.messages @ linear(h))
        return h[x].flatten(1)


def graph(ties: Tensor, width: int = 8, rounds: int = 2) -> GraphNetwork:
    """A trunk for nodes of a graph, asked for by number: a graph convolutional network of ``width`` features.

    ``ties`` (N, N): how strongly each two nodes are tied, 0 where they are not; ``0 * ties`` is the same network
    without messages. ``rounds``: so many ties away are the nodes that a node hears of. It is one layer of the trunk.

    Raises TypeError or ValueError for a width or rounds that are not whole numbers of 1 or more, and for ties that are
    no square, not symmetric, negative, not finite, or of a node with itself.
    """
    return GraphNetwork(ties, width, rounds)


def normalised(ties: Tensor) -> Tensor:
    """Â = D^(−½) (A + I) D^(−½), D the sums of the rows of A + I, in the precision of A; float32 for whole numbers."""
    if not isinstance(ties, Tensor) or ties.dim() != 2 or len(ties) != ties.shape[-1] or not len(ties):
        got = tuple(ties.shape) if isinstance(ties, Tensor) else type(ties).__name__
        raise ValueError(f"ties are a tensor (N, N), a row and a column a node, not {got}")
    A = ties.detach().clone() if ties.is_floating_point() else ties.float()
    if not (torch.isfinite(A).all() and (A >= 0).all()):
        raise ValueError("ties must be finite and 0 or more")
    if not torch.equal(A, A.T):
        raise ValueError("ties must be symmetric: (ties + ties.T) / 2 forgets their direction")
    if A.diagonal().any():
        raise ValueError("a node has no tie with itself, for the network adds one: ties.fill_diagonal_(0)")
    A = A + torch.eye(len(A)).to(A)
    scale = A.sum(1).rsqrt()
    return scale[:, None] * A * scale
