"""Images listed in a CSV file: columns `path` and `label` and, where they are known, `subject` and `split`.

Paths are relative to the CSV file's folder. `split` has the words train, validation and test; without a line for
validation its share is drawn from train.
"""

from pathlib import Path

import pandas as pd

from benchmark.errors import BenchError
from benchmark.problem.sources.examples import Examples, Row, assigned, coded, row
from benchmark.problem.sources.images import read_images
from benchmark.sections import Manifest

_REQUIRED = ("path", "label")


def load(data: Manifest, folder: Path) -> Examples:
    table = _table(data, folder)
    targets, class_names = coded(table["label"])
    subjects, subject_names = coded(table["subject"]) if "subject" in table else (None, ())
    return Examples(
        inputs=read_images(_paths(table, data, folder), data.size, data.channels),
        targets=targets,
        class_names=class_names,
        subjects=subjects,
        subject_names=subject_names,
        assignment=assigned(table["split"], data.file) if "split" in table else None,
    )


def files(data: Manifest, folder: Path) -> dict[str, Path]:
    table = _table(data, folder)
    paths = dict(zip(table["path"], _paths(table, data, folder), strict=True))
    for name, path in paths.items():
        if not path.is_file():
            raise BenchError(
                f"{folder / data.file} lists {name}, which is not there; put it there or take out its line"
            )
    return {Path(data.file).name: folder / data.file, **paths}


def check(data: Manifest, folder: Path) -> list[Row]:
    try:
        table = _table(data, folder)
    except BenchError as error:
        status = "damaged" if (folder / data.file).is_file() else "missing"
        return [row(data.file, "a CSV file with path and label", str(error), status)]
    absent = sum(not path.is_file() for path in _paths(table, data, folder))
    known = [name for name in ("subject", "split") if name in table]
    classes = len(set(table["label"]))
    return [
        row(data.file, "path, label, if known subject, split", f"path, label, {', '.join(known) or 'nothing more'}"),
        row("labels", "at least 2", str(classes), "ok" if classes > 1 else "damaged"),
        row("images", f"{len(table)} files", f"{len(table) - absent} files", "missing" if absent else "ok"),
    ]


def _table(data: Manifest, folder: Path) -> pd.DataFrame:
    path = folder / data.file
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except FileNotFoundError:
        raise BenchError(
            f"data.file is {data.file}, which is not in {folder}; put it there or name its folder with --data-dir"
        ) from None
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} could not be read as a CSV file: {error}; correct it") from None
    for name in _REQUIRED:
        if name not in table:
            raise BenchError(f"{path} has the columns {', '.join(table.columns)}, expected path and label among them")
    if table.empty:
        raise BenchError(f"{path} lists no image; add a line for every image")
    for name in set(table.columns) & {*_REQUIRED, "subject"}:
        if empty := [line for line, value in enumerate(table[name], start=2) if not value]:
            raise BenchError(f"line {empty[0]} of {path} has no {name}, expected one in every line; fill it in")
    return table


def _paths(table: pd.DataFrame, data: Manifest, folder: Path) -> list[Path]:
    root = (folder / data.file).parent
    return [root / name for name in table["path"]]
