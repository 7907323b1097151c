"""Re-initialises the weights that tell retain and forget set least apart, then fine-tunes, mostly those.

With g = Σ∇CE(R′) − Σ∇CE(F), R′ a random part of R as large as F, the 30 % of convolution weights with the smallest |g|
are drawn anew (Kaiming normal, fan out). Then CE(retain), the other convolution weights with a tenth of their gradient.
Source: Kookmin University, second place of the NeurIPS 2023 unlearning competition.
The 30 % are of all convolutions together, as in the write-up; g is taken in evaluation mode. Where the net is an MLP or
a transformer, all its weight layers but the classifier are meant.
"""

from math import ceil

import torch
from torch import nn, optim

from benchmark.toolbox import (
    cross_entropy,
    descend,
    feature_layers,
    gradients,
    rebatched,
    smallest,
    subset,
    weight_of,
)

TITLE = "Kookmin"
REFERENCE = "NeurIPS 2023 unlearning competition, 2nd place"
HYPERPARAMETERS = {
    "share": 0.3,  # of the convolution weights
    "kept_gradient": 0.1,
    "epochs": 5,  # the learning rate climbs to its peak in the middle and falls again: ⅓, ⅔, 1, ⅔, ⅓
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "batch_size": 64,
}
SEARCH_SPACE = {
    "share": (0.05, 0.9),
    "kept_gradient": (0.0, 1.0),
    "epochs": (1, 5),
    "learning_rate": (1e-5, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-1, "log"),
    "batch_size": [64, 128, 256],
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    epochs, kept = HYPERPARAMETERS["epochs"], HYPERPARAMETERS["kept_gradient"]
    weights = [weight_of(layer) for _, layer in feature_layers(net)]
    redrawn = smallest(indifference(net, retain_loader, forget_loader), HYPERPARAMETERS["share"])
    for weight, mask in zip(weights, redrawn, strict=True):
        fresh = nn.init.kaiming_normal_(torch.empty_like(weight), mode="fan_out", nonlinearity="relu")
        weight.data.copy_(torch.where(mask, fresh, weight))

    def hold_back():
        for weight, mask in zip(weights, redrawn, strict=True):
            weight.grad *= torch.where(mask, 1.0, kept)

    optimizer = optim.SGD(
        net.parameters(),
        lr=HYPERPARAMETERS["learning_rate"],
        momentum=HYPERPARAMETERS["momentum"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
    )
    schedule = optim.lr_scheduler.LambdaLR(optimizer, lambda done: min(done + 1, epochs - done) / ceil(epochs / 2))
    batches = rebatched(retain_loader, HYPERPARAMETERS["batch_size"])
    net.train()
    for _ in range(epochs):
        descend(net, batches, cross_entropy(net), optimizer, before_step=hold_back)
        schedule.step()
    return net.eval()


def indifference(net, retain_loader, forget_loader):
    """|Σ∇CE(R′) − Σ∇CE(F)| of every weight that may be drawn anew, a tensor for each of `feature_layers`."""
    retained = gradients(net, subset(retain_loader, len(forget_loader.dataset)), cross_entropy(net))
    forgotten = gradients(net, forget_loader, cross_entropy(net))
    names = {weight: name for name, weight in net.named_parameters()}
    chosen = [names[weight_of(layer)] for _, layer in feature_layers(net)]
    return [(retained[name] - forgotten[name]).abs() for name in chosen]
