"""Content of the index page: every board, and the summary over scenarios before them."""

from collections.abc import Sequence
from typing import Any

from benchmark.leaderboard.groups import split_letters
from benchmark.leaderboard.mean_ranks import LEVEL
from benchmark.leaderboard.summary import Summary, summarise
from benchmark.metrics.jackknife import t_quantile
from benchmark.metrics.published_search import CAP
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import options
from benchmark.site.boards import Board
from benchmark.site.charts import Scale, interval_bar, ticks
from benchmark.site.columns import all_columns, heading_of, sentence_of
from benchmark.site.entry_links import entry_href
from benchmark.site.example_leaks import UNIT, thresholds, whole_parts
from benchmark.site.numbers import MISSING, format_value, gap_text, list_names, short, shorten
from benchmark.site.pairs import compared_metrics
from benchmark.site.rows import (
    BAR_WIDTH,
    COST_WIDTH,
    badges,
    column_cells,
    cost_axis,
    order_ticks,
    rank_text,
    score_marks,
    table_rows,
)
from benchmark.site.sayings import best_over_budget, board_facts, caveats, conclusion, headline, leader_sentences
from benchmark.site.scatters import scatters


def index_context(boards: Sequence[Board], cards: Sequence[Scorecard]) -> dict[str, Any]:
    """Return what the template of the index shows."""
    return {
        "boards": [board_context(board) for board in boards],
        "conclusion": conclusion(boards),
        "summary": summary_context(boards, cards),
    }


def index_data(boards: Sequence[Board]) -> dict[str, object]:
    """Return the data blocks of the index, by the ids of their elements: one for all boards, and one each."""
    known = [
        {name: getattr(each, name) for name in ("name", "heading", "sentence", "group", "lower")}
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
        "leader_leak": _leader_leak(board),
        "leader_badges": badges(board.ranked_cards[0]) if leader else [],
        "dearer": _dearer(board),
        "facts": board_facts(board),
        "caveats": caveats(board),
        "score_nothing": "" if board.order == "gap_closed" else format_value(score_marks(board)[0], ".4f"),
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
        "order": board.order,
        "compared": compared_metrics(board),
        "profiles": [_profile(card) for card in board.cards.values() if card.is_scored],
        "examples": _example_data(board),
    }


def _example_data(board: Board) -> dict[str, object]:
    """Return what the scripts know of a board's forget examples: their values after every entry, and uncertainty."""
    scored = [card for card in board.cards.values() if card.is_scored]
    known = board.examples
    groups = next((len(rows[0]) for rows in board.replicates.values()), 0)
    return {
        "heading": heading_of(board.per_example),
        "largest": 1.0 if board.per_example == "example_leak" else CAP,
        "values": [_examples(board, card) for card in scored],
        "labels": [each.label for each in known.examples] if known else [],
        "groups": groups,
        "unit": UNIT,
        "replicates": [whole_parts(board.replicates.get(card.submission, [])) for card in scored],
        "thresholds": thresholds(board.first.examples, groups),
        "alone": short(t_quantile(0.975, groups - 1)) if groups else 0,
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
    return values and [round(min(value, CAP), 3) for value in values]


def _leader_cost(board: Board) -> str:
    return format_value(board.ranked_cards[0].value("retraining_share"), ".0%") if board.ranked_cards else ""


def _leader_leak(board: Board) -> str:
    """Return the leak of a board's leader and that of doing nothing: "0.708 (0.779)"."""
    if not board.ranked_cards or (leak := board.ranked_cards[0].value("leak")) is None:
        return MISSING
    nothing = board.nothing.value("leak") if board.nothing else None
    return f"{leak:.3f}" if nothing is None else f"{leak:.3f} ({nothing:.3f})"


def _dearer(board: Board) -> dict[str, str]:
    """Return the entry over the budget that does better than the leader, in a few words; empty where there is none."""
    card = best_over_budget(board)
    found = card.estimate("gap_closed") if card else None
    if card is None or found is None:
        return {}
    text = "{}{}".format(gap_text(found)[0], f" at {format_value(card.value('retraining_share'), '.0%')} of retraining")
    return {"name": card.submission, "href": entry_href(board.label, card.submission), "text": text}


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
        "left_out": _say_left_out(summary, boards),
        "left_out_entries": list_names(_left_out_entries(summary, boards)),
        "ticks": ticks(_rank_axis(summary), [1.0, float(len(summary.entries))], ".0f"),
        "rows": [_summary_row(summary, row, known) for row in summary.rows.to_dict("records")],
    }


def _rank_axis(summary: Summary) -> Scale:
    return Scale(1.0, max(2.0, float(len(summary.entries))), 0.0, BAR_WIDTH)


def _say_summary(summary: Summary) -> str:
    """Return who has the best mean rank, or who share it, and who may have the same."""
    rows = summary.rows.to_dict("records")
    first = rows[0]
    tied = [row["submission"] for row in rows if row["mean_rank"] == first["mean_rank"]]
    own = set(split_letters(first["group"]))
    close = [row["submission"] for row in rows[len(tied) :] if own.intersection(split_letters(row["group"]))]
    has = f"{tied[0]} has" if len(tied) == 1 else f"{list_names(tied)} tie for"
    whole = f"Over {len(summary.boards)} scenarios {has} the best mean rank, {first['mean_rank']:.1f} "
    whole += f"(bounds {first['mean_rank_low']:.1f}–{first['mean_rank_high']:.1f}) of {len(summary.entries)} entries"
    if not close:
        return f"{whole}{', and no other entry may share it' if len(tied) == 1 else ''}."
    return f"{whole}; {list_names(close)} may have the same, so there is no clear winner."


def _say_left_out(summary: Summary, boards: Sequence[Board]) -> list[str]:
    """Return which boards the summary leaves out, and why, a sentence each."""
    used = {board.label for board in summary.boards}
    old = [board.first.scenario for board in boards if board.order != "gap_closed"]
    few = [board.first.scenario for board in boards if board.order == "gap_closed" and board.label not in used]
    return [
        *([f"{list_names(few)}: fewer than half of the entries have a row there"] if few else []),
        *([f"{list_names(old)}: older measure, no gap closed"] if old else []),
    ]


def _left_out_entries(summary: Summary, boards: Sequence[Board]) -> list[str]:
    """Return the leaders of boards that the summary covers and that it does not rank, being ranked on one of them."""
    used = {board.label for board in summary.boards}
    leaders = [board.ranked_cards[0].submission for board in boards if board.label in used and board.ranked_cards]
    return [name for name in dict.fromkeys(leaders) if name not in summary.entries]


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
        return {"scenario": board.first.scenario, "text": "no row", "href": "", "badges": []}
    found = card.estimate("gap_closed")
    text = gap_text(found)[0] if found else "–"
    shown = [badge for badge in badges(card) if card.status != "ok"]
    href = entry_href(board.label, name)
    return {"scenario": board.first.scenario, "text": text, "href": href, "badges": shown}
