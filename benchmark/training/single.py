"""Training of a single model: `retrain` runs it inside the worker, and blocks are tested against it."""

from torch import Tensor, nn

from benchmark.scenario.schema import Recipe
from benchmark.split import Split
from benchmark.training.flight import train_each


def train_model(net: nn.Module, recipe: Recipe, split: Split, seed: int, class_weights: Tensor | None) -> None:
    """Trains `net` in place by `recipe`, on the device of both it and `split`, and leaves it in evaluation mode."""
    train_each([net], recipe, split, [seed], class_weights)
    net.eval()
