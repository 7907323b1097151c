"""Reinforces the forget set in a copy, and teaches the net what the original says without what reinforcing raises.

A copy is trained on F some more. With v its logits and v₀ the original's, the net is fine-tuned on F with the labels
argmax(v₀ − α·ReLU(v − v₀)), which a net might give that has never seen F.
Source: Who's Harry Potter, Eldan and Russinovich, "Who's Harry Potter? Approximate Unlearning in LLMs", arXiv 2023.
The paper also replaces names of F by generic ones in the questions, by a dictionary that a language model writes.
"""

import copy

import torch

from benchmark.toolbox import cross_entropy, finetune_adam, frozen_copy

TITLE = "Who's Harry Potter"
REFERENCE = "Eldan and Russinovich, arXiv 2023"
TASKS = ("language",)
# α is the paper's; the rest is chosen for small transformers. The epochs are over the forget set.
HYPERPARAMETERS = {"reinforcing_epochs": 10, "alpha": 5.0, "epochs": 5, "learning_rate": 5e-4}
SEARCH_SPACE = {
    "reinforcing_epochs": (1, 20),
    "alpha": (1.0, 50.0, "log"),
    "epochs": (1, 10),
    "learning_rate": (1e-5, 1e-2, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    original, reinforced, rate = frozen_copy(net), copy.deepcopy(net).train(), HYPERPARAMETERS["learning_rate"]
    epochs = HYPERPARAMETERS["reinforcing_epochs"]
    finetune_adam(reinforced, forget_loader, cross_entropy(reinforced), epochs=epochs, learning_rate=rate)
    reinforced.eval()
    answer_loss = cross_entropy(net)

    def generic(inputs, targets):
        with torch.no_grad():
            before = original(inputs)
            labels = (before - HYPERPARAMETERS["alpha"] * (reinforced(inputs) - before).relu()).argmax(-1)
        return answer_loss(inputs, labels.where(targets >= 0, targets))

    net.train()
    finetune_adam(net, forget_loader, generic, epochs=HYPERPARAMETERS["epochs"], learning_rate=rate)
    return net.eval()
