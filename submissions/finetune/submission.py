"""Fine-tunes on the retain set alone and hopes that the rest is forgotten.

Minimises CE(retain) for one epoch: SGD, learning rate 1e-3, momentum 0.9, weight decay 5e-4, cosine decay.
Source: the sample entry of the NeurIPS 2023 unlearning competition.
"""

from torch import nn, optim

TITLE = "Fine-tuning"
REFERENCE = "NeurIPS 2023 unlearning competition, sample entry"
HYPERPARAMETERS = {"epochs": 1, "learning_rate": 1e-3, "momentum": 0.9, "weight_decay": 5e-4}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    epochs = HYPERPARAMETERS["epochs"]
    criterion = nn.CrossEntropyLoss(weight=class_weights)
    optimizer = optim.SGD(
        net.parameters(),
        lr=HYPERPARAMETERS["learning_rate"],
        momentum=HYPERPARAMETERS["momentum"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
    )
    schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=epochs)
    net.train()
    for _ in range(epochs):
        for inputs, targets in retain_loader:
            optimizer.zero_grad()
            criterion(net(inputs), targets).backward()
            optimizer.step()
        schedule.step()
    net.eval()
    return net
