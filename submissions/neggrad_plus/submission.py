"""Descends on the retain set and, at the same time, gently ascends on the forget set.

Minimises α·CE(retain) − (1 − α)·CE(forget), a forget batch beside every retain batch, the forget set cycled.
Source: NegGrad+, Kurmanji et al., "Towards Unbounded Machine Unlearning" (SCRUB), NeurIPS 2023.
The objective has no lower bound, so the gradient's norm is clipped: that is not in the source.
"""

from torch import optim

from benchmark.toolbox import cross_entropy, descend, together

TITLE = "NegGrad+"
REFERENCE = "Kurmanji et al., NeurIPS 2023"
HYPERPARAMETERS = {
    "alpha": 0.95,  # published: 0.95 to 0.99
    "epochs": 10,
    "learning_rate": 1e-2,
    "momentum": 0.9,
    "weight_decay": 5e-4,  # from memory
    "clip": 1.0,  # ours
}
SEARCH_SPACE = {
    "alpha": (0.8, 0.999),
    "epochs": (1, 5),
    "learning_rate": (1e-4, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-2, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    alpha, supervised = HYPERPARAMETERS["alpha"], cross_entropy(net, class_weights)

    def contrast(retained, forgotten):
        return alpha * supervised(*retained) - (1 - alpha) * supervised(*forgotten)

    optimizer = optim.SGD(
        net.parameters(),
        lr=HYPERPARAMETERS["learning_rate"],
        momentum=HYPERPARAMETERS["momentum"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
    )
    net.train()
    for _ in range(HYPERPARAMETERS["epochs"]):
        descend(net, together(retain_loader, forget_loader), contrast, optimizer, clip=HYPERPARAMETERS["clip"])
    return net.eval()
