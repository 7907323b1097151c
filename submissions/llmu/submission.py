"""Takes the loss of forget answers up, teaches random answers instead, and keeps retain predictions as they were.

Minimises −ε₁·CE(F) + ε₂·CE(F, answers of random retain questions) + ε₃·KL(p_θ₀ ‖ p_θ) on R.
Source: LLMU, Yao et al., "Large Language Model Unlearning", NeurIPS 2024.
The random answers are drawn anew for every batch, from the retain batch beside it.
"""

import torch

from benchmark.toolbox import closeness, cross_entropy, finetune_adam, frozen_copy, reanswer, together

TITLE = "LLMU"
REFERENCE = "Yao et al., NeurIPS 2024"
TASKS = ("language",)
# From memory: ε₁ is 0.5 to 2, ε₂ and ε₃ are 1 in the paper. The rest, and ε₃, is chosen for small transformers.
HYPERPARAMETERS = {
    "epochs": 10,
    "learning_rate": 5e-4,
    "forget_weight": 0.5,
    "mismatch_weight": 1.0,
    "retain_weight": 10.0,
}
SEARCH_SPACE = {
    "epochs": (1, 20),
    "learning_rate": (1e-5, 1e-2, "log"),
    "forget_weight": (0.05, 2.0, "log"),
    "mismatch_weight": (0.1, 10.0, "log"),
    "retain_weight": (0.1, 100.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    answer_loss, drift = cross_entropy(net), closeness(net, frozen_copy(net))

    def objective(forget, retain):
        rows = torch.randint(len(retain[0]), (len(forget[0]),), device=forget[0].device)
        mismatched = reanswer(forget, (retain[0][rows], retain[1][rows]))
        return (
            HYPERPARAMETERS["mismatch_weight"] * answer_loss(*mismatched)
            + HYPERPARAMETERS["retain_weight"] * drift(*retain)
            - HYPERPARAMETERS["forget_weight"] * answer_loss(*forget)
        )

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    net.train()
    finetune_adam(net, together(forget_loader, retain_loader), objective, **settings)
    return net.eval()
