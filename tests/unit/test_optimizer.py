from functools import partial

import pytest
import torch
from torch.optim import SGD, Adam

from benchmark.scenario.schema import Recipe
from benchmark.training.optimizer import optimizer


def _recipe(**changes):
    base = {"optimizer": "sgd", "learning_rate": 0.1, "schedule": "constant", "epochs": 1, "batch_size": 1}
    return Recipe(**(base | changes))


@pytest.mark.parametrize(
    ("recipe", "make"),
    [
        (_recipe(), SGD),
        (_recipe(momentum=0.9, weight_decay=0.01), partial(SGD, momentum=0.9, weight_decay=0.01)),
        (_recipe(optimizer="adam", weight_decay=0.01), partial(Adam, weight_decay=0.01)),
    ],
    ids=["sgd", "momentum", "adam"],
)
@pytest.mark.parametrize("rate", [float, torch.tensor])
@pytest.mark.parametrize("sparing", [False, True])
def test_steps_as_torchs_own_classes(recipe, make, rate, sparing):
    """Equality to the bit; but fused classes cannot take a parameter whose first gradient comes later than others'."""
    torch.manual_seed(0)
    ours = [torch.nn.Parameter(torch.randn(shape)) for shape in ((3, 4), (4,), (2, 2, 2))]
    theirs = [torch.nn.Parameter(parameter.detach().clone()) for parameter in ours]
    update, yardstick = optimizer(recipe, ours), make(theirs, lr=1.0, fused=not sparing)
    for step in range(6):
        for k, (own, other) in enumerate(zip(ours, theirs, strict=True)):
            # The last has a gradient now and then only, as a parameter that a forward pass may leave out.
            gradient = None if sparing and k == 2 and step not in (1, 4) else torch.randn_like(own)
            own.grad, other.grad = gradient, gradient
        update(rate(0.1 / (step + 1)))
        yardstick.param_groups[0]["lr"] = rate(0.1 / (step + 1))
        yardstick.step()
        for own, other in zip(ours, theirs, strict=True):
            if sparing:
                torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-7)
            else:
                assert torch.equal(own, other)
    assert all(parameter.requires_grad for parameter in ours)
