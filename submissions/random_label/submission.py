"""Teaches the forget set random wrong labels and the retain set its own, in turns.

Every epoch minimises CE(forget, ỹ) over F, ỹ uniform over the classes other than y, then CE(retain, y) over R.
Source: amnesiac unlearning, Graves et al., "Amnesiac Machine Learning", AAAI 2021; random labels, Golatkar et al.,
"Eternal Sunshine of the Spotless Net", CVPR 2020. Labels are drawn anew for every batch.
"""

from torch import optim

from benchmark.toolbox import cross_entropy, descend, random_labels

TITLE = "Random labels"
REFERENCE = "Graves et al., AAAI 2021; Golatkar et al., CVPR 2020"
# Of the two published settings this is the amnesiac one, Adam; the other is SGD at 0.013 for 10 epochs.
HYPERPARAMETERS = {"epochs": 3, "learning_rate": 1e-4}
SEARCH_SPACE = {"epochs": (1, 5), "learning_rate": (1e-5, 1e-2, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    optimizer = optim.Adam(net.parameters(), lr=HYPERPARAMETERS["learning_rate"])
    net.train()
    for _ in range(HYPERPARAMETERS["epochs"]):
        descend(net, forget_loader, random_labels(net, class_weights), optimizer)
        descend(net, retain_loader, cross_entropy(net, class_weights), optimizer)
    return net.eval()
