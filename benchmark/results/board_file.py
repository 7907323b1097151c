"""The scorecards in a folder of results: one file per entry while they are made, one file per board once published.

`boards/<scenario>.jsonl` has a line per entry. The resamples lie beside it in one file of arrays: the significance
groups and `bench compare` are paired differences of them, which nothing else on a card can give. They have six digits,
which float32 holds exactly. A file per entry, `scorecards/<scenario>/<entry>.json`, takes the place of its line.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.numpy import load, save

from benchmark.errors import BadRecord, BenchError, MissingRecord
from benchmark.results.record import Digest, Record, why_invalid
from benchmark.results.scorecard import Scorecard, card_lock, card_path
from benchmark.results.values import Absent, Resampled
from benchmark.storage.hashing import array_parts, digest_of
from benchmark.storage.reading import read_file
from benchmark.storage.workspace import write_atomically
from benchmark.text import reason_of

Rows = dict[str, np.ndarray]
"""F and the score of every entry's resamples, `[2, resamples]`."""

DIGITS = 6  # of a resampled value
_LARGEST = 1 << 30  # bytes of a file
_POWERS = np.array([float(f"1e{power}") for power in range(23)])  # all that float64 holds exactly
_ADVICE = "restore the file, or delete this line and run its submission again"


class _Line(Record):
    """A line of a board."""

    resamples: Digest = ""
    """The hash of its row in the file of resamples; empty where the card has none."""
    absent: dict[str, list[str]] = Field(default_factory=dict)
    """Reasons why metrics have no value, each with the metrics that it is of: the same few stand on every line."""
    card: Scorecard
    """Without its resamples and the metrics in `absent`."""


def board_path(results: Path, label: str) -> Path:
    """Return where the board of a scenario lies in a folder of results; `label` is the scenario's."""
    return results / "boards" / f"{label}.jsonl"


def read_cards(results: Path, warn: Callable[[str], None]) -> list[Scorecard]:
    """Return all scorecards in a folder of results, by scenario and entry; what is none is named to `warn`."""
    cards: dict[tuple[str, str], Scorecard] = {}
    files = results.glob("scorecards/*/*.json")
    found = (*(_board(path) for path in sorted(results.glob("boards/*.jsonl"))), map(_read_file, sorted(files)))
    for source in found:
        for card in source:
            if isinstance(card, BadRecord):
                warn(f"{card}; until then its row is left out")
            else:
                cards[card.label, card.submission] = card
    return [cards[key] for key in sorted(cards)]


def read_card(results: Path, label: str, entry: str) -> Scorecard:
    """Return an entry's scorecard from a folder of results.

    Raises MissingRecord when there is none, BadRecord when it cannot be read or is of another place.
    """
    path = card_path(results, label, entry)
    if path.exists():
        return Scorecard.read(path)
    for card in _board(board_path(results, label), entry):
        if isinstance(card, BadRecord):
            raise card
        if card.submission == entry:
            return card
    raise MissingRecord(f"there is no scorecard {path}; run its submission")


def has_card(results: Path, label: str, entry: str) -> bool:
    """Say whether there is a scorecard of an entry, readable or not."""
    try:
        read_card(results, label, entry)
    except MissingRecord:
        return False
    except BadRecord:
        pass
    return True


def pack_cards(results: Path) -> None:
    """Move the scorecards that have a file per entry into the files of their boards.

    Where one of these, or a line of the board, cannot be read, its files stay as they are: reading them says why.
    """
    with card_lock(results):
        for folder in sorted(results.glob("scorecards/*")):
            _pack(results, folder)


def drop_line(results: Path, label: str, entry: str) -> bool:
    """Take an entry's line off its board; say whether there was one. Raises BadRecord for a board with a bad line."""
    with card_lock(results):
        cards = {card.submission: card for card in _whole(_board(board_path(results, label)))}
        if cards.pop(entry, None) is None:
            return False
        _write(board_path(results, label), cards.values())
        return True


def _pack(results: Path, folder: Path) -> None:
    files = sorted(folder.glob("*.json"))
    path = board_path(results, folder.name)
    try:
        cards = [*_whole(_board(path)), *_whole(map(_read_file, files))]
    except BadRecord:
        return
    if files:
        _write(path, {card.submission: card for card in cards}.values())
    for file in files:
        file.unlink()
    if not any(folder.iterdir()):
        folder.rmdir()


def _write(path: Path, cards: Iterable[Scorecard]) -> None:
    """Write a board: the resamples first, which no line names before it is written itself."""
    ordered = sorted(cards, key=lambda card: card.submission)
    rows = {card.submission: _stored(card.resampled) for card in ordered if card.resampled}
    lines = [_line(card, rows.get(card.submission)) for card in ordered]
    write_atomically(_resamples_path(path), save(rows))
    write_atomically(path, "".join(lines).encode())


def _line(card: Scorecard, rows: np.ndarray | None) -> str:
    about = {"resamples": "" if rows is None else _hash(card.submission, rows)}
    content = {name: value for name, value in card.content().items() if name != "resampled"}
    absent: dict[str, list[str]] = {}
    for name, found in card.metrics.items():
        if isinstance(found, Absent):
            absent.setdefault(found.absent, []).append(name)
            del content["metrics"][name]
    return json.dumps({**about, "absent": absent, "card": content}, ensure_ascii=False, separators=(",", ":")) + "\n"


def _whole(found: Iterable[Scorecard | BadRecord]) -> Iterator[Scorecard]:
    """Yield the cards. Raises the first BadRecord among them."""
    for card in found:
        if isinstance(card, BadRecord):
            raise card
        yield card


def _read_file(path: Path) -> Scorecard | BadRecord:
    try:
        return Scorecard.read(path)
    except BadRecord as error:
        return error
    except BenchError as error:  # removed since it was listed
        return BadRecord(str(error))


def _board(path: Path, entry: str = "") -> Iterator[Scorecard | BadRecord]:
    """Yield the card of every line of a board, or why it is none; with `entry` only of lines that mention it."""
    try:
        content = read_file(path, _LARGEST)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as error:
        yield BadRecord(f"{path} is not a board: {reason_of(error)}; restore it")
        return
    rows = cache(lambda: _read_rows(_resamples_path(path)))  # a card without resamples needs none
    names: set[str] = set()
    lost = 0
    for number, line in enumerate(content.splitlines(), 1):
        if entry.encode() in line:
            try:
                found = _parse_line(line, path.stem, names)
                if found.resamples and rows() is None:
                    lost += 1
                else:
                    yield _with_rows(found, rows() or {})
            except ValueError as error:
                reason = why_invalid(error) if isinstance(error, ValidationError) else reason_of(error)
                yield BadRecord(f"line {number} of {path} is not a scorecard: {reason}; {_ADVICE}")
    if lost:
        yield BadRecord(f"{_resamples_path(path)} cannot be read, expected the resamples of {lost} cards; restore it")


def _parse_line(line: bytes, label: str, names: set[str]) -> _Line:
    """Return what a line holds, and add its entry to `names`, those of the lines before.

    Raises ValueError where it is no card, one of another board, or the second of an entry.
    """
    found = _with_absent(_Line.model_validate_json(line))
    if found.card.label != label:
        raise ValueError(f"it is of the board {found.card.label}")
    if found.card.submission in names:
        raise ValueError(f"a line before it has a card of {found.card.submission} already")
    names.add(found.card.submission)
    return found


def _with_absent(line: _Line) -> _Line:
    """Return a line whose card has all its metrics. Raises ValueError where one has a value and a reason for none."""
    reasons = {name: Absent(absent=reason) for reason, names in line.absent.items() for name in names}
    if twice := reasons.keys() & line.card.metrics.keys():
        raise ValueError(f"the metric {min(twice)} has a value, and a reason why it has none")
    card = line.card.model_copy(update={"metrics": {**line.card.metrics, **reasons}})
    return line.model_copy(update={"card": card, "absent": {}})


def _with_rows(line: _Line, rows: Rows) -> Scorecard:
    """Return the card of a line with the resamples that it names. Raises ValueError where they are other ones."""
    if not line.resamples:
        return line.card
    entry = line.card.submission
    if entry not in rows or _hash(entry, rows[entry]) != line.resamples:
        raise ValueError("the file of resamples beside it has not those of this card")
    quality, score = _restored(rows[entry])
    return line.card.model_copy(update={"resampled": Resampled(forgetting_quality=quality, score=score)})


def _resamples_path(board: Path) -> Path:
    return board.with_suffix(".safetensors")


def _read_rows(path: Path) -> Rows | None:
    """Return the resamples of every entry; None where the file cannot be read."""
    try:
        return load(read_file(path, _LARGEST))
    except (OSError, ValueError, KeyError, TypeError, SafetensorError):
        return None


def _hash(entry: str, rows: np.ndarray) -> str:
    return digest_of("resamples", array_parts(entry, rows))


def _stored(resampled: Resampled) -> np.ndarray:
    """Return F and the score, `[2, resamples]`: float32 where that holds them exactly, nan where there is no score."""
    exact = np.stack([resampled.columns["forgetting_quality"], resampled.columns["score"]])
    small = exact.astype(np.float32)
    return small if np.array_equal(_decimal(small), exact, equal_nan=True) else exact


def _restored(rows: np.ndarray) -> list[list[Any]]:
    """Return the two columns of `Resampled` as they were before they were stored."""
    exact = (_decimal(rows) if rows.dtype == np.float32 else rows).astype(object)
    exact[np.isnan(rows)] = None
    return exact.tolist()


def _decimal(values: np.ndarray) -> np.ndarray:
    """Return, as float64, the decimal numbers of `DIGITS` digits that are nearest to these of float32.

    A number of six digits is a whole one divided by a power of ten, both of them exact: so is what is written of it.
    """
    wide = values.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.floor(np.log10(np.abs(wide)))
    places = np.clip(np.nan_to_num(DIGITS - 1 - size, nan=0.0, posinf=0.0), 0, len(_POWERS) - 1).astype(int)
    return np.rint(wide * _POWERS[places]) / _POWERS[places]
