"""Resets both ends of the net and distils the original back into it, first on data that it was never trained on.

Minimises KL(p_θ₀ ‖ p_θ) at temperature T on V, then CE(y) + CE(p_θ₀) + KL(p_θ₀ ‖ p_θ) on R, the last two at
temperature T and without the factor T².
Source: Amnesiacs, sixth place of the NeurIPS 2023 unlearning competition.
The first end is the first convolution, or where there is none the first weight layer; the other end is the classifier.
The rate is constant on V and decays as a cosine, per epoch, on R. The labels of V are not used.
"""

import torch.nn.functional as F
from torch import optim

from benchmark.toolbox import classifier, descend, feature_layers, finetune, frozen_copy, kl, reset

TITLE = "Amnesiacs"
REFERENCE = "NeurIPS 2023 unlearning competition, 6th place"
HYPERPARAMETERS = {
    "temperature": 5.0,
    "validation_epochs": 3,
    "validation_learning_rate": 9e-4,
    "epochs": 3,
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "weight_decay": 5e-4,
}
SEARCH_SPACE = {
    "temperature": (1.0, 10.0),
    "validation_epochs": (1, 10),
    "validation_learning_rate": (1e-5, 1e-1, "log"),
    "epochs": (1, 5),
    "learning_rate": (1e-5, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-1, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    temperature = HYPERPARAMETERS["temperature"]
    common = {name: HYPERPARAMETERS[name] for name in ("momentum", "weight_decay")}
    teacher = frozen_copy(net)
    reset(feature_layers(net)[0][1])
    reset(classifier(net))

    def imitation(inputs, targets):
        return kl(net(inputs), teacher(inputs), temperature)

    def all_three(inputs, targets):
        student, taught = net(inputs), teacher(inputs)
        soft = F.cross_entropy(student / temperature, (taught / temperature).softmax(1))
        return F.cross_entropy(student, targets) + soft + kl(student, taught, temperature)

    net.train()
    optimizer = optim.SGD(net.parameters(), lr=HYPERPARAMETERS["validation_learning_rate"], **common)
    for _ in range(HYPERPARAMETERS["validation_epochs"]):
        descend(net, val_loader, imitation, optimizer)
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    finetune(net, retain_loader, all_three, **settings, **common)
    return net.eval()
