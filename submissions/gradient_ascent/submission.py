"""Undoes learning by its opposite: ascends the loss of the forget set, and does nothing for the rest.

Maximises CE(forget) with SGD.
Source: gradient ascent, Graves et al., "Amnesiac Machine Learning", AAAI 2021; Thudi et al., "Unrolling SGD",
EuroS&P 2022. The loss has no upper bound, so the gradient's norm is clipped: that is not in the source.
The net stays in evaluation mode: BatchNorm statistics of F alone would fit F better and work against the ascent.
"""

from torch import optim

from benchmark.toolbox import cross_entropy, descend

TITLE = "Gradient ascent"
REFERENCE = "Graves et al., AAAI 2021; Thudi et al., EuroS&P 2022"
HYPERPARAMETERS = {
    "epochs": 5,  # from memory
    "learning_rate": 1e-4,  # from memory: 1e-5 to 1e-4
    "momentum": 0.9,
    "clip": 1.0,  # ours
}
SEARCH_SPACE = {"epochs": (1, 10), "learning_rate": (1e-5, 1e-1, "log")}  # an epoch is one pass over F alone


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    loss = cross_entropy(net, class_weights)
    optimizer = optim.SGD(
        net.parameters(), lr=HYPERPARAMETERS["learning_rate"], momentum=HYPERPARAMETERS["momentum"], maximize=True
    )
    for _ in range(HYPERPARAMETERS["epochs"]):
        descend(net, forget_loader, loss, optimizer, clip=HYPERPARAMETERS["clip"])
    return net
