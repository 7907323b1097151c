"""Arrays in an .npz file: `inputs` and `targets` and, where they are known, `subjects` and `split`.

`inputs` are uint8 images `[n, channels, height, width]` or `[n, height, width]`, or numbers `[n, ...]` that the net
sees as they are. `targets` and `subjects` `[n]` are names or numbers, `split` `[n]` the words train, validation, test.
"""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.errors import BenchError
from benchmark.problem.sources.examples import Examples, Row, assigned, coded, row
from benchmark.sections import Npz

_REQUIRED, _OPTIONAL = ("inputs", "targets"), ("subjects", "split")


def load(data: Npz, folder: Path) -> Examples:
    arrays = _arrays(data, folder)
    targets, class_names = coded(arrays["targets"].tolist())
    subjects, subject_names = coded(arrays["subjects"].tolist()) if "subjects" in arrays else (None, ())
    return Examples(
        inputs=_inputs(arrays["inputs"], data),
        targets=targets,
        class_names=class_names,
        subjects=subjects,
        subject_names=subject_names,
        assignment=assigned(arrays["split"].tolist(), data.file) if "split" in arrays else None,
    )


def files(data: Npz, folder: Path) -> dict[str, Path]:
    if not (folder / data.file).is_file():
        raise _missing(data, folder)
    return {Path(data.file).name: folder / data.file}


def check(data: Npz, folder: Path) -> list[Row]:
    try:
        arrays = _arrays(data, folder)
    except BenchError as error:
        status = "damaged" if (folder / data.file).is_file() else "missing"
        return [row(data.file, "inputs and targets", str(error), status)]
    return [row(f"{data.file}: {name}", "an array", f"{array.dtype} {array.shape}") for name, array in arrays.items()]


def _arrays(data: Npz, folder: Path) -> dict[str, np.ndarray]:
    path = folder / data.file
    try:
        with np.load(path, allow_pickle=False) as content:
            arrays = {name: content[name] for name in (*_REQUIRED, *_OPTIONAL) if name in content}
    except FileNotFoundError:
        raise _missing(data, folder) from None
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error, AttributeError, TypeError) as error:
        raise BenchError(f"{path} could not be read as an .npz file: {error}; write it with numpy.savez") from None
    for name in _REQUIRED:
        if name not in arrays:
            raise BenchError(f"{path} has no array {name}; expected inputs and targets, if known subjects and split")
    sizes = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
    if len(set(sizes.values())) > 1:
        raise BenchError(f"the arrays of {path} have the lengths {sizes}, expected the same for all")
    return arrays


def _inputs(array: np.ndarray, data: Npz) -> Tensor:
    if array.dtype == np.uint8 and array.ndim in (3, 4):
        return torch.from_numpy(array if array.ndim == 4 else array[:, None])
    if array.dtype.kind not in "fiub":
        raise BenchError(f"inputs of {data.file} are {array.dtype}, expected uint8 images or numbers")
    inputs = torch.from_numpy(array.astype(np.float32))
    if not inputs.isfinite().all():
        raise BenchError(f"inputs of {data.file} hold values that are not finite; fill in or take out their rows")
    return inputs


def _missing(data: Npz, folder: Path) -> BenchError:
    return BenchError(
        f"data.file is {data.file}, which is not in {folder}; put it there or name its folder with --data-dir"
    )
