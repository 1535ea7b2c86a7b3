"""A stem for words: tokens in, one vector out."""

from __future__ import annotations

from torch import Tensor, nn

from ..arguments import whole


class MeanEmbedding(nn.Module):
    """The mean of the vectors of an example's words, whatever their order: tokens (n, length) → (n, features).

    Token 0 stands for no word and counts for nothing; an example without any word is a vector of zeros. ``tokens``:
    how many there are, 0 included. A token that training never showed keeps the vector it was drawn with. Raises
    TypeError or ValueError for sizes that are not whole numbers of 1 or more, 2 for ``tokens``.
    """

    def __init__(self, tokens: int, features: int):
        super().__init__()
        self.embedding = nn.Embedding(whole(tokens, "tokens", least=2), whole(features, "features"), padding_idx=0)

    def forward(self, x: Tensor) -> Tensor:
        there = (x > 0).unsqueeze(-1)
        return self.embedding(x).where(there, 0).sum(-2) / there.sum(-2).clamp(min=1)
