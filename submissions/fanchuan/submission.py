"""Makes the forget set's predictions uniform, then pulls its logits away from whatever the retain set's look like.

First one pass minimising KL(uniform ‖ p) on F. Then epochs of two rounds: a forget round minimising
−mean_ij log softmax_j(z_i·z_j / τ), z_i the logits of forget and z_j the fixed logits of retain examples, which is
least when a forget example resembles no retain example more than another; and a repair round minimising CE(retain).
Source: fanchuan, first place of the NeurIPS 2023 unlearning competition. Three optimisers work on the same weights.
In the forget round, retain batches are as large as in the repair round, and there are as many steps as the smaller of
the two loaders has batches.
"""

import torch.nn.functional as F
from torch import optim, zeros_like

from benchmark.toolbox import cross_entropy, descend, kl, rebatched

TITLE = "Fanchuan"
REFERENCE = "NeurIPS 2023 unlearning competition, 1st place"
HYPERPARAMETERS = {
    "uniform_learning_rate": 5e-3,
    "epochs": 8,
    "forget_learning_rate": 3e-4,  # falls to 1e-6 as a cosine, step by step
    "temperature": 1.15,
    "retain_learning_rate": 4e-3,  # 1e-3 for every 64 examples of a batch
    "retain_weight_decay": 1e-2,
    "retain_batch_size": 256,
    "momentum": 0.9,
}
SEARCH_SPACE = {
    "uniform_learning_rate": (1e-4, 1e-1, "log"),
    "epochs": (1, 5),
    "forget_learning_rate": (1e-5, 1e-2, "log"),
    "temperature": (0.5, 5.0, "log"),
    "retain_learning_rate": (1e-4, 1e-1, "log"),
    "retain_weight_decay": (1e-5, 1e-1, "log"),
    "retain_batch_size": [64, 128, 256],
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    epochs, tau = HYPERPARAMETERS["epochs"], HYPERPARAMETERS["temperature"]
    retain_loader = rebatched(retain_loader, HYPERPARAMETERS["retain_batch_size"])

    def sgd(stage, weight_decay=0.0):
        rate, momentum = HYPERPARAMETERS[f"{stage}_learning_rate"], HYPERPARAMETERS["momentum"]
        return optim.SGD(net.parameters(), lr=rate, momentum=momentum, weight_decay=weight_decay)

    def distance_to_uniform(inputs, targets):
        logits = net(inputs)
        return kl(logits, zeros_like(logits))

    def resemblance(forgotten, retained):
        similarities = net(forgotten[0]) @ net(retained[0]).detach().T / tau
        return -F.log_softmax(similarities, dim=1).mean()

    net.train()
    descend(net, forget_loader, distance_to_uniform, sgd("uniform"))
    forgetting, repairing = sgd("forget"), sgd("retain", HYPERPARAMETERS["retain_weight_decay"])
    schedule = optim.lr_scheduler.CosineAnnealingLR(forgetting, T_max=epochs * len(forget_loader), eta_min=1e-6)
    for _ in range(epochs):
        pairs = zip(forget_loader, retain_loader, strict=False)
        descend(net, pairs, resemblance, forgetting, schedule=schedule)
        descend(net, retain_loader, cross_entropy(net), repairing)
    return net.eval()
