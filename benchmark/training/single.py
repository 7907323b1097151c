"""One model at a time: what the oracle runs inside the worker, and what the fast path is held to."""

from torch import Tensor, nn

from benchmark.scenario import Recipe
from benchmark.split import Split
from benchmark.training.recipe import fit


def train_model(net: nn.Module, recipe: Recipe, split: Split, seed: int, class_weights: Tensor | None) -> None:
    """Trains `net` in place on `split` by `recipe` and leaves it in evaluation mode."""
    net.train()
    fit(lambda inputs: net(inputs[0])[None], net.parameters(), recipe, split, [seed], class_weights)
    net.eval()
