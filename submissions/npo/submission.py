"""Makes forget examples less likely than the original finds them, ever more gently the less likely they get.

Minimises (2/β)·E_F log(1 + (p_θ(y|x) / p_θ₀(y|x))^β) + λ·CE(R), a retain batch beside every forget batch. Gradient
ascent is the limit β → 0; for larger β an example's weight 2·p^β / (p^β + p₀^β) fades once it is forgotten.
Source: NPO, Zhang et al., "Negative Preference Optimization: From Catastrophic Collapse to Effective Unlearning",
COLM 2024.
p(y|x) is that of the whole answer: of a class its one label, of a sequence all tokens whose labels count.
"""

import torch
import torch.nn.functional as F

from benchmark.toolbox import cross_entropy, finetune, frozen_copy, surprise, together

TITLE = "NPO"
REFERENCE = "Zhang et al., COLM 2024"
# β is the paper's, the rest from memory and chosen for small classifiers. The epochs are over the forget set.
HYPERPARAMETERS = {
    "epochs": 10,
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "beta": 0.1,
    "retain_weight": 1.0,
}
SEARCH_SPACE = {
    "epochs": (1, 20),
    "learning_rate": (1e-5, 1e-1, "log"),
    "beta": (0.01, 5.0, "log"),
    "retain_weight": (0.1, 10.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    beta, original = HYPERPARAMETERS["beta"], frozen_copy(net)
    retain_loss = cross_entropy(net, class_weights)
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate", "momentum", "weight_decay")}

    def negative_preference(forget, retain):
        with torch.no_grad():
            before = surprise(original, *forget)
        now = surprise(net, *forget)
        forgetting = 2 / beta * F.softplus(beta * (before - now)).mean()
        return forgetting + HYPERPARAMETERS["retain_weight"] * retain_loss(*retain)

    net.train()
    finetune(net, together(forget_loader, retain_loader), negative_preference, **settings)
    return net.eval()
