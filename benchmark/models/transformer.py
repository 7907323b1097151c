"""A decoder-only transformer, as it is trained alone; `benchmark/training/transformers.py` computes a block of them."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Transformer(nn.Module):
    """Tokens `[batch, context]` int64 → logits `[batch, context, vocabulary]` of the next ones.

    Pre-norm, with learned positions (Radford et al. 2019, GPT-2). A tied head is the table of the tokens itself.
    With `experts` and `active` each layer has a `Mixture` in the place of its perceptron.
    """

    def __init__(
        self,
        vocabulary: int,
        context: int,
        width: int,
        layers: int,
        heads: int,
        *,
        tied: bool,
        experts: int | None = None,
        active: int | None = None,
    ) -> None:
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(context, width)
        self.layers = nn.ModuleList(TransformerLayer(width, heads, experts, active) for _ in range(layers))
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

    def __init__(self, width: int, heads: int, experts: int | None = None, active: int | None = None) -> None:
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width)
        self.attend = nn.Linear(width, 3 * width)
        self.merge = nn.Linear(width, width)
        self.norm_perceptron = nn.LayerNorm(width)
        self.mixture = None
        if experts is None or active is None:
            self.widen = nn.Linear(width, 4 * width)
            self.narrow = nn.Linear(4 * width, width)
        else:
            self.mixture = Mixture(width, experts, active)

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = hidden + self.merge(causal_attention(self.attend(self.norm_attention(hidden)), self.heads))
        normed = self.norm_perceptron(hidden)
        return hidden + (self.narrow(F.gelu(self.widen(normed))) if self.mixture is None else self.mixture(normed))


class Mixture(nn.Module):
    """A mixture of experts, perceptrons of which a router takes the `active` likeliest for each token.

    Together the active ones are as wide as the one perceptron of a layer without experts. Every expert computes every
    token, and those that are not active are weighted by 0: so small ones are not worth sorting tokens for. No loss
    balances how often each is active: docs/language.md says why.
    """

    def __init__(self, width: int, experts: int, active: int) -> None:
        super().__init__()
        self.active = active
        self.router = nn.Linear(width, experts, bias=False)
        self.experts = nn.ModuleList(Expert(width, 4 * width // active) for _ in range(experts))

    def forward(self, hidden: Tensor) -> Tensor:
        gates = route(self.router(hidden), self.active).unbind(-1)
        parts = [gate.unsqueeze(-1) * expert(hidden) for gate, expert in zip(gates, self.experts, strict=True)]
        return torch.stack(parts).sum(dim=0)


class Expert(nn.Module):
    """A perceptron of one hidden layer."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.widen = nn.Linear(width, hidden)
        self.narrow = nn.Linear(hidden, width)

    def forward(self, inputs: Tensor) -> Tensor:
        return self.narrow(F.gelu(self.widen(inputs)))


def route(scores: Tensor, active: int) -> Tensor:
    """Return the weights `[..., experts]` of experts by a router's scores: the `active` largest of their softmax.

    These are renormalised to the sum 1, and the others 0 (Shazeer et al. 2017; Jiang et al. 2024, Mixtral).
    """
    best = scores.topk(active, dim=-1)
    return torch.zeros_like(scores).scatter(-1, best.indices, best.values.softmax(dim=-1))


def causal_attention(attending: Tensor, heads: int) -> Tensor:
    """Return what every token takes from itself and those before it, `[batch, context, width]`.

    `attending`: queries, keys and values `[batch, context, 3 · width]`.
    """
    split = attending.unflatten(-1, (3, heads, -1)).permute(2, 0, 3, 1, 4)  # [3, batch, heads, context, width / heads]
    queries, keys, values = split.unbind()
    taken = F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
    return taken.transpose(1, 2).flatten(2)
