"""A block of transformers: batched products, one call of attention for all models.

Where a loss counts few labels, as those of answers, the last layer and the head are computed for these alone: what the
others would say reaches no loss. A block and a net alone differ by rounding, which may decide between two experts that
a router finds almost equally good.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from benchmark.models.transformer import Mixture, Transformer, TransformerLayer, route
from benchmark.tasks import Loss
from benchmark.tasks.language import IGNORED

State = dict[str, Tensor]


def forward(net: Transformer, state: State, tokens: Tensor, at: Tensor | None = None) -> Tensor:
    """Return logits `[models, batch, context, vocabulary]` of tokens `[models, batch, context]`.

    `net` says what the layers are; `state`, names to `[models, ...]`, has every model's weights. `at`: the positions
    `[models, batch, wanted]` whose logits are wanted; None for all.
    """
    models, _, context = tokens.shape
    table = state["tokens.weight"]
    rows = tokens + table.shape[1] * torch.arange(models, device=tokens.device)[:, None, None]  # of all tables as one
    hidden = F.embedding(rows, table.flatten(0, 1)) + state["positions.weight"][:, None, :context]
    last = len(net.layers) - 1
    for number, layer in enumerate(net.layers):
        assert isinstance(layer, TransformerLayer)
        hidden = _layer(layer, _part(state, f"layers.{number}."), hidden, at if number == last else None)
    weight = table if net.head is None else state["head.weight"]
    normed = _norm(hidden, _part(state, "norm."))
    return torch.bmm(normed.flatten(1, 2), weight.mT).unflatten(1, normed.shape[1:3])


class Gradients:
    """Gradients of a loss that ignores most labels; see `benchmark.training.recipe.Gradients`."""

    def __init__(self, net: Transformer, state: State, parameters: Iterable[Tensor], loss: Loss) -> None:
        """Take the network that says what the layers are, all its weights, those that are trained, and the loss."""
        self._net, self._state, self._trained, self._loss = net, state, list(parameters), loss

    def __call__(self, inputs: Tensor, targets: Tensor) -> None:
        at, labels = _labels_that_count(targets)
        value = self._loss(forward(self._net, self._state, inputs, at), labels)
        for parameter in self._trained:
            parameter.grad = None
        value.backward()


def _labels_that_count(targets: Tensor) -> tuple[Tensor, Tensor]:
    """Return the positions `[models, batch, most]` of labels that count, and these; ignored ones fill the rest."""
    counted = targets != IGNORED
    most = max(1, int(counted.sum(dim=-1).max()))
    at = counted.byte().argsort(dim=-1, descending=True, stable=True)[..., :most]
    return at, targets.gather(-1, at)


def _layer(layer: TransformerLayer, own: State, hidden: Tensor, at: Tensor | None) -> Tensor:
    """Return what a layer makes of hidden states `[models, batch, context, width]`, perhaps only at some positions."""
    normed = _norm(hidden, _part(own, "norm_attention."))
    if at is None:
        queries, keys, values = _linear(normed, _part(own, "attend.")).chunk(3, dim=-1)
        mask = None
    else:
        width = hidden.shape[-1]
        asking, asked = (
            {name: tensor[:, part] for name, tensor in _part(own, "attend.").items()}
            for part in (slice(width), slice(width, None))
        )
        queries = _linear(_at(normed, at), asking)
        keys, values = _linear(normed, asked).chunk(2, dim=-1)
        hidden = _at(hidden, at)
        mask = torch.arange(normed.shape[2], device=at.device) <= at.flatten(0, 1)[:, None, :, None]
    hidden = hidden + _linear(_attention(queries, keys, values, layer.heads, mask), _part(own, "merge."))
    normed = _norm(hidden, _part(own, "norm_perceptron."))
    if layer.mixture is None:
        return hidden + _perceptron(normed, own)
    return hidden + _mixture(layer.mixture, _part(own, "mixture."), normed)


def _mixture(mixture: Mixture, own: State, hidden: Tensor) -> Tensor:
    """Return what the experts make of hidden states `[models, batch, context, width]`, each computing all of them."""
    scores = torch.bmm(hidden.flatten(1, 2), own["router.weight"].mT).unflatten(1, hidden.shape[1:3])
    gates = route(scores, mixture.active).unbind(-1)
    experts = [_perceptron(hidden, _part(own, f"experts.{number}.")) for number in range(len(gates))]
    return torch.stack([gate.unsqueeze(-1) * said for gate, said in zip(gates, experts, strict=True)]).sum(dim=0)


def _perceptron(hidden: Tensor, own: State) -> Tensor:
    return _linear(F.gelu(_linear(hidden, _part(own, "widen."))), _part(own, "narrow."))


def _attention(queries: Tensor, keys: Tensor, values: Tensor, heads: int, mask: Tensor | None) -> Tensor:
    """Return what every query takes from the tokens up to its own, which `mask` says, of all models at once."""
    split = (each.flatten(0, 1).unflatten(-1, (heads, -1)).transpose(1, 2) for each in (queries, keys, values))
    taken = F.scaled_dot_product_attention(*split, attn_mask=mask, is_causal=mask is None)
    return taken.transpose(1, 2).flatten(2).view(queries.shape)


def _at(hidden: Tensor, at: Tensor) -> Tensor:
    """Return the states `[models, batch, context, width]` at positions `[models, batch, wanted]`."""
    batches = torch.arange(at.shape[0] * at.shape[1], device=at.device).view(*at.shape[:2], 1)
    rows = (batches * hidden.shape[2] + at).flatten()
    return hidden.flatten(0, 2).index_select(0, rows).view(*at.shape, -1)


def _linear(inputs: Tensor, own: State) -> Tensor:
    product = torch.baddbmm(own["bias"].unsqueeze(1), inputs.flatten(1, 2), own["weight"].mT)
    return product.unflatten(1, inputs.shape[1:3])


def _norm(inputs: Tensor, own: State) -> Tensor:
    normed = F.layer_norm(inputs, inputs.shape[-1:])
    return torch.addcmul(own["bias"][:, None, None], normed, own["weight"][:, None, None])


def _part(state: State, prefix: str) -> State:
    return {name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)}
