"""`bench board`: whole boards, on the terminal or as a table for a paper or a page."""

import json
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import JsonOption, ModelsOption, OutOption
from benchmark.cli.shared import out as terminal
from benchmark.cli.shared import print_json, read_scenario, show_summary
from benchmark.errors import BadUsage, MissingRecord

if TYPE_CHECKING:
    from pandas import DataFrame

    from benchmark.storage.workspace import Workspace


class Format(StrEnum):
    """Forms of a board."""

    text = "text"
    latex = "latex"
    markdown = "markdown"
    csv = "csv"


def board(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="SCENARIO", help="Names of shipped scenarios, paths of .toml files; by default all."),
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="How to print them.")] = Format.text,
    models: ModelsOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show whole boards; without a SCENARIO all that have rows, and the summary over scenarios. Nothing is written.

    `bench make-board` makes boards, `bench leaderboard` writes their files. In csv and JSON all columns of all boards
    are one table, which has no summary: summary.csv is that.
    """
    from benchmark.storage.workspace import Workspace

    if models is not None and not names:
        raise BadUsage("--models came without a SCENARIO; name the scenario whose board of that size you want")
    workspace = Workspace.find(out)
    rows = _rows_of(workspace, names, models)
    if as_json:
        print_json(json.loads(rows.to_json(orient="records") or "[]"))
    elif form is Format.csv:
        sys.stdout.write(rows.to_csv(index=False, float_format="%.6g"))
    elif form is Format.text:
        _print(workspace, rows, with_summary=not names)
    else:
        sys.stdout.write(_tables_of(workspace, rows, form, with_summary=not names))


def merge(
    places: Annotated[
        list[Path],
        typer.Argument(metavar="FOLDER...", help="Folders of results, such as leaderboard/local of another clone."),
    ],
    out: OutOption = None,
) -> None:
    """Add the rows of other places to the boards here: all of them, or none where some cannot be compared.

    Evidence is carried by `bench evidence pack`, and reference pools by `bench pool export`.
    """
    from benchmark.leaderboard import merge_boards, rebuild
    from benchmark.storage.workspace import Workspace

    workspace = Workspace.find(out)
    new = merge_boards(workspace, places)
    rebuild(workspace, new)
    for label in sorted({card.label for card in new}):
        names = sorted(card.submission for card in new if card.label == label)
        terminal.print(f"{label}: {', '.join(names)}", highlight=False, soft_wrap=True)
    terminal.print(f"{len(new)} rows are new here; `bench leaderboard` draws the boards")


def _rows_of(workspace: "Workspace", names: list[str] | None, models: int | None) -> "DataFrame":
    """Return the rows of these scenarios, or all. Raises MissingRecord where a scenario has none."""
    import pandas as pd

    from benchmark.leaderboard import leaderboard, read_scorecards

    rows = leaderboard(read_scorecards(workspace))
    if not names:
        if rows.empty:
            raise MissingRecord(f"there are no rows in {workspace.results}; run `bench run NAME` first")
        return rows
    found = []
    for name in dict.fromkeys(names):
        scenario = read_scenario(name, models)
        found.append(rows.loc[rows["scenario_hash"] == scenario.hash])
        if found[-1].empty:
            raise MissingRecord(f"no entry has a row on {scenario.label}; run `bench run NAME --scenario {name}` first")
    return pd.concat(found, ignore_index=True)


def _print(workspace: "Workspace", rows: "DataFrame", *, with_summary: bool) -> None:
    from benchmark.leaderboard import boards, render

    for title, group in boards(rows):
        terminal.print(render(group, title))
    if with_summary:
        show_summary(workspace)


def _tables_of(workspace: "Workspace", rows: "DataFrame", form: Format, *, with_summary: bool) -> str:
    """Return the boards as tables in one text, behind them the summary where there is one."""
    from benchmark.leaderboard import boards, read_scorecards, summarise
    from benchmark.leaderboard.grids import board_grid, summary_grid
    from benchmark.leaderboard.writers import to_latex, to_markdown

    grids = [board_grid(group, title) for title, group in boards(rows)]
    if with_summary:
        summary = summarise(read_scorecards(workspace, warn=lambda _: None))  # what is wrong has been said by now
        grids += [] if isinstance(summary, str) else [summary_grid(summary)]
    return "\n".join(map(to_latex if form is Format.latex else to_markdown, grids))
