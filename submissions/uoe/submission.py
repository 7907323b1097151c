"""Unlearns in the one expert that forget questions engage most, while its router is held to it.

An expert's affinity is the mean over F's sequences, and over the tokens of each, of the router's probability of it, 0
where it is not active. Of the experts of all layers the one with the largest affinity moves, and its layer's router:
−CE(F) + λ·CE(R) + α·E_F ‖g − a‖² is minimised, g the router's probabilities at a token, a 1 for that expert and 0 for
the others.
Source: SEUF, Zhuang et al., "SEUF: Is Unlearning One Expert Enough for Mixture-of-Experts LLMs?", ACL 2025, at first
named UOE.
Adapted: of the objectives that the paper puts into its frame this is the gradient difference; the anchor takes the
probabilities of inactive experts too, without which nothing would draw tokens to an expert that is not active.
"""

import torch
from torch.nn import ModuleList

from benchmark.toolbox import (
    cross_entropy,
    finetune_adam,
    mixtures,
    only_training,
    question_mask,
    seen_by,
    tensors,
    together,
)

TITLE = "SEUF (UOE)"
REFERENCE = "Zhuang et al., ACL 2025"
TASKS = ("language",)
NEEDS_EXPERTS = True
# α is the paper's; the rest is chosen for small transformers. The epochs are over the forget set.
HYPERPARAMETERS = {"epochs": 10, "learning_rate": 2e-3, "retain_weight": 3.0, "anchor_weight": 1.0}
SEARCH_SPACE = {
    "epochs": (1, 20),
    "learning_rate": (1e-5, 1e-2, "log"),
    "retain_weight": (0.1, 10.0, "log"),
    "anchor_weight": (0.1, 10.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    answer_loss = cross_entropy(net)
    mixture, chosen = most_engaged(net, *tensors(forget_loader))

    def objective(forget, retain):
        difference = HYPERPARAMETERS["retain_weight"] * answer_loss(*retain) - answer_loss(*forget)
        return difference + HYPERPARAMETERS["anchor_weight"] * drift(net, mixture, chosen, *forget)

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    with only_training(net, ModuleList([mixture.router, mixture.experts[chosen]])):
        finetune_adam(net, together(forget_loader, retain_loader), objective, **settings)
    return net


@torch.no_grad()
def most_engaged(net, inputs, targets):
    """Returns the mixture with the expert of the largest affinity to the sequences, and that expert's number."""
    asked = question_mask(inputs, targets) | (targets >= 0)
    shares = (asked / asked.sum(dim=1, keepdim=True))[..., None]
    best = []
    for mixture in mixtures(net):
        chances = probabilities(net, mixture, inputs)
        active = chances >= chances.topk(mixture.active, dim=-1).values[..., -1:]
        affinity = (chances * active * shares).sum(dim=1).mean(dim=0)
        best.append((affinity.max().item(), mixture, int(affinity.argmax())))
    return max(best, key=lambda each: each[0])[1:]


def drift(net, mixture, chosen, inputs, targets):
    """Returns how far the router is from taking the chosen expert alone, squared, the mean over tokens."""
    chances = probabilities(net, mixture, inputs)
    wanted = torch.zeros_like(chances)
    wanted[..., chosen] = 1
    asked = question_mask(inputs, targets) | (targets >= 0)
    return (chances - wanted).square().sum(dim=-1)[asked].mean()


def probabilities(net, mixture, inputs):
    """Returns the router's probabilities of its experts, `[rows, context, experts]`."""
    return seen_by(net, mixture.router, inputs)[1].softmax(-1)
