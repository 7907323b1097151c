"""Compares two boards, column by column and row by row: says which numbers differ, and exits with 1 if any do.

python scripts/compare_boards.py BEFORE.csv AFTER.csv [--ignore rank,group]

A board is a `leaderboard.csv`, or a folder of results, whose scorecards are made into one without writing anything.
Columns that metrics had by an earlier name are compared by the present one.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from benchmark.leaderboard import leaderboard
from benchmark.results.board_file import read_cards
from benchmark.results.schema1 import RENAMED

ROW = ["scenario_hash", "scorer_version", "submission"]
REASONS = "absent"  # holds names of metrics
SHOWN = 5  # rows of a column that differs


def main() -> None:
    arguments = argparse.ArgumentParser(description="Says which numbers of two boards differ.")
    arguments.add_argument("before", type=Path)
    arguments.add_argument("after", type=Path)
    arguments.add_argument("--ignore", default="", help="columns that are meant to differ, with commas between")
    given = arguments.parse_args()
    before, after = read(given.before), read(given.after)
    ignored = set(given.ignore.split(",")) - {""}
    sentences = list(differences(before, after, ignored))
    for sentence in sentences:
        print(sentence)
    common = [column for column in before.columns if column in after.columns and column not in ignored]
    print(f"{len(before)} and {len(after)} rows, {len(common)} columns in both; {len(sentences)} differences")
    sys.exit(1 if sentences else 0)


def read(path: Path) -> pd.DataFrame:
    """Return a board with its rows by entry and its columns under their present names."""
    if path.is_dir():
        rows = leaderboard(read_cards(path, sys.exit))
        rows[rows.columns] = rows[rows.columns].astype(object).where(rows.notna(), None)
    else:
        rows = pd.read_csv(path, dtype={"scorer_version": str})
    rows = rows.rename(columns=present_name)
    rows["scorer_version"] = rows["scorer_version"].astype(str)
    return rows.set_index(ROW).sort_index()


def present_name(column: str) -> str:
    for end in ("_low", "_high"):
        if column.endswith(end):
            return RENAMED.get(column.removesuffix(end), column.removesuffix(end)) + end
    return RENAMED.get(column, column)


def differences(before: pd.DataFrame, after: pd.DataFrame, ignored: set[str]) -> Iterator[str]:
    """Yield a sentence per row or column that only one has, and per column whose values differ."""
    for name, one, other in (("before", before, after), ("after", after, before)):
        if missing := [" ".join(row) for row in one.index if row not in other.index]:
            yield f"only {name}: {len(missing)} rows, {missing[:SHOWN]}"
        if missing := [column for column in one.columns if column not in other.columns and column not in ignored]:
            yield f"only {name}: the columns {', '.join(missing)}"
    rows = before.index.intersection(after.index)
    for column in before.columns:
        if column in after.columns and column not in ignored:
            pairs = zip(before.loc[rows, column], after.loc[rows, column], strict=True)
            odd = [(row, *pair) for row, pair in zip(rows, pairs, strict=True) if not same(column, *pair)]
            if odd:
                shown = "; ".join(f"{' '.join(row)}: {old!r} and {new!r}" for row, old, new in odd[:SHOWN])
                yield f"{column}: {len(odd)} rows differ: {shown}"


def same(column: str, old: object, new: object) -> bool:
    if column == REASONS:
        return reasons(old) == reasons(new)
    absent = [pd.isna(value) or value == "" for value in (old, new)]
    return all(absent) if any(absent) else old == new


def reasons(cell: object) -> dict[str, str]:
    parts = (part.partition(": ") for part in str(cell).split(" | ")) if isinstance(cell, str) else ()
    return {present_name(name): reason for name, _, reason in parts if name}


if __name__ == "__main__":
    main()
