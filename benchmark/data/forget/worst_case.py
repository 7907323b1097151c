"""The examples that are hardest to make a net fail on: the worst case of unlearning, by bi-level weights.

Fan et al. 2024, "Challenging Forgets: Unveiling the Worst-Case Forget Sets in Machine Unlearning", section 4. Every
example has a weight from 0 to 1, and the weights add up to the size of the forget set. The lower level unlearns under
the weights, from the original: w_i · (−ℓ_i) + (1 − w_i) · ℓ_i, by steps of the gradient's sign, which do not depend on
the size of the weights, so that the gradient of the upper level is of first order: the weights go down the loss that is
left after unlearning. What still has a low loss is hard to forget.
"""

from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field

from benchmark.data.forget import FORGET_SETS
from benchmark.data.forget_set import ChosenByScore, Models, Selection
from benchmark.data.scores.drawing import Floats

if TYPE_CHECKING:
    from torch import Tensor

    from benchmark.data.training_set import TrainingSet
    from benchmark.training import StackedModel

_ROUNDS = 10  # of both levels, as in the paper
_STEPS = 10  # of the lower level, over all of train
_STEP = 1e-3  # of every parameter
_CHUNK = 1024  # examples whose gradients are computed at once


@FORGET_SETS.add
class WorstCaseForget(ChosenByScore):
    """The `size` training examples that keep a low loss when nets unlearn them."""

    kind: Literal["worst-case"]
    models: Annotated[int, Field(ge=1, le=10**6)] = 8
    """Nets, trained on all of train, whose losses are averaged; the paper has one."""

    def select(self, train: "TrainingSet", models: Models) -> Selection:
        self.check_train(train)
        nets = models(np.ones((self.models, len(train)), dtype=bool))
        weights = losses = np.full(len(train), self.size / len(train))
        for _ in range(_ROUNDS):
            losses = np.sum([unlearned_losses(net, train, weights) for _, net in nets.blocks()], axis=0) / self.models
            weights = project(weights - step_of(losses, weights) * losses, self.size)
        return self.selection({"weight": weights, "loss": losses})


def step_of(losses: Floats, weights: Floats) -> float:
    """Return the upper level's step: a standard deviation of the losses moves a weight by the mean weight."""
    return float(weights.mean() / max(losses.std(), 1e-12))


def project(weights: Floats, total: float) -> Floats:
    """Return the nearest weights `[n]` from 0 to 1 that add up to `total`: one shift of all, found by bisection."""
    low, high = weights.min() - 1, weights.max()
    for _ in range(100):
        shift = (low + high) / 2
        if np.clip(weights - shift, 0, 1).sum() > total:
            low = shift
        else:
            high = shift
    return np.clip(weights - high, 0, 1)


def unlearned_losses(net: "StackedModel", train: "TrainingSet", weights: Floats) -> Floats:
    """Return the loss of every example, `[n]`, summed over stacked nets that have unlearned under the weights."""
    import torch

    from benchmark.training import StackedModel

    there = train.to(net.device)
    signs = torch.from_numpy(1 - 2 * weights).float().to(net.device)
    state = {name: tensor.clone() for name, tensor in net.state.items()}
    unlearned = StackedModel.from_state(net.skeleton, state)
    chunks = torch.arange(len(train), device=net.device).split(_CHUNK)

    def losses(rows: "Tensor") -> "Tensor":
        batch, targets = there.normalised(there.inputs[rows]), there.targets[rows]
        outputs = unlearned(batch.expand(net.count, *batch.shape))
        return train.task.losses(outputs, targets.expand(net.count, -1))

    parameters = [parameter.requires_grad_() for parameter in unlearned.parameters.values()]
    for _ in range(_STEPS):
        gradients = [torch.zeros_like(parameter) for parameter in parameters]
        for rows in chunks:
            found = torch.autograd.grad((losses(rows) * signs[rows]).sum(), parameters)
            gradients = [own + more for own, more in zip(gradients, found, strict=True)]
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter -= _STEP * gradient.sign()
    with torch.no_grad():
        return torch.cat([losses(rows).sum(dim=0) for rows in chunks]).double().cpu().numpy()
