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

from benchmark.errors import BadData
from benchmark.storage.places import refuse_other
from benchmark.text import reason_of

# What Pillow raises of a file that it cannot read; of a broken PNG it is the second.
NO_IMAGE = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)
_ORIENTATION = 0x0112
_PHOTOMETRIC, _WHITE_IS_ZERO = 262, 0  # of TIFF; Pillow itself inverts 8 bits, but not 16
_ALPHA = {"LA", "La", "PA", "RGBA", "RGBa"}


def read_images(paths: Sequence[Path], size: int, channels: int, *, middle_square: bool = False) -> Tensor:
    """Return `[n, channels, size, size]` uint8, resized bilinearly with antialiasing; on all cores.

    Raises BenchError with the first file that is no image.
    """
    return read_pictures(paths, size, channels, middle_square=middle_square)[0]


def read_pictures(
    paths: Sequence[Path], size: int, channels: int, *, middle_square: bool = False
) -> tuple[Tensor, tuple[str, ...]]:
    """Return what `read_images` returns, and remarks on what is odd about the pictures. Raises BenchError."""
    pixels = torch.empty(len(paths), channels, size, size, dtype=torch.uint8)

    def read(index: int) -> int | None:
        pixels[index], highest = _read(paths[index], size, channels, middle_square)
        return highest

    with warnings.catch_warnings(), ThreadPoolExecutor() as pool:
        warnings.simplefilter("ignore")  # Pillow's about odd EXIF; what it cannot read it raises
        deep = [highest for highest in pool.map(read, range(len(paths))) if highest is not None]
    return pixels, nearly_black(f"{len(deep)} pictures of 16 bits", max(deep, default=0))


def nearly_black(what: str, highest: int) -> tuple[str, ...]:
    """Return a remark where 16-bit pixels use only so small a part of their range that they may have fewer bits."""
    if not 0 < highest < 65_536 // 16:
        return ()
    return (
        f"the highest pixel of {what} is {highest} of 65535, so they are nearly black; multiply them first if fewer "
        "bits are their full range",
    )


def decode_image(image: Image.Image, size: int, channels: int, *, inverted: bool = False) -> Tensor:
    """Return `[channels, size, size]` uint8 of an opened image. Raises ValueError where it has no known white.

    `inverted`: 16 bits of which 0 is white.
    """
    pixels = pil_to_tensor(_opaque(image, inverted).convert("L" if channels == 1 else "RGB"))
    return pixels if pixels.shape[1:] == (size, size) else resize(pixels, [size, size], antialias=True)


def _read(path: Path, size: int, channels: int, middle_square: bool) -> tuple[Tensor, int | None]:
    """Return the pixels and, of 16 bits, the highest."""
    try:
        refuse_other(path, "file", "a picture")  # nobody may be at the other end of a pipe
        with Image.open(path) as image:
            inverted = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == _WHITE_IS_ZERO
            highest = int(np.asarray(image).max()) if _has_sixteen_bits(image) else None
            upright = _upright(image)
            seen = _middle_square(upright) if middle_square else upright
            return decode_image(seen, size, channels, inverted=inverted), highest
    except NO_IMAGE as error:
        reason = "it is empty" if _is_empty(path) else reason_of(error)
        raise BadData(f"{path} could not be read as an image: {reason}; replace it or take it out") from None


def _is_empty(path: Path) -> bool:
    return path.is_file() and not path.stat().st_size


def _upright(image: Image.Image) -> Image.Image:
    """Return the image turned and mirrored as its EXIF says; the very image where that is nothing or damaged."""
    try:
        turned = image.getexif().get(_ORIENTATION, 1) in range(2, 9)
    except Exception:  # damaged EXIF raises many things, and the pixels are whole
        return image
    return ImageOps.exif_transpose(image) if turned else image


def _opaque(image: Image.Image, inverted: bool) -> Image.Image:
    """Return the image in a mode that converts to grey or RGB without loss of what a person sees."""
    if _has_sixteen_bits(image):
        return _from_sixteen_bits(image, inverted)
    if image.mode in _ALPHA or "transparency" in image.info:
        seen = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", seen.size, "white"), seen)
    if image.mode in ("I", "F"):
        raise ValueError("its pixels have 32 bits, of which nobody knows what white is, expected 8 or 16 bits")
    return image


def _has_sixteen_bits(image: Image.Image) -> bool:
    """Return whether the image is 16-bit grey, for which Pillow has the mode I where it is PGM."""
    return image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")


def _from_sixteen_bits(image: Image.Image, inverted: bool) -> Image.Image:
    """Return 8-bit grey of 16-bit grey: 65,535 becomes 255, and so does the shade that is transparent."""
    deep = np.asarray(image).astype(np.float64)
    shades = np.rint((65_535 - deep if inverted else deep) / 257).clip(0, 255).astype(np.uint8)
    if isinstance(transparent := image.info.get("transparency"), int):
        shades[deep == transparent] = 255
    return Image.fromarray(shades)


def _middle_square(image: Image.Image) -> Image.Image:
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return image.crop((left, top, left + side, top + side))
