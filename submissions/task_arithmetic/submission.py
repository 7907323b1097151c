"""Trains a copy further on the forget set, and subtracts from the weights the way that it went.

θ = θ₀ − α·(θ_F − θ₀), where θ_F is θ₀ fine-tuned on F.
Source: negation of a task vector, Ilharco et al., "Editing Models with Task Arithmetic", ICLR 2023.
"""

import copy

import torch

from benchmark.toolbox import cross_entropy, finetune_adam

TITLE = "Task arithmetic"
REFERENCE = "Ilharco et al., ICLR 2023"
TASKS = ("language",)
# Chosen for small transformers; the paper picks α between 0 and 1 on validation data.
HYPERPARAMETERS = {"epochs": 5, "learning_rate": 1e-3, "alpha": 1.5}
SEARCH_SPACE = {"epochs": (1, 20), "learning_rate": (1e-5, 1e-2, "log"), "alpha": (0.1, 5.0, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader):
    tuned = copy.deepcopy(net).train()
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    finetune_adam(tuned, forget_loader, cross_entropy(tuned), **settings)
    with torch.no_grad():
        for weight, moved in zip(net.parameters(), tuned.parameters(), strict=True):
            weight.sub_(HYPERPARAMETERS["alpha"] * (moved - weight))
    return net
