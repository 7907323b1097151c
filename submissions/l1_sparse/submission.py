"""Fine-tunes on the retain set under a penalty that makes the net sparse: what is pruned cannot remember.

Minimises CE(retain) + α·(1 − t/T)·‖θ‖₁ in epoch t = 0 … T − 1, the penalty fading linearly.
Source: ℓ1-sparse unlearning, Jia et al., "Model Sparsity Can Simplify Machine Unlearning", NeurIPS 2023.
"""

from torch import optim

from benchmark.toolbox import cross_entropy, descend

TITLE = "L1-sparse"
REFERENCE = "Jia et al., NeurIPS 2023"
HYPERPARAMETERS = {
    "alpha": 5e-4,  # published: 7e-5 to 1e-3
    "epochs": 10,
    "learning_rate": 1e-2,  # from memory
    "momentum": 0.9,
    "weight_decay": 5e-4,  # from memory
}
SEARCH_SPACE = {
    "alpha": (1e-5, 1e-2, "log"),
    "epochs": (1, 5),
    "learning_rate": (1e-4, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-2, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    epochs, supervised = HYPERPARAMETERS["epochs"], cross_entropy(net, class_weights)
    optimizer = optim.SGD(
        net.parameters(),
        lr=HYPERPARAMETERS["learning_rate"],
        momentum=HYPERPARAMETERS["momentum"],
        weight_decay=HYPERPARAMETERS["weight_decay"],
    )

    def penalised(strength):
        def loss(inputs, targets):
            return supervised(inputs, targets) + strength * sum(weight.abs().sum() for weight in net.parameters())

        return loss

    net.train()
    for epoch in range(epochs):
        descend(net, retain_loader, penalised(HYPERPARAMETERS["alpha"] * (1 - epoch / epochs)), optimizer)
    return net.eval()
