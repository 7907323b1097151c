"""Prunes almost the whole net, draws what was pruned anew, and trains it back to the original's certainty.

Of all weights and biases of convolutions and linear layers, the 99 % smallest in magnitude are re-initialised: weights
U(±1/√fan-in), biases 0. Then CE(retain; class weights n_c^−0.1) + MSE(H(p_θ), H(p_θ₀)), H the entropy of a prediction.
Source: Sebastian, fourth place of the NeurIPS 2023 unlearning competition.
A transformer's attention projections count as linear layers; both terms of the loss weigh the same.
"""

from itertools import islice

import torch
import torch.nn.functional as F
from torch import optim

from benchmark.toolbox import (
    class_counts,
    classifier,
    descend,
    frozen_copy,
    rebatched,
    repeated,
    smallest,
    weight_layers,
    weight_of,
)

TITLE = "Sebastian"
REFERENCE = "NeurIPS 2023 unlearning competition, 4th place"
HYPERPARAMETERS = {
    "share": 0.99,  # of weights and biases
    "class_exponent": -0.1,
    "epochs": 3.2,
    "learning_rate": 5e-4,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "batch_size": 64,
}
SEARCH_SPACE = {
    "share": (0.5, 0.999),
    "class_exponent": (-1.0, 0.0),
    "epochs": (1.0, 5.0),
    "learning_rate": (1e-5, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-1, "log"),
    "batch_size": [64, 128, 256],
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    teacher = frozen_copy(net)
    redraw_smallest(net, HYPERPARAMETERS["share"])
    counts = class_counts(retain_loader, classifier(net).out_features)
    weights = counts.clamp(min=1) ** HYPERPARAMETERS["class_exponent"]

    def loss(inputs, targets):
        logits = net(inputs)
        return F.cross_entropy(logits, targets, weights) + F.mse_loss(entropy(logits), entropy(teacher(inputs)))

    optimizer = optim.SGD(
        net.parameters(),
        lr=HYPERPARAMETERS["learning_rate"],
        momentum=HYPERPARAMETERS["momentum"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
    )
    batches = rebatched(retain_loader, HYPERPARAMETERS["batch_size"])
    net.train()
    descend(net, islice(repeated(batches), round(HYPERPARAMETERS["epochs"] * len(batches))), loss, optimizer)
    return net.eval()


@torch.no_grad()
def redraw_smallest(net, share):
    fresh = {}
    for _, layer in weight_layers(net):
        weight = weight_of(layer)
        bound = weight[0].numel() ** -0.5
        for tensor in layer.parameters(recurse=False):
            fresh[tensor] = (
                torch.empty_like(tensor).uniform_(-bound, bound) if tensor is weight else torch.zeros_like(tensor)
            )
    for (tensor, new), mask in zip(fresh.items(), smallest([t.abs() for t in fresh], share), strict=True):
        tensor.copy_(torch.where(mask, new, tensor))


def entropy(logits):
    """Of each prediction, in nats: [examples]."""
    return -(logits.softmax(1) * logits.log_softmax(1)).sum(1)
