"""The machine-unlearning benchmark: scenario → problem → reference pool → evidence → scorecard → leaderboard."""
