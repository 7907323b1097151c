"""Unlearns a core of the forget set, without its outliers, and shows the net after every epoch.

Outliers are the share of the forget examples that an isolation forest parts from the others soonest, by the hidden
states that leave the last block, the mean over an answer's tokens. On the others, the core C, −CE(C) + λ·CE(R) is
minimised.
Nets are yielded on the way, so that the row has the area under utility against deletion that the paper proposes.
Source: UPCORE, Patil et al., "UPCORE: Utility-Preserving Coreset Selection for Balanced Unlearning", 2025 (2502.15082).
Adapted: the paper unlearns the core by gradient ascent, by refusal or by NPO; this is ascent beside descent on R.
"""

import torch
from sklearn.ensemble import IsolationForest
from torch.utils.data import DataLoader, Subset

from benchmark.toolbox import blocks_to, cross_entropy, descend, seen_by, tensors, together

TITLE = "UPCORE"
REFERENCE = "Patil et al., 2025"
TASKS = ("language",)
# The share is the paper's; the rest is chosen for small transformers. The epochs are over the core.
HYPERPARAMETERS = {"share": 0.1, "epochs": 10, "learning_rate": 5e-4, "retain_weight": 3.0}
SEARCH_SPACE = {
    "share": (0.02, 0.5, "log"),
    "epochs": (1, 10),
    "learning_rate": (1e-5, 1e-2, "log"),
    "retain_weight": (0.1, 10.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, seed):
    rows = core(net, *tensors(forget_loader), seed)
    dataset, size, collate = forget_loader.dataset, forget_loader.batch_size, forget_loader.collate_fn
    core_loader = DataLoader(Subset(dataset, rows), size, shuffle=True, collate_fn=collate)
    answer_loss = cross_entropy(net)

    def difference(forget, retain):
        return HYPERPARAMETERS["retain_weight"] * answer_loss(*retain) - answer_loss(*forget)

    optimizer = torch.optim.Adam(net.parameters(), lr=HYPERPARAMETERS["learning_rate"])
    for _ in range(HYPERPARAMETERS["epochs"]):
        net.train()
        descend(net, together(core_loader, retain_loader), difference, optimizer)
        yield net.eval()


@torch.no_grad()
def core(net, inputs, targets, seed):
    """Returns the rows of the examples that are no outliers."""
    (block,) = blocks_to(net, 1.0)
    said = (targets >= 0)[..., None]
    states = ((seen_by(net, block, inputs)[1] * said).sum(dim=1) / said.sum(dim=1)).cpu().numpy()
    scores = torch.from_numpy(IsolationForest(random_state=seed % 2**32).fit(states).score_samples(states))
    outliers = round(HYPERPARAMETERS["share"] * len(scores))
    return scores.argsort()[outliers:].tolist()
