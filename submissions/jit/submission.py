"""Smooths the net around every forget example, until its answer there depends on the input as little as can be.

Minimises E_ξ ‖f(x) − f(x + ξ)‖ / ‖ξ‖ over the forget set alone, f the logits and ξ ~ N(0, σ²); noisy inputs stay
within the range of the batch, and as in the authors' code f(x + ξ) is held: x is to be answered as what lies around it.
Source: JiT, Foster et al., "Zero-Shot Machine Unlearning at Scale via Lipschitz Regularization", arXiv 2402.01401,
2024: unlearning with nothing but the net and what it is to forget.
Adapted: σ is a share of the inputs' range, the passes over the forget set, one in the paper, are as many as a forget
set of one example needs, and the gradient's norm is clipped, because what is held moves with every step.
"""

import torch
from torch import optim

from benchmark.toolbox import descend

TITLE = "JiT"
REFERENCE = "Foster et al., arXiv 2402.01401, 2024"
TASKS = ("classification", "regression")
ACCESSES = ("no-retain", "forget-only", "look-alikes")
# Chosen by hand on one net of digits, but for the number of noisy copies of an example.
HYPERPARAMETERS = {"epochs": 30, "learning_rate": 3e-2, "noise": 0.3, "copies": 25, "clip": 1.0}
SEARCH_SPACE = {"epochs": (1, 100), "learning_rate": (1e-4, 1e-1, "log"), "noise": (0.1, 1.0, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader):
    def roughness(inputs, _):
        low, high = inputs.min(), inputs.max()
        copies = inputs.repeat(HYPERPARAMETERS["copies"], *[1] * inputs.dim())
        noisy = (copies + HYPERPARAMETERS["noise"] * (high - low) * torch.randn_like(copies)).clamp(low, high)
        with torch.no_grad():
            held = net(noisy.flatten(0, 1)).unflatten(0, copies.shape[:2])
        moved = (noisy - copies).flatten(2).norm(dim=2).clamp(min=1e-12)
        return ((net(inputs) - held).norm(dim=2) / moved).mean()

    net.eval()
    optimizer = optim.SGD(net.parameters(), lr=HYPERPARAMETERS["learning_rate"])
    for _ in range(HYPERPARAMETERS["epochs"]):
        descend(net, forget_loader, roughness, optimizer, clip=HYPERPARAMETERS["clip"])
    return net
