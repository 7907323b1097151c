"""Scorecards make the leaderboard: ranks, a table, plots, comparisons."""

from benchmark.leaderboard.board import (
    draw_boards,
    find_scorecard,
    plot_all_scenarios,
    plot_entry,
    plot_scenario,
    read_scorecards,
    rebuild,
    rebuild_unless_others_do,
    scored_submissions,
    shipped_scorecards,
)
from benchmark.leaderboard.comparison import compare
from benchmark.leaderboard.merging import merge_boards
from benchmark.leaderboard.removal import remove_entry
from benchmark.leaderboard.summary import summarise
from benchmark.leaderboard.summary_table import render_summary
from benchmark.leaderboard.table import boards, leaderboard, render

__all__ = [
    "boards",
    "compare",
    "draw_boards",
    "find_scorecard",
    "leaderboard",
    "merge_boards",
    "plot_all_scenarios",
    "plot_entry",
    "plot_scenario",
    "read_scorecards",
    "rebuild",
    "rebuild_unless_others_do",
    "remove_entry",
    "render",
    "render_summary",
    "scored_submissions",
    "shipped_scorecards",
    "summarise",
]
