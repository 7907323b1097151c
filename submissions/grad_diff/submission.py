"""Takes the loss of forget answers up and that of retain answers down at the same time.

Minimises −CE(F) + λ·CE(R), a retain batch beside every forget batch.
Source: gradient difference, Liu et al., "Continual Learning and Private Unlearning", CoLLAs 2022, as in Maini et al.,
"TOFU: A Task of Fictitious Unlearning for LLMs", COLM 2024.
Neither loss is bounded: what ends it is the number of epochs. `neggrad_plus` is the same sum over all batches of R.
"""

from benchmark.toolbox import cross_entropy, finetune_adam, together

TITLE = "GradDiff"
REFERENCE = "Liu et al., CoLLAs 2022; Maini et al., COLM 2024"
TASKS = ("language",)
# Chosen for small transformers; λ is 1 in TOFU. The epochs are over the forget set.
HYPERPARAMETERS = {"epochs": 10, "learning_rate": 5e-4, "retain_weight": 3.0}
SEARCH_SPACE = {"epochs": (1, 20), "learning_rate": (1e-5, 1e-2, "log"), "retain_weight": (0.1, 10.0, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader):
    answer_loss = cross_entropy(net)

    def difference(forget, retain):
        return HYPERPARAMETERS["retain_weight"] * answer_loss(*retain) - answer_loss(*forget)

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    net.train()
    finetune_adam(net, together(forget_loader, retain_loader), difference, **settings)
    return net.eval()
