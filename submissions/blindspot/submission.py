"""A student that never sees the forget set guides the net on it; on the retain set the net keeps to its targets.

A fresh student is trained on R for a few epochs. Then the net minimises, over R and F together,
(1 − l)·MSE(net, y) + l·[MSE(net, student) + penalty·Σ_k MSE(h_k(net), h_k(student))], with l = 1 on F and 0 on R, and
h_k the outputs of the hidden layers.
Source: Tarun et al., "Deep Regression Unlearning", ICML 2023 (2210.08196), algorithm 1.
"""

import torch
from torch import nn

from benchmark.toolbox import descend, fresh_copy, together, weight_layers

TITLE = "Blindspot"
REFERENCE = "Tarun et al. 2023"
TASKS = ("regression",)
HYPERPARAMETERS = {"student_epochs": 2, "epochs": 1, "learning_rate": 1e-3, "penalty": 0.1}
SEARCH_SPACE = {
    "student_epochs": (1, 5),
    "epochs": (1, 5),
    "learning_rate": (1e-5, 1e-1, "log"),
    "penalty": (1e-3, 10.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, loss):
    settings = HYPERPARAMETERS
    student = trained_student(net, retain_loader, loss, settings["student_epochs"], settings["learning_rate"])
    optimizer = torch.optim.Adam(net.parameters(), lr=settings["learning_rate"])

    def guided(retain, forget):
        inputs, targets = retain
        return loss(net(inputs), targets) + distance(net, student, forget[0], settings["penalty"])

    net.train()
    for _ in range(settings["epochs"]):
        descend(net, together(retain_loader, forget_loader), guided, optimizer)
    return net.eval()


def trained_student(net, retain_loader, loss, epochs, learning_rate):
    """Return a fresh net after a few epochs on the retain set; its weights need no gradients any more."""
    student = fresh_copy(net).train()
    optimizer = torch.optim.Adam(student.parameters(), lr=learning_rate)
    for _ in range(epochs):
        descend(student, retain_loader, lambda inputs, targets: loss(student(inputs), targets), optimizer)
    return student.eval().requires_grad_(False)


def distance(net, student, inputs, penalty):
    """Return the mean squared difference of the outputs, and `penalty` times that of the hidden layers."""
    (ours, hidden), (theirs, guide) = outputs_and_hidden(net, inputs), outputs_and_hidden(student, inputs)
    apart = [nn.functional.mse_loss(mine, other) for mine, other in zip(hidden, guide, strict=True)]
    return nn.functional.mse_loss(ours, theirs) + penalty * sum(apart)


def outputs_and_hidden(net, inputs):
    """Return a net's outputs and those of its layers with weights but the last."""
    hidden = []
    hooks = [
        layer.register_forward_hook(lambda _, __, found: hidden.append(found)) for _, layer in weight_layers(net)[:-1]
    ]
    try:
        return net(inputs), hidden
    finally:
        for hook in hooks:
            hook.remove()
