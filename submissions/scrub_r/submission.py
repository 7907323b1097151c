"""SCRUB, rewound to the epoch at which the forget set is as hard as examples like it that were never seen.

Runs SCRUB, keeps a checkpoint of every epoch and returns the one whose error on F is closest to the error of the last
on validation data distributed like F.
Source: SCRUB+R, Kurmanji et al., "Towards Unbounded Machine Unlearning", NeurIPS 2023; the rewinding from memory.
Distributed like F means here: validation examples weighted so that their classes are as frequent as in F.
"""

import copy

import torch

from benchmark.toolbox import accuracy, inputs_and_targets, min_max_distillation, tensors

TITLE = "SCRUB+R"
REFERENCE = "Kurmanji et al., NeurIPS 2023"
HYPERPARAMETERS = {
    "epochs": 10,
    "max_epochs": 3,
    "learning_rate": 5e-4,  # Adam, ×0.1 at 50, 80 and 90 % of the epochs
    "weight_decay": 5e-4,  # from memory
    "gamma": 1.0,
    "alpha": 0.5,
    "temperature": 2.0,
}
SEARCH_SPACE = {
    "epochs": (2, 5),
    "max_epochs": (1, 3),
    "learning_rate": (1e-5, 1e-2, "log"),
    "gamma": (0.1, 2.0),
    "alpha": (0.01, 2.0, "log"),
    "temperature": (1.0, 5.0),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    checkpoints = []
    for _ in min_max_distillation(net, retain_loader, forget_loader, class_weights, **HYPERPARAMETERS):
        checkpoints.append((accuracy(net, forget_loader), copy.deepcopy(net.state_dict())))
    reference = accuracy_alike(net, val_loader, tensors(forget_loader)[1])
    _, closest = min(checkpoints, key=lambda checkpoint: abs(checkpoint[0] - reference))
    net.load_state_dict(closest)
    return net


@torch.no_grad()
def accuracy_alike(net, val_loader, forgotten):
    """Accuracy on validation examples weighted to the class frequencies of `forgotten`, targets [examples]."""
    batches = [(net(inputs).argmax(1) == targets, targets) for inputs, targets in map(inputs_and_targets, val_loader)]
    right, targets = (torch.cat(parts) for parts in zip(*batches, strict=True))
    classes = int(max(targets.max(), forgotten.max())) + 1
    # The small number lets every example count where validation has none of F's classes, and nowhere else.
    wanted = forgotten.bincount(minlength=classes) + 1e-6
    weights = (wanted / targets.bincount(minlength=classes).clamp(min=1))[targets]
    return (weights * right).sum().item() / weights.sum().item()
