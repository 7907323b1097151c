"""Training: one recipe, followed by one model at a time and by a whole block at once (law 7)."""

from benchmark.training.memory import keep_freed_memory
from benchmark.training.single import train_model
from benchmark.training.stacked import StackedModel, train_block

__all__ = ["StackedModel", "keep_freed_memory", "train_block", "train_model"]
