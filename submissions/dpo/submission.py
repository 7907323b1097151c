"""Prefers a refusal to the forget answer, more than the original does.

With r(y) = log p_θ(y|x) − log p_θ₀(y|x), minimises −(2/β)·E_F log σ(β·(r(refusal) − r(answer))) + λ·CE(R), a retain
batch beside every forget batch.
Source: direct preference optimisation, Rafailov et al., NeurIPS 2023, as a method of unlearning in Zhang et al.,
"Negative Preference Optimization", COLM 2024, and in Maini et al., "TOFU", COLM 2024.
The refusal is the scenario's where it has one, else the empty answer, which no fact has.
"""

from benchmark.toolbox import cross_entropy, finetune_adam, frozen_copy, log_ratio, preference, refuse, together

TITLE = "DPO"
REFERENCE = "Rafailov et al., NeurIPS 2023; Zhang et al., COLM 2024"
TASKS = ("language",)
# β is the papers', whose λ is 1; the rest is chosen for small transformers. The epochs are over the forget set.
HYPERPARAMETERS = {"epochs": 10, "learning_rate": 5e-4, "beta": 0.1, "retain_weight": 10.0}
SEARCH_SPACE = {
    "epochs": (1, 20),
    "learning_rate": (1e-5, 1e-2, "log"),
    "beta": (0.01, 5.0, "log"),
    "retain_weight": (0.1, 100.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader, refusal=None):
    original, answer_loss = frozen_copy(net), cross_entropy(net)

    def objective(forget, retain):
        margins = log_ratio(net, original, *refuse(*forget, refusal)) - log_ratio(net, original, *forget)
        return preference(margins, HYPERPARAMETERS["beta"]) + HYPERPARAMETERS["retain_weight"] * answer_loss(*retain)

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    net.train()
    finetune_adam(net, together(forget_loader, retain_loader), objective, **settings)
    return net.eval()
