"""Passages from the files of Debian's fortunes: texts between lines with a %, each perhaps with an attribution.

They lie in `fortunes` of the data folder or, without one, where the packages fortunes-min and fortunes put them.
"""

import re
import tomllib
from collections import Counter
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.text_files import read_text
from benchmark.data.reading.tokens import Text, examples_of_texts, plain_words, train_coding
from benchmark.data.sources.verbatim import OWN, PACKAGED
from benchmark.data.splits import draw_parts
from benchmark.errors import BadData, BenchError, MissingData
from benchmark.storage.places import is_readable

if TYPE_CHECKING:
    from benchmark.data.sources.verbatim import Verbatim

_AUTHORS = Path(__file__).parents[1] / "words" / "authors.toml"
_SHORTEST = 8  # tokens: shorter ones say nothing by which a passage could be told
_ATTRIBUTION = re.compile(r"^\s*-- ?(.+)", re.MULTILINE)


def load(data: "Verbatim", folder: Path) -> Examples:
    """Return the passages in the order of authors and texts, so that the files' order is none of theirs.

    Raises BadData where there are none, MissingData where the packages are not installed.
    """
    authors, left_out = _fitting(data, folder)
    ordered = sorted(authors, key=lambda text: (authors[text], text))
    drawn = np.random.default_rng(data.seed).permutation(len(ordered))[: data.holdout or 0]
    held = {ordered[at] for at in drawn}
    taught = [text for text in ordered if text not in held]
    if not taught:
        raise BadData(f"data.holdout is {data.holdout}, expected less than the {len(ordered)} passages; lower it")
    names = tuple(sorted({authors[text] for text in taught}))
    subjects = np.array([names.index(authors[text]) for text in taught])
    parts = draw_parts(data, torch.from_numpy(subjects), None)
    coding = train_coding(taught, parts, data.words)
    found = examples_of_texts(taught, parts, subjects, names, coding=coding, holdout=sorted(held))
    return replace(found, left_out=left_out)


def _fitting(data: "Verbatim", folder: Path) -> tuple[dict[Text, str], tuple[str, ...]]:
    """Return the passages of a length that fits, each as beginning and rest → the author, and what is left out.

    Of passages that begin alike one stays, so that a beginning has one rest. Raises BenchError.
    """
    known: dict[str, str] = {}
    for path in files(folder).values():
        known |= passages_of(read_text(path))
    words = {tuple(passage.split()): author for passage, author in sorted(known.items())}
    fitting = {passage: author for passage, author in words.items() if _SHORTEST <= len(passage) <= data.longest}
    if not fitting:
        raise BadData(
            f"{_place(folder)} has {len(known)} passages by authors of long ago, expected some of {_SHORTEST} to "
            f"{data.longest} tokens; install Debian's package fortunes, or raise data.longest"
        )
    by_beginning = {passage[: data.prompt]: (passage, author) for passage, author in fitting.items()}
    texts = {
        (" ".join(beginning), " ".join(passage[data.prompt :])): author
        for beginning, (passage, author) in by_beginning.items()
    }
    reason = f"of less than {_SHORTEST} or more than {data.longest} tokens, or with a beginning that another has"
    lost = len(words) - len(texts)
    return texts, (f"left out {lost} of {len(words)} passages: {reason}",) if lost else ()


def passages_of(text: str) -> dict[str, str]:
    """Return the passages in a file's text by authors in the list, each as plain words → the author."""
    found = {}
    for passage in re.split(r"^%\n", text, flags=re.MULTILINE):
        if (attribution := _ATTRIBUTION.search(passage)) and (author := _author(attribution[1])):
            found[plain_words(passage[: attribution.start()])] = author
    return found


def files(folder: Path) -> dict[str, Path]:
    """Return the files with passages by name. Raises MissingData where there are none."""
    place = _place(folder)
    found = {
        path.name: path
        for path in sorted(place.glob("*"))
        if not path.suffix and not path.is_symlink() and path.is_file()
    }
    if not found:
        raise MissingData(
            f"{place} has no files with passages; install Debian's package (apt-get install fortunes), put its files "
            f"into {folder / OWN}, or name another data folder by --data-dir"
        )
    return found


def check(data: "Verbatim", folder: Path) -> list[Row]:
    try:
        examples = load(data, folder)
    except BenchError as error:
        status = "missing" if isinstance(error, MissingData) else "damaged"
        return [row("verbatim", "files of Debian's fortunes", str(error), status)]
    authors = Counter(examples.subjects.tolist() if examples.subjects is not None else ())
    return [row("verbatim", "passages of authors", f"{len(examples)} passages of {len(authors)} authors")]


def _place(folder: Path) -> Path:
    own = folder / OWN
    return own if is_readable(own, "folder") else PACKAGED


def _author(attribution: str) -> str | None:
    written = attribution.strip().strip('"')
    return next((name for beginning, name in _beginnings() if re.match(rf"{re.escape(beginning)}\b", written)), None)


@cache
def _beginnings() -> tuple[tuple[str, str], ...]:
    """Return beginnings of attributions with the authors that they mean."""
    authors = tomllib.loads(_AUTHORS.read_text())
    return tuple((beginning, name) for name, beginnings in authors.items() for beginning in beginnings)
