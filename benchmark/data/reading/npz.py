"""Arrays in an .npz file: `inputs` and `targets` and, where they are known, `subjects` and `split`.

`inputs` are uint8 images `[n, channels, height, width]`, `[n, height, width, channels]` or `[n, height, width]`, or
numbers `[n, ...]` that the net sees as they are: see `pixels.py` for other images. `targets` and `subjects` `[n]` are
names or whole numbers, or one-hot, `split` `[n]` words such as train, val and test. For a task that predicts numbers
`targets` are any finite numbers.
"""

import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.labels import array_names, array_numbers
from benchmark.data.reading.pixels import inputs_of, stored_inputs
from benchmark.data.reading.roles import roles
from benchmark.data.sources.npz import Npz
from benchmark.errors import BadData, BenchError
from benchmark.storage.places import expect_data, is_readable
from benchmark.text import first_of

_REQUIRED, _OPTIONAL = ("inputs", "targets"), ("subjects", "split")


def load(data: Npz, folder: Path, *, numbers: bool = False) -> Examples:
    """Read the arrays; `numbers`: the targets are numbers to be predicted. Raises BenchError."""
    arrays, left_out = _arrays(data, folder)
    named = roles(
        (array_numbers if numbers else array_names)(arrays["targets"], "target", data.file),
        array_names(arrays["subjects"], "subject", data.file) if "subjects" in arrays else None,
        _words(arrays["split"]) if "split" in arrays else None,
        data.file,
    )
    inputs, remarks = inputs_of(arrays["inputs"], data.file)
    inputs, more = stored_inputs(inputs, data.standardise)
    return Examples(
        inputs=inputs,
        **named,
        left_out=left_out,
        remarks=remarks + more,
    )


def files(data: Npz, folder: Path) -> dict[str, Path]:
    return {Path(data.file).name: _file(data, folder)}


def check(data: Npz, folder: Path) -> list[Row]:
    try:
        arrays, _ = _arrays(data, folder)
    except BenchError as error:
        status = "damaged" if is_readable(folder / data.file, "file") else "missing"
        return [row(data.file, "inputs and targets", str(error), status)]
    return [row(f"{data.file}: {name}", "an array", f"{array.dtype} {array.shape}") for name, array in arrays.items()]


def _arrays(data: Npz, folder: Path) -> tuple[dict[str, np.ndarray], tuple[str, ...]]:
    """Return the arrays that are known, and a sentence about the others."""
    path = _file(data, folder)
    known = (*_REQUIRED, *_OPTIONAL)
    try:
        content = np.load(path, allow_pickle=False)
        if isinstance(content, np.ndarray):
            raise BadData(
                f"{path} has a single array, expected the arrays inputs and targets; write both with "
                "numpy.savez(file, inputs=..., targets=...)"
            )
        with content:
            names = list(content.keys())
            arrays = {name: _array(content, name, path) for name in known if name in names}
    except (
        OSError,
        EOFError,
        ValueError,
        zipfile.BadZipFile,
        zlib.error,
        AttributeError,
        TypeError,
        NotImplementedError,
        RuntimeError,
        tokenize.TokenError,
    ) as error:
        reason = "it is none" if "allow_pickle" in str(error) else error
        raise BadData(f"{path} could not be read as an .npz file: {reason}; write it with numpy.savez") from None
    for name in _REQUIRED:
        if name not in arrays:
            raise BadData(
                f"{path} has no array {name} (it has {', '.join(names) or 'none'}); expected inputs and targets, if "
                "known subjects and split"
            )
    _check_lengths(arrays, path)
    more = [name for name in names if name not in known]
    return arrays, (f"left out the arrays {first_of(more)}: only {', '.join(known)} are read",) if more else ()


def _array(content: np.lib.npyio.NpzFile, name: str, path: Path) -> np.ndarray:
    try:
        return content[name]
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        raise BadData(
            f"{name} of {path} are Python objects (text or numbers with None among them), expected an array of numbers "
            "or text; fill in what is missing and save them with .astype(str), .astype(int) or .astype(float)"
        ) from None


def _check_lengths(arrays: dict[str, np.ndarray], path: Path) -> None:
    if "split" in arrays and arrays["split"].shape[1:] not in ((), (1,)):
        raise BadData(f"split of {path} has the shape {arrays['split'].shape}, expected one word per example")
    sizes = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise BadData(f"the arrays of {path} have the lengths {sizes}, expected the same for all")
    if not arrays["inputs"].size:
        raise BadData(
            f"inputs of {path} have the shape {arrays['inputs'].shape} and so no number, expected at least one per "
            "example; save the array again with its examples"
        )


def _words(array: np.ndarray) -> list[object]:
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    return [value.decode("utf-8", "replace") if isinstance(value, bytes) else value for value in flat.tolist()]


def _file(data: Npz, folder: Path) -> Path:
    return expect_data(folder, data.file, "file", "data.file", "an .npz file")
