"""Entries of the NeurIPS 2023 competition that redraw or shake weights before they repair: amnesiacs, sun, forget.

A learning rate of 0 leaves exactly what an entry does to the weights before it trains.
"""

import pytest
import torch
import torch.nn.functional as F
from methods import (
    CLASSES,
    RETAIN,
    Loaders,
    changed,
    load,
    original,
    relabelled,
    run,
    spied,
    tiny_loaders,
    weights_of,
)
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmark import toolbox

# --- amnesiacs


@pytest.mark.parametrize(("kind", "first"), [("mlp", "1"), ("resnet", "0"), ("vit", "conv_proj")])
def test_amnesiacs_reset_both_ends(kind, first):
    before, unlearned = run(load("amnesiacs"), kind, learning_rate=0.0, validation_learning_rate=0.0)
    last = toolbox.weight_layers(unlearned)[-1][0]
    ends = {name for name, _ in before.named_parameters() if name.rsplit(".", 1)[0] in (first, last)}
    assert changed(weights_of(before), weights_of(unlearned)) == ends


def test_amnesiacs_first_imitate_the_original_on_validation_data():
    def distance(net):
        images = tiny_loaders().validation.dataset.tensors[0]
        return toolbox.kl(net(images), original("mlp")(images), 5.0).item()

    _, forgetful = run(load("amnesiacs"), learning_rate=0.0, validation_learning_rate=0.0)
    settings = {"learning_rate": 0.0, "validation_learning_rate": 0.3, "validation_epochs": 60}
    _, taught = run(load("amnesiacs"), **settings)
    assert distance(taught) < distance(forgetful) / 2
    loaders = tiny_loaders()
    images = loaders.validation.dataset.tensors[0]
    blind = Loaders(
        retain=DataLoader(
            TensorDataset(torch.zeros(RETAIN, 1, 8, 8), torch.arange(RETAIN) % CLASSES), 16, shuffle=True
        ),
        forget=loaders.forget,
        validation=DataLoader(TensorDataset(images, torch.zeros(32, dtype=torch.long)), 16),
    )
    _, without = run(load("amnesiacs"), loaders=blind, **settings)
    assert not changed(weights_of(taught), weights_of(without))


def test_amnesiacs_then_descend_on_three_terms(monkeypatch):
    module = load("amnesiacs")
    calls = spied(monkeypatch, module, "finetune")
    _, unlearned = run(module)
    inputs, labels = tiny_loaders().retain.dataset.tensors
    student, teacher = unlearned(inputs), original("mlp")(inputs)
    p, q = (teacher / 5).softmax(1), (student / 5).softmax(1)
    soft = -(p * q.log()).sum(1).mean()
    expected = F.cross_entropy(student, labels) + soft + (p * (p / q).log()).sum(1).mean()
    assert torch.allclose(calls[0][0][2](inputs, labels), expected, atol=1e-5)


# --- sun


def test_sun_trains_a_few_tensors_then_all(monkeypatch):
    module, real = load("sun"), toolbox.descend
    epochs = []

    def watched(net, batches, loss, optimizer):
        before = weights_of(net)
        real(net, batches, loss, optimizer)
        epochs.append((before, weights_of(net), optimizer.param_groups[0]["lr"]))

    monkeypatch.setattr(module, "descend", watched)
    before = weights_of(run(module, "resnet", trained_tensors=3, noisy_tensors=2)[0])
    norms = {name for name in before if before[name].ndim == 1 and name != "7.bias"}
    assert changed(before, epochs[0][0]) == {"7.weight", "7.bias"}
    drawn = [changed(start, end) - norms for start, end, _ in epochs]
    assert [len(names) for names in drawn] == [3] * 5 + [len(before) - len(norms)] * 4
    assert len({frozenset(names) for names in drawn[:5]}) > 1
    assert all(changed(start, end) > norms for start, end, _ in epochs)
    for epoch in range(1, 5):
        shaken = changed(epochs[epoch - 1][1], epochs[epoch][0])
        assert len(shaken) == 2
        assert shaken < drawn[epoch]
    assert not any(changed(epochs[epoch - 1][1], epochs[epoch][0]) for epoch in range(5, 9))
    assert [rate for _, _, rate in epochs] == [2e-4] * 8 + [1e-3]


def test_sun_shakes_by_the_published_noise():
    module, tensor = load("sun"), nn.Parameter(torch.zeros(10_000))
    module.shake([tensor])
    assert tensor.std().item() == pytest.approx(0.04, rel=0.05)


# --- forget


@pytest.mark.parametrize("name", ["forget_a", "forget_b"])
def test_forget_redraws_layers_but_no_shortcut_and_no_classifier(name):
    settings = {"learning_rate": 0.0} | ({"first_learning_rate": 0.0} if name == "forget_b" else {})
    before, unlearned = run(load(name), "resnet", **settings)
    redrawn = changed(weights_of(before), weights_of(unlearned))
    assert len(redrawn) > 1
    assert redrawn <= {f"{layer}.weight" for layer in ("0", "3.conv1", "3.conv2", "4.conv1", "4.conv2")}


@pytest.mark.parametrize("name", ["forget_a", "forget_b"])
def test_forget_remembers_the_logits_without_labels(name):
    def distance(net):
        images = tiny_loaders().retain.dataset.tensors[0]
        return F.mse_loss(net(images), original("mlp")(images)).item()

    module = load(name)
    rates = [key for key in module.HYPERPARAMETERS if key.endswith("learning_rate")]
    _, forgetful = run(module, cycles=(1,), **dict.fromkeys(rates, 0.0))
    _, remembering = run(module, cycles=(20,), **dict.fromkeys(rates, 1e-2))
    assert distance(remembering) < distance(forgetful) / 4
    loaders = tiny_loaders()
    blind = loaders._replace(retain=relabelled(loaders.retain, torch.zeros(RETAIN, dtype=torch.long)))
    _, unlabelled = run(module, loaders=blind)
    assert not changed(weights_of(remembering), weights_of(unlabelled))


@pytest.mark.parametrize(
    ("name", "rates"),
    [("forget_a", [1e-3, 1e-3, 5e-4, 1e-3, 5e-4]), ("forget_b", [5e-4, 5e-4, 1e-3, 1e-3, 1e-3])],
)
def test_forget_cycles_as_published(name, rates, monkeypatch):
    module, seen = load(name), []
    drawn = spied(monkeypatch, module, "reset_some")

    def watched(net, batches, loss, optimizer):
        seen.append((len(drawn), optimizer.param_groups[0]["lr"]))
        optimizer.step()

    monkeypatch.setattr(toolbox.training, "descend", watched)
    if name == "forget_b":
        monkeypatch.setattr(module, "descend", watched)
    run(module)
    assert [rate for _, rate in seen] == pytest.approx(rates)
    assert [cycle for cycle, _ in seen] == ([1, 2, 2, 3, 3] if name == "forget_a" else [1, 1, 2, 3, 4])
    assert all(args[1] == 6 for args, _ in drawn)
