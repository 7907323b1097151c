"""The machine-unlearning benchmark: scenario → problem → reference pool → evidence → scorecard → leaderboard."""

from benchmark.start_folder import is_ours, leave_start_folder, protect_children

protect_children()
if is_ours():
    leave_start_folder()
