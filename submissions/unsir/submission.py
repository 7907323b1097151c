"""Learns noise images on which the net is as wrong as can be about the forget classes, impairs it with them, repairs.

Noise: maximises CE(p_θ₀(n), y) − λ‖n‖² over images n with fixed labels y. Impair: one epoch of CE on R beside the
noise under those labels. Repair: one epoch of CE on R.
Source: UNSIR, Tarun et al., "Fast Yet Effective Machine Unlearning", IEEE TNNLS 2023.
Adapted: the paper forgets whole classes, one noise for each. Here the noise's labels are drawn from the forget set's,
so every class of the forget set has noise, in proportion to how often it occurs there. When R holds those classes
too, the impaired net relearns them from R, and what is forgotten is only what R does not teach.
"""

import torch
import torch.nn.functional as F
from torch import optim
from torch.utils.data import DataLoader, TensorDataset

from benchmark.toolbox import cross_entropy, descend, tensors, together

TITLE = "UNSIR"
REFERENCE = "Tarun et al., IEEE TNNLS 2023"
# From memory, all but the number of epochs. The noise ratio is in noise images per retain image.
HYPERPARAMETERS = {
    "noise_images": 256,
    "noise_steps": 40,
    "noise_learning_rate": 0.1,
    "noise_penalty": 0.1,
    "noise_ratio": 0.5,
    "impair_epochs": 1,
    "impair_learning_rate": 0.02,
    "repair_epochs": 1,
    "repair_learning_rate": 0.01,
}
SEARCH_SPACE = {
    "noise_images": [32, 64, 128, 256],
    "noise_steps": (5, 40),
    "noise_penalty": (1e-3, 1.0, "log"),
    "noise_ratio": (0.05, 1.0, "log"),
    "impair_epochs": (1, 2),
    "impair_learning_rate": (1e-4, 3e-2, "log"),
    "repair_epochs": (1, 3),
    "repair_learning_rate": (1e-4, 3e-2, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    size = max(1, round(HYPERPARAMETERS["noise_ratio"] * retain_loader.batch_size))
    noise = DataLoader(TensorDataset(*error_maximising_noise(net, forget_loader)), batch_size=size, shuffle=True)
    loss = cross_entropy(net, class_weights)

    def impairing(retained, noisy):
        inputs, targets = (torch.cat(parts) for parts in zip(retained, noisy, strict=True))
        return loss(inputs, targets)

    net.train()
    optimizer = optim.Adam(net.parameters(), lr=HYPERPARAMETERS["impair_learning_rate"])
    for _ in range(HYPERPARAMETERS["impair_epochs"]):
        descend(net, together(retain_loader, noise), impairing, optimizer)
    optimizer = optim.Adam(net.parameters(), lr=HYPERPARAMETERS["repair_learning_rate"])
    for _ in range(HYPERPARAMETERS["repair_epochs"]):
        descend(net, retain_loader, loss, optimizer)
    return net.eval()


def error_maximising_noise(net, forget_loader):
    """Images [noise_images, ...] and their labels, drawn from the forget set's; the net is left as it is."""
    inputs, targets = tensors(forget_loader)
    labels = targets[torch.randint(len(targets), (HYPERPARAMETERS["noise_images"],))]
    noise = torch.randn(len(labels), *inputs.shape[1:], device=inputs.device, requires_grad=True)
    optimizer = optim.Adam([noise], lr=HYPERPARAMETERS["noise_learning_rate"])
    for _ in range(HYPERPARAMETERS["noise_steps"]):
        penalty = HYPERPARAMETERS["noise_penalty"] * noise.square().flatten(1).sum(1).mean()
        (noise.grad,) = torch.autograd.grad(penalty - F.cross_entropy(net(noise), labels), noise)
        optimizer.step()
    return noise.detach(), labels
