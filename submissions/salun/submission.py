"""Random labels on the forget set, but only the weights that matter to it move.

The mask marks the half of all weights with the largest |Σ∇CE(forget)|. Every epoch minimises CE(forget, ỹ) with random
wrong labels ỹ, then CE(retain, y); weights off the mask stay as they were.
Source: SalUn, Fan et al., "SalUn: Empowering Machine Unlearning via Gradient-based Weight Saliency", ICLR 2024.
The saliency is taken in evaluation mode.
"""

from benchmark.toolbox import salient_relabelling

TITLE = "SalUn"
REFERENCE = "Fan et al., ICLR 2024"
HYPERPARAMETERS = {
    "share": 0.5,  # of all weights
    "epochs": 10,
    "learning_rate": 1.3e-2,
    "momentum": 0.9,
    "weight_decay": 5e-4,  # from memory
}
SEARCH_SPACE = {
    "share": (0.1, 0.9),
    "epochs": (1, 5),
    "learning_rate": (1e-4, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-2, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    salient_relabelling(net, retain_loader, forget_loader, class_weights, **HYPERPARAMETERS)
    return net
