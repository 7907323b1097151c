"""Pulls the forget set's embeddings to the nearest centroid of another class, and keeps the retain set classified.

Minimises λ₁·E_F min_{k≠y} (1 − cos(z, c_k)) + λ₂·CE(logits_R / T), c_k the mean penultimate features of class k in R
under the original; stops when the accuracy on F has fallen to what an unseen set would get; then repairs gently on R.
Source: DUCK, Cotogni et al., "DUCK: Distance-based Unlearning via Centroid Kinematics", arXiv 2023.
Adapted: the accuracy to stop at is the original's on validation data, 0 for classes that R does not hold.
"""

import torch
import torch.nn.functional as F
from torch import optim

from benchmark.toolbox import accuracy, all_features, descend, features, rebatched, together, unseen_accuracy

TITLE = "DUCK"
REFERENCE = "Cotogni et al., 2023"
# The most epochs (over the forget set) and the repair's learning rate are from memory.
HYPERPARAMETERS = {
    "epochs": 10,
    "batch_size": 256,
    "learning_rate": 4e-4,
    "distance_weight": 1.0,
    "retain_weight": 1.4,
    "temperature": 2.0,
    "repair_epochs": 2,
    "repair_learning_rate": 4e-5,
}
SEARCH_SPACE = {
    "epochs": (1, 30),
    "batch_size": [64, 128, 256],
    "learning_rate": (1e-5, 1e-2, "log"),
    "distance_weight": (0.1, 3.0),
    "retain_weight": (0.1, 3.0),
    "temperature": (0.5, 5.0),
    "repair_epochs": (1, 3),
    "repair_learning_rate": (1e-5, 1e-2, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    classes, centroids = class_centroids(*all_features(net, retain_loader))
    target = unseen_accuracy(net, classes, forget_loader, val_loader)
    forget, retain = (rebatched(loader, HYPERPARAMETERS["batch_size"]) for loader in (forget_loader, retain_loader))

    def remembering(inputs, targets):
        return F.cross_entropy(net(inputs) / HYPERPARAMETERS["temperature"], targets, weight=class_weights)

    def moving(forgotten, retained):
        own = classes == forgotten[1][:, None]
        distance = 1 - F.normalize(features(net, forgotten[0]), dim=1) @ centroids.T
        nearest_wrong = distance.masked_fill(own, torch.inf).amin(1).mean()
        kept = remembering(*retained)
        return HYPERPARAMETERS["distance_weight"] * nearest_wrong + HYPERPARAMETERS["retain_weight"] * kept

    optimizer = optim.Adam(net.parameters(), lr=HYPERPARAMETERS["learning_rate"])
    for _ in range(HYPERPARAMETERS["epochs"]):
        if accuracy(net.eval(), forget) <= target:
            break
        descend(net.train(), together(forget, retain), moving, optimizer)
    optimizer = optim.Adam(net.parameters(), lr=HYPERPARAMETERS["repair_learning_rate"])
    for _ in range(HYPERPARAMETERS["repair_epochs"]):
        descend(net.train(), retain, remembering, optimizer)
    return net.eval()


def class_centroids(found, targets):
    """The classes that occur [classes], and the direction of each one's mean feature [classes, width]."""
    classes = targets.unique()
    return classes, F.normalize(torch.stack([found[targets == label].mean(0) for label in classes]), dim=1)
