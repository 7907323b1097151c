"""Transposes every convolution kernel, which keeps each weight but spoils what they had learned, and fine-tunes.

θ_conv[o, i, y, x] ← θ_conv[o, i, x, y], then CE(retain) with cosine decay per epoch.
Source: toshi-k & marvelworld, fifth place of the NeurIPS 2023 unlearning competition, the first of their two variants.
A net without convolutions has its first linear layer transposed as if its weights were images, so that it too sees its
input transposed; in a transformer the patch embedding is the convolution.
"""

from benchmark.toolbox import cross_entropy, finetune, rebatched, tensors, transpose_kernels

TITLE = "Toshi-k"
REFERENCE = "NeurIPS 2023 unlearning competition, 5th place, first variant"
HYPERPARAMETERS = {"epochs": 3, "learning_rate": 1e-3, "momentum": 0.9, "weight_decay": 5e-4, "batch_size": 64}
SEARCH_SPACE = {
    "epochs": (1, 5),
    "learning_rate": (1e-5, 1e-1, "log"),
    "weight_decay": (1e-5, 1e-1, "log"),
    "batch_size": [64, 128, 256],
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    settings = dict(HYPERPARAMETERS)
    batches = rebatched(retain_loader, settings.pop("batch_size"))
    transpose_kernels(net, tensors(forget_loader)[0].shape[1:])
    net.train()
    finetune(net, batches, cross_entropy(net), **settings)
    return net.eval()
