"""Teaches the net, on the forget set, what it would have said had it not known the true class.

Minimises KL(softmax(z₀ with z₀_y = −∞) ‖ p_θ) over the forget set alone, z₀ the original's logits: the true class is
pushed out, and the original's opinion on the other classes ("dark knowledge") is kept.
Source: DELETE, Zhou et al., "Decoupled Distillation to Erase: A General Unlearning Method for Any Class-centric
Tasks", CVPR 2025.
Adapted: BatchNorm keeps its statistics, which the forget set alone would bias; the rate decays as a cosine.
"""

import torch
import torch.nn.functional as F

from benchmark.toolbox import finetune, frozen_copy

TITLE = "DELETE"
REFERENCE = "Zhou et al., CVPR 2025"
# From memory. The epochs are over the forget set.
HYPERPARAMETERS = {"epochs": 10, "learning_rate": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}
SEARCH_SPACE = {"epochs": (1, 20), "learning_rate": (1e-5, 1e-1, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader):
    teacher = frozen_copy(net)

    def masked_distillation(inputs, targets):
        others = teacher(inputs).scatter(1, targets[:, None], -torch.inf).softmax(1)
        # The cross-entropy differs from the divergence by a constant and knows what to do with probability 0.
        return F.cross_entropy(net(inputs), others)

    net.eval()
    finetune(net, forget_loader, masked_distillation, **HYPERPARAMETERS)
    return net
