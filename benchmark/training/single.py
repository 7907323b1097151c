"""Training of a single model: `retrain` runs it inside the worker, and blocks are tested against it."""

from torch import nn

from benchmark.scenario.schema import Recipe
from benchmark.split import Split
from benchmark.tasks import Loss
from benchmark.training.flight import train_each
from benchmark.training.recipe import Lessons


def train_model(net: nn.Module, recipe: Recipe, split: Split, seed: int, loss: Loss, epochs: int | None = None) -> None:
    """Train `net` in place by `recipe` on a task's loss, where it and `split` lie; leave it in evaluation mode.

    `epochs`: training stops after so many of the recipe's.
    """
    train_each([net], recipe, Lessons(split, epochs=epochs), [seed], loss)
    net.eval()
