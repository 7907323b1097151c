"""Scrubs with noise: every weight gets the more of it, the less the retain set depends on it. No training.

θ ← θ + σ·ξ, ξ ~ N(0, 1), σ² = α·min(1 / (H + 1e-8), 1e3), H the diagonal of the Fisher information on R.
Source: Fisher forgetting, Golatkar et al., "Eternal Sunshine of the Spotless Net", CVPR 2020; the bound from memory.
H = E[∇log p(ŷ|x)²], ŷ drawn from the net's own p, is estimated batch-wise: scores of independent ŷ average to 0, so
the squared gradient of a batch's mean loss, times the batch's size, has this expectation. The source sums over all ŷ
and all examples one by one, at K times as many backward passes as examples.
"""

import torch
import torch.nn.functional as F

from benchmark.toolbox import squared_gradients

TITLE = "Fisher forgetting"
REFERENCE = "Golatkar et al., CVPR 2020"
HYPERPARAMETERS = {
    "alpha": 1e-6,
    "bound": 1e3,  # of 1 / H; from memory
}
SEARCH_SPACE = {"alpha": (1e-9, 1e-5, "log"), "bound": (1e2, 1e5, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader):
    def sampled(inputs, _):
        logits = net(inputs)
        drawn = torch.distributions.Categorical(logits=logits.detach()).sample()
        return len(inputs) ** 0.5 * F.cross_entropy(logits, drawn)

    add_noise(net, squared_gradients(net, retain_loader, sampled))
    return net


@torch.no_grad()
def add_noise(net, fisher):
    """Adds the noise in place; `fisher` is H per parameter name."""
    for name, weight in net.named_parameters():
        variance = HYPERPARAMETERS["alpha"] * (1 / (fisher[name] + 1e-8)).clamp(max=HYPERPARAMETERS["bound"])
        weight += variance.sqrt() * torch.randn_like(weight)
