"""Makes forget examples unlikely, with most weight on those that the net is surest of; no reference model.

Minimises −(2/β)·E_F log σ(−β·log p_θ(y|x) − γ) + λ·CE(R), a retain batch beside every forget batch. An example's
weight is 2·p^β / (p^β + e^−γ): unlike in NPO the memorised ones come first, and all fade as they are forgotten.
Source: SimNPO, Fan et al., "Simplicity Prevails: Rethinking Negative Preference Optimization for LLM Unlearning",
NeurIPS 2025.
log p is the mean over the answer's tokens; a class is an answer of length 1.
"""

import torch.nn.functional as F

from benchmark.toolbox import cross_entropy, finetune, surprise, together

TITLE = "SimNPO"
REFERENCE = "Fan et al., NeurIPS 2025"
# From memory: β and γ are those of the paper's TOFU task, the rest is chosen for small classifiers. The epochs are over
# the forget set.
HYPERPARAMETERS = {
    "epochs": 10,
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "beta": 2.5,
    "gamma": 0.0,
    "retain_weight": 1.0,
}
SEARCH_SPACE = {
    "epochs": (1, 20),
    "learning_rate": (1e-5, 1e-1, "log"),
    "beta": (0.1, 5.0, "log"),
    "gamma": (0.0, 2.0),
    "retain_weight": (0.1, 10.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    beta, gamma = HYPERPARAMETERS["beta"], HYPERPARAMETERS["gamma"]
    retain_loss = cross_entropy(net, class_weights)
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate", "momentum", "weight_decay")}

    def simple_preference(forget, retain):
        unlikely = surprise(net, *forget, per_token=True)  # −log p
        forgetting = -2 / beta * F.logsigmoid(beta * unlikely - gamma).mean()
        return forgetting + HYPERPARAMETERS["retain_weight"] * retain_loss(*retain)

    net.train()
    finetune(net, together(forget_loader, retain_loader), simple_preference, **settings)
    return net.eval()
