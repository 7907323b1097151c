"""Descends on the retain set and, at the same time, gently ascends on the forget set.

Minimises α·CE(retain) − (1 − α)·CE(forget), a forget batch beside every retain batch, the forget set cycled.
Source: NegGrad+, Kurmanji et al., "Towards Unbounded Machine Unlearning" (SCRUB), NeurIPS 2023.
"""

from itertools import cycle

from torch import nn, optim

TITLE = "NegGrad+"
REFERENCE = "Kurmanji et al., NeurIPS 2023"
# Published: α 0.95 to 0.99, learning rate 0.01, 10 epochs; one epoch keeps it within the budget.
HYPERPARAMETERS = {"epochs": 1, "learning_rate": 1e-2, "momentum": 0.9, "weight_decay": 5e-4, "alpha": 0.95}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    alpha = HYPERPARAMETERS["alpha"]
    criterion = nn.CrossEntropyLoss(weight=class_weights)
    optimizer = optim.SGD(
        net.parameters(),
        lr=HYPERPARAMETERS["learning_rate"],
        momentum=HYPERPARAMETERS["momentum"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
    )
    net.train()
    for _ in range(HYPERPARAMETERS["epochs"]):
        for (inputs, targets), (forget_inputs, forget_targets) in zip(
            retain_loader, cycle(forget_loader), strict=False
        ):
            optimizer.zero_grad()
            retained = criterion(net(inputs), targets)
            forgotten = criterion(net(forget_inputs), forget_targets)
            (alpha * retained - (1 - alpha) * forgotten).backward()
            optimizer.step()
    net.eval()
    return net
