"""The summary over scenarios as a table for the terminal."""

from rich.table import Table

from benchmark.leaderboard.mean_ranks import LEVEL
from benchmark.leaderboard.summary import Summary
from benchmark.leaderboard.table import ranking_table


def render_summary(summary: Summary) -> Table:
    """Return the table, the smallest mean rank first, and below it how to read it."""
    names = ", ".join(board.scenario for board in summary.boards)
    table = ranking_table(f"Summary over {len(summary.boards)} scenarios: {names}")
    table.caption = _caption(summary)
    for heading in ("mean rank", "bounds", "area", "95 %", "ranked on"):
        table.add_column(heading, justify="right", no_wrap=True)
    for row in summary.rows.to_dict("records"):
        table.add_row(
            f"{row['rank']}",
            row["group"],
            row["submission"],
            f"{row['mean_rank']:.1f}",
            f"{row['mean_rank_low']:.1f}–{row['mean_rank_high']:.1f}",
            f"{row['performance_area']:.3f}",
            f"{row['performance_area_low']:.3f}–{row['performance_area_high']:.3f}",
            f"{row['ranked']} of {row['boards']}",
        )
    return table


def _caption(summary: Summary) -> str:
    left_out = ", ".join(summary.left_out)
    return (
        f"mean rank: by gap closed, among these {len(summary.entries)} entries; bounds: of all entries together, "
        f"{LEVEL:.0%} over models, on these scenarios. Entries that share a letter (group) may have one mean rank. "
        "area: under the performance profile, the mean of the gaps closed, each cut to 0 to 1. Where an entry is over "
        "budget, suspect, failed, not for the task or without a row, it never reaches any share of the gap and ranks "
        "behind all others." + (f" Left out, for most entries have no row there: {left_out}." if left_out else "")
    )
