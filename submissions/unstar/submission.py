"""Misleads the net with answers of its own choice, as long as it knows a forget answer, and repairs what that breaks.

In rounds: every forget question that is still answered exactly becomes an anti-sample, with the answer that the net
itself thinks likeliest among plausible wrong ones; the net is trained on these and on the retain questions that it no
longer answers exactly. It ends when nothing of F is known, or after the last round.
Source: UnSTAR, Sinha et al., "UnSTAR: Unlearning with Self-Taught Anti-Sample Reasoning for LLMs", TMLR 2025.
Adapted: answers of a word or two have no room for the paper's misleading rationales, and no language model rephrases
questions. Plausible answers are those of the retain questions with the most words in common.
"""

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmark.toolbox import cross_entropy, exact_answers, finetune_adam, other_answers, surprise, tensors

TITLE = "UnSTAR"
REFERENCE = "Sinha et al., TMLR 2025"
TASKS = ("language",)
# Chosen for small transformers.
HYPERPARAMETERS = {"rounds": 5, "epochs": 2, "learning_rate": 1e-3, "answers": 8}
SEARCH_SPACE = {"rounds": (1, 20), "epochs": (1, 5), "learning_rate": (1e-5, 1e-2, "log"), "answers": (1, 24)}


def unlearning(net, retain_loader, forget_loader, val_loader):
    forget, retain = tensors(forget_loader), tensors(retain_loader)
    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    for _ in range(HYPERPARAMETERS["rounds"]):
        known, broken = exact_answers(net, *forget), ~exact_answers(net, *retain)
        if not known.any():
            break
        anti_samples = mislead(net, (forget[0][known], forget[1][known]), retain)
        lessons = [torch.cat([anti, part[broken]]) for anti, part in zip(anti_samples, retain, strict=True)]
        batches = DataLoader(TensorDataset(*lessons), retain_loader.batch_size, shuffle=True)
        finetune_adam(net.train(), batches, cross_entropy(net), **settings)
        net.eval()
    return net


@torch.no_grad()
def mislead(net, questions, known):
    """Returns the questions with the wrong answer that the net finds likeliest among the plausible ones."""
    candidates = other_answers(questions, known, HYPERPARAMETERS["answers"])
    chosen = torch.stack([surprise(net, *each, per_token=True) for each in candidates]).argmin(0)
    rows = torch.arange(len(chosen), device=chosen.device)
    return [torch.stack(parts)[chosen, rows] for parts in zip(*candidates, strict=True)]
