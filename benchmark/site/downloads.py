"""Files inside an entry's page, and the places of those beside the site."""

import base64
import csv
import io
import json
from pathlib import Path
from typing import NamedTuple

from benchmark.results.scorecard import Scorecard
from benchmark.site.boards import Board


class Download(NamedTuple):
    """A file inside the page: its name, and its content as a `data:` URI."""

    name: str
    uri: str


def downloads(board: Board, card: Scorecard) -> list[Download]:
    """Return the card as JSON and its row of the board as CSV."""
    content = json.dumps(card.content(), ensure_ascii=False) + "\n"  # indented it takes Python ten times as long
    return [
        Download(f"{card.submission}-{board.label}.json", _data_uri("application/json", content)),
        Download(f"{card.submission}-{board.label}.csv", _data_uri("text/csv", _csv(board, card))),
    ]


def _csv(board: Board, card: Scorecard) -> str:
    file = io.StringIO()
    row = board.rows[card.submission]
    csv.writer(file, lineterminator="\n").writerows(
        [list(row), ["" if each is None else each for each in row.values()]]
    )
    return file.getvalue()


def _data_uri(kind: str, text: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(text.encode()).decode()}"


def evidence_place(folder: Path | None) -> str:
    """Return where evidence lies in a folder of results; empty where there is none. It is no part of the site."""
    return "" if folder is None else "/".join(folder.parts[-3:])
