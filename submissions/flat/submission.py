"""Moves probability from forget answers to a template by an f-divergence between the two; no retain data, no reference.

Minimises f*(g(P(answer))) − g(P(template)) over F, the negative of a variational bound on the f-divergence; P is the
mean probability of an answer's tokens, g and f* the optimal variational function and the conjugate of the divergence.
Source: FLAT, Wang et al., "LLM Unlearning via Loss Adjustment with Only Forget Data", ICLR 2025.
The template is a refusal: the empty answer, as the vocabulary has no words for one. The slope of a probability fades
where it is near 0, so what is found impossible at first, as a refusal is here, is learned late.
"""

import math

import torch
import torch.nn.functional as F

from benchmark.toolbox import finetune_adam, refuse

TITLE = "FLAT"
REFERENCE = "Wang et al., ICLR 2025"
TASKS = ("language",)
# The divergence is one of the paper's four; rate and epochs are chosen for small transformers.
HYPERPARAMETERS = {"epochs": 4, "learning_rate": 3e-4, "divergence": "KL"}
SEARCH_SPACE = {
    "epochs": (1, 30),
    "learning_rate": (1e-5, 1e-2, "log"),
    "divergence": ["KL", "Jensen-Shannon", "Pearson", "total variation"],
}

DIVERGENCES = {
    "KL": (lambda v: v, lambda u: torch.exp(u - 1)),
    "Jensen-Shannon": (lambda v: math.log(2) - F.softplus(-v), lambda u: -torch.log(2 - torch.exp(u))),
    "Pearson": (lambda v: v, lambda u: u**2 / 4 + u),
    "total variation": (lambda v: torch.tanh(v) / 2, lambda u: u),
}
"""g and f* of each: table 2 of the paper."""


def unlearning(net, retain_loader, forget_loader, val_loader):
    g, conjugate = DIVERGENCES[HYPERPARAMETERS["divergence"]]

    def objective(inputs, targets):
        answer, template = (probability(net, *each) for each in ((inputs, targets), refuse(inputs, targets)))
        return (conjugate(g(answer)) - g(template)).mean()

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    net.train()
    finetune_adam(net, forget_loader, objective, **settings)
    return net.eval()


def probability(net, inputs, targets):
    """Returns the mean probability of the tokens of each answer."""
    counted = targets >= 0
    of_labels = net(inputs).softmax(-1).gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    return (of_labels * counted).sum(1) / counted.sum(1)
