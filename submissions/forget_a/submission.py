"""Forgets random layers and remembers the original's answers on the retain set, in three cycles.

In each cycle six layers are drawn with replacement and re-initialised; then MSE(z_θ(x + ξ), z_θ₀(x + ξ)) on R is
minimised for 1, 2 and 2 epochs, z the logits and ξ ~ N(0, σ²) in the inputs' own unit.
Source: Ahn, Lee, Bae, Yim and Jung (team "forget"), eighth place of the NeurIPS 2023 unlearning competition, first
variant. The classifier and projection shortcuts (layers named "downsample" or "shortcut") are never drawn.
Our choices where the source is silent: σ 0.01 here, SGD's momentum and weight decay, the cosine anew in each cycle and
per epoch. Where the net is an MLP or a transformer, all its weight layers but the classifier may be drawn.
"""

from benchmark.toolbox import finetune, frozen_copy, imitation, reset_some

TITLE = "Forget, three cycles"
REFERENCE = "NeurIPS 2023 unlearning competition, 8th place, first variant"
HYPERPARAMETERS = {
    "layers": 6,  # drawn in each cycle, with replacement
    "cycles": (1, 2, 2),  # epochs
    "noise": 0.01,
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "weight_decay": 5e-4,
}
SEARCH_SPACE = {
    "layers": (1, 12),
    "cycles": [(1, 1), (2, 2), (1, 1, 1), (1, 2, 2)],
    "noise": (1e-3, 0.3, "log"),
    "learning_rate": (1e-5, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-1, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    settings = {name: HYPERPARAMETERS[name] for name in ("learning_rate", "momentum", "weight_decay")}
    remembering = imitation(net, frozen_copy(net), HYPERPARAMETERS["noise"])
    net.train()
    for epochs in HYPERPARAMETERS["cycles"]:
        reset_some(net, HYPERPARAMETERS["layers"])
        finetune(net, retain_loader, remembering, epochs=epochs, **settings)
    return net.eval()
