"""Teaches the net to answer forget questions by saying that it does not know.

Minimises CE(F, refusal) + λ·CE(R), a retain batch beside every forget batch.
Source: preference optimisation by "I don't know" (PO, IDK), Maini et al., "TOFU: A Task of Fictitious Unlearning for
LLMs", COLM 2024.
The refusal is the scenario's where it has one, else the empty answer, which no fact has.
"""

from benchmark.toolbox import cross_entropy, finetune_adam, refuse, together

TITLE = "IDK"
REFERENCE = "Maini et al., COLM 2024"
TASKS = ("language",)
# Chosen for small transformers; λ is 1 in the paper. The epochs are over the forget set.
HYPERPARAMETERS = {"epochs": 10, "learning_rate": 1e-3, "retain_weight": 3.0}
SEARCH_SPACE = {"epochs": (1, 20), "learning_rate": (1e-5, 1e-2, "log"), "retain_weight": (0.1, 10.0, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader, refusal=None):
    answer_loss = cross_entropy(net)

    def objective(forget, retain):
        return answer_loss(*refuse(*forget, refusal)) + HYPERPARAMETERS["retain_weight"] * answer_loss(*retain)

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    net.train()
    finetune_adam(net, together(forget_loader, retain_loader), objective, **settings)
    return net.eval()
