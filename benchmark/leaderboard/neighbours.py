"""A few rows of a board around one entry, with both controls: what a person looks at after a run."""

from typing import Any

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

from benchmark.leaderboard.table import cell_of, first_order, rank_of
from benchmark.metrics.kinds import METRICS

MOST = 10
MARK = "▶"
_WIDTH = 78  # columns, so that it fits where a terminal is narrow


def rows_around(rows: pd.DataFrame, entry: str, most: int = MOST) -> pd.DataFrame:
    """Return at most so many rows of a board in its order: the entry's, the controls', the best and the nearest."""
    is_control = rows["control"].to_numpy(dtype=bool)
    own = rows["submission"].tolist().index(entry)
    others = np.flatnonzero(~is_control).tolist()
    nearest = sorted(others, key=lambda at: (abs(at - own), at))
    wanted = [own, *np.flatnonzero(is_control).tolist(), *others[:1], *nearest]
    return rows.reset_index(drop=True).iloc[sorted(list(dict.fromkeys(wanted))[:most])]


def render_around(rows: pd.DataFrame, entry: str) -> Table:
    """Return the rows around an entry, its own marked, for a terminal of 80 columns."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), show_edge=False, width=_WIDTH)
    first = first_order(rows)
    for heading in ("", "rank", "group"):
        table.add_column(heading, no_wrap=True)
    table.add_column("entry", overflow="fold", ratio=1)
    for heading in (METRICS[first].heading, "±", *(["score"] if first != "score" else []), "cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status", overflow="fold")
    shown, last = rows_around(rows, entry), -1
    for at, row in zip(shown.index, shown.to_dict("records"), strict=True):
        if left_out := at - last - 1:
            table.add_row("", "⋮", "", Text(f"{left_out} more", "dim"))
        last = at
        _add_row(table, row, first, is_own=row["submission"] == entry)
    if left_out := len(rows) - last - 1:
        table.add_row("", "⋮", "", Text(f"{left_out} more", "dim"))
    return table


def _add_row(table: Table, row: dict[Any, Any], first: str, *, is_own: bool) -> None:
    half = (row[f"{first}_high"] - row[f"{first}_low"]) / 2
    cells = [
        MARK if is_own else "",
        rank_of(row),
        row["group"] if isinstance(row["group"], str) else "",
        row["submission"],
        cell_of(row[first], METRICS[first].form),
        cell_of(half, METRICS[first].form),
        *([cell_of(row["score"], ".4f")] if first != "score" else []),
        cell_of(row["retraining_share"], METRICS["retraining_share"].form),
        row["status"],
    ]
    style = "bold" if is_own else "dim" if row["control"] else None
    table.add_row(*map(Text, cells), style=style)
