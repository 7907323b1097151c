"""Scorecards make the leaderboard: a table, plots."""

from benchmark.leaderboard.board import rebuild
from benchmark.leaderboard.table import groups, leaderboard, render

__all__ = ["groups", "leaderboard", "rebuild", "render"]
