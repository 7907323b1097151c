"""NPO on the weights that matter to forgetting, judged with what moving them costs the retain set.

A weight's attribution is |(θ − ∇CE(R)/γ)·∇CE(F)|; the `share` of weights with the largest move, the others are held,
while −(2/β)·E_F log σ(−β·(log p_θ(y|x) − log p_θ₀(y|x))) + λ·CE(R) is minimised.
Source: WAGLE, Jia et al., "WAGLE: Strategic Weight Attribution for Effective and Modular Unlearning in Large Language
Models", NeurIPS 2024, with NPO (Zhang et al., COLM 2024) as the method that it guides.
Gradients are means over batches, taken in evaluation mode.
"""

from benchmark.toolbox import (
    cross_entropy,
    finetune_adam,
    frozen_copy,
    gradients,
    held,
    largest,
    log_ratio,
    preference,
    together,
)

TITLE = "WAGLE"
REFERENCE = "Jia et al., NeurIPS 2024"
TASKS = ("language",)
# Share and β are the paper's; γ, the curvature of the retain loss, and the rest are chosen for small transformers.
HYPERPARAMETERS = {
    "share": 0.8,
    "gamma": 1.0,
    "epochs": 10,
    "learning_rate": 5e-4,
    "beta": 0.1,
    "retain_weight": 5.0,
}
SEARCH_SPACE = {
    "share": (0.05, 1.0),
    "gamma": (1e-3, 100.0, "log"),
    "epochs": (1, 20),
    "learning_rate": (1e-5, 1e-2, "log"),
    "beta": (0.01, 5.0, "log"),
    "retain_weight": (0.1, 10.0, "log"),
}


def unlearning(net, retain_loader, forget_loader, val_loader):
    original, answer_loss = frozen_copy(net), cross_entropy(net)
    hold = held(net, largest(attribution(net, retain_loader, forget_loader), HYPERPARAMETERS["share"]))

    def objective(forget, retain):
        forgetting = preference(-log_ratio(net, original, *forget), HYPERPARAMETERS["beta"])
        return forgetting + HYPERPARAMETERS["retain_weight"] * answer_loss(*retain)

    settings = {name: HYPERPARAMETERS[name] for name in ("epochs", "learning_rate")}
    net.train()
    finetune_adam(net, together(forget_loader, retain_loader), objective, **settings, after_step=hold)
    return net.eval()


def attribution(net, retain_loader, forget_loader):
    """Returns the attribution of every weight, by parameter name."""
    forget, retain = (gradients(net, loader, cross_entropy(net)) for loader in (forget_loader, retain_loader))
    curvature = HYPERPARAMETERS["gamma"] * len(retain_loader)
    weights = {name: weight.detach() for name, weight in net.named_parameters()}
    return {name: ((weights[name] - retain[name] / curvature) * forget[name]).abs() for name in forget}
