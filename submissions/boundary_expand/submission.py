"""Gives the forget set a class of its own, a shadow beside the others, and then takes that class away.

Minimises CE([z_1 … z_K, s], K + 1) over the forget set alone, where s is the logit of a new linear unit on the
penultimate features; s is dropped at the end, and the forget examples are left between the remaining classes.
Source: Boundary Expanding, Chen et al., "Boundary Unlearning", CVPR 2023.
Adapted: BatchNorm keeps its statistics, which the forget set alone would bias; the rate decays as a cosine.
"""

import torch
import torch.nn.functional as F
from torch import nn

from benchmark.toolbox import classifier, finetune, logits_and_features

TITLE = "Boundary expand"
REFERENCE = "Chen et al., CVPR 2023"
# The epochs are over the forget set. Momentum and weight decay: from memory.
HYPERPARAMETERS = {"epochs": 10, "learning_rate": 1e-5, "momentum": 0.9, "weight_decay": 5e-4}
SEARCH_SPACE = {"epochs": (1, 20), "learning_rate": (1e-5, 1e-1, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader, device):
    shadow = nn.Linear(classifier(net).in_features, 1, device=device)

    def into_the_shadow(inputs, targets):
        logits, features = logits_and_features(net, inputs)
        return F.cross_entropy(torch.cat([logits, shadow(features)], dim=1), torch.full_like(targets, logits.shape[1]))

    net.eval()
    finetune(nn.ModuleList([net, shadow]), forget_loader, into_the_shadow, **HYPERPARAMETERS)
    return net
