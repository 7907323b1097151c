"""Content of the summary over scenarios: mean ranks, mean gaps closed, and what is left out of them."""

from collections.abc import Mapping, Sequence
from typing import Any

from benchmark.leaderboard.groups import split_letters
from benchmark.leaderboard.mean_ranks import LEVEL
from benchmark.leaderboard.summary import Summary, summarise
from benchmark.results.scorecard import Scorecard
from benchmark.site.boards import Board
from benchmark.site.charts import Scale, interval_bar, ticks
from benchmark.site.entry_links import entry_href
from benchmark.site.numbers import PERCENT, format_value, gap_text, list_names
from benchmark.site.rows import BAR_WIDTH, badges


def summary_context(boards: Sequence[Board], cards: Sequence[Scorecard]) -> dict[str, Any]:
    """Return what the template shows of all scenarios together."""
    summary = summarise(cards)
    if isinstance(summary, str):
        return {"why_none": summary, "rows": []}
    known = {board.label: board for board in boards}
    return {
        "why_none": "",
        "sentences": [_say_summary(summary), _say_area(summary, known)],
        "level": f"{LEVEL:.0%}".replace("%", " %"),
        "bar_width": BAR_WIDTH,
        "boards": [{"label": board.label, "scenario": board.scenario} for board in summary.boards],
        "left_out": _say_left_out(summary, boards),
        "left_out_entries": _say_left_out_entries(summary, boards),
        "has_unranked": bool((summary.rows["ranked"] < summary.rows["boards"]).any()),
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
    return f"{whole}; {list_names(close)} may have the same, so ranks give no clear winner."


def _say_area(summary: Summary, boards: Mapping[str, Board]) -> str:
    """Return who closes most of the gap in the mean, whether that is sure, and on which scenarios it comes from."""
    rows = sorted(summary.rows.to_dict("records"), key=lambda row: -row["performance_area"])
    first, others = rows[0], rows[1:]
    apart = all(row["performance_area_high"] < first["performance_area_low"] for row in others)
    value, ends = _area_text(first)
    verdict = "the intervals of all others lie below this one" if apart else "intervals of others reach into this one"
    on = [(_on_board(boards[board.label], first["submission"])["text"], board.scenario) for board in summary.boards]
    where = list_names([f"{text} on {scenario}" for text, scenario in on])
    return f"By the mean gap closed {first['submission']} is first with {value} ({ends}); {verdict}. It closes {where}."


def _area_text(row: Mapping[Any, Any]) -> tuple[str, str]:
    """Return a mean gap closed and its interval: "4.5 %" and "3.9–5.2 %"."""
    low, high = row["performance_area_low"], row["performance_area_high"]
    return format_value(row["performance_area"], ".1%"), f"{100 * low:.1f}–{100 * high:.1f}{PERCENT}"


def _say_left_out(summary: Summary, boards: Sequence[Board]) -> list[str]:
    """Return which boards the summary leaves out, and why, a sentence each."""
    used = {board.label for board in summary.boards}
    old = [board.first.scenario for board in boards if board.order != "gap_closed"]
    few = [board.first.scenario for board in boards if board.order == "gap_closed" and board.label not in used]
    return [
        *([f"{list_names(few)}: fewer than half of the entries have a row there"] if few else []),
        *([f"{list_names(old)}: older measure, no gap closed"] if old else []),
    ]


def _say_left_out_entries(summary: Summary, boards: Sequence[Board]) -> str:
    """Return how many ranked entries are not in the summary, and which of them lead a board; empty for none."""
    used = [board for board in boards if board.label in {each.label for each in summary.boards}]
    ranked = {card.submission for board in used for card in board.ranked_cards}
    left = ranked - set(summary.entries)
    leaders = [board.ranked_cards[0].submission for board in used if board.ranked_cards]
    leading = list_names([name for name in dict.fromkeys(leaders) if name in left])
    if not left:
        return ""
    return f"{len(left)} entries{f', {leading} among them' if leading else ''}"


def _summary_row(summary: Summary, row: dict[Any, Any], boards: dict[str, Board]) -> dict[str, Any]:
    value, low, high = (row[f"mean_rank{end}"] for end in ("", "_low", "_high"))
    area, area_ends = _area_text(row)
    return {
        "rank": row["rank"],
        "group": row["group"],
        "name": row["submission"],
        "mean_rank": f"{value:.1f}",
        "bounds": f"{low:.1f}–{high:.1f}",
        "bar": interval_bar(_rank_axis(summary), value, low, high),
        "area": area,
        "area_bounds": area_ends,
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
