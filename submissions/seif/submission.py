"""Adds strong noise to the convolutions and fine-tunes, trusting that the retain set alone is learned back.

θ_conv ← θ_conv + N(0, σ²), then CE(retain) in which the largest class counts twenty times as much as any other, and
a little more noise before the last epoch.
Source: Seif, third place of the NeurIPS 2023 unlearning competition.
The largest class is the retain set's; the cosine decay is per epoch. Where the net is an MLP or a transformer, all its
weight layers but the classifier get the noise.
"""

import torch
from torch import optim

from benchmark.toolbox import class_counts, classifier, cross_entropy, descend, feature_layers, weight_of

TITLE = "Seif"
REFERENCE = "NeurIPS 2023 unlearning competition, 3rd place"
HYPERPARAMETERS = {
    "noise": 0.6,  # standard deviation, in the weights' own unit
    "last_noise": 0.005,
    "minority_weight": 0.05,  # class weight of every class but the largest, which has 1
    "epochs": 4,
    "learning_rate": 7e-4,
    "momentum": 0.9,
    "weight_decay": 5e-4,
}
SEARCH_SPACE = {
    "noise": (1e-3, 1.0, "log"),
    "last_noise": (1e-4, 0.1, "log"),
    "minority_weight": (0.01, 1.0, "log"),
    "epochs": (1, 5),
    "learning_rate": (1e-5, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-1, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    epochs = HYPERPARAMETERS["epochs"]
    counts = class_counts(retain_loader, classifier(net).out_features)
    weights = torch.full_like(counts, HYPERPARAMETERS["minority_weight"], dtype=torch.float32)
    weights[counts.argmax()] = 1.0
    optimizer = optim.SGD(
        net.parameters(),
        lr=HYPERPARAMETERS["learning_rate"],
        momentum=HYPERPARAMETERS["momentum"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
    )
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    disturb(net, HYPERPARAMETERS["noise"])
    net.train()
    for epoch in range(epochs):
        if epoch == epochs - 1:
            disturb(net, HYPERPARAMETERS["last_noise"])
        descend(net, retain_loader, cross_entropy(net, weights), optimizer)
        schedule.step()
    return net.eval()


@torch.no_grad()
def disturb(net, deviation):
    for _, layer in feature_layers(net):
        weight_of(layer).add_(deviation * torch.randn_like(weight_of(layer)))
