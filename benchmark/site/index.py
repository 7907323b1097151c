"""Content of the index page: every board, and the summary over scenarios before them."""

from collections.abc import Sequence
from typing import Any

from benchmark.leaderboard.groups import split_letters
from benchmark.leaderboard.mean_ranks import LEVEL
from benchmark.leaderboard.summary import Summary, summarise
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import options
from benchmark.site.boards import Board
from benchmark.site.charts import Scale, interval_bar, ticks
from benchmark.site.columns import all_columns, heading_of, sentence_of
from benchmark.site.entry_links import entry_href
from benchmark.site.numbers import format_value, gap_text, list_names, shorten
from benchmark.site.pairs import compared_metrics
from benchmark.site.rows import (
    BAR_WIDTH,
    COST_WIDTH,
    badges,
    column_cells,
    cost_axis,
    order_ticks,
    rank_text,
    table_rows,
)
from benchmark.site.sayings import board_facts, caveats, headline, leader_sentences
from benchmark.site.scatters import scatters

_INFINITE = 50.0  # what stands for an ε that so few models cannot bound


def index_context(boards: Sequence[Board], cards: Sequence[Scorecard]) -> dict[str, Any]:
    """Return what the template of the index shows."""
    return {"boards": [board_context(board) for board in boards], "summary": summary_context(boards, cards)}


def index_data(boards: Sequence[Board]) -> dict[str, object]:
    """Return the data blocks of the index, by the ids of their elements: one for all boards, and one each."""
    known: list[dict[str, str]] = [
        {"name": each.name, "heading": each.heading, "sentence": each.sentence, "group": each.group}
        for each in all_columns()
    ]
    return {"columns": known, **{f"data-{board.label}": board_data(board) for board in boards}}


def board_context(board: Board) -> dict[str, Any]:
    """Return what the template shows of a board."""
    leader = board.ranked_cards[0].submission if board.ranked_cards else ""
    return {
        "label": board.label,
        "scenario": board.first.scenario,
        "hash": board.first.scenario_hash,
        "models": board.first.models,
        "description": board.scenario.description if board.scenario else "",
        "sentences": leader_sentences(board),
        "headline": headline(board),
        "leader": leader,
        "leader_href": entry_href(board.label, leader) if leader else "",
        "hrefs": {name: entry_href(board.label, name) for name in board.cards},
        "leader_cost": _leader_cost(board),
        "facts": board_facts(board),
        "caveats": caveats(board),
        "by_gap": board.order == "gap_closed",
        "first_heading": heading_of(board.order),
        "first_sentence": sentence_of(board.order),
        "rows": table_rows(board),
        "chosen": [card.submission for card in board.ranked_cards[:2]],
        "ticks": order_ticks(board),
        "bar_width": BAR_WIDTH,
        "cost_width": COST_WIDTH,
        "budget": cost_axis()(board.budget) if board.budget else None,
        "budget_text": format_value(board.budget, ".0%") if board.budget else "",
        "scatters": scatters(board),
        "has_profile": any(card.profile for card in board.cards.values()),
        "example_heading": heading_of(board.per_example),
        "options": options(board.first.scenario, board.first.models),
    }


def board_data(board: Board) -> dict[str, object]:
    """Return what the scripts know of a board: its entries, the columns to choose, differences, profiles, examples."""
    return {
        "entries": [_entry(board, place, card) for place, card in enumerate(board.cards.values())],
        "cells": column_cells(board, all_columns()),
        "compared": compared_metrics(board),
        "profiles": [_profile(card) for card in board.cards.values() if card.is_scored],
        "examples": {
            "heading": heading_of(board.per_example),
            "largest": 1.0 if board.per_example == "example_leak" else _INFINITE,
            "values": [_examples(board, card) for card in board.cards.values() if card.is_scored],
        },
    }


def _entry(board: Board, place: int, card: Scorecard) -> dict[str, object]:
    name = card.submission
    return {
        "name": name,
        "href": entry_href(board.label, name),
        "rank": rank_text(board, name),
        "group": board.rows[name]["group"] or "",
        "kind": "control" if card.control else card.values,
        "status": card.status,
        "scored": card.is_scored,
        "words": f"{card.title} {card.reference}",
        "sibling": board.sibling_of(name) or "",
        "place": place,
    }


def _profile(card: Scorecard) -> list[list[float]] | None:
    found = card.profile
    return found and [shorten(column) for column in (found.epsilon, found.delta, found.low, found.high)]


def _examples(board: Board, card: Scorecard) -> list[float] | None:
    values = card.per_example(board.per_example)
    return values and [round(min(value, _INFINITE), 3) for value in values]


def _leader_cost(board: Board) -> str:
    return format_value(board.ranked_cards[0].value("retraining_share"), ".0%") if board.ranked_cards else ""


def summary_context(boards: Sequence[Board], cards: Sequence[Scorecard]) -> dict[str, Any]:
    """Return what the template shows of all scenarios together."""
    summary = summarise(cards)
    if isinstance(summary, str):
        return {"why_none": summary, "rows": []}
    known = {board.label: board for board in boards}
    return {
        "why_none": "",
        "sentence": _say_summary(summary),
        "level": f"{LEVEL:.0%}".replace("%", " %"),
        "bar_width": BAR_WIDTH,
        "boards": [{"label": board.label, "scenario": board.scenario} for board in summary.boards],
        "left_out": summary.left_out,
        "ticks": ticks(_rank_axis(summary), [1.0, float(len(summary.entries))], ".0f"),
        "rows": [_summary_row(summary, row, known) for row in summary.rows.to_dict("records")],
    }


def _rank_axis(summary: Summary) -> Scale:
    return Scale(1.0, max(2.0, float(len(summary.entries))), 0.0, BAR_WIDTH)


def _say_summary(summary: Summary) -> str:
    first = summary.rows.iloc[0]
    own = set(split_letters(first["group"]))
    others = summary.rows.to_dict("records")[1:]
    close = [row["submission"] for row in others if own.intersection(split_letters(row["group"]))]
    whole = (
        f"Over {len(summary.boards)} scenarios {first['submission']} has the best mean rank, {first['mean_rank']:.1f} "
    )
    whole += f"(bounds {first['mean_rank_low']:.1f}–{first['mean_rank_high']:.1f}) of {len(summary.entries)} entries"
    if not close:
        return f"{whole}, and no other entry may share it."
    return f"{whole}; {list_names(close)} may have the same."


def _summary_row(summary: Summary, row: dict[Any, Any], boards: dict[str, Board]) -> dict[str, Any]:
    value, low, high = (row[f"mean_rank{end}"] for end in ("", "_low", "_high"))
    area, area_low, area_high = (row[f"performance_area{end}"] for end in ("", "_low", "_high"))
    return {
        "rank": row["rank"],
        "group": row["group"],
        "name": row["submission"],
        "mean_rank": f"{value:.1f}",
        "bounds": f"{low:.1f}–{high:.1f}",
        "bar": interval_bar(_rank_axis(summary), value, low, high),
        "area": f"{area:.3f}",
        "area_bounds": f"{area_low:.3f}–{area_high:.3f}",
        "ranked": f"{row['ranked']} of {row['boards']}",
        "boards": [_on_board(boards[board.label], row["submission"]) for board in summary.boards],
    }


def _on_board(board: Board, name: str) -> dict[str, Any]:
    card = board.cards.get(name)
    if card is None:
        return {"text": "no row", "href": "", "badges": []}
    found = card.estimate("gap_closed")
    text = gap_text(found)[0] if found else "–"
    shown = [badge for badge in badges(card) if card.status != "ok"]
    return {"text": text, "href": entry_href(board.label, name), "badges": shown}
