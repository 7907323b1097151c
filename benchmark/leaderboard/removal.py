"""Takes a row of one's own off the board, with everything that was kept of it."""

import glob
import re
import shutil
from pathlib import Path

import pandas as pd

from benchmark.errors import BadRecord, MissingRecord
from benchmark.leaderboard.board import own_scorecards, rebuild, shipped_scorecards
from benchmark.leaderboard.plot_files import entry_plots
from benchmark.results.board_file import board_path, drop_line, has_card
from benchmark.results.scorecard import card_path
from benchmark.scenario.schema import Scenario
from benchmark.storage.block_store import BlockStore
from benchmark.storage.workspace import Workspace
from benchmark.submissions.files import is_name
from benchmark.text import did_you_mean, shown


def remove_entry(workspace: Workspace, scenario: Scenario, entry: str) -> tuple[list[str], pd.DataFrame]:
    """Remove an entry's scorecard, evidence, log and plots; return what was removed, and the board without it.

    Raises BenchError when there is nothing of the entry but, perhaps, a shipped row, and while a process runs it.
    """
    named = is_name(entry.removesuffix("+tuned"))
    found = _paths_of(workspace, scenario, entry) if named else []
    has_row = named and has_card(workspace.results, scenario.label, entry)
    if not found and not has_row:
        raise MissingRecord(_why_nothing(workspace, scenario, entry))
    if any(BlockStore(path, {}).is_locked() for path in found if path.is_dir()):
        raise BadRecord(
            f"{entry} on {scenario.label} is being run by another process, expected a row at rest; wait for it"
        )
    removed = [str(path) for path in found]
    gone = [card for card in own_scorecards(workspace) if (card.label, card.submission) == (scenario.label, entry)]
    if has_row and drop_line(workspace.results, scenario.label, entry):
        removed.append(f"the line of {entry} in {board_path(workspace.results, scenario.label)}")
    for path in found:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    return removed, rebuild(workspace, gone)


def _paths_of(workspace: Workspace, scenario: Scenario, entry: str) -> list[Path]:
    """Return all paths of an entry, of whatever version of its files."""
    folder, label = workspace.evidence / scenario.label, scenario.label
    versions = [path for path in folder.glob(f"{entry}-*") if re.fullmatch("[0-9a-f]+", path.name[len(entry) + 1 :])]
    lock = folder / f".{entry}.lock"
    log = workspace.log(label, entry)
    prints = log.parent.glob(f"{glob.escape(entry)}.run-*.log")  # of the first runs
    files = [card_path(workspace.results, label, entry), log, *prints, *entry_plots(workspace, label, entry), lock]
    return [path for path in [*files, *versions] if path.exists()]


def _why_nothing(workspace: Workspace, scenario: Scenario, entry: str) -> str:
    shipped = {card.submission for card in shipped_scorecards(workspace) if card.scenario_hash == scenario.hash}
    if entry in shipped:
        return (
            f"{entry} on {scenario.label} is a shipped row, expected one of your own; shipped rows are only read, and "
            "a run of your own takes its place"
        )
    own = [card.submission for card in own_scorecards(workspace) if card.scenario_hash == scenario.hash]
    return (
        f"there is no row {shown(entry)} of your own on {scenario.label}{did_you_mean(entry, own)}; "
        f"you have {', '.join(own) or 'none'}"
    )
