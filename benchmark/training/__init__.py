"""Training: one recipe, for a model by itself, a block as one network, or several in flight on a GPU."""

from benchmark.training.memory import keep_freed_memory
from benchmark.training.single import train_model
from benchmark.training.stacked import StackedModel, train_block

__all__ = ["StackedModel", "keep_freed_memory", "train_block", "train_model"]
