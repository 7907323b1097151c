"""A decoder-only transformer, as it is trained alone; `benchmark/training/transformers.py` computes a block of them."""

import torch.nn.functional as F
from torch import Tensor, nn


class Transformer(nn.Module):
    """Tokens `[batch, context]` int64 → logits `[batch, context, vocabulary]` of the next ones.

    Pre-norm, with learned positions (Radford et al. 2019, GPT-2). A tied head is the table of the tokens itself.
    """

    def __init__(self, vocabulary: int, context: int, width: int, layers: int, heads: int, *, tied: bool) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.layers = nn.ModuleList(TransformerLayer(width, heads) for _ in range(layers))
        self.norm = nn.LayerNorm(width)
        self.head = None if tied else nn.Linear(width, vocabulary, bias=False)
        for table in (self.tokens, self.positions):
            nn.init.normal_(table.weight, std=0.02)

    def forward(self, tokens: Tensor) -> Tensor:
        hidden = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for layer in self.layers:
            hidden = layer(hidden)
        hidden = self.norm(hidden)
        return F.linear(hidden, self.tokens.weight) if self.head is None else self.head(hidden)


class TransformerLayer(nn.Module):
    """Causal self-attention and a perceptron of four times the width, each on normed inputs and added to them."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.norm_perceptron = nn.LayerNorm(width)
        self.widen = nn.Linear(width, 4 * width)
        self.narrow = nn.Linear(4 * width, width)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = hidden + self.merge(causal_attention(self.attend(self.norm_attention(hidden)), self.heads))
        return hidden + self.narrow(F.gelu(self.widen(self.norm_perceptron(hidden))))


def causal_attention(attending: Tensor, heads: int) -> Tensor:
    """Return what every token takes from itself and those before it, `[batch, context, width]`.

    `attending`: queries, keys and values `[batch, context, 3 · width]`.
    """
    split = attending.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # [3, batch, heads, context, width / heads]
    queries, keys, values = split.unbind()
    taken = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    return taken.transpose(1, 2).flatten(2)
