"""Erases the forget set by imitating a random net on it, then rebuilds the original's behaviour on the retain set.

Erase: minimises KL(p_random ‖ p_θ) on F. Rebuild: minimises KL(p_θ₀ ‖ p_θ) on R. No labels are used.
Source: Zhang et al., "Machine Unlearning Methodology Based on Stochastic Teacher Network", ADMA 2023.
"""

from benchmark.toolbox import finetune, fresh_copy, frozen_copy, kl

TITLE = "Stochastic teacher"
REFERENCE = "Zhang et al., ADMA 2023"
# From memory.
HYPERPARAMETERS = {
    "erase_epochs": 1,
    "erase_learning_rate": 1e-2,
    "rebuild_epochs": 2,
    "rebuild_learning_rate": 1e-2,
    "momentum": 0.9,
    "weight_decay": 5e-4,
}
SEARCH_SPACE = {
    "erase_epochs": (1, 10),
    "erase_learning_rate": (1e-4, 1e-1, "log"),
    "rebuild_epochs": (1, 4),
    "rebuild_learning_rate": (1e-4, 1e-1, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    original, stochastic = frozen_copy(net), frozen_copy(fresh_copy(net))
    net.train()
    imitate(net, stochastic, forget_loader, "erase")
    imitate(net, original, retain_loader, "rebuild")
    return net.eval()


def imitate(net, teacher, loader, stage):
    settings = {name: HYPERPARAMETERS[f"{stage}_{name}"] for name in ("epochs", "learning_rate")}
    common = {name: HYPERPARAMETERS[name] for name in ("momentum", "weight_decay")}
    finetune(net, loader, lambda inputs, _: kl(net(inputs), teacher(inputs)), **settings, **common)
