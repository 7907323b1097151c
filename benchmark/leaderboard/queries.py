"""Boards from Python: a leaderboard as a DataFrame, two of its entries side by side."""

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import BadRecord, BadUsage, MissingRecord
from benchmark.metrics.report import Comparison
from benchmark.scenario.schema import Scenario, is_shipped, load_scenario

if TYPE_CHECKING:
    from pandas import DataFrame


def read_board(board: str | Path | None = None, *, models: int | None = None) -> "DataFrame":
    """Return a leaderboard as a pandas DataFrame: one row per entry, best first, as `bench leaderboard` shows it.

    Parameters
    ----------
    board : str or Path, optional
        A scenario's name or .toml file: its rows, shipped and your own. The path of a `leaderboard.csv`, or of a folder
        that holds one: what stands there. By default the shipped rows and your own, of all scenarios.
    models : int, optional
        N, where the board is of a scenario with another number of models than its own.

    Returns
    -------
    DataFrame
        Rank, entry, metrics with the ends of their intervals (`…_low`, `…_high`), costs and hashes. No rank crosses
        rows of different `scenario_hash` or `scorer_version`.

    Raises
    ------
    BenchError
        If there is no such scenario or file, the file is no board, or no folder `submissions` lies in the current
        folder or above it.

    Examples
    --------
    In the repository:

    >>> board = read_board("digits")
    >>> board.loc[board["control"], "submission"].tolist()
    ['retrain', 'identity']
    """
    if board is not None and not isinstance(board, str | Path):
        raise BadUsage(f"a board of type {type(board).__name__} came, expected a scenario's name or a path")
    if models is not None and (board is None or _is_board_path(board)):
        raise BadUsage("models came without a scenario; name the scenario whose board of that size you want")
    if board is not None and _is_board_path(board):
        return _read_csv(Path(board))
    from benchmark.leaderboard import leaderboard, read_scorecards
    from benchmark.storage.workspace import Workspace

    chosen = None if board is None else _scenario(board, models)
    rows = leaderboard(read_scorecards(Workspace.find()))
    return rows if chosen is None else rows.loc[rows["scenario_hash"] == chosen.hash].reset_index(drop=True)


def compare(
    first: str, second: str, scenario: str | Path = "digits", *, models: int | None = None, out: Path | None = None
) -> Comparison:
    """Return the difference of every metric of two entries, with intervals and a sentence of verdict.

    Parameters
    ----------
    first, second : str
        Entries as the board calls them, shipped or your own.
    scenario : str or Path
        A scenario's name, or the path of a .toml file.
    models : int, optional
        N, instead of the scenario's own.
    out : Path, optional
        The folder of your results; by default `leaderboard/local`.

    Returns
    -------
    Comparison
        `rows` and `verdict`. Prints as `bench compare` does; `to_frame()` gives a DataFrame.

    Raises
    ------
    BenchError
        If there is no such scenario, or an entry has not been scored on it.

    Examples
    --------
    In the repository:

    >>> comparison = compare("retrain", "identity", "digits")
    >>> comparison.verdict.split(":")[0]
    'retrain closes more of the gap than identity, for this pair alone'
    """
    from benchmark.leaderboard import compare as compare_scorecards
    from benchmark.leaderboard import find_scorecard, read_scorecards
    from benchmark.storage.workspace import Workspace

    workspace, chosen = Workspace.find(out), _scenario(scenario, models)
    one, other = (find_scorecard(workspace, chosen, name) for name in (first, second))
    cards = read_scorecards(workspace, warn=lambda _: None)  # what is wrong with a file has been said by now
    rows, verdict = compare_scorecards(one, other, cards)
    return Comparison(first, second, chosen.label, rows, verdict)


def _is_board_path(board: str | Path) -> bool:
    path = Path(board)
    if path.suffix == ".toml" or is_shipped(str(board)):
        return False
    return isinstance(board, Path) or path.suffix == ".csv" or len(path.parts) > 1 or path.is_dir()


def _read_csv(path: Path) -> "DataFrame":
    import pandas as pd

    file = path / "leaderboard.csv" if path.is_dir() else path
    if not file.is_file():
        raise MissingRecord(f"there is no board {file}; give a scenario's name or the path of a leaderboard.csv")
    try:
        # An entry may be called NA: only an empty cell is missing.
        rows = pd.read_csv(
            file,
            dtype={"rank": "Int64", "scorer_version": str},
            keep_default_na=False,
            na_values=[""],
            low_memory=False,
        )
    except (OSError, ValueError) as error:
        raise BadRecord(f"{file} could not be read as a board: {error}; expected a leaderboard.csv") from None
    if missing := {"rank", "submission", "scenario"} - set(rows.columns):
        raise BadRecord(f"{file} has no column {', '.join(sorted(missing))}; expected a leaderboard.csv")
    return rows


def _scenario(name: str | Path, models: int | None) -> Scenario:
    loaded = load_scenario(name)
    return loaded if models is None else loaded.with_models(models)
