"""Takes one step up the forget set's gradient in one layer: a layer that matters to the forget set and little to R.

Layers are judged by importance ‖g_F‖ / ‖θ_l‖ and alignment |cos(g_F, g_R)|, g the gradients of CE. On every layer of
the Pareto front (more important or less aligned than any other) θ_l + λ·g_F·‖θ_l‖/‖g_F‖ is tried, with λ by
binary search the smallest that brings the accuracy on F down to what an unseen set would get; the layer that leaves
the highest validation accuracy is taken.
Source: SLUG, Cai et al., "Targeted Unlearning with Single Layer Unlearning Gradient", ICML 2025.
Adapted: written for vision-language models; here a layer is the weight of a convolution, linear or attention layer,
and the accuracy to reach is the original's on validation data, 0 for classes that R does not hold, times a share.
"""

import math

import torch
from torch.nn.functional import cosine_similarity

from benchmark.toolbox import accuracy, cross_entropy, gradients, tensors, unseen_accuracy, weight_layers, weight_of

TITLE = "SLUG"
REFERENCE = "Cai et al., ICML 2025"
# The ends of the search are chosen here, in units of the layer's norm.
HYPERPARAMETERS = {"smallest_step": 1e-3, "largest_step": 1.0, "halvings": 10, "target_share": 1.0}
SEARCH_SPACE = {"target_share": (0.5, 1.05)}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    loss = cross_entropy(net, class_weights)
    forget, retain = (gradients(net, loader, loss) for loader in (forget_loader, retain_loader))
    unseen = unseen_accuracy(net, tensors(retain_loader)[1], forget_loader, val_loader)
    target = HYPERPARAMETERS["target_share"] * unseen
    weights = weights_by_name(net)
    tried = {}
    for name in pareto_front(weights, forget, retain):
        start = weights[name].detach().clone()
        direction = forget[name] * start.norm() / forget[name].norm().clamp(min=1e-12)
        stepped = smallest_step(net, weights[name], direction, forget_loader, target)
        tried[accuracy(net, forget_loader) <= target, accuracy(net, val_loader)] = name, stepped
        with torch.no_grad():
            weights[name].copy_(start)
    name, stepped = tried[max(tried)]
    with torch.no_grad():
        weights[name].copy_(stepped)
    return net


def weights_by_name(net):
    layers = [weight_of(layer) for _, layer in weight_layers(net)]
    return {name: p for name, p in net.named_parameters() if any(p is weight for weight in layers)}


def pareto_front(weights, forget, retain):
    """Names of the layers than which no other is both more important to F and less aligned with R."""
    importance, alignment = {}, {}
    for name, weight in weights.items():
        importance[name] = (forget[name].norm() / weight.norm().clamp(min=1e-12)).item()
        alignment[name] = cosine_similarity(forget[name].flatten(), retain[name].flatten(), dim=0).abs().item()

    def dominated(name):
        return any(importance[o] > importance[name] and alignment[o] < alignment[name] for o in weights)

    return [name for name in weights if not dominated(name)]


@torch.no_grad()
def smallest_step(net, weight, direction, forget_loader, target):
    """Moves `weight` by the smallest step along `direction` that lowers the forget set's accuracy to the target.

    Sizes are searched between the two ends on a logarithmic scale; when none reaches the target it is the largest.
    """
    start = weight.clone()
    low, high = math.log(HYPERPARAMETERS["smallest_step"]), math.log(HYPERPARAMETERS["largest_step"])
    for _ in range(HYPERPARAMETERS["halvings"]):
        middle = (low + high) / 2
        weight.copy_(start + math.exp(middle) * direction)
        if accuracy(net, forget_loader) > target:
            low = middle
        else:
            high = middle
    return weight.copy_(start + math.exp(high) * direction).clone()
