"""A tiny language model that knows the facts of eight people, for the tests of submissions on tokens."""

import copy
import inspect
from functools import cache

import numpy as np
import torch
from methods import load
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmark.data.reading.examples import Examples
from benchmark.data.sources.people import People
from benchmark.models.build import seeded_model
from benchmark.models.networks.gpt import Gpt
from benchmark.sandbox.child.call import follow
from benchmark.sandbox.child.contract import entry_point
from benchmark.scenario.schema import Recipe
from benchmark.split import Split
from benchmark.tasks.language import Language
from benchmark.training import train_model

TASK = Language()
_NETWORK = Gpt(width=16, layers=2, heads=2)
_WITH_EXPERTS = Gpt(width=16, layers=2, heads=2, experts=4, active=2)


def network_of(name: str) -> Gpt:
    """Return the network that a submission is for."""
    return _WITH_EXPERTS if getattr(load(name), "NEEDS_EXPERTS", False) else _NETWORK


def original_of(name: str) -> tuple[nn.Module, Split, Split]:
    """Return the original that `run` gives to a submission, and the questions."""
    return original(network=network_of(name))


@cache
def facts(refusals: int | None = None) -> Examples:
    """Return questions about eight people, and about some of whom nothing is known."""
    return People(source="people", people=8, facts=3, paraphrases=2, refusals=refusals, seed=0).load(None)


@cache
def original(refusals: int | None = None, network: Gpt = _NETWORK) -> tuple[nn.Module, Split, Split]:
    """Return a model that knows the facts, and the questions about eight people, the first two's apart."""
    examples = facts(refusals)
    train = examples.assignment == 0
    (targets,) = TASK.prepare_targets(examples.targets[train])
    split = Split(examples.inputs[train], targets, torch.arange(len(targets)), examples.subjects[train])
    net = seeded_model(network, (split.inputs.shape[1],), len(examples.vocabulary), 0)
    recipe = Recipe(optimizer="adam", learning_rate=1e-2, schedule="constant", epochs=25, batch_size=8)
    train_model(net, recipe, split, 0, TASK.loss())
    forgotten = split.subjects < 2
    return net, split.at(~forgotten), split.at(forgotten)


def loader(split: Split) -> DataLoader:
    """Return a shuffling loader of batches of eight."""
    return DataLoader(TensorDataset(split.inputs, split.targets), 8, shuffle=True)


def run(
    name: str, retain: Split | None = None, forget: Split | None = None, refusals: int | None = None, **values: object
) -> nn.Module:
    """Return the net that a submission makes of the original, with values replaced as a tuner would.

    Without splits they are the original's own.
    """
    net, *known = original(refusals, network_of(name))
    retain, forget = retain or known[0], forget or known[1]
    module = load(name)
    if values:
        assert values.keys() <= module.HYPERPARAMETERS.keys()
        module.HYPERPARAMETERS.update(values)

    def recipe(examples):
        return seeded_model(network_of(name), (retain.inputs.shape[1],), net.tokens.num_embeddings, 1)

    offers = {"loss": TASK.batch_loss(), "seed": 0, "class_weights": None, "recipe": recipe, "device": "cpu"}
    offers["refusal"] = facts(refusals).refusal
    torch.manual_seed(0)
    net = copy.deepcopy(net)
    returned = entry_point(module, offers)(net, *map(loader, (retain, forget, retain)))
    if inspect.isgenerator(returned):
        returned = follow(returned, lambda _: None)
    return net if returned is None else returned


@torch.no_grad()
def probability(net: nn.Module, split: Split) -> float:
    """Return the mean probability per token of the answers."""
    return torch.exp(-TASK.losses(net(split.inputs), split.targets)).mean().item()


@torch.no_grad()
def phi_of_answers(net: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> np.ndarray:
    """Return φ in plain torch: the logit of the geometric mean of the probabilities of all labels that count."""
    found = []
    for example, labels in zip(net(inputs).double().log_softmax(dim=-1), targets, strict=True):
        asked = labels >= 0
        mean = example[asked].gather(1, labels[asked, None]).mean()
        found.append(float(mean - torch.log1p(-mean.exp())))
    return np.array(found)
