"""Erases the directions of the features that forget examples lie along, in one closed-form step; nothing is trained.

With Z [examples, width] the penultimate features of the forget set, and U the first right singular vectors of Z, the
classifier W becomes W·(I − UUᵀ).
Source: ESC, Lee et al., "ESC: Erasing Space Concept for Knowledge Deletion", CVPR 2025.
Adapted: the paper projects the features before the classifier; multiplied into its weights that gives the same answers
and leaves the features as they were. U has the paper's share of the width, and at least one direction.
"""

import torch

from benchmark.toolbox import all_features, classifier

TITLE = "ESC"
REFERENCE = "Lee et al., CVPR 2025"
ACCESSES = ("no-retain", "forget-only", "look-alikes")
HYPERPARAMETERS = {"share": 0.03}  # of the width of the features
SEARCH_SPACE = {"share": (0.01, 0.5, "log")}


@torch.no_grad()
def unlearning(net, retain_loader, forget_loader, val_loader):
    net.eval()
    found, head = all_features(net, forget_loader)[0], classifier(net)
    _, _, directions = torch.linalg.svd(found, full_matrices=False)
    erased = directions[: max(1, int(HYPERPARAMETERS["share"] * found.shape[1]))]
    head.weight -= head.weight @ erased.T @ erased
    return net
