"""Inputs changed before a net sees them: what was aimed at the forget examples themselves is not at these.

Everything else is left as it is where inputs are no images, or, for noise, no numbers.
"""

from typing import TYPE_CHECKING

from benchmark.treatments import TREATMENTS
from benchmark.treatments.treatment import Given, input_treatment

if TYPE_CHECKING:
    from torch import Tensor

DEGREES = 15.0
NOISE = 0.5  # standard deviations of the retained inputs
FURTHEST = 1 / 8  # of an image's sides, and at least a pixel


@TREATMENTS.add
@input_treatment(after="shifting the inputs")
def inputs_shifted(inputs: "Tensor", given: Given) -> "Tensor":
    """Every image is moved by an eighth of its sides, down and to the right, with black where nothing was."""
    import torch

    if inputs.ndim != 4:
        return inputs
    height, width = inputs.shape[-2:]
    down, right = (max(1, round(side * FURTHEST)) for side in (height, width))
    black = given.problem.train.black
    moved = torch.nn.functional.pad(inputs - black, (right, 0, down, 0))
    return moved[..., :height, :width] + black


@TREATMENTS.add
@input_treatment(after="rotating the inputs")
def inputs_rotated(inputs: "Tensor", given: Given) -> "Tensor":
    """Every image is turned by 15 degrees about its centre, bilinearly, with black where nothing was."""
    import math

    import torch

    if inputs.ndim != 4:
        return inputs
    height, width = inputs.shape[-2:]
    cos, sin = math.cos(math.radians(DEGREES)), math.sin(math.radians(DEGREES))
    turn = torch.tensor([[cos, -sin * height / width, 0.0], [sin * width / height, cos, 0.0]])
    turn = turn.to(inputs).expand(len(inputs), 2, 3)
    black = given.problem.train.black
    grid = torch.nn.functional.affine_grid(turn, list(inputs.shape), align_corners=False)
    return torch.nn.functional.grid_sample(inputs - black, grid, align_corners=False) + black


@TREATMENTS.add
@input_treatment(after="adding noise to the inputs")
def inputs_noisy(inputs: "Tensor", given: Given) -> "Tensor":
    """The same noise is added to every input: normal, of half the standard deviation of retained inputs.

    The standard deviation is that of all pixels of an image together, and of each feature of other inputs by itself.
    The seed decides the noise, for all nets alike.
    """
    import torch

    from benchmark.seeds import derive_seed

    if not inputs.is_floating_point():
        return inputs
    spread = _spread(given)
    generator = torch.Generator().manual_seed(derive_seed(given.seed, "noise"))
    noise = torch.randn(inputs.shape[1:], generator=generator).to(inputs)
    return inputs + NOISE * spread.to(inputs) * noise


def _spread(given: Given) -> "Tensor":
    """Return the standard deviation of retained inputs: of some, in the order of the split."""
    retain = given.problem.retain
    seen = retain.normalised(retain.inputs[:1024])
    return seen.std() if seen.ndim > 2 else seen.std(dim=0)
