"""Scorecards make the leaderboard: a table, plots."""

from benchmark.leaderboard.board import read_scorecards, rebuild
from benchmark.leaderboard.table import groups, leaderboard, render

__all__ = ["groups", "leaderboard", "read_scorecards", "rebuild", "render"]
