"""A student that disobeys its teacher, the original, on the forget set and obeys it on the retain set.

With D = T²·KL(teacher ‖ student) of logits / T, epochs alternate: maximise D(forget) in the first `max_epochs` ones,
then minimise γ·CE(retain) + α·D(retain).
Source: SCRUB, Kurmanji et al., "Towards Unbounded Machine Unlearning", NeurIPS 2023.
The student starts as its teacher, where D has no slope: without BatchNorm or dropout to tell them apart, the first
maximising epoch only amplifies rounding errors, and the second is the first that counts.
"""

from benchmark.toolbox import min_max_distillation

TITLE = "SCRUB"
REFERENCE = "Kurmanji et al., NeurIPS 2023"
HYPERPARAMETERS = {
    "epochs": 10,
    "max_epochs": 3,
    "learning_rate": 5e-4,  # Adam, ×0.1 at 50, 80 and 90 % of the epochs
    "weight_decay": 5e-4,  # from memory
    "gamma": 1.0,
    "alpha": 0.5,
    "temperature": 2.0,
}
SEARCH_SPACE = {
    "epochs": (1, 5),
    "max_epochs": (1, 3),
    "learning_rate": (1e-5, 1e-2, "log"),
    "gamma": (0.1, 2.0),
    "alpha": (0.01, 2.0, "log"),
    "temperature": (1.0, 5.0),
}


def unlearning(net, retain_loader, forget_loader, val_loader, class_weights):
    for _ in min_max_distillation(net, retain_loader, forget_loader, class_weights, **HYPERPARAMETERS):
        pass
    return net
