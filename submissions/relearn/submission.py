"""Learns new answers over the old: plausible ones that are not true, beside the retain set.

Minimises CE(F, other answers) + CE(R) + KL(p_θ₀ ‖ p_θ) on R, a retain batch beside every forget batch.
Source: ReLearn, Xu et al., "ReLearn: Unlearning via Learning for Large Language Models", ACL 2025.
Adapted: the paper has a language model rewrite questions and answers. Here another answer is that of a retain question
with the most words in common, the same about somebody else, or the scenario's refusal where it has one, drawn anew for
every batch; questions stay as they are.
"""

import torch

from benchmark.toolbox import (
    closeness,
    cross_entropy,
    finetune_adam,
    frozen_copy,
    other_answers,
    refuse,
    tensors,
    together,
)

TITLE = "ReLearn"
REFERENCE = "Xu et al., ACL 2025"
TASKS = ("language",)
# Chosen for small transformers; the three losses have the paper's weights. The epochs are over the forget set.
HYPERPARAMETERS = {"epochs": 8, "learning_rate": 1e-3, "answers": 8}
SEARCH_SPACE = {"epochs": (1, 20), "learning_rate": (1e-5, 1e-2, "log"), "answers": (1, 24)}


def unlearning(net, retain_loader, forget_loader, val_loader, refusal=None):
    answer_loss, drift = cross_entropy(net), closeness(net, frozen_copy(net))
    known = tensors(retain_loader)

    def objective(forget, retain):
        others = other_answers(forget, known, HYPERPARAMETERS["answers"])
        if refusal is not None:
            others.append(refuse(*forget, refusal))
        drawn = torch.randint(len(others), ()).item()
        return answer_loss(*others[drawn]) + answer_loss(*retain) + drift(*retain)

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    net.train()
    finetune_adam(net, together(forget_loader, retain_loader), objective, **settings)
    return net.eval()
