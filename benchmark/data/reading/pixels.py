"""Arrays of inputs as people save them, to what a problem stores: uint8 pixels, channels first, or float32.

Floats are what the net sees, whatever their range. Whole numbers of three or more dimensions are pixels: up to 1 (and
bool) black and white, up to 255 as uint8, uint16 scaled to it; others are refused, because nobody knows their white.
"""

import numpy as np
import torch
from torch import Tensor

from benchmark.data.reading.images import nearly_black
from benchmark.errors import BadData

_MOST_CHANNELS = 4


def inputs_of(array: np.ndarray, where: str) -> tuple[Tensor, tuple[str, ...]]:
    """Return inputs `[n, ...]` out of any array of numbers, and remarks on how it was read. Raises BenchError.

    They are float64 where features have values that float32 cannot tell apart: see `stored`.
    """
    if array.dtype.kind not in "fiub":
        raise BadData(f"inputs of {where} are {array.dtype}, expected uint8 images or numbers")
    if array.ndim == 1:
        return _floats(array[:, None], where), ("inputs are read as one feature per example",)
    if _channels_last(array.shape):
        array = np.moveaxis(array, 3, 1)
        remarks: tuple[str, ...] = (f"images are read as channels-last, so that they have {array.shape[1]} channels",)
    elif _is_ambiguous(array.shape):
        channels, height, width = array.shape[1:]
        remarks = (f"images are read as channels-first, so that they have {channels} channels of {height}×{width}",)
    else:
        remarks = ()
    if array.dtype.kind == "f" or array.ndim not in (3, 4):
        return _floats(array, where), remarks
    pixels, remark = _eight_bits(array, where)
    pixels = np.ascontiguousarray(pixels if pixels.ndim == 4 else pixels[:, None])
    return torch.from_numpy(pixels), remarks + remark


def stored_inputs(inputs: Tensor, standardise: bool) -> tuple[Tensor, tuple[str, ...]]:
    """Return inputs as a problem stores them, float64 only if it standardises them later, with a remark if not."""
    if inputs.dtype != torch.float64 or standardise:
        return inputs, ()
    columns = collapsing_columns(inputs.numpy())
    return inputs.float(), (
        f"{len(columns)} features (the first is number {columns[0]}, counted from 0) have values that are the same in "
        "float32; set data.standardise = true, or take their mean away first",
    )


def collapsing_columns(array: np.ndarray) -> list[int]:
    """Return the columns of `[n, features]` of which float32 keeps less than half of the distinct values."""
    if array.ndim != 2 or not array.size:
        return []
    wide = array.astype(np.float64)
    if not np.isfinite(wide).all():
        return []
    size = np.abs(wide).max(axis=0) * np.finfo(np.float32).eps * len(wide)
    narrow = np.flatnonzero(wide.max(axis=0) - wide.min(axis=0) < size)  # no others can lose so many
    with np.errstate(over="ignore"):
        return [
            int(column)
            for column in narrow
            if 2 * len(np.unique(wide[:, column].astype(np.float32))) < len(np.unique(wide[:, column]))
        ]


def _channels_last(shape: tuple[int, ...]) -> bool:
    """Tell whether an array `[n, a, b, c]` is images `[n, height, width, channels]`.

    It is if only c can be a number of channels, and where only a and b are the same.
    """
    if len(shape) != 4:
        return False
    _, first, second, last = shape
    return (first == second != last and first > 1) or (last <= _MOST_CHANNELS < first)


def _is_ambiguous(shape: tuple[int, ...]) -> bool:
    """Tell whether an array `[n, a, b, c]` that is read as channels-first may be channels-last nevertheless."""
    if len(shape) != 4:
        return False
    _, first, second, last = shape
    if second == last:
        return first == second > 1
    return last <= _MOST_CHANNELS or first > _MOST_CHANNELS


def _eight_bits(array: np.ndarray, where: str) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return whole numbers as uint8 pixels, with a remark where they were not."""
    lowest, highest = int(array.min()), int(array.max())
    if array.dtype == np.uint8:
        dark = 0 < highest <= 1
        return array, ("no pixel is above 1 of 255; multiply them by 255 if 1 is white",) if dark else ()
    if lowest >= 0 and highest <= 1:
        return array.astype(np.uint8) * np.uint8(255), (f"{array.dtype} images of 0 and 1 are read as black and white",)
    if lowest >= 0 and highest <= 255:
        return array.astype(np.uint8), (f"{array.dtype} pixels up to {highest} are read as uint8",)
    if (array.dtype.kind, array.dtype.itemsize) == ("u", 2):
        scaled = (array.astype(np.uint32) * 2 + 257) // 514  # rounded
        remark = "uint16 pixels are scaled to uint8, 65535 to 255"
        return scaled.astype(np.uint8), (remark, *nearly_black(where, highest))
    raise BadData(
        f"inputs of {where} are {array.dtype} images from {lowest} to {highest}, of which nobody knows what white is; "
        "save uint8 or uint16 pixels, or floats as the net is to see them"
    )


def _floats(array: np.ndarray, where: str) -> Tensor:
    with np.errstate(over="ignore"):
        inputs = torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
    if not (finite := inputs.flatten(1).isfinite().all(dim=1)).all():
        odd = (~finite).nonzero()[:, 0]
        raise BadData(
            f"inputs of {where} hold values that are not finite, or too large for float32, in {len(odd)} of "
            f"{len(inputs)} rows (the first is row {int(odd[0])}); fill in or take out their rows"
        )
    if array.dtype.itemsize >= 4 and array.dtype != np.float32 and collapsing_columns(array):
        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float64))
    return inputs
