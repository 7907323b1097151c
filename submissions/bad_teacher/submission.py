"""Distils a randomly initialised net on the forget set and the original on a part of the retain set. No labels.

Minimises KL(teacher(x) ‖ net(x)) over shuffled batches of F and of a random part of R, the teacher being a random
net where x is in F and the original where it is in R.
Source: Chundawat et al., "Can Bad Teaching Induce Forgetting? Unlearning in Deep Networks Using an Incompetent
Teacher", AAAI 2023.
"""

import torch
from torch import optim
from torch.utils.data import DataLoader, TensorDataset

from benchmark.toolbox import descend, fresh_copy, frozen_copy, kl, subset, tensors

TITLE = "Bad teacher"
REFERENCE = "Chundawat et al., AAAI 2023"
HYPERPARAMETERS = {
    "retain_share": 0.3,  # of R
    "temperature": 1.0,
    "epochs": 1,
    "learning_rate": 1e-4,
    "batch_size": 256,
}
SEARCH_SPACE = {
    "retain_share": (0.1, 1.0),
    "temperature": (0.5, 5.0),
    "epochs": (1, 5),
    "learning_rate": (1e-5, 1e-2, "log"),
    "batch_size": [64, 128, 256],
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    good, bad = frozen_copy(net), frozen_copy(fresh_copy(net))
    part = subset(retain_loader, round(HYPERPARAMETERS["retain_share"] * len(retain_loader.dataset)))

    def imitation(inputs, forgotten):
        student = net(inputs)
        chosen = forgotten.view(-1, *[1] * (student.dim() - 1))
        taught = torch.where(chosen, bad(inputs), good(inputs))
        return kl(student, taught, HYPERPARAMETERS["temperature"])

    optimizer = optim.Adam(net.parameters(), lr=HYPERPARAMETERS["learning_rate"])
    batches = mixed(forget_loader, part, HYPERPARAMETERS["batch_size"])
    net.train()
    for _ in range(HYPERPARAMETERS["epochs"]):
        descend(net, batches, imitation, optimizer)
    return net.eval()


def mixed(forget_loader, retain_loader, batch_size):
    """A shuffling loader over both: inputs, and in place of the targets whether they are to be forgotten."""
    (forgotten, _), (retained, _) = tensors(forget_loader), tensors(retain_loader)
    inputs = torch.cat([forgotten, retained])
    marks = torch.arange(len(inputs), device=inputs.device) < len(forgotten)
    return DataLoader(TensorDataset(inputs, marks), batch_size, shuffle=True)
