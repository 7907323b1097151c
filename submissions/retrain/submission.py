"""Trains a fresh network on the retain set with the scenario's own recipe and a seed of its own.

Control: the oracle, what perfect unlearning gets on this board. It is exempt from the budget.
"""

TITLE = "Retrain from scratch"
REFERENCE = "control"
HYPERPARAMETERS: dict[str, float] = {}


def unlearning(net, retain_loader, forget_loader, val_loader, recipe):
    return recipe(retain_loader)
