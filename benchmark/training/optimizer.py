"""The recipe's optimiser, by the functions that torch's own classes call.

The classes import torch's compiler first, which takes a process longer than importing torch.
"""

from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from benchmark.scenario.schema import Recipe

Update = Callable[[float | Tensor], None]
"""Takes a step at a learning rate; on a GPU a tensor that lies there, where a recorded step can find it."""


def optimizer(recipe: Recipe, parameters: list[Tensor]) -> Update:
    """Steps the parameters in place, by their gradients; what has none is left alone."""
    return torch.no_grad()(_adam(recipe, parameters) if recipe.optimizer == "adam" else _sgd(recipe, parameters))


def _sgd(recipe: Recipe, parameters: list[Tensor]) -> Update:
    momenta = [torch.zeros_like(parameter) if recipe.momentum else None for parameter in parameters]

    def update(rate: float | Tensor) -> None:
        own, gradients, moving = _with_gradients(parameters, momenta)
        sgd(
            own,
            gradients,
            moving,
            lr=rate,
            momentum=recipe.momentum,
            weight_decay=recipe.weight_decay,
            dampening=0,
            nesterov=False,
            maximize=False,
            fused=True,
        )

    return update


def _adam(recipe: Recipe, parameters: list[Tensor]) -> Update:
    """Its decay is the L2 kind, as in the competition's task; momentum is SGD's alone."""
    first, second = ([torch.zeros_like(parameter) for parameter in parameters] for _ in range(2))
    steps = [torch.zeros((), device=parameter.device) for parameter in parameters]

    def update(rate: float | Tensor) -> None:
        own, gradients, averages, squares, taken = _with_gradients(parameters, first, second, steps)
        adam(
            own,
            gradients,
            averages,
            squares,
            [],
            taken,
            lr=rate,
            beta1=0.9,
            beta2=0.999,
            eps=1e-8,
            weight_decay=recipe.weight_decay,
            amsgrad=False,
            maximize=False,
            capturable=isinstance(rate, Tensor),
            fused=True,
        )

    return update


def _with_gradients(parameters: list[Tensor], *states: list) -> tuple[list, ...]:
    """Return the parameters that have a gradient, their gradients, and what is kept for each."""
    own = [k for k, parameter in enumerate(parameters) if parameter.grad is not None]
    gradients = [gradient for parameter in parameters if (gradient := parameter.grad) is not None]
    return [parameters[k] for k in own], gradients, *([state[k] for k in own] for state in states)
