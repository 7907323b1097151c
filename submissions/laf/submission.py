"""Moves the forget set's features away from where they were, to where typical examples lie; no label is looked at.

Two small VAEs learn what penultimate features look like: h on all of train, h_F on the forget set. Every epoch
minimises the extraction loss E_F softplus(‖z − h(z)‖²/e − ‖z − h_F(z)‖²/e_F), where e and e_F are the two errors at
the start, and then, on R, the alignment loss −log exp(cos(z, z₀)/T) / (exp(cos(z, z₀)/T) + Σ_F exp(cos(z, z₀_F)/T)),
z₀ the original's features. The classifier gets no gradient and stays as it is.
Source: LAF, Shen et al., "Label-Agnostic Forgetting: A Supervision-Free Unlearning in Deep Models", ICLR 2024.
Adapted: the extraction loss is from memory, a difference of the two errors; the softplus bounds it from below.
"""

import torch
import torch.nn.functional as F
from torch import nn, optim

from benchmark.toolbox import all_features, descend, features, frozen_copy, together

TITLE = "Label-agnostic forgetting"
REFERENCE = "Shen et al., ICLR 2024"
# The temperature is the paper's; the rest is from memory, the VAEs chosen small. Epochs over the retain set.
HYPERPARAMETERS = {
    "epochs": 1,
    "learning_rate": 1e-4,
    "temperature": 20.0,
    "vae_steps": 100,  # of 64 examples, for either
    "vae_learning_rate": 1e-2,
    "vae_hidden": 64,
    "vae_variance": 0.05,  # of the decoder, the features' mean square being 1
    "vae_latent": 8,
}
SEARCH_SPACE = {
    "epochs": (1, 3),
    "learning_rate": (1e-5, 1e-2, "log"),
    "temperature": (0.1, 20.0, "log"),
    "vae_steps": [10, 30, 100, 300],
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    original = frozen_copy(net)
    forgotten, kept = (all_features(original, loader)[0] for loader in (forget_loader, retain_loader))
    scale = kept.square().mean().sqrt().clamp(min=1e-6)
    typical, own = fitted(torch.cat([kept, forgotten]) / scale), fitted(forgotten / scale)

    start = [vae.error(forgotten / scale).mean() for vae in (typical, own)]

    def extraction(inputs, _):
        found = features(net, inputs) / scale
        return F.softplus(typical.error(found) / start[0] - own.error(found) / start[1]).mean()

    def alignment(retain, forget):
        found, before = features(net, retain[0]), features(original, retain[0])
        others = F.normalize(features(original, forget[0]), dim=1)
        close = F.cosine_similarity(found, before, dim=1)[:, None]
        logits = torch.cat([close, F.normalize(found, dim=1) @ others.T], dim=1) / HYPERPARAMETERS["temperature"]
        return F.cross_entropy(logits, torch.zeros_like(retain[1]))

    optimizer = optim.Adam(net.parameters(), lr=HYPERPARAMETERS["learning_rate"])
    net.train()
    for _ in range(HYPERPARAMETERS["epochs"]):
        descend(net, forget_loader, extraction, optimizer)
        descend(net, together(retain_loader, forget_loader), alignment, optimizer)
    return net.eval()


class VAE(nn.Module):
    """A variational autoencoder of feature vectors with one hidden layer on either side."""

    def __init__(self, width, hidden, latent):
        super().__init__()
        self.encoder = nn.Sequential(nn.Linear(width, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent))
        self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, width))

    def error(self, found):
        """The mean squared error of each example's reconstruction from its mean code, [examples]."""
        return (found - self.decoder(self.encoder(found).chunk(2, dim=1)[0])).square().mean(1)

    def negative_bound(self, found):
        """The evidence bound's two terms, both per feature: reconstruction of a drawn code, and its divergence."""
        mean, log_variance = self.encoder(found).chunk(2, dim=1)
        code = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean() / 2
        return F.mse_loss(self.decoder(code), found) + 2 * HYPERPARAMETERS["vae_variance"] * divergence / found.shape[1]


def fitted(found):
    """A VAE that has learned the rows of `found` [examples, width]."""
    vae = VAE(found.shape[1], HYPERPARAMETERS["vae_hidden"], HYPERPARAMETERS["vae_latent"]).to(found.device)
    optimizer = optim.Adam(vae.parameters(), lr=HYPERPARAMETERS["vae_learning_rate"])
    for _ in range(HYPERPARAMETERS["vae_steps"]):
        optimizer.zero_grad()
        vae.negative_bound(found[torch.randint(len(found), (64,))]).backward()
        optimizer.step()
    return vae.requires_grad_(False)
