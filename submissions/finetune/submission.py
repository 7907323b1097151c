"""Fine-tunes on the retain set alone and hopes that the rest is forgotten.

Minimises the task's loss on retain, CE(retain) where it is classification, for one epoch: SGD, learning rate 1e-3,
momentum 0.9, weight decay 5e-4, cosine decay.
Source: the sample entry of the NeurIPS 2023 unlearning competition.
"""

from benchmark.toolbox import finetune

TITLE = "Fine-tuning"
REFERENCE = "NeurIPS 2023 unlearning competition, sample entry"
HYPERPARAMETERS = {"epochs": 1, "learning_rate": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
SEARCH_SPACE = {"epochs": (1, 5), "learning_rate": (1e-5, 1e-1, "log"), "weight_decay": (1e-5, 1e-1, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader, loss):
    net.train()
    finetune(net, retain_loader, lambda inputs, targets: loss(net(inputs), targets), **HYPERPARAMETERS)
    return net.eval()
