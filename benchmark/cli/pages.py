"""`bench page`: the results as a site that opens from a file; kept current by the commands that write boards."""

from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.options import DataOption, OutOption
from benchmark.cli.shared import err, out
from benchmark.errors import BadMachine

if TYPE_CHECKING:
    from pathlib import Path

    from pandas import DataFrame

    from benchmark.storage.workspace import Workspace


def page(
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    data_dir: DataOption = None,
    out_: OutOption = None,
) -> None:
    """Write the site: an index with every board, and a page per entry. It opens from a file and loads nothing else."""
    from benchmark.cli.terminal import progress_bars, warn
    from benchmark.leaderboard import leaderboard, read_scorecards
    from benchmark.site import build_site
    from benchmark.storage.workspace import Workspace

    workspace = Workspace.find(out_)
    cards = read_scorecards(workspace, warn(err))
    with progress_bars(err) as progress:
        index = build_site(workspace, cards, leaderboard(cards), progress)
    out.print(f"wrote {index}", highlight=False, soft_wrap=True)
    if open_it:
        _open(index)


def refresh_site(workspace: "Workspace", rows: "DataFrame") -> None:
    """Write the site anew from the leaderboard of all scorecards; a fault of ours there is noted and stops nothing."""
    from benchmark.cli.terminal import progress_bars
    from benchmark.faults import note_fault
    from benchmark.leaderboard import read_scorecards
    from benchmark.site import build_site

    cards = read_scorecards(workspace, warn=lambda _: None)  # what is wrong with a file has been said by now
    try:
        with progress_bars(err) as progress:
            build_site(workspace, cards, rows, progress)
    except Exception as error:
        note_fault(error, "writing the site", workspace.log("site", "page"))


def show_site(workspace: "Workspace") -> None:
    """Print where the site lies."""
    from benchmark.site import index_path

    out.print(f"{index_path(workspace)}: the same as pages; `bench page --open` shows them", style="dim")


def _open(index: "Path") -> None:
    """Show a file in the browser. Raises BadMachine where there is none."""
    import webbrowser

    if not webbrowser.open(index.as_uri()):
        raise BadMachine(f"no browser opened {index}; open that file in one yourself")
