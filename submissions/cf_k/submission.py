"""Freezes all but the last k layers and fine-tunes those on the retain set, so that they forget catastrophically.

Minimises CE(retain) over the weights of the last k convolutional and linear layers (and their normalisations).
Source: CF-k, Goel et al., "Towards Adversarial Evaluations for Inexact Machine Unlearning", arXiv 2201.06640, 2022.
The frozen part's BatchNorm statistics are frozen too. The first layer is frozen whatever k is: a net of two layers
tunes its classifier.
"""

from benchmark.toolbox import cross_entropy, finetune_part, last_layers

TITLE = "CF-k"
REFERENCE = "Goel et al., arXiv 2201.06640, 2022"
HYPERPARAMETERS = {
    "layers": 3,  # the paper's k, which it varies; three are the last block and the classifier of a ResNet-18
    "epochs": 10,
    "learning_rate": 1e-2,  # ×0.1 at 50, 80 and 90 % of the epochs
    "momentum": 0.9,
    "weight_decay": 5e-4,  # from memory
}
SEARCH_SPACE = {
    "layers": (1, 10),
    "epochs": (1, 5),
    "learning_rate": (1e-4, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-2, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    settings = dict(HYPERPARAMETERS)
    last = last_layers(net, settings.pop("layers"))
    finetune_part(net, last, retain_loader, cross_entropy(net, class_weights), **settings)
    return net
