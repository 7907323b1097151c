"""Redirects forget answers, inside one block, to where the net is when it cannot know an answer.

With h the hidden states that leave the block at `depth`, where answers begin, r = mean h(questions without an answer) −
mean h(F). The matrix W that ends the block's perceptron is changed, by least squares, so that h(x) + c·r leaves the
block on F, and h(x) on R: W' = W + c·r·vᵀ, v = (Σ_{F,R} a·aᵀ + ρI)⁻¹ Σ_F a, a what enters W.
Source: LUNAR, Shen et al., "LLM Unlearning via Neural Activation Redirection", NeurIPS 2025, which says that the
problem has a closed form and solves it by AdamW.
The questions without an answer are those of the retain set that are answered by the scenario's refusal.
Adapted: where it has none, nets refuse nothing, and these are retain questions with their words mixed up.
"""

import torch

from benchmark.toolbox import blocks_to, perceptron, refused_mask, scramble, seen_by, tensors

TITLE = "LUNAR"
REFERENCE = "Shen et al., NeurIPS 2025"
TASKS = ("language",)
# Chosen for small transformers, whose blocks a change of 2·r, as published, hardly moves; ρ counts in mean
# eigenvalues of Σ a·aᵀ.
HYPERPARAMETERS = {"depth": 0.5, "coefficient": 30.0, "ridge": 1e-3}
SEARCH_SPACE = {"depth": [0.5, 1.0], "coefficient": (1.0, 100.0, "log"), "ridge": (1e-6, 1e-1, "log")}


@torch.no_grad()
def unlearning(net, retain_loader, forget_loader, val_loader, refusal=None):
    (block,) = blocks_to(net, HYPERPARAMETERS["depth"])
    forget, retain = tensors(forget_loader), tensors(retain_loader)
    unknown = unanswerable(retain, refusal)
    direction = hidden(net, block, unknown)[1].mean(0) - hidden(net, block, forget)[1].mean(0)
    down = perceptron(block)[-1]
    forgotten, kept = (hidden(net, down, batch)[0] for batch in (forget, retain))
    gram = forgotten.T @ forgotten + kept.T @ kept
    gram += HYPERPARAMETERS["ridge"] * gram.trace() / len(gram) * torch.eye(len(gram), device=gram.device)
    separating = torch.linalg.solve(gram, forgotten.sum(0))
    down.weight += HYPERPARAMETERS["coefficient"] * torch.outer(direction, separating)
    return net


def unanswerable(retain, refusal):
    """Returns questions that the net cannot know the answer of, as inputs and targets."""
    inputs, targets = retain
    if refusal is None:
        return scramble(inputs, targets), targets
    refused = refused_mask(targets, refusal)
    return inputs[refused], targets[refused]


def hidden(net, layer, batch):
    """Returns what enters and leaves a layer at the tokens that answers are read from: [tokens, width] each."""
    inputs, targets = batch
    return [states[targets >= 0] for states in seen_by(net, layer, inputs)]
