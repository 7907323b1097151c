"""Takes one Newton step from the optimum on D to that on R: influence functions, the Hessian by WoodFisher.

θ ← θ + α·Ĥ⁻¹v with v = (Σ_F∇CE − (n_F/n_R)·Σ_R∇CE) / n and Ĥ = δI + Σ g·gᵀ/m over m single-example gradients g on R.
Source: influence unlearning, Izzo et al., AISTATS 2021, as in Jia et al., "Model Sparsity Can Simplify Machine
Unlearning", NeurIPS 2023; WoodFisher, Singh & Alistarh, NeurIPS 2020. α and δ from memory.
Every g is a rank-one update of Ĥ⁻¹, here applied to v at once and g then dropped: Ĥ⁻¹g stands in as g/δ, which needs
a few vectors instead of m (44 GB for a ResNet-18) and is exact for orthogonal g, nearly so while Σ|g|²/m is below δ.
"""

from itertools import islice

import torch
import torch.nn.functional as F
from torch.nn.utils import parameters_to_vector, vector_to_parameters

from benchmark.toolbox import gradients, rebatched

TITLE = "Influence (WoodFisher)"
REFERENCE = "Izzo et al., AISTATS 2021; Singh & Alistarh, NeurIPS 2020"
HYPERPARAMETERS = {
    "alpha": 1.0,
    "damping": 1.0,  # δ
    "samples": 1000,  # m
}
SEARCH_SPACE = {"alpha": (0.1, 1000.0, "log"), "damping": (0.1, 10.0, "log"), "samples": (20, 500)}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    def total(inputs, targets):
        return F.cross_entropy(net(inputs), targets, weight=class_weights, reduction="sum")

    def slope(batches):
        return torch.cat([part.flatten() for part in gradients(net, batches, total).values()])

    forgotten, retained = len(forget_loader.dataset), len(retain_loader.dataset)
    influence = slope(forget_loader) - forgotten / retained * slope(retain_loader)
    samples = min(HYPERPARAMETERS["samples"], retained)
    singles = (slope([example]) for example in islice(rebatched(retain_loader, 1), samples))
    step = inverse_applied(influence / (forgotten + retained), singles, samples)
    with torch.no_grad():
        weights = parameters_to_vector(net.parameters())
        vector_to_parameters(weights + HYPERPARAMETERS["alpha"] * step, net.parameters())
    return net


def inverse_applied(vector, samples, count):
    """Ĥ⁻¹ · vector [weights], for `count` gradients [weights] in `samples`, by Sherman and Morrison's formula."""
    damping = HYPERPARAMETERS["damping"]
    vector = vector / damping
    for sample in samples:
        vector = vector - sample * (sample @ vector) / (damping * count + sample @ sample)
    return vector
