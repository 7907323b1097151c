"""Dampens the weights that matter far more to the forget set than to the training set as a whole. No training.

With I = the mean over batches of the squared gradient of CE: wherever I_F > α·I_D, D = R ∪ F,
θ ← θ·min(λ·I_D / I_F, 1).
Source: selective synaptic dampening, Foster et al., "Fast Machine Unlearning Without Retraining Through Selective
Synaptic Dampening", AAAI 2024. α 10 and λ 1 are the published values for ResNet-18; batches are the scenario's.
"""

import torch
from torch.utils.data import ConcatDataset, DataLoader

from benchmark.toolbox import cross_entropy, squared_gradients

TITLE = "SSD"
REFERENCE = "Foster et al., AAAI 2024"
HYPERPARAMETERS = {"alpha": 10.0, "lambda": 1.0}
SEARCH_SPACE = {"alpha": (0.1, 100.0, "log"), "lambda": (0.1, 5.0, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    loss = cross_entropy(net, class_weights)
    everything = DataLoader(
        ConcatDataset([retain_loader.dataset, forget_loader.dataset]), retain_loader.batch_size, shuffle=True
    )
    dampen(net, squared_gradients(net, forget_loader, loss), squared_gradients(net, everything, loss))
    return net


@torch.no_grad()
def dampen(net, of_forget, of_all):
    """Scales, in place, the weights whose importance to F exceeds α times that to D (per parameter name)."""
    for name, weight in net.named_parameters():
        chosen = of_forget[name] > HYPERPARAMETERS["alpha"] * of_all[name]
        factor = (HYPERPARAMETERS["lambda"] * of_all[name] / of_forget[name]).clamp(max=1)
        weight.copy_(torch.where(chosen, weight * factor, weight))
