"""Tools that unlearning methods share: one training loop, loaders, layers, features, teachers, gradients.

Written for submissions, which may import it: it needs torch alone. Two words mean the same everywhere here:
a *batch* is what a loader yields, `(inputs, targets)` or a dict of the competition's or a language model's; a *loss* is
a function `loss(inputs, targets)` that returns a scalar tensor and holds its net itself. No function here changes the
net's mode or which tensors need gradients, unless it says so: call `net.train()` before training, `net.eval()` after.
"""

from benchmark.toolbox.derivatives import Loss, fgsm, gradients, squared_gradients
from benchmark.toolbox.layers import (
    classifier,
    feature_layers,
    fresh_copy,
    frozen_copy,
    last_layers,
    redraw,
    reset,
    reset_some,
    smallest,
    top_channels,
    transpose_kernels,
    weight_layers,
    weight_of,
)
from benchmark.toolbox.loaders import (
    class_counts,
    inputs_and_targets,
    rebatched,
    repeated,
    subset,
    tensors,
    together,
    wrong_labels,
)
from benchmark.toolbox.outputs import (
    accuracy,
    all_features,
    features,
    imitation,
    kl,
    logits_and_features,
    unseen_accuracy,
)
from benchmark.toolbox.training import (
    batchnorm_frozen,
    cross_entropy,
    descend,
    finetune,
    finetune_part,
    held,
    min_max_distillation,
    only_training,
    random_labels,
    salient_relabelling,
    step_decay,
    surprise,
)

__all__ = [
    "Loss",
    "accuracy",
    "all_features",
    "batchnorm_frozen",
    "class_counts",
    "classifier",
    "cross_entropy",
    "descend",
    "feature_layers",
    "features",
    "fgsm",
    "finetune",
    "finetune_part",
    "fresh_copy",
    "frozen_copy",
    "gradients",
    "held",
    "imitation",
    "inputs_and_targets",
    "kl",
    "last_layers",
    "logits_and_features",
    "min_max_distillation",
    "only_training",
    "random_labels",
    "rebatched",
    "redraw",
    "repeated",
    "reset",
    "reset_some",
    "salient_relabelling",
    "smallest",
    "squared_gradients",
    "step_decay",
    "subset",
    "surprise",
    "tensors",
    "together",
    "top_channels",
    "transpose_kernels",
    "unseen_accuracy",
    "weight_layers",
    "weight_of",
    "wrong_labels",
]
