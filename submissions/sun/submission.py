"""Resets the classifier, then trains changing random parts of the net, shaken beforehand, and at last all of it.

Minimises CE(retain). In the first epochs only 9 tensors, drawn anew in each, and the normalisation layers are trained;
from the second epoch on, 6 of the 9 first get noise 0.04·N(0, 1). The last epochs train everything.
Source: Sun, seventh place of the NeurIPS 2023 unlearning competition.
A tensor is a weight or a bias outside the normalisation layers: nine of ResNet-18's 22. A net with fewer than nine
trains them all. Each epoch has an optimiser of its own.
"""

import torch
from torch import nn, optim

from benchmark.toolbox import classifier, cross_entropy, descend, rebatched, reset

TITLE = "Sun"
REFERENCE = "NeurIPS 2023 unlearning competition, 7th place"
HYPERPARAMETERS = {
    "trained_tensors": 9,
    "noisy_tensors": 6,
    "noise": 0.04,  # standard deviation, in the weights' own unit
    "partial_epochs": 5,
    "full_epochs": 4,
    "learning_rate": 2e-4,
    "last_learning_rate": 1e-3,  # of the last epoch
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "batch_size": 64,
}
SEARCH_SPACE = {
    "trained_tensors": (4, 20),
    "noise": (1e-3, 0.5, "log"),
    "partial_epochs": (1, 3),
    "full_epochs": (1, 2),
    "learning_rate": (1e-5, 1e-1, "log"),
    "last_learning_rate": (1e-5, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-1, "log"),
    "batch_size": [64, 128, 256],
}
NORMALISATION = nn.modules.batchnorm._BatchNorm, nn.LayerNorm, nn.GroupNorm


def unlearning(net, retain_loader, forget_loader, val_loader):
    batches = rebatched(retain_loader, HYPERPARAMETERS["batch_size"])
    layers = [layer for layer in net.modules() if isinstance(layer, NORMALISATION)]
    normalising = {tensor for layer in layers for tensor in layer.parameters()}
    tensors = [tensor for tensor in net.parameters() if tensor not in normalising]
    reset(classifier(net))
    net.train()
    for epoch in range(HYPERPARAMETERS["partial_epochs"]):
        chosen = [tensors[i] for i in torch.randperm(len(tensors))[: HYPERPARAMETERS["trained_tensors"]]]
        if epoch > 0:
            shake(chosen[: HYPERPARAMETERS["noisy_tensors"]])
        train_only(net, {*chosen, *normalising}, batches, HYPERPARAMETERS["learning_rate"])
    last = HYPERPARAMETERS["full_epochs"] - 1
    for epoch in range(HYPERPARAMETERS["full_epochs"]):
        rate = HYPERPARAMETERS["last_learning_rate" if epoch == last else "learning_rate"]
        train_only(net, set(net.parameters()), batches, rate)
    return net.eval()


@torch.no_grad()
def shake(tensors):
    for tensor in tensors:
        tensor.add_(HYPERPARAMETERS["noise"] * torch.randn_like(tensor))


def train_only(net, tensors, batches, learning_rate):
    """An epoch for some tensors; for the others no gradients are computed, which saves much of the time."""
    for tensor in net.parameters():
        tensor.requires_grad_(tensor in tensors)
    momentum, weight_decay = HYPERPARAMETERS["momentum"], HYPERPARAMETERS["weight_decay"]
    trained = [tensor for tensor in net.parameters() if tensor.requires_grad]
    optimizer = optim.SGD(trained, lr=learning_rate, momentum=momentum, weight_decay=weight_decay)
    descend(net, batches, cross_entropy(net), optimizer)
    net.requires_grad_(True)
