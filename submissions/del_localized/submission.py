"""Finds the channels that hold the forget set, resets them, and retrains those and the classifier on R alone.

A channel's score is |Σ θ·∇CE(F)| over the weights that feed it; the highest share of all channels is re-initialised;
then CE(R) is minimised over the reset channels and the classifier, everything else held.
Source: DEL, Torkzadehmahani et al., "Improved Localized Machine Unlearning Through the Lens of Memorization",
arXiv 2024.
Adapted: where the net has no convolution, the outputs of its linear and attention layers are the channels.
"""

import torch
from torch import optim

from benchmark.toolbox import (
    classifier,
    cross_entropy,
    descend,
    gradients,
    held,
    redraw,
    top_channels,
    weight_layers,
)

TITLE = "DEL"
REFERENCE = "Torkzadehmahani et al., 2024"
# Momentum and weight decay: from memory.
HYPERPARAMETERS = {"share": 0.3, "epochs": 30, "learning_rate": 0.015, "momentum": 0.9, "weight_decay": 5e-4}
SEARCH_SPACE = {"share": (0.05, 0.6), "epochs": (1, 5), "learning_rate": (1e-4, 1e-1, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    loss = cross_entropy(net, class_weights)
    reset = critical_channels(net, gradients(net, forget_loader, loss))
    redraw(net, reset)
    hold = held(net, reset | all_of_classifier(net))

    learning_rate, epochs = HYPERPARAMETERS["learning_rate"], HYPERPARAMETERS["epochs"]
    optimizer = optim.SGD(
        net.parameters(),
        lr=learning_rate,
        momentum=HYPERPARAMETERS["momentum"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
    )
    steps = epochs * len(retain_loader)
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps, eta_min=0.01 * learning_rate)
    net.train()
    for _ in range(epochs):
        descend(net, retain_loader, loss, optimizer, schedule=schedule, after_step=hold)
    return net.eval()


def critical_channels(net, slopes):
    """Masks, by parameter name, of the channels whose weights · gradients sum to the most; the classifier has none."""
    layers = [(name, layer) for name, layer in weight_layers(net) if layer is not classifier(net)]
    return top_channels(layers, [criticality(name, layer, slopes) for name, layer in layers], HYPERPARAMETERS["share"])


def criticality(name, layer, slopes):
    """|Σ θ·∇CE(F)| over the weights and the bias of each of a layer's channels, [out]."""
    tensors = layer.named_parameters(recurse=False)
    products = [(tensor * slopes[f"{name}.{own}"]).detach() for own, tensor in tensors]
    return sum(product.reshape(len(product), -1).sum(1) for product in products).abs()


def all_of_classifier(net):
    own = set(classifier(net).parameters())
    return {name: torch.ones_like(p, dtype=torch.bool) for name, p in net.named_parameters() if p in own}
