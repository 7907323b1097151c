"""The leaderboard as a table: what is ranked with what, the CSV, the view in the terminal."""

from collections.abc import Iterator
from typing import cast

import pandas as pd
from rich import box
from rich.table import Table

from benchmark.scorecard import Scorecard

COLUMNS = [
    "rank",
    "submission",
    "scenario",
    "score",
    "forgetting_quality",
    "retain_accuracy",
    "test_accuracy",
    "retain_ratio",
    "test_ratio",
    "median_epsilon",
    "run_seconds",
    "retraining_share",
    "models",
    "status",
    "reason",
    "control",
    "scorer_version",
    "scenario_hash",
    "submission_hash",
    "date",
]

# Rows that share these are comparable; no rank crosses them.
_COMPARABLE = ["scenario", "scenario_hash", "scorer_version"]
_STANDING = {"ok": 0, "over-budget": 1}


def leaderboard(cards: list[Scorecard]) -> pd.DataFrame:
    """One row an entry in COLUMNS, best first within each comparable group, ranks as Int64.

    Entries over budget rank below all others. Controls and failed entries have no rank; controls stand where their
    score puts them, failures last.
    """
    rows = pd.DataFrame([_row(card) for card in cards], columns=[*COLUMNS, "standing"])
    rows = rows.sort_values(
        [*_COMPARABLE, "standing", "score", "submission"], ascending=[True] * 4 + [False, True]
    ).reset_index(drop=True)
    ranked = rows[(rows["standing"] < len(_STANDING)) & ~rows["control"].astype(bool)]
    rows["rank"] = ranked.groupby(_COMPARABLE).cumcount().add(1).astype("Int64")
    return rows.loc[:, COLUMNS]


def groups(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows that may be compared with one another, with a title for each group."""
    for key, group in rows.groupby(_COMPARABLE):
        scenario, digest, version = cast(tuple[str, str, str], key)
        models = group["models"].iloc[0]
        yield f"{scenario}, N = {models} (scenario {digest}, scorer {version})", group


def render(rows: pd.DataFrame, title: str) -> Table:
    """The columns a person looks at first, for the terminal; the cost is the median run's share of retraining."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for heading in ("rank", "submission"):
        table.add_column(heading, no_wrap=True)
    for heading in ("score", "F", "retain", "test", "med. ε", "cost"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("status", no_wrap=True)
    for row in rows.to_dict("records"):
        rank = "control" if row["control"] else "–" if pd.isna(row["rank"]) else str(row["rank"])
        if pd.isna(row["score"]):
            table.add_row(rank, row["submission"], *["–"] * 6, row["status"])
            continue
        table.add_row(
            rank,
            row["submission"],
            f"{row['score']:.4f}",
            f"{row['forgetting_quality']:.4f}",
            f"{row['retain_accuracy']:.1%}",
            f"{row['test_accuracy']:.1%}",
            f"{row['median_epsilon']:.2f}",
            f"{row['retraining_share']:.0%}",
            row["status"],
            style="dim" if row["control"] else None,
        )
    return table


def _row(card: Scorecard) -> dict[str, object]:
    about = card.model_dump(include=set(COLUMNS))
    figures = card.figures.model_dump(include=set(COLUMNS)) if card.figures else {}
    return {**about, **figures, "standing": _STANDING.get(card.status, len(_STANDING))}
