"""Image files to pixels."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor, resize

from benchmark.errors import BenchError

# What Pillow raises of a file that it cannot read; of a broken PNG it is the second.
NO_IMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def read_images(paths: Sequence[Path], size: int, channels: int, *, middle_square: bool = False) -> Tensor:
    """`[n, channels, size, size]` uint8, resized bilinearly with antialiasing; on all cores.

    Raises BenchError with the first file that is no image.
    """
    pixels = torch.empty(len(paths), channels, size, size, dtype=torch.uint8)

    def read(index: int) -> None:
        pixels[index] = _read(paths[index], size, channels, middle_square)

    with ThreadPoolExecutor() as pool:
        for _ in pool.map(read, range(len(paths))):
            pass
    return pixels


def decoded(image: Image.Image, size: int, channels: int) -> Tensor:
    """`[channels, size, size]` uint8 of an opened image."""
    pixels = pil_to_tensor(image.convert("L" if channels == 1 else "RGB"))
    return pixels if pixels.shape[1:] == (size, size) else resize(pixels, [size, size], antialias=True)


def _read(path: Path, size: int, channels: int, middle_square: bool) -> Tensor:
    try:
        with Image.open(path) as image:
            return decoded(_middle_square(image) if middle_square else image, size, channels)
    except NO_IMAGE as error:
        raise BenchError(f"{path} could not be read as an image: {error}; replace it or take it out") from None


def _middle_square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))
