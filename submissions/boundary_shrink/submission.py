"""Hands every forget example to its nearest wrong class, which an adversarial step finds: its own class shrinks.

Minimises CE(p_θ(x), ŷ) over the forget set alone, ŷ = argmax_{k≠y} z_k(x + ε·sign ∇_x CE(p_θ₀(x), y); θ₀).
Source: Boundary Shrink, Chen et al., "Boundary Unlearning", CVPR 2023.
Adapted: ε is a share of the inputs' range, so that it means the same for pixels in [0, 1] and [0, 255]; an example
that the step does not carry over a boundary gets the likeliest of the wrong classes; BatchNorm keeps its statistics,
which the forget set alone would bias; the rate decays as a cosine.
"""

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmark.toolbox import cross_entropy, fgsm, finetune, inputs_and_targets

TITLE = "Boundary shrink"
REFERENCE = "Chen et al., CVPR 2023"
# The epochs are over the forget set. Momentum and weight decay: from memory.
HYPERPARAMETERS = {"epochs": 10, "learning_rate": 1e-5, "momentum": 0.9, "weight_decay": 5e-4, "step": 0.1}
SEARCH_SPACE = {"epochs": (1, 20), "learning_rate": (1e-5, 1e-1, "log"), "step": (0.01, 0.5, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader):
    batches = [nearest_wrong_classes(net, *inputs_and_targets(batch)) for batch in forget_loader]
    relabelled = TensorDataset(*map(torch.cat, zip(*batches, strict=True)))
    loader = DataLoader(relabelled, batch_size=forget_loader.batch_size, shuffle=True)
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate", "momentum", "weight_decay")}
    net.eval()
    finetune(net, loader, cross_entropy(net), **settings)
    return net


def nearest_wrong_classes(net, inputs, targets):
    """The inputs, and beside each the wrong class that `net` finds likeliest one adversarial step away."""
    step = HYPERPARAMETERS["step"] * (inputs.max() - inputs.min()).item()
    neighbours = fgsm(net, inputs, targets, step)
    with torch.no_grad():
        logits = net(neighbours)
    return inputs, logits.scatter(1, targets[:, None], -torch.inf).argmax(1)
