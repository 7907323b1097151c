"""One of two methods, drawn for each run: transposed kernels, or wrong labels that honest models would give.

With probability 246/512 (i) every convolution kernel is transposed; otherwise (ii) the forget examples that a simple
unlearning or a small net trained from scratch on R gets wrong join the retain set with that wrong label. Then CE on it.
Source: toshi-k & marvelworld, fifth place of the NeurIPS 2023 unlearning competition: 246 runs of (i), 266 of (ii).
Our choices in (ii), where the source is silent: the simple unlearning is the competition's sample entry; the small net
is a perceptron with one hidden layer; an example that both get wrong joins with either label; R is trained along, so
that nothing wrong still means fine-tuning.
"""

import copy
import random

import torch
from torch import nn, optim
from torch.utils.data import ConcatDataset, DataLoader, TensorDataset

from benchmark.toolbox import (
    classifier,
    cross_entropy,
    descend,
    finetune,
    rebatched,
    tensors,
    transpose_kernels,
)

TITLE = "Toshi-k, mixture"
REFERENCE = "NeurIPS 2023 unlearning competition, 5th place"
HYPERPARAMETERS = {
    "transposed": 246 / 512,  # share of the runs
    "epochs": 3,
    "learning_rate": 1e-3,
    "momentum": 0.9,
    "weight_decay": 5e-4,
    "batch_size": 64,
    "scratch_width": 64,
    "scratch_epochs": 3,
    "scratch_learning_rate": 1e-3,  # of Adam
}
SEARCH_SPACE = {
    "transposed": (0.0, 1.0),
    "epochs": (1, 3),
    "learning_rate": (1e-5, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-1, "log"),
    "batch_size": [64, 128, 256],
    "scratch_width": [16, 64, 256],
    "scratch_learning_rate": (1e-4, 1e-1, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, seed):
    examples = rebatched(retain_loader, HYPERPARAMETERS["batch_size"])
    if random.Random(seed).random() < HYPERPARAMETERS["transposed"]:
        transpose_kernels(net, tensors(forget_loader)[0].shape[1:])
    else:
        models = simply_unlearned(net, examples), trained_from_scratch(net, examples)
        examples = with_wrong_labels(examples, forget_loader, models)
    net.train()
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate", "momentum", "weight_decay")}
    finetune(net, examples, cross_entropy(net), **settings)
    return net.eval()


def simply_unlearned(net, retain_loader):
    """The original after one epoch on the retain set, as the competition's sample entry does it."""
    tuned = copy.deepcopy(net).train()
    finetune(tuned, retain_loader, cross_entropy(tuned), epochs=1, learning_rate=1e-3, momentum=0.9, weight_decay=5e-4)
    return tuned.eval()


def trained_from_scratch(net, retain_loader):
    """A perceptron that has seen nothing but the retain set; its first layer puts any input on one scale."""
    inputs, _ = next(iter(retain_loader))
    entering, width, classes = inputs[0].numel(), HYPERPARAMETERS["scratch_width"], classifier(net).out_features
    layers = nn.BatchNorm1d(entering), nn.Linear(entering, width), nn.ReLU(), nn.Linear(width, classes)
    small = nn.Sequential(nn.Flatten(), *layers).to(inputs.device)
    optimizer = optim.Adam(small.parameters(), lr=HYPERPARAMETERS["scratch_learning_rate"])
    for _ in range(HYPERPARAMETERS["scratch_epochs"]):
        descend(small, retain_loader, cross_entropy(small), optimizer)
    return small.eval()


@torch.no_grad()
def with_wrong_labels(retain_loader, forget_loader, models):
    """The retain set, and after it each forget example a model gets wrong, labelled as that model does."""
    inputs, true = tensors(forget_loader)
    joined = [retain_loader.dataset]
    for model in models:
        labels = model(inputs).argmax(1)
        joined.append(TensorDataset(inputs[labels != true], labels[labels != true]))
    return DataLoader(ConcatDataset(joined), retain_loader.batch_size, shuffle=True, collate_fn=together)


def together(examples):
    """A batch of examples whose labels are ints in one data set and tensors in another."""
    inputs, labels = zip(*examples, strict=True)
    return torch.stack(inputs), torch.tensor([int(label) for label in labels], device=inputs[0].device)
