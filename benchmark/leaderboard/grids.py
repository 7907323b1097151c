"""Boards and the summary as grids of short texts, which are written into pages and papers."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import pandas as pd

from benchmark.leaderboard.summary import Summary
from benchmark.leaderboard.table import ABSENT, cell_of, first_order, rank_of

OVER = "†"
"""Stands behind the cost of an entry that is over the budget."""


class Grid(NamedTuple):
    """A table of texts; all columns but the first `names` hold numbers."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()
    names: int = 3


def board_grid(rows: pd.DataFrame, title: str) -> Grid:
    """Return the columns of a board that fit on a page: rank, group, entry, what orders it, the score, the cost."""
    by_gap = first_order(rows) == "gap_closed"
    headings = (
        ("gap closed, %", "by φ alone, %", "score", "cost, %") if by_gap else ("score", "of perfect, %", "cost, %")
    )
    values = _gap_values if by_gap else _score_values
    records = rows.to_dict("records")
    shown = tuple((*_names(row), *values(row)) for row in records if not pd.isna(row["forgetting_quality"]))
    return Grid(title, ("rank", "group", "entry", *headings), shown, tuple(_notes(records)))


def _names(row: Mapping[Hashable, Any]) -> tuple[str, str, str]:
    return rank_of(row), row["group"] if isinstance(row["group"], str) else "", row["submission"]


def _gap_values(row: Mapping[Hashable, Any]) -> tuple[str, ...]:
    alone, score = _share(row["gap_closed_phi"], ".1f"), cell_of(row["score"], ".4f")
    return _interval(row, "gap_closed", ".1f", 100), alone, score, _cost(row)


def _score_values(row: Mapping[Hashable, Any]) -> tuple[str, ...]:
    return _interval(row, "score", ".4f", 1), _share(row["normalised_score"], ".0f"), _cost(row)


def _notes(records: Iterable[Mapping[Hashable, Any]]) -> Iterator[str]:
    """Yield how to read a board, and which entries have no rank for their status."""
    yield "Brackets: 95 % intervals. Entries that share a letter (group) are not significantly different."
    statuses = {row["submission"]: row["status"] for row in records if row["status"] != "ok"}
    if "over-budget" in statuses.values():
        yield f"{OVER}: over the budget."
    if unranked := [f"{name} ({status})" for name, status in statuses.items() if status != "over-budget"]:
        yield f"Without a rank: {', '.join(unranked)}."


def summary_grid(summary: Summary) -> Grid:
    """Return the summary over scenarios: mean ranks, areas under performance profiles, boards that rank an entry."""
    rows = tuple(
        (
            f"{row['rank']}",
            row["group"],
            row["submission"],
            _interval(row, "mean_rank", ".1f", 1),
            _interval(row, "performance_area", ".3f", 1),
            f"{row['ranked']} of {row['boards']}",
        )
        for row in summary.rows.to_dict("records")
    )
    names = ", ".join(board.scenario for board in summary.boards)
    notes = ("Brackets: bounds of all mean ranks together, and 95 % intervals of areas.",)
    headings = ("rank", "group", "entry", "mean rank", "area", "ranked on")
    return Grid(f"Summary over {len(summary.boards)} scenarios: {names}", headings, rows, notes)


def _interval(row: Mapping[Hashable, Any], name: str, form: str, factor: int) -> str:
    if pd.isna(row[name]):
        return ABSENT
    value, low, high = (_number(factor * row[f"{name}{end}"], form) for end in ("", "_low", "_high"))
    return f"{value} [{low}, {high}]"


def _share(value: float, form: str) -> str:
    return ABSENT if pd.isna(value) else _number(100 * value, form)


def _number(value: float, form: str) -> str:
    text = format(value, form)
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def _cost(row: Mapping[Hashable, Any]) -> str:
    return _share(row["retraining_share"], ".0f") + (OVER if row["status"] == "over-budget" else "")
