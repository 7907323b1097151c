"""Pushes what a block says about forget questions towards a random direction, and holds what it says about the rest.

With h the hidden states that leave the block at `depth`, minimises ‖h(x) − c·u‖² on F + α·‖h(x) − h₀(x)‖² on R, u a
fixed random unit vector; only that block and the two before it move.
Source: RMU, Li et al., "The WMDP Benchmark: Measuring and Reducing Malicious Use with Unlearning", ICML 2024.
Adapted: c counts in mean norms of h₀ on R, as nets differ in them, and all weights of the three blocks move.
"""

import torch
from torch.nn.functional import normalize

from benchmark.toolbox import blocks_to, finetune_adam, frozen_copy, only_training, perceptron, seen_by, together

TITLE = "RMU"
REFERENCE = "Li et al., ICML 2024"
TASKS = ("language",)
# The published depth is 7 of 32 blocks; all values here are chosen for small transformers.
HYPERPARAMETERS = {"epochs": 10, "learning_rate": 3e-3, "depth": 0.5, "coefficient": 10.0, "retain_weight": 30.0}
SEARCH_SPACE = {
    "epochs": (1, 20),
    "learning_rate": (1e-4, 1e-2, "log"),
    "depth": [0.5, 1.0],
    "coefficient": (1.0, 30.0, "log"),
    "retain_weight": (1.0, 1000.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    original, moving = frozen_copy(net), blocks_to(net, HYPERPARAMETERS["depth"], 3)
    was = blocks_to(original, HYPERPARAMETERS["depth"])[-1]
    direction = normalize(torch.rand_like(perceptron(was)[-1].weight[:, 0]), dim=0)
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}

    def objective(forget, retain):
        with torch.no_grad():
            before = states(original, was, retain)
        control = HYPERPARAMETERS["coefficient"] * before.norm(dim=1).mean() * direction
        misdirection = (states(net, moving[-1], forget) - control).square().sum(1).mean()
        drift = (states(net, moving[-1], retain) - before).square().sum(1).mean()
        return misdirection + HYPERPARAMETERS["retain_weight"] * drift

    with only_training(net, moving):
        finetune_adam(net, together(forget_loader, retain_loader), objective, **settings)
    return net


def states(net, block, batch):
    """Returns the hidden states of the batch's tokens, padding left out: [tokens, width]."""
    inputs, _ = batch
    return seen_by(net, block, inputs)[1][inputs > 0]
