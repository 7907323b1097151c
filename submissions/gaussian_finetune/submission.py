"""Gives the forget set other targets, drawn from a Gaussian of the targets, and fine-tunes on them and the retain set.

Minimises MSE over R ∪ F', where F' has the inputs of F and targets drawn once from N(m, s²), with m and s the mean and
the standard deviation of the targets of R. Adam.
Source: Tarun et al., "Deep Regression Unlearning", ICML 2023 (2210.08196), section 4.2, Gaussian-Amnesiac unlearning.
"""

import torch
from torch.utils.data import ConcatDataset, TensorDataset

from benchmark.toolbox import descend, tensors

TITLE = "Gaussian fine-tuning"
REFERENCE = "Tarun et al. 2023"
TASKS = ("regression",)
HYPERPARAMETERS = {"epochs": 1, "learning_rate": 1e-3}
SEARCH_SPACE = {"epochs": (1, 5), "learning_rate": (1e-5, 1e-1, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader, loss):
    batches = relabelled(retain_loader, forget_loader)
    optimizer = torch.optim.Adam(net.parameters(), lr=HYPERPARAMETERS["learning_rate"])
    net.train()
    for _ in range(HYPERPARAMETERS["epochs"]):
        descend(net, batches, lambda inputs, targets: loss(net(inputs), targets), optimizer)
    return net.eval()


def relabelled(retain_loader, forget_loader):
    """Return a shuffling loader over R and F, the latter with targets drawn from a Gaussian of R's."""
    (retain, known), (forget, targets) = tensors(retain_loader), tensors(forget_loader)
    drawn = known.mean() + known.std() * torch.randn_like(targets)
    examples = ConcatDataset([TensorDataset(retain, known), TensorDataset(forget, drawn)])
    return torch.utils.data.DataLoader(examples, batch_size=retain_loader.batch_size, shuffle=True)
