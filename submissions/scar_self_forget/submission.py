"""SCAR without a forget set: what the original takes for a class to forget, among images of nothing, stands for it.

Surrogates are drawn anew for every step. With F′ those of them that the original puts into a class to forget, and S the
others, minimises λ₁·E_F′ min_k d_k(z) + λ₂·KL(p_θ₀ ‖ p_θ) on S at temperature T, where d_k is the Mahalanobis distance
of the transformed features sign(z)·|z|^δ from the mean of class k, one that is kept. Of the forget loader only the
labels are used, of the retain loader nothing.
Source: the self-forget variant of SCAR, Bonato et al., "Is Retain Set All You Need in Machine Unlearning? Restoring
Performance of Unlearned Models with Out-Of-Distribution Images", ECCV 2024.
Adapted: the surrogates, downloaded images in the paper, are random mixtures of two validation images. Means and
covariance are the original's on surrogates, by what it takes them for, and one covariance serves all classes, with γ
times its mean variance added to the diagonal. BatchNorm keeps its statistics, which surrogates would bias. Steps are
counted, because no example of the forget set tells when to stop.
"""

import torch
from torch import optim

from benchmark.toolbox import features, frozen_copy, kl, logits_and_features, tensors

TITLE = "SCAR, self-forget"
REFERENCE = "Bonato et al., ECCV 2024"
ACCESSES = ("look-alikes",)
# Chosen by hand on one net of digits: with SCAR's own values a net this small stays where it is.
HYPERPARAMETERS = {
    "steps": 30,
    "learning_rate": 2e-2,
    "distance_weight": 1.0,
    "distillation_weight": 0.1,
    "temperature": 1.0,
    "power": 0.5,
    "shrinkage": 0.1,
    "surrogates": 256,
}
SEARCH_SPACE = {
    "steps": (10, 200),
    "learning_rate": (1e-4, 1e-1, "log"),
    "distance_weight": (0.1, 3.0),
    "distillation_weight": (0.01, 20.0, "log"),
    "temperature": (0.5, 5.0),
    "shrinkage": (0.01, 10.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    original, images = frozen_copy(net), tensors(val_loader)[0]
    forgotten = tensors(forget_loader)[1].unique()
    whiten, means = kept_classes(original, surrogates(images, 4 * HYPERPARAMETERS["surrogates"]), forgotten)
    optimizer = optim.Adam(net.parameters(), lr=HYPERPARAMETERS["learning_rate"])
    net.eval()
    for _ in range(HYPERPARAMETERS["steps"] if len(means) else 0):
        drawn = surrogates(images, HYPERPARAMETERS["surrogates"])
        taken = torch.isin(original(drawn).argmax(1), forgotten)
        loss = torch.zeros((), device=drawn.device)
        if taken.any():
            away = torch.cdist(tukey(features(net, drawn[taken])) @ whiten, means)
            loss = loss + HYPERPARAMETERS["distance_weight"] * away.amin(1).mean()
        if not taken.all():
            drift = kl(net(drawn[~taken]), original(drawn[~taken]), HYPERPARAMETERS["temperature"])
            loss = loss + HYPERPARAMETERS["distillation_weight"] * drift
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return net


def surrogates(images, number):
    """`number` inputs, each a random mixture of two randomly drawn ones."""
    first, second = images[torch.randint(len(images), (2, number), device=images.device)]
    return torch.lerp(first, second, torch.rand(number, *[1] * (images.dim() - 1), device=images.device))


@torch.no_grad()
def kept_classes(original, drawn, forgotten):
    """A matrix [width, width] that makes Mahalanobis distances Euclidean, and [classes, width], the means times it."""
    logits, found = logits_and_features(original, drawn)
    taken_for, moved = logits.argmax(1), tukey(found)
    kept = [label for label in taken_for.unique() if label not in forgotten]
    means = torch.stack([moved[taken_for == label].mean(0) for label in kept]) if kept else moved[:0]
    centred = torch.cat([moved[taken_for == label] - mean for label, mean in zip(kept, means, strict=True)] or [moved])
    covariance = centred.T @ centred / len(centred)
    ridge = HYPERPARAMETERS["shrinkage"] * covariance.diagonal().mean() + 1e-6
    covariance = covariance + ridge * torch.eye(len(covariance), device=covariance.device)
    whiten = torch.linalg.cholesky(torch.linalg.inv(covariance))
    return whiten, means @ whiten


def tukey(found):
    # Without the small offset a feature of zero has an infinite slope.
    return found.sign() * (found.abs() + 1e-4) ** HYPERPARAMETERS["power"]
