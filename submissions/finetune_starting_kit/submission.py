"""Fine-tunes on the retain set alone, as hard as the original was trained.

Minimises CE(retain) for five epochs: SGD, learning rate 0.1, momentum 0.9, weight decay 5e-4, cosine decay per epoch.
Source: the CIFAR-10 starting kit of the NeurIPS 2023 unlearning competition.
"""

from benchmark.toolbox import cross_entropy, finetune

TITLE = "Fine-tuning, starting kit"
REFERENCE = "NeurIPS 2023 unlearning competition, starting kit"
HYPERPARAMETERS = {"epochs": 5, "learning_rate": 0.1, "momentum": 0.9, "weight_decay": 5e-4}
SEARCH_SPACE = {"epochs": (1, 5), "learning_rate": (1e-3, 1.0, "log"), "weight_decay": (1e-5, 1e-1, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader):
    net.train()
    finetune(net, retain_loader, cross_entropy(net), **HYPERPARAMETERS)
    return net.eval()
