"""Teaches the forget set random wrong labels, then repairs on the retain set.

Minimises CE(forget, ỹ) in one pass over F, ỹ uniform over the classes other than y, then CE(retain, y) in one over R.
Source: random labels, Golatkar et al., "Eternal Sunshine of the Spotless Net", CVPR 2020; amnesiac unlearning,
Graves et al., AAAI 2021.
"""

import torch
from torch import nn, optim

TITLE = "Random labels"
REFERENCE = "Golatkar et al., CVPR 2020; Graves et al., AAAI 2021"
# Published: 10 epochs of SGD at 0.013; one epoch keeps it within the budget.
HYPERPARAMETERS = {"epochs": 1, "learning_rate": 1.3e-2, "momentum": 0.9, "weight_decay": 5e-4}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    criterion = nn.CrossEntropyLoss(weight=class_weights)
    optimizer = optim.SGD(
        net.parameters(),
        lr=HYPERPARAMETERS["learning_rate"],
        momentum=HYPERPARAMETERS["momentum"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
    )

    def step(inputs, targets_of):
        optimizer.zero_grad()
        logits = net(inputs)
        criterion(logits, targets_of(logits)).backward()
        optimizer.step()

    net.train()
    for _ in range(HYPERPARAMETERS["epochs"]):
        for inputs, targets in forget_loader:
            step(inputs, lambda logits, true=targets: wrong_labels(true, logits.shape[1]))
        for inputs, targets in retain_loader:
            step(inputs, lambda logits, true=targets: true)
    net.eval()
    return net


def wrong_labels(targets, classes):
    """Uniform over the other classes: the true label plus 1 … classes − 1, around the circle."""
    return (targets + torch.randint_like(targets, 1, classes)) % classes
