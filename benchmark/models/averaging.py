"""The module behind ensembles."""

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn


class Average(nn.Module):
    """Nets that answer together: the logarithm of the mean of their probabilities; of one output, their mean output."""

    def __init__(self, members: Iterable[nn.Module]) -> None:
        super().__init__()
        self.members = nn.ModuleList(members)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return `[batch, ..., outputs]`, as every member does."""
        outputs = torch.stack([member(inputs) for member in self.members])
        if outputs.shape[-1] == 1:
            return outputs.mean(0)
        return outputs.log_softmax(-1).logsumexp(0) - math.log(len(self.members))
