"""Layouts of blocks of models. A file can be whole, with its checksum on record, and still be another's."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.storage.workspace import Arrays


class Layout(NamedTuple):
    """Type, shape and range of an array of a block, `[models, *shape]`."""

    dtype: str
    shape: tuple[int, ...] = ()
    highest: float | None = None
    """Where its numbers lie between 0 and this one."""
    models: int | None = None
    """Where only so many of the block's models have a row."""
    may_be_nan: bool = False
    may_be_missing: bool = False


def objection(arrays: Arrays, layouts: Mapping[str, Layout], models: int) -> str:
    """Return what keeps `arrays` from being a block of so many models; "" where nothing does.

    Arrays without a layout only need as many rows, and numbers that are finite.
    """
    needed = {name for name, layout in layouts.items() if not layout.may_be_missing}
    if missing := sorted(needed - arrays.keys()):
        return f"has no array {missing[0]}"
    for name, array in arrays.items():
        layout = layouts.get(name)
        rows = models if layout is None or layout.models is None else layout.models
        if array.shape[:1] != (rows,):
            return f"holds {array.shape[0] if array.ndim else 'no'} models in {name}, expected {rows}"
        if layout and (str(array.dtype), array.shape[1:]) != (layout.dtype, layout.shape):
            expected = f"{layout.dtype} {(rows, *layout.shape)}"
            return f"has {name} as {array.dtype} {array.shape}, expected {expected}"
        if fault := _fault_of_numbers(array, layout or Layout(str(array.dtype))):
            return f"has numbers in {name} {fault}"
    return ""


def _fault_of_numbers(array: NDArray, layout: Layout) -> str:
    """Return which numbers an array must not hold; "" where it holds none of them."""
    if array.dtype.kind in "fc":
        array = array[~np.isnan(array)] if layout.may_be_nan else array
        if not np.isfinite(array).all():
            return "that are not finite"
    if layout.highest is not None and array.size and not 0 <= array.min() <= array.max() <= layout.highest:
        return f"outside of 0 to {layout.highest:g}"
    return ""
