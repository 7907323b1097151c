"""Forgets random layers and remembers the original's answers on the retain set, in four cycles.

As `forget_a`, but cycles of 2, 1, 1 and 1 epochs at a constant rate, lower in the first cycle: six layers drawn with
replacement are re-initialised, then MSE(z_θ(x + ξ), z_θ₀(x + ξ)) on R is minimised, ξ ~ N(0, σ²).
Source: Ahn, Lee, Bae, Yim and Jung (team "forget"), eighth place of the NeurIPS 2023 unlearning competition, second
variant. Our choices where the source is silent: σ 0.1 here, SGD's momentum and weight decay, and that the first rate is
the first cycle's.
"""

from torch import optim

from benchmark.toolbox import descend, frozen_copy, imitation, reset_some

TITLE = "Forget, four cycles"
REFERENCE = "NeurIPS 2023 unlearning competition, 8th place, second variant"
HYPERPARAMETERS = {
    "layers": 6,  # drawn in each cycle, with replacement
    "cycles": (2, 1, 1, 1),  # epochs
    "noise": 0.1,
    "first_learning_rate": 5e-4,
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "weight_decay": 5e-4,
}
SEARCH_SPACE = {
    "layers": (1, 12),
    "cycles": [(1, 1), (2, 1), (2, 1, 1), (2, 1, 1, 1)],
    "noise": (1e-3, 0.3, "log"),
    "first_learning_rate": (1e-5, 1e-1, "log"),
    "learning_rate": (1e-5, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-1, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    settings = {name: HYPERPARAMETERS[name] for name in ("momentum", "weight_decay")}
    remembering = imitation(net, frozen_copy(net), HYPERPARAMETERS["noise"])
    net.train()
    for cycle, epochs in enumerate(HYPERPARAMETERS["cycles"]):
        reset_some(net, HYPERPARAMETERS["layers"])
        rate = HYPERPARAMETERS["learning_rate" if cycle else "first_learning_rate"]
        optimizer = optim.SGD(net.parameters(), lr=rate, **settings)
        for _ in range(epochs):
            descend(net, retain_loader, remembering, optimizer)
    return net.eval()
