"""Splits the forget set by how much the net memorises it, and unlearns each part by what suits it.

Low memorisation: nothing is done. Middle: fine-tuning, CE(R ∪ high). High: SalUn, CE(high, random wrong labels) then
CE(R), moving only the half of the weights with the largest |Σ∇CE(high)|.
Source: RUM, Zhao et al., "What Makes Unlearning Hard and What to Do About It", NeurIPS 2024.
Adapted: true memorisation takes hundreds of models. The proxy is holdout retraining, which needs only this net: it is
tuned a little on validation data, and an example is memorised as much as its prediction moves, KL(p_θ₀ ‖ p_tuned).
The three parts are thirds.
"""

import copy

import torch
import torch.nn.functional as F
from torch.utils.data import ConcatDataset, DataLoader, Subset

from benchmark.toolbox import cross_entropy, finetune, inputs_and_targets, rebatched, salient_relabelling

TITLE = "RUM"
REFERENCE = "Zhao et al., NeurIPS 2024"
# SalUn's share, epochs and rate are its paper's; the rest is from memory.
HYPERPARAMETERS = {
    "holdout_epochs": 5,
    "holdout_learning_rate": 1e-2,
    "finetune_epochs": 10,
    "finetune_learning_rate": 1e-2,
    "salun_share": 0.5,
    "salun_epochs": 10,
    "salun_learning_rate": 1.3e-2,
    "momentum": 0.9,
    "weight_decay": 5e-4,
}
SEARCH_SPACE = {
    "holdout_epochs": (1, 5),
    "finetune_epochs": (1, 3),
    "finetune_learning_rate": (1e-4, 1e-1, "log"),
    "salun_share": (0.1, 0.9),
    "salun_epochs": (1, 2),
    "salun_learning_rate": (1e-4, 1e-1, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    high, _middle, _low = memorisation(net, forget_loader, val_loader).argsort(descending=True).tensor_split(3)
    hard = Subset(forget_loader.dataset, high.tolist())
    hard_loader, rest_loader = (
        DataLoader(examples, batch_size=retain_loader.batch_size, shuffle=True)
        for examples in (hard, ConcatDataset([retain_loader.dataset, hard]))
    )
    net.train()
    finetune(net, rest_loader, cross_entropy(net, class_weights), **settings("finetune"))
    share = HYPERPARAMETERS["salun_share"]
    salient_relabelling(net, retain_loader, hard_loader, class_weights, share=share, **settings("salun"))
    return net


def memorisation(net, forget_loader, val_loader):
    """How far holdout retraining moves the prediction of each forget example, [examples] in the dataset's order."""
    tuned = copy.deepcopy(net).train()
    finetune(tuned, val_loader, cross_entropy(tuned), **settings("holdout"))
    tuned.eval()
    moved = []
    with torch.no_grad():
        for inputs, _ in map(inputs_and_targets, rebatched(forget_loader, shuffle=False)):
            after, before = (F.log_softmax(model(inputs), dim=1) for model in (tuned, net))
            moved.append(F.kl_div(after, before, log_target=True, reduction="none").sum(1))
    return torch.cat(moved)


def settings(stage):
    own = {name: HYPERPARAMETERS[f"{stage}_{name}"] for name in ("epochs", "learning_rate")}
    return own | {name: HYPERPARAMETERS[name] for name in ("momentum", "weight_decay")}
