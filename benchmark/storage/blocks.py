"""Layouts of blocks of models. A file can be whole, with its checksum on record, and still be another's."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from benchmark.storage.workspace import Arrays


class Layout(NamedTuple):
    """Type, shape and range of an array of a block, `[models, *shape]`."""

    dtype: str
    shape: tuple[int, ...] = ()
    highest: float | None = None
    """Where its numbers lie between 0 and this one."""


def objection(arrays: Arrays, layouts: Mapping[str, Layout], models: int) -> str:
    """Return what keeps `arrays` from being a block of so many models; "" where nothing does.

    Arrays without a layout only need as many rows, and numbers that are finite.
    """
    if missing := sorted(layouts.keys() - arrays.keys()):
        return f"has no array {missing[0]}"
    for name, array in arrays.items():
        layout = layouts.get(name)
        if array.shape[:1] != (models,):
            return f"holds {array.shape[0] if array.ndim else 'no'} models in {name}, expected {models}"
        if layout and (str(array.dtype), array.shape[1:]) != (layout.dtype, layout.shape):
            expected = f"{layout.dtype} {(models, *layout.shape)}"
            return f"has {name} as {array.dtype} {array.shape}, expected {expected}"
        if array.dtype.kind in "fc" and not np.isfinite(array).all():
            return f"has numbers in {name} that are not finite"
        highest = layout.highest if layout else None
        if highest is not None and array.size and not 0 <= array.min() <= array.max() <= highest:
            return f"has numbers in {name} outside of 0 to {highest:g}"
    return ""
