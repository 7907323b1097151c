"""Image files to pixels, as a person sees them.

Turned upright as their EXIF orientation says, transparent pixels on white, 16 bits a channel scaled to 8 (white is
white), palettes and CMYK to their colours; of an animation or a file of several pages the first picture.
"""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms.v2.functional import pil_to_tensor, resize

from benchmark.errors import BenchError

# What Pillow raises of a file that it cannot read; of a broken PNG it is the second.
NO_IMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_ORIENTATION = 0x0112
_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}


def read_images(paths: Sequence[Path], size: int, channels: int, *, middle_square: bool = False) -> Tensor:
    """`[n, channels, size, size]` uint8, resized bilinearly with antialiasing; on all cores.

    Raises BenchError with the first file that is no image.
    """
    pixels = torch.empty(len(paths), channels, size, size, dtype=torch.uint8)

    def read(index: int) -> None:
        pixels[index] = _read(paths[index], size, channels, middle_square)

    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")  # Pillow's about odd EXIF; what it cannot read it raises
        for _ in pool.map(read, range(len(paths))):
            pass
    return pixels


def decoded(image: Image.Image, size: int, channels: int) -> Tensor:
    """`[channels, size, size]` uint8 of an opened image. Raises ValueError where its pixels have no known white."""
    pixels = pil_to_tensor(_opaque(image).convert("L" if channels == 1 else "RGB"))
    return pixels if pixels.shape[1:] == (size, size) else resize(pixels, [size, size], antialias=True)


def _read(path: Path, size: int, channels: int, middle_square: bool) -> Tensor:
    try:
        with Image.open(path) as image:
            upright = _upright(image)
            return decoded(_middle_square(upright) if middle_square else upright, size, channels)
    except NO_IMAGE as error:
        reason = "it is empty" if _is_empty(path) else error
        raise BenchError(f"{path} could not be read as an image: {reason}; replace it or take it out") from None


def _is_empty(path: Path) -> bool:
    return path.is_file() and not path.stat().st_size


def _upright(image: Image.Image) -> Image.Image:
    """Return the image turned and mirrored as its EXIF says; the very image where that is nothing or damaged."""
    try:
        turned = image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except Exception:  # damaged EXIF raises many things, and the pixels are whole
        return image
    return ImageOps.exif_transpose(image) if turned else image


def _opaque(image: Image.Image) -> Image.Image:
    """Return the image in a mode that converts to grey or RGB without loss of what a person sees."""
    if image.mode.startswith("I;16"):
        return _from_sixteen_bits(image)
    if image.mode in _ALPHA or "transparency" in image.info:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    if image.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits, of which nobody knows what white is, expected 8 or 16 bits")
    return image


def _from_sixteen_bits(image: Image.Image) -> Image.Image:
    """Return 8-bit grey of 16-bit grey: 65,535 becomes 255."""
    deep = np.asarray(image).astype(np.float64)
    return Image.fromarray(np.rint(deep / 257).clip(0, 255).astype(np.uint8))


def _middle_square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))
