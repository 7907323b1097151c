"""Teaches the net, on a class to forget, the neighbouring classes that a net without it would take it for.

Minimises KL(q ‖ p_θ) over the forget set, with q_y = 0 and q_k ∝ p_θ₀(k)·exp(β·s_k) for the other classes; s is the
softmax over them, at temperature τ, of the cosine between the classifier's rows of class k and of the true class y,
both projected on the rows' principal directions.
Source: TREW, Ebrahimpour-Boroojeny et al., "Unlearning Isn't Forgetting: Revealing Hidden Leakage in Class Unlearning
Evaluations", ICML 2026.
Adapted: the paper also descends on R, which is not given here. Its abstract and its reviews are what this file follows:
τ and the number of directions are chosen here. BatchNorm keeps its statistics.
"""

import torch
import torch.nn.functional as F

from benchmark.toolbox import classifier, finetune, frozen_copy

TITLE = "Tilted reweighting"
REFERENCE = "Ebrahimpour-Boroojeny et al., ICML 2026"
ACCESSES = ("no-retain", "forget-only", "look-alikes")
# β is the paper's; the others are chosen by hand on one net of digits. The epochs are over the forget set.
HYPERPARAMETERS = {
    "epochs": 20,
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "beta": 10.0,
    "temperature": 0.1,
    "directions": 5,
}
SEARCH_SPACE = {
    "epochs": (1, 100),
    "learning_rate": (1e-4, 1e-1, "log"),
    "beta": (0.1, 100.0, "log"),
    "temperature": (0.01, 1.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    original, alike = frozen_copy(net), similarities(classifier(net).weight.detach())

    def tilted(inputs, targets):
        wanted = original(inputs).log_softmax(1) + HYPERPARAMETERS["beta"] * alike[targets]
        others = wanted.scatter(1, targets[:, None], -torch.inf).softmax(1)
        # The cross-entropy differs from the divergence by a constant and knows what to do with probability 0.
        return F.cross_entropy(net(inputs), others)

    net.eval()
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate", "momentum", "weight_decay")}
    finetune(net, forget_loader, tilted, **settings)
    return net


def similarities(rows):
    """How alike the net finds every two classes, [classes, classes]; a row adds up to 1, its own class has 0."""
    centred = rows - rows.mean(0)
    _, _, directions = torch.linalg.svd(centred, full_matrices=False)
    placed = F.normalize(centred @ directions[: HYPERPARAMETERS["directions"]].T, dim=1)
    cosines = placed @ placed.T / HYPERPARAMETERS["temperature"]
    return cosines.fill_diagonal_(-torch.inf).softmax(1)
