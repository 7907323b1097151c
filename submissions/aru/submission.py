"""Attacks the net with adversarial noise to find the filters biased to the forget set, resets them, and tunes on R.

Noise ‖δ‖_∞ ≤ ε is found by projected gradient ascent on CE(p_θ(x + δ), y). The bias of a filter is the ratio of the
norms of its ∇CE(F + δ) and ∇CE(R′ + δ), R′ a random part of R as large as F, attacked alike. The filters with the
largest bias are re-initialised; then CE(R) is minimised.
Source: ARU, Jung et al., "Attack and Reset for Unlearning: Exploiting Adversarial Noise toward Machine Unlearning
through Parameter Re-initialization", arXiv 2024.
Adapted: only the paper's three stages (attack, reset, tune) are known here, the measure of bias is this file's own.
ε is a share of the inputs' range; where the net has no convolution, the outputs of its hidden layers are the filters.
"""

from benchmark.toolbox import (
    cross_entropy,
    feature_layers,
    fgsm,
    finetune,
    gradients,
    inputs_and_targets,
    redraw,
    subset,
    top_channels,
)

TITLE = "Attack and reset"
REFERENCE = "Jung et al., 2024"
# Chosen here: the paper's are not known.
HYPERPARAMETERS = {
    "noise": 8 / 255,
    "noise_steps": 10,
    "share": 0.1,
    "epochs": 2,
    "learning_rate": 1e-2,
    "momentum": 0.9,
    "weight_decay": 5e-4,
}
SEARCH_SPACE = {
    "noise": (0.005, 0.2, "log"),
    "share": (0.05, 0.6),
    "epochs": (1, 5),
    "learning_rate": (1e-4, 1e-1, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    loss = cross_entropy(net, class_weights)
    similar = subset(retain_loader, len(forget_loader.dataset))
    forget, retain = (gradients(net, attacked(net, loader), loss) for loader in (forget_loader, similar))
    redraw(net, biased_filters(net, forget, retain))
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate", "momentum", "weight_decay")}
    net.train()
    finetune(net, retain_loader, loss, **settings)
    return net.eval()


def attacked(net, loader):
    """The loader's batches with the adversarial noise added."""
    for inputs, targets in map(inputs_and_targets, loader):
        bound = HYPERPARAMETERS["noise"] * (inputs.max() - inputs.min()).item()
        noisy = inputs
        for _ in range(HYPERPARAMETERS["noise_steps"]):
            noise = fgsm(net, noisy, targets, bound / 4) - inputs
            noisy = inputs + noise.clamp(-bound, bound)
        yield noisy, targets


def biased_filters(net, forget, retain):
    """Masks, by parameter name, of the filters whose gradients on the forget set outweigh those on R the most."""
    layers = feature_layers(net)
    scores = [norms(name, layer, forget) / norms(name, layer, retain).clamp(min=1e-12) for name, layer in layers]
    return top_channels(layers, scores, HYPERPARAMETERS["share"])


def norms(name, layer, gradients_of):
    """Per filter of a layer, the norm of the gradient of its weights and bias."""
    own = [gradients_of[f"{name}.{parameter}"] for parameter, _ in layer.named_parameters(recurse=False)]
    return sum(gradient.square().reshape(len(gradient), -1).sum(1) for gradient in own).sqrt()
