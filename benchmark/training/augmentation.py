"""Random crops and flips, drawn for every model from its own seed, applied to a batch on the device where it lies."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from benchmark.scenario.schema import Recipe
from benchmark.seeds import derive_seed

PADDING = 4  # pixels of black on every side, out of which a crop is taken


def moves(recipe: Recipe, size: int, seeds: list[int], device: torch.device | str = "cpu") -> Iterator[Tensor | None]:
    """Yield for every batch of the recipe `[models, batch, 3]`: rows down, columns to the right, mirrored (0 or 1).

    None for every batch where the recipe augments nothing. Drawn an epoch at a time from a generator of the model's
    own, on the CPU, so that a model sees the same pictures alone, in a block and on any `device`, where they are put.
    """
    if not recipe.augmentation:
        yield from [None] * (recipe.epochs * math.ceil(size / recipe.batch_size))
        return
    generators = [torch.Generator().manual_seed(derive_seed(seed, "augmentation")) for seed in seeds]
    for _ in range(recipe.epochs):
        drawn = torch.stack([_draw(recipe, size, generator) for generator in generators]).to(device)
        yield from drawn.split(recipe.batch_size, dim=1)


def augment(inputs: Tensor, own: Tensor, black: Tensor) -> Tensor:
    """`inputs` `[models, batch, channels, height, width]`, moved as `own` (from `moves`) says.

    `black` fills what comes in from outside, e.g. 0 for pixels as they are stored.
    """
    height, width = inputs.shape[-2:]
    down, right, mirrored = own.flatten(0, 1).unsqueeze(2).unbind(1)  # [models · batch, 1] each
    across = torch.arange(width, device=inputs.device)
    rows = down + torch.arange(height, device=inputs.device)
    columns = right + torch.where(mirrored.bool(), across.flip(0), across)
    images = _pad(inputs.flatten(0, 1), black)
    pixels = (rows[:, :, None] * images.shape[3] + columns[:, None, :]).flatten(1)  # of a padded image, row by row
    pixels = pixels[:, None].expand(-1, images.shape[1], -1)
    return images.flatten(2).gather(2, pixels).view(inputs.shape)


def _draw(recipe: Recipe, size: int, generator: torch.Generator) -> Tensor:
    crops = torch.randint(0, 2 * PADDING + 1, (size, 2), generator=generator)
    flips = torch.randint(0, 2, (size, 1), generator=generator)
    chosen = recipe.augmentation or ()
    return torch.cat(
        [crops if "crop" in chosen else crops.fill_(PADDING), flips if "flip" in chosen else flips.fill_(0)], dim=1
    )


def _pad(images: Tensor, black: Tensor) -> Tensor:
    """Images `[n, channels, height, width]` with PADDING pixels of `black` around them."""
    height, width = images.shape[-2:]
    shape = (*images.shape[:2], height + 2 * PADDING, width + 2 * PADDING)
    padded = black.to(images.dtype).expand(shape[1:]).expand(shape).clone()
    padded[..., PADDING : PADDING + height, PADDING : PADDING + width] = images
    return padded
