"""Gradient ascent on the forget set, in the tensors where its gradient is large and points elsewhere than the rest's.

Of all weight tensors, those move whose gradients of CE(F) and CE(R) have a cosine below μ, and whose mean |∇CE(F)| is
above σ times the mean of all; in these, −a·CE(F) + λ·CE(R) is minimised.
Source: MemFlex, Tian et al., "To Forget or Not? Towards Practical Knowledge Unlearning for Large Language Models",
EMNLP Findings 2024.
Adapted: the paper's tensors are those of adapters, and its σ is an absolute number.
"""

import torch
from torch.nn.functional import cosine_similarity

from benchmark.toolbox import cross_entropy, finetune_adam, gradients, held, together

TITLE = "MemFlex"
REFERENCE = "Tian et al., EMNLP Findings 2024"
TASKS = ("language",)
# μ, a and λ are those of the authors' later code; σ, rate and epochs are chosen for small transformers.
HYPERPARAMETERS = {
    "cosine": 0.92,
    "magnitude": 0.3,
    "epochs": 10,
    "learning_rate": 5e-4,
    "forget_weight": 0.4,
    "retain_weight": 2.0,
}
SEARCH_SPACE = {
    "cosine": (0.0, 1.0),
    "magnitude": (0.1, 3.0, "log"),
    "epochs": (1, 20),
    "learning_rate": (1e-5, 1e-2, "log"),
    "forget_weight": (0.1, 2.0, "log"),
    "retain_weight": (0.1, 10.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    answer_loss = cross_entropy(net)
    hold = held(net, region(net, retain_loader, forget_loader))

    def objective(forget, retain):
        kept = HYPERPARAMETERS["retain_weight"] * answer_loss(*retain)
        return kept - HYPERPARAMETERS["forget_weight"] * answer_loss(*forget)

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    net.train()
    finetune_adam(net, together(forget_loader, retain_loader), objective, **settings, after_step=hold)
    return net.eval()


def region(net, retain_loader, forget_loader):
    """Returns masks, by parameter name, of the tensors that move: all of their weights do."""
    forget, retain = (gradients(net, loader, cross_entropy(net)) for loader in (forget_loader, retain_loader))
    size = {name: slope.abs().mean() for name, slope in forget.items()}
    enough = HYPERPARAMETERS["magnitude"] * torch.stack(list(size.values())).mean()
    return {
        name: torch.ones_like(slope, dtype=torch.bool)
        for name, slope in forget.items()
        if size[name] >= enough
        and cosine_similarity(slope.flatten(), retain[name].flatten(), dim=0) <= HYPERPARAMETERS["cosine"]
    }
