"""Content of the index page: every board, and the summary over scenarios before them."""

from collections.abc import Sequence
from typing import Any

from benchmark.metrics.jackknife import t_quantile
from benchmark.metrics.published_search import CAP
from benchmark.results.scorecard import Scorecard
from benchmark.scenario.schema import options
from benchmark.site.boards import Board
from benchmark.site.columns import all_columns, heading_of, sentence_of
from benchmark.site.conclusion import conclusion
from benchmark.site.entry_links import entry_href
from benchmark.site.example_leaks import UNIT, thresholds, whole_parts
from benchmark.site.numbers import format_value, gap_text, short, shorten
from benchmark.site.over_scenarios import summary_context
from benchmark.site.pairs import compared_metrics
from benchmark.site.rows import (
    BAR_WIDTH,
    COST_WIDTH,
    badges,
    column_cells,
    cost_axis,
    cost_cell,
    order_ticks,
    rank_text,
    score_marks,
    table_rows,
)
from benchmark.site.sayings import (
    against_nothing,
    board_facts,
    caveats,
    headline,
    leader_sentences,
    say_better,
    say_limits,
    say_shortly,
)
from benchmark.site.scatters import scatters

_BESIDE = (("leak", "leak", ".3f"), ("retain_leak", "retain leak", ".3f"), ("test_accuracy", "accuracy", ".1%"))


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
        {name: getattr(each, name) for name in ("name", "heading", "sentence", "group", "lower", "better")}
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
        "leader_real": say_shortly(board),
        "leader_beside": _beside_nothing(board),
        "leader_badges": badges(board.ranked_cards[0]) if leader else [],
        "dearer": _dearer(board),
        "facts": board_facts(board),
        "better": say_better(board),
        "limits": say_limits(board),
        "caveats": caveats(board),
        "score_nothing": "" if board.order == "gap_closed" else format_value(score_marks(board)[0], ".4f"),
        "public_seeds": any(
            card.seeds == "public" and card.status != "not-applicable" for card in board.cards.values()
        ),
        "trains_own": any(card.own_training for card in board.cards.values()),
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
        "beatsNothing": not card.control and against_nothing(board, card) == 1,
    }


def _profile(card: Scorecard) -> list[list[float]] | None:
    found = card.profile
    return found and [shorten(column) for column in (found.epsilon, found.delta, found.low, found.high)]


def _examples(board: Board, card: Scorecard) -> list[float] | None:
    values = card.per_example(board.per_example)
    return values and [round(min(value, CAP), 3) for value in values]


def _leader_cost(board: Board) -> str:
    if not board.ranked_cards:
        return ""
    cell = cost_cell(board.ranked_cards[0], board.budget)
    about = [cell.ends, f"budget {format_value(board.budget, '.0%')}" if board.budget else ""]
    beside = "; ".join(filter(None, about))
    return f"{cell.text} ({beside})" if beside else cell.text


def _beside_nothing(board: Board) -> list[str]:
    """Return leaks and accuracy of a board's leader, and in brackets those of doing nothing."""
    if not board.ranked_cards:
        return []
    leader, nothing = board.ranked_cards[0], board.nothing
    found = []
    for name, words, form in (
        ("leak", "leak", ".3f"),
        ("retain_leak", "retain leak", ".3f"),
        ("test_accuracy", "accuracy", ".1%"),
    ):
        if (value := leader.value(name)) is not None:
            before = f" ({format_value(nothing.value(name), form)})" if nothing else ""
            found.append(f"{words} {format_value(value, form)}{before}")
    return found


def _dearer(board: Board) -> dict[str, str]:
    """Return the entry over the budget that does better than the leader, in a few words; empty where there is none."""
    card = board.best_over_budget
    found = card.estimate("gap_closed") if card else None
    if card is None or found is None:
        return {}
    text = "{}{}".format(gap_text(found)[0], f" at {format_value(card.value('retraining_share'), '.0%')} of retraining")
    return {"name": card.submission, "href": entry_href(board.label, card.submission), "text": text}
