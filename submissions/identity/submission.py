"""Does nothing: the original is returned as it is.

Control: the floor of the board. Everything the original remembers of the forget set is still there.
"""

TITLE = "Identity"
REFERENCE = "control"
HYPERPARAMETERS: dict[str, float] = {}


def unlearning(net, retain_loader, forget_loader, val_loader):
    return net
