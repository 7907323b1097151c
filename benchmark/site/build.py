"""Writes the site from the scorecards that are on the disk."""

from collections.abc import Sequence
from pathlib import Path

from pandas import DataFrame

from benchmark.pages import render
from benchmark.results.scorecard import Scorecard
from benchmark.site.boards import Board, site_boards
from benchmark.site.entry_links import INDEX
from benchmark.site.index import index_context, index_data
from benchmark.storage.workspace import Workspace, write_atomically

_PACKAGE = "benchmark.site"
_INDEX_SCRIPTS = ("svg.js", "tabs.js", "table.js", "scatter.js", "chosen.js", "index.js")


def site_folder(workspace: Workspace) -> Path:
    """Return the folder of the site, below that of the results."""
    return workspace.results / "site"


def index_path(workspace: Workspace) -> Path:
    """Return the file that a browser opens."""
    return site_folder(workspace) / INDEX


def build_site(workspace: Workspace, cards: Sequence[Scorecard], rows: DataFrame) -> Path:
    """Write the index and a page per entry, remove pages of entries that are gone, and return the index.

    `rows`: the leaderboard of `cards`. The same records give the same bytes.
    """
    boards = site_boards(cards, rows)
    write_atomically(index_path(workspace), index_page(boards, cards))
    return index_path(workspace)


def index_page(boards: Sequence[Board], cards: Sequence[Scorecard]) -> bytes:
    """Return the page with every board."""
    return render(
        _PACKAGE,
        "index.html",
        styles=("site.css",),
        scripts=_INDEX_SCRIPTS,
        data=index_data(boards),
        **index_context(boards, cards),
    )
