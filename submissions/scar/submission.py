"""Pulls the forget set's features into the nearest wrong class's distribution, and holds the net to the original on
surrogate images, so that no retain image is needed for training.

Minimises λ₁·E_F min_{k≠y} d_k(z) + λ₂·KL(p_θ₀ ‖ p_θ) at temperature T on surrogates, where d_k is the Mahalanobis
distance d_k(z)² = (u − μ_k)ᵀ Σ_k⁻¹ (u − μ_k) of the transformed features u = sign(z)·|z|^δ (Tukey's transform); stops
when the accuracy on F has fallen to what an unseen set would get.
Source: SCAR, Bonato et al., "Is Retain Set All You Need in Machine Unlearning? Restoring Performance of Unlearned
Models with Out-Of-Distribution Images", ECCV 2024.
Adapted: the surrogates, downloaded images in the paper, are jigsaws of validation images: their quarters, shuffled
over images and places, which keeps the images' grain and destroys what they show (of inputs that are no images, every
value is another example's). Means μ_k and covariances Σ_k are the original's on R, the only use of R, each covariance
with γ times the mean variance added to its diagonal. The accuracy to stop at is the original's on validation data, 0
for classes that R does not hold. BatchNorm keeps its statistics, which F and jigsaws would bias.
"""

import torch
import torch.nn.functional as F
from torch import optim

from benchmark.toolbox import accuracy, all_features, descend, features, frozen_copy, kl, tensors, unseen_accuracy

TITLE = "SCAR"
REFERENCE = "Bonato et al., ECCV 2024"
# From memory. The epochs, over the forget set, are the most that are made; surrogates are images per forget batch.
HYPERPARAMETERS = {
    "epochs": 10,
    "learning_rate": 5e-4,
    "distance_weight": 1.0,
    "distillation_weight": 5.0,
    "temperature": 1.0,
    "power": 0.5,
    "shrinkage": 3.0,
    "surrogates": 256,
}
SEARCH_SPACE = {
    "epochs": (1, 30),
    "learning_rate": (1e-5, 1e-2, "log"),
    "distance_weight": (0.1, 3.0),
    "distillation_weight": (0.5, 20.0, "log"),
    "temperature": (0.5, 5.0),
    "shrinkage": (0.1, 10.0, "log"),
    "surrogates": [32, 64, 128, 256],
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    original, images = frozen_copy(net), tensors(val_loader)[0]
    classes, means, precisions = class_statistics(*all_features(net, retain_loader))
    target = unseen_accuracy(net, classes, forget_loader, val_loader)

    def moving(inputs, targets):
        away = distances(features(net, inputs), means, precisions)
        nearest = away.masked_fill(classes == targets[:, None], torch.inf).amin(1).mean()
        surrogates = jigsaws(images, HYPERPARAMETERS["surrogates"])
        drift = kl(net(surrogates), original(surrogates), HYPERPARAMETERS["temperature"])
        return HYPERPARAMETERS["distance_weight"] * nearest + HYPERPARAMETERS["distillation_weight"] * drift

    optimizer = optim.Adam(net.parameters(), lr=HYPERPARAMETERS["learning_rate"])
    net.eval()
    for _ in range(HYPERPARAMETERS["epochs"]):
        descend(net, forget_loader, moving, optimizer)
        if accuracy(net, forget_loader) <= target:
            break
    return net


def jigsaws(images, number):
    """`number` images, each put together from four quarters of randomly drawn ones, each in a random place.

    Of inputs that are no images, every value is a randomly drawn one's.
    """
    if images.dim() != 4:
        return images.gather(0, torch.randint(len(images), (number, *images.shape[1:]), device=images.device))
    height, width = images.shape[2:]
    drawn = images[torch.randint(len(images), (number,)), :, : height // 2 * 2, : width // 2 * 2]
    quarters = torch.cat([part for half in drawn.chunk(2, dim=2) for part in half.chunk(2, dim=3)])
    a, b, c, d = quarters[torch.randperm(len(quarters))].chunk(4)
    return F.interpolate(torch.cat([torch.cat([a, b], dim=3), torch.cat([c, d], dim=3)], dim=2), size=(height, width))


def class_statistics(found, targets):
    """The classes that occur, and their transformed features' means [classes, width] and precision matrices."""
    classes, transformed = targets.unique(), tukey(found)
    means = torch.stack([transformed[targets == label].mean(0) for label in classes])
    centred = [transformed[targets == label] - mean for label, mean in zip(classes, means, strict=True)]
    covariances = torch.stack([rows.T @ rows / len(rows) for rows in centred])
    ridge = HYPERPARAMETERS["shrinkage"] * covariances.diagonal(dim1=1, dim2=2).mean() + 1e-6
    return classes, means, torch.linalg.inv(covariances + ridge * torch.eye(found.shape[1], device=found.device))


def distances(found, means, precisions):
    """The Mahalanobis distance of each example from each class, [examples, classes]."""
    apart = tukey(found)[:, None] - means
    squared = torch.einsum("ekw,kwv,ekv->ek", apart, precisions, apart)
    return squared.clamp(min=1e-12).sqrt()


def tukey(found):
    # Without the small offset a feature of zero has an infinite slope.
    return found.sign() * (found.abs() + 1e-4) ** HYPERPARAMETERS["power"]
