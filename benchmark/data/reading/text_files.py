"""Texts and JSON as people save them, read whole or refused in a sentence."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark.data.reading.parquet import read_parquet
from benchmark.errors import BadData
from benchmark.text import shown


def read_text(path: Path) -> str:
    """Return a file's text, UTF-8 with or without a byte-order mark. Raises BadData, also where there is none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadData(f"{path} is no UTF-8 at byte {error.start}, expected text in UTF-8; save it as such") from None
    except OSError as error:
        raise BadData(f"{path} could not be read: {error.strerror}; put it back or make it readable") from None
    if "\0" in text:
        raise BadData(f"{path} has a NUL at character {text.index(chr(0))}, expected text; save it as plain text")
    if not text.strip():
        raise BadData(f"{path} is empty, expected text; fill it or take it out")
    return text


def read_records(path: Path) -> list[tuple[str, Any]]:
    """Return the entries of a JSON array, one per line of JSON lines or one per row of a parquet file.

    Each comes with its place for sentences. Raises BadData, and BadMachine where pyarrow is absent.
    """
    if path.suffix == ".parquet":
        rows = read_parquet(path).to_dict("records")
        return [(f"row {number} of {path}", record) for number, record in enumerate(rows, 1)]
    text = read_text(path)
    if text.lstrip().startswith("["):
        entries = _parsed(text, str(path))
        return [(f"entry {number} of {path}", entry) for number, entry in enumerate(entries, 1)]
    return list(_lines(text, path))


def texts_of(record: Any, place: str, *keys: str) -> tuple[str, ...]:
    """Return the texts that a record has under the keys. Raises BadData where one is absent, no text or empty."""
    found = record if isinstance(record, dict) else {}
    for key in keys:
        if not is_text(found.get(key)):
            has = f"the keys {', '.join(map(shown, found))}" if key not in found and found else shown(record)
            raise BadData(f"{place} has {has}, expected texts under {' and '.join(keys)}; correct it")
    return tuple(found[key] for key in keys)


def is_text(value: Any) -> bool:
    """Return whether a value is a text of some words, without NUL and what UTF-8 cannot say."""
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        return False
    try:
        return bool(value.encode())
    except UnicodeEncodeError:
        return False


def answers_of(record: Any, place: str, key: str) -> tuple[str, ...]:
    """Return the texts that a record has under a key: one, or a list of some. Raises BadData where it has none."""
    found = record.get(key) if isinstance(record, dict) else None
    several = found if isinstance(found, list) and found else [found]
    return tuple(texts_of({key: each}, place, key)[0] for each in several)


def _lines(text: str, path: Path) -> Iterator[tuple[str, Any]]:
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            place = f"line {number} of {path}"
            yield place, _parsed(line, place)


def _parsed(text: str, place: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadData(f"{place} is no JSON ({error}), expected an array, or one record per line; correct it") from None
