"""Finds the perceptrons that look forget facts up, and unlearns in these alone.

Every forget question is asked with its words mixed up, and the output of one block's perceptron at the words of the
question is put back to what it is for the question itself: the more of the answer's log-probability comes back, the
more is looked up there. In the perceptrons with the largest effect −log(1 − P(answer)) on F + λ·CE(R) is minimised.
Source: Guo et al., "Mechanistic Unlearning: Robust Knowledge Unlearning and Editing via Mechanistic Localization",
ICML 2025.
Adapted: the paper localises per task, by path patching and by probes; output at `<sep>` and behind, which extracts and
formats answers, counts for nothing there either. No attention follows the last block, so of two blocks the first is
found. P is the geometric mean of an answer's tokens.
"""

import torch
from torch.nn import ModuleList

from benchmark.toolbox import (
    blocks_to,
    changed_output,
    cross_entropy,
    finetune_adam,
    only_training,
    perceptron,
    question_mask,
    scramble,
    seen_by,
    surprise,
    tensors,
    together,
)

TITLE = "Mechanistic unlearning"
REFERENCE = "Guo et al., ICML 2025"
TASKS = ("language",)
# Chosen for small transformers. The epochs are over the forget set.
HYPERPARAMETERS = {"share": 0.5, "epochs": 10, "learning_rate": 1e-3, "retain_weight": 5.0}
SEARCH_SPACE = {
    "share": (0.1, 1.0),
    "epochs": (1, 20),
    "learning_rate": (1e-5, 1e-2, "log"),
    "retain_weight": (0.1, 10.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    answer_loss = cross_entropy(net)

    def objective(forget, retain):
        unlikely = surprise(net, *forget, per_token=True).clamp(min=1e-6)  # −log P
        return HYPERPARAMETERS["retain_weight"] * answer_loss(*retain) - torch.log(-torch.expm1(-unlikely)).mean()

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    with only_training(net, lookups(net, *tensors(forget_loader))):
        finetune_adam(net, together(forget_loader, retain_loader), objective, **settings)
    return net


@torch.no_grad()
def lookups(net, inputs, targets):
    """Returns the share of all blocks' perceptrons that bring back most of the answers."""
    mixed, asked = scramble(inputs, targets), question_mask(inputs, targets)[..., None]
    layers = [perceptron(block) for block in blocks_to(net, 1.0, count=10**6)]
    effects = []
    for layer in layers:
        clean = seen_by(net, layer[-1], inputs)[1]
        with changed_output(layer[-1], lambda output, clean=clean: clean.where(asked, output)):
            effects.append(-surprise(net, mixed, targets).mean())
    count = max(round(HYPERPARAMETERS["share"] * len(layers)), 1)
    return ModuleList([layers[at] for at in torch.stack(effects).topk(count).indices.tolist()])
