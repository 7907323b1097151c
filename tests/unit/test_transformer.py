"""A block of transformers against each of them alone, and against a loop written without the recipe's code."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from benchmark.models.build import seeded_model
from benchmark.models.networks.gpt import Gpt
from benchmark.models.transformer import Transformer
from benchmark.scenario.schema import Recipe
from benchmark.split import Split
from benchmark.tasks.language import IGNORED, SEP, Language
from benchmark.training import StackedModel, train_block, train_model

SEEDS, VOCABULARY, CONTEXT = [3, 4, 5], 17, 7
RECIPE = Recipe(optimizer="sgd", learning_rate=0.2, momentum=0.9, schedule="linear", epochs=2, batch_size=8)


def sequences(loss_on):
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(4, VOCABULARY, (20, CONTEXT), generator=generator)
    inputs[:, 3] = SEP
    targets = F.pad(inputs[:, 1:], (0, 1), value=3)
    targets[::3, -1] = IGNORED  # answers of several lengths
    (targets,) = Language(loss_on=loss_on).prepare_targets(targets)
    return Split(inputs, targets, torch.arange(20))


FORMS = {"plain": {}, "tied": {"tied": True}, "experts": {"experts": 4, "active": 2}}


def nets(layers=2, **form):
    gpt = Gpt(width=12, layers=layers, heads=3, **form)
    return [seeded_model(gpt, (CONTEXT,), VOCABULARY, seed) for seed in SEEDS]


def exact_nets(layers, form):
    """Return nets that rounding does not keep apart: with experts, of float64, as a router may be near a tie."""
    dtype = torch.float64 if "experts" in FORMS[form] else torch.float32
    return [net.to(dtype) for net in nets(layers, **FORMS[form])]


@pytest.mark.parametrize("form", FORMS)
def test_a_block_computes_what_each_net_does(form):
    alone, tokens = nets(**FORMS[form]), torch.randint(VOCABULARY, (3, 5, CONTEXT))
    stacked = StackedModel(alone, "cpu")
    with torch.no_grad():
        expected = torch.stack([net(own) for net, own in zip(alone, tokens, strict=True)])
        torch.testing.assert_close(stacked(tokens), expected, rtol=1e-4, atol=1e-5)
        torch.testing.assert_close(stacked(tokens[:, :, :4]), expected[:, :, :4], rtol=1e-4, atol=1e-5)  # causal


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("loss_on", ["answer", "all"])
@pytest.mark.seconds
def test_a_block_learns_what_each_net_learns_alone(loss_on, layers, form):
    split, loss = sequences(loss_on), Language().loss()
    alone = exact_nets(layers, form)
    block = train_block(exact_nets(layers, form), RECIPE, split, SEEDS, loss)
    for row, (net, seed) in enumerate(zip(alone, SEEDS, strict=True)):
        train_model(net, RECIPE, split, seed, loss)
        for name, tensor in net.state_dict().items():
            torch.testing.assert_close(block.state[name][row], tensor, rtol=1e-3, atol=1e-4)


def test_a_net_alone_learns_what_a_plain_loop_teaches():
    split, recipe = sequences("answer"), RECIPE.model_copy(update={"epochs": 1, "batch_size": 20})
    ours, theirs = nets()[0], nets()[0]
    train_model(ours, recipe, split, 0, Language().loss())
    per_example = [
        F.cross_entropy(row, labels, ignore_index=IGNORED)
        for row, labels in zip(theirs(split.inputs), split.targets, strict=True)
    ]
    torch.stack(per_example).mean().backward()
    torch.optim.SGD(theirs.parameters(), lr=RECIPE.learning_rate, momentum=0.9).step()
    for mine, other in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-5)


def test_attention_is_that_of_the_definition():
    layer = nets()[0].layers[0]
    hidden = torch.randn(2, CONTEXT, 12)
    normed = F.layer_norm(hidden, (12,), layer.norm_attention.weight, layer.norm_attention.bias)
    queries, keys, values = layer.attend(normed).chunk(3, dim=-1)
    taken = torch.zeros(2, CONTEXT, 12)
    for head in (slice(0, 4), slice(4, 8), slice(8, 12)):
        scores = queries[..., head] @ keys[..., head].mT / math.sqrt(4)
        later = torch.ones(CONTEXT, CONTEXT).triu(1).bool()
        taken[..., head] = scores.masked_fill(later, -torch.inf).softmax(dim=-1) @ values[..., head]
    between = hidden + layer.merge(taken)
    normed = F.layer_norm(between, (12,), layer.norm_perceptron.weight, layer.norm_perceptron.bias)
    expected = between + layer.narrow(F.gelu(layer.widen(normed)))
    torch.testing.assert_close(layer(hidden), expected, rtol=1e-4, atol=1e-5)


def test_a_mixture_is_that_of_the_definition():
    mixture = nets(experts=5, active=3)[0].layers[0].mixture
    hidden = torch.randn(2, CONTEXT, 12)
    expected = torch.zeros(2, CONTEXT, 12)
    for row, place in torch.cartesian_prod(torch.arange(2), torch.arange(CONTEXT)):
        token = hidden[row, place]
        chances = (mixture.router.weight @ token).softmax(-1)
        chosen = chances.argsort(descending=True)[:3].tolist()
        for number in chosen:
            expert, share = mixture.experts[number], chances[number] / chances[chosen].sum()
            assert expert.widen.out_features == 16  # three of them are as wide as one perceptron, 48
            expected[row, place] += share * expert.narrow(F.gelu(expert.widen(token)))
    torch.testing.assert_close(mixture(hidden), expected, rtol=1e-4, atol=1e-5)


def test_a_token_reaches_its_experts_alone():
    mixture = nets(experts=4, active=1)[0].layers[0].mixture
    mixture(torch.randn(1, 1, 12)).sum().backward()
    reached = [bool(expert.widen.weight.grad.any()) for expert in mixture.experts]
    assert sum(reached) == 1


@pytest.mark.parametrize(
    ("keys", "sentence"),
    [
        ({"experts": 4}, "architecture.experts and architecture.active came one without the other"),
        ({"active": 1}, "architecture.experts and architecture.active came one without the other"),
        ({"experts": 2, "active": 2}, "architecture.active is 2, expected fewer than architecture.experts"),
        ({"experts": 8, "active": 5}, "architecture.active is 5, expected a divisor of four times the width"),
    ],
)
def test_experts_that_cannot_be_are_refused(keys, sentence):
    with pytest.raises(ValueError, match=sentence):
        Gpt(width=12, layers=1, heads=3, **keys)


def test_a_tied_head_shares_the_table_without_a_weight_of_its_own():
    tied, untied = nets(tied=True)[0], nets()[0]
    assert "head.weight" not in tied.state_dict()
    assert isinstance(untied.head, nn.Linear)
    assert len(list(untied.parameters())) == len(list(tied.parameters())) + 1


@pytest.mark.filterwarnings("ignore:There is a performance drop")
def test_what_derives_from_a_transformer_is_computed_by_its_own_code():
    class Louder(Transformer):
        def forward(self, tokens):
            return 2 * super().forward(tokens)

    torch.manual_seed(0)
    own = [Louder(VOCABULARY, CONTEXT, 12, 1, 3, tied=False) for _ in range(2)]
    tokens = torch.randint(VOCABULARY, (2, 3, CONTEXT))
    expected = torch.stack([net(each) for net, each in zip(own, tokens, strict=True)])
    torch.testing.assert_close(StackedModel(own, "cpu")(tokens), expected, rtol=1e-4, atol=1e-5)
