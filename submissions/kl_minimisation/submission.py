"""Takes the loss of forget answers up while what the net predicts on retain answers stays as it was.

Minimises −CE(F) + λ·KL(p_θ₀ ‖ p_θ) on R, a retain batch beside every forget batch.
Source: KL minimisation, Maini et al., "TOFU: A Task of Fictitious Unlearning for LLMs", COLM 2024.
The divergence is of the tokens whose labels count; TOFU's is of the question's tokens too.
"""

from benchmark.toolbox import closeness, cross_entropy, finetune_adam, frozen_copy, together

TITLE = "KL minimisation"
REFERENCE = "Maini et al., COLM 2024"
TASKS = ("language",)
# Chosen for small transformers; λ is 1 in the paper. The epochs are over the forget set.
HYPERPARAMETERS = {"epochs": 10, "learning_rate": 5e-4, "retain_weight": 10.0}
SEARCH_SPACE = {"epochs": (1, 20), "learning_rate": (1e-5, 1e-2, "log"), "retain_weight": (0.1, 100.0, "log")}


def unlearning(net, retain_loader, forget_loader, val_loader):
    answer_loss, drift = cross_entropy(net), closeness(net, frozen_copy(net))

    def objective(forget, retain):
        return HYPERPARAMETERS["retain_weight"] * drift(*retain) - answer_loss(*forget)

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    net.train()
    finetune_adam(net, together(forget_loader, retain_loader), objective, **settings)
    return net.eval()
