"""Tables of boards for the pages: a row per entry, without columns that are empty on a board."""

from collections.abc import Iterable, Sequence

from benchmark.results.scorecard import Scorecard
from findings.boards import Board
from findings.wording import ABSENT, cell

HEADINGS = (
    "rank",
    "group",
    "entry",
    "gap closed, %",
    "by φ alone, %",
    "leak",
    "published score",
    "rank by score",
    "retain",
    "test",
    "cost",
    "status",
)
_ALWAYS = 3  # the columns that name an entry


def board_table(board: Board) -> list[str]:
    """Return the table of a board as Markdown: entries in the order of the board, what has no place, the controls."""
    placeless = [card for card in board.scored.values() if not card.control and card.submission not in board.places]
    controls = [card for card in board.scored.values() if card.control]
    return to_markdown([_row(board, card) for card in (*board.entries, *placeless, *controls)])


def short_table(board: Board) -> list[str]:
    """Return the same with few rows: the best within the budget, the best beyond it, the controls."""
    beyond = [card for card in board.entries if card.status != "ok"]
    controls = [card for card in board.scored.values() if card.control]
    return to_markdown([_row(board, card)[:-1] for card in (*board.within[:4], *beyond[:1], *controls)])


def to_markdown(rows: Sequence[Sequence[str]], headings: Sequence[str] = HEADINGS) -> list[str]:
    """Return lines of a table; columns in which no row has anything are left out, but for the first ones."""
    width = len(rows[0]) if rows else len(headings)
    kept = [at for at in range(width) if at < _ALWAYS or any(row[at] != ABSENT for row in rows)]
    lines = [[headings[at] for at in kept], ["---"] * len(kept), *([row[at] for at in kept] for row in rows)]
    return [*map(_line, lines), ""]


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _row(board: Board, card: Scorecard) -> list[str]:
    place = board.places.get(card.submission)
    rank = "control" if card.control else ABSENT if place is None else str(place.rank)
    by_score = ABSENT if place is None or place.published_rank is None else str(place.published_rank)
    return [
        rank,
        place.group if place else "",
        card.submission,
        cell(card, "gap_closed", ".1f", interval=True, factor=100),
        cell(card, "gap_closed_phi", ".1f", factor=100),
        cell(card, "leak", ".3f"),
        cell(card, "score", ".4f", interval=not board.has_gap),
        by_score,
        cell(card, "retain_ratio", ".3f"),
        cell(card, "test_ratio", ".3f"),
        cell(card, "retraining_share", ".0%"),
        card.status,
    ]
